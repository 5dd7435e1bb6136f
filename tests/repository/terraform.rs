//! Terraform creates the same table as `clinic-api table create`.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{KeySchemaElement, KeyType};
use clinic_api::{store::Store, worker::dead_letter::BECAME_DEAD_LETTER};
use hcl::{Block, Body, Expression};

use crate::support::TestApp;

const MAIN: &str = include_str!("../../migrations-terraform/modules/table/main.tf");
const VARIABLES: &str = include_str!("../../migrations-terraform/modules/table/variables.tf");

/// The properties of the table that both define.
#[derive(Debug, Clone, PartialEq)]
struct Table {
    hash_key: String,
    range_key: String,
    attributes: BTreeMap<String, String>,
    indexes: Vec<Index>,
    ttl: Option<String>,
    stream: Option<String>,
    billing: String,
}

#[derive(Debug, Clone, PartialEq)]
struct Index {
    name: String,
    hash_key: String,
    range_key: String,
    projection: String,
}

fn literal(body: &Body, name: &str) -> Option<Expression> {
    let attribute = body.attributes().find(|attribute| attribute.key() == name);
    attribute.map(|attribute| attribute.expr().clone())
}

fn text(body: &Body, name: &str) -> String {
    match literal(body, name) {
        Some(Expression::String(text)) => text,
        other => panic!("{name} is no literal text: {other:?}"),
    }
}

fn flag(body: &Body, name: &str) -> bool {
    match literal(body, name) {
        Some(Expression::Bool(flag)) => flag,
        other => panic!("{name} is no literal flag: {other:?}"),
    }
}

fn blocks<'a>(body: &'a Body, name: &'a str) -> impl Iterator<Item = &'a Block> {
    body.blocks().filter(move |block| block.identifier() == name)
}

fn labelled<'a>(body: &'a Body, name: &'a str, labels: &[&str]) -> &'a Body {
    let found = blocks(body, name).find(|block| {
        block.labels().iter().map(hcl::BlockLabel::as_str).eq(labels.iter().copied())
    });
    found.unwrap_or_else(|| panic!("no {name} {labels:?}")).body()
}

fn of_terraform(main: &str, variables: &str) -> Table {
    let main = hcl::parse(main).unwrap();
    let variables = hcl::parse(variables).unwrap();
    let table = labelled(&main, "resource", &["aws_dynamodb_table", "this"]);
    let billing = literal(table, "billing_mode").unwrap().to_string();
    let billing =
        billing.strip_prefix("${").and_then(|it| it.strip_suffix('}')).unwrap_or(&billing);
    let billing = billing.strip_prefix("var.").expect("the billing mode is a variable's");
    let index = |index: &Block| {
        let key = |kind: &str| {
            let keys = blocks(index.body(), "key_schema");
            let mut keys = keys.filter(|key| text(key.body(), "key_type") == kind);
            let name = text(keys.next().unwrap().body(), "attribute_name");
            assert!(keys.next().is_none(), "one {kind} key");
            name
        };
        Index {
            name: text(index.body(), "name"),
            hash_key: key("HASH"),
            range_key: key("RANGE"),
            projection: text(index.body(), "projection_type"),
        }
    };
    let ttl = blocks(table, "ttl").find(|ttl| flag(ttl.body(), "enabled"));
    Table {
        hash_key: text(table, "hash_key"),
        range_key: text(table, "range_key"),
        attributes: blocks(table, "attribute")
            .map(|attribute| (text(attribute.body(), "name"), text(attribute.body(), "type")))
            .collect(),
        indexes: blocks(table, "global_secondary_index").map(index).collect(),
        ttl: ttl.map(|ttl| text(ttl.body(), "attribute_name")),
        stream: flag(table, "stream_enabled").then(|| text(table, "stream_view_type")),
        billing: text(labelled(&variables, "variable", &[billing]), "default"),
    }
}

fn key(schema: &[KeySchemaElement], kind: &KeyType) -> String {
    schema.iter().find(|key| key.key_type == *kind).unwrap().attribute_name.clone()
}

async fn of_database(store: &Store) -> Table {
    let described = store.client().describe_table().table_name(store.table()).send().await;
    let table = described.unwrap().table.unwrap();
    let ttl = store.client().describe_time_to_live().table_name(store.table()).send().await;
    let stream = table.stream_specification().filter(|stream| stream.stream_enabled);
    Table {
        hash_key: key(table.key_schema(), &KeyType::Hash),
        range_key: key(table.key_schema(), &KeyType::Range),
        attributes: table
            .attribute_definitions()
            .iter()
            .map(|it| (it.attribute_name.clone(), it.attribute_type.to_string()))
            .collect(),
        indexes: table
            .global_secondary_indexes()
            .iter()
            .map(|index| Index {
                name: index.index_name().unwrap().to_owned(),
                hash_key: key(index.key_schema(), &KeyType::Hash),
                range_key: key(index.key_schema(), &KeyType::Range),
                projection: index.projection().unwrap().projection_type().unwrap().to_string(),
            })
            .collect(),
        ttl: ttl.unwrap().time_to_live_description.unwrap().attribute_name,
        stream: stream.map(|stream| stream.stream_view_type().unwrap().to_string()),
        billing: table.billing_mode_summary().unwrap().billing_mode().unwrap().to_string(),
    }
}

#[tokio::test]
async fn terraform_makes_the_table_that_the_command_makes() {
    let app = TestApp::spawn().await;
    assert_eq!(of_terraform(MAIN, VARIABLES), of_database(&app.store).await);
}

