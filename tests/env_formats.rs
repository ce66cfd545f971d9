//! `env`: what each shell and each reader of a file makes of what it prints.

use std::path::Path;

use crate::moto::server::venv;
use crate::scene::refusal::Refusal;
use crate::scene::seat::Seat;
use crate::scene::{DEV, Scene};
use crate::support::env::Output;
use crate::support::sts::KeyPair;

/// Everything that some shell or reader treats as special. AWS's own secrets have none of it.
const HOSTILE: &str = r#"a'b"c\d$(touch pwned)`touch pwned`e!f %g#h;i=j{k}l[m]~*?&|<>^$HOME !! \\ é€😀’x"#;

/// bob's key with a hostile secret is stored under the label `hostile`.
fn hostile() -> Scene {
    let scene = Scene::with_bob();
    let pair = KeyPair { access_key_id: "AKIAHOSTILE123456789".to_owned(), secret: HOSTILE.to_owned() };
    scene.sts.world(|world| world.add_key(&format!("arn:aws:iam::{DEV}:user/bob"), &pair));
    let json =
        serde_json::json!({ "AccessKey": { "AccessKeyId": pair.access_key_id, "SecretAccessKey": pair.secret } });
    scene.env.run_with_stdin(&["import", "-"], json.to_string()).ok();
    scene
}

/// What a program sees that the shell starts after it ran the statements.
#[track_caller]
fn in_shell(program: &str, flags: &[&str], take: &str) -> (Scene, Output) {
    let mut scene = hostile();
    scene.env.set("AWS_PROFILE", "stale").set("AWS_SESSION_TOKEN", "stale").set("AWS_CREDENTIAL_EXPIRATION", "stale");
    let key = "--access-key AKIAHOSTILE123456789 --region eu-west-1";
    let code = take.replace("ENV", &format!("multicred env {key}"));
    let output = scene.env.program(program, &[flags, &[&format!("{code}env -0")]].concat()).run();
    (scene, output)
}

#[track_caller]
fn is_taken((scene, output): (Scene, Output)) {
    let value = |name: &str| {
        let start = format!("{name}=");
        output.stdout.split('\0').find_map(|line| line.strip_prefix(&start)).map(str::to_owned)
    };
    output.ok();
    assert_eq!(value("AWS_ACCESS_KEY_ID").as_deref(), Some("AKIAHOSTILE123456789"), "{output}");
    assert_eq!(value("AWS_SECRET_ACCESS_KEY").as_deref(), Some(HOSTILE), "{output}");
    assert_eq!(value("AWS_REGION").as_deref(), Some("eu-west-1"));
    for name in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"] {
        assert_eq!(value(name), None, "{name} is gone\n{output}");
    }
    assert!(!scene.env.path("pwned").exists());
}

#[test]
fn bash_takes_it() {
    is_taken(in_shell("bash", &["-c"], "eval \"$(ENV)\"\n"));
}

#[test]
fn zsh_takes_it() {
    is_taken(in_shell("zsh", &["-fc"], "eval \"$(ENV --format zsh)\"\n"));
}

#[test]
fn dash_takes_it() {
    is_taken(in_shell("dash", &["-c"], "eval \"$(ENV --format sh)\"\n"));
}

#[test]
fn fish_takes_it() {
    is_taken(in_shell("fish", &["--no-config", "-c"], "ENV --format fish | source\n"));
}

/// What fish prints that knows universal variables.
fn in_fish(code: &str) -> Output {
    let scene = Scene::with_bobs_roles();
    let code = code.replace("ENV", "multicred env dev/Reader --format fish");
    scene.env.program("fish", &["-c", &code]).run()
}

#[test]
fn fish_is_told_of_a_universal_variable_that_would_win_and_nothing_changes() {
    let output = in_fish(
        "set -Ux AWS_PROFILE mine; ENV | source; echo $status; set -q AWS_ACCESS_KEY_ID; echo $status; \
                          fish -c 'echo $AWS_PROFILE'",
    );
    output.ok().stdout_is("1\n1\nmine\n").stderr_has("AWS_PROFILE is a universal variable");
    output.stderr_has("set -eU AWS_PROFILE").stderr_has("nothing was changed");
    // One that no program sees wins over nothing.
    let output = in_fish("set -Uu AWS_PROFILE mine; ENV | source; echo $status; env; fish -c 'echo own:$AWS_PROFILE'");
    output.ok().stdout_has("0\n").stdout_has("AWS_ACCESS_KEY_ID=").stdout_has("own:mine");
    assert!(!output.stdout.contains("AWS_PROFILE="), "{output}");
    // One that is set anew is hidden.
    let output = in_fish("set -Ux AWS_SESSION_TOKEN mine; ENV | source; echo $status; env");
    output.ok().stdout_has("0\n");
    assert!(!output.stdout.contains("AWS_SESSION_TOKEN=mine"), "{output}");
}

