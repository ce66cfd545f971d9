//! `rotate`: a new long-term key in the place of an old one, at AWS and in the store.

use serde_json::{Value, json};

use crate::asking;
use crate::cli::{Asking, Global, Rotate};
use crate::context::{Context, printable};
use crate::error::{Exit, Failure};
use crate::identity::key_age::DAY;
use crate::identity::request::say_duration;
use crate::prompt::{Answer, Prompter, Tty, Unaskable, confirm};
use crate::resolve::{Catalogue, Consent, Resolver, Rotated, Subject};
use crate::store::{IdentityRow, RotationRow};
use crate::synced_profile::Writer;

pub(super) fn run(context: &Context, global: &Global, arguments: &Rotate) -> Result<(), Failure> {
    let flags = Asking { mfa_code: arguments.mfa_code.clone(), ..Asking::default() };
    let mut resolver = asking::resolver(context, global, &flags)?;
    let ask = |question: &str| Ok(confirm(&printable(question))? == Answer::Yes);
    let can_ask = || if context.may_prompt { Tty.can_ask() } else { Err(Unaskable::NoTerminal) };
    let delete_other = arguments.delete_other.as_deref();
    let consent = Consent { yes: arguments.yes, delete_other, can_ask: &can_ask, ask: &ask };
    match (&arguments.identity, arguments.older_than) {
        (Some(name), _) => {
            let subject = resolver.subject(name)?;
            let rotated = resolver.rotate(&subject, &consent)?;
            let done = Done { row: &subject.row, result: Ok(rotated) };
            report(context, global, resolver.catalogue(), &[done])
        }
        (None, Some(age)) => every_older(context, global, &mut resolver, (age, &consent)),
        (None, None) if arguments.pending => pending(context, global, &resolver),
        (None, None) => {
            let remedy = "name a user, or say --older-than 90d; --pending lists what was interrupted";
            Err(Failure::usage("nobody is named whose key is to be rotated", remedy))
        }
    }
}

/// What has become of one key.
struct Done<'a> {
    row: &'a IdentityRow,
    result: Result<Rotated, String>,
}

/// Each in turn: one that fails keeps no other from it, unless the person has had enough.
fn every_older(
    context: &Context,
    global: &Global,
    resolver: &mut Resolver<'_>,
    (age, consent): (i64, &Consent<'_>),
) -> Result<(), Failure> {
    let (subjects, remarks) = resolver.subjects_older_than(age)?;
    for remark in &remarks {
        context.note(remark);
    }
    if subjects.is_empty() {
        context.note(&format!("no long-term key of the store is older than {}", say_age(age)));
    }
    let mut done: Vec<Done<'_>> = Vec::new();
    let mut cancelled = false;
    for Subject { row, key } in &subjects {
        let result = resolver.rotate(&Subject { row: row.clone(), key: key.clone() }, consent).map_err(|error| {
            let failure = Failure::from(error);
            cancelled = failure.exit == Exit::Cancelled;
            context.complain(&format!("{}: {}", row.shown(), failure.fact));
            super::tell_remedy(context, &failure);
            failure.fact
        });
        done.push(Done { row, result });
        if cancelled {
            break;
        }
    }
    report(context, global, resolver.catalogue(), &done)?;
    let rotated = done.iter().filter(|done| done.result.is_ok()).count();
    match (cancelled, rotated == subjects.len()) {
        (true, _) => Err(Failure { exit: Exit::Cancelled, fact: sum(rotated, subjects.len()), remedy: None }),
        (false, true) => Ok(()),
        (false, false) => Err(Failure { exit: Exit::Failure, fact: sum(rotated, subjects.len()), remedy: None }),
    }
}

fn sum(rotated: usize, all: usize) -> String {
    format!("{rotated} of {all} rotated; the others are named above")
}

fn say_age(seconds: i64) -> String {
    match (seconds / DAY, seconds % DAY) {
        (days @ 1.., 0) => format!("{days} days"),
        _ => say_duration(seconds),
    }
}

fn report(context: &Context, global: &Global, catalogue: &Catalogue<'_>, done: &[Done<'_>]) -> Result<(), Failure> {
    for (row, rotated) in done.iter().filter_map(|done| Some((done.row, done.result.as_ref().ok()?))) {
        if !global.json {
            context.answer(&sentence(row, rotated))?;
        }
        afterwards(context, catalogue, row, rotated);
    }
    if global.json {
        context.answer_json(&done.iter().map(as_json).collect())?;
    }
    Ok(())
}

