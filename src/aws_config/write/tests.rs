//! Real files in real folders.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use rustix::fs::XattrFlags;

use super::*;

mod race;

const OLD: &str = "[a]\nregion = eu-west-1\n";

/// A folder with one file, and what was kept of it.
struct Scene {
    folder: tempfile::TempDir,
    kept: RefCell<Vec<(PathBuf, Vec<u8>)>>,
}

impl Scene {
    fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), kept: RefCell::default() }
    }

    fn with(content: impl AsRef<[u8]>) -> Self {
        let scene = Self::empty();
        fs::write(scene.file(), content).unwrap();
        scene
    }

    /// Without links on the way.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn file(&self) -> PathBuf {
        self.path("credentials")
    }

    fn content(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    fn edit(&self, mut change: impl FnMut(&str) -> Rewrite) -> Result<bool, WriteError> {
        self.edit_at(&self.file(), &mut change)
    }

    fn edit_at(&self, path: &Path, change: &mut dyn FnMut(&str) -> Rewrite) -> Result<bool, WriteError> {
        let mut keep = |path: &Path, bytes: &[u8]| {
            self.kept.borrow_mut().push((path.to_owned(), bytes.to_owned()));
            Ok(())
        };
        edit(path, &mut keep, &mut |text| Ok(change(text)))
    }

    fn kept(&self) -> Vec<(PathBuf, Vec<u8>)> {
        self.kept.borrow().clone()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn mode(&self) -> u32 {
        fs::metadata(self.file()).unwrap().mode() & 0o7777
    }

    /// What an editor does that is careful.
    fn rename_over(&self, content: &str) {
        fs::write(self.path("theirs"), content).unwrap();
        fs::rename(self.path("theirs"), self.file()).unwrap();
    }
}

fn text(text: impl Into<String>) -> Rewrite {
    Rewrite::Text(Zeroizing::new(text.into()))
}

fn added(old: &str) -> Rewrite {
    text(format!("{old}[ours]\n"))
}

#[allow(clippy::unnecessary_wraps, reason = "what is asked for may fail")]
fn keep_nothing(_: &Path, _: &[u8]) -> Result<(), WriteError> {
    Ok(())
}

#[test]
fn an_edit_replaces_the_text_keeps_the_old_one_first_and_leaves_nothing_beside() {
    let scene = Scene::with(OLD);
    assert_eq!(scene.edit(added), Ok(true));
    assert_eq!(scene.content(), format!("{OLD}[ours]\n"));
    assert_eq!(scene.kept(), [(scene.file(), OLD.as_bytes().to_owned())]);
    assert_eq!(scene.names(), ["credentials"]);
}

#[test]
fn nothing_to_change_touches_nothing_and_keeps_nothing() {
    let scene = Scene::with(OLD);
    let before = fs::metadata(scene.file()).unwrap();
    for same in [|_: &str| Rewrite::Nothing, |old: &str| text(old)] {
        assert_eq!(scene.edit(same), Ok(false));
    }
    let after = fs::metadata(scene.file()).unwrap();
    assert_eq!((before.ino(), before.ctime_nsec()), (after.ino(), after.ctime_nsec()));
    assert!(scene.kept().is_empty());
    let empty = Scene::empty();
    for nothing in [|_: &str| Rewrite::Nothing, |old: &str| text(old), |_: &str| Rewrite::Remove] {
        assert_eq!(empty.edit_at(&empty.path("aws/config"), &mut { nothing }), Ok(false));
    }
    assert!(empty.names().is_empty(), "a folder was made for nothing");
}

#[test]
fn a_missing_file_and_its_folder_are_made_for_their_owner_alone() {
    let scene = Scene::empty();
    let path = scene.path("home/.aws/config");
    assert_eq!(scene.edit_at(&path, &mut added), Ok(true));
    assert_eq!(fs::read_to_string(&path).unwrap(), "[ours]\n");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o7777, 0o700);
    assert!(scene.kept().is_empty(), "there was nothing to keep");
}

