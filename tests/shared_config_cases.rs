//! The facts that all AWS SDKs are tested for (their shared cases for profile files and for roles of profiles), in our
//! own words. What `aws_config/document/tests.rs` states is not said again; where multicred differs, a row says why.

use multicred::aws_config::document::{Document, Reason, SectionId};
use multicred::aws_config::{AwsFiles, Profiles};

use crate::profiles::row::{Ran, row};
use crate::support::env::Hermetic;

fn foo(text: &str) -> Option<Vec<(String, String)>> {
    let document = Document::parse(text);
    let section = document.section(&SectionId::profile("foo"))?;
    Some(section.properties().map(|key| (key.key().to_lowercase(), key.value().into_owned())).collect())
}

#[test]
fn the_keys_of_a_profile_are_read_so() {
    for (fact, text, expected) in [
        ("nothing below it", "[profile foo]", &[][..]),
        ("a tab behind the word profile", "[profile\tfoo]\na = 1", &[("a", "1")]),
        ("a profile between others", "[profile x]\na = 0\n[profile foo]\na = 1\n[profile y]\na = 2", &[("a", "1")]),
        ("a second sign of equality is the value's", "[profile foo]\na = v=w", &[("a", "v=w")]),
        ("letters of any script", "[profile foo]\na = 🦙é", &[("a", "🦙é")]),
        ("tabs and spaces around both", "[profile foo]\na \t=  \tv \t", &[("a", "v")]),
        ("nothing behind the sign", "[profile foo]\na =", &[("a", "")]),
        ("lines of white space", "\t \n[profile foo]\n\t\n \na = v\n\t \n", &[("a", "v")]),
        ("a comment above and behind", "# c\n; c\n[profile foo] # c\na = v # c ; d # e", &[("a", "v")]),
        ("the other sign of a comment", "[profile foo] ; c\na = v ; c # d", &[("a", "v")]),
        ("empty comments", ";\n#\n[profile foo];\na = v ;\n", &[("a", "v")]),
        ("a comment right behind the bracket", "[profile foo]# c\na = v", &[("a", "v")]),
        ("no comment right behind a value", "[profile foo]\na = v; c\nb = w# c", &[("a", "v; c"), ("b", "w# c")]),
        ("a value of two lines", "[profile foo]\na = v\n -w", &[("a", "v\n-w")]),
        ("a value of three lines", "[profile foo]\na = v\n -w\n\t-x", &[("a", "v\n-w\n-x")]),
        ("further lines are trimmed", "[profile foo]\na = v\n \t -w \t ", &[("a", "v\n-w")]),
        ("further lines have no comments", "[profile foo]\na = v\n -w # c\n -x ; c", &[("a", "v\n-w # c\n-x ; c")]),
        ("all letters that a key may have", "[profile foo]\nAZaz09-_ = v", &[("azaz09-_", "v")]),
        ("one key twice", "[profile foo]\na = v\nA = w", &[("a", "v"), ("a", "w")]),
    ] {
        let expected: Vec<_> = expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(foo(text), Some(expected), "{fact}");
    }
    assert_eq!(Document::parse("").sections().count(), 0, "an empty file has none");
    let twice = Document::parse("[profile foo]\na = v\nA = w");
    let last = twice.section(&SectionId::profile("foo")).unwrap().get("a").unwrap().value().into_owned();
    assert_eq!(last, "w", "of one key twice the last counts");
}

#[test]
fn nested_settings_are_read_so() {
    for (fact, text, expected) in [
        ("one", "s3 =\n n = v", &[("n", "v")][..]),
        ("without a value", "s3 =\n n =", &[("n", "")]),
        ("of a name with a space", "s3 =\n in valid = v", &[("in valid", "v")]),
        ("with lines of white space between", "s3 =\n n = v\n\t \n m = w", &[("n", "v"), ("m", "w")]),
    ] {
        let document = Document::parse(&format!("[profile foo]\n{text}\n"));
        let section = document.section(&SectionId::profile("foo")).unwrap();
        let s3 = section.get("s3").unwrap();
        let nested: Vec<_> = s3.sub_properties().map(|nested| (nested.key, nested.value)).collect();
        assert_eq!(nested, expected, "{fact}");
        assert_eq!(document.faults().count(), 0, "{fact}");
    }
}

