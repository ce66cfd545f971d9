//! Callers that the door of a live session must bear: many, mute, slow, and deaf. Anybody on the machine can connect.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::scene::Scene;
use crate::scene::live::{Answer, Door, Program};
use crate::support::agent::Running;

fn reader() -> (Scene, Program, Running) {
    let scene = Scene::with_bobs_roles();
    let program = scene.goes_live("dev/Reader");
    let agent = Running::found(&scene.env);
    (scene, program, agent)
}

/// How long a good caller waits: botocore gives up after two seconds.
#[track_caller]
fn answers_in_time(door: &Door) {
    let start = Instant::now();
    assert_eq!(door.ask().status, 200);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

/// How long it is until the other end hangs up.
fn time_to_end(stream: &mut TcpStream) -> Duration {
    let start = Instant::now();
    match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    start.elapsed()
}

fn descriptors(agent: &Running) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", agent.pid())).unwrap().count()
}

#[test]
fn a_thousand_requests_of_fifty_callers_at_once_are_all_answered_right() {
    let (scene, program, _agent) = reader();
    let expected = program.door.ask().body;
    let all_connected = Barrier::new(50);
    thread::scope(|scope| {
        for caller in 0..50 {
            let (door, expected, all_connected) = (&program.door, &expected, &all_connected);
            scope.spawn(move || {
                let mut kept = BufReader::new(door.connect());
                all_connected.wait();
                for request in 0..20 {
                    if (caller + request) % 2 == 0 {
                        kept = BufReader::new(door.connect());
                    }
                    kept.get_mut().write_all(door.request("/").as_bytes()).unwrap();
                    let answer = Answer::read(&mut kept).expect("an answer");
                    assert_eq!((answer.status, &answer.body), (200, expected));
                }
            });
        }
    });
    assert_eq!(scene.sts.count("AssumeRole"), 1);
}

#[test]
fn a_crowd_that_says_nothing_keeps_nobody_out() {
    let (_scene, program, agent) = reader();
    let mut kept = BufReader::new(program.door.connect());
    let crowd: Vec<TcpStream> = (0..600).map(|_| program.door.connect()).collect();
    answers_in_time(&program.door);
    assert!(descriptors(&agent) < 300, "{}", descriptors(&agent));
    // Nor does one that comes anew all the time.
    let mut later = Vec::new();
    for _ in 0..5 {
        later.extend((0..100).map(|_| program.door.connect()));
        answers_in_time(&program.door);
    }
    // Nor one that talks, without a token.
    let wrong = program.door.showing("wrong").request("/");
    let mut talking: Vec<_> = (0..300).map(|_| program.door.connect()).collect();
    for stream in &mut talking {
        // It may have made room already.
        let _ = stream.write_all(wrong.as_bytes());
    }
    answers_in_time(&program.door);
    drop((crowd, later, talking));
    // Who was silent for longest has made room.
    let _ = kept.get_mut().write_all(program.door.request("/").as_bytes());
    assert!(Answer::read(&mut kept).is_none());
    answers_in_time(&program.door);
}

#[test]
fn whoever_says_nothing_or_never_ends_is_let_go_after_a_while() {
    let (_scene, program, _agent) = reader();
    let door = &program.door;
    let mut mute = door.connect();
    let mut half = door.connect();
    half.write_all(&door.request("/").as_bytes()[..40]).unwrap();
    let mut kept = BufReader::new(door.connect());
    kept.get_mut().write_all(door.request("/").as_bytes()).unwrap();
    assert_eq!(Answer::read(&mut kept).expect("an answer").status, 200);
    let start = Instant::now();
    let mut slow = door.connect();
    // A header that never ends, a byte at a time.
    slow.write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
    while slow.write_all(b"x").is_ok() {
        assert!(start.elapsed() < Duration::from_secs(15), "it is heard still");
        thread::sleep(Duration::from_millis(200));
    }
    for stream in [&mut mute, &mut half, kept.get_mut()] {
        assert!(time_to_end(stream) < Duration::from_secs(5));
    }
    assert_eq!(door.ask().status, 200);
}

#[test]
fn whoever_never_reads_costs_little_and_hinders_nobody() {
    let (_scene, program, agent) = reader();
    let door = &program.door;
    door.ask();
    let before = agent.kilobytes("VmRSS");
    let request = door.request("/").repeat(1_000);
    let mut deaf: Vec<TcpStream> = (0..20).map(|_| door.connect()).collect();
    for stream in &mut deaf {
        stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        // As much as the other end takes.
        while stream.write_all(request.as_bytes()).is_ok() {}
    }
    answers_in_time(door);
    let grown = agent.kilobytes("VmRSS").saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} kB");
    // They go when others need the room.
    let crowd: Vec<TcpStream> = (0..300).map(|_| door.connect()).collect();
    answers_in_time(door);
    drop((crowd, deaf));
}

#[test]
fn whoever_leaves_midway_is_missed_by_nobody() {
    let (_scene, program, agent) = reader();
    let door = &program.door;
    answers_in_time(door);
    let idle = descriptors(&agent);
    let request = door.request("/");
    for length in (0..request.len()).step_by(7) {
        let mut stream = door.connect();
        stream.write_all(&request.as_bytes()[..length]).unwrap();
        drop(stream);
    }
    for _ in 0..100 {
        let mut stream = door.connect();
        stream.write_all(request.as_bytes()).unwrap();
        // Before the answer, or in the midst of it.
        let _ = stream.shutdown(Shutdown::Both);
    }
    // Half a connection is answered.
    let said = door.say(request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes());
    assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
    answers_in_time(door);
    crate::support::agent::wait_for("their descriptors", Duration::from_secs(10), || descriptors(&agent) <= idle);
}
