//! Graceful shutdown: no request fails, and no client delays it.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use serde_json::json;

use crate::support::{
    eventually,
    process::{RemoteTable, Running, admin_token, http_client, send},
    wait::eventually_blocking,
    watched::{Watched, without_rates},
};

/// A service, as a load balancer sees it.
struct Target {
    base: String,
    /// The number of requests without a response.
    under_way: AtomicU32,
}

/// The services that report that they are ready.
type Ready = Arc<Mutex<Vec<Arc<Target>>>>;

fn target(running: &Running) -> Arc<Target> {
    Arc::new(Target { base: running.base.clone(), under_way: AtomicU32::new(0) })
}

/// Removes a service from the list when it is no longer ready, and waits for its outstanding requests.
async fn taken_off(ready: &Ready, target: &Arc<Target>) {
    let (client, path) = (http_client(), format!("{}/readyz", target.base));
    let problem = eventually("it is not ready any more", async || {
        let (status, body) = send(&client, &path, "GET", None).await.expect("it answers");
        (status != 200).then_some((status, body))
    })
    .await;
    assert_eq!((problem.0, &problem.1["code"]), (503, &json!("stopping")));
    ready.lock().unwrap().retain(|other| !Arc::ptr_eq(other, target));
    let answered = async || (target.under_way.load(Ordering::SeqCst) == 0).then_some(());
    eventually("what it was sent is answered", answered).await;
}

/// A client that sends requests to ready services on kept connections, and counts the successes.
async fn ask(ready: Ready, clinic: String, done: Arc<AtomicBool>, served: Arc<AtomicU32>) {
    let client = http_client();
    let mut turn = 0_usize;
    while !done.load(Ordering::Relaxed) {
        turn += 1;
        let target = {
            let ready = ready.lock().unwrap();
            assert!(!ready.is_empty(), "somebody is ready");
            let target = ready[turn % ready.len()].clone();
            target.under_way.fetch_add(1, Ordering::SeqCst);
            target
        };
        let (method, path, body, expected) = match turn % 3 {
            0 => ("POST", "/v1/patients".to_owned(), Some(json!({ "name": "Ida" })), 201),
            1 => ("GET", format!("{clinic}/staff"), None, 200),
            _ => ("GET", clinic.clone(), None, 200),
        };
        let answer = send(&client, &format!("{}{path}", target.base), method, body).await;
        assert_eq!(answer.unwrap().0, expected, "{method} {path}");
        target.under_way.fetch_sub(1, Ordering::SeqCst);
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
        // The second signal skips this delay.
        command.args(["--listen", "127.0.0.1:0"]).env("CLINIC_API_SHUTDOWN_DELAY", "1h");
        Running::launch(without_rates(&mut command), 4)
    };
    let mut running = start();
    let (status, clinic) =
        running.send("POST", "/v1/clinics", Some(json!({ "name": "A", "time_zone": "UTC" }))).await;
    assert_eq!(status, 201);
    let clinic = format!("/v1/clinics/{}", clinic["id"].as_str().unwrap());
    let mut here = target(&running);
    let ready = Ready::new(Mutex::new(vec![here.clone()]));
    let (done, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let clients: Vec<_> = (0..6)
        .map(|_| tokio::spawn(ask(ready.clone(), clinic.clone(), done.clone(), served.clone())))
        .collect();
    for _ in 0..10 {
        let next = start();
        assert_eq!(next.send("GET", "/readyz", None).await.0, 200);
        let there = target(&next);
        ready.lock().unwrap().push(there.clone());
        let before = served.load(Ordering::Relaxed);
        running.signal("TERM");
        taken_off(&ready, &here).await;
        let load = async || (served.load(Ordering::Relaxed) > before + 10).then_some(());
        eventually("there is load", load).await;
        let old = std::mem::replace(&mut running, next);
        here = there;
        let (status, log) = tokio::task::spawn_blocking(|| old.terminate()).await.unwrap();
        assert!(status.success(), "{log}");
        assert!(log.ends_with("stopped\n") && !log.contains("did not finish"), "{log}");
    }
    done.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_on_for_a_while_and_tells_clients_to_go_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &["--store", "memory", "--shutdown-delay", "1h"]);
    let client = http_client();
    let path = format!("{}/livez", running.base);
    assert_eq!(send(&client, &path, "GET", None).await.unwrap().0, 200);
    running.signal("TERM");
    eventually("it is not ready any more", async || {
        (running.send("GET", "/readyz", None).await.0 != 200).then_some(())
    })
    .await;
    let address = running.address().to_owned();
    let mut connection = TcpStream::connect(address).expect("new connections are taken");
    write!(connection, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    // The second signal ends the wait.
    assert!(running.terminate().0.success());
    let running = Running::start(folder.path(), &["--store", "memory", "--shutdown-delay", "1s"]);
    let (status, log) = running.terminate();
    assert!(
        status.success() && log.contains("requests are still accepted"),
        "the delay ends: {log}"
    );
}

fn head_of_post() -> String {
    let authorization = format!("Authorization: Bearer {}", admin_token());
    format!(
        "POST /v1/clinics HTTP/1.1\r\nHost: x\r\n{authorization}\r\nContent-Type: application/json"
    )
}

/// Waits until a service refuses new connections, because it has received SIGTERM.
fn until_nobody_is_let_in(address: &str) {
    eventually_blocking("nobody is let in", || TcpStream::connect(address).is_err().then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_request_finishes_when_the_service_is_told_to_stop() {
    let service = Watched::start(&[]);
    let address = service.running.address().to_owned();
    let body = json!({ "name": "A", "time_zone": "UTC" }).to_string();
    let (half, rest) = body.split_at(10);
    let mut connection = TcpStream::connect(&address).unwrap();
    let head = head_of_post();
    write!(connection, "{head}\r\nContent-Length: {}\r\n\r\n{half}", body.len()).unwrap();
    // The headers have arrived, and half of the body.
    service.under_way(1).await;
    let stopping = std::thread::spawn(move || service.running.terminate());
    until_nobody_is_let_in(&address);
    connection.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(stopping.join().unwrap().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_finish_in_time_is_cut_off_and_a_second_signal_does_not_wait() {
    for (signals, drain, expected) in
        [(1, "1s", "did not finish in time"), (2, "1h", "received another signal")]
    {
        let service = Watched::start(&["--drain-timeout", drain]);
        let mut connection = TcpStream::connect(service.running.address()).unwrap();
        let head = head_of_post();
        write!(connection, "{head}\r\nContent-Length: 100\r\n\r\n{{").unwrap();
        service.under_way(1).await;
        for _ in 0..signals {
            service.running.signal("TERM");
            until_nobody_is_let_in(service.running.address());
        }
        let (status, log) = service.running.ended();
        assert_eq!(status.success(), signals == 1, "{log}");
        assert!(log.contains(expected), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_half_open_connections_hold_up_neither_requests_nor_the_end() {
    let folder = tempfile::tempdir().unwrap();
    // If these clients delayed it, it would stop after that time and log it.
    let running = Running::start(folder.path(), &["--store", "memory", "--drain-timeout", "5m"]);
    let half_open: Vec<TcpStream> = (0..1_000)
        .map(|n| {
            let mut connection = TcpStream::connect(running.address()).unwrap();
            // A third sends nothing, a third sends incomplete headers, a third is idle after a response.
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
    let (status, log) = tokio::task::spawn_blocking(|| running.terminate()).await.unwrap();
    assert!(status.success() && !log.contains("did not finish"), "{log}");
    drop(half_open);
}
