//! The ways by which a client gets a credential from multicred.

use std::collections::BTreeMap;

use crate::account::{Account, IDENTITY};
use crate::client::Client;
use crate::support::env::{Hermetic, Output, Shell};

/// How the credential reaches the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `multicred exec`.
    Environment,
    /// The section of the config that `multicred sync` writes.
    CredentialProcess,
    /// The section of the credentials file that `multicred env --to-profile` writes.
    Profile,
}

impl Way {
    /// Runs the client, with this as its only way to a credential.
    pub fn run(self, account: &mut Account, client: Client) -> Output {
        let words = client.words(account, self);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let credential = credential(&account.env);
        let (id, secret, token) =
            (&credential["AWS_ACCESS_KEY_ID"], &credential["AWS_SECRET_ACCESS_KEY"], &credential["AWS_SESSION_TOKEN"]);
        let env = &mut account.env;
        env.aws_config("").aws_credentials("");
        match self {
            Self::Environment => {
                let command = env.program(words[0], &words[1..]);
                credential.iter().fold(command, |command, (name, value)| command.set(name, value)).run()
            }
            Self::CredentialProcess => {
                let out = format!(
                    r#"{{"Version":1,"AccessKeyId":"{id}","SecretAccessKey":"{secret}","SessionToken":"{token}","Expiration":"2099-01-01T00:00:00Z"}}"#
                );
                env.write("out.json", out);
                let config =
                    format!("[profile {IDENTITY}]\ncredential_process = /bin/cat {}\n", env.path("out.json").display());
                env.aws_config(&config);
                env.program(words[0], &words[1..]).set("AWS_PROFILE", IDENTITY).run()
            }
            Self::Profile => {
                env.aws_credentials(&format!(
                    "[work]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\naws_session_token = {token}\n"
                ));
                env.program(words[0], &words[1..]).set("AWS_PROFILE", "work").run()
            }
        }
    }
}

pub fn key(account: &Account) -> String {
    credential(&account.env)["AWS_ACCESS_KEY_ID"].clone()
}

fn credential(env: &Hermetic) -> BTreeMap<String, String> {
    let code = env.run(&["as", "--shell", "bash", IDENTITY]).ok().stdout.clone();
    env.exported(Shell::Bash, &code, &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]).exported
}
