//! `unsetup`: what `setup` and `refresh` did to the person's files, undone. The store stays.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::setup::{ask, check_can_ask, show_beside_json, tidy};
use crate::asking;
use crate::aws_config::FileKind;
use crate::aws_config::document::Document;
use crate::aws_config::kept::{Kept, Restored, WayBack, restore};
use crate::aws_config::write::Rewrite;
use crate::cli::{Asking, Global, Unsetup};
use crate::context::{Context, printable};
use crate::credential_text::{self, Found};
use crate::error::{Exit, Failure};
use crate::importing::{Importer, Manner};
use crate::keeping::startup::{self, Has, Startup};
use crate::keeping::state::OK;
use crate::keeping::{Keeper, Survey};
use crate::resolve::{Resolver, Target};
use crate::secret::KeyMaterial;

/// What the history calls it.
const EVENT: &str = "unsetup";

pub(super) fn run(context: &Context, global: &Global, arguments: &Unsetup) -> Result<(), Failure> {
    let mut resolver = asking::resolver(context, global, &Asking::default())?;
    if let Some(file) = &arguments.original {
        return original(context, global, &mut resolver, file.as_deref());
    }
    let mut keeper = Keeper::new(context, Importer::with(context, resolver, Manner::default()))?;
    let mut survey = keeper.survey()?;
    let shells = startup::find(context);
    let ready = prepare(&mut keeper, &survey, &shells, arguments);
    let shells: Vec<Startup> = shells.into_iter().filter(|shell| shell.has == Has::Block).collect();
    let failure = match ready {
        Err(failure) if shells.is_empty() => return Err(failure),
        Err(failure) => {
            survey.kept.clear();
            Some(failure)
        }
        Ok(()) => None,
    };
    let plan = plan(&keeper, &survey, &shells);
    let is_done = !plan.is_empty() && !arguments.dry_run;
    if is_done && !arguments.yes {
        check_can_ask(context)?;
    }
    show(context, global, &plan, is_done && !arguments.yes)?;
    if is_done && !arguments.yes {
        ask("Undo this?", "nothing was changed")?;
    }
    let undone =
        if is_done { undo(&mut keeper, &survey, &shells, failure) } else { Undone { failure, ..Undone::default() } };
    undone.tell(&mut keeper, global, &plan, arguments.dry_run)
}

/// What comes before the plan: what killed runs have left is cleared away. The shells can be done whatever becomes of the
/// profiles.
fn prepare(keeper: &mut Keeper<'_>, survey: &Survey, shells: &[Startup], arguments: &Unsetup) -> Result<(), Failure> {
    if arguments.dry_run {
        return Ok(());
    }
    tidy(keeper, shells.iter().filter(|shell| shell.has != Has::Block));
    keeper.tidy()?;
    if !survey.kept.is_empty() {
        return keeper.check_writable();
    }
    // A killed run may have left that to do.
    if keeper.path().exists() && keeper.importer().resolver().has_way_back()? {
        return Ok(keeper.importer().resolver().put_way_back_aside()?);
    }
    Ok(())
}

fn show(context: &Context, global: &Global, plan: &[String], asks: bool) -> Result<(), Failure> {
    let lines: Vec<String> = (1..).zip(plan).map(|(number, step)| format!("{number}. {step}")).collect();
    if global.json {
        show_beside_json(context, &lines, asks);
    } else {
        let lines: Vec<String> = lines.iter().map(|line| printable(line) + "\n").collect();
        context.answer(&lines.concat())?;
    }
    if plan.is_empty() {
        context.note("there is nothing to undo");
    }
    Ok(())
}

fn plan(keeper: &Keeper<'_>, survey: &Survey, shells: &[Startup]) -> Vec<String> {
    let file = keeper.path().display();
    let names: Vec<String> = survey.kept.iter().map(|(name, _)| format!("[{name}]")).collect();
    let keys = format!("give their keys back to these profiles of {file}: {}", names.join(", "));
    let keys = (!names.is_empty()).then_some(keys);
    keys.into_iter()
        .chain(shells.iter().map(|shell| format!("take multicred out of {}", shell.file.display())))
        .collect()
}

