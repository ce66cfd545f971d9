//! From the flags of a command to a credential.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::agent::Session;
use crate::cli::{Asking, Global, Whom};
use crate::context::Context;
use crate::error::Failure;
use crate::history::Event;
use crate::identity::arn;
use crate::identity::name::is_access_key_id;
use crate::identity::request::{Asker, MinTtl, Request, RoleOfEnvironment, is_region, is_session_name};
use crate::identity::session_policy::SessionPolicy;
use crate::identity::session_tags::SessionTags;
use crate::prompt::{Never, Prompter, Tty, is_code};
use crate::resolve::{ResolveError, Resolved, Resolver, Who, answers, store_path, write_down};
use crate::secret::Secret;

/// What the flags ask for, in a shell.
///
/// # Errors
/// A flag's value is none that AWS takes, or the policy's file cannot be read.
pub fn request(flags: &Asking) -> Result<Request, Failure> {
    if let Some(region) = flags.region.as_deref().filter(|region| !is_region(region)) {
        let fact = format!("'{}' is not the code of a region", region.escape_debug());
        return Err(Failure::usage(fact, "regions are written like eu-west-1"));
    }
    check_name(flags.session_name.as_deref(), "role session name")?;
    check_name(flags.source_identity.as_deref(), "source identity")?;
    let tags = SessionTags::read(&flags.tag);
    let min_ttl = flags.min_ttl.map_or(MinTtl::Shell, MinTtl::Asked);
    Ok(Request {
        duration: flags.duration,
        min_ttl,
        fresh: flags.fresh,
        no_session: flags.no_session,
        session_name: flags.session_name.clone(),
        region: flags.region.clone(),
        source_identity: flags.source_identity.clone(),
        tags: tags.map_err(|error| Failure::usage(error.to_string(), "correct --tag"))?,
        policy: policy(flags)?,
        ..Request::default()
    })
}

fn check_name(name: Option<&str>, what: &str) -> Result<(), Failure> {
    match name.filter(|name| !is_session_name(name)) {
        None => Ok(()),
        Some(name) => {
            let fact = format!("'{}' is not a {what}", name.escape_debug());
            Err(Failure::usage(fact, "use 2 to 64 letters, digits or _+=,.@-"))
        }
    }
}

fn policy(flags: &Asking) -> Result<SessionPolicy, Failure> {
    let correct = "correct --policy and --policy-arn";
    if flags.read_only {
        return Ok(SessionPolicy::read_only());
    }
    let document = match &flags.policy[..] {
        [] => None,
        [one] => Some(policy_text(one)?),
        _ => return Err(Failure::usage("--policy is given twice", "put both into one policy")),
    };
    SessionPolicy::new(&flags.policy_arn, document.as_deref())
        .map_err(|error| Failure::usage(error.to_string(), correct))
}

/// A policy's file, or the policy itself, which begins as no file's name does.
fn policy_text(given: &Path) -> Result<String, Failure> {
    /// More than white space can make of AWS's limit; a device has no end.
    const LONGEST: u64 = 256 * 1024;
    if let Some(text) = given.to_str().filter(|text| text.trim_start().starts_with('{')) {
        return Ok(text.to_owned());
    }
    let mut text = String::new();
    let read = File::open(given).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    match read {
        Ok(_) => Ok(text),
        Err(error) => {
            let fact = format!("the policy {} cannot be read: {error}", given.display());
            Err(Failure::usage(fact, "correct --policy"))
        }
    }
}

