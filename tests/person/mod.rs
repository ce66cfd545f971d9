//! A person at a shell: an AWS with a few identities, a home that knows them, and shells with multicred in them.

pub mod snapshot;

use crate::support::env::Hermetic;
use crate::support::sts::{KeyPair, Role, StrictSts, World};
use crate::support::terminal::{Shell, Terminal};

pub const DEV: &str = "111122223333";
pub const PROD: &str = "222233334444";

/// Every variable that a switch sets or removes (DESIGN §4).
pub const CREDENTIAL_VARIABLES: [&str; 4] =
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"];
pub const REGION_VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
pub const HIDDEN_VARIABLES: [&str; 15] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_ACCOUNT_ID",
    "AWS_BEARER_TOKEN_BEDROCK",
];

/// Names one test for each shell, `SCENARIO::in_bash` and so on, after functions that take the shell.
macro_rules! in_each_shell {
    ($($scenario:ident,)*) => {$(
        mod $scenario {
            use $crate::support::terminal::Shell;

            #[test]
            fn in_bash() {
                super::$scenario(Shell::Bash);
            }

            #[test]
            fn in_zsh() {
                super::$scenario(Shell::Zsh);
            }

            #[test]
            fn in_fish() {
                super::$scenario(Shell::Fish);
            }
        }
    )*};
}
pub(crate) use in_each_shell;

/// Who can be: `prod/Admin` (from alice, with MFA), `bob` and `carol` (users of profiles, no region), `west` (a role
/// of a profile with the region us-west-2).
pub struct Person {
    pub env: Hermetic,
    pub sts: StrictSts,
    pub serial: String,
    alice: KeyPair,
    bob: KeyPair,
}

impl Person {
    pub fn new() -> Self {
        let mut world = World::new();
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.user(DEV, name));
        let [alice_arn, bob_arn] = ["alice", "bob"].map(|name| format!("arn:aws:iam::{DEV}:user/{name}"));
        let serial = world.mfa_totp(&alice_arn, b"12345678901234567890");
        world.role(Role::new(PROD, "Admin").trust(&alice_arn).requires_mfa());
        let reader = world.role(Role::new(DEV, "Reader").trust(&bob_arn));
        let sts = StrictSts::start(world);
        let mut env = Hermetic::new();
        env.endpoint(&sts.url());
        env.aws_credentials(&(section("bob", &bob) + &section("carol", &carol)));
        env.aws_config(&format!("[profile west]\nrole_arn = {reader}\nsource_profile = bob\nregion = us-west-2\n"));
        Self { env, sts, serial, alice, bob }
    }

    /// Makes `prod/Admin` known.
    pub fn with_admin(self) -> Self {
        self.env.run_with_stdin(&["import", "-"], section("default", &self.alice)).ok();
        self.env.run(&["account", DEV, "--alias", "dev"]).ok();
        self.env.run(&["account", PROD, "--alias", "prod"]).ok();
        let link = ["link", "prod/Admin", "--parent", "dev/user/alice", "--mfa-serial", &self.serial];
        self.env.run(&link).ok();
        self
    }

    /// Adds a profile of bob's key, whatever its name.
    pub fn with_profile(mut self, name: &str) -> Self {
        let text = std::fs::read_to_string(self.env.path(".aws/credentials")).expect("a credentials file");
        let more = section(name, &self.bob);
        self.env.aws_credentials(&(text + &more));
        self
    }

    /// Opens a shell with multicred in it.
    #[track_caller]
    pub fn opens(&self, shell: Shell) -> Terminal {
        self.opens_with(shell, "")
    }

    /// Opens a shell whose startup file says something before multicred comes into it.
    #[track_caller]
    pub fn opens_with(&self, shell: Shell, before: &str) -> Terminal {
        Terminal::start(shell, &self.env, &format!("{before}\n{}", init(shell)))
    }

    /// Every secret key and session token that anybody has.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = vec![self.alice.secret.clone(), self.bob.secret.clone()];
        self.sts.world(|world| {
            for session in world.sessions() {
                secrets.extend([session.credentials.secret.clone(), session.credentials.session_token.clone()]);
            }
        });
        secrets
    }

    /// Fails where a text holds a secret of anybody.
    #[track_caller]
    pub fn tells_no_secret(&self, text: &str) {
        for secret in self.secrets() {
            let at = text.find(&secret);
            assert!(at.is_none(), "a secret in: {}", &text[at.unwrap_or(0).saturating_sub(200)..]);
        }
    }
}

/// The line of the startup file.
pub fn init(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => r#"eval "$(multicred init bash)""#,
        Shell::Zsh => r#"eval "$(multicred init zsh)""#,
        Shell::Fish => "multicred init fish | source",
    }
}

/// Code that sets an exported variable. The value holds no quote.
pub fn export(shell: Shell, name: &str, value: &str) -> String {
    match shell {
        Shell::Bash | Shell::Zsh => format!("export {name}='{value}'"),
        Shell::Fish => format!("set -gx {name} '{value}'"),
    }
}

/// Code that sets a variable that children do not see.
pub fn assign(shell: Shell, name: &str, value: &str) -> String {
    match shell {
        Shell::Bash | Shell::Zsh => format!("{name}='{value}'"),
        Shell::Fish => format!("set -g {name} '{value}'"),
    }
}

/// Code that removes a variable.
pub fn unset(shell: Shell, name: &str) -> String {
    match shell {
        Shell::Bash | Shell::Zsh => format!("unset {name}"),
        Shell::Fish => format!("set -e {name}"),
    }
}

/// What a person does with multicred in a terminal, and sees there.
pub trait Doing {
    /// Switches, and the prompt says so; no question is asked.
    fn becomes(&mut self, name: &str);
    /// Runs a command that must succeed.
    fn does(&mut self, command: &str) -> String;
    /// The identity that the prompt shows: `(bob) $ ` → `(bob)`; nothing where it shows none.
    fn shown(&mut self) -> String;
    /// A variable that children see.
    fn exported(&mut self, name: &str) -> Option<String>;
    /// A variable that only the shell sees.
    fn unexported(&mut self, name: &str) -> Option<String>;
}

impl Doing for Terminal {
    #[track_caller]
    fn becomes(&mut self, name: &str) {
        self.does(&format!("multicred as {name}"));
        let (screen, name) = (self.screen(), format!("({name}) "));
        let last_lines = screen.trim_end().lines().rev().take(3).any(|line| line.contains(&name));
        assert!(last_lines, "{}: no {name} in the prompt\n{screen}", self.shell());
    }

    #[track_caller]
    fn does(&mut self, command: &str) -> String {
        let ran = self.run(command);
        assert_eq!(ran.status, 0, "{}: {command}\n{}", self.shell(), self.screen());
        ran.output
    }

    #[track_caller]
    fn shown(&mut self) -> String {
        let prompt = self.prompt();
        let tail = if self.shell() == Shell::Zsh { "% " } else { "$ " };
        prompt.strip_suffix(tail).unwrap_or(&prompt).trim_end().to_owned()
    }

    #[track_caller]
    fn exported(&mut self, name: &str) -> Option<String> {
        self.env_of_shell().remove(name)
    }

    #[track_caller]
    fn unexported(&mut self, name: &str) -> Option<String> {
        self.variables().unexported.remove(name)
    }
}

fn section(name: &str, key: &KeyPair) -> String {
    let KeyPair { access_key_id, secret } = key;
    format!("[{name}]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret}\n")
}
