//! The use case: from a typed name to a credential, with as few calls and prompts as possible.

pub mod answers;
mod asked;
pub mod bringing;
mod catalogue;
pub mod checkup;
mod connection;
pub mod copies;
mod crowd;
mod error;
mod everybody;
mod facts;
mod forest;
mod guard;
mod held;
mod holdings;
mod hop;
mod lookup;
mod mfa;
mod originals;
mod outage;
mod outside;
mod proposed;
mod reading;
mod rotation;
mod route;
mod sign_in;
mod standing;
pub mod suggest;
mod vault;
mod way_back;
mod ways_in;
mod written_profile;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::aws_config::AwsFiles;
use crate::context::Context;
use crate::history::{Event, History};
use crate::identity::Holder;
use crate::identity::plan::{self, Plan};
use crate::identity::request::{MinTtl, Request};
use crate::identity::route::{Base, CredentialKind, Held, Metadata, Place, Route};
use crate::prompt::{PromptError, Prompter, Unaskable};
use crate::secret::{Credential, Secret};
use crate::store::{LinkRow, Store, StoreError};
use crate::sts::{OfProfile, Sts, StsSettings};

use answers::Basis;
use guard::{Passage, Together};

pub use catalogue::Catalogue;
pub use error::ResolveError;
pub use everybody::Somebody;
pub use facts::{By, Facts, Parent, kind_of_profile};
pub use forest::{Branch, Forest};
pub use guard::{Unconfirmed, Why};
pub use holdings::{AccountCount, Holding, Survey};
pub use lookup::{LookupError, Target};
pub use outside::not_handed_on;
pub use proposed::ProposedLink;
pub use rotation::{Consent, Orphan, RotateError, Rotated, Subject};
pub use route::Destination;
pub use standing::{Standing, State};
pub use vault::{Added, Keys, NewSlot, Rotated as RotatedStoreKey, Vault, may_start_agent, running_agent};
pub use ways_in::{Opening, WayIn};

/// What a resolution gives: somebody, with a credential that works.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Resolved {
    /// The credential.
    pub credential: Credential,
    /// Whether its expiry is a guess.
    pub expiry_is_guess: bool,
    /// Who that is.
    pub who: Who,
    /// Whether a renewal will need no prompt.
    pub renewable: bool,
    /// Whether every renewal needs a person's word: its account is protected.
    pub guarded: bool,
    /// What the person should know.
    pub warnings: Vec<String>,
    /// Whether it is a role's, assumed with a long-term key itself for a long session in the console.
    pub straight: bool,
    /// How AWS is reached for it, as far as a profile says.
    pub reach: OfProfile,
}

/// Who a resolution led to, and what goes with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Who {
    /// The name to show.
    pub shown: String,
    /// The ARN, where it is known; a user whom a session policy restricts is a federated user to AWS.
    pub arn: Option<String>,
    /// The account, where it is known.
    pub account: Option<String>,
    /// The region of its settings.
    pub region: Option<String>,
    /// The prompt's colour.
    pub colour: Option<String>,
    /// Whether a profile was asked for: then its own settings count, and the environment's before them.
    pub of_profile: bool,
    /// Whether a session policy restricts the credential.
    pub restricted: bool,
}

/// Turns names into credentials.
pub struct Resolver<'c> {
    context: &'c Context,
    catalogue: Catalogue<'c>,
    vault: Vault,
    /// A connection for each way to reach STS.
    sts: Vec<(StsSettings, Sts)>,
    prompter: Box<dyn Prompter>,
    mfa_code: Option<Secret>,
    /// Whether others are at work beside this one, and the whole shows its progress.
    is_one_of_many: bool,
    /// Of whom a person has confirmed, to this resolver, that they want to be that.
    confirmed: Option<String>,
    /// Of whom it is asked once for all.
    together: Together,
    /// The chain of a link that is being proven, the target first: it counts in the place of what the name means.
    proposed: Option<Vec<LinkRow>>,
    /// Whether nothing is to be written: neither what is obtained, nor that it was.
    only_reads: bool,
}

impl<'c> Resolver<'c> {
    /// Prepares to resolve names; nothing is opened but the store, if there is one.
    ///
    /// # Errors
    /// The store cannot be used.
    pub fn new(
        context: &'c Context,
        store_path: PathBuf,
        prompter: Box<dyn Prompter>,
        mfa_code: Option<Secret>,
    ) -> Result<Self, ResolveError> {
        let catalogue = Catalogue::open(context, store_path)?;
        Ok(Self {
            context,
            catalogue,
            vault: Vault::default(),
            sts: Vec::new(),
            prompter,
            mfa_code,
            is_one_of_many: false,
            confirmed: None,
            together: Together::default(),
            proposed: None,
            only_reads: false,
        })
    }

    /// Where the store is, or would be.
    pub fn store_path(&self) -> &Path {
        self.catalogue.store_path()
    }

