//! The `ssh-agent` slot with OpenSSH's agent: which keys it rests on, and what keeps it shut.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use multicred::seal::ssh_agent_slot::{self, SshAgentError, SshAgentParams};
use multicred::seal::{SlotSecret, StoreKey};

use crate::support::process;

/// As long as no test takes.
const LONG: Duration = Duration::from_mins(1);
const STORE: &[u8] = b"0123456789abcdef";

/// An ssh-agent of the test's own, ended by its pid.
struct OpenSsh {
    folder: tempfile::TempDir,
    agent: Child,
}

impl OpenSsh {
    /// With one key for each name: what ssh-keygen is told to make.
    fn with(keys: &[(&str, &[&str])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let agent = Self::start(folder.path());
        let this = Self { folder, agent };
        for (name, how) in keys {
            run(Command::new("ssh-keygen").args(*how).args(["-q", "-N", "", "-C", name, "-f"]).arg(this.file(name)));
            this.add(&[this.file(name).to_str().unwrap()]);
        }
        this
    }

    /// Its askpass says the password of `ssh-add -x` to whoever wants one, and no to whoever wants leave.
    fn start(folder: &Path) -> Child {
        let (socket, askpass) = (folder.join("agent"), folder.join("askpass"));
        fs::write(&askpass, "#!/bin/sh\n[ \"$SSH_ASKPASS_PROMPT\" = confirm ] && exit 1\necho password\n").unwrap();
        fs::set_permissions(&askpass, fs::Permissions::from_mode(0o700)).unwrap();
        let mut command = Command::new("ssh-agent");
        command.arg("-D").arg("-a").arg(&socket).env("SSH_ASKPASS", askpass).env("SSH_ASKPASS_REQUIRE", "force");
        let agent = process::start(command.stdout(Stdio::null()));
        let deadline = Instant::now() + Duration::from_secs(10);
        while UnixStream::connect(&socket).is_err() {
            assert!(Instant::now() < deadline, "ssh-agent listens");
            std::thread::sleep(Duration::from_millis(5));
        }
        agent
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("agent")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn add(&self, arguments: &[&str]) -> String {
        let askpass = self.folder.path().join("askpass");
        let mut command = Command::new("ssh-add");
        command.args(arguments).env("SSH_AUTH_SOCK", self.socket()).env("SSH_ASKPASS", askpass);
        run(command.env("SSH_ASKPASS_REQUIRE", "force"))
    }

    fn create(&self, which: Option<&str>) -> Result<(SshAgentParams, SlotSecret), SshAgentError> {
        ssh_agent_slot::create(&self.socket(), which, STORE)
    }

    /// Why there is no slot.
    #[track_caller]
    fn refusal(&self, which: Option<&str>) -> String {
        self.create(which).err().expect("a refusal").to_string()
    }

    fn open(&self, params: &SshAgentParams) -> Result<SlotSecret, SshAgentError> {
        ssh_agent_slot::open(&self.socket(), params, STORE, LONG)
    }

    #[track_caller]
    fn shut(&self, params: &SshAgentParams) -> SshAgentError {
        self.open(params).err().expect("a slot that does not open")
    }
}

impl Drop for OpenSsh {
    fn drop(&mut self) {
        let _ = self.agent.kill();
        let _ = self.agent.wait();
    }
}

#[track_caller]
fn run(command: &mut Command) -> String {
    let output = process::output(command);
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn are_same(one: &SlotSecret, other: &SlotSecret) -> bool {
    let wrapped = one.wrap(&StoreKey::generate().unwrap(), STORE).unwrap();
    other.unwrap_key(&wrapped.wrapped, STORE).is_some()
}

/// Parameters with one field changed.
fn edited(params: &SshAgentParams, field: &str, value: impl Into<serde_json::Value>) -> SshAgentParams {
    let mut json = serde_json::to_value(params).unwrap();
    json[field] = value.into();
    serde_json::from_value(json).unwrap()
}

const ED25519: &[&str] = &["-t", "ed25519"];

#[test]
fn ed25519_and_rsa_keys_open_what_they_have_sealed() {
    for how in [ED25519, &["-t", "rsa", "-b", "2048"], &["-t", "rsa", "-b", "3072"]] {
        let ssh = OpenSsh::with(&[("alice", how)]);
        let (params, secret) = ssh.create(None).unwrap();
        let kept: SshAgentParams = serde_json::from_str(&serde_json::to_string(&params).unwrap()).unwrap();
        assert!(are_same(&secret, &ssh.open(&kept).unwrap()), "{how:?}");
        let (_, other) = ssh.create(None).unwrap();
        assert!(!are_same(&secret, &other), "{how:?}: each slot has a secret of its own");
    }
}

#[test]
fn a_key_is_called_what_ssh_add_calls_it() {
    let ssh = OpenSsh::with(&[("alice", ED25519), ("bob", &["-t", "rsa", "-b", "2048"]), ("eve", &["-t", "ecdsa"])]);
    let keys = ssh_agent_slot::keys(&ssh.socket()).unwrap();
    for (key, line) in keys.iter().zip(ssh.add(&["-l"]).lines()) {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!([&key.fingerprint, &key.comment], [words[1], words[2]]);
    }
    assert_eq!(keys.iter().map(|key| key.usable.is_ok()).collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn a_key_is_meant_by_its_fingerprint_its_comment_or_its_line_in_a_pub_file() {
    let ssh = OpenSsh::with(&[("alice", ED25519), ("bob", ED25519)]);
    let bob = ssh_agent_slot::keys(&ssh.socket()).unwrap().remove(1);
    let line = fs::read_to_string(ssh.file("bob.pub")).unwrap();
    for which in ["bob", &bob.fingerprint, bob.fingerprint.trim_start_matches("SHA256:"), &line] {
        let (params, _) = ssh.create(Some(which)).unwrap();
        assert_eq!(params.key().unwrap(), bob, "{which}");
    }
    let several = ssh.refusal(None);
    assert!(several.contains("alice") && several.contains("bob"), "{several}");
    let unknown = ssh.refusal(Some("carol"));
    assert!(unknown.contains("carol") && unknown.contains("alice"), "{unknown}");
    ssh.add(&["-d", ssh.file("alice").to_str().unwrap()]);
    assert_eq!(ssh.create(None).unwrap().0.key().unwrap(), bob);
}

#[test]
fn an_ecdsa_key_is_refused_with_the_reason_and_never_chosen() {
    let ssh = OpenSsh::with(&[("eve", &["-t", "ecdsa"])]);
    let error = ssh.create(Some("eve")).err().unwrap();
    assert!(matches!(&error, SshAgentError::Unsupported { .. }), "{error}");
    for why in [error.to_string(), ssh.refusal(None)] {
        assert!(why.contains("eve") && why.contains("random part"), "{why}");
    }
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "alice", "-f"]).arg(ssh.file("alice")));
    ssh.add(&[ssh.file("alice").to_str().unwrap()]);
    assert_eq!(ssh.create(None).unwrap().0.key().unwrap().comment, "alice");
}

#[test]
fn a_certificate_stands_in_nobody_s_way_and_is_not_chosen_itself() {
    let ssh = OpenSsh::with(&[("ca", ED25519), ("alice", ED25519)]);
    let mut sign = Command::new("ssh-keygen");
    run(sign.args(["-q", "-I", "alice", "-s"]).arg(ssh.file("ca")).arg(ssh.file("alice.pub")));
    ssh.add(&["-D"]);
    ssh.add(&[ssh.file("alice").to_str().unwrap()]);
    assert_eq!(ssh_agent_slot::keys(&ssh.socket()).unwrap().len(), 2, "the key and its certificate");
    assert_eq!(ssh.create(Some("alice")).unwrap().0.key().unwrap().algorithm, "ssh-ed25519");
}

#[test]
fn a_key_that_was_taken_out_is_named_and_back_in_opens_again() {
    let ssh = OpenSsh::with(&[("alice", ED25519), ("bob", ED25519)]);
    let (params, secret) = ssh.create(Some("alice")).unwrap();
    let alice = ssh.file("alice");
    ssh.add(&["-d", alice.to_str().unwrap()]);
    assert_eq!(ssh.shut(&params), SshAgentError::NotLoaded(params.key().unwrap().to_string()));
    assert!(ssh.shut(&params).to_string().contains("alice"));
    ssh.add(&["-D"]);
    assert_eq!(ssh.shut(&params), SshAgentError::Empty);
    ssh.add(&[alice.to_str().unwrap()]);
    assert!(are_same(&secret, &ssh.open(&params).unwrap()));
}

#[test]
fn a_locked_agent_opens_nothing_until_it_is_unlocked() {
    let ssh = OpenSsh::with(&[("alice", ED25519)]);
    let (params, secret) = ssh.create(None).unwrap();
    ssh.add(&["-x"]);
    assert_eq!(ssh.shut(&params), SshAgentError::Empty);
    assert!(ssh.refusal(None).contains("locked"));
    ssh.add(&["-X"]);
    assert!(are_same(&secret, &ssh.open(&params).unwrap()));
}

#[test]
fn a_person_who_does_not_confirm_keeps_the_slot_shut() {
    let ssh = OpenSsh::with(&[("alice", ED25519)]);
    let (params, _) = ssh.create(None).unwrap();
    ssh.add(&["-D"]);
    ssh.add(&["-c", ssh.file("alice").to_str().unwrap()]);
    let refused = SshAgentError::Refused(params.key().unwrap().to_string());
    assert_eq!(ssh.shut(&params), refused);
    assert_eq!(ssh.create(None).err(), Some(refused));
}

#[test]
fn another_challenge_another_store_or_another_key_gives_another_secret() {
    let ssh = OpenSsh::with(&[("alice", ED25519), ("bob", ED25519)]);
    let (params, secret) = ssh.create(Some("alice")).unwrap();
    let (of_bob, _) = ssh.create(Some("bob")).unwrap();
    let field = |params: &SshAgentParams, field: &str| serde_json::to_value(params).unwrap()[field].clone();
    for name in ["challenge", "public_key"] {
        let moved = edited(&params, name, field(&of_bob, name));
        assert!(!are_same(&secret, &ssh.open(&moved).unwrap()), "{name}");
    }
    let elsewhere = ssh_agent_slot::open(&ssh.socket(), &params, b"another store id", LONG).unwrap();
    assert!(!are_same(&secret, &elsewhere));
}

#[test]
fn parameters_that_are_none_ask_no_agent_for_anything() {
    let ssh = OpenSsh::with(&[("alice", ED25519)]);
    let (params, _) = ssh.create(None).unwrap();
    for broken in [
        edited(&params, "version", 2),
        edited(&params, "challenge", "AAAA"),
        edited(&params, "challenge", "*"),
        edited(&params, "public_key", "*"),
    ] {
        let error = ssh_agent_slot::open(Path::new("/nonexistent"), &broken, STORE, LONG).err();
        assert_eq!(error, Some(SshAgentError::Params), "{broken:?}");
    }
    assert!(matches!(ssh.shut(&edited(&params, "public_key", "AAAA")), SshAgentError::Unsupported { .. }));
}

#[test]
fn a_dead_agent_is_named_and_a_stopped_one_is_not_waited_for() {
    let mut ssh = OpenSsh::with(&[("alice", ED25519)]);
    let (params, _) = ssh.create(None).unwrap();
    run(Command::new("kill").args(["-STOP", &ssh.agent.id().to_string()]));
    let began = Instant::now();
    assert_eq!(ssh_agent_slot::keys(&ssh.socket()), Err(SshAgentError::Silent { seconds: 5 }));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    ssh.agent.kill().unwrap();
    ssh.agent.wait().unwrap();
    let error = ssh.shut(&params);
    assert!(matches!(error, SshAgentError::NoAgent { .. }), "{error}");
    assert!(error.to_string().contains(ssh.socket().to_str().unwrap()), "{error}");
}

/// What a broken agent makes of a request, given how to ask a sound one.
type Meddling = fn(Vec<u8>, &mut dyn FnMut(Vec<u8>) -> Vec<u8>) -> Vec<u8>;

/// A broken agent before the sound one.
fn in_between(ssh: &OpenSsh, meddle: Meddling) -> PathBuf {
    let (front, back) = (ssh.file("front"), ssh.socket());
    let listener = UnixListener::bind(&front).unwrap();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map(Result::unwrap) {
            let mut real = UnixStream::connect(&back).unwrap();
            while let Some(request) = frame(&mut client) {
                let mut ask = |request: Vec<u8>| {
                    send(&mut real, &request);
                    frame(&mut real).unwrap()
                };
                let answer = meddle(request, &mut ask);
                send(&mut client, &answer);
            }
        }
    });
    front
}

