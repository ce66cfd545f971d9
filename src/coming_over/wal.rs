//! A SQLite database with what its write-ahead log holds, put together in memory: SQLite itself would write beside a
//! database that is somebody else's (<https://www.sqlite.org/fileformat2.html>, section 4).

use zeroize::Zeroizing;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// The header's bytes that say whether there is a log.
const VERSIONS: std::ops::Range<usize> = 18..20;
const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Whether these are the bytes of a SQLite database.
pub fn is_database(bytes: &[u8]) -> bool {
    bytes.len() >= 100 && bytes.starts_with(MAGIC)
}

/// Whether a rollback journal is one that a transaction has begun, or that a crash has left.
pub fn is_hot_journal(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7])
}

/// The database as of the last commit in its log, which has no log of its own any more. What stands in the log behind
/// that, or of an older log, counts as little as it does for SQLite.
pub fn merged(mut database: Zeroizing<Vec<u8>>, wal: &[u8]) -> Zeroizing<Vec<u8>> {
    if let Some(log) = Log::read(wal) {
        let commits = log.committed();
        for (page, bytes) in &commits.pages {
            let at = (page - 1) * log.page_size;
            let end = at + log.page_size;
            if database.len() < end {
                database = grown(&database, end);
            }
            database[at..end].copy_from_slice(bytes);
        }
        if let Some(pages) = commits.database_pages {
            database.truncate(pages * log.page_size);
        }
    }
    if database.len() > VERSIONS.end {
        database[VERSIONS].fill(1);
    }
    database
}

/// Growing in place would leave copies of a secret behind in freed memory.
fn grown(bytes: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let mut longer = Zeroizing::new(Vec::with_capacity(length));
    longer.extend_from_slice(bytes);
    longer.resize(length, 0);
    longer
}

struct Log<'b> {
    page_size: usize,
    is_big_endian: bool,
    salts: &'b [u8],
    sum: (u32, u32),
    frames: &'b [u8],
}

#[derive(Default)]
struct Committed<'b> {
    /// Page numbers from 1.
    pages: Vec<(usize, &'b [u8])>,
    database_pages: Option<usize>,
}

impl<'b> Log<'b> {
    fn read(wal: &'b [u8]) -> Option<Self> {
        let header = wal.get(..HEADER)?;
        let is_big_endian = match word(header, 0) {
            0x377f_0682 => false,
            0x377f_0683 => true,
            _ => return None,
        };
        let page_size = word(header, 8) as usize;
        let sum = checksum((0, 0), &header[..24], is_big_endian);
        let is_whole = sum == (word(header, 24), word(header, 28));
        let is_size = page_size.is_power_of_two() && (512..=65536).contains(&page_size);
        let log = Self { page_size, is_big_endian, salts: &header[16..24], sum, frames: &wal[HEADER..] };
        (is_whole && is_size).then_some(log)
    }

    fn committed(&self) -> Committed<'b> {
        let mut committed = Committed::default();
        let mut pending = Vec::new();
        let mut sum = self.sum;
        for frame in self.frames.chunks_exact(FRAME_HEADER + self.page_size) {
            let (header, page) = frame.split_at(FRAME_HEADER);
            sum = checksum(checksum(sum, &header[..8], self.is_big_endian), page, self.is_big_endian);
            let number = word(header, 0) as usize;
            if &header[8..16] != self.salts || sum != (word(header, 16), word(header, 20)) || number == 0 {
                break;
            }
            pending.push((number, page));
            let database_pages = word(header, 4) as usize;
            if database_pages > 0 {
                committed.pages.append(&mut pending);
                committed.database_pages = Some(database_pages);
            }
        }
        // A page beyond the end of the database is none of it, however far it says to be.
        let end = committed.database_pages.unwrap_or_default();
        committed.pages.retain(|(number, _)| *number <= end);
        committed
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_be_bytes)
}

fn checksum(start: (u32, u32), bytes: &[u8], is_big_endian: bool) -> (u32, u32) {
    bytes.chunks_exact(8).fold(start, |(first, second), eight| {
        let half = |at: usize| {
            let number = word(eight, at);
            if is_big_endian { number } else { number.swap_bytes() }
        };
        let first = first.wrapping_add(half(0)).wrapping_add(second);
        (first, second.wrapping_add(half(4)).wrapping_add(first))
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn opened(bytes: &[u8]) -> rusqlite::Result<Vec<i64>> {
        let mut connection = Connection::open_in_memory()?;
        connection.deserialize_read_exact("main", bytes, bytes.len(), true)?;
        let mut statement = connection.prepare("SELECT n FROM t ORDER BY n")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect()
    }

    #[test]
    fn what_only_the_log_holds_is_there_and_what_was_not_committed_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mut writer = Connection::open(&path).unwrap();
        writer.execute_batch("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t (n)").unwrap();
        writer.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        // Enough pages that the database grows by the log.
        for n in 0..500 {
            writer.execute("INSERT INTO t VALUES (?1)", [n]).unwrap();
        }
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        let (database, wal) = (Zeroizing::new(read("a.db")), read("a.db-wal"));
        assert!(is_database(&database));
        assert_eq!(opened(&merged(database.clone(), &[])).unwrap(), Vec::<i64>::new(), "the log holds all of them");
        assert_eq!(opened(&merged(database.clone(), &wal)).unwrap(), (0..500).collect::<Vec<_>>());
        for cut in [wal.len() - 1, wal.len() - 4096, HEADER + 3, HEADER, 7] {
            let rows = opened(&merged(database.clone(), &wal[..cut])).unwrap();
            assert!(rows.len() < 500 && rows == (0..).take(rows.len()).collect::<Vec<i64>>(), "{cut}");
        }
        let mut damaged = wal.clone();
        let at = wal.len() - 100;
        damaged[at] ^= 1;
        assert!(opened(&merged(database.clone(), &damaged)).unwrap().len() < 500);
        // A big transaction spills into the log before it is committed.
        writer.execute_batch("PRAGMA cache_size=5").unwrap();
        let transaction = writer.transaction().unwrap();
        for n in 500..5000 {
            transaction.execute("INSERT INTO t VALUES (?1)", [n]).unwrap();
        }
        let spilt = read("a.db-wal");
        assert!(spilt.len() > wal.len(), "nothing was spilt: the test shows nothing");
        assert_eq!(opened(&merged(database, &spilt)).unwrap().len(), 500);
    }

    #[test]
    fn what_is_no_log_changes_nothing_and_panics_at_nothing() {
        let database = Zeroizing::new([MAGIC.as_slice(), &[2; 100]].concat());
        for log in [&b""[..], b"x", &[0; 64], &[0xff; 4096]] {
            let whole = merged(database.clone(), log);
            assert_eq!(whole.len(), database.len());
            assert_eq!(whole[VERSIONS], [1, 1]);
        }
        assert!(merged(Zeroizing::new(Vec::new()), &[0; 64]).is_empty());
    }
}
