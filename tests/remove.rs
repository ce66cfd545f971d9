//! `remove`: an identity or a credential goes for good, once somebody knows what that means.

use multicred::store::Store;
use serde_json::{Value, json};

use crate::scene::refusal::Refusal;
use crate::scene::seat::Seat;
use crate::scene::store::Copy;
use crate::scene::{DEV, PROD, Scene, ini, key_in_code, store};
use crate::support::sts::{Fault, KeyPair};

fn second_key_of_bob(scene: &Scene) -> KeyPair {
    scene.sts.world(|world| world.another_key(&format!("arn:aws:iam::{DEV}:user/bob")))
}

#[test]
fn what_is_lost_is_said_before_the_question_and_no_is_no() {
    let mut scene = Scene::with_bobs_roles();
    scene.become_in_bash("bob").ok();
    let keys = ini("mine", &scene.bob);
    scene.env.aws_credentials(&keys);
    let before = store::content(&scene.env.store());
    for answer in ["n\r", "\r", "\u{3}", "\u{4}"] {
        let mut seat = Seat::take(&scene.env, &["remove", "bob"]);
        seat.wait_for("Remove bob? [y/N] ");
        let said = seat.screen();
        let key = format!("credential {} goes (long-term, stored ", scene.bob.access_key_id);
        let arn = format!("arn:aws:iam::{DEV}:user/bob");
        for text in
            [&*key, "credential ASIA", "assumed from nobody any more: dev/Reader", &arn, "AWS keeps a long-lived key"]
        {
            assert!(said.contains(text), "{text}: {said}");
        }
        seat.type_keys(answer);
        let ended = seat.end();
        assert_eq!((ended.status, ended.stdout.as_str()), (130, ""), "{ended:?}");
        assert_eq!(store::content(&scene.env.store()), before);
    }
    let mut seat = Seat::take(&scene.env, &["remove", "bob"]);
    seat.wait_for("Remove bob? [y/N] ");
    seat.type_line("y");
    let ended = seat.end();
    assert!(ended.status == 0 && ended.screen.contains("removed bob"), "{ended:?}");
    scene.become_in_bash("bob").code(3);
    assert_eq!(std::fs::read_to_string(scene.env.path(".aws/credentials")).unwrap(), keys);
}

