//! Percent-encoding (RFC 3986).

/// The punctuation that needs none anywhere.
pub const UNRESERVED: &[u8] = b"-._~";

/// Appends bytes: all but letters, digits and what is `plain` become `%XX`.
pub fn encode(bytes: &[u8], plain: &[u8], to: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || plain.contains(byte) {
            to.push(char::from(*byte));
        } else {
            let digits = [byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)]));
            to.extend(['%', digits[0], digits[1]]);
        }
    }
}

/// A text without its encoding; `None` where that is broken or no text.
pub fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            byte
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_can_be_taken_for_a_part_of_the_query_around_it() {
        let mut encoded = String::from("x=");
        encode("a-Z_0.~ &=?#%+/:@é\n\"".as_bytes(), UNRESERVED, &mut encoded);
        assert_eq!(encoded, "x=a-Z_0.~%20%26%3D%3F%23%25%2B%2F%3A%40%C3%A9%0A%22");
    }

    #[test]
    fn a_broken_escape_is_no_text() {
        assert_eq!(decode("arn%3Aaws%2f+").as_deref(), Some("arn:aws/+"));
        for bad in ["%", "%2", "%zz", "%ff"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