#[test]
fn a_folder_that_was_there_keeps_its_mode_and_a_file_its_own() {
    for mode in [0o600, 0o644, 0o640, 0o200 | 0o444] {
        let scene = Scene::with(OLD);
        fs::set_permissions(scene.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(scene.file(), fs::Permissions::from_mode(mode)).unwrap();
        scene.edit(added).unwrap();
        assert_eq!(scene.mode(), mode);
        assert_eq!(fs::metadata(scene.folder.path()).unwrap().mode() & 0o7777, 0o755);
    }
}

#[test]
fn extended_attributes_stay_and_an_access_list_of_the_folder_does_not_open_the_file() {
    let scene = Scene::with(OLD);
    let set = |path: &Path, name: &str, value: &[u8]| {
        rustix::fs::setxattr(path, name, value, XattrFlags::empty()).unwrap();
    };
    set(&scene.file(), "user.note", b"mine");
    fs::set_permissions(scene.file(), fs::Permissions::from_mode(0o640)).unwrap();
    // Everything for uid 65534 in new files: u::rwx,u:65534:rwx,g::---,m::rwx,o::--- as acl(5) has it in bytes.
    let entries: [(u16, u16, u32); 5] =
        [(1, 7, u32::MAX), (2, 7, 65_534), (4, 0, u32::MAX), (16, 7, u32::MAX), (32, 0, u32::MAX)];
    let mut acl = 2u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        acl.extend([&tag.to_le_bytes()[..], &permissions.to_le_bytes(), &id.to_le_bytes()].concat());
    }
    set(scene.folder.path(), "system.posix_acl_default", &acl);
    scene.edit(added).unwrap();
    let mut value = [0; 16];
    let length = rustix::fs::getxattr(scene.file(), "user.note", &mut value).unwrap();
    assert_eq!(&value[..length], b"mine");
    assert_eq!(scene.mode(), 0o640);
    let list = rustix::fs::getxattr(scene.file(), "system.posix_acl_access", &mut [0; 128]);
    assert_eq!(list, Err(rustix::io::Errno::NODATA), "the folder's list is in force");
}

#[test]
fn a_link_stays_a_link_and_a_dangling_one_gets_its_target() {
    let scene = Scene::empty();
    fs::create_dir(scene.path("dotfiles")).unwrap();
    fs::write(scene.path("dotfiles/real"), OLD).unwrap();
    symlink("dotfiles/real", scene.path("first")).unwrap();
    symlink(scene.path("first"), scene.path("credentials")).unwrap();
    symlink("elsewhere/new", scene.path("config")).unwrap();
    assert_eq!(scene.edit(added), Ok(true));
    assert_eq!(scene.edit_at(&scene.path("config"), &mut added), Ok(true));
    for link in ["credentials", "first", "config"] {
        assert!(scene.path(link).is_symlink(), "{link}");
    }
    assert_eq!(fs::read_to_string(scene.path("dotfiles/real")).unwrap(), format!("{OLD}[ours]\n"));
    assert_eq!(fs::read_to_string(scene.path("elsewhere/new")).unwrap(), "[ours]\n");
    assert_eq!(scene.kept(), [(scene.path("dotfiles/real"), OLD.as_bytes().to_owned())]);
    symlink("loop", scene.path("loop")).unwrap();
    assert!(matches!(scene.edit_at(&scene.path("loop"), &mut added), Err(WriteError::Unwritable { .. })));
}

#[test]
fn a_file_is_removed_and_the_link_to_it_stays() {
    let scene = Scene::empty();
    fs::write(scene.path("real"), OLD).unwrap();
    symlink("real", scene.file()).unwrap();
    assert_eq!(scene.edit(|_| Rewrite::Remove), Ok(true));
    assert_eq!(scene.names(), ["credentials"]);
    assert!(scene.file().is_symlink());
    assert_eq!(scene.kept().len(), 1);
}

#[test]
fn a_byte_order_mark_and_every_line_ending_reach_the_change_and_come_back() {
    let odd = "\u{feff}[a]\r\nx = 1\n\n; ü \u{a0}\r\n  s3 =\n";
    let scene = Scene::with(odd);
    scene.edit(added).unwrap();
    assert_eq!(scene.content(), format!("{odd}[ours]\n"));
}

#[test]
fn what_is_no_utf_8_is_refused_untouched() {
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    for (bytes, what) in [
        ([b"\xff\xfe".to_vec(), utf_16(OLD)].concat(), "UTF-16"),
        (utf_16(OLD), "another encoding"),
        (b"[caf\xe9]\n".to_vec(), "another encoding"),
    ] {
        let scene = Scene::with(&bytes);
        let refused = scene.edit(added).unwrap_err();
        assert!(refused.to_string().contains(what), "{refused}");
        assert_eq!(fs::read(scene.file()).unwrap(), bytes);
        assert!(scene.kept().is_empty());
        assert_eq!(scene.names(), ["credentials"]);
    }
}

