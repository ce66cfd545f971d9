//! The `file` slot: the slot's secret in a file that only its owner can read.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{SealError, SlotSecret};

/// The first word of a key file: says what the file is and which format.
const HEADER: &str = "multicred-key-1";
/// A key file is one short line; anything longer is something else.
const LONGEST: u64 = 1024;
const O_NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();

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
        if is_left_behind(&draft) {
            let _ = std::fs::remove_file(&draft);
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        let line = Zeroizing::new(format!("{}\n", *secret.to_text(HEADER)));
        let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_all());
        let named = written.and_then(|()| give_name(&draft, &self.path));
        // It has gone where it was renamed.
        let _ = std::fs::remove_file(&draft);
        named
    }

    /// A name that is nobody else's.
    fn draft(&self) -> PathBuf {
        let mut name = std::ffi::OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(".multicred-draft");
        self.path.with_file_name(name)
    }
}

/// Whether a file is what a killed run left of a key file: as much of one as was written.
fn is_left_behind(draft: &Path) -> bool {
    let is_file = std::fs::symlink_metadata(draft).is_ok_and(|found| found.is_file() && found.len() <= LONGEST);
    let content = Zeroizing::new(if is_file { std::fs::read(draft).unwrap_or_default() } else { return false });
    let common = content.len().min(HEADER.len());
    content[..common] == HEADER.as_bytes()[..common]
}

/// Fails where a key file has appeared meanwhile.
fn give_name(draft: &Path, path: &Path) -> std::io::Result<()> {
    use rustix::io::Errno;
    let linked = std::fs::hard_link(draft, path);
    let errno = linked.as_ref().err().and_then(Errno::from_io_error);
    match errno {
        // A file system without hard links: that of a USB stick.
        Some(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) => {
            if std::fs::symlink_metadata(path).is_ok() {
                return Err(std::io::ErrorKind::AlreadyExists.into());
            }
            std::fs::rename(draft, path)?;
        }
        _ => linked?,
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
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
    fn a_loose_key_file_is_tightened() {
        let folder = tempfile::tempdir().unwrap();
        let slot = FileSlot::at(folder.path().join("k"));
        slot.read_or_create().unwrap();
        std::fs::set_permissions(slot.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
        slot.read().unwrap();
        assert_eq!(std::fs::metadata(slot.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
