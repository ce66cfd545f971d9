//! What a person asked for beside the name: durations, session names, how fresh, how restricted.

use super::session_policy::SessionPolicy;
use super::session_tags::SessionTags;

/// AWS's limits on durations, in seconds.
pub mod limits {
    /// The shortest session of any kind.
    pub const SHORTEST: u32 = 900;
    /// The longest role session (API reference, `AssumeRole`).
    pub const ROLE: u32 = 43_200;
    /// The longest user session (API reference, `GetSessionToken`).
    pub const USER_SESSION: u32 = 129_600;
    /// The longest name of a federated user (API reference, `GetFederationToken`, `Name`).
    pub const FEDERATED_NAME: usize = 32;
    /// The longest session of a root user (API reference, `GetSessionToken`, `GetFederationToken`).
    pub const ROOT_SESSION: u32 = 3_600;
    /// The longest session of a role assumed by role chaining (IAM User Guide, "Roles terms and concepts").
    pub const CHAINED: u32 = 3_600;
}

/// The life left that a stored credential must have more of to be used without a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinTtl {
    /// As much as a person at a shell needs.
    #[default]
    Shell,
    /// As much as an SDK needs, which refreshes from fifteen minutes before the end.
    Program,
    /// So many seconds, whatever happens.
    Asked(u32),
}

impl MinTtl {
    /// Five minutes.
    const SHELL: i64 = 300;
    /// Sixteen minutes.
    const PROGRAM: i64 = 960;

    /// The threshold of a credential that lives `life` seconds in all: half of a short life.
    pub fn seconds(self, life: i64) -> i64 {
        match self {
            Self::Shell => Self::SHELL.min(life / 2),
            Self::Program => Self::PROGRAM.min(life / 2),
            Self::Asked(seconds) => i64::from(seconds),
        }
    }
}

/// What the environment says of a profile's role, instead of the profile itself. It counts for programs, not in a
/// switch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleOfEnvironment {
    /// `AWS_ROLE_ARN`
    pub arn: Option<String>,
    /// `AWS_ROLE_SESSION_NAME`
    pub session_name: Option<String>,
}

/// Who asks, which decides whom a question about a protected account could reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asker {
    /// A person, to be somebody in a shell.
    #[default]
    Switch,
    /// A program, or a person for one. What its shell holds was confirmed there.
    Program,
    /// The agent, for a live session, where nobody is.
    Agent,
}

/// What was asked for beside the name. The default asks for nothing special.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct Request {
    /// The lifetime wanted, in seconds.
    pub duration: Option<u32>,
    /// The least remaining lifetime accepted.
    pub min_ttl: MinTtl,
    /// Do not take the target's credential from the store: obtain a new one.
    pub fresh: bool,
    /// Use a user's long-term key itself, without `GetSessionToken`.
    pub no_session: bool,
    /// The role session name.
    pub session_name: Option<String>,
    /// The region to set.
    pub region: Option<String>,
    /// Who is behind the chain's first role session, for audit trails.
    pub source_identity: Option<String>,
    /// The tags of the target's session.
    pub tags: SessionTags,
    /// What the target's session may do at most.
    pub policy: SessionPolicy,
    /// What the environment says of a profile's role.
    pub role_of_environment: RoleOfEnvironment,
    /// It is to sign in to the console with: a user's session is then a federated one, and a role's session in the
    /// console may outlast its credential.
    pub for_console: bool,
    /// The stored credential itself was named, by its access key id.
    pub as_it_is: bool,
    /// The most that the target's credential may last, in seconds: its account is protected.
    pub lease: Option<u32>,
    /// Who asks.
    pub asker: Asker,
}

impl Request {
    /// A duration of the target's credential in seconds, cut to the lease.
    pub(super) fn within_lease(&self, duration: u32) -> u32 {
        self.lease.map_or(duration, |lease| duration.min(lease))
    }

    /// Whether any flag changes what is asked of AWS (and not only when it is asked): then a credential
    /// that was imported cannot stand for it.
    pub fn shapes_the_call(&self) -> bool {
        self.duration.is_some()
            || self.session_name.is_some()
            || self.no_session
            || self.source_identity.is_some()
            || !self.tags.is_empty()
            || !self.policy.is_empty()
    }
}

