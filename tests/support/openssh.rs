//! OpenSSH's agent, one of the test's own.

use super::agent::wait_for;
use super::env::Hermetic;
use super::process::{self, run};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// An ssh-agent with one Ed25519 key, ended by its pid.
#[derive(Debug)]
pub struct OpenSsh {
    agent: Child,
    socket: PathBuf,
    key: PathBuf,
}

impl OpenSsh {
    /// The ssh-agent of this environment; its key's comment is `alice`.
    #[track_caller]
    pub fn of(env: &mut Hermetic) -> Self {
        let (socket, key) = (env.path("ssh-agent"), env.path("ssh-key"));
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "alice", "-f"]).arg(&key));
        let mut this = Self { agent: start(&socket), socket, key };
        this.add();
        env.set("SSH_AUTH_SOCK", this.socket.to_string_lossy());
        this
    }

    /// `ssh-add` of its key.
    #[track_caller]
    pub fn add(&mut self) {
        run(Command::new("ssh-add").arg("-q").arg(&self.key).env("SSH_AUTH_SOCK", &self.socket));
    }

    /// `ssh-add -D`
    #[track_caller]
    pub fn forget(&mut self) {
        run(Command::new("ssh-add").arg("-qD").env("SSH_AUTH_SOCK", &self.socket));
    }

    pub fn pid(&self) -> u32 {
        self.agent.id()
    }
}

impl Drop for OpenSsh {
    fn drop(&mut self) {
        let _ = self.agent.kill();
        let _ = self.agent.wait();
    }
}

#[track_caller]
fn start(socket: &Path) -> Child {
    let mut agent = Command::new("ssh-agent");
    agent.arg("-D").arg("-a").arg(socket).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let agent = process::start(&mut agent);
    wait_for("ssh-agent", Duration::from_secs(30), || UnixStream::connect(socket).is_ok());
    agent
}
