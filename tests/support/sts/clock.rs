//! The server's clock and the two forms in which AWS writes a time.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::time::Instant;

/// Epoch seconds of the machine.
#[allow(clippy::disallowed_methods, reason = "the server stands for AWS, so it has a clock of its own")]
pub fn machine_now() -> i64 {
    Timestamp::now().as_second()
}

/// A point in time to measure spans from.
#[allow(clippy::disallowed_methods, reason = "the server stands for AWS, so it has a clock of its own")]
pub fn instant() -> Instant {
    Instant::now()
}

/// `2026-01-02T03:04:05Z`
pub fn iso(epoch: i64) -> String {
    utc(epoch).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `20260102T030405Z`, the form of `X-Amz-Date`.
pub fn basic(epoch: i64) -> String {
    utc(epoch).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// `Fri, 02 Jan 2026 03:04:05 GMT`, the form of the `Date` header.
pub fn http_date(epoch: i64) -> String {
    utc(epoch).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Epoch seconds of an `X-Amz-Date`; `None` for any other form.
pub fn parse_basic(text: &str) -> Option<i64> {
    let time = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    let epoch = time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    // strptime is lenient about widths; AWS is not.
    (basic(epoch) == text).then_some(epoch)
}

fn utc(epoch: i64) -> Timestamp {
    Timestamp::from_second(epoch).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_as_aws_does() {
        assert_eq!(iso(1_767_323_045), "2026-01-02T03:04:05Z");
        assert_eq!(basic(1_767_323_045), "20260102T030405Z");
        assert_eq!(http_date(1_767_323_045), "Fri, 02 Jan 2026 03:04:05 GMT");
        assert_eq!(parse_basic("20260102T030405Z"), Some(1_767_323_045));
        for bad in ["2026-01-02T03:04:05Z", "20260102T030405", "20261302T030405Z", "", "2026012T030405Z"] {
            assert_eq!(parse_basic(bad), None, "{bad}");
        }
    }
}
