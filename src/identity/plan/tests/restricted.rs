//! Session policies, tags, source identities, and the thresholds of programs.

use super::*;
use crate::identity::session_policy::SessionPolicy;
use crate::identity::session_tags::SessionTags;

fn read_only() -> Request {
    asking(|request| request.policy = SessionPolicy::read_only())
}

fn chain() -> Route {
    route(
        vec![user(Some(ALICE), vec![key()]), role("first", None, None), role("second", None, None)],
        SessionRule::WheneverSerialKnown,
    )
}

fn roles(route: &Route, request: &Request) -> Vec<AssumeRole> {
    let calls = plan(route, request, NOW).expect("a plan").calls;
    calls
        .into_iter()
        .filter_map(|stage| if let Some(Call::AssumeRole(call)) = stage.call { Some(call) } else { None })
        .collect()
}

#[test]
fn a_policy_and_tags_go_with_the_target_alone_and_a_source_identity_with_the_first_role() {
    let request = asking(|request| {
        request.policy = SessionPolicy::read_only();
        request.tags = SessionTags::read(&["team=quay"]).expect("a tag");
        request.source_identity = Some("ann".into());
    });
    let [first, second] = &roles(&chain(), &request)[..] else { panic!("two roles") };
    assert_eq!((first.source_identity.as_deref(), second.source_identity.as_deref()), (Some("ann"), None));
    assert!(first.tags.is_empty() && first.restriction == Restriction::default());
    assert_eq!(second.restriction.policy_arns, ["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
    assert_eq!(second.tags.iter().collect::<Vec<_>>(), [("team", "quay")]);
}

#[test]
fn a_restricted_user_is_a_federated_one_made_by_the_long_term_key() {
    let alone = route(vec![user(Some(ALICE), vec![key()])], SessionRule::WheneverSerialKnown);
    assert_eq!(calls(&alone, &read_only()), ["federated alice 1h"]);
    let call = plan(&alone, &read_only(), NOW).expect("a plan").calls[0].call.clone().expect("a call");
    assert_eq!(call.restricted_as().as_deref(), Some("alice"));
    let of_role =
        |request: &Request| plan(&chain(), request, NOW).expect("a plan").calls[2].call.clone().expect("a call");
    assert_eq!(of_role(&read_only()).restricted_as().as_deref(), Some(""), "a restricted role is still the role");
    assert_eq!(of_role(&Request::default()).restricted_as(), None);
}

#[test]
fn what_no_call_can_restrict_is_refused() {
    let import = |kind| {
        let holder = identity(kind, "x");
        let held = vec![held(CredentialKind::Imported, Some(NOW + 3000))];
        route(vec![Node { holder, held, ..user(None, vec![]) }], SessionRule::WheneverSerialKnown)
    };
    let alone = route(vec![user(None, vec![key()])], SessionRule::WheneverSerialKnown);
    for (what, route, request) in [
        ("an imported role", import(Kind::Role), read_only()),
        ("an imported session", import(Kind::User), read_only()),
        ("a federated user", import(Kind::Federated), read_only()),
        ("the key itself", alone.clone(), Request { no_session: true, ..read_only() }),
    ] {
        assert!(matches!(plan(&route, &request, NOW), Err(NoPlan::NotRestrictable { .. })), "{what}");
    }
    let tags = asking(|request| request.tags = SessionTags::read(&["a=b"]).expect("a tag"));
    let source = asking(|request| request.source_identity = Some("ann".into()));
    for request in [tags, source] {
        assert!(matches!(plan(&alone, &request, NOW), Err(NoPlan::OnlyRoles { .. })));
    }
    let long = Request { session_name: Some("x".repeat(33)), ..read_only() };
    assert!(matches!(plan(&alone, &long, NOW), Err(NoPlan::FederatedName { .. })));
}

#[test]
fn every_part_of_a_restriction_is_part_of_the_cache_key() {
    let plain = Request::default();
    assert!(calls(&cached(3000), &plain).is_empty());
    let tags = |pairs: &[&str]| SessionTags::read(pairs).expect("tags");
    let policy = |arns: &[&str], document| {
        SessionPolicy::new(&arns.iter().map(|arn| (*arn).to_owned()).collect::<Vec<_>>(), document).expect("a policy")
    };
    let arn = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess";
    let requests = [
        plain,
        read_only(),
        Request { policy: policy(&[arn], None), ..Request::default() },
        Request { policy: policy(&[], Some("{}")), ..Request::default() },
        Request { policy: policy(&[arn], Some("{}")), ..Request::default() },
        Request { tags: tags(&["a=b"]), ..Request::default() },
        Request { tags: tags(&["a=b", "c=d"]), ..Request::default() },
        Request { tags: tags(&["a=bc"]), ..Request::default() },
        Request { source_identity: Some("ann".into()), ..Request::default() },
    ];
    let route = route(vec![user(None, vec![key()]), role("admin", None, None)], SessionRule::WheneverSerialKnown);
    let hash = |route: &Route, request: &Request| plan(route, request, NOW).expect("a plan").calls[0].hash.0;
    let mut hashes: Vec<_> = requests.iter().map(|request| hash(&route, request)).collect();
    let mut elsewhere = route.clone();
    elsewhere.nodes[1].endpoint = Some("http://127.0.0.1:1".into());
    hashes.push(hash(&elsewhere, &Request::default()));
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), requests.len() + 1);
}

#[test]
fn a_source_identity_reaches_every_role_below_the_first() {
    let hash = |request: &Request| plan(&chain(), request, NOW).expect("a plan").calls.last().expect("a call").hash;
    assert_ne!(hash(&Request::default()), hash(&asking(|request| request.source_identity = Some("ann".into()))));
}

#[test]
fn programs_get_credentials_that_outlive_the_sdks_own_threshold() {
    let program = asking(|request| request.min_ttl = MinTtl::Program);
    assert!(calls(&cached(961), &program).is_empty());
    assert_eq!(calls(&cached(960), &program), ["role admin 1h"]);
    assert_eq!(MinTtl::Program.seconds(900), 450, "of a short life, the half");
}

#[test]
fn what_only_signs_the_next_call_need_not_live_as_long_as_the_answer() {
    let mut route = chain();
    let hash = plan(&route, &Request::default(), NOW).expect("a plan").calls[0].hash;
    let session = held(CredentialKind::Session, Some(NOW + 600));
    route.nodes[0].held.push(Held { request_hash: Some(hash), ..session });
    for min_ttl in [MinTtl::Program, MinTtl::Asked(3000)] {
        let request = Request { min_ttl, ..Request::default() };
        assert_eq!(calls(&route, &request), ["role first 1h", "role second 1h"], "{min_ttl:?} asks for no new code");
    }
}

#[test]
fn a_frugal_plan_takes_whatever_is_still_of_use() {
    let program = asking(|request| request.min_ttl = MinTtl::Program);
    assert!(frugal_plan(&cached(61), &program, NOW).expect("a plan").calls.is_empty());
    assert_eq!(frugal_plan(&cached(60), &program, NOW).expect("a plan").calls.len(), 1, "a last minute is of no use");
}
