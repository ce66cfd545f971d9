//! `account`: an account's alias and colour, and whether it is protected.

use serde_json::json;

use crate::asking;
use crate::changing;
use crate::cli::{Account, Asking, ColourChange, Global};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::identity::arn::is_account_id;
use crate::identity::name::is_label;
use crate::resolve::Resolver;
use crate::store::{AccountRow, Durability, Store, StoreError};

pub(super) fn run(context: &Context, global: &Global, arguments: &Account) -> Result<(), Failure> {
    check(arguments)?;
    let mut resolver = asking::resolver(context, global, &Asking::default())?;
    let known =
        resolver.catalogue().store().map(|store| store.read().accounts_named(&arguments.account)).transpose()?;
    let known = only(known.unwrap_or_default(), &arguments.account)?;
    if arguments.alias.is_none() && global.prompt_colour().is_none() && arguments.protection().is_none() {
        let row = known.ok_or_else(|| unknown(&arguments.account))?;
        return show(context, global, &row);
    }
    if known.is_none() && !is_account_id(&arguments.account) {
        return Err(unknown(&arguments.account));
    }
    check_protection(known.as_ref(), arguments)?;
    let renamed = known.as_ref().filter(|row| row.alias.is_some() && arguments.alias.is_some());
    let renamed = renamed.filter(|row| row.alias != arguments.alias);
    // Without its alias its names could become another account's, which asks nobody.
    if let Some(row) = known.as_ref().filter(|row| row.protected && (arguments.unprotect || renamed.is_some())) {
        confirm(context, &mut resolver, row)?;
    }
    let (store, _) = resolver.store_and_keys()?;
    let row = change(store, known.as_ref(), arguments, global.prompt_colour())?;
    let detail = changes(known.as_ref(), &row);
    asking::record_change(context, resolver.store_path(), "account", (&row.account_id, None), &detail);
    if let Some(old) = renamed.and_then(|row| row.alias.as_deref()) {
        changing::note_what_asks_below(context, &resolver, old);
    }
    show(context, global, &row)
}

fn check(arguments: &Account) -> Result<(), Failure> {
    let is_alias = |text: &str| is_label(text) && !is_account_id(text);
    if let Some(alias) = arguments.alias.as_deref().filter(|alias| !is_alias(alias)) {
        let fact = format!("'{}' cannot be an alias", alias.escape_debug());
        let remedy = "use a letter or digit, then up to 62 letters, digits or ._+=,@- (but not twelve digits)";
        return Err(Failure::usage(fact, remedy));
    }
    if !is_account_id(&arguments.account) && !is_label(&arguments.account) {
        let fact = format!("'{}' is neither an account id nor an alias", arguments.account.escape_debug());
        return Err(Failure::usage(fact, "an account id is twelve digits"));
    }
    Ok(())
}

fn confirm(context: &Context, resolver: &mut Resolver<'_>, row: &AccountRow) -> Result<(), Failure> {
    resolver.confirm_unprotected(row).map_err(|error| {
        asking::record(context, resolver.store_path(), "account", &row.account_id, None, &error.outcome());
        error.into()
    })
}

/// The question about a protected account is for its alias.
fn check_protection(known: Option<&AccountRow>, arguments: &Account) -> Result<(), Failure> {
    let has_alias = arguments.alias.is_some() || known.is_some_and(|row| row.alias.is_some());
    if arguments.protect && !has_alias {
        let fact = format!("the account {} has no alias, which would have to be typed", arguments.account);
        let remedy = format!("give it one: multicred account {} --protect --alias NAME", arguments.account);
        return Err(Failure::usage(fact, remedy));
    }
    Ok(())
}

fn only(mut rows: Vec<AccountRow>, typed: &str) -> Result<Option<AccountRow>, Failure> {
    if rows.len() > 1 {
        let partitions: Vec<String> = rows.into_iter().map(|row| row.partition).collect();
        let fact = format!("account {typed} is known in several partitions: {}", partitions.join(", "));
        return Err(Failure::new(Exit::Identity, fact, "name it by its alias"));
    }
    Ok(rows.pop())
}

fn unknown(typed: &str) -> Failure {
    let fact = format!("there is no account called '{}'", typed.escape_debug());
    Failure::new(Exit::Identity, fact, "multicred account ID --alias NAME, with the twelve-digit id")
}

fn change(
    store: &mut Store,
    known: Option<&AccountRow>,
    arguments: &Account,
    colour: Option<ColourChange>,
) -> Result<AccountRow, Failure> {
    let changed: Result<Option<AccountRow>, StoreError> = store.write(Durability::Synced, |writing| {
        let id = match known {
            Some(row) => row.id,
            None => writing.ensure_account("aws", &arguments.account)?,
        };
        if let Some(alias) = &arguments.alias {
            writing.set_alias(id, alias)?;
        }
        if let Some(protected) = arguments.protection() {
            writing.set_protected(id, protected)?;
        }
        if let Some(colour) = colour {
            writing.set_colour(id, colour.word())?;
        }
        Ok(writing.read().accounts()?.into_iter().find(|row| row.id == id))
    });
    changed?.ok_or_else(|| unknown(&arguments.account))
}

/// What is otherwise than before, for the history.
fn changes(before: Option<&AccountRow>, row: &AccountRow) -> String {
    let mut changes = Vec::new();
    let was = |of: fn(&AccountRow) -> Option<&String>| before.and_then(of);
    if let Some(alias) = row.alias.as_ref().filter(|alias| was(|row| row.alias.as_ref()) != Some(*alias)) {
        let former = was(|row| row.alias.as_ref()).map(|former| format!(" in the place of {former}"));
        changes.push(format!("alias {alias}{}", former.unwrap_or_default()));
    }
    if row.colour.as_ref() != was(|row| row.colour.as_ref()) {
        changes.push(row.colour.as_ref().map_or_else(|| "no colour".to_owned(), |colour| format!("colour {colour}")));
    }
    if row.protected != before.is_some_and(|row| row.protected) {
        changes.push(if row.protected { "protected" } else { "no longer protected" }.to_owned());
    }
    if changes.is_empty() { "as it was".to_owned() } else { changes.join(", ") }
}

fn show(context: &Context, global: &Global, row: &AccountRow) -> Result<(), Failure> {
    if global.json {
        let AccountRow { partition, account_id, alias, colour, protected, .. } = row;
        let value = json!({
            "account": account_id, "partition": partition, "alias": alias, "color": colour, "protected": protected,
        });
        return Ok(context.answer_json(&value)?);
    }
    let alias = row.alias.as_deref().map(|alias| format!(" is {alias}")).unwrap_or_default();
    let colour = row.colour.as_deref().map(|colour| format!(", prompt {colour}")).unwrap_or_default();
    let protected = if row.protected { ", protected" } else { "" };
    Ok(context.answer(&format!("account {}{alias}{colour}{protected}\n", row.account_id))?)
}
