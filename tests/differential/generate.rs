//! From a seed to a case: somebody to begin as, a chain of roles, and at times a twist.

use std::collections::BTreeMap;

use super::case::{Case, in_home};
use super::files::{Files, Profile};
use super::layout::Layout;
use super::random::Random;
use super::twists::{self, Twist};
use crate::support::sts::{KeyPair, Role, World};

pub const DEV: &str = "111122223333";
pub const PROD: &str = "222233334444";
const ALICE: &str = "arn:aws:iam::111122223333:user/alice";

const NAMES: [&str; 9] = ["work", "Ops", "two words", "it's", "team/dev", "a.b", "me@quay", "x", "read-only"];

/// Where a way begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// A profile with a key.
    Key,
    /// The role's own profile has the key, and is its own `source_profile`.
    Itself,
    Environment,
    Process,
    WebIdentity,
}

pub struct Draft {
    pub random: Random,
    pub world: World,
    pub files: Files,
    pub environment: BTreeMap<&'static str, String>,
    pub others: BTreeMap<String, String>,
    pub base: Base,
    /// The profiles of the way, from its base to the target.
    pub chain: Vec<String>,
    pub target: String,
    /// alice's devices; she is who every way begins with.
    serials: [String; 2],
    key: KeyPair,
    names: Vec<&'static str>,
    twists: Vec<Twist>,
}

