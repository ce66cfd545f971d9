//! From a credential that somebody has to one in the store: AWS is asked whose it is, and it is sealed.

pub mod answer;
pub mod take_over;
pub mod text;
pub mod watch;

mod aws_vault;
mod gather;
mod links;

use crate::asking;
use crate::cli::{Asking, Global};
use crate::context::Context;
use crate::credential_text::{Found, SectionFault};
use crate::error::{Exit, Failure};
use crate::identity::name::is_label;
use crate::identity::request::{is_mfa_serial, is_region, say_duration};
use crate::identity::route::CredentialKind;
use crate::identity::{Holder, Identity, Kind};
use crate::resolve::{ResolveError, Resolver};
use crate::seal::SealError;
use crate::secret::{Credential, KeyMaterial};
use crate::store::{Durability, IdentityRow, NewCredential, Writing};
use crate::sts::{Caller, Signing, StsError, settings};

use answer::Answer;

/// An expiry that nobody told us is guessed as this many seconds from now.
const GUESSED_LIFE: i64 = 3600;

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
}

impl<'c> Importer<'c> {
    /// Opens the store, if there is one.
    ///
    /// # Errors
    /// The store cannot be used.
    pub fn new(context: &'c Context, global: &Global, manner: Manner) -> Result<Self, Failure> {
        Ok(Self { context, resolver: asking::resolver(context, global, &Asking::default())?, manner })
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
        let row = self.stored(&found.access_key_id)?;
        // One whose seal is broken is verified and stored as if it were new.
        let is_broken = match row.as_ref().map(|_| self.resolver.stored_material(&found.access_key_id)) {
            Some(Err(ResolveError::Seal(SealError::DoesNotOpen(_) | SealError::Format { .. }))) => true,
            opened => match (row, opened.transpose()?) {
                (Some(row), Some(stored)) => return Ok(self.known(&found, &row, stored.as_ref())?),
                _ => false,
            },
        };
        let now = self.context.now();
        if let Some(end) = found.expires_at.filter(|end| *end <= now) {
            let fact = format!("{} expired {} ago", place(&found), say_duration(now - end));
            return Err(Refusal { failure: Failure::new(Exit::Failure, fact, "import a fresh one"), is_over: true });
        }
        let caller = self.ask(&found)?;
        let row = self.store(&found, &caller, is_broken, now)?;
        asking::record(self.context, self.resolver.store_path(), "import", &row.shown(), None, "ok");
        Ok(Answer::of(&found, &row, false, now))
    }

    /// Whose an access key of the store is.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn stored(&self, access_key_id: &str) -> Result<Option<IdentityRow>, Failure> {
        let store = self.resolver.catalogue().store();
        Ok(store.map(|store| store.read().owner_of_key(access_key_id)).transpose()?.flatten())
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

    /// A key that is stored already: only a label that was asked for is new. The stored secret is opened, for a note
    /// that all is well must be true.
    fn known(&mut self, found: &Found, row: &IdentityRow, stored: Option<&KeyMaterial>) -> Result<Answer, Failure> {
        if stored != Some(&material(found)) {
            let fact = format!("{} is stored with another secret than this", place(found));
            return Err(Failure::new(
                Exit::Failure,
                fact,
                "correct the secret: the stored one was verified when it came",
            ));
        }
        if let Some(label) = &self.manner.label {
            let (store, _) = self.resolver.store_and_keys()?;
            store.write(Durability::Synced, |writing| writing.set_label(row.id, label))?;
        }
        let row = self.stored(&found.access_key_id)?.unwrap_or_else(|| row.clone());
        Ok(Answer::of(found, &row, true, self.context.now()))
    }

    fn ask(&mut self, found: &Found) -> Result<Caller, Refusal> {
        let credential = Credential {
            access_key_id: found.access_key_id.clone(),
            material: material(found),
            expires_at: found.expires_at,
        };
        let sts = self.resolver.sts()?;
        let region = sts.environment_region().or(found.region.as_deref().filter(|region| is_region(region)));
        let region = region.unwrap_or(settings::default_region("aws")).to_owned();
        let answer = sts.get_caller_identity(Signing { credential: Some(&credential), region: &region });
        answer.map_err(|error| {
            let is_over = matches!(&error, StsError::Refused { code, .. } if code.starts_with("ExpiredToken"));
            let failure = Failure::from(ResolveError::from(error));
            let fact = format!("{}: {}", place(found), failure.fact);
            Refusal { failure: Failure { fact, ..failure }, is_over }
        })
    }

    fn store(&mut self, found: &Found, caller: &Caller, is_broken: bool, now: i64) -> Result<IdentityRow, Failure> {
        let holder = Holder::Identity(caller.arn.identity.clone());
        let settings = self.settings(found)?;
        let label = self.label(found, &caller.arn.identity)?;
        let forced = self.manner.label.is_some();
        let (expires_at, expiry_is_guess) = expiry(found, now);
        let (store, mut keys) = self.resolver.store_and_keys()?;
        let material = material(found);
        let secret = (&holder, found.access_key_id.as_str(), &material);
        let row = keys.put(store, Durability::Synced, secret, |writing, sealed| {
            let new = NewCredential {
                access_key_id: &found.access_key_id,
                kind: kind(found),
                request_hash: None,
                sealed,
                created_at: now,
                expires_at,
                expiry_is_guess,
                restricted_as: None,
            };
            let owner = writing.ensure_owner(&holder, caller.arn.path.as_deref())?;
            if !writing.put_credential(&owner, &new)? && is_broken {
                writing.replace_credential(&owner, &new)?;
            }
            let row = writing.read().identity(&caller.arn.identity)?;
            if let Some(row) = &row {
                describe(writing, row, caller, &settings, label.as_deref(), forced)?;
            }
            writing.read().identity(&caller.arn.identity)
        })?;
        row.ok_or_else(|| ResolveError::CredentialGone.into())
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
        let Some(name) = found.section.as_deref().filter(|name| *name != "default" && is_label(name)) else {
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
    caller: &Caller,
    settings: &Settings,
    label: Option<&str>,
    forced: bool,
) -> Result<(), crate::store::StoreError> {
    writing.set_unique_id(row.id, caller.unique_id.split(':').next().unwrap_or_default())?;
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

fn material(found: &Found) -> KeyMaterial {
    KeyMaterial {
        secret_access_key: found.secret_access_key.clone().into(),
        session_token: found.session_token.clone().map(Into::into),
    }
}

fn kind(found: &Found) -> CredentialKind {
    if found.session_token.is_some() { CredentialKind::Imported } else { CredentialKind::LongTerm }
}

fn expiry(found: &Found, now: i64) -> (Option<i64>, bool) {
    match (&found.session_token, found.expires_at) {
        (None, _) => (None, false),
        (Some(_), Some(end)) => (Some(end), false),
        (Some(_), None) => (Some(now + GUESSED_LIFE), true),
    }
}

fn place(found: &Found) -> String {
    match &found.section {
        Some(section) => format!("[{section}] {}", found.access_key_id),
        None => found.access_key_id.clone(),
    }
}
