//! `label`: a person's short name for an identity.

use serde_json::json;

use crate::asking;
use crate::changing;
use crate::cli::{Asking, Global, Label};
use crate::context::Context;
use crate::error::Failure;
use crate::resolve::ResolveError;
use crate::store::{Durability, StoreError};

pub(super) fn run(context: &Context, global: &Global, arguments: &Label) -> Result<(), Failure> {
    let label = arguments.name.as_deref();
    label.map_or(Ok(()), changing::check_label)?;
    let mut resolver = asking::resolver(context, global, &Asking::default())?;
    let former = changing::stored(resolver.catalogue(), &arguments.identity)?;
    if let Some(label) = label {
        changing::check_free(resolver.catalogue(), label, &former.identity, None)?;
    }
    let (store, _) = resolver.store_and_keys()?;
    let row = store.write::<_, StoreError>(Durability::Synced, |writing| {
        match label {
            Some(label) => writing.set_label(former.id, label)?,
            None => writing.remove_label(former.id)?,
        }
        writing.read().identity_row(former.id)
    })?;
    let row = row.ok_or(ResolveError::CredentialGone)?;
    let (shown, arn) = (row.shown(), row.arn());
    if row.label != former.label {
        let detail = match (&former.label, &row.label) {
            (None, Some(label)) => format!("label {label}"),
            (Some(former), Some(label)) => format!("label {label} in the place of {former}"),
            (former, None) => format!("label {} taken away", former.as_deref().unwrap_or_default()),
        };
        asking::record_change(context, resolver.store_path(), "label", (&shown, Some(&arn)), &detail);
    }
    if global.json {
        let answer = json!({ "identity": shown, "arn": arn, "label": row.label, "former_label": former.label });
        context.answer_json(&answer)?;
    } else {
        context.note(&format!("{arn} is called {shown}"));
    }
    if let Some(former) = former.label.filter(|former| row.label.as_ref() != Some(former)) {
        changing::note_what_asks(context, &resolver, &former, None);
    }
    Ok(())
}
