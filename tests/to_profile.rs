//! Credentials written into a profile of the credentials file, by `env --to-profile` and `destination_profile`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::scene::refusal::Refusal;
use crate::scene::{DEV, Scene, ini};

fn credentials(scene: &Scene) -> String {
    fs::read_to_string(scene.env.path(".aws/credentials")).unwrap_or_default()
}

/// A profile `work` of bob's role that names its destination; bob's key is in the credentials file.
fn with_destination(destination: &str) -> (Scene, String) {
    let mut scene = Scene::new();
    let own = format!("# mine\n{}", ini("base", &scene.bob));
    scene.env.aws_credentials(&own);
    scene.env.aws_config(&format!(
        "[profile work]\nrole_arn = arn:aws:iam::{DEV}:role/Reader\nsource_profile = base\n\
         destination_profile = {destination}\n"
    ));
    (scene, own)
}

#[test]
fn a_profile_gets_the_whole_credential_and_everything_else_keeps_every_byte() {
    let mut scene = Scene::with_bobs_roles();
    let own = "# mine \r\n[a]\r\naws_access_key_id=AKIAOWN4567890123456\r\naws_secret_access_key = x%y#z\r\n\r\n[s]\r\ns3 =\r\n  a=b";
    scene.env.aws_credentials(own);
    let output = scene.env.run(&["env", "dev/Reader", "--to-profile", "out"]);
    output.ok().stdout_is("").stderr_has("the profile out of the credentials file is dev/Reader now");
    let text = credentials(&scene);
    assert!(text.starts_with(own), "{text:?}");
    let json = scene.env.run(&["credential-process", "dev/Reader"]).ok().json();
    for (key, name) in [
        ("aws_access_key_id", "AccessKeyId"),
        ("aws_secret_access_key", "SecretAccessKey"),
        ("aws_session_token", "SessionToken"),
        ("expiration", "Expiration"),
    ] {
        assert!(text.contains(&format!("{key} = {}\r\n", json[name].as_str().unwrap())), "{key} in {text:?}");
    }
    scene.env.run(&["env", "dev/Writer", "--to-profile", "out"]).ok();
    let again = credentials(&scene);
    assert!(again.starts_with(own) && !again.contains(json["AccessKeyId"].as_str().unwrap()));
    assert_eq!(again.matches("[out]").count(), 1);
}

#[test]
fn a_long_lived_key_is_never_overwritten_and_nobody_is_asked_first() {
    let mut scene = Scene::with_alices_roles();
    let own = ini("out", &scene.bob);
    scene.env.aws_credentials(&own);
    let before = scene.sts.calls().len();
    scene.env.run(&["env", "prod/Admin", "--mfa-code", "123456", "--to-profile", "out"]).refused(1, &["long-term key"]);
    assert_eq!((credentials(&scene), scene.sts.calls().len()), (own, before));
    scene.env.run(&["env", "prod/Admin", "--mfa-code", "123456", "--to-profile", "free"]).ok();
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_anybody_is_asked() {
    let refused = |scene: &Scene, says: &str| {
        let before = fs::read(scene.env.path(".aws/credentials")).ok();
        let calls = scene.sts.calls().len();
        let words = ["env", "prod/Admin", "--mfa-code", "123456", "--to-profile", "out"];
        scene.env.run(&words).refused(1, &[says]);
        assert_eq!(scene.sts.calls().len(), calls, "{says}");
        assert_eq!(fs::read(scene.env.path(".aws/credentials")).ok(), before);
    };
    let mut scene = Scene::with_alices_roles();
    scene.env.aws_credentials("[mine]\nregion = x\n");
    let (file, link) = (scene.env.path(".aws/credentials"), scene.env.path("link"));
    fs::hard_link(&file, &link).unwrap();
    refused(&scene, "2 names");
    fs::remove_file(&link).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    refused(&scene, "is read-only");
    fs::remove_file(&file).unwrap();
    let utf_16: Vec<u8> = "\u{feff}[mine]\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(&file, utf_16).unwrap();
    refused(&scene, "UTF-16");
    fs::remove_file(&file).unwrap();
    scene.env.run(&["env", "prod/Admin", "--mfa-code", "123456", "--to-profile", "out"]).ok();
}

#[test]
fn a_name_that_means_an_identity_is_refused_since_its_profile_would_hide_it() {
    let mut scene = Scene::with_bobs_roles();
    let [reader, other] = ["Reader", "Other"].map(|name| format!("arn:aws:iam::{DEV}:role/{name}"));
    scene.env.aws_config(&format!("[profile x]\nrole_arn = {other}\nsource_profile = y\n"));
    let of_id = format!("{DEV}/role/Reader");
    let calls = scene.sts.calls().len();
    for name in ["dev/Reader", "bob", "dev/user/bob", &of_id, &reader, &other, &scene.bob.access_key_id] {
        scene
            .env
            .run(&["env", "dev/Writer", "--to-profile", name])
            .refused(2, &[&format!("'{name}' already means"), "choose another name"]);
    }
    assert_eq!(scene.sts.calls().len(), calls);
    let (scene, own) = with_destination("dev/Reader");
    scene.import(&scene.bob, "bob");
    scene.env.run(&["account", DEV, "--alias", "dev"]).ok();
    scene.env.run(&["link", "dev/Reader", "--parent", "bob"]).ok();
    scene.env.run(&["exec", "work", "--", "touch", "ran"]).refused(2, &["'dev/Reader' already means"]);
    assert_eq!(credentials(&scene), own);
    assert!(!scene.env.path("ran").exists());
}

#[test]
fn a_long_term_key_is_never_written() {
    let scene = Scene::with_bob();
    scene.env.run(&["env", "bob", "--no-session", "--to-profile", "out"]).refused(2, &["long-term key"]);
    assert!(!scene.env.path(".aws").exists());
}

#[test]
fn a_name_that_no_header_can_hold_or_that_would_not_count_is_refused() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.aws_config("[profile taken]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = y\n");
    for (name, code, says) in [("a]b", 2, "cannot be the name"), ("a\nb", 2, "cannot be"), ("taken", 1, "config:2")] {
        scene.env.run(&["env", "dev/Reader", "--to-profile", name]).refused(code, &[says]);
    }
    assert!(!scene.env.path(".aws/credentials").exists());
}

