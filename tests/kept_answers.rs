//! Answers kept of the last time: given without opening the store, and never where anything has changed.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use multicred::store::{Durability, Store};

use crate::scene::refusal::Refusal;
use crate::scene::seat::eventually;
use crate::scene::{DEV, PROD, Scene, ini, key_in_code, traced, tree};
use crate::support::env::Output;
use crate::support::sts::{Fault, Role};

/// dev/Reader is answered from what was kept.
fn kept() -> Scene {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["credential-process", "dev/Reader"]).ok();
    keep(&scene);
    scene
}

/// Waits until nobody has written to the store lately, and asks again.
fn keep(scene: &Scene) {
    settle();
    scene.env.run(&["credential-process", "dev/Reader"]).ok();
    assert_eq!(answers(scene).len(), 1, "an answer is kept");
    assert!(!opens_the_store(scene, &["credential-process", "dev/Reader"]));
}

fn settle() {
    std::thread::sleep(Duration::from_millis(3_100));
}

fn answers(scene: &Scene) -> Vec<PathBuf> {
    let folder = scene.env.path("run/multicred/answers");
    if !folder.exists() {
        return Vec::new();
    }
    tree::tree(&folder).into_keys().filter(|path| path.is_file()).collect()
}

/// Whether the database is opened, as strace sees it.
fn opens_the_store(scene: &Scene, words: &[&str]) -> bool {
    let (output, calls) = traced::run_tracing(&scene.env, words, None, &[], "openat");
    output.ok();
    calls.iter().any(|call| call.line.contains("multicred.db\""))
}

fn ask(scene: &Scene) -> Output {
    scene.env.run(&["credential-process", "dev/Reader"])
}

#[test]
fn the_same_question_is_answered_alike_without_opening_the_store() {
    let scene = kept();
    let answer = ask(&scene).ok().stdout.clone();
    let calls = scene.sts.calls().len();
    for file in answers(&scene) {
        fs::remove_file(file).unwrap();
    }
    ask(&scene).ok().stdout_is(&answer);
    assert_eq!(scene.sts.calls().len(), calls);
}

#[test]
fn a_switch_is_answered_so_too_and_is_in_the_history() {
    let scene = kept();
    let first = scene.become_in_bash("dev/Reader").ok().stdout.clone();
    assert_eq!(answers(&scene).len(), 2, "a shell may use a credential longer than a program");
    assert!(!opens_the_store(&scene, &["as", "--shell", "bash", "dev/Reader"]));
    scene.become_in_bash("dev/Reader").ok().stdout_is(&first);
    let history = fs::read_to_string(scene.env.store().with_file_name("history.jsonl")).unwrap();
    let switches = history.lines().filter(|line| line.contains("\"event\":\"switch\"") && line.contains("dev/Reader"));
    assert_eq!(switches.count(), 3);
}

#[test]
fn a_change_of_the_store_is_seen_at_once() {
    let scene = kept();
    let old = ask(&scene).ok().json();
    scene.env.run(&["link", "dev/Reader", "--parent", "bob", "--session-name", "other"]).ok();
    assert_eq!(answers(&scene).len(), 0, "what was kept is gone");
    assert_ne!(ask(&scene).ok().json()["AccessKeyId"], old["AccessKeyId"]);
    let scene = kept();
    scene.env.run(&["account", crate::scene::DEV, "--alias", "changed"]).ok();
    ask(&scene).refused(3, &["dev/Reader"]);
}

#[test]
fn a_change_by_another_program_is_seen_though_it_forgets_nothing() {
    let scene = kept();
    let connection = rusqlite::Connection::open(scene.env.store()).unwrap();
    connection.execute("DELETE FROM credential WHERE kind = 'role'", []).unwrap();
    let old = scene.sts.count("AssumeRole");
    ask(&scene).ok();
    assert_eq!(scene.sts.count("AssumeRole"), old + 1, "while it is in the log alone");
    keep(&scene);
    connection.execute("DELETE FROM credential WHERE kind = 'role'", []).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(connection);
    ask(&scene).ok();
    assert_eq!(scene.sts.count("AssumeRole"), old + 2, "and when it is written out");
}

#[test]
fn a_store_that_was_put_in_its_place_is_another_store() {
    let scene = kept();
    let (store, aside) = (scene.env.store(), scene.env.path("aside.db"));
    fs::copy(&store, &aside).unwrap();
    fs::rename(&aside, &store).unwrap();
    settle();
    assert!(opens_the_store(&scene, &["credential-process", "dev/Reader"]));
}

#[test]
fn a_profile_that_appears_with_the_name_makes_it_ambiguous_at_once() {
    let mut scene = kept();
    scene
        .env
        .aws_config("[profile dev/Reader]\nrole_arn = arn:aws:iam::999988887777:role/Reader\nsource_profile = x\n");
    ask(&scene).refused(3, &["could be"]);
}

