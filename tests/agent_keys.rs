//! What an agent does with a key: seals and opens for its user, hands it to nobody, and forgets it in time.

use std::fs;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use multicred::agent::AgentError;
use rustix::process::Signal;
use serde_json::json;

use crate::support::agent::{KEY, OTHER_KEY, Running, STORE, wait_for};
use crate::support::env::Hermetic;

const RECORD: &[u8] = b"a record that nobody else may read";
const SOON: Duration = Duration::from_secs(10);

#[test]
fn what_one_caller_has_sealed_another_one_opens() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let sealed = agent.holding_a_key().seal(STORE, 1, b"row 7", RECORD).unwrap();
    assert!(!sealed.windows(8).any(|window| RECORD.windows(8).any(|part| part == window)));
    let mut other = agent.client();
    assert_eq!(*other.unseal(STORE, 1, b"row 7", &sealed).unwrap(), RECORD);
    assert_ne!(other.seal(STORE, 1, b"row 7", RECORD).unwrap(), sealed, "a nonce is used once");
}

#[test]
fn what_was_changed_or_moved_does_not_open() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let mut client = agent.holding_a_key();
    let sealed = client.seal(STORE, 1, b"row 7", RECORD).unwrap();
    assert_eq!(client.unseal(STORE, 1, b"row 8", &sealed), Err(AgentError::DoesNotOpen));
    for index in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        assert_eq!(client.unseal(STORE, 1, b"row 7", &changed), Err(AgentError::DoesNotOpen), "byte {index}");
    }
    assert_eq!(client.unseal(STORE, 1, b"row 7", b""), Err(AgentError::DoesNotOpen));
    assert_eq!(*client.unseal(STORE, 1, b"row 7", &sealed).unwrap(), RECORD, "the connection is as good as before");
}

#[test]
fn a_key_that_is_not_held_is_named_so() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let mut client = agent.client();
    assert_eq!(client.holds(STORE, 1), Ok(false));
    assert_eq!(client.seal(STORE, 1, b"", RECORD), Err(AgentError::NotHeld));
    client.hold(STORE, 1, &KEY).unwrap();
    assert_eq!(client.holds(STORE, 1), Ok(true));
    for (store, epoch) in [(STORE, 2), (b"another".as_slice(), 1)] {
        assert_eq!(client.holds(store, epoch), Ok(false));
        assert_eq!(client.seal(store, epoch, b"", RECORD), Err(AgentError::NotHeld));
        assert_eq!(client.unseal(store, epoch, b"", b""), Err(AgentError::NotHeld));
    }
}

#[test]
fn the_key_of_another_epoch_replaces_the_one_of_the_same_store() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let mut client = agent.holding_a_key();
    assert_eq!(client.hold(STORE, 1, &OTHER_KEY), Err(AgentError::Conflict));
    client.hold(STORE, 2, &OTHER_KEY).unwrap();
    client.hold(b"another", 1, &OTHER_KEY).unwrap();
    assert_eq!(
        [client.holds(STORE, 1), client.holds(STORE, 2), client.holds(b"another", 1)],
        [Ok(false), Ok(true), Ok(true)]
    );
    assert_eq!(client.status().unwrap().held.len(), 2);
}

#[test]
fn lock_drops_every_key_and_says_so() {
    let env = Hermetic::new();
    env.run(&["lock"]).ok().stderr_has("there is nothing to lock");
    let agent = Running::start(&env);
    env.run(&["lock"]).ok().stderr_has("there is nothing to lock");
    let mut client = agent.holding_a_key();
    env.run(&["lock"]).ok().stdout_is("").stderr_has("the agent dropped its key");
    assert_eq!(client.seal(STORE, 1, b"", RECORD), Err(AgentError::NotHeld));
    client.hold(STORE, 1, &OTHER_KEY).unwrap();
    client.hold(b"another", 1, &KEY).unwrap();
    assert_eq!(env.run(&["lock", "--json"]).ok().json(), json!({ "dropped": 2, "ended": 0 }));
    assert_eq!(client.status().unwrap().held, []);
    assert!(agent.is_running());
}

