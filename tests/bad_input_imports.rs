//! Texts that hold no credential, or half of one, or one in an odd coat.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::scene::refusal::Refusal;
use crate::scene::{DEV, Scene, ini, store, tree};
use crate::support::env::Shell;
use crate::support::sts::KeyPair;

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

#[test]
fn every_encoding_and_line_ending_is_read() {
    let scene = Scene::new();
    let text = ini("work", &scene.alice);
    let crlf = text.replace('\n', "\r\n");
    let encodings = [
        ("LF", text.as_bytes().to_vec()),
        ("CRLF", crlf.as_bytes().to_vec()),
        ("no last newline", text.trim_end().as_bytes().to_vec()),
        ("BOM", [b"\xef\xbb\xbf", text.as_bytes()].concat()),
        ("BOM and CRLF", [b"\xef\xbb\xbf", crlf.as_bytes()].concat()),
        ("UTF-16 LE with BOM", [b"\xff\xfe".to_vec(), utf16(&crlf, u16::to_le_bytes)].concat()),
        ("UTF-16 BE with BOM", [b"\xfe\xff".to_vec(), utf16(&crlf, u16::to_be_bytes)].concat()),
        ("UTF-16 LE", utf16(&crlf, u16::to_le_bytes)),
        ("UTF-16 BE", utf16(&crlf, u16::to_be_bytes)),
    ];
    for (name, bytes) in encodings {
        let there = scene.env.path(format!("stores/{name}.db"));
        let there = there.to_string_lossy();
        for source in ["-", "file"] {
            let input = if source == "-" { bytes.clone() } else { Vec::new() };
            fs::write(scene.env.path("file"), &bytes).unwrap();
            let there = format!("{there}.{source}");
            let output = scene.env.run_with_stdin(&["import", source, "--store", &there], input);
            output.ok().calm().stdout_has(&scene.alice.access_key_id);
            scene
                .env
                .run(&["as", "--shell", "bash", "--store", &there, &scene.alice.access_key_id])
                .ok()
                .stdout_has(&scene.alice.secret);
        }
    }
}

