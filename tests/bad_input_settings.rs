//! Variables of the environment that cannot be used, and streams that take nothing.

use crate::scene::refusal::Refusal;
use crate::scene::{Scene, ini, store};
use crate::support::env::Output;
use crate::support::process;

/// Runs a program of the shell in the scene's environment.
fn sh(scene: &Scene, script: &str) -> Output {
    scene.env.program("bash", &["--norc", "-c", script]).run()
}

#[test]
fn a_variable_that_cannot_be_used_is_named_before_any_call() {
    let scene = Scene::with_bobs_roles();
    scene.sts.clear_calls();
    for (variable, value) in [
        ("AWS_ENDPOINT_URL", "localhost:4566"),
        ("AWS_ENDPOINT_URL", "http://"),
        ("AWS_ENDPOINT_URL", "http://a b"),
        ("AWS_ENDPOINT_URL", "ftp://example.com"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:99999"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:port"),
        ("AWS_ENDPOINT_URL", "http://[::1"),
        ("AWS_ENDPOINT_URL", "http://:80"),
        ("AWS_ENDPOINT_URL", "http://\u{1b}[31m"),
        ("AWS_ENDPOINT_URL_STS", "nonsense"),
        ("AWS_REGION", "eu-west-1;id"),
        ("AWS_REGION", "eu-west-1\nid"),
        ("AWS_DEFAULT_REGION", "$(id)"),
        ("AWS_USE_FIPS_ENDPOINT", "maybe"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "1"),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "perhaps"),
        ("AWS_STS_REGIONAL_ENDPOINTS", "global"),
    ] {
        let before = store::content(&scene.env.store());
        let output = scene.env.command(&["as", "--shell", "bash", "dev/Reader"]).set(variable, value).run();
        output.refused(2, &[variable, &format!("unset {variable}")]);
        let import = scene.env.command(&["import", "-"]).set(variable, value).stdin(ini("a", &scene.alice)).run();
        import.refused(2, &[variable]);
        assert_eq!(store::content(&scene.env.store()), before);
    }
    assert_eq!(scene.sts.count("*"), 0);
}