    /// What is known, for reading.
    pub fn catalogue(&self) -> &Catalogue<'c> {
        &self.catalogue
    }

    /// Gets a credential for `name`.
    ///
    /// # Errors
    /// See [`ResolveError`].
    pub fn resolve(&mut self, name: &str, request: &Request) -> Result<Resolved, ResolveError> {
        match self.resolve_once(name, request) {
            // Another process has put a newer one in its place, between the plan and its first step.
            Err(ResolveError::CredentialGone) => self.resolve_once(name, request),
            done => done,
        }
    }

    fn resolve_once(&mut self, name: &str, request: &Request) -> Result<Resolved, ResolveError> {
        let started = self.context.now();
        let basis = Basis::of(self.context, self.store_path(), name, request);
        if let Some(store) = self.catalogue.store() {
            store.begin_snapshot();
        }
        let mut destination = self.destination_of(name, request)?;
        let asked = request;
        let request = &self.catalogue.leased(&destination, destination.adjust(request))?;
        let mut plan = match self.pass(&destination, request, started)? {
            Passage::Open => self.choose_plan(&mut destination, request, started)?,
            Passage::OfShell(plan) => *plan,
            Passage::Confirmed => return self.resolve_once(name, asked),
        };
        if !self.only_reads {
            self.catalogue.keep_profiles();
        }
        let mut warnings = std::mem::take(&mut plan.warnings);
        let has_leftover = !plan.calls.is_empty() && leftover(&destination.route, request, started).is_some();
        let (credential, held) = match self.execute(&mut destination, &plan, request, has_leftover) {
            Err(error) if error.may_pass() => {
                match leftover(&destination.route, request, self.context.now()) {
                    Some(instead) => {
                        warnings.push(format!("{error}; what is left of the last credential is used"));
                        self.execute(&mut destination, &instead, request, true)?
                    }
                    // It came to its end during the short try: then the try must not have been a short one.
                    None if has_leftover => self.execute(&mut destination, &plan, request, false)?,
                    None => return Err(error),
                }
            }
            done => done?,
        };
        warnings.extend(destination.remark.take());
        self.pass_unknown(&mut destination, request, started)?;
        let request = &self.catalogue.leased(&destination, request.clone())?;
        warnings.extend(guard::over_lease(&held, request, &destination.shown, self.context.now()));
        let (protected, guarded) = (destination.protected, guard::needs_word(&destination, request));
        let renewable = !guarded && self.renews(&destination.route, request, &held);
        let holder = destination.route.target().holder.clone();
        let reach = destination.reach.last().cloned().unwrap_or_default();
        let who = destination.who(&held);
        let (expiry_is_guess, straight) = (held.expiry_is_guess, plan.straight && held.kind == CredentialKind::Role);
        let resolved = Resolved { credential, expiry_is_guess, who, renewable, guarded, warnings, straight, reach };
        let is_plain = plan.calls.is_empty() && resolved.warnings.is_empty() && !protected;
        if let Some(basis) = basis.filter(|_| is_plain && !self.only_reads) {
            self.keep_answer(basis, request.min_ttl, &holder, &held, &resolved);
        }
        Ok(resolved)
    }

    /// The plan to carry out: one whose start works, and whose codes somebody can be asked for.
    fn choose_plan(
        &mut self,
        destination: &mut Destination,
        request: &Request,
        now: i64,
    ) -> Result<Plan, ResolveError> {
        let mut plan = plan::plan(&destination.route, request, now)?;
        while let Some(start) = plan.probe() {
            if self.still_works(destination, start)? {
                break;
            }
            plan = plan::plan(&destination.route, request, now)?;
        }
        if let Some(store) = self.catalogue.store().filter(|_| !plan.calls.is_empty()) {
            store.end_snapshot();
        }
        match self.check_prompts(&plan) {
            Ok(()) => Ok(plan),
            Err(error) => {
                let instead = make_do(&destination.route, request, now);
                instead.filter(|plan| self.check_prompts(plan).is_ok()).ok_or(error)
            }
        }
    }

    /// Keeps an answer that was found without a call, so that it can be given again without looking.
    fn keep_answer(&mut self, basis: Basis, min_ttl: MinTtl, holder: &Holder, held: &Held, resolved: &Resolved) {
        let context = self.context;
        let (Some((store, mut keys)), Place::Store(id), Some(end)) = (self.keys(), &held.place, held.expires_at) else {
            return;
        };
        if !held.kind.is_obtainable() || held.expiry_is_guess || store.is_on_network() {
            return;
        }
        if let Ok(secret) = keys.wrapped(store, *id, holder) {
            let until = (end - plan::least_left(held, min_ttl)).min(plan::asked_again_at(held));
            basis.keep(context, resolved, secret, until);
        }
    }

    /// The profile of the credentials file that the profile of this name is to be written to; `None` also for a name
    /// that is no profile's.
    ///
    /// # Errors
    /// The name means nothing, or too much.
    pub fn destination_profile(&self, name: &str) -> Result<Option<String>, ResolveError> {
        Ok(match self.catalogue.lookup(name)? {
            Target::Profile(profile) => profile.value("destination_profile").map(str::to_owned),
            _ => None,
        })
    }

    /// Where a code will be needed and nobody can be asked, nothing is begun: no store is made, no lock is taken.
    fn check_prompts(&self, plan: &Plan) -> Result<(), ResolveError> {
        let Some((stage, _)) = plan.coded().next() else { return Ok(()) };
        if let Some(serial) = stage.mfa_serial.clone().filter(|_| self.only_reads) {
            return Err(PromptError::Impossible { serial, why: Unaskable::OnlyReads }.into());
        }
        self.check_can_ask(stage)
    }

    /// Whether the renewal that the shell's threshold will start can do without a prompt.
    fn renews(&self, route: &Route, request: &Request, held: &Held) -> bool {
        let Some(end) = held.expires_at.filter(|_| held.kind != CredentialKind::Imported) else { return false };
        // A switch takes the variables that these need out of the shell.
        let of_variables = matches!(&route.base, Base::Metadata { source: Metadata::EcsContainer, .. })
            || route.nodes[0].held.iter().any(|held| held.place == Place::Environment);
        if of_variables {
            return false;
        }
        let renewal = plan::renewal(route, request, end - plan::least_left(held, MinTtl::Shell));
        renewal.is_some_and(|plan| plan.coded().all(|(stage, _)| self.is_generated(stage)))
    }

    fn execute(
        &mut self,
        destination: &mut Destination,
        plan: &Plan,
        request: &Request,
        has_leftover: bool,
    ) -> Result<(Credential, Held), ResolveError> {
        let mut done = match &plan.start {
            Some(start) => Some((self.open(&start.held, &start.holder)?, start.held.clone())),
            None => None,
        };
        if plan.calls.iter().any(hop::is_kept) && !self.only_reads {
            self.unlock_first()?;
        }
        for (index, stage) in plan.calls.iter().enumerate() {
            let is_target = index + 1 == plan.calls.len();
            let route = &destination.route;
            let hop = hop::Hop {
                stage,
                holder: route.nodes[stage.node].holder.clone(),
                shown: route.nodes[stage.node].shown.clone(),
                region: self.region(destination, stage)?,
                reach: &destination.reach[stage.node],
                machine: &destination.machine,
                known: route.nodes[stage.node].held.iter().map(|held| held.access_key_id.clone()).collect(),
                fresh: request.fresh && is_target,
                min_ttl: if is_target { request.min_ttl } else { MinTtl::Shell },
                has_leftover,
            };
            let obtained = self.hop(&hop, done.as_ref().map(|(credential, _)| credential))?;
            destination.route.nodes[stage.node].held.insert(0, obtained.1.clone());
            done = Some(obtained);
        }
        done.ok_or(ResolveError::CredentialGone)
    }
}

