//! How a live session ends, and that nothing gets into it, or out of it, that should not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use crate::moto::server::venv;
use crate::scene::live::{Program, SAYS_AND_WAITS, names_in, session, sessions_of, variables};
use crate::scene::seat::eventually;
use crate::scene::traced;
use crate::scene::{Scene, tree};
use crate::support::agent::{Running, wait_for};

const SOON: Duration = Duration::from_secs(10);

fn reader() -> (Scene, Program, Running) {
    let scene = Scene::with_bobs_roles();
    let program = scene.goes_live("dev/Reader");
    let agent = Running::found(&scene.env);
    (scene, program, agent)
}

#[test]
fn the_end_of_the_program_ends_its_session_and_no_other() {
    let (scene, mut program, agent) = reader();
    let other = scene.goes_live("dev/Reader");
    assert_eq!(names_in(&sessions_of(&agent)).len(), 2);
    program.process.kill();
    wait_for("the end of the session", SOON, || !program.door.is_open());
    assert_eq!(program.door.ask().status, 401, "the port is the other one's too");
    assert!(!program.folder().exists() && !session(&program).lives());
    assert!(other.door.is_open() && session(&other).lives());
    drop(other);
    wait_for("the end of the other", SOON, || names_in(&sessions_of(&agent)).is_empty());
    assert_eq!(program.door.ask().status, 401, "the port stays the agent's, and is nobody else's");
    assert!(agent.is_running());
}

#[test]
fn a_child_that_outlives_its_owner_is_refused() {
    let scene = Scene::with_bobs_roles();
    let script = "(trap '' HUP; exec sleep 600) & echo CHILD=$! | tr '\\n' '\\0'; env -0; printf 'READY\\0'; wait";
    let words = ["exec", "--live", "dev/Reader", "--", "/bin/sh", "-c", script];
    let mut program = crate::scene::live::started(scene.env.command(&words));
    assert!(program.door.is_open());
    program.process.kill();
    wait_for("the end of the session", SOON, || !program.door.is_open());
    let child = program.variables["CHILD"].parse().expect("a pid");
    let child = rustix::process::Pid::from_raw(child).expect("a pid");
    assert!(rustix::process::test_kill_process(child).is_ok(), "it is there still, and has the token");
    rustix::process::kill_process(child, Signal::KILL).expect("an end");
}

#[test]
fn every_way_to_end_it_ends_it() {
    for end in [&["lock"][..], &["agent", "stop"]] {
        let (scene, program, _agent) = reader();
        assert!(program.door.is_open());
        scene.env.run(end).ok();
        assert!(!program.door.is_open(), "{end:?}");
        assert!(!session(&program).lives() && !program.folder().exists(), "{end:?}");
    }
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let (_scene, program, agent) = reader();
        agent.signal(signal);
        agent.ends_within(SOON);
        assert!(!program.door.is_open() && !program.folder().exists(), "{signal:?}");
    }
}

#[test]
fn the_kill_of_the_agent_shows_and_the_next_one_knows_no_former_token() {
    let (scene, program, agent) = reader();
    agent.signal(Signal::KILL);
    agent.ends_within(SOON);
    assert!(!program.door.is_open());
    assert!(program.folder().join("agent").symlink_metadata().is_ok(), "nobody was there to remove it");
    assert!(!session(&program).lives(), "and it leads nowhere");
    let other = scene.goes_live("dev/Reader");
    assert_eq!(names_in(&sessions_of(&agent)).len(), 1, "what was left behind is gone");
    assert!(!program.folder().exists());
    // Whatever port it has.
    assert_eq!(other.door.showing(&program.door.token).ask().status, 401);
    let next = Running::found(&scene.env);
    assert_eq!(next.client().status().expect("an agent").live.len(), 1);
}

#[test]
fn what_is_in_the_folder_and_is_no_session_stays() {
    let (scene, program, agent) = reader();
    let folder = sessions_of(&agent);
    agent.signal(Signal::KILL);
    agent.ends_within(SOON);
    let own = folder.join("notes of the person");
    fs::write(&own, "x").unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("precious"), "x").unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), folder.join("4711-abcdefabcdef")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("precious"), program.folder().join("link")).unwrap();
    let env = &scene.env;
    let next = Running::start(env);
    assert_eq!(names_in(&folder), ["notes of the person"]);
    assert!(elsewhere.path().join("precious").exists());
    next.signal(Signal::KILL);
    next.ends_within(SOON);
    // Not even where the whole folder is a link to another one.
    fs::remove_dir_all(&folder).unwrap();
    fs::create_dir(elsewhere.path().join("4711-abcdefabcdef")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), &folder).unwrap();
    drop(Running::start(env));
    assert_eq!(names_in(elsewhere.path()), ["4711-abcdefabcdef", "precious"]);
    env.run(&["exec", "--live", "dev/Reader", "--", "true"]).code(1).stderr_has("it is not a folder of yours alone");
}

