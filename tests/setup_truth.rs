//! `setup` and `refresh`: whose key it is that stands somewhere, and what is told of it.

use serde_json::Value;

use crate::moto::server::venv;
use crate::scene::refusal::Refusal;
use crate::scene::{DEV, Scene, ini};
use crate::setup::credentials;
use crate::support::sts::{Call, Fault, KeyPair};
use crate::support::terminal::{Shell, Terminal};

/// The same access key id with another secret.
fn wrong(key: &KeyPair) -> KeyPair {
    KeyPair { secret: "x".repeat(40), ..key.clone() }
}

/// What the command of a profile prints.
fn printed(scene: &Scene, profile: &str) -> Value {
    let command = command_of(&credentials(scene), profile);
    scene.env.program("sh", &["-c", &command]).run().ok().json()
}

fn command_of(text: &str, profile: &str) -> String {
    let section = text.split(&format!("[{profile}]\n")).nth(1).unwrap_or_else(|| panic!("[{profile}]: {text}"));
    let section = section.split("\n[").next().unwrap();
    let line = section.lines().find_map(|line| line.strip_prefix("credential_process = "));
    line.unwrap_or_else(|| panic!("[{profile}]: {text}")).to_owned()
}

#[test]
fn a_secret_is_stored_only_where_aws_was_asked_about_that_very_one() {
    for is_wrong_first in [true, false] {
        let mut scene = Scene::new();
        let (right, wrong) = (ini("right", &scene.bob), ini("wrong", &wrong(&scene.bob)));
        let own = if is_wrong_first { wrong.clone() + &right } else { right.clone() + &wrong };
        scene.env.aws_credentials(&own);
        let setup = scene.env.run(&["setup", "--yes"]);
        setup.code(1).stderr_has("wrong is left as it is").stdout_has("profile right: ");
        let text = credentials(&scene);
        assert!(text.contains(&wrong) && !text.contains(&scene.bob.secret), "{text}");
        assert_eq!(printed(&scene, "right")["SecretAccessKey"], scene.bob.secret);
        scene.env.run(&["unsetup", "--yes"]).ok();
        assert_eq!(credentials(&scene), own);
    }
}

#[test]
fn a_section_that_is_kept_for_somebody_never_becomes_another_ones() {
    let mut scene = Scene::new();
    let base = ini("src", &scene.bob) + &ini("base", &scene.bob);
    scene.env.aws_credentials(&base);
    let role = format!("role_arn = arn:aws:iam::{DEV}:role/Reader\n");
    scene.env.aws_config(&format!(
        "[profile itself]\n{role}source_profile = src\ndestination_profile = src\n[profile other]\n{role}\
         source_profile = base\ndestination_profile = src\n"
    ));
    for flags in [&[][..], &["--temporary"]] {
        scene.env.run(&[&["setup", "--yes"], flags].concat()).ok();
        let before = credentials(&scene);
        for name in ["itself", "other"] {
            let refresh = scene.env.run(&["refresh", "-p", name]);
            refresh.code(1).stderr_has("profile src is left as it is: it is kept for ").stderr_has("user/bob");
            assert_eq!(credentials(&scene), before);
        }
        scene.env.run(&["unsetup", "--yes"]).ok();
        assert_eq!(credentials(&scene), base);
    }
    scene.env.aws_credentials(&ini("base", &scene.bob));
    scene.env.run(&["refresh", "-p", "other"]).ok().stdout_has("profile src: ");
    scene.env.run(&["refresh", "-p", "other"]).ok().stdout_has("profile src: ");
}

#[test]
fn two_keys_of_one_user_stay_two() {
    let mut scene = Scene::new();
    let user = format!("arn:aws:iam::{DEV}:user/bob");
    let second = scene.sts.world(|world| world.another_key(&user));
    let third = ini("third", &scene.alice);
    let own = ini("default", &scene.bob) + &ini("two", &second) + &third;
    scene.env.aws_credentials(&own);
    scene.env.aws_config(&format!(
        "[profile reader]\nrole_arn = arn:aws:iam::{DEV}:role/Reader\nsource_profile = two\nregion = eu-west-1\n"
    ));
    scene.env.run(&["setup", "--yes"]).ok();
    for (profile, key) in [("default", &scene.bob), ("two", &second), ("third", &scene.alice)] {
        assert_eq!(printed(&scene, profile)["AccessKeyId"], key.access_key_id, "{}", credentials(&scene));
    }
    assert!(command_of(&credentials(&scene), "third").ends_with("user/alice"), "{}", credentials(&scene));
    // multicred reads such a line as the key in a file: from it a session is made, and a role is assumed.
    for name in ["two", "reader"] {
        scene.become_in_bash(name).ok().stdout_has("AWS_SESSION_TOKEN=");
        scene.env.run(&["why", name]).ok();
    }
    scene.env.program(&venv("aws"), &["sts", "get-caller-identity", "--profile", "reader"]).run().ok();
    scene.env.run(&["setup", "--yes"]).ok().stderr_has("nothing to do");
    scene.env.run(&["status", "--profiles"]).ok().stdout_has("on demand");
    scene.env.run(&["unsetup", "--yes"]).ok();
    assert_eq!(credentials(&scene), own);
    // One is taken, and the other comes later.
    scene.env.run(&["remove", "bob", "--yes", "--force"]);
    scene.env.aws_credentials(&ini("default", &scene.bob));
    scene.env.run(&["setup", "--yes"]).ok();
    let both = credentials(&scene) + &ini("two", &second);
    scene.env.aws_credentials(&both);
    scene.env.run(&["setup", "--yes"]).ok();
    for (profile, key) in [("default", &scene.bob), ("two", &second)] {
        assert_eq!(printed(&scene, profile)["AccessKeyId"], key.access_key_id, "{}", credentials(&scene));
    }
    // In the place of a key that is rotated stands the new one.
    scene.sts.world(|world| world.delete_key(&scene.bob.access_key_id));
    scene.env.run(&["remove", &scene.bob.access_key_id, "--yes", "--force"]).ok();
    scene.env.run(&["rotate", "arn:aws:iam::111122223333:user/bob", "--yes"]).ok();
    let rotated = printed(&scene, "two")["AccessKeyId"].as_str().unwrap().to_owned();
    assert_ne!(rotated, second.access_key_id);
    assert!(scene.sts.world(|world| world.keys_of(&user).iter().any(|key| key.access_key_id == rotated)));
    scene.become_in_bash("reader").ok();
}

