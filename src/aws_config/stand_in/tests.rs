//! One example for each rule; what holds for every text is in `any_text`.

mod any_text;

use std::path::Path;

use super::*;

const MULTICRED: [&str; 3] = ["/usr/bin/multicred", "--store", "/x/m.db"];
const OF_CONFIG: &str =
    "# made by multicred for a live shell from /home/p/.aws/config: change that file, not this one\n";
const OF_CREDENTIALS: &str =
    "# made by multicred for a live shell from /home/p/.aws/credentials: change that file, not this one\n";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn of(config: &str, credentials: &str) -> StandIn {
    let own = |path, text| Own { path: Path::new(path), text: Some(text) };
    stand_in(own("/home/p/.aws/config", config), own("/home/p/.aws/credentials", credentials), &MULTICRED)
}

/// Both texts without their first lines.
#[track_caller]
fn texts(config: &str, credentials: &str) -> (String, String) {
    let made = of(config, credentials);
    assert!(!made.config.contains(SECRET) && !made.credentials.contains(SECRET), "{made:?}");
    let without = |text: &str, first: &str| text.strip_prefix(first).unwrap().to_owned();
    (without(&made.config, OF_CONFIG), without(&made.credentials, OF_CREDENTIALS))
}

fn key() -> String {
    format!("aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {SECRET}\n")
}

fn process_of(name: &str) -> String {
    format!("credential_process = /usr/bin/multicred --store /x/m.db credential-process --no-session {name}\n")
}

#[test]
fn a_missing_file_has_a_stand_in_that_says_nothing() {
    let own = |path| Own { path: Path::new(path), text: None };
    let made = stand_in(own("/home/p/.aws/config"), own("/home/p/.aws/credentials"), &MULTICRED);
    assert_eq!(made, StandIn { config: OF_CONFIG.to_owned(), credentials: OF_CREDENTIALS.to_owned() });
}

#[test]
fn the_default_profile_keeps_how_and_loses_who() {
    let how = "region = eu-west-1\noutput=json\ns3 =\n  addressing_style = path\nretry_mode = standard\n\
               cli_pager =\nservices = local\nendpoint_url = http://localhost:1\nmfa_serial = arn:aws:iam::1:mfa/p\n";
    let who = "role_arn = arn:aws:iam::1:role/R\nsource_profile = base\ncredential_source = Environment\n\
               credential_process = /bin/p\nweb_identity_token_file = /t\nrole_session_name = p\nexternal_id = x\n\
               sso_session = s\nSSO_Account_Id = 1\nsso_role_name = r\nsso_start_url = u\nsso_region = r\n\
               login_session = l\ninclude_profile = x\naws_security_token = t\naws_account_id = 1\n";
    for header in ["[default]", "[profile default]", "[ default ] # x", "[profile \"default\"]"] {
        let (config, credentials) =
            texts(&format!("{header}\n{how}{who}"), &format!("[default]\n{}region = eu-west-1\n", key()));
        let header = header.trim_end_matches(" # x").replace("[ default ]", "[default]");
        assert_eq!(config, format!("{header}\n{how}"));
        assert_eq!(credentials, "[default]\nregion = eu-west-1\n");
    }
}

/// botocore takes every header of two words that begins with `profile` for a profile's.
#[test]
fn what_only_some_sdk_reads_as_the_default_profile_loses_who_too() {
    for header in ["[profiles default]", "[profile\"\" de'fau'lt]", "[\u{a0}default]"] {
        let (config, _) = texts(&format!("{header}\nregion = r\nrole_arn = a\n{}", key()), "");
        assert_eq!(config, format!("{header}\nregion = r\n"));
    }
}

#[test]
fn what_configparser_gives_every_section_makes_no_default_credential() {
    let shared = "[DEFAULT]\nregion = r\nsso_start_url = u\n";
    let (config, _) = texts(&format!("{shared}role_arn = a\n{}[profile a]\nsso_account_id = 1\n", key()), "");
    assert_eq!(config, format!("{shared}[profile a]\nsso_account_id = 1\n"));
    let (_, credentials) = texts("", &format!("[DEFAULT]\n{}[a]\nregion = r\n", key()));
    assert_eq!(credentials, "[DEFAULT]\n# line 4 of it, [a], is left out: its credential stands in [DEFAULT]\n");
}

