//! A user whose key is rotated, and what must hold of it whatever happens meanwhile.

use super::refusal::Refusal;
use super::store::Copy;
use super::{DEV, Scene, key_in_code, tree};
use crate::support::env::Output;
use crate::support::sts::KeyPair;

/// What is written down of a rotation that has begun.
const JOURNAL: &str = "SELECT phase FROM rotation";

/// bob, or alice with her device, whose key the store has.
pub struct Subject {
    pub scene: Scene,
    pub name: &'static str,
    pub key: KeyPair,
    before: tempfile::TempDir,
}

impl Subject {
    /// bob, of whom AWS asks no code.
    pub fn bob() -> Self {
        let scene = Scene::with_bob();
        let key = scene.bob.clone();
        Self::of(scene, "bob", key)
    }

    /// alice, of whom IAM asks a code; she has a session of today.
    pub fn alice() -> Self {
        let scene = Scene::with_alices_roles();
        scene.sts.world(|world| world.iam_wants_mfa(&arn("alice")));
        let code = scene.sts.mfa_code(&scene.serial);
        scene.env.run(&["as", "--shell", "bash", "--mfa-code", &code, "alice"]).ok();
        let key = scene.alice.clone();
        Self::of(scene, "alice", key)
    }

    fn of(scene: Scene, name: &'static str, key: KeyPair) -> Self {
        let before = tempfile::tempdir().expect("a temporary folder");
        tree::copy(&scene.env.path("data"), before.path());
        Self { scene, name, key, before }
    }

    /// The store and the keys at AWS as they were.
    pub fn reset(&self) {
        std::fs::remove_dir_all(self.scene.env.path("data")).expect("a folder to remove");
        tree::copy(self.before.path(), &self.scene.env.path("data"));
        self.scene.sts.clear_faults();
        self.scene.sts.clear_calls();
        self.scene.sts.world(|world| {
            for key in world.keys_of(&arn(self.name)) {
                world.delete_key(&key.access_key_id);
            }
            world.add_key(&arn(self.name), &self.key);
        });
    }

    /// The keys at AWS, and whether each is active.
    pub fn at_aws(&self) -> Vec<(String, bool)> {
        let keys = self.scene.sts.world(|world| world.keys_of(&arn(self.name)));
        keys.into_iter().map(|key| (key.access_key_id, key.is_active)).collect()
    }

    /// The long-term keys in the store, the one in use first.
    pub fn stored(&self) -> Vec<String> {
        Copy::of(&self.scene.env.store())
            .texts("SELECT access_key_id FROM credential WHERE kind = 'long-term' ORDER BY created_at DESC, id DESC")
    }

    /// How far the journal says that it has come.
    pub fn phase(&self) -> Option<String> {
        Copy::of(&self.scene.env.store()).texts(JOURNAL).pop()
    }

    pub fn rotate(&self, more: &[&str]) -> Output {
        self.scene.env.run(&[&["rotate", self.name][..], more].concat())
    }

    /// The same with a code, where one will be asked for.
    pub fn rotate_with_code(&self, more: &[&str]) -> Output {
        if self.name == "bob" {
            return self.rotate(more);
        }
        let code = self.scene.sts.mfa_code(&self.scene.serial);
        self.rotate(&[more, &["--mfa-code", &code]].concat())
    }

    /// The store is whole, and the key in use works: AWS itself says so.
    #[track_caller]
    pub fn assert_works(&self) {
        let copy = Copy::of(&self.scene.env.store());
        assert!(copy.is_whole(), "the store is damaged");
        let key = self.scene.env.run(&["as", "--shell", "bash", "--no-session", self.name]);
        let key = key_in_code(&key.ok().stdout).expect("a key").to_owned();
        let at_aws = self.at_aws();
        assert!(at_aws.contains(&(key.clone(), true)), "{key} is in use, and AWS has {at_aws:?}");
        // A session is obtained with it: its secret, too, is the right one.
        let mut words = vec!["as", "--shell", "bash", "--fresh"];
        let code = (self.name == "alice").then(|| self.scene.sts.mfa_code(&self.scene.serial));
        words.extend(code.iter().flat_map(|code| ["--mfa-code", code.as_str()]));
        words.push(self.name);
        self.scene.env.run(&words).ok().calm();
        let signed = self.scene.sts.calls_of("GetSessionToken");
        assert_eq!(signed.last().and_then(|call| call.access_key_id.clone()), Some(key));
    }

    /// Another run brings it to its end: one key, stored and at AWS; nothing is left that nobody knows of.
    #[track_caller]
    pub fn assert_mends(&self) {
        let mut output = self.rotate_with_code(&[]);
        output.calm();
        if output.status == 4 {
            let lost = self.at_aws().into_iter().map(|(key, _)| key).find(|key| !self.stored().contains(key));
            let lost = lost.unwrap_or_else(|| panic!("there is room\n{output}"));
            output.stderr_has(&lost).stderr_has("made by a rotation that was interrupted").stderr_has("--delete-other");
            output = self.rotate_with_code(&["--delete-other", &lost]);
        }
        output.ok().calm();
        self.assert_ended();
    }

    /// The same, where it may have come to its end just before it was killed.
    #[track_caller]
    pub fn assert_mends_or_has_ended(&self) {
        let has_ended = self.phase().is_none() && self.stored() != [self.key.access_key_id.clone()];
        if has_ended { self.assert_ended() } else { self.assert_mends() }
    }

    #[track_caller]
    pub fn assert_ended(&self) {
        let stored = self.stored();
        let expected: Vec<(String, bool)> = stored.iter().map(|key| (key.clone(), true)).collect();
        assert_eq!(stored.len(), 1, "{stored:?}");
        assert_eq!(self.at_aws(), expected);
        assert_ne!(stored[0], self.key.access_key_id, "it was rotated");
        assert_eq!(self.phase(), None);
        assert_eq!(self.scene.env.run(&["rotate", "--pending", "--json"]).ok().json(), serde_json::json!([]));
        tree::assert_sealed(&self.scene.env.path("data"), &self.scene.sts.world(|world| world.key_secrets()));
        self.assert_works();
    }

    /// No code went to AWS twice.
    #[track_caller]
    pub fn assert_no_code_twice(&self) {
        let mut codes: Vec<String> =
            self.scene.sts.calls().iter().filter_map(|call| call.params.get("TokenCode").cloned()).collect();
        let all = codes.len();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), all, "a code was sent twice");
    }
}

/// A user of dev.
pub fn arn(name: &str) -> String {
    format!("arn:aws:iam::{DEV}:user/{name}")
}
