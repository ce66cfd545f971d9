//! When a credential expires, in the forms that tools write it.

use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::Offset;

/// From here on a number counts milliseconds (as `aws sso get-role-credentials` prints them): as seconds it would be
/// a time after the year 5000.
const FIRST_MILLISECOND: i64 = 100_000_000_000;

/// Reads RFC 3339 with any offset, a date and time without one (which is UTC), or an epoch number in seconds or
/// milliseconds. Returns epoch seconds, UTC.
pub(super) fn epoch_seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.starts_with(|first: char| first.is_ascii_digit()) && !text.contains('-') {
        return epoch_number(text);
    }
    let is_whole = text.contains(':');
    let instant = text.parse::<Timestamp>().ok().or_else(|| without_offset(text))?;
    is_whole.then_some(instant.as_second())
}

/// A time (epoch seconds, UTC) in the form of `old`: a number where that is one, in its unit, else RFC 3339 in UTC, with
/// `+00:00` where that has it; `None` for a time that has no such form.
pub fn written_like(old: &str, seconds: i64) -> Option<String> {
    let old = old.trim();
    let is_number = !old.is_empty() && old.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !is_number {
        let time = Timestamp::from_second(seconds).ok()?.to_string();
        // As Python writes it (mentaws), which before 3.11 does not read the Z.
        let has_offset = old.ends_with("+00:00");
        return Some(if has_offset { time.trim_end_matches('Z').to_owned() + "+00:00" } else { time });
    }
    let whole = old.split('.').next().and_then(|whole| whole.parse::<i64>().ok());
    let unit = if whole.is_some_and(|number| number >= FIRST_MILLISECOND) { 1000 } else { 1 };
    seconds.checked_mul(unit).map(|number| number.to_string())
}

/// A time (epoch seconds, UTC) as mentaws shows it: `Mon 14:30 tz:UTC`.
pub fn shown(seconds: i64) -> Option<String> {
    let time = Offset::UTC.to_datetime(Timestamp::from_second(seconds).ok()?);
    let day = match time.date().weekday() {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    };
    Some(format!("{day} {:02}:{:02} tz:UTC", time.hour(), time.minute()))
}

fn epoch_number(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    Some(if number >= FIRST_MILLISECOND { number / 1000 } else { number })
}

fn without_offset(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix("UTC").map_or(text, str::trim_end);
    Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok()
}
