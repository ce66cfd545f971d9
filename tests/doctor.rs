//! What `doctor` finds, and that it changes nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use multicred::store::{Durability, OriginalRow, Store};
use rusqlite::Connection;
use serde_json::Value;

use crate::scene::ini;
use crate::scene::store::{Copy, beside};
use crate::scene::{Scene, tree};
use crate::support::env::Output;

/// bob's key, two sessions of his, and a file whose content was kept.
fn rich() -> Scene {
    let mut scene = Scene::with_bobs_roles();
    scene.import(&scene.alice, "alice");
    scene.become_in_bash("dev/Writer").ok();
    scene.env.aws_config("# mine\n");
    scene.env.run(&["sync", "dev/Reader"]).ok();
    scene
}

fn change(scene: &Scene, sql: &str) {
    assert!(Connection::open(scene.env.store()).unwrap().execute(sql, []).unwrap() > 0, "{sql} changed nothing");
}

/// What is wrong; not what is only to be known.
fn findings(output: &Output) -> Vec<Value> {
    let mut all = output.json()["findings"].as_array().unwrap().clone();
    all.retain(|finding| finding["severity"] == "fault");
    all
}

#[test]
fn a_healthy_store_has_no_findings_and_is_left_exactly_as_it_is() {
    let scene = rich();
    scene.env.run(&["doctor"]).ok();
    let before = tree::tree(scene.env.home());
    scene.env.run(&["doctor"]).ok().stdout_has("nothing is wrong").stdout_has("opens here without asking");
    let checked = scene.env.run(&["doctor", "--check", "--json"]);
    let seals = &checked.ok().json()["seals"];
    assert_eq!(seals["broken"], 0);
    assert_eq!(seals["credentials"], Copy::of(&scene.env.store()).count("credential"));
    assert_eq!(seals["originals"], 1);
    let mut after = tree::tree(scene.env.home());
    for (path, entry) in &mut after {
        // SQLite's marks of who reads.
        if path.to_string_lossy().ends_with("-shm") {
            *entry = before[path].clone();
        }
    }
    tree::assert_same(&before, &after);
    for secret in scene.secrets() {
        checked.nowhere(&secret);
    }
}

#[test]
fn without_a_store_nothing_is_wrong_and_none_is_made() {
    let scene = Scene::new();
    let output = scene.env.run(&["doctor", "--check"]);
    output.ok().stdout_has("there is no store").stdout_has("nothing is wrong");
    assert!(!scene.env.path("data/multicred").exists());
}

#[test]
fn every_seal_that_does_not_open_is_named_and_every_other_one_is_tried() {
    type Damage = fn(&mut Vec<u8>, &[u8]);
    let damages: [(&str, Damage); 5] = [
        ("the first bit flipped", |sealed, _| sealed[0] ^= 0x80),
        ("a bit flipped", |sealed, _| sealed[40] ^= 1),
        ("cut short", |sealed, _| sealed.truncate(50)),
        ("emptied", |sealed, _| sealed.clear()),
        ("moved from another row", |sealed, other| *sealed = other.to_vec()),
    ];
    for (damage, change) in damages {
        let scene = rich();
        let key = &scene.bob.access_key_id;
        let connection = Connection::open(scene.env.store()).unwrap();
        let sealed = |key: &str| -> Vec<u8> {
            let sql = "SELECT sealed FROM credential WHERE access_key_id = ?1";
            connection.query_row(sql, [key], |row| row.get(0)).unwrap()
        };
        let mut changed = sealed(key);
        change(&mut changed, &sealed(&scene.alice.access_key_id));
        let sql = "UPDATE credential SET sealed = ?1 WHERE access_key_id = ?2";
        assert_eq!(connection.execute(sql, rusqlite::params![changed, key]).unwrap(), 1);
        drop(connection);
        let output = scene.env.run(&["doctor", "--check", "--json"]);
        output.code(1);
        let found = findings(&output);
        assert_eq!(found.len(), 1, "{damage}: {found:?}");
        assert_eq!(found[0]["about"], format!("credential {key}"), "{damage}");
        assert!(found[0]["fact"].as_str().unwrap().contains("user/bob"), "{damage}: {found:?}");
        assert!(found[0]["remedy"].as_str().unwrap().contains("restore"));
        let seals = &output.json()["seals"];
        let all = Copy::of(&scene.env.store()).count("credential");
        assert_eq!((seals["credentials"].as_i64(), seals["broken"].as_i64()), (Some(all), Some(1)), "{damage}");
        scene.env.run(&["doctor"]).ok();
    }
}

