//! `setup`: for a person who arrives. The keys of the credentials file go into the store, multicred comes into the shells;
//! each step is named before it is done, and `unsetup` undoes it.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::refresh::obtain;
use crate::asking;
use crate::cli::{Asking, Global, Setup};
use crate::context::{Context, printable};
use crate::error::{Exit, Failure};
use crate::identity::request::{MinTtl, Request};
use crate::importing::{Importer, Manner};
use crate::keeping::commands::{commands, renamed};
use crate::keeping::startup::{self, Has, Startup};
use crate::keeping::{Change, Keeper, Left, Renewed, Survey, Taken};
use crate::prompt::{Answer, Prompter, Tty, confirm};
use crate::synced_profile::program_on_path;

pub(super) fn run(context: &Context, global: &Global, arguments: &Setup) -> Result<(), Failure> {
    let resolver = asking::resolver(context, global, &Asking::default())?;
    let mut keeper =
        Keeper::new(context, Importer::with(context, resolver, Manner { label: None, of_profiles: true }))?;
    let shells = if arguments.no_shells { Vec::new() } else { startup::find(context) };
    if !arguments.dry_run {
        keeper.tidy()?;
        // What is to be added to is told by that.
        tidy(&mut keeper, shells.iter().filter(|shell| shell.has != Has::Nothing));
    }
    let plan = Plan::read(&mut keeper, arguments, shells)?;
    if !arguments.dry_run && !plan.steps.is_empty() && !arguments.yes {
        check_can_ask(context)?;
    }
    plan.show(context, global, !arguments.yes && !arguments.dry_run)?;
    if arguments.dry_run || plan.steps.is_empty() {
        return plan.tell(context, global, &[], &plan.failed, arguments.dry_run);
    }
    if !arguments.yes {
        ask("Do this?", "nothing was changed")?;
    }
    plan.carry_out(&mut keeper, global, arguments)
}

/// Clears away what killed runs have left beside start files; one that cannot be looked at keeps nothing else back.
pub(super) fn tidy<'s>(keeper: &mut Keeper<'_>, shells: impl Iterator<Item = &'s Startup>) {
    let context = keeper.context();
    for shell in shells.filter(|shell| shell.has != Has::Nowhere) {
        if let Err(error) = shell.tidy(keeper.importer().resolver()) {
            context.note(&format!("{error}: the file is left as it is"));
        }
    }
}

/// Without an answer nothing is begun.
pub(super) fn check_can_ask(context: &Context) -> Result<(), Failure> {
    let impossible = || Failure::new(Exit::Locked, "nobody can be asked whether this may be done", "say --yes");
    if !context.may_prompt {
        return Err(impossible());
    }
    Tty.can_ask().map_err(|_| impossible())
}

/// Nobody agrees to a plan unseen; stdout is the JSON's.
pub(super) fn show_beside_json(context: &Context, lines: &[String], asks: bool) {
    for line in lines.iter().filter(|_| asks) {
        context.note(line);
    }
}

pub(super) fn ask(question: &str, otherwise: &str) -> Result<(), Failure> {
    match confirm(question) {
        Ok(Answer::Yes) => Ok(()),
        Ok(Answer::No) => Err(Failure::new(Exit::Cancelled, "cancelled", otherwise)),
        Err(why) => Err(Failure::new(Exit::Locked, why.to_string(), "say --yes")),
    }
}

/// One thing to be done.
enum Step {
    /// The store is made, at this path.
    Store(PathBuf),
    /// The keys are taken into it.
    Keys,
    /// What stands in their place.
    Replace,
    /// A shell.
    Shell(Startup, String),
}

struct Plan {
    steps: Vec<Step>,
    survey: Survey,
    /// The keys that could be taken, if the file could be written.
    failed: Vec<Left>,
    file: PathBuf,
    temporary: bool,
    /// What there is to say beside the steps.
    remarks: Vec<String>,
}

