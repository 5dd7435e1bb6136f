//! How the program ends: without a failed request, and held up by nobody.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::process::{RemoteTable, Running, admin_token, http_client, send};

/// What a load balancer knows: the base of every service that says it is ready.
type Ready = Arc<Mutex<Vec<String>>>;

/// Takes a service off the list as soon as it says that it is not ready any more.
async fn watch(ready: Ready, base: String) {
    let client = http_client();
    loop {
        let readiness = send(&client, &format!("{base}/readyz"), "GET", None).await;
        if readiness.as_ref().map(|(status, _)| *status) != Ok(200) {
            ready.lock().unwrap().retain(|other| *other != base);
            let (status, problem) = readiness.expect("it answers while it leaves");
            assert_eq!((status, &problem["code"]), (503, &json!("stopping")));
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A client that asks whoever is ready, on connections that it keeps; answers how often it was served.
async fn ask(ready: Ready, clinic: String, done: Arc<AtomicBool>, served: Arc<AtomicU32>) {
    let client = http_client();
    let mut turn = 0_usize;
    while !done.load(Ordering::Relaxed) {
        turn += 1;
        let base = {
            let ready = ready.lock().unwrap();
            assert!(!ready.is_empty(), "somebody is ready");
            ready[turn % ready.len()].clone()
        };
        let (method, path, body, expected) = match turn % 3 {
            0 => ("POST", "/v1/patients".to_owned(), Some(json!({ "name": "Ida" })), 201),
            1 => ("GET", format!("{clinic}/staff"), None, 200),
            _ => ("GET", clinic.clone(), None, 200),
        };
        let answer = send(&client, &format!("{base}{path}"), method, body).await;
        assert_eq!(answer.unwrap().0, expected, "{method} {path}");
        served.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_processes_are_replaced_under_load_and_no_request_fails() {
    let folder = tempfile::tempdir().unwrap();
    let table = RemoteTable::missing().await;
    table.create(folder.path());
    let start = || {
        let mut command = table.program(folder.path());
        command.args(["--listen", "127.0.0.1:0"]).env("CLINIC_API_SHUTDOWN_DELAY", "1s");
        Running::launch(&mut command, 4)
    };
    let mut running = start();
    let (status, clinic) =
        running.send("POST", "/v1/clinics", Some(json!({ "name": "A", "time_zone": "UTC" }))).await;
    assert_eq!(status, 201);
    let clinic = format!("/v1/clinics/{}", clinic["id"].as_str().unwrap());
    let ready = Ready::new(Mutex::new(vec![running.base.clone()]));
    let mut watching = vec![tokio::spawn(watch(ready.clone(), running.base.clone()))];
    let (done, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let clients: Vec<_> = (0..6)
        .map(|_| tokio::spawn(ask(ready.clone(), clinic.clone(), done.clone(), served.clone())))
        .collect();
    for round in 0..10 {
        let next = start();
        assert_eq!(next.send("GET", "/readyz", None).await.0, 200);
        ready.lock().unwrap().push(next.base.clone());
        watching.push(tokio::spawn(watch(ready.clone(), next.base.clone())));
        let before = served.load(Ordering::Relaxed);
        let old = std::mem::replace(&mut running, next);
        let (status, log) = tokio::task::spawn_blocking(|| old.terminate()).await.unwrap();
        assert!(status.success(), "{log}");
        assert!(log.ends_with("stopped\n") && !log.contains("did not finish"), "{log}");
        assert!(served.load(Ordering::Relaxed) > before + 10, "round {round} had no load");
    }
    done.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let gone: Vec<_> = watching.drain(..10).collect();
    for watcher in gone {
        watcher.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_on_for_a_while_and_tells_clients_to_go_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &["--store", "memory", "--shutdown-delay", "2s"]);
    let client = http_client();
    let path = format!("{}/livez", running.base);
    assert_eq!(send(&client, &path, "GET", None).await.unwrap().0, 200);
    running.signal("TERM");
    while running.send("GET", "/readyz", None).await.0 == 200 {}
    let address = running.address().to_owned();
    let mut connection = TcpStream::connect(address).expect("new connections are taken");
    write!(connection, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert!(running.ended().0.success());
}

fn head_of_post() -> String {
    let authorization = format!("Authorization: Bearer {}", admin_token());
    format!(
        "POST /v1/clinics HTTP/1.1\r\nHost: x\r\n{authorization}\r\nContent-Type: application/json"
    )
}

/// Waits until a service takes no new connections: it has learned that it is to stop.
fn until_nobody_is_let_in(address: &str) {
    let begun = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(30), "connections are still taken");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_running_request_finishes_when_the_service_is_told_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &["--store", "memory"]);
    let address = running.address().to_owned();
    let body = json!({ "name": "A", "time_zone": "UTC" }).to_string();
    let (half, rest) = body.split_at(10);
    let mut connection = TcpStream::connect(&address).unwrap();
    let head = head_of_post();
    write!(connection, "{head}\r\nContent-Length: {}\r\n\r\n{half}", body.len()).unwrap();
    // The request is under way: its head has arrived, half of its body has not.
    std::thread::sleep(Duration::from_secs(1));
    let stopping = std::thread::spawn(move || running.terminate());
    until_nobody_is_let_in(&address);
    connection.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(stopping.join().unwrap().0.success());
}

#[test]
fn a_request_that_does_not_finish_in_time_is_cut_off_and_a_second_signal_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    for (signals, drain, expected) in
        [(1, "1s", "did not finish in time"), (2, "30s", "told to stop again")]
    {
        let running =
            Running::start(folder.path(), &["--store", "memory", "--drain-timeout", drain]);
        let mut connection = TcpStream::connect(running.address()).unwrap();
        let head = head_of_post();
        write!(connection, "{head}\r\nContent-Length: 100\r\n\r\n{{").unwrap();
        std::thread::sleep(Duration::from_secs(1));
        for _ in 0..signals {
            running.signal("TERM");
            until_nobody_is_let_in(running.address());
        }
        let (status, log) = running.ended();
        assert_eq!(status.success(), signals == 1, "{log}");
        assert!(log.contains(expected), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_half_open_connections_hold_up_neither_requests_nor_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &["--store", "memory"]);
    let half_open: Vec<TcpStream> = (0..1_000)
        .map(|n| {
            let mut connection = TcpStream::connect(running.address()).unwrap();
            // A third says nothing, a third not all of its head, a third goes silent after an answer.
            match n % 3 {
                0 => {}
                1 => connection.write_all(b"GET /livez HTTP/1.1\r\nHost:").unwrap(),
                _ => connection.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET").unwrap(),
            }
            connection
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(running.send("GET", "/livez", None).await.0, 200);
        assert_eq!(running.send("GET", "/v1/clinics", None).await.0, 200);
    }
    let told = Instant::now();
    let (status, log) = tokio::task::spawn_blocking(|| running.terminate()).await.unwrap();
    assert!(status.success() && !log.contains("did not finish"), "{log}");
    assert!(told.elapsed() < Duration::from_secs(8), "it waited for them: {:?}", told.elapsed());
    drop(half_open);
}
