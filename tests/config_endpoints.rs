//! Where a profile's calls go: which host of AWS, or which other address. The hosts are those of the AWS SDKs and Tools
//! Reference Guide ("AWS STS Regional endpoints", "Dual-stack and FIPS endpoints", "Service-specific endpoints").

use multicred::store::{Durability, Store};

use crate::profiles::row::row;
use crate::profiles::{ALICE, BOB, DEV, PROD, Scene};
use crate::support::proxy::Proxy;
use crate::support::sts::{KeyPair, Role, StrictSts, World};

/// Lines of the profile, variables, the host that is asked for.
type HostRow = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const HOSTS: &[HostRow] = &[
    ("", &[], "sts.us-east-1.amazonaws.com"),
    ("region = eu-west-1", &[], "sts.eu-west-1.amazonaws.com"),
    ("region = eu-west-1", &[("AWS_REGION", "eu-west-2")], "sts.eu-west-2.amazonaws.com"),
    ("region = eu-west-1", &[("AWS_DEFAULT_REGION", "eu-west-2")], "sts.eu-west-2.amazonaws.com"),
    ("region = eu-west-1\nsts_regional_endpoints = regional", &[], "sts.eu-west-1.amazonaws.com"),
    ("region = eu-west-1\nsts_regional_endpoints = legacy", &[], "sts.amazonaws.com"),
    ("region = eu-west-1\nsts_regional_endpoints = LEGACY", &[], "sts.amazonaws.com"),
    ("sts_regional_endpoints = legacy", &[], "sts.amazonaws.com"),
    // Regions that are younger than the regional endpoints never had the other one.
    ("region = af-south-1\nsts_regional_endpoints = legacy", &[], "sts.af-south-1.amazonaws.com"),
    ("region = eu-west-1", &[("AWS_STS_REGIONAL_ENDPOINTS", "legacy")], "sts.amazonaws.com"),
    (
        "region = eu-west-1\nsts_regional_endpoints = legacy",
        &[("AWS_STS_REGIONAL_ENDPOINTS", "regional")],
        "sts.eu-west-1.amazonaws.com",
    ),
    ("region = us-east-1\nuse_fips_endpoint = true", &[], "sts-fips.us-east-1.amazonaws.com"),
    ("region = us-east-1\nuse_fips_endpoint = TRUE", &[], "sts-fips.us-east-1.amazonaws.com"),
    (
        "region = us-east-1\nuse_fips_endpoint = true",
        &[("AWS_USE_FIPS_ENDPOINT", "false")],
        "sts.us-east-1.amazonaws.com",
    ),
    ("region = us-east-1\nuse_dualstack_endpoint = true", &[], "sts.us-east-1.api.aws"),
    ("region = us-east-1\nuse_dualstack_endpoint = true\nuse_fips_endpoint = true", &[], "sts-fips.us-east-1.api.aws"),
    (
        "region = us-east-1\nuse_dualstack_endpoint = true",
        &[("AWS_USE_DUALSTACK_ENDPOINT", "false")],
        "sts.us-east-1.amazonaws.com",
    ),
    ("region = us-gov-west-1\npartition = aws-us-gov", &[], "sts.us-gov-west-1.amazonaws.com"),
    ("partition = aws-us-gov", &[], "sts.us-gov-west-1.amazonaws.com"),
    ("partition = aws-cn", &[], "sts.cn-north-1.amazonaws.com.cn"),
    ("region = cn-northwest-1\npartition = aws-cn", &[], "sts.cn-northwest-1.amazonaws.com.cn"),
    ("region = us-east-1\npartition = aws-cn", &[], "sts.cn-north-1.amazonaws.com.cn"),
    (
        "region = cn-north-1\nsts_regional_endpoints = legacy\npartition = aws-cn",
        &[],
        "sts.cn-north-1.amazonaws.com.cn",
    ),
];

/// The partition is the one of the role's ARN, which is no line of its own.
fn host_config(lines: &str) -> String {
    let partition = lines.lines().find_map(|line| line.strip_prefix("partition = ")).unwrap_or("aws");
    let lines: String =
        lines.lines().filter(|line| !line.starts_with("partition")).flat_map(|line| [line, "\n"]).collect();
    format!("[profile t]\nrole_arn = arn:{partition}:iam::{PROD}:role/ReadOnly\nsource_profile = bob\n{lines}")
}

