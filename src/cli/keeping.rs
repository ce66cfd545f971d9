//! What the commands take that keep the store: its keys, its backups, its health.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::Asking;

/// `key`
#[derive(Debug, Args)]
pub struct Key {
    /// What to do.
    #[command(subcommand)]
    pub verb: KeyVerb,
}

/// What can be done with the ways to unlock the store.
#[derive(Debug, Subcommand)]
pub enum KeyVerb {
    /// Every way to unlock the store
    List,
    /// Add a way: keyring, passphrase, ssh-agent, command, file or recovery
    Add(KeyAdd),
    /// Remove a way, once another one has been seen to open the store; never the last
    Remove {
        /// Its number, as `key list` shows it
        number: i64,
        /// Whether or not another one opens the store here
        #[arg(long)]
        force: bool,
    },
    /// Give the store a new key: every secret is sealed anew
    Rotate,
}

/// `key add`
#[derive(Debug, Args)]
pub struct KeyAdd {
    /// What opens the store
    #[arg(value_enum)]
    pub kind: SlotKind,
    /// ssh-agent: a key's fingerprint or comment; command: a line for sh; file: where the key file is to be
    pub what: Option<String>,
    /// passphrase: the first line of this file, instead of being asked for it
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// keyring: in the kernel's keyring, which forgets at reboot
    #[arg(long)]
    pub keyutils: bool,
    /// command: a program and its arguments, after --
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "what")]
    pub command: Vec<OsString>,
}

/// The kinds of key slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SlotKind {
    /// The desktop's keyring
    Keyring,
    /// A passphrase
    Passphrase,
    /// An Ed25519 or RSA key in the ssh-agent
    SshAgent,
    /// What a program of yours prints, such as a password manager's
    Command,
    /// A file that only you can read
    File,
    /// A code to print and lock away
    Recovery,
}

/// `backup`
#[derive(Debug, Args)]
pub struct Backup {
    /// The file to make
    pub file: PathBuf,
    /// Replace a backup of that name
    #[arg(long)]
    pub force: bool,
}

/// `restore`
#[derive(Debug, Args)]
pub struct Restore {
    /// The backup
    pub file: PathBuf,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// Read all of the store, and open every seal
    #[arg(long)]
    pub check: bool,
}

/// `setup`
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Setup {
    /// Put temporary keys, which `refresh` renews, in the place of long-lived ones; else a command that asks multicred
    #[arg(long)]
    pub temporary: bool,
    /// Leave the shells' start files alone
    #[arg(long)]
    pub no_shells: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `unsetup`
#[derive(Debug, Args)]
pub struct Unsetup {
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Undo nothing: print what this file held before it was first written to; without FILE, list what is kept so
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["dry_run", "yes"])]
    #[allow(clippy::option_option, reason = "the flag alone asks for the list")]
    pub original: Option<Option<PathBuf>>,
}

/// `refresh`
#[derive(Debug, Args)]
pub struct Refresh {
    /// These profiles or identities, separated by commas; else all that are kept
    #[arg(short, long = "profile", value_name = "NAMES", value_delimiter = ',', conflicts_with = "all")]
    pub profiles: Vec<String>,
    /// Take in every long-lived key of the file first, also where `setup` was never run
    #[arg(long)]
    pub all: bool,
    /// What is asked of the credentials.
    #[command(flatten)]
    pub asking: Asking,
}