/// An SDK refuses the whole file; here what is wrong stays a fault of its own section.
#[test]
fn what_an_sdk_refuses_is_a_fault_of_its_line() {
    for (fact, text, line, reason) in [
        ("a key above every section", "a = v", 1, Reason::BeforeFirstSection),
        ("an indented line above every section", " -w", 1, Reason::BeforeFirstSection),
        ("an indented line that continues nothing", "[profile foo]\n -w", 2, Reason::NoDelimiter),
        (
            "a value is not continued behind a header",
            "[profile foo]\na = v\n[profile foo]\n -w",
            4,
            Reason::NoDelimiter,
        ),
        ("no closing bracket", "[profile foo", 1, Reason::HeaderNotClosed),
        ("no name of a key", "[profile foo]\n= v", 2, Reason::NoName),
        ("a nested line that sets nothing", "[profile foo]\ns3 =\n n", 3, Reason::NotSubProperty),
        ("a nested line without a name", "[profile foo]\ns3 =\n = v", 3, Reason::NotSubProperty),
    ] {
        let faults: Vec<_> = Document::parse(text).faults().map(|fault| (fault.line, fault.reason)).collect();
        assert_eq!(faults, [(line, reason)], "{fact}");
    }
}

/// The profiles of these two files: their names, and a region of one.
fn read(config: &str, credentials: &str) -> Profiles {
    let mut env = Hermetic::new();
    env.aws_config(config).aws_credentials(credentials);
    Profiles::read(&AwsFiles::new(env.path(".aws/config"), env.path(".aws/credentials"))).unwrap()
}

#[test]
fn a_section_is_a_profile_by_its_file_and_its_header() {
    for (fact, config, credentials, expected) in [
        ("signs that a name may have", "[profile a-b:c/d_e%f.g@h+]", "", &["a-b:c/d_e%f.g@h+"][..]),
        ("a name without the word, in the config", "[foo]\nregion = x", "", &[]),
        ("a name with the word, in the credentials", "", "[profile foo]\nregion = x", &[]),
        ("the word and the name as one", "[profilefoo]\nregion = x\n[profile bar]", "", &["bar"]),
        ("spaces inside the brackets", "[   profile foo    ]", "[   bar    ]", &["bar", "foo"]),
        ("a session of SSO", "[sso-session foo]\nregion = x\n[profile bar]", "", &["bar"]),
        ("the word of one without a space, in the credentials", "", "[sso-sessionfoo]", &["sso-sessionfoo"]),
        ("two words for a name", "[profile in valid]\nregion = x", "", &[]),
        ("both files", "[profile foo]", "[bar]", &["bar", "foo"]),
    ] {
        let read = read(config, credentials);
        let names: Vec<_> = read.iter().map(|profile| profile.name.as_str()).collect();
        assert_eq!(names, expected, "{fact}");
    }
}

#[test]
fn one_profile_of_both_files_and_default_of_either_header_are_merged_so() {
    let region = |config: &str, credentials: &str, name: &str| {
        let read = read(config, credentials);
        read.get(name).map(|profile| {
            (profile.value("region").map(str::to_owned), profile.value("external_id").map(str::to_owned))
        })
    };
    let some = |region: Option<&str>, id: Option<&str>| Some((region.map(str::to_owned), id.map(str::to_owned)));
    assert_eq!(region("[profile foo]\nregion = a", "[foo]\nexternal_id = b", "foo"), some(Some("a"), Some("b")));
    assert_eq!(
        region("[profile foo]\nregion = a", "[foo]\nregion = b", "foo"),
        some(Some("b"), None),
        "credentials win"
    );
    for config in [
        "[profile default]\nregion = a\n[default]\nexternal_id = b",
        "[default]\nexternal_id = b\n[profile default]\nregion = a",
    ] {
        assert_eq!(region(config, "", "default"), some(Some("a"), None), "with the word, the other one is no profile");
        assert_eq!(region(config, "[default]\nexternal_id = c", "default"), some(Some("a"), Some("c")));
    }
    let thrice = "[profile default]\nregion = a\n[default]\nregion = b\n[profile default]\nexternal_id = c";
    assert_eq!(region(thrice, "", "default"), some(Some("a"), Some("c")));
}

/// Where multicred takes what the shared cases refuse: botocore, which most people's tools are made of, takes it too.
#[test]
fn more_is_taken_than_the_shared_cases_take() {
    assert_eq!(foo("[profile foo]\nkey : v"), Some(vec![("key".to_owned(), "v".to_owned())]), "a colon");
    assert_eq!(
        foo("[profile foo]\nin valid = v"),
        Some(vec![("in valid".to_owned(), "v".to_owned())]),
        "a space in a key"
    );
    assert!(read("[profile foo!bar]", "").get("foo!bar").is_some(), "a sign that no name may have");
    assert!(read("", "[two words]").get("two words").is_some(), "two words in the credentials file");
}

const A: &str = "[profile A]\nrole_arn = ROLE/ReadOnly\n";
const DEEP: &str = "[profile A]\nrole_arn = ROLE/Deep\n";

