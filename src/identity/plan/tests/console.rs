//! What signing in to the console changes: users are federated, and a long session wants the key itself.

use super::*;

fn console(change: impl FnOnce(&mut Request)) -> Request {
    let mut request = Request { for_console: true, ..Request::default() };
    change(&mut request);
    request
}

fn long() -> Request {
    console(|request| request.duration = Some(8 * 3600))
}

fn alone(held: Held) -> Route {
    route(vec![user(Some(ALICE), vec![held])], SessionRule::WheneverSerialKnown)
}

fn to_admin(held: Vec<Held>) -> Route {
    route(vec![user(Some(ALICE), held), role("Admin", None, None)], SessionRule::WheneverSerialKnown)
}

fn is_straight(route: &Route, request: &Request) -> bool {
    plan(route, request, NOW).expect("a plan").straight
}

#[test]
fn a_user_with_a_key_is_federated_without_a_code_and_allowed_everything_that_the_user_is() {
    let route = alone(key());
    assert_eq!(calls(&route, &console(|_| ())), ["federated alice 1h"]);
    assert_eq!(calls(&route, &console(|request| request.no_session = true)), ["federated alice 1h"]);
    assert_eq!(calls(&route, &long()), ["federated alice 8h"]);
    let plan = plan(&route, &console(|_| ()), NOW).unwrap();
    let Some(Call::GetFederationToken(call)) = &plan.calls[0].call else { panic!("a federation") };
    assert!(call.restriction.policy.as_deref().is_some_and(|policy| policy.contains(r#""Action":"*""#)));
    assert!(call.restriction.policy_arns.is_empty() && !plan.straight);
    let restricted = console(|request| request.policy = crate::identity::session_policy::SessionPolicy::read_only());
    let plan = super::plan(&route, &restricted, NOW).unwrap();
    let Some(Call::GetFederationToken(call)) = &plan.calls[0].call else { panic!("a federation") };
    assert_eq!((call.restriction.policy.as_deref(), call.restriction.policy_arns.len()), (None, 1));
}

#[test]
fn a_session_that_is_all_there_is_answers_as_it_is_whatever_length_is_asked_for() {
    let route = alone(held(CredentialKind::Imported, Some(NOW + 3_000)));
    for request in [console(|_| ()), long()] {
        assert_eq!(calls(&route, &request), Vec::<String>::new());
    }
}

#[test]
fn a_long_session_of_a_role_is_made_by_the_key_itself_and_asked_of_nobody_else() {
    let with_key = to_admin(vec![key()]);
    assert_eq!(calls(&with_key, &console(|_| ())), ["session+mfa 8h", "role Admin 1h"]);
    assert_eq!(calls(&with_key, &long()), ["role Admin+mfa 1h"], "the role's own limit is not met");
    assert!(is_straight(&with_key, &long()) && !is_straight(&with_key, &console(|_| ())));
    let hour = console(|request| request.duration = Some(3600));
    assert!(!is_straight(&with_key, &hour));
    // An import beside the key does not sign it: what it makes is a chained session.
    let beside = to_admin(vec![held(CredentialKind::Imported, Some(NOW + 3_000)), key()]);
    let start = plan(&beside, &long(), NOW).unwrap().start.expect("a start");
    assert_eq!(start.held.kind, CredentialKind::LongTerm);
    let without = to_admin(vec![held(CredentialKind::Imported, Some(NOW + 3_000))]);
    assert!(!is_straight(&without, &long()));
    let deeper = Route { nodes: [&with_key.nodes[..], &[role("Auditor", None, None)]].concat(), ..with_key.clone() };
    assert!(!is_straight(&deeper, &long()));
    let warnings = plan(&deeper, &long(), NOW).unwrap().warnings;
    assert!(warnings[0].contains("lasts 1h, not 8h"), "{warnings:?}");
}

#[test]
fn what_was_made_from_a_session_does_not_stand_for_what_the_key_made() {
    let hash =
        |request: &Request| plan(&to_admin(vec![key()]), request, NOW).unwrap().calls.pop().expect("a call").hash;
    let plain = asking(|request| request.no_session = true);
    assert_ne!(hash(&long()), hash(&plain));
    let longer = console(|request| request.duration = Some(12 * 3600));
    assert_eq!(hash(&long()), hash(&longer), "the length is a matter of the sign-in");
}

#[test]
fn the_console_has_its_limits_too() {
    let too_long = console(|request| request.duration = Some(43_201));
    assert!(matches!(plan(&to_admin(vec![key()]), &too_long, NOW), Err(NoPlan::Duration { .. })));
    let too_short = console(|request| request.duration = Some(899));
    for route in [to_admin(vec![key()]), alone(key())] {
        assert!(matches!(plan(&route, &too_short, NOW), Err(NoPlan::Duration { .. })));
    }
}