#[test]
fn a_text_without_a_whole_credential_is_refused_and_stores_nothing_and_quotes_no_secret() {
    let scene = Scene::with_bob();
    let before = store::content(&scene.env.store());
    let KeyPair { access_key_id: id, secret } = scene.alice.clone();
    let half = format!("[a]\naws_access_key_id = {id}\n");
    let other_half = format!("[a]\naws_secret_access_key = {secret}\n");
    let swapped = format!("[a]\naws_access_key_id = {secret}\naws_secret_access_key = {id}\n");
    let token =
        format!("[a]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\naws_session_token = {secret}x\n");
    let without_token = format!("[a]\naws_access_key_id = ASIA{}\naws_secret_access_key = {secret}\n", &id[4..]);
    let computed = format!("export AWS_ACCESS_KEY_ID={id}\nexport AWS_SECRET_ACCESS_KEY=$(cat {secret})\n");
    let json = format!("{{\"AccessKeyId\": \"{id}\", \"SecretAccessKey\": \"{secret}\"");
    for (says, text) in [
        ("aws_secret_access_key", half.as_bytes()),
        ("aws_access_key_id", other_half.as_bytes()),
        ("aws_access_key_id", swapped.as_bytes()),
        ("AKIA", token.as_bytes()),
        ("session token", without_token.as_bytes()),
        ("single quotes", computed.as_bytes()),
        ("JSON", json.as_bytes()),
        ("empty", b""),
        ("empty", b" \n\t\r\n"),
        ("known format", b"hello, world\n"),
        ("UTF-8", b"\xff\xfe\xfd\xfc\xfb"),
        ("UTF-8", b"[a]\naws_access_key_id = \xc3\x28\n"),
    ] {
        let output = scene.env.run_with_stdin(&["import", "-"], text);
        output.refused(1, &[]).nowhere(&secret);
        let said = output.stderr.contains(says) || (says == "UTF-8" && output.stderr.contains("UTF-16"));
        output.holds(said, says);
        assert_eq!(store::content(&scene.env.store()), before);
    }
    assert_eq!(scene.sts.count("*"), 1, "only bob's import asked AWS");
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_store_is_not_made() {
    let scene = Scene::new();
    fs::create_dir(scene.env.path("folder")).unwrap();
    fs::write(scene.env.path("empty"), "").unwrap();
    for (code, says, words) in [
        (1, "nowhere", &["import", "nowhere"][..]),
        (1, "folder", &["import", "folder"]),
        (1, "empty", &["import", "empty"]),
        (1, "credentials", &["import"]),
        (1, "credentials", &["import", "--all"]),
        (1, "/dev/null", &["import", "/dev/null"]),
    ] {
        scene.env.run(words).refused(code, &[says]);
    }
    assert!(!scene.env.path("data/multicred").exists());
    assert!(!scene.env.path(".aws").exists());
}

#[test]
fn a_file_without_leave_to_read_is_named() {
    let scene = Scene::new();
    let file = scene.env.path("secret-file");
    fs::write(&file, ini("a", &scene.alice)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    if rustix::process::geteuid().is_root() {
        // root may read everything: a symbolic link to itself refuses even root.
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(&file, &file).unwrap();
    }
    scene.env.run(&["import", "secret-file"]).refused(1, &["secret-file"]);
}

#[test]
fn sections_that_nobody_chose_between_are_a_usage_error_that_names_them() {
    let mut scene = Scene::new();
    let text = [ini("one", &scene.alice), ini("two", &scene.bob)].concat();
    scene.env.aws_credentials(&text);
    scene.env.run(&["import"]).refused(2, &["one", "two", "--all"]);
    scene.env.run(&["import", "--profile", "three"]).refused(3, &["three", "one", "two"]);
    scene.env.run(&["import", "--profile", "one", "--all"]).refused(2, &["--all"]);
    scene.env.run(&["import", "--profile", "one", "--label", "a b"]).refused(2, &["label"]);
    assert!(!scene.env.store().exists());
}

#[test]
fn import_all_stores_what_works_and_ends_with_1_where_something_does_not() {
    let mut scene = Scene::new();
    let dead = KeyPair { access_key_id: "AKIADEADDEADDEADDEAD".to_owned(), secret: "x".repeat(40) };
    let text = [ini("one", &scene.alice), ini("dead", &dead), "[half]\naws_access_key_id = AKIA2\n".to_owned()];
    scene.env.aws_credentials(&text.concat());
    let output = scene.env.run(&["import", "--all"]);
    output.code(1).calm().stdout_has(&scene.alice.access_key_id).stderr_has("[dead]").stderr_has("[half]");
    scene.become_in_bash(&scene.alice.access_key_id).ok().stdout_has(&scene.alice.secret);
    scene.env.run(&["list"]).ok().stdout_has("one");
}

/// The hardest characters that a secret may hold, by way of every format, through the store and a real shell.
#[test]
fn a_secret_of_awkward_characters_and_a_token_of_4_kib_survive_the_way_into_every_shell() {
    let secret = r#"a%#;="'\ b  $(touch owned)`touch owned`!{}[]*?~&|<>é%%d\n\\"end"#;
    let scene = Scene::new();
    let arn = format!("arn:aws:iam::{DEV}:user/alice");
    let pair = KeyPair { access_key_id: "AKIAAWKWARDAWKWARDAW".to_owned(), secret: secret.to_owned() };
    scene.sts.world(|world| world.add_key(&arn, &pair));
    scene.import(&pair, "awkward");
    scene.sts.world(|world| world.token_size(4096));
    for shell in Shell::ALL {
        for (name, length) in [(pair.access_key_id.as_str(), 0), ("awkward", 4096)] {
            let code = scene.env.run(&["as", "--shell", shell.name(), name]).ok().stdout.clone();
            let names = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
            let evaluated = scene.env.exported(shell, &code, &names);
            if length == 0 {
                assert_eq!(evaluated.get(names[0]), Some(secret), "{shell}");
                assert_eq!(evaluated.get(names[1]), None, "{shell}");
            } else {
                assert_eq!(evaluated.get(names[1]).map(str::len), Some(length), "{shell}");
            }
        }
    }
    assert!(!scene.env.path("owned").exists());
    tree::assert_sealed(scene.env.home(), &[secret.to_owned()]);
}

#[test]
fn an_expired_credential_is_refused_without_a_call() {
    let scene = Scene::new();
    let role = format!("arn:aws:iam::{DEV}:role/Reader");
    let old = scene.sts.world(|world| world.saml_session(&role, "me", -60));
    let text = format!(
        "[a]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\nexpiration = {}\n",
        old.access_key_id,
        old.secret,
        old.session_token,
        old.expiration()
    );
    scene.env.run_with_stdin(&["import", "-"], text).refused(1, &["expired", "import a fresh one"]);
    assert_eq!(scene.sts.count("*"), 0);
}

#[test]
fn a_section_that_has_a_profiles_name_takes_it_from_no_role() {
    let mut scene = Scene::new();
    let keys = ini("reader", &scene.bob);
    scene.env.aws_credentials(&keys);
    scene
        .env
        .aws_config(&format!("[profile reader]\nrole_arn = arn:aws:iam::{DEV}:role/Reader\nsource_profile = reader\n"));
    let imported = scene.env.run(&["import", "--all", "--json"]).ok().json();
    assert_eq!(imported[0]["identity"], format!("{DEV}/user/bob"), "the role's name is not bob's label");
    scene.become_in_bash("reader").ok();
    assert_eq!(scene.sts.count("AssumeRole"), 1);
}
