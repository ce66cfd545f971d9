//! `key remove`: no store loses its last way in.

use std::fs;

use crate::scene::keys::{BECOME_BOB, PASSPHRASE, QUESTION, Way, kinds, slots};
use crate::scene::refusal::Refusal;
use crate::scene::seat::Seat;
use crate::scene::{Scene, store};

#[test]
fn the_last_slot_is_never_removed_not_even_by_force() {
    let scene = Scene::with_bob();
    let before = store::content(&scene.env.store());
    for words in [&["key", "remove", "1"][..], &["key", "remove", "1", "--force"], &["key", "remove", "--json", "1"]] {
        scene.env.run(words).refused(1, &["key slot 1 cannot be removed", "last way in", "key add"]);
    }
    assert_eq!(store::content(&scene.env.store()), before);
    scene.opens();
}

#[test]
fn a_number_that_no_slot_has_is_told() {
    let scene = Scene::with_bob();
    for number in ["2", "0", "9223372036854775807"] {
        scene.env.run(&["key", "remove", number]).refused(1, &["no key slot", number, "key list"]);
    }
    for number in ["one", "", "9223372036854775808", "1.0"] {
        scene.env.run(&["key", "remove", number]).code(2).stdout_is("");
    }
    scene.env.run(&["key", "remove", "--", "-1"]).refused(1, &["no key slot -1"]);
    let fresh = Scene::new();
    fresh.env.run(&["key", "remove", "1"]).refused(1, &["no store yet"]);
    assert!(!fresh.env.store().exists());
}

#[test]
fn a_slot_is_removed_once_another_one_opens_and_json_says_which_it_was() {
    let mut scene = Scene::with_bob();
    let _way = Way::add(&mut scene, "command");
    let gone = scene.env.run(&["key", "remove", "1", "--json"]).ok().json();
    assert_eq!((gone["slot"].as_i64(), gone["kind"].as_str()), (Some(1), Some("file")));
    assert_eq!(gone["key_file"].as_str(), scene.key_file().to_str());
    assert_eq!(kinds(&scene), ["command"]);
    let history = fs::read_to_string(scene.env.store().with_file_name("history.jsonl")).unwrap();
    assert!(history.contains("remove slot 1 (file)"), "{history}");
    scene.opens();
}

#[test]
fn where_no_other_slot_is_seen_to_open_nothing_is_removed_unless_it_is_forced() {
    for kind in ["file", "passphrase", "command", "recovery", "ssh-agent", "keyring"] {
        let mut scene = Scene::with_bob();
        let mut way = Way::add(&mut scene, kind);
        way.withhold(&mut scene);
        let before = store::content(&scene.env.store());
        let refused = scene.env.run(&["key", "remove", "1"]);
        refused.refused(4, &["key slot 1", "--force"]);
        assert_eq!(store::content(&scene.env.store()), before, "{kind}");
        scene.opens();
        scene.env.run(&["key", "remove", "1", "--force"]).ok();
        assert_eq!(kinds(&scene), [kind]);
        scene.env.run(&BECOME_BOB).refused(4, &["the store is locked"]);
        way.give(&mut scene);
        scene.opens();
    }
}

#[test]
fn the_passphrase_that_is_left_is_typed_before_the_key_file_goes() {
    let mut scene = Scene::with_bob();
    let _way = Way::add(&mut scene, "passphrase");
    scene.env.unset("MULTICRED_PASSPHRASE_FILE");
    let mut seat = Seat::take(&scene.env, &["key", "remove", "1"]);
    seat.wait_for(QUESTION);
    seat.type_line(PASSPHRASE);
    let ended = seat.end();
    assert_eq!((ended.status, ended.stdout.as_str()), (0, ""), "{ended:?}");
    assert_eq!(kinds(&scene), ["passphrase"]);
    // What was typed once serves every shell.
    scene.opens();
    scene.env.run(&["lock"]).ok();
    scene.opens_with(&[PASSPHRASE]);
}

#[test]
fn a_person_who_cannot_type_what_is_left_removes_nothing() {
    for (keys, status) in [("no\rneither\rnor this\r", 4), ("\u{3}", 130)] {
        let mut scene = Scene::with_bob();
        let _way = Way::add(&mut scene, "passphrase");
        scene.env.unset("MULTICRED_PASSPHRASE_FILE");
        let mut seat = Seat::take(&scene.env, &["key", "remove", "1"]);
        seat.wait_for(QUESTION);
        seat.type_keys(keys);
        let ended = seat.end();
        assert_eq!((ended.status, ended.stdout.as_str()), (status, ""), "{ended:?}");
        assert_eq!(kinds(&scene), ["file", "passphrase"]);
    }
}

#[test]
fn the_agent_is_no_way_in_that_counts_when_a_slot_is_removed() {
    let scene = Scene::behind_passphrase(PASSPHRASE);
    scene.opens_with(&[PASSPHRASE]);
    scene.opens();
    let mut seat = Seat::take(&scene.env, &["key", "add", "recovery"]);
    seat.wait_for(QUESTION);
    seat.type_line(PASSPHRASE);
    assert_eq!(seat.end().status, 0);
    scene.env.run(&["key", "remove", "1"]).refused(4, &["key slot 1", "--force"]);
    assert_eq!(kinds(&scene), ["passphrase", "recovery"]);
}

#[test]
fn two_processes_that_remove_the_two_slots_at_once_leave_one() {
    for force in [false, true].repeat(6) {
        let mut scene = Scene::with_bob();
        let _way = Way::add(&mut scene, "command");
        let numbers: Vec<String> = slots(&scene).iter().map(|slot| slot["slot"].to_string()).collect();
        let remove = |number: &String| {
            let words = ["key", "remove", number, "--force"];
            scene.env.spawn(if force { &words } else { &words[..3] })
        };
        let processes: Vec<_> = numbers.iter().map(remove).collect();
        let ended: Vec<_> = processes.into_iter().map(crate::support::env::Background::end).collect();
        let done = ended.iter().filter(|output| output.status == 0).count();
        assert_eq!(done, 1, "{}\n{}", ended[0], ended[1]);
        let loser = ended.iter().find(|output| output.status != 0).unwrap();
        loser.calm().holds([1, 4].contains(&loser.status), "a refusal");
        assert_eq!(slots(&scene).len(), 1);
        scene.opens();
    }
}

#[test]
fn slots_added_and_removed_by_many_at_once_leave_a_store_that_opens() {
    let mut scene = Scene::with_bob();
    let _way = Way::add(&mut scene, "command");
    let adds: Vec<_> = (0..6).map(|_| scene.env.spawn(&["key", "add", "recovery"])).collect();
    for add in adds {
        add.end().ok();
    }
    let numbers: Vec<String> = slots(&scene).iter().map(|slot| slot["slot"].to_string()).collect();
    assert_eq!(numbers.len(), 8);
    let removes: Vec<_> = numbers.iter().map(|number| scene.env.spawn(&["key", "remove", number, "--force"])).collect();
    let ended: Vec<_> = removes.into_iter().map(crate::support::env::Background::end).collect();
    assert_eq!(ended.iter().filter(|output| output.status == 0).count(), 7);
    assert_eq!(slots(&scene).len(), 1);
    assert!(store::Copy::of(&scene.env.store()).is_whole());
}
