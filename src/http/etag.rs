//! `ETag`s from revisions, and the preconditions `If-Match` and `If-None-Match` (RFC 9110, sections
//! 8.8.3 and 13.1).

use axum::http::{HeaderMap, HeaderValue, header};

use crate::{
    error::{ApiError, ErrorCode},
    store::Precondition,
};

/// Returns the strong `ETag` of a revision.
pub fn etag(rev: u64) -> String {
    format!("\"{rev}\"")
}

/// The codings that responses may have.
const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];

/// The entity tag of a compressed response: `"3"` becomes `"3-gzip"`. None for a tag that is not strong.
pub fn of_coding(tag: &HeaderValue, coding: &HeaderValue) -> Option<HeaderValue> {
    let opaque = tag.to_str().ok()?.strip_prefix('"')?.strip_suffix('"')?;
    HeaderValue::try_from(format!("\"{opaque}-{}\"", coding.to_str().ok()?)).ok()
}

/// The opaque part of an entity tag, without the coding.
fn without_coding(tag: &str) -> Option<&str> {
    let opaque = tag.strip_prefix('"')?.strip_suffix('"')?;
    let (before, coding) = opaque.rsplit_once('-').unwrap_or((opaque, ""));
    Some(if CODINGS.contains(&coding) { before } else { opaque })
}

/// The values of `If-None-Match`.
pub fn if_none_match(headers: &HeaderMap) -> Vec<HeaderValue> {
    headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect()
}

/// Returns whether `If-None-Match` lists exactly this tag, or is `*`. Weak tags match, because the comparison is weak.
pub fn lists(sent: &[HeaderValue], current: &HeaderValue) -> bool {
    tags(sent, "If-None-Match").ok().flatten().is_some_and(|tags| has(&tags, current))
}

fn has(tags: &[&str], current: &HeaderValue) -> bool {
    tags.iter().any(|tag| *tag == "*" || tag.trim_start_matches("W/") == current)
}

/// The tag of a 304: the current tag if `If-None-Match` lists it, otherwise the first tag there that names the current
/// revision in another coding.
pub fn of_not_modified(sent: &[HeaderValue], current: &HeaderValue) -> Option<HeaderValue> {
    let tags = tags(sent, "If-None-Match").ok()??;
    if has(&tags, current) {
        return Some(current.clone());
    }
    let opaque = without_coding(current.to_str().ok()?);
    let mut strong = tags.into_iter().map(|tag| tag.trim_start_matches("W/"));
    let same = strong.find(|tag| without_coding(tag) == opaque)?;
    HeaderValue::from_str(same).ok()
}

/// Parses the preconditions of a write. Both headers must allow it.
pub fn precondition(headers: &HeaderMap) -> Result<Precondition, ApiError> {
    let allowed = if_match(headers)?;
    let Some(tags) = tags(headers.get_all(header::IF_NONE_MATCH), "If-None-Match")? else {
        return Ok(allowed);
    };
    if tags.contains(&"*") {
        // Every write to a record requires that it exists, and this allows no existing record.
        return Ok(Precondition::Revisions(Vec::new()));
    }
    let excluded: Vec<_> =
        tags.iter().filter_map(|tag| rev(tag.trim_start_matches("W/"))).collect();
    Ok(match allowed {
        Precondition::Revisions(mut allowed) => {
            allowed.retain(|rev| !excluded.contains(rev));
            Precondition::Revisions(allowed)
        }
        _ => Precondition::Except(excluded),
    })
}

/// Parses `If-Match`. Weak tags never match, because the comparison is strong.
fn if_match(headers: &HeaderMap) -> Result<Precondition, ApiError> {
    let Some(tags) = tags(headers.get_all(header::IF_MATCH), "If-Match")? else {
        return Ok(Precondition::None);
    };
    if tags.contains(&"*") {
        // `*` adds nothing: every write requires that the record exists.
        return Ok(Precondition::None);
    }
    let revs = tags.iter().filter_map(|tag| rev(tag)).collect();
    Ok(Precondition::Revisions(revs))
}

/// Returns whether `If-None-Match` lists the current revision. Weak tags match, because the
/// comparison is weak.
pub fn none_match(sent: &[HeaderValue], current: u64) -> Result<bool, ApiError> {
    let tags = tags(sent, "If-None-Match")?.unwrap_or_default();
    let names = |tag: &&str| *tag == "*" || rev(tag.trim_start_matches("W/")) == Some(current);
    Ok(tags.iter().any(names))
}

/// The maximum number of entity tags in a header.
const MAX_TAGS: usize = 50;

fn tags<'a>(
    sent: impl IntoIterator<Item = &'a HeaderValue>,
    name: &'static str,
) -> Result<Option<Vec<&'a str>>, ApiError> {
    let malformed = || {
        let message = "must be * or a comma-separated list of entity tags in double quotes";
        ApiError::field(ErrorCode::InvalidParameter, name, message)
    };
    let (mut tags, mut values) = (Vec::new(), 0);
    for value in sent {
        values += 1;
        tags.extend(value.to_str().ok().and_then(split).ok_or_else(malformed)?);
    }
    // A header without a tag is a mistake of the client. It does not mean `*`.
    if tags.is_empty() && values > 0 {
        return Err(malformed());
    }
    if tags.len() > MAX_TAGS {
        let message = format!("must not have more than {MAX_TAGS} entity tags");
        return Err(ApiError::field(ErrorCode::InvalidParameter, name, message));
    }
    Ok((!tags.is_empty()).then_some(tags))
}

