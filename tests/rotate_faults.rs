//! Each call of a rotation failing in each way, and the disk: the store has a key that works, and another run mends it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::scene::refusal::Refusal;
use crate::scene::rotation::Subject;
use crate::scene::traced;
use crate::support::sts::Fault;

const CALLS: [&str; 5] =
    ["ListAccessKeys", "CreateAccessKey", "GetCallerIdentity", "UpdateAccessKey", "DeleteAccessKey"];

fn ways() -> Vec<(&'static str, Fault)> {
    vec![
        ("throttled", Fault::throttle()),
        ("denied", Fault::refuse(403, "AccessDenied", "not you")),
        ("lost before", Fault::DropBefore),
        ("lost after", Fault::DropAfter),
        ("lost midway", Fault::DropMidBody),
        ("broken", Fault::internal_failure()),
        ("unavailable", Fault::unavailable()),
        ("garbage", Fault::garbage()),
        ("a page", Fault::html()),
        ("half of it", Fault::TruncatedXml),
        ("hostile", Fault::hostile_message()),
    ]
}

/// Every call with every fault, `times` times; a rotation is sound whatever its exit code.
fn every_call_failing(subject: &Subject, times: usize, skip: &[&str]) {
    let mut harm = Vec::new();
    for call in CALLS.into_iter().filter(|call| !skip.contains(call)) {
        for (way, fault) in ways() {
            subject.reset();
            subject.scene.sts.fault_times(times, call, fault);
            let output = subject.rotate_with_code(&[]);
            let looked = catch_unwind(AssertUnwindSafe(|| {
                output.calm().holds(matches!(output.status, 0 | 5 | 6), "0, 5 or 6");
                assert!(subject.scene.sts.count("CreateAccessKey") <= 1, "one attempt");
                subject.scene.sts.clear_faults();
                if output.status == 0 {
                    subject.assert_ended();
                } else {
                    subject.assert_works();
                    subject.assert_mends();
                }
                subject.assert_no_code_twice();
            }));
            if looked.is_err() {
                harm.push(format!("{call} {way} × {times}: exit code {}: {}", output.status, output.stderr));
            }
        }
    }
    assert!(harm.is_empty(), "{} did harm (each is told above):\n{}", harm.len(), harm.join("\n"));
}

#[test]
fn a_call_that_fails_once_in_any_way_leaves_a_key_that_works() {
    every_call_failing(&Subject::bob(), 1, &[]);
}

/// The proof of the new key is repeated for as long as AWS may need, which is another test's.
#[test]
fn a_call_that_fails_as_often_as_it_is_tried_leaves_a_key_that_works() {
    every_call_failing(&Subject::bob(), 3, &["GetCallerIdentity"]);
}

#[test]
fn the_same_of_a_user_who_signs_with_a_session() {
    every_call_failing(&Subject::alice(), 1, &["GetCallerIdentity", "ListAccessKeys"]);
}

#[test]
fn what_may_be_repeated_is_repeated() {
    for call in ["ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey"] {
        for fault in [Fault::throttle(), Fault::DropAfter, Fault::internal_failure()] {
            let bob = Subject::bob();
            bob.scene.sts.fault_once(call, fault);
            bob.rotate(&[]).ok();
            bob.assert_ended();
        }
    }
}

#[test]
fn a_refusal_says_what_must_be_allowed_and_where_it_stands() {
    let denied = || Fault::refuse(403, "AccessDenied", "not you");
    for (call, says) in [
        ("ListAccessKeys", "AWS refused ListAccessKeys"),
        ("CreateAccessKey", "AWS refused CreateAccessKey"),
        ("UpdateAccessKey", "is in use, and"),
        ("DeleteAccessKey", "is inactive, and not deleted"),
    ] {
        let bob = Subject::bob();
        bob.scene.sts.fault_always(call, denied());
        bob.rotate(&[]).refused(5, &[says, "iam:CreateAccessKey", "iam:GetAccessKeyLastUsed", "${aws:username}"]);
        bob.scene.sts.clear_faults();
        bob.assert_works();
        bob.assert_mends();
    }
}

#[test]
fn a_last_deletion_that_fails_is_remembered_and_the_next_run_ends_it_without_another_key() {
    let bob = Subject::bob();
    bob.scene.sts.fault_always("DeleteAccessKey", Fault::unavailable());
    bob.rotate(&[]).refused(6, &["is in use", "multicred rotate bob finishes it"]);
    assert_eq!(bob.phase().as_deref(), Some("retired"));
    assert_eq!(bob.stored().len(), 2);
    bob.scene.env.run(&["doctor"]).code(1).stdout_has("bob was interrupted").stdout_has("multicred rotate bob");
    bob.scene.env.run(&["remove", "bob", "--yes"]).refused(1, &["interrupted", "multicred rotate bob"]);
    bob.scene.sts.clear_faults();
    bob.scene.sts.clear_calls();
    bob.rotate(&[]).ok().stderr_has("was interrupted, and goes on");
    assert_eq!(bob.scene.sts.count("CreateAccessKey"), 0);
    bob.assert_ended();
}

