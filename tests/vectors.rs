//! What users of earlier tools rely on: which calls a request makes, in which order and with which parameters, seen
//! from AWS's side. Each row or test runs the real program against the strict STS.

use multicred::aws_config::document::{Document, SectionId};
use multicred::identity::{Kind, arn};
use multicred::store::{Durability, Store, StoreError, Writing};
use serde_json::Value;

use crate::support::env::{Hermetic, Output, Shell};
use crate::support::sts::{Call, Credentials, KeyPair, Role, StrictSts, World};

const DEV: &str = "111122223333";
const PROD: &str = "222233334444";
const ALICE: &str = "arn:aws:iam::111122223333:user/alice";

/// alice of dev, with a key and an MFA device, roles of prod that trust her, and a person's home.
struct Scene {
    sts: StrictSts,
    env: Hermetic,
    key: KeyPair,
    serial: String,
}

impl Scene {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(add: impl FnOnce(&mut World)) -> Self {
        let mut world = World::new();
        let key = world.user(DEV, "alice");
        let serial = world.mfa_totp(ALICE, b"12345678901234567890");
        let role = |name: &str| Role::new(PROD, name).max_session_duration(43_200);
        world.role(role("ReadOnly").trust(ALICE));
        let admin = world.role(role("Admin").trust(ALICE).requires_mfa());
        world.role(role("Operator").trust(ALICE).requires_mfa());
        world.role(role("Deep").trust(&admin));
        world.role(role("Partner").trust(ALICE).external_id("quay-7"));
        add(&mut world);
        let sts = StrictSts::start(world);
        let mut env = Hermetic::new();
        env.endpoint(&sts.url()).aws_credentials(&section("alice", &key));
        Self { sts, env, key, serial }
    }

    /// Profiles, with `SERIAL` for alice's device and `ROLE/` for the ARN of a role of prod.
    fn config(&mut self, text: &str) -> &mut Self {
        let text = text.replace("SERIAL", &self.serial).replace("ROLE/", &format!("arn:aws:iam::{PROD}:role/"));
        self.env.aws_config(&text);
        self
    }

    /// alice imported, and the accounts named.
    fn imported() -> Self {
        let scene = Self::new();
        scene.env.run(&["import"]).ok();
        scene.env.run(&["account", DEV, "--alias", "dev"]).ok();
        scene.env.run(&["account", PROD, "--alias", "prod"]).ok();
        scene.sts.clear_calls();
        scene
    }

    fn switch(&self, words: &str) -> Output {
        let words: Vec<&str> = ["as", "--shell", "bash"].into_iter().chain(words.split_whitespace()).collect();
        self.env.run(&words)
    }

    /// The same with a fresh MFA code.
    fn switch_with_code(&self, words: &str) -> Output {
        let code = self.sts.mfa_code(&self.serial);
        self.switch(&format!("--mfa-code {code} {words}"))
    }

    /// The calls of a switch, in words; a code is there if one is needed.
    #[track_caller]
    fn calls(&self, words: &str) -> Vec<String> {
        self.sts.clear_calls();
        self.switch_with_code(words).ok();
        self.sts.calls().iter().map(say).collect()
    }

    #[track_caller]
    fn variable(&self, words: &str, name: &str) -> Option<String> {
        let code = self.switch_with_code(words);
        let shell = self.env.exported(Shell::Bash, &code.ok().stdout, &[]);
        shell.get(name).map(str::to_owned)
    }

