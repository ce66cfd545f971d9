//! What the terminal shows: a reader thread feeds every byte to the emulator, and answers what programs ask a terminal.

use super::Keyboard;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use vt100::{Callbacks, Color, Parser, Screen};

const SCROLLBACK: usize = 2000;

/// A place in everything printed so far; rows count from the first line ever shown.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) row: usize,
    pub(super) column: usize,
}

pub(super) struct Display {
    state: Mutex<State>,
    changed: Condvar,
}

pub(super) struct State {
    parser: Parser<Extras>,
    pub(super) bytes: Vec<u8>,
    pub(super) line_feeds: usize,
    pub(super) last_output: Instant,
}

impl Display {
    pub(super) fn new(rows: u16, columns: u16) -> Self {
        let parser =
            Parser::new_with_callbacks(at_least_one(rows), at_least_one(columns), SCROLLBACK, Extras::default());
        let state = State { parser, bytes: Vec::new(), line_feeds: 0, last_output: Instant::now() };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns at new output, or after `limit`.
    pub(super) fn wait_for_change(&self, limit: Duration) {
        drop(self.changed.wait_timeout(self.lock(), limit));
    }

    /// Reads until the last holder of the terminal is gone.
    pub(super) fn show_all_of(self: &Arc<Self>, mut pty: Box<dyn Read + Send>, keyboard: Keyboard) {
        let display = Arc::clone(self);
        thread::spawn(move || {
            let mut chunk = [0; 8192];
            while let Ok(count @ 1..) = pty.read(&mut chunk) {
                let replies = display.lock().take(&chunk[..count]);
                display.changed.notify_all();
                if !replies.is_empty() {
                    // The program that asked may be gone by now.
                    let _ = keyboard.lock().unwrap_or_else(PoisonError::into_inner).write_all(&replies);
                }
            }
        });
    }
}

fn at_least_one(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap_or(NonZeroU16::MIN)
}

impl State {
    /// Shows bytes; gives what a terminal would answer.
    fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.parser.process(bytes);
        self.bytes.extend_from_slice(bytes);
        self.line_feeds += bytes.split(|byte| *byte == b'\n').count() - 1;
        self.last_output = Instant::now();
        std::mem::take(&mut self.parser.callbacks_mut().replies)
    }

    pub(super) fn screen(&self) -> &Screen {
        self.parser.screen()
    }

    pub(super) fn cursor(&self) -> Position {
        let (row, column) = self.screen().cursor_position();
        Position { row: self.first_visible_row() + usize::from(row), column: usize::from(column) }
    }

    fn first_visible_row(&self) -> usize {
        self.parser.callbacks().forgotten_rows + self.screen().scrollback_len()
    }

    /// The row the current line begins in: above the cursor's where the line is wrapped.
    pub(super) fn prompt_row(&self) -> usize {
        self.first_visible_row() + usize::from(self.first_row_of_current_line())
    }

    fn first_row_of_current_line(&self) -> u16 {
        let last_column = self.screen().size().1.get() - 1;
        let (mut row, _) = self.screen().cursor_position();
        // zsh and fish fill an unfinished line with blanks up to the next row before they prompt: that is no wrapping.
        let goes_on = |row| {
            self.screen().row_wrapped(row)
                && self.screen().cell(row, last_column).is_some_and(|cell| cell.contents() != " ")
        };
        while row > 0 && goes_on(row - 1) {
            row -= 1;
        }
        row
    }

    /// The current line up to the cursor, blanks included.
    pub(super) fn text_before_cursor(&self) -> String {
        self.text_up_to_cursor(self.first_row_of_current_line())
    }

    /// Whether what stands before the cursor ends in `text`, blanks and line ends aside.
    pub(super) fn just_shows(&self, text: &str) -> bool {
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        squeezed(&self.text_up_to_cursor(0)).ends_with(&squeezed(text))
    }

    fn text_up_to_cursor(&self, first: u16) -> String {
        let (last, column) = self.screen().cursor_position();
        let columns = self.screen().size().1.get();
        (first..=last).map(|row| self.cells(row, 0..if row == last { column } else { columns }).0).collect()
    }

