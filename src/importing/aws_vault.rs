//! What aws-vault keeps: from its own program, which opens whatever keyring it is in, or from its encrypted files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::gather::{Failed, Kept, cannot_read};
use crate::cli::Tool;
use crate::coming_over::aws_vault::{Item, credential, item_of};
use crate::coming_over::jwe::{self, JweError};
use crate::context::{Context, printable};
use crate::credential_text;
use crate::error::{Exit, Failure};
use crate::other_tools;
use crate::prompt::{PromptError, Prompter, Tty};
use crate::resolve::ResolveError;
use crate::secret::Secret;
use crate::subprocess::{self, Manner, Program, SubprocessError};

const PROGRAM: &str = "aws-vault";
const DEFAULT_FOLDER: &str = "~/.awsvault/keys";
const PASSPHRASE: &str = "AWS_VAULT_FILE_PASSPHRASE";
/// As often a person may mistype.
const TRIES: u32 = 3;
/// With these it would refuse, or hand out something else than the key itself.
const WITHOUT: [&str; 4] = ["AWS_VAULT", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_PROFILE"];
/// Without a config, a profile is its key and nothing else.
const NO_CONFIG: &str = "AWS_CONFIG_FILE=/dev/null";

/// A folder that is named, or of the backend that is chosen, is read; else its own program is asked, where it is.
pub(super) fn kept(context: &Context, path: Option<&Path>) -> Result<Kept, Failure> {
    let is_of_files = context.variable("AWS_VAULT_BACKEND") == Some("file");
    let folder = || folder(context);
    match (path, which::which_global(PROGRAM)) {
        (Some(path), _) => of_files(context, path),
        (None, Ok(program)) if !is_of_files => of_program(context, &program),
        (None, _) if is_of_files || folder().is_dir() => of_files(context, &folder()),
        (None, _) => {
            let fact = format!("{PROGRAM} is not on PATH, and {} is not there", folder().display());
            let remedy = "run this where aws-vault is; or name its folder of encrypted files: \
                 multicred import --from aws-vault FOLDER";
            Err(Failure::new(Exit::Failure, fact, remedy))
        }
    }
}

fn folder(context: &Context) -> PathBuf {
    context.expand_home(context.variable("AWS_VAULT_FILE_DIR").unwrap_or(DEFAULT_FOLDER))
}

fn of_program(context: &Context, program: &Path) -> Result<Kept, Failure> {
    let asker = Asker { context, program };
    let list = asker.ask(&["list", "--credentials"]).map_err(|error| {
        let remedy = "see that aws-vault list works; or name its folder of encrypted files: \
             multicred import --from aws-vault FOLDER";
        Failure::new(Exit::Failure, error.to_string(), remedy)
    })?;
    let mut kept = Kept { place: program.display().to_string(), ..Kept::default() };
    for name in list.expose().lines().filter(|name| !name.is_empty()) {
        // What older versions list beside the keys.
        match item_of(name) {
            Item::Session => kept.skipped.sessions += 1,
            Item::SignIn => kept.skipped.sign_ins += 1,
            Item::Key(_) => kept.items.push(asker.key(name)),
        }
    }
    Ok(kept)
}

struct Asker<'a> {
    context: &'a Context,
    program: &'a Path,
}

impl Asker<'_> {
    fn ask(&self, words: &[&str]) -> Result<Secret, SubprocessError> {
        let patience = Duration::from_secs(if self.context.may_prompt { 120 } else { 30 });
        let what = format!("{PROGRAM} {}", words[0]);
        let manner = Manner { what: &what, without: &WITHOUT, patience, may_ask: self.context.may_prompt };
        let program = self.program.to_string_lossy();
        let words = [&[NO_CONFIG, &program][..], words].concat();
        subprocess::run(Program::Words(OsStr::new("env"), &words), manner).map(|(answer, _)| answer)
    }

    /// `export` is of version 7; before that, `exec` printed the same.
    fn key(&self, name: &str) -> Result<credential_text::Found, Failed> {
        let exported = self.ask(&["export", "--no-session", "--format=json", "--", name]);
        let answer = match exported {
            Err(SubprocessError::Failed { complaint, .. }) if complaint.contains("expected command") => {
                self.ask(&["exec", "--no-session", "--json", "--", name])
            }
            answer => answer,
        };
        let answer = answer.map_err(|error| Failed::new(name, &error))?;
        let found = credential_text::of_process(answer.expose());
        let found =
            found.map_err(|fault| Failed::new(name, &format!("what {PROGRAM} printed is no credential: {fault}")))?;
        Ok(credential_text::Found { section: Some(name.to_owned()), ..found })
    }
}

