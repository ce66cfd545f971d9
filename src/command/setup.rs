//! `setup`: for a person who arrives. The keys of the credentials file go into the store, multicred comes into the shells;
//! each step is named before it is done, and `unsetup` undoes it.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::refresh::obtain;
use crate::asking;
use crate::aws_config::kept::NewCommand;
use crate::cli::{Asking, Global, Setup};
use crate::context::{Context, printable};
use crate::error::{Exit, Failure};
use crate::identity::request::{MinTtl, Request};
use crate::importing::{Importer, Manner};
use crate::keeping::commands::{commands, renamed, together};
use crate::keeping::startup::{self, Has, Startup};
use crate::keeping::state::{OK, SET_UP};
use crate::keeping::{Change, Keeper, Left, Renewed, Survey, Taken, complain};
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

/// Nobody agrees to a plan unseen, be it in spite of `-q`; stdout is the JSON's.
pub(super) fn show_beside_json(context: &Context, lines: &[String], asks: bool) {
    for line in lines.iter().filter(|_| asks) {
        context.complain(line);
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
    /// Commands that are there.
    Anew,
    /// A shell.
    Shell(Startup, String),
}

struct Plan {
    steps: Vec<Step>,
    survey: Survey,
    /// The commands that call another program, or the store by another name.
    anew: Vec<NewCommand>,
    /// The keys that could be taken, if the file could be written.
    failed: Vec<Left>,
    file: PathBuf,
    temporary: bool,
    /// What there is to say beside the steps.
    remarks: Vec<String>,
}

impl Plan {
    fn read(keeper: &mut Keeper<'_>, arguments: &Setup, shells: Vec<Startup>) -> Result<Self, Failure> {
        let mut survey = keeper.survey()?;
        if !arguments.temporary {
            keeper.set_aside_protected(&mut survey)?;
        }
        let (anew, file) = (keeper.stale(&survey)?, keeper.path().to_owned());
        let (steps, failed, remarks) = (Vec::new(), Vec::new(), Vec::new());
        let mut plan = Self { steps, survey, anew, failed, file, temporary: arguments.temporary, remarks };
        if let Err(failure) = keeper.check_writable() {
            // The shells can be done all the same.
            let keys = std::mem::take(&mut plan.survey.keys).into_iter().filter_map(|found| found.section);
            let commands = std::mem::take(&mut plan.anew).into_iter().map(|command| command.profile);
            plan.failed = keys.chain(commands).map(|profile| Left::failed(&profile, &failure)).collect();
        }
        plan.add_keys(keeper);
        if !arguments.no_shells {
            plan.add_shells(keeper.context(), shells);
        }
        Ok(plan)
    }

    fn add_keys(&mut self, keeper: &mut Keeper<'_>) {
        if !self.survey.keys.is_empty() {
            let path = keeper.importer().resolver().store_path().to_owned();
            if keeper.importer().resolver().catalogue().store().is_none() {
                self.steps.push(Step::Store(path));
            }
            self.steps.extend([Step::Keys, Step::Replace]);
        }
        self.steps.extend((!self.anew.is_empty()).then_some(Step::Anew));
    }

    fn add_shells(&mut self, context: &Context, shells: Vec<Startup>) {
        let program = match (program_on_path(context), context.own_program()) {
            (None, Some(program)) => program.to_str().map(str::to_owned),
            _ => None,
        };
        let other = startup::without_init(context);
        if shells.is_empty() && other.is_none() {
            self.remarks.push("no bash, zsh or fish is found here: multicred init SHELL says what to add".to_owned());
        }
        self.remarks.extend(other);
        for shell in shells {
            let file = shell.file.display();
            match shell.has {
                Has::Nothing => {
                    let line = shell.line(program.as_deref());
                    self.steps.push(Step::Shell(shell, line));
                }
                Has::OwnLine => self.remarks.push(format!("{file} has a line of your own that brings multicred in")),
                Has::Nowhere => self.remarks.push(format!(
                    "{file} is a link to a file that is not there, and is left as it is: make that file first"
                )),
                Has::Block => {}
            }
        }
    }

    /// What cannot be done, and is named beside the plan.
    fn named(&self) -> impl Iterator<Item = &Left> {
        self.survey.left.iter().chain(&self.survey.elsewhere)
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
            Step::Anew => {
                let names: Vec<String> = self.anew.iter().map(|command| format!("[{}]", command.profile)).collect();
                let names = names.join(", ");
                format!("write the commands of these profiles of {file} anew, so that they call this program: {names}")
            }
            Step::Shell(shell, line) => format!("add to {}: {line}", shell.file.display()),
        }
    }

    fn show(&self, context: &Context, global: &Global, asks: bool) -> Result<(), Failure> {
        let say =
            |left: &Left| format!("profile {} will be left as it is: {}", left.profile.escape_debug(), left.reason);
        self.named().for_each(|left| context.note(&say(left)));
        complain(context, self.failed.iter(), say);
        for remark in &self.remarks {
            context.note(remark);
        }
        let lines = self.lines(context);
        if global.json {
            show_beside_json(context, &lines, asks);
            return Ok(());
        }
        if lines.is_empty() {
            let more = if self.named().chain(&self.failed).next().is_some() { "more " } else { "" };
            context.note(&format!("there is nothing {more}to do"));
        }
        let lines: Vec<String> = lines.iter().map(|line| printable(line) + "\n").collect();
        Ok(context.answer(&lines.concat())?)
    }

    fn carry_out(&self, keeper: &mut Keeper<'_>, global: &Global, arguments: &Setup) -> Result<(), Failure> {
        let mut told = Told { context: keeper.context(), global, done: Vec::new(), left: self.failed.clone() };
        for left in &self.failed {
            keeper.record(SET_UP, &left.profile, &left.reason);
        }
        if !self.survey.keys.is_empty() || !self.anew.is_empty() {
            self.change_file(keeper, &mut told, arguments)?;
        }
        for step in &self.steps {
            let Step::Shell(shell, line) = step else { continue };
            let file = shell.file.display().to_string();
            match shell.add(keeper.importer().resolver(), line) {
                Ok(_) => {
                    keeper.record_file(SET_UP, &file, OK);
                    let name = shell.dialect.name();
                    let sentence = format!("{file}: multicred is in every new {name}");
                    let shell = (None, Some(name));
                    told.done(shell, &file, (None, None), &sentence)?;
                }
                Err(error) => {
                    let left = Left::failed(&file, &error.into());
                    keeper.record_file(SET_UP, &file, &left.reason);
                    told.left.push(left);
                }
            }
        }
        self.tell(told.context, global, &told.done, &told.left, false)
    }

    fn change_file(&self, keeper: &mut Keeper<'_>, told: &mut Told<'_>, arguments: &Setup) -> Result<(), Failure> {
        let (taken, mut left) = keeper.take(self.survey.keys.clone())?;
        left.extend(replace(keeper, &taken, (&self.survey, &self.anew), arguments.temporary)?);
        let file = self.file.to_string_lossy();
        let is_left = |profile: &str| left.iter().any(|left| left.profile == profile);
        for taken in taken.iter().filter(|taken| !is_left(taken.profile())) {
            let (profile, key, shown) = (taken.profile(), taken.found.access_key_id.as_str(), taken.shown.as_str());
            keeper.record(SET_UP, profile, OK);
            let sentence = format!("profile {profile}: {key} of {shown} is in the store");
            told.done((Some(profile), None), &file, (Some(shown), Some(key)), &sentence)?;
        }
        for NewCommand { profile, new, .. } in self.anew.iter().filter(|command| !is_left(&command.profile)) {
            keeper.record(SET_UP, profile, OK);
            let sentence = format!("profile {profile}: its command is written anew: {new}");
            told.done((Some(profile), None), &file, (None, None), &sentence)?;
        }
        for left in &left {
            keeper.record(SET_UP, &left.profile, &left.reason);
        }
        told.left.extend(left);
        Ok(())
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
        complain(context, reported, |left| {
            format!("{} is left as it is: {}", left.profile.escape_debug(), left.reason)
        });
        if global.json {
            let left: Vec<Value> = self.named().chain(failed).map(|left| left.json("what")).collect();
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

/// What has been done so far, and what could not be.
struct Told<'c> {
    context: &'c Context,
    global: &'c Global,
    done: Vec<Value>,
    left: Vec<Left>,
}

impl Told<'_> {
    /// A profile or a shell, the file, for a key whose and which it is; and the same as a sentence.
    fn done(
        &mut self,
        (profile, shell): (Option<&str>, Option<&str>),
        file: &str,
        (identity, access_key_id): (Option<&str>, Option<&str>),
        sentence: &str,
    ) -> Result<(), Failure> {
        self.done.push(json!({
            "profile": profile, "shell": shell, "file": file, "identity": identity, "access_key_id": access_key_id,
        }));
        say(self.context, self.global, sentence)
    }
}

fn say(context: &Context, global: &Global, line: &str) -> Result<(), Failure> {
    if global.json { Ok(()) } else { Ok(context.answer(&(printable(line) + "\n"))?) }
}

/// Puts commands, or temporary credentials, into the place of keys that the store has; and commands into the place of
/// others.
fn replace(
    keeper: &mut Keeper<'_>,
    taken: &[Taken],
    (survey, anew): (&Survey, &[NewCommand]),
    temporary: bool,
) -> Result<Vec<Left>, Failure> {
    let mut left = Vec::new();
    let anew = together(anew.to_vec(), renamed(keeper, taken, survey)?);
    let mut change = Change { with_commands: !temporary, takes_new: true, taken, anew: &anew, ..Change::default() };
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
            Some(Err(failure)) => left.push(Left::failed(profile, failure)),
            None => {}
        }
    }
    left.extend(keeper.write(&change)?);
    Ok(left)
}
