//! The two lines that the block stands between, and what the first one tells.

use crate::aws_config::document::{lines, without_ending};

use super::SyncError;

/// The markers have no `=` and no `:`: `aws configure set` takes a line with one for a setting, even in a comment, and
/// writes what it sets below the last one of a profile.
const BEGIN: &str = "# >>> multicred sync >>>";
const END: &str = "# <<< multicred sync <<<";
const SENTENCE: &str = "these profiles are written by multicred sync, and multicred sync --remove takes them out again";

/// What the block added above itself when it was made, for its removal to take away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Above {
    BlankLine,
    /// The text above had no line end.
    LineEnd,
    /// The text above was empty, or ended in a blank line.
    Nothing,
    /// There was no file.
    NoFile,
}

const NOTES: [(Above, &str); 4] = [
    (Above::BlankLine, ""),
    (Above::LineEnd, "(the line above had no end)"),
    (Above::Nothing, "(no blank line added)"),
    (Above::NoFile, "(the file is new)"),
];

impl Above {
    /// What a new block at the end of this text adds; `None` is a file that does not exist.
    pub(super) fn new_block(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self::NoFile };
        let last = lines(text.trim_start_matches('\u{feff}')).last().unwrap_or_default();
        match last {
            "" => Self::Nothing,
            _ if without_ending(last) == last => Self::LineEnd,
            _ if without_ending(last).trim().is_empty() => Self::Nothing,
            _ => Self::BlankLine,
        }
    }

    /// What stands between the text above and the begin marker.
    pub(super) fn separator(self, ending: &str) -> String {
        match self {
            Self::BlankLine => ending.to_owned(),
            Self::LineEnd => ending.repeat(2),
            Self::Nothing | Self::NoFile => String::new(),
        }
    }

    /// The text above without what was added to it.
    pub(super) fn taken_off(self, text: &str, is_end: bool) -> &str {
        if matches!(self, Self::Nothing | Self::NoFile) {
            return text;
        }
        let last = lines(text).last().unwrap_or_default();
        let is_blank = !last.is_empty() && without_ending(last).is_empty();
        let text = if is_blank { &text[..text.len() - last.len()] } else { text };
        // What stands below the block now would become one line with what stands above it.
        if self == Self::LineEnd && is_end { without_ending(text) } else { text }
    }

    fn of_marker(line: &str) -> Self {
        let note = |(_, note): &&(Self, &str)| !note.is_empty() && line.contains(note);
        NOTES.iter().find(note).map_or(Self::BlankLine, |(above, _)| *above)
    }

    /// The line that a new block begins with.
    pub(super) fn begin_line(self, ending: &str) -> String {
        let note = NOTES.iter().find(|(above, _)| *above == self).map_or("", |(_, note)| note);
        let space = if note.is_empty() { "" } else { " " };
        [BEGIN, " ", SENTENCE, space, note, ending].concat()
    }
}

/// The line that a block ends with.
pub(super) fn end_line(ending: &str) -> String {
    [END, ending].concat()
}

/// Where the block is.
pub(super) struct Found {
    /// The index of the begin marker's line.
    pub(super) begin: usize,
    /// The index of the end marker's line.
    pub(super) end: usize,
    pub(super) above: Above,
}

/// Finds the markers among a file's lines.
pub(super) fn find(all: &[&str]) -> Result<Option<Found>, SyncError> {
    let places = |marker: &str| -> Vec<usize> {
        all.iter().enumerate().filter(|(_, line)| line.trim().starts_with(marker)).map(|(index, _)| index).collect()
    };
    match (&*places(BEGIN), &*places(END)) {
        ([], []) => Ok(None),
        ([], [end, ..]) => Err(SyncError::NoBegin { line: number(*end) }),
        ([begin, ..], [end, ..]) if end < begin => Err(SyncError::NoBegin { line: number(*end) }),
        ([_, second, ..], _) => Err(SyncError::Twice { line: number(*second) }),
        ([begin], []) => Err(SyncError::NoEnd { line: number(*begin) }),
        ([_], [_, second, ..]) => Err(SyncError::NoBegin { line: number(*second) }),
        ([begin], [end]) => Ok(Some(Found { begin: *begin, end: *end, above: Above::of_marker(all[*begin]) })),
    }
}

/// The number, from 1, of the line at an index.
pub(super) fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

/// How many lines directly below the block are settings of its last profile: for lack of a header of their own.
pub(super) fn settings_below(lines: &[&str]) -> usize {
    let headless = lines.iter().take_while(|line| !line.starts_with('['));
    let is_setting = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with(['#', ';']);
    headless.enumerate().filter(|(_, line)| is_setting(line)).last().map_or(0, |(index, _)| index + 1)
}

/// The ending of a line, else a line feed.
pub(super) fn ending_of(line: &str) -> &'static str {
    match &line[without_ending(line).len()..] {
        "\r\n" => "\r\n",
        "\r" => "\r",
        _ => "\n",
    }
}
