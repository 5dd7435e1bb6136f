//! Attacks over HTTP/2: each one ends with its connection, and other clients are served meanwhile.

use axum::{body::Bytes, http::Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpStream;

use crate::support::{
    frames::{
        ACK, CONTINUATION, ENHANCE_YOUR_CALM, Frame, Frames, GOAWAY, HEADERS, PING, PREFACE,
        RST_STREAM, SETTINGS, WINDOW_UPDATE, field, fields,
    },
    process::admin_token,
    watched::{Watched, until_it_takes_no_more},
};

fn bearer() -> String {
    format!("Bearer {}", admin_token())
}

/// The fields of a request that reads the table.
fn list_of_clinics() -> Vec<u8> {
    fields("GET", "/v1/clinics", &[("authorization", &bearer())])
}

/// The ids of the streams that a client can open.
fn streams(number: u32) -> impl Iterator<Item = u32> {
    (0..number).map(|n| 2 * n + 1)
}

/// CVE-2023-44487 (rapid reset).
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_and_cancels_at_once_again_and_again_is_told_to_go() {
    let service = Watched::start(&["--max-concurrent-requests", "8"]);
    let request = list_of_clinics();
    // Frames sent at once arrive many at a time, so the server does not process each request before its reset.
    let pairs = streams(5_000).flat_map(|id| [Frame::request(id, &request), Frame::cancel(id)]);
    let pairs: Vec<_> = pairs.collect();
    let attacker = Frames::open(service.running.address(), &[]).await;
    let ((), code) = tokio::join!(service.serves_others(), attacker.provoke(&pairs));
    assert_eq!(code, Some(ENHANCE_YOUR_CALM));
    service.calms_down().await;
    let begun = service.requests().await;
    assert!(begun < 2_500, "{begun} of 5000 were looked at");
}

/// The same, but slow enough that every request has begun, as when a client changes its mind.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_request_releases_its_permit() {
    const CANCELLED: u32 = 300;
    // A worker makes additional calls over time.
    let service = Watched::start(&["--max-concurrent-requests", "4", "--worker", "false"]);
    let mut attacker = Frames::open(service.running.address(), &[]).await;
    let request = list_of_clinics();
    for id in streams(CANCELLED) {
        attacker.send(&[Frame::request(id, &request)]).await;
        attacker.settle().await.unwrap();
        attacker.send(&[Frame::cancel(id)]).await;
        attacker.settle().await.unwrap();
    }
    service.serves_others().await;
    drop(attacker);
    service.calms_down().await;
    // At most one call for each request, and one for each of two others: cancelled requests are not repeated.
    let calls = service.calls("Query").await;
    assert!(calls <= i64::from(CANCELLED) + 2, "{calls}");
}

/// CVE-2025-8671: a window update above the limit makes the server reset the stream.
#[tokio::test(flavor = "multi_thread")]
async fn who_makes_the_server_cancel_again_and_again_is_told_to_go() {
    let service = Watched::start(&["--max-concurrent-requests", "8"]);
    let request = list_of_clinics();
    let mut attacker = Frames::open(service.running.address(), &[]).await;
    let mut made = 0;
    for id in streams(2_000) {
        let wide = Frame::new(WINDOW_UPDATE, 0, id, &0x7fff_ffff_u32.to_be_bytes());
        attacker.send(&[Frame::request(id, &request), wide]).await;
        let told = |frame: &Frame| frame.kind == GOAWAY || is_end_of(frame, id);
        match attacker.until(told).await {
            Some(frame) if frame.kind == GOAWAY => {
                assert_eq!(frame.code(), ENHANCE_YOUR_CALM);
                break;
            }
            Some(_) => made += 1,
            None => panic!("it says why it closes"),
        }
        if id % 64 == 1 {
            service.serves_others().await;
        }
    }
    assert!(made <= 128, "{made} streams were reset");
    service.calms_down().await;
}

fn is_end_of(frame: &Frame, id: u32) -> bool {
    frame.kind == RST_STREAM && frame.stream == id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_in_parts_without_an_end_is_no_request() {
    let service = Watched::start(&[]);
    let part = Frame::new(CONTINUATION, 0, 1, &field("x", "y"));
    let head = Frame::new(HEADERS, 0, 1, &fields("GET", "/v1/clinics", &[]));
    let flood = [vec![head], vec![part; 20_000]].concat();
    let attacker = Frames::open(service.running.address(), &[]).await;
    let ((), code) = tokio::join!(service.serves_others(), attacker.provoke(&flood));
    assert_eq!(code, Some(ENHANCE_YOUR_CALM));
    service.calms_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_no_answers_to_pings_and_settings_is_not_read_any_further() {
    let service = Watched::start(&[]);
    for frame in [Frame::new(PING, 0, 0, b"nobody's"), Frame::new(SETTINGS, 0, 0, b"")] {
        let mut attacker = TcpStream::connect(service.running.address()).await.unwrap();
        let flood: Vec<u8> = std::iter::repeat_n(frame.bytes(), 4_000).flatten().collect();
        let first = [PREFACE, &Frame::new(SETTINGS, 0, 0, b"").bytes()];
        until_it_takes_no_more(&mut attacker, &first.concat(), &flood).await;
        service.serves_others().await;
        drop(attacker);
        service.calms_down().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_have_a_size_and_a_number_of_fields() {
    let service = Watched::start(&[]);
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<Bytes>>();
    // The token is one of the fields.
    let ask = async |fields: usize, value: &str| {
        let uri = format!("{}/v1/clinics", service.running.base);
        let mut request = Request::get(uri).header("authorization", bearer());
        for number in 1..fields {
            request = request.header(format!("x-{number}"), value);
        }
        let answer = client.request(request.body(Full::default()).unwrap()).await.ok()?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        Some((status, String::from_utf8(body.to_vec()).unwrap()))
    };
    assert_eq!(ask(100, "1").await.unwrap().0, 200);
    let (status, problem) = ask(101, "1").await.unwrap();
    assert!(status == 431 && problem.contains("too_many_headers"), "{problem}");
    assert_eq!(ask(2, &"x".repeat(17_000)).await, Some((431, String::new())), "over 16 KiB");
    assert_eq!(ask(1, "").await.unwrap().0, 200);
    assert_eq!(ask(3, &"x".repeat(60_000)).await, None, "far over it");
    service.serves_others().await;
    drop(client);
    service.calms_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_opens_no_window_keeps_no_permit() {
    let service = Watched::start(&["--max-concurrent-requests", "8"]);
    // SETTINGS_INITIAL_WINDOW_SIZE
    let mut attacker = Frames::open(service.running.address(), &[(4, 0)]).await;
    let request = fields("GET", "/openapi.json", &[]);
    let requests: Vec<_> = streams(64).map(|id| Frame::request(id, &request)).collect();
    attacker.send(&requests).await;
    for _ in 0..64 {
        attacker.until(|frame| frame.kind == HEADERS).await.unwrap();
    }
    service.serves_others().await;
    let more: Vec<_> = streams(74).skip(64).map(|id| Frame::request(id, &request)).collect();
    attacker.send(&more).await;
    for _ in 0..10 {
        let refused = attacker.until(|frame| frame.kind == RST_STREAM).await.unwrap();
        assert_eq!(refused.code(), 7, "REFUSED_STREAM");
    }
    attacker.send(&[Frame::new(PING, 0, 0, b"the last")]).await;
    let next = attacker.next().await.unwrap();
    assert!(next.kind == PING && next.flags == ACK, "nothing of the bodies is sent: {next:?}");
    drop(attacker);
    service.calms_down().await;
}
