//! `setup`, `refresh` and `unsetup` killed before each of their writes, with each of them failing, and killed at any
//! moment: no key is lost, no file is half written, and the same command again does the rest.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::scene::refusal::Refusal;
use crate::scene::traced::{self, SystemCall};
use crate::scene::{Scene, tree};
use crate::setup::{credentials, home};
use crate::support::env::Output;

const FOLDERS: [&str; 3] = ["data", "run", ".aws"];
const RC: &str = ".bashrc";

/// A command, and the home that it starts from.
struct Trial {
    scene: Scene,
    /// The credentials file as the person had it.
    own: String,
    words: Vec<&'static str>,
    before: tempfile::TempDir,
    calls: Vec<SystemCall>,
    /// How long it takes undisturbed.
    takes: Duration,
}

impl Trial {
    /// `prepare` are commands that come before it.
    fn of(prepare: &[&[&str]], words: &[&'static str]) -> Self {
        let (mut scene, own) = home();
        // What cannot be read is told by every run; here it would hide other faults.
        let own = own.replace("[odd\n", "");
        scene.env.aws_credentials(&own);
        // The store is there: how it is made is tried elsewhere.
        scene.import(&scene.bob, "bob");
        for words in prepare {
            scene.env.run(words).ok();
        }
        let before = tempfile::tempdir().unwrap();
        tree::copy(scene.env.home(), before.path());
        let words = words.to_vec();
        let mut trial = Self { scene, own, words, before, calls: Vec::new(), takes: Duration::ZERO };
        let (output, calls) = trial.run(&[]);
        output.ok();
        trial.calls = calls.into_iter().filter(|call| call.writes() && !call.is_on_stream()).collect();
        trial.reset();
        let begun = Instant::now();
        trial.scene.env.run(&trial.words).ok();
        trial.takes = begun.elapsed();
        trial
    }

    fn setup(flags: &[&'static str]) -> Self {
        Self::of(&[], &[&["setup", "--yes"], flags].concat())
    }

    fn refresh() -> Self {
        Self::of(&[&["setup", "--yes", "--temporary"]], &["refresh"])
    }

    fn unsetup(flags: &[&str]) -> Self {
        Self::of(&[&[&["setup", "--yes"], flags].concat()], &["unsetup", "--yes"])
    }

    fn reset(&self) {
        for folder in FOLDERS {
            let _ = fs::remove_dir_all(self.scene.env.path(folder));
        }
        tree::copy(self.before.path(), self.scene.env.home());
    }

    fn run(&self, injections: &[String]) -> (Output, Vec<SystemCall>) {
        self.reset();
        traced::run(&self.scene.env, &self.words, None, injections)
    }

    /// Each key is in the file or in the store; the file is whole, and so are the lines of others in it.
    fn assert_nothing_is_lost(&self) {
        let text = credentials(&self.scene);
        for key in [&self.scene.alice, &self.scene.bob] {
            let is_in_store =
                || self.scene.env.run(&["credential-process", &key.access_key_id]).stdout.contains(&key.secret);
            assert!(text.contains(&key.secret) || is_in_store(), "{} is lost:\n{text}", key.access_key_id);
        }
        assert!(
            text.ends_with("[empty]\n; the end") && text.starts_with("# mine\r\n[default]\r\n"),
            "half a file:\n{text}"
        );
        let rc = fs::read_to_string(self.scene.env.path(RC)).unwrap();
        let is_whole = rc == "alias ll='ls -l'" || rc.ends_with("# <<< multicred setup <<<\n");
        assert!(is_whole && rc.starts_with("alias ll='ls -l'"), "half a start file:\n{rc}");
        tree::assert_private(self.scene.env.home());
    }

    /// The same again has its effect and leaves nothing beside the files; and everything can be undone.
    fn assert_mends(&self) {
        let again = self.scene.env.run(&self.words);
        again.ok().calm();
        let is_undone = self.words[0] == "unsetup";
        assert_eq!(credentials(&self.scene) == self.own, is_undone, "{}", credentials(&self.scene));
        self.scene.env.run(&["unsetup", "--yes"]).ok().calm();
        assert_eq!(credentials(&self.scene), self.own);
        assert_eq!(fs::read_to_string(self.scene.env.path(RC)).unwrap(), "alias ll='ls -l'");
        for folder in [".aws", ""] {
            let names = fs::read_dir(self.scene.env.path(folder)).unwrap().map(|entry| entry.unwrap().file_name());
            let drafts: Vec<_> = names.filter(|name| name.to_string_lossy().contains("multicred-new")).collect();
            assert!(drafts.is_empty(), "{drafts:?}");
        }
    }

    #[track_caller]
    fn survives_faults(&self, least: usize, faults: Vec<(String, String)>) {
        assert!(self.calls.len() >= least, "only {} writing calls were seen", self.calls.len());
        let mut harm = Vec::new();
        for (what, fault) in faults {
            let (output, _) = self.run(&[fault]);
            let looked = catch_unwind(AssertUnwindSafe(|| {
                output.holds(matches!(output.status, 0 | 1 | 137), "an end, a failure or a kill");
                self.assert_nothing_is_lost();
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
        let kills = self.calls.iter().map(|call| (format!("killed before {}", call.line), traced::kill_at(call)));
        self.survives_faults(least, kills.collect());
    }

    #[track_caller]
    fn survives_a_full_disk(&self) {
        let writes = self.calls.iter().filter(|call| matches!(call.name.as_str(), "pwrite64" | "write"));
        // One write in three: each of a page meets the same answer.
        let full =
            writes.step_by(3).map(|call| (format!("full from {}", call.line), traced::fail_from(call, "ENOSPC")));
        let refused = self.calls.iter().filter(|call| call.name.contains("rename") || call.name.contains("unlink"));
        let refused = refused.map(|call| (format!("refused: {}", call.line), traced::fail_at(call, "EROFS")));
        self.survives_faults(1, full.chain(refused).collect());
    }

    /// Killed after delays that are spread over the whole of it.
    #[track_caller]
    fn survives_kills_at_any_moment(&self, times: u32) {
        let mut harm = Vec::new();
        for number in 0..times {
            let delay = self.takes * number / times;
            self.reset();
            let mut running = self.scene.env.spawn(&self.words);
            std::thread::sleep(delay);
            running.kill();
            running.end();
            let looked = catch_unwind(AssertUnwindSafe(|| {
                self.assert_nothing_is_lost();
                self.assert_mends();
            }));
            if looked.is_err() {
                harm.push(format!("killed after {delay:?}"));
            }
        }
        assert!(harm.is_empty(), "{} did harm (each is told above):\n{}", harm.len(), harm.join("\n"));
    }
}

#[test]
fn a_setup_killed_before_every_write_loses_no_key() {
    Trial::setup(&[]).survives_kills(15);
}

#[test]
fn a_setup_with_temporary_keys_killed_before_every_write_loses_no_key() {
    Trial::setup(&["--temporary"]).survives_kills(15);
}

#[test]
fn a_refresh_killed_before_every_write_loses_no_key() {
    Trial::refresh().survives_kills(5);
}

#[test]
fn an_unsetup_killed_before_every_write_loses_no_key() {
    Trial::unsetup(&[]).survives_kills(10);
}

#[test]
fn an_unsetup_of_temporary_keys_killed_before_every_write_loses_no_key() {
    Trial::unsetup(&["--temporary"]).survives_kills(10);
}

#[test]
fn on_a_full_or_read_only_disk_no_key_is_lost() {
    for trial in [Trial::setup(&[]), Trial::refresh(), Trial::unsetup(&["--temporary"])] {
        trial.survives_a_full_disk();
    }
}

#[test]
fn kills_at_any_moment_lose_no_key() {
    for trial in [Trial::setup(&["--temporary"]), Trial::refresh(), Trial::unsetup(&[])] {
        trial.survives_kills_at_any_moment(4);
    }
}

#[test]
#[ignore = "300 runs: make test-long"]
fn three_hundred_kills_at_any_moment_lose_no_key() {
    for trial in [Trial::setup(&["--temporary"]), Trial::refresh(), Trial::unsetup(&[])] {
        trial.survives_kills_at_any_moment(100);
    }
}