#[track_caller]
fn signed_by_alice(ran: &Ran) {
    assert_eq!(ran.scene.sts.calls()[0].access_key_id.as_ref(), Some(&ran.scene.alice.access_key_id));
}

#[test]
fn a_role_is_assumed_from_the_source_that_the_sdks_take() {
    let from_b = format!("{A}source_profile = B\n");
    signed_by_alice(&row("a key", &from_b, "A").keys(&["B"]).calls(&["AssumeRole ReadOnly 3600"]));
    let named = format!("{from_b}role_session_name = my_session\n");
    row("a session name", &named, "A").keys(&["B"]).calls(&["AssumeRole ReadOnly 3600 name:my_session"]);
    let external = "[profile A]\nrole_arn = ROLE/Partner\nsource_profile = B\nexternal_id = quay-7\n";
    row("an external id", external, "A").keys(&["B"]).calls(&["AssumeRole Partner 3600 external:quay-7"]);
    let chain = format!("{DEEP}source_profile = B\n[profile B]\nrole_arn = ROLE/ReadOnly\nsource_profile = C\n");
    let ran =
        row("a role of a role", &chain, "A").keys(&["C"]).calls(&["AssumeRole ReadOnly 3600", "AssumeRole Deep 3600"]);
    signed_by_alice(&ran);
    let itself = format!("{A}source_profile = A\n");
    signed_by_alice(&row("itself, which has a key", &itself, "A").keys(&["A"]).calls(&["AssumeRole ReadOnly 3600"]));
}

#[test]
fn what_the_sdks_refuse_of_roles_is_refused() {
    let from_b = format!("{A}source_profile = B\n");
    row("no source", A, "A").refused(1, &["source_profile", "config:2"]);
    let both = format!("{A}credential_source = Environment\nsource_profile = B\n");
    row("both sources", &both, "A").keys(&["B"]).refused(1, &["source_profile", "credential_source"]);
    let half = format!("{from_b}[profile B]\naws_access_key_id = AKIAHALFHALFHALFHALF\n");
    row("a source without a secret", &half, "A").refused(1, &["aws_secret_access_key", "B"]);
    let half = format!("{from_b}[profile B]\naws_secret_access_key = hush-hush\n");
    row("a source without a key id", &half, "A").refused(1, &["aws_access_key_id", "B"]).output.nowhere("hush-hush");
    let empty = format!("{from_b}[profile B]\n");
    row("a source with nothing", &empty, "A").refused(1, &["B"]);
    row("a source that is not there", &from_b, "A").refused(1, &["B", "config:3"]);
    let circle = format!("{from_b}[profile B]\nrole_arn = ROLE/Deep\nsource_profile = A\n");
    row("a circle", &circle, "A").refused(1, &["A → B → A"]);
    row("no profile at all", "", "A").refused(3, &["A"]);
}

/// Each with the rule that multicred keeps to instead.
#[test]
fn where_keys_and_roles_meet_multicred_differs_from_the_sdks() {
    // SDK: the source's key. PARITY 2.1: a profile's own keys beat its source_profile, as aws-vault's users rely on.
    let config = format!("{A}source_profile = bob\n");
    signed_by_alice(&row("keys beside a source", &config, "A").keys(&["A"]).calls(&["AssumeRole ReadOnly 3600"]));
    // SDK: B's role is passed over for its keys. PARITY 2.1 again: a profile means the same whether it is named or is
    // a source, and B by itself is the role, assumed from its keys.
    let config = format!("{DEEP}source_profile = B\n[profile B]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n");
    let ran = row("keys beside the role of a source", &config, "A").keys(&["B"]);
    signed_by_alice(&ran.calls(&["AssumeRole ReadOnly 3600", "AssumeRole Deep 3600"]));
    // SDK: a loop. The keys come first, so nobody follows the source.
    let config = format!("{A}source_profile = B\n[profile B]\nrole_arn = ROLE/Deep\nsource_profile = A\n");
    signed_by_alice(&row("keys in a circle", &config, "A").keys(&["A"]).calls(&["AssumeRole ReadOnly 3600"]));
    // SDK: refused, as neither is a source. PARITY 2.6: what says how is inherited from [default], a source for roles too.
    let config = format!("{A}[default]\nsource_profile = alice\nregion = eu-west-1\n");
    let ran = row("what default says", &config, "A").calls(&["AssumeRole ReadOnly 3600"]);
    assert_eq!(ran.scene.variable(&ran.output, "AWS_REGION").as_deref(), Some("eu-west-1"));
    // SDK: a profile with a source and no role has no credentials. As aws-vault, it is that source.
    let config = "[profile A]\nsource_profile = bob\n";
    row("a source without a role", config, "A").calls(&["GetSessionToken 3600"]);
}
