//! `key rotate`, `key add` and `key remove` killed at every moment, and with every write failing: the store opens
//! afterwards, by every slot that it has, and nothing in it is lost.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use multicred::seal::StoreKey;
use multicred::store::StoreMeta;

use crate::scene::refusal::Refusal;
use crate::scene::slots::{ANOTHER_PASSPHRASE, Copied, Everything, PRINTED, Secrets, without_key_file};
use crate::scene::store::Copy;
use crate::scene::traced::{self, SystemCall};
use crate::scene::{Scene, tree};
use crate::support::agent::Running;
use crate::support::env::Output;

/// What is answered to the program counts, too: the agent's replies.
const CALLS: &str = "openat,write,writev,pwrite64,fsync,fdatasync,ftruncate,fallocate,rename,renameat,renameat2,link,\
                     linkat,unlink,unlinkat,mkdir,mkdirat,chmod,fchmod,fchmodat,sendto,sendmsg,recvfrom,flock";

/// A command, and the store that it starts from, with an agent that holds its key.
struct Trial {
    scene: Scene,
    words: Vec<String>,
    before: tempfile::TempDir,
    secrets: RefCell<Secrets>,
    everything: Everything,
    /// The slots' numbers, before and after.
    old: Vec<i64>,
    new: Vec<i64>,
    epoch: i64,
    agent: Running,
    key: StoreKey,
    meta: StoreMeta,
    calls: Vec<SystemCall>,
}

impl Trial {
    fn of(words: &[&str]) -> Self {
        let mut scene = Scene::with_bobs_roles();
        scene.become_in_bash("dev/Writer").ok();
        scene.env.aws_config("# mine\n");
        scene.env.run(&["sync", "dev/Reader"]).ok();
        let secrets = Secrets::add_to(&mut scene);
        scene.env.write("another", ANOTHER_PASSPHRASE).write("printed", PRINTED);
        let agent = Running::start(&scene.env);
        let before = tempfile::tempdir().unwrap();
        tree::copy(&scene.env.path("data"), before.path());
        let path = scene.env.store();
        let (everything, key) = (secrets.open(&path), secrets.key(&path, 1));
        let id = hex::bytes(&Copy::of(&path).texts("SELECT hex(id) FROM store")[0]);
        let meta = StoreMeta { id, key_epoch: Copied::of(&path).epoch() };
        let (old, epoch) = (secrets.numbers(), meta.key_epoch);
        let words = words.iter().map(ToString::to_string).collect();
        let (secrets, new, calls) = (RefCell::new(secrets), Vec::new(), Vec::new());
        let mut trial = Self { scene, words, before, secrets, everything, old, new, epoch, agent, key, meta, calls };
        let (output, calls) = trial.run(&[]);
        output.ok().calm();
        trial.new = Copied::of(&path).slots().iter().map(|slot| slot.id).collect();
        trial.calls = calls.into_iter().filter(SystemCall::writes).collect();
        trial.assert_sound(&output);
        trial
    }

    /// The store and the agent as they were.
    fn reset(&self) {
        std::fs::remove_dir_all(self.scene.env.path("data")).unwrap();
        tree::copy(self.before.path(), &self.scene.env.path("data"));
        let _ = std::fs::remove_file(self.scene.env.path("new.key"));
        let mut client = self.agent.client();
        client.lock().unwrap();
        client.hold(&self.meta.id, self.meta.key_epoch, self.key.expose()).unwrap();
        let mut secrets = self.secrets.borrow_mut();
        let added: Vec<i64> = secrets.numbers().into_iter().filter(|number| !self.old.contains(number)).collect();
        for number in added {
            secrets.forget(number);
        }
    }

    fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    fn run(&self, injections: &[String]) -> (Output, Vec<SystemCall>) {
        self.reset();
        traced::run_tracing(&self.scene.env, &self.words(), None, injections, CALLS)
    }

    /// The slots of before or of after; each opens all that there was; the agent, too, where it has a key of that name.
    #[track_caller]
    fn assert_sound(&self, output: &Output) {
        let path = self.scene.env.store();
        assert!(Copy::of(&path).is_whole());
        let store = Copied::of(&path);
        let slots = store.slots();
        let numbers: Vec<i64> = slots.iter().map(|slot| slot.id).collect();
        assert!(numbers == self.old || numbers == self.new, "slots {numbers:?}");
        let code = output.stdout.trim();
        let unseen =
            slots.iter().any(|slot| slot.kind == "recovery" && !self.old.contains(&slot.id)) && code.is_empty();
        if unseen {
            let told = output.status == 1 && output.stderr.contains("nobody has its code");
            output.holds(told || output.status == 137, "a code that nobody saw only after a kill, or with a word");
        } else {
            let mut secrets = self.secrets.borrow_mut();
            secrets.learn(&self.scene, code);
            assert_eq!(secrets.open(&path), self.everything);
        }
        let is_rotated = store.epoch() != self.epoch;
        assert!(!is_rotated || self.words[1] == "rotate");
        if output.status == 0 {
            output.holds(is_rotated == (self.words[1] == "rotate"), "the effect");
            assert_eq!(numbers, self.new, "the effect\n{output}");
        }
        if self.agent.client().holds(&self.meta.id, store.epoch()).unwrap() {
            without_key_file(&self.scene, || {
                self.scene.become_in_bash(&self.scene.bob.access_key_id).ok();
            });
        }
        tree::assert_private(self.scene.env.home());
        tree::assert_sealed(&self.scene.env.path("data"), &self.scene.secrets());
    }

