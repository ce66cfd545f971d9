//! A recovery code is shown exactly where its slot is stored: a slot whose code nobody saw is taken back.

use crate::scene::refusal::Refusal;
use crate::scene::slots::{Copied, Secrets, with_passphrase, without_key_file};
use crate::scene::store::{beside, content};
use crate::scene::{Scene, ini};

/// `key add` with its stdout where the shell's redirection says.
fn add_with_stdout(scene: &Scene, words: &str, to: &str) -> crate::support::env::Output {
    let script = format!("exec multicred key add {words} {to}");
    scene.env.program("sh", &["-c", &script]).run()
}

#[test]
fn a_code_that_is_shown_opens_the_store_by_itself() {
    let scene = Scene::with_bob();
    let shown = scene.env.run(&["key", "add", "recovery"]);
    let code = shown.ok().calm().stdout.trim().to_owned();
    assert_eq!(shown.stdout, format!("{code}\n"), "nothing else");
    let json = scene.env.run(&["key", "add", "recovery", "--json"]).ok().json();
    assert_eq!(json["slot"], 3);
    let kept = content(&scene.env.store());
    assert!(!kept.contains(&code) && !kept.contains(json["code"].as_str().unwrap()));
    without_key_file(&scene, || {
        for code in [&code, json["code"].as_str().unwrap(), &code.to_lowercase().replace('-', " ")] {
            let switch = scene.env.command(&["as", "--shell", "bash", "bob"]);
            with_passphrase(&scene, switch, code).run().ok().calm();
        }
    });
}

#[test]
fn a_code_that_cannot_be_written_is_told_and_its_slot_is_taken_back() {
    let scene = Scene::with_bob();
    let before = content(&scene.env.store());
    for words in ["recovery", "recovery --json"] {
        let full = add_with_stdout(&scene, words, ">/dev/full");
        full.refused(1, &["could not be shown", "removed again"]);
        assert_eq!(content(&scene.env.store()), before);
        // A reader that leaves at once.
        let script = format!("{{ sleep 0.3; multicred key add {words}; echo \"status $?\" >&2; }} | :");
        let left = scene.env.program("sh", &["-c", &script]).run();
        left.stderr_has("could not be shown").stderr_has("removed again").stderr_has("status 1");
        assert_eq!(content(&scene.env.store()), before);
    }
    scene.become_in_bash("bob").ok();
}

#[test]
fn nothing_is_begun_where_stdout_goes_nowhere() {
    let scene = Scene::with_bob();
    let before = content(&scene.env.store());
    for to in [">&-", ">/dev/null"] {
        for words in ["recovery", "recovery --json"] {
            add_with_stdout(&scene, words, to).refused(2, &["stdout goes nowhere", "nothing was changed"]);
        }
        assert_eq!(content(&scene.env.store()), before);
    }
    add_with_stdout(&scene, "file more.key", ">/dev/null").ok();
    assert_eq!(Copied::of(&scene.env.store()).slots().len(), 2);
}

#[test]
fn the_same_secret_under_another_name_is_no_second_way_in() {
    let scene = Scene::with_bob();
    let file = beside(&scene.env.store(), ".key");
    let link = scene.env.path("link.key");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    for path in [&file, &link] {
        scene
            .env
            .run(&["key", "add", "file", crate::scene::slots::text(path)])
            .refused(1, &["has that very slot already"]);
    }
    assert_eq!(Copied::of(&scene.env.store()).slots().len(), 1);
    let at_once = [(); 6].map(|()| scene.env.spawn(&["key", "add", "file", "new.key"]));
    let done = at_once.map(|process| process.end().status);
    assert_eq!(done.iter().filter(|status| **status == 0).count(), 1, "{done:?}");
    assert_eq!(Copied::of(&scene.env.store()).slots().len(), 2);
}

#[test]
fn a_removed_slot_opens_nothing_and_the_others_do() {
    let mut scene = Scene::with_bob();
    let secrets = Secrets::add_to(&mut scene);
    let bob = scene.bob.access_key_id.clone();
    scene.env.run(&["key", "remove", "3"]).ok().calm();
    without_key_file(&scene, || {
        let switch =
            |text: &str| with_passphrase(&scene, scene.env.command(&["as", "--shell", "bash", &bob]), text).run();
        switch(&secrets.code).refused(4, &["locked"]);
        switch(crate::scene::slots::PASSPHRASE).ok();
    });
    scene.env.run(&["key", "remove", "3"]).refused(1, &["no key slot 3"]);
    scene.env.run(&["key", "remove", "1"]).refused(4, &["no other one was seen to open the store", "--force"]);
    let remove = with_passphrase(&scene, scene.env.command(&["key", "remove", "1"]), crate::scene::slots::PASSPHRASE);
    remove.run().ok().calm();
    secrets.open(&scene.env.store());
    scene.env.run_with_stdin(&["import", "-"], ini("a", &scene.alice)).refused(4, &["locked"]);
}
