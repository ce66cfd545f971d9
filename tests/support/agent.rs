//! Agents that a test starts: each is ended by its pid, also where the test panics.

use super::env::{Hermetic, Invocation};
use multicred::agent::Agent;
use multicred::agent::protocol::{ANY_VERSION, Code, PREFIX, Request, Status, VERSION, reply};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Two keys that are no others.
pub const KEY: [u8; 32] = *b"a key that is nobody's, 32 bytes";
pub const OTHER_KEY: [u8; 32] = *b"another key, also of thirty-two.";
pub const STORE: &[u8] = b"a store's id";

/// A running agent, killed by its pid on drop.
#[derive(Debug)]
pub struct Running {
    pid: u32,
    socket: PathBuf,
}

impl Running {
    /// `multicred agent start`
    #[track_caller]
    pub fn start(env: &Hermetic) -> Self {
        Self::started_by(env, env.command(&["agent", "start"]))
    }

    /// What this command starts, and prints the pid of.
    #[track_caller]
    pub fn started_by(env: &Hermetic, command: Invocation) -> Self {
        let output = command.run();
        let pid = output.ok().stdout.trim().parse();
        Self { pid: pid.unwrap_or_else(|_| panic!("no pid\n{output}")), socket: socket(env) }
    }

    /// The one that listens.
    #[track_caller]
    pub fn found(env: &Hermetic) -> Self {
        let agent = Agent::connect(&socket(env)).expect("a connection").expect("an agent that listens").status();
        Self::with_pid(env, agent.expect("its status").pid)
    }

    /// One that runs already.
    pub fn with_pid(env: &Hermetic, pid: u32) -> Self {
        Self { pid, socket: socket(env) }
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// A connection of the program's own client.
    #[track_caller]
    pub fn client(&self) -> Agent {
        Agent::connect(&self.socket).expect("a connection").expect("an agent that listens")
    }

    /// A client, and an agent that holds [`KEY`] as the first one of [`STORE`].
    #[track_caller]
    pub fn holding_a_key(&self) -> Agent {
        let mut client = self.client();
        client.hold(STORE, 1, &KEY).expect("room for a key");
        client
    }

    /// A connection that speaks whatever the test writes.
    #[track_caller]
    pub fn raw(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.socket).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        stream
    }

    /// What the system says of the process, by the name of the file in its folder of /proc.
    #[track_caller]
    pub fn proc(&self, file: &str) -> Vec<u8> {
        fs::read(format!("/proc/{}/{file}", self.pid)).expect("a running agent, and the rights of root")
    }

    /// A line of its status, in kB.
    #[track_caller]
    pub fn kilobytes(&self, name: &str) -> u64 {
        let status = String::from_utf8(self.proc("status")).expect("text");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("that line");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).expect("a pid");
        // An error means that it has ended already.
        let _ = kill_process(pid, signal);
    }

    /// Whether the process is there, and more than a zombie that nobody reaps (proc(5), `stat`): only of a zombie are
    /// all descriptors closed.
    pub fn is_running(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let state = stat.split_once(" (multicred) ").and_then(|(_, rest)| rest.chars().next());
        state.is_some_and(|state| !"ZXx".contains(state))
    }

    #[track_caller]
    pub fn ends_within(&self, limit: Duration) {
        wait_for("the end of the agent", limit, || !self.is_running());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_running() {
            self.signal(Signal::KILL);
        }
    }
}

/// Where the agent of an environment listens.
pub fn socket(env: &Hermetic) -> PathBuf {
    env.variables().get("MULTICRED_AGENT_SOCK").map_or_else(|| env.path("run/multicred/agent.sock"), PathBuf::from)
}

/// Waits until something holds.
#[track_caller]
pub fn wait_for(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < limit, "waited {limit:?} for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// An agent of a later version, in the test's own process: it knows its own version, and what all know.
pub fn agent_of_tomorrow(env: &Hermetic) -> thread::JoinHandle<()> {
    let folder = env.path("run/multicred");
    fs::create_dir_all(&folder).expect("an agent of tomorrow");
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).expect("an agent of tomorrow");
    let listener = UnixListener::bind(socket(env)).expect("an agent of tomorrow");
    let place = socket(env);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut length = [0; PREFIX];
            while stream.read_exact(&mut length).is_ok() {
                let mut body = vec![0; u32::from_be_bytes(length) as usize];
                stream.read_exact(&mut body).expect("an agent of tomorrow");
                let answer = match Request::read(&body) {
                    Ok(Request::Status) => tomorrows_status(),
                    Ok(Request::Lock) => {
                        reply(ANY_VERSION, Code::Done, &[&3_u32.to_be_bytes(), b"later"]).expect("an agent of tomorrow")
                    }
                    Ok(Request::Stop) => reply(ANY_VERSION, Code::Done, &[]).expect("an agent of tomorrow"),
                    _ => reply(VERSION + 1, Code::OtherVersion, &[b"99.0.0", b"later"]).expect("an agent of tomorrow"),
                };
                stream.write_all(&answer).expect("an agent of tomorrow");
                if matches!(Request::read(&body), Ok(Request::Stop)) {
                    fs::remove_file(&place).expect("an agent of tomorrow");
                    return;
                }
            }
        }
    })
}

fn tomorrows_status() -> zeroize::Zeroizing<Vec<u8>> {
    let version = "99.0.0".to_owned();
    let status = Status {
        pid: 4,
        protocol: VERSION + 1,
        version,
        memory_locked: true,
        idle_limit: 9,
        held: vec![],
        live: vec![],
    };
    let mut fields = status.fields();
    fields.push(b"what a later version adds".to_vec());
    reply(ANY_VERSION, Code::Done, &fields.iter().map(Vec::as_slice).collect::<Vec<_>>()).expect("an agent of tomorrow")
}
