//! Tables for people: plain where they are piped, and as wide as the terminal where there is one.

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};

use crate::context::{Context, printable};
use crate::identity::request::say_duration;
use crate::resolve::{Standing, State};

/// An empty table with these heads.
pub fn with_heads<const N: usize>(context: &Context, heads: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(heads);
    if context.stdout_is_coloured() {
        // Also into a pipe, where the person says so.
        table.enforce_styling();
    }
    table
}

/// A cell with a text of anybody's.
pub fn cell(text: &str) -> Cell {
    Cell::new(printable(text))
}

/// The cell that says how somebody stands, in its colour.
pub fn state_cell(context: &Context, standing: &Standing) -> Cell {
    let cell = cell(&say_standing(standing, context.now()));
    if context.stdout_is_coloured() { cell.fg(colour(&standing.state)) } else { cell }
}

/// How somebody stands, in words: the state, the time that is left, what is wrong.
pub fn say_standing(standing: &Standing, now: i64) -> String {
    match (&standing.state, standing.expires_at) {
        (State::Broken(reason), _) => format!("broken: {reason}"),
        (state, Some(end)) => format!("{} {}", state.word(), say_duration(end - now)),
        (state, None) => state.word().to_owned(),
    }
}

fn colour(state: &State) -> Color {
    match state {
        State::Ready => Color::Green,
        State::Renewable => Color::Cyan,
        State::NeedsMfa => Color::Yellow,
        State::Expired | State::NoCredential | State::Broken(_) => Color::Red,
    }
}
