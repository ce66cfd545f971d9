//! `backup`: the store copied into one file, still sealed.

use std::path::Path;

use serde_json::{Value, json};

use crate::asking;
use crate::cli::{Backup, Global};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::prompt::Never;
use crate::resolve::{ResolveError, Resolver, WayIn, store_path};
use crate::store::{Store, StoreError};

pub(super) fn run(context: &Context, global: &Global, arguments: &Backup) -> Result<(), Failure> {
    if arguments.file == Path::new("-") {
        return Err(Failure::usage("a backup is a file, and is not printed", "multicred backup FILE"));
    }
    let path = store_path(context, global.store.as_deref())?;
    let resolver = Resolver::new(context, path, Box::new(Never), None)?;
    let Some(store) = resolver.catalogue().store() else {
        let fact = format!("there is no store at {}, and so nothing to back up", resolver.store_path().display());
        return Err(Failure::new(Exit::Failure, fact, "name the store with --store or MULTICRED_STORE"));
    };
    let bytes = store.back_up(&arguments.file, arguments.force)?;
    let file = std::path::absolute(&arguments.file).unwrap_or_else(|_| arguments.file.clone());
    asking::record(context, store.path(), "backup", &file.to_string_lossy(), None, "ok");
    let slots = slots(context, store).map_err(ResolveError::from)?;
    context
        .note(&format!("{}: the whole store, sealed as it was, {bytes} bytes. To open it, it takes", file.display()));
    for slot in &slots {
        context.note(&format!("slot {} ({}): {}", slot.number, slot.kind, needs(slot)));
    }
    if slots.iter().all(|slot| slot.stays_behind().is_some()) {
        context.note(
            "nothing in that list goes with the backup: multicred key add recovery makes a code that opens it anywhere",
        );
    }
    if global.json {
        let slots: Vec<Value> = slots.iter().map(slot_json).collect();
        context.answer_json(&json!({ "path": file, "bytes": bytes, "slots": slots }))?;
    }
    Ok(())
}

fn slots(context: &Context, store: &Store) -> Result<Vec<WayIn>, StoreError> {
    let (meta, slots) = store.read().key_slots()?;
    Ok(slots.iter().map(|slot| WayIn::of(context, store.path(), &meta, slot)).collect())
}

fn needs(slot: &WayIn) -> String {
    match slot.stays_behind() {
        Some(how) => format!("{}, {how}", slot.needs),
        None => slot.needs.clone(),
    }
}

/// A slot, as `backup` and `restore` tell of it.
pub(super) fn slot_json(slot: &WayIn) -> Value {
    json!({
        "slot": slot.number,
        "kind": slot.kind,
        "needs": slot.needs,
        "key_file": slot.key_file,
        "command": slot.command,
    })
}
