//! `as`: the code that makes a shell somebody, or nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::agent::Session;
use crate::asking::{self, Question};
use crate::cli::{As, Asking, Global, wherever};
use crate::context::{Context, printable};
use crate::env_change::EnvChange;
use crate::error::{Exit, Failure};
use crate::handing;
use crate::identity::request::{MinTtl, Request};
use crate::live::{self, Party};
use crate::prompt::{Never, Tty};
use crate::resolve::{Resolver, store_path};
use crate::shell::{self, Dialect};

pub(super) fn run(context: &Context, global: &Global, arguments: &As) -> Result<(), Failure> {
    let Some(dialect) = arguments.shell else { return Err(super::needs_the_function(context, "as")) };
    if context.stdout_is_terminal() {
        let fact = "this would print secrets on the terminal: --shell is for the shell function";
        return Err(Failure::usage(fact, format!("add to {}: {}", dialect.rc_file(), dialect.rc_line())));
    }
    if arguments.back {
        let remedy = "multicred as NAME first; --back then alternates between the last two";
        return Err(Failure::new(Exit::Failure, "there is no identity before this one in this shell", remedy));
    }
    let name = match &arguments.identity {
        Some(name) => name.clone(),
        None if arguments.renew => {
            return Err(Failure::new(
                Exit::Failure,
                "this shell is nobody: there is nothing to renew",
                "multicred as NAME",
            ));
        }
        None => pick(context, global)?,
    };
    if name == "-" {
        return to_nobody(context, global, arguments, dialect);
    }
    to_somebody(context, global, arguments, dialect, &name)
}

fn to_somebody(
    context: &Context,
    global: &Global,
    arguments: &As,
    dialect: Dialect,
    name: &str,
) -> Result<(), Failure> {
    let asking = asking(arguments);
    let mut request = asking::request(&asking)?;
    request.fresh |= arguments.renew;
    if arguments.live.live && asking.min_ttl.is_none() {
        request.min_ttl = MinTtl::Program;
    }
    let question = Question { what: "switch", name, request: &request };
    let (somebody, store) = asking::answer(context, global, &asking, question, Tty)?;
    let region = request.region.as_deref().or(somebody.who.region.as_deref());
    let former = live::of_environment(context);
    let session = arguments.live.live.then(|| {
        let question = live::Question { name, asking: &asking, request: &request, in_shell: true };
        let party = live::party(context, global, &question, &somebody, &arguments.live.also)?;
        let party = Party { owner: context.shell_pid(), ..party };
        session(context, global, former.as_ref().filter(|_| arguments.renew), party)
    });
    let session = session.transpose()?;
    let mut change = match &session {
        Some(session) => live::change(context, session, region),
        None => handing::change(context, &somebody, region),
    };
    let credential = Some(&somebody.credential).filter(|_| session.is_none());
    change.announce(&handing::announcement(&somebody), credential, region);
    change.remember_request(words(global, asked(arguments, &asking, &request), name));
    let handed_over = context.hand_over(&shell::render(dialect, &change));
    // The shell has one of the two now.
    let (had, has) = if handed_over.is_ok() { (&former, &session) } else { (&session, &former) };
    let folder = |session: &Option<Session>| session.as_ref().map(|session| session.folder.clone());
    if folder(had) != folder(has) {
        close(context, had.as_ref());
    }
    handed_over?;
    asking::record_use(context, &store, "switch", (&somebody.who, &request), "ok");
    Ok(())
}

/// The session of this shell: a new one, or the former one, with new credentials, so that what runs goes on.
fn session(context: &Context, global: &Global, former: Option<&Session>, party: Party) -> Result<Session, Failure> {
    if let Some(former) = former
        && live::update(context, global, former, party.clone())?
    {
        return Ok(former.clone());
    }
    live::open(context, global, party)
}

fn close(context: &Context, session: Option<&Session>) {
    if let Some(session) = session {
        live::close(context, session, context.shell_pid());
    }
}

