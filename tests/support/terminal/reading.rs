//! What the terminal shows, and what it ever showed.

use super::Terminal;
use super::display::Position;

impl Terminal {
    /// The visible screen.
    pub fn screen(&self) -> String {
        self.display.lock().screen().contents()
    }

    /// The scrollback and the screen.
    pub fn scrollback(&self) -> String {
        self.display.lock().text_from(Position::default())
    }

    /// Every byte the terminal was ever sent, escape sequences included: the place to look for a leaked secret.
    pub fn transcript(&self) -> String {
        String::from_utf8_lossy(&self.display.lock().bytes).into_owned()
    }

    /// What has come on the screen since something was last sent (echo of that included).
    pub fn since_sent(&self) -> String {
        self.display.lock().text_from(self.sent.cursor)
    }

    /// The prompt of the line being edited, colours aside, once the shell waits at it: `"(prod/Admin) $ "`.
    #[track_caller]
    pub fn prompt(&mut self) -> String {
        self.wait_for_prompt();
        self.display.lock().text_before_cursor()
    }

    /// The foreground colour of the lowest occurrence of `text` on the screen, where it has one colour throughout.
    pub fn colour_of(&self, text: &str) -> Option<vt100::Color> {
        self.display.lock().colour_of(text)
    }

    /// Whether the lowest occurrence of `text` on the screen is in this colour of the palette (either of its two
    /// brightnesses).
    pub fn shows_in_colour(&self, text: &str, colour: u8) -> bool {
        let found = self.colour_of(text);
        found == Some(vt100::Color::Idx(colour)) || found == Some(vt100::Color::Idx(colour + 8))
    }

    /// The lines between a command and the prompt that now waits.
    pub(super) fn output_since(&self, command: Position) -> String {
        let lines = {
            let mut display = self.display.lock();
            let prompt = display.prompt_row();
            display.lines_between(command.row + 1, prompt)
        };
        let lines = lines.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        let text = lines.trim_end();
        // fish marks a last line without a newline.
        text.strip_suffix('⏎').unwrap_or(text).to_owned()
    }
}
