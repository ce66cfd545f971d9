//! Where STS is and how to reach it: the environment's rules, as the AWS SDKs have them.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints", "Dual-stack and FIPS endpoints",
//! "General configuration". Every value is checked here, because the SDK panics on some that it cannot read.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::env_change::REGIONS;
use crate::identity::request::{is_http_url, is_region, parse_flag};

/// How to reach STS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StsSettings {
    /// An address instead of AWS's own.
    pub endpoint: Option<String>,
    /// The region of the person's environment.
    pub region: Option<String>,
    /// A file of certificates to trust instead of the system's.
    pub ca_bundle: Option<CaBundle>,
    /// Use FIPS endpoints.
    pub fips: bool,
    /// Use dual-stack endpoints.
    pub dual_stack: bool,
    /// Ask the one global endpoint for the regions that once had no other.
    pub legacy: bool,
}

/// A file of certificates to trust instead of the system's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaBundle {
    /// The file.
    pub path: PathBuf,
    /// The variable, or the setting and its place, that names it.
    pub from: String,
}

const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

impl CaBundle {
    fn of_variable(path: String) -> Self {
        Self { path: PathBuf::from(path), from: CA_BUNDLE.to_owned() }
    }

    /// Whether the environment names it.
    pub fn is_of_variable(from: &str) -> bool {
        from == CA_BUNDLE
    }
}

/// What a profile says of the same, every value checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfProfile {
    /// The address of STS, or of every service.
    pub endpoint: Option<String>,
    /// Pass over every address but AWS's own.
    pub ignore_endpoints: Option<bool>,
    /// Its region.
    pub region: Option<String>,
    /// A file of certificates.
    pub ca_bundle: Option<CaBundle>,
    /// Use FIPS endpoints.
    pub fips: Option<bool>,
    /// Use dual-stack endpoints.
    pub dual_stack: Option<bool>,
    /// Ask the one global endpoint.
    pub legacy: Option<bool>,
}

impl OfProfile {
    /// Reads the settings of a checked profile by means of `get`; `sts_endpoint` is the key of the address that is for
    /// STS alone. The certificates, whose path may begin in the home folder, are the caller's to add.
    pub fn read<'p>(get: impl Fn(&str) -> Option<&'p str>, sts_endpoint: &str) -> Self {
        let flag = |key: &str| get(key).and_then(parse_flag);
        Self {
            endpoint: get(sts_endpoint).or_else(|| get("endpoint_url")).map(str::to_owned),
            ignore_endpoints: flag("ignore_configured_endpoint_urls"),
            region: get("region").map(str::to_owned),
            ca_bundle: None,
            fips: flag("use_fips_endpoint"),
            dual_stack: flag("use_dualstack_endpoint"),
            legacy: get("sts_regional_endpoints").map(|value| value.eq_ignore_ascii_case(LEGACY)),
        }
    }

    /// These settings, and those of another profile where these say nothing.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let other = other.clone();
        Self {
            endpoint: self.endpoint.or(other.endpoint),
            ignore_endpoints: self.ignore_endpoints.or(other.ignore_endpoints),
            region: self.region.or(other.region),
            ca_bundle: self.ca_bundle.or(other.ca_bundle),
            fips: self.fips.or(other.fips),
            dual_stack: self.dual_stack.or(other.dual_stack),
            legacy: self.legacy.or(other.legacy),
        }
    }

    /// The address that is asked, as it is written: the environment's, else the profile's.
    pub fn endpoint<'a>(&self, get: impl Fn(&str) -> Option<Cow<'a, str>>) -> Option<String> {
        let of_environment = get(IGNORE_ENDPOINT).and_then(|value| parse_flag(&value));
        if of_environment.or(self.ignore_endpoints) == Some(true) {
            return None;
        }
        ENDPOINT.iter().find_map(|name| get(name)).map(Cow::into_owned).or_else(|| self.endpoint.clone())
    }
}

/// The value of `sts_regional_endpoints` that asks for the global endpoint.
const LEGACY: &str = "legacy";

/// A variable that cannot be used as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is '{value}', which is not {wanted}")]
pub struct BadSetting {
    /// The variable.
    pub variable: &'static str,
    /// Its value, made safe to print.
    pub value: String,
    /// What it should be.
    pub wanted: &'static str,
}

impl BadSetting {
    /// What is wrong, without the value, which may hold a password.
    pub fn outcome(&self) -> String {
        format!("{} is not {}", self.variable, self.wanted)
    }
}

impl StsSettings {
    /// Reads the settings by means of `get`, which counts before what a profile says; an empty variable counts as
    /// unset, as in every AWS SDK.
    ///
    /// # Errors
    /// Names the variable that cannot be used.
    pub fn read(get: impl Fn(&str) -> Option<String>, profile: &OfProfile) -> Result<Self, BadSetting> {
        Self::read_of(ENDPOINT, &get, profile)
    }

