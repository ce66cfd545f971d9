//! Names that mean nothing, or too much; and words of the command line that cannot be.

use crate::scene::refusal::Refusal;
use crate::scene::{DEV, PROD, Scene, ini, key_in_code, store};
use crate::support::env::Output;

/// Runs the switch; the store's rows are the same afterwards.
#[track_caller]
fn switch(scene: &Scene, words: &[&str]) -> Output {
    let before = store::content(&scene.env.store());
    let output = scene.env.run(&[&["as", "--shell", "bash"], words].concat());
    assert_eq!(store::content(&scene.env.store()), before, "the store changed\n{output}");
    output
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest_ones() {
    let scene = Scene::with_bobs_roles();
    switch(&scene, &["dev/Raeder"]).refused(3, &["dev/Raeder", "dev/Reader"]);
    switch(&scene, &["bop"]).refused(3, &["bop", "bob"]);
    for nothing_near in ["zzzzzz", "prod/Admin", "AKIAZZZZZZZZZZZZZZZZ", "arn:aws:iam::999999999999:role/X"] {
        switch(&scene, &[nothing_near]).refused(3, &[nothing_near, "multicred "]);
    }
    for command in [["why", "dev/Raeder"], ["link", "dev/x"]] {
        let arguments = if command[0] == "link" { vec!["link", "dev/x", "--parent", "bop"] } else { command.to_vec() };
        scene.env.run(&arguments).refused(3, &["multicred: "]);
    }
    assert_eq!(scene.sts.count("AssumeRole"), 0);
}

#[test]
fn a_name_that_no_terminal_should_see_is_shown_escaped() {
    let scene = Scene::with_bob();
    for name in ["\u{1b}[31mred", "a\nmulticred: all is well", "$(touch owned)", "é", "", " ", "a/b/c/d", "\u{202e}x"]
    {
        switch(&scene, &[name]).refused(3, &["there is no identity or profile"]);
    }
    assert!(!scene.env.path("owned").exists());
}

#[test]
fn a_label_and_a_profile_of_one_name_and_two_meanings_are_refused_and_listed() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.aws_config(&format!(
        "[profile bob]\nrole_arn = arn:aws:iam::{PROD}:role/Admin\nsource_profile = base\n[profile base]\n"
    ));
    switch(&scene, &["bob"]).refused(3, &["bob", "dev/user/bob", "Admin", "ARN"]);
}

#[test]
fn a_label_and_a_profile_that_mean_the_same_are_no_ambiguity() {
    let mut scene = Scene::with_bobs_roles();
    let text = ini("bob", &scene.bob);
    scene.env.aws_credentials(&text);
    let code = scene.become_in_bash("bob");
    assert!(key_in_code(&code.ok().stdout).is_some());
}

#[test]
fn a_role_and_a_user_of_one_name_are_refused_and_each_can_be_named() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["link", "dev/role/bob", "--parent", "dev/user/bob"]).ok();
    switch(&scene, &["dev/bob"]).refused(3, &["role", "user", "A/role/N or A/user/N"]);
    assert!(key_in_code(&scene.become_in_bash("dev/user/bob").ok().stdout).is_some());
}

#[test]
fn several_profiles_that_lead_to_one_role_are_refused_and_listed() {
    let mut scene = Scene::with_bob();
    let profile =
        |name: &str| format!("[profile {name}]\nrole_arn = arn:aws:iam::{DEV}:role/Reader\nsource_profile = bob\n");
    scene.env.aws_config(&[profile("one"), profile("two")].concat());
    switch(&scene, &["dev/Reader"]).refused(3, &["one", "two", "link"]);
}

/// DESIGN §2: it names that very stored credential, which is handed out as it is.
#[test]
fn an_access_key_id_hands_out_that_very_credential_temporary_ones_included() {
    let scene = Scene::with_bobs_roles();
    let temporary = scene.become_in_bash("dev/Reader").ok().stdout.clone();
    let temporary = key_in_code(&temporary).unwrap();
    scene.sts.clear_calls();
    for key in [scene.bob.access_key_id.as_str(), temporary] {
        let code = scene.become_in_bash(key);
        assert_eq!(key_in_code(&code.ok().stdout), Some(key));
    }
    assert_eq!(scene.sts.count("*"), 0, "nothing is assumed or derived from it");
}

