//! The keys that say which kind of strategy runs and with which parameters, made from what strategies say of themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key::{Fragment, Key, Presence};
use super::reader::{Reader, join};
use super::strategy::parameters;
use super::value::Value;
use super::words::{listed, word};
use crate::strategy::{Crossed, Descriptor, Parameter, Rule, RuleError, STRATEGIES};

/// A kind of strategy and its parameters, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRule {
    kind: Option<Kind>,
    values: BTreeMap<&'static str, u32>,
}

/// A kind of strategy, by its name.
#[derive(Debug, Clone, Copy)]
struct Kind(&'static Descriptor);

impl RawRule {
    /// The rule, if all its parameters are there and fit together.
    pub(super) fn check(&self, path: &str, reader: &mut Reader<'_>) -> Option<Rule> {
        let Kind(descriptor) = self.kind?;
        let used: Vec<&str> = descriptor.parameters.iter().map(|parameter| parameter.name).collect();
        let all: Vec<&str> = PARAMETERS.iter().map(|key| key.field).collect();
        parameters(path, "rule", &used, &all, reader);
        let given: Option<Vec<(&str, u32)>> =
            used.iter().map(|name| self.values.get(name).map(|value| (*name, *value))).collect();
        match Rule::new(descriptor, &given?) {
            Ok(rule) => Some(rule),
            Err(RuleError::Crossed { crossed, .. }) => {
                let Crossed { small: (small, _), large: (large, _), .. } = crossed;
                let keys = [join(path, small), join(path, large)];
                reader.conflict(&[&keys[0], &keys[1]], &format!("does not fit: {crossed}"));
                None
            }
            Err(RuleError::OutOfBounds { name, least, most, .. }) => {
                reader.conflict(&[&join(path, name)], &format!("is out of bounds; write from {least} to {most}"));
                None
            }
            Err(RuleError::UnknownStrategy { .. } | RuleError::UnknownParameter { .. }) => {
                unreachable!("its own names were asked for")
            }
        }
    }
}

impl Fragment for RawRule {
    fn keys() -> &'static [Key] {
        &KEYS
    }

    fn read(table: &DeTable<'_>, path: &str, reader: &mut Reader<'_>) -> Self {
        let kind = reader.key(table, path, &KEYS[0]);
        let mut values = BTreeMap::new();
        for key in PARAMETERS.iter() {
            let (least, most) = key.within.expect("every parameter has bounds");
            let value = reader.key::<u32>(table, path, key);
            if let Some(value) = reader.within(value, path, key, least, most) {
                values.insert(key.field, value);
            }
        }
        Self { kind, values }
    }

    fn view(&self, view: &mut serde_json::Map<String, Json>) {
        if let Some(kind) = self.kind {
            view.insert(KEYS[0].name(), kind.view());
        }
        view.extend(self.values.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())));
    }
}

impl Value for Kind {
    fn kind() -> String {
        listed(STRATEGIES.iter().map(|descriptor| descriptor.name))
    }

    fn read(value: &Spanned<DeValue<'_>>, path: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let words: Vec<(&str, Self)> = STRATEGIES.iter().map(|one| (one.name, Self(one))).collect();
        word(value, path, reader, &words)
    }

    fn view(&self) -> Json {
        self.0.name.into()
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Kind {}

/// `rule`, and behind it every parameter that some strategy has.
static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let kinds = STRATEGIES.iter().map(|one| {
        let Descriptor { name, enters, leaves, .. } = one;
        leaked(format!("`\"{name}\"`: enters when {enters}, leaves when {leaves}."))
    });
    let doc: Vec<&'static str> = ["What it enters and leaves on."].into_iter().chain(kinds).collect();
    let example = leaked(format!("\"{}\"", STRATEGIES.first().expect("there are some").name));
    let rule = Key {
        field: "rule",
        kind: <Kind as Value>::kind,
        unit: "",
        presence: Presence::Required(example),
        within: None,
        reload: false,
        doc: doc.leak(),
        table: || None,
    };
    let mut keys = vec![rule];
    let mut seen = BTreeSet::new();
    for parameter in STRATEGIES.iter().flat_map(|one| one.parameters) {
        if seen.insert(parameter.name) {
            keys.push(key(parameter));
        }
    }
    keys
});

/// The keys of parameters.
static PARAMETERS: LazyLock<&'static [Key]> = LazyLock::new(|| KEYS.get(1..).expect("the first is `rule`"));

/// The key for a parameter and all of its name that other strategies have.
fn key(first: &'static Parameter) -> Key {
    let same = || {
        let of = |one: &&'static Descriptor| one.parameters.iter().find(|parameter| parameter.name == first.name);
        STRATEGIES.iter().filter_map(move |one| Some((one.name, of(one)?)))
    };
    let mut abouts: Vec<(&str, Vec<&str>)> = Vec::new();
    for (strategy, parameter) in same() {
        match abouts.iter_mut().find(|(about, _)| *about == parameter.about) {
            Some((_, strategies)) => strategies.push(strategy),
            None => abouts.push((parameter.about, vec![strategy])),
        }
    }
    let doc: Vec<&'static str> = abouts
        .into_iter()
        .map(|(about, strategies)| leaked(format!("For {}: {about}.", all_of(strategies.into_iter()))))
        .collect();
    let bound = |value: Option<u32>| leaked(value.expect("the first has some").to_string());
    let least = bound(same().map(|(_, parameter)| parameter.least).min());
    let most = bound(same().map(|(_, parameter)| parameter.most).max());
    Key {
        field: first.name,
        kind: <u32 as Value>::kind,
        unit: first.unit,
        presence: Presence::Absent(leaked(format!("must be written for {}", all_of(same().map(|(name, _)| name))))),
        within: Some((least, most)),
        reload: false,
        doc: doc.leak(),
        table: || None,
    }
}

/// `` `a`, `b` and `c` ``.
fn all_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Text that stays: keys are listed once in a life.
fn leaked(text: String) -> &'static str {
    text.leak()
}
