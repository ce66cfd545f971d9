//! What another tool keeps, read and opened.

use std::path::Path;
use std::time::Duration;

use super::aws_vault;
use super::take_over::TakeOver;
use crate::cli::Tool;
use crate::coming_over::fernet::FernetKey;
use crate::coming_over::mentaws;
use crate::coming_over::multicred_py::Edge;
use crate::context::Context;
use crate::credential_text::{Found, Parts};
use crate::error::{Exit, Failure};
use crate::other_tools::{self, OtherToolError};
use crate::seal::keyring_slot::{self, KeyringError};

/// How long a person may take to unlock a keyring, and how long one may take that asks nobody.
const PATIENCE: Duration = Duration::from_mins(2);
const ALONE: Duration = Duration::from_secs(15);

/// What a tool keeps.
#[derive(Default)]
pub(super) struct Kept {
    /// Where, in words.
    pub(super) place: String,
    /// Each of its credentials, or why it is none.
    pub(super) items: Vec<Result<Found, Failed>>,
    /// From whom its roles are assumed.
    pub(super) links: Vec<Edge>,
    pub(super) skipped: Skipped,
}

/// How many there were of what is not taken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Skipped {
    /// Sessions that can be obtained again.
    pub(super) sessions: usize,
    /// Sign-ins at IAM Identity Center.
    pub(super) sign_ins: usize,
    /// Names without a key.
    pub(super) without_key: usize,
    /// Sessions that have ended.
    pub(super) expired: usize,
}

/// Something that was not taken, and why.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) name: String,
    pub(super) reason: String,
}

impl Failed {
    pub(super) fn new(name: &str, reason: &impl ToString) -> Self {
        Self { name: name.to_owned(), reason: reason.to_string() }
    }
}

impl Kept {
    /// Takes up a credential in parts, under its name there.
    pub(super) fn add(&mut self, name: &str, parts: Parts) {
        match parts.checked() {
            None => self.skipped.without_key += 1,
            Some(checked) => self.items.push(checked.map_err(|fault| Failed::new(name, &fault.reason))),
        }
    }

    /// What is there under a name.
    pub(super) fn names(&self) -> Vec<&str> {
        let name = |item| match item {
            &Ok(Found { ref section, ref access_key_id, .. }) => section.as_deref().unwrap_or(access_key_id),
            Err(Failed { name, .. }) => name.as_str(),
        };
        self.items.iter().map(name).collect()
    }
}

/// Reads what a tool keeps; where that is encrypted, the person may be asked for what opens it.
///
/// # Errors
/// It is not there, is something else, or stays locked.
pub(super) fn kept(context: &Context, asked: &TakeOver<'_>) -> Result<Kept, Failure> {
    let path = |default: &str| asked.path.map_or_else(|| context.expand_home(default), Path::to_owned);
    match asked.tool {
        Tool::MulticredPy => multicred_py(context, &path("~/.aws/multicred.db")),
        Tool::Mentaws => of_mentaws(context, &path("~/.aws/mentaws.db")),
        Tool::AwsVault => aws_vault::kept(context, asked.path),
    }
}

fn multicred_py(context: &Context, path: &Path) -> Result<Kept, Failure> {
    let (rows, links) = other_tools::multicred_py(path).map_err(|error| cannot_read(&error, Tool::MulticredPy))?;
    let mut kept = Kept { place: path.display().to_string(), links, ..Kept::default() };
    for row in rows {
        if row.is_over(context.now()) {
            kept.skipped.expired += 1;
            continue;
        }
        let name = row.arn.clone();
        kept.add(&name, row.opened());
    }
    Ok(kept)
}

fn of_mentaws(context: &Context, path: &Path) -> Result<Kept, Failure> {
    let rows = other_tools::mentaws(path).map_err(|error| cannot_read(&error, Tool::Mentaws))?;
    let mut kept = Kept { place: path.display().to_string(), ..Kept::default() };
    let (rows, without): (Vec<_>, Vec<_>) = rows.into_iter().partition(mentaws::Row::has_key);
    kept.skipped.without_key = without.len();
    if rows.is_empty() {
        return Ok(kept);
    }
    let key = mentaws_key(context)?;
    for row in rows {
        match row.opened(&key) {
            Ok(parts) => kept.add(&row.profile, parts),
            Err(error) => kept.items.push(Err(Failed::new(&row.profile, &error))),
        }
    }
    Ok(kept)
}

fn mentaws_key(context: &Context) -> Result<FernetKey, Failure> {
    const ELSE: &str = "unlock the keyring that mentaws put its key into; or let it give the keys back: mentaws unsetup, \
         then multicred import --all";
    let (service, account) = (mentaws::SERVICE, mentaws::ACCOUNT);
    let within = if context.may_prompt { PATIENCE } else { ALONE };
    let read = keyring_slot::read_of(service, account, context.may_prompt, within).map_err(|error| {
        let fact = match error {
            KeyringError::NotFound(_) => format!("the keyring has no item of {service} for {account}"),
            KeyringError::Several(_) => format!("the keyring has several items of {service} for {account}"),
            error => format!("the key of {service} cannot be had: {error}"),
        };
        Failure::new(Exit::Locked, fact, ELSE)
    })?;
    let key = std::str::from_utf8(&read).ok().and_then(FernetKey::from_text);
    key.ok_or_else(|| Failure::new(Exit::Locked, format!("what the keyring has of {service} is no key"), ELSE))
}

pub(super) fn cannot_read(error: &OtherToolError, tool: Tool) -> Failure {
    let remedy = match error {
        OtherToolError::Busy(_) => format!("run {} once, so that it is whole; then again", tool.name()),
        _ => format!("say where it is: multicred import --from {} PATH", tool.name()),
    };
    Failure::new(Exit::Failure, error.to_string(), remedy)
}
