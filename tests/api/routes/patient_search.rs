//! The search for patients.

use std::slice;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::support::{
    Answer, TestApp,
    callers::{self, token},
    records::id,
};

/// Creates a patient and returns the id.
pub async fn patient(app: &TestApp, patient: Value) -> String {
    id(&app.post("/v1/patients").json(&patient).send().await.expect(201))
}

pub async fn named(app: &TestApp, family: &str, given: &str) -> String {
    patient(app, json!({ "name": { "family": family, "given": [given] } })).await
}

async fn search(app: &TestApp, query: &[(&str, &str)]) -> Answer {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    app.get(&format!("/v1/patients?{query}")).send().await
}

/// Searches and returns the page.
async fn page(app: &TestApp, query: &[(&str, &str)]) -> Value {
    search(app, query).await.expect(200).json()
}

/// Searches and returns the ids of the patients, and how well they match.
pub async fn found(app: &TestApp, query: &[(&str, &str)]) -> Vec<(String, String)> {
    let page = page(app, query).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| (text(&item["id"]), text(&item["match"]))).collect()
}

pub async fn ids(app: &TestApp, query: &[(&str, &str)]) -> Vec<String> {
    found(app, query).await.into_iter().map(|(id, _)| id).collect()
}

#[tokio::test]
async fn words_match_beginnings_in_any_order() {
    let app = TestApp::spawn().await;
    let ida = named(&app, "Müller-Lüdenscheidt", "Ida").await;
    let jean = named(&app, "O'Brien", "Jean-Luc").await;
    for name in [
        "ida",
        "id",
        "müller",
        "mueller",
        "MULLER",
        "mull",
        "lüdenscheidt",
        "ludensch",
        "ida müller",
        "müller ida",
        "i muller",
        "müller-lüdenscheidt",
        "  Ida,  Mu ",
    ] {
        assert_eq!(ids(&app, &[("name", name)]).await, slice::from_ref(&ida), "{name}");
    }
    for name in [
        "jean",
        "luc",
        "jeanluc",
        "jean-luc",
        "Jean Luc",
        "o'brien",
        "o’brien",
        "obrien",
        "brien",
        "o brien",
    ] {
        assert_eq!(ids(&app, &[("name", name)]).await, slice::from_ref(&jean), "{name}");
    }
    for name in ["ida obrien", "denscheidt", "xu"] {
        assert_eq!(ids(&app, &[("name", name)]).await, [""; 0], "{name}");
    }
}

#[tokio::test]
async fn exact_matches_come_first_then_beginnings_by_name() {
    let app = TestApp::spawn().await;
    let annabel = named(&app, "Zeller", "Annabel").await;
    let anna = named(&app, "Zeller", "Anna").await;
    let annette = named(&app, "Adler", "Annette").await;
    let expected = [(&anna, "exact"), (&annabel, "prefix")];
    let expected = expected.map(|(id, kind)| (id.clone(), kind.to_owned()));
    assert_eq!(found(&app, &[("name", "anna")]).await, expected);
    assert_eq!(ids(&app, &[("name", "ann")]).await, [annette, anna, annabel], "by name");
}

#[tokio::test]
async fn two_swapped_letters_and_names_that_sound_alike_are_found_if_nothing_else_is() {
    let app = TestApp::spawn().await;
    let catherine = named(&app, "Smith", "Catherine").await;
    for (name, kind) in [
        ("catherine", "exact"),
        ("cathreine", "transposed"),
        ("smith cathreine", "transposed"),
        ("msith catherine", "transposed"),
        ("katharin", "phonetic"),
        ("katharin smyth", "phonetic"),
    ] {
        let expected = [(catherine.clone(), kind.to_owned())];
        assert_eq!(found(&app, &[("name", name)]).await, expected, "{name}");
    }
    assert_eq!(ids(&app, &[("name", "msith acthreine")]).await, [""; 0], "two transpositions");
    let katharin = named(&app, "Jones", "Katharin").await;
    assert_eq!(ids(&app, &[("name", "katharin")]).await, [katharin], "as it is spelled");
}

