//! The language of the texts, as far as a program can judge it: the length of sentences and of the README, and words that are no
//! English. No test compares prose with prose.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use regex::Regex;
use serde_json::Value;

use super::markdown::{At, files, parse, read, sentences, words};
use crate::support::document::DOCUMENT;

/// The most lines of the README: one page.
const README_LINES: usize = 120;

/// The most words of a sentence.
const SENTENCE_WORDS: usize = 35;

/// Words and phrases that this project once used in a sense of its own, as patterns. Each has a plain word in its place.
const COINAGES: &[(&str, &str)] = &[
    ("anew", "again"),
    ("parted by", "separated by"),
    ("turned away", "rejected"),
    ("told to (go|stop)", "received GOAWAY, received SIGTERM"),
    ("(tells?|told) apart", "distinguishes"),
    ("of itself", "its own"),
    ("by now", "now, meanwhile"),
    ("stands? in the way", "conflicts, blocks"),
    ("(stands?|stood) (in|between|behind|before|under|there|beside)", "is in, is behind"),
    ("(give|gives|gave|given) way", "expires, ends"),
    ("be had", "is available"),
    ("clinic's wall", "the clinic's local time"),
    ("on the wall", "local time"),
    ("bears", "has, allows"),
    ("finds no (place|room|space)", "is rejected"),
    ("put aside", "deferred"),
    ("whose it is", "the owner"),
    ("so many", "a number of"),
    ("request itself names", "is in the request"),
    ("kept from", "cannot"),
    ("the way of a request", "how a request is processed"),
    ("what (it|they) took", "duration and cost"),
    ("forgets", "expires"),
    ("(is|are) forgotten", "expires"),
    ("for so long", "for this time"),
    ("so often", "this number of times"),
    ("(appointments?|those) to come", "future appointments"),
    ("sets? right", "corrects, repairs"),
    ("works? for itself", "runs the worker's tasks"),
    ("the trail", "the audit log"),
    ("what is known of", "data of"),
    ("pass(es)? over", "skips, ignores"),
    (r"as [A-Z]\w+( [\w.]+)? has it", "as in, defined in"),
    ("work(s|ed|ing)? off", "processes"),
    ("the same of", "repeat the noun"),
    ("tak(e|es|en|ing) along", "change the status"),
    ("as many as at most", "at most"),
    ("to have it not", "to prevent that, to disable it"),
    ("yours to see", "visible to the caller"),
    ("asks? nobody", "needs no token"),
    (r"in \w+'s place", "instead of"),
    ("makes of it", "derives"),
    ("has no business", "must not"),
    ("on (its|their) way", "in progress, sent"),
    ("(said|says?) of", "about"),
    ("what there is", "what exists"),
];

/// Everything that is wrong, so that one run shows all of it.
#[derive(Default)]
struct Findings {
    found: BTreeSet<(String, usize, String)>,
    /// A sentence that is in a comment and in the document is found once.
    known: BTreeSet<String>,
}

impl Findings {
    fn add(&mut self, file: &str, line: usize, finding: String) {
        self.found.insert((file.to_owned(), line, finding));
    }

    /// Adds the sentences of a Markdown text that are too long. Its first line is line `first` of the file.
    fn add_long_sentences(&mut self, file: &str, first: usize, text: &str) {
        for At { line, it } in parse(text).prose {
            for sentence in sentences(&it) {
                let count = words(&sentence);
                if count > SENTENCE_WORDS && self.known.insert(sentence.clone()) {
                    let start: String = sentence.chars().take(60).collect();
                    let finding = format!("a sentence of {count} words: {start}…");
                    self.add(file, first + line - 1, finding);
                }
            }
        }
    }

    #[track_caller]
    fn expect_none(self, what: &str) {
        let mut list = String::new();
        for (file, line, finding) in &self.found {
            let _ = writeln!(list, "{file}:{line}: {finding}");
        }
        assert!(self.found.is_empty(), "{list}{} {what}", self.found.len());
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|it| it == extension)
}