#[derive(Default)]
struct Undone {
    profiles: Vec<(String, Restored)>,
    /// File, and what came of it.
    shells: Vec<(String, Result<&'static str, String>)>,
    /// Why no profile could be given back.
    failure: Option<Failure>,
}

fn undo(keeper: &mut Keeper<'_>, survey: &Survey, shells: &[Startup], failure: Option<Failure>) -> Undone {
    let mut undone = Undone { failure, ..Undone::default() };
    if !survey.kept.is_empty() {
        match give_back(keeper.importer().resolver(), survey) {
            Ok(profiles) => undone.profiles = profiles,
            Err(failure) => undone.failure = Some(failure),
        }
    }
    for shell in shells {
        let result = match shell.remove(keeper.importer().resolver()) {
            Ok(Has::Block) => Err(startup::no_end()),
            Ok(Has::OwnLine) => Ok("its block is taken out; a line of your own still brings multicred in"),
            Ok(_) => Ok("multicred is taken out"),
            Err(error) => Err(error.to_string()),
        };
        undone.shells.push((shell.file.display().to_string(), result));
    }
    undone
}

fn give_back(resolver: &mut Resolver<'_>, survey: &Survey) -> Result<Vec<(String, Restored)>, Failure> {
    let mut back = resolver.way_back()?.unwrap_or_default();
    if survey.kept.iter().any(|(name, _)| !back.knows(name)) {
        let others = resolver.other_ways_back()?;
        for (name, kept) in &survey.kept {
            back.learn(name, &kept.who, &others);
        }
    }
    let (mut keys, mut confirmed) = (BTreeMap::new(), BTreeSet::new());
    for (name, kept) in &survey.kept {
        // Only that store knows what stood there.
        if !resolver.catalogue().is_named(kept.store.as_deref()) {
            keys.insert(name.clone(), Err(kept.elsewhere("unsetup")));
        } else if let Some(found) = key(resolver, &back, name, kept)? {
            let confirmed = confirm(resolver, &found, &mut confirmed);
            keys.insert(name.clone(), confirmed.map(|()| found).map_err(|failure| failure.fact));
        }
    }
    let mut profiles = Vec::new();
    resolver.edit_aws_file(FileKind::Credentials, &mut |text| {
        let (text, done) = restore(text, &back, &keys);
        profiles = done;
        Ok::<_, Failure>(Rewrite::Text(text))
    })?;
    if profiles.iter().all(|(_, restored)| !matches!(restored, Restored::Left(_))) {
        resolver.put_way_back_aside()?;
    }
    Ok(profiles)
}

/// A long-term key of a protected account is not written out unasked; one word serves all of an account.
fn confirm(resolver: &mut Resolver<'_>, found: &Found, confirmed: &mut BTreeSet<String>) -> Result<(), Failure> {
    let Some(row) = resolver.owner_of_key(&found.access_key_id)? else { return Ok(()) };
    let account = row.identity.account.clone();
    if row.protected && !confirmed.contains(&account) {
        resolver.confirm_protected(&row)?;
        confirmed.insert(account);
    }
    Ok(())
}

/// The key that a section is to have: the one that it had, else, where that was rotated, the present one.
fn key(resolver: &mut Resolver<'_>, back: &WayBack, name: &str, kept: &Kept) -> Result<Option<Found>, Failure> {
    if let Some(id) = back.key_id(name)
        && let Some(material) = resolver.stored_material(id)?
    {
        return Ok(Some(found(id, &material)));
    }
    let of_user = if back.key_id(name).is_some() { newest_key(resolver, &kept.who)? } else { None };
    match of_user {
        Some(id) => Ok(resolver.stored_material(&id)?.map(|material| found(&id, &material))),
        None => Ok(back.first_key(name)),
    }
}

/// The newest long-term key of whom a section is kept for. A name that means nobody any more has none.
fn newest_key(resolver: &mut Resolver<'_>, who: &str) -> Result<Option<String>, Failure> {
    let known = match resolver.catalogue().lookup(who) {
        Ok(Target::Known(row)) => Some(row),
        // A command may name a key that is another one now.
        _ => resolver.owner_of_retired_key(who)?,
    };
    let Some(row) = known else { return Ok(None) };
    Ok(resolver.keys_of(&row)?.into_iter().next())
}

fn found(id: &str, material: &KeyMaterial) -> Found {
    Found {
        section: None,
        line: None,
        access_key_id: id.to_owned(),
        secret_access_key: material.secret_access_key.expose().to_owned().into(),
        session_token: None,
        expires_at: None,
        region: None,
        mfa_serial: None,
    }
}

/// Prints what a file held; the list of the files without one.
fn original(
    context: &Context,
    global: &Global,
    resolver: &mut Resolver<'_>,
    file: Option<&Path>,
) -> Result<(), Failure> {
    let Some(file) = file else { return list_originals(context, global, resolver) };
    if context.stdout_is_terminal() {
        let fact = "this would print secrets on the terminal";
        return Err(Failure::usage(fact, "send it to a program or a file"));
    }
    let Some(held) = resolver.original_of(file)? else {
        let fact = format!("the store keeps nothing of {} from before it was written to", file.display());
        return Err(Failure::new(Exit::Failure, fact, "multicred unsetup --original lists what it keeps"));
    };
    let mut confirmed = BTreeSet::new();
    for found in keys_in(&held) {
        confirm(resolver, &found, &mut confirmed)?;
    }
    let store = resolver.store_path().to_owned();
    asking::record(context, &store, "unsetup --original", &file.to_string_lossy(), None, "ok");
    if global.json {
        // What is no text cannot be JSON either.
        let text = std::str::from_utf8(&held).map_err(|_| {
            Failure::new(Exit::Failure, "the content is no UTF-8 text, and JSON is", "leave out --json")
        })?;
        return Ok(context.answer_json(&json!({ "file": file, "content": text }))?);
    }
    Ok(context.answer_by(|out| out.write_all(&held))?)
}

fn keys_in(content: &[u8]) -> Vec<Found> {
    let document = Document::parse(&Zeroizing::new(String::from_utf8_lossy(content).into_owned()));
    document.sections().filter_map(|section| credential_text::of_section(&section)?.ok()).collect()
}

fn list_originals(context: &Context, global: &Global, resolver: &Resolver<'_>) -> Result<(), Failure> {
    let kept = resolver.originals()?;
    if global.json {
        let rows: Value = kept.iter().map(|(file, at)| json!({ "file": file, "kept_at": at })).collect();
        return Ok(context.answer_json(&rows)?);
    }
    if kept.is_empty() {
        context.note("the store keeps nothing of your files: none has been written to");
    }
    let line = |(file, at): &(String, i64)| {
        let time = Timestamp::from_second(*at).map(|time| time.to_string()).unwrap_or_default();
        format!("{time} {}\n", printable(file))
    };
    Ok(context.answer(&kept.iter().map(line).collect::<String>())?)
}

impl Undone {
    fn record(&self, keeper: &mut Keeper<'_>) {
        if let Some(failure) = &self.failure {
            let file = keeper.path().to_string_lossy().into_owned();
            keeper.record_file(EVENT, &file, &failure.fact);
        }
        for (name, restored) in &self.profiles {
            let outcome = if let Restored::Left(reason) = restored { reason } else { OK };
            keeper.record(EVENT, name, outcome);
        }
        for (file, result) in &self.shells {
            keeper.record_file(EVENT, file, result.as_ref().err().map_or(OK, String::as_str));
        }
    }

