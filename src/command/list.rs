//! `list`: every identity and profile, and what it would take to be it; or every credential; or every account.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::aws_config::{Skipped, skipped};
use crate::cli::{Global, List};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::identity::Identity;
use crate::identity::arn::is_account_id;
use crate::identity::key_age::{self, say_age};
use crate::identity::request::say_duration;
use crate::identity::route::{CredentialKind, Held, Place};
use crate::prompt::Never;
use crate::resolve::{AccountCount, Catalogue, Holding, Resolver, Somebody, Survey, store_path};
use crate::table::{self, Cell, Column, Tint, cell, optional, state_cell};

/// The kinds of credentials, as `--kind` takes them.
const CREDENTIAL_KINDS: [CredentialKind; 4] =
    [CredentialKind::LongTerm, CredentialKind::Imported, CredentialKind::Session, CredentialKind::Role];

pub(super) fn run(context: &Context, global: &Global, arguments: &List) -> Result<(), Failure> {
    check(arguments)?;
    let path = store_path(context, global.store.as_deref())?;
    let resolver = Resolver::new(context, path, Box::new(Never), None)?;
    let catalogue = resolver.catalogue();
    let wanted = Wanted::of(catalogue, arguments)?;
    let found = match (arguments.credentials, arguments.accounts) {
        (true, _) => credentials(context, global, catalogue, &wanted)?,
        (false, true) => accounts(context, global, catalogue.survey()?, &wanted)?,
        (false, false) => people(context, global, catalogue, &wanted)?,
    };
    if !global.json && !arguments.accounts {
        note_skipped(context, catalogue);
    }
    if found == 0 && !global.json {
        let nobody = "there is nobody yet: multicred import --all";
        context.note(if wanted.is_everything() { nobody } else { "there is nobody of that kind" });
    }
    Ok(())
}

/// A profile that is written, and not in the list, is missed.
fn note_skipped(context: &Context, catalogue: &Catalogue<'_>) {
    let Some(files) = catalogue.files() else { return };
    for Skipped { file, line, header, reason } in skipped(files).unwrap_or_default() {
        let (path, header) = (files.path(file).display(), header.escape_debug());
        context.note(&format!("{path}:{line}: [{header}] is taken for no profile: {reason}"));
    }
}

/// Credentials are of other kinds than those who hold them, and in fewer states.
fn check(arguments: &List) -> Result<(), Failure> {
    let of_credential = |kind: &String| CREDENTIAL_KINDS.iter().any(|known| known.word() == kind);
    let of_person = |kind: &String| *kind == "role" || !of_credential(kind);
    let (what, kinds) = if arguments.credentials {
        ("a credential", "long-term, imported, session or role")
    } else {
        ("an identity or a profile", "role, user, root, federated, key or other")
    };
    let fits = |kind: &&String| if arguments.credentials { of_credential(kind) } else { of_person(kind) };
    if let Some(kind) = arguments.kind.iter().find(|kind| !fits(kind)) {
        return Err(Failure::usage(format!("no kind of {what} is '{kind}'"), format!("--kind takes {kinds} here")));
    }
    let of_credential = |state: &&String| ["ready", "expired", "retired"].contains(&state.as_str());
    let known = |state: &&String| if arguments.credentials { of_credential(state) } else { *state != "retired" };
    if let Some(state) = arguments.state.iter().find(|state| !known(state)) {
        return Err(if arguments.credentials {
            Failure::usage(format!("no credential is '{state}'"), "--state takes ready, expired or retired here")
        } else {
            Failure::usage(format!("nobody is '{state}': a key is"), "multicred list --credentials --state retired")
        });
    }
    Ok(())
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
        let accounts = arguments.account.as_deref().map(|name| accounts_named(catalogue, name)).transpose()?;
        Ok(Self { accounts, kinds: &arguments.kind, states: &arguments.state })
    }

    fn is_everything(&self) -> bool {
        self.accounts.is_none() && self.kinds.is_empty() && self.states.is_empty()
    }

    fn has_account(&self, account: Option<&str>) -> bool {
        let is_in = |accounts: &Vec<String>| account.is_some_and(|account| accounts.iter().any(|it| it == account));
        self.accounts.as_ref().is_none_or(is_in)
    }

    fn has(&self, account: Option<&str>, kind: &str, state: &str) -> bool {
        // One word on the command line, as the state is in JSON but for that.
        let is_state = |wanted: &String| *wanted == state.to_lowercase().replace(' ', "-");
        self.has_account(account)
            && (self.kinds.is_empty() || self.kinds.iter().any(|wanted| wanted == kind))
            && (self.states.is_empty() || self.states.iter().any(is_state))
    }

    fn has_somebody(&self, somebody: &Somebody) -> bool {
        self.has(account_of(somebody.identity.as_ref()), somebody.kind, somebody.standing.state.word())
    }
}

