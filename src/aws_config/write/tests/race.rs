//! What other programs do in the middle of an edit is done here at that very moment.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use rustix::fs::FlockOperation;

use super::*;

/// Runs a step of the writer, with a file that has just been looked at.
fn on_folder(scene: &Scene, step: impl FnOnce(&Folder<'_>, Option<Seen>)) {
    let place = Place::of(&scene.file()).unwrap();
    let folder = place.lock().unwrap();
    let seen = folder.look().unwrap();
    step(&folder, seen);
}

#[test]
fn a_file_that_another_program_replaces_during_the_edit_keeps_both_changes() {
    let scene = Scene::with(OLD);
    let mut calls = 0;
    let edited = scene.edit(|old| {
        calls += 1;
        if calls <= 2 {
            scene.rename_over(&format!("[theirs{calls}]\n{old}"));
        }
        added(old)
    });
    assert_eq!(edited, Ok(true));
    assert_eq!(scene.content(), format!("[theirs2]\n[theirs1]\n{OLD}[ours]\n"));
    assert_eq!(scene.names(), ["credentials"]);
}

#[test]
fn a_file_that_another_program_writes_in_place_during_the_edit_keeps_both_changes() {
    let scene = Scene::with(OLD);
    let mut calls = 0;
    scene
        .edit(|old| {
            calls += 1;
            if calls == 1 {
                fs::write(scene.file(), format!("{old}[theirs]\n")).unwrap();
            }
            added(old)
        })
        .unwrap();
    assert_eq!(scene.content(), format!("{OLD}[theirs]\n[ours]\n"));
}

#[test]
fn a_file_that_appears_or_goes_during_the_edit_is_taken_as_it_is() {
    let appears = Scene::empty();
    let goes = Scene::with(OLD);
    for (scene, wanted) in [(&appears, "[theirs]\n[ours]\n"), (&goes, "[ours]\n")] {
        let mut calls = 0;
        scene
            .edit(|old| {
                calls += 1;
                match (calls, old.is_empty()) {
                    (1, true) => fs::write(scene.file(), "[theirs]\n").unwrap(),
                    (1, false) => fs::remove_file(scene.file()).unwrap(),
                    _ => {}
                }
                added(old)
            })
            .unwrap();
        assert_eq!(scene.content(), wanted);
    }
}

#[test]
fn a_file_that_changes_without_end_is_left_as_the_other_program_made_it() {
    let scene = Scene::with(OLD);
    let mut calls = 0;
    let edited = scene.edit(|old| {
        calls += 1;
        fs::write(scene.file(), format!("[theirs{calls}]\n")).unwrap();
        added(old)
    });
    assert_eq!(edited, Err(WriteError::KeepsChanging(scene.file())));
    assert_eq!(scene.content(), format!("[theirs{calls}]\n"));
    assert_eq!(scene.names(), ["credentials"]);
}

/// The moments that no callback reaches: between the last look and the exchange.
#[test]
fn a_change_in_the_last_moment_comes_out_of_the_exchange_and_goes_back() {
    let in_place = |scene: &Scene| fs::write(scene.file(), "[theirs]\n").unwrap();
    let renamed = |scene: &Scene| scene.rename_over("[theirs]\n");
    let same_text = |scene: &Scene| scene.rename_over(OLD);
    for (disturb, wanted) in [(in_place as fn(&Scene), "[theirs]\n"), (renamed, "[theirs]\n"), (same_text, OLD)] {
        let scene = Scene::with(OLD);
        on_folder(&scene, |folder, seen| {
            disturb(&scene);
            let inode = fs::metadata(scene.file()).unwrap().ino();
            assert_eq!(folder.replace("[ours]\n", &seen.unwrap(), &mut keep_nothing), Ok(Outcome::Changed));
            assert_eq!(fs::metadata(scene.file()).unwrap().ino(), inode, "their very file is in place");
        });
        assert_eq!(scene.content(), wanted);
        assert_eq!(scene.names(), ["credentials"]);
    }
}

#[test]
fn a_mode_changed_in_the_last_moment_counts_as_a_change() {
    let scene = Scene::with(OLD);
    fs::set_permissions(scene.file(), fs::Permissions::from_mode(0o600)).unwrap();
    on_folder(&scene, |folder, seen| {
        fs::set_permissions(scene.file(), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(folder.replace("[ours]\n", &seen.unwrap(), &mut keep_nothing), Ok(Outcome::Changed));
    });
    assert_eq!((scene.content(), scene.mode()), (OLD.to_owned(), 0o644));
}

#[test]
fn a_file_that_goes_or_becomes_a_link_in_the_last_moment_stays_what_it_became() {
    let scene = Scene::with(OLD);
    on_folder(&scene, |folder, seen| {
        fs::remove_file(scene.file()).unwrap();
        assert_eq!(folder.replace("[ours]\n", &seen.unwrap(), &mut keep_nothing), Ok(Outcome::Changed));
    });
    assert!(scene.names().is_empty());
    let scene = Scene::with(OLD);
    on_folder(&scene, |folder, seen| {
        fs::rename(scene.file(), scene.path("real")).unwrap();
        symlink("real", scene.file()).unwrap();
        assert_eq!(folder.replace("[ours]\n", &seen.unwrap(), &mut keep_nothing), Ok(Outcome::Changed));
    });
    assert!(scene.file().is_symlink());
    assert_eq!(scene.content(), OLD);
    assert_eq!(scene.names(), ["credentials", "real"]);
}

#[test]
fn a_file_that_appears_in_the_last_moment_is_not_overwritten() {
    let scene = Scene::empty();
    on_folder(&scene, |folder, seen| {
        assert!(seen.is_none());
        fs::write(scene.file(), "[theirs]\n").unwrap();
        assert_eq!(folder.create("[ours]\n"), Ok(Outcome::Changed));
    });
    assert_eq!(scene.content(), "[theirs]\n");
    assert_eq!(scene.names(), ["credentials"]);
}

#[test]
fn a_file_changed_before_its_removal_stays() {
    let scene = Scene::with(OLD);
    on_folder(&scene, |folder, seen| {
        scene.rename_over("[theirs]\n");
        assert_eq!(folder.remove(&seen.unwrap(), &mut keep_nothing), Ok(Outcome::Changed));
    });
    assert_eq!(scene.content(), "[theirs]\n");
    assert_eq!(scene.names(), ["credentials"]);
}

#[test]
fn without_an_exchange_the_file_is_compared_before_it_is_replaced() {
    let scene = Scene::with(OLD);
    on_folder(&scene, |folder, seen| {
        let seen = seen.unwrap();
        folder.write_draft("[ours]\n", Some(&seen)).unwrap();
        scene.rename_over("[theirs]\n");
        assert_eq!(folder.compare_and_rename(Some(&seen)), Ok(Outcome::Changed));
        assert_eq!((scene.content().as_str(), scene.names().len()), ("[theirs]\n", 1));
        let seen = folder.look().unwrap().unwrap();
        folder.write_draft("[ours]\n", Some(&seen)).unwrap();
        assert_eq!(folder.compare_and_rename(Some(&seen)), Ok(Outcome::Done));
    });
    assert_eq!(scene.content(), "[ours]\n");
    assert_eq!(scene.names(), ["credentials"]);
}

#[test]
fn many_edits_at_once_all_arrive() {
    const WRITERS: usize = 8;
    const EDITS: usize = 20;
    let scene = Scene::empty();
    let file = scene.file();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let file = &file;
            scope.spawn(move || {
                for number in 0..EDITS {
                    let line = format!("[{writer}-{number}]\n");
                    let mut change = |old: &str| Ok::<_, WriteError>(text(format!("{old}{line}")));
                    assert_eq!(edit(file, &mut keep_nothing, &mut change), Ok(true));
                }
            });
        }
    });
    let mut lines: Vec<String> = scene.content().lines().map(str::to_owned).collect();
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len(), WRITERS * EDITS);
    assert_eq!(scene.names(), ["credentials"]);
}

#[test]
fn a_lock_that_is_never_released_is_an_error_after_a_bounded_time() {
    let scene = Scene::with(OLD);
    let other = fs::File::open(scene.folder.path()).unwrap();
    rustix::fs::flock(&other, FlockOperation::LockExclusive).unwrap();
    assert_eq!(scene.edit(added), Err(WriteError::Busy(scene.file())));
    assert_eq!(scene.edit(|_| Rewrite::Nothing), Ok(false), "nothing to change needs no lock");
    drop(other);
    assert_eq!(scene.edit(added), Ok(true));
}
