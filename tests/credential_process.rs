//! `credential-process`: AWS's contract, as an SDK meets it.

use std::time::Duration;

use clap::CommandFactory;
use serde_json::Value;

use crate::scene::refusal::Refusal;
use crate::scene::seat::Seat;
use crate::scene::{DEV, PROD, Scene};
use crate::support::sts::{Fault, Role};

fn process(scene: &Scene, name: &str) -> Value {
    scene.env.run(&["credential-process", name]).ok().json()
}

#[test]
fn a_session_has_an_expiration_and_a_long_term_key_has_none() {
    let scene = Scene::with_bobs_roles();
    let role = process(&scene, "dev/Reader");
    let key = role["AccessKeyId"].as_str().unwrap();
    let session = scene.sts.world(|world| world.session(key).cloned()).expect("a session");
    assert_eq!(role["Version"], 1);
    assert_eq!(role["Expiration"], session.credentials.expiration());
    assert_eq!(role["SessionToken"], session.credentials.session_token);
    assert_eq!(role.as_object().unwrap().len(), 5);
    let long_term = scene.env.run(&["credential-process", "--no-session", "bob"]).ok().json();
    let expected = serde_json::json!({
        "Version": 1, "AccessKeyId": scene.bob.access_key_id, "SecretAccessKey": scene.bob.secret
    });
    assert_eq!(long_term, expected);
}

#[test]
fn a_guessed_end_is_told_since_sdks_would_never_ask_again() {
    let scene = Scene::with_bob();
    let saml = scene.sts.world(|world| {
        world.role(Role::new(PROD, "Saml"));
        world.saml_session(&format!("arn:aws:iam::{PROD}:role/Saml"), "me", 9000)
    });
    let json = serde_json::json!({ "Credentials": {
        "AccessKeyId": saml.access_key_id, "SecretAccessKey": saml.secret, "SessionToken": saml.session_token
    }});
    scene.env.run_with_stdin(&["import", "-", "--label", "saml"], json.to_string()).ok();
    let answer = process(&scene, "saml");
    assert!(answer["Expiration"].as_str().is_some_and(|end| end.ends_with('Z')), "{answer}");
    scene.env.run(&["env", "saml"]).ok().stdout_has("unset AWS_CREDENTIAL_EXPIRATION");
}

#[test]
fn stdout_is_the_answer_or_nothing() {
    let scene = Scene::with_bobs_roles();
    let output = scene.env.run(&["-v", "credential-process", "dev/Writer"]);
    assert_eq!(output.ok().stdout.lines().count(), 1);
    scene.env.run(&["credential-process", "dev/Nobody"]).refused(3, &["dev/Nobody"]);
    scene.env.run(&["credential-process"]).refused(2, &["this shell is nobody"]);
    scene.sts.fault_always("AssumeRole", Fault::refuse(403, "AccessDenied", "no"));
    scene.env.run(&["credential-process", "--fresh", "dev/Reader"]).refused(5, &["AccessDenied"]);
    scene.sts.clear_faults();
    scene.sts.fault_always("AssumeRole", Fault::unavailable());
    scene.env.run(&["credential-process", "--fresh", "dev/Reader"]).refused(6, &["could not serve"]);
}

#[test]
fn without_a_terminal_it_never_asks_and_holds_nobody_up() {
    let scene = Scene::with_alices_roles();
    scene.env.run(&["credential-process", "prod/Admin"]).refused(4, &["no terminal to ask on"]);
    assert_eq!(scene.sts.count("GetSessionToken"), 0);
}

#[test]
fn at_its_own_terminal_it_asks_there_and_answers_on_stdout() {
    let scene = Scene::with_alices_roles();
    let mut seat = Seat::take(&scene.env, &["credential-process", "prod/Admin"]);
    seat.wait_for("MFA code for");
    seat.type_line("123456");
    let ended = seat.end();
    assert_eq!(ended.status, 0, "{ended:?}");
    let answer: Value = serde_json::from_str(&ended.stdout).expect("JSON and nothing else");
    assert_eq!(answer["Version"], 1);
    assert!(!ended.screen.contains(answer["SecretAccessKey"].as_str().unwrap()));
}

