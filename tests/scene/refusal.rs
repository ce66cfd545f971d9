//! How the program says no.

use crate::support::env::Output;

/// What every refusal keeps to: its exit code, nothing on stdout, a fact and a remedy on stderr in lines marked as
/// ours, nothing that a terminal would obey, no panic.
pub trait Refusal {
    /// Refused with this code; stderr says each of `texts`.
    #[track_caller]
    fn refused(&self, code: i32, texts: &[&str]) -> &Self;
    /// No panic, no abort, and nothing on stderr that is not a line of ours.
    #[track_caller]
    fn calm(&self) -> &Self;
}

impl Refusal for Output {
    #[track_caller]
    fn refused(&self, code: i32, texts: &[&str]) -> &Self {
        self.code(code).stdout_is("").calm();
        for text in texts {
            self.stderr_has(text);
        }
        self.holds(self.stderr.lines().count() >= 2, "a fact and a remedy on stderr")
    }

    #[track_caller]
    fn calm(&self) -> &Self {
        let loud = self.stderr.contains("panicked") || matches!(self.status, 101 | 134 | 139);
        self.holds(!loud, "no panic");
        let ours = self.stderr.lines().all(|line| line.starts_with("multicred: "));
        self.holds(ours, "every line of stderr to begin with multicred:");
        let obeyed = |c: char| c.is_control() && c != '\n';
        self.holds(!self.stderr.contains(obeyed), "no control character on stderr")
    }
}
