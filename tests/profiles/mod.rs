//! The scene that the tests of profiles play in: a world whose roles a profile can lead to, a home with two files, and
//! rows that say which calls a profile makes or why it is refused.
//!
//! In the text of a config, `SERIAL` is alice's device, `ROLE/` the ARN of a role of prod up to its name, `HOME` the
//! home. In what a refusal must say, `config:LINE` is that line of the config, its whole path before it.

pub mod row;
pub mod source;

use std::os::unix::fs::PermissionsExt;

use crate::support::env::{Hermetic, Output, Shell};
use crate::support::sts::{Call, Credentials, KeyPair, Role, Session, StrictSts, World};

pub const DEV: &str = "111122223333";
pub const PROD: &str = "222233334444";
pub const ALICE: &str = "arn:aws:iam::111122223333:user/alice";
pub const BOB: &str = "arn:aws:iam::111122223333:user/bob";
pub const SEED: &[u8] = b"12345678901234567890";
/// What a web identity provider vouches with.
pub const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl";

pub struct Scene {
    pub sts: StrictSts,
    pub env: Hermetic,
    /// alice has a device; the credentials file has her key as `alice`.
    pub alice: KeyPair,
    /// bob has none.
    pub bob: KeyPair,
    pub serial: String,
    /// alice's other device, which takes any six digits once.
    pub other_serial: String,
}

impl Scene {
    pub fn new() -> Self {
        let mut world = World::new();
        let [alice, bob] = ["alice", "bob"].map(|name| world.user(DEV, name));
        let serial = world.mfa_totp(ALICE, SEED);
        let other_serial = world.mfa_device(&format!("arn:aws:iam::{DEV}:mfa/other"), ALICE, None);
        roles(&mut world);
        world.web_identity(TOKEN, "system:serviceaccount:ns:sa", "https://oidc.example");
        let sts = StrictSts::start(world);
        let mut env = Hermetic::new();
        env.endpoint(&sts.url());
        env.aws_credentials(&(section("alice", &alice) + &section("bob", &bob)));
        Self { sts, env, alice, bob, serial, other_serial }
    }

    pub fn with_config(config: &str) -> Self {
        let mut scene = Self::new();
        scene.config(config);
        scene
    }

    /// Writes the config, its placeholders filled in.
    pub fn config(&mut self, text: &str) -> &mut Self {
        let text = self.filled(text);
        self.env.aws_config(&text);
        self
    }

    pub fn filled(&self, text: &str) -> String {
        let home = self.env.home().to_string_lossy().into_owned();
        let text = text.replace("OTHER-SERIAL", &self.other_serial).replace("SERIAL", &self.serial);
        text.replace("ROLE/", &role("")).replace("HOME", &home)
    }

    /// Adds sections with alice's key to the credentials file.
    pub fn keys(&mut self, names: &[&str]) -> &mut Self {
        let added: String = names.iter().map(|name| section(name, &self.alice)).collect();
        let text = section("alice", &self.alice) + &section("bob", &self.bob) + &added;
        self.env.aws_credentials(&text);
        self
    }

    /// Puts an executable script into the home; gives its path.
    pub fn script(&mut self, name: &str, text: &str) -> String {
        self.env.write(name, format!("#!/bin/sh\n{text}\n"));
        let path = self.env.path(name);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path.to_string_lossy().into_owned()
    }

    pub fn switch(&self, words: &str) -> Output {
        let words: Vec<&str> = ["as", "--shell", "bash"].into_iter().chain(words.split_whitespace()).collect();
        self.env.run(&words)
    }

    /// A switch with a new credential. Times are whole seconds: what was had in this very one is new already.
    pub fn fresh(&self, words: &str) -> Output {
        wait_a_second();
        self.switch(&format!("--fresh {words}"))
    }

    /// `env` in JSON, `exec` and the like: any command of the program.
    pub fn command(&self, words: &str) -> Output {
        self.env.run(&words.split_whitespace().collect::<Vec<_>>())
    }

    /// The calls so far, in words.
    pub fn said(&self) -> Vec<String> {
        self.sts.calls().iter().map(say).collect()
    }

    /// A variable of a bash that has evaluated the code of this switch.
    #[track_caller]
    pub fn variable(&self, switch: &Output, name: &str) -> Option<String> {
        self.env.exported(Shell::Bash, &switch.ok().stdout, &[]).get(name).map(str::to_owned)
    }

