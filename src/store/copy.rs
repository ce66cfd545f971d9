//! Whole databases, page by page, through SQLite's online backup.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::BUSY_TIMEOUT;

const PAUSE: Duration = Duration::from_millis(5);
/// Every page at once.
const ALL: i32 = -1;

/// Makes a draft a copy of an open database, as it is at this moment. In one step: then it is one moment whoever writes
/// meanwhile, and in WAL mode nobody waits for it.
pub(super) fn into_draft(from: &Connection, draft: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut to = Connection::open_with_flags(draft, flags)?;
    // Whatever stops this, the draft is thrown away.
    to.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
    to.pragma_update(None, "synchronous", "OFF")?;
    finish(&Backup::new(from, &mut to)?)?;
    Ok(to)
}

/// Locks the destination of a backup for writing, before the first page.
pub(super) fn lock(backup: &Backup<'_, '_>) -> rusqlite::Result<()> {
    patiently(|| backup.step(0), StepResult::More)
}

/// Copies what is left, and commits it.
pub(super) fn finish(backup: &Backup<'_, '_>) -> rusqlite::Result<()> {
    patiently(|| backup.step(ALL), StepResult::Done)
}

fn patiently(step: impl Fn() -> rusqlite::Result<StepResult>, wanted: StepResult) -> rusqlite::Result<()> {
    let start = Instant::now();
    loop {
        match step()? {
            result if result == wanted || result == StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ if start.elapsed() < BUSY_TIMEOUT => std::thread::sleep(PAUSE),
            _ => return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None)),
        }
    }
}

/// Makes the database one file that needs nothing beside it.
pub(super) fn leave_wal(connection: &Connection) -> rusqlite::Result<()> {
    // Without it SQLite would make shared memory for nobody.
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
    if mode == "delete" {
        return Ok(());
    }
    // SQLite does not say why it keeps the mode.
    let reason = Some("the write-ahead log cannot be left".to_owned());
    Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR), reason))
}

/// What SQLite finds wrong with a database; at most this many faults. One that cannot even be checked is a fault, too.
pub(super) fn faults(connection: &Connection, most: u32) -> rusqlite::Result<Vec<String>> {
    let found = integrity(connection, most).and_then(|mut faults| {
        faults.extend(broken_references(connection, most)?);
        Ok(faults)
    });
    match found {
        Err(error) if is_damage(&error) => Ok(vec![error.to_string()]),
        found => found,
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn integrity(connection: &Connection, most: u32) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({most})"))?;
    let said: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    // One row may hold several lines.
    let lines = said.iter().flat_map(|text| text.lines());
    Ok(lines.filter(|line| *line != "ok" && !line.starts_with("***")).map(str::to_owned).collect())
}

fn broken_references(connection: &Connection, most: u32) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check LIMIT ?1";
    let mut statement = connection.prepare(sql)?;
    let say = |row: &rusqlite::Row<'_>| {
        let (table, id, parent): (String, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let id = id.map_or(String::new(), |id| format!(" {id}"));
        Ok(format!("row{id} of {table} belongs to a row of {parent} that is not there"))
    };
    statement.query_map([most], say)?.collect()
}
