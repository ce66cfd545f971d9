//! `add`: a credential that a person types, or has in the environment, under a label.

use serde_json::json;
use zeroize::Zeroizing;

use crate::asking;
use crate::aws_config::AwsFiles;
use crate::aws_config::synced::{Change, Entry};
use crate::changing;
use crate::cli::{Add, Asking, Global};
use crate::context::{Context, printable};
use crate::credential_text::{self, Found, SectionFault};
use crate::error::{Exit, Failure};
use crate::identity::Kind;
use crate::identity::name::is_access_key_id;
use crate::identity::request::{is_mfa_serial, is_region, say_duration};
use crate::importing::other_secret;
use crate::prompt::{self, PromptError, Prompter, Tty};
use crate::resolve::bringing::{Known, expiry, kind};
use crate::resolve::{ResolveError, Resolver};
use crate::store::{Durability, IdentityRow, StoreError, Writing};
use crate::synced_profile::{self, Writer};

pub(super) fn run(context: &Context, global: &Global, arguments: &Add) -> Result<(), Failure> {
    check(arguments)?;
    let mut resolver = asking::resolver(context, global, &Asking::default())?;
    let config = arguments.config.then(|| Config::plan(context, &resolver, &arguments.name)).transpose()?;
    let found = if arguments.env { of_environment(context)? } else { ask(context, &resolver, &arguments.name)? };
    let (row, was_known) = store(context, &mut resolver, arguments, &found)?;
    if row.label.as_deref() != Some(&arguments.name) {
        let shown = row.shown();
        context.note(&format!("{shown} keeps that name; to change it: multicred label {shown} {}", arguments.name));
    }
    let profile = config.map(|config| config.write(context, &mut resolver, &row)).transpose()?;
    report(context, global, &Added { found: &found, row: &row, was_known, profile })
}

fn check(arguments: &Add) -> Result<(), Failure> {
    changing::check_label(&arguments.name)?;
    let refuse = |flag: &str, value: &str, wanted: &str| {
        let fact = format!("{flag} '{}' is not what AWS takes", value.escape_debug());
        Err(Failure::usage(fact, format!("it should be {wanted}")))
    };
    match (&arguments.mfa_serial, &arguments.region) {
        (Some(serial), _) if !is_mfa_serial(serial) => {
            refuse("--mfa-serial", serial, "an MFA device's ARN or serial number")
        }
        (_, Some(region)) if !is_region(region) => {
            refuse("--region", region, "the code of a region, such as eu-west-1")
        }
        _ => Ok(()),
    }
}

/// The profile to be written, found to be possible before anybody is asked for anything.
struct Config {
    files: AwsFiles,
    writer: Writer,
}

impl Config {
    fn plan(context: &Context, resolver: &Resolver<'_>, name: &str) -> Result<Self, Failure> {
        let (config, credentials) = context.aws_files().map_err(ResolveError::from)?;
        let this =
            Self { files: AwsFiles::new(config, credentials), writer: Writer::new(context, resolver.catalogue())? };
        synced_profile::check(&this.files, &this.writer.named(name)?)?;
        Ok(this)
    }

    /// Writes it; its name.
    fn write(&self, context: &Context, resolver: &mut Resolver<'_>, row: &IdentityRow) -> Result<String, Failure> {
        let Entry { name, command, region } = self.writer.entry(row)?;
        let entries = [Entry { name: name.clone(), command, region }];
        let done = synced_profile::edit(resolver, &self.files, Change::Put(&entries)).map_err(|failure| Failure {
            fact: format!("{name} is stored, but has no profile: {}", failure.fact),
            ..failure
        })?;
        if !done.written.is_empty() {
            asking::record(context, resolver.store_path(), "sync", &name, None, "ok");
        }
        Ok(name)
    }
}

/// The credential that the person has put into the environment: not what a switch has put there.
fn of_environment(context: &Context) -> Result<Found, Failure> {
    if context.holds_switched_key() {
        let whose = context.variable("MULTICRED_IDENTITY").map(|name| format!(", of {name}")).unwrap_or_default();
        let fact = format!("the credential in this environment is one that multicred put there{whose}");
        return Err(Failure::usage(
            fact,
            "it is obtained when it is needed; to add another one: multicred as -, first",
        ));
    }
    let value = |name: &str| context.setting(name).map(|value| Zeroizing::new(value.into_owned()));
    match credential_text::of_variables(value) {
        Some(found) => found.map_err(|fault| unusable(&fault, "in the environment")),
        None => Err(Failure::usage(
            "there is no credential in the environment",
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give it on stdin: multicred import -",
        )),
    }
}

fn unusable(fault: &SectionFault, place: &str) -> Failure {
    Failure::new(Exit::Failure, format!("the credential {place} cannot be used: {fault}"), "nothing was stored")
}

/// The credential that a person types: nothing of it is an argument, and of its secret only stars are shown.
fn ask(context: &Context, resolver: &Resolver<'_>, label: &str) -> Result<Found, Failure> {
    if !context.may_prompt || Tty.can_ask().is_err() {
        let fact = "the credential is typed on a terminal, and there is nobody to type it";
        let remedy = format!("multicred add {label} --env, or give it on stdin: multicred import - --label {label}");
        return Err(Failure::new(Exit::Locked, fact, remedy));
    }
    if let Some(meaning) = resolver.catalogue().other_meaning(label, &[])? {
        context.note(&format!("'{label}' already means {meaning}: only a credential of theirs can be added under it"));
    }
    let typed = type_in().map_err(|error| match error {
        PromptError::Terminal(_) => {
            Failure::new(Exit::Failure, error.to_string(), "type it anew, or give it on stdin: multicred import -")
        }
        error => ResolveError::from(error).into(),
    })?;
    typed.map_err(|fault| unusable(&fault, "that was typed"))
}

