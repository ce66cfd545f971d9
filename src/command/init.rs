//! `init`: the code that defines multicred in a shell.

use crate::cli::{Init, PromptStyle};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::shell::{self, Prompt, Settings};

pub(super) fn run(context: &Context, arguments: &Init) -> Result<(), Failure> {
    let prompt = match arguments.prompt {
        PromptStyle::Prefix => Prompt::Prefix,
        PromptStyle::None => Prompt::None,
    };
    let settings = Settings { program: super::program_in_shell(context), prompt };
    let code = shell::init(arguments.shell, &settings).map_err(|error| Failure {
        exit: Exit::Failure,
        fact: error.to_string(),
        remedy: None,
    })?;
    Ok(context.answer(&code)?)
}
