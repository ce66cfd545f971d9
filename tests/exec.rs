//! `exec`: a program that is somebody, and otherwise as if it had been run directly.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::person::HIDDEN_VARIABLES;
use crate::scene::refusal::Refusal;
use crate::scene::{DEV, Scene};
use crate::support::env::Output;

fn exec(scene: &Scene, words: &[&str]) -> Output {
    scene.env.run(&[&["exec", "dev/Reader", "--"], words].concat())
}

/// The variables that a program says it has.
#[track_caller]
fn variables(output: &Output) -> BTreeMap<String, String> {
    crate::scene::live::variables(&output.ok().stdout)
}

#[test]
fn a_program_holds_the_credential_and_nothing_that_could_win_over_it() {
    let mut scene = Scene::with_bobs_roles();
    for name in HIDDEN_VARIABLES {
        let stale = if name == "AWS_ROLE_ARN" { format!("arn:aws:iam::{DEV}:role/Other") } else { "stale".to_owned() };
        scene.env.set(name, stale);
    }
    scene.env.set("AWS_CREDENTIAL_EXPIRATION", "1999-01-01T00:00:00Z").set("AWS_PAGER", "less").set("OWN", "a\nb");
    let held = variables(&exec(&scene, &["/usr/bin/env", "-0"]));
    let session = scene.sts.world(|world| world.session(&held["AWS_ACCESS_KEY_ID"]).cloned()).expect("a session");
    assert_eq!(session.principal.arn(), format!("arn:aws:sts::{DEV}:assumed-role/Reader/bob"));
    assert_eq!(held["AWS_SECRET_ACCESS_KEY"], session.credentials.secret);
    assert_eq!(held["AWS_SESSION_TOKEN"], session.credentials.session_token);
    assert_eq!(held["AWS_CREDENTIAL_EXPIRATION"], session.credentials.expiration());
    assert_eq!(held["MULTICRED_IDENTITY"], "dev/Reader");
    assert_eq!(held["MULTICRED_EXEC"], "1");
    for name in HIDDEN_VARIABLES {
        assert_eq!(held.get(name), None, "{name}");
    }
    assert_eq!((held["AWS_PAGER"].as_str(), held["OWN"].as_str()), ("less", "a\nb"), "what is the person's stays");
}

#[test]
fn every_exit_code_is_the_programs_own() {
    let scene = Scene::with_bobs_roles();
    for code in 0..=255 {
        exec(&scene, &["sh", "-c", &format!("exit {code}")]).code(code).stdout_is("").stderr_is("");
    }
}

#[test]
fn a_signal_ends_the_program_as_if_it_had_been_run_directly() {
    let scene = Scene::with_bobs_roles();
    for (signal, number) in [("HUP", 1), ("INT", 2), ("KILL", 9), ("SEGV", 11), ("PIPE", 13), ("TERM", 15)] {
        // Whoever started the tests may have had some ignored, as nohup and a shell's & do.
        let kill = format!("kill -{signal} $$");
        let words = ["--default-signal", "multicred", "exec", "dev/Reader", "--", "sh", "-c", &kill];
        scene.env.program("env", &words).run().code(128 + number);
    }
}

#[test]
fn no_parent_stays_behind_so_signals_and_waits_meet_the_program_itself() {
    let scene = Scene::with_bobs_roles();
    exec(&scene, &["true"]).ok();
    let running = scene.env.spawn(&["exec", "dev/Reader", "--", "sh", "-c", "echo $$; exec sleep 50"]);
    let pid = running.pid();
    let is_sleep = || fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "sleep");
    assert!(crate::scene::seat::eventually(is_sleep), "the process that was started is the program");
    scene.env.program("kill", &["-TERM", &pid.to_string()]).run().ok();
    running.end_within(crate::scene::PATIENCE).code(143).stdout_is(&format!("{pid}\n"));
}

#[test]
fn the_program_inherits_no_limit_no_ignored_signal_and_no_file_of_multicreds() {
    let scene = Scene::with_bobs_roles();
    let look = "ulimit -c; ulimit -Hc; grep -E '^(SigIgn|SigBlk)' /proc/self/status; ls /proc/self/fd | wc -l";
    let direct = scene.env.program("sh", &["-c", look]).run();
    exec(&scene, &["sh", "-c", look]).stdout_is(&direct.stdout);
    let unlimited = format!("ulimit -c unlimited; exec {} exec dev/Reader -- sh -c 'ulimit -c'", "multicred");
    scene.env.program("sh", &["-c", &unlimited]).run().ok().stdout_is("unlimited\n");
}

