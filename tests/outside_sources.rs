//! Profiles whose first credentials stand in no file: `credential_source` names a container or an instance of AWS.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use crate::profiles::row::row;
use crate::profiles::{Scene, role};
use crate::scene::refusal::Refusal;
use crate::support::env::{Invocation, Output};
use crate::support::metadata::{At, Container, Instance, JUNK_SECRET, Trouble};
use crate::support::process;
use crate::support::sts::Credentials;

const INSTANCE: &str = "[profile out]\nrole_arn = ROLE/Onward\ncredential_source = Ec2InstanceMetadata\n";
const CONTAINER: &str = "[profile out]\nrole_arn = ROLE/Onward\ncredential_source = EcsContainer\n";
/// Of a container, which holds it secret.
const TOKEN: &str = "Bearer t0ken-of-the-task+/=";

/// An instance of AWS, and a home on it.
fn on_instance(config: &str) -> (Scene, Instance, Credentials) {
    let scene = Scene::with_config(config);
    let credentials = scene.service_session("Machine", "ec2.amazonaws.com", 6 * 3600);
    let instance = Instance::start(&role("Machine"), &credentials);
    (scene, instance, credentials)
}

fn at_instance(scene: &Scene, instance: &Instance, words: &[&str]) -> Invocation {
    let command = scene.env.command(words).unset("AWS_EC2_METADATA_DISABLED");
    command.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.url())
}

const SWITCH: [&str; 4] = ["as", "--shell", "bash", "out"];

fn in_container(config: &str) -> (Scene, Container, Credentials) {
    let scene = Scene::with_config(config);
    let credentials = scene.service_session("Task", "ecs-tasks.amazonaws.com", 6 * 3600);
    let container = Container::start(&role("Task"), &credentials, Some(TOKEN));
    (scene, container, credentials)
}

