//! A line of the log as one flat JSON object, with the names of `docs/operations.md`.

use std::fmt::{self, Debug};

use jiff::Timestamp;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::Record,
};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, format::Writer},
    registry::{LookupSpan, Scope},
};

/// Time, level, target, the fields of our own spans from the outermost to the innermost, and the line's own. Spans of
/// libraries may have fields of any name, and are left out.
pub(super) struct Flat;

impl<S> FormatEvent<S, Members> for Flat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, Members>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        #[expect(clippy::disallowed_methods, reason = "a line tells when it was written")]
        let now = Timestamp::now();
        let metadata = event.metadata();
        write!(line, "{{\"timestamp\":\"{now:.6}\",\"level\":\"{}\"", metadata.level())?;
        line.write_str(",\"target\":")?;
        string(&mut line, metadata.target())?;
        let spans = context.event_scope().into_iter().flat_map(Scope::from_root);
        for span in spans.filter(|span| span.metadata().target().starts_with("clinic_api")) {
            if let Some(fields) = span.extensions().get::<FormattedFields<Members>>() {
                line.write_str(fields.as_str())?;
            }
        }
        context.format_fields(line.by_ref(), event)?;
        line.write_str("}\n")
    }
}

/// Fields as the members of a JSON object that has some already: a comma stands before each. They are written as they
/// come, and each of a span is recorded once; `tracing_subscriber`'s own JSON sorts them in a tree of values first, with each
/// request.
pub(super) struct Members;

impl<'writer> FormatFields<'writer> for Members {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = MemberVisitor { writer, result: Ok(()) };
        fields.record(&mut visitor);
        visitor.result
    }

    fn add_fields(
        &self,
        current: &'writer mut FormattedFields<Self>,
        fields: &Record<'_>,
    ) -> fmt::Result {
        self.format_fields(current.as_writer(), fields)
    }
}

struct MemberVisitor<'writer> {
    writer: Writer<'writer>,
    result: fmt::Result,
}

impl MemberVisitor<'_> {
    fn member(
        &mut self,
        field: &Field,
        value: impl FnOnce(&mut Writer<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let name = field.name();
        self.writer.write_str(",")?;
        string(&mut self.writer, name.strip_prefix("r#").unwrap_or(name))?;
        self.writer.write_str(":")?;
        value(&mut self.writer)
    }

    fn add(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.result.is_ok() {
            self.result = self.member(field, value);
        }
    }
}

impl Visit for MemberVisitor<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no infinities.
        self.add(field, |out| {
            if value.is_finite() { write!(out, "{value}") } else { out.write_str("null") }
        });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, |out| write!(out, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, |out| write!(out, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, |out| write!(out, "{value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, |out| string(out, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // First: a value that can't be told leaves no half of a member behind.
        let text = format!("{value:?}");
        self.add(field, |out| string(out, &text));
    }
}

/// A string of JSON (RFC 8259, section 7).
fn string(out: &mut Writer<'_>, text: &str) -> fmt::Result {
    if text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        return out.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?);
    }
    out.write_str("\"")?;
    out.write_str(text)?;
    out.write_str("\"")
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    #[test]
    fn a_line_is_one_flat_object_whatever_stands_in_it() {
        let lines = tempfile::NamedTempFile::new().unwrap();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(Members)
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
            tracing::info!(
                "error.type" = nothing,
                error.message = "a \"quote\"\n}{\u{1}\\",
                patients = -7_i64,
                r#type = ?Some("a \"quote\""),
                share = 0.5,
                infinite = f64::INFINITY,
                told = true,
                "a line of {}\n",
                "zoë"
            );
        });
        let logged = std::fs::read_to_string(lines.path()).unwrap();
        assert_eq!(logged.lines().count(), 1, "{logged}");
        let mut line: Map<String, Value> = serde_json::from_str(&logged).unwrap();
        let time = line.remove("timestamp").unwrap();
        assert_eq!(time.as_str().unwrap().len(), "2026-11-26T08:00:00.000000Z".len(), "{time}");
        let expected = json!({
            "level": "INFO", "target": module_path!(), "http.route": "/a", "trace_id": "0af7",
            "error.message": "a \"quote\"\n}{\u{1}\\", "message": "a line of zoë\n",
            "patients": -7, "type": "Some(\"a \\\"quote\\\"\")", "share": 0.5,
            "infinite": null, "told": true,
        });
        assert_eq!(Value::Object(line), expected);
    }
}
