//! A file as it was seen: what an edit is based on, and what must come out when it is replaced.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::fs::{File, Permissions};
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, XattrFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::WriteError;

/// Linux keeps an access control list under this name; without it the mode's group bits mean something else (acl(5)).
const ACL: &str = "system.posix_acl_access";
/// No file system lets a name or a value be longer (xattr(7), "Limits").
const LONGEST: usize = 65_536;

type Attributes = BTreeMap<CString, Vec<u8>>;

/// A regular file. Two are equal where nobody touched it in between.
#[derive(PartialEq, Eq)]
pub(super) struct Seen {
    bytes: Zeroizing<Vec<u8>>,
    device: u64,
    inode: u64,
    links: u64,
    mode: u32,
    uid: u32,
    gid: u32,
    attributes: Attributes,
}

impl Seen {
    /// The file of this name in a folder, which errors call `shown`; `None` where there is none. A link is not followed.
    pub(super) fn at(folder: impl AsFd, name: &OsStr, shown: &Path) -> Result<Option<Self>, WriteError> {
        // A pipe in its place must not be waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match rustix::fs::openat(folder, name, flags, Mode::empty()) {
            Ok(file) => Self::of(&file.into(), shown).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(WriteError::of(shown, error)),
        }
    }

    fn of(mut file: &File, shown: &Path) -> Result<Self, WriteError> {
        let failed = |error| WriteError::of(shown, error);
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(WriteError::NotAFile(shown.to_owned()));
        }
        // One byte more than it holds: a buffer that grows leaves copies of secrets behind in freed memory.
        let length = usize::try_from(metadata.len()).unwrap_or_default();
        let mut bytes = Zeroizing::new(Vec::with_capacity(length + 1));
        file.read_to_end(&mut bytes).map_err(failed)?;
        Ok(Self {
            bytes,
            device: metadata.dev(),
            inode: metadata.ino(),
            links: metadata.nlink(),
            mode: metadata.mode() & 0o7777,
            uid: metadata.uid(),
            gid: metadata.gid(),
            attributes: attributes(file).map_err(|error| WriteError::of(shown, error))?,
        })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The content as text.
    pub(super) fn text(&self, shown: &Path) -> Result<&str, WriteError> {
        let refused = |found| WriteError::NotUtf8 { path: shown.to_owned(), found };
        if self.bytes.starts_with(b"\xff\xfe") || self.bytes.starts_with(b"\xfe\xff") {
            return Err(refused("UTF-16"));
        }
        // UTF-16 without its mark is valid UTF-8, with a NUL beside every letter.
        let text = std::str::from_utf8(&self.bytes).ok().filter(|text| !text.contains('\0'));
        text.ok_or_else(|| refused("in another encoding"))
    }

    /// Whether a new file can take its place and be the same to everybody but in its content.
    pub(super) fn check_replaceable(&self, shown: &Path) -> Result<(), WriteError> {
        let path = shown.to_owned();
        let me = rustix::process::geteuid();
        if self.uid != me.as_raw() && !me.is_root() {
            return Err(WriteError::OtherOwner { path, owner: self.uid });
        }
        if self.mode & 0o200 == 0 {
            return Err(WriteError::ReadOnly(path));
        }
        if self.links > 1 {
            return Err(WriteError::HardLinks { path, links: self.links });
        }
        Ok(())
    }

    /// Gives a new file this one's owner, mode and attributes.
    pub(super) fn dress(&self, file: &File) -> std::io::Result<()> {
        let fresh = file.metadata()?;
        if (fresh.uid(), fresh.gid()) != (self.uid, self.gid) {
            let (uid, gid) = (rustix::fs::Uid::from_raw(self.uid), rustix::fs::Gid::from_raw(self.gid));
            rustix::fs::fchown(file, Some(uid), Some(gid))?;
        }
        // After the owner: a change of owner takes bits away.
        file.set_permissions(Permissions::from_mode(self.mode))?;
        Ok(self.copy_attributes(file)?)
    }

    /// The folder may have given the new file an access list that the old one does not have.
    fn copy_attributes(&self, file: &File) -> Result<(), Errno> {
        let fresh = attributes(file)?;
        let added = fresh.keys().filter(|name| !self.attributes.contains_key(*name));
        for name in added {
            essential(name, rustix::fs::fremovexattr(file, name.as_c_str()))?;
        }
        for (name, value) in self.attributes.iter().filter(|(name, value)| fresh.get(*name) != Some(value)) {
            essential(name, rustix::fs::fsetxattr(file, name.as_c_str(), value, XattrFlags::empty()))?;
        }
        Ok(())
    }
}

/// Labels that only the system may set stay as the system set them; who may read the file is not left to chance.
fn essential(name: &CString, set: Result<(), Errno>) -> Result<(), Errno> {
    if name.as_bytes() == ACL.as_bytes() { set } else { Ok(()) }
}

fn attributes(file: &File) -> Result<Attributes, Errno> {
    let names = match rustix::fs::flistxattr_query(file) {
        Ok(0) | Err(Errno::NOTSUP | Errno::NOSYS) => return Ok(Attributes::new()),
        Err(error) => return Err(error),
        Ok(_) => read_whole(|buffer| rustix::fs::flistxattr(file, buffer))?,
    };
    let names =
        names.split_inclusive(|byte| *byte == 0).filter_map(|name| CString::from_vec_with_nul(name.into()).ok());
    let values = names.map(|name| {
        let value = read_whole(|buffer| rustix::fs::fgetxattr(file, name.as_c_str(), buffer));
        value.map(|value| (name, value))
    });
    values.collect()
}

fn read_whole(read: impl FnOnce(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; LONGEST];
    let length = read(&mut buffer)?;
    buffer.truncate(length);
    Ok(buffer)
}

/// Whether what stands there is no regular file, and so none that we or another program wrote.
pub(super) fn is_foreign(folder: impl AsFd, name: &OsStr) -> bool {
    let found = rustix::fs::statat(folder, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
    found.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile)
}