#[tokio::test]
async fn all_parts_of_a_search_must_match() {
    let app = TestApp::spawn().await;
    let full = json!({
        "name": { "family": "Example", "given": ["Ida"] }, "gender": "female", "mrn": "A-1",
        "birth_date": "1984-02-29", "phones": [{ "value": "+41795551234" }, { "value": "+41445550000", "use": "work" }],
        "email": "Ida@Example.org", "identifiers": [{ "system": "urn:oid:1.2.3", "value": "756 1" }],
    });
    let ida = patient(&app, full).await;
    patient(
        &app,
        json!({ "name": { "family": "Example", "given": ["Max"] }, "birth_date": "1984-03" }),
    )
    .await;
    for query in [
        &[("birth_date", "1984-02-29")][..],
        &[("birth_date", "1984-02")],
        &[("birth_date", "1984"), ("name", "ida")],
        &[("birth_date", "1984-02"), ("name", "i")],
        &[("birth_date", " 1984-02 "), ("name", " ida ")],
        &[("phone", "+41 79 555 12 34")],
        &[("phone", "079 555 12 34")],
        &[("phone", "5551234")],
        &[("phone", "0041445550000")],
        &[("email", "ida@example.ORG")],
        &[("email", " ida@example.org\u{a0}")],
        &[("mrn", "A-1")],
        &[("mrn", " A-1 ")],
        &[("identifier", "urn:oid:1.2.3|756 1")],
        &[("identifier", " urn:oid:1.2.3 | 756 1 ")],
        &[
            ("identifier", "urn:oid:1.2.3|756 1"),
            ("mrn", "A-1"),
            ("name", "exam"),
            ("phone", "5551234"),
            ("email", "ida@example.org"),
            ("birth_date", "1984"),
        ],
    ] {
        assert_eq!(ids(&app, query).await, slice::from_ref(&ida), "{query:?}");
    }
    for query in [
        &[("birth_date", "1984-02-28")][..],
        &[("birth_date", "1985"), ("name", "ida")],
        &[("phone", "+42 79 555 12 34")],
        &[("email", "ida@example.com")],
        &[("mrn", "a-1")],
        &[("identifier", "urn:oid:1.2.3|7561")],
        &[("identifier", "urn:oid:1.2.3|756 1"), ("name", "max")],
        &[("mrn", "A-1"), ("birth_date", "1983")],
    ] {
        assert_eq!(ids(&app, query).await, [""; 0], "{query:?}");
    }
    assert_eq!(ids(&app, &[("birth_date", "1984")]).await.len(), 2, "a month lies within its year");
    assert_eq!(
        ids(&app, &[("birth_date", "1984-03-01")]).await.len(),
        0,
        "a month is more than a day"
    );
    let page = page(&app, &[("mrn", "A-1")]).await;
    let item = &page["items"][0];
    assert_eq!(item["phones"], json!(["+41795551234", "+41445550000"]));
    assert_eq!((&item["gender"], &item["mrn"]), (&json!("female"), &json!("A-1")));
    assert_eq!(page["more_specific"], false);
}

#[tokio::test]
async fn the_next_search_finds_what_a_write_left() {
    let app = TestApp::spawn().await;
    let made = app
        .post("/v1/patients")
        .json(&json!({ "name": "Ida Example", "birth_date": "1984-02-29", "mrn": "A-1" }));
    let path = made.send().await.expect(201).location();
    let id = path.rsplit('/').next().unwrap().to_owned();
    let patch = async |patch: Value| app.patch(&path).json(&patch).send().await.expect(200);
    patch(
        json!({ "name": "Ida Specimen", "birth_date": "1985-01-01", "email": "ida@example.org" }),
    )
    .await;
    app.check_search().await;
    assert_eq!(ids(&app, &[("name", "example")]).await, [""; 0]);
    assert_eq!(
        ids(&app, &[("name", "specimen"), ("birth_date", "1985")]).await,
        slice::from_ref(&id)
    );
    patch(json!({ "notes": "not shown" })).await;
    patch(json!({ "phones": [{ "value": "+41795551234" }], "birth_date": null, "mrn": null }))
        .await;
    assert_eq!(ids(&app, &[("phone", "795551234")]).await, slice::from_ref(&id));
    assert_eq!(ids(&app, &[("birth_date", "1985")]).await, [""; 0]);
    assert_eq!(ids(&app, &[("mrn", "A-1")]).await, [""; 0]);
    patch(json!({ "active": false })).await;
    assert_eq!(ids(&app, &[("name", "ida")]).await, [""; 0], "inactive");
    assert_eq!(ids(&app, &[("name", "ida"), ("include_inactive", "true")]).await, [id]);
    app.check_search().await;
    app.delete(&path).send().await.expect(204);
    assert_eq!(app.check_search().await, 0, "nothing is left");
    assert!(app.all_items().await.is_empty());
}

