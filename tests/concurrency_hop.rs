//! Many processes, one hop: one call, one credential, however the one that calls ends.

use std::collections::BTreeSet;

use rustix::process::{Pid, Signal, kill_process};

use crate::scene::seat::{Ended, Seat, eventually, wait_for_holder};
use crate::scene::{PATIENCE, Scene, key_in_code, traced};
use crate::support::env::Background;
use crate::support::sts::Fault;

const CROWD: usize = 50;
const FEW: usize = 12;
const BECOME_READER: [&str; 4] = ["as", "--shell", "bash", "dev/Reader"];

#[track_caller]
fn only_key(outputs: &[String]) -> String {
    let keys: BTreeSet<&str> = outputs.iter().map(|code| key_in_code(code).expect("code with a key")).collect();
    assert_eq!(keys.len(), 1, "several credentials: {keys:?}");
    keys.into_iter().next().unwrap_or_default().to_owned()
}

#[track_caller]
fn all_succeed(crowd: Vec<Seat>) -> Vec<String> {
    let ended: Vec<Ended> = crowd.into_iter().map(Seat::end).collect();
    for ended in &ended {
        assert_eq!(ended.status, 0, "{ended:?}");
    }
    ended.into_iter().map(|ended| ended.stdout).collect()
}

/// Waits until the process is stopped, or runs again.
fn wait_for_state(pid: u32, stopped: bool) {
    let is_so = eventually(|| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T') == stopped)
    });
    assert!(is_so, "process {pid} is not in the state that was asked for");
}

fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a pid");
    kill_process(pid, signal).expect("a process to signal");
}

#[test]
fn fifty_processes_that_need_no_code_cause_one_call_and_get_one_credential() {
    let scene = Scene::with_bobs_roles();
    let processes: Vec<Background> = (0..CROWD).map(|_| scene.env.spawn(&BECOME_READER)).collect();
    let outputs: Vec<String> = processes.into_iter().map(|process| process.end().ok().stdout.clone()).collect();
    only_key(&outputs);
    assert_eq!(scene.sts.count("AssumeRole"), 1);
    assert_eq!(scene.sts.count("GetSessionToken"), 0);
}

#[test]
fn two_hops_for_fifty_processes_are_two_calls() {
    let scene = Scene::with_bobs_roles();
    let processes: Vec<Background> =
        (0..CROWD).map(|_| scene.env.spawn(&["as", "--shell", "bash", "dev/Writer"])).collect();
    let outputs: Vec<String> = processes.into_iter().map(|process| process.end().ok().stdout.clone()).collect();
    only_key(&outputs);
    assert_eq!(scene.sts.count("AssumeRole"), 2);
}

#[test]
fn where_the_one_that_calls_is_killed_while_aws_thinks_another_takes_over() {
    let scene = Scene::with_bobs_roles();
    let gate = scene.sts.gate("AssumeRole");
    let mut crowd = Seat::crowd(&scene.env, FEW, &BECOME_READER);
    let holder = wait_for_holder(&crowd);
    crowd[holder].kill();
    let dead = crowd.remove(holder);
    assert_ne!(dead.end().status, 0);
    assert!(gate.wait_held(2, PATIENCE), "nobody took over");
    gate.open();
    only_key(&all_succeed(crowd));
    assert_eq!(scene.sts.count("AssumeRole"), 2, "the dead one's, and one for all the others");
}

/// A read from a socket that brought bytes. (Which, only root may see: the program lets nobody read its memory.)
fn is_answer(call: &traced::SystemCall) -> bool {
    let result = call.line.rsplit("= ").next().and_then(|text| text.trim().parse::<i64>().ok());
    call.name == "recvfrom" && result.is_some_and(|bytes| bytes > 0)
}

/// The moment is found by a trace of the same command in the same state: the first write to the store that follows
/// AWS's answer.
#[test]
fn where_the_one_that_calls_is_killed_between_the_answer_and_the_commit_one_more_call_serves_all() {
    let scene = Scene::with_bobs_roles();
    let set = format!("{},recvfrom", traced::WRITING);
    let twin = Scene::with_bobs_roles();
    let (output, calls) = traced::run_tracing(&twin.env, &BECOME_READER, None, &[], &set);
    output.ok();
    let answer = calls.iter().position(is_answer).expect("AWS's answer in the trace");
    let commit = calls[answer..].iter().find(|call| call.name == "pwrite64").expect("a write to the store");
    let gate = scene.sts.gate("AssumeRole");
    std::thread::scope(|threads| {
        let doomed = threads.spawn(|| traced::run(&scene.env, &BECOME_READER, None, &[traced::kill_at(commit)]).0);
        assert!(gate.wait_held(1, PATIENCE), "no call arrived");
        let crowd = Seat::crowd(&scene.env, FEW, &BECOME_READER);
        for seat in &crowd {
            seat.wait_for("waiting for process");
        }
        gate.open();
        doomed.join().expect("a traced run").code(128 + 9);
        only_key(&all_succeed(crowd));
    });
    assert_eq!(scene.sts.count("AssumeRole"), 2, "the dead one's, and one for all the others");
}

