//! `as`: the code that makes a shell somebody, or nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use crate::cli::{As, Global};
use crate::context::{Context, printable};
use crate::env_change::{EnvChange, OURS, SETS, UNSETS};
use crate::error::{Exit, Failure};
use crate::history::Event;
use crate::identity::request::{Request, is_region, is_session_name};
use crate::prompt::{Never, Prompter, Tty, is_code};
use crate::resolve::{ResolveError, Resolved, Resolver, store_path};
use crate::secret::Secret;
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
    let request = request(arguments)?;
    let store = store_path(context, global.store.as_deref())?;
    let mfa_code = mfa_code(arguments)?;
    let prompter: Box<dyn Prompter> = if context.may_prompt { Box::new(Tty) } else { Box::new(Never) };
    let mut resolver = Resolver::new(context, store, prompter, mfa_code)?;
    let somebody = resolver.resolve(name, &request).map_err(|error| {
        // A name that means nothing may be a secret, pasted into the wrong place: it is not written down.
        let is_name = !matches!(error, ResolveError::Lookup(_));
        let failure = Failure::from(error);
        let (shown, outcome) = if is_name { (name, &*failure.fact) } else { ("?", "unknown or ambiguous name") };
        record(context, &resolver, shown, None, outcome);
        failure
    })?;
    for warning in &somebody.warnings {
        context.note(warning);
    }
    let mut change = change(&somebody, request.region.as_deref());
    change.remember_request(words(global, arguments, name));
    unset_stale_region(context, &mut change, region_of(&somebody, request.region.as_deref()));
    context.hand_over(&shell::render(dialect, &change))?;
    record(context, &resolver, &somebody.destination.shown, somebody.destination.arn.as_deref(), "ok");
    Ok(())
}

fn record(context: &Context, resolver: &Resolver<'_>, identity: &str, arn: Option<&str>, outcome: &str) {
    resolver.record(&Event {
        time: context.now(),
        what: "switch",
        shell_pid: context.shell_pid(),
        identity,
        arn,
        action: None,
        request_id: None,
        outcome,
    });
}

fn request(arguments: &As) -> Result<Request, Failure> {
    if let Some(region) = arguments.region.as_deref().filter(|region| !is_region(region)) {
        let fact = format!("'{}' is not the code of a region", region.escape_debug());
        return Err(Failure::usage(fact, "regions are written like eu-west-1"));
    }
    if let Some(name) = arguments.session_name.as_deref().filter(|name| !is_session_name(name)) {
        let fact = format!("'{}' is not a role session name", name.escape_debug());
        return Err(Failure::usage(fact, "use 2 to 64 letters, digits or _+=,.@-"));
    }
    Ok(Request {
        duration: arguments.duration,
        min_ttl: arguments.min_ttl,
        fresh: arguments.fresh || arguments.renew,
        no_session: arguments.no_session,
        session_name: arguments.session_name.clone(),
        region: arguments.region.clone(),
    })
}

fn mfa_code(arguments: &As) -> Result<Option<Secret>, Failure> {
    match &arguments.mfa_code {
        Some(code) if !is_code(code) => {
            Err(Failure::usage("--mfa-code is not six digits", "type what the device shows"))
        }
        code => Ok(code.clone().map(Secret::new)),
    }
}

fn region_of<'r>(resolved: &'r Resolved, asked: Option<&'r str>) -> Option<&'r str> {
    asked.or(resolved.destination.route.region.as_deref())
}

