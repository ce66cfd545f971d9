//! The line as bash has it: split into words, with what readline would replace of the last one.
//!
//! bash's own `COMP_WORDS` are broken at every character of `COMP_WORDBREAKS`, `:` and `=` among them, and keep their
//! quotes: neither is of use for ARNs, nor for names with blanks.

/// The quotes that are open at the cursor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quotes {
    /// None.
    #[default]
    None,
    /// `'`
    Single,
    /// `"`
    Double,
}

/// A line up to the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The words before the cursor's, without their quotes.
    pub before: Vec<String>,
    /// The word at the cursor, without its quotes.
    pub current: String,
    /// The quotes that are open in it.
    pub quotes: Quotes,
    /// How many bytes of `current` stand before what readline replaces.
    pub kept: usize,
}

/// Splits a line. `breaks` is `COMP_WORDBREAKS`.
pub fn split(line: &str, breaks: &str) -> Line {
    let mut words = Words { breaks, ..Words::default() };
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match (words.quotes, character) {
            (Quotes::None, '\\') => words.push_plain(characters.next()),
            (Quotes::None, '\'') => words.open(Quotes::Single),
            (Quotes::None, '"') => words.open(Quotes::Double),
            (Quotes::None, blank) if blank.is_ascii_whitespace() => words.end(),
            (Quotes::None, plain) => words.push(plain),
            (Quotes::Single, '\'') | (Quotes::Double, '"') => words.close(character),
            (Quotes::Double, '\\') => match characters.next_if(|next| "$`\"\\\n".contains(*next)) {
                Some(escaped) => words.push_plain(Some(escaped)),
                None => words.push_plain(Some('\\')),
            },
            (_, quoted) => words.push_plain(Some(quoted)),
        }
    }
    let Words { before, current, quotes, kept, .. } = words;
    Line { before, current, quotes, kept }
}

#[derive(Default)]
struct Words<'b> {
    breaks: &'b str,
    before: Vec<String>,
    current: String,
    /// Whether there is a word, be it an empty one between quotes.
    is_begun: bool,
    quotes: Quotes,
    kept: usize,
}

impl Words<'_> {
    /// A character that is nothing but itself; a backslash at the end of the line is none yet.
    fn push_plain(&mut self, character: Option<char>) {
        self.is_begun = true;
        self.current.extend(character);
    }

    /// A character that readline may break the word at.
    fn push(&mut self, character: char) {
        self.push_plain(Some(character));
        self.break_at(character);
    }

    fn break_at(&mut self, character: char) {
        if self.breaks.contains(character) {
            self.kept = self.current.len();
        }
    }

    /// readline replaces what stands behind an open quote, whatever else is in it.
    fn open(&mut self, quotes: Quotes) {
        self.is_begun = true;
        self.quotes = quotes;
        self.kept = self.current.len();
    }

    fn close(&mut self, quote: char) {
        self.quotes = Quotes::None;
        self.break_at(quote);
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.is_begun) {
            self.before.push(std::mem::take(&mut self.current));
        }
        self.kept = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BREAKS: &str = " \t\n\"'@><=;|&(:";

    fn last(line: &str) -> (String, Quotes, usize) {
        let Line { current, quotes, kept, .. } = split(line, BREAKS);
        (current, quotes, kept)
    }

    #[test]
    fn quotes_are_taken_off_and_blanks_between_them_kept() {
        let line = split(r#"multicred as 'it'\''s x' "a \"b\" $c \d" e\ f ''"#, BREAKS);
        assert_eq!(line.before, ["multicred", "as", "it's x", r#"a "b" $c \d"#, "e f"]);
        assert_eq!(line.current, "");
        assert_eq!(split("multicred as ", BREAKS).before, ["multicred", "as"]);
        assert_eq!(split("a '' b", BREAKS).before, ["a", ""]);
    }

    #[test]
    fn what_readline_keeps_ends_at_the_last_break_or_at_the_open_quote() {
        assert_eq!(last("x arn:aws:ia"), ("arn:aws:ia".into(), Quotes::None, "arn:aws:".len()));
        assert_eq!(last(r"x arn\:aws"), ("arn:aws".into(), Quotes::None, 0));
        assert_eq!(last("x 'arn:aws"), ("arn:aws".into(), Quotes::Single, 0));
        assert_eq!(last("x --parent=pr"), ("--parent=pr".into(), Quotes::None, "--parent=".len()));
        assert_eq!(last("x --parent='pr"), ("--parent=pr".into(), Quotes::Single, "--parent=".len()));
        assert_eq!(last("x me@ex"), ("me@ex".into(), Quotes::None, 3));
        assert_eq!(last("x 'a b'c"), ("a bc".into(), Quotes::None, 3));
        assert_eq!(last(r"x a\"), ("a".into(), Quotes::None, 0));
    }
}