/// The AWS SDK panics on these; none of them has a say in how we retry.
#[test]
fn settings_of_the_sdk_that_we_do_not_follow_do_no_harm() {
    for (variable, value) in [
        ("AWS_RETRY_MODE", "legacy"),
        ("AWS_RETRY_MODE", "nonsense"),
        ("AWS_MAX_ATTEMPTS", "0"),
        ("AWS_MAX_ATTEMPTS", "abc"),
        ("AWS_MAX_ATTEMPTS", "-1"),
        ("AWS_ENDPOINT_URL_STS", ""),
        ("AWS_REGION", ""),
        ("AWS_CA_BUNDLE", ""),
        ("AWS_PROFILE", "nobody-of-that-name"),
        ("AWS_DEFAULT_PROFILE", ""),
        ("AWS_ROLE_ARN", "nonsense"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere"),
        ("AWS_SDK_UA_APP_ID", "\u{7f}"),
        ("AWS_CONFIG_FILE", "/nowhere/config"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials"),
        ("RUST_LOG", "trace"),
        ("SSL_CERT_FILE", "/nowhere"),
        ("TZ", "nonsense"),
        ("LC_ALL", "nonsense"),
    ] {
        let scene = Scene::with_bobs_roles();
        let output = scene.env.command(&["as", "--shell", "bash", "dev/Reader"]).set(variable, value).run();
        output.ok().calm();
        assert_eq!(scene.sts.count("AssumeRole"), 1, "{variable}={value}");
    }
}

#[test]
fn a_ca_bundle_that_cannot_be_used_is_named_before_any_call() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.write("not.pem", "no certificate\n");
    scene.env.write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    scene.env.write("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    scene.env.write("binary.pem", b"\xff\x00\xfe");
    let https = scene.sts.url().replace("http://", "https://");
    for name in ["nowhere.pem", "not.pem", "broken.pem", "cut.pem", "binary.pem", "."] {
        let file = scene.env.path(name).to_string_lossy().into_owned();
        let switch = scene.env.command(&["as", "--shell", "bash", "dev/Reader"]);
        let output = switch.set("AWS_CA_BUNDLE", &file).set("AWS_ENDPOINT_URL", &https).run();
        output.refused(2, &["CA", "AWS_CA_BUNDLE"]);
    }
    assert_eq!(scene.sts.count("AssumeRole"), 0);
}

#[test]
fn a_proxy_variable_that_is_garbage_is_no_panic_and_no_silent_detour() {
    let scene = Scene::with_bobs_roles();
    for (variable, value) in [
        ("HTTP_PROXY", "garbage"),
        ("HTTP_PROXY", "http://"),
        ("HTTP_PROXY", "://///"),
        ("HTTP_PROXY", "http://127.0.0.1:1"),
        ("http_proxy", "%%%"),
        ("HTTPS_PROXY", "\u{7f}"),
        ("ALL_PROXY", "socks9://x"),
        ("NO_PROXY", "!!,,*.*"),
    ] {
        let output = scene.env.command(&["as", "--shell", "bash", "--fresh", "dev/Reader"]).set(variable, value).run();
        output.calm();
        output.holds(matches!(output.status, 0 | 2 | 6), "success, or a refusal that names what is wrong");
        if output.status != 0 {
            output.refused(output.status, &["prox"]);
        }
    }
}

/// Such a variable must not count as unset: calls would go to another place than the person said.
#[test]
fn a_variable_that_is_no_text_is_refused_rather_than_ignored() {
    let scene = Scene::with_bobs_roles();
    scene.sts.clear_calls();
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_REGION", "AWS_USE_FIPS_ENDPOINT"] {
        let script =
            format!("export {variable}=$'http://127.0.0.1:1/\\xff'; exec multicred as --shell bash dev/Reader");
        // Nothing of this test may leave the machine, whatever the program makes of the variable.
        let script = format!("export HTTPS_PROXY=http://127.0.0.1:1; {script}");
        sh(&scene, &script).refused(2, &[variable]);
    }
    assert_eq!(scene.sts.count("*"), 0);
}

#[test]
fn bytes_that_are_no_text_are_no_panic() {
    let scene = Scene::with_bob();
    for script in [
        r"exec multicred as --shell bash $'\xff\xfe'",
        r"exec multicred $'\xff'",
        r"exec multicred why $'\xff'",
        r"exec multicred as --shell bash --region $'\xff' bob",
        r"exec multicred as --shell $'\xff' bob",
        r"exec multicred account 111122223333 --alias $'\xff'",
    ] {
        let output = sh(&scene, script);
        output.refused(output.status, &[]);
        output.holds(matches!(output.status, 2 | 3), "exit code 2 or 3");
    }
    for variable in ["MULTICRED_IDENTITY", "AWS_ACCESS_KEY_ID", "USER", "TERM", "SHELL", "NO_COLOR", "MULTICRED_REGION"]
    {
        let script = format!("export {variable}=$'\\xff\\xfe'; multicred status && multicred list >/dev/null");
        sh(&scene, &script).ok().calm();
    }
    sh(&scene, r"export MULTICRED_KEY=$'\xff'; exec multicred --store new.db account 111122223333 --alias x")
        .refused(2, &["MULTICRED_KEY"]);
    assert!(!scene.env.path("new.db").exists());
}

/// SQLite takes paths as UTF-8 only: another store must not take its place.
#[test]
fn a_store_whose_path_is_no_text_is_refused() {
    let scene = Scene::new();
    sh(&scene, r"exec multicred --store $'\xff.db' account 111122223333 --alias x").refused(1, &["UTF-8"]);
    sh(&scene, r"export MULTICRED_STORE=$PWD/$'\xff.db'; exec multicred account 111122223333 --alias x")
        .refused(1, &["UTF-8"]);
    assert!(!scene.env.store().exists());
}

#[test]
fn a_stdout_that_is_full_is_told_with_exit_code_1_and_what_was_stored_stays() {
    let scene = Scene::with_bobs_roles();
    for command in
        ["as --shell bash dev/Reader", "list", "list --json", "why bob", "status", "init bash", "account dev", "--help"]
    {
        let output = sh(&scene, &format!("exec multicred {command} >/dev/full"));
        output.refused(1, &["cannot be written"]);
    }
    scene.become_in_bash("dev/Reader").ok();
    assert_eq!(scene.sts.count("AssumeRole"), 1, "the credential that could not be shown was stored");
}

/// STYLE 2: a broken pipe is not an error. A shell that does not read its code is another matter: there was no switch.
#[test]
fn a_reader_that_goes_away_is_no_error_and_no_panic() {
    let scene = Scene::with_bobs_roles();
    for command in ["list", "list --json", "why bob", "status", "init bash", "account dev", "--help"] {
        let script = format!("set -o pipefail; multicred {command} | {{ exec 0<&-; }}");
        let output = sh(&scene, &script);
        output.ok().stderr_is("");
    }
    let output = sh(&scene, "set -o pipefail; multicred as --shell bash bob | { exec 0<&-; }");
    output.code(1).calm();
}

#[test]
fn closed_streams_are_no_panic_and_do_not_reach_the_store() {
    let scene = Scene::with_bobs_roles();
    for streams in [">&-", "2>&-", "<&-", ">&- 2>&- <&-", "2>/dev/full", ">/dev/full 2>/dev/full"] {
        for command in ["as --shell bash dev/Reader", "list", "why nobody", "as --shell bash nobody", "--help"] {
            let output = sh(&scene, &format!("multicred {command} {streams}"));
            output.holds(!output.stderr.contains("panicked"), "no panic");
            output.holds(matches!(output.status, 0 | 1 | 3), "a known exit code");
        }
    }
    assert!(store::Copy::of(&scene.env.store()).is_whole());
}

#[test]
fn a_pipe_in_the_place_of_the_settings_is_not_waited_for() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.write("config/multicred/other", "");
    let path = scene.env.path("config/multicred/config.toml");
    process::run(std::process::Command::new("mkfifo").arg(&path));
    let asked = scene.env.spawn(&["config"]);
    asked.end_within(std::time::Duration::from_secs(20)).refused(2, &["config.toml", "no regular file"]);
}