#[test]
fn what_is_no_regular_file_is_refused_and_nothing_hangs() {
    let scene = Scene::empty();
    fs::create_dir(scene.path("credentials")).unwrap();
    assert_eq!(scene.edit(added), Err(WriteError::NotAFile(scene.file())));
    let pipe = scene.path("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    assert_eq!(scene.edit_at(&pipe, &mut added), Err(WriteError::NotAFile(pipe.clone())));
    assert_eq!(
        scene.edit_at(Path::new("/dev/null"), &mut added),
        Err(WriteError::NotAFile(PathBuf::from("/dev/null")))
    );
    assert!(scene.edit_at(&scene.path("pipe/x"), &mut added).is_err());
}

#[test]
fn a_read_only_file_and_one_with_two_names_are_refused_untouched() {
    let scene = Scene::with(OLD);
    fs::set_permissions(scene.file(), fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(scene.edit(added), Err(WriteError::ReadOnly(scene.file())));
    fs::set_permissions(scene.file(), fs::Permissions::from_mode(0o600)).unwrap();
    fs::hard_link(scene.file(), scene.path("other")).unwrap();
    assert_eq!(scene.edit(added), Err(WriteError::HardLinks { path: scene.file(), links: 2 }));
    assert_eq!(scene.edit(|_| Rewrite::Nothing), Ok(false), "nothing to change is no reason to refuse");
    assert_eq!(scene.content(), OLD);
    assert!(scene.kept().is_empty());
}

#[test]
fn a_file_of_somebody_else_keeps_its_owner_or_is_refused() {
    let scene = Scene::with(OLD);
    if !rustix::process::geteuid().is_root() {
        // Only root can give a file away; everybody meets a file of root's.
        let refused = scene.edit_at(Path::new("/etc/passwd"), &mut added);
        assert_eq!(refused, Err(WriteError::OtherOwner { path: PathBuf::from("/etc/passwd"), owner: 0 }));
        return;
    }
    std::os::unix::fs::chown(scene.file(), Some(65_534), Some(65_534)).unwrap();
    assert_eq!(scene.edit(added), Ok(true));
    let metadata = fs::metadata(scene.file()).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (65_534, 65_534));
}

#[test]
fn where_the_old_content_cannot_be_kept_or_the_change_fails_nothing_is_written() {
    let scene = Scene::with(OLD);
    let error = || WriteError::Full(scene.file());
    let kept = edit(&scene.file(), &mut |_, _| Err(error()), &mut |old| Ok(added(old)));
    let changed = edit(&scene.file(), &mut keep_nothing, &mut |_| Err(error()));
    assert_eq!((kept, changed), (Err(error()), Err(error())));
    assert_eq!(scene.content(), OLD);
    assert_eq!(scene.names(), ["credentials"]);
}

#[test]
fn what_a_killed_run_left_is_kept_and_removed_by_the_next_run_even_where_it_has_nothing_to_change() {
    for change in [added, |_: &str| Rewrite::Nothing] {
        let scene = Scene::with(OLD);
        let draft = scene.path(".credentials.multicred-new");
        fs::write(&draft, "[perhaps theirs]\n").unwrap();
        scene.edit(change).unwrap();
        assert_eq!(scene.names(), ["credentials"]);
        assert!(scene.kept().contains(&(draft, b"[perhaps theirs]\n".to_vec())));
    }
}

#[test]
fn a_trap_under_the_drafts_name_is_not_followed() {
    let scene = Scene::with(OLD);
    fs::write(scene.path("victim"), "victim").unwrap();
    symlink("victim", scene.path(".credentials.multicred-new")).unwrap();
    scene.edit(added).unwrap();
    assert_eq!(fs::read_to_string(scene.path("victim")).unwrap(), "victim");
    assert_eq!(scene.names(), ["credentials", "victim"]);
    fs::create_dir(scene.path(".credentials.multicred-new")).unwrap();
    assert!(matches!(scene.edit(added), Err(WriteError::Unwritable { .. })));
}

#[test]
fn what_an_edit_would_refuse_is_found_beforehand_and_nothing_is_written() {
    let scene = Scene::empty();
    let missing = scene.path("new/folder/credentials");
    assert_eq!((check(&missing), check(&scene.file())), (Ok(()), Ok(())));
    assert!(scene.names().is_empty());
    fs::write(scene.path("pipe"), "no folder").unwrap();
    for below in ["pipe/credentials", "pipe/folder/credentials"] {
        assert!(matches!(check(&scene.path(below)), Err(WriteError::Unwritable { .. })), "{below}");
    }
    if !rustix::process::geteuid().is_root() {
        // To root every folder is writable.
        assert!(matches!(check(Path::new("/etc/credentials")), Err(WriteError::Unwritable { .. })));
    }
    fs::create_dir(scene.file()).unwrap();
    let scene_with = |content: &[u8], mode| {
        let scene = Scene::with(content);
        fs::set_permissions(scene.file(), fs::Permissions::from_mode(mode)).unwrap();
        scene
    };
    let two_names = scene_with(b"", 0o600);
    fs::hard_link(two_names.file(), two_names.path("other")).unwrap();
    for scene in [scene, two_names, scene_with(b"", 0o400), scene_with(b"\xff\xfea\0", 0o600)] {
        let refused = check(&scene.file());
        assert!(refused.is_err() && refused == scene.edit(added).map(drop), "{refused:?}");
    }
    let loose = scene_with(OLD.as_bytes(), 0o644);
    symlink("credentials", loose.path("link")).unwrap();
    let before = fs::metadata(loose.file()).unwrap().ctime_nsec();
    assert_eq!(check(&loose.path("link")), Ok(()));
    assert_eq!((loose.mode(), fs::metadata(loose.file()).unwrap().ctime_nsec()), (0o644, before));
}
