//! The calls to AWS: signed, repeated where AWS does not know a new key everywhere yet, and written down.

use std::time::{Duration, Instant};

use super::{RotateError, Rotation};
use crate::history::Event;
use crate::identity::request::Request;
use crate::progress::Progress;
use crate::prompt::Told;
use crate::resolve::{ResolveError, write_down};
use crate::secret::Credential;
use crate::sts::iam::{Answered, EVENTUALLY, Iam, ListedKey};
use crate::sts::{Signing, StsError};

/// The first wait for AWS to know a new key, and the longest; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Rotation<'_, '_> {
    /// Finds who signs: a user whose device is known signs with its session, as everywhere else; IAM refuses sessions
    /// without a code, so that anybody else signs with the key in use itself.
    pub(super) fn choose_signer(&mut self, key: &str) -> Result<(), RotateError> {
        let keys = self.resolver.long_term_keys(&self.row)?;
        let held = keys.into_iter().find(|held| held.access_key_id == key);
        let held = held.ok_or_else(|| RotateError::NotStored(self.shown()))?;
        // Also where a session signs: a key whose seal does not open is not what a rotation begins with.
        let key = self.resolver.open(&held, &self.holder())?;
        self.signer = Some(if self.row.mfa_serial.is_some() { self.session()? } else { key });
        Ok(())
    }

    fn session(&mut self) -> Result<Credential, RotateError> {
        let session = self.resolver.resolve(&self.row.arn(), &Request::default())?;
        if let Some(store) = self.resolver.catalogue.store() {
            store.end_snapshot();
        }
        for warning in &session.warnings {
            self.resolver.context.note(warning);
        }
        Ok(session.credential)
    }

    /// From now on the new key signs, where the old one itself did.
    pub(super) fn sign_with(&mut self, new: &Credential) {
        if self.signer.as_ref().is_none_or(Credential::is_long_term) {
            self.signer = Some(new.clone());
        }
    }

    /// Asks IAM something that may be asked again.
    pub(super) fn ask_iam<T>(
        &self,
        (action, about): (&'static str, &str),
        call: impl Fn(&Iam, Signing<'_>) -> Answered<T>,
    ) -> Result<T, StsError> {
        let progress = self.progress(action);
        let start = Instant::now();
        let mut pause = FIRST_PAUSE;
        let answer = loop {
            match call(&self.iam, self.signing()) {
                Err(error) if is_not_known_yet(&error) && self.signs_with_new(start) => wait(&mut pause),
                answer => break answer,
            }
        };
        drop(progress);
        let what = if about.is_empty() { action.to_owned() } else { format!("{action} {about}") };
        self.record_call(&what, answer.as_ref().map(|(_, request_id)| request_id.as_deref()));
        answer.map(|(value, _)| value)
    }

    /// Whether the signer is so new that AWS may not know it everywhere, and there is still time.
    fn signs_with_new(&self, start: Instant) -> bool {
        self.has_begun && start.elapsed() < EVENTUALLY && !self.is_told_to_stop()
    }

    pub(super) fn list_keys(&self) -> Result<Vec<ListedKey>, StsError> {
        let user = self.user();
        self.ask_iam(("ListAccessKeys", ""), |iam, signing| iam.list_access_keys(user.as_deref(), signing))
    }

    /// Deletes a key, and looks whether it is gone: an answer to `DeleteAccessKey` says nothing, so that whoever answers in
    /// AWS's place (a captive portal) could not be told from it.
    pub(super) fn delete_key(&self, key: &str) -> Result<(), StsError> {
        let start = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            self.delete_once(key)?;
            if self.list_keys()?.iter().all(|listed| listed.access_key_id != key) {
                return Ok(());
            }
            if start.elapsed() > EVENTUALLY || self.is_told_to_stop() {
                let reason = format!("{key} is listed still");
                return Err(StsError::Unusable { action: "DeleteAccessKey", reason });
            }
            wait(&mut pause);
        }
    }

    fn delete_once(&self, key: &str) -> Result<(), StsError> {
        let user = self.user();
        let of_user = (user.as_deref(), key);
        let deleted = self.ask_iam(("DeleteAccessKey", key), |iam, signing| iam.delete_access_key(of_user, signing));
        unless_gone(deleted)
    }

    pub(super) fn set_active(&self, key: &str, active: bool) -> Result<(), StsError> {
        let user = self.user();
        let of_user = (user.as_deref(), key);
        let about = format!("{key} {}", if active { "Active" } else { "Inactive" });
        let set = self.ask_iam(("UpdateAccessKey", &about), |iam, signing| iam.set_active(of_user, active, signing));
        unless_gone(set)
    }

    /// Asks AWS who a key is, until it knows: it must be the very identity.
    pub(super) fn verify(&mut self, key: &Credential) -> Result<(), ResolveError> {
        const ACTION: &str = "GetCallerIdentity";
        let region = self.regions.1.clone();
        let progress = self.progress(ACTION);
        let start = Instant::now();
        let mut pause = FIRST_PAUSE;
        let answer = loop {
            let signing = Signing { credential: Some(key), region: &region };
            let answer = self.resolver.sts()?.get_caller_identity(signing);
            let may_change = |error: &StsError| is_not_known_yet(error) || error.may_pass();
            match answer {
                Err(error) if may_change(&error) && start.elapsed() < EVENTUALLY && !self.is_told_to_stop() => {
                    wait(&mut pause);
                }
                answer => break answer,
            }
        };
        drop(progress);
        let answer = answer.and_then(|caller| {
            if caller.arn.identity == self.row.identity {
                return Ok(caller);
            }
            let reason = format!("the key is of {}, not of {}", caller.arn.identity, self.row.identity);
            Err(StsError::Unusable { action: ACTION, reason })
        });
        self.record_call(ACTION, answer.as_ref().map(|caller| caller.request_id.as_deref()));
        Ok(answer.map(drop)?)
    }

    pub(super) fn signing(&self) -> Signing<'_> {
        Signing { credential: self.signer.as_ref(), region: &self.regions.0 }
    }

    pub(super) fn progress(&self, action: &str) -> Option<Progress> {
        self.resolver.context.detail(&format!("{action} for {}", self.shown()));
        Progress::start(self.resolver.context, action, &self.shown())
    }

    pub(super) fn is_told_to_stop(&self) -> bool {
        self.told.as_ref().is_some_and(Told::to_stop)
    }

    pub(super) fn record_call(&self, action: &str, answer: Result<Option<&str>, &StsError>) {
        match answer {
            Ok(request_id) => self.record(Some(action), request_id, "ok"),
            Err(StsError::Refused { request_id, code, .. }) => self.record(Some(action), request_id.as_deref(), code),
            Err(error) => self.record(Some(action), None, &error.outcome()),
        }
    }

    pub(super) fn record(&self, action: Option<&str>, request_id: Option<&str>, outcome: &str) {
        let context = self.resolver.context;
        let event = Event {
            time: context.now(),
            what: "rotate",
            shell_pid: context.shell_pid(),
            identity: &self.shown(),
            detail: None,
            arn: Some(&self.row.arn()),
            action,
            request_id,
            outcome,
        };
        write_down(context, self.resolver.store_path(), &event);
    }
}

/// Waits, each time longer than the last.
fn wait(pause: &mut Duration) {
    Told::pause(*pause);
    *pause = (*pause * 2).min(LONGEST_PAUSE);
}

/// What AWS says of a key that it has just made, as long as not all of it knows.
pub(super) fn is_not_known_yet(error: &StsError) -> bool {
    let codes = ["InvalidClientTokenId", "UnrecognizedClientException"];
    matches!(error, StsError::Refused { code, .. } if codes.contains(&code.as_str()))
}

/// A key that is not there any more is as inactive, and as gone, as it was to become.
fn unless_gone(answer: Result<(), StsError>) -> Result<(), StsError> {
    match answer {
        Err(StsError::Refused { code, .. }) if code == "NoSuchEntity" => Ok(()),
        answer => answer,
    }
}
