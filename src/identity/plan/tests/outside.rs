//! Credentials that come from outside: a program, the machine, a web identity.

use super::*;
use crate::identity::route::{Metadata, Script, TokenSource};

fn script() -> Script {
    Script { command: "print-it".into(), place: "credential_process (config:1)".into() }
}

fn outside(base: Base, roles: Vec<Node>) -> Route {
    let mut nodes = vec![Node::of(Holder::Outside("it".into()), "base")];
    nodes.extend(roles);
    Route { base, ..route(nodes, SessionRule::OnlySameSerial) }
}

fn web() -> Route {
    let hop = role("web", None, Some(7200)).hop.expect("a hop");
    let token = TokenSource::File { path: "/token".into(), place: "web_identity_token_file (config:1)".into() };
    let node = Node { hop: None, ..role("web", None, None) };
    Route { base: Base::WebIdentity { role: hop, token }, ..route(vec![node], SessionRule::OnlySameSerial) }
}

#[test]
fn what_comes_from_outside_needs_nothing_held_and_signs_the_roles_behind_it() {
    let admin = || vec![role("admin", Some(ALICE), Some(43_200))];
    let mut chained = web();
    chained.nodes.extend(admin());
    for (what, route, expected) in [
        ("a program", outside(Base::Process(script()), vec![]), vec!["credential_process"]),
        // What it prints may be a user's key: neither its code nor its time is taken from it.
        ("a role from it", outside(Base::Process(script()), admin()), vec!["credential_process", "role admin+mfa 12h"]),
        (
            "the machine's role",
            outside(Base::Metadata { source: Metadata::Ec2Instance, place: "here".into() }, admin()),
            vec!["Ec2InstanceMetadata", "role admin 1h"],
        ),
        ("a web identity", web(), vec!["web 2h"]),
        ("a role from it", chained, vec!["web 2h", "role admin 1h"]),
    ] {
        assert_eq!(calls(&route, &Request::default()), expected, "{what}");
        assert!(plan(&route, &Request::default(), NOW).expect("a plan").start.is_none());
    }
}

#[test]
fn what_a_program_printed_is_used_until_it_is_about_to_end() {
    let mut route = outside(Base::Process(script()), vec![role("admin", None, None)]);
    let hash = plan(&route, &Request::default(), NOW).expect("a plan").calls[0].hash;
    let printed = |left| Held { request_hash: Some(hash), ..held(CredentialKind::Session, Some(NOW + left)) };
    route.nodes[0].held = vec![printed(3000)];
    assert_eq!(calls(&route, &Request::default()), ["role admin 1h"]);
    let since = |hours: i64| Held { created_at: NOW - hours * 3600, ..printed(1_000_000_000) };
    route.nodes[0].held = vec![since(35)];
    assert_eq!(calls(&route, &Request::default()), ["role admin 1h"]);
    route.nodes[0].held = vec![since(37)];
    assert_eq!(calls(&route, &Request::default()), ["credential_process", "role admin 1h"], "no end is so far away");
    route.nodes[0].held = vec![printed(20)];
    assert_eq!(calls(&route, &Request::default()), ["credential_process", "role admin 1h"]);
    assert!(renews(&route, NOW + 3000), "a program is no prompt");
}

#[test]
fn nothing_is_asked_of_what_is_outside_that_it_could_not_heed() {
    let program = outside(Base::Process(script()), vec![]);
    for request in [
        asking(|request| request.duration = Some(3600)),
        asking(|request| request.session_name = Some("ann".into())),
        asking(|request| request.source_identity = Some("ann".into())),
        asking(|request| request.tags = crate::identity::session_tags::SessionTags::read(&["a=b"]).expect("tags")),
    ] {
        assert!(matches!(plan(&program, &request, NOW), Err(NoPlan::OnlyRoles { .. })), "{request:?}");
    }
    assert_eq!(calls(&web(), &asking(|request| request.duration = Some(900))), ["web 15m"]);
    let tagged =
        asking(|request| request.tags = crate::identity::session_tags::SessionTags::read(&["a=b"]).expect("tags"));
    assert!(matches!(plan(&web(), &tagged, NOW), Err(NoPlan::OnlyToken { .. })), "the token has them");
}

#[test]
fn a_program_that_prints_codes_makes_a_prompt_needless() {
    let mut route =
        route(vec![user(Some(ALICE), vec![key()]), role("admin", Some(ALICE), None)], SessionRule::OnlySameSerial);
    let of_plan = |route: &Route| plan(route, &Request::default(), NOW).expect("a plan").calls[0].mfa_script.clone();
    assert_eq!(of_plan(&route), None);
    route.nodes[1].mfa_script = Some(Script { command: "theirs".into(), place: "above".into() });
    assert_eq!(of_plan(&route).map(|script| script.command).as_deref(), Some("theirs"));
    route.nodes[0].mfa_script = Some(Script { command: "own".into(), place: "here".into() });
    assert_eq!(of_plan(&route).map(|script| script.command).as_deref(), Some("own"), "the nearest counts");
}