/// For whom a program wants a credential, and what the flags ask for; the environment may name a profile's role.
///
/// # Errors
/// As [`request`] and [`whom`].
pub fn for_program(context: &Context, named: &Whom, flags: &Asking) -> Result<(String, Request), Failure> {
    let name = whom(context, named)?;
    let mut request = Request { asker: Asker::Program, ..request(flags)? };
    let get = |name| context.setting(name).map(Cow::into_owned);
    request.min_ttl = flags.min_ttl.map_or(MinTtl::Program, MinTtl::Asked);
    request.role_of_environment =
        RoleOfEnvironment { arn: get("AWS_ROLE_ARN"), session_name: get("AWS_ROLE_SESSION_NAME") };
    if !named.is_named() {
        // As the shell is: its region, and the key itself where it holds that.
        request.region = request.region.or_else(|| get("MULTICRED_REGION").filter(|region| is_region(region)));
        let holds_key = switched_to(context).is_some() && context.variable("AWS_SESSION_TOKEN").is_none();
        request.no_session |= holds_key && request.policy.is_empty();
    }
    Ok((name, request))
}

/// For whom a program wants a credential: as named by one of the flags, else whom the shell is.
///
/// # Errors
/// Nobody is named, or not in the form that the flag takes.
pub fn whom(context: &Context, whom: &Whom) -> Result<String, Failure> {
    match (&whom.identity, &whom.arn, &whom.access_key, &whom.account, &whom.role) {
        (Some(name), ..) => Ok(name.clone()),
        (_, Some(arn), ..) if arn::parse(arn).is_ok() => Ok(arn.clone()),
        (_, Some(arn), ..) => {
            let fact = format!("'{}' is not the ARN of a role, a user, a federated user or root", arn.escape_debug());
            Err(Failure::usage(fact, "correct --arn"))
        }
        (_, _, Some(key), ..) if is_access_key_id(key) => Ok(key.clone()),
        // It may be a secret, pasted into the wrong place.
        (_, _, Some(_), ..) => Err(Failure::usage("--access-key is no access key id", "give AKIA… or ASIA…")),
        (_, _, _, Some(account), Some(role)) => Ok(format!("{account}/role/{role}")),
        _ => whom_the_shell_is(context),
    }
}

/// The access key id that a switch set; `MULTICRED_IDENTITY` alone may be set by anybody who wants to name an identity.
fn switched_to(context: &Context) -> Option<&str> {
    context.variable("MULTICRED_ACCESS_KEY_ID")
}

fn whom_the_shell_is(context: &Context) -> Result<String, Failure> {
    let Some(name) = context.variable("MULTICRED_IDENTITY") else {
        let fact = "no identity is named, and this shell is nobody";
        return Err(Failure::usage(fact, "name one; multicred list shows every name"));
    };
    if let Some(session) = Session::of_environment(|name| context.variable(name)) {
        if !session.is_whole(|name| context.variable(name)) {
            let fact = format!("this shell's live session was changed by hand: it is no longer {name}'s");
            return Err(Failure::usage(fact, "name an identity"));
        }
    } else if switched_to(context).is_some_and(|key| context.variable("AWS_ACCESS_KEY_ID") != Some(key)) {
        let fact = format!("this shell's credentials were changed by hand: they are no longer those of {name}");
        return Err(Failure::usage(fact, "name an identity"));
    }
    if context.variable("MULTICRED_RESTRICTED").is_some() {
        let fact = format!("this shell's session of {name} is restricted by a policy, which would be left out here");
        return Err(Failure::usage(fact, "name the identity, with --read-only or its policy"));
    }
    Ok(name.to_owned())
}

/// What resolves names for these flags.
///
/// # Errors
/// The store cannot be used, or the MFA code can be none.
pub fn resolver<'c>(context: &'c Context, global: &Global, flags: &Asking) -> Result<Resolver<'c>, Failure> {
    resolver_asking(context, global, flags, Tty)
}

/// As [`resolver`], with somebody to ask.
///
/// # Errors
/// As [`resolver`].
pub fn resolver_asking<'c>(
    context: &'c Context,
    global: &Global,
    flags: &Asking,
    person: impl Prompter + 'static,
) -> Result<Resolver<'c>, Failure> {
    let mfa_code = match &flags.mfa_code {
        Some(code) if !is_code(code) => {
            return Err(Failure::usage("--mfa-code is not six digits", "type what the device shows"));
        }
        code => code.clone().map(Secret::new),
    };
    let store = store_path(context, global.store.as_deref())?;
    let prompter: Box<dyn Prompter> = if context.may_prompt { Box::new(person) } else { Box::new(Never) };
    Ok(Resolver::new(context, store, prompter, mfa_code)?)
}

