//! Profiles that `sync` writes, as the programs read them that they are for: whatever paths have in them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::moto::server::venv;
use crate::scene::{DEV, Scene, ini};
use crate::support::env::{Hermetic, Output};

/// Folders that a program or a home may lie in.
const HOSTILE: [&str; 14] = [
    "with space",
    "it's",
    "''",
    "$(touch pwned)",
    "`touch pwned`",
    "a\"b",
    "a;touch pwned",
    "a&b|c>d<e",
    "*?[x]",
    "~",
    "a#b",
    "ü é 日本",
    "-v",
    "%s !x {a,b}",
];

/// Stands in for multicred: notes the words it is called with, each ended by a NUL, and answers as it would.
const RECORDER: &str = r#"#!/bin/sh
printf '%s\0' "$0" "$@" >"$RECORD"
echo '{"Version": 1, "AccessKeyId": "AKIAIOSFODNN7RECORD", "SecretAccessKey": "hush"}'
"#;

/// A scene whose multicred lies in this folder of a home of its own.
fn scene_in(folder: &str) -> (Scene, PathBuf, tempfile::TempDir) {
    let above = tempfile::tempdir().unwrap();
    let program = above.path().canonicalize().unwrap().join(folder).join("multicred");
    fs::create_dir(program.parent().unwrap()).unwrap();
    symlink(Hermetic::new().binary().canonicalize().unwrap(), &program).unwrap();
    (Scene::in_home(Hermetic::with_binary(&program)), program, above)
}

/// What `split.py` says of a profile, once the program has become one that notes its words.
#[track_caller]
fn split(env: &Hermetic, program: &Path, profile: &str) -> Value {
    fs::remove_file(program).unwrap();
    fs::write(program, RECORDER).unwrap();
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sync/split.py");
    let config = env.path(".aws/config").to_string_lossy().into_owned();
    let record = env.path("record").to_string_lossy().into_owned();
    let run = env.program(&venv("python"), &[&script.to_string_lossy(), profile]);
    run.set("AWS_CONFIG_FILE", config).set("RECORD", record).run().ok().json()
}

#[track_caller]
fn assert_split(answer: &Value, words: &[&str]) {
    for reader in ["shlex", "botocore", "sh", "boto3"] {
        assert_eq!(answer[reader], json!(words), "{reader}");
    }
    assert_eq!(answer["key"], "AKIAIOSFODNN7RECORD");
}

#[test]
fn a_program_of_any_path_is_called_by_every_sdk_with_the_very_words() {
    for folder in HOSTILE {
        let (scene, program, _removed_on_drop) = scene_in(folder);
        scene.import(&scene.bob, "bob");
        scene.env.run(&["sync", "bob"]).ok();
        let answer = split(&scene.env, &program, "bob");
        let arn = format!("arn:aws:iam::{DEV}:user/bob");
        assert_split(&answer, &[program.to_str().unwrap(), "credential-process", &arn]);
        assert!(!scene.env.path("pwned").exists(), "{folder}");
    }
}

#[test]
fn a_store_of_any_path_is_named_by_its_whole_path() {
    for folder in HOSTILE {
        let (scene, program, _removed_on_drop) = scene_in("bin");
        let here = scene.env.path(folder);
        fs::create_dir(&here).unwrap();
        let words = ["--store", "./my store.db"];
        let key = ini("default", &scene.bob);
        scene
            .env
            .command(&[&["import", "-", "--label", "bob"], &words[..]].concat())
            .folder(&here)
            .stdin(key)
            .run()
            .ok();
        scene.env.command(&[&["sync", "bob"], &words[..]].concat()).folder(&here).run().ok();
        let store = here.join("my store.db").to_string_lossy().into_owned();
        scene.env.command(&["as", "--shell", "bash", "bob"]).set("MULTICRED_STORE", &store).run().ok();
        let answer = split(&scene.env, &program, "bob");
        let arn = format!("arn:aws:iam::{DEV}:user/bob");
        assert_split(&answer, &[program.to_str().unwrap(), "--store", &store, "credential-process", &arn]);
    }
}

#[test]
fn a_home_of_any_path_has_its_config_file_changed() {
    for folder in HOSTILE {
        let mut scene = Scene::with_bob();
        let home = scene.env.path(folder);
        scene.env.set("HOME", home.to_string_lossy());
        scene.env.run(&["sync", "bob"]).ok();
        assert!(fs::read_to_string(home.join(".aws/config")).unwrap().contains("user/bob\n"), "{folder}");
    }
}