/// The account of this name; one that is named by its id need not be known to the store.
fn accounts_named(catalogue: &Catalogue<'_>, name: &str) -> Result<Vec<String>, Failure> {
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

fn account_of(identity: Option<&Identity>) -> Option<&str> {
    identity.map(|identity| identity.account.as_str())
}

/// Lists everybody; the result is how many there were.
fn people(
    context: &Context,
    global: &Global,
    catalogue: &Catalogue<'_>,
    wanted: &Wanted<'_>,
) -> Result<usize, Failure> {
    let mut people = catalogue.people()?;
    people.retain(|somebody| wanted.has_somebody(somebody));
    if global.json {
        context.answer_list(people.iter().map(|somebody| table::somebody_json(somebody).into()))?;
    } else if !people.is_empty() {
        let now = context.now();
        table::print(context, PEOPLE, people.iter().map(|somebody| somebody_cells(somebody, now)))?;
        let is_old = |somebody: &&Somebody| somebody.key_created_at.is_some_and(|since| key_age::is_old(since, now));
        point_out(context, people.iter().filter(is_old).count());
    }
    Ok(people.len())
}

fn point_out(context: &Context, old_keys: usize) {
    if let Some(hint) = key_age::hint(old_keys) {
        context.note(&hint);
    }
}

const PEOPLE: [Column; 7] = [
    Column::kept("IDENTITY"),
    Column::kept("STATE"),
    Column::spare(2, "ACCOUNT"),
    Column::spare(3, "KIND"),
    Column::spare(1, "KEY AGE"),
    Column::spare(4, "ARN"),
    Column::remark("REASON"),
];

fn somebody_cells(somebody: &Somebody, now: i64) -> [Cell<'_>; 7] {
    [
        cell(somebody.shown.as_str()),
        state_cell(&somebody.standing, somebody.protected, now),
        optional(account_of(somebody.identity.as_ref())),
        cell(somebody.kind),
        age_cell(somebody.key_created_at, now),
        optional(somebody.arn.as_deref()),
        optional(somebody.standing.state.reason()),
    ]
}

/// An age, in a colour once it is too high.
fn age_cell(since: Option<i64>, now: i64) -> Cell<'static> {
    let age = since.map(|since| say_age(now - since)).unwrap_or_default();
    cell(age).tinted(since.filter(|since| key_age::is_old(*since, now)).map(|_| Tint::Yellow))
}

/// Lists every credential; the result is how many there were.
fn credentials(
    context: &Context,
    global: &Global,
    catalogue: &Catalogue<'_>,
    wanted: &Wanted<'_>,
) -> Result<usize, Failure> {
    let now = context.now();
    let mut holdings = catalogue.holdings()?;
    holdings.retain(|holding| {
        wanted.has(account_of(holding.identity.as_ref()), holding.held.kind.word(), state(holding, now))
    });
    if global.json {
        context.answer_list(holdings.iter().map(|holding| holding_json(holding, now)))?;
    } else if !holdings.is_empty() {
        table::print(context, CREDENTIALS, holdings.iter().map(|holding| holding_cells(holding, now)))?;
        let is_old = |holding: &&Holding| holding.is_old_key(now);
        point_out(context, holdings.iter().filter(is_old).count());
    }
    Ok(holdings.len())
}

const CREDENTIALS: [Column; 7] = [
    Column::kept("IDENTITY"),
    Column::kept("ACCESS KEY ID"),
    Column::kept("STATE"),
    Column::spare(1, "KIND"),
    Column::spare(2, "AGE"),
    Column::spare(4, "ACCOUNT"),
    Column::spare(3, "PROFILE"),
];

