//! The lock of one hop: whoever holds it calls AWS, everyone else waits and then looks again.
//!
//! It is an operating system's lock on a file that is never removed: it dies with its holder, however that ends. The
//! file's content names the holder, and tells those who waited how the last try failed.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// How long a waiter waits for another process's call, prompt included.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The same for one that can do without: a little longer than the call of another of its kind.
pub const BRIEF_PATIENCE: Duration = Duration::from_secs(4);
/// How long a missing answer is remembered for those who can do without, in nanoseconds.
const MEMORY: i128 = 60 * NANOSECONDS;
const NANOSECONDS: i128 = 1_000_000_000;
/// How often a waiter tries, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(25);

/// Why a lock was not had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Another process kept it too long.
    #[error("process {holder} has been {what} for over {waited} s")]
    Held {
        /// Its process id, or `?`.
        holder: String,
        /// What it does: `asking AWS for prod/Admin`.
        what: String,
        /// How long this process waited, in seconds.
        waited: u64,
    },
    /// The folder or file cannot be used.
    #[error("the lock {path} cannot be used: {reason}")]
    Unusable {
        /// The folder or file.
        path: String,
        /// The system's words.
        reason: String,
    },
}

/// What sort of failure waiters are told about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// AWS said no.
    Refused,
    /// There was no usable answer.
    NoAnswer,
    /// The person cancelled the prompt.
    Cancelled,
    /// A program of the person's failed.
    Failed,
}

/// How a try ended, for those who waited for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The process that tried.
    pub pid: u32,
    /// When, on the boot's clock, in nanoseconds.
    pub at: i128,
    /// What sort of failure it was.
    pub kind: FailureKind,
    /// What it told its own person.
    pub message: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Content {
    pid: u32,
    failure: Option<Failure>,
}

/// A held lock. Released when dropped.
pub struct HopLock {
    file: File,
    content: Content,
}

impl HopLock {
    /// Takes the lock called `name`, waiting for as long as `patience`. `waiting` is called once, after half a second,
    /// with the holder's process id.
    ///
    /// # Errors
    /// See [`LockError`].
    pub fn take(
        folder: &Path,
        name: &str,
        what: &str,
        patience: Duration,
        mut waiting: impl FnMut(&str),
    ) -> Result<Self, LockError> {
        let mut file = open(folder, name)?;
        let start = Instant::now();
        let (mut pause, mut told) = (FIRST_PAUSE, false);
        while !try_lock(&file, folder)? {
            if start.elapsed() > patience {
                let holder = holder(&mut file);
                return Err(LockError::Held { holder, what: what.to_owned(), waited: patience.as_secs() });
            }
            if !told && start.elapsed() > Duration::from_millis(500) {
                waiting(&holder(&mut file));
                told = true;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        let mut lock = Self { content: read(&mut file), file };
        lock.content.pid = std::process::id();
        lock.write();
        Ok(lock)
    }

    /// How somebody else's try failed, if that was after `since` (on the boot's clock): then this one waited for it, and
    /// need not repeat it.
    pub fn failure_since(&self, since: i128) -> Option<&Failure> {
        // A failure of the future is one of an earlier boot, whose clock went further. One of this very process is
        // another thread's: this one's own came before it began to wait.
        let while_waiting = since..=boot_clock();
        let is_news = |failure: &&Failure| while_waiting.contains(&failure.at);
        self.content.failure.as_ref().filter(is_news)
    }

    /// The last try, if there was no answer and that was within the last minute; with the seconds since.
    pub fn lately_unanswered(&self) -> Option<(&Failure, i128)> {
        let failure = self.content.failure.as_ref().filter(|failure| failure.kind == FailureKind::NoAnswer)?;
        let age = boot_clock() - failure.at;
        // One of the future is of an earlier boot.
        (0..MEMORY).contains(&age).then_some((failure, age / NANOSECONDS))
    }

    /// A try that went well ends the memory of those that did not.
    pub fn forget_failure(&mut self) {
        if self.content.failure.take().is_some() {
            self.write();
        }
    }

    /// Tells those who wait how this try failed.
    pub fn tell_failure(&mut self, kind: FailureKind, message: String) {
        self.content.failure = Some(Failure { pid: std::process::id(), at: boot_clock(), kind, message });
        self.write();
    }

    /// The note in the file is a courtesy: the lock holds without it.
    fn write(&mut self) {
        let text = serde_json::to_vec(&self.content).unwrap_or_default();
        let _ = self.file.set_len(0);
        let _ = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.write_all(&text));
    }
}

/// Nanoseconds since the boot: the same clock for every process, which nobody sets.
pub fn boot_clock() -> i128 {
    // Time asleep counts where the system can say so.
    #[cfg(target_os = "linux")]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: ClockId = ClockId::Monotonic;
    let time = clock_gettime(CLOCK);
    i128::from(time.tv_sec) * NANOSECONDS + i128::from(time.tv_nsec)
}

/// The same in whole seconds.
pub fn boot_seconds() -> i64 {
    i64::try_from(boot_clock() / NANOSECONDS).unwrap_or(i64::MAX)
}

fn open(folder: &Path, name: &str) -> Result<File, LockError> {
    let path = folder.join(format!("{name}.lock"));
    let failed = |error: &std::io::Error| unusable(&path, error);
    private_folder(folder)?;
    // The standard library opens every file close-on-exec: no child keeps the lock alive.
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    opened.map_err(|error| failed(&error))
}

fn unusable(path: &Path, error: &std::io::Error) -> LockError {
    LockError::Unusable { path: path.display().to_string(), reason: error.to_string() }
}

/// Makes a folder that nobody else can enter, and those above it that are missing.
///
/// # Errors
/// It cannot be made, or it or the one above belongs to another user, or others may write in it.
pub fn private_folder(folder: &Path) -> Result<(), LockError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| unusable(folder, &error))?;
    folder.ancestors().take(2).try_for_each(check_owner)
}

/// A folder in /tmp may be a trap laid by another user.
fn check_owner(folder: &Path) -> Result<(), LockError> {
    let unusable = |reason: &str| LockError::Unusable { path: folder.display().to_string(), reason: reason.to_owned() };
    let metadata = std::fs::symlink_metadata(folder).map_err(|error| unusable(&error.to_string()))?;
    if !metadata.is_dir() || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(unusable("it belongs to another user"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(unusable("others may write in it"));
    }
    Ok(())
}

fn try_lock(file: &File, folder: &Path) -> Result<bool, LockError> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(LockError::Unusable { path: folder.display().to_string(), reason: error.to_string() }),
    }
}

fn read(file: &mut File) -> Content {
    let mut text = Vec::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut text));
    read.ok().and_then(|_| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

fn holder(file: &mut File) -> String {
    match read(file).pid {
        0 => "?".to_owned(),
        pid => pid.to_string(),
    }
}
