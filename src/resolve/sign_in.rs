//! Signing in to the console: who it is that does, and AWS's token for it.

use super::{ResolveError, Resolved, Resolver};
use crate::identity::Identity;
use crate::identity::arn;
use crate::progress::Progress;
use crate::secret::Secret;
use crate::sts::Signing;
use crate::sts::settings::default_region;

impl Resolver<'_> {
    /// Whom a credential speaks for: as it is known, else as AWS says.
    ///
    /// # Errors
    /// AWS is asked, and does not say.
    pub fn identity_of(&mut self, somebody: &Resolved) -> Result<Identity, ResolveError> {
        if let Some(known) = somebody.who.arn.as_deref().and_then(|text| arn::parse(text).ok()) {
            return Ok(known.identity);
        }
        let of_environment = self.sts_settings(&somebody.reach)?.region;
        let candidates = [of_environment, somebody.reach.region.clone(), somebody.who.region.clone()];
        let region = candidates.into_iter().flatten().next().unwrap_or_else(|| default_region("aws").to_owned());
        let signing = Signing { credential: Some(&somebody.credential), region: &region };
        Ok(self.sts_for(&somebody.reach)?.get_caller_identity(signing)?.arn.identity)
    }

    /// AWS's token that opens the console, from its sign-in at this address; `duration` is that of the session in the
    /// console, in seconds.
    ///
    /// # Errors
    /// AWS refuses, or does not answer.
    pub fn sign_in(
        &mut self,
        somebody: &Resolved,
        address: &str,
        duration: Option<u32>,
    ) -> Result<Secret, ResolveError> {
        self.context.detail(&format!("getSigninToken for {} at {address}", somebody.who.shown));
        let progress = Progress::start(self.context, "getSigninToken", &somebody.who.shown);
        let token = self.sts_for(&somebody.reach)?.get_signin_token(address, &somebody.credential, duration);
        drop(progress);
        Ok(token?)
    }
}