#[test]
fn in_the_background_of_a_terminal_it_does_not_stop_at_a_question_nobody_sees() {
    let scene = Scene::with_alices_roles();
    // Job control puts the background job into a process group of its own.
    let code = "set -m; multicred credential-process prod/Admin >out 2>err & wait $!; echo \"ended: $?\"";
    let seat =
        Seat::take(&scene.env, &["exec", "--no-session", "alice", "--", "bash", "-c", &format!("{code} >/dev/tty")]);
    let ended = seat.end();
    assert!(ended.screen.contains("ended: 4"), "{ended:?}");
    let err = std::fs::read_to_string(scene.env.path("err")).unwrap();
    assert!(err.contains("in the background of its terminal") && err.contains("run it in the foreground"), "{err}");
}

/// dev/Reader's credential with so many seconds left of its hour.
fn with_left(left: i64) -> (Scene, Value) {
    let scene = Scene::with_bobs_roles();
    scene.sts.check_skew(false);
    scene.sts.set_clock_offset(left - 3600);
    let answer = process(&scene, "dev/Reader");
    scene.sts.set_clock_offset(0);
    age(&scene, 3600 - left);
    (scene, answer)
}

/// Moves the moment when roles' credentials were stored into the past.
fn age(scene: &Scene, seconds: i64) {
    let store = rusqlite::Connection::open(scene.env.store()).unwrap();
    store.execute("UPDATE credential SET created_at = created_at - ?1 WHERE kind = 'role'", [seconds]).unwrap();
}

#[test]
fn a_program_gets_a_new_credential_where_a_shell_still_keeps_the_old_one() {
    let (scene, old) = with_left(600);
    let shell = scene.become_in_bash("dev/Reader");
    assert_eq!(
        crate::scene::key_in_code(&shell.ok().stdout),
        old["AccessKeyId"].as_str(),
        "ten minutes do for a shell"
    );
    assert_ne!(process(&scene, "dev/Reader")["AccessKeyId"], old["AccessKeyId"], "an SDK would ask again at once");
    let (scene, old) = with_left(1000);
    assert_eq!(process(&scene, "dev/Reader"), old);
}

#[test]
fn what_is_left_serves_where_no_code_can_be_had() {
    let scene = Scene::with_alices_roles();
    scene.sts.check_skew(false);
    scene.sts.set_clock_offset(-(3600 - 400));
    let admin = ["credential-process", "--mfa-code", "123456", "prod/Admin"];
    let old = scene.env.run(&admin).ok().json();
    scene.sts.set_clock_offset(0);
    // The MFA session has hours left, and is taken away: the next one would need a code.
    let store = rusqlite::Connection::open(scene.env.store()).unwrap();
    store.execute("DELETE FROM credential WHERE kind = 'session'", []).unwrap();
    drop(store);
    age(&scene, 3200);
    assert_eq!(process(&scene, "prod/Admin"), old);
    scene.env.run(&["credential-process", "--min-ttl", "15m", "prod/Admin"]).refused(4, &["no terminal"]);
    scene.env.run(&["credential-process", "--fresh", "prod/Admin"]).refused(4, &["no terminal"]);
}

#[test]
fn what_is_left_serves_where_aws_is_away() {
    let (scene, old) = with_left(400);
    scene.sts.fault_always("AssumeRole", Fault::DropBefore);
    let output = scene.env.run(&["credential-process", "dev/Reader"]);
    output.ok().stderr_has("what is left of the last credential is used");
    assert_eq!(output.json(), old);
    scene.sts.clear_faults();
    let_a_minute_pass(&scene);
    scene.sts.fault_always("AssumeRole", Fault::refuse(403, "AccessDenied", "no"));
    scene.env.run(&["credential-process", "dev/Reader"]).refused(5, &["AccessDenied"]);
    scene.sts.clear_faults();
    assert_ne!(process(&scene, "dev/Reader")["AccessKeyId"], old["AccessKeyId"]);
}

