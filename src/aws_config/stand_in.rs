//! What stands in for the person's two files in a live shell: all their settings and profiles, no secret, and a
//! `[default]` that says nothing of who one is, so that every SDK goes on to the shell's container endpoint.
//!
//! Which settings keep an SDK from there was looked up in botocore 1.44 (`credentials.py`, `configloader.py`),
//! aws-sdk-go-v2 (`config/resolve_credentials.go`, `shared_config.go`, `internal/ini`), the SDK for JavaScript v3
//! (`credential-provider-ini`, `shared-ini-file-loader`) and that for Rust (`aws-config`, `aws-runtime`).
//!
//! A profile with `credential_source` stays as it is. With `EcsContainer` botocore asks the shell's endpoint, and so
//! assumes the role as the live identity; that is what it would do with the person's own files in that environment.
//! The Go SDK takes a relative address only, and says that there is none. `Environment` finds nothing: a live shell
//! has no keys in its variables.
//!
//! Nothing of a comment is copied: an old key may stand in one.

mod draft;
mod profiles;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::document::{Document, SectionId, SectionKind};
use super::read::{profile_name, section};
use super::{DEFAULT, FileKind};
use draft::Draft;
use profiles::{Fate, INHERITED, NO_COMMAND, gives_identity, process, triggers};
use secrets::{Secrets, is_half_of_key, is_secret};

/// What the profile is called that gives other profiles the credential of the person's default one, where the name
/// is free.
const OF_DEFAULT: &str = "multicred-default";

/// One of the person's files. No `Debug`: the text may hold secrets.
#[derive(Clone, Copy)]
pub struct Own<'t> {
    /// Where it is.
    pub path: &'t Path,
    /// Its text; none where there is no file.
    pub text: Option<&'t str>,
}

/// The texts of the two files of a live shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandIn {
    /// In place of `~/.aws/config`.
    pub config: String,
    /// In place of `~/.aws/credentials`.
    pub credentials: String,
}

/// Makes the stand-ins of the person's files. `command` are the words that run multicred, from the program to the
/// last flag before the verb; what it runs must read the person's own files, or it would ask itself. Without any,
/// profiles that need it are left out.
pub fn stand_in(config: Own<'_>, credentials: Own<'_>, command: &[&str]) -> StandIn {
    let parse = |own: Own<'_>| Document::parse(own.text.unwrap_or_default());
    let (of_config, of_credentials) = (parse(config), parse(credentials));
    let both = [&of_config, &of_credentials];
    let secrets = Secrets::of(both);
    let files = [(FileKind::Config, &of_config), (FileKind::Credentials, &of_credentials)];
    let plan = Plan {
        fates: profiles::fates(files, &secrets, command),
        default_process: process(command, DEFAULT).map(|process| (free_name(both), process)),
        region: region_of_default(both, &secrets),
        secrets,
    };
    plan.texts(both, [config.path, credentials.path])
}

/// A name that no section of the files has.
fn free_name(both: [&Document; 2]) -> String {
    let taken: BTreeSet<&str> = both.iter().flat_map(|it| it.sections()).map(|section| section.name()).collect();
    let numbered = (2..).map(|number: u32| format!("{OF_DEFAULT}-{number}"));
    let mut names = std::iter::once(OF_DEFAULT.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(&**name)).unwrap_or_default()
}

/// The region of the person's default profile, where it is nothing odd.
fn region_of_default([config, credentials]: [&Document; 2], secrets: &Secrets) -> Option<String> {
    let region = |document, file| section(document, file, DEFAULT)?.get("region").map(|it| it.value().into_owned());
    let region = region(credentials, FileKind::Credentials).or_else(|| region(config, FileKind::Config))?;
    (!region.is_empty() && is_identifier(&region) && !secrets.are_in(&region)).then_some(region)
}

/// The characters of the SDKs' identifiers (aws-runtime `validate_identifier`). A key with another one is nobody's, and
/// what is white space in it depends on the reader.
fn is_identifier(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "_-/.%@:+".contains(c))
}