#[test]
fn fish_takes_it_inside_a_function_with_variables_of_its_own() {
    let output = in_fish(
        "function f; set -lx AWS_PROFILE mine; set -lx AWS_SESSION_TOKEN stale; \
         if true; set -lx AWS_PROFILE inner; ENV | source; echo status:$status; env; set --names; end; end; f",
    );
    output.ok().stdout_has("status:0\n").stdout_has("AWS_ACCESS_KEY_ID=");
    for gone in ["AWS_PROFILE", "AWS_SESSION_TOKEN=stale", "__multicred"] {
        assert!(!output.stdout.contains(gone), "{gone}\n{output}");
    }
}

#[test]
fn tcsh_takes_it() {
    is_taken(in_shell("tcsh", &["-f", "-c"], "eval \"`ENV --format tcsh`\"\n"));
}

#[test]
fn elvish_takes_it() {
    is_taken(in_shell("elvish", &["-norc", "-c"], "eval (ENV --format elvish | slurp)\n"));
}

#[test]
fn xonsh_takes_it() {
    is_taken(in_shell(&venv("xonsh"), &["--no-rc", "-c"], "execx($(ENV --format xonsh))\n"));
}

#[test]
fn powershell_is_written_as_its_rules_say_but_was_never_run_here() {
    let scene = hostile();
    let output = scene.env.run(&["env", "--access-key", "AKIAHOSTILE123456789", "--format", "powershell"]);
    let quoted = HOSTILE.replace('\'', "''").replace('’', "’’");
    output.ok().stdout_has(&format!("$env:AWS_SECRET_ACCESS_KEY = '{quoted}'\n"));
    output.stdout_has("Remove-Item -ErrorAction Ignore Env:AWS_PROFILE\n");
}

#[test]
fn nu_is_given_one_record_with_null_for_what_goes() {
    let scene = hostile();
    let output = scene.env.run(&["env", "--access-key", "AKIAHOSTILE123456789", "--format", "nu"]);
    let record = output.ok().json();
    assert_eq!(record["AWS_SECRET_ACCESS_KEY"], HOSTILE);
    assert!(record["AWS_PROFILE"].is_null() && record.get("AWS_PROFILE").is_some());
}

#[test]
#[ignore = "needs nushell: make test-long"]
fn nu_takes_it() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
    let nu = target.join("node/node_modules/@nushell/linux-x64/bin/nu");
    assert!(nu.exists(), "{} is missing: run make test-long, which installs it", nu.display());
    is_taken(in_shell(&nu.to_string_lossy(), &["--no-config-file", "-c"], "ENV --format nu | from json | load-env; ^"));
}

#[test]
fn a_dotenv_file_is_read_by_bash_and_by_python_alike() {
    let mut scene = Scene::with_bobs_roles();
    let output = scene.env.run(&["env", "dev/Reader", "--format", "dotenv"]);
    let text = output.ok().stdout.clone();
    scene.env.write(".env", &text);
    let by_bash = scene.env.program("bash", &["-c", "set -a; . ./.env; echo \"$AWS_SESSION_TOKEN\""]).run();
    let read = "import dotenv; print(dotenv.dotenv_values('.env')['AWS_SESSION_TOKEN'])";
    let by_python = scene.env.program(&venv("python"), &["-c", read]).run();
    assert_eq!(by_bash.ok().stdout, by_python.ok().stdout);
    output.stdout_has(by_bash.stdout.trim()).stdout_has("AWS_CREDENTIAL_EXPIRATION=");
    let key = ["env", "--access-key", "AKIAHOSTILE123456789", "--format", "dotenv"];
    hostile().env.run(&key).refused(1, &["AWS_SECRET_ACCESS_KEY cannot be written", "--format"]);
}