/// The failures that locks remember become a minute older.
fn let_a_minute_pass(scene: &Scene) {
    for lock in std::fs::read_dir(scene.env.path("run/multicred/locks")).unwrap() {
        let path = lock.unwrap().path();
        let mut content: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        if let Some(at) = content["failure"]["at"].as_i64() {
            content["failure"]["at"] = Value::from(at - 60_000_000_000);
            std::fs::write(&path, content.to_string()).unwrap();
        }
    }
}

#[test]
fn where_there_is_something_left_an_aws_that_does_not_answer_is_asked_once_a_minute() {
    for fault in [Fault::Hang, Fault::DropBefore, Fault::unavailable(), Fault::html()] {
        let (scene, old) = with_left(600);
        scene.sts.clear_calls();
        scene.sts.fault_always("AssumeRole", fault.clone());
        for note in ["what is left", "not asked again so soon", "what is left"] {
            let output = scene.env.run(&["credential-process", "dev/Reader"]);
            assert_eq!(output.ok().stderr_has(note).json(), old);
            assert_eq!(scene.sts.count("AssumeRole"), 1, "{fault:?}");
        }
        let_a_minute_pass(&scene);
        assert_eq!(process(&scene, "dev/Reader"), old);
        assert_eq!(scene.sts.count("AssumeRole"), 2, "{fault:?}");
    }
}

#[test]
fn a_crowd_that_has_something_left_asks_a_silent_aws_once() {
    let (scene, old) = with_left(600);
    scene.sts.clear_calls();
    scene.sts.fault_always("AssumeRole", Fault::Hang);
    let crowd: Vec<_> = (0..20).map(|_| scene.env.spawn(&["credential-process", "dev/Reader"])).collect();
    assert!(crowd.into_iter().all(|one| one.end().ok().json() == old));
    assert_eq!(scene.sts.count("AssumeRole"), 1);
}

/// It may take its thirty seconds, being asked by somebody who has nothing else.
#[test]
fn who_has_something_left_does_not_wait_long_for_another_process() {
    let (scene, old) = with_left(600);
    scene.sts.clear_calls();
    let gate = scene.sts.gate("AssumeRole");
    let other = scene.env.spawn(&["credential-process", "--fresh", "dev/Reader"]);
    assert!(gate.wait_held(1, crate::scene::PATIENCE), "no call arrived");
    let output = scene.env.command(&["credential-process", "dev/Reader"]).limit(Duration::from_secs(25)).run();
    assert_eq!(output.ok().stderr_has("what is left").json(), old);
    gate.open();
    assert_ne!(other.end().ok().json(), old);
}

#[test]
fn who_has_nothing_left_or_wants_more_asks_whatever_was_a_moment_ago() {
    let (scene, old) = with_left(600);
    scene.sts.fault_always("AssumeRole", Fault::DropBefore);
    assert_eq!(process(&scene, "dev/Reader"), old);
    for flags in [&["--fresh"][..], &["--min-ttl", "15m"]] {
        scene.sts.clear_calls();
        scene.env.run(&[&["credential-process"], flags, &["dev/Reader"]].concat()).refused(6, &["no answer"]);
        assert_eq!(scene.sts.count("AssumeRole"), 3, "{flags:?}");
    }
    let store = rusqlite::Connection::open(scene.env.store()).unwrap();
    store.execute("DELETE FROM credential WHERE kind = 'role'", []).unwrap();
    drop(store);
    scene.sts.clear_faults();
    assert_ne!(process(&scene, "dev/Reader")["AccessKeyId"], old["AccessKeyId"]);
}

#[test]
fn an_answer_ends_the_memory_of_a_missing_one() {
    let (scene, old) = with_left(600);
    scene.sts.fault_always("AssumeRole", Fault::DropBefore);
    assert_eq!(process(&scene, "dev/Reader"), old);
    scene.sts.clear_faults();
    scene.sts.set_clock_offset(600 - 3600);
    // As short-lived as the one before it.
    scene.env.run(&["credential-process", "--fresh", "dev/Reader"]).ok();
    scene.sts.set_clock_offset(0);
    age(&scene, 3000);
    scene.sts.clear_calls();
    process(&scene, "dev/Reader");
    assert_eq!(scene.sts.count("AssumeRole"), 1);
}