impl Plan {
    fn read(keeper: &mut Keeper<'_>, arguments: &Setup, shells: Vec<Startup>) -> Result<Self, Failure> {
        let context = keeper.context();
        let mut survey = keeper.survey()?;
        if !arguments.temporary {
            keeper.set_aside_protected(&mut survey)?;
        }
        let mut failed = Vec::new();
        if let Err(failure) = keeper.check_writable() {
            // The shells can be done all the same.
            for found in std::mem::take(&mut survey.keys) {
                let profile = found.section.unwrap_or_default();
                failed.push(Left { profile, reason: failure.fact.clone() });
            }
        }
        let mut remarks = Vec::new();
        let mut steps = Vec::new();
        if !survey.keys.is_empty() {
            let path = keeper.importer().resolver().store_path().to_owned();
            if keeper.importer().resolver().catalogue().store().is_none() {
                steps.push(Step::Store(path));
            }
            steps.extend([Step::Keys, Step::Replace]);
        }
        if !arguments.no_shells {
            let program = match (program_on_path(context), context.own_program()) {
                (None, Some(program)) => program.to_str().map(str::to_owned),
                _ => None,
            };
            let other = startup::without_init(context);
            if shells.is_empty() && other.is_none() {
                remarks.push("no bash, zsh or fish is found here: multicred init SHELL says what to add".to_owned());
            }
            remarks.extend(other);
            for shell in shells {
                let file = shell.file.display();
                match shell.has {
                    Has::Nothing => {
                        let line = shell.line(program.as_deref());
                        steps.push(Step::Shell(shell, line));
                    }
                    Has::OwnLine => remarks.push(format!("{file} has a line of your own that brings multicred in")),
                    Has::Nowhere => remarks.push(format!(
                        "{file} is a link to a file that is not there, and is left as it is: make that file first"
                    )),
                    Has::Block => {}
                }
            }
        }
        let file = keeper.path().to_owned();
        Ok(Self { steps, survey, failed, file, temporary: arguments.temporary, remarks })
    }

    /// What cannot be done, and is named beside the plan.
    fn named(&self) -> impl Iterator<Item = &Left> {
        self.survey.left.iter().chain(&self.survey.elsewhere).chain(&self.failed)
    }

    /// The plan, numbered.
    fn lines(&self, context: &Context) -> Vec<String> {
        let numbered = (1..).zip(&self.steps).map(|(number, step)| {
            let text = self.say(context, step);
            format!("{number}. {text}")
        });
        numbered.collect()
    }

    fn say(&self, context: &Context, step: &Step) -> String {
        let file = self.file.display();
        match step {
            Step::Store(path) => {
                let how = match context.variable("MULTICRED_KEY") {
                    Some(kind) => format!("opened by what MULTICRED_KEY says ({kind})"),
                    None if context.has_session_bus() => {
                        "opened by the desktop's keyring, else by a passphrase".to_owned()
                    }
                    None => "opened by a passphrase, or without anybody to ask by a key file".to_owned(),
                };
                format!("make the store {}, {how}", path.display())
            }
            Step::Keys => {
                let key = |found: &crate::credential_text::Found| {
                    format!("{} of [{}]", found.access_key_id, found.section.as_deref().unwrap_or_default())
                };
                let keys: Vec<String> = self.survey.keys.iter().map(key).collect();
                format!("ask AWS whose these keys of {file} are, and seal them in the store: {}", keys.join(", "))
            }
            Step::Replace if self.temporary => {
                format!("write temporary keys in their place in {file}, which multicred refresh renews")
            }
            Step::Replace => {
                format!("write a credential_process in their place in {file}, which asks multicred for the key")
            }
            Step::Shell(shell, line) => format!("add to {}: {line}", shell.file.display()),
        }
    }

    fn show(&self, context: &Context, global: &Global, asks: bool) -> Result<(), Failure> {
        for left in self.named() {
            context.note(&format!("profile {} will be left as it is: {}", left.profile.escape_debug(), left.reason));
        }
        for remark in &self.remarks {
            context.note(remark);
        }
        let lines = self.lines(context);
        if global.json {
            show_beside_json(context, &lines, asks);
            return Ok(());
        }
        if lines.is_empty() {
            let more = if self.named().next().is_some() { "more " } else { "" };
            context.note(&format!("there is nothing {more}to do"));
        }
        let lines: Vec<String> = lines.iter().map(|line| printable(line) + "\n").collect();
        Ok(context.answer(&lines.concat())?)
    }

