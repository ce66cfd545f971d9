//! A lossless INI document, as the AWS CLI and SDKs read `~/.aws/config` and `~/.aws/credentials`.
//!
//! Every byte is kept; reading never fails as a whole: a line that cannot be read is a fault of the section it
//! stands in. Where the readers differ, what the rules here follow is said at each rule. They were looked up in
//! botocore 1.43 (`configloader.py`, Python's `RawConfigParser`), aws-runtime 1.10 for Rust (`env_config/`, with the
//! test suite that all SDKs share, `profile-parser-tests.json`) and aws-sdk-go-v2 (`internal/ini`).

use std::collections::HashMap;
use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

mod apart;
mod block;
mod edit;
mod header;
mod key_line;
mod line;
mod section;
mod text_lines;

pub use edit::EditError;
pub use header::{SectionId, SectionKind};
pub(super) use line::{lines, without_ending};
pub use section::{Property, Section, SubProperty};
pub use text_lines::{Part, TextLine};

use block::{Block, number};
use header::Header;
use line::{Line, Open, What};

/// An INI file in memory, byte for byte. Its lines are zeroised on drop.
#[derive(Clone)]
pub struct Document {
    has_bom: bool,
    /// The first block is what stands before the first header; it has none itself.
    blocks: Vec<Block>,
    /// The blocks of each section, in the file's order.
    places: HashMap<SectionId, Vec<usize>>,
}

/// A line that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Its number, from 1.
    pub line: u32,
    /// What is wrong with it, and what to write instead.
    pub reason: Reason,
}

/// Why a line could not be read. The texts never quote the line: it may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Reason {
    /// Text above the first header.
    #[error("this stands before the first section: put a header such as [default] above it")]
    BeforeFirstSection,
    /// Neither `=` nor `:`.
    #[error("there is no `=`: write `name = value`, or # before a comment")]
    NoDelimiter,
    /// Nothing before the `=`.
    #[error("there is no name before the `=`: write `name = value`")]
    NoName,
    /// An indented line below `s3 =` and the like without `=`, or without a name before it.
    #[error("an indented line below an empty value must be `name = value`")]
    NotSubProperty,
    /// `[` without `]`.
    #[error("the section header is not closed: write ]")]
    HeaderNotClosed,
    /// `[]`
    #[error("the section has no name: write one between [ and ]")]
    HeaderEmpty,
    /// `[profile a b]`, `[profile "a]`
    #[error("the section's name cannot be read: put a name with spaces or quotes into quotes")]
    HeaderNotOneName,
    /// `[a] b`
    #[error("there is text after the section's ]: remove it, or put # before it")]
    TextAfterHeader,
}

impl Document {
    /// Reads a text. What cannot be read is kept and told by [`Document::faults`] and [`Section::faults`].
    pub fn parse(text: &str) -> Self {
        let body = text.strip_prefix('\u{feff}');
        let mut blocks = vec![Block::new(None)];
        let mut open = Open::Nothing;
        for line in line::lines(body.unwrap_or(text)) {
            open = push(&mut blocks, line, open);
        }
        let mut document = Self { has_bom: body.is_some(), blocks, places: HashMap::new() };
        document.renumber();
        document
    }

    /// The sections, each once, in the order of their first headers. A section written twice is one: keys are merged
    /// and the later value wins, as the SDKs agree (`profile-parser-tests.json`, "Duplicate profiles"); botocore
    /// alone refuses such a file.
    pub fn sections(&self) -> impl Iterator<Item = Section<'_>> {
        let first = |at: usize| self.section_at(at).filter(|section| section.starts_at(at));
        (0..self.blocks.len()).filter_map(first)
    }

    /// The section with that id.
    pub fn section(&self, id: &SectionId) -> Option<Section<'_>> {
        let (id, places) = self.places.get_key_value(id)?;
        Some(Section::new(self, id, places))
    }

    /// The section whose header holds this text, spacing and quoting aside: `profile foo`, `default`.
    pub fn section_of_header(&self, inside: &str) -> Option<Section<'_>> {
        self.section(&SectionId::of_header(inside))
    }

    /// Every line that could not be read, in the file's order.
    pub fn faults(&self) -> impl Iterator<Item = Fault> {
        self.blocks.iter().flat_map(section::block_faults)
    }

    /// The lines above the first header that could not be read.
    pub fn preamble_faults(&self) -> impl Iterator<Item = Fault> {
        self.blocks.iter().take(1).flat_map(section::block_faults)
    }

    /// The whole text, zeroised on drop.
    pub fn to_text(&self) -> Zeroizing<String> {
        // Growing would leave copies of secrets behind in freed memory.
        let length = self.pieces().map(str::len).sum();
        let mut text = Zeroizing::new(String::with_capacity(length));
        self.pieces().for_each(|piece| text.push_str(piece));
        text
    }

    fn pieces(&self) -> impl Iterator<Item = &str> {
        let bom = if self.has_bom { "\u{feff}" } else { "" };
        std::iter::once(bom).chain(self.all_lines().map(|line| line.text.as_str()))
    }

    fn all_lines(&self) -> impl Iterator<Item = &Line> {
        self.blocks.iter().flat_map(Block::all_lines)
    }

    fn section_at(&self, at: usize) -> Option<Section<'_>> {
        let (header, _) = self.blocks.get(at)?.header.as_ref()?;
        self.section(&header.id)
    }

    /// Sets line numbers and places anew.
    fn renumber(&mut self) {
        self.number_lines();
        self.places.clear();
        for (at, block) in self.blocks.iter().enumerate() {
            if let Some((header, _)) = &block.header {
                self.places.entry(header.id.clone()).or_default().push(at);
            }
        }
    }

    fn number_lines(&mut self) {
        let mut next = 1;
        for block in &mut self.blocks {
            block.first_line = next;
            next = next.saturating_add(number(block.all_lines().count()));
        }
    }
}

/// Puts a line where it belongs; returns what is open below it.
fn push(blocks: &mut Vec<Block>, text: &str, open: Open) -> Open {
    let content = line::without_ending(text);
    if line::is_header(content, open) {
        let header = (Header::read(content), Line::new(text, What::Blank));
        blocks.push(Block::new(Some(header)));
        return Open::Nothing;
    }
    let Some(block) = blocks.last_mut() else { return open };
    let what = line::classify(content, open, block.header.is_some());
    let indent = line::indent(content).len();
    let open = match what {
        What::Key(_) => Open::Key { indent },
        What::Bad(_) => Open::Bad { indent },
        _ => open,
    };
    block.lines.push(Line::new(text, what));
    open
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces().try_for_each(|piece| f.write_str(piece))
    }
}

/// Redacted: the lines may hold secrets.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.all_lines().count();
        f.debug_struct("Document").field("sections", &self.places.len()).field("lines", &lines).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
