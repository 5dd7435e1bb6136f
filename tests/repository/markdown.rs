//! Markdown as its readers see it: prose with its lines, links, anchors and code blocks.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// The folder of this repository.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Something at a line, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub struct At<T> {
    pub line: usize,
    pub it: T,
}

/// A parsed text.
#[derive(Debug, Default)]
pub struct Page {
    /// Paragraphs, headings, items and cells of tables, each as one line of text. A span of code is one word.
    pub prose: Vec<At<String>>,
    /// The targets of links and images.
    pub links: Vec<At<String>>,
    /// The anchors of headings, as GitHub makes them.
    pub anchors: Vec<String>,
    /// Code blocks with their language.
    pub code: Vec<At<(String, String)>>,
}

/// The word that stands for a span of code.
const CODE: &str = "`code`";

pub fn parse(text: &str) -> Page {
    let mut page = Page::default();
    let line_at = |offset: usize| text[..offset].matches('\n').count() + 1;
    let mut prose = At { line: 1, it: String::new() };
    let mut heading: Option<String> = None;
    let mut code: Option<At<(String, String)>> = None;
    let mut repeated: BTreeMap<String, usize> = BTreeMap::new();
    let flush = |prose: &mut At<String>, page: &mut Page| {
        let it = std::mem::take(&mut prose.it);
        if !it.trim().is_empty() {
            page.prose.push(At { line: prose.line, it });
        }
    };
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        let mut say = |words: &str| {
            if prose.it.is_empty() {
                prose.line = line_at(range.start);
            }
            prose.it.push_str(words);
        };
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                flush(&mut prose, &mut page);
                let language = match kind {
                    CodeBlockKind::Fenced(language) => language.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                code = Some(At { line: line_at(range.start), it: (language, String::new()) });
            }
            Event::End(TagEnd::CodeBlock) => page.code.extend(code.take()),
            Event::Text(words) => {
                if let Some(code) = &mut code {
                    code.it.1.push_str(&words);
                    continue;
                }
                say(&words);
                if let Some(heading) = &mut heading {
                    heading.push_str(&words);
                }
            }
            Event::Code(words) => {
                say(CODE);
                if let Some(heading) = &mut heading {
                    heading.push_str(&words);
                }
            }
            Event::SoftBreak | Event::HardBreak => say(" "),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(At { line: line_at(range.start), it: dest_url.to_string() });
            }
            Event::Start(Tag::Heading { .. }) => {
                flush(&mut prose, &mut page);
                heading = Some(String::new());
            }
            Event::End(TagEnd::Heading(_)) => {
                flush(&mut prose, &mut page);
                let slug = slug(&heading.take().unwrap_or_default());
                let before = repeated.entry(slug.clone()).or_default();
                page.anchors.push(if *before == 0 { slug } else { format!("{slug}-{before}") });
                *before += 1;
            }
            Event::Start(
                Tag::Paragraph | Tag::Item | Tag::List(_) | Tag::TableCell | Tag::BlockQuote(_),
            )
            | Event::End(
                TagEnd::Paragraph
                | TagEnd::Item
                | TagEnd::List(_)
                | TagEnd::TableCell
                | TagEnd::BlockQuote(_),
            ) => flush(&mut prose, &mut page),
            _ => {}
        }
    }
    flush(&mut prose, &mut page);
    page
}

/// The anchor of a heading on GitHub.
fn slug(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|it| it.is_alphanumeric() || [' ', '-', '_'].contains(it));
    kept.map(|it| if it == ' ' { '-' } else { it }).collect()
}

/// The sentences of a piece of prose.
pub fn sentences(prose: &str) -> Vec<String> {
    let mut sentences = vec![String::new()];
    for word in prose.split_whitespace() {
        let sentence = sentences.last_mut().unwrap();
        if !sentence.is_empty() {
            sentence.push(' ');
        }
        sentence.push_str(word);
        if word.trim_end_matches([')', '"', '\'', '*', '_', '”', '’']).ends_with(['.', '!', '?'])
        {
            sentences.push(String::new());
        }
    }
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// How many words a sentence has; a dash between spaces is none.
pub fn words(sentence: &str) -> usize {
    let words = sentence.split_whitespace();
    words.filter(|word| word.chars().any(char::is_alphanumeric)).count()
}

/// The files under a folder or at a path whose names fit, as paths from the root.
pub fn files(paths: &[&str], fits: fn(&str) -> bool) -> Vec<PathBuf> {
    fn add(path: &Path, fits: fn(&str) -> bool, found: &mut Vec<PathBuf>) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            // What tools install or leave behind.
            if ["node_modules", "venv", "__pycache__", ".terraform"].contains(&name) {
                return;
            }
            let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
            let mut entries: Vec<_> = entries.collect();
            entries.sort();
            for entry in entries {
                add(&entry, fits, found);
            }
        } else if fits(name) {
            found.push(path.strip_prefix(ROOT).unwrap().to_owned());
        }
    }
    let mut found = Vec::new();
    for path in paths {
        add(&Path::new(ROOT).join(path), fits, &mut found);
    }
    found
}

/// A file of the repository.
pub fn read(path: &Path) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

/// The documents of this repository.
pub fn documents() -> Vec<PathBuf> {
    let all = [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs",
        "deploy",
        "migrations-terraform",
        "src",
    ];
    files(&all, |name| Path::new(name).extension().is_some_and(|it| it == "md"))
}

#[test]
fn prose_is_read_with_its_lines() {
    let page = parse(
        "# The `a` of *it*\n\nOne. Two [x](y.md)\nis `long code`.\n\n- item\n\n| a | b |\n|---|---|\n| c | d e |\n\n```sh\nrun\n```\n## The a of it\n",
    );
    let prose: Vec<_> = page.prose.iter().map(|at| (at.line, at.it.as_str())).collect();
    let expected = [
        (1, "The `code` of it"),
        (3, "One. Two x is `code`."),
        (6, "item"),
        (8, "a"),
        (8, "b"),
        (10, "c"),
        (10, "d e"),
        (15, "The a of it"),
    ];
    assert_eq!(prose, expected);
    assert_eq!(page.links, [At { line: 4 - 1, it: "y.md".to_owned() }]);
    assert_eq!(page.anchors, ["the-a-of-it", "the-a-of-it-1"]);
    assert_eq!(page.code, [At { line: 12, it: ("sh".to_owned(), "run\n".to_owned()) }]);
    assert_eq!(
        sentences("One. Two (three). \"Four?\" Five"),
        ["One.", "Two (three).", "\"Four?\"", "Five"]
    );
    assert_eq!(words("a — b `code`."), 3);
}
