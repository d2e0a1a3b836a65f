//! Reads a parsed file key by key, keeps the place of each, and goes on after a fault to find the next.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::redact::{names_a_secret, without_fragments};

use super::fault::Fault;
use super::key::{Key, Presence, Table};
use super::leak::Leaks;
use super::suggest::nearest;
use super::value::Value;

/// The file, where each key stands in it, and the faults so far.
#[derive(Debug)]
pub struct Reader<'t> {
    text: &'t str,
    leaks: Leaks,
    places: BTreeMap<String, Range<usize>>,
    faulty: BTreeSet<String>,
    range: Option<(&'static str, &'static str)>,
    faults: Vec<Fault>,
}

impl<'t> Reader<'t> {
    /// A reader of `text`, which has found already what in it must not be shown.
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            leaks: Leaks::find(text),
            places: BTreeMap::new(),
            faulty: BTreeSet::new(),
            range: None,
            faults: Vec::new(),
        }
    }

    /// What was found, nothing of it showing what looks like a secret.
    pub(super) fn into_faults(mut self) -> Vec<Fault> {
        for (offset, key, what) in std::mem::take(&mut self.leaks).into_places() {
            self.fault(offset, &key, &format!("what stands here looks like {what} {LEAK}"));
        }
        self.faults
    }

    /// Notes that the text at `span` is not TOML; one fault a line, as the rest of a broken line means little.
    pub(super) fn syntax(&mut self, span: Range<usize>, message: &str) {
        if self.leaks.overlap(&span) {
            return;
        }
        let excerpt = self.excerpt(&span);
        let message = syntax_fault(&excerpt, message);
        self.fault(span.start, "", &message);
        if let Some((last, before)) = self.faults.split_last()
            && before.iter().any(|fault| fault.line == last.line)
        {
            self.faults.pop();
        }
    }

    /// Notes each string and key that looks like a secret once its escapes are read, and the paths of all that do.
    pub(super) fn find_leaks(&mut self, value: &Spanned<DeValue<'_>>, path: &str) {
        match value.get_ref() {
            DeValue::String(text) => {
                if self.leaks.look(value.span(), text, path) {
                    self.faulty.insert(path.to_owned());
                }
            }
            DeValue::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.find_leaks(item, &format!("{path}[{at}]"));
                }
            }
            DeValue::Table(table) => {
                for (key, value) in table {
                    let secret = self.leaks.look(key.span(), key.get_ref(), path);
                    let name = if secret { "…" } else { key.get_ref() };
                    self.find_leaks(value, &join(path, name));
                }
            }
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
        }
    }

    /// Notes a fault of the text at `span`; `what` goes on after that text.
    pub(super) fn refuse(&mut self, path: &str, span: Range<usize>, what: &str) {
        self.faulty.insert(path.to_owned());
        if !self.leaks.overlap(&span) {
            let excerpt = self.excerpt(&span);
            self.fault(span.start, path, &format!("{excerpt} {what}"));
        }
    }

    /// Notes that keys do not fit together, at the first of them that is written; silent when one of them is at fault
    /// by itself.
    pub(super) fn conflict(&mut self, paths: &[&str], what: &str) {
        if paths.iter().any(|path| self.faulty.iter().any(|faulty| within(faulty, path) || within(path, faulty))) {
            return;
        }
        let written = paths.iter().find_map(|path| Some((*path, self.places.get(*path)?.clone())));
        match written {
            Some((path, span)) => {
                let excerpt = self.excerpt(&span);
                self.fault(span.start, path, &format!("{excerpt} {what}"));
            }
            None => {
                let path = paths.first().copied().unwrap_or_default();
                self.fault(self.place_above(path), path, &format!("what holds when it is not written {what}"));
            }
        }
    }

    /// Whether the file has this key.
    pub(super) fn has(&self, path: &str) -> bool {
        self.places.contains_key(path)
    }

    /// Keeps where a value stands.
    pub(super) fn place(&mut self, path: &str, span: Range<usize>) {
        self.places.insert(path.to_owned(), span);
    }

    /// The range of the key that is being read, as a way out; `least` and `most` where it has none.
    pub(super) fn range(&self, least: &str, most: &str) -> String {
        let (least, most) = self.range.unwrap_or((least, most));
        format!("from {least} to {most}").replace('\'', "\"")
    }

    /// The table at `value`; keys it may not have are faults.
    pub(super) fn table<'v>(
        &mut self,
        value: &'v Spanned<DeValue<'v>>,
        path: &str,
        table: &'static Table,
    ) -> Option<&'v DeTable<'v>> {
        let DeValue::Table(written) = value.get_ref() else {
            self.refuse(path, value.span(), &format!("is not a table; write {}", opened(path)));
            return None;
        };
        for key in written.keys() {
            if table.key(key.get_ref()).is_none() {
                self.unknown(key, path, table);
            }
        }
        Some(written)
    }

    /// The value of a key, if it is written and is one.
    pub(super) fn key<T: Value>(&mut self, table: &DeTable<'_>, path: &str, key: &'static Key) -> Option<T> {
        let name = key.name();
        let path = join(path, &name);
        let Some(value) = table.get(name.as_str()) else {
            if let Presence::Required(example) = key.presence {
                let way_out = match T::table() {
                    Some(_) if path == name => format!("write [{name}] and its keys below it"),
                    Some(_) | None => format!("write for example {name} = {example}"),
                };
                self.faulty.insert(path.clone());
                self.fault(self.place_above(&path), &path, &format!("\"{name}\" is missing; {way_out}"));
            }
            return None;
        };
        self.places.insert(path.clone(), value.span());
        self.range = key.within;
        T::read(value, &path, self)
    }

    /// The value, if it is from `least` to `most`.
    pub(super) fn within<T: Value + PartialOrd>(
        &mut self,
        value: Option<T>,
        path: &str,
        key: &Key,
        least: &'static str,
        most: &'static str,
    ) -> Option<T> {
        let value = value?;
        let path = join(path, &key.name());
        let (least, most): (T, T) = (written(least), written(most));
        let what = if value < least {
            "too small"
        } else if value > most {
            "too large"
        } else {
            return Some(value);
        };
        let span = self.places.get(&path).cloned().unwrap_or_default();
        self.refuse(&path, span, &format!("is {what}; write from {} to {}", least.view(), most.view()));
        None
    }

    fn unknown(&mut self, key: &Spanned<Cow<'_, str>>, path: &str, table: &'static Table) {
        if self.leaks.overlap(&key.span()) || self.faults.len() >= FAULTS_MAX {
            return;
        }
        let shown = shortened(key.get_ref());
        let whole = join(path, &shown);
        if names_a_secret(key.get_ref()) {
            return self.fault(key.span().start, &whole, &format!("\"{shown}\" {SECRET_KEY}"));
        }
        let names: Vec<String> = table.keys().map(Key::name).collect();
        let way_out = match nearest(key.get_ref(), names.iter().map(String::as_str)) {
            Some(name) => format!("write {name}"),
            None => format!("take it out: the keys here are {}", names.join(", ")),
        };
        let place = if path.is_empty() { "this file".to_owned() } else { opened(path) };
        self.fault(key.span().start, &whole, &format!("\"{shown}\" is not a key of {place}; {way_out}"));
    }

    fn excerpt(&self, span: &Range<usize>) -> String {
        if self.leaks.overlap(span) {
            "…".to_owned()
        } else {
            shortened(self.text.get(span.clone()).unwrap_or_default())
        }
    }

    /// Where the nearest written table above a key starts.
    fn place_above(&self, path: &str) -> usize {
        let mut above = path;
        while let Some((parent, _)) = above.rsplit_once('.') {
            if let Some(span) = self.places.get(parent) {
                return span.start;
            }
            above = parent;
        }
        0
    }

    /// Notes a fault at a place of the file.
    pub(super) fn fault(&mut self, offset: usize, key: &str, message: &str) {
        if self.faults.len() < FAULTS_MAX {
            let before = self.text.get(..offset).unwrap_or(self.text);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            self.faults.push(Fault { line, column, key: without_fragments(key), message: without_fragments(message) });
        }
    }
}

