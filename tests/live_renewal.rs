//! The renewal of what a live session hands out: in time, once for all who ask, and only where somebody asks.

use std::thread;
use std::time::{Duration, Instant};

use multicred::agent::Agent;

use crate::scene::Scene;
use crate::scene::live::{Door, HUSH, count_notes, credential, gives, opening};
use crate::support::agent::{Running, wait_for};
use crate::support::env::Hermetic;
use crate::support::sts::Fault;

/// The calls of this action give, one after the other, credentials that last so many seconds from now.
fn lasting(scene: &Scene, action: &str, seconds: &[i64]) {
    for seconds in seconds {
        let until = jiff::Timestamp::from_second(scene.sts.now() + seconds).unwrap().to_string();
        scene.sts.fault_once(action, Fault::set_field("Expiration", &until));
    }
}

/// Fifty callers ask at once, time and again for so long; the keys that they were given.
fn fifty_ask(door: &Door, time: Duration) -> Vec<String> {
    let start = Instant::now();
    let mut keys: Vec<String> = thread::scope(|scope| {
        let ask = |_| {
            scope.spawn(|| {
                let mut keys = Vec::new();
                while start.elapsed() < time {
                    let asked = Instant::now();
                    let key = door.ask().key();
                    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
                    keys.push(key);
                    thread::sleep(Duration::from_millis(100));
                }
                keys
            })
        };
        let asking: Vec<_> = (0..50).map(ask).collect();
        asking.into_iter().flat_map(|caller| caller.join().expect("a caller")).collect()
    });
    keys.sort();
    keys.dedup();
    keys
}

/// An agent, and a session of this very process whose credential is renewed by a script.
fn scripted(seconds: Option<i64>, script: &str) -> (Hermetic, Running, Agent, Door) {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let mut client = agent.client();
    let opened = client.open(&opening(&agent, credential("ASIAOLD", seconds), script)).expect("a session");
    (env, agent, client, Door::opened(&opened))
}

#[test]
fn fifty_callers_see_no_gap_and_cause_one_call() {
    let scene = Scene::with_bobs_roles();
    lasting(&scene, "AssumeRole", &[8]);
    let program = scene.goes_live("dev/Reader");
    let keys = fifty_ask(&program.door, Duration::from_secs(10));
    assert_eq!(keys.len(), 2, "the first one and the next");
    assert_eq!(scene.sts.count("AssumeRole"), 2);
}

#[test]
fn two_programs_cause_one_call_for_each_hop_of_their_chain() {
    let scene = Scene::with_bobs_roles();
    lasting(&scene, "AssumeRole", &[8, 8]);
    let programs = [scene.goes_live("dev/Writer"), scene.goes_live("dev/Writer")];
    assert_eq!(scene.sts.count("AssumeRole"), 2);
    let keys = thread::scope(|scope| {
        let ask = |door| scope.spawn(move || fifty_ask(door, Duration::from_secs(10)));
        let asking = [ask(&programs[0].door), ask(&programs[1].door)];
        asking.map(|asking| asking.join().expect("callers"))
    });
    assert_eq!(keys[0], keys[1]);
    assert_eq!((keys[0].len(), scene.sts.count("AssumeRole")), (2, 4));
}

#[test]
fn nobody_asks_and_nothing_is_called_until_somebody_does() {
    let scene = Scene::with_bobs_roles();
    lasting(&scene, "AssumeRole", &[3]);
    let program = scene.goes_live("dev/Reader");
    thread::sleep(Duration::from_secs(5));
    assert_eq!(scene.sts.count("AssumeRole"), 1);
    let start = Instant::now();
    let key = program.door.ask().key();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(scene.sts.count("AssumeRole"), 2);
    assert_eq!(program.door.ask().key(), key);
    // What was asked for once is renewed once, and then left alone.
    let (_env, agent, _client, door) = scripted(Some(4), &gives(4));
    door.ask();
    wait_for("a renewal", Duration::from_secs(10), || count_notes(&agent) == 1);
    thread::sleep(Duration::from_secs(7));
    assert_eq!(count_notes(&agent), 1);
}

