//! `link --verify`: only a link that works is kept.

use serde_json::json;

use crate::scene::refusal::Refusal;
use crate::scene::seat::Seat;
use crate::scene::{DEV, PATIENCE, Scene, store};
use crate::support::sts::{Fault, Role};

#[test]
fn a_link_that_works_is_kept_and_what_proved_it_serves_the_next_switch() {
    let scene = Scene::with_bob();
    let linked = scene.env.run(&["link", "dev/Reader", "--parent", "bob", "--verify"]);
    linked.ok().stderr_has("assumed dev/Reader: the link works");
    let calls = scene.sts.count("*");
    scene.become_in_bash("dev/Reader").ok();
    assert_eq!(scene.sts.count("*"), calls);
}

#[test]
fn a_link_that_aws_refuses_is_not_kept_and_that_is_said() {
    let scene = Scene::with_bob();
    let before = store::content(&scene.env.store());
    let refused = scene.env.run(&["link", "dev/Nobody", "--parent", "bob", "--region", "eu-west-1", "--verify"]);
    refused.refused(5, &["AccessDenied", "the link of dev/Nobody is not kept", "without --verify it is kept"]);
    scene.env.run(&["show", "dev/Nobody"]).code(3);
    scene.sts.fault_always("AssumeRole", Fault::unavailable());
    scene.env.run(&["link", "dev/Reader", "--parent", "bob", "--verify"]).refused(6, &["is not kept"]);
    scene.sts.clear_faults();
    scene
        .env
        .run(&["link", "dev/Reader", "--parent", "bob", "--mfa-serial", &scene.serial, "--verify"])
        .refused(4, &["is not kept"]);
    let rows = |text: &str| {
        let is_kept = |line: &&str| !line.contains(" | session | ");
        text.lines().filter(is_kept).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rows(&store::content(&scene.env.store())), rows(&before), "all is as it was, but for bob's session");
    let history = scene.env.run(&["history", "--json"]);
    history.ok().stdout_has("not kept: ");
    scene.env.run(&["link", "dev/Nobody", "--parent", "bob"]).ok();
    scene.env.run(&["show", "dev/Nobody"]).ok();
}

#[test]
fn a_former_link_comes_back_where_the_new_one_does_not_work() {
    let scene = Scene::with_bobs_roles();
    scene.sts.world(|world| {
        world.role(Role::new(DEV, "Other").trust(&format!("arn:aws:iam::{DEV}:user/bob")));
    });
    scene.env.run(&["link", "dev/Other", "--parent", "bob", "--external-id", "x-1", "--region", "eu-west-1"]).ok();
    let before = scene.env.run(&["show", "dev/Other", "--json"]).ok().json();
    let words = ["link", "dev/Other", "--parent", "dev/Reader", "--region", "us-east-1", "--verify"];
    scene.env.run(&words).refused(5, &["is not kept"]);
    let after = scene.env.run(&["show", "dev/Other", "--json"]).ok().json();
    for key in ["parent", "region", "children", "names"] {
        assert_eq!(after[key], before[key], "{key}");
    }
    assert_eq!(after["parent"]["external_id"], json!("x-1"));
    scene.become_in_bash("dev/Other").ok();
}

/// It was stored first, and taken away again where it did not work: a kill meanwhile left it there.
#[test]
fn a_link_is_not_stored_before_it_is_proven_so_that_a_kill_leaves_none() {
    let scene = Scene::with_bobs_roles();
    let before = scene.env.run(&["show", "dev/Reader", "--json"]).ok().json();
    let known = scene.env.run(&["list", "--json"]).ok().json();
    let gate = scene.sts.gate("AssumeRole");
    for (count, role) in (1..).zip(["dev/Reader", "dev/New"]) {
        let flags = ["--parent", "bob", "--external-id", "x-1", "--region", "eu-west-1", "--verify"];
        let mut seat = Seat::take(&scene.env, &[&["link", role][..], &flags].concat());
        assert!(gate.wait_held(count, PATIENCE), "AWS is asked");
        seat.kill();
        seat.end();
    }
    drop(gate);
    let after = scene.env.run(&["show", "dev/Reader", "--json"]).ok().json();
    for key in ["parent", "region", "names"] {
        assert_eq!(after[key], before[key], "{key}");
    }
    assert_eq!(scene.env.run(&["list", "--json"]).ok().json(), known);
}

#[test]
fn a_link_that_would_lead_round_in_a_loop_is_refused_before_aws_is_asked() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["link", "dev/Other", "--parent", "dev/Reader"]).ok();
    scene.sts.clear_calls();
    scene.env.run(&["link", "dev/Reader", "--parent", "dev/Other", "--verify"]).code(2);
    assert_eq!(scene.sts.count("*"), 0);
}