#[test]
fn another_question_is_another_answer() {
    let scene = kept();
    let key = |words: &[&str]| scene.env.run(words).ok().json()["AccessKeyId"].clone();
    let old = key(&["credential-process", "dev/Reader"]);
    assert_ne!(key(&["credential-process", "--session-name", "ci", "dev/Reader"]), old);
    assert_ne!(key(&["credential-process", "--fresh", "dev/Reader"]), old);
    let elsewhere =
        scene.env.command(&["credential-process", "dev/Reader"]).set("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    elsewhere.run().refused(6, &["no answer"]);
    let other_store = scene.env.command(&["credential-process", "dev/Reader"]).set("MULTICRED_STORE", "none.db").run();
    other_store.refused(3, &["no identity"]);
    scene.env.run(&["credential-process", "--mfa-code", "no code", "dev/Reader"]).refused(2, &["six digits"]);
}

#[test]
fn without_its_key_the_store_is_locked_all_the_same() {
    let scene = kept();
    let key = scene.env.store().with_file_name("multicred.db.key");
    let good = fs::read_to_string(&key).unwrap();
    fs::remove_file(&key).unwrap();
    ask(&scene).refused(4, &["the store is locked"]);
    fs::write(&key, good.replace(' ', " A")).unwrap();
    ask(&scene).refused(4, &["the store is locked"]);
}

#[test]
fn a_store_that_others_may_read_is_tightened_as_ever() {
    let scene = kept();
    fs::set_permissions(scene.env.store(), Permissions::from_mode(0o644)).unwrap();
    ask(&scene).ok();
    let mode = fs::metadata(scene.env.store()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[test]
fn what_was_tampered_with_or_has_ended_is_looked_up_instead() {
    let scene = kept();
    let answer = ask(&scene).ok().stdout.clone();
    let file = answers(&scene).remove(0);
    let good: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let with = |change: fn(&mut serde_json::Value)| {
        let mut changed = good.clone();
        change(&mut changed);
        changed.to_string().into_bytes()
    };
    for (what, bytes) in [
        ("garbage", b"garbage".to_vec()),
        ("nothing", Vec::new()),
        ("half of it", good.to_string().into_bytes()[..200].to_vec()),
        ("its end", with(|answer| answer["until"] = 1.into())),
        ("a time to come", with(|answer| answer["from"] = (i64::MAX - 1).into())),
        ("its stamps", with(|answer| answer["stamps"] = "other".into())),
        ("another holder", with(|answer| answer["secret"]["holder"] = "aws:111122223333:role:Admin".into())),
        ("another key id", with(|answer| answer["access_key_id"] = "ASIAOTHER12345678901".into())),
        ("another seal", with(|answer| answer["secret"]["sealed"] = "AAAA".into())),
    ] {
        fs::write(&file, bytes).unwrap();
        let output = ask(&scene);
        output.ok().stdout_is(&answer).holds(true, what);
    }
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &file).unwrap();
    ask(&scene).ok().stdout_is(&answer);
    fs::remove_file(&file).unwrap();
    scene.env.program("mkfifo", &[&file.to_string_lossy()]).run().ok();
    ask(&scene).ok().stdout_is(&answer);
}

#[test]
fn an_answer_under_another_questions_name_is_none_to_it() {
    let scene = kept();
    scene.env.run(&["credential-process", "dev/Writer"]).ok();
    settle();
    scene.env.run(&["credential-process", "dev/Writer"]).ok();
    let reader = ask(&scene).ok().stdout.clone();
    settle();
    assert_eq!(ask(&scene).ok().stdout, reader);
    let [one, other] = &answers(&scene)[..] else { panic!("two answers") };
    let texts = [one, other].map(|file| fs::read(file).unwrap());
    fs::write(one, &texts[1]).unwrap();
    fs::write(other, &texts[0]).unwrap();
    assert_eq!(ask(&scene).ok().stdout, reader);
}

#[test]
fn the_store_that_is_used_where_none_is_named_is_part_of_the_question() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.aws_config("[profile via]\ncredential_process = multicred credential-process dev/Reader\n");
    let store = scene.env.store();
    let via = ["--store", &*store.to_string_lossy(), "credential-process", "via"];
    scene.env.run(&via).ok();
    // The second time the parsed profiles are kept in the store, which has to settle again.
    for _ in 0..2 {
        settle();
        scene.env.run(&via).ok();
    }
    assert!(!answers(&scene).is_empty());
    scene.env.command(&via).set("MULTICRED_STORE", "/nowhere/other.db").run().refused(1, &["credential_process"]);
}

#[test]
fn a_folder_of_somebody_else_is_neither_read_nor_written() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.run(&["credential-process", "dev/Reader"]).ok();
    settle();
    // Others may write into the runtime folder: whatever stands in it may be theirs.
    let run = scene.env.path("open");
    fs::create_dir_all(run.join("multicred/answers")).unwrap();
    fs::set_permissions(run.join("multicred"), Permissions::from_mode(0o777)).unwrap();
    scene.env.set("XDG_RUNTIME_DIR", run.to_string_lossy());
    ask(&scene).ok();
    assert_eq!(fs::read_dir(run.join("multicred/answers")).unwrap().count(), 0);
}

