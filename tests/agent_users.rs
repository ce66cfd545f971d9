//! Who an agent serves: the processes of its own user, and not even those see into it.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use multicred::agent::protocol::Request;
use multicred::agent::{Agent, AgentError};

use crate::scene::Scene;
use crate::support::agent::{Running, socket};
use crate::support::env::{Hermetic, Output};

/// `nobody`
const OTHER: u32 = 65534;

/// Only root can become somebody else, which is what these tests are about.
#[track_caller]
fn needs_root() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
}

/// Runs a program as another user.
#[track_caller]
fn as_other(env: &Hermetic, words: &[&str]) -> Output {
    let user = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"];
    env.program("setpriv", &[&user[..], words].concat()).folder("/").run()
}

/// A copy of the program that every user can run, whatever the folder of the build.
fn program_for_all(env: &Hermetic) -> PathBuf {
    let program = env.path("multicred");
    fs::copy(env.binary(), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    program
}

/// Lets everybody through to a path, as if its owner had been careless.
fn open_the_way(env: &Hermetic, path: &Path) {
    for folder in
        path.ancestors().skip(1).take_while(|folder| *folder != Path::new("/tmp") && *folder != Path::new("/"))
    {
        if folder.starts_with(env.home().parent().unwrap()) {
            fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
        }
    }
}

/// Asks for the status as a stranger would, and says what came back.
const STRANGER: &str = "
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
try:
    s.sendall(bytes([0, 0, 0, 2, 0, 1]))
    print('answer', len(s.recv(100)))
except (BrokenPipeError, ConnectionResetError):
    print('answer 0')
";

#[test]
fn another_user_gets_no_answer_even_where_the_files_let_him_in() {
    needs_root();
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let place = agent.socket().to_str().unwrap();
    open_the_way(&env, agent.socket());
    let kept_out = as_other(&env, &["python3", "-c", STRANGER, place]);
    kept_out.code(1).stderr_has("PermissionError");
    fs::set_permissions(agent.socket(), Permissions::from_mode(0o666)).unwrap();
    as_other(&env, &["python3", "-c", STRANGER, place]).ok().stdout_is("answer 0\n");
    let as_owner = env.program("python3", &["-c", STRANGER, place]).run();
    as_owner.ok().holds(as_owner.stdout != "answer 0\n", "an answer for the owner");
}

/// Asks at a port without a token, as a stranger would.
const PASSER_BY: &str = "
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 10)
s.sendall(b'GET / HTTP/1.1\\r\\nHost: 127.0.0.1:' + sys.argv[1].encode() + b'\\r\\nConnection: close\\r\\n\\r\\n')
print(s.makefile().readline().split()[1])
";

#[test]
fn another_user_gets_nothing_out_of_a_live_session() {
    needs_root();
    let scene = Scene::with_bobs_roles();
    let program = scene.goes_live("dev/Reader");
    let (folder, port) = (program.folder(), program.door.address.port().to_string());
    open_the_way(&scene.env, &folder);
    for place in [folder.join("config"), folder.join("agent")] {
        let kept_out = as_other(&scene.env, &["cat", place.to_str().unwrap()]);
        kept_out.code(1).stderr_has("Permission denied");
    }
    let environment = format!("/proc/{}/environ", program.process.pid());
    as_other(&scene.env, &["cat", &environment]).code(1).stderr_has("Permission denied");
    as_other(&scene.env, &["python3", "-c", PASSER_BY, &port]).ok().stdout_is("401\n");
    assert!(program.door.is_open());
}

#[test]
fn a_caller_gives_no_key_to_the_agent_of_another_user() {
    needs_root();
    let env = Hermetic::new();
    let (agent, folder) = agent_of_other(&env);
    let place = folder.join("agent.sock");
    let error = Agent::connect(&place).map(|agent| agent.is_some());
    assert_eq!(error, Err(AgentError::NotOurs { path: place.display().to_string(), uid: OTHER }));
    for command in [&["agent", "status"][..], &["agent", "stop"], &["agent", "start"], &["lock"]] {
        let output = env.command(command).set("MULTICRED_AGENT_SOCK", place.to_str().unwrap()).run();
        output.code(1).stderr_has("belongs to a process of user 65534");
    }
    // Root gets through to the socket: it is the agent that hangs up.
    let mut stream = std::os::unix::net::UnixStream::connect(&place).unwrap();
    let _ = stream.write_all(&Request::Status.frame().unwrap());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(answer, b"");
    assert!(agent.is_running());
}

/// An agent of another user, in a folder of theirs.
fn agent_of_other(env: &Hermetic) -> (Running, PathBuf) {
    let program = program_for_all(env);
    let folder = env.path("of-other");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    chown(&folder, Some(OTHER), Some(OTHER)).unwrap();
    open_the_way(env, &folder);
    let place = format!("MULTICRED_AGENT_SOCK={}", folder.join("agent.sock").display());
    let home = format!("HOME={}", folder.display());
    let clean = ["env", "--ignore-environment", &home, &place];
    let started = as_other(env, &[&clean[..], &[program.to_str().unwrap(), "agent", "start"]].concat());
    let pid = started.ok().stdout.trim().parse().unwrap();
    (Running::with_pid(env, pid), folder)
}

#[test]
fn no_process_of_the_same_user_sees_into_an_agent() {
    needs_root();
    let env = Hermetic::new();
    let (agent, _) = agent_of_other(&env);
    let of = |file: &str| format!("/proc/{}/{file}", agent.pid());
    for file in ["mem", "environ", "maps", "auxv"] {
        let read = as_other(&env, &["dd", &format!("if={}", of(file)), "of=/dev/null", "count=1"]);
        read.code(1).stderr_has("Permission denied");
    }
    let entered = as_other(&env, &["ls", &of("fd/")]);
    entered.holds(entered.status != 0, "no way into its descriptors");
    let visible = as_other(&env, &["cat", &of("cmdline")]);
    visible.ok().stdout_has("agent").nowhere("hush");
    let limits = String::from_utf8(agent.proc("limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
}

#[test]
fn a_folder_of_another_user_is_refused() {
    needs_root();
    let env = Hermetic::new();
    let folder = env.path("run/multicred");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    chown(&folder, Some(OTHER), Some(OTHER)).unwrap();
    env.run(&["agent", "start"]).code(1).stderr_has("it is not a folder of yours");
    assert!(!socket(&env).exists());
}
