//! Where the credential of a profile comes from, before any role of its own.

use super::check::{ENVIRONMENT, check, contradiction};
use super::problem::Problem;
use super::{FileKey, Places, Profile, Setting};
use crate::identity::route::Metadata;

/// The base of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source<'p> {
    /// Its own key, in the files.
    Key(&'p FileKey),
    /// Its own key, in the store, under its name.
    Stored,
    /// Another profile.
    Profile(&'p Setting),
    /// The variables of the environment.
    Environment(&'p Setting),
    /// The machine's metadata service.
    Metadata(&'p Setting, Metadata),
    /// A program that prints a credential.
    Process(&'p Setting),
    /// A web identity's token: a file, or a program that prints it.
    WebIdentity(&'p Setting),
    /// Nothing says.
    Nothing,
}

/// What each tool would be at such a profile is different.
const WHO: &str = "whom one is depends on the tool that reads it";

/// The source of a profile that can be followed. `is_stored` says whether the store has a key under its name: keys of a
/// profile's own beat whatever else it says.
///
/// # Errors
/// A value that AWS would not take, a contradiction, or a way that is not open yet.
pub fn source<'p>(profile: &'p Profile, is_stored: bool, places: Places<'_>) -> Result<Source<'p>, Problem> {
    check(profile, places)?;
    if let Some(key) = &profile.key {
        return Ok(Source::Key(key));
    }
    if is_stored {
        return Ok(Source::Stored);
    }
    let no_role = |setting: &Setting| Problem::NoRole {
        profile: profile.name.clone(),
        key: setting.key.clone(),
        place: places(&setting.origin),
    };
    let has_role = profile.setting("role_arn").is_some();
    refuse_contradictions(profile, has_role, places)?;
    if let Some(setting) = profile.setting("source_profile") {
        return Ok(Source::Profile(setting));
    }
    if let Some(setting) = profile.setting("credential_source") {
        return if has_role { Ok(of_machine(setting)) } else { Err(no_role(setting)) };
    }
    if let Some((setting, service)) = sign_in(profile) {
        let (profile, key, place) = (profile.name.clone(), setting.key.clone(), places(&setting.origin));
        return Err(Problem::NeedsSignIn { profile, service, key, place });
    }
    if let Some(setting) = web_identity(profile) {
        return if has_role { Ok(Source::WebIdentity(setting)) } else { Err(no_role(setting)) };
    }
    Ok(profile.setting("credential_process").map_or(Source::Nothing, Source::Process))
}

/// Where SDKs differ, or refuse, nobody can say whom the person means.
fn refuse_contradictions(profile: &Profile, has_role: bool, places: Places<'_>) -> Result<(), Problem> {
    let setting = |key: &str| profile.setting(key);
    let both = |one: Option<&Setting>, other: Option<&Setting>, why: &'static str| match (one, other) {
        (Some(one), Some(other)) => Err(contradiction(profile, one, other, why, places)),
        _ => Ok(()),
    };
    let from = setting("source_profile").or(setting("credential_source"));
    both(setting("source_profile"), setting("credential_source"), "a role is assumed from one of them")?;
    both(setting("web_identity_token_file"), setting("web_identity_token_process"), "one token is enough")?;
    both(from, web_identity(profile), "a role is assumed from one of them")?;
    if has_role {
        return Ok(());
    }
    both(setting("source_profile"), setting("credential_process"), WHO)?;
    both(setting("source_profile"), sign_in(profile).map(|(setting, _)| setting), WHO)
}

fn of_machine(setting: &Setting) -> Source<'_> {
    match &*setting.value {
        ENVIRONMENT => Source::Environment(setting),
        "EcsContainer" => Source::Metadata(setting, Metadata::EcsContainer),
        _ => Source::Metadata(setting, Metadata::Ec2Instance),
    }
}

fn web_identity(profile: &Profile) -> Option<&Setting> {
    profile.setting("web_identity_token_file").or_else(|| profile.setting("web_identity_token_process"))
}

/// The setting that asks for a browser, and AWS's name of what it signs in through.
fn sign_in(profile: &Profile) -> Option<(&Setting, &'static str)> {
    let sso = ["sso_session", "sso_start_url", "sso_account_id", "sso_role_name"];
    let sso = sso.iter().find_map(|key| profile.setting(key)).map(|setting| (setting, "IAM Identity Center"));
    sso.or_else(|| profile.setting("login_session").map(|setting| (setting, "aws login")))
}
