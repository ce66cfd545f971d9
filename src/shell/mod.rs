//! Shells: what each one's language needs.

mod init;
mod language;
mod quote;

use crate::env_change::{Action, EnvChange, REQUEST};

pub use init::{InitError, Prompt, Settings, completions, init};
pub use language::Language;
pub use quote::quote;

/// A shell's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// GNU bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

/// Shells that are planned and not here yet.
const PLANNED: [&str; 14] = [
    "posix",
    "sh",
    "dash",
    "ksh",
    "mksh",
    "yash",
    "ash",
    "tcsh",
    "csh",
    "elvish",
    "nu",
    "nushell",
    "xonsh",
    "powershell",
];

impl Dialect {
    /// Every shell that works.
    pub const ALL: [Self; 3] = [Self::Bash, Self::Zsh, Self::Fish];

    /// The name a person types.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }

    /// The language that the shell speaks.
    pub fn language(self) -> Language {
        match self {
            Self::Bash | Self::Zsh => Language::Posix,
            Self::Fish => Language::Fish,
        }
    }

    /// The line that belongs into the shell's start file.
    pub fn rc_line(self) -> &'static str {
        match self {
            Self::Bash => "eval \"$(multicred init bash)\"",
            Self::Zsh => "eval \"$(multicred init zsh)\"",
            Self::Fish => "multicred init fish | source",
        }
    }

    /// The shell's start file, as a person knows it.
    pub fn rc_file(self) -> &'static str {
        match self {
            Self::Bash => "~/.bashrc",
            Self::Zsh => "~/.zshrc",
            Self::Fish => "~/.config/fish/config.fish",
        }
    }
}

impl std::str::FromStr for Dialect {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|dialect| dialect.name() == name);
        found.ok_or_else(|| {
            let shown = name.escape_debug();
            if name == "pwsh" || PLANNED.contains(&name) {
                format!("{shown} is not supported by this version: it knows bash, zsh and fish")
            } else {
                format!("'{shown}' is no shell that multicred knows: it knows bash, zsh and fish")
            }
        })
    }
}

/// Writes a change as code of a shell. Every value is quoted; every statement stands on a line of its own.
pub fn render(dialect: Dialect, change: &EnvChange) -> String {
    let mut code = dialect.language().bare_statements(change);
    request(dialect, &mut code, change.request());
    code
}

fn action_length(action: &Action) -> usize {
    match action {
        Action::Set(value) => value.expose().len(),
        Action::Unset => 0,
    }
}

fn request(dialect: Dialect, code: &mut String, words: &[String]) {
    let (start, end) = match dialect {
        Dialect::Bash | Dialect::Zsh => ("=(", ")\n"),
        Dialect::Fish => ("", "\n"),
    };
    if dialect == Dialect::Fish {
        code.push_str("set -g ");
    }
    code.push_str(REQUEST);
    code.push_str(start);
    for word in words {
        code.push(' ');
        quote(dialect.language(), word, code);
    }
    code.push_str(end);
}