    /// Changes the store behind the program's back.
    fn in_store(&self, change: impl FnOnce(&Writing<'_>) -> Result<(), StoreError>) {
        let mut store = Store::open(&self.env.store()).unwrap().expect("a store");
        store.write(Durability::Obtainable, change).unwrap();
    }

    /// The row of a stored credential.
    fn row_of(&self, access_key_id: &str) -> i64 {
        let store = Store::open(&self.env.store()).unwrap().expect("a store");
        store.read().credential_with_key(access_key_id).unwrap().expect("a stored credential").id
    }

    fn remove(&self, access_key_id: &str) {
        let id = self.row_of(access_key_id);
        self.in_store(|writing| writing.remove_credential(id));
    }
}

fn section(name: &str, key: &KeyPair) -> String {
    let KeyPair { access_key_id, secret } = key;
    format!("[{name}]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret}\n")
}

fn session_json(session: &Credentials, expiration: Option<&str>) -> String {
    let mut value = serde_json::json!({
        "Version": 1,
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret,
        "SessionToken": session.session_token,
    });
    if let Some(expiration) = expiration {
        value["Expiration"] = expiration.into();
    }
    value.to_string()
}

/// `GetSessionToken+mfa 28800`, `AssumeRole Admin 3600`, with `!code` where AWS refused.
fn say(call: &Call) -> String {
    let mfa = if call.param("TokenCode").is_empty() { "" } else { "+mfa" };
    let role = call.param("RoleArn").rsplit('/').next().filter(|name| !name.is_empty());
    let role = role.map(|name| format!(" {name}")).unwrap_or_default();
    let seconds = call.params.get("DurationSeconds").map(|seconds| format!(" {seconds}")).unwrap_or_default();
    let refusal = if call.is_ok() { String::new() } else { format!(" !{}", call.outcome) };
    format!("{}{role}{mfa}{seconds}{refusal}", call.action)
}

const PROFILES: &str = "\
[profile alice]
mfa_serial = SERIAL
region = us-east-1

[profile readonly]
source_profile = alice
role_arn = ROLE/ReadOnly

[profile admin]
source_profile = alice
role_arn = ROLE/Admin
mfa_serial = SERIAL

[profile deep]
source_profile = admin
role_arn = ROLE/Deep
mfa_serial = SERIAL
duration_seconds = 43200

[profile own-key]
source_profile = readonly
role_arn = ROLE/Admin
mfa_serial = SERIAL

[profile self]
source_profile = self
role_arn = ROLE/ReadOnly

[profile half-day]
source_profile = alice
role_arn = ROLE/Admin
mfa_serial = SERIAL
duration_seconds = 7200
";

#[test]
fn a_profile_makes_these_calls() {
    const LONG_LIVED: &[&str] = &[];
    for (number, words, expected, warning) in [
        ("17", "alice --no-session", LONG_LIVED, ""),
        ("18", "alice", &["GetSessionToken+mfa 3600"], ""),
        ("19", "readonly", &["AssumeRole ReadOnly 3600"], ""),
        ("20", "admin", &["GetSessionToken+mfa 28800", "AssumeRole Admin 3600"], ""),
        ("21", "admin --duration 2h", &["AssumeRole Admin+mfa 7200"], ""),
        ("21, in the profile", "half-day", &["AssumeRole Admin+mfa 7200"], ""),
        (
            "22",
            "deep",
            &["GetSessionToken+mfa 28800", "AssumeRole Admin 3600", "AssumeRole Deep 3600"],
            "deep lasts 1h, not 12h: AWS caps roles",
        ),
        ("23", "own-key", &["AssumeRole Admin+mfa 3600"], ""),
        ("7", "self", &["AssumeRole ReadOnly 3600"], ""),
        ("2.2: --no-session", "admin --no-session", &["AssumeRole Admin+mfa 3600"], ""),
    ] {
        let mut scene = Scene::new();
        scene.config(PROFILES);
        let keys = ["alice", "own-key", "self"].map(|name| section(name, &scene.key)).concat();
        scene.env.aws_credentials(&keys);
        let output = scene.switch_with_code(words);
        output.ok();
        let calls: Vec<String> = scene.sts.calls().iter().map(say).collect();
        output.holds(calls == expected, &format!("vector {number}: {expected:?}, not {calls:?}"));
        match warning {
            "" => output.holds(!output.stderr.contains("caps"), &format!("vector {number}: no warning")),
            warning => output.stderr_has(warning),
        };
        if expected == LONG_LIVED {
            output.stdout_has(&scene.key.access_key_id);
        } else {
            output.nowhere(&scene.key.secret);
            let again = scene.switch(words);
            again.ok().holds(scene.sts.calls().len() == expected.len(), &format!("vector {number}: it is cached"));
            assert_eq!(again.stdout, output.stdout, "vector {number}: the same credential again");
        }
    }
}

#[test]
fn keys_of_a_profile_ignore_case_and_its_name_does_not() {
    // Vector 1.
    let mut scene = Scene::new();
    scene.config(
        "[profile withMFA]\nRole_Arn = ROLE/Admin\nSource_Profile = alice\nmfa_Serial = SERIAL\nRegion = eu-west-2\n",
    );
    assert_eq!(scene.variable("withMFA", "AWS_REGION").as_deref(), Some("eu-west-2"));
    assert_eq!(scene.sts.calls().iter().map(say).collect::<Vec<_>>(), ["AssumeRole Admin+mfa 3600"]);
    scene.switch("withmfa").code(3).stdout_is("").stderr_has("withMFA");
}

#[test]
fn an_unknown_name_is_refused_though_there_is_a_default() {
    // Vector 2.
    let mut scene = Scene::new();
    scene.config("[default]\nregion = eu-west-1\n");
    let keys = format!("{}{}", section("default", &scene.key), section("only-keys", &scene.key));
    scene.env.aws_credentials(&keys);
    scene.switch("nobody-of-that-name").code(3).stdout_is("");
    scene.switch("only-keys --no-session").ok().stdout_has(&scene.key.access_key_id);
    assert_eq!(scene.sts.count("*"), 0);
}

#[test]
fn default_is_one_profile_and_only_in_small_letters() {
    // Vector 3.
    let mut scene = Scene::new();
    scene.config("[DEFAULT]\nregion=us-east-1\n[default]\nregion=us-west-2\n");
    scene.env.aws_credentials(&section("default", &scene.key));
    assert_eq!(scene.variable("default --no-session", "AWS_REGION").as_deref(), Some("us-west-2"));
}

#[test]
fn a_comment_ends_a_value_only_behind_white_space() {
    // Vector 9.
    let mut scene = Scene::new();
    scene.config("[profile alice]\nregion = moon-1 # x\n");
    assert_eq!(scene.variable("alice --no-session", "AWS_REGION").as_deref(), Some("moon-1"));
    let document = Document::parse("[profile a]\nsso_start_url = https://h/start#/\n");
    let url = document.section(&SectionId::profile("a")).unwrap().get("sso_start_url").unwrap();
    assert_eq!(url.value(), "https://h/start#/");
}

#[test]
fn a_duration_of_a_profile_is_a_number_within_the_limits_of_aws() {
    // Vector 14.
    let mut scene = Scene::new();
    for (duration, good) in
        [("899", false), ("900", true), ("3600", true), ("43201", false), ("1h", false), ("-900", false), ("", true)]
    {
        scene.config(&format!(
            "[profile a]\nrole_arn = ROLE/ReadOnly\nsource_profile = alice\nduration_seconds = {duration}\n"
        ));
        let output = scene.switch("a");
        if good {
            output.ok();
        } else {
            let place = format!("{}:4", scene.env.path(".aws/config").display());
            output.code(1).stdout_is("").stderr_has(&place).stderr_has("duration_seconds");
            output.stderr_has("a number of seconds from 900 to 43200");
        }
    }
    let too_long = scene.switch("alice --duration 129601");
    too_long.code(2).stdout_is("").stderr_has("129600");
    scene.switch("alice --duration 129600").ok();
    assert_eq!(scene.sts.calls().last().map(say).as_deref(), Some("GetSessionToken 129600"));
}

#[test]
fn a_profile_inherits_nothing_from_one_whose_name_begins_its_own() {
    // Vector 16.
    let mut scene = Scene::new();
    scene.config(
        "[profile foo]\nregion = us-east-1\nmfa_serial = SERIAL\nsource_profile = alice\n\
         [profile foo.bar]\nrole_arn = ROLE/ReadOnly\nsource_profile = alice\n",
    );
    assert_eq!(scene.variable("foo.bar", "AWS_REGION"), None);
    assert_eq!(scene.sts.calls().iter().map(say).collect::<Vec<_>>(), ["AssumeRole ReadOnly 3600"]);
    scene.config("[profile foo]\nsource_profile = alice\n[profile foo.bar]\nrole_arn = ROLE/ReadOnly\n");
    scene.switch("foo.bar").code(1).stderr_has("neither source_profile nor a key of its own");
}

#[test]
fn an_expiry_is_an_instant_whatever_its_time_zone() {
    // Vector 26, moved on to a year that is yet to come.
    let scene = Scene::new();
    for written in ["2050-02-04T21:00:57-08:00", "2050-02-05T05:00:57Z", "2050-02-05T10:30:57.123+05:30"] {
        let saml = scene.sts.world(|world| world.saml_session(&role("ReadOnly"), "me", 3600));
        let imported = scene.env.run_with_stdin(&["import", "-", "--json"], session_json(&saml, Some(written)));
        assert_eq!(imported.ok().json()[0]["expires_at"], 2_527_650_057_i64, "{written}");
        let told = scene.variable(&saml.access_key_id, "AWS_CREDENTIAL_EXPIRATION");
        assert_eq!(told.as_deref(), Some("2050-02-05T05:00:57Z"), "{written}");
    }
    let saml = scene.sts.world(|world| world.saml_session(&role("ReadOnly"), "me", 3600));
    let past = session_json(&saml, Some("2009-02-04T21:00:57-08:00"));
    scene.env.run_with_stdin(&["import", "-"], past).code(1).stderr_has("expired");
}

fn role(name: &str) -> String {
    format!("arn:aws:iam::{PROD}:role/{name}")
}

#[test]
fn a_secret_of_any_characters_survives_the_way_from_the_file_to_the_shell() {
    // Vector 30. The signature proves what was read, the shell what is handed on.
    let secret = r#"a%b#c;d=e"f\g'h i+/$(id)`id`!"#;
    for (from_json, shell) in Shell::ALL.into_iter().flat_map(|shell| [(true, shell), (false, shell)]) {
        let pair = KeyPair { access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(), secret: secret.to_owned() };
        let scene = Scene::with(|world| world.add_key(ALICE, &pair));
        let text = if from_json {
            serde_json::json!({ "Version": 1, "AccessKeyId": pair.access_key_id, "SecretAccessKey": secret })
                .to_string()
        } else {
            section("odd", &pair)
        };
        scene.env.run_with_stdin(&["import", "-", "--label", "odd"], text).ok().nowhere(secret);
        let code = scene.env.run(&["as", "--shell", shell.name(), "odd", "--no-session"]);
        let seen = scene.env.exported(shell, &code.ok().stdout, &[]);
        assert_eq!(seen.get("AWS_SECRET_ACCESS_KEY"), Some(secret), "{shell}, from JSON: {from_json}");
    }
}

#[test]
fn what_an_arn_names() {
    // Vector 31.
    let of =
        |resource: &str| arn::parse(&format!("arn:aws:{resource}")).map(|arn| (arn.identity.kind, arn.identity.name));
    let named = |kind, name: &str| Ok((kind, name.to_owned()));
    assert_eq!(of("iam::111122223333:role/some/path/r"), named(Kind::Role, "r"));
    assert_eq!(of("sts::111122223333:assumed-role/r/s"), named(Kind::Role, "r"));
    assert_eq!(of("iam::111122223333:user/r"), named(Kind::User, "r"));
    assert_eq!(of("iam::111122223333:role/r/s"), named(Kind::Role, "s"));
    assert_eq!(of("iam::111122223333:root"), named(Kind::Root, ""));
    assert_eq!(of("sts::111122223333:federated-user/x"), named(Kind::Federated, "x"));
    assert!(of("iam::111122223333:invalid/x").is_err());
}

#[test]
fn an_older_credential_is_used_when_the_newer_one_is_gone() {
    // Vector 32.
    let scene = Scene::imported();
    let import = |expires_in| {
        let saml = scene.sts.world(|world| world.saml_session(&role("ReadOnly"), "me", expires_in));
        scene.env.run_with_stdin(&["import", "-"], session_json(&saml, Some(&saml.expiration()))).ok();
        saml.access_key_id
    };
    let (older, newer) = (import(3000), import(3500));
    let key = || scene.variable("prod/ReadOnly", "AWS_ACCESS_KEY_ID");
    assert_eq!(key().as_deref(), Some(&*newer));
    scene.remove(&newer);
    assert_eq!(key().as_deref(), Some(&*older));
    scene.remove(&older);
    scene.switch("prod/ReadOnly").code(1).stdout_is("").stderr_has("no credential for prod/ReadOnly");
    let list = scene.env.run(&["list", "--json"]).ok().json();
    assert!(state_of(&list, "prod/ReadOnly").is_some(), "the identity stays: {list}");
}

fn state_of<'l>(list: &'l Value, identity: &str) -> Option<&'l str> {
    list.as_array()?.iter().find(|row| row["identity"] == identity)?["state"].as_str()
}

