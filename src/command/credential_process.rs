//! `credential-process`: a credential for an AWS SDK that asks for one.

use crate::asking::{self, Question};
use crate::cli::{CredentialProcess, Global};
use crate::context::Context;
use crate::error::Failure;
use crate::export;
use crate::handing;
use crate::prompt::ProgramTty;

pub(super) fn run(context: &Context, global: &Global, arguments: &CredentialProcess) -> Result<(), Failure> {
    let (name, request) = asking::for_program(context, &arguments.whom, &arguments.asking)?;
    // What was obtained is in the history as a hop. SDKs ask too often for a line at every answer.
    let question = Question { what: "credential-process", name: &name, request: &request };
    let (somebody, _) = asking::answer(context, global, &arguments.asking, question, ProgramTty::new())?;
    let expiry = handing::expiry(&somebody.credential);
    let answer = export::process_json(&somebody.credential, expiry.as_deref());
    Ok(context.hand_over(answer.expose())?)
}
