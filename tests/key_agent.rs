//! The agent that a typed passphrase starts: one prompt a day, and what is done where the agent is gone or does not answer.

use std::os::unix::net::UnixListener;

use rustix::process::Signal;

use multicred::agent::protocol::VERSION;

use crate::scene::keys::{BECOME_BOB, PASSPHRASE, QUESTION, Way};
use crate::scene::refusal::Refusal;
use crate::scene::seat::{Ended, Seat, eventually};
use crate::scene::{PATIENCE, Scene, key_in_code};
use crate::support::agent::{Running, agent_of_tomorrow, socket};

const CROWD: usize = 20;

fn locked() -> Scene {
    Scene::behind_passphrase(PASSPHRASE)
}

#[track_caller]
fn becomes_bob(scene: &Scene, ended: &Ended) {
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(key_in_code(&ended.stdout), Some(&*scene.bob.access_key_id), "{ended:?}");
}

#[test]
fn the_first_typed_passphrase_starts_an_agent_and_the_next_commands_ask_nobody() {
    let scene = locked();
    let ended = scene.opens_with(&[PASSPHRASE]);
    assert_eq!(ended.screen.matches(QUESTION).count(), 1, "{ended:?}");
    let agent = Running::found(&scene.env);
    scene.opens();
    let ended = Seat::take(&scene.env, &BECOME_BOB).end();
    becomes_bob(&scene, &ended);
    assert_eq!(ended.screen, "");
    scene.env.run_with_stdin(&["import", "-", "--label", "alice"], crate::scene::ini("default", &scene.alice)).ok();
    let status = scene.env.run(&["agent", "status", "--json"]).ok().json();
    assert_eq!(status["stores"].as_array().unwrap().len(), 1);
    assert_eq!(status["pid"].as_u64(), Some(u64::from(agent.pid())));
}

#[test]
fn where_the_setting_says_off_there_is_no_agent_and_each_command_asks() {
    let mut scene = locked();
    scene.env.write("config/multicred/config.toml", "[agent]\nstart = \"off\"\n");
    for _ in 0..2 {
        scene.opens_with(&[PASSPHRASE]);
        assert!(!socket(&scene.env).exists());
    }
    // One that the person has started serves nevertheless.
    let _agent = Running::start(&scene.env);
    scene.opens_with(&[PASSPHRASE]);
    scene.opens();
}

#[test]
fn a_passphrase_of_a_file_starts_no_agent() {
    let mut scene = locked();
    scene.env.write("passphrase", PASSPHRASE);
    scene.env.set("MULTICRED_PASSPHRASE_FILE", scene.env.path("passphrase").display().to_string());
    scene.opens();
    let ended = Seat::take(&scene.env, &BECOME_BOB).end();
    becomes_bob(&scene, &ended);
    assert!(!socket(&scene.env).exists());
}

#[test]
fn what_is_locked_asks_again_and_what_is_unlocked_does_not() {
    let scene = locked();
    scene.opens_with(&[PASSPHRASE]);
    scene.env.run(&["lock"]).ok().stderr_has("dropped its key");
    scene.env.run(&BECOME_BOB).refused(4, &["the store is locked"]);
    scene.opens_with(&[PASSPHRASE]);
    scene.env.run(&["lock"]).ok();
    let mut seat = Seat::take(&scene.env, &["unlock", "--json"]);
    seat.wait_for(QUESTION);
    seat.type_line(PASSPHRASE);
    let ended = seat.end();
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(json, serde_json::json!({ "unlocked": true, "slot": 1, "kind": "passphrase" }));
    scene.opens();
    scene.env.run(&["unlock"]).ok().stderr_has("already");
    assert_eq!(scene.env.run(&["unlock", "--json"]).ok().json()["slot"], serde_json::Value::Null);
}