#[test]
fn stdin_and_every_argument_arrive_as_they_are() {
    let scene = Scene::with_bobs_roles();
    let piped = scene.env.command(&["exec", "dev/Reader", "--", "cat"]).stdin(b"a\0b\n").run();
    piped.ok().stdout_is("a\0b\n");
    let closed = "exec multicred exec dev/Reader -- sh -c 'cat; echo done' <&-";
    scene.env.program("sh", &["-c", closed]).run().ok().stdout_has("done");
    let long = "x".repeat(100_000);
    exec(&scene, &["printf", "%s", &long]).ok().stdout_is(&long);
    let many = ["printf", "%s\n"].into_iter().chain(std::iter::repeat_n("y", 50_000)).collect::<Vec<_>>();
    exec(&scene, &many).ok().stdout_is(&"y\n".repeat(50_000));
    let hostile = ["$(touch pwned)", "--", "-h", "--help", "a'b\"c\\", "", "two\nlines", "%s"];
    let shown = exec(&scene, &[&["printf", "[%s]"][..], &hostile].concat());
    shown.ok().stdout_is(&format!("[{}]", hostile.join("][")));
    let no_text = "exec multicred exec dev/Reader -- od -An -c \"$(printf '\\377\\376')\"";
    scene.env.program("sh", &["-c", &format!("printf x > \"$(printf '\\377\\376')\"; {no_text}")]).run().ok();
    assert!(!scene.env.path("pwned").exists());
}

#[test]
fn a_program_that_is_not_there_is_127_and_one_that_cannot_run_126() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.write("plain", "no program").write("orphan", "#!/no/such/interpreter\n");
    fs::set_permissions(scene.env.path("orphan"), Permissions::from_mode(0o700)).unwrap();
    for (program, code) in [
        ("no-such-program", 127),
        ("./no-such-program", 127),
        ("", 127),
        ("./plain", 126),
        ("/tmp", 126),
        ("./orphan", 126),
    ] {
        exec(&scene, &[program]).refused(code, &["cannot be run"]);
    }
}

#[test]
fn inside_an_exec_another_one_must_be_meant() {
    let scene = Scene::with_bobs_roles();
    let inner = ["multicred", "exec", "dev/Writer", "--", "printenv", "MULTICRED_IDENTITY"];
    exec(&scene, &inner).refused(2, &["already the environment of multicred exec, as dev/Reader", "--nested"]);
    let meant = ["multicred", "exec", "--nested", "dev/Writer", "--", "printenv", "MULTICRED_IDENTITY"];
    exec(&scene, &meant).ok().stdout_is("dev/Writer\n");
    let code = scene.become_in_bash("dev/Reader").stdout;
    let switched = format!("{code}\nmulticred exec dev/Writer -- printenv MULTICRED_IDENTITY");
    scene.env.program("bash", &["-c", &switched]).run().ok().stdout_is("dev/Writer\n");
    let left = format!("{}\nmulticred exec dev/Reader -- true", scene.become_in_bash("dev/Writer").stdout);
    exec(&scene, &["bash", "-c", &left]).ok();
}

#[test]
fn where_there_is_no_credential_no_program_runs() {
    let scene = Scene::with_bobs_roles();
    for (words, code) in [
        (&["exec", "dev/Nobody", "--", "touch", "ran"][..], 3),
        (&["exec", "--", "touch", "ran"], 2),
        (&["exec", "dev/Reader"], 2),
        (&["exec", "dev/Reader", "touch", "ran"], 2),
        (&["exec", "--region", "no region", "dev/Reader", "--", "touch", "ran"], 2),
    ] {
        scene.env.run(words).refused(code, &[]);
    }
    scene.sts.fault_always("AssumeRole", crate::support::sts::Fault::refuse(403, "AccessDenied", "no"));
    exec(&scene, &["touch", "ran"]).refused(5, &["AccessDenied"]);
    assert!(!scene.env.path("ran").exists());
}

#[test]
fn a_region_is_the_flags_then_the_identitys_then_the_persons_own() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["link", "dev/Writer", "--parent", "dev/Reader", "--region", "eu-west-1"]).ok();
    let region = |name: &str, flags: &[&str], own: Option<&str>| {
        let words = [&["exec"], flags, &[name, "--", "sh", "-c", "echo $AWS_REGION $AWS_DEFAULT_REGION"]].concat();
        let command = scene.env.command(&words);
        let command = if let Some(own) = own { command.set("AWS_REGION", own) } else { command };
        command.run().ok().stdout.trim().to_owned()
    };
    assert_eq!(region("dev/Writer", &["--region", "sa-east-1"], Some("us-west-2")), "sa-east-1 sa-east-1");
    assert_eq!(region("dev/Writer", &[], Some("us-west-2")), "eu-west-1 eu-west-1");
    assert_eq!(region("dev/Reader", &[], Some("us-west-2")), "us-west-2 us-west-2");
    assert_eq!(region("dev/Reader", &[], None), "");
    let code = scene.become_in_bash("dev/Writer").stdout;
    let nested = format!("{code}\nmulticred exec dev/Reader -- sh -c 'echo \"[$AWS_REGION]\"'");
    scene.env.program("bash", &["-c", &nested]).run().ok().stdout_is("[]\n");
}

