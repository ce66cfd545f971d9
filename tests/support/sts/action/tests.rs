//! What sessions may do, verb by verb, and what the server remembers of them.

use super::super::auth;
use super::super::failure::Failure;
use super::super::role::Role;
use super::super::session::{Facts, Session};
use super::super::world::World;
use super::super::xml::Element;
use super::{Params, assume_role, get_caller_identity, get_federation_token, get_session_token};

const ACCOUNT: &str = "111122223333";
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// Performs the verb for this key and says how it ended: `ok` or AWS's error code.
fn call(world: &mut World, verb: &str, key: &str, pairs: &[(&str, &str)]) -> String {
    perform(world, verb, key, pairs).map_or_else(|failure| failure.code, |_| "ok".to_owned())
}

fn perform(world: &mut World, verb: &str, key: &str, pairs: &[(&str, &str)]) -> Result<Vec<Element>, Failure> {
    let params: Params = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let caller = auth::caller_of(world, key).expect("a key of this world");
    match verb {
        "AssumeRole" => assume_role::perform(world, &caller, &params),
        "GetCallerIdentity" => get_caller_identity::perform(world, &caller, &params),
        "GetFederationToken" => get_federation_token::perform(world, &caller, &params),
        "GetSessionToken" => get_session_token::perform(world, &caller, &params),
        other => panic!("no verb {other}"),
    }
}

/// The session that was made by this key.
fn session_of(world: &World, key: &str) -> Session {
    world.sessions().find(|session| session.issuer.as_deref() == Some(key)).expect("a session").clone()
}

fn facts_of(world: &World, key: &str) -> Facts {
    session_of(world, key).facts
}

/// A world of alice, whom the roles `First` and, behind it, `Second` trust.
fn chain() -> (World, String, [String; 2]) {
    let mut world = World::new();
    let key = world.user(ACCOUNT, "alice").access_key_id;
    let first = world.role(Role::new(ACCOUNT, "First").trust(ACCOUNT));
    let second = world.role(Role::new(ACCOUNT, "Second").trust(&first));
    (world, key, [first, second])
}

#[test]
fn a_federated_user_may_ask_who_it_is_and_nothing_else_of_sts() {
    let (mut world, key, [role, _]) = chain();
    let asked =
        [("Name", "bob"), ("PolicyArns.member.1.arn", READ_ONLY), ("Policy", POLICY), ("DurationSeconds", "900")];
    let answer = perform(&mut world, "GetFederationToken", &key, &asked).expect("a federated user");
    let document = Element::node("Result", answer).document(crate::support::sts::xml::STS);
    assert!(document.contains("<Arn>arn:aws:sts::111122223333:federated-user/bob</Arn>"), "{document}");
    assert!(document.contains("<FederatedUserId>111122223333:bob</FederatedUserId>"), "{document}");
    let session = session_of(&world, &key);
    assert_eq!(
        (session.facts.policy.as_deref(), &session.facts.policy_arns[..]),
        (Some(POLICY), &[READ_ONLY.to_owned()][..])
    );
    let theirs = session.credentials.access_key_id.as_str();
    assert_eq!(call(&mut world, "GetCallerIdentity", theirs, &[]), "ok");
    let assume = [("RoleArn", role.as_str()), ("RoleSessionName", "bob")];
    for (verb, params) in [("AssumeRole", &assume[..]), ("GetSessionToken", &[]), ("GetFederationToken", &asked)] {
        assert_eq!(call(&mut world, verb, theirs, params), "AccessDenied", "{verb}");
    }
}

#[test]
fn a_federation_token_needs_a_long_term_key_and_a_name_and_no_policy() {
    let (mut world, key, [role, _]) = chain();
    assert_eq!(call(&mut world, "GetFederationToken", &key, &[("Name", "bob")]), "ok");
    for bad in ["", "b", "b b", &"b".repeat(33)] {
        assert_eq!(call(&mut world, "GetFederationToken", &key, &[("Name", bad)]), "ValidationError", "{bad}");
    }
    for seconds in ["899", "129601", "x"] {
        let asked = [("Name", "bob"), ("DurationSeconds", seconds)];
        assert_eq!(call(&mut world, "GetFederationToken", &key, &asked), "ValidationError", "{seconds}");
    }
    let user = world.user_session("arn:aws:iam::111122223333:user/alice", true, 3_600).access_key_id;
    let role = world.saml_session(&role, "s", 3_600).access_key_id;
    for session in [user, role] {
        let refused = perform(&mut world, "GetFederationToken", &session, &[("Name", "bob")]).map_err(|it| it.message);
        assert_eq!(refused, Err("Cannot call GetFederationToken with session credentials".to_owned()));
    }
}

#[test]
fn a_federation_token_of_root_lasts_an_hour_at_most() {
    let mut world = World::new();
    let key = world.root_key(ACCOUNT).access_key_id;
    assert_eq!(call(&mut world, "GetFederationToken", &key, &[("Name", "bob")]), "ok");
    let left = session_of(&world, &key).credentials.expires_at - world.now();
    assert!((3_590..=3_600).contains(&left), "{left}");
}

#[test]
fn a_role_session_remembers_its_policies_and_tags() {
    let (mut world, key, [role, _]) = chain();
    let asked = [
        ("RoleArn", role.as_str()),
        ("RoleSessionName", "alice"),
        ("Policy", POLICY),
        ("PolicyArns.member.1.arn", READ_ONLY),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "red"),
        ("TransitiveTagKeys.member.1", "team"),
    ];
    assert_eq!(call(&mut world, "AssumeRole", &key, &asked), "ok");
    let facts = facts_of(&world, &key);
    assert_eq!(facts.policy.as_deref(), Some(POLICY));
    assert_eq!(facts.policy_arns, [READ_ONLY]);
    assert_eq!(facts.tags["team"], "red");
    assert!(facts.transitive.contains("team"));
}

#[test]
fn a_source_identity_stays_for_the_whole_chain() {
    let (mut world, key, [first, second]) = chain();
    let asked = [("RoleArn", first.as_str()), ("RoleSessionName", "one"), ("SourceIdentity", "alice")];
    assert_eq!(call(&mut world, "AssumeRole", &key, &asked), "ok");
    let middle = session_of(&world, &key).credentials.access_key_id;
    let below = |identity| [("RoleArn", second.as_str()), ("RoleSessionName", "two"), ("SourceIdentity", identity)];
    assert_eq!(call(&mut world, "AssumeRole", &middle, &below("mallory")), "AccessDenied");
    assert_eq!(call(&mut world, "AssumeRole", &middle, &below("a")), "ValidationError");
    assert_eq!(call(&mut world, "AssumeRole", &middle, &below("alice")[..2]), "ok");
    assert_eq!(facts_of(&world, &middle).source_identity.as_deref(), Some("alice"));
}

#[test]
fn policies_of_another_account_than_the_roles_are_refused() {
    let (mut world, key, _) = chain();
    let role = world.role(Role::new("444455556666", "Other").trust(ACCOUNT));
    for (account, wanted) in [("444455556666", "ok"), (ACCOUNT, "ValidationError")] {
        let arn = format!("arn:aws:iam::{account}:policy/p");
        let asked =
            [("RoleArn", role.as_str()), ("RoleSessionName", "alice"), ("PolicyArns.member.1.arn", arn.as_str())];
        assert_eq!(call(&mut world, "AssumeRole", &key, &asked), wanted, "{account}");
    }
}
