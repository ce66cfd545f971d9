//! The lines of a document as they stand, each told for what it is: for a copy that leaves some of them out.

use super::Document;
use super::block::Block;
use super::header::SectionId;
use super::line::{Line, What};
use super::section::value_end;

/// A line, with the section it stands in; none above the first header.
#[derive(Clone, Copy)]
pub struct TextLine<'a> {
    /// The section.
    pub section: Option<&'a SectionId>,
    /// The line without its ending.
    pub text: &'a str,
    /// Its ending, which the last line of a file may lack.
    pub ending: &'a str,
    /// Its number, from 1.
    pub number: u32,
    /// What it is.
    pub part: Part<'a>,
}

/// What a line is.
#[derive(Clone, Copy)]
pub enum Part<'a> {
    /// The header of a section.
    Header {
        /// The text between the brackets, trimmed.
        inside: &'a str,
    },
    /// Nothing.
    Blank,
    /// A whole line of comment.
    Comment,
    /// A key with the first line of its value.
    Key {
        /// As it is spelled.
        key: &'a str,
        /// Without an inline comment.
        value: &'a str,
        /// Only trimmed.
        raw_value: &'a str,
    },
    /// A further line of the value above it.
    Continuation,
    /// A line that cannot be read, or that goes on with one.
    Bad,
}

impl Document {
    /// Every line, in the file's order.
    pub fn text_lines(&self) -> impl Iterator<Item = TextLine<'_>> {
        self.blocks.iter().flat_map(block_lines).zip(1..).map(|(line, number)| TextLine { number, ..line })
    }
}

fn block_lines(block: &Block) -> impl Iterator<Item = TextLine<'_>> {
    let section = block.header.as_ref().map(|(header, _)| &header.id);
    let text_line =
        move |line, part| TextLine { section, text: Line::content(line), ending: line.ending(), number: 0, part };
    let header =
        block.header.iter().map(move |(header, line)| text_line(line, Part::Header { inside: &header.inside }));
    header.chain(block.lines.iter().map(move |line| text_line(line, part(line))))
}

fn part(line: &Line) -> Part<'_> {
    match &line.what {
        What::Blank => Part::Blank,
        What::Comment => Part::Comment,
        What::Key(span) => {
            let end = value_end(line, span);
            Part::Key {
                key: &line.text[span.key.clone()],
                value: &line.text[span.value.start.min(end)..end],
                raw_value: &line.text[span.value.clone()],
            }
        }
        What::Continuation => Part::Continuation,
        What::Bad(_) | What::BadContinuation => Part::Bad,
    }
}
