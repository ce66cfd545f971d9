//! The commands: one file a verb.

mod account;
mod add;
mod agent;
mod r#as;
mod backup;
mod complete;
mod completions;
mod config;
mod console;
mod credential_process;
mod deactivate;
mod doctor;
mod env;
mod exec;
mod forget;
mod history;
mod import;
mod init;
mod key;
mod label;
mod link;
mod list;
mod lock;
mod man;
mod refresh;
mod remove;
mod renew;
mod restore;
mod rotate;
mod serve;
mod setup;
mod show;
mod stats;
mod status;
mod sync;
mod tree;
mod unlink;
mod unlock;
mod unsetup;
mod whoami;
mod why;

use std::ffi::OsString;

use clap::error::ErrorKind;

use crate::cli::{self, As, Asking, CredentialProcess, Global, Verb, Whom};
use crate::context::{Context, Verbosity};
use crate::error::{Exit, Failure};
use crate::shell::Dialect;
use crate::synced_profile::{PROGRAM, program_on_path};

/// Runs the command line; the result is the process's exit code.
pub fn run(context: &mut Context, arguments: Vec<OsString>) -> u8 {
    let result = match shortest(&arguments) {
        Some(Shortest::As(request)) => {
            context.shell = request.shell_pid;
            r#as::run(context, &Global::default(), &request)
        }
        Some(Shortest::CredentialProcess(global, request)) => credential_process::run(context, &global, &request),
        Some(Shortest::Complete(shell, words)) => complete::run(context, shell, &words),
        None => parse_and_dispatch(context, arguments),
    };
    match result {
        Ok(()) => 0,
        Err(failure) => tell(context, &failure),
    }
}

/// What is understood without clap: building its tree of commands would cost more than the whole command.
enum Shortest {
    As(As),
    CredentialProcess(Global, CredentialProcess),
    Complete(Dialect, Vec<OsString>),
}

/// `as --shell SHELL [--shell-pid PID] NAME`, which a shell function runs all day, `[--store FILE] credential-process
/// NAME`, which SDKs do, and `complete --shell SHELL -- …`, which a shell does at each Tab.
fn shortest(arguments: &[OsString]) -> Option<Shortest> {
    match arguments {
        [_, verb, flag, shell, name] if verb == "as" && flag == "--shell" => switch(shell, None, name),
        [_, verb, flag, shell, next, pid, name] if verb == "as" && flag == "--shell" && next == "--shell-pid" => {
            switch(shell, Some(pid.to_str()?.parse().ok()?), name)
        }
        [_, verb, flag, shell, end, words @ ..] if verb == "complete" && flag == "--shell" && end == "--" => {
            Some(Shortest::Complete(shell.to_str()?.parse().ok()?, words.to_vec()))
        }
        [_, verb, name] if verb == "credential-process" => process_of(None, name),
        [_, flag, store, verb, name] if flag == "--store" && verb == "credential-process" => {
            process_of(Some(store), name)
        }
        _ => None,
    }
}

fn switch(shell: &OsString, shell_pid: Option<u32>, name: &OsString) -> Option<Shortest> {
    let identity = Some(plain_name(name)?);
    let shell = Some(shell.to_str()?.parse::<Dialect>().ok()?);
    Some(Shortest::As(As { identity, shell, shell_pid, ..As::default() }))
}

fn plain_name(name: &OsString) -> Option<String> {
    name.to_str().filter(|name| !name.starts_with('-') || *name == "-").map(str::to_owned)
}

fn process_of(store: Option<&OsString>, name: &OsString) -> Option<Shortest> {
    let global = Global { store: store.map(Into::into), ..Global::default() };
    let whom = Whom { identity: Some(plain_name(name)?), ..Whom::default() };
    Some(Shortest::CredentialProcess(global, CredentialProcess { whom, asking: Asking::default() }))
}

/// `help VERB` is what many type first.
fn as_help_flag(mut arguments: Vec<OsString>) -> Vec<OsString> {
    if arguments.get(1).is_some_and(|verb| verb == "help") {
        arguments.remove(1);
        arguments.push("--help".into());
    }
    arguments
}

