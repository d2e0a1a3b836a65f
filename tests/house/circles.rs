//! No circles among the files of a folder: what a file names does not name it back, not by any detour.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{code, read, rust_files};

/// Folders in which that holds.
const FOLDERS: &[&str] = &["src/daemon"];

/// A module by its names from the folder on; the folder's own is empty.
type Module = Vec<String>;

/// The code of a folder's modules, without their tests.
struct Folder {
    /// As it is called from the crate.
    name: String,
    code: BTreeMap<Module, String>,
}

#[test]
fn no_files_of_a_folder_name_each_other_in_a_circle() {
    for path in FOLDERS {
        let folder = Folder::read(path);
        let edges = folder.edges();
        let count: usize = edges.values().map(BTreeSet::len).sum();
        assert!(count > folder.code.len(), "{path}: only {count} uses were found, so this test is blind");
        if let Some(circle) = circle(&edges) {
            let files: Vec<String> = circle.iter().map(|module| format!("{path}/{}", module.join("/"))).collect();
            panic!("{} → the first again; move what the two share into a file below them", files.join(" → "));
        }
    }
}

impl Folder {
    fn read(path: &str) -> Self {
        let modules = rust_files(&[path]).into_iter().map(|file| {
            let inside = file.strip_prefix(path).unwrap().trim_start_matches('/').trim_end_matches(".rs");
            let module = inside.split('/').filter(|name| *name != "mod").map(str::to_owned).collect();
            (module, read(&file))
        });
        Self::of(path.rsplit('/').next().unwrap(), modules)
    }

    fn of(name: &str, modules: impl Iterator<Item = (Module, String)>) -> Self {
        let shipped = |text: String| {
            let code = code(&text);
            code.find("#[cfg(test)]").map_or(code.clone(), |tests| code[..tests].to_owned())
        };
        Self { name: name.to_owned(), code: modules.map(|(module, text)| (module, shipped(text))).collect() }
    }

    /// Which modules each module names.
    fn edges(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let edges = self.code.keys().map(|module| {
            let (_, text) = self.split(module);
            let mut targets: BTreeSet<Module> =
                self.paths(module, &text).iter().filter_map(|path| self.target(module, path)).collect();
            targets.remove(module);
            (module.clone(), targets)
        });
        edges.collect()
    }

    /// What a module hands on from others (`pub use`), and the rest of its code.
    fn split(&self, module: &Module) -> (Vec<String>, String) {
        let (mut handed_on, mut rest) = (Vec::new(), String::new());
        for statement in self.code[module].split_inclusive(';') {
            let shown = statement.trim_start();
            let is_public = shown.starts_with("pub use ") || shown.starts_with("pub(");
            match shown.split_once(" use ").or_else(|| shown.split_once("pub use ")) {
                Some((before, paths)) if is_public && !before.contains(['{', ';']) => handed_on.push(paths.to_owned()),
                _ => rest.push_str(statement),
            }
        }
        (handed_on, rest)
    }

    /// Every path in a text that may lead to a module of the folder, as it is written.
    fn paths(&self, module: &Module, text: &str) -> Vec<Vec<String>> {
        let children = self.code.keys().filter(|known| known.len() == module.len() + 1 && known.starts_with(module));
        let mut starts: Vec<String> = children.map(|child| child.last().unwrap().clone()).collect();
        starts.extend(["super", "self", "crate"].map(str::to_owned));
        let mut found = Vec::new();
        for start in starts {
            for (at, _) in text.match_indices(&format!("{start}::")) {
                let inside = text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
                if !inside {
                    read_path(&mut text[at..].chars().peekable(), &mut Vec::new(), &mut found);
                }
            }
        }
        found
    }

    /// The module that a path in `module` leads to; `None` when that is outside of the folder.
    fn target(&self, module: &Module, path: &[String]) -> Option<Module> {
        let (mut at, mut rest) = (module.clone(), path);
        if let [first, second, tail @ ..] = path
            && first == "crate"
        {
            if *second != self.name {
                return None;
            }
            (at, rest) = (Module::new(), tail);
        }
        while let [first, tail @ ..] = rest {
            match first.as_str() {
                "self" => {}
                "super" => {
                    at.pop()?;
                }
                name => {
                    let deeper: Module = at.iter().cloned().chain([name.to_owned()]).collect();
                    if !self.code.contains_key(&deeper) {
                        return Some(self.owner(&at, name));
                    }
                    at = deeper;
                }
            }
            rest = tail;
        }
        Some(at)
    }

