//! `backup` and `restore` killed before each of their writes, and with each of them failing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::scene::refusal::Refusal;
use crate::scene::store::{Copy, content};
use crate::scene::traced::{self, SystemCall};
use crate::scene::{DEV, Scene, tree};
use crate::support::env::Output;

const FOLDERS: [&str; 3] = ["data", "run", "to"];

/// A command, the home that it starts from, and what the store holds before it and after it; nothing where there is none.
struct Trial {
    scene: Scene,
    words: Vec<&'static str>,
    before: tempfile::TempDir,
    old: String,
    new: String,
    calls: Vec<SystemCall>,
}

/// A store that has changed since `to/copy.db` was made of it, partly in its WAL.
fn changed_since() -> Scene {
    let scene = Scene::with_bobs_roles();
    std::fs::create_dir(scene.env.path("to")).unwrap();
    scene.env.run(&["backup", "to/copy.db"]).ok();
    scene.env.run(&["account", DEV, "--alias", "later"]).ok();
    let busy = rusqlite::Connection::open(scene.env.store()).unwrap();
    busy.execute("UPDATE account SET colour = 'red'", []).unwrap();
    // Kept from closing, which would write the WAL into the database.
    std::mem::forget(busy);
    scene
}

fn held(path: &Path) -> String {
    if path.exists() { content(path) } else { String::new() }
}

impl Trial {
    fn of(scene: Scene, words: &[&'static str], prepare: impl FnOnce(&Scene)) -> Self {
        prepare(&scene);
        let before = tempfile::tempdir().unwrap();
        tree::copy(scene.env.home(), before.path());
        let (old, words) = (held(&scene.env.store()), words.to_vec());
        let mut trial = Self { scene, words, before, old, new: String::new(), calls: Vec::new() };
        let (output, calls) = trial.run(&[]);
        output.ok();
        trial.new = held(&trial.scene.env.store());
        trial.calls = calls.into_iter().filter(|call| call.writes() && !call.is_on_stream()).collect();
        trial
    }

    fn run(&self, injections: &[String]) -> (Output, Vec<SystemCall>) {
        for folder in FOLDERS {
            let _ = std::fs::remove_dir_all(self.scene.env.path(folder));
        }
        tree::copy(self.before.path(), self.scene.env.home());
        traced::run(&self.scene.env, &self.words, None, injections)
    }

    /// Whole, and all old or all new; so is what has been kept; nothing is open to others.
    #[track_caller]
    fn assert_one_or_the_other(&self) {
        let path = self.scene.env.store();
        let now = held(&path);
        assert!(now == self.old || now == self.new, "the store is neither the old nor the new one:\n{now}");
        if path.exists() {
            assert!(Copy::of(&path).is_whole());
        }
        tree::assert_private(self.scene.env.home());
        for kept in self.files("data/multicred", ".replaced-") {
            assert_eq!(content(&kept), self.old, "what is kept");
        }
        for copy in self.files("to", "copy.db") {
            assert!(Copy::of(&copy).is_whole(), "half a backup has its name");
            assert!(!content(&copy).is_empty());
        }
        tree::assert_sealed(self.scene.env.home(), &self.scene.secrets());
    }

    fn files(&self, folder: &str, word: &str) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.scene.env.path(folder)) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.file_name().unwrap().to_string_lossy().contains(word)).collect()
    }

    /// The same command, undisturbed, has its effect and leaves no draft.
    #[track_caller]
    fn assert_mends(&self) {
        let again = self.scene.env.run(&self.words);
        let is_there = self.words[0] == "backup" && again.stderr.contains("is there already");
        again.calm().holds(again.status == 0 || is_there, "the effect, in the end");
        assert_eq!(held(&self.scene.env.store()), self.new);
        for folder in ["data/multicred", "to"] {
            let drafts: Vec<_> =
                self.files(folder, "draft").into_iter().chain(self.files(folder, ".multicred")).collect();
            assert!(drafts.is_empty(), "{drafts:?}");
        }
        self.scene.env.run(&["list"]).ok().calm();
        self.scene.become_in_bash("bob").ok();
    }

    #[track_caller]
    fn survives(&self, injections: impl IntoIterator<Item = (String, String)>, check: impl Fn(&Output)) {
        let mut harm = Vec::new();
        for (what, injection) in injections {
            let (output, _) = self.run(&[injection]);
            let looked = catch_unwind(AssertUnwindSafe(|| {
                check(&output);
                self.assert_one_or_the_other();
                self.assert_mends();
            }));
            if looked.is_err() {
                harm.push(format!("{what}\nexit code {}: {}", output.status, output.stderr));
            }
        }
        assert!(harm.is_empty(), "{} did harm (each is told above):\n{}", harm.len(), harm.join("\n"));
    }

    #[track_caller]
    fn survives_kills(&self, least: usize) {
        assert!(self.calls.len() >= least, "only {} writing calls were seen", self.calls.len());
        let kills = self.calls.iter().map(|call| (format!("killed before {}", call.line), traced::kill_at(call)));
        self.survives(kills, |output| {
            output.holds(matches!(output.status, 0 | 137), "an untouched end, or a kill");
        });
    }

    #[track_caller]
    fn survives_failures(&self) {
        let once = self.calls.iter().map(|call| (call, traced::fail_at(call, error_of(call))));
        let full = self.calls.iter().filter(|call| matches!(call.name.as_str(), "pwrite64" | "write"));
        // One page in four: each of them meets the same answer.
        let full = full.step_by(4).map(|call| (call, traced::fail_from(call, "ENOSPC")));
        let failures: Vec<_> =
            once.chain(full).map(|(call, fault)| (format!("{fault} at {}", call.line), fault)).collect();
        self.survives(failures, |output| {
            output.calm();
            output.holds(matches!(output.status, 0 | 1), "exit code 0 or 1");
            output.holds(output.status == 0 || output.stderr.lines().count() >= 2, "a fact and a remedy");
            let has_effect = self.words[0] == "backup" || held(&self.scene.env.store()) == self.new;
            output.holds(output.status == 1 || has_effect, "the effect");
        });
    }
}

