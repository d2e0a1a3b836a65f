//! Reads a parsed file key by key, keeps the place of each, and goes on after a fault to find the next.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Fault;
use super::key::{Key, Presence, Table};
use super::leak;
use super::suggest::nearest;
use super::value::Value;

/// The file, where each key stands in it, and the faults so far.
#[derive(Debug)]
pub struct Reader<'t> {
    text: &'t str,
    leaks: Vec<Range<usize>>,
    places: BTreeMap<String, Range<usize>>,
    faulty: BTreeSet<String>,
    faults: Vec<Fault>,
}

impl<'t> Reader<'t> {
    /// A reader of `text`, which has noted already what in it must not be shown.
    pub(super) fn new(text: &'t str) -> Self {
        let mut reader =
            Self { text, leaks: Vec::new(), places: BTreeMap::new(), faulty: BTreeSet::new(), faults: Vec::new() };
        for leak in leak::find(text) {
            reader.leak(leak, "");
        }
        reader
    }

    /// What was found.
    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// Notes that the text at `span` looks like a secret: a fault, and never shown.
    pub(super) fn leak(&mut self, span: Range<usize>, key: &str) {
        if !self.leaks.iter().any(|known| overlap(known, &span)) {
            self.fault(span.start, key, LEAK);
        }
        self.leaks.push(span);
    }

    /// Notes a fault of the text at `span`; `what` goes on after that text.
    pub(super) fn refuse(&mut self, path: &str, span: Range<usize>, what: &str) {
        let excerpt = self.excerpt(&span);
        self.faulty.insert(path.to_owned());
        if !self.leaks.iter().any(|leak| overlap(leak, &span)) {
            self.fault(span.start, path, &format!("{excerpt} {what}"));
        }
    }

    /// Notes that keys do not fit together, at the first of them that is written; silent when one of them is at fault
    /// by itself.
    pub(super) fn conflict(&mut self, paths: &[&str], what: &str) {
        if paths.iter().any(|path| self.faulty.contains(*path)) {
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

    /// Notes that the text at `span` is not TOML; one fault a line, as the rest of a broken line means nothing.
    pub(super) fn syntax(&mut self, span: Range<usize>, message: &str) {
        let shown = !self.leaks.iter().any(|leak| overlap(leak, &span));
        let excerpt = self.excerpt(&span);
        let text = if shown && !excerpt.is_empty() { format!("{excerpt} is not TOML") } else { "not TOML".to_owned() };
        self.fault(span.start, "", &format!("{text}: {message}"));
        let line = self.faults.last().map(|fault| fault.line);
        let first = self.faults.iter().position(|fault| fault.message.contains("not TOML") && Some(fault.line) == line);
        if first.is_some_and(|first| first + 1 < self.faults.len()) {
            self.faults.pop();
        }
    }

    /// Notes each string and key that looks like a secret once its escapes are read.
    pub(super) fn find_leaks(&mut self, value: &Spanned<DeValue<'_>>, path: &str) {
        match value.get_ref() {
            DeValue::String(text) => {
                if !leak::find(text).is_empty() {
                    self.leak(value.span(), path);
                }
            }
            DeValue::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.find_leaks(item, &format!("{path}[{at}]"));
                }
            }
            DeValue::Table(table) => {
                for (key, value) in table {
                    if !leak::find(key.get_ref()).is_empty() {
                        self.leak(key.span(), path);
                    }
                    self.find_leaks(value, &join(path, key.get_ref()));
                }
            }
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
        }
    }

    /// Whether the file has this key.
    pub(super) fn has(&self, path: &str) -> bool {
        self.places.contains_key(path)
    }

    /// The table at `value`; keys it may not have are faults.
    pub(super) fn table<'v>(
        &mut self,
        value: &'v Spanned<DeValue<'v>>,
        path: &str,
        table: &'static Table,
    ) -> Option<&'v DeTable<'v>> {
        let DeValue::Table(written) = value.get_ref() else {
            self.refuse(path, value.span(), &format!("is not a table; write {}", as_table(path)));
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
                let written = if T::table().is_some() { as_table(&path) } else { format!("{name} = {example}") };
                self.faulty.insert(path.clone());
                self.fault(self.place_above(&path), &path, &format!("is missing; write for example {written}"));
            }
            return None;
        };
        self.places.insert(path.clone(), value.span());
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

    fn unknown(&mut self, key: &Spanned<std::borrow::Cow<'_, str>>, path: &str, table: &'static Table) {
        let hidden = self.leaks.iter().any(|leak| overlap(leak, &key.span()));
        if hidden {
            return;
        }
        let shown: String = key.get_ref().chars().take(EXCERPT_CHARS_MAX).flat_map(char::escape_debug).collect();
        if leak::names_a_secret(key.get_ref()) {
            return self.fault(key.span().start, &join(path, &shown), SECRET_KEY);
        }
        let names: Vec<String> = table.keys.iter().map(Key::name).collect();
        let way_out = match nearest(key.get_ref(), names.iter().map(String::as_str)) {
            Some(name) => format!("write {name}"),
            None => format!("the keys here are {}", names.join(", ")),
        };
        let place = if path.is_empty() { "this file".to_owned() } else { format!("[{path}]") };
        self.fault(key.span().start, &join(path, &shown), &format!("is not a key of {place}; {way_out}"));
    }

    fn excerpt(&self, span: &Range<usize>) -> String {
        let written = self.text.get(span.clone()).unwrap_or_default();
        let mut shown: String = written.chars().take(EXCERPT_CHARS_MAX).map(plainly).collect();
        if written.chars().nth(EXCERPT_CHARS_MAX).is_some() {
            shown.push('…');
        }
        shown
    }

    /// Where the nearest written table above a key starts.
    fn place_above(&self, path: &str) -> usize {
        let mut above = path;
        while let Some((parent, _)) = above.rsplit_once(['.', '[']) {
            if let Some(span) = self.places.get(parent) {
                return span.start;
            }
            above = parent;
        }
        0
    }

    pub(super) fn place(&mut self, path: &str, span: Range<usize>) {
        self.places.insert(path.to_owned(), span);
    }

    pub(super) fn fault(&mut self, offset: usize, key: &str, message: &str) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.faults.push(Fault { line, column, key: key.to_owned(), message: message.to_owned() });
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

/// How a table of that path is opened.
fn as_table(path: &str) -> String {
    match path.split_once('[') {
        Some((list, _)) => format!("[[{list}]]"),
        None => format!("[{path}]"),
    }
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

fn plainly(c: char) -> String {
    if c.is_control() { c.escape_debug().to_string() } else { c.to_string() }
}

const EXCERPT_CHARS_MAX: usize = 60;
const LEAK: &str = "something here looks like a key or token (not shown); take it out of this file, which is no place \
                    for secrets, give it as a credential, and replace it at the exchange if others could read the file";
const SECRET_KEY: &str = "secrets have no place in this file; give it as a credential and take the line out";
