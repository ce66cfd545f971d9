//! What is refused, before anybody is asked where that is possible; and an AWS that does not answer as it should.

use super::{console, link, with_console};
use crate::scene::refusal::Refusal;
use crate::scene::{DEV, Scene};
use crate::support::loopback::Reply;
use crate::support::sign_in::ECHO;

#[test]
fn what_could_change_the_meaning_of_an_address_is_refused_before_anybody_is_asked() {
    let mut scene = Scene::with_bobs_roles();
    let sign_in = with_console(&mut scene);
    let services =
        ["$(touch pwned)", "\"", "a\nb", "//evil.example", "a@evil.example", "%2e", "s3/home", "", "é", "-x"];
    for service in services {
        let flag = format!("--service={service}");
        console(&scene, &["dev/Reader", &flag]).refused(2, &["is not the name of a service"]);
    }
    let paths = [
        "//evil.example/",
        "/a b",
        "/a\nb",
        "/\\evil.example",
        "/\"",
        "/%zz",
        "",
        "https://evil.example/",
        "http://127.0.0.1.evil.example/",
    ];
    for path in paths {
        let flag = format!("--path={path}");
        console(&scene, &["dev/Reader", &flag]).refused(2, &["is not a path of the console"]);
    }
    console(&scene, &["dev/Reader", "--region", "cn-north-1"])
        .refused(2, &["cn-north-1 is not a region of the partition aws"]);
    console(&scene, &["dev/Reader", "--region", "x@y"]).refused(2, &["region"]);
    assert_eq!(sign_in.asked().len(), 0);
    assert!(!scene.env.path("pwned").exists());
}

#[test]
fn a_session_of_a_user_is_refused_with_the_reason_and_reaches_no_sign_in() {
    let mut scene = Scene::new();
    let sign_in = with_console(&mut scene);
    let session = scene.sts.world(|world| world.user_session(&format!("arn:aws:iam::{DEV}:user/bob"), false, 3_600));
    let text = format!(
        "[s]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n",
        session.access_key_id, session.secret, session.session_token
    );
    scene.env.aws_credentials(&text);
    for duration in [&[][..], &["--duration", "8h"]] {
        console(&scene, &[&["s"], duration].concat())
            .refused(1, &["no credential of GetSessionToken", "long-term key"]);
    }
    scene.env.run_with_stdin(&["import", "-", "--label", "session"], &text).ok();
    console(&scene, &["session"]).refused(1, &["no credential of GetSessionToken", "as a role"]);
    assert_eq!(sign_in.asked().len(), 0);
}

#[test]
fn a_credential_is_sent_to_nobody_but_over_https_or_on_this_machine() {
    let mut scene = Scene::with_bobs_roles();
    for variable in ["MULTICRED_SIGNIN_ENDPOINT", "MULTICRED_CONSOLE_ENDPOINT"] {
        for bad in
            ["http://signin.example", "signin.example", "https://", "https://a b", "https://u:p@host", "https://h/?x"]
        {
            scene.env.set(variable, bad);
            console(&scene, &["dev/Reader"]).refused(2, &[variable, "https://"]);
        }
        scene.env.unset(variable);
    }
    assert_eq!(scene.sts.count("AssumeRole"), 0);
}

#[test]
fn a_no_is_told_without_the_page_that_repeats_what_was_sent() {
    let mut scene = Scene::with_bobs_roles();
    let sign_in = with_console(&mut scene);
    for status in [400, 401, 403] {
        let no = || Reply::text(status, format!("{ECHO} hush-hush"));
        sign_in.trouble([no()]);
        let output = console(&scene, &["dev/Reader", "-v"]);
        output.code(5).stdout_is("").stderr_has(&format!("HTTP {status}")).stderr_has("--fresh").nowhere("hush-hush");
    }
    let asked: Vec<String> = sign_in.asked().into_iter().map(|asked| asked.request.method).collect();
    assert_eq!(asked, ["POST", "POST", "POST"], "a no is a no");
    // A credential that AWS has ended meanwhile.
    let key = scene.sts.world(|world| world.sessions().next().expect("a session").credentials.access_key_id.clone());
    scene.sts.world(|world| world.expire(&key));
    console(&scene, &["dev/Reader"]).refused(5, &["getSigninToken"]);
    link(&console(&scene, &["dev/Reader", "--fresh"]));
}

