//! A program in a live session, and whoever asks at its door.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use multicred::agent::{Manner, Opened, Opening, Renewal, Seat, Session};
use multicred::secret::{Credential, KeyMaterial, Secret};
use serde_json::Value;

use super::Scene;
use crate::support::agent::Running;
use crate::support::env::{Background, Invocation};

/// What stands in requests and must stand in no answer.
pub const HUSH: &str = "hush-hush-hush";

/// Where a session is asked, and what must be shown there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    pub address: SocketAddr,
    pub token: String,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Door {
    /// The one that an environment names.
    pub fn of(variables: &BTreeMap<String, String>) -> Self {
        let address = variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"].strip_prefix("http://").expect("plain HTTP");
        let token = variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"].clone();
        Self { address: address.parse().expect("an address"), token }
    }

    /// The one of a session that the test itself has opened.
    pub fn opened(opened: &Opened) -> Self {
        Self { address: SocketAddr::from(([127, 0, 0, 1], opened.port)), token: opened.token.expose().to_owned() }
    }

    /// The same with another token.
    pub fn showing(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("somebody who listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        stream.set_nodelay(true).expect("a socket");
        stream
    }

    /// A request as an SDK makes it, which keeps the connection.
    pub fn request(&self, target: &str) -> String {
        format!("GET {target} HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\n\r\n", self.address, self.token)
    }

    /// What the session hands out, to whoever asks for nobody in particular.
    #[track_caller]
    pub fn ask(&self) -> Answer {
        self.ask_at("/")
    }

    #[track_caller]
    pub fn ask_at(&self, target: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(self.request(target).as_bytes()).expect("somebody who reads");
        Answer::read(&mut BufReader::new(stream)).expect("an answer")
    }

    /// Everything that is answered to these bytes, until the other end hangs up.
    #[track_caller]
    pub fn say(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // Whoever refuses a request need not read all of it.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        String::from_utf8(said).expect("text")
    }

    /// Whether it still opens.
    pub fn is_open(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.address) else { return false };
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        let _ = stream.write_all(self.request("/").as_bytes());
        Answer::read(&mut BufReader::new(stream)).is_some_and(|answer| answer.status == 200)
    }
}

impl Answer {
    /// The next one on a connection; `None` where the other end hangs up instead.
    pub fn read(reader: &mut impl BufRead) -> Option<Self> {
        let mut head = String::new();
        loop {
            let before = head.len();
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
            if &head[before..] == "\r\n" {
                break;
            }
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Self { status, head, body: String::from_utf8(body).ok()? })
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON: {error}: {self:?}"))
    }

    /// The key that it hands out.
    #[track_caller]
    pub fn key(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["AccessKeyId"].as_str().expect("a key").to_owned()
    }

    /// Why there is none.
    #[track_caller]
    pub fn reason(&self) -> String {
        assert_eq!((self.status, &self.json()["code"]), (503, &Value::from("CredentialsUnavailable")), "{self:?}");
        self.json()["message"].as_str().expect("a reason").to_owned()
    }
}

/// A program in a live session, which does nothing until it is killed.
pub struct Program {
    pub process: Background,
    pub variables: BTreeMap<String, String>,
    pub door: Door,
}

impl Program {
    /// The folder of the session.
    pub fn folder(&self) -> PathBuf {
        PathBuf::from(&self.variables["MULTICRED_LIVE"])
    }
}

/// What a program in a live session does: it says what its environment is, and waits.
pub const SAYS_AND_WAITS: [&str; 3] = ["/bin/sh", "-c", "env -0; printf 'READY\\0'; exec sleep 600"];

impl Scene {
    /// A program that is somebody.
    #[track_caller]
    pub fn goes_live(&self, name: &str) -> Program {
        self.goes_live_with(&[name])
    }

    /// The same with flags.
    #[track_caller]
    pub fn goes_live_with(&self, words: &[&str]) -> Program {
        started(self.env.command(&[&["exec", "--live"], words, &["--"], &SAYS_AND_WAITS].concat()))
    }
}

/// The program that a command starts.
#[track_caller]
pub fn started(command: Invocation) -> Program {
    let mut process = command.spawn();
    let said = process.wait_for_stdout("READY\0");
    let variables = variables(&said);
    let door = Door::of(&variables);
    Program { process, variables, door }
}

/// What `env -0` has printed.
pub fn variables(text: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.split('\0').filter_map(pair).collect()
}

/// A key that ends in so many seconds, or never.
pub fn credential(access_key_id: &str, seconds_left: Option<i64>) -> Credential {
    let material = KeyMaterial { secret_access_key: Secret::new(HUSH), session_token: Some(Secret::new("token")) };
    let now = jiff::Timestamp::now().as_second();
    Credential { access_key_id: access_key_id.to_owned(), material, expires_at: seconds_left.map(|left| now + left) }
}

/// An opening of a session whose credentials are renewed by a shell script: `$1` is the file beside the socket that it
/// may write to.
pub fn opening(agent: &Running, credential: Credential, script: &str) -> Opening {
    let notes = notes(agent).to_string_lossy().into_owned();
    let seat = Seat {
        shown: "prod/Admin".to_owned(),
        arn: Some("arn:aws:iam::222233334444:role/Admin".to_owned()),
        account: Some("222233334444".to_owned()),
        credential,
        renew_before: 960,
        words: vec!["-c".to_owned(), script.to_owned(), "sh".to_owned(), notes],
    };
    let environment = vec![("PATH".to_owned(), b"/usr/bin:/bin".to_vec().into())];
    let renewal = Renewal { program: "/bin/sh".into(), folder: "/".into(), environment };
    Opening { owner: std::process::id(), manner: Manner::Container, region: None, seats: vec![seat], renewal }
}

/// Where the script of [`opening`] leaves a line for each of its runs, if it says so.
pub fn notes(agent: &Running) -> PathBuf {
    agent.socket().with_file_name("notes")
}

/// How many lines there are.
pub fn count_notes(agent: &Running) -> usize {
    std::fs::read_to_string(notes(agent)).map_or(0, |text| text.lines().count())
}

/// A script that notes its run and gives a new key that lasts so many seconds.
pub fn gives(seconds: u32) -> String {
    format!(
        r#"echo run >>"$1"; until=$(date -u -d "+{seconds} seconds" +%Y-%m-%dT%H:%M:%SZ)
        printf '{{"Version":1,"AccessKeyId":"ASIANEWNEWNEWNEW%s","SecretAccessKey":"{HUSH}{HUSH}","SessionToken":"t","Expiration":"%s"}}' \
            "$(wc -l <"$1")" "$until""#
    )
}

/// The files and folders in a folder, by name.
pub fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The folder of all sessions.
pub fn sessions_of(agent: &Running) -> PathBuf {
    multicred::agent::live_folder(agent.socket())
}

/// The session that a program's environment names.
pub fn session(program: &Program) -> Session {
    let variable = |name: &str| program.variables.get(name).map(String::as_str);
    Session::of_environment(variable).expect("a session")
}
