//! What a profile says of its sessions: how long they last, which tags they carry, who is behind them.

use crate::profiles::Scene;
use crate::profiles::row::row;

/// alice's device, admin from her, with room for more lines of admin, then of t.
fn chain(admin: &str, target: &str) -> String {
    format!(
        "[profile alice]\nmfa_serial = SERIAL\n\
         [profile admin]\nrole_arn = ROLE/Admin\nsource_profile = alice\nmfa_serial = SERIAL\n{admin}\
         [profile t]\nrole_arn = ROLE/Deep\nsource_profile = admin\n{target}"
    )
}

const SESSION: &str = "GetSessionToken+mfa 28800";

#[test]
fn a_duration_of_a_role_is_duration_seconds_or_session_duration() {
    let role = "[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n";
    for key in ["duration_seconds", "session_duration"] {
        row(key, &format!("{role}{key} = 900\n"), "t").calls(&["AssumeRole ReadOnly 900"]);
        row(key, &format!("{role}{key} = 43200\n"), "t").calls(&["AssumeRole ReadOnly 43200"]);
        row(key, &format!("{role}{key} = 43200\n"), "--duration 15m t").calls(&["AssumeRole ReadOnly 900"]);
        for wrong in ["899", "43201", "1h", "3600.0", "-3600", "0x1000", "99999999999999999999"] {
            row(wrong, &format!("{role}{key} = {wrong}\n"), "t").refused(1, &["config:4", key, "900 to 43200"]);
        }
    }
    let both = format!("{role}duration_seconds = 1800\nsession_duration = 1800\n");
    row("both the same", &both, "t").calls(&["AssumeRole ReadOnly 1800"]);
    let both = format!("{role}duration_seconds = 1800\nsession_duration = 3600\n");
    row("both, and not the same", &both, "t").refused(1, &["duration_seconds", "session_duration", "config:"]);
}

#[test]
fn what_is_included_of_a_duration_counts_before_what_default_says_by_either_name() {
    let role = "[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\ninclude_profile = p\n";
    for (near, far) in [("duration_seconds", "session_duration"), ("session_duration", "duration_seconds")] {
        let config = format!("{role}[profile p]\n{near} = 1800\n[default]\n{far} = 900\n");
        row("included, and default", &config, "t").calls(&["AssumeRole ReadOnly 1800"]);
        let config = format!("{role}[profile p]\n{near} = 1800\ninclude_profile = q\n[profile q]\n{far} = 900\n");
        row("included twice", &config, "t").calls(&["AssumeRole ReadOnly 1800"]);
    }
}

#[test]
fn a_duration_of_a_user_is_the_sessions_and_may_be_a_day_and_a_half() {
    for key in ["duration_seconds", "session_duration"] {
        let user = |seconds: &str| format!("[profile bob]\n{key} = {seconds}\n");
        row(key, &user("129600"), "bob").calls(&["GetSessionToken 129600"]);
        row(key, &user("900"), "bob").calls(&["GetSessionToken 900"]);
        for wrong in ["899", "129601", "soon"] {
            row(wrong, &user(wrong), "bob").refused(1, &["config:2", key, "129600"]);
        }
    }
}

#[test]
fn a_role_from_a_role_or_a_session_is_capped_with_a_warning_and_one_from_the_key_is_not() {
    let long = "duration_seconds = 7200\n";
    row("the only role", &chain(long, ""), "admin").calls(&["AssumeRole Admin+mfa 7200"]);
    let ran = row("the second role", &chain("", long), "t").calls(&[
        SESSION,
        "AssumeRole Admin 3600",
        "AssumeRole Deep 3600",
    ]);
    ran.output.stderr_has("t lasts 1h, not 2h: AWS caps roles");
    let ran = row("both", &chain(long, long), "t");
    let ran = ran.calls(&[SESSION, "AssumeRole Admin 3600", "AssumeRole Deep 3600"]);
    ran.output.stderr_has("t lasts 1h, not 2h");
    let ran = row("asked for", &chain("", ""), "--duration 2h t");
    ran.calls(&[SESSION, "AssumeRole Admin 3600", "AssumeRole Deep 3600"]).output.stderr_has("not 2h");
}

