//! A passphrase that is typed: on the terminal, and in a pinentry.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use crate::scene::keys::{BECOME_BOB, PASSPHRASE, QUESTION, kinds, slots};
use crate::scene::refusal::Refusal;
use crate::scene::seat::{Ended, Seat, eventually};
use crate::scene::{Scene, key_in_code, store};
use crate::support::agent::socket;

const WRONG: &str = "that opens nothing here";
const PINENTRY: &str = "[passphrase]\ndriver = \"pinentry\"\npinentry = \"pinentry-tty\"\n";

#[track_caller]
fn typed(scene: &Scene, keys: &[&str]) -> Ended {
    let mut seat = Seat::take(&scene.env, &BECOME_BOB);
    for (index, keys) in keys.iter().enumerate() {
        seat.wait_for_times(QUESTION, index + 1);
        seat.type_keys(keys);
    }
    seat.end()
}

#[test]
fn a_wrong_passphrase_is_asked_for_again_twice_and_then_it_is_over() {
    let scene = Scene::behind_passphrase(PASSPHRASE);
    let ended = typed(&scene, &["wrong\r", "\r", "correct horse battery stapl\r"]);
    assert_eq!((ended.status, ended.stdout.as_str()), (4, ""), "{ended:?}");
    assert_eq!(ended.screen.matches(WRONG).count(), 2, "{ended:?}");
    assert!(ended.screen.contains("no passphrase that was typed opens it"), "{ended:?}");
    assert!(!socket(&scene.env).exists(), "an agent for nothing");
    let ended = typed(&scene, &["wrong\r", "wrong again\r", &format!("{PASSPHRASE}\r")]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(key_in_code(&ended.stdout), Some(&*scene.bob.access_key_id));
}

#[test]
fn ctrl_c_and_ctrl_d_end_it_with_130_and_change_nothing() {
    for key in ["\u{3}", "\u{4}", "\u{1c}", "half of it\u{3}"] {
        let scene = Scene::behind_passphrase(PASSPHRASE);
        let before = store::content(&scene.env.store());
        let ended = typed(&scene, &[key]);
        assert_eq!((ended.status, ended.stdout.as_str()), (130, ""), "{ended:?}");
        assert_eq!(store::content(&scene.env.store()), before);
        assert!(!socket(&scene.env).exists(), "an agent for nothing");
    }
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let scene = Scene::behind_passphrase(PASSPHRASE);
    let says = ["the store is locked", "no terminal to ask on", "MULTICRED_PASSPHRASE_FILE"];
    scene.env.run(&BECOME_BOB).refused(4, &says);
    scene.env.run(&["unlock"]).refused(4, &says);
    scene.env.run_with_stdin(&["credential-process", "bob"], format!("{PASSPHRASE}\n")).refused(4, &says);
    let words = [&["--no-input"][..], &BECOME_BOB].concat();
    let ended = Seat::take(&scene.env, &words).end();
    assert!(ended.status == 4 && !ended.screen.contains(QUESTION), "{ended:?}");
}

#[test]
fn what_needs_no_key_asks_for_no_passphrase() {
    let scene = Scene::behind_passphrase(PASSPHRASE);
    for words in [&["list"][..], &["status"], &["key", "list"], &["why", "bob"], &["doctor"], &["label", "bob", "rob"]]
    {
        let ended = Seat::take(&scene.env, words).end();
        assert!(!ended.screen.contains(QUESTION), "{words:?}: {ended:?}");
    }
}

#[test]
fn the_question_and_the_stars_are_on_the_terminal_and_stdout_is_code_alone() {
    let scene = Scene::behind_passphrase("pässwörd");
    let mut seat = Seat::take(&scene.env, &BECOME_BOB);
    seat.wait_for(QUESTION);
    assert!(!seat.is_as_usual(), "the terminal would echo");
    seat.type_keys("pässwörd");
    seat.wait_for(&format!("{QUESTION}{}", "*".repeat(8)));
    seat.type_keys("\r");
    assert!(eventually(|| !seat.is_running()));
    assert!(eventually(|| seat.is_as_usual()), "the terminal is not as it was");
    let ended = seat.end();
    assert!(!ended.screen.contains("pässwörd") && !ended.screen.contains('ä'), "{ended:?}");
    assert_eq!(key_in_code(&ended.stdout), Some(&*scene.bob.access_key_id), "{ended:?}");
    assert!(!ended.stdout.contains("assphrase"), "{ended:?}");
    scene.env.program("bash", &["-n", "-c", &ended.stdout]).run().ok();
}

#[test]
fn characters_of_every_width_can_be_typed_and_taken_back_one_by_one() {
    for passphrase in ["ñandú", "пароль", "密码短语", "🔑🗝️", "a\u{301}e", "ÅΩ漢🎉"] {
        let scene = Scene::behind_passphrase(passphrase);
        let slip = format!("{passphrase}é漢🎉\u{7f}\u{7f}\u{7f}\r");
        let whole = format!("x\u{8}nonsense ü\u{15}{passphrase}\r");
        for keys in [slip, whole] {
            let ended = typed(&scene, &[&keys]);
            assert_eq!(ended.status, 0, "{passphrase}: {ended:?}");
            assert_eq!(key_in_code(&ended.stdout), Some(&*scene.bob.access_key_id));
            scene.env.run(&["lock"]).ok();
        }
    }
}

#[test]
fn a_thousand_characters_are_taken_whole_and_what_is_too_long_is_never_cut_short() {
    for long in ["x".repeat(1000), "é".repeat(1000), "🔑".repeat(1000)] {
        let scene = Scene::behind_passphrase(&long);
        let ended = typed(&scene, &[&format!("{long}\r")]);
        assert_eq!(ended.status, 0, "{}", ended.screen);
        scene.env.run(&["lock"]).ok();
        let short = long.strip_suffix(['x', 'é', '🔑']).unwrap();
        assert_eq!(typed(&scene, &[&format!("{short}\r"), "\u{3}"]).status, 130);
    }
    let mut scene = Scene::new();
    scene.env.unset("MULTICRED_KEY");
    let words = scene.import_of_bob();
    let mut seat = Seat::take(&scene.env, &words.each_ref().map(String::as_str));
    seat.wait_for("New passphrase");
    seat.type_line(&"x".repeat(5000));
    let ended = seat.end();
    assert!(ended.status == 1 && ended.screen.contains("longer than 4096 bytes"), "{}", ended.screen);
    assert!(!scene.env.store().exists());
}

#[test]
fn what_is_no_text_is_told_and_not_taken() {
    let scene = Scene::behind_passphrase(PASSPHRASE);
    let mut seat = Seat::take(&scene.env, &BECOME_BOB);
    seat.wait_for(QUESTION);
    seat.type_bytes(b"p\xe4sswort\r");
    let ended = seat.end();
    assert!(ended.status == 1 && ended.screen.contains("not UTF-8"), "{ended:?}");
    assert!(ended.screen.contains("MULTICRED_PASSPHRASE_FILE"), "{ended:?}");
}

#[test]
fn a_recovery_code_can_be_typed_in_the_place_of_the_passphrase() {
    let scene = Scene::behind_passphrase(PASSPHRASE);
    let mut seat = Seat::take(&scene.env, &["key", "add", "recovery"]);
    seat.wait_for(QUESTION);
    seat.type_line(PASSPHRASE);
    let ended = seat.end();
    let code = ended.stdout.trim().to_owned();
    assert_eq!((ended.status, code.len()), (0, 35), "{ended:?}");
    scene.env.run(&["lock"]).ok();
    let ended = scene.opens_with(&[&code]);
    assert!(ended.screen.contains("Passphrase of the multicred store, or its recovery code: "), "{ended:?}");
}

#[test]
fn a_new_passphrase_is_asked_for_only_by_somebody_who_can_open_the_store() {
    let scene = Scene::behind_passphrase(PASSPHRASE);
    let mut seat = Seat::take(&scene.env, &["key", "add", "passphrase"]);
    seat.wait_for(QUESTION);
    assert!(!seat.screen().contains("New passphrase"));
    seat.type_line(PASSPHRASE);
    seat.wait_for("New passphrase");
    seat.type_line("another one");
    seat.wait_for("once more");
    seat.type_line("another one");
    let ended = seat.end();
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(!ended.screen.contains("another one"), "{ended:?}");
    let first = slots(&scene)[0]["slot"].to_string();
    let mut seat = Seat::take(&scene.env, &["key", "remove", &first]);
    seat.wait_for(QUESTION);
    // That of the slot that is to go does not count.
    seat.type_line(PASSPHRASE);
    seat.wait_for(WRONG);
    seat.type_line("another one");
    assert_eq!(seat.end().status, 0);
    assert_eq!(kinds(&scene), ["passphrase"]);
    scene.env.run(&["lock"]).ok();
    let ended = typed(&scene, &[&format!("{PASSPHRASE}\r"), "another one\r"]);
    assert_eq!(ended.status, 0, "{ended:?}");
}

fn with_pinentry(passphrase: &str) -> Scene {
    let mut scene = Scene::behind_passphrase(passphrase);
    scene.env.write("config/multicred/config.toml", PINENTRY);
    scene
}

#[test]
fn a_pinentry_asks_on_the_terminal_and_again_after_a_wrong_answer() {
    let scene = with_pinentry(PASSPHRASE);
    let mut seat = Seat::take(&scene.env, &BECOME_BOB);
    seat.wait_for("Passphrase of the multicred store");
    seat.wait_for("Passphrase:");
    seat.type_line("wrong");
    seat.wait_for(WRONG);
    seat.wait_for_times("Passphrase:", 2);
    seat.type_line(PASSPHRASE);
    let ended = seat.end();
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(key_in_code(&ended.stdout), Some(&*scene.bob.access_key_id), "{ended:?}");
    assert!(!ended.screen.contains(PASSPHRASE) && !ended.screen.contains("wrong\r"), "{ended:?}");
    scene.opens();
}

#[test]
fn ctrl_c_at_a_pinentry_is_the_persons_no_and_the_terminal_is_as_before() {
    let scene = with_pinentry(PASSPHRASE);
    let mut seat = Seat::take(&scene.env, &BECOME_BOB);
    seat.wait_for("Passphrase:");
    seat.type_line("\u{3}");
    assert!(eventually(|| !seat.is_running()), "it goes on: {}", seat.screen());
    assert!(eventually(|| seat.is_as_usual()), "the terminal is not as it was");
    let ended = seat.end();
    assert_eq!((ended.status, ended.stdout.as_str()), (130, ""), "{ended:?}");
}

#[test]
fn a_long_passphrase_and_one_with_per_cent_signs_come_whole_from_a_pinentry() {
    for passphrase in ["100 % sure: %41 %0A", "пароль 密码 🔑", &"é".repeat(1000), &"x%".repeat(500), " "] {
        let scene = with_pinentry(passphrase);
        let mut seat = Seat::take(&scene.env, &BECOME_BOB);
        seat.wait_for("Passphrase:");
        seat.type_line(passphrase);
        let ended = seat.end();
        assert_eq!(ended.status, 0, "{}", ended.screen);
        assert!(passphrase.trim().is_empty() || !ended.screen.contains(passphrase), "{}", ended.screen);
    }
}

#[test]
fn a_new_passphrase_is_asked_for_twice_by_a_pinentry() {
    let mut scene = Scene::new();
    scene.env.unset("MULTICRED_KEY").write("config/multicred/config.toml", PINENTRY);
    let words = scene.import_of_bob();
    let mut seat = Seat::take(&scene.env, &words.each_ref().map(String::as_str));
    seat.wait_for("New passphrase for the multicred store");
    seat.wait_for("Passphrase:");
    seat.type_line("one");
    seat.wait_for("The same passphrase once more");
    seat.wait_for_times("Passphrase:", 2);
    seat.type_line("one");
    let ended = seat.end();
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(kinds(&scene), ["passphrase"]);
    scene.opens();
}

#[test]
fn a_pinentry_that_is_not_there_or_broken_is_named_with_what_to_do() {
    let mut scene = Scene::behind_passphrase(PASSPHRASE);
    let setting = |program: &str| format!("[passphrase]\ndriver = \"pinentry\"\npinentry = \"{program}\"\n");
    scene.env.write("config/multicred/config.toml", setting("pinentry-of-nobody"));
    let says = ["passphrase.pinentry", "pinentry-of-nobody", "config.toml:3", "PATH", "passphrase.driver"];
    let refused = scene.env.run(&BECOME_BOB);
    refused.refused(4, &says).holds(!refused.stderr.contains("mfa"), "nothing of MFA");
    scene.env.write("broken", "#!/bin/sh\necho nonsense\n");
    std::fs::set_permissions(scene.env.path("broken"), Permissions::from_mode(0o700)).unwrap();
    let broken = scene.env.path("broken").display().to_string();
    scene.env.write("config/multicred/config.toml", setting(&broken));
    let refused = scene.env.run(&BECOME_BOB);
    refused.refused(1, &["nobody could be asked for the passphrase", "passphrase.driver"]);
    refused.holds(!refused.stderr.contains("mfa"), "nothing of MFA");
}
