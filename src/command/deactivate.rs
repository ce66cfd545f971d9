//! `deactivate`: the shell function does it all, but for the end of a live session; where there is no function, the program
//! can only say so.

use crate::cli::Deactivate;
use crate::context::Context;
use crate::error::Failure;
use crate::live;

pub(super) fn run(context: &Context, arguments: &Deactivate) -> Result<(), Failure> {
    if arguments.keep_creds && live::of_environment(context).is_some() {
        let fact = "this shell is live: it holds no credentials that could be kept";
        return Err(Failure::usage(fact, "multicred deactivate; or be somebody without --live first"));
    }
    let Some(shell) = arguments.shell_pid else { return Err(super::needs_the_function(context, "deactivate")) };
    if let Some(session) = live::of_environment(context) {
        live::close(context, &session, shell);
    }
    Ok(())
}
