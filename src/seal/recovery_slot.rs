//! The `recovery` slot: a printed code, for the day when every other way is lost.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{SealError, SlotSecret, random};
use crate::secret::Secret;

/// Crockford's base 32: no I, L, O or U, and what looks like a digit is read as one.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Five random bits each: 130 bits.
const RANDOM_SYMBOLS: usize = 26;
/// Twenty bits of a hash: a slip of the pen is told from a wrong code.
const CHECK_SYMBOLS: usize = 4;
const GROUP: usize = 5;

/// How a code becomes a slot's secret. The code is random: nothing need be made costly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoverySlot {
    salt: String,
}

impl RecoverySlot {
    /// The slot's kind, as stored.
    pub const KIND: &'static str = "recovery";

    /// A new slot's way, and the code that is shown once.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new() -> Result<(Self, Secret), SealError> {
        let salt = STANDARD.encode(random::<16>()?);
        let random = Zeroizing::new(random::<RANDOM_SYMBOLS>()?);
        let mut symbols: Zeroizing<String> = Zeroizing::new(random.iter().map(|byte| symbol(*byte)).collect());
        let check = check(&symbols);
        symbols.push_str(&check);
        Ok((Self { salt }, grouped(&symbols)))
    }

    /// The secret that a code gives.
    ///
    /// # Errors
    /// A reason in words: a slip of the pen, or a damaged slot.
    pub fn secret(&self, code: &Secret) -> Result<SlotSecret, String> {
        let symbols = read(code).ok_or("this is no recovery code: it has a slip of the pen, or a part is missing")?;
        let salt = STANDARD.decode(&self.salt).map_err(|_| "its salt is damaged".to_owned())?;
        Ok(SlotSecret::extracted(symbols.as_bytes(), &salt, b"multicred recovery slot v1"))
    }
}

/// Whether a text is a recovery code, without a slip of the pen.
pub fn looks_like_code(text: &Secret) -> bool {
    read(text).is_some()
}

/// Whether a text is meant to be a recovery code, though it has a slip of the pen: one symbol or two are wrong, missing
/// or too many. A passphrase of so many capital letters and digits may seem so, too.
pub fn seems_like_code(text: &Secret) -> bool {
    let symbols = || text.expose().chars().filter(|c| !c.is_whitespace() && *c != '-');
    let whole = RANDOM_SYMBOLS + CHECK_SYMBOLS;
    (whole - 2..=whole + 2).contains(&symbols().count()) && symbols().all(|c| c.is_ascii_alphanumeric())
}

/// The symbols of a code, however they are grouped and whichever case they have.
fn read(code: &Secret) -> Option<Zeroizing<String>> {
    let mut symbols = Zeroizing::new(String::with_capacity(RANDOM_SYMBOLS + CHECK_SYMBOLS));
    for typed in code.expose().chars().filter(|c| !c.is_whitespace() && *c != '-') {
        let read = match typed.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let is_symbol = u8::try_from(read).is_ok_and(|byte| ALPHABET.contains(&byte));
        if !is_symbol || symbols.len() == RANDOM_SYMBOLS + CHECK_SYMBOLS {
            return None;
        }
        symbols.push(read);
    }
    let (random, told) = symbols.split_at_checked(RANDOM_SYMBOLS)?;
    (told == check(random)).then(|| symbols.clone())
}

fn symbol(byte: u8) -> char {
    char::from(ALPHABET[usize::from(byte % 32)])
}

fn check(symbols: &str) -> String {
    let hash = Sha256::digest([b"multicred recovery code v1 ", symbols.as_bytes()].concat());
    hash.iter().take(CHECK_SYMBOLS).map(|byte| symbol(*byte)).collect()
}

fn grouped(symbols: &str) -> Secret {
    let mut shown = Zeroizing::new(String::with_capacity(symbols.len() + symbols.len() / GROUP));
    for (index, symbol) in symbols.chars().enumerate() {
        if index > 0 && index % GROUP == 0 {
            shown.push('-');
        }
        shown.push(symbol);
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_in_any_case_and_grouping_and_with_look_alikes() {
        let (slot, code) = RecoverySlot::new().unwrap();
        let text = code.expose();
        assert_eq!((text.len(), text.matches('-').count()), (35, 5), "{text}");
        let secret = *slot.secret(&code).unwrap().0;
        let spaced = text.replace('-', " ").to_lowercase();
        for typed in [text.replace('-', ""), spaced, text.replace('0', "o").replace('1', "l"), format!(" {text}\n")] {
            assert_eq!(*slot.secret(&Secret::new(typed.clone())).unwrap().0, secret, "{typed}");
        }
    }

    #[test]
    fn one_wrong_symbol_or_a_missing_one_is_told() {
        let (slot, code) = RecoverySlot::new().unwrap();
        let symbols = code.expose().replace('-', "");
        // Twenty bits of check: one slip in a million goes by, and then opens nothing.
        let undetected = (0..symbols.len()).filter(|index| {
            let mut slipped = symbols.clone().into_bytes();
            slipped[*index] = if slipped[*index] == b'7' { b'8' } else { b'7' };
            looks_like_code(&Secret::new(String::from_utf8(slipped).unwrap()))
        });
        assert_eq!(undetected.count(), 0);
        for bad in ["", "7", &symbols[1..], &format!("{symbols}7"), "ÄÄÄÄÄ-ÄÄÄÄÄ"] {
            assert!(slot.secret(&Secret::new(bad)).is_err(), "{bad}");
        }
        for slipped in [&symbols[1..], &format!("{symbols}7"), &symbols.to_lowercase().replace('w', "v")] {
            assert!(seems_like_code(&Secret::new(slipped)), "{slipped}");
        }
        assert!(!seems_like_code(&Secret::new("correct horse battery staple")));
    }

    #[test]
    fn no_two_codes_are_the_same() {
        let codes: std::collections::HashSet<String> =
            (0..100).map(|_| RecoverySlot::new().unwrap().1.expose().to_owned()).collect();
        assert_eq!(codes.len(), 100);
    }
}