/// A file, as it is encrypted, or why it cannot be read.
type Encrypted = (String, std::io::Result<zeroize::Zeroizing<String>>);

fn of_files(context: &Context, folder: &Path) -> Result<Kept, Failure> {
    let names = other_tools::key_files(folder).map_err(|error| cannot_read(&error, Tool::AwsVault))?;
    let mut kept = Kept { place: folder.display().to_string(), ..Kept::default() };
    let mut keys: Vec<Encrypted> = Vec::new();
    for file in names {
        match item_of(&file) {
            Item::Session => kept.skipped.sessions += 1,
            Item::SignIn => kept.skipped.sign_ins += 1,
            Item::Key(name) => keys.push((name, other_tools::key_file(folder, &file))),
        }
    }
    if !keys.is_empty() {
        open_files(context, folder, &keys, &mut kept)?;
    }
    Ok(kept)
}

/// Opens all of them with one passphrase; one that opens none of them is wrong.
fn open_files(context: &Context, folder: &Path, keys: &[Encrypted], kept: &mut Kept) -> Result<(), Failure> {
    let given = context.variable(PASSPHRASE).map(Secret::new);
    let mut remark = None;
    for _ in 0..TRIES {
        let passphrase = match &given {
            Some(given) => given.clone(),
            None => ask(context, folder, remark)?,
        };
        let opened: Vec<_> = keys.iter().map(|key| open(key, &passphrase)).collect();
        let is_wrong = |one: &Opened| matches!(one, Err(Unopened::Passphrase));
        if opened.iter().any(Result::is_ok) || !opened.iter().any(is_wrong) {
            for ((name, _), one) in keys.iter().zip(opened) {
                match one {
                    Ok(parts) => kept.add(name, parts),
                    Err(error) => kept.items.push(Err(Failed::new(name, &error))),
                }
            }
            return Ok(());
        }
        if given.is_some() {
            break;
        }
        remark = Some("that opens none of them");
    }
    let what = if given.is_some() { format!("the passphrase in {PASSPHRASE}") } else { "that passphrase".to_owned() };
    let fact = format!("{what} opens none of aws-vault's files in {}", folder.display());
    Err(Failure::new(Exit::Locked, fact, "try again with the one that aws-vault asks for"))
}

type Opened = Result<credential_text::Parts, Unopened>;

/// Why a file gives no key.
#[derive(Debug, thiserror::Error)]
enum Unopened {
    #[error("another passphrase than that of the others opens it")]
    Passphrase,
    #[error("{0}")]
    Else(String),
}

fn open((name, text): &Encrypted, passphrase: &Secret) -> Opened {
    let other = |reason: &dyn ToString| Unopened::Else(reason.to_string());
    let text = text.as_ref().map_err(|error| other(error))?;
    let item = jwe::open(text, passphrase.expose()).map_err(|error| match error {
        JweError::WrongPassphrase => Unopened::Passphrase,
        error => other(&error),
    })?;
    credential(name, &item).map_err(|error| other(&error))
}

fn ask(context: &Context, folder: &Path, remark: Option<&str>) -> Result<Secret, Failure> {
    let needed = |why: &dyn ToString| {
        let fact = format!("the passphrase of aws-vault's files is needed, and {}", why.to_string());
        Failure::new(Exit::Locked, fact, format!("let {PASSPHRASE} be it, or run this on a terminal"))
    };
    if !context.may_prompt {
        return Err(needed(&"nobody may be asked"));
    }
    let question = printable(&format!("Passphrase of aws-vault's files in {}", folder.display()));
    Tty.passphrase(&question, remark).map_err(|error| match error {
        PromptError::NoPassphrase(why) => needed(&why),
        error => ResolveError::Prompt(error).into(),
    })
}
