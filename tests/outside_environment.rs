//! Profiles whose first credentials are those of the environment: `credential_source = Environment`.

use crate::profiles::row::row;
use crate::profiles::{Scene, role, say};
use crate::scene::refusal::Refusal;
use crate::support::env::Shell;

const ENVIRONMENT: &str = "[profile out]\nrole_arn = ROLE/Onward\ncredential_source = Environment\n";
const SWITCH: [&str; 4] = ["as", "--shell", "bash", "out"];

#[test]
fn the_keys_of_the_environment_are_the_source() {
    let scene = Scene::with_config(ENVIRONMENT);
    let temporary = scene.sts.world(|world| world.saml_session(&role("Web"), "me", 3600));
    for (id, secret, token) in [
        (&scene.bob.access_key_id, &scene.bob.secret, None),
        (&temporary.access_key_id, &temporary.secret, Some(&temporary.session_token)),
    ] {
        scene.sts.clear_calls();
        let command = scene.env.command(&SWITCH).set("AWS_ACCESS_KEY_ID", id);
        let command = command.set("AWS_SECRET_ACCESS_KEY", secret);
        let output = command.set("AWS_SESSION_TOKEN", token.map_or("", String::as_str)).run();
        output.ok().nowhere(secret);
        let calls = scene.sts.calls();
        assert_eq!(
            calls.iter().map(say).collect::<Vec<_>>(),
            ["AssumeRole Onward 3600"],
            "no session of its own first"
        );
        assert_eq!(calls[0].access_key_id.as_ref(), Some(id));
    }
}

#[test]
fn a_role_assumed_from_one_key_of_the_environment_is_not_served_to_another_key() {
    let scene = Scene::with_config(ENVIRONMENT);
    let with = |id: &str, secret: &str| {
        scene.env.command(&SWITCH).set("AWS_ACCESS_KEY_ID", id).set("AWS_SECRET_ACCESS_KEY", secret).run()
    };
    let first = scene.session_of(&with(&scene.bob.access_key_id, &scene.bob.secret));
    let again = scene.session_of(&with(&scene.bob.access_key_id, &scene.bob.secret));
    assert_eq!(first.credentials, again.credentials, "the same key is served what it had");
    let other = scene.session_of(&with(&scene.alice.access_key_id, &scene.alice.secret));
    assert_ne!(first.credentials, other.credentials);
    with("AKIANOTTHERE23456789", "x").refused(5, &["InvalidClientTokenId"]);
}

#[test]
fn an_environment_without_both_parts_of_a_key_is_refused_by_the_name_of_what_is_missing() {
    let key = ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    let secret = ("AWS_SECRET_ACCESS_KEY", "wJalr-hush");
    let place = "config:3";
    row("neither", ENVIRONMENT, "out").refused(1, &["AWS_ACCESS_KEY_ID", "credential_source", place]);
    row("no secret", ENVIRONMENT, "out").set(key.0, key.1).refused(1, &["AWS_SECRET_ACCESS_KEY", place]);
    let ran = row("no id", ENVIRONMENT, "out").set(secret.0, secret.1).refused(1, &["AWS_ACCESS_KEY_ID", place]);
    ran.output.nowhere("wJalr-hush");
    row("empty", ENVIRONMENT, "out").set(key.0, "").set(secret.0, "").refused(1, &["AWS_ACCESS_KEY_ID", place]);
}

/// What a switch put there is no environment of the person's: the profile would be assumed from whoever the shell is.
#[test]
fn in_a_shell_that_is_somebody_the_environment_is_no_source_and_nothing_changes() {
    let scene = Scene::with_config(&format!("{ENVIRONMENT}[profile bob]\nregion = eu-west-1\n"));
    let switched = scene.env.exported(Shell::Bash, &scene.switch("bob --no-session").ok().stdout, &[]);
    assert_eq!(switched.get("AWS_ACCESS_KEY_ID"), Some(&*scene.bob.access_key_id));
    let inside = |words: &[&str]| {
        let set =
            switched.exported.iter().filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("MULTICRED_"));
        set.fold(scene.env.command(words), |command, (name, value)| command.set(name, value.clone())).run()
    };
    for words in [&SWITCH[..], &["env", "out"], &["credential-process", "out"], &["exec", "out", "--", "true"]] {
        inside(words).refused(1, &["credential_source", "Environment"]);
    }
    assert_eq!(scene.sts.count("*"), 0);
}
