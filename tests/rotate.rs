//! `rotate`: a new long-term key in the place of an old one.

use serde_json::json;

use crate::scene::refusal::Refusal;
use crate::scene::rotation::{Subject, arn};
use crate::scene::seat::Seat;
use crate::scene::{DEV, PATIENCE, Scene, ini, key_in_code, tree};
use crate::support::sts::{Call, Fault};

/// The actions of the calls so far, in order.
fn actions(scene: &Scene) -> Vec<String> {
    scene.sts.calls().into_iter().map(|call| call.action).collect()
}

#[test]
fn a_key_is_replaced_by_one_that_is_stored_and_seen_to_work_before_the_old_one_goes() {
    let bob = Subject::bob();
    bob.scene.sts.clear_calls();
    let output = bob.rotate(&[]);
    let stored = bob.stored();
    output.ok().stdout_has(&stored[0]).stdout_has(&format!("in the place of {}", bob.key.access_key_id));
    output.stderr_has("live on until they expire");
    let expected = [
        "ListAccessKeys",
        "CreateAccessKey",
        "GetCallerIdentity",
        "UpdateAccessKey",
        "GetCallerIdentity",
        "DeleteAccessKey",
        "ListAccessKeys",
    ];
    assert_eq!(actions(&bob.scene), expected);
    let calls = bob.scene.sts.calls();
    assert!(calls.iter().all(Call::is_ok), "{calls:?}");
    assert_eq!(calls[3].access_key_id.as_ref(), Some(&stored[0]), "the new key signs");
    for secret in bob.scene.sts.world(|world| world.key_secrets()) {
        output.nowhere(&secret);
    }
    bob.assert_ended();
    tree::assert_private(bob.scene.env.home());
}

#[test]
fn json_says_what_became_of_each_key() {
    let bob = Subject::bob();
    let answer = bob.rotate(&["--json"]).ok().json();
    assert_eq!(answer[0]["identity"], "bob");
    assert_eq!(answer[0]["arn"], arn("bob"));
    assert_eq!(answer[0]["rotated"], true);
    assert_eq!(answer[0]["old_key"], bob.key.access_key_id.as_str());
    assert_eq!(answer[0]["new_key"], bob.stored()[0].as_str());
    assert_eq!(answer[0]["reason"], serde_json::Value::Null);
}

#[test]
fn each_step_is_in_the_history_with_awss_number() {
    let bob = Subject::bob();
    bob.scene.sts.clear_calls();
    bob.rotate(&[]).ok();
    let history = bob.scene.env.run(&["history", "--json"]).ok().stdout.clone();
    let lines: Vec<serde_json::Value> = history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for call in bob.scene.sts.calls() {
        let line = lines.iter().find(|line| line["request_id"] == call.request_id.as_str());
        let line = line.unwrap_or_else(|| panic!("{} is not in {history}", call.action));
        assert!(line["action"].as_str().unwrap().starts_with(&call.action), "{line}");
        assert_eq!((&line["event"], &line["outcome"]), (&"rotate".into(), &"ok".into()));
    }
    assert!(lines.iter().any(|line| line["action"] == format!("DeleteAccessKey {}", bob.key.access_key_id)));
    assert!(!history.contains(&bob.key.secret));
}

#[test]
fn a_user_with_a_device_signs_with_its_session_and_no_code_is_sent_twice() {
    let alice = Subject::alice();
    alice.scene.sts.clear_calls();
    alice.rotate(&[]).ok();
    assert_eq!(alice.scene.sts.count("GetSessionToken"), 0, "the session of today serves");
    let of_iam = alice.scene.sts.calls_of("DeleteAccessKey");
    assert!(of_iam[0].access_key_id.as_ref().unwrap().starts_with("ASIA"));
    alice.assert_ended();
    alice.assert_no_code_twice();
}

#[test]
fn the_sessions_of_the_old_key_are_forgotten() {
    let bob = Subject::bob();
    let before = bob.scene.become_in_bash("bob").ok().stdout.clone();
    bob.rotate(&[]).ok();
    let after = bob.scene.become_in_bash("bob").ok().stdout.clone();
    assert_ne!(key_in_code(&before), key_in_code(&after));
}

#[test]
fn where_a_code_is_needed_and_nobody_can_be_asked_nothing_is_begun() {
    let scene = Scene::with_alices_roles();
    scene.sts.clear_calls();
    scene.env.run(&["rotate", "--no-input", "alice"]).refused(4, &[&scene.serial]);
    assert_eq!(actions(&scene), Vec::<String>::new());
}

