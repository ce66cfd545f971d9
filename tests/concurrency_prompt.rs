//! MFA codes under concurrency: one prompt for all, and no code sent twice.

use std::collections::BTreeSet;

use crate::scene::refusal::Refusal;
use crate::scene::seat::{Ended, Seat, eventually, prompts};
use crate::scene::{PATIENCE, PROD, Scene, ini, key_in_code};
use crate::support::env::Background;

const CROWD: usize = 50;
const BECOME_ADMIN: [&str; 4] = ["as", "--shell", "bash", "prod/Admin"];

/// The seats that show a prompt which nobody has answered yet.
fn asking(crowd: &[Seat]) -> Vec<usize> {
    let asks = |seat: &Seat| seat.screen().trim_end_matches(' ').ends_with(':') && seat.screen().contains("MFA code");
    crowd.iter().enumerate().filter(|(_, seat)| asks(seat)).map(|(index, _)| index).collect()
}

#[test]
fn fifty_terminals_that_want_the_same_role_ask_for_one_code_and_cause_one_call_per_hop() {
    let scene = Scene::with_alices_roles();
    let mut crowd = Seat::crowd(&scene.env, CROWD, &BECOME_ADMIN);
    assert!(eventually(|| asking(&crowd).len() == 1), "nobody asks for a code");
    let waiting = |seat: &Seat| seat.screen().contains("waiting for process");
    assert!(eventually(|| crowd.iter().filter(|seat| waiting(seat)).count() == CROWD - 1), "not all others wait");
    let code = scene.sts.mfa_code(&scene.serial);
    let asked = asking(&crowd)[0];
    crowd[asked].type_line(&code);
    let ended: Vec<Ended> = crowd.into_iter().map(Seat::end).collect();
    for ended in &ended {
        assert_eq!(ended.status, 0, "{ended:?}");
        assert!(!ended.screen.contains(&code), "the code is shown: {ended:?}");
    }
    let keys: BTreeSet<_> = ended.iter().map(|ended| key_in_code(&ended.stdout)).collect();
    assert_eq!(keys.len(), 1, "several credentials: {keys:?}");
    assert_eq!(prompts(ended.iter().map(|ended| ended.screen.as_str())), 1);
    assert_eq!(scene.sts.count("GetSessionToken"), 1);
    assert_eq!(scene.sts.count("AssumeRole"), 1);
}

#[test]
fn terminals_and_programs_that_want_different_profiles_of_one_device_ask_for_one_code() {
    let mut scene = Scene::new();
    let keys = ini("alice", &scene.alice);
    let role = |name: &str| {
        let role = format!("role_arn = arn:aws:iam::{PROD}:role/{name}");
        format!("[profile {name}]\n{role}\nsource_profile = alice\nmfa_serial = {}\n", scene.serial)
    };
    let config = format!("[profile alice]\nmfa_serial = {}\n{}{}", scene.serial, role("Admin"), role("Billing"));
    scene.env.aws_credentials(&keys).aws_config(&config);
    let words = |number: usize| match number % 4 {
        0 => ["as", "--shell", "bash", "Admin"].to_vec(),
        1 => ["as", "--shell", "bash", "Billing"].to_vec(),
        2 => ["credential-process", "Admin"].to_vec(),
        _ => ["as", "--shell", "bash", "alice"].to_vec(),
    };
    let mut crowd: Vec<Seat> = (0..20).map(|number| Seat::take(&scene.env, &words(number))).collect();
    assert!(eventually(|| asking(&crowd).len() == 1), "nobody asks for a code");
    let asked = asking(&crowd)[0];
    crowd[asked].type_line(&scene.sts.mfa_code(&scene.serial));
    let ended: Vec<Ended> = crowd.into_iter().map(Seat::end).collect();
    assert!(ended.iter().all(|ended| ended.status == 0), "{ended:#?}");
    assert_eq!(prompts(ended.iter().map(|ended| ended.screen.as_str())), 1);
    assert_eq!([scene.sts.count("GetSessionToken"), scene.sts.count("AssumeRole")], [1, 2]);
}

#[test]
fn where_the_one_that_asks_is_killed_at_its_prompt_another_asks() {
    let scene = Scene::with_alices_roles();
    let mut crowd = Seat::crowd(&scene.env, 8, &BECOME_ADMIN);
    assert!(eventually(|| asking(&crowd).len() == 1), "nobody asks for a code");
    let first = asking(&crowd)[0];
    crowd[first].kill();
    drop(crowd.remove(first));
    assert!(eventually(|| asking(&crowd).len() == 1), "nobody took over");
    let second = asking(&crowd)[0];
    crowd[second].type_line(&scene.sts.mfa_code(&scene.serial));
    let ended: Vec<Ended> = crowd.into_iter().map(Seat::end).collect();
    assert!(ended.iter().all(|ended| ended.status == 0), "{ended:#?}");
    assert_eq!(prompts(ended.iter().map(|ended| ended.screen.as_str())), 1);
    assert_eq!(scene.sts.count("*"), 1 + 2, "one import, one session, one role");
}

