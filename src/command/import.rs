//! `import`: credentials that a person has, asked who they are, and stored sealed.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::asking;
use crate::changing;
use crate::cli::{Asking, Global, Import};
use crate::context::Context;
use crate::credential_text::{self, Found, SectionFault};
use crate::error::{Exit, Failure};
use crate::identity::name::check_label;
use crate::identity::request::{is_mfa_serial, is_region, say_duration};
use crate::identity::{Identity, Kind};
use crate::resolve::bringing::{Known, expiry, kind};
use crate::resolve::{ResolveError, Resolver};
use crate::store::{Durability, IdentityRow, Writing};
use crate::sts::Caller;

pub(super) fn run(context: &Context, global: &Global, arguments: &Import) -> Result<(), Failure> {
    arguments.label.as_deref().map_or(Ok(()), changing::check_label)?;
    let source = Source::of(context, arguments)?;
    let sections = select(source.sections(context)?, arguments, &source.shown())?;
    let resolver = asking::resolver(context, global, &Asking::default())?;
    let mut importer = Importer { resolver, context, arguments };
    let mut answers = Vec::new();
    let mut failed = None;
    for section in sections {
        match importer.import(section) {
            Ok(answer) => answers.push(answer),
            Err(failure) if arguments.all => {
                super::tell(context, &failure);
                failed = Some(Exit::Failure);
            }
            Err(failure) => return Err(failure),
        }
    }
    report(context, global, &answers)?;
    match failed {
        None => Ok(()),
        Some(exit) => {
            let fact = format!("{} imported; the others are named above", answers.len());
            Err(Failure { exit, fact, remedy: None })
        }
    }
}

/// Where the text comes from.
enum Source {
    Stdin,
    File(PathBuf),
}

impl Source {
    fn of(context: &Context, arguments: &Import) -> Result<Self, Failure> {
        match &arguments.file {
            Some(path) if path == Path::new("-") => Ok(Self::Stdin),
            Some(path) => Ok(Self::File(path.clone())),
            None => {
                let (_, credentials) = context.aws_files().map_err(ResolveError::from)?;
                Ok(Self::File(credentials))
            }
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Stdin => "stdin".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    fn sections(&self, context: &Context) -> Result<Vec<Result<Found, SectionFault>>, Failure> {
        let failed = |reason: String| {
            Failure::new(
                Exit::Failure,
                format!("{}: {reason}", self.shown()),
                "correct it, or name another: multicred import FILE",
            )
        };
        let bytes = self.read(context).map_err(|error| failed(error.to_string()))?;
        let text = credential_text::decode(&bytes).map_err(|error| failed(error.to_string()))?;
        credential_text::parse(&text).map_err(|error| failed(error.to_string()))
    }

    fn read(&self, context: &Context) -> std::io::Result<Zeroizing<Vec<u8>>> {
        match self {
            Self::File(path) => std::fs::read(path).map(Zeroizing::new),
            Self::Stdin => {
                if context.stdin_is_terminal() {
                    context.note("paste the credentials, then press Enter and Ctrl-D");
                }
                let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024));
                std::io::stdin().lock().read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }
}

type Sections = Vec<Result<Found, SectionFault>>;

fn name_of(section: &Result<Found, SectionFault>) -> Option<&str> {
    match section {
        Ok(found) => found.section.as_deref(),
        Err(fault) => fault.section.as_deref(),
    }
}

/// No selector: the only section, else `default`, else the person must say.
fn select(sections: Sections, arguments: &Import, source: &str) -> Result<Sections, Failure> {
    if arguments.all || (sections.len() == 1 && arguments.profile.is_none()) {
        return Ok(sections);
    }
    let names: Vec<String> = sections.iter().filter_map(name_of).map(str::to_owned).collect();
    let wanted = arguments.profile.as_deref().unwrap_or("default");
    let chosen: Sections = sections.into_iter().filter(|section| name_of(section) == Some(wanted)).collect();
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let choice = format!("there are: {}", names.join(", "));
    let Some(name) = &arguments.profile else {
        let fact = format!("{source} has several sections, and none is [default]");
        return Err(Failure::usage(fact, format!("say --all, or --profile NAME; {choice}")));
    };
    let fact = format!("{source} has no credentials in a section [{}]", name.escape_debug());
    Err(Failure::new(Exit::Identity, fact, choice))
}

/// What became of one section.
struct Answer {
    shown: String,
    arn: String,
    section: Option<String>,
    access_key_id: String,
    kind: &'static str,
    expires_at: Option<i64>,
    expiry_is_guess: bool,
    was_known: bool,
}

struct Importer<'c> {
    resolver: Resolver<'c>,
    context: &'c Context,
    arguments: &'c Import,
}

impl Importer<'_> {
    fn import(&mut self, section: Result<Found, SectionFault>) -> Result<Answer, Failure> {
        let found = section.map_err(|fault| {
            Failure::new(Exit::Failure, fault.to_string(), "nothing of it was stored; correct it and import it again")
        })?;
        let is_broken = match self.resolver.knows(&found)? {
            Known::Whole(row) => return self.known(&found, &row),
            Known::OtherSecret => {
                let fact = format!("{} is stored with another secret than this", place(&found));
                let remedy = "correct the secret: the stored one was verified when it came";
                return Err(Failure::new(Exit::Failure, fact, remedy));
            }
            Known::Broken => true,
            Known::No => false,
        };
        let now = self.context.now();
        if let Some(end) = found.expires_at.filter(|end| *end <= now) {
            let fact = format!("{} expired {} ago", place(&found), say_duration(now - end));
            return Err(Failure::new(Exit::Failure, fact, "import a fresh one"));
        }
        let caller = self.resolver.caller_of(&found, None).map_err(|error| {
            let failure = Failure::from(error);
            Failure { fact: format!("{}: {}", place(&found), failure.fact), ..failure }
        })?;
        let row = self.store(&found, &caller, is_broken)?;
        asking::record(self.context, self.resolver.store_path(), "import", &row.shown(), None, "ok");
        Ok(answer(&found, &row, false, now))
    }

