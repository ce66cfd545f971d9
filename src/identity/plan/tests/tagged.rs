//! What profiles say of tags and of who is behind a session.

use super::*;
use crate::identity::session_tags::SessionTags;

fn tags(text: &str) -> SessionTags {
    SessionTags::of_setting(text).expect("tags")
}

fn tagged(name: &str, of_it: &str, transitive: &[&str]) -> Node {
    let mut node = role(name, None, None);
    let hop = node.hop.as_mut().expect("a hop");
    hop.tags = tags(of_it);
    hop.transitive_tags = transitive.iter().map(|key| (*key).to_owned()).collect();
    node
}

fn chain(roles: Vec<Node>) -> Route {
    let mut nodes = vec![user(None, vec![key()])];
    nodes.extend(roles);
    route(nodes, SessionRule::OnlySameSerial)
}

fn roles(route: &Route, request: &Request) -> Vec<AssumeRole> {
    let plan = plan(route, request, NOW).expect("a plan");
    plan.calls
        .into_iter()
        .filter_map(|stage| match stage.call {
            Some(Call::AssumeRole(call)) => Some(call),
            _ => None,
        })
        .collect()
}

#[test]
fn each_role_sends_its_own_tags_and_none_that_is_passed_on_already() {
    let route = chain(vec![
        tagged("first", "team=a,step=1", &["team"]),
        tagged("second", "TEAM=a,step=2", &["Team", "step"]),
        tagged("third", "own=x", &[]),
    ]);
    let sent: Vec<(String, Vec<String>)> = roles(&route, &Request::default())
        .iter()
        .map(|call| {
            let tags = call.tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",");
            (tags, call.transitive_tags.clone())
        })
        .collect();
    let transitive = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        sent,
        [
            ("step=1,team=a".to_owned(), transitive(&["team"])),
            ("step=2".to_owned(), transitive(&["step"])),
            ("own=x".to_owned(), transitive(&[])),
        ]
    );
    let other = chain(vec![tagged("first", "team=a", &["team"]), tagged("second", "team=b", &[])]);
    assert!(matches!(plan(&other, &Request::default(), NOW), Err(NoPlan::InheritedTag { .. })));
    let stray = chain(vec![tagged("first", "team=a", &["step"])]);
    let warned = plan(&stray, &Request::default(), NOW).expect("a plan").warnings;
    assert!(warned[0].contains("passes the tag step on and does not have it"), "{warned:?}");
}

#[test]
fn the_tags_that_are_asked_for_stand_in_place_of_the_targets_own() {
    let route = chain(vec![tagged("first", "step=1", &[]), tagged("second", "step=2", &[])]);
    let calls = roles(&route, &asking(|request| request.tags = tags("asked=yes")));
    assert_eq!(calls[0].tags, tags("step=1"));
    assert_eq!(calls[1].tags, tags("asked=yes"));
}

#[test]
fn a_source_identity_is_set_on_the_first_role_whoever_names_it() {
    let mut route = chain(vec![role("first", None, None), role("second", None, None)]);
    route.nodes[2].hop.as_mut().expect("a hop").source_identity = Some("ann".into());
    let named = |route: &Route, request: &Request| {
        roles(route, request).into_iter().map(|call| call.source_identity).collect::<Vec<_>>()
    };
    assert_eq!(named(&route, &Request::default()), [Some("ann".to_owned()), None]);
    let bob = asking(|request| request.source_identity = Some("bob".into()));
    assert_eq!(named(&route, &bob), [Some("bob".to_owned()), None]);
}

#[test]
fn what_a_tag_is_and_whether_it_goes_on_is_part_of_the_cache_key() {
    let hash = |first: Node| {
        let route = chain(vec![first, role("second", None, None)]);
        plan(&route, &Request::default(), NOW).expect("a plan").calls.iter().map(|stage| stage.hash).collect::<Vec<_>>()
    };
    let (plain, tagged_only, passed) =
        (hash(role("first", None, None)), hash(tagged("first", "a=b", &[])), hash(tagged("first", "a=b", &["a"])));
    assert_ne!(plain[0], tagged_only[0]);
    assert_ne!(tagged_only[0], passed[0]);
    assert_eq!(plain[1], tagged_only[1]);
    assert_ne!(tagged_only[1], passed[1], "the session below carries it");
}

#[test]
fn an_import_stands_for_no_session_that_carries_tags_or_a_source_identity_from_elsewhere() {
    let import = || held(CredentialKind::Imported, Some(NOW + 3000));
    let with_import = |mut route: Route, node: usize| {
        route.nodes[node].held.push(import());
        route
    };
    let starts = |route: &Route| {
        let plan = plan(route, &Request::default(), NOW).expect("a plan");
        plan.start.expect("a start").node
    };
    let plain = || chain(vec![tagged("first", "", &[]), tagged("second", "own=x", &[])]);
    assert_eq!(
        [starts(&with_import(plain(), 1)), starts(&with_import(plain(), 2))],
        [1, 2],
        "its own tags are its own"
    );
    let passed_on = || chain(vec![tagged("first", "team=a", &["team"]), tagged("second", "", &[])]);
    assert_eq!([starts(&with_import(passed_on(), 1)), starts(&with_import(passed_on(), 2))], [0, 0]);
    let named = |node: usize| {
        let mut route = plain();
        route.nodes[node].hop.as_mut().expect("a hop").source_identity = Some("alice".into());
        route
    };
    for (with, at) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
        assert_eq!(starts(&with_import(named(with), at)), 0, "{with} {at}");
    }
    let mut by_variable = with_import(plain(), 2);
    by_variable.nodes[2].hop.as_mut().expect("a hop").by_variable = true;
    assert_eq!(starts(&by_variable), 0);
}