/// Splits a list of entity tags, which may contain commas (RFC 9110, sections 5.6.1 and 8.8.3).
fn split(mut list: &str) -> Option<Vec<&str>> {
    let mut tags = Vec::new();
    loop {
        list = list.trim_start_matches([' ', '\t', ',']);
        if list.is_empty() {
            return Some(tags);
        }
        let opening = if list.starts_with("W/\"") { 3 } else { 1 };
        let end = match list.as_bytes()[0] {
            b'*' => 1,
            b'"' | b'W' if list.len() > opening => opening + list[opening..].find('"')? + 1,
            _ => return None,
        };
        let (tag, rest) = list.split_at(end);
        list = rest.trim_start_matches([' ', '\t']);
        if !list.is_empty() && !list.starts_with(',') {
            return None;
        }
        tags.push(tag);
    }
}

fn rev(tag: &str) -> Option<u64> {
    let digits = without_coding(tag)?;
    // Accept only the form that `etag` writes: no sign, no leading zero.
    digits.parse().ok().filter(|rev: &u64| rev.to_string() == digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn if_match_takes_strong_tags_of_ours_alone() {
        let revs = |value| if_match(&headers(header::IF_MATCH, value)).unwrap();
        assert_eq!(revs("\"3\""), Precondition::Revisions(vec![3]));
        assert_eq!(revs("\"3\", \"4\""), Precondition::Revisions(vec![3, 4]));
        assert_eq!(revs("*"), Precondition::None);
        assert_eq!(revs("\"3-br\", \"4-gzip\""), Precondition::Revisions(vec![3, 4]));
        for never in ["W/\"3\"", "\"03\"", "\"+3\"", "\"abc\"", "\"3-deflate\"", "\"3-gzip-gzip\""]
        {
            assert_eq!(revs(never), Precondition::Revisions(vec![]), "{never}");
        }
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), Precondition::None);
        assert_eq!(revs("\"a,b\" ,, \"3\","), Precondition::Revisions(vec![3]));
        let many = vec!["\"1\""; MAX_TAGS + 1].join(", ");
        for bad in ["", ",", "3", "\"3", "\"3\"4", "W/3", "W/\"3", "\"3\" \"4\"", &many] {
            assert!(if_match(&headers(header::IF_MATCH, bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn if_none_match_compares_weakly() {
        let matches = |value| none_match(&[HeaderValue::from_static(value)], 3).unwrap();
        assert!(matches("\"3\"") && matches("W/\"3\"") && matches("\"1\", \"3\"") && matches("*"));
        assert!(matches("\"3-zstd\"") && matches("W/\"3-gzip\""));
        assert!(!matches("\"4\"") && !matches("\"4-gzip\""));
    }

    #[test]
    fn a_write_with_if_none_match_is_refused_at_the_listed_revisions() {
        let of = |pairs: &[(header::HeaderName, &'static str)]| {
            let pairs = pairs.iter().cloned();
            precondition(&pairs.map(|(name, tag)| (name, HeaderValue::from_static(tag))).collect())
        };
        let (none_match, matching) = (header::IF_NONE_MATCH, header::IF_MATCH);
        let except = of(&[(none_match.clone(), "\"3\", W/\"4-gzip\", \"x\"")]).unwrap();
        assert_eq!(except, Precondition::Except(vec![3, 4]));
        assert!(except.check(4).is_err() && except.check(5).is_ok());
        let nothing = of(&[(none_match.clone(), "*"), (matching.clone(), "\"3\"")]).unwrap();
        assert_eq!(nothing, Precondition::Revisions(vec![]));
        let both = of(&[(none_match.clone(), "\"3\""), (matching, "\"3\", \"4\"")]).unwrap();
        assert_eq!(both, Precondition::Revisions(vec![4]));
        assert!(of(&[(none_match, "3")]).is_err());
        assert_eq!(of(&[]).unwrap(), Precondition::None);
    }

    #[test]
    fn a_304_has_a_tag_that_the_caller_sent() {
        let value = HeaderValue::from_static;
        let gzip = of_coding(&value("\"a-b\""), &value("gzip")).unwrap();
        assert_eq!(gzip, "\"a-b-gzip\"");
        assert_eq!(of_coding(&value("W/\"a\""), &value("gzip")), None);
        for (sent, echoed) in [
            ("\"a-b\"", Some("\"a-b\"")),
            ("\"x\", W/\"a-b-gzip\"", Some("\"a-b-gzip\"")),
            ("*", Some("\"a-b\"")),
            ("\"a\"", None),
            ("a-b", None),
        ] {
            let tag = of_not_modified(&[value(sent)], &value("\"a-b\""));
            assert_eq!(tag, echoed.map(value), "{sent}");
        }
        assert_eq!(of_not_modified(&[], &value("\"a-b\"")), None);
        let both = [value("\"a-br\", \"a-gzip\"")];
        assert_eq!(of_not_modified(&both, &value("\"a-gzip\"")), Some(value("\"a-gzip\"")));
        assert!(lists(&both, &value("\"a-br\"")) && !lists(&both, &value("\"a\"")));
    }
}