#[test]
fn an_identity_that_was_edited_loses_each_of_its_credentials_by_name() {
    let scene = rich();
    change(&scene, "UPDATE identity SET name = 'mallory' WHERE name = 'bob'");
    let output = scene.env.run(&["doctor", "--check", "--json"]);
    output.code(1);
    let keys = Copy::of(&scene.env.store()).texts(
        "SELECT 'credential ' || access_key_id FROM credential c JOIN identity i ON i.id = c.identity
         WHERE i.name = 'mallory' ORDER BY c.id",
    );
    let named: Vec<Value> = findings(&output).iter().map(|finding| finding["about"].clone()).collect();
    assert_eq!(named, keys);
    assert!(!keys.is_empty());
}

#[test]
fn a_kept_file_that_was_changed_or_moved_is_named_by_its_path() {
    for sql in ["UPDATE file_original SET path = path || '2'", "UPDATE file_original SET kept_at = kept_at + 1"] {
        let scene = rich();
        change(&scene, sql);
        let output = scene.env.run(&["doctor", "--check", "--json"]);
        output.code(1);
        let path = Copy::of(&scene.env.store()).texts("SELECT path FROM file_original").remove(0);
        assert_eq!(findings(&output)[0]["about"], format!("original {path}"));
        assert_eq!(output.json()["seals"]["broken"], 1);
    }
}

#[test]
fn a_reference_to_nothing_and_a_damaged_page_are_found_and_the_rest_is_still_tried() {
    let scene = rich();
    let connection = Connection::open(scene.env.store()).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = off; DELETE FROM identity WHERE name = 'Reader'").unwrap();
    drop(connection);
    let output = scene.env.run(&["doctor", "--check"]);
    output
        .code(1)
        .stdout_has("belongs to a row of identity that is not there")
        .stdout_has("that it belongs to is gone");
    let path = scene.env.store();
    Connection::open(&path).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let root: usize =
        Copy::of(&path).texts("SELECT rootpage FROM sqlite_schema WHERE name = 'credential'")[0].parse().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[(root - 1) * 4096..][..200].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    let output = scene.env.run(&["doctor", "--check", "--json"]);
    output.code(1);
    assert!(output.json()["findings"].to_string().contains("damaged"));
    assert_eq!(output.json()["seals"]["originals"], 1);
}

#[test]
fn loose_modes_are_told_with_the_command_that_mends_each_and_are_not_mended() {
    let scene = rich();
    let path = scene.env.store();
    let folder = path.parent().unwrap();
    let loose = [(path.clone(), 0o644), (beside(&path, ".key"), 0o640), (folder.join("history.jsonl"), 0o604)];
    for (file, mode) in &loose {
        fs::set_permissions(file, fs::Permissions::from_mode(*mode)).unwrap();
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    let output = scene.env.run(&["doctor"]);
    output.code(1).stdout_has(&format!("chmod go-w {}", folder.display()));
    for (file, mode) in &loose {
        output.stdout_has(&format!("chmod 600 {}", file.display()));
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, *mode);
    }
    // What it says is what mends it.
    for line in output.stdout.lines().filter_map(|line| line.trim().strip_prefix("chmod ")) {
        let words: Vec<&str> = line.split(' ').collect();
        scene.env.program("chmod", &words).run().ok();
    }
    scene.env.run(&["doctor"]).ok();
}