#[test]
fn a_docker_env_file_has_every_character_as_it_is() {
    let scene = hostile();
    let output = scene.env.run(&["env", "--access-key", "AKIAHOSTILE123456789", "--format", "docker"]);
    output.ok().stdout_is(&format!("AWS_ACCESS_KEY_ID=AKIAHOSTILE123456789\nAWS_SECRET_ACCESS_KEY={HOSTILE}\n"));
}

#[test]
fn an_ini_section_survives_the_way_into_another_store() {
    let scene = hostile();
    let output = scene.env.run(&["env", "--access-key", "AKIAHOSTILE123456789", "--format", "ini"]);
    let other = scene.env.path("other.db").to_string_lossy().into_owned();
    scene.env.run_with_stdin(&["--store", &other, "import", "-"], &output.ok().stdout).ok();
    let again = ["--store", &other, "env", "--access-key", "AKIAHOSTILE123456789", "--format", "json"];
    assert_eq!(scene.env.run(&again).ok().json()["SecretAccessKey"], HOSTILE);
}

#[test]
fn json_is_what_a_credential_process_prints() {
    let scene = Scene::with_bobs_roles();
    let json = scene.env.run(&["env", "dev/Reader", "--format", "json"]).ok().stdout.clone();
    scene.env.run(&["credential-process", "dev/Reader"]).ok().stdout_is(&json);
    scene.env.run(&["--json", "env", "dev/Reader"]).ok().stdout_is(&json);
}

#[test]
fn secrets_reach_a_terminal_only_by_force() {
    let scene = Scene::with_bob();
    let env = scene.env.binary().to_string_lossy().into_owned();
    let at_terminal = |words: &str| {
        let seat =
            Seat::take(&scene.env, &["exec", "bob", "--", "sh", "-c", &format!("{env} env bob {words} >/dev/tty")]);
        let ended = seat.end();
        (ended.status, ended.screen)
    };
    let (status, screen) = at_terminal("");
    assert_eq!(status, 2, "{screen}");
    assert!(screen.contains("would print secrets on the terminal") && !screen.contains("AWS_SECRET"), "{screen}");
    let (status, screen) = at_terminal("--force");
    assert_eq!(status, 0, "{screen}");
    assert!(screen.contains("AWS_SECRET_ACCESS_KEY="), "{screen}");
}

#[test]
fn whom_it_is_for_can_be_said_in_every_way() {
    let scene = Scene::with_bobs_roles();
    let key = |words: &[&str]| {
        let output = scene.env.run(&[&["env", "--format", "json"], words].concat());
        output.ok().json()["AccessKeyId"].as_str().expect("a key").to_owned()
    };
    let reader = key(&["dev/Reader"]);
    assert_eq!(key(&["--arn", &format!("arn:aws:iam::{DEV}:role/Reader")]), reader);
    assert_eq!(key(&["--arn", &format!("arn:aws:sts::{DEV}:assumed-role/Reader/anything")]), reader);
    assert_eq!(key(&["--account", "dev", "--role", "Reader"]), reader);
    assert_eq!(key(&["--account", DEV, "--role", "Reader"]), reader);
    assert_eq!(key(&["--access-key", &reader]), reader);
    assert_eq!(key(&["--access-key", &scene.bob.access_key_id]), scene.bob.access_key_id);
    // By the variable alone, as a CI job may set it, whatever keys are there.
    let by_variable = scene.env.command(&["env", "--format", "json"]).set("MULTICRED_IDENTITY", "dev/Reader");
    let shell = by_variable.set("AWS_ACCESS_KEY_ID", "AKIASOMEBODYELSE1234").run();
    assert_eq!(shell.ok().json()["AccessKeyId"], reader.as_str());
    for (words, code) in [
        (&["env"][..], 2),
        (&["env", "--account", "dev"], 2),
        (&["env", "--role", "Reader"], 2),
        (&["env", "--arn", "dev/Reader"], 2),
        (&["env", "--access-key", "no key"], 2),
        (&["env", "--access-key", "AKIANOBODY1234567890"], 3),
        (&["env", "--arn", "arn:aws:iam::111122223333:role/Nobody"], 3),
        (&["env", "dev/Reader", "--arn", "arn:aws:iam::111122223333:role/Reader"], 2),
        (&["env", "dev/Reader", "--format", "yaml"], 2),
    ] {
        scene.env.run(words).refused(code, &[]);
    }
}