/// A question by a name, as the history has it.
#[derive(Clone, Copy)]
pub struct Question<'q> {
    /// The command that asks.
    pub what: &'static str,
    /// The name.
    pub name: &'q str,
    /// What is asked.
    pub request: &'q Request,
}

/// Finds whom a name is, and a credential of theirs: from the answer kept of the last time, else by resolving it, where
/// `person` may be asked. Gives the store's path, too.
///
/// # Errors
/// As [`resolver`] and [`resolve`].
pub fn answer(
    context: &Context,
    global: &Global,
    flags: &Asking,
    question: Question<'_>,
    person: impl Prompter + 'static,
) -> Result<(Resolved, PathBuf), Failure> {
    let Question { what, name, request } = question;
    let store = store_path(context, global.store.as_deref())?;
    if let Some(kept) = answers::kept(context, &store, name, request).filter(|_| flags.mfa_code.is_none()) {
        return Ok((kept, store));
    }
    let mut resolver = resolver_asking(context, global, flags, person)?;
    Ok((resolve(context, &mut resolver, what, name, request)?, store))
}

/// Resolves a name, writes a refusal into the history as `what`, and tells the warnings.
///
/// # Errors
/// The name gives no credential.
pub fn resolve(
    context: &Context,
    resolver: &mut Resolver<'_>,
    what: &str,
    name: &str,
    request: &Request,
) -> Result<Resolved, Failure> {
    let somebody = resolver.resolve(name, request).map_err(|error| {
        // A name that means nothing may be a secret, pasted into the wrong place: it is not written down.
        let is_name = !matches!(error, ResolveError::Lookup(_));
        let outcome = error.outcome();
        let (shown, outcome) = if is_name { (name, &*outcome) } else { ("?", "unknown or ambiguous name") };
        record(context, resolver.store_path(), what, shown, None, outcome);
        Failure::from(error)
    })?;
    for warning in &somebody.warnings {
        context.note(warning);
    }
    Ok(somebody)
}

/// Writes a line into the history of a store.
pub fn record(context: &Context, store: &Path, what: &str, identity: &str, arn: Option<&str>, outcome: &str) {
    write_line(context, store, what, (identity, arn, None), outcome);
}

/// The same of something that was changed, and what of it: `detail`.
pub fn record_change(context: &Context, store: &Path, what: &str, of: (&str, Option<&str>), detail: &str) {
    write_line(context, store, what, (of.0, of.1, Some(detail)), "ok");
}

/// The same of a section of one of the person's files.
pub fn record_section(context: &Context, store: &Path, what: &str, (file, name): (&str, &str), outcome: &str) {
    write_line(context, store, what, (name, None, Some(file)), outcome);
}

/// The same of a credential that was handed out, and in what manner.
pub fn record_use(context: &Context, store: &Path, what: &str, (who, request): (&Who, &Request), outcome: &str) {
    let manner = match &request.policy {
        policy if policy.is_read_only() => Some("read-only"),
        policy if !policy.is_empty() => Some("restricted by a policy"),
        _ => None,
    };
    write_line(context, store, what, (&who.shown, who.arn.as_deref(), manner), outcome);
}

fn write_line(
    context: &Context,
    store: &Path,
    what: &str,
    (identity, arn, detail): (&str, Option<&str>, Option<&str>),
    outcome: &str,
) {
    let event = Event {
        time: context.now(),
        what,
        shell_pid: context.shell_pid(),
        identity,
        detail,
        arn,
        action: None,
        request_id: None,
        outcome,
    };
    write_down(context, store, &event);
}
