//! `key`: the ways to unlock the store, and its key.

use jiff::Timestamp;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::asking;
use crate::cli::{Asking, Global, Key, KeyAdd, KeyVerb, SlotKind};
use crate::context::{Context, printable};
use crate::error::{Exit, Failure};
use crate::resolve::{Added, NewSlot, ResolveError, Resolver, WayIn};
use crate::seal::keyring_slot::Backend;
use crate::secret::Secret;
use crate::shell::{Language, quote};

use super::unlock::no_store;

pub(super) fn run(context: &Context, global: &Global, arguments: &Key) -> Result<(), Failure> {
    let mut resolver = asking::resolver(context, global, &Asking::default())?;
    match &arguments.verb {
        KeyVerb::List => list(context, global, &mut resolver),
        KeyVerb::Add(wanted) => add(context, global, &mut resolver, wanted),
        KeyVerb::Remove { number, force } => remove(context, global, &mut resolver, *number, *force),
        KeyVerb::Rotate => rotate(context, global, &mut resolver),
    }
}

fn list(context: &Context, global: &Global, resolver: &mut Resolver<'_>) -> Result<(), Failure> {
    let (store, _) = resolver.keys().ok_or_else(|| no_store("it has no key"))?;
    let (_, slots) = store.read().key_slots()?;
    let ways: Vec<WayIn> = slots.iter().map(|slot| WayIn::described(store.path(), slot)).collect();
    if global.json {
        return Ok(context.answer_json(&ways.iter().map(as_json).collect())?);
    }
    let line = |way: &WayIn| {
        let since = Timestamp::from_second(way.since).unwrap_or_default().strftime("%Y-%m-%d");
        let until = way.lasts().map(|how_long| format!(" ({how_long})")).unwrap_or_default();
        printable(&format!("{:>2}  {:<10}  {since}  {}{until}", way.number, way.kind, way.needs)) + "\n"
    };
    Ok(context.answer(&ways.iter().map(line).collect::<String>())?)
}

fn as_json(way: &WayIn) -> Value {
    json!({
        "slot": way.number,
        "kind": way.kind,
        "since": way.since,
        "needs": way.needs,
        "key_file": way.key_file,
        "command": way.command,
        "until": way.until,
    })
}

fn add(context: &Context, global: &Global, resolver: &mut Resolver<'_>, arguments: &KeyAdd) -> Result<(), Failure> {
    let wanted = wanted(arguments)?;
    if matches!(wanted, NewSlot::Recovery) && context.stdout_goes_nowhere() {
        let fact = "a recovery code is shown once, and stdout goes nowhere";
        return Err(Failure::usage(fact, "let it go to a terminal, a printer or a file; nothing was changed"));
    }
    let (store, mut keys) = resolver.keys().ok_or_else(|| no_store("MULTICRED_KEY says what its first key is"))?;
    let added = keys.add(store, &wanted).map_err(|error| not_added(error, &wanted))?;
    let Added { number, kind, note, .. } = &added;
    if let Err(error) = show(context, global, &added) {
        return Err(unseen(resolver, &added, &error));
    }
    write_down(context, resolver, &format!("add slot {number} ({kind})"));
    if let Some(note) = note {
        context.note(note);
    }
    if !global.json {
        context.note(&format!("key slot {number} ({kind}) opens the store from now on"));
    }
    if added.code.is_some() {
        context.note("print this code and lock it away: it opens the store by itself, and is shown this once");
    }
    Ok(())
}

/// A disk that fails in the last moment may have stored it all the same.
fn not_added(error: ResolveError, wanted: &NewSlot) -> Failure {
    let may_be_there = matches!((&error, wanted), (ResolveError::Store(_), NewSlot::Recovery));
    let failure = Failure::from(error);
    let more = "; should multicred key list show a new recovery slot, remove it: nobody has its code";
    let remedy = failure.remedy.map(|remedy| remedy + if may_be_there { more } else { "" });
    Failure { remedy, ..failure }
}

/// What stdout gets: all of it, where a code is part of it.
fn show(context: &Context, global: &Global, added: &Added) -> std::io::Result<()> {
    let code = added.code.as_ref().map(Secret::expose);
    let text = match (global.json, code) {
        (true, code) => json!({ "slot": added.number, "kind": added.kind, "code": code }).to_string(),
        (false, Some(code)) => code.to_owned(),
        (false, None) => return Ok(()),
    };
    let text = Zeroizing::new(text + "\n");
    if code.is_some() { context.hand_over(&text) } else { context.answer(&text) }
}

