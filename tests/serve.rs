//! `serve`: an endpoint that lasts as long as its process, and what it says to programs and to persons.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rustix::process::Signal;

use crate::moto::server::venv;
use crate::scene::Scene;
use crate::scene::seat::{Seat, eventually};
use crate::support::agent::Running;
use crate::support::env::Output;
use crate::support::served::{Served, ask};
use crate::support::sts::KeyPair;

const ENDPOINT: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const ARN: &str = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])";

/// A home in which somebody else is `[default]`.
fn scene() -> Scene {
    let mut scene = Scene::with_bobs_roles();
    let KeyPair { access_key_id, secret } = scene.alice.clone();
    let keys = format!("aws_access_key_id = {access_key_id}\naws_secret_access_key = {secret}\n");
    scene.env.aws_credentials(&format!("[default]\n{keys}")).aws_config("[default]\nregion = us-west-1\n");
    scene
}

/// Whose credential an answer is.
#[track_caller]
fn whose(scene: &Scene, answer: Option<(u16, String)>) -> String {
    let (status, body) = answer.expect("an answer");
    assert_eq!(status, 200, "{body}");
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let id = body["AccessKeyId"].as_str().expect("a key");
    scene.sts.world(|world| world.session(id).map(|session| session.principal.arn())).expect("a session")
}

fn boto3(scene: &Scene, served: &Served) -> Output {
    let program = scene.env.program(&venv("python"), &["-c", ARN]).set("AWS_ACCESS_KEY_ID", "AKIASTALE");
    served.dress(program).run()
}

#[test]
fn an_sdk_that_has_what_serve_prints_is_the_identity_whoever_is_default() {
    let scene = scene();
    let served = Served::start(&scene.env, &["dev/Reader"]);
    assert_eq!(served.told["identity"], "dev/Reader");
    assert_eq!(served.told["arn"], "arn:aws:iam::111122223333:role/Reader");
    boto3(&scene, &served).ok().stdout_has("assumed-role/Reader/");
    for secret in scene.secrets() {
        assert!(!served.told.to_string().contains(&secret), "what it prints is no credential");
    }
    assert!(served.process.stderr().contains("dev/Reader is served at http://127.0.0.1:"));
    let (status, body) = ask(served.port(), "GET", "/", &[("Authorization", "wrong")]).expect("an answer");
    assert!(status == 401 && !body.contains("AccessKeyId"), "{status} {body}");
}

#[test]
fn signals_end_it_and_what_it_served_and_that_is_no_failure() {
    let scene = Scene::with_bobs_roles();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        // Whoever started the tests may have had some ignored, as nohup and a shell's & do.
        let words = ["--default-signal", "multicred", "serve", "dev/Reader", "--json"];
        let served = Served::started_by(scene.env.program("env", &words));
        assert_eq!(served.ask().expect("an answer").0, 200);
        served.signal(signal);
        let (port, output) = (served.port(), served.process.end());
        output.ok();
        assert_eq!(ask(port, "GET", "/", &[]).map(|(status, _)| status), Some(401), "the agent hands nothing out");
    }
    let history = fs::read_to_string(scene.env.path("data/multicred/history.jsonl")).unwrap();
    let outcomes: Vec<_> = history.lines().filter(|line| line.contains("\"event\":\"serve\"")).collect();
    assert_eq!(outcomes.len(), 6, "{history}");
    assert!(outcomes[0].contains("\"outcome\":\"ok\"") && outcomes[1].contains("\"outcome\":\"ended\""), "{history}");
}

#[test]
fn a_signal_that_it_was_started_to_ignore_stays_ignored() {
    let scene = Scene::with_bobs_roles();
    let script = r#"trap '' HUP; exec "$0" serve dev/Reader --json"#;
    let binary = scene.env.binary().to_string_lossy().into_owned();
    let served = Served::started_by(scene.env.program("sh", &["-c", script, &binary]));
    served.signal(Signal::HUP);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(served.ask().expect("an answer").0, 200, "nohup is obeyed");
}