#[test]
fn a_profile_asks_this_host_of_aws() {
    let check = |(lines, variables, expected): HostRow| {
        let proxy = Proxy::start();
        let mut scene = Scene::with_config(&host_config(lines));
        scene.env.unset("AWS_ENDPOINT_URL").set("HTTPS_PROXY", proxy.url());
        for (name, value) in variables {
            scene.env.set(name, *value);
        }
        let output = scene.switch("t");
        let hosts = proxy.hosts();
        output.holds(hosts == [expected], &format!("{expected} for {lines:?} {variables:?}, not {hosts:?}"));
        // The proxy lets nobody through, which is no refusal of AWS's.
        output.code(6).stdout_is("");
    };
    // What takes long is the wait between tries.
    std::thread::scope(|scope| {
        let rows: Vec<_> = HOSTS.iter().map(|row| scope.spawn(move || check(*row))).collect();
        for row in rows {
            row.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
}

/// Another AWS, with the same users and roles and other sessions.
fn another_aws(alice: &KeyPair, bob: &KeyPair) -> StrictSts {
    let mut world = World::new();
    for name in ["alice", "bob"] {
        world.user(DEV, name);
    }
    world.add_key(ALICE, alice);
    world.add_key(BOB, bob);
    let read_only = world.role(Role::new(PROD, "ReadOnly").trust(ALICE).trust(BOB));
    world.role(Role::new(PROD, "Deep").trust(&read_only));
    StrictSts::start(world)
}

/// Which of two AWSs is asked: `scene.sts` is the environment's where a row sets it, `OTHER` the profile's.
#[test]
fn an_address_of_a_profile_is_asked_unless_the_environment_has_one() {
    const ROLE: &str = "[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n";
    const SERVICES: &str = "[services x]\nsts =\n  endpoint_url = OTHER\ns3 =\n  endpoint_url = http://127.0.0.1:1\n";
    const OF_S3: &str = "[services x]\ns3 =\n  endpoint_url = http://127.0.0.1:1\n";
    for (name, lines, sections, variables, other) in [
        ("the profile's", "endpoint_url = OTHER\n", "", &[][..], true),
        ("the environment's", "endpoint_url = OTHER\n", "", &[("AWS_ENDPOINT_URL", "")], false),
        ("the environment's for STS", "endpoint_url = OTHER\n", "", &[("AWS_ENDPOINT_URL_STS", "")], false),
        ("the services'", "services = x\n", SERVICES, &[], true),
        (
            "the services' before the profile's",
            "services = x\nendpoint_url = http://127.0.0.1:1\n",
            SERVICES,
            &[],
            true,
        ),
        ("services without STS", "services = x\nendpoint_url = OTHER\n", OF_S3, &[], true),
        ("the environment's before the services'", "services = x\n", SERVICES, &[("AWS_ENDPOINT_URL", "")], false),
        ("of default", "", "[default]\nendpoint_url = OTHER\n", &[], true),
        (
            "services of default",
            "",
            "[default]\nservices = x\n[services x]\nsts =\n  endpoint_url = OTHER\n",
            &[],
            true,
        ),
        ("of what is included", "include_profile = p\n", "[profile p]\nendpoint_url = OTHER\n", &[], true),
    ] {
        let mut scene = Scene::new();
        let another = another_aws(&scene.alice, &scene.bob);
        scene.config(&format!("{ROLE}{lines}{sections}").replace("OTHER", &another.url()));
        scene.env.unset("AWS_ENDPOINT_URL");
        for (variable, _) in variables {
            let url = scene.sts.url();
            scene.env.set(variable, url);
        }
        let output = scene.switch("t");
        let asked = [scene.sts.count("AssumeRole"), another.count("AssumeRole")];
        output.holds(asked == if other { [0, 1] } else { [1, 0] }, &format!("{name}: {asked:?}"));
        output.ok();
    }
}

#[test]
fn addresses_that_are_to_be_ignored_are() {
    for (lines, variable) in
        [("ignore_configured_endpoint_urls = true\n", None), ("", Some("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))]
    {
        let proxy = Proxy::start();
        let mut scene = Scene::new();
        let config = format!("{}endpoint_url = {}\n{lines}", host_config("region = eu-west-1"), scene.sts.url());
        scene.config(&config).env.unset("AWS_ENDPOINT_URL").set("HTTPS_PROXY", proxy.url());
        if let Some(variable) = variable {
            scene.env.set(variable, "true");
        }
        scene.switch("t").code(6);
        assert_eq!((proxy.hosts(), scene.sts.count("*")), (vec!["sts.eu-west-1.amazonaws.com".to_owned()], 0));
    }
}

#[test]
fn what_one_address_gave_is_not_used_where_a_profile_names_another() {
    let mut scene = Scene::new();
    let another = another_aws(&scene.alice, &scene.bob);
    let profile = "[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n";
    scene.env.unset("AWS_ENDPOINT_URL");
    let (first, second) = (scene.sts.url(), another.url());
    for (url, calls) in [(&first, [1, 0]), (&second, [1, 1]), (&first, [1, 1])] {
        scene.config(&format!("{profile}endpoint_url = {url}\n"));
        scene.switch("t").ok();
        assert_eq!([scene.sts.count("*"), another.count("*")], calls);
    }
}

#[test]
fn whether_an_import_still_works_is_asked_where_its_profile_says_and_not_where_its_source_does() {
    let mut scene = Scene::new();
    let another = another_aws(&scene.alice, &scene.bob);
    let (here, there) = (scene.sts.url(), another.url());
    let imported = scene.sts.world(|world| world.saml_session(&crate::profiles::role("ReadOnly"), "me", 7200));
    let KeyPair { access_key_id, secret } = &scene.bob;
    let key = format!("aws_access_key_id = {access_key_id}\naws_secret_access_key = {secret}\n");
    let without_end = serde_json::json!({ "Credentials": {
        "AccessKeyId": imported.access_key_id,
        "SecretAccessKey": imported.secret,
        "SessionToken": imported.session_token,
    }});
    scene.env.run_with_stdin(&["import", "-"], without_end.to_string()).ok();
    scene.env.unset("AWS_ENDPOINT_URL");
    scene.config(&format!(
        "[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = s\nendpoint_url = {here}\n\
         [profile s]\n{key}endpoint_url = {there}\n"
    ));
    let mut store = Store::open(&scene.env.store()).unwrap().unwrap();
    let id = store.read().credential_with_key(&imported.access_key_id).unwrap().unwrap().id;
    store.write(Durability::Synced, |writing| writing.set_guessed_expiry(id, 1)).unwrap();
    drop(store);
    scene.sts.clear_calls();
    let kept = scene.variable(&scene.switch("t"), "AWS_ACCESS_KEY_ID");
    assert_eq!(kept.as_deref(), Some(&*imported.access_key_id));
    assert_eq!([scene.sts.count("GetCallerIdentity"), another.count("*")], [1, 0]);
}

#[test]
fn certificates_of_a_profile_that_cannot_be_used_are_told_with_their_line() {
    for (name, text) in [("none.pem", None), ("empty.pem", Some("")), ("not.pem", Some("no certificate\n"))] {
        let config = format!(
            "[profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\nendpoint_url = https://127.0.0.1:1\nca_bundle = HOME/{name}\n"
        );
        let row = row(name, &config, "t").set("AWS_ENDPOINT_URL", "");
        let row = if let Some(text) = text { row.file(name, text) } else { row };
        row.refused(1, &["ca_bundle", "config:5", name]);
    }
}

#[test]
fn the_address_of_a_profile_counts_before_what_default_says_of_services() {
    let config = "[default]\nservices = other\n[services other]\nsts =\n  endpoint_url = http://127.0.0.1:1\n\
                  [profile t]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\nendpoint_url = URL\n";
    let mut scene = Scene::new();
    let url = scene.sts.url();
    scene.env.set("AWS_ENDPOINT_URL", "");
    scene.config(&config.replace("URL", &url));
    scene.switch("t").ok();
    assert_eq!(scene.sts.count("AssumeRole"), 1);
}
