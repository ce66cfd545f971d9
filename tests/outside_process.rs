//! `credential_process`: another program's credentials, as PARITY's vectors 25 and 27 have it. The contract is the one
//! of the AWS SDKs and Tools Reference Guide, "Process credential provider".

use serde_json::{Value, json};

use crate::profiles::source::json;
use crate::profiles::{Scene, key_in, role};
use crate::scene::refusal::Refusal;
use crate::support::env::{Output, Shell};
use crate::support::sts::Credentials;

/// A home whose profile `out` is what a script prints: by default, an hour of prod/Web.
fn with_process(more: &str) -> (Scene, Credentials) {
    let mut scene = Scene::new();
    let credentials = scene.sts.world(|world| world.saml_session(&role("Web"), "me", 3600));
    let process = scene.process(&json(&credentials));
    scene.config(&format!("[profile out]\ncredential_process = {process}\n{more}"));
    (scene, credentials)
}

/// The calls, the question who somebody is aside.
fn calls(scene: &Scene) -> Vec<String> {
    scene.said().into_iter().filter(|call| call != "GetCallerIdentity").collect()
}

/// The lines of the profile `out`, which refuse with exit code 1 and say each of `texts`.
#[track_caller]
fn out_refused(config: &str, texts: &[&str]) -> Output {
    let mut scene = Scene::with_config(config);
    scene.env.set("HUSH", "s3cret-of-the-process");
    let output = scene.switch("out");
    output.refused(1, texts).nowhere("s3cret-of-the-process");
    assert!(calls(&scene).is_empty());
    output
}

#[test]
fn the_credentials_of_a_process_are_handed_on_as_they_are() {
    let (scene, credentials) = with_process("region = eu-west-1\n");
    let shell = scene.env.exported(Shell::Bash, &scene.switch("out").ok().stdout, &[]);
    assert_eq!(shell.get("AWS_ACCESS_KEY_ID"), Some(&*credentials.access_key_id));
    assert_eq!(shell.get("AWS_SECRET_ACCESS_KEY"), Some(&*credentials.secret));
    assert_eq!(shell.get("AWS_SESSION_TOKEN"), Some(&*credentials.session_token));
    assert_eq!(shell.get("AWS_CREDENTIAL_EXPIRATION"), Some(&*credentials.expiration()));
    assert_eq!(shell.get("AWS_REGION"), Some("eu-west-1"));
    assert!(calls(&scene).is_empty());
    let printed = scene.env.run(&["credential-process", "out"]).ok().json();
    assert_eq!(printed, json(&credentials));
}

#[test]
fn a_process_runs_once_until_what_it_gave_expires() {
    let (mut scene, _) = with_process("");
    for words in ["out", "out", "--min-ttl 30m out"] {
        scene.switch(words).ok();
    }
    assert_eq!(scene.runs(), 1);
    scene.fresh("out").ok();
    assert_eq!(scene.runs(), 2);
    // What has only a minute left does not do for a caller who needs five.
    let short = scene.sts.world(|world| world.saml_session(&role("Web"), "me", 60));
    let end = json(&short);
    scene.answer(end.to_string());
    scene.fresh("out").ok();
    let (again, long) = (scene.runs(), scene.sts.world(|world| world.saml_session(&role("Web"), "me", 7200)));
    scene.answer(json(&long).to_string());
    scene.switch("--min-ttl 5m out").ok().stdout_has(&long.access_key_id);
    assert_eq!(scene.runs(), again + 1);
}

#[test]
fn many_callers_at_once_run_it_once() {
    let mut scene = Scene::new();
    let credentials = scene.sts.world(|world| world.saml_session(&role("Web"), "me", 3600));
    scene.process(&json(&credentials));
    let slow = scene
        .script("slow", "sleep 0.5\nexec HOME/process".replace("HOME", scene.env.home().to_str().unwrap()).as_str());
    scene.config(&format!(
        "[profile out]\ncredential_process = {slow}\n[profile far]\nrole_arn = ROLE/Onward\nsource_profile = out\n"
    ));
    let callers: Vec<_> = (0..12)
        .map(|number| scene.env.spawn(&["credential-process", if number % 2 == 0 { "out" } else { "far" }]))
        .collect();
    for caller in callers {
        caller.end().ok();
    }
    assert_eq!(scene.runs(), 1);
    assert_eq!(scene.sts.count("AssumeRole"), 1);
}

#[test]
fn what_has_no_end_is_asked_for_each_time() {
    let (mut scene, credentials) = with_process("[profile far]\nrole_arn = ROLE/Onward\nsource_profile = out\n");
    let mut endless = json(&credentials);
    endless.as_object_mut().unwrap().remove("Expiration");
    scene.answer(endless.to_string());
    for run in 1..=3 {
        scene.switch("out").ok().stdout_has(&credentials.access_key_id);
        assert_eq!(scene.runs(), run);
    }
    let told = scene.env.exported(Shell::Bash, &scene.switch("out").stdout, &[]);
    assert_eq!(told.get("AWS_CREDENTIAL_EXPIRATION"), None, "nobody said when it ends");
}

