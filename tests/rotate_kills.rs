//! A rotation killed before every write and after every reply, at moments at random, and with every write failing: the
//! store has a key that works, and another run brings it to its end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use crate::scene::refusal::Refusal;
use crate::scene::rotation::Subject;
use crate::scene::traced::{self, SystemCall};
use crate::support::env::Output;

/// AWS's replies count, too.
fn set() -> String {
    format!("{},recvfrom,flock", traced::WRITING)
}

fn run(subject: &Subject, injections: &[String]) -> (Output, Vec<SystemCall>) {
    subject.reset();
    traced::run_tracing(&subject.scene.env, &["rotate", subject.name], None, injections, &set())
}

/// Runs it once for each of these injections; fails naming every one that did harm.
#[track_caller]
fn survives(subject: &Subject, injections: impl IntoIterator<Item = (String, String)>, check: impl Fn(&Output)) {
    let (mut harm, mut count) = (Vec::new(), 0);
    for (what, injection) in injections {
        let (output, _) = run(subject, &[injection]);
        count += 1;
        let looked = catch_unwind(AssertUnwindSafe(|| {
            check(&output);
            subject.assert_works();
            if output.status == 0 {
                subject.assert_ended();
            } else {
                subject.assert_mends_or_has_ended();
            }
        }));
        if looked.is_err() {
            harm.push(format!("{what}\nexit code {}: {}", output.status, output.stderr));
        }
    }
    assert!(count > 20, "only {count} calls were seen");
    assert!(harm.is_empty(), "{} of {count} did harm (each is told above):\n{}", harm.len(), harm.join("\n"));
}

fn calls(subject: &Subject) -> Vec<SystemCall> {
    let (output, calls) = run(subject, &[]);
    output.ok();
    subject.assert_ended();
    calls.into_iter().filter(SystemCall::writes).collect()
}

#[track_caller]
fn survives_kills(subject: &Subject) {
    let kills: Vec<_> =
        calls(subject).iter().map(|call| (format!("killed before {}", call.line), traced::kill_at(call))).collect();
    survives(subject, kills, |output| {
        output.holds(matches!(output.status, 0 | 137), "an untouched end, or a kill");
    });
}

#[test]
fn killed_before_every_write_and_after_every_reply_a_key_that_works_is_stored() {
    survives_kills(&Subject::bob());
}

#[test]
fn the_same_of_a_user_who_signs_with_a_session() {
    survives_kills(&Subject::alice());
}

#[test]
fn with_every_write_failing_a_key_that_works_is_stored() {
    let bob = Subject::bob();
    // Of the event loop's own wake-up, which no disk and no network can make fail.
    let is_wake_up = |call: &SystemCall| call.line.contains(r#""\1\0\0\0\0\0\0\0", 8)"#);
    let can_fail = |call: &&SystemCall| !call.is_on_stream() && call.name != "recvfrom" && !is_wake_up(call);
    let error = |call: &SystemCall| match call.name.as_str() {
        "pwrite64" | "write" | "ftruncate" | "fallocate" => "ENOSPC",
        "fsync" | "fdatasync" | "flock" => "EIO",
        "sendto" | "sendmsg" => "ECONNRESET",
        _ => "EACCES",
    };
    let failures: Vec<_> = calls(&bob)
        .iter()
        .filter(can_fail)
        .map(|call| (format!("{} at {}", error(call), call.line), traced::fail_at(call, error(call))))
        .collect();
    survives(&bob, failures, |output| {
        output.calm().holds(matches!(output.status, 0 | 1 | 4 | 5 | 6), "an exit code of ours");
    });
}

#[test]
fn with_the_disk_full_from_any_write_on_a_key_that_works_is_stored() {
    let bob = Subject::bob();
    let writes: Vec<_> = calls(&bob)
        .iter()
        .filter(|call| call.name == "pwrite64")
        .map(|call| (format!("full from {}", call.line), traced::fail_from(call, "ENOSPC")))
        .collect();
    survives(&bob, writes, |output| {
        output.calm().holds(matches!(output.status, 0 | 1 | 5 | 6), "an exit code of ours");
    });
}

fn killed_at_random(moments: u32) {
    let bob = Subject::bob();
    bob.reset();
    let undisturbed = Instant::now();
    bob.rotate(&[]).ok();
    let whole = undisturbed.elapsed();
    let mut killed = 0;
    for moment in 0..moments {
        bob.reset();
        let mut process = bob.scene.env.spawn(&["rotate", "bob"]);
        // Spread over the whole of it, at no round numbers.
        thread::sleep(whole * moment / moments + Duration::from_micros(u64::from(moment * 7919 % 997)));
        process.kill();
        killed += usize::from(process.end().status == 137);
        bob.assert_works();
        bob.assert_mends_or_has_ended();
    }
    assert!(killed > 0, "none was killed");
}

#[test]
fn killed_at_forty_moments_a_key_that_works_is_stored() {
    killed_at_random(40);
}

/// The whole number of the same.
#[test]
#[ignore = "takes minutes: make test-long"]
fn killed_at_three_hundred_moments_a_key_that_works_is_stored() {
    killed_at_random(300);
}
