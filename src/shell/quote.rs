//! Quoting: any value, whatever its characters, as one word of a shell's language.

use std::fmt::Write as _;

use super::Language;

/// Appends `value` to `code` as one quoted word.
pub fn quote(language: Language, value: &str, code: &mut String) {
    match language {
        Language::Nu => code.push_str(&json(value)),
        _ => between_quotes(language, value, code),
    }
}

fn between_quotes(language: Language, value: &str, code: &mut String) {
    code.push('\'');
    for character in value.chars() {
        match (language, character) {
            // POSIX, 2.2.2: nothing but the quote itself is special between single quotes.
            (Language::Posix | Language::Tcsh, '\'') => code.push_str("'\\''"),
            // fish, "Quotes": between single quotes \' and \\ are the only escapes.
            (Language::Fish, '\'') => code.push_str("\\'"),
            (Language::Fish, '\\') => code.push_str("\\\\"),
            // tcsh(1), "Lexical structure": ! names the history, and a newline ends the word, also between quotes.
            (Language::Tcsh, '!') => code.push_str("\\!"),
            (Language::Tcsh, '\n') => code.push_str("\\\n"),
            // PowerShell, about_Quoting_Rules; it takes every one of these for the quote.
            (Language::PowerShell, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}') => {
                code.extend([character, character]);
            }
            // Elvish, "Single-quoted string".
            (Language::Elvish, '\'') => code.push_str("''"),
            (Language::Xonsh, character) => python(character, code),
            (_, character) => code.push(character),
        }
    }
    code.push('\'');
}

/// Python, "String and Bytes literals": in ASCII, so that no encoding of the source matters.
fn python(character: char, code: &mut String) {
    let written = match character {
        '\'' | '\\' => write!(code, "\\{character}"),
        ' '..='~' => write!(code, "{character}"),
        _ => match u32::from(character) {
            number @ ..=0xff => write!(code, "\\x{number:02x}"),
            number @ ..=0xffff => write!(code, "\\u{number:04x}"),
            number => write!(code, "\\U{number:08x}"),
        },
    };
    debug_assert!(written.is_ok(), "writing to a String cannot fail");
}

fn json(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(language: Language, value: &str) -> String {
        let mut code = String::new();
        quote(language, value, &mut code);
        code
    }

    #[test]
    fn each_language_quotes_its_own_way() {
        for (language, expected) in [
            (Language::Posix, r"'a'\''b\c!'"),
            (Language::Fish, r"'a\'b\\c!'"),
            (Language::Tcsh, r"'a'\''b\c\!'"),
            (Language::PowerShell, r"'a''b\c!'"),
            (Language::Elvish, r"'a''b\c!'"),
            (Language::Xonsh, r"'a\'b\\c!'"),
            (Language::Nu, r#""a'b\\c!""#),
        ] {
            assert_eq!(quoted(language, "a'b\\c!"), expected, "{language:?}");
            assert_eq!(quoted(language, "").len(), 2, "{language:?}");
        }
    }

    #[test]
    fn powershell_takes_typographic_quotes_for_quotes() {
        assert_eq!(quoted(Language::PowerShell, "a\u{2019}b"), "'a\u{2019}\u{2019}b'");
    }

    #[test]
    fn python_literals_are_ascii() {
        assert_eq!(quoted(Language::Xonsh, "é\u{20ac}\u{1f600}\n"), r"'\xe9\u20ac\U0001f600\x0a'");
    }
}
