//! How old a long-term key may become.

/// Whoever looks after an account is told to change keys after this many seconds: ninety days (CIS AWS Foundations
/// Benchmark, "access keys are rotated every 90 days or less").
pub const KEY_AGE_LIMIT: i64 = 90 * DAY;

/// Seconds of a day.
pub const DAY: i64 = 24 * 3600;

/// Whether a long-term key that has been known since `created_at` (epoch seconds UTC) should be replaced at `now`.
pub fn is_old(created_at: i64, now: i64) -> bool {
    now.saturating_sub(created_at) > KEY_AGE_LIMIT
}

/// What a person is told who has so many old keys; `None` where there is none.
pub fn hint(old_keys: usize) -> Option<String> {
    let days = KEY_AGE_LIMIT / DAY;
    let keys = match old_keys {
        0 => return None,
        1 => "1 long-term key is".to_owned(),
        count => format!("{count} long-term keys are"),
    };
    Some(format!("{keys} older than {days} days: multicred rotate NAME puts a new one in its place"))
}

/// An age in seconds as a person says it: in the largest unit of which there is one.
pub fn say_age(seconds: i64) -> String {
    match seconds.max(0) {
        seconds if seconds < 60 => format!("{seconds}s"),
        seconds if seconds < 3600 => format!("{}m", seconds / 60),
        seconds if seconds < DAY => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_old_once_ninety_days_have_passed() {
        assert!(!is_old(0, KEY_AGE_LIMIT));
        assert!(is_old(0, KEY_AGE_LIMIT + 1));
        assert!(!is_old(i64::MAX, 0), "a clock that was set back");
        assert!(is_old(i64::MIN, i64::MAX), "no overflow");
    }

    #[test]
    fn nobody_is_told_of_no_old_key() {
        assert_eq!(hint(0), None);
        assert!(hint(1).unwrap().starts_with("1 long-term key is older than 90 days: "));
        assert!(hint(2).unwrap().starts_with("2 long-term keys are older"));
    }

    #[test]
    fn an_age_has_one_unit() {
        for (seconds, said) in
            [(-5, "0s"), (59, "59s"), (3599, "59m"), (7200, "2h"), (DAY - 1, "23h"), (91 * DAY, "91d")]
        {
            assert_eq!(say_age(seconds), said);
        }
    }
}
