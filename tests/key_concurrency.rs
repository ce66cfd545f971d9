//! `key rotate` and `key remove` beside everything else that goes on, and beside `restore`.

use std::time::Duration;

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};

use crate::scene::refusal::Refusal;
use crate::scene::seat::eventually;
use crate::scene::slots::{Copied, PRINTED, Secrets, text, without_key_file};
use crate::scene::store::Copy;
use crate::scene::{DEV, PATIENCE, Scene, ini, key_in_code};
use crate::support::agent::Running;
use crate::support::env::Background;

#[track_caller]
fn is_clean(scene: &Scene) {
    let checked = scene.env.run(&["doctor", "--check", "--json"]);
    assert_eq!(checked.ok().calm().json()["seals"]["broken"], 0, "{checked}");
    assert!(Copy::of(&scene.env.store()).is_whole());
}

#[test]
fn rotations_beside_imports_cold_switches_and_new_slots_all_end_well_and_leave_nothing_sealed_before() {
    let mut scene = Scene::with_bobs_roles();
    let mut secrets = Secrets::add_to(&mut scene);
    let agent = Running::start(&scene.env);
    scene.env.run(&["unlock"]).ok();
    let keys: Vec<_> = scene.sts.world(|world| (0..12).map(|n| world.user(DEV, &format!("user{n}"))).collect());
    for round in keys.chunks(4) {
        let imports = round.iter().map(|key| scene.env.command(&["import", "-"]).stdin(ini("default", key)).spawn());
        let mut processes: Vec<Background> = imports.collect();
        processes.push(scene.env.spawn(&["key", "rotate"]));
        processes.push(scene.env.spawn(&["as", "--shell", "bash", "--fresh", "dev/Writer"]));
        processes.push(scene.env.spawn(&["as", "--shell", "bash", "--fresh", "dev/Reader"]));
        processes.push(scene.env.spawn(&["key", "rotate"]));
        let echo = format!("printf %s {PRINTED}");
        processes.push(scene.env.spawn(&["key", "add", "command", &echo]));
        processes.push(scene.env.spawn(&["key", "rotate"]));
        for process in processes {
            let output = process.end();
            output.ok().calm();
            output.holds(!output.stderr.contains("could not be stored"), "all of it stored");
        }
        is_clean(&scene);
    }
    secrets.learn(&scene, "");
    let everything = secrets.open(&scene.env.store());
    assert!(keys.iter().all(|key| everything[&key.access_key_id].starts_with(&key.secret)));
    assert_eq!(secrets.numbers().len(), 4 + 3);
    let held = agent.client().status().unwrap().held;
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].key_epoch, Copied::of(&scene.env.store()).epoch(), "the agent has the last one");
}

#[test]
fn eight_rotations_at_once_are_done_one_after_the_other() {
    let mut scene = Scene::with_bobs_roles();
    let secrets = Secrets::add_to(&mut scene);
    let before = secrets.open(&scene.env.store());
    let processes: Vec<Background> = (0..8).map(|_| scene.env.spawn(&["key", "rotate", "--json"])).collect();
    let outputs: Vec<_> = processes.into_iter().map(Background::end).collect();
    let mut epochs: Vec<i64> =
        outputs.iter().map(|output| output.ok().calm().json()["key_epoch"].as_i64().unwrap()).collect();
    assert!(epochs.contains(&Copied::of(&scene.env.store()).epoch()));
    epochs.sort_unstable();
    epochs.dedup();
    assert_eq!(epochs.len(), 8);
    assert_eq!(secrets.open(&scene.env.store()), before);
    is_clean(&scene);
}

