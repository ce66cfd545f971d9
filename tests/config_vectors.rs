//! PARITY's vectors about `~/.aws/config` that `vectors.rs` does not hold, by their numbers. Those of other programs that
//! hand out credentials (25, 27) are in `outside_process.rs` and `outside_web_identity.rs`, those of MFA (15, 28) in
//! `config_mfa.rs`.

use crate::profiles::row::row;
use crate::profiles::{Scene, TOKEN, section};

const CHAIN: &str = "\
[profile alice]
mfa_serial = SERIAL
[profile admin]
role_arn = ROLE/Admin
source_profile = alice
mfa_serial = SERIAL
";

#[test]
fn vector_4_a_new_section_leaves_every_byte_of_nested_settings() {
    let mut scene = Scene::with_config("[profile readonly]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n");
    let old = section("bob", &scene.bob)
        + "\n[other]\r\nregion=x  # mine\r\ns3 =\n  max_concurrent_requests=10\n\n  addressing_style = path";
    scene.env.aws_credentials(&old);
    scene.command("env readonly --to-profile llamas").ok();
    let new = std::fs::read_to_string(scene.env.path(".aws/credentials")).unwrap();
    assert!(new.starts_with(&old) && new.contains("[llamas]"), "{new}");
}

#[test]
fn vector_5_a_region_is_included() {
    let config = "[profile p1]\nregion = us-east-1\n[profile bob]\ninclude_profile = p1\n";
    let ran = row("5", config, "bob --no-session").calls(&[]);
    assert_eq!(ran.scene.variable(&ran.output, "AWS_REGION").as_deref(), Some("us-east-1"));
}

#[test]
fn vector_6_a_loop_is_named_whole() {
    let includes = |name: &str, other: &str| format!("[profile {name}]\ninclude_profile = {other}\n");
    let sources =
        |name: &str, other: &str| format!("[profile {name}]\nrole_arn = ROLE/Deep\nsource_profile = {other}\n");
    for (name, config, texts) in [
        ("includes itself", includes("a", "a"), ["a → a", "config:2", "include_profile"]),
        (
            "includes in a circle",
            includes("a", "b") + &includes("b", "a"),
            ["a → b → a", "config:4", "include_profile"],
        ),
        (
            "includes into a circle",
            includes("a", "b") + &includes("b", "c") + &includes("c", "b"),
            ["b → c → b", "config:6", "include_profile"],
        ),
        ("sources in a circle", sources("a", "b") + &sources("b", "a"), ["a → b → a", "config:6", "source_profile"]),
        ("sources itself without a key", sources("a", "a"), ["a → a", "config:3", "source_profile"]),
        (
            "a source without a role that leads back",
            sources("a", "b") + "[profile b]\nsource_profile = a\n",
            ["a → b → a", "config:5", "source_profile"],
        ),
        (
            "includes the source that leads back",
            "[profile a]\ninclude_profile = b\nrole_arn = ROLE/Deep\n[profile b]\nsource_profile = a\n".to_owned(),
            ["a → a", "config:5", "source_profile"],
        ),
    ] {
        row(name, &config, "a").refused(1, &texts);
        row(name, &config, "why a").refused(1, &texts);
    }
}

#[test]
fn vector_8_the_source_stays_the_one_that_is_included_too() {
    let config = "[profile root]\nregion = eu-west-2\n[profile t]\nrole_arn = ROLE/ReadOnly\ninclude_profile = root\nsource_profile = root\n";
    let ran = row("8", config, "t").keys(&["root"]).calls(&["AssumeRole ReadOnly 3600"]);
    assert_eq!(ran.scene.sts.calls()[0].access_key_id.as_ref(), Some(&ran.scene.alice.access_key_id));
    assert_eq!(ran.scene.variable(&ran.output, "AWS_REGION").as_deref(), Some("eu-west-2"));
    let config = format!("{CHAIN}[profile t]\nrole_arn = ROLE/Deep\ninclude_profile = admin\nsource_profile = admin\n");
    row("8, a role", &config, "t").calls(&[
        "GetSessionToken+mfa 28800",
        "AssumeRole Admin 3600",
        "AssumeRole Deep 3600",
    ]);
}

/// The session's URL would win; until SSO is followed, neither is ignored in silence.
#[test]
fn vector_10_an_sso_session_is_refused_by_its_name_and_asks_nobody() {
    let config = "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n\
                  [profile a]\nsso_session = corp\nsso_start_url = https://old.awsapps.com/start\n\
                  sso_account_id = 222233334444\nsso_role_name = ReadOnly\n";
    row("10", config, "a").refused(1, &["sso_", "config:"]);
    let config = format!("{config}[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = a\n");
    row("10, a source", &config, "t").refused(1, &["sso_", "config:", "t → a"]);
}