#[test]
fn a_hundred_at_once_cause_one_call_for_each_hop_and_get_one_answer() {
    let scene = Scene::with_bobs_roles();
    scene.sts.fault_always("AssumeRole", Fault::Delay(Duration::from_millis(200)));
    let running: Vec<_> = (0..100).map(|_| scene.env.spawn(&["credential-process", "dev/Writer"])).collect();
    let answers: Vec<String> =
        running.into_iter().map(|one| one.end_within(crate::scene::PATIENCE).ok().stdout.clone()).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(scene.sts.count("AssumeRole"), 2);
}

#[test]
fn a_profile_that_asks_multicred_is_the_identity_it_asks_for_and_is_never_run() {
    let mut scene = Scene::with_bobs_roles();
    // No program is there: whoever ran it would fail.
    scene.env.aws_config(
        "[profile mine]\ncredential_process = /no/such/multicred credential-process dev/Reader\n\
         [profile dev/Reader]\ncredential_process = /no/such/multicred credential-process dev/Reader\n\
         [profile round]\ncredential_process = multicred credential-process about\n\
         [profile about]\ncredential_process = multicred credential-process round\n\
         [profile gone]\ncredential_process = multicred credential-process dev/Gone\n\
         [profile else]\ncredential_process = other-program\n",
    );
    let reader = process(&scene, "dev/Reader");
    assert_eq!(process(&scene, "mine"), reader);
    scene.become_in_bash("mine").ok().stdout_has("MULTICRED_IDENTITY='dev/Reader'");
    scene.env.run(&["credential-process", "round"]).refused(3, &["leads round in a loop: round → about → round"]);
    scene.env.run(&["credential-process", "gone"]).refused(3, &["dev/Gone"]);
    scene.env.run(&["credential-process", "else"]).refused(1, &["credential_process", "config:12"]);
    let rows = scene.env.run(&["list", "--json"]).ok().json();
    let row = |name: &str| rows.as_array().unwrap().iter().filter(|row| row["identity"] == name).count();
    assert_eq!((row("dev/Reader"), row("mine")), (1, 1));
}

/// A profile `mine` whose command has these words after the program.
fn asking(words: &str) -> Scene {
    let mut scene = Scene::with_bobs_roles();
    scene.env.aws_config(&format!("[profile mine]\ncredential_process = /no/such/multicred {words}\n"));
    scene
}

#[test]
fn a_profile_may_ask_multicred_in_every_way_that_says_for_whom_and_no_more() {
    let reader = format!("arn:aws:iam::{DEV}:role/Reader");
    let as_role = format!("credential-process --account={DEV} --role Reader");
    for words in [
        "--no-input credential-process dev/Reader",
        "credential-process dev/Reader --quiet",
        "-q --color never --json credential-process -- dev/Reader",
        "-v credential-process --color=auto --no-input --arn ARN",
        "credential-process --arn=ARN",
        "credential-process --account dev --role Reader",
        &as_role,
    ] {
        let scene = asking(&words.replace("ARN", &reader));
        assert_eq!(process(&scene, "mine"), process(&scene, "dev/Reader"), "{words}");
    }
    let mut scene = Scene::with_bob();
    let key = scene.bob.access_key_id.clone();
    scene
        .env
        .aws_config(&format!("[profile mine]\ncredential_process = multicred credential-process --access-key {key}\n"));
    assert_eq!(process(&scene, "mine")["AccessKeyId"], key.as_str());
}

