//! The languages that shells speak: a statement that exports a variable, one that removes it.

use super::{action_length, quote};
use crate::env_change::{Action, EnvChange};

/// A language. Shells that share one write the same statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// sh, bash, zsh, dash, ksh, mksh, yash, ash.
    Posix,
    /// fish.
    Fish,
    /// csh and tcsh.
    Tcsh,
    /// PowerShell.
    PowerShell,
    /// nushell, whose statement is a record in JSON for `from json | load-env`.
    Nu,
    /// elvish.
    Elvish,
    /// xonsh.
    Xonsh,
}

impl Language {
    /// The language of a shell, by any of the shell's names.
    pub fn named(shell: &str) -> Option<Self> {
        Some(match shell {
            "sh" | "posix" | "bash" | "zsh" | "dash" | "ksh" | "mksh" | "yash" | "ash" => Self::Posix,
            "fish" => Self::Fish,
            "tcsh" | "csh" => Self::Tcsh,
            "powershell" | "pwsh" => Self::PowerShell,
            "nu" | "nushell" => Self::Nu,
            "elvish" => Self::Elvish,
            "xonsh" => Self::Xonsh,
            _ => return None,
        })
    }

    /// Writes statements that make a change, each on a line of its own.
    pub fn statements(self, change: &EnvChange) -> String {
        // Room for the largest values at once: growing would leave copies of secrets in freed memory.
        let values: usize = change.actions().iter().map(|(_, action)| action_length(action)).sum();
        let mut code = String::with_capacity(2 * values + 64 * (change.actions().len() + 1));
        for (index, (name, action)) in change.actions().iter().enumerate() {
            if self == Self::Nu {
                code.push_str(if index == 0 { "{" } else { ", " });
            }
            self.statement(&mut code, name, action);
        }
        if self == Self::Nu {
            code.push_str("}\n");
        }
        code
    }

    fn statement(self, code: &mut String, name: &str, action: &Action) {
        let (start, middle, end) = match (self, action) {
            (Self::Posix, Action::Set(_)) => ("export ", "=", "\n"),
            (Self::Posix, Action::Unset) => ("unset ", "", "\n"),
            (Self::Fish, Action::Set(_)) => ("set -gx ", " ", "\n"),
            (Self::Fish, Action::Unset) => ("set -eg ", "", "\n"),
            // eval joins what a command printed into one line.
            (Self::Tcsh, Action::Set(_)) => ("setenv ", " ", ";\n"),
            (Self::Tcsh, Action::Unset) => ("unsetenv ", "", ";\n"),
            (Self::PowerShell, Action::Set(_)) => ("$env:", " = ", "\n"),
            (Self::PowerShell, Action::Unset) => ("Remove-Item -ErrorAction Ignore Env:", "", "\n"),
            (Self::Nu, Action::Set(_)) => ("\"", "\": ", ""),
            (Self::Nu, Action::Unset) => ("\"", "\": null", ""),
            (Self::Elvish, Action::Set(_)) => ("set-env ", " ", "\n"),
            (Self::Elvish, Action::Unset) => ("unset-env ", "", "\n"),
            (Self::Xonsh, Action::Set(_)) => ("$", " = ", "\n"),
            (Self::Xonsh, Action::Unset) => ("${...}.pop('", "', None)", "\n"),
        };
        code.extend([start, name, middle]);
        if let Action::Set(value) = action {
            quote(self, value.expose(), code);
        }
        code.push_str(end);
    }
}
