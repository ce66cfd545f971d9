//! A running `multicred serve`, what it said that programs need, and bare questions to an endpoint.

use super::env::{Background, Hermetic, Invocation};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// One that serves. Killed by its pid on drop.
pub struct Served {
    pub process: Background,
    /// What it printed.
    pub told: Value,
}

impl Served {
    /// `multicred serve WORDS --json`
    #[track_caller]
    pub fn start(env: &Hermetic, words: &[&str]) -> Self {
        Self::started_by(env.command(&[&["serve"], words, &["--json"]].concat()))
    }

    /// By a command that prints JSON.
    #[track_caller]
    pub fn started_by(command: Invocation) -> Self {
        let mut process = command.spawn();
        let told = process.wait_for_stdout("\n");
        process.wait_for_stderr("until Ctrl-C");
        let told = serde_json::from_str(&told).unwrap_or_else(|error| panic!("no JSON: {error}: {told}"));
        Self { process, told }
    }

    /// A variable that programs are to have.
    #[track_caller]
    pub fn variable(&self, name: &str) -> String {
        self.told["set"][name].as_str().unwrap_or_else(|| panic!("no {name}: {}", self.told)).to_owned()
    }

    /// A program that has what serve printed.
    pub fn dress(&self, mut program: Invocation) -> Invocation {
        for name in self.told["unset"].as_array().expect("a list") {
            program = program.unset(name.as_str().expect("a name"));
        }
        for (name, value) in self.told["set"].as_object().expect("variables") {
            program = program.set(name, value.as_str().expect("a value"));
        }
        program
    }

    pub fn port(&self) -> u16 {
        let endpoint = self.told["endpoint"].as_str().expect("an endpoint").trim_end_matches('/');
        endpoint.rsplit(':').next().expect("a port").parse().expect("a port")
    }

    /// The answer to whoever shows the token.
    pub fn ask(&self) -> Option<(u16, String)> {
        let token = self.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
        ask(self.port(), "GET", "/", &[("Authorization", &token)])
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.process.pid()).ok().and_then(Pid::from_raw).expect("a pid");
        kill_process(pid, signal).expect("a process to signal");
    }
}

/// Asks on a connection of its own: status and body; `None` where nobody listens, or hangs up.
pub fn ask(port: u16, method: &str, path: &str, headers: &[(&str, &str)]) -> Option<(u16, String)> {
    let head: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let host = if headers.iter().any(|(name, _)| *name == "Host") { String::new() } else { host(port) };
    let answer = say(port, &format!("{method} {path} HTTP/1.1\r\n{host}{}Connection: close\r\n\r\n", head.concat()))?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
}

fn host(port: u16) -> String {
    format!("Host: 127.0.0.1:{port}\r\n")
}

/// The whole answer to these very bytes.
pub fn say(port: u16, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer).filter(|answer| !answer.is_empty())
}
