//! `env`: a credential as statements for a shell, or as a text for programs.

use crate::asking;
use crate::cli::{Env, Format, Global};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::export::{self, Document, ExportError};
use crate::identity::request::Request;
use crate::resolve::Resolved;
use crate::secret::Secret;
use crate::shell::Language;

pub(super) fn run(context: &Context, global: &Global, arguments: &Env) -> Result<(), Failure> {
    if context.stdout_is_terminal() && !arguments.force {
        let fact = "this would print secrets on the terminal";
        return Err(Failure::usage(fact, "send them to a program or a file, or say --force"));
    }
    let name = asking::whom(context, &arguments.whom)?;
    let request = asking::program_request(context, &arguments.asking)?;
    let mut resolver = asking::resolver(context, global, &arguments.asking)?;
    let somebody = asking::resolve(context, &mut resolver, "env", &name, &request)?;
    let text = text(context, format(global, arguments), &somebody, &request)
        .map_err(|error| Failure::new(Exit::Failure, error.to_string(), "choose another --format"))?;
    context.hand_over(text.expose())?;
    let destination = &somebody.destination;
    asking::record(context, &resolver, "env", &destination.shown, destination.arn.as_deref(), "ok");
    Ok(())
}

fn format(global: &Global, arguments: &Env) -> Format {
    let default = if global.json { Format::Document(Document::Json) } else { Format::Statements(Language::Posix) };
    arguments.format.unwrap_or(default)
}

fn text(context: &Context, format: Format, resolved: &Resolved, request: &Request) -> Result<Secret, ExportError> {
    let region = asking::program_region(context, resolved, request);
    let region = region.as_deref();
    let change = || asking::change(resolved, region);
    let expiry = asking::expiry(&resolved.credential);
    match format {
        Format::Statements(language) => Ok(Secret::new(language.statements(&change()))),
        Format::Document(Document::Json) => Ok(export::process_json(&resolved.credential, expiry.as_deref())),
        Format::Document(Document::Ini) => {
            let told = asking::told_expiry(resolved);
            export::ini(&resolved.destination.shown, &resolved.credential, told.as_deref(), region)
        }
        Format::Document(Document::Dotenv) => export::dotenv(&change()),
        Format::Document(Document::Docker) => export::docker(&change()),
    }
}
