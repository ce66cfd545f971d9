//! STS down, slow, overloaded, out of its mind, or lying.

use std::time::{Duration, Instant};

use crate::scene::refusal::Refusal;
use crate::scene::{PROD, Scene, ini, store};
use crate::support::env::Output;
use crate::support::sts::Fault;

#[track_caller]
fn switch_with(fault: Fault) -> (Scene, Output) {
    let scene = Scene::with_bobs_roles();
    scene.sts.fault_always("AssumeRole", fault);
    let before = store::content(&scene.env.store());
    let output = scene.become_in_bash("dev/Reader");
    assert_eq!(store::content(&scene.env.store()), before, "the store changed\n{output}");
    (scene, output)
}

#[test]
fn a_refusal_is_told_in_awss_words_with_exit_code_5_and_not_repeated() {
    for (fault, says) in [
        (Fault::refuse(403, "AccessDenied", "not you"), "not you"),
        (Fault::refuse(400, "ValidationError", "too long"), "too long"),
        (Fault::refuse(403, "ExpiredToken", "it has expired"), "it has expired"),
        (Fault::refuse(403, "InvalidClientTokenId", "unknown key"), "unknown key"),
        (Fault::moto_denied(), "not allowed"),
    ] {
        let (scene, output) = switch_with(fault);
        output.refused(5, &[says]);
        assert_eq!(scene.sts.count("AssumeRole"), 1, "{says}");
    }
}

#[test]
fn overload_and_inner_errors_are_tried_three_times_and_then_told_with_exit_code_6() {
    for (fault, says) in [
        (Fault::throttle(), "Throttling"),
        (Fault::throttle_429(), "Throttling"),
        (Fault::internal_failure(), "InternalFailure"),
        (Fault::unavailable(), "ServiceUnavailable"),
        (Fault::raw(503, "text/html", b"<html>busy</html>"), "503"),
        (Fault::raw(502, "text/plain", b""), "502"),
    ] {
        let (scene, output) = switch_with(fault);
        output.refused(6, &[says]);
        assert_eq!(scene.sts.count("AssumeRole"), 3, "{says}");
    }
}

#[test]
fn overload_that_passes_is_not_even_told() {
    let scene = Scene::with_bobs_roles();
    scene.sts.fault_times(2, "AssumeRole", Fault::throttle());
    scene.become_in_bash("dev/Reader").ok().stderr_is("");
}

#[test]
fn an_answer_that_makes_no_sense_is_told_with_exit_code_6() {
    for fault in [
        Fault::garbage(),
        Fault::html(),
        Fault::empty(),
        Fault::TruncatedXml,
        Fault::DropMidBody,
        Fault::raw(200, "text/xml", b"<AssumeRoleResponse/>"),
        Fault::raw(200, "application/json", b"{}"),
        Fault::raw(302, "text/html", b"<html>elsewhere</html>"),
        Fault::raw(204, "text/xml", b""),
    ] {
        let name = format!("{fault:?}");
        let (_, output) = switch_with(fault);
        output.holds(output.status == 6, &name).refused(6, &[]);
    }
}

/// A captive portal, a proxy, a server of somebody else's.
#[test]
fn a_no_without_an_error_code_of_awss_is_no_refusal() {
    for status in [400, 401, 403, 404, 407, 410, 429] {
        for (kind, body) in [("text/html", &b"<html><p>Please log in<br></html>"[..]), ("text/plain", b"no"), ("", b"")]
        {
            let (scene, output) = switch_with(Fault::raw(status, kind, body));
            output.refused(6, &[&format!("HTTP {status}"), "in its place"]);
            assert_eq!(scene.sts.count("AssumeRole"), 1, "{status}");
        }
    }
}

#[test]
fn a_lie_is_found_out_and_nothing_of_it_reaches_the_shell() {
    let other = format!("arn:aws:iam::{PROD}:role/Admin");
    for (fault, says) in [
        (Fault::other_role(&other), "Admin"),
        (Fault::missing_secret(), "AssumeRole"),
        (Fault::DropField("SessionToken".to_owned()), "AssumeRole"),
        (Fault::DropField("AccessKeyId".to_owned()), "AssumeRole"),
        (Fault::DropField("Credentials".to_owned()), "Credentials"),
        (Fault::DropField("AssumedRoleUser".to_owned()), "AssumedRoleUser"),
        (Fault::DropField("Expiration".to_owned()), "AssumeRole"),
        (Fault::PastExpiry, "already expired"),
        (Fault::set_field("Expiration", "soon"), "AssumeRole"),
        (Fault::set_field("SecretAccessKey", ""), "AssumeRole"),
        (Fault::set_field("SessionToken", ""), "AssumeRole"),
        (Fault::set_field("AccessKeyId", "x'; touch owned; '"), "access key id"),
        (Fault::set_field("AccessKeyId", "short"), "access key id"),
        (Fault::hostile_secret(), "secret"),
        (Fault::set_field("SessionToken", "a\nb"), "secret"),
        (Fault::set_field("Arn", "nonsense"), "nonsense"),
    ] {
        let (scene, output) = switch_with(fault);
        output.refused(6, &[says]);
        assert!(!scene.env.path("owned").exists());
    }
}

