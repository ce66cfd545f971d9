//! Passphrases, recovery codes and the store's key are nowhere but where they belong.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use multicred::seal::{FileSlot, PassphraseSlot, wrap_binding};
use multicred::secret::Secret;
use multicred::store::Store;

use crate::scene::keys::{BECOME_BOB, QUESTION, Way};
use crate::scene::seat::{Seat, eventually};
use crate::scene::{PATIENCE, Scene};
use crate::support::agent::Running;

/// In no other test, nor in anything that a machine has.
const PASSPHRASE: &str = "zwölf Boxkämpfer jagen Viktor 7391";

/// The files below a folder that have these bytes, whatever they are called.
fn files_with(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            found.extend(files_with(&path, bytes));
        } else if kind.is_file() && has(&fs::read(&path).unwrap_or_default(), bytes) {
            found.push(path);
        }
    }
    found
}

fn has(content: &[u8], bytes: &[u8]) -> bool {
    content.windows(bytes.len()).any(|window| window == bytes)
}

/// The processes of this machine whose arguments or environment have these bytes.
fn processes_with(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        for file in ["cmdline", "environ"] {
            let path = entry.path().join(file);
            if has(&fs::read(&path).unwrap_or_default(), bytes) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

/// A secret, as anybody might write it down.
fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex = secret.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    vec![
        secret.to_vec(),
        hex.clone().into_bytes(),
        hex.to_uppercase().into_bytes(),
        STANDARD.encode(secret).into_bytes(),
    ]
}

/// A secret is in none of this scene's files but those, and in no process's arguments or environment.
#[track_caller]
fn is_hidden(scene: &Scene, secret: &[u8], but: &[&str]) {
    for spelling in spellings(secret) {
        let allowed: Vec<PathBuf> = but.iter().map(|name| scene.env.path(name)).collect();
        let files = files_with(scene.env.home().parent().unwrap(), &spelling);
        assert!(files.iter().all(|file| allowed.contains(file)), "{files:?}");
        assert_eq!(processes_with(&spelling), [""; 0]);
    }
}

/// The store's key, by a passphrase that opens it.
fn store_key(scene: &Scene) -> Vec<u8> {
    let store = Store::open(&scene.env.store()).unwrap().unwrap();
    let (meta, slots) = store.read().key_slots().unwrap();
    let slot = slots.iter().find(|slot| ["passphrase", "file"].contains(&&*slot.kind)).unwrap();
    let secret = match slot.kind.as_str() {
        "file" => FileSlot::at(scene.key_file()).look().unwrap(),
        _ => serde_json::from_str::<PassphraseSlot>(&slot.params).unwrap().secret(&Secret::new(PASSPHRASE)).unwrap(),
    };
    secret.unwrap_key(&slot.wrapped, &wrap_binding(&meta.id, meta.key_epoch)).unwrap().expose().to_vec()
}

#[test]
fn the_search_finds_what_is_there() {
    let mut scene = Scene::behind_passphrase(PASSPHRASE);
    scene.env.write("some/where", format!("x{PASSPHRASE}x"));
    assert_eq!(files_with(scene.env.home(), PASSPHRASE.as_bytes()), [scene.env.path("some/where")]);
    let marker = format!("{PASSPHRASE} {}", std::process::id() ^ 0x5555);
    let mut sleeper = scene.env.program("sleep", &["60"]).set("MARKER", marker.as_str()).spawn();
    assert!(eventually(|| processes_with(marker.as_bytes()).len() == 1));
    sleeper.kill();
}

#[test]
fn a_typed_passphrase_and_the_key_that_it_opens_are_in_no_file_argument_environment_or_message() {
    let passphrase = format!("{PASSPHRASE} typed");
    let mut scene = Scene::new();
    scene.env.unset("MULTICRED_KEY");
    let words = scene.import_of_bob();
    let mut seat = Seat::take(&scene.env, &words.each_ref().map(String::as_str));
    for question in ["New passphrase", "once more"] {
        seat.wait_for(question);
        seat.type_keys(&passphrase);
        seat.wait_for(&"*".repeat(passphrase.chars().count()));
        is_hidden(&scene, passphrase.as_bytes(), &[]);
        seat.type_keys("\r");
    }
    let ended = seat.end();
    assert_eq!(ended.status, 0, "{ended:?}");
    let agent = Running::found(&scene.env);
    scene.env.run(&["account", crate::scene::DEV, "--alias", "dev"]).ok();
    scene.env.run(&["link", "dev/Reader", "--parent", "bob"]).ok();
    scene.env.run(&["lock"]).ok();
    // While AWS is asked, with the key at hand.
    let gate = scene.sts.gate("AssumeRole");
    let mut seat = Seat::take(&scene.env, &["-v", "as", "--shell", "bash", "dev/Reader"]);
    seat.wait_for(QUESTION);
    seat.type_line(&passphrase);
    assert!(gate.wait_held(1, PATIENCE), "no call arrived");
    is_hidden(&scene, passphrase.as_bytes(), &[]);
    gate.open();
    let ended = seat.end();
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(!ended.screen.contains("zwölf") && !ended.stdout.contains("zwölf"), "{ended:?}");
    is_hidden(&scene, passphrase.as_bytes(), &[]);
    let history = fs::read(scene.env.store().with_file_name("history.jsonl")).unwrap();
    assert!(has(&history, b"switch") && !has(&history, passphrase.as_bytes()));
    drop(agent);
}

#[test]
fn the_key_of_a_store_is_in_no_file_argument_or_environment() {
    let scene = Scene::behind_passphrase(PASSPHRASE);
    let key = store_key(&scene);
    scene.opens_with(&[PASSPHRASE]);
    let _agent = Running::found(&scene.env);
    scene.opens();
    is_hidden(&scene, &key, &[]);
    is_hidden(&scene, PASSPHRASE.as_bytes(), &[]);
    let with_file = Scene::with_bob();
    let key = store_key(&with_file);
    with_file.opens();
    with_file.env.run(&["key", "rotate"]).ok();
    is_hidden(&with_file, &key, &[]);
    is_hidden(&with_file, &store_key(&with_file), &[]);
}

#[test]
fn a_recovery_code_is_shown_and_written_down_nowhere() {
    let scene = Scene::with_bob();
    let output = scene.env.run(&["-v", "key", "add", "recovery"]);
    let code = output.ok().stdout.trim().to_owned();
    output.holds(!output.stderr.contains(&code[..11]), "no code on stderr");
    scene.env.run(&["key", "remove", "1"]).code(4);
    scene.opens();
    for text in [code.clone(), code.replace('-', ""), code.to_lowercase()] {
        is_hidden(&scene, text.as_bytes(), &[]);
    }
    fs::rename(scene.key_file(), scene.env.path("away")).unwrap();
    let ended = scene.opens_with(&[&code]);
    assert!(!ended.screen.contains(&code[..5]), "{ended:?}");
    let _agent = Running::found(&scene.env);
    is_hidden(&scene, code.as_bytes(), &[]);
}

#[test]
fn a_programs_secret_and_a_passphrase_file_stay_where_they_are_also_while_the_program_runs() {
    let mut scene = Scene::with_bob();
    let secret = format!("{PASSPHRASE} printed, and long enough");
    scene.env.write("manager", format!("{secret}\n"));
    let line = "[ -e hold ] && { touch running; while [ -e hold ]; do sleep 0.05; done; }; cat manager";
    scene.env.run(&["-v", "key", "add", "command", line]).ok().nowhere(&secret);
    scene.env.run(&["key", "remove", "1"]).ok();
    let output = scene.env.run(&[&["-v"][..], &BECOME_BOB].concat());
    output.ok().nowhere(&secret);
    scene.env.write("hold", "");
    let running = scene.env.spawn(&BECOME_BOB);
    assert!(eventually(|| scene.env.path("running").exists()));
    is_hidden(&scene, secret.as_bytes(), &["manager"]);
    fs::remove_file(scene.env.path("hold")).unwrap();
    running.end().ok();
    is_hidden(&scene, secret.as_bytes(), &["manager"]);
}

#[test]
fn a_passphrase_file_is_read_and_copied_nowhere() {
    let mut scene = Scene::with_bob();
    scene.env.write("passphrase", PASSPHRASE);
    let file = scene.env.path("passphrase").display().to_string();
    scene.env.run(&["-v", "key", "add", "passphrase", "--passphrase-file", &file]).ok().nowhere(PASSPHRASE);
    scene.env.set("MULTICRED_PASSPHRASE_FILE", file);
    scene.env.run(&["key", "remove", "1"]).ok();
    scene.env.run(&[&["-v"][..], &BECOME_BOB].concat()).ok().nowhere(PASSPHRASE);
    for words in [&["key", "list", "--json"][..], &["doctor", "--json"], &["config"], &["status"]] {
        scene.env.run(words).nowhere(PASSPHRASE);
    }
    is_hidden(&scene, PASSPHRASE.as_bytes(), &["passphrase"]);
}

#[test]
fn a_key_file_and_a_keyrings_secret_are_in_their_places_alone() {
    let scene = Scene::with_bob();
    let text = fs::read_to_string(scene.key_file()).unwrap();
    let secret = STANDARD.decode(text.trim().split_once(' ').unwrap().1).unwrap();
    scene.opens();
    is_hidden(&scene, &secret, &["data/multicred/multicred.db.key"]);
    let mut scene = Scene::with_bob();
    let _way = Way::add(&mut scene, "keyring");
    scene.env.run(&["key", "remove", "1"]).ok();
    scene.opens();
    let keyring: Vec<PathBuf> = files_with(scene.env.home(), b"multicred-keyring-1");
    // GNOME's keyring encrypts its files.
    assert!(keyring.is_empty(), "{keyring:?}");
    assert_eq!(processes_with(b"multicred-keyring-1 "), [""; 0]);
}

#[test]
fn what_asks_for_a_passphrase_leaves_no_core_file() {
    let scene = Scene::behind_passphrase(PASSPHRASE);
    let seat = Seat::take(&scene.env, &BECOME_BOB);
    seat.wait_for(QUESTION);
    let limits = fs::read_to_string(format!("/proc/{}/limits", seat.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
}

/// The passphrase of a store is nothing that a pinentry's own arguments or environment need to have.
#[test]
fn a_pinentry_is_told_the_question_and_nothing_else() {
    let mut scene = Scene::behind_passphrase(PASSPHRASE);
    scene
        .env
        .write("config/multicred/config.toml", "[passphrase]\ndriver = \"pinentry\"\npinentry = \"pinentry-tty\"\n");
    let mut seat = Seat::take(&scene.env, &BECOME_BOB);
    seat.wait_for("Passphrase:");
    seat.type_keys(PASSPHRASE);
    is_hidden(&scene, PASSPHRASE.as_bytes(), &[]);
    seat.type_keys("\r");
    let ended = seat.end();
    assert_eq!(ended.status, 0, "{ended:?}");
    is_hidden(&scene, PASSPHRASE.as_bytes(), &[]);
}
