//! Where a setting of a profile comes from: flags, the environment, its own sections, what it includes, `[default]`.

use crate::profiles::row::{Ran, row};
use crate::profiles::{Scene, section};

/// One setting in every layer, highest first.
struct Setting {
    key: &'static str,
    flag: &'static str,
    variables: &'static [&'static str],
    /// In what is sent or exported.
    seen: fn(&Ran) -> String,
    /// For the flag, the variables in their order, the profile, what it includes, what that includes, `[default]`.
    values: &'static [&'static str],
}

fn sent(ran: &Ran, name: &str) -> String {
    ran.scene.sts.calls().last().map(|call| call.param(name).to_owned()).unwrap_or_default()
}

fn region(ran: &Ran) -> String {
    let line = ran.output.stdout.lines().find_map(|line| line.strip_prefix("export AWS_REGION="));
    line.unwrap_or_default().trim_matches('\'').to_owned()
}

const SETTINGS: &[Setting] = &[
    Setting {
        key: "region",
        flag: "--region",
        variables: &["AWS_REGION", "AWS_DEFAULT_REGION"],
        seen: region,
        values: &["us-west-1", "us-west-2", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "eu-south-1"],
    },
    Setting {
        key: "role_session_name",
        flag: "--session-name",
        variables: &["AWS_ROLE_SESSION_NAME"],
        seen: |ran| sent(ran, "RoleSessionName"),
        values: &["flag", "variable", "own", "included", "further", "default"],
    },
    Setting {
        key: "duration_seconds",
        flag: "--duration",
        variables: &[],
        seen: |ran| sent(ran, "DurationSeconds"),
        values: &["1001", "1002", "1003", "1004", "1005"],
    },
    Setting {
        key: "session_tags",
        flag: "--tag",
        variables: &["AWS_SESSION_TAGS"],
        seen: |ran| format!("a={}", sent(ran, "Tags.member.1.Value")),
        values: &["a=flag", "a=variable", "a=own", "a=included", "a=further", "a=default"],
    },
    Setting {
        key: "source_identity",
        flag: "--source-identity",
        variables: &["AWS_SOURCE_IDENTITY"],
        seen: |ran| sent(ran, "SourceIdentity"),
        values: &["flag", "variable", "own", "included", "further", "default"],
    },
    Setting {
        key: "external_id",
        flag: "",
        variables: &[],
        seen: |ran| sent(ran, "ExternalId"),
        values: &["own", "included", "further", "default"],
    },
    Setting {
        key: "role_arn",
        flag: "",
        variables: &["AWS_ROLE_ARN"],
        seen: |ran| sent(ran, "RoleArn").replace(&crate::profiles::role(""), "ROLE/"),
        values: &["ROLE/Onward", "ROLE/ReadOnly", "ROLE/Partner", "ROLE/Onward"],
    },
];

/// The row whose highest layer is the one of this number, all lower ones being there too.
fn ran_from(setting: &Setting, highest: usize) -> Ran {
    let mut values = setting.values.iter().enumerate().map(|(at, value)| if at < highest { "" } else { *value });
    let flag = if setting.flag.is_empty() { "" } else { values.next().unwrap() };
    let variables: Vec<_> = setting.variables.iter().map(|name| (*name, values.next().unwrap())).collect();
    let mut line =
        || values.next().filter(|value| !value.is_empty()).map(|value| format!("{} = {value}\n", setting.key));
    let (own, included, further, default) = (line(), line(), line(), line());
    let role = if setting.key == "role_arn" { "" } else { "role_arn = ROLE/ReadOnly\n" };
    let config = format!(
        "[profile t]\n{role}source_profile = alice\ninclude_profile = p1\n{}[profile p1]\nparent_profile = p2\n{}\
         [profile p2]\n{}[default]\n{}",
        own.unwrap_or_default(),
        included.unwrap_or_default(),
        further.unwrap_or_default(),
        default.unwrap_or_default()
    );
    let words = if flag.is_empty() { "env t".to_owned() } else { format!("env {} {flag} t", setting.flag) };
    let mut row = row("", &config, &words);
    for (name, value) in variables.into_iter().filter(|(_, value)| !value.is_empty()) {
        row = row.set(name, value);
    }
    let output = row.run();
    row.ran(output)
}

