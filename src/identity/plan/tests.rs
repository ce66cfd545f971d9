//! The decisions as a table: which calls, with which codes, for which facts.

mod console;
mod leased;
mod outside;
mod restricted;
mod tagged;

use super::*;
use crate::identity::route::{Base, CredentialKind, Held, Node, Place, RoleHop, Route, SessionRule};
use crate::identity::{Identity, Kind};

const NOW: i64 = 1_000_000;
const ALICE: &str = "arn:aws:iam::111122223333:mfa/alice";

fn identity(kind: Kind, name: &str) -> Holder {
    Holder::Identity(Identity { partition: "aws".into(), account: "111122223333".into(), kind, name: name.into() })
}

fn key() -> Held {
    held(CredentialKind::LongTerm, None)
}

fn held(kind: CredentialKind, expires_at: Option<i64>) -> Held {
    Held {
        place: Place::Store(1),
        kind,
        access_key_id: "AKIA1".into(),
        request_hash: None,
        created_at: NOW - 1800,
        expires_at,
        expiry_is_guess: false,
        restricted_as: None,
    }
}

fn user(mfa_serial: Option<&str>, held: Vec<Held>) -> Node {
    Node { mfa_serial: mfa_serial.map(str::to_owned), held, ..Node::of(identity(Kind::User, "alice"), "alice") }
}

fn role(name: &str, mfa_serial: Option<&str>, duration: Option<u32>) -> Node {
    Node {
        hop: Some(RoleHop {
            role_arn: format!("arn:aws:iam::111122223333:role/{name}"),
            mfa_serial: mfa_serial.map(str::to_owned),
            duration,
            ..RoleHop::default()
        }),
        ..Node::of(identity(Kind::Role, name), name)
    }
}

fn route(nodes: Vec<Node>, session_rule: SessionRule) -> Route {
    Route { nodes, base: Base::Held, session_rule, region: None, default_session_name: "alice".into() }
}

/// The calls as short words: `session+mfa 8h`, `role Admin+mfa 2h`.
fn calls(route: &Route, request: &Request) -> Vec<String> {
    let plan = plan(route, request, NOW).expect("a plan");
    plan.calls.iter().map(|stage| say(route, stage)).collect()
}

fn say(route: &Route, stage: &Stage) -> String {
    let code = if stage.mfa_serial.is_some() { "+mfa" } else { "" };
    match stage.call.as_ref().expect("a call") {
        Call::GetSessionToken { duration } => format!("session{code} {}", say_duration(i64::from(*duration))),
        Call::AssumeRole(AssumeRole { duration, .. }) => {
            format!("role {}{code} {}", route.nodes[stage.node].shown, say_duration(i64::from(*duration)))
        }
        Call::GetFederationToken(GetFederationToken { name, duration, .. }) => {
            format!("federated {name} {}", say_duration(i64::from(*duration)))
        }
        Call::AssumeRoleWithWebIdentity(call) => format!("web {}", say_duration(i64::from(call.duration))),
        call => call.action().to_owned(),
    }
}

fn asking(change: impl FnOnce(&mut Request)) -> Request {
    let mut request = Request::default();
    change(&mut request);
    request
}

#[test]
fn profiles_are_decided_as_aws_vault_decides_them() {
    use SessionRule::OnlySameSerial as Profiles;
    let jonsmith = || user(Some(ALICE), vec![key()]);
    let plain = Request::default();
    let two_hours = asking(|request| request.duration = Some(7200));
    let no_session = asking(|request| request.no_session = true);
    let chain = |roles: Vec<Node>| {
        let mut nodes = vec![jonsmith()];
        nodes.extend(roles);
        route(nodes, Profiles)
    };
    let readonly = chain(vec![role("readonly", None, None)]);
    let admin = chain(vec![role("admin", Some(ALICE), None)]);
    let role2 = chain(vec![role("role1", Some(ALICE), None), role("role2", Some(ALICE), Some(43_200))]);
    let own_keys = route(vec![user(None, vec![key()]), role("admin", Some(ALICE), None)], Profiles);
    let other_serial = chain(vec![role("admin", Some("GAHT12345678"), None)]);
    for (what, route, request, expected) in [
        ("17", chain(vec![]), &no_session, vec![]),
        ("18", chain(vec![]), &plain, vec!["session+mfa 1h"]),
        ("19", readonly, &plain, vec!["role readonly 1h"]),
        ("20", admin.clone(), &plain, vec!["session+mfa 8h", "role admin 1h"]),
        ("21", admin.clone(), &two_hours, vec!["role admin+mfa 2h"]),
        ("22", role2, &plain, vec!["session+mfa 8h", "role role1 1h", "role role2 1h"]),
        ("23", own_keys, &plain, vec!["role admin+mfa 1h"]),
        ("another device", other_serial, &plain, vec!["role admin+mfa 1h"]),
        ("no session", admin, &no_session, vec!["role admin+mfa 1h"]),
    ] {
        assert_eq!(calls(&route, request), expected, "vector {what}");
    }
}

