//! `import --from aws-vault`: its encrypted files, made by another implementation of their format, and a stand-in for its
//! program, which cannot be had here.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::coming_over::state_of;
use crate::moto::server::venv;
use crate::scene::refusal::Refusal;
use crate::scene::{Scene, ini};
use crate::support::env::Shell;
use crate::support::sts::KeyPair;
use crate::support::terminal::Terminal;

pub const PASSPHRASE: &str = "correct hörse";
const VARIABLE: &str = "AWS_VAULT_FILE_PASSPHRASE";
const SESSION: &str = "sts.GetSessionToken,d29yaw,YXJuOmF3czppYW06OjE6bWZhL2E,1893456000";
/// A JWE for each `[path, payload, passphrase]`, as 99designs/keyring has them made.
const ENCRYPT: &str = r#"
import json, os, sys
from jwcrypto import jwe, jwk
for path, payload, passphrase in json.load(sys.stdin):
    token = jwe.JWE(payload.encode(), json.dumps({"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "created": "now"}))
    token.add_recipient(jwk.JWK.from_password(passphrase))
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(token.serialize(compact=True))
"#;

/// An item of the keyring, as aws-vault fills it.
fn item(name: &str, key: &KeyPair) -> String {
    let KeyPair { access_key_id, secret } = key;
    let value = json!({ "AccessKeyID": access_key_id, "SecretAccessKey": secret, "SessionToken": "", "Source": "",
        "CanExpire": false, "Expires": "0001-01-01T00:00:00Z", "AccountID": "" });
    let data = STANDARD.encode(value.to_string());
    json!({ "Key": name, "Data": data, "Label": format!("aws-vault ({name})"), "Description": "",
        "KeychainNotTrustApplication": true, "KeychainNotSynchronizable": false })
    .to_string()
}

fn encrypt(scene: &Scene, files: &[(&str, String, &str)]) {
    let folder = scene.env.path(".awsvault/keys");
    fs::create_dir_all(&folder).unwrap();
    let file = |(name, payload, passphrase): &(&str, String, &str)| json!([folder.join(name), payload, passphrase]);
    let all: Value = files.iter().map(file).collect();
    scene.env.program(&venv("python"), &["-c", ENCRYPT]).stdin(all.to_string()).run().ok();
}

/// Keys under their names.
pub fn encrypt_keys(scene: &Scene, keys: &[(&str, &KeyPair)]) {
    let files: Vec<_> = keys.iter().map(|(name, key)| (*name, item(name, key), PASSPHRASE)).collect();
    encrypt(scene, &files);
}

/// alice's key as `work`, bob's as `team/bob`, and what is not taken.
fn usual(scene: &Scene) {
    encrypt(
        scene,
        &[
            ("work", item("work", &scene.alice), PASSPHRASE),
            ("team%2Fbob", item("team/bob", &scene.bob), PASSPHRASE),
            (SESSION, "{}".to_owned(), PASSPHRASE),
            ("oidc:https:%2F%2Fa.awsapps.com%2Fstart", "{}".to_owned(), PASSPHRASE),
        ],
    );
}

#[test]
fn keys_in_encrypted_files_come_over_with_their_passphrase_and_the_files_stay_as_they_are() {
    let mut scene = Scene::new();
    usual(&scene);
    let before = state_of(&scene.env.path(".awsvault"));
    scene.env.set(VARIABLE, PASSPHRASE);
    scene.env.aws_config(&format!("[profile work]\nmfa_serial = {}\n", scene.serial));
    let dry = scene.env.run(&["import", "--from", "aws-vault", "--dry-run", "--json"]);
    let dry = dry.ok().json();
    assert_eq!(
        dry["counts"],
        json!({ "imported": 2, "already_stored": 0, "linked": 0, "sessions": 1, "sign_ins": 1,
        "without_key": 0, "expired": 0, "failed": 0 })
    );
    assert_eq!(scene.sts.count("*"), 0);

    let done = scene.env.run(&["import", "--from", "aws-vault"]);
    done.ok().calm().stdout_has("work").stderr_has("2 imported, 1 sessions left out, 1 sign-ins left out");
    done.stderr_has("'team/bob' did not become the label");
    for secret in scene.secrets().iter().map(String::as_str).chain([PASSPHRASE]) {
        done.nowhere(secret);
    }
    let alice = scene.env.run(&["as", "--shell", "bash", "--no-session", "work"]);
    alice.ok().stdout_has(&scene.alice.secret);
    scene.env.run(&["show", "work"]).ok().stdout_has(&scene.serial);
    scene.env.run(&["import", "--from", "aws-vault"]).ok().stdout_is("").stderr_has("2 stored already");
    assert_eq!(state_of(&scene.env.path(".awsvault")), before);
}

#[test]
fn a_wrong_passphrase_opens_nothing_and_none_is_asked_for_where_nobody_is() {
    let mut scene = Scene::new();
    usual(&scene);
    let import = ["import", "--from", "aws-vault"];
    scene.env.run(&import).refused(4, &[VARIABLE, "terminal"]);
    scene.env.set(VARIABLE, "wrong horse");
    scene.env.run(&import).refused(4, &["opens none of aws-vault's files"]).nowhere("wrong horse");
    assert!(!scene.env.store().exists());
    assert_eq!(scene.sts.count("*"), 0);
}

#[test]
fn on_a_terminal_the_passphrase_is_asked_for_and_once_more_where_it_was_wrong() {
    let scene = Scene::new();
    usual(&scene);
    let mut terminal = Terminal::start(Shell::Bash, &scene.env, "");
    terminal.send_line("multicred import --from aws-vault");
    terminal.wait_for_text("Passphrase of aws-vault's files");
    terminal.send_line("wrong horse");
    terminal.wait_for_text("opens none of them");
    terminal.send_line(PASSPHRASE);
    terminal.wait_for_text("2 imported");
    terminal.wait_for_prompt();
    assert_eq!(terminal.status(), 0);
    assert!(!terminal.transcript().contains("horse"));
    terminal.send_line("multicred import --from aws-vault");
    terminal.wait_for_text("Passphrase of aws-vault's files");
    terminal.ctrl_c();
    terminal.wait_for_prompt();
    assert_eq!(terminal.status(), 130);
}

#[test]
fn a_damaged_file_and_one_of_another_passphrase_are_named_and_the_others_come_over() {
    let mut scene = Scene::new();
    usual(&scene);
    encrypt(&scene, &[("elsewhere", item("elsewhere", &scene.bob), "another")]);
    encrypt(&scene, &[("odd", "{\"Key\":\"hush-hush\"}".to_owned(), PASSPHRASE)]);
    scene.env.write(".awsvault/keys/text", "hush-hush").write(".awsvault/keys/bytes", b"\xff\xfe\0");
    let damaged = fs::read_to_string(scene.env.path(".awsvault/keys/work")).unwrap();
    let (rest, tag) = damaged.rsplit_once('.').unwrap();
    let (rest, content) = rest.rsplit_once('.').unwrap();
    let changed = if content.starts_with('A') { "B" } else { "A" };
    scene.env.write(".awsvault/keys/damaged\u{1b}[31m", format!("{rest}.{changed}{}.{tag}", &content[1..]));
    scene.env.set(VARIABLE, PASSPHRASE);
    let done = scene.env.run(&["import", "--from", "aws-vault"]);
    done.code(1).calm().nowhere("hush-hush").stderr_has("2 imported").stderr_has("5 failed");
    done.stderr_has("elsewhere: another passphrase").stderr_has("text: it is no file of aws-vault's");
    done.stderr_has("[31m: it is damaged").stderr_has("odd: it opens, and holds no credential");
}

/// What stands for aws-vault's program: it lists names, and exports the key of one where it is asked as it must be.
fn stand_in(scene: &mut Scene, cases: &str) {
    let script = format!(
        "#!/bin/sh\n[ \"$AWS_CONFIG_FILE\" = /dev/null ] && [ -z \"$AWS_ROLE_ARN$AWS_VAULT\" ] || exit 9\n\
         case \"$*\" in\n'list --credentials') printf 'work\\nteam/bob\\n{SESSION}\\n' ;;\n{cases}\n*) exit 8 ;;\nesac\n"
    );
    scene.env.write("bin/aws-vault", script);
    fs::set_permissions(scene.env.path("bin/aws-vault"), Permissions::from_mode(0o700)).unwrap();
    let path = format!("{}:{}", scene.env.path("bin").display(), scene.env.variables()["PATH"]);
    scene.env.set("PATH", path).set("AWS_ROLE_ARN", "arn:aws:iam::1:role/x").set("AWS_VAULT", "a");
}

fn printed(key: &KeyPair) -> String {
    let KeyPair { access_key_id, secret } = key;
    format!(r#"echo '{{"Version": 1, "AccessKeyId": "{access_key_id}", "SecretAccessKey": "{secret}"}}'"#)
}

#[test]
fn a_stand_in_of_aws_vaults_program_is_asked_for_each_key_itself_and_never_for_a_role() {
    let mut scene = Scene::new();
    let (alice, bob) = (printed(&scene.alice), printed(&scene.bob));
    let export = "export --no-session --format=json --";
    stand_in(&mut scene, &format!("'{export} work') {alice} ;;\n'{export} team/bob') {bob} ;;"));
    let done = scene.env.run(&["import", "--from", "aws-vault"]);
    done.ok().calm().stdout_has("work").stderr_has("2 imported, 1 sessions left out");
    let alice = scene.env.run(&["as", "--shell", "bash", "--no-session", "work"]);
    alice.ok().stdout_has(&scene.alice.secret);
    // A folder that is named, or the backend of files, is read without it.
    scene.env.set("AWS_VAULT_BACKEND", "file");
    scene.env.run(&["import", "--from", "aws-vault"]).refused(1, &["No such file"]);
}

#[test]
fn an_older_stand_in_without_export_is_asked_by_exec_and_what_fails_is_told_in_its_words() {
    let mut scene = Scene::new();
    let old = "echo 'aws-vault: error: expected command but got \"export\", try --help' >&2; exit 1";
    let alice = printed(&scene.alice);
    let failing = "echo 'the keyring said no' >&2; exit 1";
    stand_in(
        &mut scene,
        &format!("export*) {old} ;;\n'exec --no-session --json -- work') {alice} ;;\nexec*) {failing} ;;"),
    );
    let done = scene.env.run(&["import", "--from", "aws-vault"]);
    done.code(1)
        .calm()
        .stdout_has("work")
        .stderr_has("team/bob: aws-vault exec failed (exit code 1): the keyring said no");
    scene.env.write("bin/aws-vault", "#!/bin/sh\necho 'no keyring' >&2; exit 3\n");
    scene.env.run(&["import", "--from", "aws-vault"]).refused(1, &["no keyring"]);
}

#[test]
fn where_there_is_nothing_of_aws_vault_the_places_are_named() {
    let scene = Scene::new();
    scene.env.run(&["import", "--from", "aws-vault"]).refused(1, &["not on PATH", ".awsvault/keys"]);
    let text = ini("work", &scene.alice);
    fs::write(scene.env.path("file"), text).unwrap();
    scene.env.run(&["import", "--from", "aws-vault", "file"]).refused(1, &["Not a directory"]);
}
