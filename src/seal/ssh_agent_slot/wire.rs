//! The encoding of SSH (RFC 4251, section 5): what is read may be anything, and is `None` where it is cut short.

/// Appends a string: its length as four bytes, big-endian, and its bytes.
pub(super) fn put_string(message: &mut Vec<u8>, bytes: &[u8]) {
    // What is written here is at most as long as a frame that was read.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(bytes);
}

/// What is left to read.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }

    /// A positive number of any length, without leading zeros.
    pub(super) fn big_number(&mut self) -> Option<&'a [u8]> {
        let bytes = self.string()?;
        let first = bytes.iter().position(|&byte| byte != 0)?;
        (bytes[0] & 0x80 == 0).then(|| &bytes[first..])
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_short_or_longer_than_it_says_is_nothing() {
        let mut message = Vec::new();
        put_string(&mut message, b"abc");
        assert_eq!(Reader(&message).string(), Some(&b"abc"[..]));
        for end in 0..message.len() {
            assert_eq!(Reader(&message[..end]).string(), None, "{end}");
        }
        assert_eq!(Reader(&[0xff; 64]).string(), None);
    }

    #[test]
    fn a_big_number_loses_its_leading_zero_and_is_never_negative() {
        assert_eq!(Reader(&[0, 0, 0, 2, 0, 0x80]).big_number(), Some(&[0x80][..]));
        assert_eq!(Reader(&[0, 0, 0, 1, 0x80]).big_number(), None);
        assert_eq!(Reader(&[0, 0, 0, 0]).big_number(), None);
    }
}
