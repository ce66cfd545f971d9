//! Names and paths that nobody should have: what `setup` writes is read by every SDK as it was meant, and what it prints is
//! nothing that a terminal obeys or a shell runs.

use std::fs;
use std::os::unix::fs::symlink;

use crate::clients::installed;
use crate::moto::server::Moto;
use crate::scene::refusal::Refusal;
use crate::scene::{DEV, Scene, ini};
use crate::setup::credentials;
use crate::setup_clients::signer_of_go;
use crate::support::env::Hermetic;

const FOLDERS: [&str; 6] = ["with space", "it's \"mine\"", "$(touch pwned)", "`touch pwned`;", "a#b ü 日本", "-v"];
const NAMES: [&str; 7] = ["$(touch pwned)", "a'b", "with space", "ü 日本", "-v", "%s{}", "a\"b`touch pwned`"];

#[track_caller]
fn assert_is_bob(scene: &Scene, moto: &Moto, profile: &str) {
    let bob = format!("arn:aws:iam::{DEV}:user/bob\n");
    let words = ["sts", "get-caller-identity", "--query", "Arn", "--output", "text"];
    let aws = scene.env.program(&installed("venv/bin/aws"), &words);
    aws.set("AWS_DEFAULT_REGION", "eu-west-1").set("AWS_PROFILE", profile).run().ok().stdout_is(&bob);
    assert_eq!(signer_of_go(scene, moto, profile), scene.bob.access_key_id);
}

fn assert_nothing_was_run(scene: &Scene) {
    assert!(!scene.env.path("pwned").exists());
}

#[test]
fn a_program_and_a_store_of_any_path_are_called_as_they_are() {
    let moto = Moto::start();
    for folder in FOLDERS {
        let above = tempfile::tempdir().unwrap();
        let program = above.path().canonicalize().unwrap().join(folder).join("multicred");
        fs::create_dir(program.parent().unwrap()).unwrap();
        symlink(Hermetic::new().binary().canonicalize().unwrap(), &program).unwrap();
        let mut scene = Scene::in_home(Hermetic::with_binary(&program));
        let own = ini("work", &scene.bob);
        scene.env.aws_credentials(&own);
        let store = scene.env.path(format!("{folder}.d/{folder}.db"));
        fs::create_dir(store.parent().unwrap()).unwrap();
        let store = store.to_str().unwrap();
        scene.env.run(&["--store", store, "setup", "--yes", "--no-shells"]).ok().calm();
        assert_is_bob(&scene, &moto, "work");
        scene.env.run(&["--store", store, "refresh"]).calm();
        scene.env.run(&["--store", store, "unsetup", "--yes"]).ok().calm();
        assert_eq!(credentials(&scene), own, "{folder}");
        assert_nothing_was_run(&scene);
    }
}

#[test]
fn a_home_of_any_path_is_set_up_and_given_back() {
    let moto = Moto::start();
    for folder in FOLDERS {
        let mut scene = Scene::new();
        let (credentials, rc) = (format!("{folder}/.aws/credentials"), format!("{folder}/.bashrc"));
        let own = ini("work", &scene.bob);
        scene.env.write(&credentials, &own).write(&rc, "a=b");
        let home = scene.env.path(folder).to_str().unwrap().to_owned();
        scene.env.set("HOME", home).unset("XDG_DATA_HOME");
        scene.env.run(&["setup", "--yes"]).ok().calm();
        assert_is_bob(&scene, &moto, "work");
        let shell = scene.env.program("bash", &["-ic", "type -t multicred; echo \"$a\""]).run();
        shell.ok().stdout_is("function\nb\n");
        scene.env.run(&["unsetup", "--yes"]).ok().calm();
        let read = |file: &str| fs::read_to_string(scene.env.path(file)).unwrap();
        assert_eq!([read(&credentials), read(&rc)], [own, "a=b".to_owned()], "{folder}");
        assert!(!scene.env.path("pwned").exists() && !scene.env.path(folder).join("pwned").exists());
    }
}

#[test]
fn a_store_whose_path_no_sdk_reads_alike_keeps_every_key_where_it_is() {
    let mut scene = Scene::new();
    let own = ini("work", &scene.bob);
    scene.env.aws_credentials(&own);
    let store = scene.env.path("back\\slash.db").to_str().unwrap().to_owned();
    let output = scene.env.run(&["--store", &store, "setup", "--yes", "--no-shells"]);
    output.calm().holds(output.status != 0, "a refusal").stderr_has("backslash");
    assert_eq!(credentials(&scene), own);
}

#[test]
fn profiles_of_any_name_are_kept_renewed_and_given_back() {
    for flags in [&[][..], &["--temporary"]] {
        let mut scene = Scene::new();
        let own: String = NAMES.iter().map(|name| ini(name, &scene.bob)).collect();
        scene.env.aws_credentials(&own);
        let setup = scene.env.run(&[&["setup", "--yes", "--no-shells"], flags].concat());
        setup.ok().calm();
        assert!(!credentials(&scene).contains(&scene.bob.secret), "{}", credentials(&scene));
        for name in NAMES {
            setup.stdout_has(name);
            let words = ["sts", "get-caller-identity", "--query", "Arn", "--output", "text"];
            let aws = scene.env.program(&installed("venv/bin/aws"), &words).set("AWS_PROFILE", name);
            aws.set("AWS_DEFAULT_REGION", "eu-west-1").run().ok().stdout_has("user/bob");
            if !flags.is_empty() {
                scene.env.run(&["refresh", &format!("-p={name}")]).ok().calm().stdout_has(name);
            }
        }
        scene.env.run(&["refresh"]).ok().calm();
        scene.env.run(&["unsetup", "--yes"]).ok().calm();
        assert_eq!(credentials(&scene), own);
        assert_nothing_was_run(&scene);
    }
}

#[test]
fn what_a_terminal_would_obey_is_printed_escaped() {
    let mut scene = Scene::new();
    let name = "x\u{1b}[31m\u{7}\u{9b}y";
    let own = ini(name, &scene.alice)
        + &ini("good", &scene.bob)
        + "[h\u{1b}c]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n[profile p\u{1b}c]\naws_access_key_id = \
           AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n";
    scene.env.aws_credentials(&own);
    let obeyed = |c: char| c.is_control() && c != '\n';
    for words in [
        &["setup", "--dry-run"][..],
        &["setup", "--yes", "--temporary", "--no-shells"],
        &["refresh", "-p", name],
        &["refresh", "--all"],
        &["status", "--profiles"],
        &["unsetup", "--dry-run"],
        &["unsetup", "--yes"],
    ] {
        let output = scene.env.run(words);
        output.calm().holds(!output.stdout.contains(obeyed), "no control character on stdout");
    }
    assert_eq!(credentials(&scene), own);
}
