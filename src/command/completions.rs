//! `completions`: the code that has a shell ask multicred how a word can go on.

use crate::cli::Completions;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::shell;

pub(super) fn run(context: &Context, arguments: &Completions) -> Result<(), Failure> {
    let program = super::program_in_shell(context);
    let code = shell::completions(arguments.shell, &program).map_err(|error| Failure {
        exit: Exit::Failure,
        fact: error.to_string(),
        remedy: None,
    })?;
    Ok(context.answer(&code)?)
}
