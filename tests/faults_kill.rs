//! SIGKILL before each system call that writes (open with `O_CREAT`, write, pwrite, fsync, ftruncate, rename, link,
//! unlink, mkdir, chmod, send), one run per call, until the command ends untouched.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a broken scene is a failed test")]

mod scene;
mod support;

use scene::ordeal::Ordeal;
use scene::{DEV, Scene, ini, traced};

#[track_caller]
fn survives_a_kill_before_every_write(ordeal: &Ordeal, least_calls: usize) {
    assert!(ordeal.calls.len() >= least_calls, "only {} writing calls were seen", ordeal.calls.len());
    let kills = ordeal.calls.iter().map(|call| (format!("killed before {}", call.line), traced::kill_at(call)));
    ordeal.survives(kills, |output| {
        output.holds(matches!(output.status, 0 | 137), "an untouched end, or a kill");
    });
}

#[test]
fn import_that_makes_the_store_killed_before_every_write() {
    let scene = Scene::new();
    let text = ini("alice", &scene.alice);
    survives_a_kill_before_every_write(&Ordeal::of(scene, &["import", "-"], Some(text)), 60);
}

#[test]
fn import_into_a_store_killed_before_every_write() {
    let scene = Scene::with_bobs_roles();
    let text = ini("alice", &scene.alice);
    survives_a_kill_before_every_write(&Ordeal::of(scene, &["import", "-"], Some(text)), 6);
}

#[test]
fn link_killed_before_every_write() {
    let ordeal = Ordeal::of(Scene::with_bobs_roles(), &["link", "dev/Deployer", "--parent", "bob"], None);
    survives_a_kill_before_every_write(&ordeal, 6);
}

#[test]
fn account_alias_killed_before_every_write() {
    let ordeal = Ordeal::of(Scene::with_bobs_roles(), &["account", "333344445555", "--alias", "third"], None);
    survives_a_kill_before_every_write(&ordeal, 6);
}

#[test]
fn a_cold_switch_over_two_hops_killed_before_every_write() {
    let ordeal = Ordeal::of(Scene::with_bobs_roles(), &["as", "--shell", "bash", "dev/Writer"], None);
    survives_a_kill_before_every_write(&ordeal, 20);
}

#[test]
fn a_switch_to_a_profile_that_makes_the_store_killed_before_every_write() {
    let mut scene = Scene::new();
    let text = ini("base", &scene.bob);
    scene.env.aws_credentials(&text);
    scene
        .env
        .aws_config(&format!("[profile reader]\nrole_arn = arn:aws:iam::{DEV}:role/Reader\nsource_profile = base\n"));
    let ordeal = Ordeal::of(scene, &["as", "--shell", "bash", "reader"], None);
    survives_a_kill_before_every_write(&ordeal, 60);
}
