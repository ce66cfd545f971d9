//! The first key slot of a store: which kind it is, and what is asked for it.

use crate::scene::keys::{BECOME_BOB, PASSPHRASE, QUESTION, kinds, slots};
use crate::scene::refusal::Refusal;
use crate::scene::seat::{Ended, Seat, eventually};
use crate::scene::{Scene, ini};
use crate::support::agent::{Running, socket};
use crate::support::desktop::Desktop;
use crate::support::env::Output;
use crate::support::openssh::OpenSsh;

const NEW: &str = "New passphrase for the multicred store: ";
const AGAIN: &str = "The same passphrase once more: ";

/// An empty home where nothing says what the first key is to be.
fn unsaid() -> Scene {
    let mut scene = Scene::new();
    scene.env.unset("MULTICRED_KEY");
    scene
}

fn import(scene: &Scene) -> Output {
    scene.env.run_with_stdin(&["import", "-", "--label", "bob"], ini("default", &scene.bob))
}

/// A person imports bob's key on a terminal, and types these lines, each once its question is there.
#[track_caller]
fn imports_on_a_terminal(scene: &mut Scene, typed: &[(&str, &str)]) -> Ended {
    let words = scene.import_of_bob();
    let mut seat = Seat::take(&scene.env, &words.each_ref().map(String::as_str));
    let mut times = std::collections::BTreeMap::new();
    for (question, line) in typed {
        let count = times.entry(*question).or_insert(0);
        *count += 1;
        seat.wait_for_times(question, *count);
        seat.type_keys(line);
    }
    seat.end()
}

#[track_caller]
fn there_is_none(scene: &Scene) {
    assert!(!scene.env.store().exists() && !scene.key_file().exists());
    assert!(!socket(&scene.env).exists(), "an agent for nothing");
}

#[test]
fn a_file_where_the_variable_says_so_with_a_warning() {
    let scene = Scene::new();
    import(&scene).ok().stderr_has("can read your secrets");
    assert_eq!(kinds(&scene), ["file"]);
    scene.opens();
}

#[test]
fn a_passphrase_of_a_file_where_the_variable_says_so() {
    let mut scene = Scene::new();
    scene.env.write("passphrase", format!("{PASSPHRASE}\n"));
    let file = scene.env.path("passphrase").display().to_string();
    scene.env.set("MULTICRED_KEY", "passphrase").set("MULTICRED_PASSPHRASE_FILE", file);
    import(&scene).ok();
    assert_eq!(kinds(&scene), ["passphrase"]);
    scene.opens();
    assert!(!socket(&scene.env).exists(), "a passphrase of a file starts no agent");
    assert!(!scene.key_file().exists());
    scene.env.unset("MULTICRED_PASSPHRASE_FILE");
    scene.opens_with(&[PASSPHRASE]);
}

#[test]
fn a_keyring_where_the_variable_says_so_or_nothing_does_and_one_answers() {
    for said in [Some("keyring"), None] {
        let mut scene = unsaid();
        let mut desktop = Desktop::of(&mut scene.env);
        if let Some(said) = said {
            scene.env.set("MULTICRED_KEY", said);
        }
        import(&scene).ok();
        assert_eq!(kinds(&scene), ["keyring"]);
        scene.opens();
        assert!(!scene.key_file().exists());
        desktop.stop_keyring();
        scene.env.run(&BECOME_BOB).refused(4, &["the store is locked", "key slot 1 (keyring)"]);
        desktop.start_keyring(true);
        scene.opens();
    }
}

#[test]
fn an_ssh_key_where_the_variable_says_so() {
    let mut scene = Scene::new();
    let _agent = OpenSsh::of(&mut scene.env);
    scene.env.set("MULTICRED_KEY", "ssh-agent");
    import(&scene).ok().stderr_has("keep that key");
    assert_eq!(kinds(&scene), ["ssh-agent"]);
    scene.opens();
}

#[test]
fn a_command_where_the_variables_say_so() {
    let mut scene = Scene::new();
    scene.env.set("MULTICRED_KEY", "command").set("MULTICRED_KEY_COMMAND", "echo 'it is' my secret");
    import(&scene).ok();
    assert_eq!(slots(&scene)[0]["command"], "echo 'it is' my secret");
    // It is remembered: the variable is for the first time.
    scene.env.unset("MULTICRED_KEY").unset("MULTICRED_KEY_COMMAND");
    scene.opens();
}

