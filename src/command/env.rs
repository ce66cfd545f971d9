//! `env`: a credential as statements for a shell, or as a text for programs.

use crate::asking;
use crate::cli::{Env, Format, Global};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::export::{self, Document, ExportError};
use crate::handing;
use crate::identity::request::Request;
use crate::resolve::{Resolved, Resolver};
use crate::secret::Secret;
use crate::shell::Language;

pub(super) fn run(context: &Context, global: &Global, arguments: &Env) -> Result<(), Failure> {
    if arguments.to_profile.is_none() && context.stdout_is_terminal() && !arguments.force {
        let fact = "this would print secrets on the terminal";
        return Err(Failure::usage(fact, "send them to a program or a file, or say --force"));
    }
    if arguments.to_profile.is_some() && !arguments.whom.is_named() {
        let fact = "--to-profile takes the profile's name, and no identity is named beside it";
        return Err(Failure::usage(fact, "multicred env IDENTITY --to-profile NAME"));
    }
    let (name, request) = asking::for_program(context, &arguments.whom, &arguments.asking)?;
    let mut resolver = asking::resolver(context, global, &arguments.asking)?;
    let to_profile = to_profile(&resolver, arguments, &name)?;
    let somebody = asking::resolve(context, &mut resolver, "env", &name, &request)?;
    match &to_profile {
        Some(profile) => handing::write_profile(context, &mut resolver, profile, &somebody, &request)?,
        None => print(context, format(global, arguments), &somebody, &request)?,
    }
    asking::record_use(context, resolver.store_path(), "env", (&somebody.who, &request), "ok");
    Ok(())
}

/// The profile that is to be written, checked before anybody is asked for anything.
fn to_profile(resolver: &Resolver<'_>, arguments: &Env, name: &str) -> Result<Option<String>, Failure> {
    let profile = match arguments.to_profile.as_deref() {
        None => return Ok(None),
        Some("") => resolver.destination_profile(name)?.ok_or_else(|| {
            let fact = format!("'{}' is no profile with a destination_profile", name.escape_debug());
            Failure::usage(fact, "name the profile to write: --to-profile NAME")
        })?,
        Some(profile) => profile.to_owned(),
    };
    resolver.check_written_profile(&profile)?;
    Ok(Some(profile))
}

fn print(context: &Context, format: Format, resolved: &Resolved, request: &Request) -> Result<(), Failure> {
    let text = text(context, format, resolved, request);
    let text = text.map_err(|error| Failure::new(Exit::Failure, error.to_string(), "choose another --format"))?;
    Ok(context.hand_over(text.expose())?)
}

fn format(global: &Global, arguments: &Env) -> Format {
    let default = if global.json { Format::Document(Document::Json) } else { Format::Statements(Language::Posix) };
    arguments.format.unwrap_or(default)
}

fn text(context: &Context, format: Format, resolved: &Resolved, request: &Request) -> Result<Secret, ExportError> {
    let region = handing::program_region(context, resolved, request);
    let region = region.as_deref();
    let change = || handing::change(context, resolved, region);
    let expiry = handing::expiry(&resolved.credential);
    match format {
        Format::Statements(language) => Ok(Secret::new(language.statements(&change()))),
        Format::Document(Document::Json) => Ok(export::process_json(&resolved.credential, expiry.as_deref())),
        Format::Document(Document::Ini) => {
            let told = handing::told_expiry(resolved);
            export::ini(&resolved.who.shown, &resolved.credential, told.as_deref(), region)
        }
        Format::Document(Document::Dotenv) => export::dotenv(&change()),
        Format::Document(Document::Docker) => export::docker(&change()),
    }
}
