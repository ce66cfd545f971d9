//! Starting an agent where none runs.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Agent, AgentError, complaint};

/// How long a new agent may take until it can be asked.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an agent is started with.
#[derive(Clone, Debug)]
pub struct Launch<'a> {
    /// This very program.
    pub program: &'a Path,
    /// Where it listens.
    pub socket: &'a Path,
    /// After how long without use it drops a key.
    pub idle: Duration,
    /// Its whole environment, but for `MULTICRED_AGENT_SOCK`.
    pub environment: Vec<(String, OsString)>,
}

/// The agent that runs now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// Its process.
    pub pid: u32,
    /// Whether it ran before.
    pub ran_already: bool,
}

/// Starts an agent where none runs; returns when it can be asked.
///
/// # Errors
/// The socket cannot be used, or the program did not become an agent: the error has what it said.
pub fn start(launch: &Launch<'_>) -> Result<Started, AgentError> {
    match Agent::connect(launch.socket)?.map(|mut agent| agent.status()) {
        // One that is about to end is as good as none.
        None | Some(Err(AgentError::Gone)) => {}
        Some(status) => return Ok(Started { pid: status?.pid, ran_already: true }),
    }
    let failed = |error: io::Error| AgentError::NotStarted(format!("{}: {error}", launch.program.display()));
    let mut child = Command::new(launch.program)
        .args(["agent", "serve", "--detach", "--idle", &launch.idle.as_secs().to_string()])
        .env_clear()
        .envs(launch.environment.iter().map(|(name, value)| (name, value)))
        .env("MULTICRED_AGENT_SOCK", launch.socket)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let said = hear(&mut child);
    // It has closed its streams, or has had its time: it does not linger.
    let _ = child.wait();
    let (answer, errors) = said.map_err(failed)?;
    match answer.trim_end().split_once(' ').map(|(word, pid)| (word, pid.parse())) {
        Some((READY, Ok(pid))) => Ok(Started { pid, ran_already: false }),
        Some((RUNNING, Ok(pid))) => Ok(Started { pid, ran_already: true }),
        _ => {
            Err(AgentError::NotStarted(complaint::of(&errors).unwrap_or_else(|| "it ended without a word".to_owned())))
        }
    }
}

/// The words by which a new process tells whoever started it how it went, each with an agent's pid.
const READY: &str = "ready";
const RUNNING: &str = "running";

/// What an agent prints once it can be asked.
pub fn ready_line(pid: u32) -> String {
    format!("{READY} {pid}\n")
}

/// What a process prints that did not become the agent, since another one is.
pub fn running_line(pid: u32) -> String {
    format!("{RUNNING} {pid}\n")
}

/// Becomes a stranger to whoever called: starts the agent in a session of its own, with nothing of the caller's but the
/// three streams, and leaves it to init.
///
/// # Errors
/// The program cannot be started.
pub fn detach(program: &Path, idle: Duration) -> Result<(), AgentError> {
    // It fails only where this process leads a session already.
    let _ = rustix::process::setsid();
    // A script's pipe or lock would stay open as long as the agent lives.
    close_fds::set_fds_cloexec(3, &[]);
    let started = Command::new(program).args(["agent", "serve", "--idle", &idle.as_secs().to_string()]).spawn();
    started.map(drop).map_err(|error| AgentError::NotStarted(format!("{}: {error}", program.display())))
}

/// What a child says on its two streams until it closes them.
fn hear(child: &mut Child) -> io::Result<(String, String)> {
    let deadline = Instant::now() + PATIENCE;
    let answer = child.stdout.take().map(|stream| read_until(stream, deadline)).transpose()?;
    let complaint = child.stderr.take().map(|stream| read_until(stream, deadline)).transpose()?;
    Ok((answer.unwrap_or_default(), complaint.unwrap_or_default()))
}

fn read_until(mut stream: impl Read + std::os::fd::AsFd, deadline: Instant) -> io::Result<String> {
    /// What an agent has to say is short.
    const MOST: usize = 16 * 1024;
    let (mut heard, mut chunk) = (Vec::new(), [0; 1024]);
    while heard.len() < MOST {
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&stream, PollFlags::IN)], Some(&limit)) {
            Ok(0) => return Err(io::Error::other(format!("it was not ready after {} s", PATIENCE.as_secs()))),
            Ok(_) => match stream.read(&mut chunk)? {
                0 => break,
                count => heard.extend_from_slice(&chunk[..count]),
            },
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(String::from_utf8_lossy(&heard).into_owned())
}