#[test]
fn names_of_every_allowed_character_are_profiles_of_boto3() {
    let (scene, program, _removed_on_drop) = scene_in("bin");
    scene.import(&scene.bob, "a._+=,@-Z9");
    let role = format!("{DEV}/a+b=c,d.e@f-g_h");
    let arns = ["user/bob", "role/a+b=c,d.e@f-g_h"].map(|name| format!("arn:aws:iam::{DEV}:{name}"));
    scene.env.run(&["link", &role, "--parent", "a._+=,@-Z9", "--region", "eu-west-1"]).ok();
    scene.env.run(&["sync", "--all"]).ok();
    let config = fs::read(scene.env.path(".aws/config")).unwrap();
    for ((name, region), arn) in [("a._+=,@-Z9", Value::Null), (&role, json!("eu-west-1"))].into_iter().zip(&arns) {
        let answer = split(&scene.env, &program, name);
        assert_split(&answer, &[program.to_str().unwrap(), "credential-process", arn]);
        assert_eq!(answer["region"], region);
    }
    assert_eq!(fs::read(scene.env.path(".aws/config")).unwrap(), config);
}

#[test]
fn a_path_that_some_reader_would_change_is_refused() {
    for folder in ["a #b", "a ;b", "a\tb", "a\nb", "a\\nb"] {
        let (scene, _program, _removed_on_drop) = scene_in(folder);
        scene.import(&scene.bob, "bob");
        for words in [&["sync", "bob"][..], &["sync", "--all"]] {
            scene.env.run(words).code(1).stdout_is("").stderr_has("at another path");
        }
        assert!(!scene.env.path(".aws/config").exists(), "{folder:?}");
    }
}

#[test]
fn an_upgrade_behind_a_link_of_path_is_followed_and_another_multicred_on_path_is_not() {
    let (scene, program, _removed_on_drop) = scene_in("bin");
    scene.import(&scene.bob, "bob");
    scene.env.run(&["sync", "bob"]).ok();
    let config = || fs::read_to_string(scene.env.path(".aws/config")).unwrap();
    let by = |program: &Path| format!("= {} credential-process arn:aws:iam::{DEV}:user/bob", program.display());
    assert!(config().contains(&by(&program)), "{}", config());
    let real = program.canonicalize().unwrap();
    let other = scene.env.path("other/multicred");
    fs::create_dir(other.parent().unwrap()).unwrap();
    fs::write(&other, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin", other.parent().unwrap().display());
    scene.env.command(&["sync"]).set("PATH", path).run().ok().stdout_has("profile bob written");
    assert!(config().contains(&by(&real)), "{}", config());
}

/// `aws configure set` on a profile.
#[track_caller]
fn configure(env: &Hermetic, profile: &str, key: &str, value: &str) -> Output {
    env.program(&venv("aws"), &["configure", "set", key, value, "--profile", profile]).run()
}

#[test]
fn what_the_aws_cli_sets_in_a_synced_profile_stays_its_own() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.aws_config("[profile mine]\nregion = eu-west-1\n");
    scene.env.run(&["sync", "bob", "dev/Reader"]).ok();
    for profile in ["mine", "bob", "dev/Reader"] {
        for (key, value) in [("output", "json"), ("cli_pager", "cat"), ("s3.max_queue_size", "7")] {
            configure(&scene.env, profile, key, value).ok();
        }
    }
    scene.env.run(&["sync", "dev/Writer"]).ok().stdout_has("profile dev/Writer written");
    configure(&scene.env, "new", "output", "text").ok();
    for (profile, output) in [("mine", "json"), ("bob", "json"), ("dev/Reader", "json"), ("new", "text")] {
        let got = scene.env.program(&venv("aws"), &["configure", "get", "output", "--profile", profile]).run();
        got.ok().stdout_is(&format!("{output}\n"));
    }
    let config = fs::read_to_string(scene.env.path(".aws/config")).unwrap();
    let (start, end) = (config.find("# >>> ").unwrap(), config.find("# <<< ").unwrap());
    assert_eq!(config[start..end].matches("output = json").count(), 2, "{config}");
    assert_eq!(config[..start].matches("output = json").count(), 1, "{config}");
    assert_eq!(config[end..].matches("output = text").count(), 1, "{config}");
    scene.env.run(&["sync", "--remove"]).code(1).stderr_has("move that line out of the block");
    scene.env.run(&["sync", "--remove", "dev/Writer"]).ok();
}