/// A value that the program itself has written.
///
/// # Panics
///
/// When it is not one, which the tests of the reference rule out.
pub(super) fn written<T: Value>(text: &'static str) -> T {
    let value = DeValue::parse(text).expect("values in the list of keys are well formed");
    let mut reader = Reader::new(text);
    T::read(&value, "", &mut reader).expect("values in the list of keys are right")
}

/// The path of a key of a table.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// How the table of that path is opened: `[risk]`, or `[[strategy.roi]]` for `strategy[0].roi[2]`.
pub(super) fn opened(path: &str) -> String {
    let parts = path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest));
    let name: String = parts.collect();
    if path.ends_with(']') { format!("[[{name}]]") } else { format!("[{name}]") }
}

/// Whether `inner` is `outer` or something in it.
fn within(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Text as it may be shown: not too long, and without characters that a terminal would act on.
fn shortened(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(EXCERPT_CHARS_MAX) {
        match c {
            '"' | '\'' | '\\' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
    }
    if text.chars().nth(EXCERPT_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// The parser's message with its expectation as a way out.
fn syntax_fault(excerpt: &str, message: &str) -> String {
    let (what, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let way_out = match (what, expected) {
        ("string values must be quoted", _) => format!("write \"{excerpt}\""),
        ("missing escaped value", _) => "write \\\\ for a backslash, or the whole text in single quotes".to_owned(),
        ("duplicate key", _) => "write it once".to_owned(),
        ("invalid key-value pair", _) => "write a key, = and a value".to_owned(),
        (_, "" | "nothing") if what.contains("recurs") => "write fewer brackets".to_owned(),
        (_, "nothing") => "take it out".to_owned(),
        (_, "") => "toml.io tells how it is written".to_owned(),
        (_, expected) => format!("write {}", expected.replace(", ", " or ")),
    };
    let text = if excerpt.is_empty() { "this".to_owned() } else { excerpt.to_owned() };
    format!("{text} is not TOML: {what}; {way_out}")
}

const EXCERPT_CHARS_MAX: usize = 60;
const FAULTS_MAX: usize = 1_000;
const LEAK: &str = "and is not shown; take it out, give it as a credential, and have a new one made if others could read \
                    this file";
const SECRET_KEY: &str = "names a secret, and secrets have no place in this file; take it out and give it as a \
                          credential";
