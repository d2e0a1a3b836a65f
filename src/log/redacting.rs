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

/// Rebuilds each event and span from what the rules leave of it, and hands that to the layer behind.
///
/// What is not for the log never gets past here, so a sink cannot forget to look. What is not written at all (too
/// unimportant, or another library's) is turned away before it is even put together.
pub struct Redacting {
    rules: Arc<Rules>,
    behind: Box<dyn Layer<Registry> + Send + Sync>,
}

impl Redacting {
    /// In front of `behind`.
    pub fn new(rules: Arc<Rules>, behind: impl Layer<Registry> + Send + Sync) -> Self {
        Self { rules, behind: Box::new(behind) }
    }

    /// The values of a record that may be written, in the places of its fields.
    fn clean(&self, fields: usize, record: impl FnOnce(&mut Cleaner<'_>)) -> Vec<Option<Clean>> {
        let mut cleaner = Cleaner::new(&self.rules, fields);
        record(&mut cleaner);
        cleaner.into_values()
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
        let clean = self.clean(metadata.fields().len(), |cleaner| event.record(cleaner));
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
