//! The program: builds the context, runs the command, turns the result into an exit code.

use std::process::ExitCode;

use multicred::context::Context;

#[allow(clippy::disallowed_methods)]
fn main() -> ExitCode {
    let core_limit = multicred::context::harden();
    let arguments = std::env::args_os().collect();
    ExitCode::from(multicred::command::run(&mut Context::from_process(core_limit), arguments))
}