#[test]
fn a_source_without_a_role_is_the_source_itself_with_its_own_device_and_region() {
    let config = "[profile alice]\nmfa_serial = SERIAL\nregion = eu-west-3\n\
                  [profile me]\nsource_profile = alice\nmfa_serial = OTHER-SERIAL\nregion = eu-west-1\n\
                  [profile t]\nrole_arn = ROLE/Admin\nsource_profile = me\nmfa_serial = OTHER-SERIAL\n";
    let ran = row("itself", config, "me").calls(&["GetSessionToken+mfa 3600"]);
    let call = &ran.scene.sts.calls()[0];
    assert_eq!(call.param("SerialNumber"), ran.scene.other_serial);
    assert_eq!(
        (call.access_key_id.as_ref(), call.region.as_deref()),
        (Some(&ran.scene.alice.access_key_id), Some("eu-west-1"))
    );
    let ran = row("below a role", config, "t").calls(&[SESSION, "AssumeRole Admin 3600"]);
    assert_eq!(ran.scene.sts.calls()[0].param("SerialNumber"), ran.scene.other_serial);
}

#[test]
fn each_hop_is_asked_in_its_own_region_unless_the_environment_names_one() {
    let regions = |ran: &crate::profiles::row::Ran| {
        ran.scene.sts.calls().iter().filter_map(|call| call.region.clone()).collect::<Vec<_>>()
    };
    let config = chain("region = eu-west-2\n", "region = eu-west-3\n")
        .replace("[profile admin]", "region = eu-west-1\n[profile admin]");
    let calls = [SESSION, "AssumeRole Admin 3600", "AssumeRole Deep 3600"];
    let ran = row("own", &config, "t").calls(&calls);
    assert_eq!(regions(&ran), ["eu-west-1", "eu-west-2", "eu-west-3"]);
    for variable in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        let ran = row(variable, &config, "t").set(variable, "us-west-2").calls(&calls);
        assert_eq!(regions(&ran), ["us-west-2"; 3], "{variable}");
    }
}

#[test]
fn a_tag_that_is_inherited_as_transitive_is_not_sent_again() {
    let admin = "session_tags = team=red,stage=prod\ntransitive_session_tags = team\n";
    for (name, target, expected) in [
        ("nothing of its own", "", "AssumeRole Deep 3600"),
        ("the same again", "session_tags = team=red\n", "AssumeRole Deep 3600"),
        (
            "the same, and transitive again",
            "session_tags = team=red\ntransitive_session_tags = team\n",
            "AssumeRole Deep 3600",
        ),
        ("another one beside it", "session_tags = team=red,shift=2\n", "AssumeRole Deep 3600 tags:shift=2"),
        ("one that was not passed on", "session_tags = stage=dev\n", "AssumeRole Deep 3600 tags:stage=dev"),
    ] {
        let ran = row(name, &chain(admin, target), "t");
        let ran = ran.calls(&[SESSION, "AssumeRole Admin 3600 tags:stage=prod,team=red transitive:team", expected]);
        let session = ran.scene.session_of(&ran.output);
        assert_eq!(session.facts.tags.get("team").map(String::as_str), Some("red"), "{name}");
    }
    // STS keeps the value it was given above: another one is no way to change it.
    let another = chain(admin, "session_tags = TEAM=blue\n");
    row("another value", &another, "t").refused(1, &["session_tags", "TEAM", "transitive", "t → admin → alice"]);
}

#[test]
fn a_transitive_tag_is_one_of_those_that_are_sent_or_inherited() {
    let unknown = chain("", "session_tags = a=b\ntransitive_session_tags = c\n");
    // AWS is asked all the same, as the profile says; and says which of the two lists is wrong.
    let output = row("unknown", &unknown, "t").run();
    output.code(5).stderr_has("transitive tag key must be included").stderr_has("transitive_session_tags");
    let inherited = chain("session_tags = c=d\ntransitive_session_tags = c\n", "transitive_session_tags = c\n");
    row("inherited", &inherited, "t").calls(&[
        SESSION,
        "AssumeRole Admin 3600 tags:c=d transitive:c",
        "AssumeRole Deep 3600",
    ]);
}

