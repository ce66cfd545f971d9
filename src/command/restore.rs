//! `restore`: a backup put in the place of the store, which is kept beside it.

use std::path::Path;

use serde_json::{Value, json};

use super::backup::slot_json;
use crate::asking;
use crate::changing;
use crate::cli::{Global, Restore};
use crate::context::Context;
use crate::error::Failure;
use crate::resolve::{Opening, WayIn, answers, store_path};
use crate::store::{Incoming, Store};

pub(super) fn run(context: &Context, global: &Global, arguments: &Restore) -> Result<(), Failure> {
    let nobody = "a restore replaces the store, and nobody can be asked whether it may";
    changing::check_can_agree(context, arguments.yes, nobody)?;
    let store = store_path(context, global.store.as_deref())?;
    let incoming = Incoming::take(&store, &arguments.file)?;
    let slots: Vec<WayIn> =
        incoming.slots.iter().map(|slot| WayIn::of(context, &store, &incoming.meta, slot)).collect();
    let is_of_another = id_of(&store).is_some_and(|id| id != incoming.meta.id);
    explain(context, &slots, is_of_another);
    changing::agree(arguments.yes, &question(&store, &arguments.file))?;
    // What was answered from the store that goes: before, so that a kill leaves none of it, and after, for what was
    // answered meanwhile.
    answers::forget(context, &store);
    let replaced = incoming.put(&store, context.now())?;
    answers::forget(context, &store);
    asking::record(context, &store, "restore", &arguments.file.to_string_lossy(), None, "ok");
    match &replaced {
        Some(kept) => context.note(&format!("restored; what was there is kept as {}", kept.display())),
        None => context.note(&format!("restored: {}", store.display())),
    }
    if global.json {
        let opens = slots.iter().any(|slot| slot.opening == Opening::Opens);
        let slots: Vec<Value> = slots.iter().map(slot_json).collect();
        context.answer_json(&json!({
            "store": store, "replaced": replaced, "of_another_store": is_of_another, "opens": opens, "slots": slots,
        }))?;
    }
    Ok(())
}

fn question(store: &Path, file: &Path) -> String {
    if store.exists() {
        format!("Replace {} by {}?", store.display(), file.display())
    } else {
        format!("Make {} of {}?", store.display(), file.display())
    }
}

/// The id of the store that is there, where it can be read.
fn id_of(store: &Path) -> Option<Vec<u8>> {
    let store = Store::open_to_look(store).ok()??;
    store.read().meta().ok().map(|meta| meta.id)
}

/// What a person must know before the answer.
fn explain(context: &Context, slots: &[WayIn], is_of_another: bool) {
    if is_of_another {
        context.note("this backup is not of the store that is there, but of another one");
    }
    for (slot, command) in slots.iter().filter_map(|slot| Some((slot, slot.command.as_ref()?))) {
        context.note(&format!("slot {} of the backup runs this command whenever it opens: {command}", slot.number));
    }
    if slots.iter().any(|slot| slot.opening == Opening::Opens) {
        return;
    }
    context.note("nothing here opens this backup without asking. To open it, it takes");
    for slot in slots {
        let reason = match &slot.opening {
            Opening::Fails(reason) => format!(" ({reason})"),
            Opening::Opens | Opening::Asks => String::new(),
        };
        context.note(&format!("slot {} ({}): {}{reason}", slot.number, slot.kind, slot.needs));
    }
}
