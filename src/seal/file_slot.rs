//! The `file` slot: the slot's secret in a file that only its owner can read.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{SealError, SlotSecret};

/// The first word of a key file: says what the file is and which format.
const HEADER: &str = "multicred-key-1";
/// A key file is one short line; anything longer is something else.
const LONGEST: u64 = 1024;
const O_NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
/// Neither a pipe nor a link in a draft's place is followed.
const NO_SURPRISE: i32 = O_NONBLOCK | rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();

/// A key file.
pub struct FileSlot {
    path: PathBuf,
}

impl FileSlot {
    /// The slot's kind, as stored.
    pub const KIND: &'static str = "file";

    /// The key file at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the secret.
    ///
    /// # Errors
    /// A reason in words: missing, unreadable, not a key file, or another user's.
    pub fn read(&self) -> Result<SlotSecret, String> {
        self.read_and(tighten)
    }

    /// The same, and a loose mode stays as it is.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn look(&self) -> Result<SlotSecret, String> {
        self.read_and(|_| ())
    }

    fn read_and(&self, where_loose: impl FnOnce(&std::fs::File)) -> Result<SlotSecret, String> {
        let shown = self.path.display();
        // A pipe in its place must not be waited for.
        let opened = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(&self.path);
        let file = opened.map_err(|e| format!("{shown}: {e}"))?;
        let metadata = file.metadata().map_err(|e| format!("{shown}: {e}"))?;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(format!("{shown} belongs to another user (uid {})", metadata.uid()));
        }
        if !metadata.is_file() {
            return Err(format!("{shown} is no file"));
        }
        let mut text = Zeroizing::new(String::with_capacity(128));
        (&file).take(LONGEST).read_to_string(&mut text).map_err(|e| format!("{shown}: {e}"))?;
        let secret =
            SlotSecret::from_text(HEADER, &text).ok_or_else(|| format!("{shown} is not a multicred key file"))?;
        // Only now: anything else that the path names is not ours to change.
        if metadata.mode() & 0o077 != 0 {
            where_loose(&file);
        }
        Ok(secret)
    }

    /// Reads the secret, or makes the file where there is none. An existing file is never overwritten: it may be
    /// the only key to some other copy of the store.
    ///
    /// # Errors
    /// The file cannot be made, or exists and cannot be read.
    pub fn read_or_create(&self) -> Result<SlotSecret, SealError> {
        let failed = |reason: String| SealError::KeyFile { path: self.path.display().to_string(), reason };
        let secret = SlotSecret::generate()?;
        match self.create(&secret) {
            Ok(()) => Ok(secret),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => self.read().map_err(failed),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// Writes a complete key file under its name, or none: a kill leaves no half of one.
    fn create(&self, secret: &SlotSecret) -> std::io::Result<()> {
        let draft = self.draft();
        let mut file = claim(&draft)?;
        let line = Zeroizing::new(format!("{}\n", *secret.to_text(HEADER)));
        let written = file.set_len(0).and_then(|()| file.write_all(line.as_bytes())).and_then(|()| file.sync_all());
        match written.and_then(|()| give_name(&draft, &self.path)) {
            // The name is free at once, and may be somebody else's draft by now.
            Ok(Named::Renamed) => {}
            Ok(Named::Linked) => std::fs::remove_file(&draft)?,
            Err(error) => {
                let _ = std::fs::remove_file(&draft);
                return Err(error);
            }
        }
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(folder)?.sync_all()
    }

    /// A name that is nobody else's.
    fn draft(&self) -> PathBuf {
        let mut name = std::ffi::OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(".multicred-draft");
        self.path.with_file_name(name)
    }
}

/// The draft under that name, for this process alone: a new one, or what a killed run left of one. It stays locked until
/// the file is closed, so that nobody takes the draft of a process that lives for one that was left behind.
fn claim(draft: &Path) -> std::io::Result<std::fs::File> {
    loop {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(NO_SURPRISE);
        let file = options.open(draft)?;
        rustix::io::retry_on_intr(|| rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive))?;
        let ours = file.metadata()?;
        let is_ours = |there: std::fs::Metadata| (there.dev(), there.ino()) == (ours.dev(), ours.ino());
        // Whoever held it meanwhile has given it its name, or removed it.
        if !std::fs::symlink_metadata(draft).is_ok_and(is_ours) {
            continue;
        }
        if !is_left_behind(&file)? {
            return Err(std::io::ErrorKind::AlreadyExists.into());
        }
        if ours.nlink() == 1 {
            return Ok(file);
        }
        // Killed once the key file had its name: that one is in use.
        std::fs::remove_file(draft)?;
    }
}

