//! Where the link may be seen: in the browser's words, and nowhere else.

use std::fs;

use super::{link, with_console};
use crate::scene::Scene;
use crate::scene::tree::tree;
use crate::support::sts::query;

/// Every process that the program starts, with all of its words, and all that is written to a pipe or a file.
fn traced(scene: &Scene, words: &[&str]) -> (String, String) {
    let log = scene.env.path("strace.log");
    let log_text = log.to_string_lossy().into_owned();
    let binary = scene.env.binary().to_string_lossy().into_owned();
    let strace =
        ["-f", "-qq", "-s", "100000", "-v", "-e", "signal=none", "-e", "trace=execve", "-o", &log_text, &binary];
    let output = scene.env.program("strace", &[&strace[..], words].concat()).run();
    output.ok();
    (fs::read_to_string(&log).expect("strace's log"), output.stdout.clone())
}

#[test]
fn no_process_but_the_browser_has_the_link_or_a_secret_among_its_words() {
    let mut scene = Scene::with_bobs_roles();
    let sign_in = with_console(&mut scene);
    let browser = scene.env.path("firefox");
    fs::write(&browser, "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(&browser, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let line = browser.to_string_lossy().into_owned();
    for words in [&["console", "dev/Reader", "--browser", &*line][..], &["console", "dev/Reader", "--print"]] {
        let (log, _) = traced(&scene, words);
        let exchange = sign_in.exchanges().pop().expect("an exchange");
        let token = query::encode(&exchange.token);
        let session = scene.sts.world(|world| world.session(&exchange.access_key_id).cloned()).expect("a session");
        let holders: Vec<&str> = log.lines().filter(|line| line.contains(&token)).collect();
        let expected = usize::from(words.contains(&"--browser"));
        assert_eq!(holders.len(), expected, "{log}");
        // 4711 execve("/…/firefox", ["/…/firefox", "http://…"], …) = 0
        assert!(holders.iter().all(|holder| holder.contains(&format!("execve(\"{line}\""))), "{holders:?}");
        for secret in [&session.credentials.secret, &session.credentials.session_token, &scene.bob.secret] {
            assert!(!log.contains(secret.as_str()) && !log.contains(&query::encode(secret)), "{log}");
        }
        // multicred, multicred in between, the browser.
        assert!(log.lines().filter(|line| line.contains("execve(")).count() > 2 * expected, "{log}");
    }
}

#[test]
fn the_link_is_in_no_file_no_note_and_not_in_the_history() {
    let mut scene = Scene::with_bobs_roles();
    let sign_in = with_console(&mut scene);
    for name in ["dev/Reader", "bob"] {
        let output = scene.env.run(&["console", name, "--print", "-v"]);
        let link = link(&output);
        let exchange = sign_in.exchanges().pop().expect("an exchange");
        assert!(link.contains(&query::encode(&exchange.token)));
        output.holds(!output.stderr.contains("SigninToken="), "no link on stderr");
        output.holds(!output.stderr.contains(&exchange.token), "no token on stderr");
        for (path, entry) in tree(scene.env.home()) {
            for secret in [exchange.token.clone(), query::encode(&exchange.token), "SigninToken=".to_owned()] {
                let found = entry.bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{} has {secret}", path.display());
            }
        }
    }
    let history = fs::read_to_string(scene.env.path("data/multicred/history.jsonl")).unwrap();
    let lines = history.lines().filter(|line| line.contains("\"console\"")).collect::<Vec<_>>();
    assert_eq!(lines.len(), 2, "{history}");
    assert!(lines[0].contains("dev/Reader") && lines[0].contains("\"ok\""), "{history}");
    for secret in scene.secrets() {
        assert!(!history.contains(&secret));
    }
}
