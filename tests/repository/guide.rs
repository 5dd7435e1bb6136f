//! The guide that the service serves: every page and link of it works.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use clinic_api::guide;
use serde_json::Value;

use super::markdown::{Page, parse};
use crate::support::{TestApp, document::DOCUMENT};

/// The pages in Markdown that are reached from some paths, by their paths.
async fn pages_from(app: &TestApp, starts: Vec<String>) -> BTreeMap<String, Page> {
    let mut pages = BTreeMap::new();
    let mut waiting = VecDeque::from(starts);
    let mut seen = BTreeSet::new();
    while let Some(path) = waiting.pop_front() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let answer = app.get(&path).anonymous().send().await.expect(200);
        if answer.header("content-type") != "text/markdown; charset=utf-8" {
            continue;
        }
        let page = parse(&String::from_utf8(answer.body).unwrap());
        for link in &page.links {
            // A relative path would depend on how the page was reached.
            let is_absolute = link.it.contains("://") || link.it.starts_with('/');
            assert!(is_absolute, "{path}:{}: {}", link.line, link.it);
            if link.it.starts_with('/') {
                waiting.push_back(link.it.split('#').next().unwrap().to_owned());
            }
        }
        pages.insert(path, page);
    }
    pages
}

#[tokio::test]
async fn every_link_of_a_served_page_works() {
    let app = TestApp::spawn().await;
    let problems = parse(guide::page("errors.md").unwrap()).anchors;
    let problems = problems.iter().filter(|anchor| guide::problem(anchor).is_some());
    let mut starts: Vec<_> = problems.map(|code| format!("/problems/{code}")).collect();
    assert!(starts.len() > 40);
    starts.extend(["/guide", "/problems"].map(str::to_owned));
    let pages = pages_from(&app, starts).await;
    for (name, _) in guide::PAGES {
        assert!(pages.contains_key(&format!("/guide/{name}")), "the index does not list {name}");
    }
    for (path, page) in &pages {
        for link in &page.links {
            let Some((target, anchor)) =
                link.it.split_once('#').filter(|(to, _)| to.starts_with('/'))
            else {
                continue;
            };
            let anchors = &pages[target].anchors;
            assert!(anchors.iter().any(|it| it == anchor), "{path}:{}: {}", link.line, link.it);
        }
    }
    app.get("/guide/nothing.md").send().await.problem(404, "no_route");
    app.get("/guide/..%2fREADME.md").send().await.problem(404, "no_route");
}

#[tokio::test]
async fn the_document_leads_to_the_guide() {
    let app = TestApp::spawn().await;
    let docs = |part: &Value| part["externalDocs"]["url"].as_str().map(str::to_owned);
    let mut links = vec![docs(&DOCUMENT).unwrap()];
    let tags = DOCUMENT["tags"].as_array().unwrap();
    links.extend(tags.iter().filter_map(docs));
    assert_eq!(links.len(), tags.len(), "the tag of operators has no page of the guide");
    for link in links {
        let page = app.get(&link).anonymous().send().await.expect(200);
        assert_eq!(page.header("content-type"), "text/markdown; charset=utf-8", "{link}");
        assert!(page.body.starts_with(b"# "), "{link}");
    }
}
