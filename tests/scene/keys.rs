//! Stores behind key slots of every kind.

use std::fs;
use std::path::PathBuf;

use multicred::seal::keyring_slot::{self, Backend, KeyringParams};

use super::seat::{Ended, Seat, eventually};
use super::{Scene, ini, key_in_code};
use crate::support::desktop::Desktop;
use crate::support::env::Output;
use crate::support::openssh::OpenSsh;

pub const PASSPHRASE: &str = "correct horse battery staple";
/// What is asked for where a passphrase alone opens the store.
pub const QUESTION: &str = "Passphrase of the multicred store: ";
pub const BECOME_BOB: [&str; 5] = ["as", "--shell", "bash", "--no-session", "bob"];

/// A kind of slot, in a scene that can give its secret and withhold it.
pub enum Way {
    File,
    Passphrase,
    Command,
    Recovery,
    SshAgent(OpenSsh),
    Keyring(Desktop),
    /// The account of its entry.
    Keyutils(String),
}

impl Drop for Way {
    /// The kernel's keyring is that of whoever runs the tests.
    fn drop(&mut self) {
        if let Self::Keyutils(account) = self {
            let (service, account) = ("multicred".to_owned(), account.clone());
            let params = KeyringParams { backend: Backend::Keyutils, service, account };
            let _ = keyring_slot::delete(&params, std::time::Duration::from_secs(10));
        }
    }
}

/// The names of all kinds that can be the only one.
pub const KINDS: [&str; 6] = ["file", "passphrase", "command", "recovery", "ssh-agent", "keyring"];

impl Way {
    /// Adds a slot of this kind to the store; its secret is at hand.
    #[track_caller]
    pub fn add(scene: &mut Scene, kind: &str) -> Self {
        let file = |scene: &Scene, name: &str| scene.env.path(name).display().to_string();
        match kind {
            "file" => {
                added(&scene.env.run(&["key", "add", "file", &file(scene, "key-file")]));
                Self::File
            }
            "passphrase" => {
                scene.env.write("passphrase", format!("{PASSPHRASE}\n"));
                added(&scene.env.run(&["key", "add", "passphrase", "--passphrase-file", &file(scene, "passphrase")]));
                let mut this = Self::Passphrase;
                this.give(scene);
                this
            }
            "command" => {
                scene.env.write("printed", "0123456789abcdef0123456789abcdef\n");
                added(&scene.env.run(&["key", "add", "command", "--", "cat", &file(scene, "printed")]));
                Self::Command
            }
            "recovery" => {
                let output = scene.env.run(&["key", "add", "recovery"]);
                added(&output);
                scene.env.write("code", &output.stdout);
                let mut this = Self::Recovery;
                this.give(scene);
                this
            }
            "ssh-agent" => {
                let this = Self::SshAgent(OpenSsh::of(&mut scene.env));
                added(&scene.env.run(&["key", "add", "ssh-agent"]));
                this
            }
            "keyring" => {
                let this = Self::Keyring(Desktop::of(&mut scene.env));
                added(&scene.env.run(&["key", "add", "keyring"]));
                this
            }
            "keyutils" => {
                added(&scene.env.run(&["key", "add", "keyring", "--keyutils"]));
                let needs = slots(scene).pop().expect("the new slot")["needs"].clone();
                let account = needs.as_str().and_then(|needs| needs.split(' ').nth(2)).expect("its entry");
                Self::Keyutils(account.to_owned())
            }
            other => panic!("{other}"),
        }
    }

    /// The secret can be had.
    pub fn give(&mut self, scene: &mut Scene) {
        match self {
            Self::File => move_file(scene, "key-file.away", "key-file"),
            Self::Command => move_file(scene, "printed.away", "printed"),
            Self::Passphrase => name_file(scene, "passphrase"),
            Self::Recovery => name_file(scene, "code"),
            Self::SshAgent(agent) => agent.add(),
            Self::Keyring(desktop) => desktop.start_keyring(true),
            Self::Keyutils(_) => {}
        }
    }