    /// The program itself, undisturbed, finds nothing wrong, and does what it should have done.
    #[track_caller]
    fn assert_mends(&self) {
        let checked = self.scene.env.run(&["doctor", "--check", "--json"]);
        assert_eq!(checked.json()["seals"]["broken"], 0, "{checked}");
        let again = self.scene.env.run(&self.words());
        let done = ["has that very slot already", "it is the passphrase of key slot", "has no key slot"];
        let is_done = done.iter().any(|says| again.stderr.contains(says));
        again.calm().holds(again.status == 0 || is_done, "the effect, in the end");
        self.scene.env.run(&["key", "rotate"]).ok().calm();
        self.scene.become_in_bash("dev/Writer").ok().calm();
    }

    #[track_caller]
    fn survives(&self, injections: impl IntoIterator<Item = (String, String)>, check: impl Fn(&Output)) {
        let mut harm = Vec::new();
        for (number, (what, injection)) in injections.into_iter().enumerate() {
            let (output, _) = self.run(&[injection]);
            let looked = catch_unwind(AssertUnwindSafe(|| {
                check(&output);
                self.assert_sound(&output);
                // Every seal and slot has been tried by then: this is about the program, and takes the longest.
                if number % 5 == 0 {
                    self.assert_mends();
                }
            }));
            if looked.is_err() {
                harm.push(format!("{what}\nexit code {}: {}", output.status, output.stderr));
            }
        }
        assert!(harm.is_empty(), "{} did harm (each is told above):\n{}", harm.len(), harm.join("\n"));
    }

    #[track_caller]
    fn survives_kills(&self, least: usize) {
        assert!(self.calls.len() >= least, "only {} calls were seen", self.calls.len());
        let kills = self.calls.iter().map(|call| (format!("killed before {}", call.line), traced::kill_at(call)));
        self.survives(kills, |output| {
            output.holds(matches!(output.status, 0 | 137), "an untouched end, or a kill");
        });
    }

    #[track_caller]
    fn survives_failures(&self) {
        let can_be_told = |call: &&SystemCall| !call.line.starts_with("write(2,");
        let once = self
            .calls
            .iter()
            .filter(can_be_told)
            .flat_map(|call| errors_of(call).iter().map(move |error| (call, traced::fail_at(call, error))));
        let full = self.calls.iter().filter(|call| call.name == "pwrite64").step_by(4);
        let full = full.map(|call| (call, traced::fail_from(call, "ENOSPC")));
        let failures: Vec<_> =
            once.chain(full).map(|(call, fault)| (format!("{fault} at {}", call.line), fault)).collect();
        self.survives(failures, |output| {
            output.calm();
            output.holds(matches!(output.status, 0 | 1), "exit code 0 or 1");
            output.holds(output.status == 0 || output.stderr.lines().count() >= 2, "a fact and a remedy");
        });
    }
}

mod hex {
    pub(super) fn bytes(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }
}

fn errors_of(call: &SystemCall) -> &'static [&'static str] {
    match call.name.as_str() {
        "write" | "writev" | "pwrite64" => &["ENOSPC", "EIO"],
        "ftruncate" | "fallocate" => &["ENOSPC"],
        "sendto" | "sendmsg" | "recvfrom" => &["ECONNRESET"],
        // A lock, too, may not be had for reasons of the file system.
        "fsync" | "fdatasync" | "flock" => &["EIO"],
        _ => &["EACCES"],
    }
}

fn rotate() -> Trial {
    Trial::of(&["key", "rotate"])
}

fn additions() -> [Trial; 4] {
    [
        &["key", "add", "file", "new.key"][..],
        &["key", "add", "passphrase", "--passphrase-file", "another"],
        &["key", "add", "recovery"],
        &["key", "add", "command", "cat printed"],
    ]
    .map(Trial::of)
}

#[test]
fn a_rotation_killed_before_every_write_and_every_reply_loses_nothing() {
    rotate().survives_kills(60);
}

#[test]
fn a_rotation_with_every_write_and_reply_failing_loses_nothing() {
    rotate().survives_failures();
}

#[test]
fn a_new_slot_killed_before_every_write_is_there_and_opens_or_is_not_there() {
    for trial in additions() {
        trial.survives_kills(10);
    }
}

#[test]
fn a_new_slot_with_every_write_failing_is_there_and_opens_or_is_not_there() {
    for trial in additions() {
        trial.survives_failures();
    }
}

#[test]
fn a_removal_killed_before_every_write_or_with_every_write_failing_leaves_what_opens() {
    // The command opens the store, and so proves that another slot does.
    let trial = Trial::of(&["key", "remove", "2"]);
    trial.survives_kills(10);
    trial.survives_failures();
}

#[test]
fn a_rotation_killed_at_two_hundred_moments_loses_nothing() {
    let trial = rotate();
    let undisturbed = Instant::now();
    trial.reset();
    trial.scene.env.run(&trial.words()).ok();
    let whole = undisturbed.elapsed();
    let (mut killed, mut rotated) = (0, 0);
    for moment in 0..200u32 {
        trial.reset();
        let mut process = trial.scene.env.spawn(&trial.words());
        // Spread over the whole of it, at no round numbers.
        thread::sleep(whole * moment / 180 + Duration::from_micros(u64::from(moment * 7919 % 997)));
        process.kill();
        let output = process.end();
        killed += usize::from(output.status == 137);
        rotated += usize::from(Copied::of(&trial.scene.env.store()).epoch() != trial.epoch);
        trial.assert_sound(&output);
    }
    assert!(killed > 0, "none was killed");
    assert!(rotated < 200, "none was killed early");
}