#[test]
fn links_let_one_code_serve_every_role() {
    use SessionRule::WheneverSerialKnown as Links;
    let plain = Request::default();
    let with = |serial: Option<&str>, hop: Node| route(vec![user(serial, vec![key()]), hop], Links);
    let admin = |serial| role("admin", serial, None);
    assert_eq!(calls(&with(Some(ALICE), admin(Some(ALICE))), &plain), ["session+mfa 8h", "role admin 1h"]);
    assert_eq!(calls(&with(Some(ALICE), admin(None)), &plain), ["session+mfa 8h", "role admin 1h"]);
    assert_eq!(
        calls(&with(None, admin(None)), &plain),
        ["role admin 1h"],
        "without MFA a session would only cost a call"
    );
}

#[test]
fn a_cap_that_bites_is_told_and_one_that_does_not_is_not() {
    let long = role("deep", None, Some(43_200));
    let route = route(
        vec![user(Some(ALICE), vec![key()]), role("first", Some(ALICE), None), long],
        SessionRule::OnlySameSerial,
    );
    let warnings = plan(&route, &Request::default(), NOW).expect("a plan").warnings;
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("deep lasts 1h, not 12h"), "{warnings:?}");
    let short = asking(|request| request.duration = Some(1800));
    assert!(plan(&route, &short, NOW).expect("a plan").warnings.is_empty());
}

#[test]
fn durations_outside_the_limits_of_aws_are_refused() {
    let of_user = route(vec![user(None, vec![key()])], SessionRule::OnlySameSerial);
    let of_role = route(vec![user(None, vec![key()]), role("r", None, None)], SessionRule::OnlySameSerial);
    for (route, asked, good) in [
        (&of_user, 899, false),
        (&of_user, 129_600, true),
        (&of_user, 129_601, false),
        (&of_role, 900, true),
        (&of_role, 43_200, true),
        (&of_role, 43_201, false),
    ] {
        let result = plan(route, &asking(|request| request.duration = Some(asked)), NOW);
        assert_eq!(result.is_ok(), good, "{asked}: {result:?}");
    }
}

/// A route to a linked role whose cached credential has `left` seconds of a life of one hour.
fn cached(left: i64) -> Route {
    let mut route = route(vec![user(None, vec![key()]), role("admin", None, None)], SessionRule::WheneverSerialKnown);
    let hash = plan(&route, &Request::default(), NOW).expect("a plan").calls[0].hash;
    route.nodes[1].held.push(Held {
        request_hash: Some(hash),
        created_at: NOW + left - 3600,
        ..held(CredentialKind::Role, Some(NOW + left))
    });
    route
}

#[test]
fn a_cached_credential_is_used_while_more_than_five_minutes_are_left() {
    let plain = Request::default();
    assert!(calls(&cached(301), &plain).is_empty());
    assert_eq!(calls(&cached(300), &plain), ["role admin 1h"]);
    assert_eq!(calls(&cached(3000), &asking(|request| request.fresh = true)), ["role admin 1h"]);
    assert_eq!(calls(&cached(3000), &asking(|request| request.min_ttl = MinTtl::Asked(3100))), ["role admin 1h"]);
    assert!(calls(&cached(200), &asking(|request| request.min_ttl = MinTtl::Asked(100))).is_empty());
}

