//! How the profiles of the credentials file stand.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::ControlFlow;

use serde_json::{Value, json};

use crate::aws_config::document::{Document, Section, SectionKind};
use crate::aws_config::kept::{self, Kept};
use crate::history::{History, Recorded};

/// What `refresh` writes into the history of each section.
pub const REFRESHED: &str = "refresh";
/// What `setup` does.
pub const SET_UP: &str = "setup";
/// That nothing went wrong.
pub const OK: &str = "ok";

/// How a profile stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileState {
    /// Its name.
    pub profile: String,
    /// In one word.
    pub state: State,
    /// The access key id that stands there.
    pub access_key_id: Option<String>,
    /// When that ends, epoch seconds UTC, where the file says so.
    pub expires_at: Option<i64>,
    /// For whom it is kept; `None` where it is the person's own.
    pub kept_for: Option<String>,
    /// What is wrong.
    pub reason: Option<String>,
}

/// The word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its credential is alive.
    Fresh,
    /// It has ended.
    Expired,
    /// The last refresh failed, or it cannot be read.
    Failed,
    /// Nobody says when it ends: a long-lived key, or a temporary one without an expiry beside it.
    NoExpiry,
    /// multicred is asked each time.
    OnDemand,
}

impl State {
    /// As it is printed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::NoExpiry => "no expiry",
            Self::OnDemand => "on demand",
        }
    }
}

impl ProfileState {
    /// As JSON.
    pub fn json(&self) -> Value {
        json!({
            "profile": self.profile,
            "state": self.state.word(),
            "access_key_id": self.access_key_id,
            "expires_at": self.expires_at,
            "kept_for": self.kept_for,
            "reason": self.reason,
        })
    }

    fn of(section: &Section<'_>, now: i64) -> Option<Self> {
        let kept = kept::kept(section);
        let (is_command, kept_for) = (kept.as_ref().is_some_and(Kept::is_command), kept.map(|kept| kept.who));
        let profile = section.name().to_owned();
        let (state, access_key_id, expires_at, reason) = match kept::credential(section) {
            None if is_command => (State::OnDemand, None, None, None),
            None => return None,
            Some(Err(fault)) => (State::Failed, None, None, Some(fault.reason.to_string())),
            Some(Ok(found)) if kept::is_changed(section) && found.session_token.is_some() => {
                (State::Failed, Some(found.access_key_id), found.expires_at, Some(kept::CHANGED.to_owned()))
            }
            Some(Ok(found)) => {
                let state = match found.expires_at {
                    None => State::NoExpiry,
                    Some(end) if end <= now => State::Expired,
                    Some(_) => State::Fresh,
                };
                (state, Some(found.access_key_id), found.expires_at, None)
            }
        };
        Some(Self { profile, state, access_key_id, expires_at, kept_for, reason })
    }

    /// What a refresh would renew.
    fn is_refreshed(&self) -> bool {
        self.kept_for.is_some() && self.state != State::OnDemand
    }
}

/// How every profile of a credentials file stands that has a credential; `history` knows for which the last attempt to
/// write one there failed.
///
/// # Errors
/// The history cannot be read.
pub fn states(file: &str, credentials: &str, history: &History, now: i64) -> io::Result<Vec<ProfileState>> {
    let document = Document::parse(credentials);
    let sections = document.sections().filter(|section| section.kind() == SectionKind::Plain);
    let mut states: Vec<ProfileState> = sections.filter_map(|section| ProfileState::of(&section, now)).collect();
    let refreshed = states.iter().filter(|state| state.is_refreshed()).map(|state| state.profile.as_str()).collect();
    let failed = failures(history, file, refreshed)?;
    for state in &mut states {
        if let Some(reason) = failed.get(&state.profile) {
            (state.state, state.reason) = (State::Failed, Some(reason.clone()));
        }
    }
    Ok(states)
}

/// Those of these profiles of a file whose last refresh failed, with why.
fn failures(history: &History, file: &str, of: BTreeSet<&str>) -> io::Result<BTreeMap<String, String>> {
    let (mut open, mut failed) = (of, BTreeMap::new());
    let Some(past) = history.past()?.filter(|_| !open.is_empty()) else { return Ok(failed) };
    past.backwards(|_, line| {
        let is_of_file = |event: &Recorded| event.detail.as_deref() == Some(file);
        if let Some(event) = Recorded::read(line).filter(|event| [REFRESHED, SET_UP].contains(&&*event.what))
            && is_of_file(&event)
            && open.remove(event.identity.as_str())
            && event.outcome != OK
        {
            failed.insert(event.identity, event.outcome);
        }
        if open.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(failed)
}