#[tokio::test]
async fn no_key_and_no_readable_attribute_of_search_items_holds_patient_data() {
    let app = TestApp::spawn().await;
    let body = json!({
        "name": { "family": "Canaryfamily", "given": ["Canarygiven"] }, "mrn": "CANARYMRN", "birth_date": "1931-07-09",
        "phones": [{ "value": "+41700009999" }], "email": "canarymail@example.org",
        "identifiers": [{ "system": "urn:canary", "value": "canaryvalue" }],
    });
    app.post("/v1/patients").json(&body).idempotent("1").send().await.expect(201);
    let mut checked = 0;
    for item in app.all_items().await {
        let is_patient = item["type"].as_s().unwrap() == "patient";
        for (name, value) in &item {
            let is_own =
                is_patient && !["PK", "SK", "GSI1PK", "GSI1SK", "search"].contains(&name.as_str());
            let text = match value {
                AttributeValue::B(bytes) => String::from_utf8_lossy(bytes.as_ref()).to_lowercase(),
                other => format!("{other:?}").to_lowercase(),
            };
            let shown = ["canary", "1931-07", "70000999"].iter().any(|it| text.contains(it));
            assert!(is_own || !shown, "{name}: {text}");
            checked += 1;
        }
    }
    assert!(checked > 60, "{checked}");
}

#[tokio::test]
async fn identifiers_are_unique_in_their_organisation() {
    let app = TestApp::spawn().await;
    let with = |identifiers: Value| json!({ "name": "Ida", "identifiers": identifiers });
    let one = json!({ "system": "urn:a", "value": "1" });
    let two = json!({ "system": "urn:a", "value": "2" });
    let post = async |app: &TestApp, body: &Value| app.post("/v1/patients").json(body).send().await;
    let path = post(&app, &with(json!([two, one]))).await.expect(201).location();
    let taken = post(&app, &with(json!([{ "system": "urn:b", "value": "1" }, one]))).await;
    let problem = taken.problem(409, "identifier_taken");
    assert_eq!(problem["errors"][0]["pointer"], "/identifiers/1");
    post(&app.in_org("ORG-OTHER"), &with(json!([one]))).await.expect(201);
    // A patch moves them in one transaction.
    let patch = json!({ "identifiers": [two, { "system": "urn:a", "value": "3" }] });
    app.patch(&path).json(&patch).send().await.expect(200);
    let other = post(&app, &with(json!([one]))).await.expect(201).location();
    let patch = json!({ "identifiers": [one, two] });
    let refused = app.patch(&other).json(&patch).send().await.problem(409, "identifier_taken");
    assert_eq!(refused["errors"][0]["pointer"], "/identifiers/1");
    app.check_search().await;
}

#[tokio::test]
async fn pages_continue_where_they_ended() {
    let app = TestApp::spawn().await;
    let mut all = Vec::new();
    for given in ["Ada", "Ben", "Cleo", "Dora", "Emil", "Fay", "Gus"] {
        all.push(named(&app, "Example", given).await);
    }
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("name", "exam"), ("limit", "3")];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page = page(&app, &query).await;
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(seen, all, "by name");
    let cursor = page(&app, &[("name", "exam"), ("limit", "1")]).await["next_cursor"].clone();
    let other = [("name", "example"), ("cursor", cursor.as_str().unwrap())];
    search(&app, &other).await.problem(400, "invalid_cursor");
}