#[test]
fn a_flag_beats_the_environment_that_the_profile_that_what_it_includes_and_that_default() {
    for setting in SETTINGS {
        for (highest, expected) in setting.values.iter().enumerate() {
            let ran = ran_from(setting, highest);
            let seen = (setting.seen)(&ran);
            let what = format!("{} = {expected}, not {seen}", setting.key);
            // AWS refuses the partner's role without its external id: what was sent counts here.
            ran.output.holds(matches!(ran.output.status, 0 | 5) && seen == *expected, &what);
        }
    }
}

#[test]
fn a_device_of_the_environment_counts_for_every_hop_and_beats_the_profiles() {
    let config = |own: &str| {
        format!(
            "[default]\nmfa_serial = SERIAL\n[profile alice]\n{own}[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = alice\n{own}"
        )
    };
    let serial = |ran: &Ran| ran.scene.sts.calls()[0].param("SerialNumber").to_owned();
    let session = ["GetSessionToken+mfa 28800", "AssumeRole ReadOnly 3600"];
    let of_default = row("default", &config(""), "t").calls(&session);
    assert_eq!(serial(&of_default), of_default.scene.serial);
    let own = row("own", &config("mfa_serial = OTHER-SERIAL\n"), "t").calls(&session);
    assert_eq!(serial(&own), own.scene.other_serial);
    let of_environment = row("environment", &config(""), "t").set("AWS_MFA_SERIAL", "OTHER-SERIAL").calls(&session);
    assert_eq!(serial(&of_environment), of_environment.scene.other_serial, "for the source as well");
}

#[test]
fn default_says_how_and_never_who() {
    let of_default = |line: &str, rest: &str| format!("[default]\n{line}\n{rest}");
    let bob = "[profile bob]\nregion = eu-west-1\n";
    let session = ["GetSessionToken 3600"];
    for line in [
        "role_arn = ROLE/ReadOnly\nsource_profile = alice",
        "credential_process = touch HOME/ran",
        "web_identity_token_file = HOME/token",
        "web_identity_token_process = touch HOME/ran",
        "sso_session = corp",
        "sso_start_url = https://x.awsapps.com/start",
        "include_profile = nowhere",
        "credential_source = Environment\nrole_arn = ROLE/ReadOnly",
    ] {
        let ran = row(line, &of_default(line, bob), "bob").calls(&session);
        assert!(!ran.scene.env.path("ran").exists(), "{line}");
        let nobody = row(line, &of_default(line, "[profile empty]\nregion = eu-west-1\n"), "empty");
        nobody.refused(1, &["empty"]);
    }
    // Its key is its own, too.
    let mut scene = Scene::with_config("[profile empty]\nregion = eu-west-1\n[profile t]\nrole_arn = ROLE/ReadOnly\n");
    let keys = section("default", &scene.bob);
    scene.env.aws_credentials(&keys);
    for name in ["empty", "t"] {
        scene.switch(name).code(1).stdout_is("");
    }
    assert_eq!(scene.sts.count("*"), 0);
}

#[test]
fn a_source_of_default_is_for_roles_without_any_other() {
    let default = "[default]\nsource_profile = alice\n";
    let role = "role_arn = ROLE/Onward\n";
    row("a role", &format!("{default}[profile t]\n{role}"), "t").calls(&["AssumeRole Onward 3600"]);
    row("no role", &format!("{default}[profile t]\nregion = eu-west-1\n"), "t").refused(1, &["t"]);
    let own = format!("{default}[profile t]\n{role}source_profile = bob\n");
    let ran = row("its own source", &own, "t").calls(&["AssumeRole Onward 3600"]);
    assert_eq!(ran.scene.sts.calls()[0].access_key_id.as_ref(), Some(&ran.scene.bob.access_key_id));
    let environment = format!("{default}[profile t]\n{role}credential_source = Environment\n");
    row("another kind of source", &environment, "t").refused(1, &["AWS_ACCESS_KEY_ID"]);
    let key = format!("{default}[profile t]\n{role}");
    let ran = row("its own key", &key, "t").keys(&["t"]).calls(&["AssumeRole Onward 3600"]);
    assert_eq!(ran.scene.sts.calls()[0].access_key_id.as_ref(), Some(&ran.scene.alice.access_key_id));
}

