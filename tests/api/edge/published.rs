//! The document and the pages: caching, conditional requests, compression, and the document in YAML.

use axum::http::Method;
use serde_json::Value;

use crate::support::TestApp;

const PAGES: [&str; 8] = [
    "/docs/",
    "/docs/swagger-ui-bundle.js",
    "/docs/swagger-ui.css",
    "/docs/swagger-initializer.js",
    "/openapi.json",
    "/openapi.yaml",
    "/problems",
    "/problems/staff_busy",
];

#[tokio::test]
async fn a_page_is_kept_by_caches_and_sent_once_while_it_is_the_same() {
    let app = TestApp::spawn().await;
    let mut tags = Vec::new();
    for path in PAGES {
        let first = app.get(path).anonymous().send().await.expect(200);
        assert_eq!(first.header("cache-control"), "public, max-age=300", "{path}");
        let tag = first.header("etag").to_owned();
        for sent in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
            let call = app.get(path).anonymous().header("if-none-match", &sent);
            let again = call.send().await.expect(304);
            assert!(again.body.is_empty(), "{path}");
            assert_eq!(again.header("etag"), tag);
            assert_eq!(again.header("cache-control"), "public, max-age=300");
        }
        let head = app.request(Method::HEAD, path).anonymous().send().await.expect(200);
        assert_eq!(head.header("etag"), tag);
        assert_eq!(head.header("content-length"), first.body.len().to_string());
        let other = app.get(path).header("if-none-match", "\"other\"").send().await.expect(200);
        assert_eq!(other.body, first.body);
        let head = app.request(Method::HEAD, path).header("if-none-match", &tag).send().await;
        assert!(!head.expect(304).headers.contains_key("content-length"), "{path}");
        // What can't be parsed is no condition: these pages are for browsers.
        app.get(path).header("if-none-match", "other").send().await.expect(200);
        tags.push(tag);
    }
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), PAGES.len());
    for path in ["/", "/docs", "/docs/nothing.js", "/problems/nothing"] {
        let answer = app.get(path).send().await;
        assert!(!answer.headers.contains_key("etag"), "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
}

#[tokio::test]
async fn a_page_is_compressed_and_has_a_tag_for_each_coding() {
    let app = TestApp::spawn().await;
    for path in PAGES.iter().filter(|path| !path.starts_with("/problems/") && **path != "/docs/") {
        let plain = app.get(path).send().await.expect(200);
        if plain.body.len() < 1024 {
            continue;
        }
        assert_eq!(plain.header("vary"), "accept-encoding");
        for coding in ["gzip", "br", "zstd"] {
            let call = || app.get(path).header("accept-encoding", coding);
            let first = call().send().await.expect(200);
            assert_eq!(first.header("content-encoding"), coding, "{path}");
            assert_eq!(first.decoded().await, plain.body, "{path}");
            let tag = first.header("etag");
            let base = plain.header("etag").trim_end_matches('"');
            assert_eq!(tag, format!("{base}-{coding}\""), "{path}");
            assert_eq!(call().send().await.expect(200).body, first.body, "{path}");
            let again = call().header("if-none-match", tag).send().await.expect(304);
            assert_eq!((again.header("etag"), again.header("vary")), (tag, "accept-encoding"));
            // A shared cache may store both. It must not send this coding to a caller that does not accept it.
            let identity = app.get(path).header("accept-encoding", "identity");
            let other = identity.header("if-none-match", tag).send().await.expect(200);
            assert_eq!(other.header("etag"), plain.header("etag"));
        }
    }
}

#[tokio::test]
async fn the_document_in_yaml_is_the_same() {
    let app = TestApp::spawn().await;
    let served = app.get("/openapi.yaml").anonymous().send().await.expect(200);
    assert_eq!(served.header("content-type"), "application/yaml");
    let text = String::from_utf8(served.body).unwrap();
    assert!(text.starts_with("openapi: \"3.1.0\"\n"), "{text:.60}");
    let parsed: Value = serde_saphyr::from_str(&text).unwrap();
    let json = app.get("/openapi.json").anonymous().send().await.expect(200).json();
    assert!(parsed == json, "the document in YAML differs");
}

#[tokio::test]
async fn a_page_has_no_other_method() {
    let app = TestApp::spawn().await;
    for path in PAGES.into_iter().chain(["/", "/docs"]) {
        let refused = app.post(path).send().await;
        assert_eq!(refused.header("allow"), "GET,HEAD", "{path}");
        let problem = refused.problem(405, "method_not_allowed");
        assert!(problem["detail"].as_str().unwrap().contains("GET, HEAD"), "{problem}");
    }
}