/// What the shell becomes.
fn change(resolved: &Resolved, asked_region: Option<&str>) -> EnvChange {
    let credential = &resolved.credential;
    let destination = &resolved.destination;
    let region = region_of(resolved, asked_region);
    let token = credential.material.session_token.as_ref().map(Secret::expose);
    // A guess must not reach the SDKs: they would refuse a credential that still works.
    let told_expiry = credential.expires_at.filter(|_| !resolved.expiry_is_guess).and_then(rfc3339);
    let mut change = EnvChange::default();
    change.set("AWS_ACCESS_KEY_ID", &credential.access_key_id);
    change.set("AWS_SECRET_ACCESS_KEY", credential.material.secret_access_key.expose());
    change.set_or_unset("AWS_SESSION_TOKEN", token);
    change.set_or_unset("AWS_CREDENTIAL_EXPIRATION", told_expiry);
    if let Some(region) = region {
        change.set("AWS_REGION", region);
        change.set("AWS_DEFAULT_REGION", region);
    }
    for name in UNSETS {
        change.unset(name);
    }
    change.set("MULTICRED_IDENTITY", &destination.shown);
    change.set_or_unset("MULTICRED_EXPIRES_AT", credential.expires_at.map(|end| end.to_string()));
    change.set_or_unset("MULTICRED_RENEWABLE", resolved.renewable.then_some("1"));
    change.set("MULTICRED_ACCESS_KEY_ID", &credential.access_key_id);
    change.set_or_unset("MULTICRED_ARN", destination.arn.as_deref());
    change.set_or_unset("MULTICRED_REGION", region);
    change.set_or_unset("MULTICRED_COLOR", destination.colour.as_deref());
    change
}

/// Where no region is known, one that an earlier switch set goes; the shell function then brings back the person's.
fn unset_stale_region(context: &Context, change: &mut EnvChange, region: Option<&str>) {
    let set_before = context.variable("MULTICRED_REGION");
    if region.is_none() && set_before.is_some() {
        for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
            if context.variable(name) == set_before {
                change.unset(name);
            }
        }
    }
}

fn rfc3339(epoch_seconds: i64) -> Option<String> {
    Timestamp::from_second(epoch_seconds).ok().map(|time| time.to_string())
}

/// The words that ask for the same again. What holds for one call only (a code, `--fresh`) is not among them.
fn words(global: &Global, arguments: &As, name: &str) -> Vec<String> {
    let mut words = vec![name.to_owned()];
    let mut add = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            words.extend([flag.to_owned(), value]);
        }
    };
    // The shell may be in another folder when it asks again.
    let store = global.store.as_ref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
    add("--store", store.map(|path| path.to_string_lossy().into_owned()));
    add("--region", arguments.region.clone());
    add("--duration", arguments.duration.map(|seconds| seconds.to_string()));
    add("--min-ttl", arguments.min_ttl.map(|seconds| seconds.to_string()));
    add("--session-name", arguments.session_name.clone());
    if arguments.no_session {
        words.push("--no-session".to_owned());
    }
    words
}

fn to_nobody(context: &Context, global: &Global, arguments: &As, dialect: Dialect) -> Result<(), Failure> {
    if arguments.renew {
        return Err(Failure::new(
            Exit::Failure,
            "this shell is nobody: there is nothing to renew",
            "multicred as NAME",
        ));
    }
    let mut change = EnvChange::default();
    let region = |name: &&str| matches!(*name, "AWS_REGION" | "AWS_DEFAULT_REGION");
    for name in SETS.into_iter().filter(|name| !region(name)).chain(UNSETS).chain(OURS) {
        change.unset(name);
    }
    unset_stale_region(context, &mut change, None);
    change.remember_request(words(global, &As::default(), "-"));
    context.hand_over(&shell::render(dialect, &change))?;
    let Ok(path) = store_path(context, global.store.as_deref()) else { return Ok(()) };
    let Ok(resolver) = Resolver::new(context, path, Box::new(Never), None) else { return Ok(()) };
    record(context, &resolver, "-", None, "ok");
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
    let handler = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&caught));
    let picked = dialoguer::FuzzySelect::new().with_prompt("Be").items(&shown).default(0).max_length(15).interact_opt();
    if let Ok(handler) = handler {
        signal_hook::low_level::unregister(handler);
    }
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
