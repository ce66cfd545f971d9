//! What is wrong in `~/.aws/config` is told with its file and line, its key, and the chain that led there; what nobody
//! asked for is left alone.

use crate::profiles::row::row;

/// `target` from `admin` from `base`, whose lines begin at 8.
fn chain(base: &str) -> String {
    format!(
        "[profile target]\nrole_arn = ROLE/Deep\nsource_profile = admin\n\
         [profile admin]\nrole_arn = ROLE/Admin\nsource_profile = base\n\
         [profile base]\n{base}"
    )
}

const LED: &str = "target → admin → base";

#[test]
fn a_value_that_cannot_be_is_told_with_its_line_its_key_and_what_led_there() {
    for (line, says) in [
        ("role_arn = nonsense", "ARN of a role"),
        ("role_arn = arn:aws:iam::111122223333:user/x", "ARN of a role"),
        ("mfa_serial = $(id)", "MFA"),
        ("external_id = a b", "external id"),
        ("region = eu-west-1;id", "region"),
        ("role_session_name = a b", "2 to 64"),
        ("role_session_name = a", "2 to 64"),
        ("duration_seconds = 5", "900"),
        ("session_duration = soon", "900"),
        ("session_tags = a=b,", "tag"),
        ("source_identity = a b", "2 to 64"),
        ("include_profile = nowhere", "nowhere"),
        ("parent_profile = nowhere", "nowhere"),
        ("endpoint_url = localhost:4566", "http"),
        ("services = nowhere", "nowhere"),
        ("use_fips_endpoint = maybe", "true or false"),
        ("use_dualstack_endpoint = 1", "true or false"),
        ("ignore_configured_endpoint_urls = perhaps", "true or false"),
        ("sts_regional_endpoints = nearby", "regional"),
    ] {
        let key = line.split(' ').next().unwrap();
        row(line, &chain(&format!("{line}\n")), "target").keys(&["base"]).refused(1, &["config:8", key, says, LED]);
    }
}

/// With a key of its own the profile would not ask them.
#[test]
fn a_source_that_cannot_be_is_told_with_its_line_its_key_and_what_led_there() {
    for (line, says) in [
        ("source_profile = nowhere", "nowhere"),
        ("credential_source = Nothing\nrole_arn = ROLE/ReadOnly", "Ec2InstanceMetadata"),
        ("sso_start_url = https://x.awsapps.com/start", "sso_start_url"),
    ] {
        let key = line.split(' ').next().unwrap();
        let config = chain(&format!("{line}\n"));
        row(line, &config, "target").refused(1, &["config:8", key, says, LED]);
    }
    row("with a key", &chain("source_profile = nowhere\nrole_arn = ROLE/ReadOnly\n"), "base")
        .keys(&["base"])
        .calls(&["AssumeRole ReadOnly 3600"]);
}

#[test]
fn what_contradicts_itself_is_told_with_both_keys_and_what_led_there() {
    const ROLE: &str = "role_arn = ROLE/Web\n";
    for (more, lines) in [
        (ROLE, ["source_profile = bob", "credential_source = Environment"]),
        ("", ["source_profile = bob", "credential_process = true"]),
        (ROLE, ["source_profile = bob", "web_identity_token_file = HOME/token"]),
        (ROLE, ["credential_source = Environment", "web_identity_token_process = true"]),
        (ROLE, ["web_identity_token_file = HOME/token", "web_identity_token_process = true"]),
        (ROLE, ["include_profile = alice", "parent_profile = bob"]),
        ("role_arn = ROLE/Web\nsource_profile = bob\n", ["duration_seconds = 900", "session_duration = 901"]),
    ] {
        let [first, second] = lines.map(|line| line.split(' ').next().unwrap());
        let config = chain(&format!("{}\n{}\n{more}", lines[0], lines[1]));
        row(second, &config, "target").refused(1, &[first, second, "config:", LED]);
    }
}

#[test]
fn what_leads_nowhere_says_so_with_what_led_there() {
    for (base, says) in [
        ("region = eu-west-1\n", "base"),
        ("role_arn = ROLE/ReadOnly\n", "source_profile"),
        ("credential_source = Environment\n", "role_arn"),
        ("web_identity_token_file = HOME/token\n", "role_arn"),
        ("aws_access_key_id = AKIAHALFHALFHALFHALF\n", "aws_secret_access_key"),
        ("aws_secret_access_key = half\n", "aws_access_key_id"),
    ] {
        row(base, &chain(base), "target").refused(1, &["base", says, LED]);
    }
    let gone = "[profile target]\nrole_arn = ROLE/Deep\nsource_profile = gone\n";
    row("a source that is not there", gone, "target").refused(1, &["config:3", "source_profile", "gone"]);
}

