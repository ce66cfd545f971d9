//! Tables for people: as wide as the terminal, where there is one; else one line a row, for grep and awk.
//!
//! A name is never cut, nor broken over lines: it could not be copied any more. Where there is no room for all, columns
//! are left out that say least; the rest of a row whose name is very long stands below it.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::{Map, Value, json};
use unicode_width::UnicodeWidthStr;

use crate::context::{Context, printable};
use crate::identity::request::say_duration;
use crate::resolve::{Somebody, Standing, State};

/// Blanks between two columns: whatever is in them, two blanks in a row are not in a name's middle by chance.
const GAP: usize = 2;
/// A name longer than this gets a line of its own before it takes the place of other columns, on any terminal.
const NAME: usize = 16;
/// A remark is not squeezed into fewer columns than this.
const READABLE: usize = 30;
/// A remark that stands below its row begins here.
const INDENT: usize = 4;
/// What stands where there is nothing to say, so that every row has as many fields.
const NOTHING: &str = "-";

/// A column of a table. The first one has the names.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    head: &'static str,
    sort: Sort,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Kept,
    Spare(u8),
    Remark,
}

impl Column {
    /// One that is always there.
    pub const fn kept(head: &'static str) -> Self {
        Self { head, sort: Sort::Kept }
    }

    /// One that is left out where there is no room; those with the highest number first.
    pub const fn spare(number: u8, head: &'static str) -> Self {
        Self { head, sort: Sort::Spare(number) }
    }

    /// Sentences, in the last column, where any row has one.
    pub const fn remark(head: &'static str) -> Self {
        Self { head, sort: Sort::Remark }
    }
}

/// The colour of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tint {
    /// All is well.
    Green,
    /// A call away.
    Cyan,
    /// A person is needed.
    Yellow,
    /// Something is wrong.
    Red,
}

impl Tint {
    /// The parameter of SGR (ECMA-48, 8.3.117), of which a terminal's palette makes what its user likes.
    fn code(self) -> &'static str {
        match self {
            Self::Green => "32",
            Self::Cyan => "36",
            Self::Yellow => "33",
            Self::Red => "31",
        }
    }
}

/// What stands in one column of one row.
#[derive(Clone, Debug)]
pub struct Cell<'t> {
    text: Cow<'t, str>,
    tint: Option<Tint>,
}

/// A cell with a text of anybody's.
pub fn cell<'t>(text: impl Into<Cow<'t, str>>) -> Cell<'t> {
    let text = text.into();
    // Faster than asking each letter: no letter of another script begins with an ASCII byte.
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let text = if !is_plain && text.contains(char::is_control) { printable(&text).into() } else { text };
    Cell { text, tint: None }
}

/// A cell that may have nothing to say.
pub fn optional(text: Option<&str>) -> Cell<'_> {
    cell(text.unwrap_or_default())
}

impl<'t> Cell<'t> {
    /// The same in a colour.
    #[must_use]
    pub fn tinted(self, tint: Option<Tint>) -> Cell<'t> {
        Cell { tint, ..self }
    }

    fn width(&self) -> usize {
        width(&self.text)
    }
}

/// The cell that says how somebody stands, in its colour.
pub fn state_cell(standing: &Standing, protected: bool, now: i64) -> Cell<'static> {
    let protected = if protected { ", protected" } else { "" };
    let left = standing.expires_at.map(|end| format!(" {}", say_duration(end - now))).unwrap_or_default();
    cell(format!("{}{left}{protected}", standing.state.word())).tinted(Some(tint(&standing.state)))
}

/// How somebody stands, in words: the state, the time that is left, what is wrong.
pub fn say_standing(standing: &Standing, now: i64) -> String {
    match (standing.state.reason(), standing.expires_at) {
        (Some(reason), _) => format!("{}: {reason}", standing.state.word()),
        (None, Some(end)) => format!("{} {}", standing.state.word(), say_duration(end - now)),
        (None, None) => standing.state.word().to_owned(),
    }
}

