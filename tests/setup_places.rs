//! `setup`, `refresh` and `unsetup` where the files are not where they were, or not where they are for most.

use std::fs;
use std::os::unix::fs::symlink;

use crate::moto::server::venv;
use crate::scene::refusal::Refusal;
use crate::scene::{Scene, ini};
use crate::setup::credentials;

fn set_up(flags: &[&str]) -> (Scene, String) {
    let mut scene = Scene::new();
    let own = format!("# mine\n{}", ini("d", &scene.bob));
    scene.env.aws_credentials(&own);
    scene.env.run(&[&["setup", "--yes", "--no-shells"], flags].concat()).ok();
    (scene, own)
}

#[test]
fn a_file_that_is_away_is_not_made_anew_and_comes_back_as_it_was() {
    for flags in [&[][..], &["--temporary"]] {
        let (scene, own) = set_up(flags);
        let [here, away] = [".aws/credentials", "away"].map(|file| scene.env.path(file));
        let kept = credentials(&scene);
        fs::rename(&here, &away).unwrap();
        scene.env.run(&["refresh"]).calm();
        scene.env.run(&["setup", "--yes", "--no-shells"]).ok().stderr_has("nothing to do");
        scene.env.run(&["unsetup", "--yes"]).ok().stderr_has("nothing to undo");
        assert!(!here.exists(), "{}", credentials(&scene));
        fs::rename(&away, &here).unwrap();
        assert_eq!(credentials(&scene), kept);
        scene.env.run(&["refresh"]).ok();
        scene.env.run(&["unsetup", "--yes"]).ok();
        assert_eq!(credentials(&scene), own);
    }
}

#[test]
fn a_file_that_has_moved_behind_a_link_is_given_its_key_back() {
    for flags in [&[][..], &["--temporary"]] {
        let (scene, own) = set_up(flags);
        let [here, there] = [".aws/credentials", "dotfiles/credentials"].map(|file| scene.env.path(file));
        fs::create_dir(scene.env.path("dotfiles")).unwrap();
        fs::rename(&here, &there).unwrap();
        symlink(&there, &here).unwrap();
        scene.env.run(&["refresh"]).ok();
        scene.env.run(&["unsetup", "--yes"]).ok().stdout_has("it has its key again");
        assert!(here.is_symlink());
        assert_eq!(fs::read_to_string(there).unwrap(), own);
    }
}

#[test]
fn a_file_that_has_moved_to_where_a_variable_says_is_given_its_key_back() {
    for flags in [&[][..], &["--temporary"]] {
        let (mut scene, own) = set_up(flags);
        fs::rename(scene.env.path(".aws/credentials"), scene.env.path("keys")).unwrap();
        let there = scene.env.path("keys").to_str().unwrap().to_owned();
        scene.env.set("AWS_SHARED_CREDENTIALS_FILE", &there);
        scene.env.run(&["unsetup", "--dry-run"]).ok();
        scene.env.run(&["unsetup", "--yes"]).ok().stdout_has("it has its key again");
        assert_eq!(fs::read_to_string(&there).unwrap(), own);
        scene.env.run(&["unsetup", "--yes"]).ok().stderr_has("nothing to undo");
    }
}

#[test]
fn a_file_of_ones_own_is_not_taken_for_one_that_is_away() {
    for flags in [&[][..], &["--temporary"]] {
        let (mut scene, own) = set_up(flags);
        let [here, away] = [".aws/credentials", "away"].map(|file| scene.env.path(file));
        fs::rename(&here, &away).unwrap();
        let mine = ini("d", &scene.alice);
        scene.env.write("mine", &mine);
        let there = scene.env.path("mine").to_str().unwrap().to_owned();
        for words in [&["refresh"][..], &["unsetup", "--yes"]] {
            scene.env.command(words).set("AWS_SHARED_CREDENTIALS_FILE", &there).run().calm();
            assert_eq!(fs::read_to_string(&there).unwrap(), mine, "{words:?}");
        }
        fs::rename(&away, &here).unwrap();
        scene.env.run(&["unsetup", "--yes"]).ok();
        assert_eq!(credentials(&scene), own);
    }
}

#[test]
fn another_file_has_a_way_back_of_its_own() {
    for flags in [&[][..], &["--temporary"]] {
        let (mut scene, own) = set_up(flags);
        let other = ini("d", &scene.alice) + &ini("e", &scene.bob);
        scene.env.write("other/keys", &other);
        let there = scene.env.path("other/keys").to_str().unwrap().to_owned();
        let kept = credentials(&scene);
        let elsewhere = |words: &[&str]| scene.env.command(words).set("AWS_SHARED_CREDENTIALS_FILE", &there).run();
        elsewhere(&[&["setup", "--yes", "--no-shells"], flags].concat()).ok().stdout_has("profile e: ");
        let text = fs::read_to_string(&there).unwrap();
        assert!(!text.contains(&scene.alice.secret) && !text.contains(&scene.bob.secret), "{text}");
        assert_eq!(credentials(&scene), kept);
        let whom = scene.env.program(&venv("aws"), &["sts", "get-caller-identity", "--profile", "d"]);
        let whom = whom.set("AWS_DEFAULT_REGION", "eu-west-1").set("AWS_SHARED_CREDENTIALS_FILE", &there);
        whom.run().ok().stdout_has("user/alice");
        scene.env.run(&["unsetup", "--yes"]).ok();
        assert_eq!((credentials(&scene), fs::read_to_string(&there).unwrap()), (own, text));
        elsewhere(&["refresh"]).ok();
        elsewhere(&["unsetup", "--yes"]).ok();
        assert_eq!(fs::read_to_string(&there).unwrap(), other);
    }
}

#[test]
fn programs_that_know_nothing_of_another_store_go_on_with_it() {
    for flags in [&[][..], &["--temporary"]] {
        let mut scene = Scene::new();
        let own = ini("d", &scene.bob);
        scene.env.aws_credentials(&own);
        let store = scene.env.path("my store/it's.db").to_str().unwrap().to_owned();
        fs::create_dir(scene.env.path("my store")).unwrap();
        let with = |words: &[&str]| scene.env.command(words).set("MULTICRED_STORE", &store).run();
        with(&[&["setup", "--yes", "--no-shells"], flags].concat()).ok();
        let whom = scene.env.program(&venv("aws"), &["sts", "get-caller-identity", "--profile", "d"]);
        whom.set("AWS_DEFAULT_REGION", "eu-west-1").run().ok().stdout_has("user/bob");
        let kept = credentials(&scene);
        scene.env.run(&["unsetup", "--yes"]).code(1).stdout_has("kept by the store");
        assert_eq!(credentials(&scene), kept);
        assert!(!scene.env.store().exists());
        with(&["refresh"]).ok();
        with(&["unsetup", "--yes"]).ok();
        assert_eq!(credentials(&scene), own);
    }
}
