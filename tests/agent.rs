//! The life of an agent: one a socket, started when it answers, gone when it is said to be.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use multicred::agent::{Agent, AgentError};
use rustix::process::Signal;
use serde_json::json;

use crate::support::agent::{Running, STORE, socket, wait_for};
use crate::support::env::Hermetic;

const SOON: Duration = Duration::from_secs(10);

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_start_returns_when_the_agent_can_be_asked_and_prints_its_pid() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let status = agent.client().status().unwrap();
    assert_eq!((status.pid, status.held.len()), (agent.pid(), 0));
    assert_eq!(status.idle_limit, 8 * 3600, "the default");
    assert!(status.memory_locked);
}

#[test]
fn a_second_start_finds_the_first_agent() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let again = env.run(&["agent", "start"]);
    again.ok().stdout_is(&format!("{}\n", agent.pid())).stderr_has("an agent runs already");
    let json = env.run(&["agent", "start", "--json"]).ok().json();
    let place = socket(&env).display().to_string();
    assert_eq!(json, json!({ "pid": agent.pid(), "socket": place, "ran_already": true }));
}

#[test]
fn ten_starts_at_once_make_one_agent() {
    for _ in 0..5 {
        let env = Hermetic::new();
        let starts: Vec<_> = (0..10).map(|_| env.spawn(&["agent", "start"])).collect();
        let outputs: Vec<_> = starts.into_iter().map(crate::support::env::Background::end).collect();
        let pid: u32 = outputs[0].stdout.trim().parse().unwrap();
        let agent = Running::with_pid(&env, pid);
        for output in &outputs {
            output.ok().stdout_is(&format!("{pid}\n"));
        }
        let starters = outputs.iter().filter(|output| !output.stderr.contains("runs already")).count();
        assert_eq!(starters, 1, "one started it, the others found it");
        assert_eq!(agent.client().status().unwrap().pid, pid);
    }
}

#[test]
fn the_socket_of_an_agent_that_was_killed_is_replaced() {
    let env = Hermetic::new();
    let dead = Running::start(&env);
    dead.signal(Signal::KILL);
    dead.ends_within(SOON);
    assert!(socket(&env).exists(), "it had no time to remove it");
    assert!(matches!(Agent::connect(&socket(&env)), Ok(None)));
    env.run(&["agent", "status"]).code(1).stderr_has("no agent runs");
    let agent = Running::start(&env);
    assert_ne!(agent.pid(), dead.pid());
    assert_eq!(agent.client().status().unwrap().pid, agent.pid());
}

#[test]
fn only_its_user_can_reach_the_socket() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    assert!(fs::symlink_metadata(agent.socket()).unwrap().file_type().is_socket());
    let folder = agent.socket().parent().unwrap();
    assert_eq!([mode(agent.socket()), mode(&folder.join("agent.sock.lock")), mode(folder)], [0o600, 0o600, 0o700]);
    assert_eq!(fs::read_dir(folder).unwrap().count(), 2, "nothing else is there");
}

