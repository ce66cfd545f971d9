//! Profiles that contradict themselves, or ask for what this version does not follow.

use crate::scene::refusal::Refusal;
use crate::scene::{DEV, Scene, ini, key_in_code, tree};

const ROLE: &str = "role_arn = arn:aws:iam::111122223333:role/Reader\n";

/// A scene whose only knowledge is in the files: `base` has bob's key.
fn scene(config: &str) -> Scene {
    let mut scene = Scene::new();
    let text = ini("base", &scene.bob);
    scene.env.aws_credentials(&text);
    scene.env.aws_config(config);
    scene
}

#[test]
fn a_profile_that_cannot_be_followed_is_refused_with_the_line_to_correct() {
    let base = "source_profile = base\n";
    for (section, says) in [
        (format!("{ROLE}source_profile = p\n"), vec!["loop", "p → p"]),
        (format!("{ROLE}source_profile = nowhere\n"), vec!["nowhere", "config:3", "no such profile"]),
        (ROLE.to_owned(), vec!["neither source_profile nor a key", "config:2"]),
        (format!("role_arn = not an arn\n{base}"), vec!["role_arn", "config:2", "the ARN of a role"]),
        (format!("role_arn = arn:aws:iam::{DEV}:user/x\n{base}"), vec!["role_arn", "the ARN of a role"]),
        (format!("role_arn = arn:aws:iam::{DEV}:role/$(id)\n{base}"), vec!["role_arn", "the ARN of a role"]),
        (format!("{ROLE}{base}duration_seconds = 899\n"), vec!["duration_seconds", "config:4", "900 to 43200"]),
        (format!("{ROLE}{base}duration_seconds = 43201\n"), vec!["duration_seconds", "900 to 43200"]),
        (format!("{ROLE}{base}duration_seconds = soon\n"), vec!["duration_seconds", "900 to 43200"]),
        (format!("{ROLE}{base}region = eu-west-1;id\n"), vec!["region", "config:4", "eu-west-1"]),
        (format!("{ROLE}{base}mfa_serial = $(id)\n"), vec!["mfa_serial"]),
        (format!("{ROLE}{base}external_id = a b\n"), vec!["external_id"]),
        (format!("{ROLE}{base}role_session_name = a b\n"), vec!["role_session_name"]),
        (format!("{ROLE}{base}this line says nothing\n"), vec!["config:4", "no `=`"]),
        (
            "sso_start_url = https://x.awsapps.com/start\n".to_owned(),
            vec!["IAM Identity Center", "sso_start_url, ", "config:2"],
        ),
        ("sso_session = x\nsso_account_id = 1\n".to_owned(), vec!["config:2", "no section [sso-session x]"]),
        ("login_session = x\n".to_owned(), vec!["aws login", "config:2", "cannot do yet"]),
        (
            format!("{ROLE}credential_source = environment\n"),
            vec!["credential_source", "config:3", "Ec2InstanceMetadata"],
        ),
        ("credential_source = Environment\n".to_owned(), vec!["credential_source", "config:2", "no role_arn"]),
        ("web_identity_token_file = /x\n".to_owned(), vec!["web_identity_token_file", "config:2", "no role_arn"]),
        (format!("{ROLE}{base}credential_source = Environment\n"), vec!["config:3", "config:4", "contradict"]),
        (format!("{ROLE}{base}web_identity_token_file = /x\n"), vec!["config:3", "config:4", "contradict"]),
        (format!("{base}credential_process = /x\n"), vec!["config:2", "config:3", "contradict"]),
        (
            format!("{ROLE}{base}duration_seconds = 900\nsession_duration = 901\n"),
            vec!["config:4", "config:5", "contradict"],
        ),
        (format!("{ROLE}{base}session_tags = a=b,\n"), vec!["session_tags", "config:4"]),
        (
            format!("{ROLE}{base}sts_regional_endpoints = global\n"),
            vec!["sts_regional_endpoints", "config:4", "legacy or regional"],
        ),
        (format!("{ROLE}{base}endpoint_url = localhost\n"), vec!["endpoint_url", "config:4", "http"]),
        ("region = eu-west-1\n".to_owned(), vec!["no key, no role_arn"]),
        ("aws_access_key_id = AKIAHALFHALFHALFHALF\n".to_owned(), vec!["aws_secret_access_key is missing"]),
    ] {
        let scene = scene(&format!("[profile p]\n{section}"));
        let output = scene.become_in_bash("p");
        output.refused(1, &says);
        scene.env.run(&["why", "p"]).refused(1, &says);
        assert_eq!(scene.sts.count("*"), 0, "{section}");
        assert!(!scene.env.store().exists(), "{section}");
    }
}

