//! The variables of the environment that count before what a profile says.

use std::borrow::Cow;

use crate::aws_config::Profile;
use crate::context::Context;
use crate::identity::arn;
use crate::identity::request::{RoleOfEnvironment, is_mfa_serial, is_session_name};
use crate::identity::session_tags::{SessionTags, transitive_keys};
use crate::sts::settings::BadSetting;

const SESSION_NAME: &str = "2 to 64 letters, digits or _+=,.@-";

/// A variable, the setting it stands for, what its value must be, and whether a value is that.
type Known = (&'static str, &'static str, &'static str, fn(&str) -> bool);

/// For every profile of a chain.
const EVERY: [Known; 1] = [("AWS_MFA_SERIAL", "mfa_serial", "an MFA device's ARN or serial number", is_mfa_serial)];

/// For the profile that is asked for.
const TARGET: [Known; 3] = [
    ("AWS_SESSION_TAGS", "session_tags", "a list of session tags: KEY=VALUE,KEY=VALUE", |text| {
        SessionTags::of_setting(text).is_ok()
    }),
    ("AWS_TRANSITIVE_TAGS", "transitive_session_tags", "a list of the keys of session tags", |text| {
        transitive_keys(text).is_ok()
    }),
    ("AWS_SOURCE_IDENTITY", "source_identity", SESSION_NAME, is_session_name),
];

/// The names of them all: what a profile comes to depends on them.
pub(in crate::resolve) fn names() -> impl Iterator<Item = &'static str> {
    EVERY.iter().chain(&TARGET).map(|(name, ..)| *name)
}

/// Those that are set.
pub(super) struct Variables<'c> {
    every: Vec<(&'static Known, Cow<'c, str>)>,
    target: Vec<(&'static Known, Cow<'c, str>)>,
}

impl<'c> Variables<'c> {
    /// # Errors
    /// Names the variable that cannot be used.
    pub(super) fn read(context: &'c Context) -> Result<Self, BadSetting> {
        let set = |known: &'static [Known]| -> Result<Vec<(&'static Known, Cow<'c, str>)>, BadSetting> {
            let set = known.iter().filter_map(|known| Some((known, context.setting(known.0)?)));
            set.map(|(known, value)| check(known.0, Some(&value), known.2, known.3).map(|()| (known, value))).collect()
        };
        Ok(Self { every: set(&EVERY)?, target: set(&TARGET)? })
    }

    pub(super) fn on_every(&self, profile: Profile) -> Profile {
        over(&self.every, profile)
    }

    pub(super) fn on_target(&self, profile: Profile) -> Profile {
        over(&self.target, profile)
    }
}

fn over(set: &[(&'static Known, Cow<'_, str>)], profile: Profile) -> Profile {
    set.iter().fold(profile, |profile, ((variable, key, ..), value)| profile.with_variable(key, value, variable))
}

/// What the environment says of a profile's role counts only where a profile is asked for: elsewhere it may hold what it
/// likes.
///
/// # Errors
/// Names the variable that cannot be used.
pub(super) fn check_role(environment: &RoleOfEnvironment) -> Result<(), BadSetting> {
    check("AWS_ROLE_ARN", environment.arn.as_deref(), "the ARN of a role", arn::is_role)?;
    check("AWS_ROLE_SESSION_NAME", environment.session_name.as_deref(), SESSION_NAME, is_session_name)
}

fn check(
    variable: &'static str,
    value: Option<&str>,
    wanted: &'static str,
    is_good: impl Fn(&str) -> bool,
) -> Result<(), BadSetting> {
    match value.filter(|value| !is_good(value)) {
        Some(bad) => Err(BadSetting { variable, value: bad.escape_debug().to_string(), wanted }),
        None => Ok(()),
    }
}

/// What a profile says of the instance's metadata service, by the names of the variables that mean the same.
pub(super) fn of_machine(profile: &Profile) -> Vec<(&'static str, String)> {
    let settings = [
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode"),
    ];
    settings.into_iter().filter_map(|(variable, key)| Some((variable, profile.value(key)?.to_owned()))).collect()
}
