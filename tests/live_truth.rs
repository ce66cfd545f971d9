//! A live session is whose it says, hands out what its owner was given, and tells when it no longer does.

use std::fs;
use std::time::Duration;

use crate::scene::live::{Door, started, variables};
use crate::scene::{DEV, Scene, ini};
use crate::support::agent::wait_for;
use crate::support::sts::{Fault, Role};

const PATIENCE: Duration = Duration::from_secs(30);

/// STS says of every credential that it ends in so many seconds.
fn short_lives(scene: &Scene, seconds: i64) {
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    scene.sts.clear_faults();
    scene
        .sts
        .fault_always("AssumeRole", Fault::set_field("Expiration", &end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()));
}

/// bob's key in the credentials file, and a profile of a role that he may assume.
fn with_profile(scene: &mut Scene) -> [String; 2] {
    let bob = format!("arn:aws:iam::{DEV}:user/bob");
    let deployer = scene.sts.world(|world| world.role(Role::new(DEV, "Deployer").trust(&bob)));
    let reader = format!("arn:aws:iam::{DEV}:role/Reader");
    scene.env.aws_credentials(&ini("bob", &scene.bob));
    scene.env.aws_config(&format!("[profile work]\nrole_arn = {reader}\nsource_profile = bob\n"));
    [reader, deployer]
}

#[test]
fn a_renewal_never_hands_out_somebody_else() {
    let mut scene = Scene::new();
    let [reader, deployer] = with_profile(&mut scene);
    short_lives(&scene, 5);
    let program = scene.goes_live("work");
    assert_eq!(program.door.ask().json()["RoleArn"], reader.as_str());
    scene.env.aws_config(&format!("[profile work]\nrole_arn = {deployer}\nsource_profile = bob\n"));
    scene.sts.clear_faults();
    wait_for("the end of the first credential", PATIENCE, || program.door.ask().status == 503);
    let reason = program.door.ask().reason();
    assert!(reason.contains(&format!("was {reader}")) && reason.contains("Deployer"), "{reason}");
    let status = scene.env.run(&["agent", "status", "--json"]).ok().json();
    assert!(status["live"][0]["failure"].as_str().is_some_and(|reason| reason.contains("Deployer")), "{status}");
}

#[test]
fn a_renewal_never_hands_out_somebody_whose_name_nobody_knows() {
    let mut scene = Scene::new();
    let [reader, _] = with_profile(&mut scene);
    short_lives(&scene, 5);
    let program = scene.goes_live("work");
    assert_eq!(program.door.ask().status, 200);
    let answer = r#"{"Version":1,"AccessKeyId":"ASIATOOLTOOLTOOLTOO1","SecretAccessKey":"s3cret","SessionToken":"t","Expiration":"2099-01-01T00:00:00Z"}"#;
    scene.env.write("answer.json", answer);
    let tool = scene.env.path("answer.json");
    scene.env.aws_config(&format!("[profile work]\ncredential_process = cat {}\n", tool.display()));
    wait_for("the end of the first credential", PATIENCE, || program.door.ask().status == 503);
    let reason = program.door.ask().reason();
    assert!(reason.contains(&format!("was {reader}, and is somebody unknown")), "{reason}");
}

