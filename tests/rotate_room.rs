//! AWS lets nobody have more than two keys: the other one is told of, and deleted only by its name or a yes.

use crate::scene::refusal::Refusal;
use crate::scene::rotation::{Subject, arn};
use crate::scene::seat::Seat;
use crate::scene::{Scene, ini};
use crate::support::sts::{Fault, KeyPair};

/// bob with another key, which the store does not have.
fn bob_with_two() -> (Subject, KeyPair) {
    let bob = Subject::bob();
    let other = bob.scene.sts.world(|world| world.another_key(&arn("bob")));
    (bob, other)
}

#[test]
fn the_other_key_is_described_and_nothing_is_changed_where_nobody_can_be_asked() {
    let (bob, other) = bob_with_two();
    let ids = [bob.key.access_key_id.as_str(), other.access_key_id.as_str()];
    let refused = bob.rotate(&["--yes"]);
    refused.refused(4, &ids).stderr_has("active").stderr_has("never used").stderr_has("made on 2");
    let (key, other_key) = (&bob.key.access_key_id, &other.access_key_id);
    refused.stderr_has(&format!("multicred rotate {key} --delete-other {other_key}"));
    assert_eq!(bob.at_aws().len(), 2);
    assert_eq!(bob.scene.sts.count("CreateAccessKey"), 0);
    assert_eq!(bob.phase(), None);
}

#[test]
fn it_is_told_when_and_for_what_the_other_key_was_last_used() {
    let (bob, other) = bob_with_two();
    // Its own session is what it is used for.
    let mut elsewhere = Scene::new();
    elsewhere.env.endpoint(&bob.scene.sts.url());
    elsewhere.import(&other, "other");
    bob.rotate(&[]).refused(4, &["last used on 2", "for sts in us-east-1"]);
}

#[test]
fn the_other_key_is_deleted_by_its_name_and_a_second_time_is_no_error() {
    let (bob, other) = bob_with_two();
    bob.rotate(&["--delete-other", &other.access_key_id]).ok().stderr_has("is deleted");
    bob.assert_ended();
    let again = bob.rotate(&["--delete-other", &other.access_key_id]);
    again.ok().stderr_has(&format!("has no key {}", other.access_key_id));
    bob.assert_ended();
}

#[test]
fn the_key_that_is_to_be_rotated_is_not_another_one() {
    let (bob, _) = bob_with_two();
    bob.rotate(&["--delete-other", &bob.key.access_key_id]).refused(2, &["not another one"]);
    assert_eq!(bob.at_aws().len(), 2);
}

#[test]
fn on_a_terminal_the_person_decides() {
    let (bob, other) = bob_with_two();
    for (answer, status) in [("n", 130), ("y", 0)] {
        let mut seat = Seat::take(&bob.scene.env, &["rotate", "bob"]);
        seat.wait_for("AWS lets bob have two keys");
        seat.wait_for(&format!("Delete {} for good? [y/N]", other.access_key_id));
        assert_eq!(bob.at_aws().len(), 2);
        seat.type_line(answer);
        assert_eq!(seat.end().status, status);
    }
    bob.assert_ended();
}

#[test]
fn where_the_store_has_both_the_person_names_the_one_that_goes() {
    let (bob, other) = bob_with_two();
    bob.scene.import(&other, "bob");
    let refused = bob.rotate(&[]);
    refused.refused(2, &["2 long-term keys", &bob.key.access_key_id, &other.access_key_id]);
    let by_key = |more: &[&str]| bob.scene.env.run(&[&["rotate", &bob.key.access_key_id][..], more].concat());
    by_key(&[]).refused(4, &["which the store has, too"]);
    by_key(&["--delete-other", &other.access_key_id]).ok();
    bob.assert_ended();
}