#[test]
fn an_unlock_starts_an_agent_whatever_opens_the_store_and_whatever_the_setting() {
    let mut scene = Scene::with_bob();
    scene.env.write("config/multicred/config.toml", "[agent]\nstart = \"off\"\n");
    scene.env.run(&["unlock"]).ok().stderr_has("key slot 1 (file)");
    let _agent = Running::found(&scene.env);
    std::fs::remove_file(scene.key_file()).unwrap();
    scene.opens();
    scene.env.run(&["lock"]).ok();
    scene.env.run(&BECOME_BOB).refused(4, &["the store is locked"]);
    Scene::new().env.run(&["unlock"]).refused(1, &["no store yet"]);
}

#[test]
fn after_an_agent_that_was_killed_the_passphrase_is_asked_for_and_another_agent_starts() {
    let scene = locked();
    scene.opens_with(&[PASSPHRASE]);
    for signal in [Signal::KILL, Signal::TERM] {
        let agent = Running::found(&scene.env);
        agent.signal(signal);
        agent.ends_within(PATIENCE);
        scene.env.run(&BECOME_BOB).refused(4, &["the store is locked"]);
        scene.opens_with(&[PASSPHRASE]);
        scene.opens();
    }
}

/// The agent goes while AWS is asked: what came is sealed with the key that is typed anew, and not lost.
#[test]
fn an_agent_that_dies_within_a_command_is_done_without() {
    let scene = locked();
    scene.env.run(&["account", crate::scene::DEV, "--alias", "dev"]).ok();
    scene.env.run(&["link", "dev/Reader", "--parent", "bob"]).ok();
    scene.opens_with(&[PASSPHRASE]);
    let agent = Running::found(&scene.env);
    let gate = scene.sts.gate("AssumeRole");
    let mut seat = Seat::take(&scene.env, &["as", "--shell", "bash", "dev/Reader"]);
    assert!(gate.wait_held(1, PATIENCE), "no call arrived: {}", seat.screen());
    agent.signal(Signal::KILL);
    agent.ends_within(PATIENCE);
    gate.open();
    seat.wait_for(QUESTION);
    seat.type_line(PASSPHRASE);
    let ended = seat.end();
    assert_eq!(ended.status, 0, "{ended:?}");
    let first = key_in_code(&ended.stdout).unwrap().to_owned();
    let again = scene.become_in_bash("dev/Reader");
    assert_eq!(key_in_code(&again.ok().stdout), Some(&*first), "it was kept");
    assert_eq!(scene.sts.count("AssumeRole"), 1);
}

#[test]
fn a_stopped_agent_is_not_waited_for_where_a_slot_opens_and_the_passphrase_is_asked_for_where_none_does() {
    let mut scene = locked();
    scene.opens_with(&[PASSPHRASE]);
    let agent = Running::found(&scene.env);
    agent.signal(Signal::STOP);
    scene.env.write("passphrase", PASSPHRASE);
    let file = scene.env.path("passphrase").display().to_string();
    let by_file = scene.env.command(&BECOME_BOB).set("MULTICRED_PASSPHRASE_FILE", file).limit(PATIENCE).run();
    by_file.ok().calm();
    scene.env.command(&BECOME_BOB).limit(PATIENCE).run().refused(4, &["the store is locked"]);
    let ended = scene.opens_with(&[PASSPHRASE]);
    assert!(ended.screen.contains("the agent cannot hold the store's key"), "{ended:?}");
    // Nobody types a passphrase for an agent that is of no use.
    let ended = Seat::take(&scene.env, &["unlock"]).end();
    assert!(ended.status == 1 && ended.screen.contains("the agent does not answer"), "{ended:?}");
    assert!(!ended.screen.contains(QUESTION), "{ended:?}");
    agent.signal(Signal::CONT);
    scene.opens();
}

#[test]
fn a_key_file_opens_without_a_question_to_the_agent() {
    let scene = Scene::with_bob();
    let place = socket(&scene.env);
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    let listener = UnixListener::bind(&place).unwrap();
    listener.set_nonblocking(true).unwrap();
    scene.opens();
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "somebody asked");
    std::fs::remove_file(place).unwrap();
}

