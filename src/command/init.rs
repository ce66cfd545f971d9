//! `init`: the code that defines multicred in a shell.

use crate::cli::{Init, PromptStyle};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::shell::{self, Prompt, Settings};
use crate::synced_profile::{PROGRAM, program_on_path};

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
    match (program_on_path(context), context.own_program()) {
        (None, Some(this)) => this.to_string_lossy().into_owned(),
        _ => PROGRAM.to_owned(),
    }
}
