//! Protected accounts, where nobody can be asked: what is refused, what is not, and what is asked of AWS.

use std::fs;

use multicred::store::{Durability, Store};
use serde_json::{Value, json};

use crate::scene::refusal::Refusal;
use crate::scene::{DEV, PROD, Scene, ini, tree};
use crate::support::env::Output;
use crate::support::sts::KeyPair;

/// bob and his roles, of an account that is protected.
fn protected() -> Scene {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["account", "dev", "--protect"]).ok().stdout_has("is dev, protected");
    scene.sts.clear_calls();
    scene
}

/// What a person can take away only on a terminal.
fn unprotect(scene: &Scene) {
    let mut store = Store::open(&scene.env.store()).unwrap().unwrap();
    let id = store.read().accounts_named("dev").unwrap()[0].id;
    store.write(Durability::Synced, |writing| writing.set_protected(id, false)).unwrap();
}

fn events(scene: &Scene) -> Vec<Value> {
    let text = fs::read_to_string(scene.env.store().with_file_name("history.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
fn asks_nobody_of_aws(scene: &Scene, output: &Output) {
    output.refused(4, &["of the protected account dev (111122223333)", "no terminal", "--read-only"]);
    assert_eq!(scene.sts.calls().len(), 0, "{output:?}");
}

#[test]
fn without_a_terminal_every_way_to_a_credential_is_refused_before_any_call() {
    let scene = protected();
    for words in [
        &["as", "--shell", "bash", "dev/Reader"][..],
        &["as", "--shell", "bash", "--renew", "dev/Reader"],
        &["as", "--shell", "fish", "dev/Reader", "--live"],
        &["as", "--shell", "bash", "dev/Reader", "--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"],
        &["exec", "dev/Reader", "--", "touch", "ran"],
        &["exec", "--live", "dev/Reader", "--", "touch", "ran"],
        &["env", "dev/Reader"],
        &["env", "dev/Reader", "--to-profile", "out"],
        &["credential-process", "dev/Reader"],
        &["console", "dev/Reader", "--print"],
        &["serve", "dev/Reader"],
        &["--no-input", "credential-process", "dev/Reader"],
    ] {
        asks_nobody_of_aws(&scene, &scene.env.run(words));
    }
    assert!(!scene.env.path("ran").exists());
    let last = events(&scene).pop().unwrap();
    assert!(last["outcome"].as_str().unwrap().contains("no terminal"), "{last}");
}

#[test]
fn whatever_it_is_called_by_it_is_protected() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.aws_config(&format!(
        "[profile bob]\nregion = eu-west-1\n[profile by-role]\nrole_arn = arn:aws:iam::{DEV}:role/Reader\nsource_profile = bob\n\
         [profile by-source]\nsource_profile = bob\n\
         [profile by-process]\ncredential_process = multicred credential-process dev/Reader\n"
    ));
    let key = scene.env.run(&["credential-process", "dev/Reader"]).ok().json()["AccessKeyId"].clone();
    scene.env.run(&["account", DEV, "--protect"]).ok();
    scene.sts.clear_calls();
    for name in [
        "dev/Reader",
        "dev/role/Reader",
        "111122223333/Reader",
        "arn:aws:iam::111122223333:role/Reader",
        "arn:aws:sts::111122223333:assumed-role/Reader/x",
        "dev/Writer",
        "bob",
        "dev/user/bob",
        "by-role",
        "by-source",
        "by-process",
        key.as_str().unwrap(),
        &scene.bob.access_key_id,
    ] {
        asks_nobody_of_aws(&scene, &scene.env.run(&["credential-process", name]));
        asks_nobody_of_aws(&scene, &scene.env.run(&["as", "--shell", "bash", name]));
    }
    let by_flags = ["exec", "--account", "dev", "--role", "Reader", "--", "true"];
    asks_nobody_of_aws(&scene, &scene.env.run(&by_flags));
}

#[test]
fn an_answer_that_was_kept_before_the_protection_is_none_after_it() {
    let scene = Scene::with_bobs_roles();
    let ask = || scene.env.run(&["credential-process", "dev/Reader"]);
    let answers = || match scene.env.path("run/multicred/answers") {
        folder if folder.exists() => tree::tree(&folder).into_keys().filter(|path| path.is_file()).count(),
        _ => 0,
    };
    let settle = || std::thread::sleep(std::time::Duration::from_millis(3_100));
    for _ in 0..2 {
        ask().ok();
        settle();
        ask().ok();
        scene.become_in_bash("dev/Reader").ok();
        assert_eq!(answers(), 2, "a program's and a shell's");
        scene.env.run(&["account", "dev", "--protect"]).ok();
        ask().refused(4, &["protected"]);
        scene.become_in_bash("dev/Reader").refused(4, &["protected"]);
        settle();
        ask().refused(4, &["protected"]);
        scene.become_in_bash("dev/Reader").refused(4, &["protected"]);
        assert_eq!(answers(), 0);
        // A read-only session of it is never kept either: it is no plain question.
        scene.env.run(&["credential-process", "--read-only", "dev/Reader"]).ok();
        assert_eq!(answers(), 0);
        unprotect(&scene);
        ask().ok();
    }
}

#[test]
fn what_only_reads_needs_no_confirmation_and_keeps_to_the_lease() {
    let scene = protected();
    let calls = |action| scene.sts.calls_of(action);
    scene.env.run(&["exec", "--read-only", "dev/Reader", "--", "true"]).ok();
    let call = calls("AssumeRole").pop().unwrap();
    assert_eq!(call.param("PolicyArns.member.1.arn"), "arn:aws:iam::aws:policy/ReadOnlyAccess");
    assert_eq!(call.param("DurationSeconds"), "900");
    let code = scene.env.run(&["as", "--shell", "bash", "--read-only", "dev/Reader"]);
    code.ok().stdout_has("MULTICRED_COLOR='red'").stdout_has("MULTICRED_RENEWABLE='1'");
    code.stdout_has("MULTICRED_RESTRICTED='1'").stdout_has("MULTICRED_IDENTITY='dev/Reader'");
    for words in [&["env"][..], &["credential-process"], &["console", "--print"]] {
        let words = [words, &["--read-only", "dev/Reader"]].concat();
        if words[0] != "console" {
            scene.env.run(&words).ok();
        }
    }
    assert_eq!(calls("AssumeRole").len(), 1, "it is found in the store");
    scene.env.run(&["exec", "--read-only", "bob", "--", "true"]).ok();
    assert_eq!(calls("GetFederationToken").pop().unwrap().param("DurationSeconds"), "900");
    assert!(events(&scene).iter().all(|event| event["event"] != "confirm"));
}

#[test]
fn more_than_the_lease_is_a_wrong_command_line_that_names_it() {
    let mut scene = protected();
    let exec = |scene: &Scene, words: &[&str]| scene.env.run(&[&["exec"], words, &["--", "true"]].concat());
    exec(&scene, &["--duration", "1h", "dev/Reader"]).refused(2, &["at most 15m, not 1h", "protected.lease"]);
    exec(&scene, &["--duration", "1h", "--read-only", "dev/Reader"]).refused(2, &["at most 15m, not 1h"]);
    exec(&scene, &["--duration", "20h", "dev/Reader"]).refused(2, &["at most 15m"]);
    exec(&scene, &["--no-session", "bob"]).refused(2, &["has no end", &scene.bob.access_key_id]);
    scene.env.write("config/multicred/config.toml", "[protected]\nlease = \"30m\"\n");
    exec(&scene, &["--duration", "31m", "dev/Reader"]).refused(2, &["at most 30m, not 31m"]);
    exec(&scene, &["--duration", "20m", "--read-only", "dev/Reader"]).ok();
    exec(&scene, &["--read-only", "dev/Reader"]).ok();
    let durations: Vec<String> =
        scene.sts.calls_of("AssumeRole").iter().map(|call| call.param("DurationSeconds").to_owned()).collect();
    assert_eq!(durations, ["1200", "1800"]);
    for bad in ["14m", "13h", "x", ""] {
        scene.env.write("config/multicred/config.toml", format!("[protected]\nlease = \"{bad}\"\n"));
        exec(&scene, &["--read-only", "dev/Reader"]).refused(2, &["protected.lease", "from 15m to 12h"]);
    }
    scene.env.write("config/multicred/config.toml", "");
    scene.env.run(&["config"]).ok().stdout_has("protected.lease");
}

#[test]
fn who_stands_in_the_middle_of_a_chain_is_not_asked_about() {
    let scene = Scene::with_alices_roles();
    scene.env.run(&["account", "dev", "--protect"]).ok();
    let code = scene.sts.mfa_code(&scene.serial);
    scene.env.run(&["exec", "--mfa-code", &code, "prod/Auditor", "--", "true"]).ok();
    let roles = scene.sts.calls_of("AssumeRole");
    assert_eq!(roles.iter().map(|call| call.param("DurationSeconds")).collect::<Vec<_>>(), ["3600", "3600"]);
    // prod/Admin's session is in the store now, and good for an hour: it is nobody's to be had.
    scene.env.run(&["account", "prod", "--protect"]).ok();
    scene.env.run(&["exec", "prod/Admin", "--", "true"]).refused(4, &["protected account prod"]);
    assert_eq!(scene.sts.calls_of("AssumeRole").len(), 2);
    let list = scene.env.run(&["list", "--json"]).ok().json();
    let of = |name: &str| list.as_array().unwrap().iter().find(|row| row["identity"] == name).unwrap().clone();
    assert_eq!((&of("prod/Admin")["state"], &of("prod/Auditor")["state"]), (&json!("renewable"), &json!("renewable")));
}

#[test]
fn protection_needs_an_alias_to_type_and_only_a_person_takes_it_away() {
    let scene = Scene::with_bobs_roles();
    let account = |words: &[&str]| scene.env.run(&[&["account"], words].concat());
    account(&[PROD, "--protect"]).refused(2, &["has no alias", "--protect --alias NAME"]);
    account(&["dev", "--protect", "--unprotect"]).refused(2, &["cannot be used with"]);
    account(&[PROD, "--protect", "--alias", "prod"]).ok().stdout_is("account 222233334444 is prod, protected\n");
    assert_eq!(account(&["prod", "--json"]).ok().json()["protected"], json!(true));
    account(&["prod"]).ok().stdout_has("protected");
    account(&["prod", "--unprotect"]).refused(4, &["the account prod (222233334444) is protected", "on a terminal"]);
    account(&["prod", "--unprotect", "--alias", "x", "--color", "blue"]).refused(4, &["protected"]);
    assert_eq!(account(&["prod", "--json"]).ok().json()["alias"], json!("prod"), "nothing was changed");
    account(&["prod", "--alias", "live"]).refused(4, &["the account prod (222233334444) is protected"]);
    account(&["dev", "--unprotect"]).ok().stdout_is("account 111122223333 is dev\n");
}

#[test]
fn what_reads_tells_of_the_protection_and_asks_nobody() {
    let scene = protected();
    let why = scene.env.run(&["why", "dev/Reader"]);
    why.ok().stdout_has("asks for the alias of the protected account: dev").stdout_has("lease: 15m at most");
    why.stdout_has("AssumeRole (15m, ").holds(!why.stdout.contains("no prompt"), "a prompt");
    let json = scene.env.run(&["why", "--json", "dev/Reader"]).ok().json();
    assert_eq!((&json["protected"], &json["lease"]), (&json!(true), &json!(900)));
    let show = scene.env.run(&["show", "dev/Reader"]);
    show.ok().stdout_has(", protected");
    unprotect(&scene);
    let json = scene.env.run(&["why", "--json", "dev/Reader"]).ok().json();
    assert_eq!((&json["protected"], &json["lease"]), (&json!(false), &Value::Null));
    scene.env.run(&["why", "dev/Reader"]).ok().stdout_has("AssumeRole (1h, ").stdout_has("no prompt");
}

#[test]
fn a_variable_that_says_so_confirms_nothing() {
    let scene = Scene::with_bobs_roles();
    let json = scene.env.run(&["credential-process", "dev/Reader"]).ok().json();
    let key = json["AccessKeyId"].as_str().unwrap();
    scene.env.run(&["account", "dev", "--protect"]).ok();
    let claims = |key: &str| {
        let exec = scene.env.command(&["credential-process", "dev/Reader"]);
        let exec = exec.set("MULTICRED_IDENTITY", "dev/Reader").set("MULTICRED_ACCESS_KEY_ID", key);
        exec.set("AWS_ACCESS_KEY_ID", key).run()
    };
    // The one of before the protection, a key, and one of a restricted session.
    claims(key).refused(4, &["protected"]);
    claims(&scene.bob.access_key_id).refused(4, &["protected"]);
    let read_only = scene.env.run(&["credential-process", "--read-only", "dev/Reader"]).ok().json();
    claims(read_only["AccessKeyId"].as_str().unwrap()).refused(4, &["protected"]);
}

/// A key whose id tells that it is of this account.
fn telling(prefix: &str, account: u64) -> String {
    let bits = (1 << 49) | (account << 9);
    let digit = |place: u32| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[(bits >> (5 * place) & 31) as usize]);
    format!("{prefix}{}QWERTY", (0..10).rev().map(digit).collect::<String>())
}

#[test]
fn a_key_that_nobody_has_imported_is_of_the_account_that_its_id_tells() {
    let mut scene = protected();
    let other = |account| KeyPair { access_key_id: telling("AKIA", account), secret: "s".repeat(40) };
    let (dev, prod) = (other(111_122_223_333), other(222_233_334_444));
    scene.sts.world(|world| {
        world.add_key(&format!("arn:aws:iam::{DEV}:user/bob"), &dev);
        world.user(PROD, "zoe");
        world.add_key(&format!("arn:aws:iam::{PROD}:user/zoe"), &prod);
    });
    scene.env.aws_credentials(&(ini("here", &dev) + &ini("there", &prod)));
    let printed = |id: &str| {
        let json = json!({ "Version": 1, "AccessKeyId": id, "SecretAccessKey": "x", "SessionToken": "t" });
        format!("credential_process = echo '{json}'\n")
    };
    let (of_dev, of_prod) = (printed(&telling("ASIA", 111_122_223_333)), printed(&telling("ASIA", 222_233_334_444)));
    scene.env.aws_config(&format!("[profile prints]\n{of_dev}[profile other]\n{of_prod}"));
    for name in ["here", "prints"] {
        asks_nobody_of_aws(&scene, &scene.env.run(&["credential-process", name]));
        asks_nobody_of_aws(&scene, &scene.env.run(&["as", "--shell", "bash", name]));
    }
    for name in ["there", "other"] {
        scene.env.run(&["credential-process", name]).ok();
    }
}

#[test]
fn sync_says_that_programs_will_be_refused() {
    let scene = protected();
    let synced = scene.env.run(&["sync", "dev/Reader"]);
    synced.ok().stderr_has("dev/Reader is protected");
    unprotect(&scene);
    scene.env.run(&["sync", "dev/Writer"]).ok().stderr_is("");
}