#[test]
fn a_linked_role_without_a_credential_is_assumed_again_by_its_arn() {
    // Vector 33.
    let scene = Scene::imported();
    scene.env.run(&["link", "prod/ReadOnly", "--parent", "alice"]).ok();
    let first = scene.variable("prod/ReadOnly", "AWS_ACCESS_KEY_ID").unwrap();
    scene.remove(&first);
    let second = scene.variable(&role("ReadOnly"), "AWS_ACCESS_KEY_ID").unwrap();
    assert_ne!(first, second);
    assert_eq!(scene.sts.count("AssumeRole"), 2);
}

#[test]
fn one_code_serves_every_role_of_a_linked_user() {
    let scene = Scene::imported();
    scene.env.run(&["link", "prod/Admin", "--parent", "alice", "--mfa-serial", &scene.serial]).ok();
    scene.env.run(&["link", "prod/Operator", "--parent", "alice"]).ok();
    scene.env.run(&["link", "prod/Deep", "--parent", "prod/Admin"]).ok();
    scene.switch_with_code("prod/Admin").ok();
    for name in ["prod/Operator", "prod/Deep", "alice", "prod/Admin"] {
        scene.switch(name).ok();
    }
    let calls: Vec<String> = scene.sts.calls().iter().map(say).collect();
    let expected =
        ["GetSessionToken+mfa 28800", "AssumeRole Admin 3600", "AssumeRole Operator 3600", "AssumeRole Deep 3600"];
    assert_eq!(calls, expected);
    let session = scene.sts.calls_of("AssumeRole")[0].access_key_id.clone();
    assert_eq!(scene.sts.calls_of("AssumeRole")[1].access_key_id, session, "both are assumed from the one session");
}

