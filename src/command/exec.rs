//! `exec`: a program that is somebody. multicred is gone from the process when it runs.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;

use crate::agent::Session;
use crate::asking;
use crate::cli::{Exec, Global, wherever};
use crate::context::Context;
use crate::env_change::{Announcement, EXEC_MARK, EnvChange};
use crate::error::{Exit, Failure};
use crate::handing;
use crate::identity::request::Request;
use crate::launch;
use crate::live;
use crate::resolve::Resolved;

/// How our own variables begin.
const OUR_NAMES: &str = "MULTICRED_";

pub(super) fn run(context: &Context, global: &Global, arguments: &Exec) -> Result<(), Failure> {
    let Some((program, words)) = arguments.command.split_first() else {
        return Err(Failure::usage("there is no program to run", "multicred exec IDENTITY -- PROGRAM"));
    };
    refuse_nesting(context, arguments)?;
    // Before AWS or a person is asked for anything.
    if !is_there(program) {
        return Err(cannot_run(program, &ErrorKind::NotFound.into()));
    }
    let (name, request) = asking::for_program(context, &arguments.whom, &arguments.asking)?;
    let mut resolver = asking::resolver(context, global, &arguments.asking)?;
    // What is wrong with the name is told, and written down, when it is resolved.
    let written = resolver.destination_profile(&name).unwrap_or_default();
    if let Some(profile) = &written {
        resolver.check_written_profile(profile)?;
    }
    let somebody = asking::resolve(context, &mut resolver, "exec", &name, &request)?;
    if let Some(profile) = &written {
        handing::write_profile(context, &mut resolver, profile, &somebody, &request)?;
    }
    let store = resolver.store_path().to_owned();
    let session = arguments.live.live.then(|| session(context, global, arguments, &name, &request, &somebody));
    let session = session.transpose()?;
    // The store is put in order and closed before the process is another program's.
    drop(resolver);
    let record = |outcome: &str| {
        asking::record_use(context, &store, "exec", (&somebody.who, &request), outcome);
    };
    record("ok");
    let change = change(context, global, &somebody, &request, session.as_ref());
    let without = context.names_beginning(OUR_NAMES).filter(|_| somebody.who.restricted);
    context.restore_limits();
    let failure = cannot_run(program, &launch::become_program(program, words, &change, without));
    record(&failure.fact);
    Err(failure)
}

/// A live session of the program's own: it becomes this process.
fn session(
    context: &Context,
    global: &Global,
    arguments: &Exec,
    name: &str,
    request: &Request,
    somebody: &Resolved,
) -> Result<Session, Failure> {
    let question = live::Question { name, asking: &arguments.asking, request, in_shell: false };
    live::open(context, global, live::party(context, global, &question, somebody, &arguments.live.also)?)
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
fn change(
    context: &Context,
    global: &Global,
    resolved: &Resolved,
    request: &Request,
    session: Option<&Session>,
) -> EnvChange {
    let region = handing::program_region(context, resolved, request);
    let mut change = match session {
        Some(session) if resolved.who.restricted => live::change_untold(context, session, region.as_deref()),
        Some(session) => live::change(context, session, region.as_deref()),
        None => handing::change(context, resolved, region.as_deref()),
    };
    if !resolved.who.restricted {
        let who = Announcement { of_exec: true, ..handing::announcement(resolved) };
        change.announce(&who, Some(&resolved.credential).filter(|_| session.is_none()), region.as_deref());
        // The name that it announces is of this store.
        if let Some(store) = &global.store {
            change.set("MULTICRED_STORE", wherever(store));
        }
    }
    change
}

fn is_there(program: &OsStr) -> bool {
    let path = Path::new(program);
    if path.components().count() > 1 { path.exists() } else { which::which_global(program).is_ok() }
}

/// Why a program did not take this process's place.
fn cannot_run(program: &OsStr, error: &std::io::Error) -> Failure {
    // A script whose interpreter is missing is not found either, and yet it is there.
    let (exit, remedy) = match (error.kind(), is_there(program)) {
        (ErrorKind::NotFound, false) => (Exit::NotFound, "is it installed, and in PATH?"),
        (ErrorKind::ArgumentListTooLong, _) => (Exit::NotExecutable, "give it fewer or shorter arguments"),
        _ => (Exit::NotExecutable, "is it a program for this machine, and may you run it?"),
    };
    let shown = program.to_string_lossy();
    Failure::new(exit, format!("'{}' cannot be run: {error}", shown.escape_debug()), remedy)
}