/// The flags that ask for the same again.
fn asked(arguments: &As, asking: &Asking, request: &Request) -> Vec<String> {
    let mut words = asking.words(request);
    if arguments.live.live {
        words.push("--live".to_owned());
        words.extend(arguments.live.also.iter().flat_map(|name| ["--also".to_owned(), name.clone()]));
    }
    words
}

/// `renew --policy FILE` says again, with one difference, what was said before.
fn asking(arguments: &As) -> Asking {
    let mut asking = arguments.asking.clone();
    if arguments.renew {
        asking.policy = asking.policy.pop().into_iter().collect();
    }
    asking
}

/// The words that ask for the same again.
fn words(global: &Global, asked: Vec<String>, name: &str) -> Vec<String> {
    let store = global.store.iter().flat_map(|path| ["--store".to_owned(), wherever(path)]);
    [name.to_owned()].into_iter().chain(store).chain(asked).collect()
}

fn to_nobody(context: &Context, global: &Global, arguments: &As, dialect: Dialect) -> Result<(), Failure> {
    if arguments.renew {
        return Err(Failure::new(
            Exit::Failure,
            "this shell is nobody: there is nothing to renew",
            "multicred as NAME",
        ));
    }
    let mut change = EnvChange::nobody();
    handing::unset_stale_region(context, &mut change, None);
    handing::own_files(context, &mut change);
    change.remember_request(words(global, Vec::new(), "-"));
    context.hand_over(&shell::render(dialect, &change))?;
    close(context, live::of_environment(context).as_ref());
    let Ok(path) = store_path(context, global.store.as_deref()) else { return Ok(()) };
    let Ok(resolver) = Resolver::new(context, path, Box::new(Never), None) else { return Ok(()) };
    asking::record(context, resolver.store_path(), "switch", "-", None, "ok");
    if resolver.catalogue().profile("default").is_ok_and(|profile| profile.is_some_and(|p| p.answers())) {
        context.note("the [default] profile of your AWS files still answers for programs in this shell");
    }
    Ok(())
}

/// A bare `multicred as`: the person chooses.
fn pick(context: &Context, global: &Global) -> Result<String, Failure> {
    if !context.may_prompt || !context.stderr_is_terminal() {
        let fact = "multicred as needs an identity: there is no terminal to choose on";
        return Err(Failure::usage(fact, "multicred list shows every name"));
    }
    let store = store_path(context, global.store.as_deref())?;
    let resolver = Resolver::new(context, store, Box::new(Never), None)?;
    let mut names = resolver.catalogue().all_names()?;
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Err(Failure::new(Exit::Failure, "there is nobody to choose from", "multicred import --all"));
    }
    let shown: Vec<String> = names.iter().map(|name| printable(name)).collect();
    // Ctrl-C is caught for as long as the menu stands: otherwise it would end the process with the cursor hidden.
    let caught = Arc::new(AtomicBool::new(false));
    // Registered once and for good: a handler that is taken out again would leave the signal ignored.
    let chosen = Arc::new(AtomicBool::new(false));
    let _ = signal_hook::flag::register_conditional_default(signal_hook::consts::SIGINT, Arc::clone(&chosen));
    let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&caught));
    let picked = dialoguer::FuzzySelect::new().with_prompt("Be").items(&shown).default(0).max_length(15).interact_opt();
    chosen.store(true, Ordering::Relaxed);
    match picked {
        Ok(Some(index)) => Ok(names.swap_remove(index)),
        Err(error) if !caught.load(Ordering::Relaxed) => {
            Err(Failure::usage(format!("the terminal cannot be used: {error}"), "multicred as NAME"))
        }
        Ok(None) | Err(_) => {
            context.show_cursor();
            Err(Failure { exit: Exit::Cancelled, fact: "cancelled".to_owned(), remedy: None })
        }
    }
}