#[test]
fn a_sign_in_that_takes_no_post_is_asked_as_the_guide_of_aws_says() {
    let mut scene = Scene::with_bobs_roles();
    let sign_in = with_console(&mut scene);
    // Nobody stands between this program and its own machine.
    link(&console(&scene, &["dev/Reader"]));
    scene.env.set("HTTP_PROXY", "http://127.0.0.1:1");
    for status in [404, 405, 501] {
        sign_in.trouble([Reply::text(status, "not so")]);
        link(&console(&scene, &["dev/Reader"]));
    }
    let asked: Vec<String> = sign_in.asked().into_iter().map(|asked| asked.request.method).collect();
    assert_eq!(asked, ["POST", "POST", "GET", "POST", "GET", "POST", "GET"]);
}

#[test]
fn what_passes_is_tried_three_times_and_what_makes_no_sense_once() {
    let mut scene = Scene::with_bobs_roles();
    let sign_in = with_console(&mut scene);
    let busy = || Reply::text(503, "busy");
    sign_in.trouble([busy(), Reply::text(429, "slow down")]);
    link(&console(&scene, &["dev/Reader"]));
    assert_eq!(sign_in.asked().len(), 3);
    sign_in.trouble([busy(), busy(), busy()]);
    console(&scene, &["dev/Reader"]).refused(6, &["HTTP 503"]);
    assert_eq!(sign_in.asked().len(), 6);
    for garbage in ["", "{}", "<html>sign in to the wifi</html>", r#"{"SigninToken":""}"#, r#"{"SigninToken":"a\nb"}"#]
    {
        sign_in.trouble([Reply::json(200, garbage)]);
        console(&scene, &["dev/Reader"]).refused(6, &["cannot be used"]);
    }
    sign_in.trouble([(); 3].map(|()| Reply::json(200, "x".repeat(200_000))));
    console(&scene, &["dev/Reader"]).code(6);
}

#[test]
fn a_redirect_is_not_followed() {
    let mut scene = Scene::with_bobs_roles();
    let sign_in = with_console(&mut scene);
    let to = format!("{}/elsewhere", sign_in.url());
    sign_in.trouble([Reply::Redirect { to, cookie: String::new() }]);
    console(&scene, &["dev/Reader"]).refused(6, &["HTTP 302"]);
    assert_eq!(sign_in.asked().len(), 1);
}

#[test]
fn nobody_there_and_nobody_answering_is_no_answer() {
    let mut scene = Scene::with_bobs_roles();
    let sign_in = with_console(&mut scene);
    sign_in.trouble([Reply::Hang, Reply::Hang, Reply::Hang]);
    console(&scene, &["dev/Reader"]).refused(6, &["it took too long", "MULTICRED_SIGNIN_ENDPOINT"]);
    assert_eq!(sign_in.asked().len(), 3);
    drop(sign_in);
    console(&scene, &["dev/Reader"]).refused(6, &["no answer from AWS to getSigninToken"]);
}

#[test]
fn the_bundle_of_certificates_counts_here_as_well() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.set("MULTICRED_SIGNIN_ENDPOINT", "https://127.0.0.1:9").set("AWS_CA_BUNDLE", "/nowhere.pem");
    console(&scene, &["dev/Reader"]).refused(2, &["/nowhere.pem"]);
}

#[test]
fn flags_that_say_different_things_are_no_command_line() {
    let scene = Scene::with_bobs_roles();
    for words in [&["--service", "s3", "--path", "/x"][..], &["--browser", "x"], &["--container", "x"]] {
        console(&scene, &[&["dev/Reader"], words].concat()).refused(2, &["cannot be used with"]);
    }
}
