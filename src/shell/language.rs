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

    /// Writes statements that make a change, for any place where the shell may run them; there they find out what would
    /// win over the change.
    pub fn statements(self, change: &EnvChange) -> String {
        match self {
            // The last removal of what is not there would tell that it all failed.
            Self::Fish => self.write(change, &guard(change), "true\n"),
            _ => self.bare_statements(change),
        }
    }

    /// Writes statements that make a change, each on a line of its own. What would win over it is not looked for.
    pub(super) fn bare_statements(self, change: &EnvChange) -> String {
        self.write(change, "", "")
    }

    fn write(self, change: &EnvChange, before: &str, after: &str) -> String {
        // Room for the largest values at once: growing would leave copies of secrets in freed memory.
        let values: usize = change.actions().iter().map(|(_, action)| action_length(action)).sum();
        let around = before.len() + after.len();
        let mut code = String::with_capacity(around + 2 * values + 64 * (change.actions().len() + 1));
        code.push_str(before);
        for (index, (name, action)) in change.actions().iter().enumerate() {
            if self == Self::Nu {
                code.push_str(if index == 0 { "{" } else { ", " });
            }
            self.statement(&mut code, name, action);
        }
        if self == Self::Nu {
            code.push_str("}\n");
        }
        code.push_str(after);
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

/// What goes before a change in fish. No statement hides an exported universal variable from the programs of one shell
/// without erasing it in all; a local one of the function that runs the statements wins over a global one.
fn guard(change: &EnvChange) -> String {
    let names = |is_meant: fn(&Action) -> bool| -> String {
        change.actions().iter().filter(|(_, action)| is_meant(action)).map(|(name, _)| [" ", name].concat()).collect()
    };
    let (removed, all) = (names(|action| *action == Action::Unset), names(|_| true));
    format!(
        "begin
    set -l __multicred_name
    for __multicred_name in{removed}
        if set -qUx $__multicred_name
            printf '%s\\n' \"multicred: $__multicred_name is a universal variable, which would win over the \
credentials: nothing was changed\" \"multicred: remove it with: set -eU $__multicred_name\" >&2
            return 1
        end
    end
    for __multicred_name in{all}
        while set -ql $__multicred_name
            set -el $__multicred_name
        end
    end
end
"
    )
}
