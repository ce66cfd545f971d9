//! From the flags of a command to a credential.

use std::path::PathBuf;

use crate::cli::{Asking, Global, Whom};
use crate::context::Context;
use crate::error::Failure;
use crate::history::Event;
use crate::identity::arn;
use crate::identity::name::is_access_key_id;
use crate::identity::request::{MinTtl, Request, RoleOfEnvironment, is_region, is_session_name};
use crate::identity::session_policy::SessionPolicy;
use crate::identity::session_tags::SessionTags;
use crate::prompt::{Never, Prompter, Tty, is_code};
use crate::resolve::{ResolveError, Resolved, Resolver, store_path};
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
        role_of_environment: RoleOfEnvironment::default(),
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
    if flags.read_only {
        return Ok(SessionPolicy::read_only());
    }
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("the policy {} cannot be read: {error}", path.display()), "correct --policy")
        })
    };
    let document = flags.policy.as_ref().map(read).transpose()?;
    SessionPolicy::new(&flags.policy_arn, document.as_deref())
        .map_err(|error| Failure::usage(error.to_string(), "correct --policy and --policy-arn"))
}

/// What the flags ask for, for a program; the environment may name a profile's role.
///
/// # Errors
/// As [`request`], or `AWS_ROLE_ARN` or `AWS_ROLE_SESSION_NAME` cannot be used.
pub fn program_request(context: &Context, flags: &Asking) -> Result<Request, Failure> {
    let request = request(flags)?;
    let min_ttl = flags.min_ttl.map_or(MinTtl::Program, MinTtl::Asked);
    let get = |name| context.setting(name).map(std::borrow::Cow::into_owned);
    let (arn, session_name) = (get("AWS_ROLE_ARN"), get("AWS_ROLE_SESSION_NAME"));
    if let Some(arn) = arn.as_deref().filter(|arn| !arn::is_role(arn)) {
        let fact = format!("AWS_ROLE_ARN is '{}', which is not the ARN of a role", arn.escape_debug());
        return Err(Failure::usage(fact, "correct AWS_ROLE_ARN, or: unset AWS_ROLE_ARN"));
    }
    if let Some(name) = session_name.as_deref().filter(|name| !is_session_name(name)) {
        let fact = format!("AWS_ROLE_SESSION_NAME is '{}', which is no role session name", name.escape_debug());
        return Err(Failure::usage(fact, "correct AWS_ROLE_SESSION_NAME, or: unset AWS_ROLE_SESSION_NAME"));
    }
    Ok(Request { min_ttl, role_of_environment: RoleOfEnvironment { arn, session_name }, ..request })
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

fn whom_the_shell_is(context: &Context) -> Result<String, Failure> {
    let Some(name) = context.variable("MULTICRED_IDENTITY") else {
        let fact = "no identity is named, and this shell is nobody";
        return Err(Failure::usage(fact, "name one; multicred list shows every name"));
    };
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
        let failure = Failure::from(error);
        let (shown, outcome) = if is_name { (name, &*failure.fact) } else { ("?", "unknown or ambiguous name") };
        record(context, resolver, what, shown, None, outcome);
        failure
    })?;
    for warning in &somebody.warnings {
        context.note(warning);
    }
    Ok(somebody)
}

/// Writes a line into the history.
pub fn record(
    context: &Context,
    resolver: &Resolver<'_>,
    what: &str,
    identity: &str,
    arn: Option<&str>,
    outcome: &str,
) {
    resolver.record(&Event {
        time: context.now(),
        what,
        shell_pid: context.shell_pid(),
        identity,
        arn,
        action: None,
        request_id: None,
        outcome,
    });
}
