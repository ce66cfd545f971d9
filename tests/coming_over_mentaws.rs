//! `import --from mentaws`, with databases and keys that the real mentaws has made.

use std::process::Command;

use crate::coming_over::state_of;
use crate::moto::server::venv;
use crate::scene::refusal::Refusal;
use crate::scene::{Scene, ini};
use crate::support::desktop::Desktop;
use crate::support::env::Hermetic;
use crate::support::process;

/// A home in which `mentaws setup` was run on these credentials, with its key in a keyring.
fn set_up(env: &mut Hermetic, credentials: &str) -> Desktop {
    let desktop = Desktop::of(env);
    env.aws_credentials(credentials);
    env.aws_config("[default]\nregion = eu-west-1\n");
    // mentaws looks for its folder below /home, by the name of the user, whatever HOME says.
    let user = format!("..{}", env.home().display());
    let setup = env.program(&venv("mentaws"), &["setup"]).set("LOGNAME", user);
    let setup = setup.set("PYTHON_KEYRING_BACKEND", "keyring.backends.SecretService.Keyring");
    setup.run().ok().stdout_has("successfully setup");
    assert!(env.path(".aws/mentaws.db").exists());
    // What it took is nowhere else.
    std::fs::remove_file(env.path(".aws/credentials")).unwrap();
    desktop
}

fn credentials(scene: &Scene) -> String {
    let temporary = "aws_access_key_id = ASIAIOSFODNN7EXAMPLE\naws_secret_access_key = hush-hush\n\
         aws_session_token = hush-token\nexpires_at = 2020-01-31T00:00:00Z\n";
    let region = "region = eu-central-1\n";
    let alice = ini("work", &scene.alice);
    format!("{alice}{region}{}[only-region]\n{region}[old]\n{temporary}", ini("bob's own", &scene.bob))
}

#[test]
fn what_the_real_mentaws_has_taken_in_comes_over_under_its_names() {
    let mut scene = Scene::new();
    let text = credentials(&scene);
    let _desktop = set_up(&mut scene.env, &text);
    let before = state_of(&scene.env.path(".aws"));
    let dry = scene.env.run(&["import", "--from", "mentaws", "--dry-run", "--json"]);
    let dry = dry.ok().json();
    assert_eq!((&dry["counts"]["imported"], &dry["counts"]["without_key"]), (&3.into(), &1.into()), "{dry}");
    assert_eq!(scene.sts.count("*"), 0);
    assert!(!scene.env.store().exists());

    let done = scene.env.run(&["import", "--from", "mentaws"]);
    done.ok().calm().stdout_has("work").stderr_has("2 imported, 1 without a key, 1 expired");
    done.stderr_has("'bob\\'s own' did not become the label");
    for secret in scene.secrets().iter().map(String::as_str).chain(["hush-hush", "hush-token"]) {
        done.nowhere(secret);
    }
    for (name, says) in
        [("work", [&scene.alice.secret, "eu-central-1"]), ("111122223333/user/bob", [&scene.bob.secret; 2])]
    {
        let somebody = scene.env.run(&["as", "--shell", "bash", "--no-session", name]);
        somebody.ok().stdout_has(says[0]).stdout_has(says[1]);
    }
    let again = scene.env.run(&["import", "--from", "mentaws", "--profile", "work"]);
    again.ok().stdout_is("").stderr_has("1 stored already");
    scene.env.run(&["import", "--from", "mentaws", "--profile", "wrok"]).refused(3, &["work"]);
    assert_eq!(state_of(&scene.env.path(".aws")), before);
}

#[test]
fn without_the_key_of_its_keyring_nothing_is_opened_and_the_way_out_is_told() {
    let mut scene = Scene::new();
    let text = credentials(&scene);
    let mut desktop = set_up(&mut scene.env, &text);
    let import = ["import", "--from", "mentaws", "--no-input"];
    desktop.start_keyring(false);
    scene.env.run(&import).refused(4, &["locked", "mentaws unsetup"]);
    desktop.stop_keyring();
    scene.env.run(&import).refused(4, &["keyring", "mentaws unsetup"]);
    desktop.start_keyring(true);
    let tool = |arguments: &[&str], input: &str| {
        let line = format!("printf %s '{input}' | secret-tool {}", arguments.join(" "));
        let mut sh = Command::new("sh");
        sh.args(["-c", &line]).envs(scene.env.variables());
        process::run(&mut sh);
    };
    tool(&["clear", "service", "mentaws", "username", "encryption_key"], "");
    scene.env.run(&import).refused(4, &["has no item of mentaws for encryption_key"]);
    let store = ["store", "--label=x", "service", "mentaws", "username", "encryption_key"];
    tool(&store, "hush, no key");
    scene.env.run(&import).refused(4, &["is no key"]).nowhere("hush");
    tool(&store, &format!("{}=", "A".repeat(43)));
    let done = scene.env.run(&import);
    done.code(1).stdout_is("").stderr_has("work: it does not open with the key in the keyring");
    assert!(!scene.env.store().exists());
    assert_eq!(scene.sts.count("*"), 0);
}