fn parse_and_dispatch(context: &mut Context, arguments: Vec<OsString>) -> Result<(), Failure> {
    let arguments = as_help_flag(arguments);
    let for_a_shell = arguments.iter().any(|argument| argument.to_string_lossy().starts_with("--shell"));
    let cli = match cli::parse(arguments) {
        Ok(cli) => cli,
        Err(error) => return explain(context, &error, for_a_shell),
    };
    context.verbosity = match (cli.global.quiet, cli.global.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    // Whoever watches files is nobody who could be asked.
    let watches = matches!(&cli.verb, Verb::Import(arguments) if arguments.watch);
    context.may_prompt = !cli.global.no_input && !watches;
    context.colour = cli.global.when_to_colour();
    context.shell = match &cli.verb {
        Verb::As(arguments) => arguments.shell_pid,
        Verb::Deactivate(arguments) => arguments.shell_pid,
        _ => None,
    };
    if cli.global.prompt_colour().is_some() && !matches!(cli.verb, Verb::Account(_)) {
        return Err(Failure::usage("only account takes a colour of the prompt", "--color is auto, always or never"));
    }
    dispatch(context, &cli.global, cli.verb)
}

fn dispatch(context: &Context, global: &Global, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Init(arguments) => init::run(context, &arguments),
        Verb::As(arguments) => r#as::run(context, global, &arguments),
        Verb::Renew => renew::run(context),
        Verb::Deactivate(arguments) => deactivate::run(context, &arguments),
        Verb::Status(arguments) => status::run(context, global, &arguments),
        Verb::Whoami => whoami::run(context, global),
        Verb::List(arguments) => list::run(context, global, &arguments),
        Verb::Show(arguments) => show::run(context, global, &arguments),
        Verb::Tree(arguments) => tree::run(context, global, &arguments),
        Verb::Why(arguments) => why::run(context, global, &arguments),
        Verb::History(arguments) => history::run(context, global, &arguments),
        Verb::Stats => stats::run(context, global),
        Verb::Config => config::run(context, global),
        Verb::Exec(arguments) => exec::run(context, global, &arguments),
        Verb::Env(arguments) => env::run(context, global, &arguments),
        Verb::CredentialProcess(arguments) => credential_process::run(context, global, &arguments),
        Verb::Console(arguments) => console::run(context, global, &arguments),
        Verb::Serve(arguments) => serve::run(context, global, &arguments),
        Verb::Import(arguments) => import::run(context, global, &arguments),
        Verb::Add(arguments) => add::run(context, global, &arguments),
        Verb::Account(arguments) => account::run(context, global, &arguments),
        Verb::Link(arguments) => link::run(context, global, &arguments),
        Verb::Rotate(arguments) => rotate::run(context, global, &arguments),
        Verb::Unlink(arguments) => unlink::run(context, global, &arguments),
        Verb::Label(arguments) => label::run(context, global, &arguments),
        Verb::Remove(arguments) => remove::run(context, global, &arguments),
        Verb::Forget(arguments) => forget::run(context, global, &arguments),
        Verb::Sync(arguments) => sync::run(context, global, &arguments),
        Verb::Setup(arguments) => setup::run(context, global, &arguments),
        Verb::Refresh(arguments) => refresh::run(context, global, &arguments),
        Verb::Unsetup(arguments) => unsetup::run(context, global, &arguments),
        Verb::Backup(arguments) => backup::run(context, global, &arguments),
        Verb::Restore(arguments) => restore::run(context, global, &arguments),
        Verb::Doctor(arguments) => doctor::run(context, global, &arguments),
        Verb::Agent(arguments) => agent::run(context, global, &arguments),
        Verb::Key(arguments) => key::run(context, global, &arguments),
        Verb::Lock => lock::run(context, global),
        Verb::Unlock => unlock::run(context, global),
        Verb::Completions(arguments) => completions::run(context, &arguments),
        Verb::Man(arguments) => man::run(context, &arguments),
        Verb::Complete(arguments) => complete::run(context, arguments.shell, &arguments.words),
    }
}

/// Help and errors of the command line. What a shell would eval stays empty: help goes to stderr then.
fn explain(context: &Context, error: &clap::Error, for_a_shell: bool) -> Result<(), Failure> {
    let text = error.render();
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        context.show_beside(&text.to_string());
        return Err(Failure::usage("no command is named", "multicred COMMAND --help says more of each"));
    }
    if error.use_stderr() {
        let text = text.to_string();
        let (fact, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let fact = fact.strip_prefix("error: ").unwrap_or(fact);
        let remedy = rest.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
        return Err(Failure::usage(fact, remedy));
    }
    if for_a_shell {
        context.show_beside(&text.to_string());
        return Ok(());
    }
    let text = if context.stdout_is_coloured() { text.ansi().to_string() } else { text.to_string() };
    Ok(context.answer(&text)?)
}

fn tell(context: &Context, failure: &Failure) -> u8 {
    context.complain(&failure.fact);
    tell_remedy(context, failure);
    failure.exit.code()
}

fn tell_remedy(context: &Context, failure: &Failure) {
    if let Some(remedy) = &failure.remedy {
        context.complain(remedy);
    }
}

/// The plain name where PATH leads to this very program, so that an upgrade elsewhere is followed; else its path.
fn program_in_shell(context: &Context) -> String {
    match (program_on_path(context), context.own_program()) {
        (None, Some(this)) => this.to_string_lossy().into_owned(),
        _ => PROGRAM.to_owned(),
    }
}

/// Without the shell function nothing can change the shell: never a silent success, never a secret on a terminal.
fn needs_the_function(context: &Context, what: &str) -> Failure {
    let shell = context.variable("SHELL").and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    let dialects = match shell.parse::<Dialect>() {
        Ok(dialect) => vec![dialect],
        Err(_) => Dialect::ALL.to_vec(),
    };
    let lines: Vec<String> = dialects.iter().map(|d| format!("add to {}: {}", d.rc_file(), d.rc_line())).collect();
    Failure::new(
        Exit::Usage,
        format!("multicred {what} cannot change this shell: the function that does is not defined here"),
        lines.join("\n"),
    )
}
