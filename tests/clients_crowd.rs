//! Many programs with an AWS SDK, which all want the same credential at the same moment, before there is one.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::scene::Scene;
use crate::support::env::Background;

const CROWD: usize = 100;

/// Two hops down from bob; also the profile that sync writes.
const WRITER: &str = "dev/Writer";

/// boto3 is loaded before the word is given: then nothing but the credential is left to be done.
const SDK: &str = "\
import boto3, sys
session = boto3.Session(profile_name=sys.argv[1])
print('ready', flush=True)
sys.stdin.readline()
key = session.get_credentials().get_frozen_credentials()
print(key.access_key, key.secret_key, key.token)
";

fn crowd(scene: &Scene) -> Vec<Background> {
    let python = crate::moto::server::venv("python");
    let start = || scene.env.program(&python, &["-c", SDK, WRITER]).stdin("").spawn();
    let mut crowd: Vec<Background> = (0..CROWD).map(|_| start()).collect();
    for program in &mut crowd {
        program.wait_for_stdout("ready");
    }
    crowd
}

/// Whether a program has started its credential process.
fn asks(program: &Background) -> bool {
    let pid = program.pid();
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).is_ok_and(|children| !children.is_empty())
}

/// Waits until all ask, but not until multicred would take AWS for dead and try again.
fn wait_until_all_ask(crowd: &[Background]) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !crowd.iter().all(asks) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_hundred_programs_with_an_sdk_and_a_cold_credential_process_cause_one_call_a_hop() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["sync", WRITER]).ok();
    let mut crowd = crowd(&scene);
    scene.sts.clear_calls();
    let gate = scene.sts.gate("AssumeRole");
    for program in &mut crowd {
        program.write("now\n");
    }
    wait_until_all_ask(&crowd);
    gate.open();
    let outputs: Vec<_> = crowd.into_iter().map(Background::end).collect();
    let credentials: BTreeSet<&str> = outputs.iter().map(|output| output.ok().stdout.as_str()).collect();
    assert_eq!(credentials.len(), 1, "{credentials:?}");
    let roles: Vec<String> = scene.sts.calls().iter().map(|call| call.param("RoleArn").to_owned()).collect();
    assert_eq!(roles.len(), 2, "{roles:?}");
    assert!(roles[0].ends_with("role/Reader") && roles[1].ends_with("role/Writer"), "{roles:?}");
}