#[test]
fn words_of_the_command_line_that_cannot_be_are_usage_errors_that_change_nothing() {
    let scene = Scene::with_alices_roles();
    scene.sts.clear_calls();
    for words in [
        &["--region", "us-east-1;id", "alice"][..],
        &["--region", "eu-west-1\nid", "alice"],
        &["--region", "", "alice"],
        &["--duration", "soon", "alice"],
        &["--duration", "0", "prod/Admin"],
        &["--duration", "899", "prod/Admin"],
        &["--duration", "43201", "prod/Admin"],
        &["--duration", "99999999999999999999", "prod/Admin"],
        &["--min-ttl", "-1", "prod/Admin"],
        &["--mfa-code", "12345", "prod/Admin"],
        &["--mfa-code", "1234567", "prod/Admin"],
        &["--mfa-code", "12345a", "prod/Admin"],
        &["--mfa-code", "١٢٣٤٥٦", "prod/Admin"],
        &["--session-name", "a b", "prod/Admin"],
        &["--session-name", "x", "prod/Admin"],
        &["--no-such-flag", "prod/Admin"],
        &["prod/Admin", "prod/Billing"],
    ] {
        switch(&scene, words).refused(2, &[]);
    }
    scene.env.run(&["as", "--shell", "tcsh", "prod/Admin"]).refused(2, &["tcsh", "bash, zsh and fish"]);
    scene.env.run(&["as", "--shell", "$(id)", "prod/Admin"]).refused(2, &["bash, zsh and fish"]);
    assert_eq!(scene.sts.count("*"), 0);
}

#[test]
fn what_account_and_link_cannot_take_changes_nothing() {
    let scene = Scene::with_alices_roles();
    let before = store::content(&scene.env.store());
    let user = format!("arn:aws:iam::{DEV}:user/alice");
    let other = format!("arn:aws:iam::{PROD}:role/Other");
    for (code, words) in [
        (2, &["account", DEV, "--alias", "a b"][..]),
        (2, &["account", DEV, "--alias", PROD]),
        (2, &["account", DEV, "--alias", "$(id)"]),
        (2, &["account", DEV, "--alias", "prod"]),
        (2, &["account", "12", "--alias", "x;y"]),
        (3, &["account", "nobody", "--alias", "x"]),
        (2, &["link", &user, "--parent", "alice"]),
        (2, &["link", "prod/New", "--parent", "alice", "--role-arn", &other]),
        (2, &["link", "prod/New", "--parent", "alice", "--role-arn", "arn:aws:iam::$(id):role/New"]),
        (2, &["link", "prod/New", "--parent", "alice", "--region", "eu-west-1;id"]),
        (2, &["link", "prod/New", "--parent", "alice", "--external-id", "a b"]),
        (2, &["link", "prod/New", "--parent", "alice", "--mfa-serial", "$(id)"]),
        (2, &["link", "prod/New", "--parent", "alice", "--duration", "60"]),
        (2, &["link", "prod/New", "--parent", "prod/Admin", "--mfa-serial", &scene.serial]),
        (2, &["link", "prod/Admin", "--parent", "prod/Auditor"]),
        (2, &["link", "prod/Admin", "--parent", "prod/Admin"]),
        (3, &["link", "prod/New", "--parent", "-"]),
        (3, &["link", "nowhere/New", "--parent", "alice"]),
    ] {
        scene.env.run(words).refused(code, &[]);
        assert_eq!(store::content(&scene.env.store()), before, "{words:?} changed the store");
    }
}

#[test]
fn an_arn_with_a_command_in_it_is_a_name_like_any_other_and_never_runs() {
    let scene = Scene::with_bob();
    for arn in ["arn:aws:iam::111122223333:role/$(touch owned)", "arn:aws:iam::111122223333:role/`touch owned`"] {
        switch(&scene, &[arn]).refused(3, &[]);
        scene.env.run(&["link", arn, "--parent", "bob"]).refused(3, &[]);
    }
    assert!(!scene.env.path("owned").exists());
}

#[test]
fn without_the_function_a_switch_says_which_line_to_add() {
    let scene = Scene::with_bob();
    for words in [&["as", "bob"][..], &["renew"], &["deactivate"], &["as", "-"]] {
        scene.env.run(words).refused(2, &["multicred init"]);
    }
}