    /// The same for IAM, of which no profile says anything.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_of_iam(get: impl Fn(&str) -> Option<String>) -> Result<Self, BadSetting> {
        Self::read_of(ENDPOINT_OF_IAM, &get, &OfProfile::default())
    }

    fn read_of(
        addresses: [&'static str; 2],
        get: &dyn Fn(&str) -> Option<String>,
        profile: &OfProfile,
    ) -> Result<Self, BadSetting> {
        let get: &dyn Fn(&str) -> Option<String> = &|name| get(name).filter(|value| !value.is_empty());
        let ignored = flag(get, IGNORE_ENDPOINT)?.or(profile.ignore_endpoints) == Some(true);
        Ok(Self {
            endpoint: if ignored { None } else { endpoint(addresses, get)?.or_else(|| profile.endpoint.clone()) },
            region: region(get)?,
            ca_bundle: get(CA_BUNDLE).map(CaBundle::of_variable).or_else(|| profile.ca_bundle.clone()),
            fips: flag(get, "AWS_USE_FIPS_ENDPOINT")?.or(profile.fips) == Some(true),
            dual_stack: flag(get, "AWS_USE_DUALSTACK_ENDPOINT")?.or(profile.dual_stack) == Some(true),
            legacy: legacy(get)?.or(profile.legacy) == Some(true),
        })
    }

    /// Whether the global endpoint is asked in a region's place.
    pub fn is_global(&self, region: &str) -> bool {
        let is_plain = self.endpoint.is_none() && !self.fips && !self.dual_stack;
        self.legacy && is_plain && GLOBAL_REGIONS.contains(&region)
    }
}

/// The regions whose STS was first reached at `sts.amazonaws.com` only (AWS SDKs and Tools Reference Guide, "AWS STS
/// Regional endpoints").
const GLOBAL_REGIONS: [&str; 16] = [
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "aws-global",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// The variables that give another address than AWS's own, the first that is set counts.
pub const ENDPOINT: [&str; 2] = ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"];
/// The same for IAM.
const ENDPOINT_OF_IAM: [&str; 2] = ["AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL"];
/// The variable that has [`ENDPOINT`] passed over, where it is true.
pub const IGNORE_ENDPOINT: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";

fn endpoint(addresses: [&'static str; 2], get: &dyn Fn(&str) -> Option<String>) -> Result<Option<String>, BadSetting> {
    for variable in addresses {
        if let Some(value) = get(variable) {
            if is_http_url(&value) {
                return Ok(Some(value));
            }
            return Err(bad(variable, &value, "an http:// or https:// address"));
        }
    }
    Ok(None)
}

fn region(get: &dyn Fn(&str) -> Option<String>) -> Result<Option<String>, BadSetting> {
    for variable in REGIONS {
        if let Some(value) = get(variable) {
            if is_region(&value) {
                return Ok(Some(value));
            }
            return Err(bad(variable, &value, "the code of a region, such as eu-west-1"));
        }
    }
    Ok(None)
}

fn flag(get: &dyn Fn(&str) -> Option<String>, variable: &'static str) -> Result<Option<bool>, BadSetting> {
    let read = |value: String| parse_flag(&value).ok_or_else(|| bad(variable, &value, "true or false"));
    get(variable).map(read).transpose()
}

fn legacy(get: &dyn Fn(&str) -> Option<String>) -> Result<Option<bool>, BadSetting> {
    const VARIABLE: &str = "AWS_STS_REGIONAL_ENDPOINTS";
    match get(VARIABLE) {
        None => Ok(None),
        Some(value) if value.eq_ignore_ascii_case(LEGACY) => Ok(Some(true)),
        Some(value) if value.eq_ignore_ascii_case("regional") => Ok(Some(false)),
        Some(value) => Err(bad(VARIABLE, &value, "legacy or regional")),
    }
}

fn bad(variable: &'static str, value: &str, wanted: &'static str) -> BadSetting {
    BadSetting { variable, value: value.escape_debug().to_string(), wanted }
}

/// The region where a partition's STS is asked when nothing names one.
pub fn default_region(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-f" => "us-isof-south-1",
        "aws-eusc" => "eusc-de-east-1",
        _ => "us-east-1",
    }
}

/// The partition that a region belongs to (the SDKs' `partitions.json`, region expressions).
pub fn partition_of(region: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("eusc-", "aws-eusc"),
    ];
    PREFIXES.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}

