//! The command line of the program.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use aws_sdk_dynamodb::types::ReturnValue;
use clap::Arg;
use clinic_api::{
    config::Cli,
    store::{
        Store,
        attributes::{number, string},
        embedded::Engine,
        expression::Condition,
        format::FORMAT,
        keys,
        write::Write,
    },
};
use serde_json::{Value, json};

use crate::support::{
    eventually,
    process::{RemoteTable, Running, http_client, program, send_as, text},
    write_context,
};

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_without_settings_and_says_where_everything_is() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &[]);
    let greeting = running.greeting.join("\n");
    assert!(greeting.contains(&format!("{}/docs/", running.base)), "{greeting}");
    assert!(greeting.contains("data/clinic.db"), "{greeting}");
    for file in ["clinic.db", "clinic.db-wal", "clinic.db.lock", "clinic.db.secret-key"] {
        let mode =
            std::fs::metadata(folder.path().join("data").join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file} is for nobody else to read");
    }
    std::os::unix::fs::symlink("data/clinic.db", folder.path().join("link.db")).unwrap();
    let second = ["--store", "file:link.db", "--listen", "127.0.0.1:0"];
    let second = program(folder.path()).args(second).output().unwrap();
    assert!(text(&second).contains("in use by another clinic-api process"), "{}", text(&second));
    assert_eq!(running.send("GET", "/readyz", None).await.0, 200);
    let healthcheck = ["healthcheck", "--listen", running.address()];
    let healthy = program(folder.path()).args(healthcheck).output().unwrap();
    assert!(healthy.status.success(), "{}", text(&healthy));
    let live = ["healthcheck", "--live", "--listen", running.address()];
    let live = program(folder.path()).args(live).output().unwrap();
    assert!(text(&live).contains("/livez: 200"), "{}", text(&live));
    let unhealthy =
        program(folder.path()).args(["healthcheck", "--listen", "127.0.0.1:9"]).output().unwrap();
    assert!(!unhealthy.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_folder_is_told_where_it_was_made_and_where_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = program(folder.path());
    serve.env_remove("CLINIC_API_DEVELOPMENT_ISSUER").args(["serve", "--listen", "127.0.0.1:0"]);
    let running = Running::launch(&mut serve, 5);
    let token = |folder: &Path, arguments: &[&str]| {
        let mut token = program(folder);
        token.env_remove("CLINIC_API_DEVELOPMENT_ISSUER").arg("token").args(arguments);
        let made = token.output().unwrap();
        let [token, said] = [made.stdout, made.stderr].map(|text| String::from_utf8(text).unwrap());
        (token.trim().to_owned(), said)
    };
    let ask = async |token: &str| {
        let uri = format!("{}/v1/clinics", running.base);
        let asked = send_as(&http_client(), token, &uri, "GET", None, None).await;
        let (status, answer) = asked.unwrap();
        (status, answer["detail"].to_string())
    };
    let elsewhere = tempfile::tempdir().unwrap();
    let (stray, said) = token(elsewhere.path(), &["--role", "admin"]);
    let key = elsewhere.path().canonicalize().unwrap().join("data/development-issuer/key.pem");
    assert!(said.contains(&format!("created a new key, {}", key.display())), "{said}");
    let (status, detail) = ask(&stray).await;
    assert_eq!(status, 401);
    assert!(detail.contains("key of another folder") && detail.contains("--development-issuer"));
    assert_eq!(token(elsewhere.path(), &["--role", "admin"]).1, "", "it is not new any more");
    // The command in the greeting prints a token that is accepted, in any folder.
    let command = running.greeting[4].strip_prefix("  Tokens      ").unwrap();
    let made = Command::new("sh").args(["-c", command]).current_dir(elsewhere.path()).output();
    let made = made.unwrap();
    let good = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    assert_eq!((ask(&good).await.0, made.stderr.as_slice()), (200, &b""[..]));
    let (status, detail) = ask(&format!("Bearer {good}")).await;
    assert_eq!(status, 401);
    assert!(detail.contains("Bearer twice"), "{detail}");
    let patient = token(elsewhere.path(), &["--role", "patient"]).1;
    assert!(patient.contains("--patient") && patient.contains("PAT-"), "{patient}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_another_format_is_refused_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let table = RemoteTable::missing().await;
    table.create(folder.path());
    let store = Store::new(table.client(), table.name.clone());
    assert_eq!(store.format().await.unwrap(), Some(FORMAT));
    let set = async |format: Option<u32>| {
        let key = [("PK", "TABLE"), ("SK", "FORMAT")].map(|(name, key)| (name, string(key)));
        let mut deletion = table.client().delete_item().table_name(&table.name);
        for (name, key) in key.clone() {
            deletion = deletion.key(name, key);
        }
        let old = deletion.return_values(ReturnValue::AllOld).send().await.unwrap().attributes;
        if let (Some(format), Some(mut item)) = (format, old) {
            item.insert("format".to_owned(), number(u64::from(format)));
            let put = table.client().put_item().table_name(&table.name);
            put.set_item(Some(item)).send().await.unwrap();
        }
    };
    set(Some(FORMAT + 1)).await;
    let refusal = format!("have format {}, and this version needs {FORMAT}: run", FORMAT + 1);
    for command in ["serve", "worker", "table verify --repair", "table backfill"] {
        let command = command.split(' ');
        let refused = table.program(folder.path()).args(command).output().unwrap();
        assert!(!refused.status.success());
        assert!(text(&refused).contains(&refusal), "{}", text(&refused));
    }
    let checked = table.program(folder.path()).args(["table", "check"]).output().unwrap();
    assert!(!checked.status.success() && text(&checked).contains("format of the items"));
    // A table that Terraform created gets the format from the first process that starts on it.
    set(None).await;
    let mut first = table.program(folder.path());
    first.args(["worker", "--log-format", "json"]);
    let mut first = first.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually("the format", async || store.format().await.unwrap()).await;
    // A table whose stream was read and that has no format is from an earlier version.
    let lease = async || store.get_item(&keys::lease("stream"), true).await.unwrap();
    eventually("the lease", lease).await;
    first.kill().unwrap();
    first.wait().unwrap();
    set(None).await;
    let refused = table.program(folder.path()).arg("serve").output().unwrap();
    assert!(text(&refused).contains("recreate the table"), "{}", text(&refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_an_earlier_version_are_refused_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("old.db");
    let engine = Engine::on_file(&file).unwrap();
    let store = Store::new(engine.client(), "clinic");
    store.create_table().await.unwrap();
    let format = Write::Delete { key: keys::table_format(), condition: Condition::Has("format") };
    assert!(store.try_commit(&write_context("old"), vec![format]).await.unwrap());
    engine.stop().await;
    let serve = ["serve", "--store", "file:old.db", "--listen", "127.0.0.1:0"];
    let refused = program(folder.path()).args(serve).output().unwrap();
    assert!(!refused.status.success());
    assert!(text(&refused).contains("recreate the table"), "{}", text(&refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn data_survive_a_kill_and_a_stop_and_a_second_process_is_turned_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut made = Vec::new();
    for round in 0..3 {
        let running = Running::start(folder.path(), &[]);
        for id in &made {
            assert_eq!(running.send("GET", &format!("/v1/clinics/{id}"), None).await.0, 200);
        }
        let clinic = json!({ "name": format!("Clinic {round}"), "time_zone": "UTC" });
        let (status, clinic) = running.send("POST", "/v1/clinics", Some(clinic)).await;
        assert_eq!(status, 201);
        made.push(clinic["id"].as_str().unwrap().to_owned());
        let second = program(folder.path()).args(["--listen", "127.0.0.1:0"]).output().unwrap();
        assert!(!second.status.success());
        assert!(
            text(&second).contains("in use by another clinic-api process"),
            "{}",
            text(&second)
        );
        if round == 1 {
            let (status, log) = running.terminate();
            assert!(status.success(), "{log}");
            assert!(log.contains("stopping"), "{log}");
        } else {
            running.kill();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &[]);
    for name in ["A", "B"] {
        let clinic = json!({ "name": name, "time_zone": "UTC" });
        assert_eq!(running.send("POST", "/v1/clinics", Some(clinic)).await.0, 201);
    }
    let (_, page) = running.send("GET", "/v1/clinics?limit=1", None).await;
    let next = format!("/v1/clinics?cursor={}", page["next_cursor"].as_str().unwrap());
    running.kill();
    let running = Running::start(folder.path(), &[]);
    let (status, page) = running.send("GET", &next, None).await;
    assert_eq!((status, page["items"].as_array().unwrap().len()), (200, 1));
}

#[test]
fn invalid_settings_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = program(folder.path()).args(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        text(&output)
    };
    assert!(run(&["--store", "postgres"]).contains("memory, file:PATH, dynamodb"));
    assert!(run(&["--store", "dynamodb"]).contains("--secret-keys"));
    for bad in ["", "short-HIDDEN", "HIDDEN,HIDDEN"] {
        let told = run(&["--store", "memory", "--secret-keys", bad]);
        assert!(told.contains("--secret-keys") && told.contains("32 bytes"), "{told}");
        assert!(!told.contains("HIDDEN"), "{told}");
    }
    assert!(run(&["--listen", "here"]).contains("--listen"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert!(run(&["--store", "memory", "--listen", &address]).contains("can't listen on"));
    assert!(run(&["--store", "memory", "--log", "a=b=c"]).contains("--log"));
    assert!(run(&["--store", "memory", "--shutdown-delay", "5"]).contains("must be a duration"));
    assert!(run(&["--store", "memory", "--max-connections", "0"]).contains("above 0"));
    let metrics = ["--store", "memory", "--listen", "127.0.0.1:0", "--metrics-listen", &address];
    assert!(run(&metrics).contains("--metrics-listen"));
    assert!(run(&["--development-org", "A#B"]).contains("--development-org"));
    std::fs::write(folder.path().join("notadb"), "no database").unwrap();
    assert!(run(&["--store", "file:notadb"]).contains("notadb can't be opened"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_variable_counts_as_not_set() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    let commands = Cli::full_command();
    let serve = commands.find_subcommand("serve").unwrap();
    let variables: Vec<_> = serve.get_arguments().filter_map(Arg::get_env).collect();
    assert!(variables.len() > 20, "{variables:?}");
    for variable in variables {
        command.env(variable, "");
    }
    let running = Running::launch(&mut command, 4);
    assert_eq!(running.send("GET", "/readyz", None).await.0, 200);
}

#[test]
fn an_error_at_start_has_the_format_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let listen = ["serve", "--log", "off", "--listen", &address];
    for (arguments, told) in [
        (&listen[..], "can't listen on"),
        (&["serve", "--log", "a=b=c"], "--log"),
        (&["worker"], "requires --store dynamodb"),
    ] {
        let mut command = program(folder.path());
        command.args(arguments).args(["--store", "memory", "--log-format", "json"]);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let lines = text(&output);
        let mut lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let last = lines.next_back().unwrap();
        assert_eq!(last["message"], "the process ended with an error");
        assert!(last["error.message"].as_str().unwrap().contains(told), "{last}");
    }
}

#[test]
fn without_an_issuer_only_this_machine_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str]| {
        let output = program(folder.path()).args(["--store", "memory"]).args(arguments).output();
        let output = output.unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        text(&output)
    };
    for others in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080"] {
        let told = refused(&["--listen", others]);
        assert!(told.contains("CLINIC_API_ISSUER") && told.contains("loopback"), "{told}");
    }
    assert!(refused(&["--issuer", "https://issuer.example"]).contains("--audience"));
    let plain = ["--issuer", "https://a.example", "--audience", "a", "--jwks-url"];
    let told = refused(&[&plain[..], &["http://a.example/keys"]].concat());
    assert!(told.contains("--jwks-url"), "{told}");
    let shared = refused(&["--token-algorithms", "RS256,HS256"]);
    assert!(shared.contains("must be one of RS256"), "{shared}");
}

#[test]
fn the_table_is_made_and_checked_on_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let table = |action: &str| {
        program(folder.path()).args(["table", action, "--store", "file:t.db"]).output().unwrap()
    };
    for action in ["check", "verify"] {
        let missing = table(action);
        assert_eq!(missing.status.code(), Some(1));
        assert!(text(&missing).contains("t.db does not exist"), "{}", text(&missing));
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "{action} creates nothing");
    }
    assert!(text(&table("create")).starts_with("created"));
    assert!(text(&table("create")).starts_with("already exists"));
    let checked = table("check");
    assert!(checked.status.success() && text(&checked).starts_with("schema is correct"));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_on_an_endpoint_of_dynamodb() {
    let table = RemoteTable::missing().await;
    let folder = tempfile::tempdir().unwrap();
    let with_aws =
        |arguments: &[&str]| table.program(folder.path()).args(arguments).output().unwrap();
    let missing = with_aws(&["table", "check"]);
    assert_eq!(missing.status.code(), Some(1), "{}", text(&missing));
    let made = with_aws(&["table", "create"]);
    assert!(made.status.success(), "{}", text(&made));
    assert!(text(&made).contains(table.endpoint()));
    assert!(with_aws(&["table", "check"]).status.success());
}

#[test]
fn the_document_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let output = program(folder.path()).arg("openapi").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let committed = include_str!("../../../openapi/openapi.json");
    assert!(printed == committed, "run: cargo run -- openapi > openapi/openapi.json");
}