/// The comparison notices every property: each of these changes makes another table.
#[test]
fn every_difference_is_seen() {
    let same = of_terraform(MAIN, VARIABLES);
    for (from, to) in [
        ("hash_key  = \"PK\"", "hash_key  = \"Pk\""),
        ("range_key = \"SK\"", "range_key = \"Sk\""),
        ("type = \"S\"", "type = \"N\""),
        ("name            = \"GSI1\"", "name            = \"GSI2\""),
        ("attribute_name = \"GSI1PK\"", "attribute_name = \"PK\""),
        ("projection_type = \"ALL\"", "projection_type = \"KEYS_ONLY\""),
        ("attribute_name = \"expires_at\"", "attribute_name = \"ttl\""),
        ("enabled        = true", "enabled        = false"),
        ("stream_enabled   = true", "stream_enabled   = false"),
        ("\"NEW_AND_OLD_IMAGES\"", "\"KEYS_ONLY\""),
    ] {
        let other = MAIN.replacen(from, to, 1);
        assert_ne!(other, MAIN, "{from} is not there");
        assert_ne!(of_terraform(&other, VARIABLES), same, "{from}");
    }
    let provisioned = VARIABLES.replacen("\"PAY_PER_REQUEST\"\n", "\"PROVISIONED\"\n", 1);
    assert_ne!(of_terraform(MAIN, &provisioned), same);
}

const POLICIES: [&str; 4] = [
    include_str!("../../migrations-terraform/modules/iam/documents.tf"),
    include_str!("../../migrations-terraform/modules/iam/service.tf"),
    include_str!("../../migrations-terraform/modules/iam/stream.tf"),
    include_str!("../../migrations-terraform/modules/iam/backfill.tf"),
];
const TRAIL_STAYS: &str = "audit_is_append_only";

fn list(body: &Body, name: &str) -> Vec<String> {
    match literal(body, name) {
        Some(Expression::Array(values)) => values.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

/// The policies that allow changing or deleting items, and do not deny it for both logs.
fn policies_over_the_trail(files: &[String]) -> Vec<String> {
    let bodies: Vec<_> = files.iter().map(|file| hcl::parse(file).unwrap()).collect();
    let mut policies = BTreeMap::new();
    for block in bodies.iter().flat_map(|body| blocks(body, "data")) {
        let labels: Vec<_> = block.labels().iter().map(hcl::BlockLabel::as_str).collect();
        if let ["aws_iam_policy_document", name] = labels[..] {
            policies.insert(name.to_owned(), block.body());
        }
    }
    let includes = |name: &str| {
        let mut waiting = vec![name.to_owned()];
        let mut found = Vec::new();
        while let Some(name) = waiting.pop() {
            let sources = list(policies[&name], "source_policy_documents");
            let of_source = |source: String| source.split('.').nth(2).unwrap().to_owned();
            waiting.extend(sources.into_iter().map(of_source));
            found.push(name);
        }
        found
    };
    let writes = |statement: &&Block| {
        let denies = literal(statement.body(), "effect").is_some();
        let actions = list(statement.body(), "actions");
        let over = ["UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQL", "dynamodb:*"];
        !denies && actions.iter().any(|action| over.iter().any(|over| action.contains(over)))
    };
    let reached = policies.keys().filter(|name| {
        let parts = includes(name);
        let writes =
            parts.iter().any(|part| blocks(policies[part], "statement").any(|it| writes(&it)));
        writes && !parts.iter().any(|part| part == TRAIL_STAYS)
    });
    reached.cloned().collect()
}

#[test]
fn no_role_may_change_or_delete_the_trail() {
    let files: Vec<_> = POLICIES.iter().map(|file| (*file).to_owned()).collect();
    assert_eq!(policies_over_the_trail(&files), Vec::<String>::new());
    let without = |file: &String| {
        let line = format!("    data.aws_iam_policy_document.{TRAIL_STAYS}.json,\n");
        file.replace(&line, "")
    };
    let open: Vec<_> = files.iter().map(without).collect();
    assert_eq!(policies_over_the_trail(&open), ["backfill", "consume_stream", "service", "worker"]);
    let documents = hcl::parse(POLICIES[0]).unwrap();
    let deny = labelled(&documents, "data", &["aws_iam_policy_document", TRAIL_STAYS]);
    let deny = blocks(deny, "statement").next().unwrap().body();
    assert_eq!(text(deny, "effect"), "Deny");
    let actions = list(deny, "actions");
    for action in ["UpdateItem", "DeleteItem", "PartiQLUpdate", "PartiQLDelete"] {
        assert!(
            actions.iter().any(|denied| denied.contains(&format!("dynamodb:{action}"))),
            "{action}"
        );
    }
    let condition = blocks(deny, "condition").next().unwrap().body();
    assert_eq!(text(condition, "variable"), "dynamodb:LeadingKeys");
    assert!(POLICIES[0].contains("audit_items       = [\"AUDIT#*\", \"ACCESS#*\"]"));
}

/// Changes that the function on AWS Lambda cannot process are only in its log, which an alarm watches.
#[test]
fn the_alarm_on_unprocessable_changes_looks_for_what_is_logged() {
    let module = include_str!("../../migrations-terraform/modules/stream-consumer/main.tf");
    let module = hcl::parse(module).unwrap();
    let filter =
        labelled(&module, "resource", &["aws_cloudwatch_log_metric_filter", "unprocessable"]);
    let expected = format!("{{ $.message = \"{BECAME_DEAD_LETTER}\" }}");
    assert_eq!(text(filter, "pattern"), expected);
}
