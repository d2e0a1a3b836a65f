//! The one table, what guards it, and how every connection to it is set up.

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OptionalExtension};
use thiserror::Error;

use super::chain::{Hash, Head};
use crate::domain::Timestamp;

/// A database that is not a ledger as this version makes it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SchemaFault {
    /// Another program's.
    #[error("it is a database but not a ledger of tradingbot")]
    Foreign,
    /// A later version's.
    #[error("it was made by a newer tradingbot (schema {version}); install that version again")]
    Newer {
        /// Its schema.
        version: i64,
    },
    /// A schema that no version has made.
    #[error("it names a schema that no tradingbot has made ({version})")]
    Unknown {
        /// Its schema.
        version: i64,
    },
    /// Part of the schema is gone.
    #[error("the {kind} {name} is missing: somebody has removed it")]
    Missing {
        /// `table`, `index` or `trigger`.
        kind: String,
        /// Its name.
        name: String,
    },
    /// Part of the schema is not as it was made.
    #[error("the {kind} {name} is not as tradingbot makes it: somebody has changed it")]
    Changed {
        /// `table`, `index` or `trigger`.
        kind: String,
        /// Its name.
        name: String,
    },
    /// Something was added to the schema.
    #[error("the {kind} {name} does not belong to it: somebody has added it")]
    Added {
        /// `table`, `index`, `trigger` or `view`.
        kind: String,
        /// Its name.
        name: String,
    },
}

/// A schema that this version reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// Entries are hashed as they are. Only read, and migrated when it is to be written.
    One,
    /// Entries behind the one that says `migrated` are hashed with a salt, and looked up by a column.
    Two,
}

/// What a database is.
#[derive(Debug)]
pub(super) struct Inspected {
    /// Its schema; the newest when it is none of ours.
    pub version: Version,
    /// What keeps it from being a ledger as it was made, the gravest first.
    pub fault: Option<SchemaFault>,
}

impl Version {
    /// Of a database that is known to be a ledger.
    pub(super) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let number: i64 = connection.prepare_cached("PRAGMA user_version")?.query_row([], |row| row.get(0))?;
        Ok(if number == 1 { Self::One } else { Self::Two })
    }

    /// The columns of salt and order, for a query.
    pub(super) const fn salt_and_order(self) -> &'static str {
        match self {
            Self::One => "NULL, NULL",
            Self::Two => "salt, order_id",
        }
    }

    fn objects(self) -> Vec<Object> {
        let mut objects = match self {
            Self::One => OBJECTS_OF_1.to_vec(),
            Self::Two => OBJECTS_OF_2.to_vec(),
        };
        objects.extend(OBJECTS);
        objects
    }
}

impl SchemaFault {
    /// Whether entries cannot be looked up: only a trigger, or something that was added, does not matter for that.
    pub(super) fn hides_entries(&self) -> bool {
        match self {
            Self::Foreign | Self::Newer { .. } | Self::Unknown { .. } => true,
            Self::Missing { kind, .. } | Self::Changed { kind, .. } => kind != "trigger",
            Self::Added { .. } => false,
        }
    }

    /// Whether there is no table of entries to walk along.
    pub(super) fn hides_table(&self) -> bool {
        match self {
            Self::Foreign | Self::Newer { .. } | Self::Unknown { .. } => true,
            Self::Missing { kind, .. } | Self::Changed { kind, .. } => kind == "table",
            Self::Added { .. } => false,
        }
    }
}

/// Sets a connection up: what the file itself asks for is not trusted, and nothing but the file is opened.
pub(super) fn harden(connection: &Connection) -> rusqlite::Result<()> {
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
    ] {
        connection.set_db_config(setting, on)?;
    }
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    for (setting, value) in [("cell_size_check", "on"), ("mmap_size", "0"), ("temp_store", "memory")] {
        connection.pragma_update(None, setting, value)?;
    }
    Ok(())
}

/// Sets up the connection that writes: what is committed is on disk.
pub(super) fn make_durable(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)
}

/// Makes the schema in a file that nobody counts on yet: its maker syncs it once, whole.
pub(super) fn draft(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "off")?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    create(connection)
}

/// Makes the schema in an empty database, all of it or nothing.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    let mut script =
        format!("BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};");
    for (_, _, sql) in Version::Two.objects() {
        script.push_str(sql);
        script.push(';');
    }
    script.push_str("COMMIT;");
    connection.execute_batch(&script)
}

/// Turns a ledger of schema 1 into one of schema 2, but for the entry that says so. Whoever calls this has begun a
/// transaction.
pub(super) fn upgrade(connection: &Connection) -> rusqlite::Result<()> {
    let mut script = String::from(
        "ALTER TABLE entry ADD COLUMN salt BLOB; ALTER TABLE entry ADD COLUMN order_id TEXT; DROP INDEX entry_by_order;",
    );
    for (_, _, sql) in OBJECTS_OF_2.iter().filter(|object| object.0 != "table") {
        script.push_str(sql);
        script.push(';');
    }
    script.push_str(&format!("PRAGMA user_version = {SCHEMA_VERSION}"));
    connection.execute_batch(&script)
}

