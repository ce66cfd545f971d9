//! The schema's versions. Migrations are only ever appended.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// `mcrd` in ASCII: what `PRAGMA application_id` says of our files.
pub(super) const APPLICATION_ID: i32 = 0x6d63_7264;

/// Each brings the schema from its index to the next version.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_initial.sql"),
    include_str!("migrations/0002_originals_and_restrictions.sql"),
    include_str!("migrations/0003_slot_tags.sql"),
    include_str!("migrations/0004_rotation.sql"),
];

/// The version that this program reads and writes.
pub(super) fn current_version() -> i64 {
    version_of(MIGRATIONS)
}

fn version_of(migrations: &[&str]) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

/// Makes the schema in an empty database.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    for sql in MIGRATIONS {
        connection.execute_batch(sql)?;
    }
    connection.pragma_update(None, "user_version", current_version())
}

/// Refuses a newer schema; copies an older one aside and migrates it.
pub(super) fn check_version(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    bring_up_to_date(connection, path, MIGRATIONS)
}

/// Refuses a version that is none of ours, or a newer one. `path` is where errors say it is.
pub(super) fn check_known(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = user_version(connection).map_err(|error| StoreError::from_sqlite(path, error))?;
    is_current(found, current_version(), path).map(drop)
}

/// Migrates a copy that nobody else has, of which no further copy is made. `path` is where errors say it is.
pub(super) fn bring_copy_up_to_date(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::from_sqlite(path, error);
    let found = user_version(connection).map_err(failed)?;
    if is_current(found, current_version(), path)? {
        return Ok(());
    }
    let transaction = connection.unchecked_transaction().map_err(failed)?;
    migrate(&transaction, found, MIGRATIONS).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// Every table, index, view and trigger, with its definition.
pub(super) fn definitions(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT type || ' ' || name || ' on ' || tbl_name || ': ' || ifnull(sql, '') FROM sqlite_schema
               WHERE name NOT LIKE 'sqlite!_stat%' ESCAPE '!' ORDER BY 1";
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

fn bring_up_to_date(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    let failed = |error| StoreError::from_sqlite(path, error);
    let known = version_of(migrations);
    if is_current(user_version(connection).map_err(failed)?, known, path)? {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    // Looked up again: another process may have migrated while this one waited.
    let found = user_version(&transaction).map_err(failed)?;
    if is_current(found, known, path)? {
        return Ok(());
    }
    copy_aside(path, found)?;
    migrate(&transaction, found, migrations).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// Whether a store of this version can be used as it is; `false` where it must be migrated.
fn is_current(found: i64, known: i64, path: &Path) -> Result<bool, StoreError> {
    let path = path.to_owned();
    match found {
        ..1 => Err(StoreError::Damaged { path, reason: format!("its schema version is {found}") }),
        _ if found > known => Err(StoreError::Newer { path, found, known }),
        _ => Ok(found == known),
    }
}

pub(super) fn user_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Where the copy of a store goes before it is migrated from `version`.
fn aside(path: &Path, version: i64) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".v{version}"));
    path.with_file_name(name)
}

/// Copies a store before it is migrated. The caller's transaction keeps others from writing meanwhile, so it is exactly
/// what is migrated that is copied; and the copy is whole before it has its name.
fn copy_aside(path: &Path, version: i64) -> Result<(), StoreError> {
    let copy = aside(path, version);
    if copy.exists() {
        return Ok(());
    }
    let failed = |error| StoreError::from_io(&copy, &error);
    let partial = copy.with_extension("partial");
    let _ = std::fs::remove_file(&partial);
    let file = super::file::create_private(&partial).map_err(failed)?;
    let target = partial.to_string_lossy();
    // VACUUM cannot run inside a transaction: this is a reader of its own.
    let reader = super::connect(path)?;
    reader.execute("VACUUM INTO ?1", [&*target]).map_err(|error| StoreError::from_sqlite(path, error))?;
    file.sync_all().map_err(failed)?;
    std::fs::rename(&partial, &copy).map_err(failed)
}

fn migrate(connection: &Connection, found: i64, migrations: &[&str]) -> rusqlite::Result<()> {
    for sql in migrations.iter().skip(usize::try_from(found).unwrap_or(usize::MAX)) {
        connection.execute_batch(sql)?;
    }
    connection.pragma_update(None, "user_version", version_of(migrations))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &[&str] = &["CREATE TABLE t (a) STRICT"];
    const TWO: &[&str] = &["CREATE TABLE t (a INTEGER) STRICT", "ALTER TABLE t ADD COLUMN b INTEGER"];

    fn old_store(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch(TWO[0]).unwrap();
        connection.execute("INSERT INTO t VALUES (7)", []).unwrap();
        connection.pragma_update(None, "user_version", version_of(OLD)).unwrap();
        connection
    }

    #[test]
    fn an_older_store_is_copied_aside_and_then_migrated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let mut connection = old_store(&path);
        bring_up_to_date(&mut connection, &path, TWO).unwrap();
        let b: Option<i64> = connection.query_row("SELECT b FROM t WHERE a = 7", [], |row| row.get(0)).unwrap();
        assert_eq!(b, None);
        let copy = Connection::open(folder.path().join("s.db.v1")).unwrap();
        assert_eq!(user_version(&copy).unwrap(), 1);
        assert_eq!(copy.query_row("SELECT a FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
    }

    #[test]
    fn what_another_process_has_migrated_meanwhile_is_left_alone_and_the_copy_stays_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        drop(old_store(&path));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut connection = super::super::connect(&path).unwrap();
                    bring_up_to_date(&mut connection, &path, TWO).unwrap();
                    assert_eq!(user_version(&connection).unwrap(), 2);
                });
            }
        });
        let copy = Connection::open(folder.path().join("s.db.v1")).unwrap();
        assert_eq!(user_version(&copy).unwrap(), 1);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "the store and the copy");
    }

    #[test]
    fn a_newer_store_is_refused_untouched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let mut connection = old_store(&path);
        connection.pragma_update(None, "user_version", 9).unwrap();
        let refused = bring_up_to_date(&mut connection, &path, TWO);
        assert!(matches!(refused, Err(StoreError::Newer { found: 9, known: 2, .. })), "{refused:?}");
        assert_eq!(user_version(&connection).unwrap(), 9);
    }
}