#[test]
fn a_profile_with_a_key_asks_multicred_in_both_files() {
    let keys = format!("[bob]\n{}aws_session_token = {SECRET}\nregion = eu-west-1\n", key());
    let process = process_of("bob");
    let (config, credentials) = texts("", &keys);
    assert_eq!(config, format!("\n[profile bob]\n{process}"));
    assert_eq!(credentials, format!("[bob]\n{process}region = eu-west-1\n"));

    let (config, _) = texts("[profile bob]\noutput = json\ncredential_process = /bin/other\n[preview]\nx = 1\n", &keys);
    assert_eq!(config, format!("[profile bob]\n{process}output = json\n[preview]\nx = 1\n"));

    let (config, _) =
        texts(&format!("[profile bob]\r\n  region = r\r\n  {}", key().trim_end().replace('\n', "\r\n  ")), "");
    assert_eq!(
        config,
        format!("[profile bob]\r\n{}\r\nregion = r\r\n", process.trim_end()),
        "no line continues another"
    );
}

#[test]
fn a_name_is_quoted_as_every_sdk_splits_it() {
    let (config, credentials) = texts("", &format!("[bob smith]\n{}", key()));
    let process =
        "credential_process = /usr/bin/multicred --store /x/m.db credential-process 'bob smith' --no-session\n";
    assert_eq!(config, format!("\n[profile 'bob smith']\n{process}"), "no quote at the end of the value");
    assert_eq!(credentials, format!("[bob smith]\n{process}"));
}

#[test]
fn a_name_that_no_command_can_hold_is_left_out() {
    for name in ["a#b", "-x", "a\\b", "a;b"] {
        let (config, credentials) =
            texts(&format!("[profile '{name}']\nregion = r\n"), &format!("[{name}]\n{}", key()));
        let why = "is left out: its key cannot be had by a command, which could not hold its name";
        assert_eq!(config, format!("# line 1 of it, [profile \\'{}\\'], {why}\n", name.escape_debug()));
        assert_eq!(credentials, format!("# line 1 of it, [{}], {why}\n", name.escape_debug()));
    }
}

/// Whether the profile `x` of a config file, with these settings beside a key of its own, asks multicred.
fn asks(settings: &str, key_is_in_credentials: bool) -> bool {
    let (mut config, mut credentials) = (format!("[profile x]\n{settings}"), String::new());
    if key_is_in_credentials {
        credentials = format!("[x]\n{}", key());
    } else {
        config.push_str(&key());
    }
    let (config, _) = texts(&config, &credentials);
    let asks = config.contains(&process_of("x"));
    assert!(asks || config == format!("[profile x]\n{settings}"), "all but the key stays: {config}");
    assert!(!asks || config.trim() == format!("[profile x]\n{}", process_of("x")).trim(), "nothing stays: {config}");
    asks
}

#[test]
fn a_key_counts_where_botocore_would_have_seen_it() {
    let cases = [
        ("role_arn = a\nsource_profile = y\n", [false, false]),
        ("role_arn = a\ncredential_source = Ec2InstanceMetadata\n", [false, false]),
        ("role_arn = a\nweb_identity_token_file = /t\n", [false, false]),
        ("role_arn = a\nsource_profile = x\n", [true, true]),
        ("role_arn = a\n", [true, true]),
        ("sso_account_id = 1\nsso_role_name = r\nsso_session = s\n", [false, false]),
        ("sso_session = s\n", [true, true]),
        ("credential_process = /bin/p\n", [true, false]),
        ("login_session = l\n", [true, false]),
    ];
    for (settings, [in_credentials, in_config]) in cases {
        assert_eq!(asks(settings, true), in_credentials, "{settings}");
        assert_eq!(asks(settings, false), in_config, "{settings}");
    }
}

#[test]
fn a_role_on_top_of_the_default_profile_has_a_generated_source() {
    let role = |source: &str| format!("[profile r]\nrole_arn = a\nsource_profile = {source}\nmfa_serial = m\n");
    let own = format!("[default]\nregion = eu-west-1\n{}", role("default"));
    let (config, _) = texts(&own, &format!("[default]\n{}", key()));
    let generated = format!("\n[profile multicred-default]\nregion = eu-west-1\n{}", process_of("default"));
    assert_eq!(config, format!("[default]\nregion = eu-west-1\n{}{generated}", role("multicred-default")));

    let (config, credentials) = texts("[profile multicred-default]\n", "[r]\nrole_arn = a\nsource_profile = 'default'");
    assert_eq!(
        config,
        format!("[profile multicred-default]\n\n[profile multicred-default-2]\n{}", process_of("default"))
    );
    assert_eq!(credentials, "[r]\nrole_arn = a\nsource_profile = multicred-default-2\n");

    let (config, _) = texts(&role("other"), "");
    assert_eq!(config, role("other"), "nothing is generated that nobody needs");
}

