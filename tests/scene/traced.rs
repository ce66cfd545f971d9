//! The program under strace: which of its system calls write, and what becomes of it where one of them is its last.

use std::collections::BTreeMap;
use std::fs;

use crate::support::env::{Hermetic, Output};

/// Every system call that changes a file, or a folder, or a mode.
pub const WRITING: &str = "openat,write,writev,pwrite64,fsync,fdatasync,ftruncate,fallocate,rename,renameat,renameat2,\
                           link,linkat,unlink,unlinkat,mkdir,mkdirat,chmod,fchmod,fchmodat,sendto,sendmsg";

/// One system call of a run, in the order they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemCall {
    pub name: String,
    /// The how manieth of its name, from 1: what strace counts.
    pub number: usize,
    pub line: String,
}

impl SystemCall {
    /// An `openat` without `O_CREAT` writes nothing.
    pub fn writes(&self) -> bool {
        self.name != "openat" || self.line.contains("O_CREAT")
    }

    /// It meets a file of the store, of the locks or of the history, not a stream.
    pub fn is_on_stream(&self) -> bool {
        self.line.starts_with("write(1,") || self.line.starts_with("write(2,")
    }
}

/// Runs the program under strace, with a umask that forbids nothing, and with these injections.
pub fn run(
    env: &Hermetic,
    arguments: &[&str],
    stdin: Option<&str>,
    injections: &[String],
) -> (Output, Vec<SystemCall>) {
    run_tracing(env, arguments, stdin, injections, WRITING)
}

/// The same for a set of system calls of the test's choice.
pub fn run_tracing(
    env: &Hermetic,
    arguments: &[&str],
    stdin: Option<&str>,
    injections: &[String],
    set: &str,
) -> (Output, Vec<SystemCall>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("log");
    let trace = format!("trace={set}");
    let (log_text, binary) = (log.to_string_lossy(), env.binary().to_string_lossy());
    let mut words = vec!["-c", r#"umask 000; exec strace "$@""#, "sh", "-qq", "-s", "48", "-e", "signal=none"];
    words.extend(["-o", &*log_text, "-e", &*trace]);
    for injection in injections {
        words.extend(["-e", injection]);
    }
    words.push(&*binary);
    words.extend(arguments);
    let invocation = env.program("sh", &words);
    let invocation = match stdin {
        Some(text) => invocation.stdin(text),
        None => invocation,
    };
    let output = invocation.run();
    let text = fs::read(&log).expect("strace's log");
    (output, parse(&String::from_utf8_lossy(&text)))
}

fn parse(log: &str) -> Vec<SystemCall> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in log.lines() {
        let Some((name, _)) = line.split_once('(') else { continue };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let number = counts.entry(name.to_owned()).or_default();
        *number += 1;
        calls.push(SystemCall { name: name.to_owned(), number: *number, line: line.to_owned() });
    }
    calls
}

/// Kills the program just before it makes this call.
pub fn kill_at(call: &SystemCall) -> String {
    format!("inject={}:signal=SIGKILL:when={}", call.name, call.number)
}

/// Lets this call fail.
pub fn fail_at(call: &SystemCall, error: &str) -> String {
    format!("inject={}:error={error}:when={}", call.name, call.number)
}

/// Lets this call and every later one of its name fail: a disk that stays full.
pub fn fail_from(call: &SystemCall, error: &str) -> String {
    format!("inject={}:error={error}:when={}+", call.name, call.number)
}
