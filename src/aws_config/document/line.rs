//! Lines: cutting a text into them, and telling what each one is.

use std::ops::Range;

use zeroize::Zeroizing;

use super::Reason;
use super::header::trim;

/// One line, kept byte for byte. Zeroised on drop: in a credentials file it may hold a secret.
#[derive(Clone)]
pub(super) struct Line {
    /// With its line ending, which only the last line of a file may lack.
    pub(super) text: Zeroizing<String>,
    pub(super) what: What,
}

/// What a line is to a reader.
#[derive(Clone)]
pub(super) enum What {
    Blank,
    Comment,
    Key(KeySpan),
    /// An indented line that goes on with the value above it.
    Continuation,
    Bad(Reason),
    /// An indented line below a bad one; the fault was told there.
    BadContinuation,
}

/// Where key and value stand in a key line.
#[derive(Clone)]
pub(super) struct KeySpan {
    pub(super) key: Range<usize>,
    /// Byte just after the `=` or `:`.
    pub(super) delimiter_end: usize,
    /// Trimmed; an inline comment is inside.
    pub(super) value: Range<usize>,
}

/// The line that indented lines below it belong to.
#[derive(Clone, Copy)]
pub(super) enum Open {
    Nothing,
    Key { indent: usize },
    Bad { indent: usize },
}

impl Line {
    pub(super) fn new(text: &str, what: What) -> Self {
        Self { text: Zeroizing::new(text.to_owned()), what }
    }

    /// The text without its line ending.
    pub(super) fn content(&self) -> &str {
        without_ending(&self.text)
    }

    pub(super) fn ending(&self) -> &str {
        &self.text[self.content().len()..]
    }

    /// The spaces and tabs that the line starts with.
    pub(super) fn indent(&self) -> &str {
        indent(self.content())
    }

    /// The line's key as it is spelled; none where it is no key line.
    pub(super) fn key(&self) -> Option<&str> {
        match &self.what {
            What::Key(span) => Some(&self.text[span.key.clone()]),
            _ => None,
        }
    }
}

/// The lines of a text, each with its ending. A lone CR ends a line too: Python, so the AWS CLI, opens these files
/// with universal newlines.
pub(in super::super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (line, after) = rest.split_at(line_length(rest));
        rest = after;
        (!line.is_empty()).then_some(line)
    })
}

fn line_length(text: &str) -> usize {
    match text.find(['\n', '\r']) {
        Some(at) if text[at..].starts_with("\r\n") => at + 2,
        Some(at) => at + 1,
        None => text.len(),
    }
}

/// A line without its ending.
pub(in super::super) fn without_ending(line: &str) -> &str {
    line.strip_suffix("\r\n").or_else(|| line.strip_suffix(['\n', '\r'])).unwrap_or(line)
}

pub(super) fn indent(content: &str) -> &str {
    &content[..content.len() - content.trim_start_matches([' ', '\t']).len()]
}

/// Tells what a line is that is not a header, given the line that is open above it.
///
/// As in botocore (Python's configparser), a line continues the value above it when it is indented deeper than that
/// value's key; the SDKs know keys in the first column only, where this is the same. An indented key with nothing
/// open above it is a key.
pub(super) fn classify(content: &str, open: Open, in_section: bool) -> What {
    let depth = indent(content).len();
    let visible = trim(content);
    match open {
        _ if visible.is_empty() => What::Blank,
        _ if visible.starts_with(['#', ';']) => What::Comment,
        Open::Key { indent } if depth > indent => What::Continuation,
        Open::Bad { indent } if depth > indent => What::BadContinuation,
        _ if !in_section => What::Bad(Reason::BeforeFirstSection),
        _ => key_span(content).map_or_else(What::Bad, What::Key),
    }
}

/// True where the line is a section header; below an open key, an indented `[` is part of the value.
pub(super) fn is_header(content: &str, open: Open) -> bool {
    let depth = indent(content).len();
    let continues = matches!(open, Open::Key { indent } if depth > indent);
    !continues && content[depth..].starts_with('[')
}

/// Finds key and value. `=` or `:`, whichever comes first, as in botocore and the Go SDK (`splitProperty`); the
/// Rust and Java SDKs know `=` only and refuse the whole file, and no AWS key contains a colon.
pub(super) fn key_span(content: &str) -> Result<KeySpan, Reason> {
    let delimiter = content.find(['=', ':']).ok_or(Reason::NoDelimiter)?;
    let key = trimmed(content, 0..delimiter);
    if key.is_empty() {
        return Err(Reason::NoName);
    }
    let value = trimmed(content, delimiter + 1..content.len());
    Ok(KeySpan { key, delimiter_end: delimiter + 1, value })
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + indent(part).len();
    start..start + trim(part).len()
}

/// Where the value ends once an inline comment is taken off: a `#` or `;` counts only after white space
/// (aws-runtime `prepare_line`), so `https://h/start#/` is whole.
pub(super) fn end_before_comment(content: &str, span: &KeySpan) -> usize {
    let mut after_space = false;
    for (at, character) in content[span.delimiter_end..].char_indices() {
        if after_space && matches!(character, '#' | ';') {
            let end = span.delimiter_end + at;
            return trimmed(content, span.value.start.min(end)..end).end;
        }
        after_space = character.is_whitespace();
    }
    span.value.end
}
