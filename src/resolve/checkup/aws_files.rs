//! The person's AWS files: who else can reach them, and long-term keys in plain text.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Finding, chmod};
use crate::aws_config::document::{Document, Section};
use crate::aws_config::kept;
use crate::aws_config::{AwsFiles, FileKind, Profile, Profiles, Skipped, skipped};

/// What the store knows of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// It has it.
    Yes,
    /// It had it, until a rotation deleted it at AWS.
    Retired,
    /// Nothing.
    No,
}

/// What is to be said of the files; `stored` tells what the store knows of a key.
pub(super) fn findings(files: &AwsFiles, stored: impl Fn(&str) -> Stored) -> Vec<Finding> {
    let mut found = Vec::new();
    let profiles = match Profiles::read(files) {
        Ok(profiles) => profiles,
        Err(error) => {
            found.push(Finding::fault("the AWS files", error.to_string(), "correct its mode or content"));
            Profiles::default()
        }
    };
    for kind in [FileKind::Config, FileKind::Credentials] {
        let path = files.path(kind);
        let has_key = profiles.iter().any(|profile| profile.key.as_ref().is_some_and(|key| key.file == kind));
        found.extend(reached(path, if has_key { 0o077 } else { 0 }));
        found.extend(path.parent().and_then(|folder| reached(folder, 0)));
    }
    found.dedup();
    found.extend(skipped(files).unwrap_or_default().into_iter().map(|skipped| not_read(files, &skipped)));
    found.extend(profiles.iter().filter_map(|profile| in_the_clear(files, profile, &stored)));
    found.extend(without_program(files));
    found
}

/// The profiles whose command stands in the place of a key, and calls what is not there: they are nobody.
fn without_program(files: &AwsFiles) -> Vec<Finding> {
    let text = files.text(FileKind::Credentials).unwrap_or_default();
    let path = files.path(FileKind::Credentials).display();
    let gone = |section: Section<'_>| {
        let kept = kept::kept(&section)?;
        let program = kept.program().filter(|program| !Path::new(program).exists())?;
        let (name, program) = (section.name().escape_debug(), program.escape_debug());
        let fact = format!("profile {name} calls {program}, which is not there");
        let remedy = format!("{} writes its command anew", kept.call("setup"));
        Some(Finding::fault(format!("{path}:{}", section.line()), fact, remedy))
    };
    Document::parse(&text).sections().filter_map(gone).collect()
}

/// A file or a folder that others can write, or in which they can do what `secret` has bits for.
pub(super) fn reached(path: &Path, secret: u32) -> Option<Finding> {
    let file = fs::metadata(path).ok()?;
    let mode = file.mode() & 0o7777;
    let what = if file.is_dir() { "in it" } else { "it" };
    // In a folder such as /tmp nobody can replace what is another's.
    let is_sticky = file.is_dir() && mode & 0o1000 != 0;
    if !file.is_dir() && mode & secret != 0 {
        let fact = format!("others can reach the keys in it: its mode is {mode:o}");
        return Some(Finding::fault(path.display(), fact, chmod("600", path)));
    }
    match mode & 0o022 {
        0 => None,
        _ if is_sticky => None,
        // Where each user has a group of their own, nobody else is in it.
        0o020 => {
            let fact = format!("its group may write {what}: its mode is {mode:o}");
            Some(Finding::note(path.display(), fact, chmod("g-w", path)))
        }
        _ => {
            let fact = format!("others may write {what}, and have commands run as you: its mode is {mode:o}");
            Some(Finding::fault(path.display(), fact, chmod("go-w", path)))
        }
    }
}

fn not_read(files: &AwsFiles, skipped: &Skipped) -> Finding {
    let Skipped { file, line, header, reason } = skipped;
    let fact = format!("[{}] is taken for no profile", header.escape_debug());
    Finding::note(format!("{}:{line}", files.path(*file).display()), fact, reason.as_str())
}

fn in_the_clear(files: &AwsFiles, profile: &Profile, stored: impl Fn(&str) -> Stored) -> Option<Finding> {
    let key = profile.key.as_ref().filter(|key| !key.temporary)?;
    let (path, line) = (files.path(key.file).display(), key.line);
    let name = profile.name.escape_debug();
    let fact = format!("profile {name} has the long-term key {} in plain text", key.access_key_id.escape_debug());
    let remedy = match (stored(&key.access_key_id), key.file) {
        (Stored::Retired, _) => "multicred rotate has deleted this key at AWS: delete it there, too".to_owned(),
        (Stored::Yes, _) => "the store has this key: delete it there".to_owned(),
        (Stored::No, FileKind::Credentials) => "multicred import --all, then delete it there".to_owned(),
        (Stored::No, FileKind::Config) => format!("multicred import {path} --all, then delete it there"),
    };
    Some(Finding::note(format!("{path}:{line}"), fact, remedy))
}
