//! Asking a person in a window, or in the dialog of a pinentry.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{PromptError, Prompter, SDK_PATIENCE, Unaskable, is_code, pinentry};
use crate::secret::Secret;
use crate::subprocess::{self, Manner, Program, SubprocessError};

/// A person who has gone away gets no window for ever.
const PATIENCE: Duration = Duration::from_mins(10);

/// A program that answers without asking would be run for ever.
const TRIES: u32 = 5;

/// A program that asks a person.
pub struct Dialog<'d> {
    /// Which kind of program it is: `pinentry`, `zenity`, `kdialog`, `osascript`.
    kind: &'static str,
    program: PathBuf,
    /// Variables that it does not get.
    without: &'d [&'d str],
    /// The kind of terminal, for a pinentry that draws on it.
    terminal_kind: Option<&'d str>,
    deadline: Option<Instant>,
}

impl<'d> Dialog<'d> {
    /// One that asks by this program, which does not get the variables `without`, until `deadline`.
    pub fn new(
        kind: &'static str,
        program: PathBuf,
        without: &'d [&'d str],
        terminal_kind: Option<&'d str>,
        deadline: Option<Instant>,
    ) -> Self {
        Self { kind, program, without, terminal_kind, deadline }
    }

    fn ask(&self, serial: &str, remark: Option<&str>) -> Result<Secret, PromptError> {
        let question = format!("MFA code for {serial}");
        let remarked = remark.map_or_else(|| question.clone(), |remark| format!("{remark}\n{question}"));
        let script =
            format!("text returned of (display dialog {remarked:?} default answer \"\" with title \"multicred\")");
        match self.kind {
            "pinentry" => {
                let (without, terminal) = (self.without, self.terminal_kind);
                let question = pinentry::Question { description: &question, prompt: "MFA code:", remark };
                let answer = pinentry::ask(&self.program, without, terminal, question, self.patience())?;
                answer.ok_or_else(|| self.unanswered(serial))
            }
            "kdialog" => self.run(&["--title", "multicred", "--inputbox", &remarked], serial),
            "osascript" => self.run(&["-e", &script], serial),
            _ => self.run(&["--entry", "--title", "multicred", "--text", &remarked], serial),
        }
    }

    fn run(&self, words: &[&str], serial: &str) -> Result<Secret, PromptError> {
        let program = Program::Words(self.program.as_os_str(), words);
        let manner = Manner { what: self.kind, without: self.without, patience: self.patience(), may_ask: false };
        match subprocess::run(program, manner) {
            Ok((answer, _)) => Ok(Secret::new(answer.expose().trim())),
            // Each of them says so when the person closes it.
            Err(SubprocessError::Failed { status, .. }) if status == "exit code 1" => Err(PromptError::Cancelled),
            Err(SubprocessError::Slow { .. }) => Err(self.unanswered(serial)),
            Err(error) => Err(PromptError::Dialog(error.to_string())),
        }
    }

    fn patience(&self) -> Duration {
        self.deadline.map_or(PATIENCE, |deadline| deadline.saturating_duration_since(Instant::now()))
    }

    fn unanswered(&self, serial: &str) -> PromptError {
        PromptError::Unanswered { serial: serial.to_owned(), waited: self.waited().as_secs() }
    }

    fn waited(&self) -> Duration {
        if self.deadline.is_some() { SDK_PATIENCE } else { PATIENCE }
    }
}

impl Prompter for Dialog<'_> {
    fn can_ask(&self) -> Result<(), Unaskable> {
        Ok(())
    }

    fn mfa_code(&mut self, serial: &str, remark: Option<&str>) -> Result<Secret, PromptError> {
        let mut remark = remark;
        for _ in 0..TRIES {
            let answer = self.ask(serial, remark)?;
            if is_code(answer.expose()) {
                return Ok(answer);
            }
            remark = Some(super::SIX_DIGITS);
        }
        Err(PromptError::Dialog(format!("{} gave no six digits in {TRIES} tries", self.program.display())))
    }

    /// Only a pinentry is asked for one: the others show what is typed.
    fn passphrase(&mut self, question: &str, remark: Option<&str>) -> Result<Secret, PromptError> {
        let question = pinentry::Question { description: question, prompt: "Passphrase:", remark };
        let asked = pinentry::ask(&self.program, self.without, self.terminal_kind, question, self.patience());
        let of_passphrase = |error| match error {
            PromptError::Dialog(reason) => PromptError::PassphraseDialog(reason),
            error => error,
        };
        asked.map_err(of_passphrase)?.ok_or_else(|| PromptError::PassphraseUnanswered(self.waited().as_secs()))
    }
}
