//! One hop: take its lock, look again, call, store, let go.

use crate::history::Event;
use crate::identity::Holder;
use crate::identity::arn;
use crate::identity::hash::hex;
use crate::identity::plan::{Call, Stage, least_left};
use crate::identity::request::MinTtl;
use crate::identity::route::{CredentialKind, Held, Place};
use crate::lock::{self, FailureKind, HopLock, LockError, boot_clock};
use crate::prompt::PromptError;
use crate::secret::Credential;
use crate::store::{Durability, NewCredential, Reading};
use crate::sts::{Attempt, MfaCode, Obtained, OfProfile, Patience, Signing, StsError, metadata};

use super::{ResolveError, Resolver};

/// What one hop is to do.
pub(super) struct Hop<'p> {
    pub(super) stage: &'p Stage,
    pub(super) holder: Holder,
    pub(super) shown: String,
    /// The region that is asked.
    pub(super) region: String,
    /// How AWS is reached, as far as a profile says.
    pub(super) reach: &'p OfProfile,
    /// What a profile says of the machine's metadata service.
    pub(super) machine: &'p [(&'static str, String)],
    /// The access key ids that were known when the plan was made: whatever else is there now was obtained since.
    pub(super) known: Vec<String>,
    /// Only what was obtained since will do.
    pub(super) fresh: bool,
    /// The least life left that will do.
    pub(super) min_ttl: MinTtl,
    /// Whether the target has something left that serves where this fails: then AWS is not waited for at length.
    pub(super) has_leftover: bool,
}

impl Hop<'_> {
    fn action(&self) -> &'static str {
        self.stage.call.as_ref().map_or("nothing", Call::action)
    }

    fn kind(&self) -> CredentialKind {
        match self.stage.call {
            Some(Call::AssumeRole(_) | Call::AssumeRoleWithWebIdentity(_)) => CredentialKind::Role,
            _ => CredentialKind::Session,
        }
    }

    /// What was obtained, without a place of its own yet.
    fn held(&self, credential: &Credential, created_at: i64) -> Held {
        Held {
            place: Place::Store(0),
            kind: self.kind(),
            access_key_id: credential.access_key_id.clone(),
            request_hash: Some(self.stage.hash),
            created_at,
            expires_at: credential.expires_at,
            expiry_is_guess: false,
            restricted_as: self.stage.call.as_ref().and_then(Call::restricted_as),
        }
    }

    /// Whether what it obtains is worth storing: what has no end would never be asked for again.
    fn is_kept(&self, credential: &Credential) -> bool {
        credential.expires_at.is_some() && is_kept(self.stage)
    }

    /// The path of a role, as its ARN tells it.
    fn path(&self) -> Option<String> {
        let role_arn = self.stage.call.as_ref().and_then(Call::role_arn)?;
        arn::parse(role_arn).ok()?.path
    }
}