fn frame(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

fn send(stream: &mut UnixStream, body: &[u8]) {
    let _ = stream.write_all(&[&u32::try_from(body.len()).unwrap().to_be_bytes(), body].concat());
}

#[test]
fn a_signature_that_is_changed_or_of_another_algorithm_makes_no_secret() {
    let flipped: Meddling = |request, ask| {
        let mut answer = ask(request);
        if answer[0] == 14 {
            *answer.last_mut().unwrap() ^= 1;
        }
        answer
    };
    // An agent that does not know the flags signs with SHA-1.
    let without_flags: Meddling = |mut request, ask| {
        if request[0] == 13 {
            *request.last_mut().unwrap() = 0;
        }
        ask(request)
    };
    let rsa: &[&str] = &["-t", "rsa", "-b", "2048"];
    for (how, meddling) in [(ED25519, flipped), (rsa, flipped), (rsa, without_flags)] {
        let ssh = OpenSsh::with(&[("alice", how)]);
        let (params, _) = ssh.create(None).unwrap();
        let front = in_between(&ssh, meddling);
        let none = Some(SshAgentError::NotASignature(params.key().unwrap().to_string()));
        assert_eq!(ssh_agent_slot::create(&front, None, STORE).err(), none);
        assert_eq!(ssh_agent_slot::open(&front, &params, STORE, LONG).err(), none);
    }
}
