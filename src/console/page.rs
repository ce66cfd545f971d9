//! A page of the console.

use super::service::{self, Service};
use super::{ConsoleError, Hosts};

/// A page of the console, as a person names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// The first one.
    Home,
    /// A service's.
    Service(String),
    /// Below the console's address.
    Path(String),
    /// A whole address, copied from a browser.
    Address(String),
}

impl Page {
    /// The page of a service, by a name that people give it.
    ///
    /// # Errors
    /// It can be no service's name.
    pub fn of_service(name: &str) -> Result<Self, ConsoleError> {
        let name = name.to_ascii_lowercase();
        if service::is_name(&name) {
            return Ok(Self::Service(name));
        }
        Err(ConsoleError::Service(name.escape_debug().to_string()))
    }

    /// The page at a path, or at an address of the console.
    ///
    /// # Errors
    /// It can be neither.
    pub fn at(text: &str) -> Result<Self, ConsoleError> {
        let refused = |reason| Err(ConsoleError::Path { path: text.escape_debug().to_string(), reason });
        // RFC 3986: what a path, a query and a fragment are made of.
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?#%".contains(&byte);
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(is_part) {
            return refused("it is empty, too long, or has characters that no address has");
        }
        let is_escape = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
        if text.split('%').skip(1).any(|rest| !is_escape(rest)) {
            return refused("a % stands before two hexadecimal digits");
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            return Ok(Self::Address(text.to_owned()));
        }
        let path = text.strip_prefix('/').unwrap_or(text);
        if path.starts_with('/') {
            return refused("it begins with two slashes, which lead to another host");
        }
        Ok(Self::Path(path.to_owned()))
    }

    /// The page's address, in a region where one is known.
    ///
    /// # Errors
    /// It is an address of another place than this console.
    pub fn address(&self, hosts: &Hosts, region: Option<&str>) -> Result<String, ConsoleError> {
        match self {
            Self::Home => Ok(in_region(&hosts.console(region), "console/home", region)),
            Self::Service(name) => Ok(match service::known(name) {
                Some(Service { path, is_global: true, .. }) => in_region(&hosts.console(None), path, None),
                Some(Service { path, .. }) => in_region(&hosts.console(region), path, region),
                None => in_region(&hosts.console(region), &format!("{name}/home"), region),
            }),
            Self::Path(path) => Ok(in_region(&hosts.console(region), path, region)),
            Self::Address(address) if hosts.has(address) => Ok(address.clone()),
            Self::Address(address) => {
                let path = address.escape_debug().to_string();
                Err(ConsoleError::Path { path, reason: "it is an address elsewhere than in this identity's console" })
            }
        }
    }
}

/// No address is longer, in bytes.
const LONGEST: usize = 2_000;

/// A path with the region in its query, where it does not say one itself.
fn in_region(console: &str, path: &str, region: Option<&str>) -> String {
    let (before, fragment) = path.find('#').map_or((path, ""), |at| path.split_at(at));
    let says_region = before.split(['?', '&']).skip(1).any(|part| part.starts_with("region="));
    match region.filter(|_| !says_region) {
        None => format!("{console}/{path}"),
        Some(region) => {
            let mark = if before.contains('?') { '&' } else { '?' };
            format!("{console}/{before}{mark}region={region}{fragment}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hosts::Instead;
    use super::*;

    fn address(page: &Page, region: Option<&str>) -> Result<String, ConsoleError> {
        page.address(&Hosts::of("aws", "us-east-1", Instead::default()).unwrap(), region)
    }

    #[test]
    fn a_service_is_found_by_what_people_call_it() {
        let eu = Some("eu-west-1");
        for (name, region, expected) in [
            ("s3", eu, "https://eu-west-1.console.aws.amazon.com/s3/home?region=eu-west-1"),
            ("Lambda", eu, "https://eu-west-1.console.aws.amazon.com/lambda/home?region=eu-west-1"),
            ("cfn", eu, "https://eu-west-1.console.aws.amazon.com/cloudformation/home?region=eu-west-1"),
            ("ddb", eu, "https://eu-west-1.console.aws.amazon.com/dynamodbv2/home?region=eu-west-1"),
            ("logs", eu, "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups"),
            ("iam", eu, "https://console.aws.amazon.com/iam/home"),
            ("billing", eu, "https://console.aws.amazon.com/billing/home"),
            ("something-new", eu, "https://eu-west-1.console.aws.amazon.com/something-new/home?region=eu-west-1"),
            ("ec2", None, "https://console.aws.amazon.com/ec2/home"),
        ] {
            assert_eq!(address(&Page::of_service(name).unwrap(), region).as_deref(), Ok(expected), "{name}");
        }
    }

    #[test]
    fn what_could_lead_elsewhere_is_no_service() {
        for bad in
            ["", "$(id)", "a b", "s3\n", "\"", "//evil", "a@b", "%2f", "s3/home", "..", "s3?x", "-s3", "é", "a.b"]
        {
            assert!(matches!(Page::of_service(bad), Err(ConsoleError::Service(_))), "{bad}");
        }
    }

    #[test]
    fn a_path_stays_below_the_console_and_in_the_region() {
        let eu = Some("eu-west-1");
        let console = "https://eu-west-1.console.aws.amazon.com";
        for (path, expected) in [
            ("/s3/buckets/x", "/s3/buckets/x?region=eu-west-1"),
            ("s3/buckets/x?tab=objects", "/s3/buckets/x?tab=objects&region=eu-west-1"),
            ("/ec2/home?region=us-east-1#Instances:", "/ec2/home?region=us-east-1#Instances:"),
            ("/cloudwatch/home#logsV2:a/$252Fb", "/cloudwatch/home?region=eu-west-1#logsV2:a/$252Fb"),
            ("/user@evil.example", "/user@evil.example?region=eu-west-1"),
            ("/../..", "/../..?region=eu-west-1"),
            ("/", "/?region=eu-west-1"),
        ] {
            let page = Page::at(path).unwrap();
            assert_eq!(address(&page, eu), Ok(format!("{console}{expected}")), "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for bad in [
            "",
            "//evil.example/",
            "/a b",
            "/a\nb",
            "/\\evil.example",
            "/\"x\"",
            "/%",
            "/%2",
            "/%zz",
            "/é",
            "$(touch x)",
            "/`id`",
        ] {
            assert!(matches!(Page::at(bad), Err(ConsoleError::Path { .. })), "{bad}");
        }
        assert!(Page::at(&"x".repeat(LONGEST + 1)).is_err());
    }

    #[test]
    fn an_address_is_taken_as_it_is_where_it_is_the_consoles_own() {
        let own = "https://us-east-2.console.aws.amazon.com/rds/home?region=us-east-2#databases:";
        assert_eq!(address(&Page::at(own).unwrap(), Some("eu-west-1")).as_deref(), Ok(own));
        for bad in ["https://evil.example/", "http://console.aws.amazon.com/", "https://console.amazonaws.cn/"] {
            assert!(address(&Page::at(bad).unwrap(), None).is_err(), "{bad}");
        }
    }
}