/// What JSON says of somebody, in every list of people.
pub fn somebody_json(somebody: &Somebody) -> Map<String, Value> {
    let json = json!({
        "identity": somebody.shown,
        "arn": somebody.arn,
        "account": somebody.identity.as_ref().map(|identity| &identity.account),
        "kind": somebody.kind,
        "source": somebody.source,
        "protected": somebody.protected,
        "key_created_at": somebody.key_created_at,
        "state": somebody.standing.state.word(),
        "expires_at": somebody.standing.expires_at,
        "reason": somebody.standing.state.reason(),
    });
    match json {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn tint(state: &State) -> Tint {
    match state {
        State::Ready => Tint::Green,
        State::Renewable => Tint::Cyan,
        State::NeedsMfa | State::NeedsSignIn(_) => Tint::Yellow,
        State::Expired | State::NoCredential | State::Broken(_) => Tint::Red,
    }
}

/// Prints a table. The rows are gone through twice, and not kept: there may be very many.
///
/// # Errors
/// stdout is full.
pub fn print<'t, const N: usize>(
    context: &Context,
    columns: [Column; N],
    rows: impl Iterator<Item = [Cell<'t>; N]> + Clone,
) -> io::Result<()> {
    let mut natural = [0; N];
    for row in rows.clone() {
        for (widest, cell) in natural.iter_mut().zip(&row) {
            *widest = cell.width().max(*widest);
        }
    }
    let shape = Shape::of(&columns, &natural, context.stdout_columns());
    let is_coloured = context.stdout_is_coloured();
    let mut rows = rows;
    context.answer_by(|out| {
        shape.write(out, &shape.heads(&columns), false)?;
        rows.try_for_each(|row| shape.write(out, &row, is_coloured))
    })
}

/// Where a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    column: usize,
    start: usize,
}

/// Where everything stands.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    places: Vec<Place>,
    remark: Option<Place>,
    /// How wide the terminal is.
    most: Option<usize>,
}

impl Shape {
    /// `natural` has the width of each column's widest cell.
    fn of(columns: &[Column], natural: &[usize], most: Option<usize>) -> Self {
        let with_head = |column: usize| natural[column].max(width(columns[column].head));
        let is_there = |column: &usize| match columns[*column].sort {
            Sort::Kept => true,
            Sort::Spare(_) => most.is_none() || natural[*column] > 0,
            Sort::Remark => false,
        };
        let mut kept: Vec<(usize, usize)> =
            (0..columns.len()).filter(is_there).map(|column| (column, with_head(column))).collect();
        if let Some(most) = most {
            squeeze(&mut kept, columns, most);
        }
        let mut start = 0;
        let mut place = |(column, width): (usize, usize)| {
            let place = Place { column, start };
            start += width + GAP;
            place
        };
        let places = kept.into_iter().map(&mut place).collect();
        let is_remark = |column: &usize| columns[*column].sort == Sort::Remark && natural[*column] > 0;
        let remark = (0..columns.len()).find(is_remark).map(|column| {
            let fits = most.is_none_or(|most| start + with_head(column).min(READABLE) <= most);
            Place { column, start: if fits { start } else { INDENT } }
        });
        Self { places, remark, most }
    }

    /// The heads; none for remarks that stand below their rows.
    fn heads<const N: usize>(&self, columns: &[Column; N]) -> [Cell<'static>; N] {
        let is_beside = self.remark.is_some_and(|remark| remark.start > INDENT);
        columns.map(|column| cell(if column.sort == Sort::Remark && !is_beside { "" } else { column.head }))
    }

