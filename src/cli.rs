//! The command line: clap's types, and nothing else.

mod agent;
mod asking;
mod changing;
mod console;
pub mod examples;
mod format;
mod itself;
mod keeping;
mod program;
mod reading;
mod rotating;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::context::Colour;
use crate::env_change::PromptColour;
use crate::shell::Dialect;

pub use agent::{Agent, AgentVerb, Fetch};
pub use asking::{Asking, Live, Whom, wherever};
pub use changing::{Account, Add, Forget, Import, Label, Link, Remove, Sync, Tool, Unlink};
pub use console::Console;
pub use format::Format;
pub use itself::{Complete, Completions, Man};
pub use keeping::{Backup, Doctor, Key, KeyAdd, KeyVerb, Refresh, Restore, Setup, SlotKind, Unsetup};
pub use program::{CredentialProcess, Env, Exec, Serve};
pub use reading::{History, List, Show, Since, Status, Tree, Why};
pub use rotating::Rotate;

/// Be an AWS identity in this shell: its AWS_* variables and its prompt follow.
#[derive(Debug, Parser)]
#[command(name = "multicred", version, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// What applies to every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The command line, with the examples of each command.
pub fn command_line() -> Command {
    examples::shown_by(Cli::command())
}

/// What these words ask for.
///
/// # Errors
/// They are not understood, or ask for help, which is then the error's text.
pub fn parse(words: Vec<OsString>) -> Result<Cli, clap::Error> {
    let mut command = command_line();
    let matches = command.try_get_matches_from_mut(words)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// What applies to every command.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Global {
    /// The store
    #[arg(long, global = true, value_name = "FILE", help = "The store (also MULTICRED_STORE)")]
    pub store: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Never ask anything
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Colours: auto, always or never (and, for `account`, the prompt's colour)
    #[arg(long, global = true, value_name = "WHEN", value_parser = parse_colour, action = clap::ArgAction::Append)]
    pub color: Vec<ColourArgument>,
    /// Say errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say what is being done
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// `--color` means two things: when to colour what is printed, everywhere; and an account's colour, for `account`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourArgument {
    /// `auto`, `always`, `never`.
    When(Colour),
    /// What happens to an account's colour.
    Prompt(ColourChange),
}

impl ColourArgument {
    /// When to colour what is printed, as it is typed.
    pub const WHEN: &[&str] = &["auto", "always", "never"];
}

/// What happens to an account's colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourChange {
    /// It becomes this.
    To(PromptColour),
    /// It goes.
    Away,
}

impl ColourChange {
    /// What is typed for each colour, and for none.
    pub const WORDS: &[&str] = &{
        let mut words = ["none"; PromptColour::ALL.len() + 1];
        let mut place = 0;
        while place < PromptColour::ALL.len() {
            words[place] = PromptColour::ALL[place].word();
            place += 1;
        }
        words
    };

    /// The word to store.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::To(colour) => Some(colour.word()),
            Self::Away => None,
        }
    }
}

fn parse_colour(text: &str) -> Result<ColourArgument, String> {
    match text {
        "auto" => Ok(ColourArgument::When(Colour::Auto)),
        "always" => Ok(ColourArgument::When(Colour::Always)),
        "never" => Ok(ColourArgument::When(Colour::Never)),
        "none" => Ok(ColourArgument::Prompt(ColourChange::Away)),
        _ => match PromptColour::from_word(text) {
            Some(colour) => Ok(ColourArgument::Prompt(ColourChange::To(colour))),
            None => Err(format!(
                "it is one of {}; for account: {}",
                ColourArgument::WHEN.join(", "),
                ColourChange::WORDS.join(", ")
            )),
        },
    }
}

impl Global {
    /// When to colour what is printed.
    pub fn when_to_colour(&self) -> Colour {
        let last = self.color.iter().rev().find_map(|argument| match argument {
            ColourArgument::When(when) => Some(*when),
            ColourArgument::Prompt(_) => None,
        });
        last.unwrap_or_default()
    }

