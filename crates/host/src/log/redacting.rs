//! The layer that everything goes through before any sink sees it.

use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::Registry;

use super::fields::{Clean, Cleaner};
use super::rules::Rules;
use super::spelled::{put_escaped, put_values};

/// Rebuilds each event and span from what the rules leave of it, and hands that to the layer behind.
///
/// What is not for the log never gets past here, so a sink cannot forget to look. What is not written at all (too
/// unimportant, or another library's) is turned away before it is even put together.
pub struct Redacting {
    rules: Arc<Rules>,
    behind: Box<dyn Layer<Registry> + Send + Sync>,
    spells_out: bool,
}

impl Redacting {
    /// In front of `behind`.
    pub fn new(rules: Arc<Rules>, behind: impl Layer<Registry> + Send + Sync) -> Self {
        Self { rules, behind: Box::new(behind), spells_out: false }
    }

    /// Puts the values of an event after its message too, for a sink that shows people only that.
    #[must_use]
    pub fn spelling_out(self) -> Self {
        Self { spells_out: true, ..self }
    }

    /// The values of a record that may be written, in the places of its fields.
    fn clean(&self, fields: usize, record: impl FnOnce(&mut Cleaner<'_>)) -> Vec<Option<Clean>> {
        let mut cleaner = Cleaner::new(&self.rules, fields);
        record(&mut cleaner);
        cleaner.into_values()
    }
}

/// Makes of the message and the other values the message that people read.
fn spell_out(metadata: &Metadata<'_>, clean: &mut [Option<Clean>]) {
    let Some(message) = metadata.fields().field("message") else { return };
    let mut text = String::new();
    match clean.get(message.index()) {
        Some(Some(Clean::Text(said))) => put_escaped(&mut text, said),
        Some(_) | None => return,
    }
    let others = metadata.fields().iter().zip(&*clean).filter(|(field, _)| field.index() != message.index());
    put_values(&mut text, others.filter_map(|(field, value)| Some((field.name(), value.as_ref()?))));
    if let Some(place) = clean.get_mut(message.index()) {
        *place = Some(Clean::Text(text));
    }
}

/// Calls `$then` with the set of values that belongs to `$metadata`.
macro_rules! with_values {
    ($metadata:expr, $clean:expr, |$values:ident| $then:expr) => {{
        let clean = $clean;
        let references: Vec<_> = clean.iter().map(|value| value.as_ref().map(Clean::as_value)).collect();
        let $values = $metadata.fields().value_set_all(&references);
        $then
    }};
}

impl Layer<Registry> for Redacting {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.rules.admits(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, Registry>) -> bool {
        self.rules.admits(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::from_level(self.rules.level()))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, Registry>) {
        let metadata = attributes.metadata();
        let clean = self.clean(metadata.fields().len(), |cleaner| attributes.record(cleaner));
        with_values!(metadata, clean, |values| {
            let attributes = if attributes.is_root() {
                Attributes::new_root(metadata, &values)
            } else if let Some(parent) = attributes.parent() {
                Attributes::child_of(parent.clone(), metadata, &values)
            } else {
                Attributes::new(metadata, &values)
            };
            self.behind.on_new_span(&attributes, id, context);
        });
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, Registry>) {
        let Some(metadata) = context.metadata(id) else { return };
        let clean = self.clean(metadata.fields().len(), |cleaner| record.record(cleaner));
        with_values!(metadata, clean, |values| self.behind.on_record(id, &Record::new(&values), context));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, Registry>) {
        let metadata = event.metadata();
        let mut clean = self.clean(metadata.fields().len(), |cleaner| event.record(cleaner));
        if self.spells_out {
            spell_out(metadata, &mut clean);
        }
        with_values!(metadata, clean, |values| {
            let event = if event.is_root() {
                Event::new_child_of(None, metadata, &values)
            } else if let Some(parent) = event.parent() {
                Event::new_child_of(parent.clone(), metadata, &values)
            } else {
                Event::new(metadata, &values)
            };
            self.behind.on_event(&event, context);
        });
    }

    fn on_layer(&mut self, subscriber: &mut Registry) {
        self.behind.on_layer(subscriber);
    }

    fn on_follows_from(&self, span: &Id, follows: &Id, context: Context<'_, Registry>) {
        self.behind.on_follows_from(span, follows, context);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, Registry>) {
        self.behind.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, Registry>) {
        self.behind.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, Registry>) {
        self.behind.on_close(id, context);
    }
}
