//! `list`: those who are asked for.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::scene::refusal::Refusal;
use crate::scene::{DEV, PROD, Scene, ini};

/// alice and her roles, which need her code; bob, whose role has a credential; a profile with a key, and a broken one.
fn rich() -> Scene {
    let mut scene = Scene::with_alices_roles();
    scene.import(&scene.bob, "bob");
    scene.env.run(&["link", "dev/Reader", "--parent", "bob"]).ok();
    scene.become_in_bash("dev/Reader").ok();
    let lost = format!("[profile lost]\nrole_arn = arn:aws:iam::{PROD}:role/Lost\nsource_profile = gone\n");
    scene.env.aws_config(&lost).aws_credentials(&ini("other", &scene.alice));
    scene
}

fn names(scene: &Scene, words: &[&str]) -> Vec<String> {
    let rows = scene.env.run(&[&["list", "--json"], words].concat()).ok().json();
    let mut names: Vec<String> =
        rows.as_array().unwrap().iter().map(|row: &Value| row["identity"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_list_is_of_an_account_of_kinds_and_of_states() {
    let scene = rich();
    let prod = ["lost", "prod/Admin", "prod/Auditor", "prod/Billing"];
    assert_eq!(names(&scene, &["--account", "prod"]), prod);
    assert_eq!(names(&scene, &["--account", PROD]), prod);
    assert_eq!(names(&scene, &["--account", DEV, "--kind", "role"]), ["dev/Reader"]);
    assert_eq!(names(&scene, &["--kind", "user"]), ["alice", "bob"]);
    assert_eq!(names(&scene, &["--kind", "user", "--kind", "key"]), ["alice", "bob", "other"]);
    assert_eq!(names(&scene, &["--state", "ready"]), ["dev/Reader"]);
    assert_eq!(names(&scene, &["--state", "broken", "--state", "ready"]), ["dev/Reader", "lost"]);
    assert_eq!(
        names(&scene, &["--state", "needs-mfa", "--kind", "role"]),
        ["prod/Admin", "prod/Auditor", "prod/Billing"]
    );
    assert_eq!(names(&scene, &["--kind", "root"]), Vec::<String>::new());
    scene.env.run(&["list", "--kind", "root"]).ok().stdout_is("").stderr_has("nobody of that kind");
    let text = scene.env.run(&["list", "--account", "prod", "--state", "broken"]);
    text.ok().stdout_has("lost").nowhere("prod/Admin");
}

#[test]
fn an_account_that_nobody_knows_is_told_from_an_empty_one() {
    let scene = rich();
    scene.env.run(&["list", "--account", "prdo"]).refused(3, &["'prdo'", "twelve-digit"]);
    scene.env.run(&["list", "--account", "\u{1b}[2J"]).refused(3, &["\\u{1b}"]);
    assert_eq!(names(&scene, &["--account", "999999999999"]), Vec::<String>::new());
    scene.env.run(&["list", "--kind", "wizard"]).refused(2, &["wizard", "federated"]);
    scene.env.run(&["list", "--state", "needs MFA"]).refused(2, &["needs-mfa"]);
    let empty = Scene::new();
    empty.env.run(&["list", "--account", "prod"]).refused(3, &["'prod'"]);
    empty.env.run(&["list", "--account", DEV]).ok().stdout_is("");
    assert!(!empty.env.path("data/multicred").exists(), "a store was made");
}

fn change(scene: &Scene, sql: &str) {
    Connection::open(scene.env.store()).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn every_credential_is_listed_with_whose_it_is_and_without_its_secret() {
    let mut scene = rich();
    scene.env.aws_credentials(
        &(ini("other", &scene.alice)
            + "[session]\naws_access_key_id = ASIAIOSFODNN7EXAMPLE\n\
        aws_secret_access_key = aSecretThatIsNobodys\naws_session_token = aTokenThatIsNobodys\n"),
    );
    let output = scene.env.run(&["list", "--credentials", "--json"]);
    let rows = output.ok().json().as_array().unwrap().clone();
    let row = |key: &str, source: &str| {
        let is_it = |row: &&Value| row["access_key_id"] == key && row["source"] == source;
        rows.iter().find(is_it).unwrap_or_else(|| panic!("{key} of {source} in {rows:?}"))
    };
    let alice = row(&scene.alice.access_key_id, "store");
    for (key, value) in [("identity", "alice"), ("account", DEV), ("kind", "long-term"), ("state", "ready")] {
        assert_eq!(alice[key], value, "{alice}");
    }
    assert_eq!(
        (&alice["expires_at"], &alice["restricted"], &alice["profile"]),
        (&json!(null), &json!(false), &json!(null))
    );
    let in_file = row(&scene.alice.access_key_id, "profile");
    assert_eq!(
        (&in_file["identity"], &in_file["profile"]),
        (&json!("alice"), &json!("other")),
        "the store knows whose"
    );
    let unknown = row("ASIAIOSFODNN7EXAMPLE", "profile");
    assert_eq!((&unknown["identity"], &unknown["account"]), (&json!("session"), &json!(null)));
    assert_eq!((&unknown["kind"], &unknown["expiry_is_guess"]), (&json!("imported"), &json!(true)));
    let role = rows.iter().find(|row| row["kind"] == "role").unwrap();
    assert_eq!((&role["identity"], &role["state"]), (&json!("dev/Reader"), &json!("ready")));
    let text = scene.env.run(&["list", "--credentials"]);
    text.ok().stdout_has(&scene.bob.access_key_id);
    for secret in scene.secrets().iter().map(String::as_str).chain(["aSecretThatIsNobodys", "aTokenThatIsNobodys"]) {
        output.nowhere(secret);
        text.nowhere(secret);
    }
}

#[test]
fn credentials_are_of_an_account_of_kinds_and_of_states() {
    let scene = rich();
    change(&scene, "UPDATE credential SET expires_at = unixepoch() - 60 WHERE kind = 'role'");
    let of = |words: &[&str]| -> Vec<String> {
        let rows = scene.env.run(&[&["list", "--credentials", "--json"], words].concat()).ok().json();
        let name = |row: &Value| format!("{} {}", row["identity"].as_str().unwrap(), row["kind"].as_str().unwrap());
        let mut names: Vec<String> = rows.as_array().unwrap().iter().map(name).collect();
        names.sort();
        names
    };
    assert_eq!(of(&["--kind", "role"]), ["dev/Reader role"]);
    assert_eq!(of(&["--state", "expired"]), ["dev/Reader role"]);
    assert_eq!(of(&["--kind", "long-term"]), ["alice long-term", "alice long-term", "bob long-term"]);
    assert_eq!(of(&["--kind", "role", "--state", "ready"]), Vec::<String>::new());
    assert_eq!(of(&["--account", "prod"]), Vec::<String>::new());
    assert_eq!(of(&["--account", "dev", "--kind", "long-term", "--kind", "role"]).len(), 4);
    scene.env.run(&["list", "--credentials", "--kind", "user"]).refused(2, &["'user'", "long-term"]);
    scene.env.run(&["list", "--credentials", "--state", "broken"]).refused(2, &["'broken'", "expired"]);
    scene.env.run(&["list", "--kind", "session"]).refused(2, &["'session'", "federated"]);
    scene.env.run(&["list", "--credentials", "--accounts"]).refused(2, &["--accounts"]);
}

#[test]
fn a_restricted_and_a_guessed_credential_are_told_as_such() {
    let scene = rich();
    change(&scene, "UPDATE credential SET restricted_as = '', expiry_is_guess = 1 WHERE kind = 'role'");
    let text = scene.env.run(&["list", "--credentials", "--kind", "role"]);
    text.ok().stdout_has(" by a guess, restricted");
    assert_eq!(
        scene.env.run(&["list", "--credentials", "--kind", "role", "--json"]).ok().json()[0]["restricted"],
        true
    );
}

#[test]
fn accounts_are_counted_those_that_only_profiles_know_too() {
    let mut scene = rich();
    change(&scene, "UPDATE account SET protected = 1, colour = 'blue' WHERE alias = 'prod'");
    scene.env.aws_config("[profile china]\nrole_arn = arn:aws-cn:iam::999999999999:role/Far\nsource_profile = other\n");
    let accounts = |words: &[&str]| scene.env.run(&[&["list", "--accounts", "--json"], words].concat()).ok().json();
    let expected = json!([
        { "account": DEV, "alias": "dev", "partition": "aws", "color": null, "protected": false, "identities": 3,
          "profiles": 1, "credentials": 4 },
        { "account": PROD, "alias": "prod", "partition": "aws", "color": "blue", "protected": true, "identities": 3,
          "profiles": 0, "credentials": 0 },
        { "account": "999999999999", "alias": null, "partition": "aws-cn", "color": null, "protected": false,
          "identities": 0, "profiles": 1, "credentials": 0 },
    ]);
    assert_eq!(accounts(&[]), expected);
    assert_eq!(accounts(&["--account", "prod"]), json!([expected[1]]));
    let ready = accounts(&["--state", "ready"]);
    assert_eq!((ready.as_array().unwrap().len(), &ready[0]["identities"]), (1, &json!(1)), "{ready}");
    assert_eq!(accounts(&["--kind", "root"]), json!([]));
    scene.env.run(&["list", "--accounts"]).ok().stdout_has("protected").stdout_has("999999999999");
    let protected = scene.env.run(&["list", "--json", "--account", "prod"]).ok().json();
    assert!(protected.as_array().unwrap().iter().all(|row| row["protected"] == true), "{protected}");
    scene.env.run(&["list", "--account", "prod"]).ok().stdout_has("needs MFA, protected");
}

#[test]
fn a_key_that_is_older_than_ninety_days_is_pointed_out() {
    let scene = rich();
    scene.env.run(&["list"]).ok().stderr_is("");
    change(&scene, "UPDATE credential SET created_at = unixepoch() - 91 * 86400 WHERE kind = 'long-term'");
    let text = scene.env.run(&["list", "--kind", "user"]);
    text.ok().stdout_has("  91d  ").stderr_has("2 long-term keys are older than 90 days: multicred rotate NAME");
    scene.env.run(&["list", "--kind", "role"]).ok().stderr_is("");
    scene.env.run(&["list", "--json"]).ok().stderr_is("");
    scene.env.run(&["-q", "list"]).ok().stderr_is("");
    let alice = scene.env.run(&["list", "--kind", "user", "--json"]).ok().json()[0].clone();
    let age = jiff::Timestamp::now().as_second() - alice["key_created_at"].as_i64().unwrap();
    assert!((91 * 86400..91 * 86400 + 600).contains(&age), "{alice}");
    scene.env.run(&["list", "--credentials"]).ok().stderr_has("keys are older than 90 days");
}

#[test]
fn who_has_to_be_signed_in_to_is_not_broken() {
    let mut scene = Scene::with_bob();
    scene.env.aws_config(&format!(
        "[profile corp]\nsso_session = c\nsso_account_id = {PROD}\nsso_role_name = Reader\n\
         [sso-session c]\nsso_start_url = https://c.awsapps.com/start\nsso_region = eu-west-1\n\
         [profile below]\nrole_arn = arn:aws:iam::{PROD}:role/Below\nsource_profile = corp\n"
    ));
    let rows = scene.env.run(&["list", "--state", "needs-sign-in", "--json"]).ok().json();
    let names: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["identity"].as_str().unwrap()).collect();
    assert_eq!(names, ["below", "corp"]);
    assert_eq!(rows[1]["state"], "needs sign-in");
    let reason = rows[1]["reason"].as_str().unwrap();
    assert!(reason.contains("IAM Identity Center") && reason.contains("cannot do yet"), "{reason}");
    scene.env.run(&["show", "corp"]).ok().stdout_has("  state: needs sign-in: profile corp signs in through");
    assert_eq!(scene.env.run(&["tree", "corp", "--json"]).ok().json()[0]["state"], "needs sign-in");
    assert!(names_in(&scene, "broken").is_empty());
}

fn names_in(scene: &Scene, state: &str) -> Vec<String> {
    names(scene, &["--state", state])
}

/// Each row was broken, with the same reason, and the exit code was 0.
#[test]
fn settings_that_cannot_be_followed_are_one_error_and_not_one_of_everybodys() {
    let mut scene = rich();
    scene.env.write("config/multicred/config.toml", "[mfa]\ndriver = \"\u{1b}nonsense\"\n");
    for words in [&["list"][..], &["list", "--json"], &["list", "--accounts"], &["tree"], &["stats"], &["show", "bob"]]
    {
        let refused = scene.env.run(words);
        refused.refused(2, &["config.toml:2", "correct that line"]);
    }
    scene.env.run(&["list", "--credentials"]).ok();
}

/// They were in no list, without a word.
#[test]
fn sections_that_are_taken_for_no_profile_are_told_with_their_line() {
    let mut scene = Scene::new();
    scene.env.aws_config(
        "[default]\nregion = eu-west-1\n[profile my dev]\nregion = x\n[work\u{1b}[2J]\nrole_arn = y\n[plugins]\nendpoint = z\n\
         [profile \"my own\"]\nregion = x\n[sso-session a b]\nsso_region = x\n",
    );
    scene.env.aws_credentials("[my dev]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n[]\n");
    let listed = scene.env.run(&["list"]);
    listed.ok().calm().stderr_has("config:3: [profile my dev] is taken for no profile").stderr_has("into quotes");
    listed.stderr_has("config:5: [work\\u{1b}[2J] is taken for no profile").stderr_has("`profile ` before it");
    listed.stderr_has("config:11: [sso-session a b]").stderr_has("credentials:4: []");
    assert_eq!(listed.stderr.lines().count(), 4, "{listed}");
    let findings = scene.env.run(&["doctor", "--json"]).json()["findings"].clone();
    let about: Vec<&str> = findings.as_array().unwrap().iter().filter_map(|found| found["about"].as_str()).collect();
    assert!(about.iter().any(|about| about.ends_with("config:3")), "{findings}");
    scene.env.run(&["list", "--json"]).ok().stderr_is("");
}