#[test]
fn a_code_that_is_typed_is_asked_for_once() {
    let scene = Scene::with_alices_roles();
    scene.sts.world(|world| world.iam_wants_mfa(&arn("alice")));
    let mut seat = Seat::take(&scene.env, &["rotate", "alice"]);
    seat.wait_for("MFA code for");
    seat.type_line(&scene.sts.mfa_code(&scene.serial));
    let ended = seat.end();
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(ended.screen.matches("MFA code for").count(), 1);
    assert_eq!(scene.sts.count("GetSessionToken"), 1);
}

#[test]
fn a_new_key_that_aws_does_not_know_everywhere_yet_is_waited_for() {
    let bob = Subject::bob();
    bob.scene.sts.world(|world| world.new_keys_unknown_for(4));
    bob.rotate(&[]).ok();
    bob.scene.sts.world(|world| world.new_keys_unknown_for(0));
    bob.assert_ended();
    assert!(bob.scene.sts.count("GetCallerIdentity") > 4);
}

#[test]
fn a_new_key_that_sts_knows_and_iam_does_not_is_waited_for() {
    let bob = Subject::bob();
    bob.scene.sts.fault_times(3, "UpdateAccessKey", Fault::refuse(403, "InvalidClientTokenId", "not known"));
    bob.rotate(&[]).ok();
    bob.assert_ended();
}

#[test]
fn a_root_users_key_is_rotated_without_a_name_and_with_a_warning() {
    let scene = Scene::new();
    let key = scene.sts.world(|world| world.root_key(DEV));
    scene.import(&key, "boss");
    scene.sts.clear_calls();
    scene.env.run(&["rotate", "boss"]).ok().stderr_has("root user");
    let calls = scene.sts.calls_of("CreateAccessKey");
    assert_eq!(calls[0].params.get("UserName"), None);
    assert_eq!(scene.sts.world(|world| world.keys_of(&format!("arn:aws:iam::{DEV}:root")).len()), 1);
}

#[test]
fn a_role_or_somebody_unknown_to_the_store_is_refused_with_what_to_do() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.aws_credentials(&ini("stranger", &scene.alice));
    scene.env.run(&["rotate", "dev/Reader"]).refused(2, &["is a role", "name a user"]);
    scene.env.run(&["rotate", "stranger"]).refused(1, &["no long-term key of stranger", "multicred import"]);
    scene.env.run(&["rotate", "nobody-at-all"]).refused(3, &["there is no identity"]);
    scene.env.run(&["rotate"]).refused(2, &["--older-than"]);
    scene.env.run(&["rotate", "bob", "--older-than", "90d"]).refused(2, &["cannot be used with"]);
    assert_eq!(scene.sts.count("CreateAccessKey"), 0);
}

#[test]
fn an_imported_session_alone_is_no_long_term_key() {
    let scene = Scene::new();
    let session = scene.sts.world(|world| world.user_session(&arn("bob"), false, 3_600));
    let text = serde_json::json!({
        "Version": 1, "AccessKeyId": session.access_key_id, "SecretAccessKey": session.secret,
        "SessionToken": session.session_token, "Expiration": session.expiration(),
    });
    scene.env.run_with_stdin(&["import", "-", "--label", "bob"], text.to_string()).ok();
    scene.env.run(&["rotate", "bob"]).refused(1, &["no long-term key"]);
    scene.env.run(&["rotate", &session.access_key_id]).refused(1, &["no long-term key"]);
}

/// bob, whose key also stands in a profile.
fn bob_with_a_copy() -> Subject {
    let mut bob = Subject::bob();
    let text = ini("work", &bob.key);
    bob.scene.env.aws_credentials(&text);
    bob.scene.sts.clear_calls();
    bob
}

#[test]
fn a_copy_of_the_key_in_a_profile_is_named_before_anything_happens() {
    let bob = bob_with_a_copy();
    let refused = bob.rotate(&[]);
    refused.refused(4, &["profile work", ".aws/credentials:", "--yes"]);
    assert_eq!(actions(&bob.scene), Vec::<String>::new());
    assert_eq!(bob.stored(), std::slice::from_ref(&bob.key.access_key_id));
    let output = bob.rotate(&["--yes", "--json"]);
    let asks = format!("credential-process arn:aws:iam::{DEV}:user/bob");
    output.ok().stderr_has("profile work").stderr_has("put in their place: credential_process = ").stderr_has(&asks);
    assert_eq!(output.json()[0]["copies"][0]["profile"], "work");
    bob.assert_ended();
}

#[test]
fn a_copy_of_a_key_that_was_rotated_away_makes_no_name_ambiguous() {
    let mut bob = Subject::bob();
    let text = ini("bob", &bob.key);
    bob.scene.env.aws_credentials(&text);
    bob.rotate(&["--yes"]).ok();
    bob.scene.become_in_bash("bob").ok();
    let shown = bob.scene.env.run(&["show", "bob", "--json"]).ok().json();
    assert_eq!(shown["kind"], "user");
    bob.assert_ended();
}

