//! `label`: a short name that means one identity and nothing else.

use serde_json::json;

use crate::scene::refusal::Refusal;
use crate::scene::{DEV, PROD, Scene, ini, key_in_code, store};

#[test]
fn a_label_is_given_changed_and_taken_away() {
    let scene = Scene::with_bobs_roles();
    let arn = format!("arn:aws:iam::{DEV}:role/Reader");
    let given = scene.env.run(&["label", "dev/Reader", "reader", "--json"]);
    let expected = json!({ "identity": "reader", "arn": arn, "label": "reader", "former_label": null });
    assert_eq!(given.ok().json(), expected);
    scene.become_in_bash("reader").ok().stdout_has("MULTICRED_IDENTITY='reader'");
    let changed = scene.env.run(&["label", "reader", "ro", "--json"]).ok().json();
    assert_eq!((&changed["label"], &changed["former_label"]), (&json!("ro"), &json!("reader")));
    scene.become_in_bash("reader").code(3);
    scene.env.run(&["label", "ro", "ro"]).ok().stdout_is("").stderr_has("is called ro");
    let gone = scene.env.run(&["label", "ro", "--remove", "--json"]).ok().json();
    assert_eq!((&gone["identity"], &gone["label"]), (&json!("dev/Reader"), &json!(null)));
    scene.become_in_bash("dev/Reader").ok();
    scene.env.run(&["label", "dev/Reader", "--remove"]).ok();
    let lines = scene.env.run(&["history", "--json"]).ok().stdout.matches(r#""event":"label""#).count();
    assert_eq!(lines, 3, "one line for each change");
}

#[test]
fn what_is_no_label_or_means_something_by_its_form_is_refused() {
    let scene = Scene::with_bob();
    let before = store::content(&scene.env.store());
    for (label, says) in [
        ("a b", "then up to 62 letters"),
        ("-", "then up to 62 letters"),
        ("dev/x", "then up to 62 letters"),
        ("$(touch pwned)", "then up to 62 letters"),
        ("é", "then up to 62 letters"),
        (&"n".repeat(64), "then up to 62 letters"),
        ("222233334444", "twelve digits are an account id"),
        (&scene.bob.access_key_id, "looks like an access key id"),
    ] {
        scene.env.run(&["label", "bob", label]).refused(2, &["cannot be a label", says]);
        scene
            .env
            .run_with_stdin(&["import", "-", "--label", label], ini("default", &scene.alice))
            .code(2)
            .stderr_has(says);
    }
    scene.env.run(&["label", "bob"]).code(2);
    scene.env.run(&["label", "bob", "rob", "--remove"]).code(2);
    scene.env.run(&["label", "nobody-known", "x"]).refused(3, &["nobody-known"]);
    scene.env.run(&["label", "-", "x"]).refused(3, &["nobody"]);
    scene.env.run(&["label", &scene.bob.access_key_id, "x"]).refused(3, &["is one key"]);
    assert_eq!(store::content(&scene.env.store()), before);
}

#[test]
fn a_label_that_would_mean_two_is_refused_with_what_it_means() {
    let mut scene = Scene::with_bobs_roles();
    let before = store::content(&scene.env.store());
    let taken = scene.env.run(&["label", "dev/Reader", "bob"]);
    taken.refused(2, &["'bob' already means the identity labelled so (dev/user/bob)", "choose another name"]);
    let role = format!("arn:aws:iam::{PROD}:role/Admin");
    let profiles = format!(
        "[profile admin]\nrole_arn = {role}\nsource_profile = keys\n[profile region-only]\nregion = eu-west-1\n"
    );
    scene.env.aws_config(&profiles).aws_credentials(&ini("keys", &scene.alice));
    for profile in ["admin", "keys", "region-only"] {
        let refused = scene.env.run(&["label", "dev/Reader", profile]);
        refused.refused(2, &[&format!("'{profile}' already means the profile of that name")]);
    }
    assert_eq!(store::content(&scene.env.store()), before);
    // A profile that is this very identity is no other meaning.
    let own = format!("[profile reader]\nrole_arn = arn:aws:iam::{DEV}:role/Reader\nsource_profile = keys\n");
    scene.env.aws_config(&own);
    scene.env.run(&["label", "dev/Reader", "reader"]).ok();
}

#[test]
fn who_asks_under_the_former_label_is_named() {
    let mut scene = Scene::with_bob();
    scene.env.run(&["sync", "bob"]).ok();
    let config = std::fs::read_to_string(scene.env.path(".aws/config")).unwrap();
    // As earlier versions wrote it.
    scene.env.aws_config(&config.replace(&format!("arn:aws:iam::{DEV}:user/bob"), "bob"));
    let command = scene.env.command(&["label", "bob", "rob"]).set("MULTICRED_IDENTITY", "bob");
    command.run().ok().stderr_has("this shell is still bob").stderr_has("multicred sync --remove bob");
    let code = scene.env.run(&["as", "--shell", "bash", "--no-session", "rob"]);
    assert_eq!(key_in_code(&code.ok().stdout), Some(&*scene.bob.access_key_id), "nothing kept stands in the way");
    scene.env.run(&["as", "--shell", "bash", "bob"]).code(3);
}

#[test]
fn a_label_that_is_gone_does_not_go_on_answering() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["label", "dev/Reader", "reader"]).ok();
    for _ in 0..3 {
        scene.become_in_bash("reader").ok();
    }
    scene.env.run(&["label", "reader", "--remove"]).ok();
    scene.become_in_bash("reader").code(3).stdout_is("");
    scene.env.run(&["credential-process", "reader"]).code(3).stdout_is("");
}