#[test]
fn a_long_term_key_is_told_anew_with_an_end_that_is_ahead() {
    let (_env, agent, _client, door) = scripted(None, &gives(4));
    let until: jiff::Timestamp = door.ask().json()["Expiration"].as_str().unwrap().parse().unwrap();
    let left = until.as_second() - jiff::Timestamp::now().as_second();
    assert!((3_500..=3_600).contains(&left), "{left}");
    assert_eq!(count_notes(&agent), 0);
}

#[test]
fn what_is_slow_hangs_or_gives_nonsense_is_asked_seldom_and_hinders_nobody() {
    let long = format!("echo run >>\"$1\"; yes {HUSH} | head -c 1000000");
    let ended = gives(0);
    let scripts: [(&str, &str); 8] = [
        ("echo run >>\"$1\"; sleep 100", "ask again"),
        ("echo run >>\"$1\"; echo no >&2; exit 5", "no"),
        ("echo run >>\"$1\"; printf '\\033[31mno\\nmore\\001' >&2; exit 6", "?[31mno; more?"),
        ("echo run >>\"$1\"; echo hush-hush-hush", "it gave no credential"),
        ("echo run >>\"$1\"; echo '{\"Version\":1,\"AccessKeyId\":\"hush-hush-hush\"}'", "it gave no credential"),
        ("echo run >>\"$1\"; kill -9 $$", "ended without a word"),
        (&long, "ended without a word"),
        (&ended, "has ended already"),
    ];
    thread::scope(|scope| {
        for (script, reason) in scripts {
            scope.spawn(move || {
                let (_env, agent, _client, door) = scripted(Some(2), script);
                let start = Instant::now();
                let mut reasons = Vec::new();
                let mut count = 0;
                while start.elapsed() < Duration::from_secs(12) {
                    let asked = Instant::now();
                    let answer = door.ask();
                    assert!(asked.elapsed() < Duration::from_millis(2_500), "{script}: {:?}", asked.elapsed());
                    match answer.status {
                        200 => assert_eq!(answer.key(), "ASIAOLD"),
                        _ => reasons.push(answer.reason()),
                    }
                    count += 1;
                    thread::sleep(Duration::from_millis(10));
                }
                let last = reasons.last().expect("a refusal");
                assert!(last.contains(reason) && !last.contains(HUSH), "{script}: {last}");
                assert!(last.starts_with("the credentials of prod/Admin have expired: "), "{last}");
                assert!(count_notes(&agent) <= 4, "{script}: {} runs for {count} requests", count_notes(&agent));
            });
        }
    });
}

#[test]
fn a_program_that_is_gone_is_named() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let mut client = agent.client();
    for (program, folder) in [("/nowhere/multicred", "/"), ("/bin/sh", "/nowhere"), ("/bin\0/sh", "/")] {
        let mut opening = opening(&agent, credential("ASIAOLD", Some(-5)), "exit 1");
        (opening.renewal.program, opening.renewal.folder) = (program.into(), folder.into());
        let door = Door::opened(&client.open(&opening).expect("a session"));
        let reason = door.ask().reason();
        // A folder that is gone keeps nobody from a new credential: it is the script that fails.
        let is_told =
            ["/sh: ", "/nowhere/multicred: ", "ended without a word"].iter().any(|part| reason.contains(part));
        assert!(is_told, "{reason}");
    }
    assert_eq!(client.status().expect("an agent").live.len(), 3);
}

#[test]
fn whoever_is_seated_anew_is_tended_and_the_former_one_is_not() {
    let (_env, agent, mut client, door) = scripted(Some(6), &gives(3_600));
    door.ask();
    let other = opening(&agent, credential("ASIAOTHER", Some(3_600)), "echo other >>\"$1\"");
    let token = multicred::secret::Secret::new(door.token.clone());
    client.update(&token, &other).expect("an update");
    assert_eq!(door.ask().key(), "ASIAOTHER");
    thread::sleep(Duration::from_secs(7));
    assert_eq!(count_notes(&agent), 0, "nobody is handed out the former one any more");
    let short = opening(&agent, credential("ASIASHORT", Some(4)), &gives(3_600));
    client.update(&token, &short).expect("an update");
    door.ask();
    wait_for("a renewal", Duration::from_secs(10), || count_notes(&agent) == 1);
    wait_for("its key", Duration::from_secs(10), || door.ask().key() == "ASIANEWNEWNEWNEW1");
}