/// Stopped while it holds the store's own lock, too.
#[test]
fn a_rotation_that_is_stopped_halfway_keeps_others_waiting_for_a_bounded_time_and_they_say_so() {
    let mut scene = Scene::with_bobs_roles();
    let secrets = Secrets::add_to(&mut scene);
    let path = scene.env.store();
    let rotation = stopped_in_the_middle(&scene);
    let another = scene.env.spawn(&["key", "rotate"]);
    let alias = scene.env.spawn(&["account", "333344445555", "--alias", "third"]);
    let switch = scene.env.spawn(&["as", "--shell", "bash", "dev/Reader"]);
    let removal = scene.env.spawn(&["key", "remove", "4"]);
    scene.env.run(&["list"]).ok();
    scene.become_in_bash(&scene.bob.access_key_id).ok().calm();
    alias.end().refused(1, &["locked by another process"]);
    removal.end().refused(1, &["locked by another process"]);
    let code = switch.end();
    code.ok().calm().stderr_has("could not be stored").stderr_has("locked by another process");
    assert!(key_in_code(&code.stdout).is_some());
    another.end().refused(1, &["giving the store a new key", &rotation.pid().to_string()]);
    drop(rotation);
    scene.env.run(&["key", "rotate"]).ok();
    scene.become_in_bash("dev/Writer").ok().calm();
    secrets.open(&path);
    is_clean(&scene);
}

/// A rotation that was stopped while it writes.
fn stopped_in_the_middle(scene: &Scene) -> Background {
    let probe = Connection::open(scene.env.store()).unwrap();
    probe.busy_timeout(Duration::ZERO).unwrap();
    let is_free = || probe.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok();
    let mut caught = None;
    let found = eventually(|| {
        let mut rotation = scene.env.spawn(&["key", "rotate"]);
        let pid = Pid::from_raw(i32::try_from(rotation.pid()).unwrap()).unwrap();
        while rotation.is_running() {
            if is_free() {
                continue;
            }
            kill_process(pid, Signal::STOP).unwrap();
            let stopped = || std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap();
            assert!(eventually(|| stopped().contains(") T ")));
            if !is_free() {
                caught = Some(rotation);
                return true;
            }
            kill_process(pid, Signal::CONT).unwrap();
        }
        false
    });
    assert!(found, "no rotation was caught while it writes");
    caught.unwrap()
}

#[test]
fn two_removals_at_once_that_rest_on_each_others_slot_leave_one_that_opens() {
    for _ in 0..10 {
        let mut scene = Scene::with_bob();
        scene.env.write("printed", PRINTED);
        scene.env.run(&["key", "add", "command", "cat printed"]).ok();
        // Nobody has its code here.
        scene.env.run(&["key", "add", "recovery"]).ok();
        let removals = ["1", "2"].map(|number| scene.env.spawn(&["key", "remove", number]));
        let ended = removals.map(Background::end);
        let done = ended.iter().filter(|output| output.status == 0).count();
        assert_eq!(done, 1, "{} {}", ended[0], ended[1]);
        for output in ended.iter().filter(|output| output.status != 0) {
            output.refused(4, &["no other one was seen to open the store"]);
        }
        assert_eq!(Copied::of(&scene.env.store()).slots().len(), 2);
        scene.become_in_bash("bob").ok().calm();
    }
}

#[test]
fn removals_of_all_slots_at_once_leave_one_even_where_they_are_forced() {
    for _ in 0..5 {
        let mut scene = Scene::with_bob();
        let secrets = Secrets::add_to(&mut scene);
        let numbers = secrets.numbers();
        let remove = |number: &i64| scene.env.spawn(&["key", "remove", "--force", &number.to_string()]);
        let removals: Vec<Background> = numbers.iter().map(remove).collect();
        let failed = removals.into_iter().map(Background::end).filter(|output| output.status != 0).count();
        assert_eq!(failed, 1);
        assert_eq!(Copied::of(&scene.env.store()).slots().len(), 1);
        secrets.open(&scene.env.store());
    }
}

#[test]
fn a_slot_is_not_removed_because_one_that_may_be_gone_tomorrow_opens_the_store() {
    let scene = Scene::with_bob();
    let added = scene.env.run(&["key", "add", "keyring", "--keyutils"]);
    added.ok();
    scene.env.run(&["key", "remove", "1"]).refused(1, &["the kernel forgets"]);
    scene.env.run(&["key", "add", "recovery"]).ok();
    scene.env.run(&["key", "remove", "1"]).refused(4, &["no other one was seen to open the store"]);
    scene.env.run(&["key", "remove", "2"]).ok();
}