#[test]
fn a_second_hop_that_demands_mfa_is_refused_by_aws_and_the_error_says_so() {
    let scene = Scene::imported();
    scene.sts.world(|world| world.role(Role::new(PROD, "Vault").trust(&role("ReadOnly")).requires_mfa()));
    scene.env.run(&["link", "prod/ReadOnly", "--parent", "alice", "--mfa-serial", &scene.serial]).ok();
    scene.env.run(&["link", "prod/Vault", "--parent", "prod/ReadOnly"]).ok();
    scene.switch_with_code("prod/Vault").code(5).stdout_is("").stderr_has("AccessDenied").stderr_has("MFA");
}

#[test]
fn a_guessed_expiry_that_has_passed_is_decided_by_one_question_to_aws() {
    let scene = Scene::imported();
    let saml = scene.sts.world(|world| world.saml_session(&role("ReadOnly"), "me", 7200));
    let imported = scene.env.run_with_stdin(&["import", "-", "--json"], session_json(&saml, None)).ok().json();
    assert_eq!(imported[0]["expiry_is_guess"], true);
    scene.sts.clear_calls();

    let told = scene.variable("prod/ReadOnly", "AWS_CREDENTIAL_EXPIRATION");
    assert_eq!(told, None, "a guess would make an SDK refuse what still works");
    assert_eq!(scene.sts.count("*"), 0, "while the guess holds nobody is asked");

    let id = scene.row_of(&saml.access_key_id);
    let let_it_pass = || scene.in_store(|writing| writing.set_guessed_expiry(id, 1));
    let_it_pass();
    for _ in 0..2 {
        assert_eq!(scene.variable("prod/ReadOnly", "AWS_ACCESS_KEY_ID").as_deref(), Some(&*saml.access_key_id));
    }
    assert_eq!(scene.sts.calls().iter().map(say).collect::<Vec<_>>(), ["GetCallerIdentity"], "once, not each time");

    // It runs out at AWS.
    let_it_pass();
    scene.sts.world(|world| world.expire(&saml.access_key_id));
    scene.sts.clear_calls();
    scene.switch("prod/ReadOnly").code(1).stdout_is("").stderr_has("no credential for prod/ReadOnly");
    assert_eq!(scene.sts.calls().iter().map(say).collect::<Vec<_>>(), ["GetCallerIdentity !ExpiredToken"]);
    scene.switch("prod/ReadOnly").code(1);
    assert_eq!(scene.sts.count("*"), 1, "it was discarded");
}

