//! Callers that an agent must bear: many, slow, mute, mad, and of another version.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use multicred::agent::protocol::{ANY_VERSION, Code, LONGEST, PREFIX, PROGRAM_VERSION, Request, VERSION, reply};
use multicred::agent::{Agent, AgentError};
use serde_json::json;

use crate::support::agent::{Running, STORE, agent_of_tomorrow, socket};
use crate::support::env::Hermetic;

/// A frame of any bytes.
fn framed(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat()
}

/// The next frame, without its length.
fn next_frame(stream: &mut UnixStream) -> Vec<u8> {
    let mut length = [0; PREFIX];
    stream.read_exact(&mut length).unwrap();
    let mut body = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut body).unwrap();
    body
}

/// What comes until the agent hangs up, and how long that takes.
fn to_the_end(stream: &mut UnixStream) -> (Vec<u8>, Duration) {
    let start = Instant::now();
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    (rest, start.elapsed())
}

fn time_to_end(stream: &mut UnixStream) -> Duration {
    to_the_end(stream).1
}

#[test]
fn two_hundred_callers_at_once_are_served() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    agent.holding_a_key();
    let all_connected = Barrier::new(200);
    thread::scope(|scope| {
        for caller in 0..200_u32 {
            let (agent, all_connected) = (&agent, &all_connected);
            scope.spawn(move || {
                let mut client = agent.client();
                all_connected.wait();
                for round in 0..20_u32 {
                    let record = format!("caller {caller} round {round}").into_bytes();
                    let sealed = client.seal(STORE, 1, &caller.to_be_bytes(), &record).unwrap();
                    assert_eq!(*client.unseal(STORE, 1, &caller.to_be_bytes(), &sealed).unwrap(), record);
                }
            });
        }
    });
}

#[test]
fn a_crowd_that_says_nothing_keeps_nobody_else_out() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let crowd: Vec<UnixStream> = (0..400).map(|_| agent.raw()).collect();
    let start = Instant::now();
    assert_eq!(agent.client().status().unwrap().pid, agent.pid());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", agent.pid())).unwrap().count();
    assert!(descriptors < 300, "{descriptors}");
    drop(crowd);
}

#[test]
fn garbage_ends_the_connection_and_nothing_else() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let mut client = agent.holding_a_key();
    let zeros = [0; 64];
    let noise: Vec<u8> = (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let http = b"GET / HTTP/1.1\r\n\r\n";
    for garbage in [&zeros[..], &noise, http, &framed(b""), &framed(&[VERSION]), &framed(&[VERSION, 99])] {
        let mut stream = agent.raw();
        stream.write_all(garbage).unwrap();
        assert!(time_to_end(&mut stream) < Duration::from_secs(1), "{garbage:?}");
    }
    client.seal(STORE, 1, b"", b"record").unwrap();
}

#[test]
fn no_refusal_repeats_what_was_asked() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let hush = b"hush-hush-hush";
    let request =
        Request::Hold { name: multicred::agent::protocol::KeyName { store_id: hush, epoch: 1 }, key: &[7; 32] };
    let frame = request.frame().unwrap();
    // One byte more than there should be.
    let mut stream = agent.raw();
    stream.write_all(&framed(&[&frame[PREFIX..], b"!"].concat())).unwrap();
    assert_eq!(next_frame(&mut stream), [VERSION, Code::Malformed as u8]);
}

#[test]
fn a_request_that_announces_too_much_is_refused_before_it_is_read() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    for length in [u32::MAX, u32::try_from(LONGEST).unwrap() + 1] {
        let mut stream = agent.raw();
        stream.write_all(&length.to_be_bytes()).unwrap();
        assert_eq!(next_frame(&mut stream), [VERSION, Code::TooLong as u8]);
        assert!(time_to_end(&mut stream) < Duration::from_secs(1));
    }
    let mut client = agent.holding_a_key();
    assert_eq!(client.seal(STORE, 1, b"", &vec![0; LONGEST]), Err(AgentError::TooLong));
    // What is as long as it may be is read to its end, and only then found to be nothing.
    let mut stream = agent.raw();
    stream.write_all(&framed(&vec![VERSION; LONGEST])).unwrap();
    assert_eq!(next_frame(&mut stream), [VERSION, Code::Malformed as u8]);
}

#[test]
fn what_was_announced_and_does_not_come_takes_no_memory_and_little_time() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let before = agent.kilobytes("VmRSS");
    let mut streams: Vec<UnixStream> = (0..100).map(|_| agent.raw()).collect();
    for stream in &mut streams {
        // Announced within bounds, and never sent.
        stream.write_all(&u32::try_from(LONGEST).unwrap().to_be_bytes()).unwrap();
        stream.write_all(&[VERSION, 7]).unwrap();
    }
    let mut mute = agent.raw();
    mute.write_all(&[0, 0]).unwrap();
    thread::sleep(Duration::from_secs(1));
    let grown = agent.kilobytes("VmRSS").saturating_sub(before);
    assert!(grown < 4096, "{grown} kB");
    assert_eq!(agent.client().status().unwrap().pid, agent.pid());
    let ends: Vec<(Vec<u8>, Duration)> = streams.iter_mut().map(to_the_end).collect();
    let busy = framed(&[VERSION, Code::Busy as u8]);
    let told: Vec<bool> = ends.iter().map(|(said, _)| *said == busy).collect();
    assert_eq!(told.iter().filter(|told| !**told).count(), 4, "as many as are read at a time; the others are told");
    let waited: Duration = ends.iter().map(|(_, time)| *time).sum();
    assert!(waited < Duration::from_secs(8), "all within the five seconds of a frame: {waited:?}");
    assert!(time_to_end(&mut mute) < Duration::from_secs(5));
}

