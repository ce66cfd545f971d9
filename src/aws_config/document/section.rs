//! Reading a section: its keys, values, nested blocks and faults.

use std::borrow::Cow;
use std::fmt;

use zeroize::Zeroizing;

use super::block::Block;
use super::header::{Header, SectionId, SectionKind, trim};
use super::line::{KeySpan, Line, What, end_before_comment};
use super::{Document, Fault, Reason};

/// The keys whose values are secrets, or stand beside them: no comment is ever cut off them. botocore cuts none
/// either, and a pasted secret with ` #` in it must survive.
const CREDENTIAL_KEYS: [&str; 4] =
    ["aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_security_token"];

/// A section, with all its headers' lines taken together.
#[derive(Clone, Copy)]
pub struct Section<'a> {
    document: &'a Document,
    id: &'a SectionId,
    places: &'a [usize],
}

impl<'a> Section<'a> {
    pub(super) fn new(document: &'a Document, id: &'a SectionId, places: &'a [usize]) -> Self {
        Self { document, id, places }
    }

    pub(super) fn starts_at(&self, block: usize) -> bool {
        self.places.first() == Some(&block)
    }

    /// What names the section.
    pub fn id(&self) -> &'a SectionId {
        self.id
    }

    /// The section's kind.
    pub fn kind(&self) -> SectionKind {
        self.id.kind
    }

    /// The name without prefix and quotes.
    pub fn name(&self) -> &'a str {
        &self.id.name
    }

    /// The text between the brackets of the first header, trimmed: what botocore takes as a profile's name in a
    /// credentials file.
    pub fn header(&self) -> &'a str {
        self.headers().next().map_or("", |(_, header)| &header.inside)
    }

    /// The line number of the first header, from 1.
    pub fn line(&self) -> u32 {
        self.headers().next().map_or(0, |(line, _)| line)
    }

    /// The line numbers of all headers: more than one where the section is written more than once.
    pub fn header_lines(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.headers().map(|(line, _)| line)
    }

    /// Every key line, in the file's order; of keys written twice the later one counts.
    pub fn properties(&self) -> impl DoubleEndedIterator<Item = Property<'a>> + use<'a> {
        self.blocks().flat_map(block_properties)
    }

    /// The last value of a key, whose case does not matter.
    pub fn get(&self, key: &str) -> Option<Property<'a>> {
        self.properties().rev().find(|property| property.key().eq_ignore_ascii_case(key))
    }

    /// The section's lines that could not be read, its headers among them.
    pub fn faults(&self) -> impl Iterator<Item = Fault> + use<'a> {
        self.blocks().flat_map(block_faults)
    }

    /// The text of each header with the lines below it; the last may lack its line end, where it is the file's last.
    pub fn texts(&self) -> Vec<Zeroizing<String>> {
        let text = |block: &Block| {
            let pieces: Vec<&str> = block.all_lines().map(|line| line.text.as_str()).collect();
            Zeroizing::new(pieces.concat())
        };
        self.blocks().map(text).collect()
    }

    fn blocks(&self) -> impl DoubleEndedIterator<Item = &'a Block> + use<'a> {
        let document = self.document;
        self.places.iter().map(|&at| &document.blocks[at])
    }

    fn headers(&self) -> impl Iterator<Item = (u32, &'a Header)> + use<'a> {
        self.blocks().filter_map(|block| Some((block.first_line, &block.header.as_ref()?.0)))
    }
}

fn block_properties(block: &Block) -> impl DoubleEndedIterator<Item = Property<'_>> {
    block.lines.iter().enumerate().filter_map(move |(index, line)| match &line.what {
        What::Key(span) => Some(Property { block, index, line, span }),
        _ => None,
    })
}

pub(super) fn block_faults(block: &Block) -> impl Iterator<Item = Fault> {
    let header = block.header.iter().filter_map(|(header, _)| header.fault);
    let lines = block.lines.iter().enumerate().filter_map(|(index, line)| match line.what {
        What::Bad(reason) => Some(Fault { line: block.line_number(index), reason }),
        _ => None,
    });
    let nested = block_properties(block).flat_map(|property| property.nested_faults());
    let mut faults: Vec<Fault> = lines.chain(nested).collect();
    faults.sort_by_key(|fault| fault.line);
    header.map(|reason| Fault { line: block.first_line, reason }).chain(faults)
}