#[test]
fn an_sdk_that_has_the_credential_works_on_when_the_agent_is_gone() {
    let scene = Scene::with_bobs_roles();
    let script = "
import boto3, sys
sts = boto3.client('sts', region_name='us-east-1')
print(sts.get_caller_identity()['Arn'], flush=True)
sys.stdin.readline()
print(sts.get_caller_identity()['Arn'].upper(), flush=True)
";
    let words = ["exec", "--live", "dev/Reader", "--", &venv("python"), "-c", script];
    let mut program = scene.env.command(&words).stdin("").spawn();
    program.wait_for_stdout("assumed-role/Reader/");
    Running::found(&scene.env).signal(Signal::KILL);
    program.write("\n");
    program.end().ok().stdout_has("ASSUMED-ROLE/READER/");
}

#[test]
fn neither_token_nor_credential_is_anywhere_but_in_the_programs_environment() {
    let scene = Scene::with_bobs_roles();
    let log = scene.env.path("trace");
    let words = ["-f", "-qq", "-s", "4096", "-e", "signal=none", "-e", "trace=execve", "-o"];
    let words = [&words[..], &[log.to_str().unwrap(), scene.env.binary().to_str().unwrap()]].concat();
    // The agent of this scene is traced, and what it starts.
    let traced = scene.env.program("strace", &[&words[..], &["agent", "start", "--foreground"]].concat());
    let mut agent = traced.spawn();
    agent.wait_for_stderr("listens at");
    let until = jiff::Timestamp::from_second(scene.sts.now() + 4).unwrap().to_string();
    scene.sts.fault_once("AssumeRole", crate::support::sts::Fault::set_field("Expiration", &until));
    let program = scene.goes_live("dev/Reader");
    let first = program.door.ask().key();
    wait_for("a renewal", Duration::from_secs(20), || program.door.ask().key() != first);
    let traced = fs::read_to_string(&log).unwrap();
    assert!(traced.contains("\"fetch\""), "{traced}");
    let mut secrets = scene.secrets();
    secrets.push(program.door.token.clone());
    secrets.push(program.door.token.split_once('.').unwrap().1.to_owned());
    let told = [traced, fs::read_to_string(scene.env.store().with_file_name("history.jsonl")).unwrap_or_default()];
    for secret in &secrets {
        assert!(told.iter().all(|text| !text.contains(secret)), "it was told");
    }
    fs::remove_file(&log).unwrap();
    tree::assert_sealed(scene.env.home(), &secrets);
    // argv of whoever runs.
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).into_owned();
        assert!(secrets.iter().all(|secret| !words.contains(secret.as_str())), "{words}");
    }
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777;
    let folder = program.folder();
    assert_eq!((mode(&folder), mode(folder.parent().unwrap())), (0o700, 0o700));
    for file in ["config", "credentials"] {
        assert_eq!(mode(&folder.join(file)), 0o400, "{file}");
    }
    assert_eq!(names_in(&folder), ["agent", "config", "credentials"]);
    // Stopped before strace, which would have it go on alone.
    scene.env.run(&["agent", "stop"]).ok();
    agent.end();
}

#[test]
fn where_the_stand_ins_cannot_be_written_there_is_no_session() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["agent", "start"]).ok();
    let agent = Running::found(&scene.env);
    let words = ["exec", "--live", "dev/Reader", "--", "/bin/true"];
    let set = "openat,write,rename,renameat,renameat2";
    // What is kept is kept from then on.
    for _ in 0..2 {
        scene.env.run(&words).ok();
    }
    let (output, calls) = traced::run_tracing(&scene.env, &words, None, &[], set);
    output.ok();
    let place = calls.iter().position(|call| call.line.contains("agent.sock.live")).expect("a file of the session's");
    let written = calls[place..].iter().find(|call| call.name == "write").expect("a stand-in that is written");
    for (call, error) in [(&calls[place], "EACCES"), (&calls[place], "ENOSPC"), (written, "ENOSPC")] {
        let (output, _) = traced::run_tracing(&scene.env, &words, None, &[traced::fail_at(call, error)], set);
        output.code(1).stderr_has("the stand-ins of the AWS files cannot be written to");
        assert!(eventually(|| names_in(&sessions_of(&agent)).is_empty()), "the session was closed again");
        assert!(agent.client().status().expect("an agent").live.is_empty());
    }
}

#[test]
fn an_environment_of_more_than_a_megabyte_is_no_hindrance() {
    let scene = Scene::with_bobs_roles();
    let mut command = scene.env.command(&[&["exec", "--live", "dev/Reader", "--"], &SAYS_AND_WAITS[..]].concat());
    for number in 0..12 {
        command = command.set(&format!("BIG_{number}"), "x".repeat(120_000));
    }
    let mut program = command.set("HOSTILE", "\u{1b}[31m\n'\"$(false)\u{9b}").spawn();
    let told = variables(&program.wait_for_stdout("READY\0"));
    assert_eq!((told["BIG_11"].len(), told["HOSTILE"].as_str()), (120_000, "\u{1b}[31m\n'\"$(false)\u{9b}"));
    assert!(crate::scene::live::Door::of(&told).is_open());
}
