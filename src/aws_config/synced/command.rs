//! The command that a synced profile names, as every SDK splits it.
//!
//! botocore splits with Python's `shlex` and starts no shell; the Go, Rust and JavaScript SDKs hand the value to
//! `sh -c`. Both read single quotes alike.

/// Why no value of `credential_process` can hold a word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// It would end the line, or cannot be seen.
    #[error("'{}' has a line break or another control character in it", .0.escape_debug())]
    ControlCharacter(String),
    /// The INI rules cut a comment off there.
    #[error("'{0}' has a # or ; after white space, which ends a value of an AWS config file")]
    Comment(String),
    /// The Go SDK (internal/ini, `legacyStrconv`) turns `\n`, `\'` and `\"` of any value into something else.
    #[error("'{0}' has a backslash in it, which not every SDK reads as one")]
    Backslash(String),
}

/// The value that runs these words.
///
/// # Errors
/// A word would be read back as another one.
pub fn command(words: &[&str]) -> Result<String, Unwritable> {
    for word in words {
        check(word)?;
    }
    Ok(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "))
}

fn check(word: &str) -> Result<(), Unwritable> {
    let ends_value = |pair: (char, char)| pair.0.is_whitespace() && matches!(pair.1, '#' | ';');
    match word {
        _ if word.contains(char::is_control) => Err(Unwritable::ControlCharacter(word.to_owned())),
        _ if word.chars().zip(word.chars().skip(1)).any(ends_value) => Err(Unwritable::Comment(word.to_owned())),
        _ if word.contains('\\') => Err(Unwritable::Backslash(word.to_owned())),
        _ => Ok(()),
    }
}

/// A word in single quotes, where it needs them. A quote in it is put between double quotes: of `'\''` the Go SDK
/// would take the backslash away. The value as a whole never ends in a quote, since its last word needs none: the Go
/// SDK would take a quote at both ends for a pair.
pub(in crate::aws_config) fn quoted(word: &str) -> String {
    // Those that Python's shlex.quote leaves alone.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\"'\"'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_need_quotes_get_them() {
        let value = |program: &str| command(&[program, "credential-process", "prod/Admin"]);
        assert_eq!(value("/usr/bin/multicred").as_deref(), Ok("/usr/bin/multicred credential-process prod/Admin"));
        assert_eq!(value("/a b/$(x)/m").as_deref(), Ok("'/a b/$(x)/m' credential-process prod/Admin"));
        assert_eq!(value("/it's/m").as_deref(), Ok(r#"'/it'"'"'s/m' credential-process prod/Admin"#));
    }

    #[test]
    fn a_word_that_some_reader_would_change_is_refused() {
        for (word, is_good) in [
            ("/a#b;c", true),
            ("/a b", true),
            ("/a #b", false),
            ("/a\u{a0};b", false),
            ("/a\nb", false),
            ("/a\tb", false),
            ("/a\\b", false),
        ] {
            assert_eq!(command(&[word]).is_ok(), is_good, "{word:?}");
        }
    }

    #[test]
    fn a_command_is_split_into_the_words_it_was_made_of() {
        for program in ["/usr/bin/multicred", "/a b/multicred", "/it's/$(x)/multicred"] {
            let words = [program, "--store", "/x y/m.db", "credential-process", "bob"];
            let split = crate::credential_text::command_words(&command(&words).unwrap());
            assert_eq!(split.as_deref(), Some(&words.map(str::to_owned)[..]));
        }
    }
}
