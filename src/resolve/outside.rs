//! What programs and files outside multicred hand out: credentials, and the tokens of web identities.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{ResolveError, Resolver};
use crate::context::Context;
use crate::credential_text::{self, AnswerFault};
use crate::env_change::{OURS, SETS};
use crate::identity::route::{Script, TokenSource};
use crate::regular_file;
use crate::secret::{Credential, KeyMaterial, Secret};
use crate::sts::Obtained;
use crate::subprocess::{self, Manner, Program};

/// How long a program may take where a person may have to do something for it, and where nobody is there. SDKs end what
/// takes longer than a minute.
const WITH_PERSON: Duration = Duration::from_mins(5);
const ALONE: Duration = Duration::from_secs(50);
/// No token is longer, in bytes (API reference, `AssumeRoleWithWebIdentity`: 20,000).
const LONGEST_TOKEN: u64 = 20_000;
/// The same with the white space around it.
const LONGEST_FILE: u64 = LONGEST_TOKEN + 1_000;

/// The variables that no program of the person's gets: those that a switch has set.
pub fn not_handed_on(context: &Context) -> Vec<&'static str> {
    let mut without: Vec<&'static str> = Vec::new();
    if context.holds_switched_key() {
        without.extend(SETS.iter().filter(|name| !name.ends_with("REGION")));
    }
    if context.variable("MULTICRED_REGION").is_some() {
        let stale = |name: &&&str| name.ends_with("REGION") && context.own_variable(name).is_none();
        without.extend(SETS.iter().filter(stale));
    }
    without.extend(OURS);
    without
}

impl Resolver<'_> {
    /// Runs a command line of the person's, as it would run in a shell that multicred has not switched.
    pub(super) fn run_script(&self, script: &Script) -> Result<(Secret, String), ResolveError> {
        self.run_program(Program::Shell(&script.command), &script.place)
    }

    pub(super) fn run_program(&self, program: Program<'_>, what: &str) -> Result<(Secret, String), ResolveError> {
        let may_ask = self.prompter.can_ask().is_ok();
        let without = not_handed_on(self.context);
        self.context.detail(&format!("running {what}"));
        let patience = match self.prompter.deadline() {
            Some(deadline) => deadline.saturating_duration_since(Instant::now()),
            None if may_ask => WITH_PERSON,
            None => ALONE,
        };
        Ok(subprocess::run(program, Manner { what, without: &without, patience, may_ask })?)
    }

    /// The credential that a `credential_process` prints.
    pub(super) fn credential_of(&self, script: &Script) -> Result<Obtained, ResolveError> {
        let (answer, complaint) = self.run_script(script)?;
        let now = self.context.now();
        let bad = |reason: String| ResolveError::BadAnswer {
            what: script.place.clone(),
            wanted: "credential",
            reason: if complaint.is_empty() { reason } else { format!("{reason}; it said: {complaint}") },
        };
        let read = credential_text::of_process(answer.expose());
        let found = read.map_err(|fault: AnswerFault| bad(fault.to_string()))?;
        if found.expires_at.is_some_and(|end| end <= now) {
            return Err(bad("it has expired already".to_owned()));
        }
        let material = KeyMaterial {
            secret_access_key: found.secret_access_key.into(),
            session_token: found.session_token.map(Into::into),
        };
        let credential = Credential { access_key_id: found.access_key_id, material, expires_at: found.expires_at };
        Ok(Obtained { credential, request_id: None })
    }

    /// The token of a web identity, as it is now: whoever issues it replaces it.
    pub(super) fn token_of(&self, token: &TokenSource) -> Result<Secret, ResolveError> {
        let (text, place) = match token {
            TokenSource::Process(script) => (self.run_script(script)?.0, script.place.clone()),
            TokenSource::File { path, place } => {
                let failed = |error: std::io::Error| ResolveError::Token {
                    place: place.clone(),
                    reason: format!("{path}: {error}"),
                };
                (regular_file::read(Path::new(path), LONGEST_FILE).map_err(failed)?.into(), place.clone())
            }
        };
        let token = text.expose().trim();
        if token.is_empty() || token.len() as u64 > LONGEST_TOKEN || token.chars().any(char::is_control) {
            let reason = "it is empty, too long, or has control characters in it".to_owned();
            return Err(ResolveError::Token { place, reason });
        }
        Ok(Secret::new(token))
    }
}