#[test]
fn for_a_profile_the_environments_role_and_region_win_and_for_a_switch_they_do_not() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.aws_credentials(&crate::scene::ini("base", &scene.bob));
    scene.env.aws_config(&format!(
        "[profile p]\nrole_arn = arn:aws:iam::{DEV}:role/Nowhere\nsource_profile = base\nregion = eu-west-1\n"
    ));
    let reader = format!("arn:aws:iam::{DEV}:role/Reader");
    let with = |words: &[&str]| {
        let command = scene.env.command(words).set("AWS_ROLE_ARN", &reader).set("AWS_ROLE_SESSION_NAME", "quay-7");
        command.set("AWS_REGION", "us-west-2").run()
    };
    let held = variables(with(&["exec", "p", "--", "env", "-0"]).stderr_has("AWS_ROLE_ARN names"));
    let session = scene.sts.world(|world| world.session(&held["AWS_ACCESS_KEY_ID"]).cloned()).expect("a session");
    assert_eq!(session.principal.arn(), format!("arn:aws:sts::{DEV}:assumed-role/Reader/quay-7"));
    assert_eq!(held["AWS_REGION"], "us-west-2");
    assert_eq!(held["MULTICRED_ARN"], reader);
    with(&["as", "--shell", "bash", "p"]).refused(5, &["AccessDenied"]);
    let bad = |name: &str| scene.env.command(&["exec", name, "--", "true"]).set("AWS_ROLE_ARN", "Reader").run();
    bad("p").refused(2, &["AWS_ROLE_ARN is 'Reader'"]);
    bad("dev/Reader").ok();
}

#[test]
fn without_a_name_it_is_whom_the_shell_is() {
    let scene = Scene::with_bobs_roles();
    let code = scene.become_in_bash("dev/Reader").stdout;
    let shell = format!("{code}\nmulticred exec -- printenv AWS_ACCESS_KEY_ID; echo $AWS_ACCESS_KEY_ID");
    let output = scene.env.program("bash", &["-c", &shell]).run();
    let keys: Vec<&str> = output.ok().stdout.lines().collect();
    assert_eq!(keys[0], keys[1]);
    let other = format!("{code}\nexport AWS_ACCESS_KEY_ID=by-hand; multicred exec -- touch ran");
    scene.env.program("bash", &["-c", &other]).run().refused(2, &["changed by hand", "no longer those of dev/Reader"]);
    let restricted = scene.env.run(&["as", "--shell", "bash", "--read-only", "dev/Reader"]).stdout;
    let shell = format!("{restricted}\nmulticred exec -- touch ran");
    let output = scene.env.program("bash", &["-c", &shell]).run();
    output.refused(2, &["restricted by a policy, which would be left out"]);
    assert!(!scene.env.path("ran").exists());
}

#[test]
fn whom_the_shell_is_comes_with_the_shells_region_and_with_its_key() {
    let scene = Scene::with_bobs_roles();
    let in_shell = |words: &[&str], then: &str| {
        let code = scene.env.run(&[&["as", "--shell", "bash"], words].concat()).stdout;
        scene.env.program("bash", &["-c", &format!("{code}\n{then}")]).run().ok().stdout.trim().to_owned()
    };
    let region = "multicred exec -- printenv AWS_REGION";
    assert_eq!(in_shell(&["--region", "us-east-2", "dev/Reader"], region), "us-east-2");
    assert_eq!(
        in_shell(&["--region", "us-east-2", "dev/Reader"], "multicred exec dev/Writer -- sh -c 'echo [$AWS_REGION]'"),
        "[]"
    );
    let key = "multicred exec -- printenv AWS_ACCESS_KEY_ID";
    assert_eq!(in_shell(&["--no-session", "bob"], key), scene.bob.access_key_id);
    assert_eq!(in_shell(&[&scene.bob.access_key_id], key), scene.bob.access_key_id);
}

#[test]
fn a_store_that_was_named_is_the_programs_store_too() {
    let scene = Scene::with_bobs_roles();
    let moved = scene.env.path("other.db");
    let words = ["--store", "other.db", "exec", "dev/Reader", "--", "printenv", "MULTICRED_STORE"];
    fs::create_dir_all(moved.parent().unwrap()).unwrap();
    for suffix in ["", ".key"] {
        let from = format!("{}{suffix}", scene.env.store().display());
        fs::copy(from, format!("{}{}", moved.display(), suffix)).unwrap();
    }
    fs::copy(format!("{}.key", scene.env.store().display()), scene.env.path("multicred.db.key")).unwrap();
    scene.env.run(&words).ok().stdout_is(&format!("{}\n", moved.display()));
    exec(&scene, &["sh", "-c", "echo [$MULTICRED_STORE]"]).ok().stdout_is("[]\n");
}

#[test]
fn a_program_that_is_not_there_costs_no_call_and_the_history_tells_what_became_of_one() {
    let scene = Scene::with_bobs_roles();
    exec(&scene, &["no-such-program"]).refused(127, &["in PATH"]);
    assert_eq!(scene.sts.count("AssumeRole"), 0);
    exec(&scene, &["true"]).ok();
    exec(&scene, &["/tmp"]).refused(126, &["cannot be run"]);
    let history = fs::read_to_string(scene.env.store().with_file_name("history.jsonl")).unwrap();
    let outcomes: Vec<String> = history
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| line["event"] == "exec")
        .map(|line| line["outcome"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(outcomes[..2], ["ok", "ok"]);
    assert!(outcomes[2].contains("cannot be run"), "{outcomes:?}");
}
