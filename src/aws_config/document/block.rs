//! Blocks: a header with the lines up to the next one.

use zeroize::Zeroizing;

use super::header::Header;
use super::line::{Line, What};

/// A header with the lines up to the next one.
#[derive(Clone)]
pub(super) struct Block {
    /// None in the first block only, which is what stands above the first header.
    pub(super) header: Option<(Header, Line)>,
    pub(super) lines: Vec<Line>,
    /// The number of the block's first line in the file, from 1.
    pub(super) first_line: u32,
}

impl Block {
    pub(super) fn new(header: Option<(Header, Line)>) -> Self {
        Self { header, lines: Vec::new(), first_line: 0 }
    }

    pub(super) fn all_lines(&self) -> impl Iterator<Item = &Line> {
        self.header.iter().map(|(_, line)| line).chain(&self.lines)
    }

    /// The number in the file of the line at an index.
    pub(super) fn line_number(&self, index: usize) -> u32 {
        self.first_line.saturating_add(number(index + usize::from(self.header.is_some())))
    }

    /// The index below the last line that belongs to the value of the key line at `key`. Comments and blank lines
    /// may stand between the lines of a value.
    pub(super) fn end_of_value(&self, key: usize) -> usize {
        let is_part = |line: &&Line| matches!(line.what, What::Continuation | What::Blank | What::Comment);
        let extent = self.lines[key + 1..].iter().take_while(is_part).count();
        let below = &self.lines[key + 1..=key + extent];
        let last = below.iter().rposition(|line| matches!(line.what, What::Continuation));
        key + 1 + last.map_or(0, |last| last + 1)
    }

    pub(super) fn header_line(&self) -> Option<&Line> {
        self.header.as_ref().map(|(_, line)| line)
    }

    /// The indent of the key that an indented line at the block's end would continue.
    pub(super) fn last_key_indent(&self) -> Option<usize> {
        let opener = self.lines.iter().rev().find(|line| matches!(line.what, What::Key(_) | What::Bad(_)))?;
        opener.key().map(|_| opener.indent().len())
    }

    /// Where a new key goes, how it is indented, and how its `=` is spaced. The indent is such that neither the new
    /// line nor the one below it is read as a continuation of the line above.
    pub(super) fn place_for_key<'a>(&'a self, next_header: &'a str) -> (usize, &'a str, &'static str) {
        let is_key = |line: &Line| matches!(line.what, What::Key(_));
        if let Some(key) = self.lines.iter().rposition(is_key) {
            let line = &self.lines[key];
            return (self.end_of_value(key), line.indent(), if has_tight_equals(line) { "=" } else { " = " });
        }
        let own = self.header_line().map_or("", Line::indent);
        let bad = self.lines.iter().find(|line| matches!(line.what, What::Bad(_)));
        let below = bad.map_or(next_header, Line::indent);
        (0, if below.len() > own.len() { below } else { own }, " = ")
    }

    /// The ending of the line above `index`, where it has one.
    pub(super) fn ending_above(&self, index: usize) -> Option<&str> {
        let above = index.checked_sub(1).map_or_else(|| self.header_line(), |above| self.lines.get(above));
        above.map(Line::ending).filter(|ending| !ending.is_empty())
    }

    /// Gives the line above `index` an ending where it has none, as the last line of a file may.
    pub(super) fn end_line_above(&mut self, index: usize, ending: &str) {
        let above = match index.checked_sub(1) {
            Some(above) => self.lines.get_mut(above),
            None => self.header.as_mut().map(|(_, line)| line),
        };
        if let Some(line) = above.filter(|line| line.ending().is_empty()) {
            line.text = Zeroizing::new([&line.text, ending].concat());
        }
    }

    /// Removes the lines that continue the value of the key line at `key`.
    pub(super) fn remove_continuations(&mut self, key: usize) {
        for below in (key + 1..self.end_of_value(key)).rev() {
            if matches!(self.lines[below].what, What::Continuation) {
                self.lines.remove(below);
            }
        }
    }

    /// Removes every line of a key, with the lines that continue its value.
    pub(super) fn remove_key(&mut self, key: &str) {
        let mut removing = false;
        self.lines.retain(|line| {
            match (&line.what, line.key()) {
                (_, Some(spelled)) => removing = spelled.eq_ignore_ascii_case(key),
                (What::Bad(_), _) => removing = false,
                (What::Blank | What::Comment, _) => return true,
                _ => {}
            }
            !removing
        });
    }
}

/// True for `key=value`, which a new key in that section then imitates.
fn has_tight_equals(line: &Line) -> bool {
    match &line.what {
        What::Key(span) => span.key.end + 1 == span.delimiter_end && span.value.start == span.delimiter_end,
        _ => false,
    }
}

/// Line numbers fit in 32 bits for any file that fits in memory here.
pub(super) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
