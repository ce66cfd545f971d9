//! `stats`: how much there is, and what was done with it.

use rusqlite::Connection;
use serde_json::json;

use crate::scene::{DEV, PROD, Scene, ini, tree};

#[test]
fn everything_is_counted_and_what_was_done_with_it() {
    let mut scene = Scene::with_alices_roles();
    scene.import(&scene.bob, "bob");
    scene.env.run(&["link", "dev/Reader", "--parent", "bob"]).ok();
    scene.become_in_bash("dev/Reader").ok();
    scene.become_in_bash("dev/Reader").ok();
    scene.become_in_bash("prod/Admin").code(4);
    scene.env.run(&["exec", "dev/Reader", "--", "true"]).ok();
    scene.env.aws_credentials(&ini("other", &scene.alice));
    let sql = "UPDATE credential SET created_at = unixepoch() - 100 * 86400 WHERE kind = 'long-term'";
    Connection::open(scene.env.store()).unwrap().execute(sql, []).unwrap();
    let stats = scene.env.run(&["stats", "--json"]).ok().json();
    let used = json!({ "days": 7, "switches": 2, "programs": 1, "cached": 2, "calls": 1, "failures": 1 });
    for (key, value) in [
        ("store", json!(scene.env.store())),
        ("slots", json!([{ "slot": 1, "kind": "file" }])),
        ("accounts", json!(2)),
        ("protected", json!(0)),
        ("identities", json!({ "role": 4, "user": 2, "root": 0, "federated": 0 })),
        ("links", json!(4)),
        ("profiles", json!({ "role": 0, "key": 1, "other": 0 })),
        ("credentials", json!({ "long-term": 3, "imported": 0, "session": 0, "role": 1 })),
        ("expired", json!(0)),
        ("old_keys", json!(2)),
        (
            "by_account",
            json!([
                { "account": DEV, "alias": "dev", "identities": 3, "profiles": 1, "credentials": 4 },
                { "account": PROD, "alias": "prod", "identities": 3, "profiles": 0, "credentials": 0 },
            ]),
        ),
    ] {
        assert_eq!(stats[key], value, "{key}: {stats}");
    }
    assert_eq!((&stats["states"]["ready"], &stats["states"]["needs MFA"]), (&json!(1), &json!(5)), "{stats}");
    let sum: u64 = stats["states"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(sum, 7);
    assert_eq!(stats["used"][0], used, "{stats}");
    assert_eq!((&stats["used"][1]["days"], &stats["used"][1]["switches"]), (&json!(30), &json!(2)));
    assert!(stats["bytes"].as_u64().unwrap() > 4096 && stats["history_bytes"].as_u64().unwrap() > 100, "{stats}");
    let text = scene.env.run(&["stats"]);
    text.ok().stdout_has("identities: 6 (4 role, 2 user), 4 linked\n").stdout_has("opened by: slot 1 (file)\n");
    text.stdout_has("last 7 days: 2 switches, 1 program, 2 of them without a call; 1 call; 1 failure\n");
    text.stdout_has("by account: dev 4, prod 3\n").stdout_has("2 long-term keys are older than 90 days");
    for secret in scene.secrets() {
        text.nowhere(&secret);
    }
}

#[test]
fn without_a_store_there_is_nothing_and_none_is_made() {
    let mut scene = Scene::new();
    scene.env.run(&["stats"]).ok().stdout_has("store: none").stdout_has("states: none\n");
    scene.env.aws_config(&format!("[profile a]\nrole_arn = arn:aws:iam::{DEV}:role/A\nsource_profile = b\n"));
    let stats = scene.env.run(&["stats", "--json"]).ok().json();
    assert_eq!((&stats["store"], &stats["slots"], &stats["profiles"]["role"]), (&json!(null), &json!([]), &json!(1)));
    assert_eq!(stats["by_account"][0]["account"], DEV);
    assert!(!scene.env.path("data/multicred").exists(), "a store was made");
}

#[test]
fn nothing_is_changed() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["list"]).ok();
    let before = tree::tree(scene.env.home());
    for words in [&["stats"][..], &["list", "--credentials"], &["list", "--accounts"]] {
        scene.env.run(words).ok();
    }
    let mut after = tree::tree(scene.env.home());
    for (path, entry) in &mut after {
        // SQLite's marks of who reads.
        if path.to_string_lossy().ends_with("-shm") {
            *entry = before[path].clone();
        }
    }
    tree::assert_same(&before, &after);
}
