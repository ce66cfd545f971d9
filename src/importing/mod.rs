//! From a credential that somebody has to one in the store: AWS is asked whose it is, and it is sealed.

pub mod answer;
pub mod take_over;
pub mod text;
pub mod watch;

mod aws_vault;
mod gather;
mod links;
mod many;

use std::collections::HashMap;

use crate::asking;
use crate::cli::{Asking, Global};
use crate::context::Context;
use crate::credential_text::{Found, SectionFault};
use crate::error::{Exit, Failure};
use crate::identity::hash::RequestHash;
use crate::identity::name::{check_label, is_label};
use crate::identity::request::{is_mfa_serial, is_region, say_duration};
use crate::identity::{Identity, Kind};
use crate::resolve::bringing::Known;
use crate::resolve::{ResolveError, Resolver};
use crate::store::{Durability, IdentityRow, Writing};
use crate::sts::{Caller, StsError};

use answer::Answer;

/// How credentials are taken.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// The label that is asked for; else the section's name becomes it.
    pub label: Option<String>,
    /// Whether a section is one with the profile of its name in the person's AWS files.
    pub of_profiles: bool,
}

/// Why a credential was not taken.
#[derive(Debug)]
pub struct Refusal {
    /// What the person is told.
    pub failure: Failure,
    /// Whether it is a session that has ended: nobody's mistake.
    pub is_over: bool,
}

impl<E: Into<Failure>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self { failure: error.into(), is_over: false }
    }
}

/// Takes credentials into the store.
pub struct Importer<'c> {
    context: &'c Context,
    resolver: Resolver<'c>,
    manner: Manner,
    /// What AWS has been asked beforehand, by a hash of the whole credential.
    asked: HashMap<RequestHash, Vec<Result<Caller, ResolveError>>>,
}

impl<'c> Importer<'c> {
    /// Opens the store, if there is one.
    ///
    /// # Errors
    /// The store cannot be used.
    pub fn new(context: &'c Context, global: &Global, manner: Manner) -> Result<Self, Failure> {
        Ok(Self::with(context, asking::resolver(context, global, &Asking::default())?, manner))
    }

    /// The same with a resolver of the caller's.
    pub fn with(context: &'c Context, resolver: Resolver<'c>, manner: Manner) -> Self {
        Self { context, resolver, manner, asked: HashMap::new() }
    }

