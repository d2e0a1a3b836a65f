//! Records as lines, for people or as JSON.

use std::fmt::Write;
use std::sync::Arc;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{Registry, SpanRef};

use super::fields::Clean;
use super::output::Output;
use super::rules::is_ours;
use super::spelled::{put_escaped, put_values, steers};
use crate::clock;
use tradingbot_domain::Timestamp;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineFormat {
    /// `2026-01-31T12:00:00.000Z INFO  message key=value`, and nothing in it that could end the line or steer a terminal.
    Plain,
    /// One JSON object: `time`, `level`, `target`, `message`, `fields`, and `spans` from the outermost.
    Json,
}

/// Writes one line a record. To be put behind [`super::Redacting`], never alone.
pub struct Lines {
    format: LineFormat,
    output: Arc<Output>,
}

impl Lines {
    /// Lines to `output`.
    #[must_use]
    pub const fn new(format: LineFormat, output: Arc<Output>) -> Self {
        Self { format, output }
    }
}

impl Layer<Registry> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, Registry>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(fields);
        }
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, Registry>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            record.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, Registry>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message = fields.take_message();
        let spans = context.event_scope(event).map(|scope| scope.from_root().collect()).unwrap_or_default();
        let line = Line { now: clock::now(), metadata: event.metadata(), message, fields, spans };
        let mut text = match self.format {
            LineFormat::Plain => line.plain(),
            LineFormat::Json => line.json(),
        };
        text.push('\n');
        self.output.write(text.as_bytes());
    }
}

/// Names and values, in the order in which they came.
#[derive(Debug, Default)]
struct Fields(Vec<(&'static str, Clean)>);

impl Fields {
    fn put(&mut self, field: &Field, value: Clean) {
        match self.0.iter_mut().find(|(name, _)| *name == field.name()) {
            Some((_, place)) => *place = value,
            None => self.0.push((field.name(), value)),
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&'static str, &Clean)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    fn take_message(&mut self) -> String {
        match self.0.iter().position(|(name, _)| *name == "message").map(|at| self.0.remove(at)) {
            Some((_, Clean::Text(text))) => text,
            Some((_, other)) => format!("{other}"),
            None => String::new(),
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Clean::Float(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Clean::Signed(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Clean::Unsigned(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.put(field, Clean::Wide(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put(field, Clean::UnsignedWide(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Clean::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Clean::Text(value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.put(field, Clean::Text(format!("{value:?}")));
    }
}

/// One record, put together.
struct Line<'a> {
    now: Timestamp,
    metadata: &'a Metadata<'a>,
    message: String,
    fields: Fields,
    spans: Vec<SpanRef<'a, Registry>>,
}

impl Line<'_> {
    fn plain(&self) -> String {
        let mut line = String::with_capacity(LINE_BYTES);
        let _ = write!(line, "{} {:<5} ", instant(self.now), self.metadata.level().as_str());
        if !is_ours(self.metadata.target()) {
            let _ = write!(line, "{}: ", self.metadata.target());
        }
        put_escaped(&mut line, &self.message);
        put_values(&mut line, self.fields.iter());
        for span in self.spans.iter().rev() {
            if let Some(fields) = span.extensions().get::<Fields>() {
                put_values(&mut line, fields.iter());
            }
        }
        line
    }

    fn json(&self) -> String {
        let text = serde_json::to_string(self).expect("a record has text keys and no value that JSON lacks");
        if !text.contains(steers) {
            return text;
        }
        // They can only stand inside of a string, where JSON has an escape for them.
        text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
            let _ = if steers(c) { write!(escaped, "\\u{:04x}", u32::from(c)) } else { escaped.write_char(c) };
            escaped
        })
    }
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("time", &instant(self.now))?;
        line.serialize_entry("level", level(*self.metadata.level()))?;
        line.serialize_entry("target", self.metadata.target())?;
        line.serialize_entry("message", &self.message)?;
        if !self.fields.0.is_empty() {
            line.serialize_entry("fields", &self.fields)?;
        }
        if !self.spans.is_empty() {
            line.serialize_entry("spans", &Spans(&self.spans))?;
        }
        line.end()
    }
}

struct Spans<'a, 'b>(&'a [SpanRef<'b, Registry>]);

impl Serialize for Spans<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Named<'a> {
            name: &'a str,
            fields: Option<&'a Fields>,
        }
        let mut spans = serializer.serialize_seq(Some(self.0.len()))?;
        for span in self.0 {
            spans.serialize_element(&Named { name: span.name(), fields: span.extensions().get::<Fields>() })?;
        }
        spans.end()
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// With milliseconds, always.
fn instant(now: Timestamp) -> String {
    let text = Timestamp::from_millis(now.millis()).unwrap_or(now).to_string();
    if text.contains('.') { text } else { text.replace('Z', ".000Z") }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

const LINE_BYTES: usize = 256;
