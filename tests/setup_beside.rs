//! `setup` and `refresh` beside the aws CLI, which writes the same file in place, and beside themselves.

use crate::moto::server::venv;
use crate::scene::refusal::Refusal;
use crate::scene::{DEV, PATIENCE, Scene, ini};
use crate::setup::credentials;
use crate::support::env::{Background, Output};
use crate::support::sts::KeyPair;

fn configure(scene: &Scene, profile: &str, key: &str, value: &str) {
    scene.env.program(&venv("aws"), &["configure", "set", key, value, "--profile", profile]).run().ok();
}

/// As a person does who has a new key.
fn set_key(scene: &Scene, profile: &str, key: &KeyPair) {
    configure(scene, profile, "aws_access_key_id", &key.access_key_id);
    configure(scene, profile, "aws_secret_access_key", &key.secret);
}

fn user(scene: &Scene, name: &str) -> KeyPair {
    scene.sts.world(|world| world.user(DEV, name))
}

/// Every long-term key of the store is one that AWS gave out, with the secret that belongs to it; and these are there.
#[track_caller]
fn assert_stored(scene: &Scene, all: &[&KeyPair]) {
    let store = rusqlite::Connection::open(scene.env.store()).unwrap();
    let mut query = store.prepare("SELECT access_key_id FROM credential WHERE kind = 'long-term'").unwrap();
    let ids: Vec<String> = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for id in &ids {
        let key = all.iter().find(|key| key.access_key_id == *id).unwrap_or_else(|| panic!("{id} is nobody's"));
        scene.env.run(&["credential-process", "--no-session", id]).ok().stdout_has(&key.secret);
    }
    assert_eq!(ids.len(), all.len(), "{ids:?}");
}

fn ended(running: Vec<Background>) -> Vec<Output> {
    running.into_iter().map(|one| one.end_within(PATIENCE)).collect()
}

/// Three of a command that takes the same keys in: one of them does, and those that come too late say so.
fn three_at_once(scene: &Scene, words: &[&str]) {
    let gate = scene.sts.gate("GetCallerIdentity");
    let running: Vec<_> = (0..3).map(|_| scene.env.spawn(words)).collect();
    assert!(gate.wait_held(3, PATIENCE));
    drop(gate);
    let outputs = ended(running);
    assert!(outputs.iter().any(|output| output.status == 0), "{}", outputs[0]);
    for output in outputs.iter().filter(|output| output.status != 0) {
        output.code(1).calm().stderr_has("was changed meanwhile");
    }
}

/// Refreshes one after the other, as long as `meanwhile` takes.
fn while_refreshing(scene: &Scene, meanwhile: impl FnOnce()) {
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                // Of half a key it says what is wrong.
                let output = scene.env.run(&["refresh"]);
                output.calm().holds(matches!(output.status, 0..=2), "a refresh, or why not");
            }
        });
        meanwhile();
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn a_key_that_the_cli_sets_while_refreshes_run_is_taken_in_whole() {
    for flags in [&[][..], &["--temporary"]] {
        let mut scene = Scene::new();
        let (alice, bob) = (scene.alice.clone(), scene.bob.clone());
        scene.env.aws_credentials(&(ini("a", &alice) + "\n" + &ini("b", &bob) + "\n[plain]\nregion = eu-west-1\n"));
        scene.env.run(&[&["setup", "--yes", "--no-shells"], flags].concat()).ok();
        let [carol, dora] = ["carol", "dora"].map(|name| user(&scene, name));
        while_refreshing(&scene, || {
            set_key(&scene, "b", &carol);
            set_key(&scene, "plain", &dora);
        });
        scene.env.run(&["refresh"]).ok();
        let text = credentials(&scene);
        for key in [&alice, &bob, &carol, &dora] {
            assert!(!text.contains(&key.secret), "{text}");
        }
        assert_stored(&scene, &[&alice, &bob, &carol, &dora]);
        for (profile, name) in [("a", "alice"), ("b", "carol"), ("plain", "dora")] {
            let whom = scene.env.program(&venv("aws"), &["sts", "get-caller-identity", "--profile", profile]);
            let arn = format!("user/{name}\"");
            whom.set("AWS_DEFAULT_REGION", "eu-west-1").run().ok().stdout_has(&arn);
        }
        scene.env.run(&["unsetup", "--yes"]).ok();
        let text = credentials(&scene);
        for key in [&alice, &carol, &dora] {
            assert!(text.contains(&key.access_key_id) && text.contains(&key.secret), "{text}");
        }
        assert!(!text.contains("session_token") && !text.contains(&bob.secret), "{text}");
    }
}

