//! The agent killed, stopped or locked in the middle of a command: another way in serves, or the command says what it
//! could not do. What AWS has just given is used all the same.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;

use crate::scene::refusal::Refusal;
use crate::scene::slots::{PASSPHRASE, Secrets, text};
use crate::scene::store::{Copy, beside};
use crate::scene::{DEV, PATIENCE, Scene, ini, key_in_code};
use crate::support::agent::Running;

/// What befalls an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    Killed,
    Stopped,
    Locked,
    Rotated,
}

const BLOWS: [Blow; 4] = [Blow::Killed, Blow::Stopped, Blow::Locked, Blow::Rotated];

/// A store that only the agent opens: the key file is away.
struct AgentOnly {
    scene: Scene,
    secrets: Secrets,
    agent: Running,
    away: PathBuf,
}

impl AgentOnly {
    fn new() -> Self {
        let mut scene = Scene::with_bobs_roles();
        let secrets = Secrets::add_to(&mut scene);
        let agent = Running::start(&scene.env);
        scene.env.run(&["unlock"]).ok();
        let this = Self { away: scene.env.path("key-that-is-away"), scene, secrets, agent };
        fs::rename(this.key_file(), &this.away).unwrap();
        this
    }

    fn key_file(&self) -> PathBuf {
        beside(&self.scene.env.store(), ".key")
    }

    fn with_passphrase(&mut self) {
        self.scene.env.write("typed", PASSPHRASE);
        let typed = text(&self.scene.env.path("typed")).to_owned();
        self.scene.env.set("MULTICRED_PASSPHRASE_FILE", typed);
    }

    fn strike(&self, blow: Blow) {
        match blow {
            Blow::Killed => {
                self.agent.signal(Signal::KILL);
                self.agent.ends_within(PATIENCE);
            }
            Blow::Stopped => self.agent.signal(Signal::STOP),
            Blow::Locked => {
                self.scene.env.run(&["lock"]).ok();
            }
            Blow::Rotated => {
                let typed = self.scene.env.path("for-rotation");
                fs::write(&typed, PASSPHRASE).unwrap();
                let rotate = self.scene.env.command(&["key", "rotate"]);
                rotate.set("MULTICRED_PASSPHRASE_FILE", text(&typed)).run().ok();
            }
        }
    }

    /// Whether the store lets this process in afterwards.
    fn is_lost(blow: Blow) -> bool {
        blow != Blow::Rotated
    }

    /// Everything that is in the store opens by every slot.
    #[track_caller]
    fn is_whole(&self) {
        fs::rename(&self.away, self.key_file()).unwrap();
        self.secrets.open(&self.scene.env.store());
        assert!(Copy::of(&self.scene.env.store()).is_whole());
        self.scene.become_in_bash(&self.scene.bob.access_key_id).ok();
    }
}

#[test]
fn a_cold_switch_over_two_hops_whose_agent_is_gone_after_the_first_use_gives_what_aws_gave_and_says_what_is_not_kept() {
    for blow in BLOWS {
        let this = AgentOnly::new();
        let gate = this.scene.sts.gate("AssumeRole");
        let switch = this.scene.env.spawn(&["as", "--shell", "bash", "dev/Writer"]);
        assert!(gate.wait_held(1, PATIENCE), "no call arrived");
        this.strike(blow);
        gate.open();
        let code = switch.end();
        let key = key_in_code(&code.ok().calm().stdout).expect("a credential").to_owned();
        let stored = Copy::of(&this.scene.env.store()).texts("SELECT access_key_id FROM credential").contains(&key);
        assert_eq!(stored, !AgentOnly::is_lost(blow), "{blow:?}\n{code}");
        let told = code.stderr.matches("could not be stored: the store is locked").count();
        assert_eq!(told, if stored { 0 } else { 2 }, "{blow:?}\n{code}");
        assert_eq!(this.scene.sts.count("AssumeRole"), 2);
        this.is_whole();
    }
}

#[test]
fn a_cold_switch_whose_agent_is_gone_after_the_first_use_falls_back_to_a_slot() {
    for blow in BLOWS {
        let mut this = AgentOnly::new();
        this.with_passphrase();
        let gate = this.scene.sts.gate("AssumeRole");
        let switch = this.scene.env.spawn(&["as", "--shell", "bash", "dev/Writer"]);
        assert!(gate.wait_held(1, PATIENCE), "no call arrived");
        this.strike(blow);
        gate.open();
        let code = switch.end();
        let key = key_in_code(&code.ok().calm().stdout).expect("a credential").to_owned();
        code.holds(!code.stderr.contains("could not be stored"), "all of it stored");
        assert!(Copy::of(&this.scene.env.store()).texts("SELECT access_key_id FROM credential").contains(&key));
        this.is_whole();
    }
}

#[test]
fn an_import_of_several_keys_whose_agent_is_gone_halfway_keeps_what_is_stored_and_names_the_others() {
    for (blow, has_slot) in BLOWS.into_iter().flat_map(|blow| [(blow, false), (blow, true)]) {
        let mut this = AgentOnly::new();
        if has_slot {
            this.with_passphrase();
        }
        let keys: Vec<_> = this.scene.sts.world(|world| (0..3).map(|n| world.user(DEV, &format!("u{n}"))).collect());
        let sections: String = keys.iter().enumerate().map(|(n, key)| ini(&format!("u{n}"), key)).collect();
        this.scene.env.aws_credentials(&sections);
        let gate = this.scene.sts.gate("GetCallerIdentity");
        let import = this.scene.env.spawn(&["import", "--all"]);
        assert!(gate.wait_held(1, PATIENCE), "no call arrived");
        gate.let_through(1);
        assert!(this.scene.sts.wait_for_calls("GetCallerIdentity", 1, PATIENCE));
        let second = || Copy::of(&this.scene.env.store()).count("credential") == 2 && gate.wait_held(1, PATIENCE);
        assert!(crate::scene::seat::eventually(second), "the second key's call");
        this.strike(blow);
        gate.open();
        let output = import.end();
        output.calm();
        let stored = Copy::of(&this.scene.env.store()).texts("SELECT access_key_id FROM credential");
        let is_stored = |key: &crate::support::sts::KeyPair| stored.contains(&key.access_key_id);
        if has_slot || !AgentOnly::is_lost(blow) {
            output.ok();
            assert!(keys.iter().all(is_stored), "{blow:?}\n{output}");
        } else {
            output.code(1).stderr_has("the store is locked");
            assert!(is_stored(&keys[0]) && !is_stored(&keys[1]) && !is_stored(&keys[2]), "{blow:?}\n{output}");
        }
        this.is_whole();
    }
}

#[test]
fn a_rotation_whose_agent_does_not_answer_is_done_and_says_so() {
    let this = AgentOnly::new();
    this.agent.signal(Signal::STOP);
    fs::rename(&this.away, this.key_file()).unwrap();
    this.scene.env.run(&["key", "rotate"]).ok().calm().stderr_has("the agent does not have the new key");
    this.agent.signal(Signal::CONT);
    fs::rename(this.key_file(), &this.away).unwrap();
    this.scene.become_in_bash("bob").refused(4, &["locked"]);
    this.is_whole();
}