/// Whether a database is a ledger as this or an earlier version makes it.
pub(super) fn inspect(connection: &Connection) -> rusqlite::Result<Inspected> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let none_of_ours = |fault| Ok(Inspected { version: Version::Two, fault: Some(fault) });
    if number("application_id")? != APPLICATION_ID {
        return none_of_ours(SchemaFault::Foreign);
    }
    let version = match number("user_version")? {
        1 => Version::One,
        2 => Version::Two,
        version if version > i64::from(SCHEMA_VERSION) => return none_of_ours(SchemaFault::Newer { version }),
        version => return none_of_ours(SchemaFault::Unknown { version }),
    };
    Ok(Inspected { version, fault: find_fault(connection, &version.objects())? })
}

fn find_fault(connection: &Connection, objects: &[Object]) -> rusqlite::Result<Option<SchemaFault>> {
    let mut find = connection.prepare("SELECT sql FROM sqlite_schema WHERE type = ? AND name = ? AND tbl_name = ?")?;
    for (kind, name, sql) in objects.iter().copied() {
        let found: Option<Option<String>> = find.query_row((kind, name, TABLE), |row| row.get(0)).optional()?;
        let (kind, name) = (kind.to_owned(), name.to_owned());
        match found {
            None => return Ok(Some(SchemaFault::Missing { kind, name })),
            Some(text) if text.as_deref() != Some(sql) => return Ok(Some(SchemaFault::Changed { kind, name })),
            Some(_) => {}
        }
    }
    let mut all = connection.prepare("SELECT type, name FROM sqlite_schema ORDER BY name, type")?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, name): (String, String) = (row.get(0)?, row.get(1)?);
        if !objects.iter().any(|known| known.0 == kind && known.1 == name) {
            return Ok(Some(SchemaFault::Added { kind, name }));
        }
    }
    Ok(None)
}

/// The last entry's number and hash, as it is written there.
pub(super) fn head(connection: &Connection) -> rusqlite::Result<Head> {
    let last = connection
        .prepare_cached("SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok(Head { seq: seq_from(row.get(0)?), hash: Hash(row.get(1)?) }))
        .optional()?;
    Ok(last.unwrap_or(Head::EMPTY))
}

/// When the last entry was written, by its own account.
pub(super) fn last_at(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let mut last = connection.prepare_cached("SELECT at FROM entry ORDER BY seq DESC LIMIT 1")?;
    last.query_row([], |row| Ok(Timestamp::from_nanos(row.get(0)?))).optional()
}

/// An entry's number as SQLite keeps it.
pub(super) fn seq_to(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// An entry's number from SQLite's; no entry has a negative one.
pub(super) fn seq_from(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Largest value that is written or read, in bytes; an entry's body is far smaller.
pub(super) const VALUE_BYTES_MAX: i32 = 1 << 20;

/// Kinds that are asked for page by page; the others are found by looking through all.
pub(super) const INDEXED_KINDS: [&str; 3] = ["filled", "closed", "marked"];
/// What SQLite has to be told to use their index. With `IN` in place of `OR`, checking it takes twice as long.
pub(super) const IS_INDEXED: &str = "(kind = 'filled' OR kind = 'closed' OR kind = 'marked')";

const APPLICATION_ID: i64 = 0x7472_6264;
/// The schema that is written.
pub(super) const SCHEMA_VERSION: u32 = 2;
/// What the write-ahead file is cut back to once its content is in the main file, in bytes.
const WAL_BYTES_KEPT: i64 = 16 << 20;
const TABLE: &str = "entry";

/// Kind, name and text of what every schema has. `REPLACE` would delete without asking the trigger against deletion,
/// hence the one on insertion. Indexes name no fact of their own: they hold what the entries say, and `verify` compares.
const OBJECTS: [Object; 4] = [
    (
        "index",
        "entry_by_kind",
        "CREATE INDEX entry_by_kind ON entry (kind) WHERE kind = 'filled' OR kind = 'closed' OR kind = 'marked'",
    ),
    (
        "trigger",
        "entry_is_last",
        "CREATE TRIGGER entry_is_last BEFORE INSERT ON entry \
         WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM entry) \
         BEGIN SELECT RAISE(ABORT, 'an entry only follows the last one'); END",
    ),
    (
        "trigger",
        "entry_is_kept",
        "CREATE TRIGGER entry_is_kept BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'an entry is kept for good'); END",
    ),
    (
        "trigger",
        "entry_is_fixed",
        "CREATE TRIGGER entry_is_fixed BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'an entry never changes'); END",
    ),
];

/// What only schema 1 has.
const OBJECTS_OF_1: [Object; 2] = [
    (
        "table",
        TABLE,
        "CREATE TABLE entry (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, \
         previous BLOB NOT NULL, hash BLOB NOT NULL) STRICT",
    ),
    (
        "index",
        "entry_by_order",
        "CREATE INDEX entry_by_order ON entry (json_extract(body, '$.order.id')) WHERE kind = 'intended'",
    ),
];

/// What only schema 2 has. An entry of schema 1 has no salt and no order, which is looked up in its body.
const OBJECTS_OF_2: [Object; 3] = [
    (
        "table",
        TABLE,
        "CREATE TABLE entry (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, \
         previous BLOB NOT NULL, hash BLOB NOT NULL, salt BLOB, order_id TEXT) STRICT",
    ),
    ("index", "entry_by_order", "CREATE INDEX entry_by_order ON entry (order_id) WHERE order_id IS NOT NULL"),
    (
        "index",
        "entry_by_order_in_body",
        "CREATE INDEX entry_by_order_in_body ON entry (json_extract(body, '$.order.id')) \
         WHERE kind = 'intended' AND salt IS NULL",
    ),
];

type Object = (&'static str, &'static str, &'static str);
