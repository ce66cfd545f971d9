//! The settings of a profile that are read, and who inherits each.

/// Whom a setting is inherited by. An included profile gives all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// Who the profile is: `[default]` gives it to nobody, or `[default]` would change whom a name means.
    Who,
    /// Whom its role is assumed from: `[default]` gives it to roles that say nothing of the kind themselves.
    From,
    /// How AWS is asked: `[default]` gives it to every profile.
    How,
}

use Says::{From, How, Who};

/// Each in lower case.
pub(super) const KEYS: [(&str, Says); 36] = [
    ("role_arn", Who),
    ("source_profile", From),
    ("credential_source", From),
    ("credential_process", Who),
    ("web_identity_token_file", Who),
    ("web_identity_token_process", Who),
    ("sso_session", Who),
    ("sso_start_url", Who),
    ("sso_region", Who),
    ("sso_account_id", Who),
    ("sso_role_name", Who),
    ("sso_registration_scopes", Who),
    ("login_session", Who),
    ("include_profile", Who),
    ("parent_profile", Who),
    ("destination_profile", Who),
    ("mfa_serial", How),
    ("mfa_process", How),
    ("external_id", How),
    ("region", How),
    ("duration_seconds", How),
    ("session_duration", How),
    ("role_session_name", How),
    ("session_tags", How),
    ("transitive_session_tags", How),
    ("source_identity", How),
    ("sts_regional_endpoints", How),
    ("endpoint_url", How),
    ("services", How),
    (STS_ENDPOINT, How),
    ("ignore_configured_endpoint_urls", How),
    ("use_fips_endpoint", How),
    ("use_dualstack_endpoint", How),
    ("ca_bundle", How),
    ("ec2_metadata_service_endpoint", How),
    ("ec2_metadata_service_endpoint_mode", How),
];

/// The `endpoint_url` of `sts` in the `[services]` section that a profile names: no key of a profile's own section can
/// be called so.
pub const STS_ENDPOINT: &str = "services/sts/endpoint_url";

/// Settings that say where a profile's credential comes from, its own key aside.
pub(super) const SOURCES: [&str; 8] = [
    "source_profile",
    "credential_source",
    "credential_process",
    "web_identity_token_file",
    "web_identity_token_process",
    "sso_session",
    "sso_start_url",
    "login_session",
];

/// What a key says; `None` for one that is not read.
pub(super) fn says(key: &str) -> Option<Says> {
    KEYS.iter().find(|(known, _)| *known == key).map(|(_, says)| *says)
}
