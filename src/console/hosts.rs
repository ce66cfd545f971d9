//! Where a partition signs in, and where its console is.

use super::ConsoleError;
use crate::percent;
use crate::secret::Secret;

/// A partition's sign-in and console. `{region}` stands for a region.
///
/// Sources: AWS General Reference, "AWS Sign-In endpoints and quotas" and "AWS Management Console endpoints and quotas";
/// the same of the AWS China, `GovCloud` and AWS European Sovereign Cloud documentation. The consoles of the
/// isolated partitions (`aws-iso…`) are not public.
const PARTITIONS: [(&str, &str, &str); 4] = [
    ("aws", "signin.aws.amazon.com", "console.aws.amazon.com"),
    ("aws-cn", "signin.amazonaws.cn", "console.amazonaws.cn"),
    ("aws-us-gov", "signin.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"),
    ("aws-eusc", "{region}.signin.amazonaws-eusc.eu", "console.amazonaws-eusc.eu"),
];

/// Who asks for the token: AWS shows it where a session in the console has ended.
const ISSUER: &str = "multicred";

/// Where to sign in, and where the console is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    sign_in: String,
    console: Console,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Console {
    /// AWS's own, with a host for each region.
    Domain(&'static str),
    /// One address for all regions.
    Address(String),
}

/// Addresses instead of AWS's own, without a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instead {
    /// Where to sign in.
    pub sign_in: Option<String>,
    /// Where the console is.
    pub console: Option<String>,
}

impl Hosts {
    /// Those of a partition; `region` is one of its regions.
    ///
    /// # Errors
    /// Nobody says where they are.
    pub fn of(partition: &str, region: &str, instead: Instead) -> Result<Self, ConsoleError> {
        let known = PARTITIONS.iter().find(|(name, ..)| *name == partition);
        let unknown = || ConsoleError::UnknownPartition(partition.to_owned());
        let bare = |address: String| address.trim_end_matches('/').to_owned();
        let sign_in = instead
            .sign_in
            .map(bare)
            .or_else(|| known.map(|(_, host, _)| format!("https://{}", host.replace("{region}", region))));
        let console = instead.console.map(bare).map(Console::Address);
        let console = console.or_else(|| known.map(|(.., domain)| Console::Domain(domain)));
        Ok(Self { sign_in: sign_in.ok_or_else(unknown)?, console: console.ok_or_else(unknown)? })
    }

    /// Where a credential is exchanged for a token.
    pub fn federation(&self) -> String {
        format!("{}/federation", self.sign_in)
    }

    /// The console's address for a region, or for none.
    pub(super) fn console(&self, region: Option<&str>) -> String {
        match (&self.console, region) {
            (Console::Address(address), _) => address.clone(),
            (Console::Domain(domain), None) => format!("https://{domain}"),
            (Console::Domain(domain), Some(region)) => format!("https://{region}.{domain}"),
        }
    }

    /// Whether an address is one of this console's.
    pub(super) fn has(&self, address: &str) -> bool {
        match &self.console {
            Console::Address(own) => address.strip_prefix(own.as_str()).is_some_and(|rest| rest.starts_with('/')),
            Console::Domain(domain) => {
                let host = address.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
                let before = host.and_then(|host| host.strip_suffix(domain));
                let is_name =
                    |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
                before.is_some_and(|before| before.is_empty() || (before.ends_with('.') && is_name(before)))
            }
        }
    }