/// How the lines of a section are copied.
#[derive(Clone, Copy)]
enum Treatment<'p> {
    /// Nobody's profile, or one that needs no change: all but secrets.
    Open,
    /// A profile: as [`Open`](Self::Open), and it may have the default one as its source.
    Profile,
    /// Nothing of who it is.
    Default,
    /// `[DEFAULT]`
    Inherited,
    /// With this `credential_process`, and nothing else of who it is.
    Process(&'p str),
    /// Not at all, and why.
    LeftOut(&'static str),
}

impl Treatment<'_> {
    fn allows(self, key: &str) -> bool {
        match self {
            Self::Open | Self::Profile => !is_secret(key),
            Self::Default | Self::Process(_) => !gives_identity(key),
            Self::Inherited => !triggers(key),
            Self::LeftOut(_) => false,
        }
    }

    fn may_have_source(self) -> bool {
        matches!(self, Self::Profile | Self::Inherited)
    }
}

/// What is to be done with both files.
struct Plan {
    fates: BTreeMap<String, Fate>,
    /// The generated profile's name, and its command.
    default_process: Option<(String, String)>,
    region: Option<String>,
    secrets: Secrets,
}

impl Plan {
    fn texts(&self, [config, credentials]: [&Document; 2], paths: [&Path; 2]) -> StandIn {
        let of_credentials = Draft::of(self, FileKind::Credentials, credentials, paths[1]);
        let mut of_config = Draft::of(self, FileKind::Config, config, paths[0]);
        for (name, fate) in &self.fates {
            if let Fate::Process(process) = fate
                && config.section(&SectionId::profile(name)).is_none()
            {
                of_config.append(name, process, None);
            }
        }
        if let Some((name, process)) = &self.default_process
            && (of_config.has_redirect || of_credentials.has_redirect)
        {
            of_config.append(name, process, self.region.as_deref());
        }
        StandIn { config: of_config.out, credentials: of_credentials.out }
    }

    fn treatment(&self, file: FileKind, id: &SectionId, inside: &str, document: &Document) -> Treatment<'_> {
        if self.secrets.are_in(&id.name) || self.secrets.are_in(inside) {
            return Treatment::LeftOut("its header tells a secret");
        }
        match (id.kind, id.name.trim()) {
            (SectionKind::Plain | SectionKind::Profile, DEFAULT) => return Treatment::Default,
            (SectionKind::Plain, INHERITED) => return Treatment::Inherited,
            (SectionKind::Plain | SectionKind::Unreadable, name)
                if file == FileKind::Config && is_odd_profile(name) =>
            {
                return odd_treatment(name, holds_key(document, id));
            }
            (SectionKind::Unreadable, _) => return Treatment::LeftOut("its header cannot be read"),
            _ => {}
        }
        match profile_name(file, id).and_then(|name| self.fates.get(name)) {
            Some(Fate::AsItIs) => Treatment::Profile,
            Some(Fate::Process(process)) => Treatment::Process(process),
            Some(Fate::LeftOut(why)) => Treatment::LeftOut(why),
            None => Treatment::Open,
        }
    }
}

/// True for a header that only some SDKs take for a profile's: botocore every one of two words that begins with
/// `profile` (`build_profile_map`), the Go SDK `[profile a b]`.
fn is_odd_profile(inside: &str) -> bool {
    inside.starts_with("profile") && inside.contains([' ', '\t'])
}

fn odd_treatment(inside: &str, holds_key: bool) -> Treatment<'static> {
    let is_quote = |c: char| matches!(c, '"' | '\'' | '\\');
    let second = inside.split_once([' ', '\t']).map(|(_, second)| second.replace(is_quote, ""));
    match second.as_deref().map(str::trim) {
        Some(DEFAULT) => Treatment::Default,
        _ if holds_key => Treatment::LeftOut(NO_COMMAND),
        _ => Treatment::Profile,
    }
}

fn holds_key(document: &Document, id: &SectionId) -> bool {
    document.section(id).is_some_and(|section| section.properties().any(|property| is_half_of_key(property.key())))
}

#[cfg(test)]
mod tests;
