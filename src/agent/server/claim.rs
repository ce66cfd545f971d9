//! Whose the socket is: one agent's, which holds an operating system's lock beside it for as long as it lives.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;
use rustix::process::{geteuid, umask};

use crate::agent::{Agent, AgentError};

/// How long one of two that start at once waits for the other one, or one that starts for the end of the last.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);

/// The right to listen. It ends with the process.
pub(super) struct Claim {
    socket: PathBuf,
    /// The standard library opens every file close-on-exec: nothing that an agent starts keeps the lock.
    lock: File,
}

/// Who has the right to listen.
pub(super) enum Claimed {
    Ours(Claim),
    Others { pid: u32 },
}

/// A socket on which this process listens.
pub(super) struct Socket {
    path: PathBuf,
    /// Its device and inode.
    file: (u64, u64),
    _lock: File,
}

impl Claim {
    /// Claims a socket, unless an agent answers at it.
    pub(super) fn stake(socket: &Path) -> Result<Claimed, AgentError> {
        if let Some(pid) = who_answers(socket)? {
            return Ok(Claimed::Others { pid });
        }
        private_folder(socket.parent().unwrap_or(socket))?;
        let mut lock = open_lock(socket)?;
        let start = Instant::now();
        while !try_lock(&lock, socket)? {
            if let Some(pid) = who_answers(socket)? {
                return Ok(Claimed::Others { pid });
            }
            if start.elapsed() > PATIENCE {
                let reason = format!("process {} keeps it, and is mute", holder(&mut lock));
                return Err(AgentError::socket(socket, &reason));
            }
            thread::sleep(PAUSE);
        }
        // Whoever listens without the lock had its lock file removed: it is still the one that callers know.
        if let Some(pid) = who_answers(socket)? {
            return Ok(Claimed::Others { pid });
        }
        // A courtesy to those who wait: the lock holds without it.
        let _ = lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id()));
        Ok(Claimed::Ours(Self { socket: socket.to_owned(), lock }))
    }

    /// Listens: on a socket that only its user can reach from the moment that it exists, and that appears in its place
    /// at once, where an agent that died may have left one.
    pub(super) fn listen(self) -> Result<(Socket, UnixListener), AgentError> {
        let Self { socket, lock } = self;
        let failed = |error: std::io::Error| AgentError::socket(&socket, &error);
        let new = beside(&socket, ".new");
        for path in [&new, &socket] {
            if std::fs::symlink_metadata(path).is_ok_and(|file| !file.file_type().is_socket()) {
                return Err(AgentError::socket(path, "something else is there, which was not touched"));
            }
        }
        remove_socket(&new)?;
        let given = umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
        let listener = UnixListener::bind(&new);
        umask(given);
        let listener = listener.map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let file = identity(&new).map_err(failed)?;
        std::fs::rename(&new, &socket).map_err(failed)?;
        Ok((Socket { path: socket, file, _lock: lock }, listener))
    }
}

impl Socket {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is still the one in its place.
    pub(super) fn is_own(&self) -> bool {
        identity(&self.path).is_ok_and(|file| file == self.file)
    }

    /// Removes it, unless something else is in its place.
    pub(super) fn remove(&self) {
        if self.is_own() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The process of the agent at a socket; `None` where nobody listens, or nobody will in a moment.
fn who_answers(socket: &Path) -> Result<Option<u32>, AgentError> {
    match Agent::connect(socket)?.map(|mut agent| agent.status()) {
        None | Some(Err(AgentError::Gone)) => Ok(None),
        Some(status) => Ok(Some(status?.pid)),
    }
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

fn beside(socket: &Path, ending: &str) -> PathBuf {
    let mut path = socket.as_os_str().to_owned();
    path.push(ending);
    PathBuf::from(path)
}

fn remove_socket(path: &Path) -> Result<(), AgentError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(AgentError::socket(path, &error)),
        _ => Ok(()),
    }
}

fn open_lock(socket: &Path) -> Result<File, AgentError> {
    let path = beside(socket, ".lock");
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags)
        .open(&path);
    opened.map_err(|error| AgentError::socket(&path, &error))
}

fn try_lock(lock: &File, socket: &Path) -> Result<bool, AgentError> {
    match flock(lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
        Err(error) => Err(AgentError::socket(&beside(socket, ".lock"), &std::io::Error::from(error))),
    }
}

fn holder(lock: &mut File) -> String {
    let mut pid = String::new();
    match lock.read_to_string(&mut pid) {
        Ok(1..) => pid,
        _ => "?".to_owned(),
    }
}

/// Makes the folder, and those above it that are missing; one that is there must be this user's alone.
fn private_folder(folder: &Path) -> Result<(), AgentError> {
    let unusable = |reason: &str| AgentError::socket(folder, reason);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| unusable(&error.to_string()))?;
    let found = std::fs::symlink_metadata(folder).map_err(|error| unusable(&error.to_string()))?;
    if !found.is_dir() || found.uid() != geteuid().as_raw() {
        return Err(unusable("it is not a folder of yours"));
    }
    if found.mode() & 0o077 != 0 {
        return Err(unusable(&format!("others may enter it (mode {:03o})", found.mode() & 0o777)));
    }
    Ok(())
}