#[test]
fn what_was_asked_for_and_cannot_be_had_makes_no_store_of_another_kind() {
    for (kind, code, says) in [
        ("keyring", 1, "no session bus"),
        ("ssh-agent", 1, "SSH_AUTH_SOCK"),
        ("passphrase", 4, "no terminal"),
        ("command", 2, "MULTICRED_KEY_COMMAND"),
        ("recovery", 2, "cannot be the first"),
        ("keyutils", 2, "next boot"),
        ("KEYRING", 2, "no such kind"),
        (" file", 2, "no such kind"),
        ("keyring,file", 2, "no such kind"),
    ] {
        let mut scene = Scene::new();
        scene.env.set("MULTICRED_KEY", kind);
        import(&scene).refused(code, &[says]);
        there_is_none(&scene);
    }
}

#[test]
fn without_a_terminal_and_a_keyring_it_is_a_file_with_a_warning() {
    for words in [&["import", "-"][..], &["--no-input", "import", "-"]] {
        let scene = unsaid();
        let output = scene.env.run_with_stdin(words, ini("default", &scene.bob));
        output.ok().stderr_has("can read your secrets").stderr_has("multicred.db.key");
        assert_eq!(kinds(&scene), ["file"]);
    }
    let mut scene = unsaid();
    let words = scene.import_of_bob();
    let words: Vec<&str> = ["--no-input"].into_iter().chain(words.iter().map(String::as_str)).collect();
    let ended = Seat::take(&scene.env, &words).end();
    assert!(ended.status == 0 && !ended.screen.contains("assphrase"), "{ended:?}");
    assert_eq!(kinds(&scene), ["file"]);
}