/// Whether a file is what a killed run left of a key file: as much of one as was written, which is nothing at first.
fn is_left_behind(draft: &std::fs::File) -> std::io::Result<bool> {
    let found = draft.metadata()?;
    if !found.is_file() || found.len() > LONGEST || found.uid() != rustix::process::geteuid().as_raw() {
        return Ok(false);
    }
    let mut content = Zeroizing::new(vec![0; usize::try_from(found.len()).unwrap_or_default()]);
    draft.read_exact_at(&mut content, 0)?;
    let common = content.len().min(HEADER.len());
    Ok(content[..common] == HEADER.as_bytes()[..common])
}

/// How a draft got its name.
enum Named {
    Linked,
    Renamed,
}

/// Fails where a key file has appeared meanwhile.
fn give_name(draft: &Path, path: &Path) -> std::io::Result<Named> {
    use rustix::io::Errno;
    let linked = std::fs::hard_link(draft, path);
    let errno = linked.as_ref().err().and_then(Errno::from_io_error);
    match errno {
        // A file system without hard links: that of a USB stick.
        Some(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) => {
            if std::fs::symlink_metadata(path).is_ok() {
                return Err(std::io::ErrorKind::AlreadyExists.into());
            }
            std::fs::rename(draft, path).map(|()| Named::Renamed)
        }
        _ => linked.map(|()| Named::Linked),
    }
}

fn tighten(file: &std::fs::File) {
    // Failing to tighten is no reason to refuse the key: the file is the person's own.
    let _ = rustix::fs::fchmod(file, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_file_is_private_from_birth_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let slot = FileSlot::at(folder.path().join("k"));
        let first = slot.read_or_create().unwrap();
        assert_eq!(std::fs::metadata(slot.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(slot.read_or_create().unwrap().0, first.0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn another_file_is_not_taken_for_a_key_and_survives() {
        let folder = tempfile::tempdir().unwrap();
        let slot = FileSlot::at(folder.path().join("k"));
        for content in ["", "multicred-key-1 short\n", "something else entirely"] {
            std::fs::write(slot.path(), content).unwrap();
            assert!(slot.read_or_create().is_err());
            assert_eq!(std::fs::read_to_string(slot.path()).unwrap(), content);
        }
    }

    #[test]
    fn neither_a_folder_nor_another_file_gets_another_mode_and_nothing_beside_it_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let other = folder.path().join("notes");
        std::fs::write(&other, "mine").unwrap();
        for path in [folder.path(), &other] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
            assert!(FileSlot::at(path).read_or_create().is_err());
            assert_eq!(mode(path), 0o755, "{}", path.display());
        }
        for beside in ["k.new", ".k.multicred-draft"] {
            std::fs::write(folder.path().join(beside), "mine").unwrap();
        }
        let slot = FileSlot::at(folder.path().join("k"));
        assert!(slot.read_or_create().is_err());
        std::fs::write(folder.path().join(".k.multicred-draft"), "multicred-ke").unwrap();
        slot.read_or_create().unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("k.new")).unwrap(), "mine");
        assert!(!folder.path().join(".k.multicred-draft").exists());
    }

    #[test]
    fn a_key_file_whose_draft_was_not_removed_any_more_keeps_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let draft = folder.path().join(".k.multicred-draft");
        let kept = FileSlot::at(folder.path().join("first")).read_or_create().unwrap();
        std::fs::hard_link(folder.path().join("first"), &draft).unwrap();
        FileSlot::at(folder.path().join("k")).read_or_create().unwrap();
        assert_eq!(FileSlot::at(folder.path().join("first")).read().unwrap().0, kept.0);
        assert!(!draft.exists());
    }

    #[test]
    fn many_who_make_the_same_key_file_at_once_have_one_secret() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..50 {
            let path = folder.path().join(format!("k{round}"));
            let make = || FileSlot::at(&path).read_or_create().unwrap().0.to_vec();
            let secrets = std::thread::scope(|scope| {
                let at_once: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
                at_once.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
            });
            assert!(secrets.iter().all(|secret| *secret == make()), "round {round}");
        }
    }

    #[test]
    fn a_loose_key_file_is_tightened() {
        let folder = tempfile::tempdir().unwrap();
        let slot = FileSlot::at(folder.path().join("k"));
        slot.read_or_create().unwrap();
        std::fs::set_permissions(slot.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
        slot.read().unwrap();
        assert_eq!(std::fs::metadata(slot.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
