//! Who may open a live session, and what an agent bears that is no opening.

use std::io::{Read, Write};
use std::time::Duration;

use multicred::agent::protocol::{Code, LONGEST, PREFIX, Request, VERSION};
use multicred::agent::{AgentError, Manner, Opening};
use multicred::secret::Secret;

use crate::scene::Scene;
use crate::scene::live::{Door, HUSH, count_notes, credential, names_in, opening, sessions_of};
use crate::support::agent::{Running, wait_for};
use crate::support::env::Hermetic;

fn agent() -> (Hermetic, Running) {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    (env, agent)
}

fn hour(agent: &Running) -> Opening {
    opening(agent, credential("ASIAOLD", Some(3_600)), "exit 1")
}

#[test]
fn nobody_opens_a_session_of_a_process_that_it_does_not_run_below() {
    let (env, agent) = agent();
    let stranger = env.program("sleep", &["600"]).spawn();
    for (owner, reason) in [
        (stranger.pid(), "none that the caller runs below"),
        (agent.pid(), "none that the caller runs below"),
        (0, "no process"),
        (u32::MAX, "no process"),
        (i32::MAX.unsigned_abs(), "cannot be watched"),
    ] {
        let denied = agent.client().open(&Opening { owner, ..hour(&agent) });
        let Err(AgentError::NoEndpoint(told)) = denied else { panic!("{owner}: {denied:?}") };
        assert!(told.contains(reason), "{told}");
    }
    assert!(names_in(&sessions_of(&agent)).is_empty());
    // A child may open one for its parent.
    let parent = rustix::process::getppid().expect("a parent").as_raw_nonzero().get().unsigned_abs();
    agent.client().open(&Opening { owner: parent, ..hour(&agent) }).expect("a session");
}

#[test]
fn only_its_owner_changes_or_ends_a_session() {
    let (_env, agent) = agent();
    let mut client = agent.client();
    let opened = client.open(&hour(&agent)).expect("a session");
    let (door, owner) = (Door::opened(&opened), std::process::id());
    let other = |owner| Opening { owner, ..opening(&agent, credential("ASIAOTHER", Some(3_600)), "exit 1") };
    let wrong = Secret::new(format!("{}x", door.token));
    for (token, owner) in [(&opened.token, owner + 1), (&wrong, owner), (&Secret::new(""), owner)] {
        assert_eq!(client.update(token, &other(owner)), Err(AgentError::NoSession));
        assert_eq!(client.close(token, owner), Err(AgentError::NoSession));
    }
    assert_eq!(door.ask().key(), "ASIAOLD");
    client.update(&opened.token, &other(owner)).expect("an update");
    assert_eq!(door.ask().key(), "ASIAOTHER");
    client.close(&opened.token, owner).expect("an end");
    assert!(!door.is_open());
    assert_eq!(client.close(&opened.token, owner), Err(AgentError::NoSession));
}

#[test]
fn a_session_that_was_changed_ends_with_its_owner_still() {
    let scene = Scene::with_bobs_roles();
    let mut program = scene.goes_live("dev/Reader");
    let agent = Running::found(&scene.env);
    let owner = program.process.pid();
    let other = Opening { owner, ..opening(&agent, credential("ASIAOTHER", Some(3_600)), "exit 1") };
    for _ in 0..3 {
        let token = Secret::new(program.door.token.clone());
        agent.client().update(&token, &other).expect("an update");
    }
    assert_eq!(program.door.ask().key(), "ASIAOTHER");
    program.process.kill();
    wait_for("the end of the session", Duration::from_secs(10), || !program.door.is_open());
    assert!(!program.folder().exists());
}

#[test]
fn there_are_no_more_sessions_than_anybody_has_shells() {
    let (env, agent) = agent();
    let mut client = agent.client();
    let before = agent.kilobytes("VmRSS");
    let opened: Vec<_> = (0..256).map(|_| client.open(&hour(&agent)).expect("a session")).collect();
    let grown = agent.kilobytes("VmRSS").saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} kB");
    assert_eq!(client.open(&hour(&agent)), Err(AgentError::Full));
    let [first, last] = [0, 255].map(|index: usize| Door::opened(&opened[index]));
    assert!(first.is_open() && last.is_open());
    assert_eq!(client.status().expect("an agent").live.len(), 256);
    env.run(&["agent", "status"]).ok();
    client.close(&opened[7].token, std::process::id()).expect("an end");
    client.open(&hour(&agent)).expect("room for another one");
    assert_eq!(client.lock().expect("a lock").1, 256);
    assert!(names_in(&sessions_of(&agent)).is_empty());
    let mut crowded = hour(&agent);
    crowded.seats = (0..65).flat_map(|_| hour(&agent).seats).collect();
    assert_eq!(client.open(&crowded), Err(AgentError::Full));
}

