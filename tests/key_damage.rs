//! Rows of key slots that were changed, or written by a newer version: each is named, and the others still open.

use rusqlite::Connection;
use serde_json::Value;

use crate::scene::Scene;
use crate::scene::keys::{BECOME_BOB, PASSPHRASE, QUESTION, Way, last};
use crate::scene::refusal::Refusal;
use crate::scene::seat::Seat;

const KINDS: [&str; 7] = ["file", "passphrase", "command", "recovery", "ssh-agent", "keyring", "keyutils"];

fn stored_kind(kind: &str) -> &str {
    if kind == "keyutils" { "keyring" } else { kind }
}

fn change(scene: &Scene, sql: &str) {
    assert!(Connection::open(scene.env.store()).unwrap().execute(sql, []).unwrap() > 0, "{sql} changed nothing");
}

/// bob behind a key file, and a slot of this kind that is damaged like that.
fn damaged(kind: &str, what: &str) -> (Scene, Way, String) {
    let mut scene = Scene::with_bob();
    let way = Way::add(&mut scene, kind);
    let number = last(&scene);
    change(&scene, &format!("UPDATE key_slot SET {what} WHERE id = {number}"));
    (scene, way, number)
}

/// Only the damaged slot is there to try.
fn without_the_others(scene: &Scene) {
    std::fs::rename(scene.key_file(), scene.env.path("away")).unwrap();
}

fn finding(scene: &Scene, number: &str) -> Option<Value> {
    let output = scene.env.run(&["doctor", "--json"]);
    let about = format!("slot {number}");
    output.json()["findings"].as_array().unwrap().iter().find(|finding| finding["about"] == *about).cloned()
}

#[test]
fn what_a_slot_remembers_is_damaged_it_is_named_and_the_others_open() {
    for kind in KINDS {
        for params in ["'nonsense'", "'{}'", "''", "'[1]'", "'{\"path\":7}'"] {
            let (scene, _way, number) = damaged(kind, &format!("params = {params}"));
            let named = format!("key slot {number} ({})", stored_kind(kind));
            scene.opens();
            let output = scene.env.run(&["key", "list"]);
            output.ok().calm().stdout_has("damaged");
            let finding = finding(&scene, &number).unwrap_or_else(|| panic!("{kind} {params} is no finding"));
            let told = finding["fact"].as_str().unwrap();
            assert!(told.contains(&named) && told.contains("damaged"), "{kind}: {told}");
            let remedy = finding["remedy"].as_str().unwrap();
            assert!(remedy.contains(&format!("key remove {number}")) && remedy.contains("key add"), "{kind}: {remedy}");
            without_the_others(&scene);
            scene.env.run(&BECOME_BOB).refused(4, &["the store is locked", "key slot 1 (file)", &named, "damaged"]);
        }
    }
}

#[test]
fn a_wrapped_key_that_was_cut_or_flipped_is_named_and_the_others_open() {
    for kind in KINDS {
        for wrapped in [
            "substr(wrapped, 1, 20)",
            "x''",
            "x'01'",
            "substr(wrapped, 1, 40) || x'00ff00' || substr(wrapped, 44)",
            "x'03' || substr(wrapped, 2)",
            "zeroblob(72)",
        ] {
            let (scene, _way, number) = damaged(kind, &format!("wrapped = CAST({wrapped} AS BLOB)"));
            let named = format!("key slot {number} ({})", stored_kind(kind));
            scene.opens();
            without_the_others(&scene);
            let says = ["the store is locked", "key slot 1 (file)", &named, "was changed"];
            scene.env.run(&BECOME_BOB).refused(4, &says);
        }
    }
}

#[test]
fn the_doctor_names_a_changed_slot_whose_secret_is_at_hand_and_what_mends_it() {
    for kind in ["file", "passphrase", "recovery", "keyring", "keyutils"] {
        for (what, says) in [
            (
                "wrapped = CAST(substr(wrapped, 1, 20) AS BLOB)",
                "does not open: what the store keeps for it was changed",
            ),
            ("public_key = zeroblob(32)", "opens, but what the store keeps for it was changed"),
        ] {
            let (scene, _way, number) = damaged(kind, what);
            let finding = finding(&scene, &number).unwrap_or_else(|| panic!("{kind} {what} is no finding"));
            assert!(finding["fact"].as_str().unwrap().contains(says), "{finding}");
            assert!(finding["remedy"].as_str().unwrap().contains(&format!("key remove {number}")), "{finding}");
            scene.opens();
        }
    }
}

