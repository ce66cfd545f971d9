//! `renew`: new credentials for the current identity. The shell function turns it into `as --renew`.

use crate::context::Context;
use crate::error::Failure;

pub(super) fn run(context: &Context) -> Result<(), Failure> {
    Err(super::needs_the_function(context, "renew"))
}