#[test]
fn a_loop_of_several_profiles_is_named_whole() {
    let profile = |name, source| format!("[profile {name}]\n{ROLE}source_profile = {source}\n");
    let config = [profile("a", "b"), profile("b", "c"), profile("c", "a")].concat();
    scene(&config).become_in_bash("a").refused(1, &["a → b → c → a"]);
}

#[test]
fn what_is_wrong_in_another_profile_does_not_matter() {
    let config = format!(
        "garbage before any section\n[profile broken]\nno setting at all\n[profile\nrole_arn = x\n\
         [profile good]\n{ROLE}source_profile = base\n[profile worse]\nlogin_session = x\n"
    );
    let scene = scene(&config);
    let code = scene.become_in_bash("good");
    assert!(key_in_code(&code.ok().stdout).is_some());
    let list = scene.env.run(&["list", "--json"]).ok().json();
    let state = |name: &str| {
        let rows = list.as_array().unwrap();
        rows.iter().find(|row| row["identity"] == name).map(|row| row["state"].as_str().unwrap().to_owned())
    };
    assert_eq!(state("broken").as_deref(), Some("broken"));
    assert_eq!(state("worse").as_deref(), Some("needs sign-in"));
    assert_eq!(state("good").as_deref(), Some("ready"));
}

#[test]
fn files_in_odd_encodings_are_read_and_files_that_are_no_text_are_named() {
    let config = format!("[profile p]\r\n{}source_profile = base\r\n", ROLE.replace('\n', "\r\n"));
    let utf16: Vec<u8> = [b"\xff\xfe".to_vec(), config.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat();
    for bytes in [config.as_bytes().to_vec(), [b"\xef\xbb\xbf", config.as_bytes()].concat(), utf16] {
        let mut scene = scene("");
        scene.env.write(".aws/config", bytes);
        scene.become_in_bash("p").ok();
    }
    let mut scene = scene("");
    scene.env.write(".aws/config", b"[profile p]\nregion = \xff\xfe\xfd\n");
    scene.become_in_bash("p").refused(1, &[".aws/config", "UTF-8"]);
    scene.env.run(&["list"]).refused(1, &[".aws/config", "UTF-8"]);
}

#[test]
fn a_folder_in_the_place_of_a_file_is_named() {
    let scene = Scene::new();
    std::fs::create_dir_all(scene.env.path(".aws/config")).unwrap();
    scene.become_in_bash("p").refused(1, &[".aws/config"]);
    scene.env.run(&["list"]).refused(1, &[".aws/config"]);
}

#[test]
fn reading_a_home_full_of_profiles_changes_nothing_in_it() {
    let config = format!("[profile good]\n{ROLE}source_profile = base\n[profile bad]\nrole_arn = x\n");
    let scene = scene(&config);
    let before = tree::tree(scene.env.home());
    scene.env.run(&["list"]).ok();
    scene.env.run(&["list", "--json"]).ok();
    scene.env.run(&["status"]).ok();
    scene.env.run(&["why", "good"]).ok();
    scene.env.run(&["why", "bad"]).code(1);
    scene.env.run(&["why", "nobody"]).code(3);
    scene.env.run(&["init", "bash"]).ok();
    scene.env.run(&["as", "--shell", "bash", "-"]).ok();
    scene.env.run(&["account", "999999999999"]).code(3);
    tree::assert_same(&before, &tree::tree(scene.env.home()));
}

#[test]
fn the_files_a_switch_reads_are_left_as_they_are() {
    let scene = scene(&format!("[profile good]\n{ROLE}source_profile = base\n"));
    let before = tree::tree(&scene.env.path(".aws"));
    scene.become_in_bash("good").ok();
    scene.env.run(&["import", "--all"]).ok();
    tree::assert_same(&before, &tree::tree(&scene.env.path(".aws")));
}

#[test]
fn reading_an_existing_store_changes_no_row_and_no_byte_of_it() {
    let scene = Scene::with_bobs_roles();
    let folder = scene.env.path("data/multicred");
    let mut before = tree::tree(&folder);
    for words in [&["list"][..], &["status"], &["why", "dev/Reader"], &["account", DEV], &["list", "--json"]] {
        scene.env.run(words).ok();
    }
    let mut after = tree::tree(&folder);
    // The WAL's index in shared memory notes who reads.
    before.remove(&folder.join("multicred.db-shm"));
    after.remove(&folder.join("multicred.db-shm"));
    tree::assert_same(&before, &after);
}