#[test]
fn a_locked_keyring_is_no_keyring_to_begin_with() {
    let mut scene = unsaid();
    let mut desktop = Desktop::of(&mut scene.env);
    desktop.start_keyring(false);
    let ended = imports_on_a_terminal(&mut scene, &[(NEW, "one\r"), (AGAIN, "one\r")]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(kinds(&scene), ["passphrase"]);
}

#[test]
fn on_a_terminal_a_passphrase_is_typed_twice_and_nobody_asks_again() {
    let mut scene = unsaid();
    let ended = imports_on_a_terminal(&mut scene, &[(NEW, "one passphrase\r"), (AGAIN, "one passphrase\r")]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!([NEW, AGAIN, QUESTION].map(|text| ended.screen.matches(text).count()), [1, 1, 0], "{ended:?}");
    assert!(!ended.screen.contains("one passphrase"), "it is shown: {ended:?}");
    assert_eq!(kinds(&scene), ["passphrase"]);
    // The agent has the key: the next command asks nobody.
    let agent = Running::found(&scene.env);
    scene.opens();
    drop(agent);
    scene.opens_with(&["one passphrase"]);
}

#[test]
fn two_that_are_not_the_same_are_asked_for_again_and_an_empty_one_is_refused() {
    let mut scene = unsaid();
    let ended = imports_on_a_terminal(
        &mut scene,
        &[
            (NEW, "one\r"),
            (AGAIN, "other\r"),
            (NEW, "\r"),
            (NEW, "third\r"),
            (AGAIN, "\r"),
            (NEW, "it\r"),
            (AGAIN, "it\r"),
        ],
    );
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(ended.screen.matches("not the same").count(), 2, "{ended:?}");
    assert_eq!(ended.screen.matches("empty passphrase").count(), 1, "{ended:?}");
    scene.env.run(&["lock"]).ok();
    scene.opens_with(&["it"]);
}

#[test]
fn ctrl_c_at_either_question_leaves_no_store() {
    for typed in [&[(NEW, "\u{3}")][..], &[(NEW, "one\r"), (AGAIN, "\u{3}")], &[(NEW, "abc\u{4}")]] {
        let mut scene = unsaid();
        let ended = imports_on_a_terminal(&mut scene, typed);
        assert_eq!((ended.status, ended.stdout.as_str()), (130, ""), "{ended:?}");
        there_is_none(&scene);
        scene.env.set("MULTICRED_KEY", "file");
        import(&scene).ok();
    }
}

#[test]
fn naming_an_account_first_asks_for_the_passphrase_as_well() {
    let scene = unsaid();
    let mut seat = Seat::take(&scene.env, &["account", "111122223333", "--alias", "dev"]);
    seat.wait_for(NEW);
    seat.type_line("one");
    seat.wait_for(AGAIN);
    seat.type_line("one");
    assert_eq!(seat.end().status, 0);
    assert_eq!(kinds(&scene), ["passphrase"]);
    import(&scene).ok();
    scene.opens();
    scene.env.run(&["lock"]).ok();
    scene.opens_with(&["one"]);
}

#[test]
fn a_passphrase_file_alone_makes_a_passphrase_the_first_key() {
    let mut scene = unsaid();
    scene.env.write("passphrase", PASSPHRASE);
    scene.env.set("MULTICRED_PASSPHRASE_FILE", scene.env.path("passphrase").display().to_string());
    import(&scene).ok();
    assert_eq!(kinds(&scene), ["passphrase"]);
    scene.opens();
}

#[test]
fn a_passphrase_file_that_is_missing_empty_or_too_long_is_named_and_makes_nothing() {
    for (content, says) in [
        (None, "No such file"),
        (Some(Vec::new()), "is empty"),
        (Some(b"\n".to_vec()), "is empty"),
        (Some(b"\nsecond line\n".to_vec()), "is empty"),
        (Some(vec![b'x'; 5000]), "too long"),
        (Some(b"\xff\xfe".to_vec()), "UTF-8"),
    ] {
        let mut scene = unsaid();
        if let Some(content) = content {
            scene.env.write("passphrase", content);
        }
        let file = scene.env.path("passphrase").display().to_string();
        scene.env.set("MULTICRED_PASSPHRASE_FILE", file.as_str());
        import(&scene).refused(1, &["MULTICRED_PASSPHRASE_FILE", &file, says]);
        there_is_none(&scene);
    }
}

#[test]
fn a_passphrase_file_that_does_not_serve_any_more_is_named_and_opens_nothing() {
    let mut scene = Scene::behind_passphrase(PASSPHRASE);
    for (content, says) in [
        (None, "No such file"),
        (Some(Vec::new()), "is empty"),
        (Some(vec![b'x'; 5000]), "too long"),
        (Some(b"correct horse battery stapl\n".to_vec()), "another passphrase"),
        (Some(b" correct horse battery staple\n".to_vec()), "another passphrase"),
        (Some(b"correct horse battery staple \n".to_vec()), "another passphrase"),
    ] {
        if let Some(content) = content {
            scene.env.write("passphrase", content);
        }
        let file = scene.env.path("passphrase").display().to_string();
        scene.env.set("MULTICRED_PASSPHRASE_FILE", file);
        let refused = scene.env.run(&BECOME_BOB);
        refused.refused(4, &["the store is locked", "key slot 1 (passphrase)", "MULTICRED_PASSPHRASE_FILE", says]);
        scene.env.run(&["doctor"]).code(1).stdout_has("correct what MULTICRED_PASSPHRASE_FILE names");
    }
    // On a terminal it is said, and asked for.
    let mut seat = Seat::take(&scene.env, &BECOME_BOB);
    seat.wait_for("another passphrase");
    seat.wait_for(QUESTION);
    seat.type_line(PASSPHRASE);
    assert_eq!(seat.end().status, 0);
}

#[test]
fn two_first_uses_at_once_on_two_terminals_make_one_store_and_ask_once() {
    let mut scene = unsaid();
    let words = scene.import_of_bob();
    let words = words.each_ref().map(String::as_str);
    let mut crowd = Seat::crowd(&scene.env, 2, &words);
    let asks = |seat: &Seat| seat.screen().contains(NEW);
    let waits = |seat: &Seat| seat.screen().contains("waiting for process");
    assert!(eventually(|| crowd.iter().any(asks) && crowd.iter().any(waits)), "one asks, one waits");
    let asked = crowd.iter().position(asks).unwrap();
    crowd[asked].type_line("one");
    crowd[asked].wait_for(AGAIN);
    crowd[asked].type_line("one");
    let ended: Vec<Ended> = crowd.into_iter().map(Seat::end).collect();
    assert!(ended.iter().all(|ended| ended.status == 0), "{ended:#?}");
    let screens: String = ended.iter().map(|ended| ended.screen.as_str()).collect();
    assert_eq!([NEW, AGAIN, QUESTION].map(|text| screens.matches(text).count()), [1, 1, 0], "{screens}");
    assert_eq!(kinds(&scene), ["passphrase"]);
    scene.opens();
}