#[test]
fn killed_it_serves_no_longer() {
    let scene = Scene::with_bobs_roles();
    let other = Served::start(&scene.env, &["bob"]);
    let mut served = Served::start(&scene.env, &["dev/Reader"]);
    assert_eq!(served.ask().expect("an answer").0, 200);
    served.process.kill();
    assert!(eventually(|| served.ask().is_some_and(|(status, _)| status == 401)), "the other's port is the same one");
    assert_eq!(other.ask().expect("an answer").0, 200);
    drop(other);
    assert_eq!(served.ask().expect("an answer").0, 401, "the port stays the agent's");
}

#[test]
fn lock_and_the_end_of_the_agent_end_it_with_a_reason() {
    let scene = Scene::with_bobs_roles();
    let serve = || Served::start(&scene.env, &["dev/Reader"]);
    let served = serve();
    scene.env.run(&["lock"]).ok();
    let output = served.process.end();
    output.code(1).stderr_has("dev/Reader is no longer served: multicred lock has ended it");
    output.stderr_has("multicred serve dev/Reader");
    let served = serve();
    scene.env.run(&["agent", "stop"]).ok();
    served.process.end().code(1).stderr_has("dev/Reader is no longer served: the agent has ended");
    let served = serve();
    Running::found(&scene.env).signal(Signal::KILL);
    served.process.end().code(1).stderr_has("the agent has ended");
}

#[test]
fn two_that_serve_at_once_know_nothing_of_each_other() {
    let scene = Scene::with_bobs_roles();
    let [reader, writer] = ["dev/Reader", "dev/Writer"].map(|name| Served::start(&scene.env, &[name]));
    assert!(whose(&scene, reader.ask()).contains("/Reader/"));
    assert!(whose(&scene, writer.ask()).contains("/Writer/"));
    let token = reader.variable(TOKEN);
    let arn = "/role-arn/arn:aws:iam::111122223333:role/Writer";
    assert_eq!(ask(writer.port(), "GET", arn, &[("Authorization", &token)]).expect("an answer").0, 403);
}

#[test]
fn another_identity_is_served_by_its_arn() {
    let scene = Scene::with_bobs_roles();
    let served = Served::start(&scene.env, &["dev/Reader", "--also", "dev/Writer"]);
    let token = served.variable(TOKEN);
    let by_arn =
        ask(served.port(), "GET", "/role-arn/arn:aws:iam::111122223333:role/Writer", &[("Authorization", &token)]);
    assert!(whose(&scene, by_arn).contains("/Writer/"));
    scene.env.run(&["serve", "dev/Reader", "--imds", "--also", "dev/Writer"]).code(2);
}

#[test]
fn an_old_token_is_nothing_to_a_new_agent() {
    let scene = Scene::with_bobs_roles();
    let old = Served::start(&scene.env, &["dev/Reader"]);
    let token = old.variable(TOKEN);
    scene.env.run(&["agent", "stop"]).ok();
    let new = Served::start(&scene.env, &["dev/Reader"]);
    assert_eq!(ask(new.port(), "GET", "/", &[("Authorization", &token)]).expect("an answer").0, 401);
}

#[test]
fn a_token_file_has_the_token_alone_and_goes_with_the_session() {
    let scene = scene();
    scene.env.run(&["serve", "dev/Reader", "--token-file", "no/such/folder/token"]).code(1).stderr_has("--token-file");
    let path = scene.env.path("token");
    for own in ["precious", ""] {
        fs::write(&path, own).unwrap();
        let refused = scene.env.run(&["serve", "dev/Reader", "--token-file", "token"]);
        refused.code(1).stderr_has("something else is there");
        assert_eq!(fs::read_to_string(&path).unwrap(), own);
    }
    fs::write(&path, format!("{}.{}", "a1".repeat(6), "b2".repeat(32))).unwrap();
    let served = Served::start(&scene.env, &["dev/Reader", "--token-file", "token"]);
    assert_eq!(served.variable(TOKEN_FILE), path.to_string_lossy());
    assert!(served.told["set"][TOKEN].is_null());
    let token = fs::read_to_string(&path).unwrap();
    assert!(!served.told.to_string().contains(&token));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(ask(served.port(), "GET", "/", &[("Authorization", &token)]).expect("an answer").0, 200);
    boto3(&scene, &served).ok().stdout_has("assumed-role/Reader/");
    served.signal(Signal::TERM);
    served.process.end().ok();
    assert!(!path.exists());
}