/// The doc comments of a source file, each with its first line.
fn doc_comments(source: &str) -> Vec<At<String>> {
    let mut comments: Vec<At<String>> = Vec::new();
    let mut before = None;
    for (line, text) in (1..).zip(source.lines()) {
        let text = text.trim_start();
        let doc = ["///", "//!"].into_iter().find_map(|marker| {
            let text = text.strip_prefix(marker)?;
            (!text.starts_with('/')).then_some((marker, text))
        });
        if let Some((marker, text)) = doc {
            // One blank follows the marker; what is indented further may be an item of a list.
            let text = text.strip_prefix(' ').unwrap_or(text);
            match comments.last_mut().filter(|_| before == Some(marker)) {
                Some(comment) => comment.it.extend(["\n", text]),
                None => comments.push(At { line, it: text.to_owned() }),
            }
        }
        before = doc.map(|(marker, _)| marker);
    }
    comments
}

/// Every `description` and `summary` of the document, with its JSON pointer.
fn descriptions(value: &Value, pointer: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                match member.as_str().filter(|_| ["description", "summary"].contains(&&**name)) {
                    Some(text) => found.push((pointer, text.to_owned())),
                    None => descriptions(member, &pointer, found),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                descriptions(item, &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn the_readme_is_one_page() {
    let lines = read(Path::new("README.md")).lines().count();
    assert!(lines <= README_LINES, "README.md has {lines} lines, at most {README_LINES}");
}

#[test]
fn no_sentence_is_long() {
    let mut findings = Findings::default();
    let pages = files(&["README.md", "docs", "src"], |name| has_extension(name, "md"));
    for path in &pages {
        findings.add_long_sentences(path.to_str().unwrap(), 1, &read(path));
    }
    for path in files(&["src"], |name| has_extension(name, "rs")) {
        for At { line, it } in doc_comments(&read(&path)) {
            findings.add_long_sentences(path.to_str().unwrap(), line, &it);
        }
    }
    let mut described = Vec::new();
    descriptions(&DOCUMENT, "", &mut described);
    assert!(pages.len() > 10 && described.len() > 500);
    for (pointer, text) in described {
        findings.add_long_sentences(&format!("openapi/openapi.json {pointer}"), 1, &text);
    }
    findings.expect_none("sentences are too long");
}

#[test]
fn no_coinage_is_left() {
    let texts = files(
        &[
            "README.md",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "Dockerfile",
            "docker-compose.yml",
            "justfile",
            ".ci",
            "docs",
            "src",
            "deploy",
            "migrations-terraform",
        ],
        |name| {
            ["lock", "png", "txt"].iter().all(|it| !has_extension(name, it))
                && name != "package-lock.json"
        },
    );
    let scripts = files(&["tests"], |name| has_extension(name, "sh") || has_extension(name, "py"));
    // A phrase may go on in the next line of a comment.
    let patterns: Vec<_> = COINAGES
        .iter()
        .map(|(phrase, plain)| {
            let phrase = phrase.replace(' ', r"[\s/!#*>]+");
            (Regex::new(&format!(r"\b(?i:{phrase})\b")).unwrap(), plain)
        })
        .collect();
    let mut findings = Findings::default();
    for path in texts.iter().chain(&scripts) {
        let text = read(path);
        for (pattern, plain) in &patterns {
            for found in pattern.find_iter(&text) {
                let line = text[..found.start()].matches('\n').count() + 1;
                let words = found.as_str().split_whitespace();
                let words = words.filter(|word| word.contains(char::is_alphanumeric));
                let phrase = words.collect::<Vec<_>>().join(" ");
                let finding = format!("\"{phrase}\": write {plain}");
                findings.add(path.to_str().unwrap(), line, finding);
            }
        }
    }
    findings.expect_none("old coinages are left");
}

#[test]
fn doc_comments_are_read_as_their_readers_see_them() {
    let source =
        "//! The file.\n\n/// One.\n/// Two.\n///\n/// - three\nfn f() {} // no\n//// no\n";
    let comments = doc_comments(source);
    let expected = [
        At { line: 1, it: "The file.".to_owned() },
        At { line: 3, it: "One.\nTwo.\n\n- three".to_owned() },
    ];
    assert_eq!(comments, expected);
    let long = "word ".repeat(SENTENCE_WORDS + 1);
    let mut findings = Findings::default();
    findings.add_long_sentences(
        "a.md",
        10,
        &format!("Short.\n\n{long}. Short.\n\n| {long} |\n|---|\n"),
    );
    let lines: Vec<_> = findings.found.iter().map(|(_, line, _)| *line).collect();
    assert_eq!(lines, [12, 14]);
}