#[tokio::test]
async fn an_invalid_search_names_its_parameter() {
    let app = TestApp::spawn().await;
    let long = "x".repeat(201);
    for (query, parameter) in [
        (&[][..], "name"),
        (&[("include_inactive", "true")], "name"),
        (&[("name", "-")], "name"),
        (&[("name", "")], "name"),
        (&[("name", &long)], "name"),
        (&[("name", "a b c d e f g h i j k")], "name"),
        (&[("birth_date", "1984-13")], "birth_date"),
        (&[("phone", "12345")], "phone"),
        (&[("phone", "tel5551234")], "phone"),
        (&[("phone", "555                                  1234")], "phone"),
        (&[("phone", "+41 (0)55 512")], "phone"),
        (&[("email", "")], "email"),
        (&[("identifier", "756")], "identifier"),
        (&[("identifier", "|756")], "identifier"),
        (&[("identifier", " | 756")], "identifier"),
        (&[("mrn", "a#b")], "mrn"),
        (&[("mrn", "")], "mrn"),
        (&[("mrn", "1"), ("mrn", "2")], "mrn"),
        (&[("name", "ida"), ("consistent", "true")], "consistent"),
        (&[("name", "ida"), ("limit", "101")], "limit"),
    ] {
        let problem = search(&app, query).await.problem(400, "invalid_parameter");
        assert_eq!(problem["errors"][0]["parameter"], parameter, "{query:?}");
    }
}

#[tokio::test]
async fn another_organisation_finds_nothing() {
    let app = TestApp::spawn().await;
    let ida = named(&app, "Example", "Ida").await;
    assert_eq!(ids(&app.in_org("ORG-OTHER"), &[("name", "example")]).await, [""; 0]);
    let caller = token(&callers::patient(&ida));
    let refused = search(&app.with_bearer(caller), &[("name", "example")]).await;
    refused.problem(403, "forbidden");
}

/// Such a name must neither cost much nor make a long cursor.
#[tokio::test]
async fn a_name_of_many_joined_letters_is_one_like_others() {
    let app = TestApp::spawn().await;
    let joined = |first: char| {
        (0..48)
            .map(|at| char::from_u32(first as u32 + at).unwrap())
            .map(String::from)
            .collect::<Vec<_>>()
            .join("-")
    };
    let name = json!({ "family": format!("Zz-{}", joined('\u{20000}')), "given": [joined('\u{20100}'), joined('\u{20200}')] });
    for _ in 0..2 {
        patient(&app, json!({ "name": name })).await;
    }
    let page = page(&app, &[("name", "zz"), ("limit", "1")]).await;
    let cursor = page["next_cursor"].as_str().unwrap();
    assert!(cursor.len() < 1_000, "{}", cursor.len());
    assert_eq!(ids(&app, &[("name", "zz"), ("limit", "1"), ("cursor", cursor)]).await.len(), 1);
}

#[tokio::test]
async fn all_pages_of_a_search_have_matches_of_one_group() {
    let app = TestApp::spawn().await;
    for given in ["P", "Q", "R"] {
        named(&app, "Meyer", given).await;
    }
    let first = page(&app, &[("name", "maier"), ("limit", "2")]).await;
    assert_eq!(first["items"][0]["match"], "phonetic");
    named(&app, "Maier", "New").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = found(&app, &[("name", "maier"), ("limit", "2"), ("cursor", cursor)]).await;
    assert_eq!((rest.len(), rest[0].1.as_str()), (1, "phonetic"));
}

#[tokio::test]
async fn any_spelling_of_a_patient_born_on_the_day_is_compared() {
    let app = TestApp::spawn().await;
    let given = ["Pedro", "Henrique", "Augusto", "Francisco", "Cristina", "Antonio"];
    let name = json!({ "family": "Souza-Oliveira", "given": given });
    let long = patient(&app, json!({ "name": name, "birth_date": "1984-02-29" })).await;
    for name in ["pedro", "souza pedro", "pedor"] {
        let query = [("name", name), ("birth_date", "1984-02-29")];
        assert_eq!(ids(&app, &query).await, slice::from_ref(&long), "{name}");
    }
}

#[tokio::test]
async fn invisible_characters_make_no_difference_and_no_name() {
    let app = TestApp::spawn().await;
    let ida = named(&app, "Mu\u{200b}ster", "Ida").await;
    assert_eq!(ids(&app, &[("name", "muster")]).await, [ida]);
    let body = json!({ "name": { "family": "\u{200b}\u{ad}" } });
    let refused = app.post("/v1/patients").json(&body).send().await;
    assert_eq!(refused.invalid_fields(), ["/name/family"]);
}