/// The intent was taken back then, and with it what the next run could have told by which key is gone.
#[test]
fn a_key_that_aws_has_deleted_leaves_the_store_even_where_the_list_afterwards_fails() {
    for fault in [Fault::refuse(403, "AccessDenied", "not now"), Fault::unavailable(), Fault::html()] {
        let (bob, other) = bob_with_two();
        bob.scene.import(&other, "bob");
        let mut seat = Seat::take(&bob.scene.env, &["rotate", &bob.key.access_key_id]);
        seat.wait_for(&format!("Delete {} for good? [y/N]", other.access_key_id));
        bob.scene.sts.fault_always("ListAccessKeys", fault);
        seat.type_line("y");
        let ended = seat.end();
        assert!([5, 6].contains(&ended.status), "{ended:?}");
        let said = format!("whether {} is deleted is not known", other.access_key_id);
        assert!(ended.screen.contains(&said) && ended.screen.contains("multicred rotate bob looks"), "{ended:?}");
        assert_eq!((bob.phase().as_deref(), bob.at_aws().len()), (Some("intended"), 1));
        bob.scene.sts.clear_faults();
        bob.rotate(&[]).ok();
        bob.assert_ended();
    }
}

#[test]
fn where_aws_refuses_to_delete_the_other_key_nothing_is_pending() {
    let (bob, other) = bob_with_two();
    bob.scene.sts.fault_always("DeleteAccessKey", Fault::refuse(403, "AccessDenied", "not you"));
    bob.rotate(&["--delete-other", &other.access_key_id]).refused(5, &["AccessDenied"]);
    assert_eq!((bob.phase(), bob.at_aws().len()), (None, 2));
    bob.scene.sts.clear_faults();
    bob.rotate(&["--delete-other", &other.access_key_id]).ok();
    bob.assert_ended();
}

#[test]
fn a_limit_that_aws_keeps_though_it_lists_one_key_changes_nothing() {
    let bob = Subject::bob();
    bob.scene.sts.fault_once("CreateAccessKey", Fault::refuse(409, "LimitExceeded", "Cannot exceed quota"));
    bob.rotate(&[]).refused(5, &["Cannot exceed quota", "in a minute"]);
    assert_eq!((bob.phase(), bob.at_aws().len()), (None, 1));
    bob.assert_mends();
}

#[test]
fn a_lost_reply_is_told_and_the_key_that_nobody_has_is_found_and_named() {
    let bob = Subject::bob();
    bob.scene.sts.fault_once("CreateAccessKey", Fault::DropAfter);
    let output = bob.rotate(&[]);
    assert_eq!(bob.scene.sts.count("CreateAccessKey"), 1, "one attempt");
    let orphan = bob.at_aws().into_iter().find(|(key, _)| *key != bob.key.access_key_id).expect("an orphan").0;
    output.refused(6, &[&orphan, "secret is lost"]).stderr_has(&format!("--delete-other {orphan}"));
    assert_eq!(bob.phase().as_deref(), Some("intended"));
    bob.assert_works();
    bob.rotate(&[]).refused(4, &[&orphan, "made by a rotation that was interrupted: nobody has its secret"]);
    bob.assert_mends();
}

#[test]
fn on_a_terminal_the_key_of_a_lost_reply_is_deleted_again_at_a_yes() {
    let bob = Subject::bob();
    bob.scene.sts.fault_once("CreateAccessKey", Fault::DropAfter);
    let mut seat = Seat::take(&bob.scene.env, &["rotate", "bob"]);
    seat.wait_for("again? [y/N]");
    seat.type_line("y");
    let ended = seat.end();
    assert_eq!(ended.status, 6, "{ended:?}");
    assert!(ended.screen.contains("is deleted again"), "{ended:?}");
    assert_eq!((bob.phase(), bob.at_aws().len()), (None, 1));
    bob.assert_mends();
}

/// Somebody may have made it in the console meanwhile, and use it.
#[test]
fn a_key_that_was_used_is_not_taken_for_one_that_nobody_has() {
    let bob = Subject::bob();
    bob.scene.sts.fault_once("CreateAccessKey", Fault::DropBefore);
    bob.rotate(&[]).refused(6, &["not known"]);
    let other = bob.scene.sts.world(|world| world.another_key(&arn("bob")));
    let mut elsewhere = Scene::new();
    elsewhere.env.endpoint(&bob.scene.sts.url());
    elsewhere.import(&other, "other");
    let refused = bob.rotate(&[]);
    refused.refused(4, &["last used on"]).holds(!refused.stderr.contains("nobody has its secret"), "no such claim");
}

#[test]
fn the_other_keys_profile_is_named() {
    let (mut bob, other) = bob_with_two();
    let text = ini("robot", &other);
    bob.scene.env.aws_credentials(&text);
    bob.rotate(&[]).refused(4, &["profile robot"]);
}