    fn carry_out(&self, keeper: &mut Keeper<'_>, global: &Global, arguments: &Setup) -> Result<(), Failure> {
        let context = keeper.context();
        let mut done = Vec::new();
        let mut left = self.failed.clone();
        if !self.survey.keys.is_empty() {
            let (taken, not_taken) = keeper.take(self.survey.keys.clone())?;
            left.extend(not_taken);
            left.extend(replace(keeper, &taken, &self.survey, arguments.temporary)?);
            let is_left = |profile: &str| left.iter().any(|left| left.profile == profile);
            for taken in taken.iter().filter(|taken| !is_left(taken.profile())) {
                done.push(json!({
                    "profile": taken.profile(), "shell": null, "file": self.file, "identity": taken.shown,
                    "access_key_id": taken.found.access_key_id,
                }));
                let key = &taken.found.access_key_id;
                say(
                    context,
                    global,
                    &format!("profile {}: {key} of {} is in the store", taken.profile(), taken.shown),
                )?;
            }
        }
        for step in &self.steps {
            let Step::Shell(shell, line) = step else { continue };
            let file = shell.file.display().to_string();
            match shell.add(keeper.importer().resolver(), line) {
                Ok(_) => {
                    done.push(json!({
                        "profile": null, "shell": shell.dialect.name(), "file": file, "identity": null,
                        "access_key_id": null,
                    }));
                    say(context, global, &format!("{file}: multicred is in every new {}", shell.dialect.name()))?;
                }
                Err(error) => left.push(Left { profile: file, reason: error.to_string() }),
            }
        }
        let store = keeper.importer().resolver().store_path().to_owned();
        asking::record(context, &store, "setup", &keeper.path().to_string_lossy(), None, "ok");
        self.tell(context, global, &done, &left, false)
    }

    fn tell(
        &self,
        context: &Context,
        global: &Global,
        done: &[Value],
        failed: &[Left],
        is_rehearsal: bool,
    ) -> Result<(), Failure> {
        let reported = failed.iter().skip(self.failed.len());
        for Left { profile, reason } in reported {
            context.note(&format!("{} is left as it is: {reason}", profile.escape_debug()));
        }
        if global.json {
            let left = self.survey.left.iter().chain(&self.survey.elsewhere).chain(failed);
            let left: Vec<Value> = left.map(|it| json!({ "what": it.profile, "reason": it.reason })).collect();
            context.answer_json(&json!({
                "file": self.file, "plan": self.lines(context), "dry_run": is_rehearsal, "done": done, "left": left,
            }))?;
        }
        if let Some(whom) = done.iter().find_map(|done| done["identity"].as_str()) {
            let whom = whom.escape_debug();
            context.note(&format!(
                "from now on, in a new shell: multicred as {whom}; multicred unsetup undoes all of this"
            ));
        }
        // What the plan leaves out was never begun: only what was to be done can have failed.
        if failed.is_empty() || is_rehearsal {
            return Ok(());
        }
        let all = failed.len() + done.len();
        let fact = format!("{} of {all} could not be set up: they are named above", failed.len());
        Err(Failure::new(Exit::Failure, fact, "multicred setup does the rest, once what is wrong is put right"))
    }
}

fn say(context: &Context, global: &Global, line: &str) -> Result<(), Failure> {
    if global.json { Ok(()) } else { Ok(context.answer(&(printable(line) + "\n"))?) }
}

/// Puts commands, or temporary credentials, into the place of keys that the store has.
fn replace(keeper: &mut Keeper<'_>, taken: &[Taken], survey: &Survey, temporary: bool) -> Result<Vec<Left>, Failure> {
    let mut left = Vec::new();
    let renamed = renamed(keeper, taken, survey)?;
    let mut change = Change { with_commands: !temporary, takes_new: true, taken, renamed, ..Change::default() };
    if !temporary {
        let all = taken.iter().map(|taken| taken.profile().to_owned()).collect();
        (change.commands, left) = commands(keeper, taken, &all)?;
        left.extend(keeper.write(&change)?);
        return Ok(left);
    }
    let wanted: Vec<(String, String)> =
        taken.iter().map(|taken| (taken.profile().to_owned(), taken.arn.clone())).collect();
    let request = Request { min_ttl: MinTtl::Program, ..Request::default() };
    let obtained = obtain(keeper, &wanted, &request)?;
    for (profile, who) in &wanted {
        match obtained.get(who) {
            Some(Ok(resolved)) => change.renewed.push(Renewed { profile, who, resolved, region: None }),
            Some(Err(failure)) => left.push(Left { profile: profile.clone(), reason: failure.fact.clone() }),
            None => {}
        }
    }
    left.extend(keeper.write(&change)?);
    Ok(left)
}
