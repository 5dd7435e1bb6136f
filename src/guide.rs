//! The guide: the pages about the API that the service serves beside its document.

use std::{collections::BTreeMap, fmt::Write as _, sync::LazyLock};

macro_rules! pages {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../docs/", $name)))),*]
    };
}

/// The pages by name, in the order of the index.
pub const PAGES: &[(&str, &str)] = pages![
    "tour.md",
    "scheduling.md",
    "patients.md",
    "conventions.md",
    "errors.md",
    "authorisation.md",
    "events.md",
    "clients.md",
];

/// The path of the index, under which the pages are.
pub const PATH: &str = "/guide";

/// The pages as they are served, by name.
static SERVED: LazyLock<BTreeMap<&str, String>> = LazyLock::new(|| {
    PAGES.iter().map(|(name, text)| (*name, with_served_links(name, text))).collect()
});

/// A page as it is served, by its name.
pub fn page(name: &str) -> Option<&'static str> {
    SERVED.get(name).map(String::as_str)
}

/// The part of the page of errors about one code.
pub fn problem(code: &str) -> Option<&'static str> {
    let errors = page("errors.md")?;
    let heading = format!("`{code}`");
    let mut parts = errors.split("\n### ");
    parts.find(|part| part.lines().next() == Some(&heading))
}

/// The index: every page with its title.
pub fn index() -> String {
    let mut index = "# Guide\n\nThe pages about the API. The document is at [/openapi.json](/openapi.json), and as a page at [/docs/](/docs/).\n\n".to_owned();
    for (name, text) in PAGES {
        let title = text.lines().next().unwrap_or_default().trim_start_matches("# ");
        let _ = writeln!(index, "- [{title}]({PATH}/{name})");
    }
    index
}

/// A page in which every link works where the service serves it. A link to a page of the guide becomes a path. Of a link to
/// another file of the repository only the text stays.
fn with_served_links(name: &str, text: &str) -> String {
    let mut served = String::with_capacity(text.len());
    let mut is_code = false;
    for line in text.split_inclusive('\n') {
        is_code ^= line.trim_start().starts_with("```");
        let mut rest = line;
        while !is_code
            && let Some((before, after)) = rest.split_once("](")
            && let Some((target, after)) = after.split_once(')')
        {
            served.push_str(before);
            let (page, anchor) = target.split_once('#').unwrap_or((target, ""));
            let page = if page.is_empty() { name } else { page };
            let hash = if anchor.is_empty() { "" } else { "#" };
            if target.contains("://") || target.starts_with('/') {
                let _ = write!(served, "]({target})");
            } else if PAGES.iter().any(|(served, _)| *served == page) {
                let _ = write!(served, "]({PATH}/{page}{hash}{anchor})");
            } else if let Some(start) = served.rfind('[') {
                served.remove(start);
            }
            rest = after;
        }
        served.push_str(rest);
    }
    served
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_pages_of_the_guide_or_are_text() {
        let page = "See [the\npolicy](authorisation.md#roles), [below](#entries), [flags](configuration.md),\n\
            [code](../src/main.rs), [RFC](https://rfc.example/x) and [/docs](/docs/).\n\
            ```\n[a](b.md)\n```\n[end](events.md)";
        let served = "See [the\npolicy](/guide/authorisation.md#roles), [below](/guide/errors.md#entries), flags,\n\
            code, [RFC](https://rfc.example/x) and [/docs](/docs/).\n\
            ```\n[a](b.md)\n```\n[end](/guide/events.md)";
        assert_eq!(with_served_links("errors.md", page), served);
    }
}
