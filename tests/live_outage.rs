//! Live sessions while AWS, the store or the renewal itself are out of order: what is good is served, what has ended is
//! refused in time and with a reason, and all is well again when it is.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::scene::Scene;
use crate::scene::live::{Answer, Door, Program, SAYS_AND_WAITS, started};
use crate::support::agent::{Running, wait_for};
use crate::support::sts::Fault;

/// Longer than the longest pause after few failures.
const RECOVERY: Duration = Duration::from_secs(45);

/// The next calls of this action give credentials that last so long.
fn lasting(scene: &Scene, action: &str, seconds: &[i64]) {
    for seconds in seconds {
        let until = jiff::Timestamp::from_second(scene.sts.now() + seconds).unwrap().to_string();
        scene.sts.fault_once(action, Fault::set_field("Expiration", &until));
    }
}

/// dev/Reader, whose first credential lasts a few seconds.
fn short_lived(seconds: i64) -> (Scene, Program) {
    let scene = Scene::with_bobs_roles();
    lasting(&scene, "AssumeRole", &[seconds]);
    let program = scene.goes_live("dev/Reader");
    (scene, program)
}

/// An answer, which never takes longer than an SDK waits.
#[track_caller]
fn in_time(door: &Door) -> Answer {
    let start = Instant::now();
    let answer = door.ask();
    assert!(start.elapsed() < Duration::from_millis(2_500), "{:?}", start.elapsed());
    answer
}

/// Asks time and again until it is refused; the reason, and how many requests there were.
#[track_caller]
fn until_refused(door: &Door) -> (String, usize) {
    let start = Instant::now();
    for count in 1.. {
        let answer = in_time(door);
        if answer.status != 200 {
            return (answer.reason(), count);
        }
        assert!(start.elapsed() < Duration::from_secs(30), "it is served still");
        thread::sleep(Duration::from_millis(20));
    }
    unreachable!("a count has no end")
}

fn is_served(door: &Door) -> bool {
    in_time(door).status == 200
}

#[test]
fn whatever_aws_says_what_is_good_is_served_and_calls_stay_few() {
    let faults = [
        (Fault::internal_failure(), "InternalFailure"),
        (Fault::throttle(), "Throttling"),
        (Fault::refuse(403, "AccessDenied", "not authorized"), "AccessDenied"),
        (Fault::hostile_message(), "AccessDenied"),
        (Fault::garbage(), ""),
        (Fault::DropBefore, ""),
        (Fault::PastExpiry, ""),
    ];
    thread::scope(|scope| {
        for (fault, reason) in faults {
            scope.spawn(move || {
                let (scene, program) = short_lived(8);
                scene.sts.fault_always("AssumeRole", fault.clone());
                let (told, requests) = until_refused(&program.door);
                assert!(told.contains("dev/Reader") && told.contains(reason), "{fault:?}: {told}");
                assert!(!told.contains(char::is_control), "{told:?}");
                for _ in 0..100 {
                    assert_eq!(in_time(&program.door).status, 503);
                }
                let calls = scene.sts.count("AssumeRole");
                assert!(calls <= 13, "{fault:?}: {calls} calls for {} requests", requests + 100);
                scene.sts.clear_faults();
                wait_for("the end of the outage", RECOVERY, || is_served(&program.door));
            });
        }
    });
}

#[test]
fn while_aws_hangs_everybody_is_answered_in_time() {
    let (scene, program) = short_lived(8);
    let gate = scene.sts.gate("AssumeRole");
    let (told, requests) = until_refused(&program.door);
    assert!(told.contains("ask again") && requests > 20, "{requests}: {told}");
    assert!(in_time(&program.door).status == 503);
    gate.open();
    wait_for("the answer of AWS", RECOVERY, || is_served(&program.door));
    let calls = scene.sts.count("AssumeRole");
    assert!(calls <= 4, "{calls}");
}

