//! Where STS is and how to reach it: the environment's rules, as the AWS SDKs have them.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints", "Dual-stack and FIPS endpoints",
//! "General configuration". Every value is checked here, because the SDK panics on some that it cannot read.

use std::path::PathBuf;

use crate::identity::request::is_region;

/// How to reach STS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StsSettings {
    /// An address instead of AWS's own.
    pub endpoint: Option<String>,
    /// The region of the person's environment.
    pub region: Option<String>,
    /// A file of certificates to trust instead of the system's.
    pub ca_bundle: Option<PathBuf>,
    /// Use FIPS endpoints.
    pub fips: bool,
    /// Use dual-stack endpoints.
    pub dual_stack: bool,
}

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

impl StsSettings {
    /// Reads the settings by means of `get`; an empty variable counts as unset, as in every AWS SDK.
    ///
    /// # Errors
    /// Names the variable that cannot be used.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, BadSetting> {
        let get: &dyn Fn(&str) -> Option<String> = &|name| get(name).filter(|value| !value.is_empty());
        let ignored = flag(get, IGNORE_ENDPOINT)?;
        Ok(Self {
            endpoint: if ignored { None } else { endpoint(get)? },
            region: region(get)?,
            ca_bundle: get("AWS_CA_BUNDLE").map(PathBuf::from),
            fips: flag(get, "AWS_USE_FIPS_ENDPOINT")?,
            dual_stack: flag(get, "AWS_USE_DUALSTACK_ENDPOINT")?,
        })
    }
}

/// The variables that give another address than AWS's own, the first that is set counts.
pub const ENDPOINT: [&str; 2] = ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"];
/// The variable that has [`ENDPOINT`] passed over, where it is true.
pub const IGNORE_ENDPOINT: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";

fn endpoint(get: &dyn Fn(&str) -> Option<String>) -> Result<Option<String>, BadSetting> {
    for variable in ENDPOINT {
        if let Some(value) = get(variable) {
            if is_http_url(&value) {
                return Ok(Some(value));
            }
            return Err(bad(variable, &value, "an http:// or https:// address"));
        }
    }
    Ok(None)
}

fn is_http_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        is_host_and_port(authority) && rest.bytes().all(|byte| byte.is_ascii_graphic())
    })
}

/// `host`, `host:port`, `[IPv6]`, `[IPv6]:port`. Names with a user or a password in them are of no use here.
fn is_host_and_port(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) if address.parse::<std::net::Ipv6Addr>().is_ok() => (address, rest),
        Some(_) => return false,
        None => {
            let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            if !host.bytes().all(is_name) {
                return false;
            }
            (host, port)
        }
    };
    let port_is_good = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    !host.is_empty() && port_is_good
}

fn region(get: &dyn Fn(&str) -> Option<String>) -> Result<Option<String>, BadSetting> {
    for variable in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        if let Some(value) = get(variable) {
            if is_region(&value) {
                return Ok(Some(value));
            }
            return Err(bad(variable, &value, "the code of a region, such as eu-west-1"));
        }
    }
    Ok(None)
}

fn flag(get: &dyn Fn(&str) -> Option<String>, variable: &'static str) -> Result<bool, BadSetting> {
    match get(variable) {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
        Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
        Some(value) => Err(bad(variable, &value, "true or false")),
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
        StsSettings::read(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
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
}