#[test]
fn a_folder_that_others_can_enter_is_refused_and_left_as_it_is() {
    let env = Hermetic::new();
    let folder = env.path("run/multicred");
    fs::create_dir(&folder).unwrap();
    for loose in [0o701, 0o710, 0o755, 0o1777] {
        fs::set_permissions(&folder, Permissions::from_mode(loose)).unwrap();
        let refused = env.run(&["agent", "start"]);
        refused.code(1).stderr_has("others may enter it").stderr_has("chmod 700");
        assert_eq!(mode(&folder), loose);
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn what_is_no_socket_is_not_touched() {
    for name in ["notes", "notes.new"] {
        let mut env = Hermetic::new();
        env.write(&format!("run/mine/{name}"), "precious");
        env.set("MULTICRED_AGENT_SOCK", env.path("run/mine/notes").display().to_string());
        env.run(&["agent", "start"]).code(1).stderr_has("something else is there");
        assert_eq!(fs::read_to_string(env.path("run/mine").join(name)).unwrap(), "precious");
    }
}

#[test]
fn a_start_does_not_wait_for_ever_for_one_that_neither_listens_nor_ends() {
    let env = Hermetic::new();
    Running::start(&env);
    wait_for("its end", SOON, || Agent::connect(&socket(&env)).unwrap().is_none());
    let lock = env.path("run/multicred/agent.sock.lock").display().to_string();
    let script = "exec 9>>\"$0\"; flock 9; exec sleep 30";
    let mut holder = env.program("bash", &["--norc", "-c", script, &lock]).spawn();
    wait_for("its lock", SOON, || env.program("flock", &["--nonblock", &lock, "true"]).run().status == 1);
    let start = Instant::now();
    env.run(&["agent", "start"]).code(1).stderr_has("keeps it, and is mute");
    assert!(start.elapsed() < SOON);
    holder.kill();
}

#[test]
fn the_socket_is_where_the_variable_says() {
    let mut env = Hermetic::new();
    env.set("MULTICRED_AGENT_SOCK", env.path("deep/in/here/a.sock").display().to_string());
    let agent = Running::start(&env);
    assert_eq!(mode(&env.path("deep/in/here/a.sock")), 0o600);
    assert_eq!(mode(&env.path("deep")), 0o700);
    assert_eq!(agent.client().status().unwrap().pid, agent.pid());
    assert!(!env.path("run/multicred").exists());
}

#[test]
fn a_socket_that_cannot_be_is_refused_with_its_reason() {
    let env = Hermetic::new();
    let too_long = env.path("x".repeat(120)).display().to_string();
    for (place, reason) in [("relative/a.sock", "absolute"), (&*too_long, "too long"), ("/proc/a.sock", "a.sock")] {
        for command in [&["agent", "start"][..], &["agent", "status"], &["agent", "stop"], &["lock"]] {
            let output = env.command(command).set("MULTICRED_AGENT_SOCK", place).run();
            if place == "/proc/a.sock" && command != ["agent", "start"] {
                continue;
            }
            output.code(1).stderr_has("MULTICRED_AGENT_SOCK").stderr_has(if place == "/proc/a.sock" {
                "/proc"
            } else {
                reason
            });
        }
    }
}

#[test]
fn a_program_that_is_no_agent_is_not_taken_for_one() {
    let env = Hermetic::new();
    let folder = env.path("run/multicred");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    let listener = UnixListener::bind(socket(&env)).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 64]).and_then(|_| stream.write_all(b"SSH-2.0-OpenSSH\r\n\r\n"));
        }
    });
    for command in [&["agent", "start"][..], &["agent", "status"], &["agent", "stop"], &["lock"]] {
        env.run(command).code(1).stderr_has("does not speak its language");
    }
}

#[test]
fn a_stop_returns_when_the_agent_is_gone() {
    let env = Hermetic::new();
    for _ in 0..10 {
        let agent = Running::start(&env);
        env.run(&["agent", "stop"]).ok().stdout_is("").stderr_is("");
        // What is left is for init to reap.
        agent.ends_within(Duration::from_millis(50));
        assert!(!socket(&env).exists());
    }
    env.run(&["agent", "stop"]).ok().stderr_has("no agent runs");
    assert_eq!(env.run(&["agent", "stop", "--json"]).ok().json(), json!({ "stopped": false }));
}

#[test]
fn every_signal_that_ends_a_process_ends_it_cleanly() {
    let env = Hermetic::new();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let agent = Running::start(&env);
        agent.holding_a_key();
        agent.signal(signal);
        agent.ends_within(SOON);
        assert!(!socket(&env).exists(), "{signal:?}");
    }
}

#[test]
fn an_agent_whose_socket_is_gone_ends_and_leaves_the_new_one_alone() {
    let env = Hermetic::new();
    let first = Running::start(&env);
    fs::remove_file(socket(&env)).unwrap();
    first.ends_within(SOON);
    let second = Running::start(&env);
    fs::remove_file(socket(&env)).unwrap();
    fs::remove_file(env.path("run/multicred/agent.sock.lock")).unwrap();
    let third = Running::start(&env);
    second.ends_within(SOON);
    assert_eq!(third.client().status().unwrap().pid, third.pid());
}

#[test]
fn a_start_while_the_last_agent_ends_has_a_new_one() {
    let env = Hermetic::new();
    let mut pids = Vec::new();
    for _ in 0..10 {
        let old = Running::start(&env);
        old.signal(Signal::TERM);
        let new = Running::start(&env);
        // The old one may have been found before it heard of its end.
        if new.pid() != old.pid() {
            assert_eq!(new.client().status().unwrap().pid, new.pid());
        }
        old.ends_within(SOON);
        new.signal(Signal::TERM);
        new.ends_within(SOON);
        pids.extend([old.pid(), new.pid()]);
    }
    pids.dedup();
    assert!(pids.len() > 10, "{pids:?}");
}

#[test]
fn a_stopped_agent_makes_nobody_wait_for_ever() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    agent.signal(Signal::STOP);
    let start = Instant::now();
    assert_eq!(agent.client().status(), Err(AgentError::Silent { waited: 5 }));
    env.run(&["agent", "status"]).code(1).stderr_has("does not answer");
    assert!(start.elapsed() < Duration::from_secs(15));
    agent.signal(Signal::CONT);
    assert_eq!(agent.client().status().unwrap().pid, agent.pid());
}

