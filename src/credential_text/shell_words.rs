//! The words of one line of bash, zsh, csh or fish, where they are plain; what a shell would compute is refused.

use std::iter::Peekable;
use std::str::Chars;

use zeroize::Zeroizing;

use super::found::FaultReason;

/// The words of one statement.
pub(super) type Words = Vec<Zeroizing<String>>;

/// The words of each statement in a line. In fish, a backtick is itself,
/// and `\'` and `\\` are escapes between single quotes.
pub(super) fn statements(line: &str, is_fish: bool) -> Result<Vec<Words>, FaultReason> {
    // As long as any word can be: growing would leave copies of secrets behind in freed memory.
    let word = Zeroizing::new(String::with_capacity(line.len()));
    let mut reader = Reader { characters: line.chars().peekable(), is_fish, word };
    let (mut statements, mut words) = (Vec::new(), Words::new());
    loop {
        match reader.characters.peek() {
            None | Some('#') => break,
            Some(' ' | '\t' | '\r') => drop(reader.characters.next()),
            Some(';' | '&' | '|') => {
                reader.characters.next();
                statements.push(std::mem::take(&mut words));
            }
            Some(_) => words.push(reader.read_word()?),
        }
    }
    statements.push(words);
    Ok(statements)
}

struct Reader<'a> {
    characters: Peekable<Chars<'a>>,
    is_fish: bool,
    word: Zeroizing<String>,
}

impl Reader<'_> {
    fn read_word(&mut self) -> Result<Zeroizing<String>, FaultReason> {
        self.word.clear();
        let is_inside = |c: &char| !matches!(c, ' ' | '\t' | '\r' | ';' | '&' | '|');
        while let Some(character) = self.characters.next_if(is_inside) {
            match character {
                '\'' => self.single_quoted()?,
                '"' => self.double_quoted()?,
                '\\' => self.word.push(self.characters.next().ok_or(FaultReason::LineContinues)?),
                '`' if self.is_fish => self.word.push('`'),
                '$' | '`' | '(' | ')' | '<' | '>' => return Err(FaultReason::Expands),
                plain => self.word.push(plain),
            }
        }
        Ok(Zeroizing::new(self.word.as_str().to_owned()))
    }

    fn single_quoted(&mut self) -> Result<(), FaultReason> {
        loop {
            match self.characters.next().ok_or(FaultReason::QuoteNotClosed)? {
                '\'' => return Ok(()),
                '\\' if self.is_fish => self.escape("'\\"),
                plain => self.word.push(plain),
            }
        }
    }

    /// POSIX shell, 2.2.3 Double-Quotes; the fish manual, "Quotes".
    fn double_quoted(&mut self) -> Result<(), FaultReason> {
        loop {
            match self.characters.next().ok_or(FaultReason::QuoteNotClosed)? {
                '"' => return Ok(()),
                '\\' => self.escape(if self.is_fish { "$\"\\" } else { "$`\"\\" }),
                '`' if self.is_fish => self.word.push('`'),
                '$' | '`' => return Err(FaultReason::Expands),
                plain => self.word.push(plain),
            }
        }
    }

    /// After a backslash: the next character where it is one of these, else the backslash itself.
    fn escape(&mut self, escapable: &str) {
        let escaped = self.characters.next_if(|next| escapable.contains(*next));
        self.word.push(escaped.unwrap_or('\\'));
    }
}