/// Nobody has seen the code of a slot, or what else was to be said of it. Without its code it is of no use.
fn unseen(resolver: &mut Resolver<'_>, added: &Added, error: &std::io::Error) -> Failure {
    let Added { number, kind, code, .. } = added;
    if code.is_none() {
        let fact =
            format!("key slot {number} ({kind}) opens the store from now on, but stdout cannot be written: {error}");
        return Failure::new(Exit::Failure, fact, "multicred key list shows it");
    }
    let removed = match resolver.keys() {
        Some((store, _)) => added.take_back(store).map_err(|error| error.to_string()),
        None => Ok(()),
    };
    match removed {
        Ok(()) => Failure::new(
            Exit::Failure,
            format!("the recovery code could not be shown ({error}), so its key slot {number} is removed again"),
            "run the command again where stdout can be written",
        ),
        Err(why) => Failure::new(
            Exit::Failure,
            format!("the recovery code could not be shown ({error}), and its key slot {number} not be removed: {why}"),
            format!("multicred key remove {number}: nobody has its code"),
        ),
    }
}

/// What was asked for, where that makes sense.
fn wanted(arguments: &KeyAdd) -> Result<NewSlot, Failure> {
    let KeyAdd { kind, what, passphrase_file, keyutils, command } = arguments;
    let surplus = |given: bool, flag: &str, of: &str| {
        let fact = format!("{flag} is for key slots of the kind {of}");
        if given { Err(Failure::usage(fact, format!("leave it out, or say: multicred key add {of}"))) } else { Ok(()) }
    };
    surplus(passphrase_file.is_some() && *kind != SlotKind::Passphrase, "--passphrase-file", "passphrase")?;
    surplus(*keyutils && *kind != SlotKind::Keyring, "--keyutils", "keyring")?;
    surplus(!command.is_empty() && *kind != SlotKind::Command, "a program after --", "command")?;
    let takes_none = matches!(kind, SlotKind::Keyring | SlotKind::Passphrase | SlotKind::Recovery);
    if let Some(what) = what.as_ref().filter(|_| takes_none) {
        let fact = format!("'{}' is said of a key slot that takes nothing", what.escape_debug());
        return Err(Failure::usage(fact, "leave it out; a passphrase is asked for, or read with --passphrase-file"));
    }
    Ok(match kind {
        SlotKind::Keyring => NewSlot::Keyring(keyutils.then_some(Backend::Keyutils)),
        SlotKind::Passphrase => NewSlot::Passphrase(passphrase_file.clone()),
        SlotKind::SshAgent => NewSlot::SshAgent(what.clone()),
        SlotKind::File => NewSlot::File(what.as_ref().map(std::path::absolute).transpose()?),
        SlotKind::Recovery => NewSlot::Recovery,
        SlotKind::Command => NewSlot::Command(command_line(arguments)?),
    })
}

/// A program and its arguments become a line for `sh`.
fn command_line(arguments: &KeyAdd) -> Result<String, Failure> {
    if let Some(line) = &arguments.what {
        return Ok(line.clone());
    }
    let quoted = |word: &std::ffi::OsString| {
        let mut code = String::new();
        quote(Language::Posix, word.to_str()?, &mut code);
        Some(code)
    };
    let words: Option<Vec<String>> = arguments.command.iter().map(quoted).collect();
    let line = words.filter(|words| !words.is_empty()).map(|words| words.join(" "));
    line.ok_or_else(|| {
        let remedy = "say for instance: multicred key add command -- pass show multicred";
        Failure::usage("there is no command that would print the key", remedy)
    })
}

fn remove(
    context: &Context,
    global: &Global,
    resolver: &mut Resolver<'_>,
    number: i64,
    force: bool,
) -> Result<(), Failure> {
    let (store, mut keys) = resolver.keys().ok_or_else(|| no_store("it has no key"))?;
    let slot = keys.remove(store, number, force)?;
    let way = WayIn::described(store.path(), &slot);
    write_down(context, resolver, &format!("remove slot {number} ({})", way.kind));
    if global.json {
        return Ok(context.answer_json(&as_json(&way))?);
    }
    context.note(&format!("key slot {number} ({}) is removed: {} opens the store no longer", way.kind, way.needs));
    context.note("older copies of the store still open with it; multicred key rotate gives the store a new key");
    Ok(())
}

fn rotate(context: &Context, global: &Global, resolver: &mut Resolver<'_>) -> Result<(), Failure> {
    let (store, mut keys) = resolver.keys().ok_or_else(|| no_store("it has no key"))?;
    let done = keys.rotate(store)?;
    write_down(context, resolver, "rotate");
    if global.json {
        return Ok(context.answer_json(&json!({
            "key_epoch": done.key_epoch,
            "credentials": done.credentials,
            "originals": done.originals,
            "slots": done.slots,
            "rewritten": done.rewritten,
        }))?);
    }
    context.note(&format!(
        "the store has a new key: {} credentials and {} kept files are sealed with it, and {} key slots open it",
        done.credentials, done.originals, done.slots
    ));
    if !done.rewritten {
        context.note(
            "the file could not be written anew, since it is in use or its disk is full: what was sealed with former keys \
             may be left in it until the next rotation",
        );
    }
    context.note("older copies of the store still open as they did, and have the secrets of their time");
    Ok(())
}

fn write_down(context: &Context, resolver: &Resolver<'_>, what: &str) {
    asking::record(context, resolver.store_path(), "key", what, None, "ok");
}