#[test]
fn an_agent_has_nothing_of_the_shell_that_started_it() {
    let env = Hermetic::new();
    let script = "exec 7>held 8<>/dev/null 12>>held; flock 7; multicred agent start";
    let command = env.program("bash", &["--norc", "-c", script]).set("AWS_SECRET_ACCESS_KEY", "hush").set("LANG", "C");
    let agent = Running::started_by(&env, command);
    let environ = String::from_utf8(agent.proc("environ")).unwrap();
    let mut names: Vec<&str> = environ.split('\0').filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    names.retain(|name| !name.is_empty() && !name.starts_with("XDG_"));
    assert_eq!(names, ["HOME", "LANG", "MULTICRED_AGENT_SOCK", "PATH"]);
    let at = |link: &str| fs::read_link(format!("/proc/{}/{link}", agent.pid())).unwrap();
    assert_eq!(at("cwd"), Path::new("/"));
    for stream in ["fd/0", "fd/1", "fd/2"] {
        assert_eq!(at(stream), Path::new("/dev/null"));
    }
    let descriptors = fs::read_dir(format!("/proc/{}/fd", agent.pid())).unwrap().flatten();
    let targets: Vec<_> = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok()).collect();
    assert!(targets.iter().all(|target| !target.ends_with("held")), "{targets:?}");
    env.program("flock", &["--nonblock", "held", "true"]).run().ok();
    let stat = String::from_utf8(agent.proc("stat")).unwrap();
    let after_name: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let pid = agent.pid().to_string();
    assert_ne!(after_name[3], pid, "a leader of a session could get itself a terminal");
    assert_eq!(after_name[4], "0", "no terminal");
}

#[test]
fn an_agent_in_the_foreground_is_one_like_any_other() {
    let mut env = Hermetic::new();
    env.write("config/multicred/config.toml", "[agent]\nidle = \"90m\"\n");
    let mut here = env.spawn(&["agent", "start", "--foreground"]);
    here.wait_for_stderr("listens at");
    let agent = Running::with_pid(&env, here.pid());
    assert_eq!(agent.client().status().unwrap().idle_limit, 5400, "as the settings say");
    env.run(&["agent", "start", "--foreground"]).ok().stdout_is(&format!("{}\n", here.pid()));
    env.run(&["agent", "stop"]).ok();
    here.end().ok().stdout_is("");
}

#[test]
fn a_setting_that_cannot_be_followed_is_told_by_the_start() {
    let mut env = Hermetic::new();
    env.write("config/multicred/config.toml", "[agent]\nidle = \"0\"\n");
    env.run(&["agent", "start"]).code(2).stderr_has("agent.idle").stderr_has("config.toml:2");
    env.run(&["agent", "status"]).code(1).stderr_has("no agent runs");
}

#[test]
fn the_status_tells_what_is_held_and_never_how() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    agent.holding_a_key();
    let printed = env.run(&["agent", "status", "--json"]).ok().json();
    assert_eq!((&printed["running"], &printed["pid"]), (&json!(true), &json!(agent.pid())));
    let store = printed["stores"][0].clone();
    let id = "612073746f72652773206964";
    assert_eq!((STORE, &store["store_id"]), (&b"a store's id"[..], &json!(id)));
    assert_eq!(store["key_epoch"], json!(1));
    let left = store["idle_seconds_left"].as_u64().unwrap();
    assert!((8 * 3600 - 60..=8 * 3600).contains(&left), "{left}");
    env.run(&["agent", "status"]).ok().stdout_has(id).stdout_has("480 min").nowhere("a key that is nobody's");
    env.run(&["agent", "stop"]).ok();
    let none = env.run(&["agent", "status", "--json"]);
    let printed = none.code(1).json();
    assert_eq!((&printed["running"], &printed["pid"], &printed["stores"]), (&json!(false), &json!(null), &json!([])));
    none.stderr_has("no agent runs").stderr_has("multicred agent start");
}

#[test]
fn the_agent_stays_small() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let mut client = agent.holding_a_key();
    let record = vec![7; 1024 * 1024];
    let sealed = client.seal(STORE, 1, b"a file", &record).unwrap();
    assert_eq!(*client.unseal(STORE, 1, b"a file", &sealed).unwrap(), record);
    drop(client);
    // Pages of the program's own file are shared, and a build for tests has more of them.
    wait_for("memory to be given back", SOON, || agent.kilobytes("RssAnon") < 6 * 1024);
}