#[test]
fn where_the_person_cancels_the_prompt_nobody_else_asks() {
    let scene = Scene::with_alices_roles();
    scene.sts.clear_calls();
    let mut crowd = Seat::crowd(&scene.env, 8, &BECOME_ADMIN);
    let waiting = |seat: &Seat| seat.screen().contains("waiting for process");
    assert!(eventually(|| crowd.iter().filter(|seat| waiting(seat)).count() == 7), "not all others wait");
    let asked = asking(&crowd)[0];
    crowd[asked].type_line("\u{3}");
    let ended: Vec<Ended> = crowd.into_iter().map(Seat::end).collect();
    assert!(ended.iter().all(|ended| ended.status == 130 && ended.stdout.is_empty()), "{ended:#?}");
    assert_eq!(prompts(ended.iter().map(|ended| ended.screen.as_str())), 1);
    assert_eq!(scene.sts.count("*"), 0);
}

#[test]
fn a_code_given_to_two_processes_at_once_is_sent_by_one_and_refused_by_the_other() {
    let scene = Scene::with_alices_roles();
    scene.sts.clear_calls();
    let code = scene.sts.mfa_code(&scene.serial);
    let gate = scene.sts.gate("AssumeRole");
    let become_with_code =
        |role| scene.env.spawn(&["as", "--shell", "bash", "--no-session", "--mfa-code", &code, role]);
    let mut processes = [become_with_code("prod/Admin"), become_with_code("prod/Billing")];
    let one_is_left = eventually(|| processes.iter_mut().map(Background::is_running).filter(|runs| *runs).count() == 1);
    assert!(one_is_left, "both still run");
    assert!(gate.wait_held(1, PATIENCE), "no call arrived");
    gate.open();
    let mut ended = processes.map(|process| process.end());
    ended.sort_by_key(|output| output.status);
    ended[0].ok();
    ended[1].refused(4, &["has been used already", "next code"]);
    assert_eq!(scene.sts.count("*"), 1);
}

#[test]
fn a_code_that_was_sent_once_is_not_sent_again_even_where_aws_refused_it_or_never_answered() {
    use crate::support::sts::Fault;
    for fault in [Fault::refuse(403, "AccessDenied", "MultiFactorAuthentication failed"), Fault::DropBefore] {
        let scene = Scene::with_alices_roles();
        let become_with = |code: &str| scene.env.run(&["as", "--shell", "bash", "--mfa-code", code, "prod/Admin"]);
        scene.sts.fault_once("GetSessionToken", fault);
        let code = scene.sts.mfa_code(&scene.serial);
        assert_ne!(become_with(&code).status, 0);
        scene.sts.clear_calls();
        become_with(&code).refused(4, &["has been used already", "next code"]);
        assert_eq!(scene.sts.count("*"), 0, "it was sent a second time");
        become_with(&scene.sts.mfa_code(&scene.serial)).ok();
    }
}

#[test]
fn a_used_code_typed_at_the_prompt_is_refused_without_a_call_and_asked_again() {
    let scene = Scene::with_alices_roles();
    let code = scene.sts.mfa_code(&scene.serial);
    scene.env.run(&["as", "--shell", "bash", "--mfa-code", &code, "prod/Admin"]).ok();
    scene.sts.clear_calls();
    let mut seat = Seat::take(&scene.env, &["as", "--shell", "bash", "--no-session", "prod/Billing"]);
    seat.wait_for("MFA code for ");
    seat.type_line(&code);
    seat.wait_for("has been used already");
    seat.type_line(&scene.sts.mfa_code(&scene.serial));
    assert_eq!(seat.end().status, 0);
    assert_eq!(scene.sts.count("*"), 1);
}

#[test]
fn without_a_terminal_nobody_asks_and_nobody_calls() {
    let scene = Scene::with_alices_roles();
    scene.sts.clear_calls();
    let processes: Vec<_> = (0..8).map(|_| scene.env.spawn(&BECOME_ADMIN)).collect();
    for process in processes {
        process.end().refused(4, &[&scene.serial, "--mfa-code"]);
    }
    let mut seat = Seat::take(&scene.env, &["as", "--shell", "bash", "--no-input", "prod/Admin"]);
    assert!(eventually(|| !seat.is_running()));
    let ended = seat.end();
    assert_eq!(ended.status, 4, "{ended:?}");
    assert_eq!(scene.sts.count("*"), 0);
}
