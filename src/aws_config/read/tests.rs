use super::*;
use crate::aws_config::{AsksMulticred, NotFollowed};

fn value<'p>(profiles: &'p BTreeMap<String, Profile>, name: &str, key: &str) -> Option<&'p str> {
    profiles.get(name)?.value(key)
}

#[test]
fn keys_ignore_case_and_sections_do_not() {
    let config = "[profile withMFA]\nRole_Arn = arn:aws:iam::111122223333:role/r\nmfa_Serial=GAHT12345678\n\
                  Region=us-east-1\n";
    let profiles = read_all(config, "", None);
    assert_eq!(value(&profiles, "withMFA", "role_arn"), Some("arn:aws:iam::111122223333:role/r"));
    assert_eq!(value(&profiles, "withMFA", "mfa_serial"), Some("GAHT12345678"));
    assert_eq!(value(&profiles, "withMFA", "region"), Some("us-east-1"));
    assert!(!profiles.contains_key("withmfa"));
}

#[test]
fn default_is_one_profile_and_its_capitals_are_another_section() {
    let profiles = read_all("[DEFAULT]\nregion=us-east-1\n[default]\nregion=us-west-2\n", "", None);
    assert_eq!(value(&profiles, "default", "region"), Some("us-west-2"));
    assert_eq!(profiles.len(), 1);
}

#[test]
fn inline_comments_are_cut_where_white_space_precedes_them() {
    let profiles = read_all("[profile a]\nregion = moon-1 # x\n", "", None);
    assert_eq!(value(&profiles, "a", "region"), Some("moon-1"));
}

#[test]
fn a_process_that_is_multicred_is_known_for_what_it_asks() {
    let asked = |command: &str| {
        let config = format!("[profile a]\ncredential_process = {command}\n");
        read_all(&config, "", None)["a"].only_process().and_then(Setting::asks_multicred)
    };
    let asks = |store: Option<&str>, name: &str| {
        Some(Ok(AsksMulticred { store: store.map(str::to_owned), name: name.to_owned(), as_it_is: false }))
    };
    assert_eq!(asked("/opt/bin/multicred credential-process prod/Admin"), asks(None, "prod/Admin"));
    let with_store = asked("'/opt/my tools/multicred' --store '/a b/c.db' credential-process work");
    assert_eq!(with_store, asks(Some("/a b/c.db"), "work"));
    let fresh = asked("/opt/bin/multicred credential-process --fresh prod/Admin");
    assert_eq!(fresh, Some(Err(NotFollowed::Flag("--fresh".into()))));
    for other in [
        "/opt/bin/other credential-process prod/Admin",
        "multicred env prod/Admin --format json",
        "multicred credential-process prod/Admin; touch pwned",
        "multicred credential-process $(id)",
    ] {
        assert_eq!(asked(other), None, "{other}");
    }
}

#[test]
fn the_parsed_form_holds_no_secret() {
    let credentials = "[a]\naws_access_key_id = AKIAEXAMPLE123456789\naws_secret_access_key = hush\n";
    let parsed = serde_json::to_string(&read_all("", credentials, None)["a"]).unwrap();
    assert!(parsed.contains("AKIAEXAMPLE123456789") && !parsed.contains("hush"), "{parsed}");
}

#[test]
fn a_bad_line_is_a_fault_of_its_own_profile_only() {
    let profiles = read_all("[profile a]\nthis is no setting\n[profile b]\nregion = us-east-1\n", "", None);
    assert_eq!(profiles["a"].faults.len(), 1);
    assert_eq!(profiles["a"].faults[0].origin, Origin::Line { file: FileKind::Config, line: 2 });
    assert!(profiles["b"].faults.is_empty());
}

#[test]
fn an_included_profile_gives_what_is_not_said_and_default_gives_only_how_aws_is_asked() {
    let config = "[default]\nregion = r-default\nmfa_serial = GAHT12345678\nrole_arn = arn:aws:iam::111122223333:role/d\n\
                  source_profile = base\ncredential_process = /bin/d\ndestination_profile = out\n\
                  [profile base]\nregion = r-base\nexternal_id = base-id\n\
                  [profile mid]\ninclude_profile = base\nexternal_id = mid-id\n\
                  [profile a]\nparent_profile = mid\nrole_arn = arn:aws:iam::111122223333:role/a\n\
                  [profile b]\nrole_arn = arn:aws:iam::111122223333:role/b\ncredential_source = Environment\n\
                  [profile foo.bar]\n[profile foo]\nexternal_id = foo\n";
    let profiles = read_all(config, "", None);
    let of = |name: &str| ["region", "external_id", "mfa_serial"].map(|key| value(&profiles, name, key).unwrap_or("-"));
    assert_eq!(of("a"), ["r-base", "mid-id", "GAHT12345678"]);
    assert_eq!(of("b"), ["r-default", "-", "GAHT12345678"]);
    assert_eq!(of("foo.bar"), ["r-default", "-", "GAHT12345678"]);
    assert_eq!(value(&profiles, "foo.bar", "role_arn"), None, "[default] turns nobody into its role");
    assert_eq!(value(&profiles, "a", "source_profile"), Some("base"), "a role that says nothing of a source");
    assert_eq!(value(&profiles, "b", "source_profile"), None);
    for never in ["credential_process", "destination_profile"] {
        assert_eq!(value(&profiles, "a", never), None, "{never}");
    }
    let region = profiles["a"].setting("region").unwrap();
    assert_eq!((region.section.as_str(), &region.origin), ("base", &Origin::Line { file: FileKind::Config, line: 9 }));
    assert!(profiles["b"].own_setting("region").is_none() && profiles["b"].setting("region").is_some());
}

#[test]
fn includes_that_lead_nowhere_or_round_are_faults_of_the_profiles_that_have_them() {
    let config = "[profile a]\ninclude_profile = b\n[profile b]\ninclude_profile = a\n[profile self]\n\
                  include_profile = self\n[profile lost]\ninclude_profile = nowhere\n[profile two]\n\
                  include_profile = x\nparent_profile = y\n[profile x]\nregion = r\n";
    let profiles = read_all(config, "", None);
    let fault = |name: &str| profiles[name].faults.first().map_or("", |fault| fault.text.as_str());
    assert_eq!(fault("a"), "include_profile leads round in a loop: a → b → a");
    assert_eq!(fault("self"), "include_profile leads round in a loop: self → self");
    assert_eq!(fault("lost"), "include_profile names a profile that there is not: lost → nowhere");
    assert!(fault("two").contains("two different profiles"));
    assert_eq!(fault("x"), "");
}

#[test]
fn shared_sections_are_looked_up_and_a_session_wins_over_what_stands_beside_it() {
    let config = "[sso-session corp]\nsso_start_url = https://session/start#/\nsso_region = eu-west-1\n\
                  [services local]\ns3 =\n  endpoint_url = http://s3\nsts =\n  endpoint_url = http://127.0.0.1:1\n\
                  [profile a]\nsso_session = corp\nsso_start_url = https://inline\nservices = local\n\
                  [profile b]\nservices = nowhere\n";
    let profiles = read_all(config, "", None);
    assert_eq!(value(&profiles, "a", "sso_start_url"), Some("https://session/start#/"));
    assert_eq!(value(&profiles, "a", "sso_region"), Some("eu-west-1"));
    assert_eq!(value(&profiles, "a", crate::aws_config::STS_ENDPOINT), Some("http://127.0.0.1:1"));
    assert_eq!(profiles["b"].faults[0].text, "there is no section [services nowhere]");
}