#[test]
fn a_line_that_cannot_be_read_is_told_with_what_led_there() {
    for line in ["this says nothing", "= value"] {
        let config = chain(&format!("region = eu-west-1\n{line}\n"));
        row(line, &config, "target").keys(&["base"]).refused(1, &["config:9", LED]);
    }
}

#[test]
fn what_is_wrong_in_a_section_that_nobody_asked_for_blocks_nothing() {
    let good = "[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n";
    for other in [
        "[profile x]\nthis says nothing\n",
        "[profile x\nrole_arn = y\n",
        "[profile x y]\nrole_arn = y\n",
        "[]\n",
        "[profile x]\nsource_profile = x\nrole_arn = nonsense\n",
        "[profile x]\ninclude_profile = x\n",
        "[profile x]\nduration_seconds = soon\nsession_tags = a\n",
        "[profile x]\nsource_profile = bob\ncredential_source = Environment\n",
        "[services x]\nthis says nothing\n",
        "[sso-session x]\nsso_region\n",
        "[plugins]\ncli_legacy_plugin_path\n",
    ] {
        row(other, &format!("{other}{good}"), "t").calls(&["AssumeRole ReadOnly 3600"]);
        row(other, &format!("{good}{other}"), "t").calls(&["AssumeRole ReadOnly 3600"]);
    }
    let list =
        row("list", &format!("[profile x]\ninclude_profile = x\n{good}"), "t").calls(&["AssumeRole ReadOnly 3600"]);
    list.scene.env.run(&["list"]).ok().stdout_has("t");
}

#[test]
fn a_line_of_default_that_cannot_be_read_does_not_take_every_profile_down() {
    let config = "[default]\nthis says nothing\nregion = eu-west-1\n[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n";
    row("default", config, "t").calls(&["AssumeRole ReadOnly 3600"]);
    row("default itself", config, "default").keys(&["default"]).refused(1, &["config:2"]);
}

#[test]
fn a_wrong_value_of_default_is_told_as_defaults() {
    let config = "[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n[default]\nregion = eu-west-1;id\n";
    row("of default", config, "t").refused(1, &["config:5", "region", "default"]);
    let config = config.replace("[profile t]\n", "[profile t]\nregion = eu-west-2\n");
    row("that is not used", &config, "t").calls(&["AssumeRole ReadOnly 3600"]);
}

#[test]
fn a_wrong_value_of_an_included_profile_is_told_at_its_own_line() {
    let config = "[profile p1]\nexternal_id = a b\n[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\ninclude_profile = p1\n";
    row("included", config, "t").refused(1, &["config:2", "external_id"]);
}

/// A variable of a later version of some other tool, or another spelling of ours, must not be in the way.
#[test]
fn settings_that_mean_nothing_to_multicred_are_left_alone() {
    let config = "[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\noutput = json\ncli_pager =\n\
                  max_attempts = nonsense\nretry_mode = quantum\ns3 =\n  addressing_style = path\n\
                  aws_account_id = 5\ngoogle_config.ask_role_arn = x\nx_unknown = $(id)\n";
    row("others", config, "t").calls(&["AssumeRole ReadOnly 3600"]);
}

#[test]
fn a_profile_that_cannot_be_followed_is_told_in_json_as_well() {
    let ran = row("loop", "[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = t\n", "t").refused(1, &["t → t"]);
    let told = ran.scene.env.run(&["why", "t", "--json"]);
    let told = told.code(1).json();
    assert!(told["plan"].is_null() && told["error"].as_str().unwrap().contains("t → t"), "{told}");
}

#[test]
fn what_default_says_of_role_sessions_is_no_concern_of_a_key() {
    let config = "[default]\nrole_session_name = $(id)\nsession_tags = a\n[profile bob]\nregion = eu-west-1\n";
    row("a key", config, "bob").calls(&["GetSessionToken 3600"]);
}

#[test]
fn a_chain_of_any_length_is_followed_or_refused_and_costs_nobody_else() {
    let sources: Vec<String> = (0..5000).map(|n| format!("[profile s{n}]\nsource_profile = s{}\n", n + 1)).collect();
    let includes: Vec<String> = (0..1000).map(|n| format!("[profile i{n}]\ninclude_profile = i{}\n", n + 1)).collect();
    let good = "[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n";
    let ran = row("beside them", &format!("{}{}{good}", sources.concat(), includes.concat()), "t")
        .calls(&["AssumeRole ReadOnly 3600"]);
    ran.scene.env.run(&["why", "s0"]).code(1).stderr_has("s5000");
    ran.scene.env.run(&["why", "i0"]).code(1).stderr_has("more than 64 profiles");
}
