//! `add`: a key that is typed, or in the environment, is asked whose it is and stored sealed under a label.

use serde_json::json;

use crate::scene::refusal::Refusal;
use crate::scene::seat::{Ended, Seat, eventually};
use crate::scene::{DEV, PROD, Scene, ini, key_in_code, store, tree};
use crate::support::env::Output;
use crate::support::sts::{Fault, KeyPair};

const ID: &str = "Access key id: ";
const SECRET: &str = "Secret access key: ";

/// `add` with a key in the environment.
#[track_caller]
fn add_env(scene: &Scene, words: &[&str], key: &KeyPair) -> Output {
    let command = scene.env.command(&[&["add"], words, &["--env"]].concat());
    command.set("AWS_ACCESS_KEY_ID", &key.access_key_id).set("AWS_SECRET_ACCESS_KEY", &key.secret).run()
}

/// `add` by somebody who types these two lines.
#[track_caller]
fn typed(scene: &Scene, words: &[&str], id: &str, secret: &str) -> Ended {
    let mut seat = Seat::take(&scene.env, &[&["add"], words].concat());
    seat.wait_for(ID);
    seat.type_line(id);
    seat.wait_for(SECRET);
    seat.type_line(secret);
    seat.end()
}

#[test]
fn a_key_that_is_typed_is_stored_sealed_and_its_secret_is_never_shown() {
    let scene = Scene::new();
    let mut seat = Seat::take(&scene.env, &["add", "alice", "--mfa-serial", &scene.serial, "--region", "eu-west-1"]);
    seat.wait_for(ID);
    seat.type_keys(&scene.alice.access_key_id);
    seat.wait_for(&format!("{ID}{}", scene.alice.access_key_id));
    seat.type_keys("\r");
    seat.wait_for(SECRET);
    assert!(eventually(|| !seat.is_as_usual()), "the terminal would echo");
    seat.type_keys(&scene.alice.secret);
    seat.wait_for(&format!("{SECRET}{}", "*".repeat(scene.alice.secret.len())));
    seat.type_keys("\r");
    let ended = seat.end();
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(!ended.screen.contains(&scene.alice.secret), "{ended:?}");
    assert!(ended.screen.contains(&scene.alice.access_key_id), "{ended:?}");
    let says = format!("alice  arn:aws:iam::{DEV}:user/alice  {} (long-term)\n", scene.alice.access_key_id);
    assert_eq!(ended.stdout, says);
    let calls = scene.sts.calls();
    assert_eq!(calls.iter().map(|call| &*call.action).collect::<Vec<_>>(), ["GetCallerIdentity"]);
    assert_eq!(calls[0].region.as_deref(), Some("eu-west-1"));
    let shown = scene.env.run(&["show", "alice", "--json"]).ok().json();
    assert_eq!((&shown["region"], &shown["mfa_serial"]), (&json!("eu-west-1"), &json!(scene.serial)));
    let code = scene.env.run(&["as", "--shell", "bash", "--no-session", "alice"]);
    assert_eq!(key_in_code(&code.ok().stdout), Some(&*scene.alice.access_key_id));
    tree::assert_sealed(scene.env.home(), &scene.secrets());
    tree::assert_private(scene.env.home());
    scene.env.run(&["history", "--json"]).ok().stdout_has(r#""event":"add""#).nowhere(&scene.alice.secret);
}

#[test]
fn what_is_no_access_key_id_is_asked_for_again_and_not_repeated_by_us() {
    let scene = Scene::new();
    let mut seat = Seat::take(&scene.env, &["add", "bob"]);
    seat.wait_for(ID);
    seat.type_line("no/key+at=all");
    seat.wait_for_times(ID, 2);
    assert!(seat.screen().contains("16 to 128 letters"), "{}", seat.screen());
    assert_eq!(seat.screen().matches("no/key+at=all").count(), 1, "only the terminal's own echo");
    seat.type_line(&format!("  {}  ", scene.bob.access_key_id));
    seat.wait_for(SECRET);
    seat.type_line("");
    seat.wait_for_times(SECRET, 2);
    seat.type_line(&format!("{} ", scene.bob.secret));
    let ended = seat.end();
    assert_eq!(ended.status, 0, "{ended:?}");
    scene.env.run(&["show", "bob"]).ok();
}

#[test]
fn a_temporary_key_that_is_typed_is_asked_for_its_token_and_masked_as_well() {
    let scene = Scene::new();
    let saml = scene.sts.world(|world| world.saml_session(&format!("arn:aws:iam::{PROD}:role/Admin"), "me", 3600));
    let mut seat = Seat::take(&scene.env, &["add", "admin"]);
    seat.wait_for(ID);
    seat.type_line(&saml.access_key_id);
    seat.wait_for(SECRET);
    seat.type_line(&saml.secret);
    seat.wait_for("Session token: ");
    seat.type_line(&saml.session_token);
    let ended = seat.end();
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(!ended.screen.contains(&saml.secret) && !ended.screen.contains(&saml.session_token), "{ended:?}");
    assert!(ended.stdout.contains("(imported, ") && ended.stdout.contains("a guess)"), "{ended:?}");
}

#[test]
fn ctrl_c_and_ctrl_d_at_either_question_end_it_with_130_and_nothing_is_made() {
    for keys in ["\u{3}", "\u{4}"] {
        for at_secret in [false, true] {
            let scene = Scene::new();
            let mut seat = Seat::take(&scene.env, &["add", "bob"]);
            seat.wait_for(ID);
            if at_secret {
                seat.type_line(&scene.bob.access_key_id);
                seat.wait_for(SECRET);
            }
            seat.type_keys(keys);
            assert!(eventually(|| !seat.is_running()));
            assert!(seat.is_as_usual(), "the terminal is not as it was");
            let ended = seat.end();
            assert_eq!((ended.status, ended.stdout.as_str()), (130, ""), "{ended:?}");
            assert!(!scene.env.store().exists() && scene.sts.count("*") == 0);
        }
    }
}

#[test]
fn without_a_terminal_it_says_what_else_there_is() {
    let scene = Scene::new();
    let says = ["multicred add bob --env", "multicred import - --label bob"];
    scene.env.run_with_stdin(&["add", "bob"], ini("default", &scene.bob)).refused(4, &says);
    let ended = Seat::take(&scene.env, &["--no-input", "add", "bob"]).end();
    assert!(ended.status == 4 && !ended.screen.contains(ID), "{ended:?}");
    assert!(!scene.env.store().exists());
}

#[test]
fn a_name_is_checked_before_anything_is_asked() {
    let scene = Scene::with_bob();
    scene.sts.clear_calls();
    for (name, says) in [
        ("a/b", "then up to 62 letters"),
        ("", "then up to 62 letters"),
        ("$(touch pwned)", "cannot be a label"),
        ("a\u{1b}[31mb", "cannot be a label"),
        ("111122223333", "account id"),
        ("AKIAIOSFODNN7EXAMPLE", "access key id"),
    ] {
        add_env(&scene, &[name], &scene.alice).refused(2, &[says]);
        let ended = Seat::take(&scene.env, &["add", name]).end();
        assert!(ended.status == 2 && !ended.screen.contains(ID), "{ended:?}");
    }
    add_env(&scene, &["alice", "--mfa-serial", "no serial"], &scene.alice).refused(2, &["--mfa-serial"]);
    add_env(&scene, &["alice", "--region", "no region"], &scene.alice).refused(2, &["--region"]);
    assert_eq!(scene.sts.count("*"), 0);
    assert!(!scene.env.path("pwned").exists());
}

#[test]
fn every_character_of_a_label_can_be_added_switched_to_and_removed() {
    for name in ["a.b_c+d=e,f@g-h", "0", "Z9+", "x,=@", &"n".repeat(63)] {
        let scene = Scene::new();
        add_env(&scene, &[name, "--add-config"], &scene.bob).ok();
        let code = scene.env.run(&["as", "--shell", "bash", "--no-session", name]);
        assert_eq!(key_in_code(&code.ok().stdout), Some(&*scene.bob.access_key_id), "{name}");
        scene.env.run(&["remove", name, "--yes", "--force"]).ok().stderr_has("multicred sync --remove");
        scene.env.run(&["list", "--json"]).ok();
        scene.env.run(&["sync", "--remove", name]).ok();
    }
}

#[test]
fn the_environment_keeps_its_session_token_and_its_end() {
    let scene = Scene::new();
    let saml = scene.sts.world(|world| world.saml_session(&format!("arn:aws:iam::{PROD}:role/Admin"), "me", 3600));
    let added = scene
        .env
        .command(&["add", "admin", "--env", "--json"])
        .set("AWS_ACCESS_KEY_ID", &saml.access_key_id)
        .set("AWS_SECRET_ACCESS_KEY", &saml.secret)
        .set("AWS_SESSION_TOKEN", &saml.session_token)
        .set("AWS_CREDENTIAL_EXPIRATION", saml.expiration())
        .run();
    let json = added.ok().json();
    for (key, value) in [
        ("identity", json!("admin")),
        ("arn", json!(format!("arn:aws:iam::{PROD}:role/Admin"))),
        ("label", json!("admin")),
        ("access_key_id", json!(saml.access_key_id)),
        ("kind", json!("imported")),
        ("expires_at", json!(saml.expires_at)),
        ("expiry_is_guess", json!(false)),
        ("already_stored", json!(false)),
        ("profile", json!(null)),
    ] {
        assert_eq!(json[key], value, "{key}: {json}");
    }
    let code = scene.become_in_bash("admin");
    code.ok().stdout_has(&saml.session_token);
    let past = scene.sts.world(|world| world.saml_session(&format!("arn:aws:iam::{PROD}:role/Billing"), "me", 3600));
    let calls = scene.sts.count("*");
    scene
        .env
        .command(&["add", "billing", "--env"])
        .set("AWS_ACCESS_KEY_ID", &past.access_key_id)
        .set("AWS_SECRET_ACCESS_KEY", &past.secret)
        .set("AWS_SESSION_TOKEN", &past.session_token)
        .set("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z")
        .run()
        .refused(1, &["expired"])
        .nowhere(&past.secret);
    assert_eq!(scene.sts.count("*"), calls);
}

#[test]
fn what_is_missing_in_the_environment_is_named_and_no_value_is_repeated() {
    let scene = Scene::new();
    scene.env.run(&["add", "bob", "--env"]).refused(2, &["AWS_ACCESS_KEY_ID", "multicred import -"]);
    let half = scene.env.command(&["add", "bob", "--env"]).set("AWS_SECRET_ACCESS_KEY", &scene.bob.secret).run();
    half.refused(1, &["AWS_ACCESS_KEY_ID is missing"]).calm();
    half.nowhere(&scene.bob.secret);
    let token = scene
        .env
        .command(&["add", "bob", "--env"])
        .set("AWS_ACCESS_KEY_ID", &scene.bob.access_key_id)
        .set("AWS_SECRET_ACCESS_KEY", &scene.bob.secret)
        .set("AWS_SESSION_TOKEN", "left-over")
        .run();
    token.refused(1, &["remove AWS_SESSION_TOKEN"]);
    token.nowhere("left-over");
    assert!(!scene.env.store().exists() && scene.sts.count("*") == 0);
}

#[test]
fn what_a_switch_has_put_into_the_environment_is_refused() {
    let scene = Scene::with_bobs_roles();
    let words = ["exec", "dev/Reader", "--", "multicred", "add", "mine", "--env"];
    scene.env.run(&words).refused(2, &["multicred put there, of dev/Reader", "multicred as -"]);
    let rows = store::content(&scene.env.store());
    assert!(!rows.contains("mine"), "{rows}");
}

#[test]
fn a_key_of_the_persons_own_in_a_shell_that_was_switched_is_theirs() {
    let scene = Scene::new();
    let command = scene.env.command(&["add", "bob", "--env"]).set("MULTICRED_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE");
    let command = command.set("MULTICRED_IDENTITY", "dev/Reader").set("AWS_ACCESS_KEY_ID", &scene.bob.access_key_id);
    command.set("AWS_SECRET_ACCESS_KEY", &scene.bob.secret).run().ok();
}

#[test]
fn a_key_of_another_partition_is_asked_for_where_the_region_says() {
    let scene = Scene::new();
    let key = scene.sts.world(|world| {
        world.account_in("aws-cn", "333344445555");
        world.user("333344445555", "mei")
    });
    add_env(&scene, &["mei"], &key).refused(5, &["of another partition"]);
    let added = add_env(&scene, &["mei", "--region", "cn-north-1", "--json"], &key);
    assert_eq!(added.ok().json()["arn"], "arn:aws-cn:iam::333344445555:user/mei");
}

#[test]
fn nothing_is_stored_that_aws_does_not_vouch_for() {
    let scene = Scene::new();
    let wrong = KeyPair { secret: "not+the/secret".to_owned(), ..scene.bob.clone() };
    add_env(&scene, &["bob"], &wrong).refused(5, &[&wrong.access_key_id, "clock"]).calm();
    assert!(!scene.env.store().exists());
    scene.sts.fault_always("GetCallerIdentity", Fault::unavailable());
    add_env(&scene, &["bob"], &scene.bob).refused(6, &[&scene.bob.access_key_id]);
    assert!(!scene.env.store().exists());
    let ended = typed(&scene, &["bob"], &scene.bob.access_key_id, &scene.bob.secret);
    assert_eq!((ended.status, ended.stdout.as_str()), (6, ""), "{ended:?}");
}

#[test]
fn a_key_that_is_stored_already_is_a_note_and_gets_the_label_where_there_is_none() {
    let scene = Scene::new();
    scene.env.run_with_stdin(&["import", "-"], ini("default", &scene.bob)).ok();
    scene.sts.clear_calls();
    add_env(&scene, &["rob"], &scene.bob).ok().stdout_is("").stderr_has("of rob is stored already");
    assert_eq!(scene.env.run(&["show", "rob", "--json"]).ok().json()["label"], "rob");
    let again = add_env(&scene, &["robert", "--json"], &scene.bob);
    again.ok().stderr_has("rob keeps that name").stderr_has("multicred label rob robert");
    assert_eq!((&again.json()["already_stored"], &again.json()["label"]), (&json!(true), &json!("rob")));
    let other = KeyPair { secret: "another".to_owned(), ..scene.bob.clone() };
    add_env(&scene, &["rob"], &other).refused(1, &["another secret"]);
    assert_eq!(scene.sts.count("*"), 0, "nobody need be asked");
}

#[test]
fn a_name_that_means_somebody_else_is_refused_and_nothing_is_stored() {
    let mut scene = Scene::with_bob();
    let before = store::content(&scene.env.store());
    add_env(&scene, &["bob"], &scene.alice).refused(2, &["'bob' already means", "user/bob", "choose another name"]);
    let ended = typed(&scene, &["bob"], &scene.alice.access_key_id, &scene.alice.secret);
    assert!(ended.status == 2 && ended.screen.contains("only a credential of theirs"), "{ended:?}");
    let role = format!("arn:aws:iam::{PROD}:role/Admin");
    scene.env.aws_config(&format!("[profile admin]\nrole_arn = {role}\nsource_profile = keys\n"));
    scene.env.aws_credentials(&ini("keys", &scene.bob));
    add_env(&scene, &["admin"], &scene.alice).refused(2, &["'admin' already means the profile of that name"]);
    assert_eq!(store::content(&scene.env.store()), before);
    // A second key of the very identity is welcome under its name, and so is a profile that holds this very key.
    let second = scene.sts.world(|world| world.another_key(&format!("arn:aws:iam::{DEV}:user/bob")));
    add_env(&scene, &["bob"], &second).ok();
    scene.env.aws_credentials(&ini("alice", &scene.alice));
    add_env(&scene, &["alice"], &scene.alice).ok();
}

#[test]
fn add_config_writes_a_profile_that_asks_multicred_and_every_other_byte_stays() {
    let mut scene = Scene::new();
    let mine = "# mine\n[profile own]\nregion = eu-west-1\n";
    scene.env.aws_config(mine);
    let added = add_env(&scene, &["bob", "--add-config", "--region", "eu-north-1", "--json"], &scene.bob);
    assert_eq!(added.ok().json()["profile"], "bob");
    let config = std::fs::read_to_string(scene.env.path(".aws/config")).unwrap();
    assert!(config.starts_with(mine) && config.contains("[profile bob]\nregion = eu-north-1\n"), "{config}");
    assert!(
        config.contains(&format!("credential-process arn:aws:iam::{DEV}:user/bob\n"))
            && !config.contains(&scene.bob.secret),
        "{config}"
    );
    let asked = scene.env.run(&["credential-process", "bob"]).ok().json();
    assert!(asked["AccessKeyId"].as_str().is_some_and(|key| key.starts_with("ASIA")), "{asked}");
    scene.env.run(&["sync", "--remove"]).ok();
    assert_eq!(std::fs::read_to_string(scene.env.path(".aws/config")).unwrap(), mine);
}

#[test]
fn a_profile_of_the_persons_own_is_never_shadowed_and_that_is_said_before_anything_is_asked() {
    for in_credentials in [false, true] {
        let mut scene = Scene::new();
        if in_credentials {
            scene.env.aws_credentials(&ini("bob", &scene.bob));
        } else {
            scene.env.aws_config("[profile bob]\nregion = eu-west-1\n");
        }
        let file = scene.env.path(if in_credentials { ".aws/credentials" } else { ".aws/config" });
        add_env(&scene, &["bob", "--add-config"], &scene.bob)
            .refused(1, &["profile bob is your own", &format!("{}:1", file.display())]);
        let ended = Seat::take(&scene.env, &["add", "bob", "--add-config"]).end();
        assert!(ended.status == 1 && !ended.screen.contains(ID), "{ended:?}");
        assert!(!scene.env.store().exists() && scene.sts.count("*") == 0);
    }
    let scene = Scene::new();
    add_env(&scene, &["default", "--add-config"], &scene.bob).refused(2, &["default is never written"]);
}
