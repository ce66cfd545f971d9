//! `deactivate`: the shell function does it all; the program can only say that there is none.

use crate::context::Context;
use crate::error::Failure;

pub(super) fn run(context: &Context) -> Result<(), Failure> {
    Err(super::needs_the_function(context, "deactivate"))
}
