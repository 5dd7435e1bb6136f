//! Attacks over HTTP/1.1: pipelined requests, bodies that do not arrive, and ambiguous headers.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, tcp::OwnedReadHalf},
    time::{sleep, timeout},
};

use crate::support::{
    process::admin_token,
    wait::DEADLINE,
    watched::{Watched, until_it_takes_no_more},
};

async fn connect(service: &Watched) -> TcpStream {
    TcpStream::connect(service.running.address()).await.unwrap()
}

/// Everything that arrives until the server closes the connection.
async fn until_closed(connection: &mut TcpStream) -> String {
    let mut received = Vec::new();
    let end = timeout(DEADLINE, connection.read_to_end(&mut received)).await;
    // A server that closes before it has read everything resets the connection.
    let _ = end.expect("the server closes");
    String::from_utf8(received).unwrap()
}

/// Reads the responses to pipelined requests. Each request has its number as its id.
struct Answers {
    reading: OwnedReadHalf,
    received: String,
    next: usize,
}

impl Answers {
    /// Reads until this number of responses has arrived, in order.
    async fn read(&mut self, number: usize) {
        let mut part = vec![0; 64 * 1024];
        while self.next < number {
            let bytes = timeout(DEADLINE, self.reading.read(&mut part)).await.unwrap().unwrap();
            assert!(bytes > 0, "it closed after {}", self.next);
            self.received.push_str(std::str::from_utf8(&part[..bytes]).unwrap());
            while let Some((head, rest)) = self.received.split_once("\r\n\r\n") {
                assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
                let id = format!("x-request-id: {}\r\n", self.next);
                assert!(head.contains(&id), "{id}: {head}");
                let length = head.split("content-length: ").nth(1).unwrap();
                let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
                if rest.len() < length {
                    break;
                }
                let taken = self.received.len() - rest.len() + length;
                self.received.drain(..taken);
                self.next += 1;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_requests_in_one_go_are_answered_one_by_one_in_their_order() {
    const NUMBER: usize = 10_000;
    let service = Watched::start(&["--max-concurrent-requests", "2"]);
    let (reading, mut writing) = connect(&service).await.into_split();
    let sending = tokio::spawn(async move {
        for id in 0..NUMBER {
            let request = format!("GET /nowhere HTTP/1.1\r\nHost: x\r\nX-Request-Id: {id}\r\n\r\n");
            writing.write_all(request.as_bytes()).await.unwrap();
        }
        writing
    });
    // There are two permits; this connection never uses more than one.
    let mut answers = Answers { reading, received: String::new(), next: 0 };
    answers.read(1).await;
    let others = async {
        for _ in 0..10 {
            service.serves_others().await;
        }
    };
    tokio::join!(answers.read(NUMBER), others);
    drop((answers, sending.await.unwrap()));
    service.calms_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_no_answers_is_not_read_any_further() {
    let service = Watched::start(&[]);
    let mut attacker = connect(&service).await;
    let request = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n";
    until_it_takes_no_more(&mut attacker, b"", &request.repeat(2_000)).await;
    service.serves_others().await;
    drop(attacker);
    service.calms_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_byte_by_byte_is_not_waited_for_and_changes_nothing() {
    let service = Watched::start(&["--max-concurrent-requests", "2"]);
    let head = format!(
        "POST /v1/clinics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n",
        admin_token()
    );
    let mut slow = connect(&service).await;
    slow.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = slow.into_split();
    let dripping = tokio::spawn(async move {
        while writing.write_all(b" ").await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    });
    service.serves_others().await;
    let mut answer = [0; 12];
    timeout(DEADLINE, reading.read_exact(&mut answer)).await.expect("not for ever").unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    let (status, list) = service.running.send("GET", "/v1/clinics", None).await;
    assert_eq!((status, list["items"].as_array().unwrap().len()), (200, 0));
    drop(reading);
    dripping.abort();
    service.calms_down().await;
}

/// Headers that a proxy in front of the service may parse differently (RFC 9112, sections 2.2, 5.1, 5.2, 6.1, 6.3, 7.1). What
/// follows is the request that an attacker wants to smuggle.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_means_two_things_smuggles_no_request() {
    const HOST: &str = "POST /v1/clinics HTTP/1.1\r\nHost: x\r\n";
    let service = Watched::start(&[]);
    let smuggled = "GET /version HTTP/1.1\r\nHost: x\r\n\r\n";
    let bodies = [
        ("two lengths", "Content-Length: 0\r\nContent-Length: 35\r\n\r\n"),
        ("a list of lengths", "Content-Length: 0, 35\r\n\r\n"),
        ("a length with a sign", "Content-Length: +0\r\n\r\n"),
        ("chunked, but not last", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        ("an unknown coding", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ("a space before the colon", "Content-Length : 35\r\n\r\n"),
        ("a folded line", "X: a\r\n Content-Length: 35\r\n\r\n"),
        ("a bare CR", "X: a\rContent-Length: 35\r\n\r\n"),
        ("a NUL", "X: a\0\r\n\r\n"),
    ];
    for (shape, rest) in bodies {
        let mut attacker = connect(&service).await;
        attacker.write_all(format!("{HOST}{rest}{smuggled}").as_bytes()).await.unwrap();
        let answer = until_closed(&mut attacker).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{shape}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{shape}: {answer}");
    }
    // These are one request whose body ends where its chunked coding ends. The server closes the connection after it (RFC 9112,
    // section 6.1).
    let both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let chunk =
        "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n2\n{}\r\n0\r\n\r\n";
    for (shape, rest) in [("length and coding", both), ("a chunk's line without CR", chunk)] {
        let token = format!("Authorization: Bearer {}\r\n", admin_token());
        let mut attacker = connect(&service).await;
        attacker.write_all(format!("{HOST}{token}{rest}{smuggled}").as_bytes()).await.unwrap();
        let answer = until_closed(&mut attacker).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{shape}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{shape}: {answer}");
    }
    assert_eq!(
        service.metric("http_server_request_duration_seconds_count", &["/version"]).await,
        0
    );
    service.calms_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_have_a_size_and_a_number_of_fields() {
    let service = Watched::start(&[]);
    let head = |fields: usize, value: &str| {
        let fields = (2..fields).map(|number| format!("X-{number}: {value}\r\n"));
        let fields = fields.collect::<String>();
        format!("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n")
    };
    for (head, status) in [
        (head(100, "1"), 200),
        (head(101, "1"), 431),
        (head(3, &"x".repeat(30_000)), 200),
        (head(3, &"x".repeat(40_000)), 431),
    ] {
        let mut caller = connect(&service).await;
        caller.write_all(head.as_bytes()).await.unwrap();
        let answer = until_closed(&mut caller).await;
        // A client that has sent more than was read may see a reset before the response.
        let lost = status == 431 && answer.is_empty();
        assert!(lost || answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    let answered = service.metric("http_server_request_duration_seconds_count", &["/livez"]).await;
    assert_eq!(answered, 2, "the others never were requests");
    service.calms_down().await;
}