#[test]
fn on_a_terminal_the_person_is_asked_about_a_copy_and_no_changes_nothing() {
    let bob = bob_with_a_copy();
    for (answer, status) in [("n", 130), ("", 130), ("y", 0)] {
        let mut seat = Seat::take(&bob.scene.env, &["rotate", "bob"]);
        seat.wait_for("profile work");
        seat.wait_for("Rotate it all the same? [y/N]");
        assert_eq!(bob.scene.sts.count("CreateAccessKey"), 0);
        seat.type_line(answer);
        let ended = seat.end();
        assert_eq!(ended.status, status, "{ended:?}");
    }
    bob.assert_ended();
}

#[test]
fn two_at_once_rotate_once_and_the_other_says_so() {
    let bob = Subject::bob();
    let gate = bob.scene.sts.gate("CreateAccessKey");
    let first = bob.scene.env.spawn(&["rotate", "bob"]);
    assert!(gate.wait_held(1, PATIENCE), "no call arrived");
    let mut second = bob.scene.env.spawn(&["rotate", "bob", "--json"]);
    second.wait_for_stderr("waiting for process");
    gate.open();
    first.end().ok();
    let said = second.end().ok().json();
    assert_eq!((&said[0]["by_another"], &said[0]["rotated"]), (&true.into(), &true.into()));
    assert_eq!(said[0]["new_key"], bob.stored()[0].as_str());
    assert_eq!(bob.scene.sts.count("CreateAccessKey"), 1);
    bob.assert_ended();
}

#[test]
fn only_keys_that_are_old_enough_are_rotated_by_age_also_where_only_aws_knows() {
    let scene = Scene::with_bob();
    scene.import(&scene.alice, "alice");
    let carol = scene.sts.world(|world| world.user(DEV, "carol"));
    scene.import(&carol, "carol");
    let days = 86_400;
    scene.sts.world(|world| {
        world.age_key(&scene.bob.access_key_id, 100 * days);
        world.age_key(&carol.access_key_id, 89 * days);
    });
    scene.env.run(&["rotate", "--older-than", "101d"]).ok().stdout_is("").stderr_has("older than 101 days");
    let answer = scene.env.run(&["rotate", "--older-than", "90d", "--json"]).ok().json();
    assert_eq!(answer.as_array().unwrap().len(), 1);
    assert_eq!((&answer[0]["identity"], &answer[0]["rotated"]), (&"bob".into(), &true.into()));
    for bad in ["-90d", "x", "90d5"] {
        scene.env.run(&["rotate", "--older-than", bad]).code(2);
    }
}

#[test]
fn one_that_cannot_be_rotated_keeps_no_other_from_it() {
    let scene = Scene::with_bob();
    scene.import(&scene.alice, "alice");
    for key in [&scene.bob, &scene.alice] {
        scene.sts.world(|world| world.age_key(&key.access_key_id, 1_000_000));
    }
    scene.sts.world(|world| world.iam_wants_mfa(&arn("alice")));
    // The list of ages needs no code in this world; the rotation does.
    scene.sts.world(|world| world.another_key(&arn("alice")));
    let output = scene.env.run(&["rotate", "--older-than", "1d", "--json"]);
    let answer = output.ok().json();
    assert_eq!(answer[0]["identity"], "bob");
    output.stderr_has("when it was made is not known").stderr_has("AccessDenied");
    // Old enough by the day of its import.
    let store = rusqlite::Connection::open(scene.env.store()).unwrap();
    store.execute("UPDATE credential SET created_at = created_at - 1000000", []).unwrap();
    drop(store);
    let output = scene.env.run(&["rotate", "--older-than", "1d", "--json"]);
    output.code(1).stderr_has("alice: AWS refused ListAccessKeys").stderr_has("1 of 2 rotated");
    let answer = output.json();
    let failed = answer.as_array().unwrap().iter().find(|row| row["identity"] == "alice").unwrap();
    assert_eq!((&failed["rotated"], &failed["new_key"]), (&false.into(), &serde_json::Value::Null));
    assert!(failed["reason"].as_str().unwrap().contains("AccessDenied"));
}