impl Drop for Resolver<'_> {
    /// What was answered before the store was changed counts no longer.
    fn drop(&mut self) {
        if self.catalogue.store().is_some_and(Store::has_written) {
            answers::forget(self.context, self.store_path());
        }
    }
}

/// Appends to the history of a store, where there is one. That it cannot be written is told, and stops nothing.
pub fn write_down(context: &Context, store: &Path, event: &Event<'_>) {
    if !store.exists() {
        return;
    }
    if let Err(error) = History::beside(store).append(event) {
        context.note(&format!("the history cannot be written: {error}"));
    }
}

/// Where the plan proper cannot be carried out: one that makes do with what is still alive, unless more was asked for.
fn make_do(route: &Route, request: &Request, now: i64) -> Option<Plan> {
    let is_content = !request.fresh && !matches!(request.min_ttl, MinTtl::Asked(_));
    plan::frugal_plan(route, request, now).ok().filter(|plan| is_content && plan.probe().is_none())
}

/// What serves without any call, where the plan proper fails.
fn leftover(route: &Route, request: &Request, now: i64) -> Option<Plan> {
    make_do(route, request, now).filter(|plan| plan.calls.is_empty())
}

/// The AWS files of a context; `None` where nobody says where they are.
fn aws_files(context: &Context) -> Option<AwsFiles> {
    context.aws_files().ok().map(|(config, credentials)| AwsFiles::new(config, credentials))
}

/// Where the store is: the flag, the variable, or the data folder.
///
/// # Errors
/// `HOME` is not set, and is needed.
pub fn store_path(context: &Context, flag: Option<&Path>) -> Result<PathBuf, ResolveError> {
    let given = flag.map(Path::to_owned).or_else(|| context.store_variable());
    given.map_or_else(|| context.default_store().map_err(ResolveError::from), Ok)
}

impl From<StoreError> for ResolveError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
