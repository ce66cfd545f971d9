//! `init`: the code that defines multicred in a shell.

use std::path::Path;

use crate::cli::{Init, PromptStyle};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::shell::{self, Prompt, Settings};

pub(super) fn run(context: &Context, arguments: &Init) -> Result<(), Failure> {
    let prompt = match arguments.prompt {
        PromptStyle::Prefix => Prompt::Prefix,
        PromptStyle::None => Prompt::None,
    };
    let settings = Settings { program: program(context), prompt };
    let code = shell::init(arguments.shell, &settings).map_err(|error| Failure {
        exit: Exit::Failure,
        fact: error.to_string(),
        remedy: None,
    })?;
    Ok(context.answer(&code)?)
}

/// The plain name where PATH leads to this very program, so that an upgrade elsewhere is followed; else its path.
fn program(context: &Context) -> String {
    const NAME: &str = "multicred";
    let Some(this) = context.own_program() else { return NAME.to_owned() };
    let on_path = which::which_global(NAME).ok();
    let is_this = |path: &Path| path.canonicalize().ok() == this.canonicalize().ok();
    match on_path {
        Some(path) if is_this(&path) => NAME.to_owned(),
        _ => this.to_string_lossy().into_owned(),
    }
}