#[test]
fn the_destination_that_a_profile_names_is_written_by_exec_and_by_env() {
    let (scene, own) = with_destination("tmp");
    scene.env.run(&["exec", "work", "--", "grep", "-c", "aws_session_token", ".aws/credentials"]).ok().stdout_is("1\n");
    let text = credentials(&scene);
    assert!(text.starts_with(&own) && text.contains("[tmp]"), "{text}");
    fs::write(scene.env.path(".aws/credentials"), &own).unwrap();
    scene.env.run(&["env", "work", "--to-profile"]).ok();
    assert_eq!(credentials(&scene), text, "the same credential, from the store");
    fs::write(scene.env.path(".aws/credentials"), &own).unwrap();
    for words in [&["env", "work"][..], &["credential-process", "work"], &["as", "--shell", "bash", "work"]] {
        scene.env.run(words).ok();
        assert_eq!(credentials(&scene), own, "{words:?} writes nothing");
    }
    scene.env.run(&["env", "base", "--to-profile"]).refused(2, &["no profile with a destination_profile"]);
    let shell = scene.env.command(&["env", "--to-profile", "work"]).set("MULTICRED_IDENTITY", "base").run();
    shell.refused(2, &["no identity is named beside it"]);
}

#[test]
fn a_destination_that_is_the_source_itself_is_refused_and_nothing_runs() {
    let (scene, own) = with_destination("base");
    scene.env.run(&["exec", "work", "--", "touch", "ran"]).refused(1, &["long-term key"]);
    assert_eq!((credentials(&scene), scene.sts.count("*")), (own, 0));
    assert!(!scene.env.path("ran").exists());
}

#[test]
fn twenty_at_once_write_twenty_profiles() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.aws_credentials("# mine\n");
    scene.env.run(&["credential-process", "dev/Reader"]).ok();
    let names: Vec<String> = (0..20).map(|number| format!("p{number}")).collect();
    let running: Vec<_> =
        names.iter().map(|name| scene.env.spawn(&["env", "dev/Reader", "--to-profile", name])).collect();
    for one in running {
        one.end_within(crate::scene::PATIENCE).ok();
    }
    let text = credentials(&scene);
    assert!(names.iter().all(|name| text.contains(&format!("[{name}]\n"))), "{text}");
    assert_eq!(text.matches("aws_session_token").count(), 20);
    let mode = fs::metadata(scene.env.path(".aws/credentials")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[test]
fn a_hostile_secret_survives_from_store_to_file_to_store() {
    let scene = Scene::with_bobs_roles();
    let hostile = r#"a%b#c;d=e"f\g h"#;
    // AWS gives a session a secret of its own, so the server is told to give this one.
    scene.sts.fault_once("AssumeRole", crate::support::sts::Fault::set_field("SecretAccessKey", hostile));
    scene.env.run(&["env", "dev/Reader", "--to-profile", "out"]).ok();
    assert!(credentials(&scene).contains(&format!("aws_secret_access_key = {hostile}\n")));
    let read = scene.env.command(&["env", "out", "--format", "json"]).set("MULTICRED_STORE", "other.db").run();
    assert_eq!(read.ok().json()["SecretAccessKey"], hostile);
}

#[test]
fn a_profile_that_multicred_wrote_hides_no_identity_of_its_name() {
    let mut scene = Scene::with_bobs_roles();
    let json = scene.env.run(&["credential-process", "dev/Reader"]).ok().json();
    let text = |name: &str| json[name].as_str().unwrap().to_owned();
    // As an older version, or the person, may have put it there.
    scene.env.aws_credentials(&format!(
        "[dev/Reader]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n",
        text("AccessKeyId"),
        text("SecretAccessKey"),
        text("SessionToken")
    ));
    scene.env.run(&["why", "dev/Reader"]).ok().stdout_has("the links in the store");
    scene.env.run(&["exec", "--read-only", "dev/Reader", "--", "true"]).ok();
}
