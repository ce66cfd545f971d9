//! The text that credentials stand in: where it comes from, and which of its sections are meant.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::context::Context;
use crate::credential_text::{self, Found, SectionFault};
use crate::error::{Exit, Failure};
use crate::resolve::ResolveError;

/// The credentials of a text, or what is wrong with each.
pub type Sections = Vec<Result<Found, SectionFault>>;

/// Where the text comes from.
pub enum Source {
    /// What is piped or pasted.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl Source {
    /// A file, or stdin for `-`; by default the shared credentials file.
    ///
    /// # Errors
    /// Nobody says where that is.
    pub fn of(context: &Context, file: Option<&Path>) -> Result<Self, Failure> {
        match file {
            Some(path) if path == Path::new("-") => Ok(Self::Stdin),
            Some(path) => Ok(Self::File(path.to_owned())),
            None => {
                let (_, credentials) = context.aws_files().map_err(ResolveError::from)?;
                Ok(Self::File(credentials))
            }
        }
    }

    /// What it is called.
    pub fn shown(&self) -> String {
        match self {
            Self::Stdin => "stdin".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Every section of it.
    ///
    /// # Errors
    /// It cannot be read, or has no credential.
    pub fn sections(&self, context: &Context) -> Result<Sections, Failure> {
        let bytes = self.read(context).map_err(|error| self.failed(&error.to_string()))?;
        parse(&bytes).map_err(|reason| self.failed(&reason))
    }

    fn failed(&self, reason: &str) -> Failure {
        let remedy = "correct it, or name another: multicred import FILE";
        Failure::new(Exit::Failure, format!("{}: {reason}", self.shown()), remedy)
    }

    fn read(&self, context: &Context) -> io::Result<Zeroizing<Vec<u8>>> {
        match self {
            Self::File(path) => std::fs::read(path).map(Zeroizing::new),
            Self::Stdin => {
                if context.stdin_is_terminal() {
                    context.note("paste the credentials, then press Enter and Ctrl-D");
                }
                let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024));
                io::stdin().lock().read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }
}

/// Every section of a text in any encoding; else why there is none.
pub(super) fn parse(bytes: &[u8]) -> Result<Sections, String> {
    let text = credential_text::decode(bytes).map_err(|error| error.to_string())?;
    credential_text::parse(&text).map_err(|error| error.to_string())
}

/// What a section is called.
pub(super) fn name_of(section: &Result<Found, SectionFault>) -> Option<&str> {
    match section {
        Ok(found) => found.section.as_deref(),
        Err(fault) => fault.section.as_deref(),
    }
}

/// The sections that are meant. No selector: the only section, else `default`, else the person must say.
///
/// # Errors
/// Nobody can say which is meant, or it is not there.
pub fn select(sections: Sections, profile: Option<&str>, all: bool, source: &str) -> Result<Sections, Failure> {
    if all || (sections.len() == 1 && profile.is_none()) {
        return Ok(sections);
    }
    let names: Vec<String> = sections.iter().filter_map(name_of).map(str::to_owned).collect();
    let wanted = profile.unwrap_or("default");
    let chosen: Sections = sections.into_iter().filter(|section| name_of(section) == Some(wanted)).collect();
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let choice = format!("there are: {}", names.join(", "));
    let Some(name) = profile else {
        let fact = format!("{source} has several sections, and none is [default]");
        return Err(Failure::usage(fact, format!("say --all, or --profile NAME; {choice}")));
    };
    let fact = format!("{source} has no credentials in a section [{}]", name.escape_debug());
    Err(Failure::new(Exit::Identity, fact, choice))
}