#[test]
fn an_agent_of_another_version_is_named_and_the_store_opens_without_it() {
    let scene = locked();
    let tomorrow = agent_of_tomorrow(&scene.env);
    for _ in 0..2 {
        let ended = scene.opens_with(&[PASSPHRASE]);
        let told = format!("the agent is multicred 99.0.0 (protocol {})", VERSION + 1);
        assert!(ended.screen.contains(&told), "{ended:?}");
        assert!(ended.screen.contains("multicred agent stop"), "{ended:?}");
    }
    scene.env.run(&BECOME_BOB).refused(4, &["the store is locked"]);
    scene.env.run(&["agent", "stop"]).ok();
    tomorrow.join().unwrap();
    scene.opens_with(&[PASSPHRASE]);
    scene.opens();
}

fn asking(crowd: &[Seat]) -> Vec<usize> {
    crowd.iter().enumerate().filter(|(_, seat)| seat.screen().contains(QUESTION)).map(|(index, _)| index).collect()
}

fn waiting(crowd: &[Seat]) -> usize {
    crowd.iter().filter(|seat| seat.screen().contains("waiting for process")).count()
}

#[test]
fn twenty_shells_at_once_ask_once_and_all_are_served() {
    let scene = locked();
    let mut crowd = Seat::crowd(&scene.env, CROWD, &BECOME_BOB);
    assert!(eventually(|| waiting(&crowd) == CROWD - 1), "not all others wait");
    let asks = asking(&crowd);
    assert_eq!(asks.len(), 1);
    crowd[asks[0]].type_line(PASSPHRASE);
    let ended: Vec<Ended> = crowd.into_iter().map(Seat::end).collect();
    for ended in &ended {
        becomes_bob(&scene, ended);
    }
    assert_eq!(ended.iter().filter(|ended| ended.screen.contains(QUESTION)).count(), 1);
}

#[test]
fn where_the_person_cancels_nobody_else_asks() {
    let scene = locked();
    let mut crowd = Seat::crowd(&scene.env, 8, &BECOME_BOB);
    assert!(eventually(|| waiting(&crowd) == 7), "not all others wait");
    let asked = asking(&crowd)[0];
    crowd[asked].type_keys("\u{3}");
    let ended: Vec<Ended> = crowd.into_iter().map(Seat::end).collect();
    assert!(ended.iter().all(|ended| ended.status == 130 && ended.stdout.is_empty()), "{ended:#?}");
    assert_eq!(ended.iter().filter(|ended| ended.screen.contains(QUESTION)).count(), 1);
}

#[test]
fn where_the_one_that_asks_is_killed_another_asks() {
    let scene = locked();
    let mut crowd = Seat::crowd(&scene.env, 4, &BECOME_BOB);
    assert!(eventually(|| waiting(&crowd) == 3), "not all others wait");
    let asked = asking(&crowd)[0];
    crowd[asked].kill();
    drop(crowd.remove(asked));
    assert!(eventually(|| asking(&crowd).len() == 1), "nobody took over");
    let asked = asking(&crowd)[0];
    crowd[asked].type_line(PASSPHRASE);
    for ended in crowd.into_iter().map(Seat::end) {
        becomes_bob(&scene, &ended);
    }
}

#[test]
fn one_who_has_a_file_with_the_passphrase_does_not_wait_for_one_who_types() {
    let mut scene = locked();
    let seat = Seat::take(&scene.env, &BECOME_BOB);
    seat.wait_for(QUESTION);
    scene.env.write("passphrase", PASSPHRASE);
    scene.env.set("MULTICRED_PASSPHRASE_FILE", scene.env.path("passphrase").display().to_string());
    scene.opens();
    drop(seat);
}

