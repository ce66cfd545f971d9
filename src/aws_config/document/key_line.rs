//! Building key lines that are sure to be read back as they were meant.

use zeroize::Zeroizing;

use super::edit::EditError;
use super::line::{Line, Open, What, classify, without_ending};
use super::section::value_end;

/// A new line for a key.
pub(super) fn key_line(indent: &str, key: &str, equals: &str, value: &str, ending: &str) -> Result<Line, EditError> {
    refuse_line_break(key, value)?;
    let text = Zeroizing::new([indent, key, equals, value, ending].concat());
    let line = read_back(text);
    match line.key() {
        Some(spelled) if spelled == key && !key.contains(char::is_control) && !key.starts_with('[') => {}
        _ => return Err(EditError::BadKey(key.escape_debug().to_string())),
    }
    refuse_other_value(&line, value)?;
    Ok(line)
}

/// The same line with another value.
pub(super) fn with_value(line: &Line, value: &str) -> Result<Line, EditError> {
    let What::Key(span) = &line.what else { return Ok(line.clone()) };
    refuse_line_break(&line.text[span.key.clone()], value)?;
    let end = value_end(line, span);
    let (head, tail) = (&line.text[..span.value.start.min(end)], &line.text[end..]);
    let is_spaced = line.text[span.key.end..].starts_with([' ', '\t']);
    let space = if is_spaced && span.value.is_empty() && head.len() == span.delimiter_end { " " } else { "" };
    let gap = if tail.starts_with(['#', ';']) { " " } else { "" };
    let line = read_back(Zeroizing::new([head, space, value, gap, tail].concat()));
    refuse_other_value(&line, value)?;
    Ok(line)
}

fn read_back(text: Zeroizing<String>) -> Line {
    let what = classify(without_ending(&text), Open::Nothing, true);
    Line { text, what }
}

fn refuse_line_break(key: &str, value: &str) -> Result<(), EditError> {
    if value.contains(['\n', '\r', '\0']) {
        return Err(EditError::ValueBreaksLine(key.escape_debug().to_string()));
    }
    Ok(())
}

/// Readers other than ours trim every kind of white space, so none of it may stand at the ends.
fn refuse_other_value(line: &Line, value: &str) -> Result<(), EditError> {
    let What::Key(span) = &line.what else { return Ok(()) };
    let end = value_end(line, span);
    let read = &line.text[span.value.start.min(end)..end];
    if read != value || value.trim() != value {
        return Err(EditError::ValueChangesWhenRead(line.text[span.key.clone()].to_owned()));
    }
    Ok(())
}
