//! What `setup`, `refresh` and their neighbours tell: to whom they speak, to programs, and in the history.

use crate::coming_over::Old;
use crate::scene::refusal::Refusal;
use crate::scene::{DEV, PROD, Scene, ini};
use crate::setup::credentials;

const TEMPORARY: [&str; 4] = ["setup", "--yes", "--no-shells", "--temporary"];

#[test]
fn why_shows_of_a_kept_profile_the_line_that_is_in_the_file() {
    let mut scene = Scene::new();
    scene.env.aws_credentials(&ini("src", &scene.bob));
    scene.env.aws_config(&format!("[profile dst]\nrole_arn = arn:aws:iam::{DEV}:role/Reader\nsource_profile = src\n"));
    scene.env.run(&TEMPORARY).ok();
    let bob = format!("multicred_identity = arn:aws:iam::{DEV}:user/bob");
    assert!(credentials(&scene).contains(&bob));
    scene.env.run(&["why", "dst"]).ok().stdout_has(&format!("src: {bob}")).nowhere("credential_process");
    scene.env.run(&["why", "dst", "--json"]).ok().nowhere("credential_process");
}

#[test]
fn a_key_that_was_stored_already_gets_the_name_that_it_has_in_another_tool() {
    let scene = Scene::new();
    for key in [&scene.alice, &scene.bob] {
        scene.env.run_with_stdin(&["import", "-"], ini("default", key)).ok();
    }
    scene.env.run(&["label", &format!("{DEV}/user/bob"), "mine"]).ok();
    crate::coming_over_vault::encrypt_keys(&scene, &[("hers", &scene.alice), ("his", &scene.bob)]);
    let done = scene.env.command(&["import", "--from", "aws-vault"]);
    let done = done.set("AWS_VAULT_FILE_PASSPHRASE", crate::coming_over_vault::PASSPHRASE).run();
    done.ok().calm().stderr_has("2 stored already").stderr_has("of hers is stored already");
    done.stderr_has("'his' did not become the label of mine: it is mine already");
    scene.env.run(&["as", "--shell", "bash", "--no-session", "hers"]).ok().stdout_has(&scene.alice.secret);
}

#[test]
fn a_line_break_in_another_tools_name_begins_no_line_of_ours() {
    let scene = Scene::new();
    let old = Old::of(&scene);
    old.credential("arn:aws:iam::1:user/x\nall is well", "nonsense", "no", None, "2099-01-31 12:00:00.000000");
    let done = scene.env.run(&["import", "--from", "multicred-py"]);
    done.code(1).calm().stderr_has("all is well");
    assert!(!done.stderr.lines().any(|line| line.starts_with("multicred: all is well")), "{}", done.stderr);
    let none = scene.env.run(&["import", "--from", "multicred-py", "--profile", "nobody"]);
    assert!(!none.code(3).stderr.lines().any(|line| line.starts_with("multicred: all is well")), "{}", none.stderr);
}

#[test]
fn a_rehearsal_counts_the_links_that_would_be_made() {
    let scene = Scene::new();
    let old = Old::of(&scene);
    let user = |name: &str| format!("arn:aws:iam::{DEV}:user/{name}");
    let role = format!("arn:aws:iam::{PROD}:role/Admin");
    for (target, parent) in [("one", "alice"), ("two", "alice"), ("three", "bob")] {
        let target = format!("arn:aws:sts::{PROD}:assumed-role/Admin/{target}");
        old.link(&target, &user(parent), &role);
    }
    let counts = "1 would be linked, 1 linked already, 1 linked otherwise";
    scene.env.run(&["import", "--from", "multicred-py", "--dry-run"]).ok().stderr_has(counts);
    scene.env.run(&["import", "--from", "multicred-py"]).ok().stderr_has(&counts.replace("would be ", ""));
}
