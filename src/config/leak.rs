//! Where in a configuration, which should hold no secret, stands something that looks like one, and under which key.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::redact::{Finding, find_fragments};

/// Where in a text stands what must not be shown, under which key, and what it looks like; the places do not overlap.
#[derive(Debug, Default)]
pub(super) struct Leaks(BTreeMap<usize, Leak>);

#[derive(Debug)]
struct Leak {
    end: usize,
    key: String,
    what: &'static str,
}

impl Leaks {
    /// Where in `text`, comments included, stands something that looks like a secret.
    pub(super) fn find(text: &str) -> Self {
        let leak = |Finding { range, what }| (range.start, Leak { end: range.end, key: String::new(), what });
        Self(find_fragments(text).into_iter().map(leak).collect())
    }

    /// Whether one of them is partly in `span`.
    pub(super) fn overlap(&self, span: &Range<usize>) -> bool {
        self.0.range(..span.end).next_back().is_some_and(|(_, leak)| leak.end > span.start)
    }

    /// Looks at the text that the file means at `span`, escapes read; tells whether there is a secret in it, or in what is
    /// written there.
    pub(super) fn look(&mut self, span: Range<usize>, text: &str, key: &str) -> bool {
        if !self.overlap(&span) {
            let Some(Finding { what, .. }) = find_fragments(text).into_iter().next() else { return false };
            self.0.insert(span.start, Leak { end: span.end, key: String::new(), what });
        }
        for (_, leak) in self.0.range_mut(..span.end).rev().take_while(|(_, leak)| leak.end > span.start) {
            key.clone_into(&mut leak.key);
        }
        true
    }

    /// Where each starts, its key, which is empty when it is no key's value, and what it looks like.
    pub(super) fn into_places(self) -> impl Iterator<Item = (usize, String, &'static str)> {
        self.0.into_iter().map(|(start, leak)| (start, leak.key, leak.what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_known_by_any_part_of_it_and_told_its_key() {
        let key = ["qT7vLm2Xz9Rb4NwK", "d8HsJ3fPyC6gVa1E"].concat();
        let text = format!("file = '{key}' # fine");
        let mut leaks = Leaks::find(&text);
        assert!(leaks.overlap(&(0..9)) && leaks.overlap(&(39..45)));
        assert!(!leaks.overlap(&(0..8)) && !leaks.overlap(&(40..45)));
        assert!(leaks.look(7..41, &key, "log.file"));
        assert!(!leaks.look(44..48, "fine", "log.level"));
        let places: Vec<_> = leaks.into_places().collect();
        assert_eq!(places, [(8, "log.file".to_owned(), "a random key")]);
    }
}