#[test]
fn two_profiles_for_one_section_are_a_wrong_command_line() {
    let mut scene = Scene::new();
    let own = ini("base", &scene.bob);
    scene.env.aws_credentials(&own);
    let profile = |name: &str, role: &str| {
        format!(
            "[profile {name}]\nrole_arn = arn:aws:iam::{DEV}:role/{role}\nsource_profile = base\n\
             destination_profile = out\n"
        )
    };
    scene.env.aws_config(&(profile("one", "Reader") + &profile("two", "Writer")));
    let calls = scene.sts.calls().len();
    scene.env.run(&["refresh", "-p", "one,two"]).refused(2, &["one", "two", "out"]);
    assert_eq!((credentials(&scene), scene.sts.calls().len()), (own, calls));
    scene.env.run(&["refresh", "-p", "one,one"]).ok().stdout_has("profile out: ");
    scene.env.run(&["refresh", "-p", "out,two"]).refused(2, &["one", "two", "out"]);
}

#[test]
fn ctrl_c_at_a_code_ends_the_whole_run() {
    let mut scene = Scene::new();
    let carol = scene.sts.world(|world| {
        world.mfa_any(&format!("arn:aws:iam::{DEV}:user/bob"));
        world.user(DEV, "carol")
    });
    let own = ini("a", &scene.alice) + &ini("b", &scene.bob) + &ini("c", &carol);
    scene.env.aws_credentials(&own);
    let serial = |name: &str| format!("mfa_serial = arn:aws:iam::{DEV}:mfa/{name}\n");
    scene.env.aws_config(&format!("[profile a]\n{}[profile b]\n{}", serial("alice"), serial("bob")));
    let mut terminal = Terminal::start(Shell::Bash, &scene.env, "");
    terminal.send_line("multicred setup --yes --temporary --no-shells; echo ended=$?");
    terminal.wait_for_text("MFA code");
    terminal.ctrl_c();
    terminal.wait_for_text("ended=130");
    assert_eq!(credentials(&scene), own);
}

#[test]
fn an_aws_that_hangs_up_is_not_asked_about_every_key() {
    let mut scene = Scene::new();
    let keys: Vec<KeyPair> =
        scene.sts.world(|world| (0..40).map(|number| world.user(DEV, &format!("u{number}"))).collect());
    let own: String = keys.iter().enumerate().map(|(number, key)| ini(&format!("p{number}"), key)).collect();
    scene.env.aws_credentials(&own);
    scene.sts.fault_always("GetCallerIdentity", Fault::DropBefore);
    let setup = scene.env.run(&["setup", "--yes", "--no-shells"]);
    setup.code(1).stderr_has("p0 is left as it is").stderr_has("p39 is left as it is").stderr_has("was not asked");
    let asked = |calls: Vec<Call>| {
        let mut keys: Vec<_> = calls.into_iter().map(|call| call.access_key_id).collect();
        keys.sort();
        keys.dedup();
        keys.len()
    };
    assert!(asked(scene.sts.calls()) <= 16, "{}", asked(scene.sts.calls()));
    scene.sts.clear_faults();
    scene.env.run(&["setup", "--yes", "--no-shells"]).ok();
}

#[test]
fn a_dead_key_that_nobody_named_is_told_and_fails_nothing() {
    let mut scene = Scene::new();
    let dead = KeyPair { access_key_id: "AKIADEADDEADDEADDEAD".to_owned(), secret: "d".repeat(40) };
    scene.env.aws_credentials(&(ini("work", &scene.bob) + &ini("dead", &dead)));
    scene.env.run(&["setup", "--yes"]).code(1).stderr_has("dead is left as it is");
    scene.env.run(&["refresh"]).ok().stderr_has("profile dead");
    scene.env.run(&["refresh", "-p", "dead"]).code(1).stderr_has("profile dead is left as it is");
    scene.env.run(&["refresh", "--all"]).code(1).stderr_has("profile dead is left as it is");
    // A key in a section that is kept is another matter.
    let text = credentials(&scene).replace("[work]\n", &ini("work", &dead));
    scene.env.aws_credentials(&text);
    scene.env.run(&["refresh"]).code(1).stderr_has("profile work is left as it is");
}

#[test]
fn a_region_that_is_asked_for_is_written() {
    let mut scene = Scene::new();
    scene.env.aws_credentials(&(ini("a", &scene.bob) + &ini("b", &scene.bob) + "region = eu-west-1\n"));
    scene.env.run(&["setup", "--yes", "--temporary"]).ok();
    assert_eq!(credentials(&scene).matches("region").count(), 1);
    scene.env.run(&["refresh", "-p", "a", "--region", "eu-north-1"]).ok();
    let text = credentials(&scene);
    assert!(text.contains("region = eu-north-1\n") && text.contains("region = eu-west-1\n"), "{text}");
    scene.env.run(&["refresh"]).ok();
    assert!(credentials(&scene).contains("region = eu-north-1\n"));
    scene.env.run(&["refresh", "--no-session"]).code(2);
}