    /// Writes a row, without blanks at the end of its lines.
    fn write(&self, out: &mut dyn Write, cells: &[Cell<'_>], is_coloured: bool) -> io::Result<()> {
        let mut at = 0;
        for Place { column, start } in &self.places {
            let cell = &cells[*column];
            // What came before was wider than its column.
            if at > 0 && at + GAP > *start {
                out.write_all(b"\n")?;
                at = 0;
            }
            write!(out, "{:1$}", "", *start - at)?;
            write_cell(out, cell, is_coloured)?;
            at = start + cell.width().max(1);
        }
        if let Some(place) = self.remark.filter(|place| !cells[place.column].text.is_empty()) {
            write_remark(out, &cells[place.column].text, place.start, at, self.most)?;
        }
        out.write_all(b"\n")
    }
}

/// Writes a remark from one column of the terminal on, in lines of which none begins to the left of that.
fn write_remark(out: &mut dyn Write, text: &str, start: usize, at: usize, most: Option<usize>) -> io::Result<()> {
    let lines = most.map_or_else(|| vec![text], |most| wrapped(text, most.saturating_sub(start)));
    for (number, line) in lines.into_iter().enumerate() {
        let at = if number > 0 || at + GAP > start {
            out.write_all(b"\n")?;
            0
        } else {
            at
        };
        write!(out, "{:1$}{line}", "", start - at)?;
    }
    Ok(())
}

/// A row and a remark beside it; below it where there is no room.
pub fn with_remark(row: &str, remark: &str, most: Option<usize>) -> String {
    let at = width(row);
    let fits = most.is_none_or(|most| at + GAP + READABLE <= most);
    let mut text = row.as_bytes().to_vec();
    // Writing to memory cannot fail.
    let _ = write_remark(&mut text, remark, if fits { at + GAP } else { INDENT }, at, most);
    String::from_utf8_lossy(&text).into_owned()
}

fn write_cell(out: &mut dyn Write, cell: &Cell<'_>, is_coloured: bool) -> io::Result<()> {
    let text = if cell.text.is_empty() { NOTHING } else { &*cell.text };
    match cell.tint.filter(|_| is_coloured) {
        Some(tint) => write!(out, "\x1b[{}m{text}\x1b[0m", tint.code()),
        None => out.write_all(text.as_bytes()),
    }
}

/// Makes columns fit, each given with its width: some are left out, and the names get what the others leave.
fn squeeze(kept: &mut Vec<(usize, usize)>, columns: &[Column], most: usize) {
    let total = |kept: &[(usize, usize)]| kept.iter().map(|(_, width)| width + GAP).sum::<usize>() - GAP;
    let Some(natural) = kept.first().map(|(_, width)| *width).filter(|_| total(kept) > most) else { return };
    // One very long name does not take the place of every other column.
    kept[0].1 = natural.min((most / 2).max(NAME));
    while total(kept) > most {
        let spare = |(place, (column, _)): (usize, &(usize, usize))| match columns[*column].sort {
            Sort::Spare(number) => Some((number, place)),
            Sort::Kept | Sort::Remark => None,
        };
        let Some((_, place)) = kept.iter().enumerate().filter_map(spare).max() else { break };
        kept.remove(place);
    }
    let others = total(kept) - kept[0].1;
    kept[0].1 = natural.min(most.saturating_sub(others).max(NAME));
}

/// How many columns of a terminal a text takes.
fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// A text in lines of at most so many columns; a word that is longer stays whole.
pub fn wrapped(text: &str, most: usize) -> Vec<&str> {
    let (mut lines, mut rest) = (Vec::new(), text);
    while width(rest) > most {
        let blanks = rest.match_indices(' ').map(|(at, _)| at).filter(|at| *at > 0);
        let fitting = blanks.clone().take_while(|at| width(&rest[..*at]) <= most).last();
        let Some(at) = fitting.or_else(|| blanks.clone().next()) else { break };
        lines.push(&rest[..at]);
        rest = rest[at..].trim_start_matches(' ');
    }
    lines.push(rest);
    lines
}

#[cfg(test)]
mod tests;