#[test]
fn vector_11_tags_are_a_trimmed_map_and_what_is_none_is_refused() {
    let config = |more: &str| format!("[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n{more}");
    for (more, expected) in [
        ("session_tags =  tagA = v ,  tagB  = w \n", "AssumeRole ReadOnly 3600 tags:tagA=v,tagB=w"),
        ("session_tags = a=b=c,d=\n", "AssumeRole ReadOnly 3600 tags:a=b=c,d="),
        (
            "session_tags = tagA=v\ntransitive_session_tags = ,tagA\n",
            "AssumeRole ReadOnly 3600 tags:tagA=v transitive:tagA",
        ),
        ("session_tags = tagA=v\ntransitive_session_tags = ,\n", "AssumeRole ReadOnly 3600 tags:tagA=v"),
        ("session_tags =\ntransitive_session_tags =\n", "AssumeRole ReadOnly 3600"),
        (
            "session_tags = a=1,b=2\ntransitive_session_tags = b , a,\n",
            "AssumeRole ReadOnly 3600 tags:a=1,b=2 transitive:a,b",
        ),
    ] {
        row(more, &config(more), "t").calls(&[expected]);
    }
    for tags in ["a=b,", "a=b,c", "=v", "a", ",", "a=b,,c=d", "a=b,A=c", "aws:x=1", "a=b;c"] {
        let config = config(&format!("session_tags = {tags}\n"));
        row(tags, &config, "t").refused(1, &["config:4", "session_tags"]);
        row(tags, "[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n", "t")
            .set("AWS_SESSION_TAGS", tags)
            .refused(2, &["AWS_SESSION_TAGS"]);
    }
    let too_many: Vec<String> = (0..51).map(|n| format!("k{n}=v")).collect();
    let config = config(&format!("session_tags = {}\n", too_many.join(",")));
    row("51 tags", &config, "t").refused(1, &["config:4", "session_tags", "50"]);
}

#[test]
fn vector_12_tags_of_the_environment_go_with_the_target_only() {
    let config = format!(
        "{CHAIN}session_tags = a=1\n[profile t]\nrole_arn = ROLE/Deep\nsource_profile = admin\nsession_tags = b=2\n"
    );
    let mfa = "GetSessionToken+mfa 28800";
    row("12, as written", &config, "t").calls(&[
        mfa,
        "AssumeRole Admin 3600 tags:a=1",
        "AssumeRole Deep 3600 tags:b=2",
    ]);
    for words in ["t", "env t", "credential-process t"] {
        row("12", &config, words).set("AWS_SESSION_TAGS", "c=3").set("AWS_TRANSITIVE_TAGS", "c").calls(&[
            mfa,
            "AssumeRole Admin 3600 tags:a=1",
            "AssumeRole Deep 3600 tags:c=3 transitive:c",
        ]);
    }
}

#[test]
fn vector_13_a_role_of_the_environment_takes_the_place_of_the_targets_only_and_not_in_a_switch() {
    let config = "[profile ro]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n\
                  [profile t]\nrole_arn = ROLE/Deep\nsource_profile = ro\n";
    for words in ["env t", "credential-process t", "exec t -- true"] {
        row(words, config, words)
            .set("AWS_ROLE_ARN", "ROLE/Side")
            .set("AWS_ROLE_SESSION_NAME", "ann")
            .calls(&["AssumeRole ReadOnly 3600", "AssumeRole Side 3600 name:ann"]);
    }
    row("as", config, "t")
        .set("AWS_ROLE_ARN", "ROLE/Side")
        .set("AWS_ROLE_SESSION_NAME", "ann")
        .calls(&["AssumeRole ReadOnly 3600", "AssumeRole Deep 3600"]);
}

#[test]
fn vector_24_a_device_of_default_serves_the_source_once_and_no_role_asks_again() {
    let config = "[default]\nmfa_serial = SERIAL\n[profile admin]\nrole_arn = ROLE/Admin\nsource_profile = alice\n\
                  [profile t]\nrole_arn = ROLE/Deep\nsource_profile = admin\n";
    let ran =
        row("24", config, "t").calls(&["GetSessionToken+mfa 28800", "AssumeRole Admin 3600", "AssumeRole Deep 3600"]);
    ran.scene.switch("admin").ok();
    ran.scene.switch("alice").ok();
    assert_eq!(ran.scene.sts.count("*"), 3, "one code serves them all: {:?}", ran.scene.said());
}

#[test]
fn vector_25_a_web_identity_process_is_asked_where_there_is_no_key() {
    let config = "[profile t]\nrole_arn = ROLE/Web\nweb_identity_token_process = cat HOME/token\n";
    row("25", config, "t").file("token", TOKEN).calls(&["AssumeRoleWithWebIdentity Web 3600"]);
}

#[test]
fn vector_29_a_program_of_a_profile_ends_as_it_ends() {
    let scene = Scene::with_config("[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n");
    for (script, code) in [("exit 7", 7), ("kill -TERM $$", 128 + 15), ("kill -KILL $$", 128 + 9)] {
        scene.env.run(&["exec", "t", "--", "sh", "-c", script]).code(code).stdout_is("");
    }
    assert_eq!(scene.said(), ["AssumeRole ReadOnly 3600"]);
}
