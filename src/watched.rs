//! Files that are watched: which of them have changed, told once a change has come to rest.
//!
//! What counts is how the files look, once a second; the kernel's word (inotify(7), of the folders, since a file may be
//! replaced, or not be there yet) makes it sooner, and tells of changes that leave no trace.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long a file must have been left alone.
const REST: Duration = Duration::from_secs(1);
/// After so long it is looked at all the same.
const IMPATIENCE: Duration = Duration::from_secs(10);
/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A link may lead to a link, and that in a circle.
const MOST_LINKS: usize = 40;

/// The files that are watched.
pub struct Watched {
    files: Vec<File>,
    kernel: Option<Kernel>,
}

struct File {
    path: PathBuf,
    stamp: Option<Stamp>,
    /// The first and the last change since it was last told of.
    changes: Option<(Instant, Instant)>,
}

#[derive(PartialEq, Eq)]
struct Stamp {
    file: (u64, u64, u64),
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Links are followed.
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let it = fs::metadata(path).ok()?;
        Some(Self {
            file: (it.dev(), it.ino(), it.len()),
            modified: (it.mtime(), it.mtime_nsec()),
            changed: (it.ctime(), it.ctime_nsec()),
        })
    }
}

impl Watched {
    /// Watches these, from how they look now.
    pub fn new(paths: &[PathBuf]) -> Self {
        let file = |path: &PathBuf| File { path: path.clone(), stamp: Stamp::of(path), changes: None };
        let mut watched = Self { files: paths.iter().map(file).collect(), kernel: Kernel::open() };
        // What changes from here on is heard of, and what did until here is seen by the first look.
        watched.listen();
        watched
    }

    /// Waits for a second at most, or until a change is at rest; a signal ends it early.
    pub fn wait(&mut self) {
        let now = Instant::now();
        let rests = self.files.iter().filter_map(File::rests_at);
        let until = rests.min().map_or(LOOK, |at| at.saturating_duration_since(now)).min(LOOK);
        let timeout = Timespec::try_from(until).ok();
        let _ = match &self.kernel {
            Some(kernel) => poll(&mut [PollFd::new(kernel.queue(), PollFlags::IN)], timeout.as_ref()),
            None => poll(&mut [], timeout.as_ref()),
        };
        self.look();
    }

    /// The places, in the list that was given, of those whose change has come to rest; each change is told once.
    pub fn at_rest(&mut self) -> Vec<usize> {
        let now = Instant::now();
        let mut rested = Vec::new();
        for (place, file) in self.files.iter_mut().enumerate() {
            if file.rests_at().is_some_and(|at| at <= now) {
                file.changes = None;
                rested.push(place);
            }
        }
        rested
    }

    fn look(&mut self) {
        let now = Instant::now();
        let named = self.kernel.as_mut().map(Kernel::heard).unwrap_or_default();
        for file in &mut self.files {
            let stamp = Stamp::of(&file.path);
            let is_named = || names_of(&file.path).iter().any(|(_, name)| named.contains(name));
            if stamp != file.stamp || is_named() {
                file.changes = Some((file.changes.map_or(now, |(first, _)| first), now));
                file.stamp = stamp;
            }
        }
        self.listen();
    }

    /// Folders may have come, or may be others by now.
    fn listen(&mut self) {
        let Some(kernel) = &mut self.kernel else { return };
        for (folder, _) in self.files.iter().flat_map(|file| names_of(&file.path)) {
            kernel.listen(&folder);
        }
    }
}

impl File {
    fn rests_at(&self) -> Option<Instant> {
        self.changes.map(|(first, last)| (last + REST).min(first + IMPATIENCE))
    }
}

/// The folders in which something may change what a path leads to, each with the name there.
fn names_of(path: &Path) -> Vec<(PathBuf, OsString)> {
    let mut names = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next.take().filter(|_| names.len() < MOST_LINKS) {
        let Some(name) = path.file_name().map(OsStr::to_owned) else { break };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        next = fs::read_link(&path).ok().map(|target| folder.join(target));
        names.push((folder.to_owned(), name));
    }
    names
}

#[cfg(target_os = "linux")]
use linux::Kernel;
#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeSet;
    use std::ffi::{OsStr, OsString};
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};

    /// What the kernel tells of folders.
    pub(super) struct Kernel(OwnedFd);

    impl Kernel {
        /// `None` where the kernel has no queue left: then looking must do.
        pub(super) fn open() -> Option<Self> {
            init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok().map(Self)
        }

        pub(super) fn queue(&self) -> &OwnedFd {
            &self.0
        }

        /// Hears of what happens in a folder from now on; one that is listened to already costs nothing, and one that is
        /// not there, or cannot be listened to, is looked at.
        pub(super) fn listen(&mut self, folder: &Path) {
            let what = WatchFlags::CLOSE_WRITE | WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::DELETE;
            let what = what | WatchFlags::MOVED_FROM | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
            let _ = add_watch(&self.0, folder, what);
        }

        /// The names that something has happened to.
        pub(super) fn heard(&mut self) -> BTreeSet<OsString> {
            let mut names = BTreeSet::new();
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut reader = Reader::new(&self.0, &mut buffer);
            while let Ok(event) = reader.next() {
                names.extend(event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()).to_owned()));
            }
            names
        }
    }
}

#[cfg(not(target_os = "linux"))]
use elsewhere::Kernel;
/// Untested.
#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::collections::BTreeSet;
    use std::ffi::OsString;
    use std::os::fd::OwnedFd;
    use std::path::Path;

    /// Nobody tells: looking must do.
    pub(super) enum Kernel {}

    impl Kernel {
        pub(super) fn open() -> Option<Self> {
            None
        }

        pub(super) fn queue(&self) -> &OwnedFd {
            match *self {}
        }

        pub(super) fn listen(&mut self, _folder: &Path) {
            match *self {}
        }

        pub(super) fn heard(&mut self) -> BTreeSet<OsString> {
            match *self {}
        }
    }
}
