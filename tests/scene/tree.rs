//! What stands in a folder: names, modes, bytes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// One file or folder.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    pub mode: u32,
    pub inode: u64,
    /// Seconds and nanoseconds.
    pub modified: (i64, i64),
    /// Empty for a folder.
    pub bytes: Vec<u8>,
}

pub type Tree = BTreeMap<PathBuf, Entry>;

/// Everything below `root`, and `root` itself.
pub fn tree(root: &Path) -> Tree {
    let mut entries = Tree::new();
    add(root, &mut entries);
    entries
}

fn add(path: &Path, entries: &mut Tree) {
    let metadata = fs::symlink_metadata(path).expect("what was just listed");
    let bytes = if metadata.is_file() { fs::read(path).expect("a readable file") } else { Vec::new() };
    let (mode, inode) = (metadata.mode() & 0o7777, metadata.ino());
    let modified = (metadata.mtime(), metadata.mtime_nsec());
    entries.insert(path.to_owned(), Entry { mode, inode, modified, bytes });
    if metadata.is_dir() {
        for entry in fs::read_dir(path).expect("a readable folder") {
            add(&entry.expect("an entry").path(), entries);
        }
    }
}

/// Fails, naming the files, where `after` is not `before`.
#[track_caller]
pub fn assert_same(before: &Tree, after: &Tree) {
    let differs = |path: &&PathBuf| before.get(*path) != after.get(*path);
    let changed: Vec<_> = before.keys().chain(after.keys()).filter(differs).collect();
    assert!(changed.is_empty(), "changed: {changed:?}");
}

/// Fails where a file of the store or the locks is not 0600, or a folder of ours not 0700.
#[track_caller]
pub fn assert_private(home: &Path) {
    for folder in ["data/multicred", "run/multicred"] {
        let folder = home.join(folder);
        if !folder.exists() {
            continue;
        }
        for path in tree(&folder).keys() {
            let metadata = fs::symlink_metadata(path).expect("a file");
            let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
            let mode = metadata.permissions().mode() & 0o7777;
            assert_eq!(mode, wanted, "{} has mode {mode:o}", path.display());
        }
    }
}

/// Fails where a file below `home` holds one of these texts.
#[track_caller]
pub fn assert_sealed(home: &Path, secrets: &[String]) {
    for (path, entry) in tree(home) {
        // Secrets are ASCII: what is no text cannot be part of one.
        let text = String::from_utf8_lossy(&entry.bytes);
        let found = secrets.iter().any(|secret| !secret.is_empty() && text.contains(secret.as_str()));
        assert!(!found, "{} holds a secret in the clear", path.display());
    }
}

/// Copies a home, modes included.
pub fn copy(from: &Path, to: &Path) {
    for (path, entry) in tree(from) {
        let target = to.join(path.strip_prefix(from).expect("a path below it"));
        if fs::symlink_metadata(&path).expect("a file").is_dir() {
            fs::create_dir_all(&target).expect("a folder");
        } else {
            fs::write(&target, &entry.bytes).expect("a file");
        }
        fs::set_permissions(&target, fs::Permissions::from_mode(entry.mode)).expect("a mode");
    }
}