/// Reads a duration: `3600`, `90m`, `2h`, `1h30m`; the result is in seconds.
///
/// # Errors
/// Returns a sentence that says what a duration looks like.
pub fn parse_duration(text: &str) -> Result<u32, String> {
    let bad = || format!("'{}' is not a duration: write 3600, 90m, 2h or 1h30m", text.escape_debug());
    let (mut total, mut digits, mut last_unit) = (0u32, String::new(), u32::MAX);
    for character in text.chars() {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        let unit = match character {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return Err(bad()),
        };
        // Units come in falling order, each once: 1h30m, never 30m1h.
        if unit >= last_unit {
            return Err(bad());
        }
        last_unit = unit;
        let count: u32 = digits.parse().map_err(|_| bad())?;
        total = count.checked_mul(unit).and_then(|s| total.checked_add(s)).ok_or_else(bad)?;
        digits.clear();
    }
    match (digits.is_empty(), last_unit) {
        (true, u32::MAX) => Err(bad()),
        (true, _) => Ok(total),
        (false, u32::MAX) => digits.parse().map_err(|_| bad()),
        (false, _) => Err(bad()),
    }
}

/// Writes a number of seconds as a person says it: `45s`, `43m`, `7h59m`.
pub fn say_duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (hours, minutes) = (seconds / 3600, seconds % 3600 / 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m"),
        (_, 0) => format!("{hours}h"),
        _ => format!("{hours}h{minutes}m"),
    }
}

/// Whether this may be a region: letters, digits and dashes, as every region code is. Anything else would end up
/// in a host name or, worse, in a shell.
pub fn is_region(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
}

/// Whether this may be an MFA serial (API reference, `AssumeRole`, `SerialNumber`: `[\w+=/:,.@-]{9,256}`).
pub fn is_mfa_serial(text: &str) -> bool {
    (9..=256).contains(&text.len())
        && text.bytes().all(|byte| super::arn::is_iam_name_byte(byte) || b"/:".contains(&byte))
}

/// Whether this may be an external id (API reference, `AssumeRole`, `ExternalId`: `[\w+=,.@:/-]{2,1224}`).
pub fn is_external_id(text: &str) -> bool {
    (2..=1224).contains(&text.len())
        && text.bytes().all(|byte| super::arn::is_iam_name_byte(byte) || b"/:".contains(&byte))
}

/// Whether this may be a role session name, or a source identity (API reference, `AssumeRole`: `[\w+=,.@-]{2,64}`).
pub fn is_session_name(text: &str) -> bool {
    (2..=64).contains(&text.len()) && text.bytes().all(super::arn::is_iam_name_byte)
}

/// Whether an address is `https`, or `http` on this very machine: nobody else reads what is sent there.
pub fn is_private_url(url: &str) -> bool {
    if !is_http_url(url) {
        return false;
    }
    let Some(rest) = url.strip_prefix("http://") else { return true };
    let host = host(rest);
    let is_loopback = host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    is_loopback || ["localhost", "[::1]"].contains(&host)
}

/// The host of an address without its scheme; an IPv6 address keeps its brackets.
pub fn host(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.strip_prefix('[') {
        Some(_) => &authority[..=authority.find(']').unwrap_or(0)],
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// Whether this may be the address of a service.
pub fn is_http_url(text: &str) -> bool {
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

/// Reads a flag as the SDKs write it: `true` or `false`, in any case.
pub fn parse_flag(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Maps a person's name into a legal role session name.
pub fn session_name_from(name: &str) -> String {
    let mapped: String = name
        .chars()
        .map(|c| if u8::try_from(c).is_ok_and(super::arn::is_iam_name_byte) { c } else { '-' })
        .take(64)
        .collect();
    match mapped.len() {
        0 => "multicred".to_owned(),
        1 => format!("{mapped}-"),
        _ => mapped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_every_written_form() {
        for (text, seconds) in
            [("3600", 3600), ("90m", 5400), ("2h", 7200), ("1h30m", 5400), ("45s", 45), ("1h1m1s", 3661)]
        {
            assert_eq!(parse_duration(text), Ok(seconds), "{text}");
        }
        for bad in ["", "h", "1h30", "30m1h", "1d", "-5", "1h1h", "99999999999", "1,5h", "٣"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn regions_never_carry_shell_or_host_syntax() {
        for good in ["us-east-1", "eu-west-2", "us-gov-west-1", "moon-1"] {
            assert!(is_region(good), "{good}");
        }
        for bad in ["", "us-east-1;id", "us-east-1\n", "-x", "US-EAST-1", "a.b", "a/b", "x-"] {
            assert!(!is_region(bad), "{bad}");
        }
    }

    #[test]
    fn any_name_maps_into_a_legal_session_name() {
        for name in ["", "a", "Ann Bob", "é", &"x".repeat(100), "$(id)", "alice@corp.example"] {
            let mapped = session_name_from(name);
            assert!(is_session_name(&mapped), "{name} became {mapped}");
        }
        assert_eq!(session_name_from("alice@corp.example"), "alice@corp.example");
    }
}
