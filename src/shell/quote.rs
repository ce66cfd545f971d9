//! Quoting: any value, whatever its bytes, as one word of a shell.

use super::Dialect;

/// Appends `value` to `code` as one quoted word.
pub fn quote(dialect: Dialect, value: &str, code: &mut String) {
    code.push('\'');
    for character in value.chars() {
        match (dialect, character) {
            // POSIX, 2.2.2: nothing but the quote itself is special between single quotes.
            (Dialect::Bash | Dialect::Zsh, '\'') => code.push_str("'\\''"),
            // fish, "Quotes": between single quotes \' and \\ are the only escapes.
            (Dialect::Fish, '\'') => code.push_str("\\'"),
            (Dialect::Fish, '\\') => code.push_str("\\\\"),
            (_, character) => code.push(character),
        }
    }
    code.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(dialect: Dialect, value: &str) -> String {
        let mut code = String::new();
        quote(dialect, value, &mut code);
        code
    }

    #[test]
    fn each_dialect_quotes_its_own_way() {
        assert_eq!(quoted(Dialect::Bash, "a'b\\c"), r"'a'\''b\c'");
        assert_eq!(quoted(Dialect::Zsh, "a'b\\c"), r"'a'\''b\c'");
        assert_eq!(quoted(Dialect::Fish, "a'b\\c"), r"'a\'b\\c'");
        assert_eq!(quoted(Dialect::Bash, ""), "''");
    }
}