#[test]
fn a_key_file_that_is_gone_or_anothers_is_told_and_a_store_that_does_not_open_is_locked() {
    let scene = rich();
    let key = beside(&scene.env.store(), ".key");
    let away = beside(&key, ".away");
    fs::rename(&key, &away).unwrap();
    let named = key.to_string_lossy().into_owned();
    scene.env.run(&["doctor"]).code(1).stdout_has("slot 1 (file)").stdout_has("does not open").stdout_has(&named);
    scene.env.run(&["doctor", "--check"]).code(4).stdout_has("locked").stdout_has("bring");
    let other = Scene::with_bob();
    fs::copy(beside(&other.env.store(), ".key"), &key).unwrap();
    scene.env.run(&["doctor"]).code(1).stdout_has("is the key of another store");
    fs::rename(&away, &key).unwrap();
    scene.env.run(&["doctor", "--check"]).ok();
}

#[test]
fn what_is_no_store_a_newer_one_and_what_a_lost_one_left_are_findings() {
    let mut scene = Scene::new();
    scene.env.write("data/multicred/multicred.db", "text, not a database");
    scene.env.run(&["doctor"]).code(1).stdout_has("not a multicred store");
    let scene = rich();
    change(&scene, "UPDATE account SET colour = 'red'");
    Connection::open(scene.env.store()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    scene.env.run(&["doctor"]).code(1).stdout_has("newer multicred");
    let scene = rich();
    let busy = Connection::open(scene.env.store()).unwrap();
    busy.execute("UPDATE account SET colour = 'red'", []).unwrap();
    fs::remove_file(scene.env.store()).unwrap();
    scene.env.run(&["doctor"]).code(1).stdout_has("multicred.db-wal");
}

#[test]
fn an_older_store_is_told_and_not_migrated() {
    let scene = Scene::with_bobs_roles();
    let path = scene.env.store();
    crate::scene::store::make_version_1(&path);
    let before = fs::read(&path).unwrap();
    scene.env.run(&["doctor"]).code(1).stdout_has("its schema is 1");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(!beside(&path, ".v1").exists());
    scene.env.run(&["list"]).ok();
    scene.env.run(&["doctor"]).ok();
}

/// More rows than are looked up at once.
#[test]
fn every_one_of_very_many_seals_is_tried_once() {
    let scene = Scene::with_bob();
    let connection = Connection::open(scene.env.store()).unwrap();
    let many = "INSERT INTO credential (identity, access_key_id, kind, sealed, created_at)
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1700)
                SELECT identity, 'AKIA' || i, kind, sealed, created_at FROM n, credential";
    connection.execute(many, []).unwrap();
    drop(connection);
    let mut store = Store::open(&scene.env.store()).unwrap().unwrap();
    let row = OriginalRow { sealed: multicred::secret::Sealed(vec![1, 2, 3]), kept_at: 0 };
    let kept: Result<bool, multicred::store::StoreError> =
        store.write(Durability::Synced, |writing| writing.keep_original("/some/file", &row));
    kept.unwrap();
    drop(store);
    let output = scene.env.run(&["doctor", "--check", "--json"]);
    output.code(1);
    let seals = &output.json()["seals"];
    assert_eq!((seals["credentials"].as_i64(), seals["broken"].as_i64()), (Some(1701), Some(1701)));
    assert_eq!(findings(&output).len(), 1701);
}

/// Each finding, as `severity about`.
fn all(output: &Output) -> Vec<String> {
    let found = output.json()["findings"].as_array().unwrap().clone();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    found.iter().map(|finding| format!("{} {}", text(finding, "severity"), text(finding, "about"))).collect()
}

fn finding(output: &Output, about: &str) -> Value {
    let found = output.json()["findings"].as_array().unwrap().iter().find(|it| it["about"] == about).cloned();
    found.unwrap_or_else(|| panic!("nothing of {about}\n{output}"))
}