#[test]
fn a_new_key_of_the_store_goes_to_the_agent_that_held_the_last_one() {
    let mut scene = locked();
    scene.opens_with(&[PASSPHRASE]);
    scene.env.write("passphrase", PASSPHRASE);
    let file = scene.env.path("passphrase").display().to_string();
    let rotate = scene.env.command(&["key", "rotate", "--json"]).set("MULTICRED_PASSPHRASE_FILE", file).run();
    let epoch = rotate.ok().json()["key_epoch"].clone();
    let output = scene.opens();
    output.stderr_is("");
    let status = scene.env.run(&["agent", "status", "--json"]).ok().json();
    assert_eq!(status["stores"][0]["key_epoch"], epoch);
}

#[test]
fn a_role_whose_answer_is_kept_asks_again_once_the_store_is_locked() {
    let scene = locked();
    scene.env.run(&["account", crate::scene::DEV, "--alias", "dev"]).ok();
    scene.env.run(&["link", "dev/Reader", "--parent", "bob"]).ok();
    let mut seat = Seat::take(&scene.env, &["as", "--shell", "bash", "dev/Reader"]);
    seat.wait_for(QUESTION);
    seat.type_line(PASSPHRASE);
    assert_eq!(seat.end().status, 0);
    let answers = scene.env.path("run/multicred/answers");
    let kept = || std::fs::read_dir(&answers).is_ok_and(|entries| entries.count() > 0);
    assert!(eventually(|| scene.become_in_bash("dev/Reader").status == 0 && kept()), "no answer is kept");
    scene.become_in_bash("dev/Reader").ok();
    scene.env.run(&["lock"]).ok();
    scene.become_in_bash("dev/Reader").refused(4, &["the store is locked"]);
    assert_eq!(scene.sts.count("AssumeRole"), 1);
}

/// Behind a passphrase, or a slot of this kind.
fn locked_beside(kind: &str) -> (Scene, Way) {
    let mut scene = locked();
    scene.env.write("passphrase", PASSPHRASE);
    let file = scene.env.path("passphrase").display().to_string();
    scene.env.set("MULTICRED_PASSPHRASE_FILE", file);
    let way = Way::add(&mut scene, kind);
    scene.env.unset("MULTICRED_PASSPHRASE_FILE");
    (scene, way)
}

#[test]
fn a_keyring_that_is_locked_or_gone_and_an_ssh_key_that_is_not_there_are_told_before_the_passphrase_is_asked_for() {
    for (kind, says) in [("keyring", "no keyring answers"), ("keyring", "stays locked"), ("ssh-agent", "has no key")] {
        let (mut scene, mut way) = locked_beside(kind);
        match (&mut way, says) {
            (Way::Keyring(desktop), "stays locked") => desktop.start_keyring(false),
            (way, _) => way.withhold(&mut scene),
        }
        let ended = scene.opens_with(&[PASSPHRASE]);
        assert!(ended.screen.contains(says) && ended.screen.contains(&format!("({kind})")), "{ended:?}");
    }
}

#[test]
fn a_keyring_or_an_ssh_agent_that_does_not_answer_keeps_nobody_from_typing_the_passphrase() {
    for kind in ["keyring", "ssh-agent"] {
        let (scene, way) = locked_beside(kind);
        let pid = match &way {
            Way::Keyring(desktop) => desktop.pid(),
            Way::SshAgent(agent) => agent.pid(),
            _ => unreachable!(),
        };
        let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
        rustix::process::kill_process(pid, Signal::STOP).unwrap();
        let ended = scene.opens_with(&[PASSPHRASE]);
        assert!(ended.screen.contains("gave no answer within"), "{ended:?}");
    }
}

#[test]
fn a_slot_that_opens_without_asking_comes_before_the_prompt() {
    for kind in ["command", "ssh-agent", "keyring", "keyutils"] {
        let (scene, _way) = locked_beside(kind);
        let ended = Seat::take(&scene.env, &BECOME_BOB).end();
        becomes_bob(&scene, &ended);
        assert!(!ended.screen.contains(QUESTION), "{kind}: {ended:?}");
        // A program may have asked its person: that is not to be done again for each shell.
        assert_eq!(socket(&scene.env).exists(), kind == "command", "{kind}");
    }
}
