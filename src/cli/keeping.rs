//! What the commands take that keep the store: its keys, its backups, its health.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