#[test]
fn default_itself_is_a_profile_like_any_other() {
    let config = "[default]\nrole_arn = ROLE/ReadOnly\nsource_profile = alice\nregion = eu-west-1\n";
    row("default", config, "default").calls(&["AssumeRole ReadOnly 3600"]);
}

#[test]
fn a_destination_of_default_is_not_everybodys() {
    let config =
        "[default]\ndestination_profile = out\n[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = alice\n";
    let ran = row("destination", config, "env t").calls(&["AssumeRole ReadOnly 3600"]);
    let text = std::fs::read_to_string(ran.scene.env.path(".aws/credentials")).unwrap();
    assert!(!text.contains("[out]"), "{text}");
}

#[test]
fn an_included_profile_gives_everything_but_its_keys() {
    let role =
        "[profile p1]\nrole_arn = ROLE/Partner\nsource_profile = alice\nexternal_id = quay-7\nregion = eu-west-1\n";
    let expected = ["AssumeRole Partner 3600 external:quay-7"];
    for word in ["include_profile", "parent_profile"] {
        row(word, &format!("{role}[profile t]\n{word} = p1\n"), "t").calls(&expected);
        row(word, &format!("{role}[profile t]\n{word} = p2\n[profile p2]\n{word} = p1\n"), "t").calls(&expected);
    }
    let both = format!("{role}[profile t]\ninclude_profile = p1\nparent_profile = p1\n");
    row("both the same", &both, "t").calls(&expected);
    let both = format!("{role}[profile t]\ninclude_profile = p1\nparent_profile = alice\n");
    row("both, and not the same", &both, "t").refused(1, &["include_profile", "parent_profile", "config:"]);
    row("no key", "[profile t]\ninclude_profile = bob\n", "t").refused(1, &["t"]);
    row("missing", "[profile t]\ninclude_profile = nowhere\n", "t")
        .refused(1, &["config:2", "include_profile", "nowhere"]);
}

#[test]
fn a_role_that_says_how_it_is_assumed_is_not_changed_by_what_default_says_of_durations_of_sessions() {
    let config = "[default]\nduration_seconds = 1800\n[profile bob]\nregion = eu-west-1\n\
                  [profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n";
    row("a role", config, "t").calls(&["AssumeRole ReadOnly 1800"]);
    row("a session", config, "bob").calls(&["GetSessionToken 3600"]);
    row("a session, the other key", &config.replace("duration_seconds", "session_duration"), "bob")
        .calls(&["GetSessionToken 3600"]);
}

#[test]
fn the_credentials_file_wins_over_the_config_in_one_profile() {
    let mut scene = Scene::with_config("[profile bob]\nregion = eu-west-1\n");
    let text = section("bob", &scene.bob) + "region = eu-west-2\n";
    scene.env.aws_credentials(&text);
    assert_eq!(scene.variable(&scene.switch("bob --no-session"), "AWS_REGION").as_deref(), Some("eu-west-2"));
}

#[test]
fn an_empty_setting_or_variable_is_none() {
    let config = "[default]\nregion = eu-west-1\n[profile bob]\nregion =\nmfa_serial =\n";
    let ran =
        row("empty", config, "bob").set("AWS_REGION", "").set("AWS_MFA_SERIAL", "").calls(&["GetSessionToken 3600"]);
    assert_eq!(ran.scene.variable(&ran.output, "AWS_REGION").as_deref(), Some("eu-west-1"));
}