    fn tell(
        self,
        keeper: &mut Keeper<'_>,
        global: &Global,
        plan: &[String],
        is_rehearsal: bool,
    ) -> Result<(), Failure> {
        let context = keeper.context();
        let store = keeper.importer().resolver().store_path().to_owned();
        let of_profiles = self.profiles.iter().map(|(name, restored)| (name, say(restored), is_left(restored)));
        let of_shells = self.shells.iter().map(|(file, result)| {
            let text = result.as_ref().map_or_else(Clone::clone, |done| (*done).to_owned());
            (file, text, result.is_err())
        });
        let all: Vec<(&String, String, bool)> = of_profiles.chain(of_shells).collect();
        let failed = all.iter().filter(|(.., is_left)| *is_left).count();
        self.record(keeper);
        if global.json {
            let done: Vec<Value> = all
                .iter()
                .map(|(what, result, is_left)| json!({ "what": what, "result": result, "left": is_left }))
                .collect();
            context.answer_json(&json!({
                "file": keeper.path(), "plan": plan, "dry_run": is_rehearsal, "done": done, "store": store,
            }))?;
        } else {
            let lines: Vec<String> =
                all.iter().map(|(what, result, _)| printable(&format!("{what}: {result}")) + "\n").collect();
            context.answer(&lines.concat())?;
        }
        if !all.is_empty() && store.exists() {
            context.note(&format!("the store stays, with every key: {}", store.display()));
        }
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if failed == 0 {
            return Ok(());
        }
        let fact = format!("{failed} could not be undone: they are named above");
        Err(Failure::new(Exit::Failure, fact, "put right what is wrong, then run the command again"))
    }
}

fn is_left(restored: &Restored) -> bool {
    matches!(restored, Restored::Left(_))
}

fn say(restored: &Restored) -> String {
    match restored {
        Restored::AsItWas => "it has its key again, and is as it was".to_owned(),
        Restored::Changed => "it has its key again, among lines that were changed since".to_owned(),
        Restored::OwnKey => "it keeps the key that you have put there".to_owned(),
        Restored::Emptied => "its temporary key is gone; it never had another one".to_owned(),
        Restored::Left(reason) => format!("it is left as it is: {reason}"),
    }
}
