//! `sync`: profiles in the person's config file, through which other programs get credentials.

use std::collections::HashSet;

use serde_json::json;

use crate::asking;
use crate::aws_config::synced::{self, Change, Entry, Report, Synced};
use crate::aws_config::{AwsFiles, FileKind};
use crate::changing;
use crate::cli::{Asking, Global, Sync};
use crate::context::{Context, printable};
use crate::error::{Exit, Failure};
use crate::identity::route::CredentialKind;
use crate::identity::{Kind, arn};
use crate::resolve::{Catalogue, ResolveError};
use crate::store::{IdentityRow, Owner, Store, StoreError};
use crate::synced_profile::{self, Writer, at_its_place, refused};

pub(super) fn run(context: &Context, global: &Global, arguments: &Sync) -> Result<(), Failure> {
    let mut resolver = asking::resolver(context, global, &Asking::default())?;
    let (config, credentials) = context.aws_files().map_err(ResolveError::from)?;
    let files = AwsFiles::new(config, credentials);
    let wanted = Wanted::read(context, resolver.catalogue(), &files, arguments)?;
    let done = synced_profile::edit(&mut resolver, &files, wanted.change())?;
    let changed: Vec<&str> = done.written.iter().chain(&done.removed).map(String::as_str).collect();
    if !changed.is_empty() {
        asking::record(context, resolver.store_path(), "sync", &changed.join(", "), None, "ok");
    }
    for entry in wanted.entries().iter().filter(|entry| done.written.contains(&entry.name)) {
        note_protected(context, resolver.catalogue(), entry)?;
    }
    tell(context, global, &files, &wanted, &done)
}

/// Whoever asks by such a profile is mostly a program, without a terminal.
fn note_protected(context: &Context, catalogue: &Catalogue<'_>, entry: &Entry) -> Result<(), Failure> {
    let asked = synced::asks_for(&entry.command).unwrap_or_default();
    if let Some(row) = catalogue.stored_identity(&asked)?.filter(|row| row.protected) {
        let name = row.shown();
        context.note(&format!(
            "{name} is protected: a program that asks by its profile is answered in a shell that is {name}, or where its \
             account's alias can be typed"
        ));
    }
    Ok(())
}

/// What is asked for, as the block is to have it.
enum Wanted {
    Put(Vec<Entry>),
    /// The profiles that are there, and those of them that nobody knows any more.
    Renew(Vec<Entry>, Vec<String>),
    Exactly(Vec<Entry>),
    Remove(Vec<String>),
    RemoveAll,
}

impl Wanted {
    fn read(context: &Context, catalogue: &Catalogue<'_>, files: &AwsFiles, arguments: &Sync) -> Result<Self, Failure> {
        let config = files.text(FileKind::Config).map_err(ResolveError::from)?;
        let there = synced::profiles(&config).map_err(|error| refused(files, &error))?;
        let typed = &arguments.identities;
        if arguments.remove {
            let to_remove = |typed: &String| in_block(catalogue, &there, typed);
            return Ok(if typed.is_empty() {
                Self::RemoveAll
            } else {
                Self::Remove(typed.iter().map(to_remove).collect())
            });
        }
        let writer = Writer::new(context, catalogue)?;
        if arguments.all {
            let rows = catalogue.store().map(obtainable).transpose()?.unwrap_or_default();
            return Ok(Self::Exactly(rows.iter().map(|row| writer.entry(row)).collect::<Result<_, _>>()?));
        }
        if typed.is_empty() {
            return Self::renewal(context, catalogue, files, &writer, there);
        }
        let entries = typed.iter().map(|typed| writer.entry(&identity(catalogue, &there, typed)?));
        Ok(Self::Put(entries.collect::<Result<_, _>>()?))
    }

    fn renewal(
        context: &Context,
        catalogue: &Catalogue<'_>,
        files: &AwsFiles,
        writer: &Writer,
        there: Vec<Synced>,
    ) -> Result<Self, Failure> {
        if there.is_empty() {
            let fact = format!("{} has no profiles of multicred sync to renew", files.path(FileKind::Config).display());
            return Err(Failure::usage(fact, "say for whom: multicred sync --all, or multicred sync IDENTITY..."));
        }
        let (mut entries, mut unknown) = (Vec::new(), Vec::new());
        for Synced { name, asks_for } in there {
            match catalogue.stored_identity(&asks_for)? {
                Some(row) => {
                    note_renamed(context, &name, &row);
                    entries.push(writer.entry_called(&name, &row)?);
                }
                None => unknown.push(name),
            }
        }
        Ok(Self::Renew(entries, unknown))
    }