#[test]
fn children_of_a_removed_parent_are_named_lose_their_link_and_stay() {
    let scene = Scene::with_bobs_roles();
    scene.become_in_bash("dev/Writer").ok();
    let removed = scene.env.run(&["remove", "dev/Reader", "--yes", "--json"]);
    let json = removed.ok().json();
    for (key, value) in [
        ("identity", json!("dev/Reader")),
        ("arn", json!(format!("arn:aws:iam::{DEV}:role/Reader"))),
        ("identity_removed", json!(true)),
        ("parent", json!("bob")),
        ("children", json!(["dev/Writer"])),
    ] {
        assert_eq!(json[key], value, "{key}: {json}");
    }
    assert_eq!(json["credentials"][0]["kind"], "role");
    assert_eq!(scene.env.run(&["show", "dev/Writer", "--json"]).ok().json()["parent"], json!(null));
    scene.become_in_bash("dev/Reader").code(3).stdout_is("");
    assert!(Copy::of(&scene.env.store()).is_whole());
    scene.env.run(&["link", "dev/Reader", "--parent", "bob"]).ok();
    scene.env.run(&["link", "dev/Writer", "--parent", "dev/Reader"]).ok();
    scene.become_in_bash("dev/Writer").ok();
    scene.env.run(&["history", "--json"]).ok().stdout_has(r#""event":"remove""#);
}

#[test]
fn without_a_terminal_and_without_yes_nothing_goes() {
    let scene = Scene::with_bobs_roles();
    let before = store::content(&scene.env.store());
    scene.env.run_with_stdin(&["remove", "bob"], "y\n").refused(4, &["--yes"]);
    scene.env.run(&["remove", "--key", &scene.bob.access_key_id]).refused(4, &["--yes"]);
    let ended = Seat::take(&scene.env, &["--no-input", "remove", "dev/Reader"]).end();
    assert!(ended.status == 4 && !ended.screen.contains("[y/N]"), "{ended:?}");
    assert_eq!(store::content(&scene.env.store()), before);
}

#[test]
fn the_only_copy_of_a_key_that_works_is_kept_unless_forced() {
    let scene = Scene::with_bob();
    let before = store::content(&scene.env.store());
    let id = scene.bob.access_key_id.clone();
    for words in [&["remove", "bob", "--yes"][..], &["remove", "--key", &id, "--yes"], &["remove", &id, "--yes"]] {
        scene.sts.clear_calls();
        let refused = scene.env.run(words);
        refused.refused(1, &["only copy", &id, "AWS takes it still", "--force"]).nowhere(&scene.bob.secret);
        assert_eq!(scene.sts.count("GetCallerIdentity"), 1);
    }
    scene.sts.fault_always("GetCallerIdentity", Fault::unavailable());
    scene.env.run(&["remove", "bob", "--yes"]).refused(1, &["only copy", "cannot be told"]);
    scene.sts.clear_faults();
    assert_eq!(store::content(&scene.env.store()), before);
    scene.sts.clear_calls();
    scene.env.run(&["remove", "bob", "--yes", "--force"]).ok();
    assert_eq!(scene.sts.count("*"), 0, "nobody need be asked");
    assert_eq!(Copy::of(&scene.env.store()).count("credential"), 0);
}

#[test]
fn a_profile_that_has_the_very_key_is_another_copy_and_one_with_another_secret_is_none() {
    let mut scene = Scene::with_bob();
    let other = KeyPair { secret: "placeholder".to_owned(), ..scene.bob.clone() };
    scene.env.aws_credentials(&ini("old", &other));
    scene.env.run(&["remove", "bob", "--yes"]).refused(1, &["only copy"]);
    let copy = ini("old", &scene.bob);
    scene.env.aws_credentials(&copy);
    scene.sts.clear_calls();
    scene.env.run(&["remove", "bob", "--yes"]).ok().nowhere(&scene.bob.secret);
    assert_eq!(scene.sts.count("*"), 0);
}

#[test]
fn a_key_that_aws_no_longer_takes_needs_no_force() {
    let scene = Scene::with_bob();
    let id = scene.bob.access_key_id.clone();
    scene.sts.world(|world| world.delete_key(&id));
    scene.env.run(&["remove", "bob", "--yes"]).ok();
}

#[test]
fn a_key_that_aws_refuses_for_another_reason_is_not_taken_for_a_deleted_one() {
    let scene = Scene::with_bob();
    scene.sts.fault_always("GetCallerIdentity", Fault::refuse(403, "AccessDenied", "explicit deny"));
    scene.env.run(&["remove", "bob", "--yes"]).refused(1, &["only copy", "cannot be told"]);
}

#[test]
fn of_two_credentials_of_a_role_the_newest_goes_and_the_older_is_used_and_without_any_the_identity_stays() {
    // Vector 32.
    let scene = Scene::new();
    let role = format!("arn:aws:iam::{PROD}:role/Admin");
    let [older, newest] = [(), ()].map(|()| {
        let saml = scene.sts.world(|world| world.saml_session(&role, "me", 3600));
        let json = json!({
            "Version": 1,
            "AccessKeyId": saml.access_key_id,
            "SecretAccessKey": saml.secret,
            "SessionToken": saml.session_token,
            "Expiration": saml.expiration(),
        });
        scene.env.run_with_stdin(&["import", "-"], json.to_string()).ok();
        saml.access_key_id
    });
    assert_eq!(key_in_code(&scene.become_in_bash(&role).ok().stdout), Some(&*newest));
    let removed = scene.env.run(&["remove", &role, "--key", &newest, "--yes", "--json"]).ok().json();
    let expected = json!([{ "access_key_id": newest, "kind": "imported" }]);
    assert_eq!((&removed["credentials"], &removed["identity_removed"]), (&expected, &json!(false)));
    assert_eq!(key_in_code(&scene.become_in_bash(&role).ok().stdout), Some(&*older));
    let forgotten = scene.env.run(&["forget", &role, "--imports", "--json"]).ok().json();
    assert_eq!(forgotten["imports"], 1);
    let shown = scene.env.run(&["show", &role, "--json"]).ok().json();
    assert_eq!((&shown["credentials"], &shown["state"]), (&json!([]), &json!("no credential")));
    scene.become_in_bash(&role).code(1).stdout_is("");
}

#[test]
fn a_role_whose_credential_was_removed_is_assumed_anew() {
    // Vector 33.
    let scene = Scene::with_bobs_roles();
    let arn = format!("arn:aws:iam::{DEV}:role/Reader");
    let first = key_in_code(&scene.become_in_bash(&arn).ok().stdout).map(str::to_owned).expect("a key");
    for _ in 0..2 {
        assert_eq!(key_in_code(&scene.become_in_bash(&arn).ok().stdout), Some(&*first));
    }
    scene.env.run(&["remove", &arn, "--key", &first, "--yes"]).ok();
    scene.sts.clear_calls();
    let second = scene.become_in_bash(&arn);
    assert_ne!(key_in_code(&second.ok().stdout), Some(&*first), "a kept answer gave what was removed");
    assert_eq!(scene.sts.count("AssumeRole"), 1);
}

#[test]
fn a_key_is_named_alone_or_with_whose_it_is() {
    let scene = Scene::with_bobs_roles();
    let second = second_key_of_bob(&scene);
    scene.import(&second, "bob");
    let before = store::content(&scene.env.store());
    let mismatch = scene.env.run(&["remove", "dev/Reader", "--key", &second.access_key_id, "--yes", "--force"]);
    mismatch.refused(2, &["is not a key of dev/Reader, but of bob"]);
    scene.env.run(&["remove", "--key", "AKIAIOSFODNN7EXAMPLE", "--yes"]).refused(3, &["has no key"]);
    scene.env.run(&["remove", "--key", "\u{1b}[31m", "--yes"]).refused(3, &["has no key"]);
    scene.env.run(&["remove"]).code(2);
    scene.env.run(&["remove", "nobody-known", "--yes"]).refused(3, &["nobody-known"]);
    assert_eq!(store::content(&scene.env.store()), before);
    scene.env.run(&["remove", "--key", &second.access_key_id, "--yes", "--force"]).ok();
    let shown = scene.env.run(&["show", "bob", "--json"]).ok().json();
    let keys: Vec<&Value> =
        shown["credentials"].as_array().unwrap().iter().map(|held| &held["access_key_id"]).collect();
    assert_eq!(keys, [&json!(scene.bob.access_key_id)]);
    assert_eq!(shown["children"], json!(["dev/Reader"]), "the identity stays as it was");
    let scene = Scene::new();
    scene.env.run(&["remove", "bob", "--yes"]).refused(3, &["bob"]);
    scene.env.run(&["remove", "--key", "AKIAIOSFODNN7EXAMPLE", "--yes"]).refused(3, &["has no key"]);
    assert!(!scene.env.store().exists(), "a store was made");
}

#[test]
fn names_of_every_character_of_iam_are_linked_labelled_unlinked_and_removed() {
    let scene = Scene::with_bob();
    for name in ["a+b=c,d.e@f_g-h", "+", "=", ",", ".", "@", "_", "-", "0", &"n".repeat(64)] {
        let role = format!("dev/{name}");
        scene.env.run(&["link", &role, "--parent", "bob"]).ok();
        scene.env.run(&["label", &role, "short"]).ok();
        scene.env.run(&["forget", &role]).ok();
        scene.env.run(&["unlink", "short"]).ok();
        scene.env.run(&["label", "short", "--remove"]).ok();
        scene.env.run(&["remove", &role, "--yes"]).ok().stderr_has(&format!("removed {role}"));
        scene.env.run(&["show", &role]).code(3);
    }
    let user = scene.sts.world(|world| world.user(DEV, "a+b=c,d.e@f_g-h"));
    scene.env.run_with_stdin(&["import", "-"], ini("default", &user)).ok();
    scene.env.run(&["remove", "dev/user/a+b=c,d.e@f_g-h", "--yes", "--force"]).ok();
}

#[test]
fn a_key_whose_owner_nobody_has_asked_for_can_be_removed() {
    let mut scene = Scene::new();
    let keys = ini("keys", &scene.bob);
    scene.env.aws_credentials(&keys);
    let session = scene.env.run(&["credential-process", "keys"]).ok().json();
    let session = session["AccessKeyId"].as_str().expect("a key").to_owned();
    let removed = scene.env.run(&["remove", &session, "--yes", "--json"]).ok().json();
    assert_eq!((&removed["identity"], &removed["credentials"][0]["kind"]), (&json!(null), &json!("session")));
    scene.env.run(&["remove", &session, "--yes"]).code(3);
}

#[test]
fn a_live_session_and_a_profile_that_go_on_asking_are_named() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["sync", "dev/Reader"]).ok();
    let program = scene.goes_live("dev/Reader");
    let key = program.door.ask().key();
    let removed = scene.env.run(&["remove", "dev/Reader", "--yes"]);
    removed.ok().stderr_has("1 live session goes on with what the agent holds; multicred lock ends every one");
    removed
        .stderr_has("the profile dev/Reader of multicred sync asks for nobody now: multicred sync --remove dev/Reader");
    assert_eq!(program.door.ask().key(), key);
    scene.env.run(&["credential-process", "dev/Reader"]).code(3).stdout_is("");
    scene.env.run(&["lock"]).ok();
    assert!(!program.door.is_open());
}

