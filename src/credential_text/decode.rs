//! From bytes to text: UTF-8, and the UTF-16 that PowerShell's `>` writes.

use thiserror::Error;
use zeroize::Zeroizing;

/// Why bytes are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this is not {encoding} at byte {offset}: save the file as UTF-8")]
pub struct DecodeError {
    /// What the bytes were taken for.
    pub encoding: &'static str,
    /// The first bad byte, from 0.
    pub offset: usize,
}

/// Decodes UTF-8 or UTF-16, with or without a byte order mark, which is left out. Line endings stay as they are.
pub fn decode(bytes: &[u8]) -> Result<Zeroizing<String>, DecodeError> {
    match bytes {
        // UTF-32 begins like UTF-16, and would come out full of NULs.
        [0xff, 0xfe, 0, 0, ..] => Err(DecodeError { encoding: "UTF-16", offset: 2 }),
        [0xff, 0xfe, rest @ ..] => utf16(rest, 2, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, 2, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest, 3),
        _ if zeros_are_at(bytes, 1) => utf16(bytes, 0, u16::from_le_bytes),
        _ if zeros_are_at(bytes, 0) => utf16(bytes, 0, u16::from_be_bytes),
        _ => utf8(bytes, 0),
    }
}

/// True where the text is plainly UTF-16 with its high bytes at odd (1) or even (0) places: most of its characters
/// are ASCII, so three in four of these bytes are zero and none of the others is.
fn zeros_are_at(bytes: &[u8], place: usize) -> bool {
    let zeros = |place: usize| bytes.iter().skip(place).step_by(2).filter(|byte| **byte == 0).count();
    bytes.len() >= 2 && zeros(place) * 4 >= bytes.len() / 2 * 3 && zeros(1 - place) == 0
}

fn utf8(bytes: &[u8], start: usize) -> Result<Zeroizing<String>, DecodeError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(error) => Err(DecodeError { encoding: "UTF-8", offset: start + error.valid_up_to() }),
    }
}

fn utf16(bytes: &[u8], start: usize, unit: fn([u8; 2]) -> u16) -> Result<Zeroizing<String>, DecodeError> {
    let fault = |offset| DecodeError { encoding: "UTF-16", offset: start + offset };
    let (pairs, odd) = bytes.as_chunks::<2>();
    // Enough for any text: growing would leave copies of secrets behind in freed memory.
    let mut text = Zeroizing::new(String::with_capacity(pairs.len() * 3));
    let mut offset = 0;
    for character in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        let character = character.map_err(|_| fault(offset))?;
        offset += character.len_utf16() * 2;
        text.push(character);
    }
    if odd.is_empty() { Ok(text) } else { Err(fault(offset)) }
}
