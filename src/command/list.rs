//! `list`: every identity and profile, and what it would take to be it.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::cli::Global;
use crate::context::Context;
use crate::error::Failure;
use crate::prompt::Never;
use crate::resolve::{Catalogue, Resolver, Standing, Target, kind_of_profile, store_path};
use crate::table;

/// One line of the list.
struct Row {
    name: String,
    arn: Option<String>,
    account: Option<String>,
    kind: &'static str,
    source: &'static str,
    standing: Standing,
}

pub(super) fn run(context: &Context, global: &Global) -> Result<(), Failure> {
    let path = store_path(context, global.store.as_deref())?;
    let resolver = Resolver::new(context, path, Box::new(Never), None)?;
    let rows = rows(resolver.catalogue())?;
    if global.json {
        let values: Vec<Value> = rows.iter().map(as_json).collect();
        return Ok(context.answer_json(&values.into())?);
    }
    if rows.is_empty() {
        context.note("there is nobody yet: multicred import --all");
        return Ok(());
    }
    Ok(context.answer(&format!("{}\n", table(context, &rows)))?)
}

fn rows(catalogue: &Catalogue<'_>) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    if let Some(store) = catalogue.store() {
        // Some questions for each row: the locks are paid for once.
        store.begin_snapshot();
        for identity in store.read().identities()? {
            let name = identity.shown();
            let (arn, account, kind) = (identity.arn(), identity.identity.account.clone(), identity.identity.kind);
            let target = catalogue.lookup(&name).map(|_| Target::Known(identity));
            let standing = catalogue.standing(target, &name);
            rows.push(Row {
                name,
                arn: Some(arn),
                account: Some(account),
                kind: kind.word(),
                source: "store",
                standing,
            });
        }
    }
    let names: HashSet<String> = rows.iter().map(|row| row.name.clone()).collect();
    for profile in catalogue.profiles()? {
        // A profile that is the identity already listed under its name says nothing new.
        let target = catalogue.lookup(&profile.name);
        if names.contains(&profile.name) && target.is_ok() {
            continue;
        }
        rows.push(Row {
            arn: profile.value("role_arn").map(str::to_owned),
            account: profile.role().map(|role| role.account),
            kind: kind_of_profile(&profile),
            source: "profile",
            standing: catalogue.standing(target, &profile.name),
            name: profile.name,
        });
    }
    Ok(rows)
}

fn table(context: &Context, rows: &[Row]) -> String {
    let mut table = table::with_heads(context, ["IDENTITY", "STATE", "ACCOUNT", "KIND", "ARN"]);
    for row in rows {
        table.add_row([
            table::cell(&row.name),
            table::state_cell(context, &row.standing),
            table::cell(row.account.as_deref().unwrap_or("")),
            table::cell(row.kind),
            table::cell(row.arn.as_deref().unwrap_or("")),
        ]);
    }
    table.trim_fmt()
}

fn as_json(row: &Row) -> Value {
    json!({
        "identity": row.name,
        "arn": row.arn,
        "account": row.account,
        "kind": row.kind,
        "source": row.source,
        "state": row.standing.state.word(),
        "expires_at": row.standing.expires_at,
        "reason": row.standing.state.reason(),
    })
}