fn holding_cells(holding: &Holding, now: i64) -> [Cell<'_>; 7] {
    let held = &holding.held;
    let age =
        if held.kind == CredentialKind::LongTerm { age_cell(Some(held.created_at), now) } else { cell(age(held, now)) };
    [
        cell(holding.shown.as_deref().unwrap_or("?")),
        cell(held.access_key_id.as_str()),
        end_cell(holding, now),
        cell(held.kind.word()),
        age,
        optional(account_of(holding.identity.as_ref())),
        optional(profile_of(held)),
    ]
}

fn age(held: &Held, now: i64) -> String {
    say_age(now - held.created_at)
}

fn end_cell(holding: &Holding, now: i64) -> Cell<'static> {
    let held = &holding.held;
    let guess = if held.expiry_is_guess { " by a guess" } else { "" };
    let restricted = if held.restricted_as.is_some() { ", restricted" } else { "" };
    let left = match held.expires_at.map(|end| end - now) {
        None => String::new(),
        Some(left) if left > 0 => format!(" {}", say_duration(left)),
        Some(left) => format!(" {} ago", say_age(-left)),
    };
    let (word, tint) = match state(holding, now) {
        word @ ("expired" | "retired") => (word, Tint::Red),
        word => (word, Tint::Green),
    };
    cell(format!("{word}{left}{guess}{restricted}")).tinted(Some(tint))
}

fn state(holding: &Holding, now: i64) -> &'static str {
    match holding.held.seconds_left(now) {
        _ if holding.retired => "retired",
        1.. => "ready",
        _ => "expired",
    }
}

fn profile_of(held: &Held) -> Option<&str> {
    match &held.place {
        Place::Profile(name) => Some(name),
        Place::Store(_) | Place::Environment => None,
    }
}

fn holding_json(holding: &Holding, now: i64) -> Value {
    let held = &holding.held;
    json!({
        "access_key_id": held.access_key_id,
        "identity": holding.shown,
        "arn": holding.arn,
        "account": account_of(holding.identity.as_ref()),
        "kind": held.kind.word(),
        "state": state(holding, now),
        "created_at": held.created_at,
        "expires_at": held.expires_at,
        "expiry_is_guess": held.expiry_is_guess,
        "restricted": held.restricted_as.is_some(),
        "source": if profile_of(held).is_some() { "profile" } else { "store" },
        "profile": profile_of(held),
    })
}

/// Lists every account; the result is how many there were. Kinds and states choose who is counted.
fn accounts(context: &Context, global: &Global, mut survey: Survey, wanted: &Wanted<'_>) -> Result<usize, Failure> {
    let counts_some = !wanted.kinds.is_empty() || !wanted.states.is_empty();
    if counts_some {
        survey.people.retain(|somebody| wanted.has_somebody(somebody));
        let people: HashSet<&Identity> = survey.people.iter().filter_map(|it| it.identity.as_ref()).collect();
        survey.holdings.retain(|holding| holding.identity.as_ref().is_some_and(|identity| people.contains(identity)));
    }
    let mut accounts = survey.by_account();
    accounts.retain(|it| wanted.has_account(Some(&it.account)) && (!counts_some || it.identities + it.profiles > 0));
    if global.json {
        context.answer_list(accounts.iter().map(account_json))?;
    } else if !accounts.is_empty() {
        table::print(context, ACCOUNTS, accounts.iter().map(account_cells))?;
    }
    Ok(accounts.len())
}

const ACCOUNTS: [Column; 8] = [
    Column::kept("ACCOUNT"),
    Column::kept("ALIAS"),
    Column::spare(1, "PROTECTED"),
    Column::spare(5, "COLOR"),
    Column::spare(6, "PARTITION"),
    Column::spare(2, "IDENTITIES"),
    Column::spare(4, "PROFILES"),
    Column::spare(3, "CREDENTIALS"),
];

fn account_cells(account: &AccountCount) -> [Cell<'_>; 8] {
    let protected = if account.protected { "protected" } else { "" };
    [
        cell(account.account.as_str()),
        optional(account.alias.as_deref()),
        cell(protected).tinted(Some(Tint::Red)),
        optional(account.colour.as_deref()),
        cell(account.partition.as_str()),
        cell(account.identities.to_string()),
        cell(account.profiles.to_string()),
        cell(account.credentials.to_string()),
    ]
}

fn account_json(account: &AccountCount) -> Value {
    json!({
        "account": account.account,
        "alias": account.alias,
        "partition": account.partition,
        "color": account.colour,
        "protected": account.protected,
        "identities": account.identities,
        "profiles": account.profiles,
        "credentials": account.credentials,
    })
}
