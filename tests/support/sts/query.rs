//! Form bodies and query strings: `Action=GetCallerIdentity&Version=2011-06-15`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Percent-encodes all but RFC 3986's unreserved characters, as the canonical request demands.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Decodes one form component; `None` where an escape is cut short or the result is not UTF-8.
/// `+` is a space: clients that send a raw base64 `+` are to be caught, as AWS catches them.
pub fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => 16 * hex_digit(bytes.next()?)? + hex_digit(bytes.next()?)?,
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

/// The decoded pairs in the order they were sent; `None` where one does not decode.
pub fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

/// The pairs as a map; `None` where a name is sent twice, since no right answer exists for that.
pub fn params(text: &str) -> Option<BTreeMap<String, String>> {
    let mut map = BTreeMap::new();
    for (name, value) in pairs(text)? {
        if map.insert(name, value).is_some() {
            return None;
        }
    }
    Some(map)
}

fn hex_digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_leaves_only_the_unreserved_characters() {
        assert_eq!(encode("azAZ09-._~"), "azAZ09-._~");
        assert_eq!(encode(" +/=%:é"), "%20%2B%2F%3D%25%3A%C3%A9");
    }

    #[test]
    fn decoding_reads_plus_as_space_and_undoes_encoding() {
        assert_eq!(decode("a+b%2Bc%2f").as_deref(), Some("a b+c/"));
        let text = "arn:aws:iam::111122223333:role/a/b +é";
        assert_eq!(decode(&encode(text)).as_deref(), Some(text));
    }

    #[test]
    fn a_broken_escape_or_a_repeated_name_is_refused() {
        for bad in ["%", "%2", "%zz", "%ff"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
        assert_eq!(params("a=1&a=2"), None);
        assert_eq!(params("a=1&b=").map(|map| map.len()), Some(2));
    }
}