    /// What the store is reached by.
    pub fn resolver(&mut self) -> &mut Resolver<'c> {
        &mut self.resolver
    }

    /// Takes one credential.
    ///
    /// # Errors
    /// It is none, AWS knows it not, or the store cannot be written.
    pub fn import(&mut self, section: Result<Found, SectionFault>) -> Result<Answer, Refusal> {
        let found = section.map_err(|fault| {
            Failure::new(Exit::Failure, fault.to_string(), "nothing of it was stored; correct it and import it again")
        })?;
        let is_broken = match self.resolver.knows(&found)? {
            Known::Whole(row) => return Ok(self.known(&found, &row)?),
            Known::OtherSecret => return Err(other_secret(&place(&found)).into()),
            Known::Broken => true,
            Known::No => false,
        };
        let now = self.context.now();
        if let Some(end) = found.expires_at.filter(|end| *end <= now) {
            let fact = format!("{} expired {} ago", place(&found), say_duration(now - end));
            return Err(Refusal { failure: Failure::new(Exit::Failure, fact, "import a fresh one"), is_over: true });
        }
        let caller = self.ask(&found)?;
        let row = self.store(&found, &caller, is_broken)?;
        let of = (row.shown(), row.arn());
        let of = (of.0.as_str(), Some(of.1.as_str()));
        asking::record_change(self.context, self.resolver.store_path(), "import", of, &found.access_key_id);
        Ok(Answer::of(&found, &row, false, now))
    }

    /// Why the name that a credential had elsewhere is not its identity's label, where it is not.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn without_label(&self, name: &str, answer: &Answer) -> Result<Option<String>, Failure> {
        if answer.label.as_deref() == Some(name) {
            return Ok(None);
        }
        let store = self.resolver.catalogue().store();
        let holder = store.map(|store| store.read().identity_labelled(name)).transpose()?.flatten();
        let why = match (&answer.label, holder) {
            _ if !is_label(name) => "labels are letters, digits and ._+=,@- alone".to_owned(),
            (Some(label), _) => format!("it is {label} already"),
            (None, Some(holder)) => format!("that is {}", holder.arn()),
            (None, None) => "the profile of that name is somebody else".to_owned(),
        };
        let whose = answer.shown.as_deref().unwrap_or(&answer.access_key_id);
        Ok(Some(format!("'{}' did not become the label of {whose}: {why}", name.escape_debug())))
    }

    /// A key that is stored already: only a label that was asked for is new.
    fn known(&mut self, found: &Found, row: &IdentityRow) -> Result<Answer, Failure> {
        if let Some(label) = &self.manner.label {
            let (store, _) = self.resolver.store_and_keys()?;
            store.write(Durability::Synced, |writing| writing.set_label(row.id, label))?;
        }
        let row = self.resolver.owner_of_key(&found.access_key_id)?.unwrap_or_else(|| row.clone());
        Ok(Answer::of(found, &row, true, self.context.now()))
    }

    /// A key that is stored already, under the name that it has elsewhere: that becomes its identity's label, where it
    /// could have.
    pub(super) fn name_known(&mut self, found: &Found, answer: Answer) -> Result<Answer, Failure> {
        let Some(row) = self.resolver.owner_of_key(&found.access_key_id)? else { return Ok(answer) };
        let Some(label) = self.label(found, &row.identity)? else { return Ok(answer) };
        let (store, _) = self.resolver.store_and_keys()?;
        let nothing = Settings { region: None, mfa_serial: None };
        store
            .write(Durability::Synced, |writing| self::describe(writing, &row, &nothing, Some(&label), false))
            .map_err(ResolveError::from)?;
        self.known(found, &row)
    }

    fn ask(&mut self, found: &Found) -> Result<Caller, Refusal> {
        let asked = self.answer_about(found);
        asked.unwrap_or_else(|| self.resolver.caller_of(found, None)).map_err(|error| {
            let is_over = matches!(&error,
                ResolveError::Sts(StsError::Refused { code, .. }) if code.starts_with("ExpiredToken"));
            let failure = Failure::from(error);
            let fact = format!("{}: {}", place(found), failure.fact);
            Refusal { failure: Failure { fact, ..failure }, is_over }
        })
    }

    fn store(&mut self, found: &Found, caller: &Caller, is_broken: bool) -> Result<IdentityRow, Failure> {
        let settings = self.settings(found)?;
        let label = self.label(found, &caller.arn.identity)?;
        let forced = self.manner.label.is_some();
        let describe = |writing: &Writing<'_>, row: &IdentityRow| {
            self::describe(writing, row, &settings, label.as_deref(), forced)
        };
        Ok(self.resolver.take_in(found, caller, is_broken, describe)?)
    }

    /// The section's own region and MFA device, else those of the profile of its name.
    fn settings(&self, found: &Found) -> Result<Settings, Failure> {
        let profile = match &found.section {
            Some(name) if self.manner.of_profiles => {
                self.resolver.catalogue().profile(name)?.filter(|profile| profile.role().is_none())
            }
            _ => None,
        };
        // What [default] says is no part of who somebody is.
        let of_profile = |key: &str| profile.as_ref().and_then(|p| p.own_value(key)).map(str::to_owned);
        Ok(Settings {
            region: found.region.clone().or_else(|| of_profile("region")).filter(|region| is_region(region)),
            mfa_serial: found.mfa_serial.clone().or_else(|| of_profile("mfa_serial")).filter(|s| is_mfa_serial(s)),
        })
    }

    /// The label asked for, else the section's name, which becomes one where it is free: a profile of that name with a
    /// role would mean somebody else.
    fn label(&self, found: &Found, whose: &Identity) -> Result<Option<String>, Failure> {
        if let Some(label) = &self.manner.label {
            return Ok(Some(label.clone()));
        }
        let Some(name) = found.section.as_deref().filter(|name| *name != "default" && check_label(name).is_ok()) else {
            return Ok(None);
        };
        let role = self.resolver.catalogue().profile(name)?.and_then(|profile| profile.role());
        Ok(role.is_none_or(|role| role == *whose).then(|| name.to_owned()))
    }
}

struct Settings {
    region: Option<String>,
    mfa_serial: Option<String>,
}

/// Fills in what the store does not know yet; what a person said before stays.
fn describe(
    writing: &Writing<'_>,
    row: &IdentityRow,
    settings: &Settings,
    label: Option<&str>,
    forced: bool,
) -> Result<(), crate::store::StoreError> {
    if let (None, Some(region)) = (&row.region, &settings.region) {
        writing.set_region(row.id, region)?;
    }
    if let (None, Kind::User, Some(serial)) = (&row.mfa_serial, row.identity.kind, &settings.mfa_serial) {
        writing.set_mfa_serial(row.id, serial)?;
    }
    match label {
        Some(label) if forced => writing.set_label(row.id, label),
        Some(label) if row.label.is_none() && writing.read().identity_labelled(label)?.is_none() => {
            writing.set_label(row.id, label)
        }
        _ => Ok(()),
    }
}

/// That a key is stored with another secret than the one that was brought.
pub fn other_secret(place: &str) -> Failure {
    let fact = format!("{place} is stored with another secret than this");
    Failure::new(Exit::Failure, fact, "correct the secret: the stored one was verified when it came")
}

fn place(found: &Found) -> String {
    match &found.section {
        Some(section) => format!("[{section}] {}", found.access_key_id),
        None => found.access_key_id.clone(),
    }
}
