//! Twists of which most are refused, by multicred, by boto3, or by both.

use super::generate::{Base, Draft};
use super::twists::{ANY, KEY, SIGNED, Twist, WEB, WITH_A_PROFILE};

pub const FAULTS: [Twist; 14] = [
    Twist { bases: ANY, apply: source_in_a_loop },
    Twist { bases: ANY, apply: source_missing },
    Twist { bases: ANY, apply: source_not_named },
    Twist { bases: WITH_A_PROFILE, apply: two_sources },
    Twist { bases: ANY, apply: nobody },
    Twist { bases: &[Base::Environment], apply: keys_not_in_the_environment },
    Twist { bases: SIGNED, apply: duration_of_no_use },
    Twist { bases: WEB, apply: duration_of_no_use },
    Twist { bases: ANY, apply: duration_of_no_use },
    Twist { bases: WEB, apply: web_identity_and_a_source },
    Twist { bases: ANY, apply: include_in_a_loop },
    Twist { bases: ANY, apply: two_includes },
    Twist { bases: SIGNED, apply: tags_or_identity_of_no_use },
    Twist { bases: KEY, apply: tags_or_identity_of_no_use },
];

fn first_role(draft: &mut Draft) -> String {
    draft.roles().into_iter().next().unwrap_or_else(|| draft.target.clone())
}

fn source_in_a_loop(draft: &mut Draft) {
    let (first, target) = (first_role(draft), draft.target.clone());
    draft.files.at(&first).set("source_profile", &target).key = None;
}

fn source_missing(draft: &mut Draft) {
    let first = first_role(draft);
    draft.files.at(&first).set("source_profile", "nowhere");
}

fn source_not_named(draft: &mut Draft) {
    let first = first_role(draft);
    let profile = draft.files.at(&first);
    for key in ["source_profile", "credential_source", "web_identity_token_file", "credential_process"] {
        profile.take(key);
    }
    profile.key = None;
}

fn two_sources(draft: &mut Draft) {
    if matches!(draft.base, Base::Key | Base::Process) && !draft.roles().is_empty() {
        let first = first_role(draft);
        draft.files.at(&first).set("credential_source", "Environment");
    }
}

fn nobody(draft: &mut Draft) {
    let name = draft.name();
    if draft.random.percent(50) {
        draft.files.at(&name).set("region", "eu-west-1");
    }
    draft.target = name;
}

fn keys_not_in_the_environment(draft: &mut Draft) {
    draft.environment.clear();
}

fn duration_of_no_use(draft: &mut Draft) {
    let Some(name) = draft.roles().into_iter().next() else { return };
    let duration = draft.random.pick(&["1h", "soon", "3600.0", "899", "43201", ""]);
    draft.files.at(&name).set("duration_seconds", duration);
}

fn web_identity_and_a_source(draft: &mut Draft) {
    if draft.base == Base::WebIdentity {
        let (first, source, key) = (first_role(draft), draft.name(), draft.another_key());
        draft.files.at(&source).key = Some(key);
        draft.files.at(&first).set("source_profile", &source);
    }
}

fn include_in_a_loop(draft: &mut Draft) {
    let (target, other) = (draft.target.clone(), draft.name());
    draft.files.at(&target).set("include_profile", &other);
    draft.files.at(&other).set("include_profile", &target);
}

fn two_includes(draft: &mut Draft) {
    let (target, one, other) = (draft.target.clone(), draft.name(), draft.name());
    draft.files.at(&target).set("include_profile", &one).set("parent_profile", &other);
    draft.files.at(&one).set("region", "eu-west-1");
    draft.files.at(&other).set("region", "eu-west-2");
}

/// One identity is behind a whole chain, a tag has a key and a value, and one that is passed on keeps its value.
fn tags_or_identity_of_no_use(draft: &mut Draft) {
    let roles = draft.roles();
    let (Some(first), Some(last)) = (roles.first(), roles.last()) else { return };
    match draft.random.below(3) {
        0 if roles.len() > 1 => {
            draft.files.at(first).set("source_identity", "alice");
            draft.files.at(last).set("source_identity", "bob");
        }
        1 if roles.len() > 1 => {
            draft.files.at(first).set("session_tags", "team=quay").set("transitive_session_tags", "team");
            draft.files.at(last).set("session_tags", "team=other");
        }
        _ => {
            let tags = draft.random.pick(&["a=b,", "a=b,c"]);
            draft.files.at(last).set("session_tags", tags);
        }
    }
}