#[test]
fn a_long_term_key_of_a_process_has_no_token_and_no_end_and_no_session_is_made_of_it() {
    let (mut scene, _) = with_process("[profile far]\nrole_arn = ROLE/ReadOnly\nsource_profile = out\n");
    let key = json!({ "Version": 1, "AccessKeyId": scene.bob.access_key_id, "SecretAccessKey": scene.bob.secret });
    scene.answer(key.to_string());
    let shell = scene.env.exported(Shell::Bash, &scene.switch("out").ok().stdout, &[]);
    assert_eq!(shell.get("AWS_ACCESS_KEY_ID"), Some(&*scene.bob.access_key_id));
    assert_eq!(shell.get("AWS_SESSION_TOKEN"), None);
    assert!(calls(&scene).is_empty(), "as aws-vault: {:?}", calls(&scene));
    scene.switch("far").ok();
    assert_eq!(calls(&scene), ["AssumeRole ReadOnly 3600"]);
}

#[test]
fn a_role_is_assumed_from_a_process_in_the_same_profile_and_in_another_one() {
    for (config, name) in [
        ("[profile out]\ncredential_process = HOME/process\nrole_arn = ROLE/Onward\n", "out"),
        (
            "[profile out]\ncredential_process = HOME/process\n[profile far]\nrole_arn = ROLE/Onward\nsource_profile = out\n",
            "far",
        ),
    ] {
        let (mut scene, credentials) = with_process("");
        scene.config(config);
        let session = scene.session_of(&scene.switch(name));
        assert_eq!(
            session.principal.arn(),
            format!("arn:aws:sts::{}:assumed-role/Onward/tester", crate::profiles::PROD)
        );
        assert_eq!(session.issuer.as_ref(), Some(&credentials.access_key_id), "{config}");
        assert_eq!(calls(&scene), ["AssumeRole Onward 3600"]);
    }
}

#[test]
fn the_keys_of_a_profile_beat_its_process() {
    let (mut scene, _) = with_process("");
    scene.keys(&["out"]);
    scene.switch("out --no-session").ok().stdout_has(&scene.alice.access_key_id);
    assert_eq!(scene.runs(), 0);
}

#[test]
fn the_command_is_a_line_of_sh() {
    let (mut scene, credentials) = with_process("");
    scene.env.write("with space/a.json", json(&credentials).to_string());
    for command in [
        "cat 'HOME/with space/a.json' | cat",
        "cat \"$HOME_OF_ANSWERS/a.json\"",
        "cd 'HOME/with space' && cat a.json # the one I use",
    ] {
        let folder = scene.env.path("with space").display().to_string();
        scene.env.set("HOME_OF_ANSWERS", folder);
        let command = if command.contains("$HOME_OF") { command.to_owned() } else { scene.filled(command) };
        scene.env.aws_config(&format!("[profile out]\ncredential_process = {command}\n"));
        scene.fresh("out").ok().stdout_has(&credentials.access_key_id);
    }
}

#[test]
fn what_fails_is_told_with_its_own_words_and_its_place() {
    let config = |command: &str| format!("[profile out]\nregion = eu-west-1\ncredential_process = {command}\n");
    let place = ["out", "credential_process", ".aws/config:3"];
    for (command, says) in [
        ("echo 'the vault is sealed' >&2; exit 3", &["the vault is sealed", "3"][..]),
        ("echo \"{\\\"SecretAccessKey\\\": \\\"$HUSH\\\"}\"; echo sorry >&2; exit 1", &["sorry"]),
        ("exit 7", &["7"]),
        ("kill -9 $$", &["9"]),
        ("HOME/is-not-there", &["is-not-there"]),
        ("true", &[]),
        ("echo no json \"$HUSH\"; echo because >&2", &["JSON", "because"]),
        ("echo \"{\\\"Version\\\": 1, \\\"SecretAccessKey\\\": \\\"$HUSH\\\",\"", &["JSON"]),
        ("echo '[]'", &["JSON"]),
        ("printf '\\033[2J\\a\\r\\nmulticred: all is well\\n' >&2; exit 1", &["all is well"]),
    ] {
        let texts = [&place[..], says].concat();
        out_refused(&config(command), &texts);
    }
}

