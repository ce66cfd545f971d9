//! `console`: who is signed in to AWS's web console, for how long, and on which page.

mod browser;
mod chromium;
mod refusals;
mod secrecy;

use std::collections::BTreeSet;

use crate::scene::{DEV, PROD, Scene, ini};
use crate::support::env::Output;
use crate::support::proxy::Proxy;
use crate::support::sign_in::{Shown, SignIn};
use crate::support::sts::{Role, Session};

/// A scene whose console is a pretend one.
fn with_console(scene: &mut Scene) -> SignIn {
    let sign_in = SignIn::start(&scene.sts);
    scene.env.set("MULTICRED_SIGNIN_ENDPOINT", sign_in.url()).set("MULTICRED_CONSOLE_ENDPOINT", sign_in.url());
    sign_in
}

fn console(scene: &Scene, words: &[&str]) -> Output {
    scene.env.run(&[&["console", "--print"], words].concat())
}

/// The one link that was printed.
#[track_caller]
fn link(output: &Output) -> String {
    output.ok();
    output.holds(output.stdout.lines().count() == 1 && output.stdout.ends_with('\n'), "the link and nothing else");
    output.stdout.trim_end().to_owned()
}

/// Who opens the link, and where.
#[track_caller]
fn shown(sign_in: &SignIn, output: &Output) -> Shown {
    sign_in.follow(&link(output)).unwrap_or_else(|| panic!("the link is refused: {output}"))
}

/// The session that the last exchange was made with, and its `SessionDuration`.
#[track_caller]
fn exchanged(scene: &Scene, sign_in: &SignIn) -> (Session, Option<String>) {
    let last = sign_in.exchanges().pop().expect("an exchange");
    let session = scene.sts.world(|world| world.session(&last.access_key_id).cloned());
    (session.expect("a session of the server"), last.session_duration)
}

#[test]
fn a_role_is_signed_in_with_its_own_credential_by_a_link_that_works_once() {
    let mut scene = Scene::with_bobs_roles();
    let sign_in = with_console(&mut scene);
    let output = console(&scene, &["dev/Reader"]);
    let link = link(&output);
    assert!(link.starts_with(&format!("{}/federation?Action=login&Issuer=multicred&Destination=", sign_in.url())));
    let reader = format!("arn:aws:sts::{DEV}:assumed-role/Reader/bob");
    let first = sign_in.follow(&link).expect("a page");
    assert_eq!(first, Shown { arn: reader, page: "/console/home".to_owned() });
    assert_eq!(sign_in.follow(&link), None, "it works once");
    assert_eq!(exchanged(&scene, &sign_in).1, None);
    let [asked] = &sign_in.asked()[..] else { panic!("one question") };
    assert_eq!((asked.request.method.as_str(), asked.request.query.as_str()), ("POST", ""), "no secret in an address");
    output.stderr_has("for 15 minutes, whoever has this link can be dev/Reader in the console");
    console(&scene, &["dev/Reader"]).ok();
    assert_eq!(scene.sts.count("AssumeRole"), 1, "the credential is the cached one");
}

#[test]
fn a_link_is_good_for_fifteen_minutes() {
    let mut scene = Scene::with_bobs_roles();
    let sign_in = with_console(&mut scene);
    let (late, in_time) = (link(&console(&scene, &["dev/Reader"])), link(&console(&scene, &["dev/Reader"])));
    sign_in.pass(899);
    assert!(sign_in.follow(&in_time).is_some());
    sign_in.pass(1);
    assert_eq!(sign_in.follow(&late), None);
}

#[test]
fn a_user_is_signed_in_through_federation_by_the_key_itself_and_may_do_what_the_user_may() {
    let mut scene = Scene::with_alices_roles();
    let sign_in = with_console(&mut scene);
    let page = shown(&sign_in, &console(&scene, &["alice", "--no-input"]));
    assert_eq!(page.arn, format!("arn:aws:sts::{DEV}:federated-user/alice"));
    let (session, duration) = exchanged(&scene, &sign_in);
    assert_eq!((session.issuer.as_deref(), duration), (Some(scene.alice.access_key_id.as_str()), None));
    let policy: serde_json::Value = serde_json::from_str(session.facts.policy.as_deref().expect("a policy")).unwrap();
    let everything = serde_json::json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    assert_eq!(policy["Statement"], serde_json::json!([everything]));
    assert_eq!((scene.sts.count("GetFederationToken"), scene.sts.count("GetSessionToken")), (1, 0));
    assert_eq!(scene.sts.calls_of("GetFederationToken")[0].param("DurationSeconds"), "3600");
    console(&scene, &["alice"]).ok();
    console(&scene, &[&*scene.alice.access_key_id]).ok();
    assert_eq!(scene.sts.count("GetFederationToken"), 1, "it is cached, also for the key by its id");
}

