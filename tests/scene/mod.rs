//! The scene that the concurrency, fault and bad-input tests play in: a world of two accounts, a home that knows some
//! of it, and ways to look at what is left afterwards.

pub mod keys;
pub mod live;
pub mod ordeal;
pub mod refusal;
pub mod rotation;
pub mod seat;
pub mod slots;
pub mod store;
pub mod traced;
pub mod tree;

use std::time::Duration;

use crate::support::env::{Hermetic, Output};
use crate::support::sts::{KeyPair, Role, StrictSts, World};

pub const DEV: &str = "111122223333";
pub const PROD: &str = "222233334444";

/// Nothing here takes this long; where it does, something hangs.
pub const PATIENCE: Duration = Duration::from_secs(50);

/// Two users and what they may become: alice (with MFA) prod/Admin and through it prod/Auditor, or prod/Billing; bob
/// (without) dev/Reader and through it dev/Writer.
pub struct Scene {
    pub env: Hermetic,
    pub sts: StrictSts,
    pub alice: KeyPair,
    pub bob: KeyPair,
    /// alice's MFA device, which takes any six digits once.
    pub serial: String,
}

impl Scene {
    /// An empty home.
    pub fn new() -> Self {
        Self::in_home(Hermetic::new())
    }

    /// A home of the test's choice.
    pub fn in_home(mut env: Hermetic) -> Self {
        let mut world = World::new();
        let [alice, bob] = ["alice", "bob"].map(|name| world.user(DEV, name));
        let [alice_arn, bob_arn] = ["alice", "bob"].map(|name| format!("arn:aws:iam::{DEV}:user/{name}"));
        let serial = world.mfa_any(&alice_arn);
        let admin = world.role(Role::new(PROD, "Admin").trust(&alice_arn).requires_mfa());
        world.role(Role::new(PROD, "Billing").trust(&alice_arn).requires_mfa());
        world.role(Role::new(PROD, "Auditor").trust(&admin));
        let reader = world.role(Role::new(DEV, "Reader").trust(&bob_arn));
        world.role(Role::new(DEV, "Writer").trust(&reader));
        let sts = StrictSts::start(world);
        env.endpoint(&sts.url());
        Self { env, sts, alice, bob, serial }
    }

    /// bob's key is stored and dev is named.
    pub fn with_bob() -> Self {
        let scene = Self::new();
        scene.import(&scene.bob, "bob");
        scene.env.run(&["account", DEV, "--alias", "dev"]).ok();
        scene
    }

    /// bob's roles are linked as well.
    pub fn with_bobs_roles() -> Self {
        let scene = Self::with_bob();
        scene.env.run(&["link", "dev/Reader", "--parent", "bob"]).ok();
        scene.env.run(&["link", "dev/Writer", "--parent", "dev/Reader"]).ok();
        scene
    }

    /// alice's key is stored, and her roles are linked.
    pub fn with_alices_roles() -> Self {
        let scene = Self::new();
        scene.import(&scene.alice, "alice");
        scene.env.run(&["account", DEV, "--alias", "dev"]).ok();
        scene.env.run(&["account", PROD, "--alias", "prod"]).ok();
        for role in ["prod/Admin", "prod/Billing"] {
            scene.env.run(&["link", role, "--parent", "alice", "--mfa-serial", &scene.serial]).ok();
        }
        scene.env.run(&["link", "prod/Auditor", "--parent", "prod/Admin"]).ok();
        scene
    }

    /// Stores a key; no file of the home ever holds it in the clear.
    #[track_caller]
    pub fn import(&self, key: &KeyPair, label: &str) -> Output {
        let output = self.env.run_with_stdin(&["import", "-", "--label", label], ini("default", key));
        output.ok();
        output
    }

    /// The code that makes bash somebody.
    pub fn become_in_bash(&self, name: &str) -> Output {
        self.env.run(&["as", "--shell", "bash", name])
    }

    /// Every secret key and session token that anybody in this world has.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = vec![self.alice.secret.clone(), self.bob.secret.clone()];
        self.sts.world(|world| {
            for session in world.sessions() {
                secrets.push(session.credentials.secret.clone());
                secrets.push(session.credentials.session_token.clone());
            }
        });
        secrets
    }
}

/// A section of a credentials file.
pub fn ini(section: &str, key: &KeyPair) -> String {
    let KeyPair { access_key_id, secret } = key;
    format!("[{section}]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret}\n")
}

/// The access key id that code for bash would set.
pub fn key_in_code(code: &str) -> Option<&str> {
    let line = code.lines().find_map(|line| line.strip_prefix("export AWS_ACCESS_KEY_ID="))?;
    Some(line.trim_matches('\''))
}