    /// From a place on to the end of the screen. A screen cleared in between begins anew.
    pub(super) fn text_from(&mut self, from: Position) -> String {
        let from = if from.row > self.cursor().row { Position::default() } else { from };
        let below = self.cursor().row + 1;
        let mut text = self.lines_between(from.row, below);
        text.pop();
        let rest = self.lines_between(below, usize::MAX);
        if !rest.trim().is_empty() {
            text.push('\n');
            text.push_str(rest.trim_end_matches('\n'));
        }
        text.chars().skip(from.column).collect()
    }

    /// Whole lines, by their rows; what the terminal wrapped is one line again.
    pub(super) fn lines_between(&mut self, first: usize, end: usize) -> String {
        let forgotten = self.parser.callbacks().forgotten_rows;
        let columns = self.screen().size().1.get();
        let height = usize::from(self.screen().size().0.get());
        let kept = self.screen().scrollback_len();
        let end = end.saturating_sub(forgotten).min(kept + height);
        let screen = self.parser.screen_mut();
        let (mut text, mut next) = (String::new(), first.saturating_sub(forgotten));
        while next < end {
            let top = next.min(kept);
            screen.set_scrollback(kept - top);
            for (row, line) in screen.rows(0, columns).enumerate().skip(next - top).take(end - next) {
                let wrapped = u16::try_from(row).is_ok_and(|row| screen.row_wrapped(row));
                text.push_str(&line);
                text.push_str(if wrapped { "" } else { "\n" });
            }
            next = top + height;
        }
        screen.set_scrollback(0);
        text
    }

    pub(super) fn colour_of(&self, text: &str) -> Option<Color> {
        let (rows, columns) = self.screen().size();
        let found = (0..rows.get()).rev().find_map(|row| {
            let (line, starts) = self.cells(row, 0..columns.get());
            let at = line.rfind(text)?;
            let inside = starts.into_iter().filter(|(offset, _)| (at..at + text.len()).contains(offset));
            Some(inside.map(|(_, column)| (row, column)).collect::<Vec<_>>())
        })?;
        let printed = found.into_iter().filter_map(|(row, column)| self.screen().cell(row, column));
        let mut colours = printed.filter(|cell| !cell.contents().trim().is_empty()).map(vt100::Cell::fgcolor);
        let first = colours.next()?;
        colours.all(|colour| colour == first).then_some(first)
    }

    /// The text of a row's cells, and where in it which column begins.
    fn cells(&self, row: u16, columns: Range<u16>) -> (String, Vec<(usize, u16)>) {
        let (mut text, mut starts) = (String::new(), Vec::new());
        for column in columns {
            let Some(cell) = self.screen().cell(row, column).filter(|cell| !cell.is_wide_continuation()) else {
                continue;
            };
            starts.push((text.len(), column));
            text.push_str(if cell.has_contents() { cell.contents() } else { " " });
        }
        (text, starts)
    }
}

/// What the emulator leaves to its user.
#[derive(Default)]
struct Extras {
    replies: Vec<u8>,
    /// Rows the scrollback was too short for.
    forgotten_rows: usize,
}

impl Callbacks for Extras {
    fn on_scroll(&mut self, _row: vt100::capture::RowContents<'_>, alternate_screen: bool) {
        if !alternate_screen {
            self.forgotten_rows += 1;
        }
    }

    /// Where the cursor is (DSR 6), and what kind of terminal this is (DA1): fish 4 waits for the latter.
    fn unhandled_csi(
        &mut self,
        screen: &mut Screen,
        first: Option<u8>,
        _: Option<u8>,
        parameters: &[&[u16]],
        kind: char,
    ) {
        let (row, column) = screen.cursor_position();
        match (first, kind, parameters) {
            (None, 'n', [[6]]) => self.replies.extend(format!("\x1b[{};{}R", row + 1, column + 1).bytes()),
            (None, 'c', [] | [[0]]) => self.replies.extend(*b"\x1b[?62;22c"),
            _ => {}
        }
    }
}
