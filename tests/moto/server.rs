//! A moto server of its own for each test, and the AWS CLI and boto3 in the same venv.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::NamedTempFile;

use crate::support::env::{Hermetic, Output};
use crate::support::process;

/// moto's account where a key says nothing else.
pub const ACCOUNT: &str = "123456789012";

/// A program of the venv that `make test` makes beside cargo's own files.
#[track_caller]
pub fn venv(program: &str) -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
    let path: PathBuf = target.join("venv/bin").join(program);
    assert!(path.exists(), "{} is missing: run make test, which installs it", path.display());
    path.to_string_lossy().into_owned()
}

/// A running moto. Killed by its pid on drop.
pub struct Moto {
    child: Child,
    port: u16,
    recording: NamedTempFile,
}

impl Moto {
    pub fn start() -> Self {
        let moto = Self::spawn(&[]);
        moto.wait_until_it_answers();
        moto
    }

    /// One that speaks TLS, with this certificate and its key.
    pub fn start_with_tls(certificate: &Path, key: &Path) -> Self {
        let moto = Self::spawn(&["-s", "-c", &certificate.to_string_lossy(), "-k", &key.to_string_lossy()]);
        let deadline = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect(("127.0.0.1", moto.port)).is_err() {
            assert!(Instant::now() < deadline, "moto does not listen on port {}", moto.port);
            thread::sleep(Duration::from_millis(50));
        }
        moto
    }

    fn spawn(more: &[&str]) -> Self {
        let port = free_port();
        let recording = NamedTempFile::new().expect("a file for a recording");
        let mut command = Command::new(venv("moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).args(more);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("MOTO_RECORDER_FILEPATH", recording.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { child: process::start(&mut command), port, recording }
    }

    fn wait_until_it_answers(&self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !self.request("GET", "/moto-api/", "").is_some_and(|answer| answer.contains(" 200 ")) {
            assert!(Instant::now() < deadline, "moto does not answer on port {}", self.port);
            thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn tls_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// From now on every call is authenticated and authorised.
    pub fn demand_authentication(&self) {
        let answer = self.request("POST", "/moto-api/reset-auth", "0").expect("an answer");
        assert!(answer.contains(" 200 "), "{answer}");
    }

    /// From now on every call is recorded; what was recorded before is forgotten.
    pub fn record(&self) {
        for what in ["reset", "start"] {
            let answer = self.request("POST", &format!("/moto-api/recorder/{what}-recording"), "").expect("an answer");
            assert!(answer.contains(" 200 "), "{answer}");
        }
    }

    /// The access key ids that the recorded calls were signed with, `""` for calls that were not signed.
    pub fn signers(&self) -> Vec<String> {
        let recorded = std::fs::read_to_string(self.recording.path()).expect("a recording");
        recorded.lines().map(signer).collect()
    }

    fn request(&self, method: &str, path: &str, body: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// A new user's key.
    pub fn user(&self, env: &Hermetic, name: &str) -> Key {
        self.admin(env, &["iam", "create-user", "--user-name", name]);
        let may_assume = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}"#;
        let policy = ["--policy-name", "sts", "--policy-document", may_assume];
        self.admin(env, &[&["iam", "put-user-policy", "--user-name", name][..], &policy].concat());
        let answer = self.admin(env, &["iam", "create-access-key", "--user-name", name]);
        Key::of(&answer["AccessKey"])
    }

    /// A new role of moto's own account that `principal` may assume, where an external id is given only with that.
    /// Gives its ARN.
    pub fn role(&self, env: &Hermetic, name: &str, principal: &str, external_id: Option<&str>) -> String {
        let condition = external_id
            .map_or(String::new(), |id| format!(r#","Condition":{{"StringEquals":{{"sts:ExternalId":"{id}"}}}}"#));
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"sts:AssumeRole",
               "Principal":{{"AWS":"{principal}"}}{condition}}}]}}"#
        );
        let create = ["iam", "create-role", "--role-name", name, "--assume-role-policy-document", &trust];
        text(&self.admin(env, &create)["Role"]["Arn"])
    }

    /// The aws CLI as an administrator, before authentication is demanded.
    pub fn admin(&self, env: &Hermetic, arguments: &[&str]) -> Value {
        let output = aws(env, arguments, |command| {
            command
                .set("AWS_ENDPOINT_URL", self.url())
                .set("AWS_ACCESS_KEY_ID", "AKIAADMINISTRATOR000")
                .set("AWS_SECRET_ACCESS_KEY", "anything")
                // The one region variable that the first version of the CLI reads.
                .set("AWS_DEFAULT_REGION", "us-east-1")
        });
        output.ok();
        if output.stdout.trim().is_empty() { Value::Null } else { output.json() }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A key as AWS and moto print it.
pub struct Key {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

impl Key {
    /// Of the `AccessKey` or `Credentials` of an answer.
    pub fn of(answer: &Value) -> Self {
        Self {
            id: text(&answer["AccessKeyId"]),
            secret: text(&answer["SecretAccessKey"]),
            token: answer["SessionToken"].as_str().map(str::to_owned),
        }
    }

    /// As a section of `~/.aws/credentials`.
    pub fn section(&self, name: &str) -> String {
        let Self { id, secret, .. } = self;
        format!("[{name}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
    }
}

/// The text of a JSON value.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// Of a line of a recording.
fn signer(line: &str) -> String {
    let call: Value = serde_json::from_str(line).expect("a call as JSON");
    let authorization = call["headers"]["Authorization"].as_str().unwrap_or_default();
    let scope = authorization.split("Credential=").nth(1).unwrap_or_default();
    scope.split('/').next().unwrap_or_default().to_owned()
}

/// Runs the aws CLI in the environment, adjusted.
pub fn aws(
    env: &Hermetic,
    arguments: &[&str],
    adjust: impl FnOnce(crate::support::env::Invocation) -> crate::support::env::Invocation,
) -> Output {
    adjust(env.program(&venv("aws"), arguments)).run()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}