#[test]
fn an_answer_ends_when_the_stored_credential_would_not_do() {
    let scene = kept();
    let file = answers(&scene).remove(0);
    let answer: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let end = answer["expires_at"].as_i64().unwrap();
    assert_eq!(answer["until"].as_i64().unwrap(), end - 960, "sixteen minutes before its end for a program");
    let text = fs::read_to_string(&file).unwrap();
    assert!(scene.secrets().iter().all(|secret| !text.contains(secret.as_str())), "no secret in the clear");
    tree::assert_private(scene.env.home());
}

#[test]
fn what_only_the_person_can_renew_is_looked_up_each_time() {
    let scene = Scene::with_bob();
    let saml = scene.sts.world(|world| {
        world.role(crate::support::sts::Role::new(crate::scene::PROD, "Saml"));
        world.saml_session(&format!("arn:aws:iam::{}:role/Saml", crate::scene::PROD), "me", 3000)
    });
    let json = serde_json::json!({ "Credentials": {
        "AccessKeyId": saml.access_key_id, "SecretAccessKey": saml.secret, "SessionToken": saml.session_token
    }});
    scene.env.run_with_stdin(&["import", "-", "--label", "saml"], json.to_string()).ok();
    settle();
    for name in ["saml", &scene.bob.access_key_id] {
        scene.env.run(&["credential-process", name]).ok();
    }
    let code = scene.env.run(&["as", "--shell", "bash", "--no-session", "bob"]);
    assert_eq!(key_in_code(&code.ok().stdout), Some(scene.bob.access_key_id.as_str()));
    assert_eq!(answers(&scene), Vec::<PathBuf>::new());
}

#[test]
fn an_answer_of_a_profiles_own_address_is_none_where_addresses_are_to_be_passed_over() {
    let mut scene = Scene::new();
    let (keys, url) = (ini("bob", &scene.bob), scene.sts.url());
    scene.env.aws_credentials(&keys).set("AWS_ENDPOINT_URL", "");
    scene.env.aws_config(&format!(
        "[profile local]\nrole_arn = arn:aws:iam::{DEV}:role/Reader\nsource_profile = bob\nendpoint_url = {url}\n"
    ));
    let local = ["credential-process", "local"];
    scene.env.run(&local).ok();
    settle();
    scene.env.run(&local).ok();
    settle();
    scene.env.run(&local).ok();
    assert!(!answers(&scene).is_empty(), "an answer is kept");
    // A proxy that is not there keeps this from AWS itself.
    let elsewhere = scene.env.command(&local).set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    elsewhere.set("HTTPS_PROXY", "http://127.0.0.1:1").run().code(6).stdout_is("");
}

#[test]
fn a_config_that_changes_while_it_is_followed_is_read_again() {
    let mut scene = Scene::with_bob();
    let saml = scene.sts.world(|world| {
        world.role(Role::new(PROD, "Saml"));
        world.saml_session(&format!("arn:aws:iam::{PROD}:role/Saml"), "me", 9000)
    });
    let imported = serde_json::json!({ "Credentials": {
        "AccessKeyId": saml.access_key_id, "SecretAccessKey": saml.secret, "SessionToken": saml.session_token
    }});
    scene.env.run_with_stdin(&["import", "-", "--label", "saml"], imported.to_string()).ok();
    let mut store = Store::open(&scene.env.store()).unwrap().unwrap();
    let id = store.read().credential_with_key(&saml.access_key_id).unwrap().unwrap().id;
    store.write(Durability::Synced, |writing| writing.set_guessed_expiry(id, 1)).unwrap();
    drop(store);
    scene.env.aws_config("[profile old]\ncredential_process = multicred credential-process bob\n");
    settle();
    // Whether it still works is asked between reading the config and keeping what was read.
    scene.sts.fault_always("GetCallerIdentity", Fault::Delay(Duration::from_secs(4)));
    scene.sts.clear_calls();
    let running = scene.env.spawn(&["credential-process", "saml"]);
    assert!(eventually(|| scene.sts.count("GetCallerIdentity") == 1));
    scene.env.aws_config("[profile new]\ncredential_process = multicred credential-process bob\n");
    running.end_within(crate::scene::PATIENCE).ok();
    scene.env.run(&["credential-process", "new"]).ok();
    scene.env.run(&["credential-process", "old"]).refused(3, &["old"]);
}