    /// The colour of the prompt that was named.
    pub fn prompt_colour(&self) -> Option<ColourChange> {
        self.color.iter().rev().find_map(|argument| match argument {
            ColourArgument::When(_) => None,
            ColourArgument::Prompt(colour) => Some(*colour),
        })
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Print the code that defines multicred in a shell
    Init(Init),
    /// Be somebody: multicred as prod/Admin; nobody: multicred as -
    As(As),
    /// Get new credentials for the current identity
    Renew,
    /// Remove every trace of multicred from this shell
    Deactivate(Deactivate),
    /// Who this shell is, and for how long; or how the profiles of the credentials file stand
    Status(Status),
    /// Who AWS says this shell is, and whether that is whom the prompt says
    Whoami,
    /// Every identity and profile, and its state
    #[command(visible_alias = "ls")]
    List(List),
    /// Everything that is known of one identity or profile; never a secret
    Show(Show),
    /// Everybody, each below whom it is assumed from
    Tree(Tree),
    /// How an identity is reached, step by step, and why; asks nobody
    Why(Why),
    /// What has happened, newest last: switches, calls to AWS, refusals, changes
    History(History),
    /// How many identities and credentials there are, in which states, and what was done with them
    Stats,
    /// Every setting, its value, and where that comes from
    Config,
    /// Run a program as somebody: multicred exec prod/Admin -- aws s3 ls
    Exec(Exec),
    /// Print a credential for a shell or a file, or write it to a profile
    Env(Env),
    /// Print a credential for the AWS SDKs
    #[command(about = "Print a credential as the AWS SDKs' credential_process wants it")]
    CredentialProcess(CredentialProcess),
    /// Open AWS's web console in a browser, as somebody
    Console(Console),
    /// Hand credentials out at an endpoint, as ECS or EC2 do, until Ctrl-C
    Serve(Serve),
    /// Read credentials, ask AWS who they are, and store them sealed
    Import(Import),
    /// Ask for a credential, ask AWS whose it is, and store it sealed under a label
    Add(Add),
    /// Show an account, or give it an alias and a colour, or protect it
    Account(Account),
    /// Say from whom an identity is assumed
    Link(Link),
    /// Say that a role is assumed from nobody any more
    Unlink(Unlink),
    /// Give an identity a short name of yours, or take it away
    Label(Label),
    /// Replace a user's long-term key by a new one, at AWS and in the store
    Rotate(Rotate),
    /// Remove an identity from the store, or one credential
    Remove(Remove),
    /// Drop the credentials that can be obtained again
    Forget(Forget),
    /// Keep profiles in ~/.aws/config through which other programs get credentials
    Sync(Sync),
    /// Take the long-lived keys of ~/.aws/credentials into the store, and multicred into your shells
    Setup(Setup),
    /// Renew the temporary keys that stand in ~/.aws/credentials in the place of long-lived ones
    Refresh(Refresh),
    /// Give ~/.aws/credentials its long-lived keys back, and take multicred out of your shells
    Unsetup(Unsetup),
    /// Copy the store, still sealed, into one file
    Backup(Backup),
    /// Put a backup in the place of the store, which is kept beside it
    Restore(Restore),
    /// What opens the store, and what is wrong with it; changes nothing
    Doctor(Doctor),
    /// The ways to unlock the store: list, add, remove them; change the store's key
    Key(Key),
    /// The process that holds the store's key for you
    Agent(Agent),
    /// Have the agent drop every key
    Lock,
    /// Unlock the store for the agent, so that nothing asks until it is locked again
    Unlock,
    /// Print what completes names, flags and values of multicred in a shell
    Completions(Completions),
    /// Print a manual page, or write all of them
    Man(Man),
    /// Say how a word can go on (what completions call)
    #[command(hide = true)]
    Complete(Complete),
}

/// `init`
#[derive(Debug, Args)]
pub struct Init {
    /// bash, zsh or fish
    pub shell: Dialect,
    /// Where the identity shows
    #[arg(long, value_enum, default_value_t = PromptStyle::Prefix)]
    pub prompt: PromptStyle,
    /// Never renew credentials on its own
    #[arg(long)]
    pub no_renew: bool,
}

/// Where the identity shows.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PromptStyle {
    /// Before the prompt.
    Prefix,
    /// Nowhere.
    None,
}

/// `as`
#[derive(Clone, Debug, Default, Args)]
// `renew --region X` says again, with one difference, what was said before.
#[command(args_override_self = true)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct As {
    /// Whom: ALIAS/ROLE, ALIAS/user/NAME, a label, a profile, an ARN, an access key id, or - for nobody
    pub identity: Option<String>,
    /// The identity before this one
    #[arg(long, conflicts_with = "identity")]
    pub back: bool,
    /// What is asked of the credential.
    #[command(flatten)]
    pub asking: Asking,
    /// Whether it is handed out by the agent.
    #[command(flatten)]
    pub live: Live,
    /// Print the code for this shell (what the shell function calls)
    #[arg(long, value_name = "SHELL", hide = true)]
    pub shell: Option<Dialect>,
    /// The process of the shell
    #[arg(long, value_name = "PID", hide = true)]
    pub shell_pid: Option<u32>,
    /// As --fresh, for the current identity (what `renew` calls)
    #[arg(long, hide = true)]
    pub renew: bool,
}

/// `deactivate`
#[derive(Debug, Args)]
pub struct Deactivate {
    /// Leave the current credentials in the shell
    #[arg(long)]
    pub keep_creds: bool,
    /// End this shell's live session (what the shell function calls)
    #[arg(long, value_name = "PID", hide = true)]
    pub shell_pid: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_command_line_does_not_contradict_itself() {
        Cli::command().debug_assert();
    }

    #[test]
    fn color_tells_when_to_colour_and_the_colour_of_an_account() {
        let parse = |words: &[&str]| Cli::try_parse_from(words).map(|cli| cli.global);
        let both = parse(&["multicred", "account", "prod", "--color", "red", "--color", "never"]).unwrap();
        assert_eq!(
            (both.when_to_colour(), both.prompt_colour()),
            (Colour::Never, Some(ColourChange::To(PromptColour::Red)))
        );
        assert!(parse(&["multicred", "list", "--color", "pink"]).is_err());
    }
}
