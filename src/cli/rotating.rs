//! What `rotate` takes.

use clap::Args;

use crate::identity::key_age::DAY;
use crate::identity::request::parse_duration;

/// `rotate`
#[derive(Debug, Args)]
pub struct Rotate {
    /// Whose key: a user or root, or the access key id of one of its keys
    #[arg(conflicts_with_all = ["older_than", "pending"])]
    pub identity: Option<String>,
    /// Every long-term key of the store that was made longer ago: 90d, 12h; and what was interrupted
    #[arg(long, value_name = "AGE", value_parser = parse_age, conflicts_with = "pending")]
    pub older_than: Option<i64>,
    /// List what was interrupted; asks nobody, changes nothing
    #[arg(long)]
    pub pending: bool,
    /// Delete this other key of the user, where AWS lets it have no further one
    #[arg(long, value_name = "KEY-ID", conflicts_with_all = ["older_than", "pending"])]
    pub delete_other: Option<String>,
    /// Also where the old key stands in profiles, which then no longer work
    #[arg(long, short)]
    pub yes: bool,
    /// The MFA code, instead of being asked for it
    #[arg(long, value_name = "CODE")]
    pub mfa_code: Option<String>,
}

/// An age in seconds: a duration that may begin with days.
fn parse_age(text: &str) -> Result<i64, String> {
    let bad = || format!("'{}' is not an age: write 90d, 12h or 1d12h", text.escape_debug());
    let (days, rest) = match text.split_once('d') {
        Some((days, rest)) => (days, rest),
        None => ("0", text),
    };
    let is_number = !days.is_empty() && days.bytes().all(|byte| byte.is_ascii_digit());
    let days: i64 = if is_number { days.parse().map_err(|_| bad())? } else { return Err(bad()) };
    // What follows days has units.
    let has_unit = rest.ends_with(['h', 'm', 's']);
    let seconds = match (text.contains('d'), rest) {
        (true, "") => 0,
        (true, _) if !has_unit => return Err(bad()),
        (_, rest) => parse_duration(rest).map_err(|_| bad())?,
    };
    days.checked_mul(DAY).and_then(|days| days.checked_add(i64::from(seconds))).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_duration_that_may_begin_with_days() {
        for (text, seconds) in [("90d", 7_776_000), ("1d12h", 129_600), ("12h", 43_200), ("3600", 3_600), ("0d", 0)] {
            assert_eq!(parse_age(text), Ok(seconds), "{text}");
        }
        for bad in ["", "d", "d12h", "9o d", "-1d", "1d5", "1d1d", "1h1d", "99999999999999999999d", "٣d"] {
            assert!(parse_age(bad).is_err(), "{bad}");
        }
    }
}