    /// The link that signs in with this token and leads to this page.
    pub fn login(&self, destination: &str, token: &Secret) -> Secret {
        // Growing would leave copies of the token behind in freed memory.
        let room = 3 * (destination.len() + token.expose().len()) + self.sign_in.len() + 100;
        let mut link = zeroize::Zeroizing::new(String::with_capacity(room));
        link.push_str(&self.sign_in);
        link.push_str("/federation?Action=login&Issuer=");
        percent::encode(ISSUER.as_bytes(), percent::UNRESERVED, &mut link);
        link.push_str("&Destination=");
        percent::encode(destination.as_bytes(), percent::UNRESERVED, &mut link);
        link.push_str("&SigninToken=");
        percent::encode(token.expose().as_bytes(), percent::UNRESERVED, &mut link);
        link.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(partition: &str, region: &str) -> Hosts {
        Hosts::of(partition, region, Instead::default()).unwrap()
    }

    #[test]
    fn each_partition_signs_in_at_its_own_place() {
        for (partition, region, federation, console) in [
            (
                "aws",
                "eu-west-1",
                "https://signin.aws.amazon.com/federation",
                "https://eu-west-1.console.aws.amazon.com",
            ),
            (
                "aws-cn",
                "cn-north-1",
                "https://signin.amazonaws.cn/federation",
                "https://cn-north-1.console.amazonaws.cn",
            ),
            (
                "aws-us-gov",
                "us-gov-west-1",
                "https://signin.amazonaws-us-gov.com/federation",
                "https://us-gov-west-1.console.amazonaws-us-gov.com",
            ),
            (
                "aws-eusc",
                "eusc-de-east-1",
                "https://eusc-de-east-1.signin.amazonaws-eusc.eu/federation",
                "https://eusc-de-east-1.console.amazonaws-eusc.eu",
            ),
        ] {
            let hosts = hosts(partition, region);
            assert_eq!((hosts.federation().as_str(), hosts.console(Some(region)).as_str()), (federation, console));
        }
    }

    #[test]
    fn a_partition_that_nobody_knows_is_refused_unless_both_of_its_places_are_named() {
        let instead = |sign_in: Option<&str>, console: Option<&str>| Instead {
            sign_in: sign_in.map(str::to_owned),
            console: console.map(str::to_owned),
        };
        let of = |instead| Hosts::of("aws-iso-b", "us-isob-east-1", instead);
        let unknown = Err(ConsoleError::UnknownPartition("aws-iso-b".to_owned()));
        assert_eq!(of(Instead::default()), unknown);
        assert_eq!(of(instead(Some("https://a.example"), None)), unknown);
        assert_eq!(of(instead(None, Some("https://b.example"))), unknown);
        let both = of(instead(Some("https://a.example/"), Some("https://b.example/x/"))).unwrap();
        assert_eq!(both.federation(), "https://a.example/federation");
        assert_eq!(both.console(Some("us-isob-east-1")), "https://b.example/x");
    }

    #[test]
    fn a_link_has_each_of_its_parts_encoded() {
        let link = hosts("aws", "eu-west-1").login("https://console.aws.amazon.com/?a=b&c", &Secret::new("t+/="));
        let expected = "https://signin.aws.amazon.com/federation?Action=login&Issuer=multicred&Destination=\
                        https%3A%2F%2Fconsole.aws.amazon.com%2F%3Fa%3Db%26c&SigninToken=t%2B%2F%3D";
        assert_eq!(link.expose(), expected);
    }

    #[test]
    fn only_addresses_of_the_very_console_are_its_own() {
        let hosts = hosts("aws", "eu-west-1");
        for good in ["https://console.aws.amazon.com/", "https://eu-west-1.console.aws.amazon.com/s3/home?x#y"] {
            assert!(hosts.has(good), "{good}");
        }
        for bad in [
            "http://console.aws.amazon.com/",
            "https://evilconsole.aws.amazon.com/",
            "https://console.aws.amazon.com.evil.example/",
            "https://evil.example/console.aws.amazon.com",
            "https://evil.example#.console.aws.amazon.com",
            "https://user@console.aws.amazon.com/",
            "https://evil.example\\.console.aws.amazon.com/",
            "https://console.amazonaws.cn/",
            "https://console.aws.amazon.com:444/",
        ] {
            assert!(!hosts.has(bad), "{bad}");
        }
    }
}
