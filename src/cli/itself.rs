//! What the commands take that are about multicred itself: completions and manual pages.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use crate::shell::Dialect;

/// `completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// bash, zsh or fish
    pub shell: Dialect,
}

/// `man`
#[derive(Debug, Args)]
pub struct Man {
    /// The command whose page is printed; without one, that of multicred
    #[arg(conflicts_with = "dir")]
    pub command: Vec<String>,
    /// Write every page into this folder
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// `complete`
#[derive(Debug, Args)]
pub struct Complete {
    /// The shell that asks
    #[arg(long, value_name = "SHELL")]
    pub shell: Dialect,
    /// bash: what breaks words, and the line up to the cursor; the others: the words, the last one up to the cursor
    #[arg(last = true)]
    pub words: Vec<OsString>,
}