fn type_in() -> Result<Result<Found, SectionFault>, PromptError> {
    let mut remark = None;
    loop {
        let id = Tty.word("Access key id", remark)?;
        if !is_access_key_id(&id) {
            remark = Some("an access key id is 16 to 128 letters, digits or _, such as AKIA…");
            continue;
        }
        let secret = hidden("Secret access key")?;
        let token = id.starts_with("ASIA").then(|| hidden("Session token")).transpose()?;
        if let Some(typed) = credential_text::typed(Zeroizing::new(id), secret, token) {
            return Ok(typed);
        }
    }
}

/// A secret, which has a character at least, and none of the spaces that are copied with it.
fn hidden(question: &str) -> Result<Zeroizing<String>, PromptError> {
    let mut remark = None;
    loop {
        let typed = prompt::secret(question, remark)?;
        let text = typed.expose().trim();
        if !text.is_empty() {
            return Ok(Zeroizing::new(text.to_owned()));
        }
        remark = Some("nothing was typed");
    }
}

/// Stores what was found, once AWS has said whose it is; and whether it was there already.
fn store(
    context: &Context,
    resolver: &mut Resolver<'_>,
    arguments: &Add,
    found: &Found,
) -> Result<(IdentityRow, bool), Failure> {
    let key = &found.access_key_id;
    let over_broken = match resolver.knows(found)? {
        Known::Whole(row) => {
            changing::check_free(resolver.catalogue(), &arguments.name, &row.identity, Some(key))?;
            let row = describe_known(context, resolver, arguments, &row)?;
            return Ok((row, true));
        }
        Known::OtherSecret => return Err(other_secret(key)),
        Known::Broken => true,
        Known::No => false,
    };
    let now = context.now();
    if let Some(end) = found.expires_at.filter(|end| *end <= now) {
        let fact = format!("{key} expired {} ago", say_duration(now - end));
        return Err(Failure::new(Exit::Failure, fact, "add a fresh one"));
    }
    let caller = resolver.caller_of(found, arguments.region.as_deref()).map_err(|error| {
        let failure = Failure::from(error);
        Failure { fact: format!("{key}: {}", failure.fact), ..failure }
    })?;
    changing::check_free(resolver.catalogue(), &arguments.name, &caller.arn.identity, Some(key))?;
    let describe = |writing: &Writing<'_>, row: &IdentityRow| describe(writing, row, arguments);
    let row = resolver.take_in(found, &caller, over_broken, describe)?;
    asking::record_change(context, resolver.store_path(), "add", (&row.shown(), Some(&row.arn())), key);
    Ok((row, false))
}

/// A key that is stored already: what was said of its owner may be new.
fn describe_known(
    context: &Context,
    resolver: &mut Resolver<'_>,
    arguments: &Add,
    row: &IdentityRow,
) -> Result<IdentityRow, Failure> {
    let (store, _) = resolver.store_and_keys()?;
    let now = store.write::<_, StoreError>(Durability::Synced, |writing| {
        describe(writing, row, arguments)?;
        writing.read().identity_row(row.id)
    })?;
    let now = now.ok_or(ResolveError::CredentialGone)?;
    if now != *row {
        asking::record_change(
            context,
            resolver.store_path(),
            "add",
            (&now.shown(), Some(&now.arn())),
            "what is known of it",
        );
    }
    Ok(now)
}

/// The label where there is none, and what the flags say: that counts before what was known.
fn describe(writing: &Writing<'_>, row: &IdentityRow, arguments: &Add) -> Result<(), StoreError> {
    if let Some(region) = &arguments.region {
        writing.set_region(row.id, region)?;
    }
    if let (Kind::User, Some(serial)) = (row.identity.kind, &arguments.mfa_serial) {
        writing.set_mfa_serial(row.id, serial)?;
    }
    match row.label {
        None => writing.set_label(row.id, &arguments.name),
        Some(_) => Ok(()),
    }
}

/// What became of it.
struct Added<'a> {
    found: &'a Found,
    row: &'a IdentityRow,
    was_known: bool,
    profile: Option<String>,
}

fn report(context: &Context, global: &Global, added: &Added<'_>) -> Result<(), Failure> {
    let Added { found, row, was_known, profile } = added;
    let (expires_at, expiry_is_guess) = expiry(found, context.now());
    let (shown, arn, key, kind) = (row.shown(), row.arn(), &found.access_key_id, kind(found).word());
    if *was_known {
        context.note(&format!("{key} of {shown} is stored already"));
    }
    if let Some(profile) = profile {
        context.note(&format!("programs can ask for it as the profile {profile}"));
    }
    if global.json {
        return Ok(context.answer_json(&json!({
            "identity": shown,
            "arn": arn,
            "label": row.label,
            "access_key_id": key,
            "kind": kind,
            "expires_at": expires_at,
            "expiry_is_guess": expiry_is_guess,
            "already_stored": was_known,
            "profile": profile,
        }))?);
    }
    let guess = if expiry_is_guess { ", a guess" } else { "" };
    let left = expires_at.map(|end| format!(", {} left{guess}", say_duration(end - context.now())));
    let line = format!("{shown}  {arn}  {key} ({kind}{})", left.unwrap_or_default());
    if *was_known { Ok(()) } else { Ok(context.answer(&format!("{}\n", printable(&line)))?) }
}