    /// The session that a switch or `credential-process` gave.
    #[track_caller]
    pub fn session_of(&self, output: &Output) -> Session {
        let key = key_in(&output.ok().stdout).expect("an access key id").to_owned();
        let session = self.sts.world(|world| world.session(&key).cloned());
        output.holds(session.is_some(), "a session that AWS knows");
        session.unwrap()
    }

    /// Credentials of this role as a service of AWS hands them out.
    pub fn service_session(&self, name: &str, service: &str, lasts: i64) -> Credentials {
        self.sts.world(|world| world.service_session(&role(name), service, "i-0123456789abcdef0", lasts))
    }
}

pub fn wait_a_second() {
    std::thread::sleep(std::time::Duration::from_millis(1100));
}

/// The first access key id of code or JSON.
pub fn key_in(text: &str) -> Option<&str> {
    let word = text.split(|c: char| !c.is_ascii_alphanumeric());
    word.into_iter().find(|word| word.len() == 20 && (word.starts_with("ASIA") || word.starts_with("AKIA")))
}

/// `arn:aws:iam::222233334444:role/NAME`
pub fn role(name: &str) -> String {
    format!("arn:aws:iam::{PROD}:role/{name}")
}

/// `ReadOnly`, Partner, Admin and Operator trust alice; Deep trusts Admin and `ReadOnly`,
/// Side `ReadOnly`, Deeper Deep; Web, Machine
/// and Task are had from outside, and Onward trusts those.
fn roles(world: &mut World) {
    let role = |name: &str| Role::new(PROD, name).max_session_duration(43_200);
    let read_only = world.role(role("ReadOnly").trust(ALICE).trust(BOB));
    let admin = world.role(role("Admin").trust(ALICE).requires_mfa());
    world.role(role("Operator").trust(ALICE).requires_mfa());
    let deep = world.role(role("Deep").trust(&admin).trust(&read_only));
    world.role(role("Deeper").trust(&deep));
    world.role(role("Side").trust(&read_only));
    world.role(role("Partner").trust(ALICE).external_id("quay-7"));
    let web = world.role(role("Web").trust_web_identity());
    let machine = world.role(role("Machine").trust("ec2.amazonaws.com"));
    let task = world.role(role("Task").trust("ecs-tasks.amazonaws.com"));
    world.role(role("Onward").trust(&web).trust(&machine).trust(&task).trust(ALICE).trust(BOB));
}

/// A section of a credentials file.
pub fn section(name: &str, key: &KeyPair) -> String {
    let KeyPair { access_key_id, secret } = key;
    format!("[{name}]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret}\n")
}

/// `AssumeRole Admin+mfa 3600`, then whatever else was sent: `external:`, `name:` (unless it is the login name),
/// `source:`, `tags:`, `transitive:`; `!code` where AWS refused.
pub fn say(call: &Call) -> String {
    let mfa = if call.param("TokenCode").is_empty() { "" } else { "+mfa" };
    let role = call.param("RoleArn").rsplit('/').next().filter(|name| !name.is_empty());
    let mut words = vec![format!("{}{}{mfa}", call.action, role.map(|name| format!(" {name}")).unwrap_or_default())];
    let mut add = |label: &str, value: String| {
        if !value.is_empty() {
            words.push(format!("{label}{value}"));
        }
    };
    let name = call.param("RoleSessionName");
    add("", call.param("DurationSeconds").to_owned());
    add("external:", call.param("ExternalId").to_owned());
    add("name:", if name == "tester" { String::new() } else { name.to_owned() });
    add("source:", call.param("SourceIdentity").to_owned());
    add("tags:", tags(call));
    add("transitive:", members(|n| call.params.get(&format!("TransitiveTagKeys.member.{n}")).cloned()));
    add("!", if call.is_ok() { String::new() } else { call.outcome.clone() });
    words.join(" ")
}

/// `a=b,c=d`
fn tags(call: &Call) -> String {
    let part = |n: usize, part: &str| call.params.get(&format!("Tags.member.{n}.{part}")).cloned();
    members(|n| Some(format!("{}={}", part(n, "Key")?, part(n, "Value")?)))
}

/// A list's members in one text, sorted: their order means nothing.
fn members(member: impl Fn(usize) -> Option<String>) -> String {
    let mut all: Vec<String> = (1..).map_while(member).collect();
    all.sort();
    all.join(",")
}
