//! Protected accounts: what is obtained for one lasts no longer than its lease.

use super::*;

const LEASE: u32 = 900;

fn leased() -> Request {
    asking(|request| request.lease = Some(LEASE))
}

fn alone(held: Vec<Held>) -> Route {
    route(vec![user(Some(ALICE), held)], SessionRule::WheneverSerialKnown)
}

fn chain(duration: Option<u32>) -> Route {
    route(
        vec![user(Some(ALICE), vec![key()]), role("first", None, Some(3_000)), role("second", None, duration)],
        SessionRule::WheneverSerialKnown,
    )
}

#[test]
fn the_target_alone_is_cut_to_the_lease() {
    assert_eq!(calls(&chain(None), &leased()), ["session+mfa 8h", "role first 50m", "role second 15m"]);
    assert_eq!(calls(&chain(Some(7_200)), &leased())[2], "role second 15m");
    assert_eq!(plan(&chain(Some(7_200)), &leased(), NOW).expect("a plan").warnings, Vec::<String>::new());
    assert_eq!(calls(&alone(vec![key()]), &leased()), ["session+mfa 15m"]);
    let longer = asking(|request| request.lease = Some(7_200));
    assert_eq!(calls(&chain(Some(1_800)), &longer)[2], "role second 30m", "a shorter one stays as it is");
    assert_eq!(calls(&chain(None), &longer)[2], "role second 1h");
    let direct =
        route(vec![user(Some(ALICE), vec![key()]), role("A", None, Some(14_400))], SessionRule::OnlySameSerial);
    assert_eq!(calls(&direct, &longer), ["role A 2h"]);
    assert_eq!(calls(&direct, &leased()), ["role A 15m"]);
}

#[test]
fn what_was_obtained_for_longer_is_another_credential() {
    for route in [chain(None), alone(vec![key()])] {
        let last = |request: &Request| plan(&route, request, NOW).expect("a plan").calls.pop().expect("a call").hash;
        assert_ne!(last(&leased()), last(&Request::default()));
        let asked = asking(|request| request.duration = Some(LEASE));
        assert_eq!(last(&leased()), last(&asked), "it is what was asked for with that duration");
    }
}

#[test]
fn an_import_is_used_only_where_nothing_shorter_can_be_had() {
    let import = || held(CredentialKind::Imported, Some(NOW + 3_000));
    let with_import = |parent: Vec<Held>| {
        let target = Node { held: vec![import()], ..role("A", None, None) };
        route(vec![user(None, parent), target], SessionRule::WheneverSerialKnown)
    };
    assert_eq!(calls(&with_import(vec![key()]), &Request::default()), Vec::<String>::new());
    assert_eq!(calls(&with_import(vec![key()]), &leased()), ["role A 15m"]);
    assert_eq!(calls(&with_import(vec![]), &leased()), Vec::<String>::new());
    assert_eq!(calls(&alone(vec![import()]), &leased()), Vec::<String>::new());
}

#[test]
fn more_than_the_lease_and_a_key_without_an_end_are_refused() {
    let refused = |route: &Route, request: &Request| plan(route, request, NOW).expect_err("no plan");
    let asks = asking(|request| (request.lease, request.duration) = (Some(LEASE), Some(901)));
    assert!(matches!(refused(&chain(None), &asks), NoPlan::OverLease { asked: 901, lease: 900, .. }));
    let itself = asking(|request| (request.lease, request.no_session) = (Some(LEASE), true));
    assert!(matches!(refused(&alone(vec![key()]), &itself), NoPlan::EndlessKey { .. }));
    assert_eq!(calls(&chain(None), &itself).last().map(String::as_str), Some("role second 15m"));
    let named = Request { as_it_is: true, ..itself };
    assert_eq!(calls(&alone(vec![key()]), &named), Vec::<String>::new());
}