    /// Where an item is from that `module` shows: itself, or the module from which it hands it on.
    fn owner(&self, module: &Module, item: &str) -> Module {
        let (handed_on, _) = self.split(module);
        let paths = handed_on
            .iter()
            .flat_map(|text| self.paths(module, text))
            .filter(|path| path.last().is_some_and(|last| last == item));
        paths
            .filter_map(|path| self.target(module, &path))
            .find(|owner| owner != module)
            .unwrap_or_else(|| module.clone())
    }
}

/// Reads `a::b`, `a::{b, c::d}` and the like, each path by itself.
fn read_path(
    text: &mut std::iter::Peekable<std::str::Chars<'_>>,
    before: &mut Vec<String>,
    found: &mut Vec<Vec<String>>,
) {
    let (depth, mut word) = (before.len(), String::new());
    while let Some(c) = text.next_if(|c| c.is_alphanumeric() || *c == '_') {
        word.push(c);
    }
    if !word.is_empty() {
        before.push(word);
    }
    if text.next_if_eq(&':').is_some() && text.next_if_eq(&':').is_some() {
        if text.next_if_eq(&'{').is_some() {
            while let Some(c) = text.peek().copied() {
                match c {
                    '}' => {
                        text.next();
                        break;
                    }
                    c if c.is_alphanumeric() || c == '_' => read_path(text, before, found),
                    _ => {
                        text.next();
                    }
                }
            }
        } else {
            read_path(text, before, found);
        }
    } else {
        found.push(before.clone());
    }
    before.truncate(depth);
}

/// Some modules of which each names the next, and the last the first.
fn circle(edges: &BTreeMap<Module, BTreeSet<Module>>) -> Option<Vec<Module>> {
    fn walk<'e>(
        edges: &'e BTreeMap<Module, BTreeSet<Module>>,
        module: &'e Module,
        way: &mut Vec<&'e Module>,
        done: &mut BTreeSet<&'e Module>,
    ) -> Option<Vec<Module>> {
        if let Some(at) = way.iter().position(|passed| *passed == module) {
            return Some(way[at..].iter().map(|module| (*module).clone()).collect());
        }
        if !done.insert(module) {
            return None;
        }
        way.push(module);
        let found = edges[module].iter().find_map(|next| walk(edges, next, way, done));
        way.pop();
        found
    }
    let mut done = BTreeSet::new();
    edges.keys().find_map(|module| walk(edges, module, &mut Vec::new(), &mut done))
}

#[test]
fn circles_are_found_in_all_their_forms() {
    let circle_of = |files: &[(&str, &str)]| {
        let modules = files.iter().map(|(module, text)| {
            (module.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect(), (*text).to_owned())
        });
        circle(&Folder::of("home", modules).edges())
            .map(|circle| circle.iter().map(|m| m.join("/")).collect::<Vec<_>>())
    };
    let found = |files: &[&str]| Some(files.iter().map(|file| (*file).to_owned()).collect::<Vec<_>>());
    let root = ("", "mod a;\nmod b;\npub use a::{A, One};\npub use b::B;");
    assert_eq!(circle_of(&[root, ("a", "use super::b::B;"), ("b", "use super::a::{A, One};")]), found(&["a", "b"]));
    assert_eq!(circle_of(&[root, ("a", "fn f() { super::b::f() }"), ("b", "use crate::home::A;")]), found(&["a", "b"]));
    assert_eq!(circle_of(&[root, ("a", "use super::{B, x};"), ("b", "use super::One;")]), found(&["a", "b"]));
    assert_eq!(
        circle_of(&[root, ("a", "use super::b::B;"), ("b", "use crate::other::a;\n#[cfg(test)] use super::A;")]),
        None
    );
    let deep = [("", "mod a;"), ("a", "mod c;\nuse c::C;\npub struct A;"), ("a/c", "use super::A;")];
    assert_eq!(circle_of(&deep), found(&["a", "a/c"]));
    let deep = [("", "mod a;\nmod d;"), ("a", "mod c;\nuse c::C;"), ("a/c", "use super::super::d::D;"), ("d", "")];
    assert_eq!(circle_of(&deep), None);
    let three =
        [("", "mod a;mod b;mod c;"), ("a", "use super::b::B;"), ("b", "use super::c;"), ("c", "use super::a::A;")];
    assert_eq!(circle_of(&three), found(&["a", "b", "c"]));
}