fn error_of(call: &SystemCall) -> &'static str {
    match call.name.as_str() {
        "write" | "writev" | "pwrite64" | "ftruncate" | "fallocate" => "ENOSPC",
        "fsync" | "fdatasync" => "EIO",
        _ => "EACCES",
    }
}

fn backup() -> Trial {
    Trial::of(changed_since(), &["backup", "to/copy.db"], |scene| {
        std::fs::remove_file(scene.env.path("to/copy.db")).unwrap();
    })
}

fn restore() -> Trial {
    Trial::of(changed_since(), &["restore", "--yes", "to/copy.db"], |_| {})
}

fn restore_where_there_is_none() -> Trial {
    Trial::of(changed_since(), &["restore", "--yes", "to/copy.db"], |scene| {
        for suffix in ["", "-wal", "-shm"] {
            std::fs::remove_file(crate::scene::store::beside(&scene.env.store(), suffix)).unwrap();
        }
    })
}

#[test]
fn a_backup_killed_before_every_write_leaves_none_or_a_whole_one() {
    backup().survives_kills(25);
}

#[test]
fn a_backup_with_every_write_failing_leaves_none_or_a_whole_one() {
    backup().survives_failures();
}

#[test]
fn a_restore_killed_before_every_write_leaves_all_of_the_old_store_or_all_of_the_new() {
    restore().survives_kills(60);
}

#[test]
fn a_restore_with_every_write_failing_leaves_all_of_the_old_store_or_all_of_the_new() {
    restore().survives_failures();
}

#[test]
fn a_restore_that_makes_the_store_killed_before_every_write_leaves_none_or_a_whole_one() {
    restore_where_there_is_none().survives_kills(15);
}

#[test]
fn a_restore_that_makes_the_store_with_every_write_failing_leaves_none_or_a_whole_one() {
    restore_where_there_is_none().survives_failures();
}