    /// A key that is stored already: only a label that was asked for is new.
    fn known(&mut self, found: &Found, row: &IdentityRow) -> Result<Answer, Failure> {
        if let Some(label) = &self.arguments.label {
            let (store, _) = self.resolver.store_and_keys()?;
            store.write(Durability::Synced, |writing| writing.set_label(row.id, label))?;
        }
        let row = self.resolver.owner_of_key(&found.access_key_id)?.unwrap_or_else(|| row.clone());
        Ok(answer(found, &row, true, self.context.now()))
    }

    fn store(&mut self, found: &Found, caller: &Caller, is_broken: bool) -> Result<IdentityRow, Failure> {
        let settings = self.settings(found)?;
        let label = self.label(found, &caller.arn.identity)?;
        let forced = self.arguments.label.is_some();
        let describe = |writing: &Writing<'_>, row: &IdentityRow| {
            self::describe(writing, row, &settings, label.as_deref(), forced)
        };
        Ok(self.resolver.take_in(found, caller, is_broken, describe)?)
    }

    /// The section's own region and MFA device, else those of the profile of its name.
    fn settings(&self, found: &Found) -> Result<Settings, Failure> {
        let profile = match (&found.section, &self.arguments.file) {
            (Some(name), None) => self.resolver.catalogue().profile(name)?.filter(|profile| profile.role().is_none()),
            _ => None,
        };
        // What [default] says is no part of who somebody is.
        let of_profile = |key: &str| profile.as_ref().and_then(|p| p.own_value(key)).map(str::to_owned);
        Ok(Settings {
            region: found.region.clone().or_else(|| of_profile("region")).filter(|region| is_region(region)),
            mfa_serial: found.mfa_serial.clone().or_else(|| of_profile("mfa_serial")).filter(|s| is_mfa_serial(s)),
        })
    }

    /// The label asked for, else the section's name, which becomes one where it is free: a profile of that name with a
    /// role would mean somebody else.
    fn label(&self, found: &Found, whose: &Identity) -> Result<Option<String>, Failure> {
        if let Some(label) = &self.arguments.label {
            return Ok(Some(label.clone()));
        }
        let Some(name) = found.section.as_deref().filter(|name| *name != "default" && check_label(name).is_ok()) else {
            return Ok(None);
        };
        let role = self.resolver.catalogue().profile(name)?.and_then(|profile| profile.role());
        Ok(role.is_none_or(|role| role == *whose).then(|| name.to_owned()))
    }
}

struct Settings {
    region: Option<String>,
    mfa_serial: Option<String>,
}

/// Fills in what the store does not know yet; what a person said before stays.
fn describe(
    writing: &Writing<'_>,
    row: &IdentityRow,
    settings: &Settings,
    label: Option<&str>,
    forced: bool,
) -> Result<(), crate::store::StoreError> {
    if let (None, Some(region)) = (&row.region, &settings.region) {
        writing.set_region(row.id, region)?;
    }
    if let (None, Kind::User, Some(serial)) = (&row.mfa_serial, row.identity.kind, &settings.mfa_serial) {
        writing.set_mfa_serial(row.id, serial)?;
    }
    match label {
        Some(label) if forced => writing.set_label(row.id, label),
        Some(label) if row.label.is_none() && writing.read().identity_labelled(label)?.is_none() => {
            writing.set_label(row.id, label)
        }
        _ => Ok(()),
    }
}

fn place(found: &Found) -> String {
    match &found.section {
        Some(section) => format!("[{section}] {}", found.access_key_id),
        None => found.access_key_id.clone(),
    }
}

fn answer(found: &Found, row: &IdentityRow, was_known: bool, now: i64) -> Answer {
    let (expires_at, expiry_is_guess) = expiry(found, now);
    Answer {
        shown: row.shown(),
        arn: row.arn(),
        section: found.section.clone(),
        access_key_id: found.access_key_id.clone(),
        kind: kind(found).word(),
        expires_at,
        expiry_is_guess,
        was_known,
    }
}

fn report(context: &Context, global: &Global, answers: &[Answer]) -> Result<(), Failure> {
    if global.json {
        let values: Vec<Value> = answers.iter().map(as_json).collect();
        return Ok(context.answer_json(&values.into())?);
    }
    for answer in answers {
        if answer.was_known {
            context.note(&format!("{} of {} is stored already", answer.access_key_id, answer.shown));
        } else {
            context.answer(&format!("{}\n", sentence(context, answer)))?;
        }
    }
    Ok(())
}

fn sentence(context: &Context, answer: &Answer) -> String {
    let Answer { shown, arn, kind, access_key_id, .. } = answer;
    let life = answer.expires_at.map_or(String::new(), |end| {
        let guess = if answer.expiry_is_guess { ", a guess" } else { "" };
        format!(", {} left{guess}", say_duration(end - context.now()))
    });
    format!("{shown}  {arn}  {access_key_id} ({kind}{life})")
}

fn as_json(answer: &Answer) -> Value {
    json!({
        "identity": answer.shown,
        "arn": answer.arn,
        "section": answer.section,
        "access_key_id": answer.access_key_id,
        "kind": answer.kind,
        "expires_at": answer.expires_at,
        "expiry_is_guess": answer.expiry_is_guess,
        "already_stored": answer.was_known,
    })
}
