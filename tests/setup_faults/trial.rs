//! `setup`, `refresh` or `unsetup` in a home of its own: run from the same beginning again and again, each time with
//! something gone wrong.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::scene::refusal::Refusal;
use crate::scene::traced::{self, SystemCall};
use crate::scene::{DEV, PATIENCE, Scene, tree};
use crate::setup::{credentials, home};
use crate::support::env::Output;
use crate::support::sts::KeyPair;

const FOLDERS: [&str; 3] = ["data", "run", ".aws"];
const RC: &str = ".bashrc";

/// A command, and the home that it starts from.
pub struct Trial {
    scene: Scene,
    /// The credentials file as the person had it.
    own: String,
    /// What it is once all is undone.
    given_back: String,
    keys: Vec<KeyPair>,
    words: Vec<&'static str>,
    before: tempfile::TempDir,
    calls: Vec<SystemCall>,
    /// How long it takes undisturbed.
    takes: Duration,
}

impl Trial {
    /// `prepare` are commands that come before it.
    fn of(prepare: &[&[&str]], words: &[&'static str]) -> Self {
        let (scene, own) = Self::home();
        // How a store is made is another trial.
        scene.import(&scene.bob, "bob");
        Self::in_scene(scene, own, prepare, words)
    }

    fn home() -> (Scene, String) {
        let (mut scene, own) = home();
        // What cannot be read is told by every run; here it would hide other faults.
        let own = own.replace("[odd\n", "");
        scene.env.aws_credentials(&own);
        (scene, own)
    }

    fn in_scene(scene: Scene, own: String, prepare: &[&[&str]], words: &[&'static str]) -> Self {
        for words in prepare {
            scene.env.run(words).ok();
        }
        let (keys, given_back) = (vec![scene.alice.clone(), scene.bob.clone()], own.clone());
        Self::begin(scene, [own, given_back], keys, words)
    }

    fn begin(scene: Scene, [own, given_back]: [String; 2], keys: Vec<KeyPair>, words: &[&'static str]) -> Self {
        let before = tempfile::tempdir().unwrap();
        tree::copy(scene.env.home(), before.path());
        let words = words.to_vec();
        let (calls, takes) = (Vec::new(), Duration::ZERO);
        let mut trial = Self { scene, own, given_back, keys, words, before, calls, takes };
        let (output, calls) = trial.run(&[]);
        output.ok();
        trial.calls = calls.into_iter().filter(|call| call.writes() && !call.is_on_stream()).collect();
        trial.reset();
        let begun = Instant::now();
        trial.scene.env.run(&trial.words).ok();
        trial.takes = begun.elapsed();
        trial
    }

    /// `setup`, into a store that is there.
    pub fn setup(flags: &[&'static str]) -> Self {
        Self::of(&[], &[&["setup", "--yes"], flags].concat())
    }

    /// `setup`, which makes the store.
    pub fn first_setup(flags: &[&'static str]) -> Self {
        let (scene, own) = Self::home();
        Self::in_scene(scene, own, &[], &[&["setup", "--yes"], flags].concat())
    }

    pub fn refresh() -> Self {
        Self::of(&[&["setup", "--yes", "--temporary"]], &["refresh"])
    }

    /// A file with one key: with more, what is asked and stored of AWS's answers is done by threads, which strace does
    /// not see here.
    pub fn of_one_key(prepare: &[&[&str]], words: &[&'static str]) -> Self {
        let (mut scene, own) = Self::home();
        let is_alices = |line: &&str| line.contains(&scene.alice.access_key_id) || line.contains(&scene.alice.secret);
        let own: String = own.split_inclusive('\n').filter(|line| !is_alices(line)).collect();
        scene.env.aws_credentials(&own);
        for words in prepare {
            scene.env.run(words).ok();
        }
        let keys = vec![scene.bob.clone()];
        Self::begin(scene, [own.clone(), own], keys, words)
    }

    /// `refresh`, which finds a long-term key that somebody has put over one that is kept.
    pub fn adoption(flags: &[&str]) -> Self {
        let (scene, own) = Self::home();
        scene.env.run(&[&["setup", "--yes"], flags].concat()).ok();
        let carol = scene.sts.world(|world| world.user(DEV, "carol"));
        let KeyPair { access_key_id, secret } = &carol;
        let text = credentials(&scene);
        let (above, work) = text.split_at(text.find("[work]  # here\n").unwrap());
        let work = if flags.is_empty() {
            let halves = format!("here\n  aws_access_key_id = {access_key_id}\n  aws_secret_access_key = {secret}\n");
            work.replacen("here\n", &halves, 1)
        } else {
            let put = |text: String, key: &str, value: &str| {
                let from = text.find(key).unwrap() + key.len();
                let end = from + text[from..].find('\n').unwrap();
                [&text[..from], value, &text[end..]].concat()
            };
            let text = put(work.to_owned(), "aws_secret_access_key : ", secret);
            put(text, "aws_access_key_id : ", access_key_id)
        };
        fs::write(scene.env.path(".aws/credentials"), format!("{above}{work}")).unwrap();
        let given_back = own.replace(&scene.bob.access_key_id, access_key_id).replace(&scene.bob.secret, secret);
        let keys = vec![scene.alice.clone(), scene.bob.clone(), carol];
        Self::begin(scene, [own, given_back], keys, &["refresh"])
    }

    pub fn unsetup(flags: &[&str]) -> Self {
        Self::of(&[&[&["setup", "--yes"], flags].concat()], &["unsetup", "--yes"])
    }

    /// Each of the three, in each manner.
    pub fn each() -> impl Iterator<Item = Self> {
        let all: [fn() -> Self; 6] = [
            || Self::setup(&[]),
            || Self::first_setup(&["--temporary"]),
            Self::refresh,
            || Self::adoption(&["--temporary"]),
            || Self::unsetup(&[]),
            || Self::unsetup(&["--temporary"]),
        ];
        all.into_iter().map(|start| start())
    }

    fn reset(&self) {
        for folder in FOLDERS {
            let _ = fs::remove_dir_all(self.scene.env.path(folder));
        }
        tree::copy(self.before.path(), self.scene.env.home());
    }

    fn run(&self, injections: &[String]) -> (Output, Vec<SystemCall>) {
        self.reset();
        // Before AWS's answer is read, and before the very end: then all is done.
        let set = format!("{},recvfrom,exit_group", traced::WRITING);
        traced::run_tracing(&self.scene.env, &self.words, None, injections, &set)
    }

    /// Each key is in the file or in the store; the file is whole, and so are the lines of others in it.
    fn assert_nothing_is_lost(&self) {
        let text = credentials(&self.scene);
        for key in &self.keys {
            let is_in_store = || {
                self.scene
                    .env
                    .run(&["credential-process", "--no-session", &key.access_key_id])
                    .stdout
                    .contains(&key.secret)
            };
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
        assert_eq!(credentials(&self.scene), self.given_back);
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
    pub fn survives_kills(&self, least: usize) {
        let kills = self.calls.iter().map(|call| (format!("killed before {}", call.line), traced::kill_at(call)));
        self.survives_faults(least, kills.collect());
    }

    #[track_caller]
    pub fn survives_a_full_disk(&self) {
        let writes = self.calls.iter().filter(|call| matches!(call.name.as_str(), "pwrite64" | "write"));
        // One write in three: each of a page meets the same answer.
        let full =
            writes.step_by(3).map(|call| (format!("full from {}", call.line), traced::fail_from(call, "ENOSPC")));
        let names = ["rename", "unlink", "openat", "mkdir", "sync"];
        let refused = self.calls.iter().filter(|call| names.iter().any(|name| call.name.contains(name)));
        let refused = refused.map(|call| (format!("refused: {}", call.line), traced::fail_at(call, "EROFS")));
        self.survives_faults(1, full.chain(refused).collect());
    }

    /// Killed after delays that are spread over the whole of it.
    #[track_caller]
    pub fn survives_kills_at_any_moment(&self, times: u32) {
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

    /// Killed while AWS is at work on a call of this sort, and before its answer is there.
    #[track_caller]
    pub fn survives_a_kill_while_aws_works(&self, action: &str) {
        self.reset();
        let gate = self.scene.sts.gate(action);
        let mut running = self.scene.env.spawn(&self.words);
        assert!(gate.wait_held(1, PATIENCE), "{action} was never called");
        running.kill();
        running.end();
        drop(gate);
        self.assert_nothing_is_lost();
        self.assert_mends();
    }
}