#[test]
fn every_part_of_the_request_is_part_of_the_cache_key() {
    let plain = Request::default();
    assert!(calls(&cached(3000), &plain).is_empty());
    for (what, change) in [
        ("role", (|hop| hop.role_arn.push('x')) as fn(&mut RoleHop)),
        ("external id", |hop| hop.external_id = Some("x".into())),
        ("duration", |hop| hop.duration = Some(1800)),
        ("session name", |hop| hop.session_name = Some("bob".into())),
        ("MFA", |hop| hop.mfa_serial = Some(ALICE.into())),
    ] {
        let mut route = cached(3000);
        change(route.nodes[1].hop.as_mut().expect("a hop"));
        assert_eq!(calls(&route, &plain).len(), 1, "an edit of the {what} serves no stale credential");
    }
    let mut other_parent = cached(3000);
    other_parent.nodes[0].holder = identity(Kind::User, "bob");
    assert_eq!(calls(&other_parent, &plain).len(), 1);
}

#[test]
fn a_session_made_for_a_role_serves_the_user_and_the_other_way_round() {
    let alone = route(vec![user(Some(ALICE), vec![key()])], SessionRule::WheneverSerialKnown);
    let with_role =
        route(vec![user(Some(ALICE), vec![key()]), role("admin", Some(ALICE), None)], SessionRule::WheneverSerialKnown);
    let hash = |route: &Route| plan(route, &Request::default(), NOW).expect("a plan").calls[0].hash;
    assert_eq!(hash(&alone), hash(&with_role));
}

#[test]
fn an_import_is_used_to_its_end_and_then_there_is_no_way() {
    let saml = |left, guess| {
        let mut node = role("deployer", None, None);
        node.hop = None;
        node.held = vec![Held { expiry_is_guess: guess, ..held(CredentialKind::Imported, Some(NOW + left)) }];
        route(vec![node], SessionRule::WheneverSerialKnown)
    };
    let planned = |left, guess| plan(&saml(left, guess), &Request::default(), NOW);
    assert_eq!(planned(3000, false).expect("a plan").warnings, Vec::<String>::new());
    assert!(planned(60, false).expect("a plan").warnings[0].contains("expires in 1m and cannot be renewed"));
    assert!(planned(60, false).expect("a plan").dwindling);
    assert!(matches!(planned(0, false), Err(NoPlan::NoCredential { is_role: true, .. })));
    assert!(planned(10, true).expect("a plan").probe().is_none());
    assert!(planned(-10, true).expect("a plan").probe().is_some(), "AWS decides about a guess that has passed");
    let demanding = asking(|request| request.min_ttl = MinTtl::Asked(120));
    assert!(matches!(plan(&saml(60, false), &demanding, NOW), Err(NoPlan::TooShort { .. })));
}

#[test]
fn an_imported_session_never_signs_what_only_a_key_can() {
    let mut both = user(Some(ALICE), vec![held(CredentialKind::Imported, Some(NOW + 3000)), key()]);
    both.held[0].access_key_id = "ASIA1".into();
    let route = route(vec![both, role("admin", Some(ALICE), None)], SessionRule::WheneverSerialKnown);
    let plan = plan(&route, &Request::default(), NOW).expect("a plan");
    assert_eq!(plan.start.expect("a start").held.access_key_id, "AKIA1");
}

#[test]
fn the_nearest_usable_credential_is_where_work_begins() {
    let mut route = route(
        vec![user(None, vec![key()]), role("first", None, None), role("second", None, None)],
        SessionRule::WheneverSerialKnown,
    );
    assert_eq!(calls(&route, &Request::default()), ["role first 1h", "role second 1h"]);
    route.nodes[1].held.push(held(CredentialKind::Imported, Some(NOW + 3000)));
    assert_eq!(calls(&route, &Request::default()), ["role second 1h"]);
}

fn renews(route: &Route, at: i64) -> bool {
    renewal(route, &Request::default(), at).is_some_and(|plan| plan.coded().next().is_none())
}

#[test]
fn renewal_needs_no_prompt_while_the_mfa_session_lasts() {
    let mut route =
        route(vec![user(Some(ALICE), vec![key()]), role("admin", Some(ALICE), None)], SessionRule::WheneverSerialKnown);
    let plain = Request::default();
    assert!(!renews(&route, NOW));
    let hash = plan(&route, &plain, NOW).expect("a plan").calls[0].hash;
    route.nodes[0].held.push(Held { request_hash: Some(hash), ..held(CredentialKind::Session, Some(NOW + 28_800)) });
    assert!(renews(&route, NOW + 3300));
    assert!(!renews(&route, NOW + 28_700), "the session itself is about to end then");
}