#[test]
fn a_field_that_is_missing_or_wrong_is_named() {
    let good = json!({ "Version": 1, "AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretAccessKey": "s3cret-of-the-process",
                       "SessionToken": "s3cret-of-the-process", "Expiration": "2050-01-01T00:00:00Z" });
    let changes: [(&str, Value); 12] = [
        ("Version", Value::Null),
        ("Version", json!(2)),
        ("Version", json!("1")),
        ("AccessKeyId", Value::Null),
        ("AccessKeyId", json!("")),
        ("AccessKeyId", json!(5)),
        ("AccessKeyId", json!("ASIA\u{1b}[31m\nexport X=1")),
        ("SecretAccessKey", Value::Null),
        ("SecretAccessKey", json!("")),
        ("Expiration", json!("soon")),
        ("Expiration", json!(1_900_000_000)),
        ("Expiration", json!("2020-01-01T00:00:00Z")),
    ];
    for (field, value) in changes {
        let mut answer = good.clone();
        if value.is_null() {
            answer.as_object_mut().unwrap().remove(field);
        } else {
            answer[field] = value.clone();
        }
        let mut scene = Scene::new();
        let process = scene.process(&answer);
        scene.config(&format!("[profile out]\ncredential_process = {process}\n"));
        let says = if value == "2020-01-01T00:00:00Z" { "expired" } else { field };
        let output = scene.switch("out");
        output.refused(1, &[says, "credential_process"]).nowhere("s3cret-of-the-process");
        assert_eq!(scene.runs(), 1, "it is not tried again: {field} = {value}");
    }
}

#[test]
fn other_fields_and_other_spellings_of_time_are_taken() {
    let (mut scene, credentials) = with_process("");
    let mut answer = json(&credentials);
    answer["AccountId"] = json!(crate::profiles::PROD);
    answer["Note"] = json!({ "any": ["thing"] });
    for end in ["2050-02-04T21:00:57-08:00", "2050-02-05T05:00:57.123Z", "2050-02-05T05:00:57Z"] {
        answer["Expiration"] = json!(end);
        scene.answer(serde_json::to_string_pretty(&answer).unwrap());
        let shell = scene.env.exported(Shell::Bash, &scene.fresh("out").ok().stdout, &[]);
        assert_eq!(shell.get("AWS_CREDENTIAL_EXPIRATION"), Some("2050-02-05T05:00:57Z"), "{end}");
    }
}

/// Else a process that asks AWS itself would do so as whoever the shell is.
#[test]
fn a_process_sees_the_persons_environment_without_what_a_switch_put_there() {
    let (mut scene, credentials) = with_process("");
    scene.env.set("OWN", "mine").set("AWS_PAGER", "less").set("AWS_PROFILE", "bob");
    let command = "env >seen; cat answer.json";
    scene.config(&format!(
        "[profile out]\ncredential_process = cd HOME && {command}\n[profile bob]\nregion = eu-west-3\n"
    ));
    let switched = scene.env.exported(Shell::Bash, &scene.switch("bob --no-session").ok().stdout, &[]);
    let set = switched.exported.iter().filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("MULTICRED_"));
    let inside = set.fold(scene.env.command(&["credential-process", "out"]), |command, (name, value)| {
        command.set(name, value.clone())
    });
    inside.run().ok().stdout_has(&credentials.access_key_id);
    let seen = std::fs::read_to_string(scene.env.path("seen")).unwrap();
    let has = |name: &str| seen.lines().any(|line| line.starts_with(&format!("{name}=")));
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "MULTICRED_IDENTITY"]
    {
        assert!(!has(name), "{name} in {seen}");
    }
    assert!(key_in(&seen).is_none(), "{seen}");
    for name in ["OWN", "AWS_PAGER", "PATH", "HOME"] {
        assert!(has(name), "{name} not in {seen}");
    }
}

#[test]
fn a_key_of_the_persons_own_environment_is_the_processs_too() {
    let (mut scene, _) = with_process("");
    scene.config("[profile out]\ncredential_process = cd HOME && env >seen; cat answer.json\n");
    let command = scene.env.command(&["credential-process", "out"]).set("AWS_ACCESS_KEY_ID", &scene.bob.access_key_id);
    command.set("AWS_SECRET_ACCESS_KEY", "x").run().ok();
    let seen = std::fs::read_to_string(scene.env.path("seen")).unwrap();
    assert!(seen.contains(&scene.bob.access_key_id), "{seen}");
}

#[test]
fn an_edited_command_is_run_again() {
    let (mut scene, first) = with_process("");
    scene.switch("out").ok().stdout_has(&first.access_key_id);
    let other = scene.sts.world(|world| world.saml_session(&role("Web"), "me", 3600));
    scene.env.write("other.json", json(&other).to_string());
    scene.config("[profile out]\ncredential_process = cat HOME/other.json\n");
    scene.switch("out").ok().stdout_has(&other.access_key_id);
}

#[test]
fn reading_about_a_process_does_not_run_it() {
    let (scene, _) = with_process("");
    for words in [&["list"][..], &["list", "--json"], &["status"], &["why", "out"]] {
        scene.env.run(words).ok();
    }
    assert_eq!(scene.runs(), 0);
}