#[test]
fn a_profile_that_asks_multicred_for_more_than_whom_is_refused_with_its_line_and_flag() {
    let arguments = multicred::cli::Cli::command();
    let process = arguments.find_subcommand("credential-process").unwrap();
    let followed =
        ["store", "json", "no-input", "color", "quiet", "verbose", "arn", "access-key", "account", "role", "help"];
    let flags = arguments.get_arguments().chain(process.get_arguments()).filter_map(|argument| {
        let flag = argument.get_long().filter(|long| !followed.contains(long))?;
        let value = if argument.get_action().takes_values() { " x" } else { "" };
        Some((format!("--{flag}"), format!("--{flag}{value}")))
    });
    let flags: Vec<(String, String)> = flags.collect();
    assert!(flags.len() > 10, "{flags:?}");
    for (flag, words) in flags {
        for command in [
            format!("credential-process {words} dev/Reader"),
            format!("credential-process dev/Reader {words}"),
            format!("credential-process {} dev/Reader", words.replace(' ', "=")),
        ] {
            let scene = asking(&command);
            let says =
                format!("profile mine asks multicred with {flag} ({}:2)", scene.env.path(".aws/config").display());
            scene.env.run(&["credential-process", "mine"]).refused(1, &[&says, "name the identity itself"]);
            scene.env.run(&["as", "--shell", "bash", "mine"]).refused(1, &[&says]);
            let rows = scene.env.run(&["list", "--json"]).ok().json();
            let row = rows.as_array().unwrap().iter().find(|row| row["identity"] == "mine").unwrap();
            assert_eq!(row["state"], "broken");
        }
    }
    for words in ["", "dev/Reader dev/Writer", "--account dev", "--arn dev/Reader", "--access-key x", "--arn x y", "-"]
    {
        let scene = asking(&format!("credential-process {words}"));
        scene.env.run(&["credential-process", "mine"]).refused(1, &["config:2", "does not name one identity"]);
    }
}

#[test]
fn a_profile_that_asks_for_its_own_name_which_nobody_has_is_told_so() {
    let scene = asking("credential-process mine");
    let refused = scene.env.run(&["credential-process", "mine"]);
    refused.refused(3, &["profile mine asks multicred for mine", "no identity called so"]);
}

/// bob's roles are linked, and no program of these lines is there: whoever ran one would fail.
fn with_sources(config: &str) -> Scene {
    let mut scene = Scene::with_bobs_roles();
    let config = config.replace("ROLE", &format!("arn:aws:iam::{DEV}:role"));
    scene.env.aws_config(&config.replace("ASK", "/no/such/multicred credential-process"));
    scene
}

#[test]
fn a_source_that_asks_multicred_is_the_way_to_whom_it_asks_for_and_is_never_run() {
    let scene = with_sources(
        "[profile dev/Reader]\ncredential_process = ASK dev/Reader\n\
         [profile bobs]\ncredential_process = ASK bob\n\
         [profile far]\nrole_arn = ROLE/Writer\nsource_profile = dev/Reader\n\
         [profile beside]\nrole_arn = ROLE/Writer\ncredential_process = ASK dev/Reader\n\
         [profile same]\nsource_profile = dev/Reader\nregion = eu-west-1\n\
         [profile reader]\nrole_arn = ROLE/Reader\nsource_profile = bobs\n\
         [profile twice]\nrole_arn = ROLE/Writer\nsource_profile = through\n\
         [profile through]\ncredential_process = ASK reader\n",
    );
    let writer = process(&scene, "dev/Writer");
    assert_eq!(scene.sts.count("AssumeRole"), 2);
    for name in ["far", "beside", "twice"] {
        assert_eq!(process(&scene, name), writer, "{name}");
    }
    let reader = process(&scene, "dev/Reader");
    assert_eq!(process(&scene, "same"), reader);
    assert_eq!(process(&scene, "reader"), reader);
    scene.become_in_bash("same").ok().stdout_has("AWS_REGION='eu-west-1'");
    assert_eq!(scene.sts.count("AssumeRole"), 2, "the steps are those of the identity itself");
    let why = scene.env.run(&["why", "far"]);
    why.ok()
        .stdout_has("profile far from dev/Reader of the AWS config, which asks multicred for dev/Reader: the links");
    why.stdout_has("chain: bob → dev/Reader → far");
    let rows = scene.env.run(&["list", "--json"]).ok().json();
    assert!(rows.as_array().unwrap().iter().all(|row| row["state"] != "broken"), "{rows}");
}