#[test]
fn a_renewal_has_the_persons_environment_and_nothing_that_a_switch_set() {
    let mut scene = Scene::new();
    let (script, seen) = (scene.env.path("tool"), scene.env.path("seen"));
    let answer = r#"{"Version":1,"AccessKeyId":"ASIATOOLTOOLTOOLTOO%s","SecretAccessKey":"s3cret","SessionToken":"t","Expiration":"%s"}"#;
    let text = format!(
        "#!/bin/sh\nenv >>{0}; echo END >>{0}\nprintf '{answer}' \"$(grep -c END {0})\" \
         \"$(date -u -d '+4 seconds' +%Y-%m-%dT%H:%M:%SZ)\"\n",
        seen.display()
    );
    scene.env.write("tool", text);
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    scene.env.aws_config(&format!("[profile tool]\ncredential_process = {}\n", script.display()));
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "ASIAFORMER"),
        ("AWS_SECRET_ACCESS_KEY", "former-secret"),
        ("AWS_SESSION_TOKEN", "former-token"),
        ("AWS_REGION", "eu-west-3"),
        ("MULTICRED_ACCESS_KEY_ID", "ASIAFORMER"),
        ("MULTICRED_IDENTITY", "former"),
        ("MULTICRED_REGION", "eu-west-3"),
        ("OWN", "kept"),
    ] {
        scene.env.set(name, value);
    }
    let program = scene.goes_live("tool");
    let first = program.door.ask().key();
    wait_for("a renewal", PATIENCE, || program.door.ask().key() != first);
    let seen = fs::read_to_string(seen).unwrap();
    let renewal = seen.split("END\n").nth(1).unwrap();
    assert!(renewal.contains("OWN=kept"), "{renewal}");
    for gone in ["former", "ASIAFORMER", "eu-west-3", "MULTICRED_IDENTITY", "AWS_CONTAINER"] {
        assert!(!renewal.contains(gone), "{gone}: {renewal}");
    }
}

#[test]
fn what_restricts_a_session_restricts_its_further_identities_too() {
    let mut scene = Scene::with_bobs_roles();
    with_profile(&mut scene);
    let mut program = scene.goes_live_with(&["--read-only", "dev/Reader", "--also", "work"]);
    let policies = |scene: &Scene| -> Vec<String> {
        let calls = scene.sts.calls_of("AssumeRole");
        calls.iter().map(|call| call.param("PolicyArns.member.1.arn").to_owned()).collect()
    };
    assert!(!policies(&scene).is_empty());
    assert!(policies(&scene).iter().all(|arn| arn.ends_with("/ReadOnlyAccess")), "{:?}", policies(&scene));
    assert!(!program.variables.contains_key("MULTICRED_LIVE"));
    let stand_ins = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"].map(|name| {
        let text = fs::read_to_string(&program.variables[name]).unwrap();
        assert!(!text.contains("credential_process") && !text.contains(&scene.bob.secret), "{text}");
        text
    });
    assert!(stand_ins[0].contains("[profile work]"), "{stand_ins:?}");
    program.process.kill();
}

#[test]
fn a_renewal_survives_the_folder_in_which_the_program_was_started() {
    let scene = Scene::with_bobs_roles();
    let folder = scene.env.path("build");
    fs::create_dir(&folder).unwrap();
    short_lives(&scene, 5);
    let script = "cd build && exec multicred exec --live dev/Reader -- \
                  /bin/sh -c \"env -0; printf 'READY\\\\0'; exec sleep 600\"";
    let program = started(scene.env.program("sh", &["-c", script]));
    let first = program.door.ask().key();
    fs::remove_dir(&folder).unwrap();
    scene.sts.clear_faults();
    wait_for("a renewal", PATIENCE, || {
        let answer = program.door.ask();
        answer.status == 200 && answer.key() != first
    });
}

#[test]
fn a_port_that_was_handed_out_is_nobody_elses_while_the_agent_lives() {
    let scene = Scene::with_bobs_roles();
    let mut program = scene.goes_live("dev/Reader");
    let door: Door = program.door.clone();
    program.process.kill();
    wait_for("the end of the session", PATIENCE, || !door.is_open());
    assert_eq!(door.ask().status, 401);
    std::net::TcpListener::bind(door.address).expect_err("the agent keeps it");
    let next = scene.goes_live("dev/Reader");
    assert_eq!((next.door.address, door.is_open()), (door.address, false));
}

#[test]
fn a_live_program_without_a_region_has_none_that_a_switch_set() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.set("AWS_REGION", "eu-west-3").set("MULTICRED_REGION", "eu-west-3");
    for flags in [&["exec", "--live"][..], &["exec", "--live", "--read-only"]] {
        let shown = scene.env.run(&[flags, &["dev/Reader", "--", "/usr/bin/env", "-0"]].concat());
        assert_eq!(variables(&shown.ok().stdout).get("AWS_REGION"), None, "{flags:?}");
    }
}