/// A person who has just installed it, and has used AWS before: nothing of theirs is a fault.
#[test]
fn on_a_fresh_machine_nothing_is_wrong() {
    let mut scene = Scene::new();
    scene.env.unset("AWS_ENDPOINT_URL").set("SHELL", "/bin/bash");
    let told = scene.env.run(&["doctor", "--json"]);
    told.ok();
    assert_eq!(all(&told), [format!("note {}", scene.env.path(".bashrc").display())]);
    scene.env.write(".bashrc", "eval \"$(multicred init bash)\"\n");
    assert!(all(scene.env.run(&["doctor", "--json"]).ok()).is_empty());
    scene.env.aws_config("[default]\nregion = eu-west-1\n").aws_credentials(&ini("default", &scene.bob));
    scene.env.run(&["doctor"]).ok().stdout_has("nothing is wrong").stdout_has("multicred import --all");
}

#[test]
fn a_long_term_key_in_plain_text_is_told_with_its_line_and_what_is_temporary_is_not() {
    let mut scene = Scene::with_bob();
    let temporary = ini("soon", &scene.alice).replace("AKIA", "ASIA") + "aws_session_token = x\n";
    scene.env.aws_credentials(&(temporary + &ini("mine", &scene.alice) + &ini("kept", &scene.bob)));
    let output = scene.env.run(&["doctor", "--json"]);
    output.ok();
    let file = scene.env.path(".aws/credentials").display().to_string();
    let unknown = finding(&output, &format!("{file}:6"));
    assert!(unknown["fact"].as_str().unwrap().contains("profile mine"), "{unknown}");
    assert!(unknown["remedy"].as_str().unwrap().contains("multicred import --all"), "{unknown}");
    let stored = finding(&output, &format!("{file}:9"));
    assert!(stored["remedy"].as_str().unwrap().contains("the store has this key"), "{stored}");
    assert!(!output.stdout.contains("profile soon"), "{output}");
    for secret in scene.secrets() {
        output.nowhere(&secret);
    }
    // Others can read it: that is worse.
    fs::set_permissions(scene.env.path(".aws/credentials"), fs::Permissions::from_mode(0o644)).unwrap();
    scene.env.run(&["doctor"]).code(1).stdout_has(&format!("chmod 600 {file}"));
}

#[test]
fn who_else_can_have_commands_run_as_you_is_told() {
    let mut scene = Scene::new();
    scene.env.aws_config("[default]\n").write("config/multicred/config.toml", "");
    for (path, mode, severity) in [
        (".aws/config", 0o606, "fault"),
        (".aws", 0o777, "fault"),
        (".aws/config", 0o660, "note"),
        ("config/multicred/config.toml", 0o602, "fault"),
        ("config/multicred", 0o707, "fault"),
    ] {
        let path = scene.env.path(path);
        let before = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let output = scene.env.run(&["doctor", "--json"]);
        assert_eq!(finding(&output, &path.display().to_string())["severity"], severity, "{mode:o}");
        assert_eq!(output.status, i32::from(severity == "fault"));
        fs::set_permissions(&path, before).unwrap();
    }
}

#[test]
fn in_a_shell_that_is_somebody_what_wins_over_the_switch_is_told() {
    let scene = Scene::with_bobs_roles();
    let inside = |words: &[&str]| {
        let all = [&["exec", "dev/Reader", "--", "env"], words, &["multicred", "doctor", "--json"]].concat();
        scene.env.run(&all)
    };
    let faults = |output: &Output| findings(output).iter().map(|it| it["about"].as_str().unwrap().to_owned()).collect();
    let none: Vec<String> = faults(inside(&[]).ok());
    assert!(none.is_empty(), "{none:?}");
    let profile: Vec<String> = faults(inside(&["AWS_PROFILE=other"]).code(1));
    assert_eq!(profile, ["AWS_PROFILE"]);
    let by_hand: Vec<String> = faults(inside(&["AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE"]).code(1));
    assert_eq!(by_hand, ["AWS_ACCESS_KEY_ID"]);
}

