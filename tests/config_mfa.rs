//! `mfa_process`: a program that knows the code (PARITY's vectors 15 and 28).

use std::time::{Duration, Instant};

use crate::profiles::row::{Ran, Row, row};
use crate::profiles::{SEED, Scene};

/// A device that takes any six digits once, and roles straight from the key.
fn config(source: &str, target: &str) -> String {
    format!(
        "[profile alice]\nmfa_serial = OTHER-SERIAL\n{source}\
         [profile t]\nrole_arn = ROLE/Admin\nsource_profile = alice\nmfa_serial = OTHER-SERIAL\n{target}"
    )
}

fn row_of<'r>(name: &'r str, config: &str, words: &'r str) -> Row<'r> {
    row(name, config, words).without_code()
}

fn code(ran: &Ran) -> String {
    ran.scene.sts.calls()[0].param("TokenCode").to_owned()
}

const STRAIGHT: [&str; 1] = ["AssumeRole Admin+mfa 3600"];

#[test]
fn vector_15_a_program_is_inherited_from_the_source_where_there_is_none_and_never_overwritten() {
    let source = "mfa_process = echo 111111\n";
    let own = "mfa_process = echo 222222\n";
    let default = "[default]\nmfa_process = echo 333333\n";
    let words = "--no-session t";
    assert_eq!(code(&row_of("inherited", &config(source, ""), words).calls(&STRAIGHT)), "111111");
    assert_eq!(code(&row_of("its own", &config(source, own), words).calls(&STRAIGHT)), "222222");
    assert_eq!(code(&row_of("of default", &(config("", "") + default), words).calls(&STRAIGHT)), "333333");
    let session = ["GetSessionToken+mfa 28800", "AssumeRole Admin 3600"];
    assert_eq!(code(&row_of("the session is the source's", &config(source, own), "t").calls(&session)), "111111");
}

#[test]
fn vector_28_white_space_around_a_code_is_no_part_of_it_and_a_failure_is_an_error() {
    let config = |command: &str| format!("[profile alice]\nmfa_serial = OTHER-SERIAL\nmfa_process = {command}\n");
    let ran = row_of("28", &config("printf '  123456  \\n'"), "alice").calls(&["GetSessionToken+mfa 3600"]);
    assert_eq!(code(&ran), "123456");
    let place = ["config:3", "mfa_process"];
    for (command, says) in [
        ("exit 1", ""),
        ("echo 654321; echo the key is not plugged in >&2; exit 9", "the key is not plugged in"),
        ("HOME/is-not-there", "is-not-there"),
        ("true", ""),
        ("echo twelve", ""),
        ("echo 12345", ""),
        ("printf '111111\\n222222\\n'", ""),
    ] {
        row_of(command, &config(command), "alice").refused(1, &[place[0], place[1], says]);
    }
    let hostile = "printf '\\033]0;owned\\a\\n' >&2; exit 1";
    let output = row_of(hostile, &config(hostile), "alice").refused(1, &place).output;
    assert!(!output.stderr.contains('\u{1b}'), "{output}");
}

#[test]
fn a_program_is_asked_only_where_a_code_is_needed_and_a_code_that_was_given_beats_it() {
    let mut scene = Scene::new();
    let process = scene.script("code", &format!("echo run >>'{}'; echo 123456", scene.env.path("runs").display()));
    scene.config(&config(&format!("mfa_process = {process}\n"), ""));
    scene.switch("--mfa-code 999999 t").ok();
    assert_eq!((scene.runs(), scene.sts.calls()[0].param("TokenCode")), (0, "999999"));
    for words in ["t", "alice"] {
        scene.switch(words).ok();
    }
    scene.fresh("t").ok();
    assert_eq!(scene.runs(), 0, "the session is there");
    for words in [&["list"][..], &["why", "alice"], &["status"]] {
        scene.env.run(words).ok();
    }
    assert_eq!(scene.runs(), 0, "nobody needs a code to read");
    scene.fresh("alice").ok();
    assert_eq!(scene.runs(), 1);
}

#[test]
fn a_program_without_a_device_is_not_asked() {
    row_of("no device", "[profile bob]\nmfa_process = touch HOME/ran\n", "bob").calls(&["GetSessionToken 3600"]);
}

#[test]
fn many_callers_ask_the_program_once() {
    let mut scene = Scene::new();
    let process =
        scene.script("code", &format!("echo run >>'{}'; sleep 0.3; echo 123456", scene.env.path("runs").display()));
    scene.config(&config(&format!("mfa_process = {process}\n"), ""));
    let callers: Vec<_> = (0..8).map(|_| scene.env.spawn(&["credential-process", "t"])).collect();
    for caller in callers {
        caller.end().ok();
    }
    assert_eq!(scene.runs(), 1);
    assert_eq!(scene.said(), ["GetSessionToken+mfa 28800", "AssumeRole Admin 3600"]);
}

/// RFC 6238 in Python: what `oathtool --totp` prints.
fn authenticator() -> String {
    let seed: String = SEED.iter().map(|byte| char::from(*byte)).collect();
    format!(
        "exec python3 -c '\nimport hmac, struct, time\n\
         digest = hmac.new(b\"{seed}\", struct.pack(\">Q\", int(time.time()) // 30), \"sha1\").digest()\n\
         at = digest[19] & 15\n\
         print(\"%06d\" % ((struct.unpack(\">I\", digest[at:at + 4])[0] & 0x7fffffff) % 1000000))'"
    )
}

/// AWS takes each code once: a program that is asked again within its step shows the one that was used.
#[test]
fn a_generated_code_that_was_used_waits_for_the_next_step() {
    let mut scene = Scene::new();
    let process = scene.script("authenticator", &authenticator());
    scene.config(&format!("[profile alice]\nmfa_serial = SERIAL\nmfa_process = {process}\n"));
    let start = Instant::now();
    scene.switch("alice").ok();
    assert!(start.elapsed() < Duration::from_secs(10), "the first code is used at once");
    scene.fresh("alice").ok();
    let calls = scene.sts.calls();
    assert_eq!(scene.said(), ["GetSessionToken+mfa 3600"; 2], "no code was sent in vain");
    assert_ne!(calls[0].param("TokenCode"), calls[1].param("TokenCode"));
}
