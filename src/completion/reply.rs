//! An answer in the form that each shell's function reads: one word on what comes, then a candidate a line.

use super::line::{Line, Quotes};
use super::{Candidate, Wanted};
use crate::shell::Dialect;

/// What becomes of a candidate's word.
pub enum Insertion<'l> {
    /// The shell quotes it: zsh and fish.
    ByShell(Dialect),
    /// It goes into this line as it is: bash.
    Into(&'l Line),
}

/// The first word of an answer: what comes. Names have been looked up by now.
pub fn kind(wanted: &Wanted) -> &'static str {
    match wanted {
        Wanted::Words(_) | Wanted::Names { .. } => "words",
        Wanted::File => "files",
        Wanted::OfProgram => "program",
    }
}

/// The whole answer. A word with a control character in it is left out: no line could hold it, nor any person type it.
pub fn words(candidates: &[Candidate], insertion: &Insertion<'_>) -> String {
    let mut text = String::with_capacity(64 * (candidates.len() + 1));
    text.push_str("words\n");
    for candidate in candidates.iter().filter(|candidate| !candidate.word.contains(char::is_control)) {
        let about = candidate.about.replace(char::is_control, " ");
        match insertion {
            Insertion::ByShell(Dialect::Zsh) => described(&candidate.word, &about, &mut text),
            Insertion::ByShell(_) => text.extend([candidate.word.as_str(), "\t", &about]),
            Insertion::Into(line) => match candidate.word.get(line.kept..) {
                Some(rest) => quote(rest, line, &mut text),
                None => continue,
            },
        }
        text.push('\n');
    }
    text
}

/// zshcompsys(1), `_describe`: a colon ends the word, unless a backslash stands before it.
fn described(word: &str, about: &str, text: &mut String) {
    for character in word.chars() {
        if matches!(character, ':' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    if !about.is_empty() {
        text.extend([":", about]);
    }
}

/// Between the quotes that are open, or with backslashes where none is.
fn quote(word: &str, line: &Line, text: &mut String) {
    for (index, character) in word.char_indices() {
        match (line.quotes, character) {
            (Quotes::Single, '\'') => text.push_str("'\\''"),
            // Between double quotes a backslash would stay before it.
            (Quotes::Double, '!') => text.push_str("\"'!'\""),
            (Quotes::Double, '"' | '\\' | '$' | '`') => text.extend(['\\', character]),
            (Quotes::None, '~') if index == 0 && line.kept == 0 => text.push_str("\\~"),
            (Quotes::None, _) if !is_plain(character) => text.extend(['\\', character]),
            _ => text.push(character),
        }
    }
}

/// Whether bash takes a character for itself wherever it stands in a word, and readline does so, too.
fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || "_./:=@+,%^-~".contains(character) || !character.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::super::line::split;
    use super::*;

    fn in_bash(typed: &str, word: &str) -> String {
        let line = split(typed, " \t\n\"'@><=;|&(:");
        let all = words(&[Candidate::new(word, "")], &Insertion::Into(&line));
        all.strip_prefix("words\n").unwrap().trim_end_matches('\n').to_owned()
    }

    #[test]
    fn bash_gets_what_is_missing_of_a_word_quoted_as_the_line_is() {
        assert_eq!(in_bash("m as pr", "prod/Admin"), "prod/Admin");
        assert_eq!(in_bash("m as arn:aws:i", "arn:aws:iam::1:root"), "iam::1:root");
        assert_eq!(in_bash("m as it", "it's $(x) `y`"), r"it\'s\ \$\(x\)\ \`y\`");
        assert_eq!(in_bash("m as 'it", "it's $(x)"), r"it'\''s $(x)");
        assert_eq!(in_bash("m as \"it", "it\"s $(x)!"), r#"it\"s \$(x)"'!'""#);
        assert_eq!(in_bash("m as --also=pr", "--also=prod/A"), "prod/A");
        assert_eq!(in_bash("m as ~", "~x"), r"\~x");
    }

    #[test]
    fn a_word_that_no_line_can_hold_is_left_out() {
        let all = [Candidate::new("a\nb", ""), Candidate::new("a\u{1b}[31m", ""), Candidate::new("ab", "c\nd")];
        assert_eq!(words(&all, &Insertion::ByShell(Dialect::Fish)), "words\nab\tc d\n");
    }

    #[test]
    fn zsh_is_told_which_colon_is_of_the_word() {
        let all = [Candidate::new(r"arn:a\b", "x: y")];
        assert_eq!(words(&all, &Insertion::ByShell(Dialect::Zsh)), "words\narn\\:a\\\\b:x: y\n");
    }
}