#[test]
fn a_source_identity_is_set_on_the_first_role_whoever_names_it() {
    let with = |hop: &str, at: &str| format!("AssumeRole {hop} 3600{}", if hop == at { " source:ann" } else { "" });
    for (name, admin, target) in [
        ("the first", "source_identity = ann\n", ""),
        ("the last", "", "source_identity = ann\n"),
        ("both", "source_identity = ann\n", "source_identity = ann\n"),
    ] {
        let ran =
            row(name, &chain(admin, target), "t").calls(&[SESSION, &with("Admin", "Admin"), &with("Deep", "Admin")]);
        let session = ran.scene.session_of(&ran.output);
        assert_eq!(session.facts.source_identity.as_deref(), Some("ann"), "{name}");
    }
    let default = format!("[default]\nsource_identity = ann\n{}", chain("", ""));
    row("default", &default, "t").calls(&[SESSION, &with("Admin", "Admin"), &with("Deep", "Admin")]);
    let flag = row("a flag", &chain("", ""), "--source-identity ann t");
    flag.calls(&[SESSION, &with("Admin", "Admin"), &with("Deep", "Admin")]);
    let variable = row("the environment", &chain("", ""), "t").set("AWS_SOURCE_IDENTITY", "ann");
    variable.calls(&[SESSION, &with("Admin", "Admin"), &with("Deep", "Admin")]);
}

#[test]
fn two_source_identities_of_one_chain_are_a_contradiction() {
    let config = chain("source_identity = ann\n", "source_identity = bea\n");
    row("two", &config, "t").refused(1, &["source_identity", "ann", "bea", "config:"]);
    row("two, one of the environment", &chain("source_identity = ann\n", ""), "t")
        .set("AWS_SOURCE_IDENTITY", "bea")
        .refused(1, &["ann", "bea"]);
    row("none of it below", &config, "admin").calls(&[SESSION, "AssumeRole Admin 3600 source:ann"]);
}

#[test]
fn a_session_is_named_by_the_profile_or_the_user_at_the_root_or_the_login() {
    let role = "[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n";
    row("its own", &format!("{role}role_session_name = ann\n"), "t").calls(&["AssumeRole ReadOnly 3600 name:ann"]);
    row("the login", role, "t").calls(&["AssumeRole ReadOnly 3600"]);
    row("an odd login", role, "t").set("LOGNAME", "ann of accounts/é").calls_begin("AssumeRole ReadOnly 3600 name:ann");
    let scene = Scene::with_config(role);
    scene.env.run(&["import", "--profile", "bob"]).ok();
    scene.sts.clear_calls();
    scene.switch("t").ok();
    assert_eq!(scene.said(), ["AssumeRole ReadOnly 3600 name:bob"], "the store knows whose key it is");
}

#[test]
fn an_edit_of_any_setting_is_never_served_what_was_there_before() {
    let role = "[profile t]\nrole_arn = ROLE/Onward\nsource_profile = bob\n";
    let mut scene = Scene::with_config(role);
    scene.switch("t").ok();
    for (calls, more) in [
        (2, "session_tags = a=1\n"),
        (3, "session_tags = a=2\n"),
        (4, "session_tags = a=2\ntransitive_session_tags = a\n"),
        (5, "source_identity = ann\n"),
        (6, "session_duration = 900\n"),
        (7, "role_session_name = ann\n"),
        (7, ""),
        (7, "session_tags = a=1\n"),
        (8, "source_profile = alice\n"),
    ] {
        scene.config(&format!("{role}{more}"));
        scene.switch("t").ok();
        assert_eq!(scene.sts.count("AssumeRole"), calls, "{more}");
    }
}

#[test]
fn an_import_of_a_role_stands_for_none_whose_profile_or_environment_says_more() {
    let role = "[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n";
    for (lines, variable, calls) in [
        ("", None, 0),
        ("source_identity = ann\n", None, 1),
        ("", Some(("AWS_SOURCE_IDENTITY", "ann")), 1),
        ("", Some(("AWS_SESSION_TAGS", "team=blue")), 1),
    ] {
        let mut scene = Scene::with_config(&format!("{role}{lines}"));
        let imported = scene.sts.world(|world| world.saml_session(&crate::profiles::role("ReadOnly"), "me", 7200));
        scene.env.run_with_stdin(&["import", "-"], crate::profiles::source::json(&imported).to_string()).ok();
        if let Some((name, value)) = variable {
            scene.env.set(name, value);
        }
        scene.switch("t").ok();
        assert_eq!(scene.sts.count("AssumeRole"), calls, "{lines}{variable:?}");
    }
}