#[test]
fn what_a_users_session_is_asked_for_goes_into_the_federation() {
    let mut scene = Scene::with_bob();
    let sign_in = with_console(&mut scene);
    let flags =
        ["bob", "--read-only", "--duration", "2h", "--session-name", "ci-7", "--tag", "team=ops", "--no-session"];
    assert!(shown(&sign_in, &console(&scene, &flags)).arn.ends_with(":federated-user/ci-7"));
    let (session, duration) = exchanged(&scene, &sign_in);
    assert_eq!(session.facts.policy_arns, ["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
    assert_eq!(session.facts.policy, None, "nothing is allowed beside it");
    assert_eq!(session.facts.tags.get("team").map(String::as_str), Some("ops"));
    assert_eq!(duration, None, "AWS refuses a duration with a federated user's credential");
    assert_eq!(scene.sts.calls_of("GetFederationToken")[0].param("DurationSeconds"), "7200");
    let long = "a.name.of.more.than.thirty.two.characters";
    console(&scene, &["bob", "--session-name", long]).code(2).stderr_has("too long");
}

#[test]
fn a_root_user_has_an_hour_at_most() {
    let mut scene = Scene::new();
    let sign_in = with_console(&mut scene);
    let root = scene.sts.world(|world| world.root_key(DEV));
    scene.import(&root, "root");
    assert!(shown(&sign_in, &console(&scene, &["root"])).arn.contains(":federated-user/"));
    console(&scene, &["root", "--duration", "2h"]).code(2).stderr_has("3600 seconds, not 7200");
}

#[test]
fn a_long_session_is_asked_of_the_sign_in_and_the_role_is_assumed_with_the_key_itself() {
    let mut scene = Scene::with_alices_roles();
    let sign_in = with_console(&mut scene);
    let code = |scene: &Scene| scene.sts.mfa_code(&scene.serial);
    // The credential that is there was assumed from a session: AWS lets it ask for nothing.
    let first = code(&scene);
    scene.env.run(&["exec", "--mfa-code", &first, "prod/Admin", "--", "true"]).ok();
    let second = code(&scene);
    let output = console(&scene, &["prod/Admin", "--duration", "8h", "--mfa-code", &second]);
    assert!(shown(&sign_in, &output).arn.ends_with(":assumed-role/Admin/alice"));
    output.holds(!output.stderr.contains("not 8h"), "no word of less than was asked");
    let (session, duration) = exchanged(&scene, &sign_in);
    assert_eq!(duration.as_deref(), Some("28800"));
    assert_eq!(session.issuer.as_deref(), Some(scene.alice.access_key_id.as_str()));
    let call = scene.sts.calls_of("AssumeRole").pop().expect("a call");
    assert_eq!(call.param("DurationSeconds"), "3600", "the role's own limit is not met");
    console(&scene, &["prod/Admin", "--duration", "12h", "--no-input"]).ok();
    assert_eq!(scene.sts.count("AssumeRole"), 2, "it serves the next long session, too");
    console(&scene, &["prod/Admin", "--duration", "13h"]).code(2).stderr_has("43200");
    // And whoever wants less than that asks STS for it.
    console(&scene, &["prod/Admin", "--duration", "15m", "--no-input"]).ok();
    assert_eq!(exchanged(&scene, &sign_in).1, None);
    let call = scene.sts.calls_of("AssumeRole").pop().expect("a call");
    assert_eq!(call.param("DurationSeconds"), "900");
}

#[test]
fn a_chained_role_has_its_hour_and_a_word_instead_of_a_refusal() {
    let mut scene = Scene::with_bobs_roles();
    let sign_in = with_console(&mut scene);
    let output = console(&scene, &["dev/Writer", "--duration", "8h"]);
    assert!(shown(&sign_in, &output).arn.ends_with(":assumed-role/Writer/bob"));
    output.stderr_has("lasts 1h, not 8h");
    assert_eq!(exchanged(&scene, &sign_in).1, None);
}

#[test]
fn what_nobody_knows_the_origin_of_lasts_as_long_as_it_does() {
    let mut scene = Scene::with_bob();
    let sign_in = with_console(&mut scene);
    let (saml, process) = scene.sts.world(|world| {
        world.role(Role::new(PROD, "Saml"));
        let arn = format!("arn:aws:iam::{PROD}:role/Saml");
        (world.saml_session(&arn, "carol", 3_600), world.saml_session(&arn, "dave", 3_600))
    });
    let section = format!(
        "[x]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n",
        saml.access_key_id, saml.secret, saml.session_token
    );
    scene.env.run_with_stdin(&["import", "-", "--label", "saml"], &section).ok();
    let printed = serde_json::json!({
        "Version": 1, "AccessKeyId": process.access_key_id, "SecretAccessKey": process.secret,
        "SessionToken": process.session_token, "Expiration": process.expiration(),
    });
    scene.env.write("printed.json", printed.to_string());
    let path = scene.env.path("printed.json");
    scene.env.aws_config(&format!("[profile outside]\ncredential_process = cat {}\n", path.display()));
    for (name, session) in [("saml", "carol"), ("outside", "dave")] {
        let output = console(&scene, &[name, "--duration", "8h"]);
        assert_eq!(shown(&sign_in, &output).arn, format!("arn:aws:sts::{PROD}:assumed-role/Saml/{session}"));
        output.stderr_has("not 8h");
        assert_eq!(exchanged(&scene, &sign_in).1, None);
    }
}

#[test]
fn a_page_is_named_by_its_service_its_path_or_its_whole_address() {
    let mut scene = Scene::with_bobs_roles();
    let sign_in = with_console(&mut scene);
    let whole = format!("{}/rds/home?region=us-east-2", sign_in.url());
    for (words, page) in [
        (vec![], "/console/home?region=eu-west-1"),
        (vec!["--service", "ddb"], "/dynamodbv2/home?region=eu-west-1"),
        (vec!["--service", "IAM"], "/iam/home"),
        (vec!["--service", "bedrock"], "/bedrock/home?region=eu-west-1"),
        (vec!["--path", "/s3/buckets/b?tab=objects"], "/s3/buckets/b?tab=objects&region=eu-west-1"),
        (vec!["--path", "/a%20b?region=us-east-1#x:$252F"], "/a%20b?region=us-east-1"),
        (vec!["--path", &whole], "/rds/home?region=us-east-2"),
    ] {
        let words = [&["dev/Reader", "--region", "eu-west-1"][..], &words].concat();
        assert_eq!(shown(&sign_in, &console(&scene, &words)).page, page, "{words:?}");
    }
}

#[test]
fn the_region_is_that_of_the_identity_the_environment_or_none() {
    let mut scene = Scene::with_bob();
    scene.env.run(&["link", "dev/Reader", "--parent", "bob", "--region", "eu-central-1"]).ok();
    let sign_in = with_console(&mut scene);
    scene.env.set("AWS_REGION", "eu-west-3");
    assert_eq!(shown(&sign_in, &console(&scene, &["dev/Reader"])).page, "/console/home?region=eu-central-1");
    assert_eq!(shown(&sign_in, &console(&scene, &["bob"])).page, "/console/home?region=eu-west-3");
    scene.env.set("AWS_REGION", "cn-north-1");
    scene.env.set("AWS_DEFAULT_REGION", "cn-north-1");
    assert_eq!(shown(&sign_in, &console(&scene, &["bob"])).page, "/console/home", "that is no region of its partition");
}

#[test]
fn each_partition_has_its_own_sign_in_and_console() {
    for (partition, region, host, home) in [
        ("aws", "eu-west-1", "signin.aws.amazon.com", "console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "signin.amazonaws.cn", "console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "signin.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"),
        ("aws-eusc", "eusc-de-east-1", "eusc-de-east-1.signin.amazonaws-eusc.eu", "console.amazonaws-eusc.eu"),
    ] {
        let mut scene = Scene::new();
        let key = scene.sts.world(|world| world.account_in(partition, "333344445555").user("333344445555", "erin"));
        scene.env.set("AWS_REGION", region);
        scene.import(&key, "erin");
        scene.env.unset("AWS_REGION");
        // The strict STS is asked without a proxy.
        let proxy = Proxy::start();
        scene.env.set("HTTPS_PROXY", proxy.url());
        console(&scene, &["erin"]).code(6);
        let hosts: BTreeSet<String> = proxy.hosts().into_iter().collect();
        assert_eq!(hosts, BTreeSet::from([host.to_owned()]));
        let sign_in = SignIn::start(&scene.sts);
        scene.env.set("MULTICRED_SIGNIN_ENDPOINT", sign_in.url());
        let link = link(&console(&scene, &["erin", "--service", "iam"]));
        assert!(link.contains(&format!("&Destination=https%3A%2F%2F{home}%2Fiam%2Fhome&")), "{link}");
    }
}

#[test]
fn a_partition_whose_console_nobody_knows_is_refused_unless_both_places_are_named() {
    let mut scene = Scene::new();
    let key = scene.sts.world(|world| world.account_in("aws-iso", "333344445555").user("333344445555", "erin"));
    scene.env.set("AWS_REGION", "us-iso-east-1");
    scene.import(&key, "erin");
    let remedy = "MULTICRED_SIGNIN_ENDPOINT and MULTICRED_CONSOLE_ENDPOINT";
    console(&scene, &["erin"]).code(1).stdout_is("").stderr_has("aws-iso").stderr_has(remedy);
    let sign_in = with_console(&mut scene);
    assert_eq!(shown(&sign_in, &console(&scene, &["erin"])).arn, "arn:aws-iso:sts::333344445555:federated-user/erin");
}

#[test]
fn a_key_whose_owner_nobody_knows_yet_is_signed_in_where_aws_says_that_it_belongs() {
    let mut scene = Scene::new();
    let sign_in = with_console(&mut scene);
    let text = ini("carl", &scene.bob);
    scene.env.aws_credentials(&text);
    assert!(shown(&sign_in, &console(&scene, &["carl"])).arn.contains(&format!("::{DEV}:federated-user/")));
    assert_eq!(scene.sts.count("GetCallerIdentity"), 1);
}

#[test]
fn the_answer_in_json_has_the_link_only_where_nothing_else_opens_it() {
    let mut scene = Scene::with_bobs_roles();
    let sign_in = with_console(&mut scene);
    let answer = console(&scene, &["dev/Reader", "--json", "--service", "s3", "--region", "eu-west-1"]).ok().json();
    let link = answer["url"].as_str().expect("a link");
    assert!(sign_in.follow(link).is_some());
    let destination = format!("{}/s3/home?region=eu-west-1", sign_in.url());
    assert_eq!((answer["destination"].as_str(), answer["region"].as_str()), (Some(&*destination), Some("eu-west-1")));
    assert_eq!((answer["identity"].as_str(), answer["account"].as_str()), (Some("dev/Reader"), Some(DEV)));
    assert_eq!(answer["arn"], format!("arn:aws:iam::{DEV}:role/Reader"));
    let left = |key: &str| answer[key].as_i64().expect("a time") - scene.sts.now();
    assert!((890..=900).contains(&left("url_expires_at")) && (3_500..=3_600).contains(&left("session_expires_at")));
    assert!(answer["browser"].is_null());
}

#[test]
fn without_a_name_it_is_whom_the_shell_shows() {
    let mut scene = Scene::with_bobs_roles();
    let sign_in = with_console(&mut scene);
    console(&scene, &[]).code(2).stderr_has("this shell is nobody");
    let code = scene.become_in_bash("dev/Reader").ok().stdout.clone();
    let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "MULTICRED_ACCESS_KEY_ID"];
    let ours = ["MULTICRED_IDENTITY", "MULTICRED_ARN", "MULTICRED_EXPIRES_AT"];
    let shell = scene.env.exported(crate::support::env::Shell::Bash, &code, &[&names[..], &ours].concat());
    for name in names.iter().chain(&ours) {
        if let Some(value) = shell.get(name) {
            scene.env.set(name, value);
        }
    }
    assert!(shown(&sign_in, &console(&scene, &[])).arn.ends_with(":assumed-role/Reader/bob"));
    scene.env.set("AWS_ACCESS_KEY_ID", "AKIABYHANDBYHANDBYHA");
    console(&scene, &[]).code(2).stderr_has("changed by hand");
}