    /// What is to be written.
    fn entries(&self) -> &[Entry] {
        match self {
            Self::Put(entries) | Self::Renew(entries, _) | Self::Exactly(entries) => entries,
            Self::Remove(_) | Self::RemoveAll => &[],
        }
    }

    fn change(&self) -> Change<'_> {
        match self {
            Self::Put(entries) | Self::Renew(entries, _) => Change::Put(entries),
            Self::Exactly(entries) => Change::Exactly(entries),
            Self::Remove(names) => Change::Remove(names),
            Self::RemoveAll => Change::RemoveAll,
        }
    }
}

/// The profile that is meant: by its name, or by any name of its identity.
fn in_block(catalogue: &Catalogue<'_>, there: &[Synced], typed: &str) -> String {
    let is_there = there.iter().any(|profile| profile.name == typed);
    let Some(row) = catalogue.stored_identity(typed).ok().flatten().filter(|_| !is_there) else {
        return typed.to_owned();
    };
    let asks = |profile: &&Synced| arn::parse(&profile.asks_for).is_ok_and(|arn| arn.identity == row.identity);
    there.iter().find(asks).map_or_else(|| row.shown(), |profile| profile.name.clone())
}

/// A profile goes on under the name that programs know, until the person wants another one.
fn note_renamed(context: &Context, name: &str, row: &IdentityRow) {
    let shown = row.shown();
    if shown != name {
        context.note(&format!(
            "profile {name} is {}, which is called {shown} now: multicred sync {shown} writes one of that name, and \
             multicred sync --remove {name} takes this one out",
            row.arn()
        ));
    }
}

/// Those who will have a credential tomorrow, too: imported temporary ones will not.
fn obtainable(store: &Store) -> Result<Vec<IdentityRow>, StoreError> {
    let reading = store.read();
    let with_key: HashSet<i64> = reading
        .credentials()?
        .into_iter()
        .filter(|credential| credential.held.kind == CredentialKind::LongTerm)
        .filter_map(|credential| match credential.owner {
            Owner::Identity(id) => Some(id),
            Owner::KeyOwner(_) => None,
        })
        .collect();
    let mut rows = Vec::new();
    for row in reading.identities()? {
        let is_linked = row.identity.kind == Kind::Role && reading.chain(row.clone())?.len() > 1;
        if is_linked || with_key.contains(&row.id) {
            rows.push(row);
        }
    }
    Ok(rows)
}

fn identity(catalogue: &Catalogue<'_>, there: &[Synced], typed: &str) -> Result<IdentityRow, Failure> {
    let shown = typed.escape_debug();
    // What a profile of that name says steers nothing here: it is about to be written anew, or is refused as the
    // person's own.
    if let Some(row) = catalogue.stored_identity(typed)? {
        return Ok(row);
    }
    if let Some(profile) = there.iter().find(|profile| profile.name == typed) {
        if let Some(row) = catalogue.stored_identity(&profile.asks_for)? {
            return Ok(row);
        }
        let fact = format!("there is no identity called '{shown}' any more");
        return Err(Failure::new(Exit::Identity, fact, format!("multicred sync --remove {shown}")));
    }
    changing::stored(catalogue, typed)
}

fn tell(context: &Context, global: &Global, files: &AwsFiles, wanted: &Wanted, done: &Report) -> Result<(), Failure> {
    let mut skipped: Vec<(&str, String)> =
        done.skipped.iter().map(|(name, error)| (name.as_str(), at_its_place(files, error))).collect();
    if let Wanted::Renew(_, unknown) = wanted {
        skipped.extend(unknown.iter().map(|name| (name.as_str(), "there is no such identity any more".to_owned())));
    }
    for (name, reason) in &skipped {
        context.note(&format!("profile {name} is left as it is: {reason}"));
    }
    let file = files.path(FileKind::Config).display().to_string();
    if global.json {
        let skipped: Vec<_> =
            skipped.iter().map(|(name, reason)| json!({ "profile": name, "reason": reason })).collect();
        let answer = json!({ "file": file, "written": done.written, "removed": done.removed, "skipped": skipped });
        return Ok(context.answer_json(&answer)?);
    }
    if done.written.is_empty() && done.removed.is_empty() {
        context.note(&format!("nothing to change in {file}"));
    }
    let written = done.written.iter().map(|name| format!("profile {name} written to {file}"));
    let removed = done.removed.iter().map(|name| format!("profile {name} removed from {file}"));
    let lines: Vec<String> = written.chain(removed).map(|line| printable(&line) + "\n").collect();
    Ok(context.answer(&lines.concat())?)
}
