//! How somebody stands: what it would take to be them. Nobody is asked.

use crate::identity::plan::{self, NoPlan, Plan};
use crate::identity::request::Request;

use super::{Catalogue, Destination, ResolveError, Target};

/// What it would take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing: a credential is here.
    Ready,
    /// A call.
    Renewable,
    /// A call with a code.
    NeedsMfa,
    /// A person who signs in with a browser, which multicred cannot do yet: why.
    NeedsSignIn(String),
    /// A new import: what there was has expired.
    Expired,
    /// An import or a link: there has never been a credential.
    NoCredential,
    /// Its settings contradict themselves.
    Broken(String),
}

impl State {
    /// The word of every state.
    pub const WORDS: [&str; 7] =
        ["ready", "renewable", "needs MFA", "needs sign-in", "expired", "no credential", "broken"];

    /// The word used in lists and in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Renewable => "renewable",
            Self::NeedsMfa => "needs MFA",
            Self::NeedsSignIn(_) => "needs sign-in",
            Self::Expired => "expired",
            Self::NoCredential => "no credential",
            Self::Broken(_) => "broken",
        }
    }

    /// What is wrong, where it is broken or cannot be signed in to.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Broken(reason) | Self::NeedsSignIn(reason) => Some(reason),
            _ => None,
        }
    }
}

/// How somebody stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What it would take to be them.
    pub state: State,
    /// When the credential ends that is ready, epoch seconds UTC.
    pub expires_at: Option<i64>,
}

impl From<State> for Standing {
    fn from(state: State) -> Self {
        Self { state, expires_at: None }
    }
}

impl Catalogue<'_> {
    /// How somebody stands of whom `name` was found to mean `target`.
    pub fn standing(&self, target: Result<Target, ResolveError>, name: &str) -> Standing {
        self.standing_at(target.and_then(|target| self.destination(&target, name)))
    }

    /// How somebody stands to whom this is the way.
    pub(super) fn standing_at(&self, destination: Result<Destination, ResolveError>) -> Standing {
        let plan = |destination: Destination| {
            let request = self.leased(&destination, Request::default())?;
            plan::plan(&destination.route, &request, self.context.now()).map_err(ResolveError::from)
        };
        match destination.and_then(plan) {
            Ok(plan) => of_plan(&plan),
            Err(ResolveError::NoPlan(NoPlan::NoCredential { expired, .. })) if expired.is_empty() => {
                State::NoCredential.into()
            }
            Err(ResolveError::NoPlan(NoPlan::NoCredential { .. })) => State::Expired.into(),
            Err(error) if error.needs_sign_in() => State::NeedsSignIn(error.to_string()).into(),
            Err(error) => State::Broken(error.to_string()).into(),
        }
    }
}

fn of_plan(plan: &Plan) -> Standing {
    let needs_code = plan.coded().any(|(stage, _)| stage.mfa_script.is_none());
    match (plan.calls.is_empty() && plan.probe().is_none(), needs_code) {
        (true, _) => {
            Standing { state: State::Ready, expires_at: plan.start.as_ref().and_then(|start| start.held.expires_at) }
        }
        (false, true) => State::NeedsMfa.into(),
        (false, false) => State::Renewable.into(),
    }
}