#[test]
fn what_holds_no_secret_stays_byte_for_byte() {
    let own = "[profile EcsRole]\r\nrole_arn = a\r\ncredential_source = EcsContainer\r\n\r\n[sso-session s]\n  sso_region=r\n\
               [services local]\nsecrets_manager =\n  endpoint_url = http://localhost\n[plugins]\nx = y # z\n[preview]\na:b\n\
               [profile p]\ncredential_process = get-token --token-file /t\nweb_identity_token_file=/t\n\
               [profile two words]\nregion = r\n[profile prod/Admin]\n\
               credential_process = /usr/bin/multicred credential-process prod/Admin\n";
    assert_eq!(texts(own, "").0, own);
}

#[test]
fn what_may_be_a_secret_is_dropped_wherever_it_stands() {
    for line in [
        format!("# aws_secret_access_key = {SECRET}"),
        format!("  ; {SECRET}"),
        format!("AWS_Secret_Access_Key:{SECRET}"),
        format!("aws_secret_access_key = first\n   {SECRET}\n   # c\n   x = {SECRET}"),
        format!("aws_secret_acess_key = {SECRET}"),
        format!("db_password = {SECRET}"),
        format!("region = r # aws_secret_access_key = {SECRET}"),
        format!("credential_process = echo '{{\"SecretAccessKey\": \"{SECRET}\"}}'"),
        format!("role_arn\n{SECRET}"),
        format!("aws_secret_access_key = \"{SECRET}\"\nnote = {SECRET}"),
    ] {
        for header in ["[default]", "[unknown]", "[sso-session s]"] {
            assert_eq!(
                texts(&format!("{header}\n{line}\noutput = json\n"), "").0,
                format!("{header}\noutput = json\n")
            );
        }
    }
    let (config, _) = texts(&format!("{SECRET}\n[default] aws_secret_access_key = {SECRET}\n[a\nx = {SECRET}\n"), "");
    assert_eq!(config, "[default]\n# line 3 of it, [a], is left out: its header cannot be read\n");
    let (config, _) = texts(&format!("[profile {SECRET}]\nregion = r\n"), &format!("[{SECRET}]\n{}", key()));
    assert_eq!(config, "# line 1 of it, [], is left out: its header tells a secret\n");
}

#[test]
fn a_command_that_prints_a_key_of_its_own_is_asked_through_multicred() {
    let own = format!("[profile x]\ncredential_process = echo '{{\"SecretAccessKey\": \"{SECRET}\"}}'\nregion = r\n");
    assert_eq!(texts(&own, "").0, format!("[profile x]\n{}region = r\n", process_of("x")));
}

/// The SDK for JavaScript does.
#[test]
fn an_indented_line_is_read_as_a_setting_by_some() {
    let own = "[default]\ns3 =\n  role_arn = a\n  addressing_style = path\n  [profile b]\n  junk\noutput = x\n";
    assert_eq!(texts(own, "").0, "[default]\ns3 =\n  addressing_style = path\noutput = x\n");
    let (config, _) = texts(&format!("[profile a]\nregion = r\n  {}", key().trim_end().replace('\n', "\n  ")), "");
    assert_eq!(config, format!("[profile a]\n{}region = r\n", process_of("a")));
}

#[test]
fn a_byte_order_mark_and_lone_carriage_returns_are_no_trouble() {
    let (config, _) = texts("\u{feff}[default]\rregion = r\rrole_arn = a\r[profile a]\routput = x", "");
    assert_eq!(config, "[default]\nregion = r\n[profile a]\noutput = x\n");
    let (config, _) = texts("[a]\nx = 1\n[\n  y = 2\n  [profile c]\nz = 3\n", "");
    assert_eq!(config, "[a]\nx = 1\n# line 3 of it, [], is left out: its header cannot be read\n[profile c]\nz = 3\n");
}