#[test]
fn a_request_that_trickles_in_is_cut_off_and_one_in_pieces_is_not() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let frame = Request::Status.frame().unwrap();
    let mut stream = agent.raw();
    for byte in frame.iter() {
        stream.write_all(&[*byte]).unwrap();
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(next_frame(&mut stream)[..2], [ANY_VERSION, Code::Done as u8]);
    let start = Instant::now();
    let mut sent = 0;
    // A byte every half second would take over four minutes.
    let long = framed(&[0; 512]);
    while sent < long.len() && stream.write_all(&long[sent..=sent]).is_ok() {
        sent += 1;
        thread::sleep(Duration::from_millis(500));
    }
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[test]
fn half_a_connection_is_answered_and_none_is_let_go() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let mut stream = agent.raw();
    stream.write_all(&Request::Status.frame().unwrap()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(next_frame(&mut stream)[..2], [ANY_VERSION, Code::Done as u8]);
    assert!(time_to_end(&mut stream) < Duration::from_secs(1));
    let mut deaf = agent.raw();
    deaf.shutdown(std::net::Shutdown::Read).unwrap();
    deaf.write_all(&Request::Status.frame().unwrap()).unwrap();
    drop(deaf);
    assert_eq!(agent.client().status().unwrap().pid, agent.pid());
}

#[test]
fn a_connection_that_was_not_used_for_long_is_closed_and_made_anew_when_it_is_needed() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let mut client = agent.holding_a_key();
    let mut stream = agent.raw();
    let waited = time_to_end(&mut stream);
    assert!((9..13).contains(&waited.as_secs()), "{waited:?}");
    assert_eq!(client.holds(STORE, 1), Ok(true));
}

#[test]
fn a_reader_that_takes_nothing_is_let_go() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let mut client = agent.holding_a_key();
    let sealed = client.seal(STORE, 1, b"", &vec![7; 4 * 1024 * 1024]).unwrap();
    let name = multicred::agent::protocol::KeyName { store_id: STORE, epoch: 1 };
    let mut stream = agent.raw();
    stream.write_all(&Request::Unseal { name, associated_data: b"", sealed: &sealed }.frame().unwrap()).unwrap();
    assert_eq!(client.holds(STORE, 1), Ok(true), "nobody waits for it");
    thread::sleep(Duration::from_secs(6));
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.len() < 4 * 1024 * 1024, "{}", rest.len());
}

#[test]
fn a_caller_of_another_version_is_told_the_agents_and_may_still_ask_what_every_version_knows() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    for version in [VERSION + 1, 200, 255] {
        let mut stream = agent.raw();
        stream.write_all(&framed(&[version, 4, 1, 2, 3])).unwrap();
        let expected = reply(VERSION, Code::OtherVersion, &[PROGRAM_VERSION.as_bytes()]).unwrap();
        assert_eq!(next_frame(&mut stream), expected[PREFIX..]);
        stream.write_all(&Request::Status.frame().unwrap()).unwrap();
        assert_eq!(next_frame(&mut stream)[..2], [ANY_VERSION, Code::Done as u8]);
    }
}

#[test]
fn an_agent_of_another_version_is_named_and_can_be_asked_locked_and_stopped() {
    let env = Hermetic::new();
    let tomorrow = agent_of_tomorrow(&env);
    let mut client = Agent::connect(&socket(&env)).unwrap().unwrap();
    let other = || AgentError::OtherVersion { protocol: VERSION + 1, program: "99.0.0".into() };
    assert_eq!(client.holds(STORE, 1), Err(other()));
    assert_eq!(client.hold(STORE, 1, &[1; 32]), Err(other()));
    assert_eq!(client.seal(STORE, 1, b"", b""), Err(other()));
    let told = other().to_string();
    assert!(told.contains(&format!("99.0.0 (protocol {})", VERSION + 1)) && told.contains(PROGRAM_VERSION), "{told}");
    drop(client);
    let status = env.run(&["agent", "status", "--json"]).ok().json();
    assert_eq!((&status["version"], &status["protocol"]), (&json!("99.0.0"), &json!(VERSION + 1)));
    env.run(&["agent", "start"]).ok().stdout_is("4\n");
    env.run(&["lock"]).ok().stderr_has("dropped its 3 keys");
    env.run(&["agent", "stop"]).ok();
    tomorrow.join().unwrap();
    env.run(&["agent", "status"]).code(1);
}
