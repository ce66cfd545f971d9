//! The store, looked at from outside: on a copy, so that looking changes nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::Value;

const VERSION_1: &str = include_str!("../../src/store/migrations/0001_initial.sql");
/// `mcrd`
const APPLICATION_ID: i32 = 0x6d63_7264;

/// A copy of a store with its WAL, removed on drop.
pub struct Copy {
    pub connection: Connection,
    _removed_on_drop: tempfile::TempDir,
}

impl Copy {
    /// Of the store at `path`.
    pub fn of(path: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for suffix in ["", "-wal", "-journal"] {
            let from = beside(path, suffix);
            if from.exists() {
                fs::copy(&from, folder.path().join(format!("copy{suffix}"))).expect("a copy of the store");
            }
        }
        let connection = Connection::open(folder.path().join("copy")).expect("a copy that opens");
        Self { connection, _removed_on_drop: folder }
    }

    /// The first column of a query, as text.
    pub fn texts(&self, sql: &str) -> Vec<String> {
        let mut statement = self.connection.prepare(sql).expect("a query");
        let rows = statement.query_map([], |row| row.get::<_, Value>(0)).expect("rows");
        rows.map(|row| say(&row.expect("a row"))).collect()
    }

    pub fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.connection.query_row(&sql, [], |row| row.get(0)).expect("a count")
    }

    /// SQLite's own verdict.
    pub fn is_whole(&self) -> bool {
        self.texts("PRAGMA integrity_check") == ["ok"] && self.texts("PRAGMA foreign_key_check").is_empty()
    }
}

/// `multicred.db-wal` and its like.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Everything that the store at `path` holds and a person would miss, as text.
pub fn content(path: &Path) -> String {
    let copy = Copy::of(path);
    let tables = ["store", "key_slot", "account", "identity", "link", "credential", "file_original"];
    tables.map(|table| format!("{table}\n{}", rows(&copy.connection, table))).concat()
}

fn rows(connection: &Connection, table: &str) -> String {
    let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1")).expect("a query");
    let columns = statement.column_count();
    let line = |row: &rusqlite::Row<'_>| -> rusqlite::Result<String> {
        let cells = (0..columns).map(|column| row.get::<_, Value>(column).map(|value| say(&value)));
        Ok(cells.collect::<rusqlite::Result<Vec<_>>>()?.join(" | ") + "\n")
    };
    let lines = statement.query_map([], line).expect("rows");
    lines.map(|line| line.expect("a row")).collect()
}

fn say(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")),
    }
}

/// Puts a store as version 1 made it in the place of this one, with the same rows.
pub fn make_version_1(path: &Path) {
    let old = beside(path, "-as-it-was");
    let connection = Connection::open(&old).expect("an old store");
    connection.execute_batch(VERSION_1).expect("an old store");
    connection.execute("ATTACH ?1 AS new", [path.to_str().expect("an old store")]).expect("an old store");
    let tables = "SELECT name FROM main.sqlite_schema WHERE type = 'table'";
    let mut statement = connection.prepare(tables).expect("an old store");
    let tables: Vec<String> = statement
        .query_map([], |row| row.get(0))
        .expect("an old store")
        .collect::<Result<_, _>>()
        .expect("an old store");
    drop(statement);
    connection.pragma_update(None, "foreign_keys", false).expect("an old store");
    for table in tables {
        // Columns that came later are at the end.
        let columns = format!("SELECT group_concat(name) FROM pragma_table_info('{table}', 'main')");
        let columns: String = connection.query_row(&columns, [], |row| row.get(0)).expect("an old store");
        connection
            .execute_batch(&format!("INSERT INTO main.{table} SELECT {columns} FROM new.{table}"))
            .expect("an old store");
    }
    connection.execute_batch("DETACH new").expect("an old store");
    connection.pragma_update(None, "application_id", APPLICATION_ID).expect("an old store");
    connection.pragma_update(None, "user_version", 1).expect("an old store");
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).expect("an old store");
    connection.close().expect("an old store");
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(beside(path, suffix));
    }
    fs::set_permissions(&old, fs::Permissions::from_mode(0o600)).expect("an old store");
    fs::rename(&old, path).expect("an old store");
}
