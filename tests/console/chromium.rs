//! A real browser, which opens the link and comes to the console as the right identity.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::with_console;
use crate::scene::{DEV, Scene};

/// It takes its time where the machine is busy.
const PATIENCE: Duration = Duration::from_mins(2);

/// Chromium without a window, without a sandbox (which needs rights that a container has not), and without any host but
/// the loopback; the page that it comes to is written into a file of the home.
const HEADLESS: &str = r#"#!/bin/sh
chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --disable-extensions \
    --user-data-dir="$HOME/chromium" --host-resolver-rules='MAP * ~NOTFOUND, EXCLUDE 127.0.0.1' \
    --dump-dom "$@" > "$HOME/page.draft" 2> "$HOME/chromium.log"
mv "$HOME/page.draft" "$HOME/page"
"#;

/// The page that the browser comes to when the console is opened so.
fn page(scene: &Scene, words: &[&str]) -> String {
    let page = scene.env.path("page");
    let output = scene.env.run(&[&["console"], words].concat());
    output.ok().stdout_is("");
    let end = Instant::now() + PATIENCE;
    while !page.exists() {
        let log = || fs::read_to_string(scene.env.path("chromium.log")).unwrap_or_default();
        assert!(Instant::now() < end, "Chromium came to no page: {}", log());
        thread::sleep(Duration::from_millis(100));
    }
    let text = fs::read_to_string(&page).unwrap();
    fs::remove_file(&page).unwrap();
    text
}

#[test]
fn chromium_comes_to_the_console_as_a_role_and_as_a_user() {
    let mut scene = Scene::with_bobs_roles();
    let sign_in = with_console(&mut scene);
    scene.env.write("chromium-headless", HEADLESS);
    let browser = scene.env.path("chromium-headless");
    fs::set_permissions(&browser, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let line = browser.to_string_lossy().into_owned();
    let role = page(&scene, &["dev/Reader", "--browser", &line, "--service", "logs", "--region", "eu-west-1"]);
    assert!(role.contains(&format!("<h1>arn:aws:sts::{DEV}:assumed-role/Reader/bob</h1>")), "{role}");
    assert!(role.contains("/cloudwatch/home?region=eu-west-1"), "{role}");
    // Another session, in a profile of its own.
    let user =
        page(&scene, &["bob", "--browser", &line, "--container", "{identity}", "--path", "/s3/buckets/x?a=1&b=2"]);
    assert!(user.contains(&format!("<h1>arn:aws:sts::{DEV}:federated-user/bob</h1>")), "{user}");
    assert!(user.contains("/s3/buckets/x?a=1&amp;b=2"), "{user}");
    assert!(scene.env.path("chromium/bob").is_dir(), "the profile is where Chromium keeps its profiles");
    let agents: Vec<_> = sign_in.asked().into_iter().filter(|asked| asked.request.method == "GET").collect();
    let real = |agent: &str| agent.contains("Chrome/");
    assert!(!agents.is_empty() && agents.iter().all(|asked| asked.request.header("user-agent").is_some_and(real)));
}
