//! `ETags` from revisions, and the preconditions that callers make of them (RFC 9110, sections 8.8.3 and 13.1).

use axum::http::{HeaderMap, HeaderValue, header};

use crate::{
    error::{ApiError, ErrorCode},
    store::Precondition,
};

/// The strong `ETag` of a revision.
pub fn etag(rev: u64) -> String {
    format!("\"{rev}\"")
}

/// What `If-Match` asks for. Weak tags never match, as the comparison is a strong one.
pub fn if_match(headers: &HeaderMap) -> Result<Precondition, ApiError> {
    let Some(tags) = tags(headers.get_all(header::IF_MATCH), &header::IF_MATCH)? else {
        return Ok(Precondition::None);
    };
    if tags.contains(&"*") {
        // Every write of ours demands that the record is there.
        return Ok(Precondition::None);
    }
    let revs = tags.iter().filter_map(|tag| rev(tag)).collect();
    Ok(Precondition::Revisions(revs))
}

/// Whether what was sent as `If-None-Match` names the revision; weak tags match as well, as the comparison is a weak one.
pub fn none_match(sent: &[HeaderValue], current: u64) -> Result<bool, ApiError> {
    let tags = tags(sent, &header::IF_NONE_MATCH)?.unwrap_or_default();
    let names = |tag: &&str| *tag == "*" || rev(tag.trim_start_matches("W/")) == Some(current);
    Ok(tags.iter().any(names))
}

/// The most entity tags that a header may name; DynamoDB compares with 100 at once.
const MAX_TAGS: usize = 50;

fn tags<'a>(
    sent: impl IntoIterator<Item = &'a HeaderValue>,
    name: &header::HeaderName,
) -> Result<Option<Vec<&'a str>>, ApiError> {
    let malformed = || {
        let message = "must be entity tags in double quotes, parted by commas, or *";
        ApiError::field(ErrorCode::InvalidParameter, name.as_str(), message)
    };
    let (mut tags, mut values) = (Vec::new(), 0);
    for value in sent {
        values += 1;
        tags.extend(value.to_str().ok().and_then(split).ok_or_else(malformed)?);
    }
    // Whoever sends the header without a tag has lost it, and does not mean "whatever stands there".
    if tags.is_empty() && values > 0 {
        return Err(malformed());
    }
    if tags.len() > MAX_TAGS {
        let message = format!("must not have more than {MAX_TAGS} entity tags");
        return Err(ApiError::field(ErrorCode::InvalidParameter, name.as_str(), message));
    }
    Ok((!tags.is_empty()).then_some(tags))
}

/// The elements of a list of entity tags, in which commas may stand (RFC 9110, sections 5.6.1 and 8.8.3).
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
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    // Only the form that we write: no sign, no leading zero.
    let rev = digits.parse().ok()?;
    (etag(rev) == tag).then_some(rev)
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
        for never in ["W/\"3\"", "\"03\"", "\"+3\"", "\"abc\""] {
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
        assert!(!matches("\"4\""));
    }
}
