//! `exec`: a program that is somebody. multicred is gone from the process when it runs.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

use crate::asking;
use crate::cli::{Exec, Global};
use crate::context::Context;
use crate::env_change::{Announcement, EXEC_MARK, EnvChange};
use crate::error::{Exit, Failure};
use crate::handing;
use crate::identity::request::Request;
use crate::launch;
use crate::resolve::Resolved;

/// How our own variables begin.
const OUR_NAMES: &str = "MULTICRED_";

pub(super) fn run(context: &Context, global: &Global, arguments: &Exec) -> Result<(), Failure> {
    let Some((program, words)) = arguments.command.split_first() else {
        return Err(Failure::usage("there is no program to run", "multicred exec IDENTITY -- PROGRAM"));
    };
    refuse_nesting(context, arguments)?;
    let name = asking::whom(context, &arguments.whom)?;
    let request = asking::program_request(context, &arguments.asking)?;
    let mut resolver = asking::resolver(context, global, &arguments.asking)?;
    // What is wrong with the name is told, and written down, when it is resolved.
    let written = resolver.destination_profile(&name).unwrap_or_default();
    if let Some(profile) = &written {
        resolver.check_written_profile(profile)?;
    }
    let somebody = asking::resolve(context, &mut resolver, "exec", &name, &request)?;
    let destination = &somebody.destination;
    asking::record(context, &resolver, "exec", &destination.shown, destination.arn.as_deref(), "ok");
    if let Some(profile) = &written {
        handing::write_profile(context, &mut resolver, profile, &somebody, &request)?;
    }
    let change = change(context, &somebody, &request);
    // The store is put in order and closed before the process is another program's.
    drop(resolver);
    let is_restricted = !request.policy.is_empty();
    let without = context.names_beginning(OUR_NAMES).filter(|_| is_restricted);
    become_program(context, (program, words), &change, without)
}

fn refuse_nesting(context: &Context, arguments: &Exec) -> Result<(), Failure> {
    match context.variable(EXEC_MARK) {
        Some(_) if !arguments.nested => {
            let whom = context.variable("MULTICRED_IDENTITY").unwrap_or("somebody");
            let fact = format!("this is already the environment of multicred exec, as {whom}");
            Err(Failure::usage(fact, "leave it first, or say --nested"))
        }
        _ => Ok(()),
    }
}

/// What the program's environment shall be. A restricted program is told nothing of whom it is restricted from.
fn change(context: &Context, resolved: &Resolved, request: &Request) -> EnvChange {
    let region = handing::program_region(context, resolved, request);
    let mut change = handing::change(resolved, region.as_deref());
    if region.is_none() && context.own_region().is_none() {
        change.unset("AWS_REGION");
        change.unset("AWS_DEFAULT_REGION");
    }
    if request.policy.is_empty() {
        let who = Announcement { of_exec: true, ..handing::announcement(resolved, request) };
        change.announce(&who, &resolved.credential, region.as_deref());
    }
    change
}

/// Only where the program cannot be run does this return.
fn become_program<'n>(
    context: &'n Context,
    command: (&OsString, &[OsString]),
    change: &EnvChange,
    without: impl Iterator<Item = &'n str>,
) -> Result<(), Failure> {
    let (program, words) = command;
    context.restore_limits();
    let error = launch::become_program(program, words, change, without);
    // A script whose interpreter is missing is not found either, and yet it is there.
    let is_there = Path::new(program).components().count() > 1 && Path::new(program).exists();
    let (exit, remedy) = match (error.kind(), is_there || which::which_global(program).is_ok()) {
        (ErrorKind::NotFound, false) => (Exit::NotFound, "is it installed, and in PATH?"),
        _ => (Exit::NotExecutable, "is it a program for this machine, and may you run it?"),
    };
    let shown = program.to_string_lossy();
    Err(Failure::new(exit, format!("'{}' cannot be run: {error}", shown.escape_debug()), remedy))
}
