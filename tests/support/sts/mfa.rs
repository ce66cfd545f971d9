//! MFA devices: who owns them, and that a code works once.

use std::collections::BTreeSet;

use super::totp;

/// What a device shows.
#[derive(Debug, Clone)]
enum Codes {
    /// RFC 6238 codes of this seed.
    Totp(Vec<u8>),
    /// Any six digits, for demos where nobody has an authenticator.
    Any,
}

/// One device of one user.
#[derive(Debug)]
pub struct Device {
    pub owner_arn: String,
    codes: Codes,
    /// Accepted before: time steps, or the codes themselves where any will do.
    used: BTreeSet<u64>,
    /// Steps or codes that `next_code` has given to a test.
    handed_out: BTreeSet<u64>,
    /// How many steps further into the future than usual the window reaches. Grows when a test takes more codes
    /// than real time has steps, so that no test waits; codes of a real authenticator stay good.
    lead: u64,
}

impl Device {
    pub fn totp(owner_arn: &str, seed: &[u8]) -> Self {
        Self::new(owner_arn, Codes::Totp(seed.to_vec()))
    }

    pub fn any(owner_arn: &str) -> Self {
        Self::new(owner_arn, Codes::Any)
    }

    fn new(owner_arn: &str, codes: Codes) -> Self {
        Self { owner_arn: owner_arn.to_owned(), codes, used: BTreeSet::new(), handed_out: BTreeSet::new(), lead: 0 }
    }

    /// Whether the code is good now. A good code is used up by this.
    pub fn accept(&mut self, code: &str, now: i64) -> bool {
        if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
        match &self.codes {
            Codes::Any => code.parse().is_ok_and(|number| self.used.insert(number)),
            Codes::Totp(seed) => {
                let step = totp::step_at(now);
                let window = step.saturating_sub(1)..=step + 1 + self.lead;
                let fits = window.into_iter().find(|step| !self.used.contains(step) && totp::code(seed, *step) == code);
                fits.is_some_and(|step| self.used.insert(step))
            }
        }
    }

    /// A code that is good now and that neither was accepted nor given out before.
    pub fn next_code(&mut self, now: i64) -> String {
        let first = match self.codes {
            Codes::Any => 100_000,
            Codes::Totp(_) => totp::step_at(now),
        };
        let free = (first..u64::MAX).find(|number| !self.used.contains(number) && !self.handed_out.contains(number));
        let number = free.unwrap_or(first);
        self.handed_out.insert(number);
        match &self.codes {
            Codes::Any => format!("{number:06}"),
            Codes::Totp(seed) => {
                self.lead = self.lead.max((number - first).saturating_sub(1));
                totp::code(seed, number)
            }
        }
    }

    /// The seed in base32 for an authenticator or `oathtool`; `None` where any code will do.
    pub fn seed(&self) -> Option<String> {
        match &self.codes {
            Codes::Any => None,
            Codes::Totp(seed) => Some(totp::base32(seed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_323_045;

    #[test]
    fn a_code_works_once_within_one_step_either_way() {
        let seed = b"12345678901234567890";
        let step = totp::step_at(NOW);
        for (offset, good) in [(0, false), (1, true), (2, true), (3, true), (4, false)] {
            let mut device = Device::totp("alice", seed);
            let code = totp::code(seed, step - 2 + offset);
            assert_eq!(device.accept(&code, NOW), good, "step {offset}");
            assert!(!device.accept(&code, NOW), "a second time");
        }
    }

    #[test]
    fn any_number_of_fresh_codes_can_be_had_without_waiting() {
        let mut device = Device::totp("alice", b"seed");
        let codes: BTreeSet<String> = (0..10).map(|_| device.next_code(NOW)).collect();
        assert_eq!(codes.len(), 10);
        assert!(codes.iter().all(|code| device.accept(code, NOW)));
        let mut demo = Device::any("alice");
        assert!(demo.accept("123456", NOW) && !demo.accept("123456", NOW) && !demo.accept("12345x", NOW));
    }
}
