//! `import --watch`: files that programs write, replace, remove and bring back.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::docs::{assert_same_keys, example};
use crate::scene::refusal::Refusal;
use crate::scene::{DEV, PATIENCE, Scene, ini};
use crate::support::env::Background;
use crate::support::process;
use crate::support::sts::{Fault, KeyPair};

const ASKS: &str = "GetCallerIdentity";

fn signal(watcher: &Background, signal: &str) {
    process::run(Command::new("kill").args([signal, &watcher.pid().to_string()]));
}

/// Another key of bob's.
fn another(scene: &Scene) -> KeyPair {
    scene.sts.world(|world| world.another_key(&format!("arn:aws:iam::{DEV}:user/bob")))
}

/// As programs that care write a file.
fn replace(scene: &Scene, name: &str, text: &str) {
    let (new, path) = (scene.env.path(format!("{name}.new~")), scene.env.path(name));
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

#[test]
fn files_are_imported_at_once_and_when_they_come_and_each_time_that_they_change() {
    let scene = Scene::new();
    fs::write(scene.env.path("a"), ini("work", &scene.alice)).unwrap();
    let mut watcher = scene.env.spawn(&["import", "--watch", "a", "new/folder/b", "link"]);
    watcher.wait_for_stderr(&format!("a: imported work {}", scene.alice.access_key_id));
    watcher.wait_for_stderr("b: not there; it is imported when it comes");
    // Its folder comes later than it does.
    fs::create_dir_all(scene.env.path("new/folder")).unwrap();
    let KeyPair { access_key_id, secret } = &scene.bob;
    let json = format!(r#"{{"Version": 1, "AccessKeyId": "{access_key_id}", "SecretAccessKey": "{secret}"}}"#);
    fs::write(scene.env.path("new/folder/b"), json).unwrap();
    watcher.wait_for_stderr(&format!("b: imported {DEV}/user/bob {access_key_id}"));

    let [renamed, in_place, of_target] = [0; 3].map(|_| another(&scene));
    replace(&scene, "a", &ini("default", &renamed));
    watcher.wait_for_stderr(&renamed.access_key_id);
    fs::write(scene.env.path("a"), ini("default", &in_place)).unwrap();
    watcher.wait_for_stderr(&in_place.access_key_id);
    // As editors do that keep the old one.
    let kept = another(&scene);
    fs::rename(scene.env.path("a"), scene.env.path("a~")).unwrap();
    fs::write(scene.env.path("a"), ini("default", &kept)).unwrap();
    let said = watcher.wait_for_stderr(&format!("a: imported {DEV}/user/bob {}", kept.access_key_id));
    assert!(!said.contains(" a: not there"), "{said}");
    // A link that comes, and then another target of it.
    fs::create_dir(scene.env.path("far")).unwrap();
    fs::write(scene.env.path("far/target"), ini("default", &in_place)).unwrap();
    symlink("far/target", scene.env.path("link")).unwrap();
    watcher.wait_for_stderr(&format!("link: {} of {DEV}/user/bob is stored already", in_place.access_key_id));
    replace(&scene, "far/target", &ini("default", &of_target));
    watcher.wait_for_stderr(&format!("link: imported {DEV}/user/bob {}", of_target.access_key_id));
}

#[test]
fn one_section_alone_is_imported_where_it_is_named() {
    let scene = Scene::new();
    fs::write(scene.env.path("a"), ini("work", &scene.alice)).unwrap();
    let mut watcher = scene.env.spawn(&["import", "--watch", "a", "--profile", "bob", "-v"]);
    watcher.wait_for_stderr("no credentials in a section [bob]");
    fs::write(scene.env.path("a"), ini("work", &scene.alice) + &ini("bob", &scene.bob)).unwrap();
    watcher.wait_for_stderr("a: imported bob");
    assert_eq!(scene.sts.count(ASKS), 1);
}

#[test]
fn what_was_removed_is_imported_when_it_returns() {
    let scene = Scene::new();
    fs::create_dir(scene.env.path("folder")).unwrap();
    fs::write(scene.env.path("folder/b"), ini("bob", &scene.bob)).unwrap();
    let mut watcher = scene.env.spawn(&["import", "--watch", "folder/b"]);
    watcher.wait_for_stderr("b: imported bob");
    fs::remove_dir_all(scene.env.path("folder")).unwrap();
    watcher.wait_for_stderr("b: not there");
    let key = another(&scene);
    fs::create_dir(scene.env.path("folder")).unwrap();
    fs::write(scene.env.path("folder/b"), ini("bob", &key)).unwrap();
    watcher.wait_for_stderr(&format!("b: imported bob {}", key.access_key_id));
}

#[test]
fn a_bad_or_half_written_file_is_told_in_one_line_and_ends_nothing() {
    let scene = Scene::new();
    let whole = ini("work", &scene.alice) + &ini("bob", &scene.bob);
    fs::write(scene.env.path("a"), &whole[..whole.len() - 60]).unwrap();
    let mut watcher = scene.env.spawn(&["import", "--watch", "a"]);
    let said = watcher.wait_for_stderr("not imported: [bob]");
    assert!(said.lines().any(|line| line.contains("imported work") && line.contains("[bob]")), "{said}");
    for (text, says) in [
        (&b"\xff\xfe\xfd"[..], "UTF-8"),
        (b"", "empty"),
        (b"hush \x1b[31m $(touch pwned)\n", "known format"),
        (b"[\n[x]\naws_access_key_id = hush\naws_secret_access_key = hush\n", "no access key id"),
    ] {
        fs::write(scene.env.path("a"), text).unwrap();
        watcher.wait_for_stderr(says);
    }
    fs::remove_file(scene.env.path("a")).unwrap();
    fs::create_dir(scene.env.path("a")).unwrap();
    watcher.wait_for_stderr("no regular file");
    fs::remove_dir(scene.env.path("a")).unwrap();
    watcher.wait_for_stderr("a: not there");
    fs::write(scene.env.path("a"), whole).unwrap();
    watcher.wait_for_stderr(&format!("imported bob {}", scene.bob.access_key_id));
    signal(&watcher, "-TERM");
    let ended = watcher.end();
    ended.code(143).calm().nowhere("hush").nowhere(&scene.bob.secret).stdout_is("");
    ended.stderr_has("the files are watched no longer");
    assert!(!scene.env.path("pwned").exists());
}

#[test]
fn a_file_with_the_same_content_is_not_asked_about_again_and_one_that_aws_did_not_answer_about_is() {
    let scene = Scene::new();
    let stranger = KeyPair { access_key_id: "AKIAIOSFODNN7STRANGE".to_owned(), ..scene.alice.clone() };
    fs::write(scene.env.path("a"), ini("x", &stranger)).unwrap();
    // Whoever started the tests may have had some signals ignored, as nohup and a shell's & do.
    let words = ["--default-signal", "multicred", "import", "--watch", "a"];
    let mut watcher = scene.env.program("env", &words).spawn();
    watcher.wait_for_stderr("InvalidClientTokenId");
    assert_eq!(scene.sts.count(ASKS), 1);
    replace(&scene, "a", &ini("x", &stranger));
    watcher.wait_for_stderr("a: unchanged");
    assert_eq!(scene.sts.count(ASKS), 1);
    scene.sts.fault_always(ASKS, Fault::unavailable());
    let text = ini("bob", &scene.bob);
    replace(&scene, "a", &text);
    watcher.wait_for_stderr("AWS could not serve");
    scene.sts.clear_faults();
    replace(&scene, "a", &text);
    watcher.wait_for_stderr("a: imported bob");
    signal(&watcher, "-INT");
    watcher.end().code(130).calm();
}

#[test]
fn a_burst_of_writes_is_one_event() {
    let scene = Scene::new();
    let mut watcher = scene.env.spawn(&["import", "--watch", "a", "--json"]);
    watcher.wait_for_stdout("missing");
    for _ in 0..50 {
        fs::write(scene.env.path("a"), "[half").unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    fs::write(scene.env.path("a"), ini("bob", &scene.bob)).unwrap();
    watcher.wait_for_stdout("imported");
    signal(&watcher, "-TERM");
    let ended = watcher.end();
    let lines: Vec<Value> = ended.code(143).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<&Value> = lines.iter().map(|line| &line["event"]).collect();
    assert_eq!(events, ["missing", "imported"]);
    assert_eq!(lines[1]["credentials"][0]["identity"], "bob");
    for line in &lines {
        assert_same_keys("import --watch", &example("import --watch"), line);
    }
    assert_eq!((&lines[1]["file"], lines[1]["time"].is_i64()), (&"a".into(), true));
}

#[test]
fn a_locked_store_ends_it_at_the_start_and_is_told_later_and_the_next_change_is_imported_again() {
    let mut scene = Scene::new();
    scene.env.write("passphrase", "correct horse\n");
    let passphrase = scene.env.path("passphrase").to_string_lossy().into_owned();
    scene.env.set("MULTICRED_KEY", "passphrase").set("MULTICRED_PASSPHRASE_FILE", &passphrase);
    scene.import(&scene.alice, "alice");
    fs::write(scene.env.path("a"), ini("alice", &scene.alice)).unwrap();
    scene.env.unset("MULTICRED_PASSPHRASE_FILE");
    scene.env.run(&["import", "--watch", "a"]).refused(4, &["passphrase"]);

    let unlock = |scene: &Scene| {
        scene.env.command(&["unlock"]).set("MULTICRED_PASSPHRASE_FILE", &passphrase).limit(PATIENCE).run().ok();
    };
    unlock(&scene);
    let mut watcher = scene.env.spawn(&["import", "--watch", "a"]);
    watcher.wait_for_stderr("is stored already");
    scene.env.run(&["lock"]).ok();
    let text = ini("bob", &scene.bob);
    replace(&scene, "a", &text);
    watcher.wait_for_stderr("a: not imported: ");
    unlock(&scene);
    replace(&scene, "a", &text);
    watcher.wait_for_stderr("a: imported bob");
}