#[test]
fn hostile_names_and_values_hurt_nobody() {
    let (env, agent) = agent();
    let mut client = agent.client();
    let hostile = "\u{1b}]0;owned\u{7}\r\nmulticred: all is well\u{9b}31m\0";
    let mut opening = opening(&agent, credential(hostile, Some(i64::MAX / 4)), "exit 1");
    opening.region = Some(hostile.to_owned());
    opening.renewal.environment.push((hostile.to_owned(), b"\xff\0=".to_vec().into()));
    opening.renewal.environment.push((String::new(), Vec::new().into()));
    opening.renewal.environment.push(("A=B".to_owned(), Vec::new().into()));
    let seat = &mut opening.seats[0];
    (seat.shown, seat.arn) = (hostile.to_owned(), Some(hostile.to_owned()));
    seat.words.push(hostile.to_owned());
    let door = Door::opened(&client.open(&opening).expect("a session"));
    assert_eq!(door.ask().key(), hostile, "as JSON says it");
    for end in [i64::MIN, -1, 0] {
        opening.seats[0].credential.expires_at = Some(end);
        let door = Door::opened(&client.open(&opening).expect("a session"));
        let answer = door.ask();
        let raw = answer.body.as_bytes();
        assert!(raw.iter().all(|byte| !byte.is_ascii_control()), "{answer:?}");
        answer.reason();
    }
    for command in [&["agent", "status"][..], &["agent", "status", "--json"], &["lock"]] {
        let output = env.run(command);
        let is_clean = |text: &str| text.chars().all(|c| c == '\n' || !c.is_ascii_control());
        output.ok().holds(is_clean(&output.stdout) && is_clean(&output.stderr), "nothing that moves a terminal");
    }
    assert_eq!(count_notes(&agent), 0);
}

#[test]
fn what_is_too_long_is_refused_and_what_is_just_not_is_taken() {
    let (_env, agent) = agent();
    let mut client = agent.client();
    let with = |length: usize| {
        let mut opening = hour(&agent);
        opening.renewal.environment.push(("BIG".to_owned(), vec![b'x'; length].into()));
        opening
    };
    client.open(&with(6 * 1024 * 1024)).expect("a session");
    assert_eq!(client.open(&with(LONGEST)), Err(AgentError::TooLong));
    assert!(AgentError::TooLong.to_string().contains("too long"));
}

/// Sends a request as it is; the code of the reply, where there is one.
fn code(agent: &Running, frame: &[u8]) -> Option<u8> {
    let mut stream = agent.raw();
    let _ = stream.write_all(frame);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
    let text = String::from_utf8_lossy(&reply);
    assert!(!text.contains(HUSH), "{text}");
    reply.get(PREFIX + 1).copied()
}

#[test]
fn what_is_no_opening_update_or_close_is_refused() {
    let (_env, agent) = agent();
    let mut client = agent.client();
    let opened = client.open(&hour(&agent)).expect("a session");
    let door = Door::opened(&opened);
    let bytes = hour(&agent).to_bytes();
    let malformed = Some(Code::Malformed as u8);
    for length in (0..bytes.len()).step_by(3) {
        assert_eq!(code(&agent, &Request::Open(&bytes[..length]).frame().unwrap()), malformed, "{length}");
    }
    let token = door.token.as_bytes();
    for length in (0..bytes.len()).step_by(3) {
        let request = Request::Update { token, opening: &bytes[..length] };
        assert_eq!(code(&agent, &request.frame().unwrap()), malformed, "{length}");
    }
    // Lists that promise more than there is.
    for place in 0..bytes.len() - 4 {
        let mut changed = bytes.to_vec();
        changed[place..place + 4].fill(0xff);
        let answered = code(&agent, &Request::Open(&changed).frame().unwrap());
        assert!(answered.is_some(), "{place}");
    }
    for op in [8, 9, 10] {
        for body in [&[][..], &[0; 3], &[0, 0, 0, 1], &[0, 0, 0, 0], &[0xff; 64]] {
            let frame = [&[VERSION, op][..], body].concat();
            let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
            assert_eq!(code(&agent, &[&length[..], &frame].concat()), malformed, "{op} {body:?}");
        }
    }
    assert!(door.is_open() && agent.is_running());
    let manner = Manner::Container;
    client.open(&Opening { manner, ..hour(&agent) }).expect("another session");
}
