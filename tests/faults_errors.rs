//! One system call that fails, and a disk that is full from some moment on: each writing call in turn.

use crate::scene::ordeal::Ordeal;
use crate::scene::refusal::Refusal;
use crate::scene::traced::{self, SystemCall};
use crate::support::env::Output;

/// How a call of this name fails in practice.
fn error_of(call: &SystemCall) -> &'static str {
    match call.name.as_str() {
        "write" | "writev" | "pwrite64" | "ftruncate" | "fallocate" => "ENOSPC",
        "fsync" | "fdatasync" => "EIO",
        "sendto" | "sendmsg" => "ECONNRESET",
        _ => "EACCES",
    }
}

/// stderr itself cannot tell that it fails; and an eventfd, by which an event loop wakes itself with eight bytes, cannot
/// fail so. (The bytes are not shown to a tracer that is not root: the program does not let others read its memory.)
fn can_be_told(call: &SystemCall) -> bool {
    let wakes_a_loop = call.name == "write" && call.line.contains(", 8) ");
    !wakes_a_loop && !call.line.starts_with("write(2,")
}

/// Either the command says that and why it failed, or it had its effect; a switch may work and say what was not kept.
#[track_caller]
fn check(ordeal: &Ordeal, output: &Output) {
    output.calm();
    if output.status == 0 {
        let told = output.stderr.contains("could not be stored");
        output.holds(told || ordeal.has_its_effect(), "an effect in the store, or a word about it");
    } else {
        output.holds(matches!(output.status, 1 | 6), "exit code 0, 1 or 6");
        output.holds(output.stderr.lines().count() >= 2, "a fact and a remedy");
    }
}

#[track_caller]
fn survives_the_failure_of_every_write(ordeal: &Ordeal, least_calls: usize) {
    assert!(ordeal.calls.len() >= least_calls, "only {} writing calls were seen", ordeal.calls.len());
    let failures = ordeal.calls.iter().filter(|call| can_be_told(call)).map(|call| {
        let error = error_of(call);
        (format!("{error} for {}", call.line), traced::fail_at(call, error))
    });
    ordeal.survives(failures, |output| check(ordeal, output));
}

#[track_caller]
fn survives_a_full_disk(ordeal: &Ordeal) {
    let full = ordeal
        .calls
        .iter()
        .filter(|call| call.name == "pwrite64")
        .map(|call| (format!("a disk that is full from {} on", call.line), traced::fail_from(call, "ENOSPC")));
    ordeal.survives(full, |output| check(ordeal, output));
}

#[test]
fn import_that_makes_the_store_with_each_write_failing_once() {
    survives_the_failure_of_every_write(&Ordeal::first_import(), 60);
}

#[test]
fn import_into_a_store_with_each_write_failing_once_and_with_a_full_disk() {
    let ordeal = Ordeal::another_import();
    survives_the_failure_of_every_write(&ordeal, 6);
    survives_a_full_disk(&ordeal);
}

#[test]
fn link_and_account_with_each_write_failing_once_and_with_a_full_disk() {
    for ordeal in [Ordeal::link(), Ordeal::account_alias()] {
        survives_the_failure_of_every_write(&ordeal, 6);
        survives_a_full_disk(&ordeal);
    }
}

#[test]
fn a_cold_switch_over_two_hops_with_each_write_failing_once_and_with_a_full_disk() {
    let ordeal = Ordeal::cold_switch_over_two_hops();
    survives_the_failure_of_every_write(&ordeal, 20);
    survives_a_full_disk(&ordeal);
}

#[test]
fn a_switch_to_a_profile_that_makes_the_store_with_each_write_failing_once() {
    survives_the_failure_of_every_write(&Ordeal::first_switch_to_a_profile(), 60);
}

#[test]
fn a_switch_through_a_credential_process_with_each_write_failing_once_and_with_a_full_disk() {
    let ordeal = Ordeal::switch_through_a_process();
    survives_the_failure_of_every_write(&ordeal, 20);
    survives_a_full_disk(&ordeal);
}

#[test]
fn a_profile_being_written_with_each_write_failing_once_and_with_a_full_disk() {
    let ordeal = Ordeal::write_profile();
    survives_the_failure_of_every_write(&ordeal, 20);
    survives_a_full_disk(&ordeal);
}

#[test]
fn sync_with_each_write_failing_once_and_with_a_full_disk() {
    let ordeal = Ordeal::sync();
    survives_the_failure_of_every_write(&ordeal, 6);
    survives_a_full_disk(&ordeal);
}

#[test]
fn add_with_a_profile_with_each_write_failing_once_and_with_a_full_disk() {
    let ordeal = Ordeal::add();
    survives_the_failure_of_every_write(&ordeal, 20);
    survives_a_full_disk(&ordeal);
}

#[test]
fn remove_forget_and_unlink_with_each_write_failing_once() {
    for ordeal in [Ordeal::remove(), Ordeal::forget(), Ordeal::unlink()] {
        let failures = ordeal.calls.iter().filter(|call| can_be_told(call)).map(|call| {
            let error = error_of(call);
            (format!("{error} for {}", call.line), traced::fail_at(call, error))
        });
        ordeal.takes_all_or_nothing(failures, |output| {
            output.calm().holds(matches!(output.status, 0 | 1), "exit code 0 or 1");
        });
    }
}
