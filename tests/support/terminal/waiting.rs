//! Waiting: for a prompt, for text, for the end; never for a while.

use super::typing::Submitted;
use super::{PATIENCE, QUIET, SILENT_KEYS, Shell, TICK, Terminal, process};
use std::time::Instant;

impl Terminal {
    /// Waits until the shell waits for a command.
    #[track_caller]
    pub fn wait_for_prompt(&mut self) {
        self.wait_until("a prompt", Self::why_not_at_prompt);
    }

    /// Waits until what was last typed has been answered, and nothing more comes: a Tab may be answered by nothing.
    #[track_caller]
    pub fn wait_for_quiet(&mut self) {
        self.wait_until("an end of the output", |term| {
            let is_new = term.sent.time.elapsed() < SILENT_KEYS;
            (is_new || term.is_still_printing()).then(|| "it is still printing, or has not answered".to_owned())
        });
    }

    /// Waits until `text` has come since the last thing sent; where a program draws above that place (a full-screen
    /// picker), use [`Terminal::wait_for`].
    #[track_caller]
    pub fn wait_for_text(&mut self, text: &str) {
        self.wait_until(&format!("the text {text:?}"), |term| {
            let seen = term.since_sent();
            (!seen.contains(text)).then(|| format!("so far: {seen:?}"))
        });
    }

    /// Waits until `why_not` has no reason left to give; fails with the whole screen.
    #[track_caller]
    pub fn wait_until(&mut self, expectation: &str, why_not: impl Fn(&mut Self) -> Option<String>) {
        let deadline = Instant::now() + PATIENCE;
        while let Some(reason) = why_not(self) {
            if let Ok(Some(status)) = self.child.try_wait() {
                self.fail(expectation, &format!("the shell has ended: {status}"));
            }
            if Instant::now() > deadline {
                self.fail(expectation, &reason);
            }
            self.display.wait_for_change(TICK);
        }
    }

    /// Waits for the end of the shell and gives its exit code.
    #[track_caller]
    pub fn ended(mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the state of a child") {
                return status.exit_code();
            }
            if Instant::now() > deadline {
                self.fail("the end of the shell", "it is still there");
            }
            self.display.wait_for_change(TICK);
        }
    }

    /// What keeps a command from having ended.
    pub(super) fn why_not_done(&mut self, submitted: &Submitted) -> Option<String> {
        if self.display.lock().line_feeds == submitted.line_feeds {
            return Some("Enter has not been answered".to_owned());
        }
        self.why_not_at_prompt()
    }

    /// What keeps the shell from being at its prompt.
    pub(super) fn why_not_at_prompt(&mut self) -> Option<String> {
        let tail = match self.shell() {
            Shell::Zsh => "% ",
            Shell::Bash | Shell::Fish => "$ ",
        };
        let before_cursor = self.display.lock().text_before_cursor();
        if !before_cursor.ends_with(tail) {
            return Some(format!("the cursor stands behind {before_cursor:?}, not behind {tail:?}"));
        }
        if self.is_still_printing() {
            return Some("it is still printing, or has not answered".to_owned());
        }
        if !self.line_editor_is_on() {
            return Some("the line editor is not reading".to_owned());
        }
        process::foreground(self.pty.as_ref()).and_then(|leader| leader.why_not_a_waiting_shell())
    }

    pub(super) fn is_still_printing(&self) -> bool {
        let display = self.display.lock();
        let unanswered = display.bytes.len() == self.sent.bytes && self.sent.time.elapsed() < SILENT_KEYS;
        unanswered || display.last_output.elapsed() < QUIET
    }

    pub(super) fn line_editor_is_on(&self) -> bool {
        process::reads_unbuffered(self.pty.as_ref())
    }

    /// The pid of the shell being typed into.
    pub(super) fn foreground_id(&self) -> u32 {
        process::foreground(self.pty.as_ref()).map_or_else(|| self.pid(), |leader| leader.id)
    }

    #[track_caller]
    pub(super) fn fail(&mut self, expectation: &str, reason: &str) -> ! {
        let leader = process::foreground(self.pty.as_ref());
        let (shell, change, rc) = (self.shell(), &self.change, &self.rc);
        panic!(
            "{shell}: expected {expectation} (patience {PATIENCE:?})\n--- instead\n{reason}\n--- foreground\n{leader:?}\n\
             --- startup text\n{rc}\n--- environment change\n{change}--- screen and scrollback\n{}\n---",
            self.scrollback()
        );
    }
}