#[test]
fn two_refreshes_that_take_in_the_same_keys_do_it_once() {
    for flags in [&[][..], &["--temporary"]] {
        let mut scene = Scene::new();
        let (alice, bob) = (scene.alice.clone(), scene.bob.clone());
        scene.env.aws_credentials(&(ini("a", &alice) + &ini("b", &bob)));
        scene.env.run(&[&["setup", "--yes", "--no-shells"], flags].concat()).ok();
        let [carol, dora] = ["carol", "dora"].map(|name| user(&scene, name));
        set_key(&scene, "a", &carol);
        set_key(&scene, "b", &dora);
        three_at_once(&scene, &["refresh"]);
        scene.env.run(&["refresh"]).ok();
        assert_stored(&scene, &[&alice, &bob, &carol, &dora]);
        let text = credentials(&scene);
        assert!([&alice, &bob, &carol, &dora].iter().all(|key| !text.contains(&key.secret)), "{text}");
        scene.env.run(&["unsetup", "--yes"]).ok();
        assert_eq!(credentials(&scene), ini("a", &carol) + &ini("b", &dora));
    }
}

#[test]
fn two_setups_at_once_set_each_profile_up_once() {
    for flags in [&[][..], &["--temporary"]] {
        let mut scene = Scene::new();
        let (alice, bob) = (scene.alice.clone(), scene.bob.clone());
        let own = ini("a", &alice) + &ini("b", &bob);
        scene.env.aws_credentials(&own);
        scene.env.write(".bashrc", "alias ll='ls -l'\n");
        three_at_once(&scene, &[&["setup", "--yes"], flags].concat());
        let text = credentials(&scene);
        let kept = if flags.is_empty() { "credential_process" } else { "multicred_identity" };
        assert_eq!(text.matches(kept).count(), 2, "{text}");
        let rc = std::fs::read_to_string(scene.env.path(".bashrc")).unwrap();
        assert_eq!(rc.matches("multicred init bash").count(), 1, "{rc}");
        assert_stored(&scene, &[&alice, &bob]);
        scene.env.run(&["setup", "--yes"]).ok().stderr_has("nothing to do");
        scene.env.run(&["unsetup", "--yes"]).ok();
        assert_eq!(credentials(&scene), own);
    }
}

#[test]
fn what_the_cli_sets_while_setup_is_at_work_is_in_the_file_in_the_end() {
    for flags in [&[][..], &["--temporary"]] {
        let mut scene = Scene::new();
        let (alice, bob) = (scene.alice.clone(), scene.bob.clone());
        scene.env.aws_credentials(&(ini("a", &alice) + "\n" + &ini("b", &bob)));
        let carol = user(&scene, "carol");
        let gate = scene.sts.gate("GetCallerIdentity");
        let setup = scene.env.spawn(&[&["setup", "--yes", "--no-shells"], flags].concat());
        assert!(gate.wait_held(1, PATIENCE));
        set_key(&scene, "b", &carol);
        drop(gate);
        let output = setup.end_within(PATIENCE);
        output.code(1).calm().stdout_has("profile a: ").stderr_has("b is left as it is");
        assert!(credentials(&scene).contains(&carol.secret), "{}", credentials(&scene));
        scene.env.run(&[&["setup", "--yes", "--no-shells"], flags].concat()).ok();
        assert!(!credentials(&scene).contains(&carol.secret));
        assert_stored(&scene, &[&alice, &bob, &carol]);
        scene.env.run(&["unsetup", "--yes"]).ok();
        let text = credentials(&scene);
        assert!(text.contains(&alice.secret) && text.contains(&carol.secret), "{text}");
    }
}