#[test]
fn words_of_aws_cannot_draw_on_the_terminal_or_forge_a_line_of_ours() {
    let (scene, output) = switch_with(Fault::hostile_message());
    output.refused(5, &["AccessDenied"]);
    let forged = output.stderr.lines().any(|line| line.trim_start_matches("multicred: ").starts_with("all is well"));
    output.holds(!forged, "no line made by AWS's message");
    let lines = output.stderr.lines().count();
    output.holds(lines == 2, "one fact and one remedy");
    let history = std::fs::read_to_string(scene.env.path("data/multicred/history.jsonl")).unwrap();
    assert!(!history.contains('\u{1b}'));
}

#[test]
fn a_lying_answer_to_an_import_stores_nothing() {
    for (fault, code) in [
        (Fault::set_field("Arn", "nonsense"), 6),
        (Fault::set_field("Arn", "arn:aws:iam::111122223333:user/$(touch owned)"), 6),
        (Fault::set_field("Account", "999999999999"), 6),
        (Fault::DropField("Arn".to_owned()), 6),
        (Fault::garbage(), 6),
        (Fault::html(), 6),
        (Fault::raw(403, "text/html", b"<html>Please log in</html>"), 6),
        (Fault::hostile_message(), 5),
        (Fault::refuse(403, "InvalidClientTokenId", "unknown"), 5),
        (Fault::internal_failure(), 6),
    ] {
        let scene = Scene::with_bob();
        let before = store::content(&scene.env.store());
        scene.sts.fault_always("GetCallerIdentity", fault);
        let output = scene.env.run_with_stdin(&["import", "-"], ini("a", &scene.alice));
        output.refused(code, &[&scene.alice.access_key_id]);
        assert_eq!(store::content(&scene.env.store()), before);
        assert!(!scene.env.path("owned").exists());
    }
}

#[test]
fn nobody_at_the_endpoint_is_told_with_exit_code_6() {
    let scene = Scene::with_bobs_roles();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let switch =
        |url: &str| scene.env.command(&["as", "--shell", "bash", "dev/Reader"]).set("AWS_ENDPOINT_URL", url).run();
    switch(&url).refused(6, &["no answer", "AWS_ENDPOINT_URL"]);
    switch("http://nowhere.invalid").refused(6, &["no answer"]);
    // A TLS client at a server that speaks plain HTTP.
    switch(&scene.sts.url().replace("http:", "https:")).refused(6, &["no answer"]);
}

#[test]
fn a_server_that_hangs_up_is_told_with_exit_code_6() {
    let (_, output) = switch_with(Fault::DropBefore);
    output.refused(6, &["no answer"]);
}

/// The answer was lost, so the code may have been used: it is never sent a second time.
#[test]
fn a_call_with_a_code_is_made_once_whatever_becomes_of_it() {
    for fault in [Fault::DropAfter, Fault::internal_failure(), Fault::throttle(), Fault::garbage()] {
        let scene = Scene::with_alices_roles();
        scene.sts.fault_always("GetSessionToken", fault);
        let code = scene.sts.mfa_code(&scene.serial);
        scene.env.run(&["as", "--shell", "bash", "--mfa-code", &code, "prod/Admin"]).refused(6, &[]);
        assert_eq!(scene.sts.count("GetSessionToken"), 1);
    }
}

/// 10 s an attempt: one for the call with a code, three for the other, side by side.
#[test]
fn a_server_that_never_answers_is_given_up_in_bounded_time() {
    let start = Instant::now();
    let (alice, bob) = (Scene::with_alices_roles(), Scene::with_bobs_roles());
    alice.sts.fault_always("GetSessionToken", Fault::Hang);
    bob.sts.fault_always("AssumeRole", Fault::Hang);
    let code = alice.sts.mfa_code(&alice.serial);
    let with_code = alice.env.spawn(&["as", "--shell", "bash", "--mfa-code", &code, "prod/Admin"]);
    let without = bob.env.spawn(&["as", "--shell", "bash", "dev/Reader"]);
    with_code.end_within(Duration::from_secs(25)).refused(6, &["took too long"]);
    without.end_within(Duration::from_secs(45)).refused(6, &["took too long"]);
    assert_eq!((alice.sts.count("GetSessionToken"), bob.sts.count("AssumeRole")), (1, 3));
    assert!(start.elapsed() > Duration::from_secs(9), "a slow answer deserves its ten seconds");
}

#[test]
fn a_slow_answer_is_waited_for() {
    let scene = Scene::with_bobs_roles();
    scene.sts.fault_once("AssumeRole", Fault::Delay(Duration::from_millis(1500)));
    scene.become_in_bash("dev/Reader").ok().stderr_is("");
    assert_eq!(scene.sts.count("AssumeRole"), 1);
}

#[test]
fn a_clock_that_is_wrong_is_told_as_such() {
    let scene = Scene::with_bobs_roles();
    scene.sts.set_clock_offset(-86_400);
    let output = scene.become_in_bash("dev/Reader");
    output.refused(output.status, &["clock"]);
    output.holds(matches!(output.status, 5 | 6), "exit code 5 or 6");
}