/// The region to ask: the first candidate of the right partition, else the partition's default.
pub fn signing_region<'a>(partition: &str, candidates: impl IntoIterator<Item = Option<&'a str>>) -> String {
    candidates
        .into_iter()
        .flatten()
        .find(|region| partition_of(region) == partition)
        .unwrap_or_else(|| default_region(partition))
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<StsSettings, BadSetting> {
        read_beside(variables, &OfProfile::default())
    }

    fn read_beside(variables: &[(&str, &str)], profile: &OfProfile) -> Result<StsSettings, BadSetting> {
        StsSettings::read(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()), profile)
    }

    #[test]
    fn the_service_specific_endpoint_wins_and_empty_counts_as_unset() {
        let all = "http://127.0.0.1:1";
        let sts = "https://sts.example/x";
        let got = read(&[("AWS_ENDPOINT_URL", all), ("AWS_ENDPOINT_URL_STS", sts)]).unwrap();
        assert_eq!(got.endpoint.as_deref(), Some(sts));
        let got = read(&[("AWS_ENDPOINT_URL", all), ("AWS_ENDPOINT_URL_STS", "")]).unwrap();
        assert_eq!(got.endpoint.as_deref(), Some(all));
        let got = read(&[("AWS_ENDPOINT_URL", all), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TRUE")]).unwrap();
        assert_eq!(got.endpoint, None);
    }

    #[test]
    fn an_address_may_be_a_name_or_a_number_with_a_port_and_a_path() {
        for url in ["http://localhost:4566", "https://sts.eu-west-1.amazonaws.com/", "http://[::1]:80/x", "http://a_b"]
        {
            assert_eq!(read(&[("AWS_ENDPOINT_URL", url)]).unwrap().endpoint.as_deref(), Some(url));
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (variable, value) in [
            ("AWS_ENDPOINT_URL_STS", "localhost:4566"),
            ("AWS_ENDPOINT_URL", "http://"),
            ("AWS_ENDPOINT_URL", "http://a b"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:99999"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:port"),
            ("AWS_ENDPOINT_URL", "http://:80"),
            ("AWS_ENDPOINT_URL", "http://[::1"),
            ("AWS_ENDPOINT_URL", "http://[x]:80"),
            ("AWS_ENDPOINT_URL", "http://user:secret@host"),
            ("AWS_REGION", "us-east-1;id"),
            ("AWS_DEFAULT_REGION", "a\nb"),
            ("AWS_USE_FIPS_ENDPOINT", "yes"),
            ("AWS_STS_REGIONAL_ENDPOINTS", "global"),
        ] {
            let error = read(&[(variable, value)]).unwrap_err();
            assert_eq!(error.variable, variable);
            assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn a_region_of_another_partition_is_passed_over() {
        assert_eq!(signing_region("aws-cn", [Some("us-east-1"), Some("cn-northwest-1")]), "cn-northwest-1");
        assert_eq!(signing_region("aws-cn", [Some("us-east-1"), None]), "cn-north-1");
        assert_eq!(signing_region("aws", [None, Some("eu-west-1")]), "eu-west-1");
    }

    #[test]
    fn the_environment_counts_before_the_profile_and_says_so_of_the_address_too() {
        let settings = [
            ("endpoint_url", "http://all"),
            ("sts", "http://sts"),
            ("use_fips_endpoint", "true"),
            ("sts_regional_endpoints", "legacy"),
        ];
        let get = |key: &str| settings.iter().find(|(known, _)| *known == key).map(|(_, value)| *value);
        let profile = OfProfile::read(get, "sts");
        let plain = read_beside(&[], &profile).unwrap();
        assert_eq!((plain.endpoint.as_deref(), plain.fips, plain.legacy), (Some("http://sts"), true, true));
        let variables = [("AWS_ENDPOINT_URL", "http://env"), ("AWS_USE_FIPS_ENDPOINT", "false")];
        let over = read_beside(&variables, &profile).unwrap();
        assert_eq!((over.endpoint.as_deref(), over.fips), (Some("http://env"), false));
        let ignoring = [("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"), ("AWS_ENDPOINT_URL", "http://env")];
        for variables in [&variables[..], &ignoring, &[]] {
            let get = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| Cow::Borrowed(*v));
            assert_eq!(profile.endpoint(get), read_beside(variables, &profile).unwrap().endpoint);
        }
    }

    #[test]
    fn legacy_is_for_the_regions_that_had_no_endpoint_of_their_own() {
        let legacy = read(&[("AWS_STS_REGIONAL_ENDPOINTS", "legacy")]).unwrap();
        assert!(legacy.is_global("eu-west-1") && !legacy.is_global("eu-south-1") && !legacy.is_global("cn-north-1"));
        assert!(!StsSettings { fips: true, ..legacy }.is_global("us-east-1"));
    }
}