fn sentence(row: &IdentityRow, rotated: &Rotated) -> String {
    let Rotated { old_key, new_key, by_another, .. } = rotated;
    let by_another = if *by_another { ", by another process meanwhile" } else { "" };
    printable(&format!("{}  {}  {new_key} in the place of {old_key}{by_another}", row.shown(), row.arn())) + "\n"
}

/// What is left for the person to know and to do.
fn afterwards(context: &Context, catalogue: &Catalogue<'_>, row: &IdentityRow, rotated: &Rotated) {
    let Rotated { old_key, copies, by_another, .. } = rotated;
    if !by_another {
        context.note(&format!("sessions that were made with {old_key} live on until they expire, in 36 hours at most"));
        context.note("backups from before have the old key only: multicred backup FILE makes a new one");
    }
    if context.variable("AWS_ACCESS_KEY_ID") == Some(old_key) {
        context.note(&format!("AWS_ACCESS_KEY_ID of this shell is {old_key}: multicred as {} again", row.shown()));
    }
    let command = Writer::new(context, catalogue).and_then(|writer| writer.entry(row)).ok().map(|entry| entry.command);
    for (profile, place) in copies {
        // What may be written there, whosever profile it is, and whatever it is called.
        let asks = command.as_deref().map(|command| format!("credential_process = {command}"));
        let instead = asks.map(|asks| format!(", and put in their place: {asks}")).unwrap_or_default();
        context.note(&format!(
            "profile {profile} has {old_key} still ({place}), which is dead: take that line and its secret out{instead}"
        ));
    }
}

fn as_json(done: &Done<'_>) -> Value {
    let rotated = done.result.as_ref().ok();
    let copy = |(profile, place): &(String, String)| json!({ "profile": profile, "place": place });
    json!({
        "identity": done.row.shown(),
        "arn": done.row.arn(),
        "account": done.row.identity.account,
        "rotated": rotated.is_some(),
        "old_key": rotated.map(|rotated| &rotated.old_key),
        "new_key": rotated.map(|rotated| &rotated.new_key),
        "resumed": rotated.is_some_and(|rotated| rotated.resumed),
        "by_another": rotated.is_some_and(|rotated| rotated.by_another),
        "copies": rotated.map(|rotated| rotated.copies.iter().map(copy).collect::<Vec<_>>()).unwrap_or_default(),
        "reason": done.result.as_ref().err(),
    })
}

/// What has begun and not ended.
fn pending(context: &Context, global: &Global, resolver: &Resolver<'_>) -> Result<(), Failure> {
    let rotations = match resolver.catalogue().store() {
        Some(store) => store.read().unfinished_rotations()?,
        None => Vec::new(),
    };
    if rotations.is_empty() && !global.json {
        context.note("no rotation is pending");
    }
    if global.json {
        return Ok(context.answer_json(&rotations.iter().map(pending_json).collect())?);
    }
    let line = |(row, journal): &(IdentityRow, RotationRow)| {
        let new = journal.new_key.as_deref().unwrap_or("no new key yet");
        let age = say_duration(context.now() - journal.started_at);
        let (shown, phase) = (row.shown(), journal.phase.word());
        printable(&format!("{shown}  {} → {new}  {phase}, begun {age} ago: multicred rotate {shown}", journal.old_key))
            + "\n"
    };
    Ok(context.answer(&rotations.iter().map(line).collect::<String>())?)
}

fn pending_json((row, journal): &(IdentityRow, RotationRow)) -> Value {
    json!({
        "identity": row.shown(),
        "arn": row.arn(),
        "account": row.identity.account,
        "old_key": journal.old_key,
        "new_key": journal.new_key,
        "phase": journal.phase.word(),
        "started_at": journal.started_at,
    })
}