#[test]
fn a_clock_that_aws_would_refuse_is_a_fault_and_one_that_is_a_little_off_is_not() {
    let scene = Scene::with_bob();
    for (offset, severity) in [(0, None), (-120, Some("note")), (400, Some("fault")), (-400, Some("fault"))] {
        scene.sts.set_clock_offset(offset);
        let output = scene.env.run(&["doctor", "--check", "--json"]);
        output.code(i32::from(severity == Some("fault")));
        let ahead = output.json()["clock_ahead"].as_i64().unwrap();
        assert!((ahead + offset).abs() < 10, "{ahead}");
        let told = all(&output).into_iter().find(|finding| finding.ends_with("the clock"));
        assert_eq!(told, severity.map(|severity| format!("{severity} the clock")), "{offset}");
    }
    assert!(scene.env.run(&["doctor", "--json"]).ok().json()["clock_ahead"].is_null());
}

/// It takes connections, and never answers.
#[test]
fn aws_that_is_not_reached_is_no_fault_and_is_not_waited_for_without_end() {
    let mut scene = Scene::with_bob();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for address in [format!("http://{}", silent.local_addr().unwrap()), "http://127.0.0.1:1".to_owned()] {
        scene.env.set("AWS_ENDPOINT_URL", address);
        let output = scene.env.run(&["doctor", "--check", "--json"]);
        output.ok();
        assert!(all(&output).contains(&"note the clock".to_owned()), "{output}");
    }
}

#[test]
fn an_old_key_is_told_with_what_changes_it() {
    let scene = Scene::with_bob();
    let key = &scene.bob.access_key_id;
    change(&scene, "UPDATE credential SET created_at = created_at - 91 * 86400");
    let output = scene.env.run(&["doctor", "--json"]);
    let old = finding(output.ok(), &format!("credential {key}"));
    assert_eq!((&old["severity"], &old["remedy"]), (&"note".into(), &"multicred rotate bob".into()));
    assert!(old["fact"].as_str().unwrap().contains("91 days"), "{old}");
}

#[test]
fn the_agent_is_named_and_what_a_dead_one_left_is_told() {
    let scene = Scene::with_bob();
    scene.env.run(&["agent", "start"]).ok();
    let output = scene.env.run(&["doctor", "--json"]);
    let pid = u32::try_from(output.ok().json()["agent"]["pid"].as_u64().unwrap()).unwrap();
    scene.env.run(&["doctor"]).ok().stdout_has(&format!("agent {pid} ("));
    scene.env.run(&["agent", "stop"]).ok();
    let socket = scene.env.path("run/multicred/agent.sock");
    drop(
        std::os::unix::net::UnixListener::bind(&socket)
            .or_else(|_| fs::remove_file(&socket).and_then(|()| std::os::unix::net::UnixListener::bind(&socket))),
    );
    let output = scene.env.run(&["doctor", "--json"]);
    assert!(output.ok().json()["agent"].is_null());
    assert_eq!(finding(&output, &socket.display().to_string())["severity"], "note");
}

#[test]
fn settings_that_cannot_be_followed_are_told_with_their_line() {
    let mut scene = Scene::new();
    scene.env.write("config/multicred/config.toml", "\n[mfa]\ndrver = 'ykman'\n");
    scene.env.run(&["doctor"]).code(1).stdout_has("config.toml:3: there is no setting mfa.drver");
    scene.env.set("AWS_CA_BUNDLE", "/no/such/bundle").set("HTTPS_PROXY", "http://me:hush@proxy:3128");
    let output = scene.env.run(&["doctor"]);
    output.code(1).stdout_has("/no/such/bundle").stdout_has("http://proxy:3128").nowhere("hush");
}

/// A name from a file is shown as what it is, and nothing of it reaches the terminal.
#[test]
fn hostile_names_in_the_files_are_escaped() {
    let mut scene = Scene::new();
    scene.env.aws_credentials(&ini("x\u{1b}[31m\u{7}", &scene.bob));
    let output = scene.env.run(&["doctor"]);
    assert!(!output.stdout.contains('\u{1b}') && output.stdout.contains("profile x\\u{1b}[31m"), "{output}");
}