#[test]
fn ctrl_c_between_two_steps_says_what_is_so_and_what_to_type() {
    let bob = Subject::bob();
    let gate = bob.scene.sts.gate("CreateAccessKey");
    let mut seat = Seat::take(&bob.scene.env, &["rotate", "bob"]);
    assert!(gate.wait_held(1, PATIENCE), "no call arrived");
    seat.type_keys("\u{3}");
    // The terminal shows it once it is sent.
    seat.wait_for("^C");
    gate.open();
    let ended = seat.end();
    assert_eq!(ended.status, 130, "{ended:?}");
    assert!(ended.screen.contains("is stored, and"), "{ended:?}");
    assert!(ended.screen.contains("multicred rotate bob finishes it"), "{ended:?}");
    assert_eq!(bob.phase().as_deref(), Some("stored"));
    bob.assert_works();
    let pending = bob.scene.env.run(&["rotate", "--pending", "--json"]).ok().json();
    assert_eq!((&pending[0]["identity"], &pending[0]["phase"]), (&"bob".into(), &"stored".into()));
    bob.scene.env.run(&["rotate", "--pending"]).ok().stdout_has("multicred rotate bob");
    let output = bob.rotate(&["--json"]);
    assert_eq!(output.ok().json()[0]["resumed"], true);
    bob.assert_ended();
}

#[test]
fn iam_is_asked_where_its_own_variable_says() {
    let mut bob = Subject::bob();
    let url = bob.scene.sts.url();
    bob.scene.env.set("AWS_ENDPOINT_URL", "http://127.0.0.1:1").set("AWS_ENDPOINT_URL_STS", &url);
    bob.rotate(&[]).refused(6, &["no answer from AWS to ListAccessKeys"]);
    bob.scene.env.set("AWS_ENDPOINT_URL_IAM", &url);
    bob.rotate(&[]).ok();
    bob.scene.env.set("AWS_ENDPOINT_URL", &url);
    bob.assert_ended();
}

#[test]
fn a_key_of_a_protected_account_is_rotated_by_nobody_who_has_not_typed_its_alias() {
    let bob = Subject::bob();
    bob.scene.env.run(&["account", DEV, "--alias", "dev", "--protect"]).ok();
    bob.scene.sts.clear_calls();
    bob.rotate(&["--yes"]).refused(4, &["protected account dev"]);
    assert_eq!(actions(&bob.scene), Vec::<String>::new());
    let mut seat = Seat::take(&bob.scene.env, &["rotate", "bob"]);
    seat.wait_for("Type the account's alias");
    seat.type_line("dev");
    assert_eq!(seat.end().status, 0);
    assert_eq!((bob.phase(), bob.stored().len()), (None, 1));
    assert_ne!(bob.stored(), std::slice::from_ref(&bob.key.access_key_id));
}

#[test]
fn that_nothing_is_pending_is_said() {
    let bob = Subject::bob();
    bob.scene.env.run(&["rotate", "--pending"]).ok().stdout_is("").stderr_has("no rotation is pending");
    bob.scene.env.run(&["rotate", "--pending", "--json"]).ok().stdout_is("[]\n").stderr_is("");
}

/// It was listed as ready, and to be imported.
#[test]
fn what_is_left_of_a_key_in_files_is_told_as_retired_until_it_is_taken_out() {
    let mut bob = bob_with_a_copy();
    let (text, key) = (ini("bob", &bob.key), bob.key.access_key_id.clone());
    bob.scene.env.aws_credentials(&text);
    let output = bob.rotate(&["--yes"]);
    let credentials = bob.scene.env.run(&["list", "--credentials", "--json"]).ok().json();
    let row = credentials.as_array().unwrap().iter().find(|row| row["access_key_id"] == key.as_str()).unwrap();
    assert_eq!(
        (&row["state"], &row["identity"], &row["source"]),
        (&json!("retired"), &json!("bob"), &json!("profile"))
    );
    let table = bob.scene.env.run(&["list", "--credentials", "--state", "retired"]);
    table.ok().stdout_has(&key).holds(!table.stdout.contains("ready"), "only those");
    bob.scene.env.run(&["list", "--state", "retired"]).refused(2, &["multicred list --credentials --state retired"]);
    let findings = bob.scene.env.run(&["doctor", "--json"]).json()["findings"].to_string();
    assert!(
        findings.contains("multicred rotate has deleted this key at AWS") && !findings.contains("import"),
        "{findings}"
    );
    // The advice can be followed as it stands, though the profile is the person's own, and has the name of the user.
    let said = output.ok().stderr.split("put in their place: ").nth(1).expect("an advice").lines().next().unwrap();
    bob.scene.env.aws_credentials(&format!("[bob]\n{said}\n"));
    bob.scene.become_in_bash("bob").ok();
    let asked = bob.scene.env.run(&["credential-process", "bob"]).ok().json();
    assert!(asked["AccessKeyId"].as_str().is_some_and(|key| key.starts_with("ASIA")), "{asked}");
    assert!(!bob.scene.env.run(&["list", "--credentials"]).ok().stdout.contains("retired"));
}