#[test]
fn aws_that_cannot_be_asked_discards_no_credential() {
    let scene = Scene::imported();
    let saml = scene.sts.world(|world| world.saml_session(&role("ReadOnly"), "me", 7200));
    scene.env.run_with_stdin(&["import", "-"], session_json(&saml, None)).ok();
    let id = scene.row_of(&saml.access_key_id);
    scene.in_store(|writing| writing.set_guessed_expiry(id, 1));
    scene.sts.fault_always("GetCallerIdentity", crate::support::sts::Fault::unavailable());
    scene.switch("prod/ReadOnly").code(6).stdout_is("");
    scene.sts.clear_faults();
    scene.switch("prod/ReadOnly").ok();
}

#[test]
fn flags_decide_what_is_taken_from_the_store() {
    let scene = Scene::imported();
    scene.env.run(&["link", "prod/Admin", "--parent", "alice", "--mfa-serial", &scene.serial]).ok();
    for (words, expected) in [
        ("prod/Admin", vec!["GetSessionToken+mfa 28800", "AssumeRole Admin 3600"]),
        ("prod/Admin", vec![]),
        ("prod/Admin --min-ttl 50m", vec![]),
        // More than what is left of it.
        ("prod/Admin --min-ttl 59m59s", vec!["AssumeRole Admin 3600"]),
        ("prod/Admin --fresh", vec!["AssumeRole Admin 3600"]),
        ("prod/Admin", vec![]),
        ("prod/Admin --duration 30m", vec!["AssumeRole Admin 1800"]),
        // The same role, vouched for by the same device: what is here will do.
        ("prod/Admin --no-session", vec![]),
        ("prod/Admin --no-session --duration 20m", vec!["AssumeRole Admin+mfa 1200"]),
        ("prod/Admin --duration 2h", vec!["AssumeRole Admin+mfa 7200"]),
        ("prod/Admin", vec![]),
        ("alice", vec![]),
        ("alice --duration 2h", vec!["GetSessionToken+mfa 7200"]),
    ] {
        if words.contains("59m59s") || words.contains("--fresh") {
            // Times are whole seconds.
            std::thread::sleep(std::time::Duration::from_millis(1100));
        }
        assert_eq!(scene.calls(words), expected, "{words}");
    }
}