#[test]
fn sources_that_ask_multicred_for_each_other_are_told_as_a_loop_by_name() {
    let scene = with_sources(
        "[profile far]\nrole_arn = ROLE/Writer\nsource_profile = near\n\
         [profile near]\ncredential_process = ASK far\n\
         [profile plain]\nsource_profile = about\n\
         [profile about]\ncredential_process = ASK plain\n\
         [profile self]\nrole_arn = ROLE/Writer\ncredential_process = ASK self\n\
         [profile narcissus]\nrole_arn = ROLE/Writer\nsource_profile = mirror\n\
         [profile mirror]\ncredential_process = ASK mirror\n",
    );
    for (name, round) in [
        ("far", "far → near → far"),
        ("near", "far → near → far"),
        ("plain", "plain → about → plain"),
        ("about", "plain → about → plain"),
        ("self", "self → self"),
    ] {
        scene.env.run(&["credential-process", name]).refused(3, &[&format!("leads round in a loop: {round}")]);
    }
    let narcissus = scene.env.run(&["credential-process", "narcissus"]);
    narcissus.refused(3, &["profile mirror asks multicred for mirror", "no identity called so"]);
    assert_eq!(scene.sts.count("AssumeRole"), 0);
}

#[test]
fn a_source_that_asks_multicred_for_more_than_whom_is_refused_with_its_line_and_flag() {
    let scene = with_sources(
        "[profile far]\nrole_arn = ROLE/Writer\nsource_profile = near\n\
         [profile near]\ncredential_process = ASK --duration 1h dev/Reader\n\
         [profile beside]\nrole_arn = ROLE/Writer\ncredential_process = ASK dev/Reader dev/Writer\n\
         [profile lost]\nrole_arn = ROLE/Writer\ncredential_process = ASK dev/Gone\n",
    );
    let says = format!("profile near asks multicred with --duration ({}:5)", scene.env.path(".aws/config").display());
    scene.env.run(&["credential-process", "far"]).refused(1, &[&says, "take --duration out of that line"]);
    scene.env.run(&["credential-process", "beside"]).refused(1, &["config:8", "does not name one identity"]);
    scene.env.run(&["credential-process", "lost"]).refused(3, &["dev/Gone"]);
}

#[test]
fn a_code_of_whom_a_source_asks_multicred_for_serves_every_role_of_it() {
    let mut scene = Scene::with_alices_roles();
    scene.env.aws_config(&format!(
        "[profile mine]\ncredential_process = /no/such/multicred credential-process alice\n\
         [profile admin]\nrole_arn = arn:aws:iam::{PROD}:role/Admin\nsource_profile = mine\n\
         [profile billing]\nrole_arn = arn:aws:iam::{PROD}:role/Billing\nsource_profile = mine\n"
    ));
    scene.env.run(&["credential-process", "--mfa-code", "123456", "admin"]).ok();
    process(&scene, "billing");
    assert_eq!((scene.sts.count("GetSessionToken"), scene.sts.count("AssumeRole")), (1, 2));
}

#[test]
fn what_the_environment_says_of_the_profile_asked_for_is_not_said_of_its_source() {
    let mut scene = with_sources(
        "[profile bobs]\ncredential_process = ASK bob\n\
         [profile reader]\nrole_arn = ROLE/Reader\nsource_profile = bobs\nsource_identity = bob\n\
         [profile near]\ncredential_process = ASK reader\n\
         [profile far]\nrole_arn = ROLE/Writer\nsource_profile = near\n\
         [profile other]\nrole_arn = ROLE/Writer\nsource_profile = near\nsource_identity = mallory\n",
    );
    scene.env.run(&["credential-process", "other"]).refused(1, &["source_identity", "config:15", "reader"]);
    scene.env.set("AWS_SESSION_TAGS", "team=blue");
    let why = scene.env.run(&["why", "far", "--json"]).ok().json();
    let tags = |index: usize| why["plan"]["calls"][index]["tags"].clone();
    let calls = why["plan"]["calls"].as_array().unwrap();
    let reader = calls.iter().position(|call| call["identity"] == "reader").unwrap();
    assert_eq!((tags(reader), tags(reader + 1)), (serde_json::json!({}), serde_json::json!({"team": "blue"})));
}
