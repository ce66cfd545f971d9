//! `credential-process`: a credential for an AWS SDK that asks for one.

use crate::asking;
use crate::cli::{CredentialProcess, Global};
use crate::context::Context;
use crate::error::Failure;
use crate::export;
use crate::handing;
use crate::prompt::ProgramTty;

pub(super) fn run(context: &Context, global: &Global, arguments: &CredentialProcess) -> Result<(), Failure> {
    let name = asking::whom(context, &arguments.whom)?;
    let request = asking::program_request(context, &arguments.asking)?;
    let mut resolver = asking::resolver_asking(context, global, &arguments.asking, ProgramTty::new())?;
    // What was obtained is in the history as a hop. SDKs ask too often for a line at every answer.
    let somebody = asking::resolve(context, &mut resolver, "credential-process", &name, &request)?;
    let expiry = handing::expiry(&somebody.credential);
    let answer = export::process_json(&somebody.credential, expiry.as_deref());
    Ok(context.hand_over(answer.expose())?)
}
