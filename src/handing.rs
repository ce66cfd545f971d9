//! From a credential to what is handed over: the change of an environment, a profile of the credentials file.

use jiff::Timestamp;

use crate::aws_config::temporary::Temporary;
use crate::context::{Context, STAND_INS};
use crate::env_change::{Announcement, EnvChange, REGIONS};
use crate::error::Failure;
use crate::identity::request::{Request, is_region};
use crate::resolve::{Resolved, Resolver};
use crate::secret::Credential;

/// The region for a program: what was asked for; for a profile the environment's before its own, as in the SDKs; else
/// the identity's, else the environment's.
pub fn program_region(context: &Context, resolved: &Resolved, request: &Request) -> Option<String> {
    let environment = || context.own_region().filter(|region| is_region(region));
    let of_identity = || resolved.who.region.clone();
    let asked = request.region.clone();
    if resolved.who.of_profile {
        return asked.or_else(environment).or_else(of_identity);
    }
    asked.or_else(of_identity).or_else(environment)
}

/// What an environment shall hold for the credential. Where no region is known, one that a switch set goes.
pub fn change(context: &Context, resolved: &Resolved, region: Option<&str>) -> EnvChange {
    let mut change = EnvChange::holding(&resolved.credential, told_expiry(resolved).as_deref(), region);
    unset_stale_region(context, &mut change, region);
    own_files(context, &mut change);
    change
}

/// The AWS files are the person's own again, where a live session had stand-ins for them.
pub fn own_files(context: &Context, change: &mut EnvChange) {
    for (variable, _) in STAND_INS {
        let own = context.own_aws_file(variable).map(|path| path.to_string_lossy().into_owned());
        if context.setting(variable).as_deref() != own.as_deref() {
            change.set_or_unset(variable, own);
        }
    }
}

/// Where no region is known, one that an earlier switch set goes; the shell function then brings back the person's.
pub fn unset_stale_region(context: &Context, change: &mut EnvChange, region: Option<&str>) {
    for name in REGIONS.into_iter().filter(|name| region.is_none() && context.is_region_of_switch(name)) {
        change.unset(name);
    }
}

/// Who the environment shall say it is.
pub fn announcement(resolved: &Resolved) -> Announcement<'_> {
    Announcement {
        identity: &resolved.who.shown,
        arn: resolved.who.arn.as_deref(),
        renewable: resolved.renewable,
        restricted: resolved.who.restricted,
        colour: resolved.who.colour.as_deref(),
        of_exec: false,
    }
}

/// The credential's end as AWS told it, in RFC 3339; `None` where it is a guess.
pub fn told_expiry(resolved: &Resolved) -> Option<String> {
    expiry(&resolved.credential).filter(|_| !resolved.expiry_is_guess)
}

/// The credential's end, be it a guess, in RFC 3339.
pub fn expiry(credential: &Credential) -> Option<String> {
    credential.expires_at.and_then(|end| Timestamp::from_second(end).ok()).map(|time| time.to_string())
}

/// Writes the credential into a profile of the credentials file.
///
/// # Errors
/// The profile is not one that multicred may write to, or the file cannot be written; it is then as it was.
pub fn write_profile(
    context: &Context,
    resolver: &mut Resolver<'_>,
    profile: &str,
    somebody: &Resolved,
    request: &Request,
) -> Result<(), Failure> {
    let region = program_region(context, somebody, request);
    let new = Temporary {
        credential: &somebody.credential,
        account_id: somebody.who.account.as_deref(),
        region: region.as_deref(),
        overwrite_region: request.region.is_some(),
        keep: None,
    };
    resolver.write_profile(profile, &new)?;
    context.note(&format!("the profile {profile} of the credentials file is {} now", somebody.who.shown));
    Ok(())
}