    /// The secret is out of reach.
    pub fn withhold(&mut self, scene: &mut Scene) {
        match self {
            Self::File => move_file(scene, "key-file", "key-file.away"),
            Self::Command => move_file(scene, "printed", "printed.away"),
            Self::Passphrase | Self::Recovery => drop(scene.env.unset("MULTICRED_PASSPHRASE_FILE")),
            Self::SshAgent(agent) => agent.forget(),
            Self::Keyring(desktop) => desktop.stop_keyring(),
            Self::Keyutils(_) => {}
        }
    }
}

fn move_file(scene: &Scene, from: &str, to: &str) {
    // It may be where it is to be.
    let _ = fs::rename(scene.env.path(from), scene.env.path(to));
}

fn name_file(scene: &mut Scene, name: &str) {
    let path = scene.env.path(name).display().to_string();
    scene.env.set("MULTICRED_PASSPHRASE_FILE", path);
}

#[track_caller]
fn added(output: &Output) {
    output.ok().stderr_has("opens the store from now on");
}

/// `key list --json`
#[track_caller]
pub fn slots(scene: &Scene) -> Vec<serde_json::Value> {
    scene.env.run(&["key", "list", "--json"]).ok().json().as_array().expect("a list").clone()
}

/// The number of the slot that came last.
#[track_caller]
pub fn last(scene: &Scene) -> String {
    slots(scene).last().expect("a slot")["slot"].to_string()
}

/// The kinds of the slots there are.
#[track_caller]
pub fn kinds(scene: &Scene) -> Vec<String> {
    slots(scene).iter().map(|slot| slot["kind"].as_str().expect("a kind").to_owned()).collect()
}

impl Scene {
    /// bob's key is stored behind a passphrase alone, which nothing at hand says.
    #[track_caller]
    pub fn behind_passphrase(passphrase: &str) -> Self {
        let mut scene = Self::new();
        scene.env.write("first-passphrase", passphrase);
        let file = scene.env.path("first-passphrase");
        scene.env.set("MULTICRED_KEY", "passphrase").set("MULTICRED_PASSPHRASE_FILE", file.display().to_string());
        scene.import(&scene.bob, "bob");
        scene.env.unset("MULTICRED_KEY").unset("MULTICRED_PASSPHRASE_FILE");
        fs::remove_file(file).expect("a file");
        scene
    }

    /// A switch to bob succeeds.
    #[track_caller]
    pub fn opens(&self) -> Output {
        let output = self.env.run(&BECOME_BOB);
        let key = key_in_code(&output.ok().stdout).map(str::to_owned);
        output.holds(key.as_ref() == Some(&self.bob.access_key_id), "bob's key");
        output
    }

    /// A switch to bob on a terminal, by somebody who types these lines, one to each question.
    #[track_caller]
    pub fn opens_with(&self, typed: &[&str]) -> Ended {
        let mut seat = Seat::take(&self.env, &BECOME_BOB);
        for (index, line) in typed.iter().enumerate() {
            let asks = |screen: String| {
                screen.matches(" of the multicred store").count() == index + 1 && screen.ends_with(": ")
            };
            assert!(eventually(|| asks(seat.screen())), "it does not ask: {:?}", seat.screen());
            seat.type_line(line);
        }
        let ended = seat.end();
        assert_eq!(ended.status, 0, "{ended:?}");
        assert_eq!(key_in_code(&ended.stdout), Some(&*self.bob.access_key_id), "{ended:?}");
        assert!(typed.iter().all(|line| line.is_empty() || !ended.screen.contains(line)), "it is shown: {ended:?}");
        ended
    }

    /// `import` of bob's key from a file, as words.
    pub fn import_of_bob(&mut self) -> [String; 4] {
        let text = ini("default", &self.bob);
        self.env.write("bob.ini", text);
        ["import", &self.env.path("bob.ini").display().to_string(), "--label", "bob"].map(str::to_owned)
    }

    /// The key file of a store that has one where it is when nothing says otherwise.
    pub fn key_file(&self) -> PathBuf {
        super::store::beside(&self.env.store(), ".key")
    }
}
