//! `complete`: how the word at the cursor can go on, for the functions of `completions`. Whatever goes wrong, it says
//! nothing: what it would say would land in the middle of somebody's line.

use std::ffi::OsString;
use std::path::Path;

use crate::cli;
use crate::completion::reply::{self, Insertion};
use crate::completion::{self, Candidate, Names, Reading, Wanted, line};
use crate::context::Context;
use crate::error::Failure;
use crate::resolve::store_path;
use crate::resolve::suggest::{Known, Suggestion};
use crate::shell::Dialect;

pub(super) fn run(context: &Context, shell: Dialect, words: &[OsString]) -> Result<(), Failure> {
    let Some(answer) = answer(context, shell, words) else { return Ok(()) };
    Ok(context.answer(&answer)?)
}

fn answer(context: &Context, shell: Dialect, words: &[OsString]) -> Option<String> {
    let words: Vec<&str> = words.iter().map(|word| word.to_str()).collect::<Option<_>>()?;
    if shell == Dialect::Bash {
        let [breaks, typed] = words[..] else { return None };
        let line = line::split(typed, breaks);
        return Some(reply(context, &line.before, &line.current, &Insertion::Into(&line)));
    }
    let (current, before) = words.split_last()?;
    let before: Vec<String> = before.iter().map(|word| (*word).to_owned()).collect();
    let current = if shell == Dialect::Fish { line::split(current, "").current } else { (*current).to_owned() };
    Some(reply(context, &before, &current, &Insertion::ByShell(shell)))
}

fn reply(context: &Context, words: &[String], current: &str, insertion: &Insertion<'_>) -> String {
    let before = words.get(1..).unwrap_or_default();
    let Reading { wanted, store } = completion::read(&cli::command_line(), before, current);
    let candidates = match wanted {
        Wanted::Words(words) => words,
        Wanted::Names { of, lead, start, or } => {
            let names = names(context, store.as_deref(), of, &start).into_iter();
            or.into_iter().chain(names.map(|name| Candidate::new(lead.clone() + &name.name, name.about))).collect()
        }
        other => return format!("{}\n", reply::kind(&other)),
    };
    reply::words(&candidates, insertion)
}

fn names(context: &Context, store: Option<&str>, of: Names, start: &str) -> Vec<Suggestion> {
    // What the shell would have made of it, had the line been run.
    let store = store.map(|path| context.expand_home(path));
    let Ok(path) = store_path(context, store.as_deref().map(Path::new)) else { return Vec::new() };
    let known = Known::of(context, &path);
    match of {
        Names::Identity | Names::IdentityOrNobody => known.identities(start),
        Names::Account => known.accounts(start),
        Names::Arn => known.arns(start),
        Names::AccessKey => known.access_keys(start),
        Names::Profile => known.profiles(start),
    }
}