#[test]
fn what_came_while_the_question_stood_does_not_go_unsaid() {
    let scene = Scene::with_bob();
    let mut seat = Seat::take(&scene.env, &["remove", "bob", "--force"]);
    seat.wait_for("[y/N]");
    let second = second_key_of_bob(&scene);
    scene.import(&second, "bob");
    let before = store::content(&scene.env.store());
    seat.type_line("y");
    let ended = seat.end();
    assert!(ended.status == 1 && ended.screen.contains("has changed meanwhile"), "{ended:?}");
    assert_eq!(store::content(&scene.env.store()), before);
}

#[test]
fn a_store_that_stays_locked_needs_force_or_a_copy_and_no_key_is_needed_for_what_can_be_obtained_again() {
    let mut scene = Scene::with_bobs_roles();
    scene.become_in_bash("dev/Reader").ok();
    std::fs::rename(scene.key_file(), scene.env.path("away")).expect("a key file");
    scene.env.run(&["remove", "dev/Reader", "--yes"]).ok();
    scene.env.run(&["remove", "bob", "--yes"]).refused(1, &["only copy", "cannot be told: the store is locked"]);
    let copy = ini("mine", &scene.bob);
    scene.env.aws_credentials(&copy);
    scene.env.run(&["remove", "bob", "--yes"]).ok();
}

#[test]
fn nothing_of_a_removed_secret_is_left_in_the_file() {
    let scene = Scene::with_bob();
    let opened = Store::open(&scene.env.store()).unwrap().expect("a store");
    let id = opened.read().credential_with_key(&scene.bob.access_key_id).unwrap().expect("bob's key").id;
    let sealed = opened.read().sealed(id).unwrap().expect("its secret").0;
    drop(opened);
    scene.env.run(&["remove", "bob", "--yes", "--force"]).ok();
    for suffix in ["", "-wal"] {
        let bytes = std::fs::read(store::beside(&scene.env.store(), suffix)).unwrap_or_default();
        assert!(!bytes.windows(sealed.len()).any(|window| window == sealed), "it is in the store{suffix}");
    }
}