#[test]
fn the_token_reaches_a_terminal_only_by_force() {
    let scene = Scene::with_bobs_roles();
    let binary = scene.env.binary().to_string_lossy().into_owned();
    let at_terminal = |words: &str| {
        let script = format!("exec {binary} serve dev/Reader {words} >/dev/tty");
        let mut seat = Seat::take(&scene.env, &["exec", "bob", "--", "sh", "-c", &script]);
        if words.is_empty() {
            return seat.end().screen;
        }
        seat.wait_for("is served at");
        seat.type_keys("\x03");
        seat.end().screen
    };
    let screen = at_terminal("");
    assert!(screen.contains("would print the endpoint's token on the terminal") && !screen.contains(TOKEN), "{screen}");
    assert!(at_terminal("--force").contains(&format!("{TOKEN}=")));
    let screen = at_terminal("--token-file token");
    assert!(screen.contains(TOKEN_FILE) && !screen.contains(&format!("{TOKEN}=")), "{screen}");
    let screen = at_terminal("--imds");
    assert!(screen.contains("AWS_EC2_METADATA_SERVICE_ENDPOINT=") && screen.contains("of any user"), "{screen}");
}

#[test]
fn a_shell_that_sources_it_goes_on_while_it_serves() {
    let scene = scene();
    let python = venv("python");
    let script = format!(
        "source <(multicred serve dev/Reader); served=$!; {python} -c \"{ARN}\"; multicred list >/dev/null || exit\n\
         kill $served; wait $served; {python} -c \"{ARN}\" || echo refused"
    );
    let output = scene.env.program("bash", &["-c", &script]).set("AWS_PROFILE", "default").run();
    output.ok().stdout_has("assumed-role/Reader/").stdout_has("refused");
}

#[test]
fn what_nobody_reads_is_not_served() {
    let scene = Scene::with_bobs_roles();
    let script = "multicred serve dev/Reader 2>err | true; echo ${PIPESTATUS[0]}";
    scene.env.program("bash", &["-c", script]).run().stdout_is("1\n");
    let told = fs::read_to_string(scene.env.path("err")).unwrap();
    assert!(told.contains("the answer cannot be written"), "{told}");
    assert_eq!(scene.env.run(&["agent", "status", "--json"]).ok().json()["live"], serde_json::json!([]));
}

#[test]
fn it_prints_in_the_formats_of_env() {
    let scene = scene();
    let printed = |format: &str| {
        let mut process = scene.env.spawn(&["serve", "dev/Reader", "--format", format, "--region", "eu-west-3"]);
        process.wait_for_stderr("is served at");
        process.wait_for_stdout("AWS_CONFIG_FILE")
    };
    let docker = printed("docker");
    assert!(docker.contains("AWS_CONFIG_FILE=/dev/null\n") && docker.contains("AWS_REGION=eu-west-3\n"), "{docker}");
    assert!(docker.lines().all(|line| line.contains('=')) && !docker.contains("MULTICRED_"), "{docker}");
    let dotenv = printed("dotenv");
    assert!(dotenv.contains(ENDPOINT) && dotenv.contains(".live/") && !dotenv.contains("/dev/null"), "{dotenv}");
    let fish = printed("fish");
    assert!(fish.contains(&format!("set -gx {ENDPOINT}")) && fish.contains("AWS_PROFILE"), "{fish}");
    assert!(printed("json").starts_with('{'));
    scene.env.run(&["serve", "dev/Reader", "--format", "ini"]).code(2).stderr_has("where no endpoint can be named");
}

#[test]
fn whoever_cannot_be_is_not_served() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["serve", "nobody-knows"]).code(3);
    scene.env.run(&["serve"]).code(2);
    scene.env.run(&["serve", "dev/Reader", "--imds", "--ecs"]).code(2);
    scene.env.run(&["serve", "dev/Reader", "--imds-v1"]).code(2);
}
