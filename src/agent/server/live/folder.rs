//! The folders of live sessions, beside the agent's socket: each is there for as long as its session is, and a shell
//! sees by a look at it, without asking anybody, whether its own still is.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

use crate::agent::protocol::{MARK, live_folder};

/// The folder of all sessions.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The one beside a socket, whose own folder is this user's alone.
    pub(super) fn beside(socket: &Path) -> Self {
        Self(live_folder(socket))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Removes whatever sessions are in it. Where it is something else, none is.
    pub(super) fn clear(&self) {
        if !self.is_own().is_ok_and(|own| own) {
            return;
        }
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            self.remove(&entry.file_name().to_string_lossy());
        }
    }

    fn is_own(&self) -> io::Result<bool> {
        let found = fs::symlink_metadata(&self.0)?;
        let is_open_to_others = found.mode() & 0o077 != 0;
        Ok(found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && !is_open_to_others)
    }

    /// Makes a session's folder. In it is a link that leads nowhere when this process has ended, however it did; where
    /// there is no `/proc`, a folder that only a clean end removes.
    pub(super) fn add(&self, name: &str) -> io::Result<()> {
        let make = |path: &Path| DirBuilder::new().mode(0o700).create(path);
        let folders = make(&self.0);
        match folders {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if !self.is_own()? {
                    return Err(io::Error::other("it is not a folder of yours alone"));
                }
            }
            _ => folders?,
        }
        let folder = self.0.join(name);
        make(&folder)?;
        let mark = folder.join(MARK);
        let marked = match while_this_process_runs() {
            Some(place) => symlink(place, mark),
            None => make(&mark),
        };
        marked.inspect_err(|_| self.remove(name))
    }

    /// Removes a session's folder. One that cannot be removed tells no more than that there was a session.
    pub(super) fn remove(&self, name: &str) {
        let folder = self.0.join(name);
        let removed = fs::remove_file(folder.join(MARK)).or_else(|_| fs::remove_dir(folder.join(MARK)));
        let _ = removed.and_then(|()| fs::remove_dir_all(&folder)).or_else(|_| fs::remove_dir_all(&folder));
    }
}

/// What is there while this process is. A process that has ended and was not waited for has a folder in `/proc` still,
/// but no network (proc(5)).
fn while_this_process_runs() -> Option<PathBuf> {
    // A shell would not see it, and take the session for one that has ended.
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let is_hidden = |options: &str| {
        options
            .split(',')
            .any(|option| option.starts_with("hidepid=") && !["hidepid=0", "hidepid=off"].contains(&option))
    };
    let of_proc = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    if of_proc.filter(|mount| mount.get(1) == Some(&"/proc")).any(|mount| mount.get(3).is_some_and(|it| is_hidden(it)))
    {
        return None;
    }
    let process = PathBuf::from(format!("/proc/{}", std::process::id()));
    [process.join("net/dev"), process].into_iter().find(|place| place.exists())
}
