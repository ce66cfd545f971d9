//! `deactivate`: the shell function does it all, but for the end of a live session; where there is no function, the program
//! can only say so.

use crate::cli::Deactivate;
use crate::context::Context;
use crate::error::Failure;
use crate::live;

pub(super) fn run(context: &Context, arguments: &Deactivate) -> Result<(), Failure> {
    let Some(shell) = arguments.shell_pid else { return Err(super::needs_the_function(context, "deactivate")) };
    if let Some(session) = live::of_environment(context) {
        live::close(context, &session, shell);
    }
    Ok(())
}
