//! `list`: every identity and profile, and what it would take to be it.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::cli::{Global, List};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::identity::arn::is_account_id;
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

pub(super) fn run(context: &Context, global: &Global, arguments: &List) -> Result<(), Failure> {
    let path = store_path(context, global.store.as_deref())?;
    let resolver = Resolver::new(context, path, Box::new(Never), None)?;
    let wanted = Wanted::of(resolver.catalogue(), arguments)?;
    let rows: Vec<Row> = rows(resolver.catalogue())?.into_iter().filter(|row| wanted.has(row)).collect();
    if global.json {
        let values: Vec<Value> = rows.iter().map(as_json).collect();
        return Ok(context.answer_json(&values.into())?);
    }
    if rows.is_empty() {
        let nobody = "there is nobody yet: multicred import --all";
        context.note(if wanted.is_everybody() { nobody } else { "there is nobody of that kind" });
        return Ok(());
    }
    Ok(context.answer(&format!("{}\n", table(context, &rows)))?)
}

/// Who is asked for.
struct Wanted<'a> {
    /// The id of the account that was named.
    accounts: Option<Vec<String>>,
    kinds: &'a [String],
    states: &'a [String],
}

impl<'a> Wanted<'a> {
    fn of(catalogue: &Catalogue<'_>, arguments: &'a List) -> Result<Self, Failure> {
        let accounts = arguments.account.as_deref().map(|name| accounts(catalogue, name)).transpose()?;
        Ok(Self { accounts, kinds: &arguments.kind, states: &arguments.state })
    }

    fn is_everybody(&self) -> bool {
        self.accounts.is_none() && self.kinds.is_empty() && self.states.is_empty()
    }

    fn has(&self, row: &Row) -> bool {
        let is_in = |accounts: &Vec<String>| row.account.as_ref().is_some_and(|account| accounts.contains(account));
        // One word on the command line, as the state is in JSON but for that.
        let state = row.standing.state.word().to_lowercase().replace(' ', "-");
        self.accounts.as_ref().is_none_or(is_in)
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == row.kind))
            && (self.states.is_empty() || self.states.contains(&state))
    }
}

/// The account of this name; one that is named by its id need not be known to the store.
fn accounts(catalogue: &Catalogue<'_>, name: &str) -> Result<Vec<String>, Failure> {
    if is_account_id(name) {
        return Ok(vec![name.to_owned()]);
    }
    let known = catalogue.store().map(|store| store.read().accounts_named(name)).transpose()?.unwrap_or_default();
    if known.is_empty() {
        let fact = format!("there is no account called '{}'", name.escape_debug());
        return Err(Failure::new(Exit::Identity, fact, "name it by its twelve-digit id, or give it that alias"));
    }
    Ok(known.into_iter().map(|account| account.account_id).collect())
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
