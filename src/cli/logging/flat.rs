//! A line of the log as one flat JSON object, with the names of `docs/operations.md`.

use std::fmt;

use serde_json::Value;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields as _, FormattedFields,
        format::{JsonFields, Writer},
        time::{FormatTime as _, SystemTime},
    },
    registry::{LookupSpan, Scope},
};

/// Time, level, target, the fields of our own spans from the outermost to the innermost, and the line's own. Spans of
/// libraries may have fields of any name, and are left out.
pub(super) struct Flat;

impl<S> FormatEvent<S, JsonFields> for Flat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        line.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut line)?;
        let target = Value::from(metadata.target());
        write!(line, "\",\"level\":\"{}\",\"target\":{target}", metadata.level())?;
        let spans = context.event_scope().into_iter().flat_map(Scope::from_root);
        for span in spans.filter(|span| span.metadata().target().starts_with("clinic_api")) {
            if let Some(fields) = span.extensions().get::<FormattedFields<JsonFields>>() {
                members(&mut line, fields.as_str())?;
            }
        }
        let mut own = String::new();
        context.format_fields(Writer::new(&mut own), event)?;
        members(&mut line, &own)?;
        writeln!(line, "}}")
    }
}

/// Adds the members of a JSON object to another one.
fn members(line: &mut Writer<'_>, object: &str) -> fmt::Result {
    let members = object.strip_prefix('{').and_then(|object| object.strip_suffix('}'));
    match members.filter(|members| !members.is_empty()) {
        Some(members) => write!(line, ",{members}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_flat_object_whatever_stands_in_it() {
        let lines = tempfile::NamedTempFile::new().unwrap();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(JsonFields::new())
            .event_format(Flat)
            .with_writer(lines.reopen().unwrap())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let outer =
                tracing::info_span!("outer", http.route = "/a", trace_id = tracing::field::Empty);
            outer.record("trace_id", "0af7");
            let _outer = outer.entered();
            let _inner = tracing::info_span!("inner").entered();
            let _foreign = tracing::info_span!(target: "hyper", "x", http.route = "/b").entered();
            let nothing: Option<&str> = None;
            tracing::info!("error.type" = nothing, error.message = "a \"quote\"\n}{", "a line\n");
        });
        let logged = std::fs::read_to_string(lines.path()).unwrap();
        assert_eq!(logged.lines().count(), 1, "{logged}");
        let mut line: serde_json::Map<String, Value> = serde_json::from_str(&logged).unwrap();
        assert!(line.remove("timestamp").is_some_and(|it| it.as_str().unwrap().ends_with('Z')));
        let expected = serde_json::json!({
            "level": "INFO", "target": module_path!(), "http.route": "/a", "trace_id": "0af7",
            "error.message": "a \"quote\"\n}{", "message": "a line\n",
        });
        assert_eq!(Value::Object(line), expected);
    }
}
