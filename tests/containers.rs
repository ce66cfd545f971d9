//! Containers: what reaches an endpoint from another network, and what docs/containers.md says to do about it. A network
//! namespace of its own is what makes a container's network.

use std::fs;
use std::path::Path;

use crate::moto::server::venv;
use crate::scene::Scene;
use crate::support::env::{Background, Invocation, Output};
use crate::support::served::ask;

const KEYS: &str = "import boto3; print(boto3.Session().get_credentials().get_frozen_credentials().access_key)";
const CONNECT: &str = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])))";

/// A home with `dev/Reader`, that is called prod/Admin in the document.
fn scene() -> Scene {
    Scene::with_bobs_roles()
}

/// The commands under this mark of the document.
#[track_caller]
fn documented(mark: &str) -> String {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/containers.md");
    let document = fs::read_to_string(document).expect("the document");
    let code = document.split(&format!("<!-- test: {mark} -->\n```sh\n")).nth(1).expect("its mark");
    code.split("```").next().expect("its end").replace("prod/Admin", "dev/Reader")
}

/// What `--env-file` gives to a container.
fn env_file(text: &str) -> Vec<(&str, &str)> {
    text.lines().map(|line| line.split_once('=').expect("NAME=VALUE")).collect()
}

/// A program with nothing but a container's environment.
fn contained(scene: &Scene, program: &str, arguments: &[&str], env_file: &[(&str, &str)]) -> Invocation {
    let command = scene.env.variables().keys().fold(scene.env.program(program, arguments), |command, name| {
        if name == "PATH" || name == "HOME" { command } else { command.unset(name) }
    });
    env_file.iter().fold(command, |command, (name, value)| command.set(name, *value))
}

/// The same in a network of its own.
fn in_own_network(scene: &Scene, script: &str, env_file: &[(&str, &str)]) -> Output {
    let alone = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/loopback.sh");
    contained(scene, &alone.to_string_lossy(), &["sh", "-c", script], env_file).run()
}

/// `serve --format docker`, and what it printed.
fn served(scene: &Scene) -> (Background, String) {
    let mut process = scene.env.spawn(&["serve", "dev/Reader", "--format", "docker"]);
    process.wait_for_stderr("is served at");
    // What was written first may be read last.
    let told = process.wait_for_stdout("AWS_CONTAINER_CREDENTIALS_FULL_URI=");
    (process, told)
}

fn port(env_file: &[(&str, &str)]) -> String {
    let uri = env_file.iter().find(|(name, _)| *name == "AWS_CONTAINER_CREDENTIALS_FULL_URI").expect("an address").1;
    uri.rsplit(':').next().expect("a port").to_owned()
}

#[track_caller]
fn is_reader(scene: &Scene, output: &Output) {
    let key = output.ok().stdout.trim().to_owned();
    let arn = scene.sts.world(|world| world.session(&key).map(|session| session.principal.arn()));
    assert!(arn.as_ref().is_some_and(|arn| arn.contains("assumed-role/Reader/")), "{key}: {arn:?}");
}

#[test]
fn a_container_with_the_machines_network_has_the_credentials_though_a_default_profile_is_mounted() {
    let mut scene = scene();
    scene.env.aws_credentials("[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = s\n");
    let (_serving, told) = served(&scene);
    is_reader(&scene, &contained(&scene, &venv("python"), &["-c", KEYS], &env_file(&told)).run());
}

#[test]
fn a_container_with_a_network_of_its_own_does_not_reach_the_port() {
    let scene = scene();
    let (_serving, told) = served(&scene);
    let variables = env_file(&told);
    let (python, port) = (venv("python"), port(&variables));
    let script = format!("{python} -c \"{CONNECT}\" {port}");
    in_own_network(&scene, &script, &variables).code(1).stderr_has("ConnectionRefusedError");
    contained(&scene, &python, &["-c", CONNECT, &port], &variables).run().ok();
}

#[test]
fn a_name_other_than_the_loopbacks_is_refused_by_sdk_and_endpoint() {
    let scene = scene();
    let (_serving, told) = served(&scene);
    let mut variables = env_file(&told);
    let port = port(&variables);
    let other = format!("http://host.docker.internal:{port}");
    variables.push(("AWS_CONTAINER_CREDENTIALS_FULL_URI", &other));
    let sdk = contained(&scene, &venv("python"), &["-c", KEYS], &variables).run();
    sdk.code(1).stderr_has("Unsupported host 'host.docker.internal'");
    let token = variables.iter().find(|(name, _)| *name == "AWS_CONTAINER_AUTHORIZATION_TOKEN").expect("a token").1;
    let host = format!("host.docker.internal:{port}");
    let answer = ask(port.parse().unwrap(), "GET", "/", &[("Host", &host), ("Authorization", token)]);
    assert_eq!(answer.expect("an answer").0, 403);
}

#[test]
fn the_documented_forwarder_leads_out_of_a_network_of_its_own() {
    let scene = scene();
    let _host = scene.env.program("sh", &["-c", &documented("host")]).spawn();
    let door = scene.env.path(".multicred-door");
    crate::support::agent::wait_for("the forwarder", crate::scene::PATIENCE, || door.join("socket").exists());
    let told = fs::read_to_string(door.join("env")).unwrap();
    // Where the folder is mounted.
    let forwarder = documented("container").replace("/door/", &format!("{}/", door.display()));
    let python = venv("python");
    let wait = format!("until {python} -c \"{CONNECT}\" $port 2>/dev/null; do sleep 0.1; done");
    let script = format!("{forwarder}\n{wait}\n{python} -c '{}'; kill $!", KEYS.replace('\'', ""));
    is_reader(&scene, &in_own_network(&scene, &script, &env_file(&told)));
}

#[test]
fn a_mounted_token_file_serves_a_container_too() {
    let scene = scene();
    fs::create_dir(scene.env.path("token")).unwrap();
    let mut process = scene.env.spawn(&["serve", "dev/Reader", "--format", "docker", "--token-file", "token/it"]);
    process.wait_for_stderr("is served at");
    fs::rename(scene.env.path("token"), scene.env.path("mounted")).unwrap();
    let told = process.stdout();
    let mut variables = env_file(&told);
    let path = scene.env.path("mounted/it").to_string_lossy().into_owned();
    variables.push(("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &path));
    is_reader(&scene, &contained(&scene, &venv("python"), &["-c", KEYS], &variables).run());
}
