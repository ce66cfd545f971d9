//! What makes a case unusual: each twist changes a draft, or leaves it where it does not fit.

use super::faults;
use super::generate::{Base, Draft};
use super::random::Random;

/// What is unusual, and with which bases it can be.
#[derive(Clone, Copy)]
pub struct Twist {
    pub bases: &'static [Base],
    pub apply: fn(&mut Draft),
}

pub const KEY: &[Base] = &[Base::Key];
pub const PROCESS: &[Base] = &[Base::Process];
pub const WEB: &[Base] = &[Base::WebIdentity];
pub const WITH_A_PROFILE: &[Base] = &[Base::Key, Base::Key, Base::Process];
pub const SIGNED: &[Base] = &[Base::Key, Base::Key, Base::Itself, Base::Environment, Base::Process];
pub const ANY: &[Base] =
    &[Base::Key, Base::Key, Base::Key, Base::Itself, Base::Environment, Base::Process, Base::WebIdentity];

const TWISTS: [Twist; 13] = [
    Twist { bases: ANY, apply: default_says_how },
    Twist { bases: KEY, apply: default_says_how },
    Twist { bases: SIGNED, apply: default_names_the_source },
    Twist { bases: ANY, apply: include },
    Twist { bases: ANY, apply: key_of_its_own },
    Twist { bases: PROCESS, apply: process_beside_the_role },
    Twist { bases: KEY, apply: no_role_but_a_source },
    Twist { bases: ANY, apply: another_name },
    Twist { bases: SIGNED, apply: session_tags },
    Twist { bases: KEY, apply: session_tags },
    Twist { bases: SIGNED, apply: source_identity },
    Twist { bases: ANY, apply: comments_behind_values },
    Twist { bases: PROCESS, apply: process_in_a_shell },
];

/// Half of the seeds have none; of the others, each twist and each fault in turn, so that none is left out.
pub fn of(seed: u64, random: &mut Random) -> Vec<Twist> {
    let turn = usize::try_from(seed / 20).expect("a small seed");
    match usize::try_from(seed % 20).expect("a small number") {
        place @ 0..3 => vec![faults::FAULTS[(3 * turn + place) % faults::FAULTS.len()]],
        place @ 3..7 => vec![TWISTS[(4 * turn + place) % TWISTS.len()]],
        7..9 => vec![random.pick(&TWISTS), random.pick(&TWISTS)],
        _ => Vec::new(),
    }
}

fn default_says_how(draft: &mut Draft) {
    let serial = draft.device();
    let said = [
        ("mfa_serial", serial.as_str()),
        ("external_id", "quay-8"),
        ("role_session_name", "by-default"),
        ("duration_seconds", "5400"),
    ];
    for (key, value) in said {
        // A duration of a profile without a role is another matter.
        let fits = key != "duration_seconds" || !draft.chain.iter().any(|name| name == "default");
        if fits && draft.random.percent(40) {
            draft.files.at("default").set(key, value);
        }
    }
}

/// Only a role that names no source of its own is assumed from that of `[default]`.
fn default_names_the_source(draft: &mut Draft) {
    if !matches!(draft.base, Base::Key | Base::Process | Base::Environment) || draft.chain[0] == "default" {
        return;
    }
    let Some(first) = draft.roles().into_iter().next() else { return };
    for key in ["source_profile", "credential_source"] {
        if let Some(source) = draft.files.at(&first).take(key) {
            draft.files.at("default").set(key, &source);
        }
    }
}

/// Some of a profile's settings move into another one, or into two, of which one includes the other.
fn include(draft: &mut Draft) {
    let name = draft.random.pick(&draft.chain);
    if name == "default" || draft.files.of(&name).get("source_profile") == Some(&name) {
        return;
    }
    let [shared, deeper] = [(); 2].map(|()| draft.name());
    for (key, value) in draft.files.of(&name).settings {
        match draft.random.below(4) {
            0 => draft.files.at(&shared).set(key, &value),
            1 => draft.files.at(&deeper).set(key, &value),
            _ => continue,
        };
        draft.files.at(&name).take(key);
    }
    let word = draft.random.pick(&["include_profile", "include_profile", "parent_profile"]);
    draft.files.at(&name).set(word, &shared);
    draft.files.at(&shared).set("include_profile", &deeper).set("region", "eu-north-1");
    draft.files.at(&deeper).set("region", "eu-south-1");
}

/// A profile's own key is its base, whatever source it names.
fn key_of_its_own(draft: &mut Draft) {
    let roles = draft.roles();
    if roles.is_empty() || draft.base == Base::Itself {
        return;
    }
    let name = draft.random.pick(&roles);
    let key = draft.another_key();
    draft.files.at(&name).key = Some(key);
}

fn process_beside_the_role(draft: &mut Draft) {
    let Some(first) = draft.roles().into_iter().next().filter(|_| draft.base == Base::Process) else { return };
    let Some(process) = draft.files.at(&draft.chain[0].clone()).take("credential_process") else { return };
    draft.files.at(&first).set("credential_process", &process).take("source_profile");
}

/// A profile between the key and whoever asked for it, that has nothing but a source and perhaps a device.
fn no_role_but_a_source(draft: &mut Draft) {
    if draft.base != Base::Key {
        return;
    }
    let (key, between) = (draft.chain[0].clone(), draft.name());
    draft.files.at(&between).set("source_profile", &key);
    if draft.random.percent(60) {
        let serial = draft.device();
        draft.files.at(&between).set("mfa_serial", &serial);
    }
    match draft.roles().first() {
        Some(first) => drop(draft.files.at(first).set("source_profile", &between)),
        None => draft.target.clone_from(&between),
    }
    draft.chain.insert(1, between);
}

/// Another name of the target.
fn another_name(draft: &mut Draft) {
    let name = draft.name();
    draft.files.at(&name).set("source_profile", &draft.target);
    draft.target = name;
}

/// A web identity's role takes its tags from the token alone.
fn session_tags(draft: &mut Draft) {
    for name in draft.roles().into_iter().filter(|_| draft.base != Base::WebIdentity) {
        let tags = draft.random.pick(&["team = quay", " team = quay ,  Cost Centre  = 7 ", "team=quay,x="]);
        let passed_on = draft.random.pick(&["team", ",team", "", ","]);
        draft.files.at(&name).set("session_tags", tags).set("transitive_session_tags", passed_on);
    }
}

fn source_identity(draft: &mut Draft) {
    let roles = draft.roles();
    if !roles.is_empty() && draft.base != Base::WebIdentity {
        let of_a_role = draft.random.percent(70);
        let name = if of_a_role { draft.random.pick(&roles) } else { "default".to_owned() };
        draft.files.at(&name).set("source_identity", "alice");
    }
}

fn comments_behind_values(draft: &mut Draft) {
    draft.files.layout.comments_behind = true;
}

fn process_in_a_shell(draft: &mut Draft) {
    let process = draft.chain.iter().find(|name| draft.files.of(name).has("credential_process")).cloned();
    if let Some(name) = process {
        draft.files.at(&name).set("credential_process", "sh \"$HOME/print-key.sh\" | cat");
    }
}