fn at_container(scene: &Scene, container: &Container) -> Invocation {
    let command = scene.env.command(&SWITCH).set("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url());
    command.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", TOKEN)
}

/// The role of the profile was assumed with these credentials, and nothing else was called.
#[track_caller]
fn assumed_from(scene: &Scene, output: &Output, credentials: &Credentials) {
    output.ok().nowhere(&credentials.secret);
    assert_eq!(scene.said(), ["AssumeRole Onward 3600"]);
    assert_eq!(scene.sts.calls()[0].access_key_id.as_deref(), Some(&*credentials.access_key_id));
    assert!(scene.session_of(output).principal.arn().contains(":assumed-role/Onward/"));
}

#[test]
fn the_role_of_an_instance_is_asked_with_a_token_and_the_profiles_role_assumed_from_it() {
    let (scene, instance, credentials) = on_instance(INSTANCE);
    let output = at_instance(&scene, &instance, &SWITCH).run();
    assumed_from(&scene, &output, &credentials);
    let said = instance.said();
    assert_eq!(said.first().map(String::as_str), Some("PUT /latest/api/token 200"), "{said:?}");
    let path = "GET /latest/meta-data/iam/security-credentials/Machine 200";
    assert_eq!(said.last().map(String::as_str), Some(path), "{said:?}");
    assert!(!said.iter().any(|line| line.ends_with("401")), "nothing without the token: {said:?}");
    instance.forget();
    at_instance(&scene, &instance, &SWITCH).run().ok();
    assert!(instance.said().is_empty() && scene.sts.count("*") == 1, "a role that is stored asks nobody");
}

#[test]
fn the_role_of_a_container_is_asked_with_its_token_and_the_profiles_role_assumed_from_it() {
    let (scene, container, credentials) = in_container(CONTAINER);
    let output = at_container(&scene, &container).run();
    output.nowhere(TOKEN);
    assumed_from(&scene, &output, &credentials);
    assert_eq!(container.asked().len(), 1);
}

#[test]
fn the_token_of_a_container_is_read_from_its_file_each_time_and_the_file_wins() {
    let (mut scene, container, credentials) = in_container(CONTAINER);
    let file = scene.env.path("token").to_string_lossy().into_owned();
    let ask = |scene: &Scene, words: &[&str]| {
        let command = scene.env.command(words).set("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url());
        command
            .set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &file)
            .set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "old")
            .run()
    };
    scene.env.write("token", TOKEN);
    assumed_from(&scene, &ask(&scene, &SWITCH), &credentials);
    // Kubernetes writes a new one now and then.
    container.demand("Bearer another");
    let renewed = scene.service_session("Task", "ecs-tasks.amazonaws.com", 6 * 3600);
    container.hand_out(&renewed);
    scene.env.write("token", "Bearer another");
    crate::profiles::wait_a_second();
    ask(&scene, &["as", "--shell", "bash", "--fresh", "out"]).ok();
    assert_eq!(container.asked().last().map(|asked| asked.status), Some(200));
    assert_eq!(scene.sts.count("AssumeRole"), 2);
    scene.env.write("token", "Bearer a\r\nX-Forged: 1");
    crate::profiles::wait_a_second();
    ask(&scene, &["as", "--shell", "bash", "--fresh", "out"]).refused(1, &["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]);
}

#[test]
fn a_container_that_refuses_the_token_is_told_as_a_refusal_without_the_token() {
    let (scene, container, _) = in_container(CONTAINER);
    let command = scene.env.command(&SWITCH).set("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url());
    let output = command.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer not-this-one").run();
    output.refused(5, &["out", "401"]).nowhere("not-this-one");
    assert_eq!(scene.sts.count("*"), 0);
}

/// A token and a role's keys must not cross a network in the clear.
#[test]
fn a_container_is_asked_on_the_loopback_or_over_tls_only() {
    for uri in
        ["http://example.com/x", "http://192.0.2.7/x", "ftp://127.0.0.1/x", "nonsense", "http://127.0.0.1:99999/"]
    {
        row(uri, CONTAINER, "out")
            .set("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)
            .set("AWS_CONTAINER_AUTHORIZATION_TOKEN", TOKEN)
            .refused(2, &["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
            .output
            .nowhere(TOKEN);
    }
}

#[test]
fn an_instance_that_answers_wrongly_is_told_as_what_it_is() {
    let (scene, instance, credentials) = on_instance(INSTANCE);
    for (at, trouble, code, says) in [
        (At::Token, Trouble::Status(500), 6, "500"),
        (At::Token, Trouble::Status(403), 5, "403"),
        (At::RoleName, Trouble::Status(404), 5, "role"),
        (At::RoleName, Trouble::Status(500), 6, "500"),
        (At::Credentials, Trouble::Status(404), 5, "404"),
        (At::Credentials, Trouble::Junk, 6, "JSON"),
        (At::Credentials, Trouble::Expired, 6, "expired"),
        (At::Credentials, Trouble::Missing("SecretAccessKey"), 6, "SecretAccessKey"),
        (At::Credentials, Trouble::Missing("Token"), 6, "Token"),
        (At::Credentials, Trouble::Code("AssumeRoleUnauthorizedAccess"), 5, "AssumeRoleUnauthorizedAccess"),
    ] {
        instance.trouble(at, trouble.clone());
        let output = at_instance(&scene, &instance, &SWITCH).run();
        output.refused(code, &["out", says]).nowhere(JUNK_SECRET).nowhere(&credentials.secret);
        assert_eq!(scene.sts.count("*"), 0, "{at:?} {trouble:?}");
    }
}

#[test]
fn a_container_that_answers_wrongly_is_told_as_what_it_is() {
    let (scene, container, credentials) = in_container(CONTAINER);
    for (trouble, code, says) in [
        (Trouble::Status(404), 5, "404"),
        (Trouble::Status(503), 6, "503"),
        (Trouble::Junk, 6, "JSON"),
        (Trouble::Expired, 6, "expired"),
        (Trouble::Missing("AccessKeyId"), 6, "AccessKeyId"),
        (Trouble::Missing("Token"), 6, "Token"),
    ] {
        container.trouble(trouble.clone());
        let output = at_container(&scene, &container).run();
        output.refused(code, &["out", says]).nowhere(JUNK_SECRET).nowhere(&credentials.secret).nowhere(TOKEN);
        assert_eq!(scene.sts.count("*"), 0, "{trouble:?}");
    }
}

#[test]
fn an_instance_or_a_container_that_does_not_answer_is_given_up_in_bounded_time() {
    let (scene, instance, _) = on_instance(INSTANCE);
    instance.trouble(At::Token, Trouble::Hang);
    let waiting = at_instance(&scene, &instance, &SWITCH).spawn();
    let (other, container, _) = in_container(CONTAINER);
    container.trouble(Trouble::Hang);
    let also_waiting = at_container(&other, &container).spawn();
    waiting.end_within(crate::scene::PATIENCE).refused(6, &["out"]);
    also_waiting.end_within(crate::scene::PATIENCE).refused(6, &["out"]);
    let nobody = scene.env.command(&SWITCH).unset("AWS_EC2_METADATA_DISABLED");
    nobody.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1").run().refused(6, &["out"]);
}

#[test]
fn a_machine_whose_metadata_is_switched_off_is_not_asked() {
    let (scene, instance, _) = on_instance(INSTANCE);
    for off in ["true", "TRUE"] {
        let output = at_instance(&scene, &instance, &SWITCH).set("AWS_EC2_METADATA_DISABLED", off).run();
        output.refused(1, &["AWS_EC2_METADATA_DISABLED", "out"]);
    }
    assert!(instance.asked().is_empty());
    at_instance(&scene, &instance, &SWITCH).set("AWS_EC2_METADATA_DISABLED", "false").run().ok();
}

#[test]
fn without_an_address_of_a_container_the_variables_that_would_give_one_are_named() {
    let texts = ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "config:3"];
    row("no address", CONTAINER, "out").refused(1, &texts);
}

#[test]
fn a_source_that_does_not_exist_is_refused_with_those_that_do() {
    for name in ["Ec2Instancemetadata", "environment", "Ssm", "EcsContainer # x"] {
        let config = format!("[profile out]\nrole_arn = ROLE/Onward\ncredential_source = {name}\n");
        let row = row(name, &config, "out");
        if name.ends_with('x') {
            row.refused(1, &["AWS_CONTAINER_CREDENTIALS_FULL_URI"]);
        } else {
            row.refused(1, &["config:3", "credential_source", "Environment", "EcsContainer", "Ec2InstanceMetadata"]);
        }
    }
}

/// DESIGN: the metadata of an instance is never asked unless a profile says so.
#[test]
fn no_other_profile_and_no_other_command_asks_the_instance() {
    let config = format!(
        "{INSTANCE}[profile plain]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n\
         [profile empty]\nregion = eu-west-1\n[default]\nregion = eu-west-1\n"
    );
    let (scene, instance, _) = on_instance(&config);
    let ask = |words: &[&str]| at_instance(&scene, &instance, words).run();
    ask(&["as", "--shell", "bash", "plain"]).ok();
    ask(&["as", "--shell", "bash", "bob"]).ok();
    ask(&["as", "--shell", "bash", "empty"]).code(1);
    ask(&["as", "--shell", "bash", "default"]).code(1);
    ask(&["as", "--shell", "bash", "nobody-of-that-name"]).code(3);
    for words in [&["list"][..], &["status"], &["list", "--json"], &["as", "--shell", "bash", "-"]] {
        ask(words).ok();
    }
    ask(&["why", "out"]).ok();
    assert!(instance.asked().is_empty(), "{:?}", instance.said());
}

#[test]
fn a_chain_of_roles_begins_at_each_of_them() {
    for source in ["Ec2InstanceMetadata", "EcsContainer"] {
        let config = format!(
            "[profile first]\nrole_arn = ROLE/Onward\ncredential_source = {source}\n\
             [profile out]\nrole_arn = ROLE/Last\nsource_profile = first\nduration_seconds = 43200\n"
        );
        let scene = Scene::with_config(&config);
        scene.sts.world(|world| {
            let last = crate::support::sts::Role::new(crate::profiles::PROD, "Last").trust(&role("Onward"));
            world.role(last.max_session_duration(43_200))
        });
        let machine = scene.service_session("Machine", "ec2.amazonaws.com", 6 * 3600);
        let task = scene.service_session("Task", "ecs-tasks.amazonaws.com", 6 * 3600);
        let instance = Instance::start(&role("Machine"), &machine);
        let container = Container::start(&role("Task"), &task, None);
        let command = at_instance(&scene, &instance, &SWITCH);
        let output = command.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url()).run();
        output.ok().stderr_has("AWS caps roles");
        assert_eq!(scene.said(), ["AssumeRole Onward 3600", "AssumeRole Last 3600"], "{source}");
        let asked = [instance.asked().is_empty(), container.asked().is_empty()];
        assert_eq!(asked, [source == "EcsContainer", source != "EcsContainer"], "one of them is asked: {source}");
    }
}

#[test]
fn what_a_machine_hands_out_is_temporary_so_no_session_is_made_of_it_and_roles_are_capped() {
    let config = format!("{INSTANCE}duration_seconds = 7200\nmfa_serial = SERIAL\n");
    let (scene, instance, _) = on_instance(&config);
    let output = at_instance(&scene, &instance, &SWITCH).run();
    output.ok().stderr_has("out lasts 1h, not 2h");
    assert_eq!(scene.said(), ["AssumeRole Onward 3600"], "role credentials cannot carry a code");
}

/// The key that signed the last call.
fn signer(scene: &Scene) -> String {
    scene.sts.calls().last().and_then(|call| call.access_key_id.clone()).unwrap()
}

#[test]
fn what_one_machine_gave_is_not_used_where_another_one_is_named() {
    let (mut scene, first, of_first) = on_instance(INSTANCE);
    let of_second = scene.service_session("Machine", "ec2.amazonaws.com", 6 * 3600);
    let second = Instance::start(&role("Machine"), &of_second);
    for (instance, key) in [(&first, &of_first.access_key_id), (&second, &of_second.access_key_id)] {
        at_instance(&scene, instance, &SWITCH).run().ok();
        assert_eq!(signer(&scene), *key);
    }
    // The same two, as a profile names them.
    for instance in [&first, &second] {
        scene.config(&format!("{INSTANCE}ec2_metadata_service_endpoint = {}\n", instance.url()));
        scene.env.command(&SWITCH).unset("AWS_EC2_METADATA_DISABLED").run().ok();
        assert_eq!(scene.sts.count("AssumeRole"), 2, "each is known already");
    }
    let (scene, first, of_first) = in_container(CONTAINER);
    let of_second = scene.service_session("Task", "ecs-tasks.amazonaws.com", 6 * 3600);
    let second = Container::start(&role("Task"), &of_second, Some(TOKEN));
    for (container, key) in [(&first, &of_first.access_key_id), (&second, &of_second.access_key_id)] {
        at_container(&scene, container).run().ok();
        assert_eq!(signer(&scene), *key);
    }
}

#[test]
fn an_answer_kept_of_one_machine_is_none_where_another_one_is_named() {
    let (scene, first, _) = on_instance(INSTANCE);
    let of_second = scene.service_session("Machine", "ec2.amazonaws.com", 6 * 3600);
    let second = Instance::start(&role("Machine"), &of_second);
    let ask = |instance: &Instance| at_instance(&scene, instance, &["credential-process", "out"]).run().ok().json();
    let of_first = ask(&first);
    std::thread::sleep(Duration::from_millis(3_100));
    // The first of these keeps it.
    assert_eq!([ask(&first), ask(&first)], [of_first.clone(), of_first.clone()]);
    assert_ne!(ask(&second), of_first);
}

#[test]
fn what_begins_to_answer_and_does_not_go_on_is_given_up_in_bounded_time() {
    let (scene, _, _) = in_container(CONTAINER);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let asked = scene.env.command(&SWITCH).set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url).spawn();
    let mut connection = listener.accept().unwrap().0;
    let _ = connection.read(&mut [0; 1024]).unwrap();
    connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{").unwrap();
    asked.end_within(Duration::from_secs(20)).refused(6, &["out", "too long"]);
}

#[test]
fn a_pipe_in_the_place_of_a_containers_token_is_not_waited_for() {
    let (scene, container, _) = in_container(CONTAINER);
    let file = scene.env.path("token").to_string_lossy().into_owned();
    process::run(Command::new("mkfifo").arg(&file));
    let command = scene.env.command(&SWITCH).set("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url());
    let asked = command.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &file).spawn();
    asked
        .end_within(Duration::from_secs(20))
        .refused(1, &["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "no regular file"]);
}