impl Draft {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::seeded(seed);
        let mut world = World::seeded(seed);
        let key = world.user(DEV, "alice");
        let phone = world.mfa_totp(ALICE, b"12345678901234567890");
        let fob = world.mfa_device("GAHT12345678", ALICE, Some(b"09876543210987654321"));
        let mut names = NAMES.to_vec();
        random.shuffle(&mut names);
        let odd = random.percent(40);
        let layout = Layout { seed, odd, crlf: random.percent(15), comments_behind: false };
        let twists = twists::of(seed, &mut random);
        let bases = twists.first().map_or(twists::ANY, |twist| twist.bases);
        Self {
            base: random.pick(bases),
            twists,
            files: Files { profiles: BTreeMap::new(), layout },
            environment: BTreeMap::new(),
            others: BTreeMap::new(),
            chain: Vec::new(),
            target: String::new(),
            random,
            world,
            serials: [phone, fob],
            key,
            names,
        }
    }

    pub fn finish(mut self) -> (Case, World) {
        self.begin();
        for depth in 0..self.depth() {
            self.add_role(depth);
        }
        self.target = self.chain.last().cloned().expect("a profile");
        if self.random.percent(30) {
            self.files.at("default").set("region", "eu-central-1");
        }
        for twist in std::mem::take(&mut self.twists) {
            (twist.apply)(&mut self);
        }
        let Self { files, target, environment, others, world, .. } = self;
        (Case { files, target, environment, others }, world)
    }

    /// The profile that has the key or the process; elsewhere the first role has all that it begins with.
    fn begin(&mut self) {
        if !matches!(self.base, Base::Key | Base::Process) {
            return;
        }
        let name = if self.random.percent(10) { "default".to_owned() } else { self.name() };
        let mut profile = Profile::default();
        if self.base == Base::Key {
            profile.key = Some(self.key.clone());
        } else {
            profile.set("credential_process", &self.process());
        }
        if self.random.percent(45) {
            profile.set("mfa_serial", &self.device());
        }
        if self.random.percent(30) {
            profile.set("region", "eu-west-1");
        }
        self.files.profiles.insert(name.clone(), profile);
        self.chain.push(name);
    }

    /// Most twists show in chains.
    fn depth(&mut self) -> usize {
        let depths: &[usize] = match (self.chain.is_empty(), self.twists.is_empty()) {
            (true, true) => &[1, 1, 2, 2, 3],
            (true, false) => &[1, 2, 2, 3],
            (false, true) => &[0, 1, 1, 1, 2, 2, 3],
            (false, false) => &[0, 1, 1, 2, 2, 2, 3],
        };
        self.random.pick(depths)
    }

    fn add_role(&mut self, depth: usize) {
        let name = self.name();
        let mut profile = Profile::default();
        if depth == 0 {
            self.source_the_first(&name, &mut profile);
        } else {
            let source = self.chain.last().cloned().expect("a source");
            profile.set("source_profile", &source);
        }
        self.choose_settings(&mut profile, depth);
        let arn = self.role_for(&profile, depth);
        profile.set("role_arn", &arn);
        self.files.profiles.insert(name.clone(), profile);
        self.chain.push(name);
    }

    fn source_the_first(&mut self, name: &str, profile: &mut Profile) {
        match self.base {
            Base::Key | Base::Process => {
                profile.set("source_profile", &self.chain[0]);
            }
            Base::Itself => {
                profile.set("source_profile", name).key = Some(self.key.clone());
            }
            Base::Environment => {
                profile.set("credential_source", "Environment");
                self.environment.insert("AWS_ACCESS_KEY_ID", self.key.access_key_id.clone());
                self.environment.insert("AWS_SECRET_ACCESS_KEY", self.key.secret.clone());
            }
            Base::WebIdentity => {
                self.world.web_identity("a.web.token", "alice", "accounts.example.org");
                self.others.insert("token".to_owned(), "a.web.token".to_owned());
                profile.set("web_identity_token_file", &in_home("token"));
            }
        }
    }

    /// Only the first hop of a way can carry a code, but a profile can say so anywhere.
    fn choose_settings(&mut self, profile: &mut Profile, depth: usize) {
        if self.random.percent(if depth == 0 { 35 } else { 8 }) {
            profile.set("mfa_serial", &self.device());
        }
        if self.random.percent(30) {
            profile.set("external_id", "quay-7");
        }
        if self.random.percent(45) {
            profile.set("role_session_name", &format!("session-{depth}"));
        }
        if self.random.percent(40) {
            let durations: &[&str] =
                if depth == 0 { &["900", "1800", "7200", "43200"] } else { &["900", "3600", "1200", "1800", "7200"] };
            let duration = self.random.pick(durations);
            profile.set("duration_seconds", duration);
        }
    }

    /// A role that demands what its profile says; it trusts everybody, since this is not about trust.
    fn role_for(&mut self, profile: &Profile, depth: usize) -> String {
        // boto3 asks AWS for no duration of a web identity's role, and so would not hear that it is too long.
        let is_asked = depth > 0 || self.base != Base::WebIdentity;
        let longest = if is_asked && self.random.percent(10) { 3_600 } else { 43_200 };
        let account = self.random.pick(&[DEV, PROD]);
        let role = Role::new(account, &format!("Role{depth}")).path(self.random.pick(&["/", "/team/"]));
        let mut role = role.trust(DEV).trust(PROD).max_session_duration(longest);
        if let Some(external_id) = profile.get("external_id") {
            role = role.external_id(external_id);
        }
        if depth == 0 && profile.has("mfa_serial") && self.random.percent(50) {
            role = role.requires_mfa();
        }
        self.world.role(if depth == 0 { role.trust_web_identity() } else { role })
    }

    /// The command of a script that prints alice's key.
    fn process(&mut self) -> String {
        let KeyPair { access_key_id, secret } = &self.key;
        let expiration = self.random.pick(&["", ", \"Expiration\": \"2050-02-04T21:00:57-08:00\""]);
        let json =
            format!(r#"{{"Version": 1, "AccessKeyId": "{access_key_id}", "SecretAccessKey": "{secret}"{expiration}}}"#);
        self.others.insert("print-key.sh".to_owned(), format!("echo '{json}'\n"));
        format!("sh {}", in_home("print-key.sh"))
    }

    /// A profile's name that is not taken yet.
    pub fn name(&mut self) -> String {
        self.names.pop().expect("enough names").to_owned()
    }

    /// One of alice's devices, mostly the same.
    pub fn device(&mut self) -> String {
        self.serials[usize::from(self.random.percent(20))].clone()
    }

    /// One more key of alice's.
    pub fn another_key(&mut self) -> KeyPair {
        self.world.another_key(ALICE)
    }

    /// The profiles of the way that have roles.
    pub fn roles(&self) -> Vec<String> {
        self.chain.iter().filter(|name| self.files.of(name).has("role_arn")).cloned().collect()
    }
}
