//! What a person does at the keyboard.

use super::display::Position;
use super::{Ran, SILENT_KEYS, Sent, Shell, TICK, Terminal};
use std::io::Write;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// A command line at the moment of its Enter.
pub(super) struct Submitted {
    /// Where the command ends on the screen.
    end: Position,
    pub(super) line_feeds: usize,
    /// The pid of the shell it was typed into.
    shell: u32,
}

impl Terminal {
    /// Types text as it is, and does not wait.
    #[track_caller]
    pub fn send(&mut self, text: &str) {
        self.sent = {
            let display = self.display.lock();
            Sent { cursor: display.cursor(), bytes: display.bytes.len(), time: Instant::now() }
        };
        self.press(text);
    }

    /// Types a line and Enter, to a shell at its prompt or to a program that reads; does not wait for an answer.
    #[track_caller]
    pub fn send_line(&mut self, text: &str) {
        let deadline = Instant::now() + Duration::from_millis(500);
        while self.line_editor_is_on() && self.why_not_at_prompt().is_some() && Instant::now() < deadline {
            self.display.wait_for_change(TICK);
        }
        if self.why_not_at_prompt().is_none() {
            self.type_command(text);
            self.send("\r");
        } else {
            self.send(&format!("{text}\r"));
        }
    }

    /// Interrupts, as a person does who has seen what was typed before: the kernel throws away input that nobody has
    /// read yet, and bash overlooks a signal that comes just as it begins to read.
    #[track_caller]
    pub fn ctrl_c(&mut self) {
        let deadline = Instant::now() + SILENT_KEYS;
        while self.is_still_printing() && Instant::now() < deadline {
            self.display.wait_for_change(TICK);
        }
        self.send("\x03");
    }

    /// Types one line of shell, waits for the next prompt, and gives what was printed and `$?`.
    #[track_caller]
    pub fn run(&mut self, command: &str) -> Ran {
        let output = self.enter(command);
        Ran { output, status: self.status() }
    }

    /// Types one line of shell, waits for the next prompt, and gives what was printed.
    #[track_caller]
    pub fn enter(&mut self, command: &str) -> String {
        assert!(!command.contains(['\n', '\t', '\r']), "one line without tabs, or Terminal::paste: {command:?}");
        let submitted = self.submit(command);
        self.wait_until(&format!("the end of {command:?}"), |term| term.why_not_done(&submitted));
        self.output_since(submitted.end)
    }

    /// Presses Enter on the line as it stands, however it came there, waits for the next prompt, and gives what was printed.
    #[track_caller]
    pub fn press_enter(&mut self) -> String {
        let submitted = self.submit_line();
        self.wait_until("the end of the line", |term| term.why_not_done(&submitted));
        self.output_since(submitted.end)
    }

    /// Runs a command that starts another of the three shells in this one, and types into that one from now on.
    /// [`Terminal::leave_shell`] goes back.
    #[track_caller]
    pub fn enter_shell(&mut self, shell: Shell, command: &str) {
        let submitted = self.submit(command);
        self.shells.push(shell);
        self.wait_until("the prompt of the inner shell", |term| {
            let inside = term.foreground_id() != submitted.shell;
            if inside { term.why_not_done(&submitted) } else { Some("the outer shell is in the foreground".to_owned()) }
        });
    }

    /// Exits the inner shell.
    #[track_caller]
    pub fn leave_shell(&mut self) {
        assert!(self.shells.len() > 1, "this is the first shell; use Terminal::exit");
        let submitted = self.submit("exit");
        self.shells.pop();
        self.wait_until("the prompt of the outer shell", |term| {
            let outside = term.foreground_id() != submitted.shell;
            if outside {
                term.why_not_done(&submitted)
            } else {
                Some("the inner shell is in the foreground".to_owned())
            }
        });
    }

    /// Types `exit` and gives the exit code of the shell (128 + signal where one ended it).
    #[track_caller]
    pub fn exit(mut self) -> u32 {
        self.submit("exit");
        self.ended()
    }

    /// Types a command at the prompt, and Enter.
    #[track_caller]
    fn submit(&mut self, command: &str) -> Submitted {
        self.wait_for_prompt();
        self.type_command(command);
        self.submit_line()
    }

    #[track_caller]
    fn submit_line(&mut self) -> Submitted {
        let shell = self.foreground_id();
        let submitted = {
            let display = self.display.lock();
            Submitted { end: display.cursor(), line_feeds: display.line_feeds, shell }
        };
        self.send("\r");
        submitted
    }

    #[track_caller]
    pub(super) fn press(&mut self, keys: &str) {
        let mut keyboard = self.keyboard.lock().unwrap_or_else(PoisonError::into_inner);
        let written = keyboard.write_all(keys.as_bytes()).and_then(|()| keyboard.flush());
        drop(keyboard);
        if let Err(error) = written {
            self.fail(&format!("to type {keys:?}"), &error.to_string());
        }
    }

    /// Types a command and waits until the line editor shows it; an editor that shows something else is not waited for
    /// for long.
    fn type_command(&mut self, command: &str) {
        self.press(command);
        let deadline = Instant::now() + Duration::from_secs(3);
        while !self.display.lock().just_shows(command) && Instant::now() < deadline {
            self.display.wait_for_change(TICK);
        }
    }
}
