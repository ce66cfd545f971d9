//! A pretend AWS with the accounts dev and prod, and a shell in it: `make try`.
//!
//! On a terminal it opens a bash; without one it plays a tour of the same commands and shows what they say. Nothing
//! outside a temporary home is touched, and nothing is asked but a server inside this very process.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::pedantic)]
#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "those rules are for the program itself")]

#[path = "../../tests/support/loopback.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use more of it")]
mod loopback;
#[path = "../../tests/support/sign_in.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use more of it")]
mod sign_in;
#[path = "../../tests/support/sts/mod.rs"]
#[allow(dead_code, unused_imports, reason = "what the tests use of it is more")]
mod sts;
mod tour;
mod world;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const BANNER: &str = "\
A pretend AWS is running in this process. Accounts: dev (111122223333), prod (222233334444).
~/.aws has alice's key and a SAML-style session. MFA codes: any six digits, each works once.

  multicred import --all
  multicred account 111122223333 --alias dev
  multicred account 222233334444 --alias prod
  multicred link prod/Admin --parent dev/user/alice --mfa-serial arn:aws:iam::111122223333:mfa/alice
  multicred as prod/Admin          # asks for a code, once
  multicred status; multicred why prod/Admin; multicred list
  multicred as dev/user/alice; multicred as --back; multicred renew
  multicred as auditor             # a profile of ~/.aws/config: a role reached from a role
  multicred exec prod/Admin -- env # a program that is somebody; --read-only restricts it
  multicred sync --all             # profiles through which every AWS SDK asks multicred
  multicred setup; cat ~/.aws/credentials; multicred unsetup # no key in the clear, and back
  multicred as deploy              # a SAML-style session with minutes left
  multicred as -; multicred deactivate

Leave with exit or Ctrl-D: everything here is temporary.
";

fn main() -> ExitCode {
    let sandbox = world::Sandbox::open(&program());
    let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if is_terminal && !std::env::args().any(|argument| argument == "--tour") {
        return shell(&sandbox);
    }
    tour::play(&sandbox)
}

/// The multicred to show: `MULTICRED_PROGRAM`, else the release build beside this example.
fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("MULTICRED_PROGRAM") {
        return Path::new(&path).canonicalize().expect("MULTICRED_PROGRAM names a program");
    }
    let this = std::env::current_exe().expect("the path of this example");
    let folder = this.parent().and_then(Path::parent).expect("target/PROFILE/examples");
    folder.join("multicred").canonicalize().expect("multicred is built: cargo build --release")
}

fn shell(sandbox: &world::Sandbox) -> ExitCode {
    println!("{BANNER}");
    let mut bash = Command::new("bash");
    bash.arg("--rcfile")
        .arg(sandbox.rc_file())
        .arg("-i")
        .env_clear()
        .envs(sandbox.environment())
        .current_dir(sandbox.home());
    // What the shell's last command said is no verdict on the sandbox.
    bash.status().expect("bash starts");
    ExitCode::SUCCESS
}
