//! What the commands take that read, and change nothing.

use std::str::FromStr;

use clap::Args;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

use crate::identity::request::parse_duration;

/// What `--kind` takes: the first six of identities and profiles, the others of credentials, which may be `role`, too.
const KINDS: [&str; 9] = ["role", "user", "root", "federated", "key", "other", "long-term", "imported", "session"];
/// What `--state` takes: of credentials, only `ready`, `expired` and `retired`, which nobody else is.
const STATES: [&str; 8] =
    ["ready", "renewable", "needs-mfa", "needs-sign-in", "expired", "no-credential", "broken", "retired"];

/// `list`
#[derive(Debug, Default, Args)]
pub struct List {
    /// Those of this account: its alias, or its twelve-digit id
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// Those of this kind; may be given more than once
    #[arg(long, value_parser = KINDS)]
    pub kind: Vec<String>,
    /// Those in this state; may be given more than once
    #[arg(long, value_parser = STATES)]
    pub state: Vec<String>,
    /// Every credential, whose it is and how old, without its secret: those of the store, and the keys of profiles
    #[arg(long)]
    pub credentials: bool,
    /// Every account, and how many are known of each
    #[arg(long, conflicts_with = "credentials")]
    pub accounts: bool,
}

/// `status`
#[derive(Debug, Default, Args)]
pub struct Status {
    /// How each profile of the credentials file stands: fresh, expired, failed, without an expiry
    #[arg(long)]
    pub profiles: bool,
}

/// `why`
#[derive(Debug, Args)]
pub struct Why {
    /// Whom
    pub identity: String,
}

/// `show`
#[derive(Debug, Args)]
pub struct Show {
    /// Whom
    pub identity: String,
}

/// `tree`
#[derive(Debug, Args)]
pub struct Tree {
    /// Whom, with all that are assumed from it; without one, everybody
    pub identity: Option<String>,
    /// As a graph for graphviz: multicred tree --dot | dot -Tsvg
    #[arg(long)]
    pub dot: bool,
}

/// `history`
#[derive(Debug, Args)]
pub struct History {
    /// Whom it shall be about: a name, or what was shown then
    pub identity: Option<String>,
    /// Not what is older: 90m, 2h; or a time in UTC, 2026-01-31 or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "DURATION|TIME")]
    pub since: Option<Since>,
    /// What this shell did
    #[arg(long, value_name = "PID")]
    pub shell: Option<u32>,
    /// At most so many, the newest; 50 where neither this nor --since is given
    #[arg(short, long = "number", value_name = "N", allow_negative_numbers = true)]
    pub number: Option<u64>,
}

/// From when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// So many seconds ago.
    Ago(u32),
    /// From this time on, epoch seconds UTC.
    At(i64),
}

impl Since {
    /// The time in epoch seconds, UTC.
    pub fn time(self, now: i64) -> i64 {
        match self {
            Self::Ago(seconds) => now - i64::from(seconds),
            Self::At(time) => time,
        }
    }
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(seconds) = parse_duration(text) {
            return Ok(Self::Ago(seconds));
        }
        let date = || text.parse::<Date>().ok().map(|date| date.at(0, 0, 0, 0));
        let civil = || if text.len() == DATE { date() } else { text.parse::<DateTime>().ok() };
        let time = text.parse::<Timestamp>().ok().or_else(|| Offset::UTC.to_timestamp(civil()?).ok());
        time.map(|time| Self::At(time.as_second()))
            .ok_or("write a duration (90m, 2h, 168h) or a time in UTC (2026-01-31, 2026-01-31T12:00:00Z)")
    }
}

/// How long `2026-01-31` is.
const DATE: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_duration_or_a_time_in_utc() {
        for (text, since) in [
            ("90m", Since::Ago(5400)),
            ("3600", Since::Ago(3600)),
            ("2026-01-31", Since::At(1_769_817_600)),
            ("2026-01-31T12:00:00Z", Since::At(1_769_860_800)),
            ("2026-01-31T12:00:00", Since::At(1_769_860_800)),
            ("2026-01-31T13:00:00+01:00", Since::At(1_769_860_800)),
        ] {
            assert_eq!(text.parse(), Ok(since), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "-1", "2026-01-31T25:00:00Z", "1h2h"] {
            assert!(text.parse::<Since>().is_err(), "{text}");
        }
    }
}
