//! `multicred init`: the settings of this machine and person, then the plain script of the shell.

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, context};

use super::{Dialect, quote};
use crate::env_change::{FILES, OURS, SETS, UNSETS};

/// zsh parses the whole of what is eval'd before it runs any of it: the person's aliases and options are kept out of
/// it, and out of the functions it defines, by a string of its own.
const ZSH_WRAPPER: &str = include_str!("../../templates/init.zsh");

/// Where the identity shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// Before the prompt.
    Prefix,
    /// Nowhere: the person's own prompt reads `MULTICRED_IDENTITY`.
    None,
}

/// What `init` was asked for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program that the functions call: its name, or its path where it is not on PATH.
    pub program: String,
    /// Where the identity shows.
    pub prompt: Prompt,
}

/// The code could not be made: a fault of this program.
#[derive(Debug, thiserror::Error)]
#[error("the template of {shell} is broken: {reason}")]
pub struct InitError {
    shell: &'static str,
    reason: String,
}

/// The code to eval.
///
/// # Errors
/// A template of ours is broken.
pub fn init(dialect: Dialect, settings: &Settings) -> Result<String, InitError> {
    let (template, script) = match dialect {
        Dialect::Bash => (include_str!("../../templates/settings.bash"), include_str!("../../shell/bash/init.bash")),
        Dialect::Zsh => (include_str!("../../templates/settings.zsh"), include_str!("../../shell/zsh/init.zsh")),
        Dialect::Fish => (include_str!("../../templates/settings.fish"), include_str!("../../shell/fish/init.fish")),
    };
    let failed = |error: minijinja::Error| InitError { shell: dialect.name(), reason: error.to_string() };
    let environment = quoting_environment(dialect);
    let style = match settings.prompt {
        Prompt::Prefix => "prefix",
        Prompt::None => "none",
    };
    let program = settings.program.as_str();
    let values = context! { program, style, sets => SETS, unsets => UNSETS, files => FILES, ours => OURS };
    let settings = environment.render_str(template, values).map_err(failed)?;
    let code = format!("{settings}\n{}", without_comments(script));
    match dialect {
        Dialect::Zsh => environment.render_str(ZSH_WRAPPER, context! { code }).map_err(failed),
        Dialect::Bash | Dialect::Fish => Ok(code),
    }
}

/// The code that has a shell ask this program, its name or its path, how a word can go on.
///
/// # Errors
/// A template of ours is broken.
pub fn completions(dialect: Dialect, program: &str) -> Result<String, InitError> {
    let (template, script) = match dialect {
        Dialect::Bash => {
            (include_str!("../../templates/completions.bash"), include_str!("../../shell/bash/completions.bash"))
        }
        Dialect::Zsh => {
            (include_str!("../../templates/completions.zsh"), include_str!("../../shell/zsh/completions.zsh"))
        }
        Dialect::Fish => {
            (include_str!("../../templates/completions.fish"), include_str!("../../shell/fish/completions.fish"))
        }
    };
    let failed = |error: minijinja::Error| InitError { shell: dialect.name(), reason: error.to_string() };
    let call = quoting_environment(dialect).render_str(template, context! { program }).map_err(failed)?;
    // compinit looks for these words in the first line of a file.
    let first = if dialect == Dialect::Zsh { "#compdef multicred\n" } else { "" };
    Ok(format!("{first}{call}\n{}", without_comments(script)))
}

/// An engine that quotes every value for the dialect. There is no way around it but minijinja's own `safe` filter,
/// which no template of ours uses.
fn quoting_environment(dialect: Dialect) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(move |out, _state, value: &Value| {
        let text = value.to_string();
        let mut quoted = String::with_capacity(text.len() + 2);
        quote(dialect.language(), &text, &mut quoted);
        out.write_str(&quoted).map_err(minijinja::Error::from)
    });
    environment
}

/// Comments and indentation are for the reader of the file, not for the shell that parses it at every start.
fn without_comments(script: &str) -> String {
    let mut code = String::with_capacity(script.len());
    for line in script.lines().map(str::trim_start) {
        if !line.is_empty() && !line.starts_with('#') {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_path_is_quoted_by_the_template_engine_itself() {
        let settings = Settings { program: "/tmp/it's $(touch pwned)\\".into(), prompt: Prompt::Prefix };
        let bash = init(Dialect::Bash, &settings).unwrap();
        assert!(bash.contains(r"__multicred_program='/tmp/it'\''s $(touch pwned)\'"), "{bash}");
        let fish = init(Dialect::Fish, &settings).unwrap();
        assert!(fish.contains(r"__multicred_program '/tmp/it\'s $(touch pwned)\\'"), "{fish}");
    }

    #[test]
    fn no_template_marks_a_value_as_safe() {
        for template in [
            include_str!("../../templates/settings.bash"),
            include_str!("../../templates/settings.zsh"),
            include_str!("../../templates/settings.fish"),
            ZSH_WRAPPER,
        ] {
            assert!(!template.contains("safe"), "{template}");
        }
    }

    #[test]
    fn scripts_hold_no_line_that_dropping_comments_and_indentation_would_change() {
        for script in [
            include_str!("../../shell/bash/init.bash"),
            include_str!("../../shell/zsh/init.zsh"),
            include_str!("../../shell/fish/init.fish"),
        ] {
            assert!(!script.contains("<<"), "a here-document's lines are data");
        }
    }
}