#[test]
fn an_edited_profile_is_never_served_what_it_had_before() {
    let mut scene = Scene::new();
    let profile = |more: &str| format!("[profile a]\nrole_arn = ROLE/Partner\nsource_profile = alice\n{more}");
    for (more, expected) in [
        ("external_id = quay-7\n", 1),
        ("external_id = quay-7\nrole_session_name = ann\n", 1),
        ("external_id = quay-7\nduration_seconds = 1800\n", 1),
        ("external_id = quay-7\nregion = eu-west-1\n", 0),
        // As it was at first: nothing was lost.
        ("external_id = quay-7\n", 0),
    ] {
        scene.config(&profile(more));
        assert_eq!(scene.calls("a").len(), expected, "{more}");
    }
    scene.config(&profile("external_id = quay-8\n"));
    scene.switch("a").code(5).stdout_is("").stderr_has("external id");
}

#[test]
fn a_session_is_named_after_the_user_or_as_was_asked() {
    let scene = Scene::imported();
    scene.env.run(&["link", "prod/ReadOnly", "--parent", "alice"]).ok();
    let name_of = |words: &str| {
        scene.switch(words).ok();
        scene.sts.calls_of("AssumeRole").last().unwrap().param("RoleSessionName").to_owned()
    };
    assert_eq!(name_of("prod/ReadOnly"), "alice");
    assert_eq!(name_of("prod/ReadOnly --session-name release-42"), "release-42");
    scene.env.run(&["link", "prod/ReadOnly", "--parent", "alice", "--session-name", "linked"]).ok();
    assert_eq!(name_of("prod/ReadOnly"), "linked");
}