#[test]
fn a_key_that_is_not_used_is_forgotten_and_one_that_is_used_is_not() {
    let mut env = Hermetic::new();
    env.write("config/multicred/config.toml", "[agent]\nidle = \"2s\"\n");
    let agent = Running::start(&env);
    let mut client = agent.holding_a_key();
    client.hold(b"unused", 1, &OTHER_KEY).unwrap();
    let mut uses = 0;
    wait_for("the end of the unused key", SOON, || {
        client.seal(STORE, 1, b"", RECORD).expect("it is in use");
        uses += 1;
        client.status().unwrap().held.len() == 1
    });
    assert!(uses > 1);
    assert_eq!(client.holds(b"unused", 1), Ok(false));
    wait_for("the end of the other one", SOON, || client.holds(STORE, 1) == Ok(false));
    assert_eq!(client.seal(STORE, 1, b"", RECORD), Err(AgentError::NotHeld));
    assert!(agent.is_running());
}

#[test]
fn no_key_outlives_its_agent() {
    let env = Hermetic::new();
    for signal in [Signal::TERM, Signal::HUP, Signal::KILL] {
        let agent = Running::start(&env);
        agent.holding_a_key();
        agent.signal(signal);
        agent.ends_within(SOON);
        let next = Running::start(&env);
        assert_eq!(next.client().status().unwrap().held, [], "{signal:?}");
        env.run(&["agent", "stop"]).ok();
    }
}

/// How often these bytes are in a process's own memory. Only root may look.
fn times_in_memory(agent: &Running, bytes: &[u8]) -> usize {
    let maps = String::from_utf8(agent.proc("maps")).unwrap();
    let memory = fs::File::open(format!("/proc/{}/mem", agent.pid())).expect("the rights of root");
    let writable = maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|mode| mode.starts_with("rw")));
    let ranges = writable.filter_map(|line| line.split(' ').next()?.split_once('-'));
    let times = ranges.map(|(from, to)| {
        let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut chunk = vec![0; usize::try_from(to - from).unwrap()];
        let read = memory.read_exact_at(&mut chunk, from);
        read.map_or(0, |()| chunk.windows(bytes.len()).filter(|window| *window == bytes).count())
    });
    times.sum()
}

#[test]
fn a_key_is_in_one_place_of_the_memory_and_after_a_lock_in_none() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    let mut client = agent.holding_a_key();
    for record in [RECORD, &[7; 10_000]] {
        let sealed = client.seal(STORE, 1, b"", record).unwrap();
        client.unseal(STORE, 1, b"", &sealed).unwrap();
        assert_eq!(times_in_memory(&agent, &KEY), 1);
    }
    for file in ["cmdline", "environ"] {
        assert!(!agent.proc(file).windows(KEY.len()).any(|window| window == KEY), "{file}");
    }
    client.lock().unwrap();
    assert_eq!(times_in_memory(&agent, &KEY), 0);
    assert_eq!(times_in_memory(&agent, RECORD), 0, "nor is a record left behind");
}

#[test]
fn nothing_of_a_key_is_written_to_the_disk() {
    let env = Hermetic::new();
    let agent = Running::start(&env);
    agent.holding_a_key().seal(STORE, 1, b"", RECORD).unwrap();
    env.run(&["agent", "stop"]).ok();
    let found = env.program("grep", &["-rc", "a key that is nobody's", "."]).run();
    assert!(found.stdout.lines().all(|line| line.ends_with(":0")), "{found}");
}

#[test]
fn an_agent_that_may_lock_no_memory_goes_on_and_says_so() {
    let env = Hermetic::new();
    // Root may lock as much as it likes, unless that right is taken away.
    let script = "ulimit -l 0 && exec setpriv --bounding-set=-ipc_lock --inh-caps=-ipc_lock multicred agent start";
    let agent = Running::started_by(&env, env.program("bash", &["--norc", "-c", script]));
    let mut client = agent.holding_a_key();
    client.seal(STORE, 1, b"", RECORD).unwrap();
    assert!(!client.status().unwrap().memory_locked);
    assert_eq!(agent.kilobytes("VmLck"), 0);
    env.run(&["agent", "status"]).ok().stdout_has("its memory is not locked");
    assert_eq!(env.run(&["agent", "status", "--json"]).ok().json()["memory_locked"], json!(false));
    let usual = Hermetic::new();
    let agent = Running::start(&usual);
    assert!(agent.kilobytes("VmLck") > 0);
}
