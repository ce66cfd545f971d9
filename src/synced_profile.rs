//! Profiles of the config file that ask multicred: what the commands share that write them.

use std::path::{Path, PathBuf};

use crate::aws_config::synced::{self, Change, Entry, Report, SyncError};
use crate::aws_config::{AwsFiles, FileKind};
use crate::context::Context;
use crate::credential_text::command_words;
use crate::error::{Exit, Failure};
use crate::resolve::{Catalogue, ResolveError, Resolver};
use crate::store::IdentityRow;

/// What the program is called.
pub const PROGRAM: &str = "multicred";

/// What a profile has it do.
const VERB: &str = "credential-process";

/// The path with which PATH leads to this very program, links in it not followed; `None` where it leads elsewhere.
pub fn program_on_path(context: &Context) -> Option<PathBuf> {
    let this = context.own_program()?.canonicalize().ok()?;
    which::which_global(PROGRAM).ok().filter(|path| path.canonicalize().is_ok_and(|path| path == this))
}

/// Writes commands that call this program on this store.
pub struct Writer {
    words: Vec<String>,
}

impl Writer {
    /// One for the store of a catalogue.
    ///
    /// # Errors
    /// The path of the program or of the store is unknown, or no text.
    pub fn new(context: &Context, catalogue: &Catalogue<'_>) -> Result<Self, Failure> {
        let program = program_on_path(context).or_else(|| context.own_program());
        let program = program.ok_or_else(|| Failure {
            exit: Exit::Failure,
            fact: "this program does not know its own path".to_owned(),
            remedy: None,
        })?;
        let mut words = vec![text(&std::path::absolute(&program).unwrap_or(program))?];
        if let Some(store) = catalogue.store_argument() {
            words.extend(["--store".to_owned(), text(&store)?]);
        }
        words.push(VERB.to_owned());
        Ok(Self { words })
    }

    /// The command that gives a long-term key itself, as a file did: that of this id, or of the user with this ARN.
    ///
    /// # Errors
    /// As [`entry`](Self::entry).
    pub fn of_key(&self, whose: &str) -> Result<String, Failure> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).chain(["--no-session", whose]).collect();
        Ok(synced::command(&words)?)
    }

    /// A command that calls this program on this store, in the place of one that calls another, or the same by another
    /// path; `None` where it does so already. A program that the shell is to find is one of the person's own choice.
    ///
    /// # Errors
    /// As [`entry`](Self::entry).
    pub fn anew(&self, command: &str) -> Result<Option<String>, Failure> {
        let words = command_words(command).unwrap_or_default();
        let Some((program, words)) = words.split_first().filter(|(program, _)| program.contains('/')) else {
            return Ok(None);
        };
        let (mut store, mut rest) = (None, Vec::new());
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word.strip_prefix("--store") {
                Some("") => store = words.next(),
                Some(value) if value.starts_with('=') => store = Some(&value[1..]),
                _ => rest.push(word),
            }
        }
        let own: Vec<&str> = self.words.iter().map(String::as_str).take_while(|word| *word != VERB).collect();
        let is_this = |program: &str| {
            let [one, other] = [program, own[0]].map(|path| Path::new(path).canonicalize().ok());
            program == own[0] || (one.is_some() && one == other)
        };
        if is_this(program) && store == own.get(2).copied() {
            return Ok(None);
        }
        let words: Vec<&str> = own.into_iter().chain(rest).collect();
        Ok(Some(synced::command(&words)?))
    }

    /// The profile of an identity, under the name that is shown.
    ///
    /// # Errors
    /// Its command cannot be written so that every SDK reads it alike.
    pub fn entry(&self, row: &IdentityRow) -> Result<Entry, Failure> {
        self.entry_called(&row.shown(), row)
    }

    /// The same under another name. It asks by the ARN: an alias or a label may come to mean somebody else.
    ///
    /// # Errors
    /// As [`entry`](Self::entry).
    pub fn entry_called(&self, name: &str, row: &IdentityRow) -> Result<Entry, Failure> {
        // Without its path, which may have characters that no command can have, and which no two identities share.
        let entry = self.named(&row.identity.arn(None))?;
        Ok(Entry { name: name.to_owned(), region: row.region.clone(), ..entry })
    }

    /// A profile that asks for whom it is called after, without a region.
    ///
    /// # Errors
    /// As [`entry`](Self::entry).
    pub fn named(&self, name: &str) -> Result<Entry, Failure> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).chain([name]).collect();
        let command = synced::command(&words)?;
        Ok(Entry { name: name.to_owned(), command, region: None })
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    let not_text = || {
        let fact = format!("{} is no UTF-8 text, and an AWS config file is", path.display());
        Failure::new(Exit::Failure, fact, "install multicred, or put the store, at another path")
    };
    path.to_str().map(str::to_owned).ok_or_else(not_text)
}

/// Why the block cannot be changed, with the place in the person's file.
pub fn refused(files: &AwsFiles, error: &SyncError) -> Failure {
    Failure { fact: at_its_place(files, error), ..error.into() }
}

/// The same as a sentence.
pub fn at_its_place(files: &AwsFiles, error: &SyncError) -> String {
    match error.place() {
        Some((file, line)) => format!("{}:{line}: {error}", files.path(file).display()),
        None => error.to_string(),
    }
}

/// Changes the block in the config file.
///
/// # Errors
/// It cannot be changed as asked; the file is then as it was.
pub fn edit(resolver: &mut Resolver<'_>, files: &AwsFiles, change: Change<'_>) -> Result<Report, Failure> {
    let credentials = files.text(FileKind::Credentials).map_err(ResolveError::from)?;
    let mut done = Report::default();
    resolver.edit_aws_file(FileKind::Config, &mut |text| {
        let exists = !text.is_empty() || files.path(FileKind::Config).exists();
        let changed = synced::change(exists.then_some(text), &credentials, change);
        let (rewrite, report) = changed.map_err(|error| refused(files, &error))?;
        done = report;
        Ok::<_, Failure>(rewrite)
    })?;
    Ok(done)
}

/// Whether a profile could be written now. Nothing is.
///
/// # Errors
/// What [`edit`] would refuse.
pub fn check(files: &AwsFiles, entry: &Entry) -> Result<(), Failure> {
    let text = |kind| files.text(kind).map_err(ResolveError::from);
    let (config, credentials) = (text(FileKind::Config)?, text(FileKind::Credentials)?);
    let exists = files.path(FileKind::Config).exists();
    let changed = synced::change(exists.then_some(&config), &credentials, Change::Put(std::slice::from_ref(entry)));
    changed.map(drop).map_err(|error| refused(files, &error))
}