#[test]
fn a_typed_passphrase_that_is_right_for_a_changed_slot_is_not_called_wrong() {
    let scene = Scene::behind_passphrase(PASSPHRASE);
    change(&scene, "UPDATE key_slot SET wrapped = CAST(substr(wrapped, 1, 30) AS BLOB)");
    let mut seat = Seat::take(&scene.env, &BECOME_BOB);
    seat.wait_for(QUESTION);
    seat.type_line(PASSPHRASE);
    seat.wait_for("key slot 1 (passphrase) does not open: what the store keeps for it was changed");
    seat.wait_for_times(QUESTION, 2);
    seat.type_keys("\u{3}");
    assert_eq!(seat.end().status, 130);
}

#[test]
fn a_kind_of_a_newer_version_is_named_and_the_others_open() {
    let mut scene = Scene::with_bob();
    let _way = Way::add(&mut scene, "command");
    change(&scene, "UPDATE key_slot SET kind = 'tpm2', params = '{\"a\":1}' WHERE id = 2");
    scene.opens();
    scene.env.run(&["key", "list"]).ok().stdout_has("tpm2").stdout_has("a multicred that knows");
    let finding = finding(&scene, "2").unwrap();
    assert!(finding["fact"].as_str().unwrap().contains("key slot 2 (tpm2)"), "{finding}");
    assert_eq!(finding["remedy"], "use a newer multicred");
    without_the_others(&scene);
    scene.env.run(&BECOME_BOB).refused(4, &["key slot 2 (tpm2)", "does not know its kind"]);
    // What would be left is of no use here, and may be elsewhere.
    std::fs::rename(scene.env.path("away"), scene.key_file()).unwrap();
    scene.env.run(&["key", "remove", "1"]).refused(4, &["--force"]);
    scene.env.run(&["key", "remove", "2"]).ok();
}

#[test]
fn a_hostile_kind_is_shown_harmlessly() {
    let scene = Scene::with_bob();
    change(
        &scene,
        "INSERT INTO key_slot (kind, params, public_key, wrapped, created_at) \
         VALUES ('x' || char(27) || ']0;owned' || char(7) || char(10) || 'multicred: fine', '{}', x'00', x'00', 1)",
    );
    scene.opens().calm();
    for words in [&["key", "list"][..], &["doctor"], &["key", "rotate"], &["key", "remove", "1"]] {
        let output = scene.env.run(words);
        output.calm();
        output.holds(!output.stdout.contains(['\u{1b}', '\u{7}']), "nothing that a terminal obeys");
    }
}

#[test]
fn a_changed_public_key_stops_a_rotation_with_the_slots_name_and_nothing_is_changed() {
    for kind in KINDS {
        let (scene, _way, number) = damaged(kind, "public_key = randomblob(32)");
        let before = crate::scene::store::content(&scene.env.store());
        let named = format!("key slot {number} ({})", stored_kind(kind));
        let says = format!("key slot {number}");
        scene.env.run(&["key", "rotate"]).refused(1, &[&says, stored_kind(kind), "key remove"]);
        assert_eq!(crate::scene::store::content(&scene.env.store()), before, "{named}");
        scene.opens();
        scene.env.run(&["key", "remove", &number]).ok();
        scene.env.run(&["key", "rotate"]).ok();
        scene.opens();
    }
}

#[test]
fn each_kind_that_does_not_open_here_has_a_remedy_of_its_own() {
    for (kind, says) in [
        ("file", "bring "),
        ("ssh-agent", "ssh-add"),
        ("keyring", "unlock it"),
        ("passphrase", "MULTICRED_PASSPHRASE_FILE"),
        ("recovery", "MULTICRED_PASSPHRASE_FILE"),
    ] {
        let mut scene = Scene::with_bob();
        let mut way = Way::add(&mut scene, kind);
        let number = last(&scene);
        scene.env.run(&["doctor"]).ok().stdout_has("nothing is wrong");
        way.withhold(&mut scene);
        if kind == "passphrase" || kind == "recovery" {
            scene.env.set("MULTICRED_PASSPHRASE_FILE", "/nowhere/at/all");
        }
        let finding = finding(&scene, &number).unwrap_or_else(|| panic!("{kind} is no finding"));
        assert!(finding["remedy"].as_str().unwrap().contains(says), "{finding}");
    }
}