/// One key with its value.
#[derive(Clone, Copy)]
pub struct Property<'a> {
    block: &'a Block,
    index: usize,
    line: &'a Line,
    span: &'a KeySpan,
}

impl<'a> Property<'a> {
    /// The key as it is spelled; its case does not matter.
    pub fn key(&self) -> &'a str {
        &self.line.text[self.span.key.clone()]
    }

    /// Its line number, from 1.
    pub fn line(&self) -> u32 {
        self.block.line_number(self.index)
    }

    /// The value as an SDK reads it: trimmed, an inline comment cut off, continuation lines joined by line feeds.
    /// From the values of the credential keys no comment is cut off.
    pub fn value(&self) -> Cow<'a, str> {
        let end = self.value_end();
        self.with_continuations(&self.line.text[self.span.value.start.min(end)..end])
    }

    /// The value only trimmed; what looks like a comment belongs to it.
    pub fn raw_value(&self) -> Cow<'a, str> {
        self.with_continuations(&self.line.text[self.span.value.clone()])
    }

    /// The `name = value` lines of a nested block (`s3 =` and indented lines). Comments in them are part of the
    /// value: botocore, the Rust and the Go SDK agree on that.
    pub fn sub_properties(&self) -> impl Iterator<Item = SubProperty<'a>> + use<'a> {
        self.nested_lines().filter_map(|(number, text)| {
            let (key, value) = sub_property(text)?;
            Some(SubProperty { key, value, line: number })
        })
    }

    fn value_end(&self) -> usize {
        value_end(self.line, self.span)
    }

    fn with_continuations(&self, first: &'a str) -> Cow<'a, str> {
        let mut value = Cow::Borrowed(first);
        for (_, text) in self.continuations() {
            let value = value.to_mut();
            value.push('\n');
            value.push_str(text);
        }
        value
    }

    /// Number and trimmed text of each continuation line. Blank lines and comments between them are skipped.
    fn continuations(&self) -> impl Iterator<Item = (u32, &'a str)> + use<'a> {
        let block = self.block;
        (self.index + 1..block.end_of_value(self.index)).filter_map(move |index| {
            let line = &block.lines[index];
            matches!(line.what, What::Continuation).then(|| (block.line_number(index), trim(line.content())))
        })
    }

    fn nested_lines(&self) -> impl Iterator<Item = (u32, &'a str)> + use<'a> {
        let is_nested = self.value_end() <= self.span.value.start;
        self.continuations().filter(move |_| is_nested)
    }

    fn nested_faults(&self) -> impl Iterator<Item = Fault> + use<'a> {
        self.nested_lines()
            .filter(|(_, text)| sub_property(text).is_none())
            .map(|(line, _)| Fault { line, reason: Reason::NotSubProperty })
    }
}

/// The byte at which the value of a key line ends.
pub(super) fn value_end(line: &Line, span: &KeySpan) -> usize {
    let key = &line.text[span.key.clone()];
    if CREDENTIAL_KEYS.iter().any(|known| known.eq_ignore_ascii_case(key)) {
        return span.value.end;
    }
    end_before_comment(line.content(), span)
}

fn sub_property(text: &str) -> Option<(&str, &str)> {
    let (key, value) = text.split_once('=')?;
    Some((trim(key), trim(value))).filter(|(key, _)| !key.is_empty())
}

/// One line of a nested block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SubProperty<'a> {
    /// The name as it is spelled.
    pub key: &'a str,
    /// The value, trimmed.
    pub value: &'a str,
    /// Its line number, from 1.
    pub line: u32,
}

/// Redacted: values may be secrets.
impl fmt::Debug for Property<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Property").field("key", &self.key()).field("line", &self.line()).finish_non_exhaustive()
    }
}

/// Redacted: values may be secrets.
impl fmt::Debug for SubProperty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubProperty").field("key", &self.key).field("line", &self.line).finish_non_exhaustive()
    }
}

impl fmt::Debug for Section<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Section").field("id", self.id).field("line", &self.line()).finish_non_exhaustive()
    }
}