/// The processes that an agent has started.
fn children(agent: &Running) -> Vec<Pid> {
    let tasks = format!("/proc/{0}/task/{0}/children", agent.pid());
    let listed = fs::read_to_string(tasks).expect("its children");
    listed.split_ascii_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

#[test]
fn a_renewal_that_is_stopped_or_killed_is_no_end() {
    let (scene, program) = short_lived(10);
    let agent = Running::found(&scene.env);
    let gate = scene.sts.gate("AssumeRole");
    let held = thread::scope(|scope| {
        let held = scope.spawn(|| gate.wait_held(1, Duration::from_secs(20)));
        while !held.is_finished() {
            assert_eq!(in_time(&program.door).status, 200);
            thread::sleep(Duration::from_millis(50));
        }
        held.join().expect("a waiter")
    });
    assert!(held);
    let [child] = children(&agent)[..] else { panic!("one renewal") };
    kill_process(child, Signal::STOP).expect("a renewal to stop");
    let (told, _) = until_refused(&program.door);
    assert!(told.contains("ask again"), "{told}");
    kill_process(child, Signal::KILL).expect("a renewal to kill");
    gate.open();
    wait_for("another renewal", RECOVERY, || is_served(&program.door));
    wait_for("no child that nobody waits for", Duration::from_secs(10), || children(&agent).is_empty());
}

#[test]
fn the_renewal_ends_with_its_session() {
    let (scene, mut program) = short_lived(6);
    let agent = Running::found(&scene.env);
    let gate = scene.sts.gate("AssumeRole");
    wait_for("a renewal", Duration::from_secs(20), || {
        is_served(&program.door);
        gate.wait_held(1, Duration::from_millis(20))
    });
    program.process.kill();
    wait_for("no renewal", Duration::from_secs(10), || children(&agent).is_empty());
    assert!(!program.door.is_open());
}

#[test]
fn a_code_that_nobody_can_be_asked_for_is_asked_for_by_the_reason() {
    let scene = Scene::with_alices_roles();
    lasting(&scene, "GetSessionToken", &[8]);
    lasting(&scene, "AssumeRole", &[12]);
    let code = scene.sts.mfa_code(&scene.serial);
    let program = scene.goes_live_with(&["--mfa-code", &code, "prod/Admin"]);
    let start = Instant::now();
    let (told, _) = until_refused(&program.door);
    assert!(start.elapsed() > Duration::from_secs(5), "it was good, and refused");
    assert!(told.contains("MFA code") && told.contains("--mfa-code"), "{told}");
    // Another program of the person's gets one.
    let code = scene.sts.mfa_code(&scene.serial);
    scene.env.run(&["env", "--mfa-code", &code, "prod/Admin"]).ok();
    wait_for("the session to find it", Duration::from_secs(70), || is_served(&program.door));
}

#[test]
fn a_store_whose_key_was_dropped_is_named_and_unlocking_it_is_enough() {
    let mut scene = Scene::behind_passphrase("correct horse");
    scene.env.write("config/multicred/config.toml", "[agent]\nidle = \"3s\"\n");
    scene.env.write("typed", "correct horse");
    let typed = scene.env.path("typed").display().to_string();
    let unlock = || scene.env.command(&["unlock"]).set("MULTICRED_PASSPHRASE_FILE", typed.clone()).run();
    unlock().ok();
    scene.env.run(&["account", crate::scene::DEV, "--alias", "dev"]).ok();
    scene.env.run(&["link", "dev/Reader", "--parent", "bob"]).ok();
    lasting(&scene, "AssumeRole", &[12]);
    let words = [&["exec", "--live", "dev/Reader", "--"], &SAYS_AND_WAITS[..]].concat();
    let program = started(scene.env.command(&words));
    thread::sleep(Duration::from_secs(5));
    let (told, _) = until_refused(&program.door);
    assert!(told.contains("unlock"), "{told}");
    let mut failing = 0;
    while failing < 200 {
        failing += usize::from(!is_served(&program.door));
    }
    unlock().ok();
    let start = Instant::now();
    wait_for("a new credential", Duration::from_secs(10), || is_served(&program.door));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