#[test]
fn waiters_give_up_on_a_stopped_process_in_bounded_time_and_name_it() {
    let scene = Scene::with_bobs_roles();
    let gate = scene.sts.gate("AssumeRole");
    let mut stopped = scene.env.spawn(&BECOME_READER);
    assert!(gate.wait_held(1, PATIENCE), "no call arrived");
    signal(stopped.pid(), Signal::STOP);
    wait_for_state(stopped.pid(), true);
    let waiters: Vec<Background> = (0..FEW).map(|_| scene.env.spawn(&BECOME_READER)).collect();
    for waiter in waiters {
        let output = waiter.end_within(PATIENCE);
        output.code(1).stdout_is("").stderr_has(&format!("process {}", stopped.pid())).stderr_has("dev/Reader");
    }
    assert_eq!(scene.sts.count("AssumeRole"), 1, "nobody called beside the stopped one");
    gate.open();
    assert!(stopped.is_running());
    signal(stopped.pid(), Signal::CONT);
    let outputs = vec![stopped.end().ok().stdout.clone(), scene.become_in_bash("dev/Reader").ok().stdout.clone()];
    only_key(&outputs);
}

#[test]
fn a_hop_that_failed_is_told_to_those_who_waited_and_each_ends_as_the_one_that_called() {
    let refused = ("AccessDenied", Fault::refuse(403, "AccessDenied", "not you"), 5, 1);
    let throttled = ("Throttling", Fault::throttle(), 6, 3);
    let broken = ("InternalFailure", Fault::internal_failure(), 6, 3);
    let garbage = ("cannot be used", Fault::garbage(), 6, 3);
    for (says, fault, code, most_calls) in [refused, throttled, broken, garbage] {
        let scene = Scene::with_bobs_roles();
        scene.sts.fault_always("AssumeRole", fault);
        let gate = scene.sts.gate("AssumeRole");
        let crowd = Seat::crowd(&scene.env, FEW, &BECOME_READER);
        wait_for_holder(&crowd);
        gate.open();
        for ended in crowd.into_iter().map(Seat::end) {
            assert_eq!(ended.status, code, "{says}: {ended:?}");
            assert_eq!(ended.stdout, "", "{says}");
            assert!(ended.screen.contains(says), "{says}: {ended:?}");
        }
        let calls = scene.sts.count("AssumeRole");
        assert!((1..=most_calls).contains(&calls), "{says}: {calls} calls");
    }
}

#[test]
fn who_comes_after_a_failure_tries_again() {
    let scene = Scene::with_bobs_roles();
    scene.sts.fault_once("AssumeRole", Fault::refuse(403, "AccessDenied", "not yet"));
    scene.become_in_bash("dev/Reader").code(5);
    scene.become_in_bash("dev/Reader").ok();
    assert_eq!(scene.sts.count("AssumeRole"), 2);
}

/// The failure is news only as long as nobody did better since.
#[test]
fn a_waiter_takes_the_credential_that_is_there_rather_than_an_old_failure() {
    let scene = Scene::with_bobs_roles();
    let gate = scene.sts.gate("AssumeRole");
    scene.sts.fault_once("AssumeRole", Fault::refuse(403, "AccessDenied", "not yet"));
    let first = scene.env.spawn(&BECOME_READER);
    assert!(gate.wait_held(1, PATIENCE), "no call arrived");
    let waiter = Seat::take(&scene.env, &BECOME_READER);
    waiter.wait_for("waiting for process");
    signal(waiter.pid(), Signal::STOP);
    wait_for_state(waiter.pid(), true);
    gate.open();
    first.end().code(5);
    let better = scene.become_in_bash("dev/Reader").ok().stdout.clone();
    signal(waiter.pid(), Signal::CONT);
    let outputs = all_succeed(vec![waiter]);
    only_key(&[better, outputs.concat()]);
    assert_eq!(scene.sts.count("AssumeRole"), 2);
}

#[test]
fn renewals_at_once_are_one_call() {
    let scene = Scene::with_bobs_roles();
    let before = scene.become_in_bash("dev/Reader").ok().stdout.clone();
    let second = scene.sts.now();
    assert!(eventually(|| scene.sts.now() > second));
    scene.sts.clear_calls();
    let gate = scene.sts.gate("AssumeRole");
    let crowd = Seat::crowd(&scene.env, FEW, &["as", "--shell", "bash", "--renew", "dev/Reader"]);
    wait_for_holder(&crowd);
    gate.open();
    let new = only_key(&all_succeed(crowd));
    assert_ne!(Some(new.as_str()), key_in_code(&before));
    assert_eq!(scene.sts.count("AssumeRole"), 1);
}

/// A credential of the same second is not a new one.
#[test]
fn a_renewal_within_the_second_of_the_switch_gives_a_new_credential() {
    let scene = Scene::with_bobs_roles();
    let second = scene.sts.now();
    assert!(eventually(|| scene.sts.now() > second));
    let before = scene.become_in_bash("dev/Reader").ok().stdout.clone();
    let after = scene.env.run(&["as", "--shell", "bash", "--renew", "dev/Reader"]).ok().stdout.clone();
    assert_ne!(key_in_code(&before), key_in_code(&after));
    assert_eq!(scene.sts.count("AssumeRole"), 2);
}

/// Lock files may outlive a boot, and the boot's clock begins anew.
#[test]
fn a_failure_of_an_earlier_boot_is_no_news() {
    let scene = Scene::with_bobs_roles();
    scene.sts.fault_once("AssumeRole", Fault::refuse(403, "AccessDenied", "not yet"));
    scene.become_in_bash("dev/Reader").code(5);
    let locks = std::fs::read_dir(scene.env.path("run/multicred/locks")).expect("a folder of locks");
    for lock in locks.map(|lock| lock.expect("a lock").path()) {
        let text = std::fs::read_to_string(&lock).expect("a lock's text");
        let mut content: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        content["failure"]["at"] = serde_json::json!(i64::MAX);
        std::fs::write(&lock, content.to_string()).expect("a lock to write");
    }
    scene.become_in_bash("dev/Reader").ok();
}
