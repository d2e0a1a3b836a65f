//! The configuration in force, for showing and comparing.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::key::{Key, Table};
use super::reader::join;

/// The keys that differ between two configurations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Paths of changed keys that take effect on reload, such as `log.level`.
    pub reloadable: Vec<String>,
    /// Paths of changed keys that need a restart.
    pub restart: Vec<String>,
}

/// What differs between two views of the table `root`.
pub(super) fn difference(root: &'static Table, old: &Json, new: &Json) -> Difference {
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    flatten("", old, &mut before);
    flatten("", new, &mut after);
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort();
    paths.dedup();
    let mut difference = Difference::default();
    for path in paths.into_iter().filter(|path| before.get(*path) != after.get(*path)) {
        let reload = find(root, path).is_some_and(|key| key.reload);
        let list = if reload { &mut difference.reloadable } else { &mut difference.restart };
        list.push(path.clone());
    }
    difference
}

/// A copy that says only whether something is set where the value itself is nobody's business.
pub(super) fn redacted(view: &Json) -> Json {
    let mut view = view.clone();
    if let Some(directory) = view.pointer_mut("/secrets/directory") {
        *directory = "(set)".into();
    }
    view
}

fn flatten<'j>(path: &str, value: &'j Json, leaves: &mut BTreeMap<String, &'j Json>) {
    match value {
        Json::Object(table) => {
            for (key, value) in table {
                flatten(&join(path, key), value, leaves);
            }
        }
        Json::Array(items) if items.iter().any(Json::is_object) => {
            for (at, item) in items.iter().enumerate() {
                flatten(&format!("{path}[{at}]"), item, leaves);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
            leaves.insert(path.to_owned(), value);
        }
    }
}

/// The key at a path.
fn find(root: &'static Table, path: &str) -> Option<&'static Key> {
    let mut table = Some(root);
    let mut found = None;
    for part in path.split('.') {
        let name = part.split('[').next().unwrap_or(part);
        found = Some(table?.key(name)?);
        table = found.and_then(|key| (key.table)());
    }
    found
}
