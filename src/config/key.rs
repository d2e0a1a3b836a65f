//! What may be written in the file: one list of keys that the reader, the reference and the view are made from.

use toml::de::DeTable;

use super::reader::Reader;

/// A table of the file.
#[derive(Debug)]
pub struct Table {
    /// What it is about, a line each.
    pub doc: &'static [&'static str],
    /// Its own keys, in the order of the reference.
    pub own: &'static [Key],
    /// Keys that are listed elsewhere.
    pub fragment: Option<Listed>,
}

/// Keys that are listed elsewhere, and the key of the table in front of which they stand.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    /// Them, in the order of the reference.
    pub keys: fn() -> &'static [Key],
    /// A field of the table.
    pub before: &'static str,
}

/// Keys of a table that are listed elsewhere.
pub(in crate::config) trait Fragment: Sized {
    /// Them, in the order of the reference.
    fn keys() -> &'static [Key];

    /// Reads them from the table at `path`.
    fn read(table: &DeTable<'_>, path: &str, reader: &mut Reader<'_>) -> Self;

    /// Adds them to what the table shows.
    fn view(&self, view: &mut serde_json::Map<String, serde_json::Value>);
}

/// One key of a table.
#[derive(Debug)]
pub struct Key {
    pub(super) field: &'static str,
    /// What its value is.
    pub kind: fn() -> String,
    /// What the value counts or is measured in; empty when it is neither.
    pub unit: &'static str,
    /// Whether it must be written, and what holds when it is not.
    pub presence: Presence,
    /// Least and largest value, as written in the file.
    pub within: Option<(&'static str, &'static str)>,
    /// Whether a change takes effect on reload, without a restart.
    pub reload: bool,
    /// What it does, a line each.
    pub doc: &'static [&'static str],
    /// The table that is its value, if it is one, or a list of them.
    pub table: fn() -> Option<&'static Table>,
}

/// Whether a key must be written, and what holds when it is not.
#[derive(Debug, Clone, Copy)]
pub enum Presence {
    /// It must; this is an example, as written in the file.
    Required(&'static str),
    /// This value holds, as written in the file.
    Default(&'static str),
    /// In words, what holds.
    Absent(&'static str),
}

impl Key {
    /// Its name in the file.
    #[must_use]
    pub fn name(&self) -> String {
        self.field.replace('_', "-")
    }
}

impl Table {
    /// The key of that name.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        let same = |field: &str| field.bytes().map(|byte| if byte == b'_' { b'-' } else { byte }).eq(name.bytes());
        self.keys().find(|key| same(key.field))
    }

    /// All its keys, in the order of the reference.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> {
        let own = self.own;
        let (more, before) = self.fragment.map_or((&[][..], ""), |listed| ((listed.keys)(), listed.before));
        let (first, last) = own.split_at(own.iter().position(|key| key.field == before).unwrap_or(0));
        first.iter().chain(more).chain(last)
    }
}

/// Makes a struct whose fields are the keys of a table, with the reader, the list of keys and the view of it.
///
/// A field is `name: Type, PRESENCE("…"), unit("…"), within("…", "…"), reload(true);` with the last three optional.
/// `default` gives a value as written in the file; `absent` says in words what holds without it and makes the field an
/// `Option`; `required` gives an example and makes the field an `Option` that is empty only after a fault. Keys that are
/// listed elsewhere join by `fragment name: Type, before field;` in front of the fields.
macro_rules! keys {
    (
        $(#[doc = $doc:literal])+
        $vis:vis struct $name:ident {
            $(fragment $fragment:ident: $fragment_type:ty, before $before:ident;)?
            $(
                $(#[doc = $key_doc:literal])+
                $field:ident: $type:ty, $presence:ident($text:literal)
                $(, unit($unit:literal))? $(, within($least:literal, $most:literal))? $(, reload($reload:literal))?;
            )*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        $vis struct $name {
            $(
                #[doc = "Keys that are listed elsewhere."]
                pub $fragment: $fragment_type,
            )?
            $(
                $(#[doc = $key_doc])+
                pub $field: $crate::config::key::keys!(@held $presence $type),
            )*
        }

        impl $crate::config::value::Value for $name {
            fn kind() -> String {
                "table".to_owned()
            }

            fn table() -> Option<&'static $crate::config::key::Table> {
                static TABLE: $crate::config::key::Table = $crate::config::key::Table {
                    doc: &[$($doc),+],
                    fragment: [None $(, Some($crate::config::key::Listed {
                        keys: <$fragment_type as $crate::config::key::Fragment>::keys,
                        before: stringify!($before),
                    }))?][$crate::config::key::keys!(@one $($before)?)],
                    own: &[$(
                        $crate::config::key::Key {
                            field: stringify!($field),
                            kind: <$type as $crate::config::value::Value>::kind,
                            unit: concat!($($unit)?),
                            presence: $crate::config::key::keys!(@presence $presence $text),
                            within: [None $(, Some(($least, $most)))?][
                                $crate::config::key::keys!(@one $($least)?)
                            ],
                            reload: false $(|| $reload)?,
                            doc: &[$($key_doc),+],
                            table: <$type as $crate::config::value::Value>::table,
                        },
                    )*],
                };
                Some(&TABLE)
            }

            fn read(
                value: &toml::Spanned<toml::de::DeValue<'_>>,
                path: &str,
                reader: &mut $crate::config::reader::Reader<'_>,
            ) -> Option<Self> {
                let table = Self::table().expect("it is one");
                let written = reader.table(value, path, table)?;
                $(
                    let key = table.own.iter().find(|key| key.field == stringify!($field)).expect("it is listed");
                    let $field: Option<$type> = reader.key(written, path, key);
                    $( let $field = reader.within($field, path, key, $least, $most); )?
                )*
                Some(Self {
                    $( $fragment: <$fragment_type as $crate::config::key::Fragment>::read(written, path, reader), )?
                    $( $field: $crate::config::key::keys!(@fill $presence $field $text), )*
                })
            }

            fn view(&self) -> serde_json::Value {
                let mut view = serde_json::Map::new();
                $( $crate::config::key::Fragment::view(&self.$fragment, &mut view); )?
                $(
                    $crate::config::key::keys!(@view $presence self view $field);
                )*
                serde_json::Value::Object(view)
            }
        }
    };
    (@held default $type:ty) => { $type };
    (@held absent $type:ty) => { Option<$type> };
    (@held required $type:ty) => { Option<$type> };
    (@presence default $text:literal) => { $crate::config::key::Presence::Default($text) };
    (@presence absent $text:literal) => { $crate::config::key::Presence::Absent($text) };
    (@presence required $text:literal) => { $crate::config::key::Presence::Required($text) };
    (@one) => { 0 };
    (@one $some:tt) => { 1 };
    (@fill default $field:ident $text:literal) => { $field.unwrap_or_else(|| $crate::config::reader::written($text)) };
    (@fill absent $field:ident $text:literal) => { $field };
    (@fill required $field:ident $text:literal) => { $field };
    (@view default $self:ident $view:ident $field:ident) => {
        $view.insert(stringify!($field).replace('_', "-"), $crate::config::value::Value::view(&$self.$field));
    };
    (@view absent $self:ident $view:ident $field:ident) => {
        if let Some(value) = &$self.$field {
            $view.insert(stringify!($field).replace('_', "-"), $crate::config::value::Value::view(value));
        }
    };
    (@view required $self:ident $view:ident $field:ident) => {
        $crate::config::key::keys!(@view absent $self $view $field)
    };
}
pub(in crate::config) use keys;