impl Resolver<'_> {
    pub(super) fn hop(
        &mut self,
        hop: &Hop<'_>,
        signer: Option<&Credential>,
    ) -> Result<(Credential, Held), ResolveError> {
        if self.only_reads {
            let obtained = self.call(hop, signer)?;
            return Ok((obtained.credential.clone(), hop.held(&obtained.credential, self.context.now())));
        }
        let since = boot_clock();
        let mut lock = self.take_lock(hop)?;
        // Before any failure: somebody may have done better since.
        if let Some(held) = self.look_again(hop)? {
            let credential = self.open(&held, &hop.holder)?;
            return Ok((credential, held));
        }
        if let Some(failure) = lock.failure_since(since) {
            return Err(ResolveError::ToldByAnother(failure.clone()));
        }
        // A person may just have mended the network; an SDK asks again and again.
        let heeds_failures = hop.has_leftover && hop.min_ttl == MinTtl::Program;
        if let Some((failure, seconds)) = lock.lately_unanswered().filter(|_| heeds_failures) {
            return Err(ResolveError::LatelyUnanswered { message: failure.message.clone(), seconds });
        }
        let typed_by_flag = self.mfa_code.is_some();
        let result = self.call(hop, signer);
        self.record_hop(hop, &result);
        match result {
            Ok(obtained) => {
                lock.forget_failure();
                Ok(self.keep(hop, obtained.credential))
            }
            Err(error) => {
                if let Some(kind) = shared_by_waiters(&error, typed_by_flag) {
                    lock.tell_failure(kind, error.outcome());
                }
                Err(error)
            }
        }
    }

    fn take_lock(&mut self, hop: &Hop<'_>) -> Result<HopLock, ResolveError> {
        let context = self.context;
        let (store, _) = self.store_and_keys()?;
        let id = hex(store.read().meta()?.id.get(..4).unwrap_or_default());
        let name = format!("{id}-{}", hop.stage.hash.short());
        let folder = context.runtime_folder().join("locks");
        let waiting = |holder: &str| {
            if context.stderr_is_terminal() {
                context.note(&format!("waiting for process {holder}, which is asking AWS for {}", hop.shown));
            }
        };
        let patience = if hop.has_leftover { lock::BRIEF_PATIENCE } else { lock::PATIENCE };
        HopLock::take(&folder, &name, &format!("asking AWS for {}", hop.shown), patience, waiting)
            .map_err(|error: LockError| error.into())
    }

    /// Whether somebody has obtained the credential meanwhile.
    fn look_again(&self, hop: &Hop<'_>) -> Result<Option<Held>, ResolveError> {
        let Some(store) = self.catalogue.store() else { return Ok(None) };
        let reading: Reading<'_> = store.read();
        let Some(owner) = reading.owner(&hop.holder)? else { return Ok(None) };
        let now = self.context.now();
        let will_do = |held: &Held| {
            let left = held.seconds_left(now);
            // What another process has just obtained is as good as AWS gives, however short its life.
            let is_new = left > 0 && !hop.known.contains(&held.access_key_id);
            held.request_hash == Some(hop.stage.hash)
                && (is_new || (!hop.fresh && left > least_left(held, hop.min_ttl)))
        };
        Ok(reading.credentials_of(&owner)?.into_iter().find(will_do))
    }

    fn call(&mut self, hop: &Hop<'_>, signer: Option<&Credential>) -> Result<Obtained, ResolveError> {
        let Some(call) = &hop.stage.call else { return Err(ResolveError::CredentialGone) };
        let now = self.context.now();
        match call {
            Call::Process(script) => return self.credential_of(script),
            Call::Metadata { source, place } => {
                let get = |name: &str| self.catalogue.of_machine(hop.machine, name);
                let failed = |error| ResolveError::Machine { place: place.clone(), error };
                return metadata::fetch(*source, &get, now).map_err(failed);
            }
            _ => {}
        }
        // Settings that cannot be used are told before anybody is asked for a code.
        self.sts_for(hop.reach)?;
        let code = match &hop.stage.mfa_serial {
            Some(serial) => Some((serial, self.unused_code(hop.stage, serial)?)),
            None => None,
        };
        let mfa = code.as_ref().map(|(serial, code)| MfaCode { serial, code: code.expose() });
        let patience = if hop.has_leftover { Patience::Brief } else { Patience::Full };
        let signing = Signing { credential: signer, region: &hop.region };
        let obtained = self.ask_sts(call, hop, Attempt { signing, mfa, now: self.context.now(), patience });
        obtained.map_err(|error| match (error, mfa) {
            (ResolveError::Sts(StsError::Refused { message, .. }), Some(mfa))
                if message.contains("MultiFactorAuthentication") =>
            {
                ResolveError::MfaRefused { serial: mfa.serial.to_owned(), message }
            }
            (error, _) => error,
        })
    }

    fn ask_sts(&mut self, call: &Call, hop: &Hop<'_>, attempt: Attempt<'_>) -> Result<Obtained, ResolveError> {
        let token = match call {
            Call::AssumeRoleWithWebIdentity(call) => Some(self.token_of(&call.token)?),
            _ => None,
        };
        self.context.detail(&format!("{} for {} in {}", hop.action(), hop.shown, hop.region));
        let show = || crate::progress::Progress::start(self.context, hop.action(), &hop.shown);
        let progress = (!self.is_one_of_many).then(show);
        let sts = self.sts_for(hop.reach)?;
        let obtained = match (call, &token) {
            (Call::GetSessionToken { duration }, _) => sts.get_session_token(*duration, attempt),
            (Call::AssumeRole(call), _) => sts.assume_role(call, attempt),
            (Call::GetFederationToken(call), _) => sts.get_federation_token(call, attempt),
            (Call::AssumeRoleWithWebIdentity(call), Some(token)) => {
                sts.assume_role_with_web_identity(call, token, attempt)
            }
            (Call::AssumeRoleWithWebIdentity(_) | Call::Process(_) | Call::Metadata { .. }, _) => {
                return Err(ResolveError::CredentialGone);
            }
        };
        drop(progress);
        Ok(obtained?)
    }

    /// Stores what was obtained. A credential that cannot be stored is still good: it is used, and said so.
    fn keep(&mut self, hop: &Hop<'_>, credential: Credential) -> (Credential, Held) {
        let created_at = self.context.now();
        let mut held = hop.held(&credential, created_at);
        if !hop.is_kept(&credential) {
            return (credential, held);
        }
        match self.put(hop, &credential, created_at) {
            Ok(Some(id)) => held.place = Place::Store(id),
            Ok(None) => self.context.note(&format!(
                "AWS gave the access key id {}, which another credential has: it is used, and not stored",
                credential.access_key_id
            )),
            Err(error) => self.context.note(&format!("the new credential is used but could not be stored: {error}")),
        }
        (credential, held)
    }

    fn put(&mut self, hop: &Hop<'_>, credential: &Credential, now: i64) -> Result<Option<i64>, ResolveError> {
        let (store, mut keys) = self.store_and_keys()?;
        let access_key_id = credential.access_key_id.as_str();
        let secret = (&hop.holder, access_key_id, &credential.material);
        keys.put(store, Durability::Obtainable, secret, |writing, sealed| {
            let owner = writing.ensure_owner(&hop.holder, hop.path().as_deref())?;
            let new = NewCredential {
                access_key_id,
                kind: hop.kind(),
                request_hash: Some(hop.stage.hash),
                sealed,
                created_at: now,
                expires_at: credential.expires_at,
                expiry_is_guess: false,
                restricted_as: hop.stage.call.as_ref().and_then(Call::restricted_as),
            };
            if !writing.put_credential(&owner, &new)? {
                return Ok(None);
            }
            let row = writing.read().credential_with_key(access_key_id)?;
            Ok(row.map(|row| row.id))
        })
    }

    fn record_hop(&self, hop: &Hop<'_>, result: &Result<Obtained, ResolveError>) {
        let (request_id, outcome) = match result {
            Ok(obtained) => (obtained.request_id.clone(), "ok".to_owned()),
            Err(ResolveError::Sts(StsError::Refused { request_id, code, .. })) => (request_id.clone(), code.clone()),
            Err(error) => (None, error.outcome()),
        };
        let arn = hop.holder.identity().map(|identity| identity.arn(hop.path().as_deref()));
        let event = Event {
            time: self.context.now(),
            what: "hop",
            shell_pid: self.context.shell_pid(),
            identity: &hop.shown,
            detail: None,
            arn: arn.as_deref(),
            action: Some(hop.action()),
            request_id: request_id.as_deref(),
            outcome: &outcome,
        };
        super::write_down(self.context, self.store_path(), &event);
    }
}

/// Whether what a call obtains is stored: the machine's own is at hand.
pub(super) fn is_kept(stage: &Stage) -> bool {
    !matches!(stage.call, Some(Call::Metadata { .. }))
}

/// What AWS answered, and a person's no, hold for everyone who waited. A refused code that came by `--mfa-code`, a
/// missing terminal or a full disk are this process's own affair.
fn shared_by_waiters(error: &ResolveError, code_by_flag: bool) -> Option<FailureKind> {
    match error {
        ResolveError::MfaRefused { .. } if !code_by_flag => Some(FailureKind::Refused),
        ResolveError::Machine { error: StsError::Refused { .. }, .. } | ResolveError::Sts(StsError::Refused { .. }) => {
            Some(FailureKind::Refused)
        }
        ResolveError::Machine { error, .. } | ResolveError::Sts(error) if error.may_pass() => {
            Some(FailureKind::NoAnswer)
        }
        ResolveError::Prompt(PromptError::Cancelled) => Some(FailureKind::Cancelled),
        ResolveError::Subprocess(_) | ResolveError::BadAnswer { .. } | ResolveError::Token { .. } => {
            Some(FailureKind::Failed)
        }
        _ => None,
    }
}