#[test]
fn a_key_that_aws_never_takes_leaves_the_old_one_in_use() {
    let bob = Subject::bob();
    bob.scene.sts.fault_always("GetCallerIdentity", Fault::refuse(403, "InvalidClientTokenId", "not known"));
    bob.rotate(&[]).refused(5, &["AWS does not take the new key", "the old one is in use"]);
    bob.scene.sts.clear_faults();
    assert_eq!(bob.stored()[0], bob.key.access_key_id);
    bob.assert_works();
    bob.assert_mends();
}

#[test]
fn a_new_key_that_somebody_deleted_meanwhile_is_dropped() {
    let bob = Subject::bob();
    bob.scene.sts.fault_always("GetCallerIdentity", Fault::refuse(403, "AccessDenied", "not now"));
    bob.rotate(&[]).refused(5, &["AWS does not take the new key"]);
    let new = bob.stored()[1].clone();
    bob.scene.sts.clear_faults();
    bob.scene.sts.world(|world| world.delete_key(&new));
    bob.rotate(&[]).refused(5, &[&new, "the old one is in use"]);
    assert_eq!((bob.stored(), bob.phase()), (vec![bob.key.access_key_id.clone()], None));
    bob.assert_mends();
}

/// The SDK takes an answer that was cut short for a whole one.
#[test]
fn a_secret_that_came_cut_short_is_not_taken_into_use_and_its_key_goes_again() {
    let bob = Subject::bob();
    bob.scene.sts.fault_once("CreateAccessKey", Fault::set_field("SecretAccessKey", "cut"));
    bob.rotate(&[]).refused(5, &["SignatureDoesNotMatch", "the old one is in use"]);
    assert_eq!((bob.stored(), bob.at_aws().len()), (vec![bob.key.access_key_id.clone()], 1));
    bob.assert_works();
    bob.assert_mends();
}

/// Whoever answers in AWS's place is believed nothing.
#[test]
fn a_deletion_that_only_seems_done_is_done_again() {
    let bob = Subject::bob();
    bob.scene.sts.fault_times(2, "DeleteAccessKey", Fault::html());
    bob.rotate(&[]).ok();
    bob.assert_ended();
}

#[test]
fn a_key_that_turns_out_to_be_somebody_elses_is_not_taken_into_use() {
    let bob = Subject::bob();
    let other = "arn:aws:iam::111122223333:user/mallory";
    bob.scene.sts.fault_once("GetCallerIdentity", Fault::set_field("Arn", other));
    bob.rotate(&[]).refused(6, &["mallory"]);
    assert_eq!(bob.stored()[0], bob.key.access_key_id);
    bob.assert_works();
    bob.assert_mends();
}

/// Once the old key is inactive, the new one is proven again; where that fails, the old one comes back.
#[test]
fn where_the_new_key_is_refused_without_the_old_one_the_old_one_comes_back() {
    let alice = Subject::alice();
    let gate = alice.scene.sts.gate("UpdateAccessKey");
    let process = alice.scene.env.spawn(&["rotate", "alice"]);
    assert!(gate.wait_held(1, crate::scene::PATIENCE));
    alice.scene.sts.fault_once("GetCallerIdentity", Fault::refuse(403, "AccessDenied", "not without the old one"));
    gate.open();
    process.end().refused(5, &["does not take the new key", "the old one is in use"]);
    assert!(alice.at_aws().iter().all(|(_, is_active)| *is_active), "{:?}", alice.at_aws());
    assert_eq!(alice.stored()[0], alice.key.access_key_id);
    alice.assert_works();
    alice.assert_mends();
}

#[test]
fn a_store_that_cannot_be_written_is_found_out_before_aws_makes_anything() {
    let bob = Subject::bob();
    let (store, folder) = (bob.scene.env.store(), bob.scene.env.path("data/multicred"));
    let (_, calls) = traced::run(&bob.scene.env, &["rotate", "bob"], None, &[]);
    let first = calls.iter().find(|call| call.name == "pwrite64").expect("a write to the store");
    bob.reset();
    let (output, _) = traced::run(&bob.scene.env, &["rotate", "bob"], None, &[traced::fail_from(first, "ENOSPC")]);
    output.refused(1, &[]);
    assert_eq!(bob.scene.sts.count("CreateAccessKey"), 0);
    bob.assert_works();
    if !rustix::process::geteuid().is_root() {
        fs::set_permissions(&store, Permissions::from_mode(0o400)).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o500)).unwrap();
        bob.rotate(&[]).refused(1, &["cannot be written"]);
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
        fs::set_permissions(&store, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(bob.scene.sts.count("CreateAccessKey"), 0);
    }
    bob.assert_mends();
}