/// The agent may hold nothing, the key of the backup, or a later one.
#[test]
fn a_backup_from_before_a_rotation_opens_by_its_own_slots_whatever_the_agent_holds_and_rotates_again() {
    for (at_restore, at_rotation) in [(0, 0), (0, 1), (1, 1), (2, 2), (2, 1), (2, 0), (1, 0)] {
        let mut scene = Scene::with_bobs_roles();
        let secrets = Secrets::add_to(&mut scene);
        let path = scene.env.store();
        let agent = Running::start(&scene.env);
        scene.env.run(&["backup", "to.db"]).ok();
        let first = secrets.key(&path, 1);
        scene.env.run(&["key", "rotate"]).ok();
        let (second, epoch, id) = (secrets.key(&path, 1), Copied::of(&path).epoch(), id_of(&path));
        let give = |which: i32| {
            let mut client = agent.client();
            client.lock().unwrap();
            match which {
                0 => {}
                1 => client.hold(&id, 1, first.expose()).unwrap(),
                _ => client.hold(&id, epoch, second.expose()).unwrap(),
            }
        };
        give(at_restore);
        scene.env.run(&["restore", "--yes", "to.db"]).ok();
        scene.become_in_bash("dev/Reader").ok().calm();
        without_key_file(&scene, || {
            let code = scene.become_in_bash("bob");
            code.code(if at_restore == 1 { 0 } else { 4 });
        });
        give(at_rotation);
        scene.env.run(&["key", "rotate"]).ok().calm();
        let held = agent.client().status().unwrap().held;
        let wanted = if at_rotation == 0 { vec![] } else { vec![Copied::of(&path).epoch()] };
        assert_eq!(held.iter().map(|held| held.key_epoch).collect::<Vec<_>>(), wanted);
        // What is sealed through the agent opens by every slot.
        without_key_file(&scene, || {
            let import = scene.env.run_with_stdin(&["import", "-"], ini("default", &scene.alice));
            import.code(if at_rotation == 0 { 4 } else { 0 });
        });
        scene.import(&scene.alice, "alice");
        secrets.open(&path);
        is_clean(&scene);
        // The store of the second key, which was put aside, is one of its own.
        let aside = std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
        let aside = aside.into_iter().find(|path| text(path).contains(".replaced-")).unwrap();
        assert_ne!(Copied::of(&aside).epoch(), Copied::of(&path).epoch());
        give(2);
        let of_aside = scene.env.run(&["--store", text(&aside), "as", "--shell", "bash", "bob"]);
        of_aside.code(0);
        scene.become_in_bash("bob").ok().calm();
    }
}

fn id_of(path: &std::path::Path) -> Vec<u8> {
    Copy::of(path).connection.query_row("SELECT id FROM store", [], |row| row.get(0)).unwrap()
}

#[test]
fn what_aws_gives_while_the_store_is_rotated_or_replaced_is_used_and_never_sealed_with_a_key_that_is_gone() {
    let other = Scene::with_bob();
    other.env.run(&["backup", "other.db"]).ok();
    for meanwhile in ["rotate", "restore", "restore and rotate", "another store"] {
        let mut scene = Scene::with_bobs_roles();
        let secrets = Secrets::add_to(&mut scene);
        let path = scene.env.store();
        scene.env.run(&["backup", "to.db"]).ok();
        scene.env.run(&["key", "rotate"]).ok();
        let gate = scene.sts.gate("AssumeRole");
        let switch = scene.env.spawn(&["as", "--shell", "bash", "dev/Reader"]);
        assert!(gate.wait_held(1, PATIENCE), "no call arrived");
        match meanwhile {
            "rotate" => scene.env.run(&["key", "rotate"]).ok(),
            "another store" => scene.env.run(&["restore", "--yes", text(&other.env.path("other.db"))]).ok(),
            _ => scene.env.run(&["restore", "--yes", "to.db"]).ok(),
        };
        if meanwhile == "restore and rotate" {
            scene.env.run(&["key", "rotate"]).ok();
        }
        gate.open();
        let code = switch.end();
        let key = key_in_code(&code.ok().calm().stdout).unwrap().to_owned();
        if meanwhile == "another store" {
            code.stderr_has("could not be stored");
            assert!(Copy::of(&path).texts("SELECT access_key_id FROM credential").iter().all(|id| *id != key));
            continue;
        }
        assert!(secrets.open(&path).contains_key(&key), "{meanwhile}: it is stored\n{code}");
        is_clean(&scene);
    }
}
