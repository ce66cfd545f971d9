//! SIGKILL before each system call that writes (open with `O_CREAT`, write, pwrite, fsync, ftruncate, rename, link,
//! unlink, mkdir, chmod, send), one run per call, until the command ends untouched.

use crate::scene::ordeal::Ordeal;
use crate::scene::traced;

#[track_caller]
fn survives_a_kill_before_every_write(ordeal: &Ordeal, least_calls: usize) {
    assert!(ordeal.calls.len() >= least_calls, "only {} writing calls were seen", ordeal.calls.len());
    let kills = ordeal.calls.iter().map(|call| (format!("killed before {}", call.line), traced::kill_at(call)));
    ordeal.survives(kills, |output| {
        output.holds(matches!(output.status, 0 | 137), "an untouched end, or a kill");
    });
}

#[test]
fn import_that_makes_the_store_killed_before_every_write() {
    survives_a_kill_before_every_write(&Ordeal::first_import(), 60);
}

#[test]
fn import_into_a_store_killed_before_every_write() {
    survives_a_kill_before_every_write(&Ordeal::another_import(), 6);
}

#[test]
fn link_killed_before_every_write() {
    survives_a_kill_before_every_write(&Ordeal::link(), 6);
}

#[test]
fn account_alias_killed_before_every_write() {
    survives_a_kill_before_every_write(&Ordeal::account_alias(), 6);
}

#[test]
fn a_cold_switch_over_two_hops_killed_before_every_write() {
    survives_a_kill_before_every_write(&Ordeal::cold_switch_over_two_hops(), 20);
}

#[test]
fn a_switch_to_a_profile_that_makes_the_store_killed_before_every_write() {
    survives_a_kill_before_every_write(&Ordeal::first_switch_to_a_profile(), 60);
}

#[test]
fn a_switch_through_a_credential_process_killed_before_every_write() {
    survives_a_kill_before_every_write(&Ordeal::switch_through_a_process(), 20);
}

#[test]
fn a_profile_being_written_killed_before_every_write() {
    survives_a_kill_before_every_write(&Ordeal::write_profile(), 20);
}

#[test]
fn sync_killed_before_every_write() {
    survives_a_kill_before_every_write(&Ordeal::sync(), 6);
}

#[test]
fn add_with_a_profile_killed_before_every_write() {
    survives_a_kill_before_every_write(&Ordeal::add(), 20);
}

#[test]
fn remove_forget_and_unlink_killed_before_every_write() {
    for ordeal in [Ordeal::remove(), Ordeal::forget(), Ordeal::unlink()] {
        assert!(ordeal.calls.len() >= 6, "only {} writing calls were seen", ordeal.calls.len());
        let kills = ordeal.calls.iter().map(|call| (format!("killed before {}", call.line), traced::kill_at(call)));
        ordeal.takes_all_or_nothing(kills, |output| {
            output.holds(matches!(output.status, 0 | 137), "an untouched end, or a kill");
        });
    }
}
