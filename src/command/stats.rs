//! `stats`: how much there is of everything, and what was done with it. Asks nobody.

use std::cmp::Reverse;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::changing::count;
use crate::cli::Global;
use crate::context::{Context, printable};
use crate::error::Failure;
use crate::history::{History, Usage};
use crate::identity::Kind;
use crate::identity::key_age::{self, DAY};
use crate::identity::route::CredentialKind;
use crate::prompt::Never;
use crate::resolve::{AccountCount, Resolver, State, Survey, store_path};
use crate::store::Store;

/// The days that are looked back upon.
const DAYS: [i64; 2] = [7, 30];
/// So many accounts are told in a line.
const TOLD: usize = 10;

/// A word and how often it is true, in the order in which they are told.
type Counts = Vec<(&'static str, usize)>;

pub(super) fn run(context: &Context, global: &Global) -> Result<(), Failure> {
    let path = store_path(context, global.store.as_deref())?;
    let history = History::beside(&path);
    let resolver = Resolver::new(context, path, Box::new(Never), None)?;
    let survey = resolver.catalogue().survey()?;
    let stats = Stats {
        store: resolver.catalogue().store().map(OfStore::of).transpose()?,
        used: used(context, &history)?,
        now: context.now(),
        accounts: survey.by_account(),
        survey,
    };
    if global.json {
        return Ok(context.answer_json(&stats.json())?);
    }
    Ok(context.answer(&stats.text())?)
}

/// How long the history is, and what it tells.
fn used(context: &Context, history: &History) -> Result<(u64, [Usage; 2]), Failure> {
    let since = DAYS.map(|days| context.now() - days * DAY);
    let read = || match history.past()? {
        Some(past) => Ok((past.bytes(), past.usage(since)?)),
        None => Ok((0, since.map(|since| Usage { since, ..Usage::default() }))),
    };
    read().map_err(|error: std::io::Error| super::history::unreadable(history, &error))
}

/// The store itself.
struct OfStore<'s> {
    path: &'s Path,
    bytes: u64,
    schema: i64,
    /// The number and the kind of each key slot.
    slots: Vec<(i64, String)>,
}

impl<'s> OfStore<'s> {
    fn of(store: &'s Store) -> Result<Self, Failure> {
        let slots = store.read().key_slots()?.1.into_iter().map(|slot| (slot.id, slot.kind)).collect();
        Ok(Self { path: store.path(), bytes: store.bytes(), schema: store.read().schema_version()?, slots })
    }
}

/// What there is to tell.
struct Stats<'s> {
    store: Option<OfStore<'s>>,
    survey: Survey,
    accounts: Vec<AccountCount>,
    /// How many bytes of history there are, and what it tells of the last days.
    used: (u64, [Usage; 2]),
    now: i64,
}

impl Stats<'_> {
    /// How many of a source are of each kind.
    fn kinds<const N: usize>(&self, source: &str, kinds: [&'static str; N]) -> Counts {
        let of_kind = |kind: &str| {
            let people = self.survey.people.iter();
            people.filter(|somebody| somebody.source == source && somebody.kind == kind).count()
        };
        kinds.into_iter().map(|kind| (kind, of_kind(kind))).collect()
    }

    fn identities(&self) -> Counts {
        self.kinds("store", [Kind::Role, Kind::User, Kind::Root, Kind::Federated].map(Kind::word))
    }

    fn profiles(&self) -> Counts {
        self.kinds("profile", ["role", "key", "other"])
    }

    fn states(&self) -> Counts {
        let count = |word: &str| self.survey.people.iter().filter(|it| it.standing.state.word() == word).count();
        State::WORDS.into_iter().map(|word| (word, count(word))).collect()
    }

    fn credentials(&self) -> Counts {
        let kinds = [CredentialKind::LongTerm, CredentialKind::Imported, CredentialKind::Session, CredentialKind::Role];
        let count = |kind: CredentialKind| self.survey.holdings.iter().filter(|it| it.held.kind == kind).count();
        kinds.into_iter().map(|kind| (kind.word(), count(kind))).collect()
    }

    fn expired(&self) -> usize {
        self.survey.holdings.iter().filter(|holding| holding.held.seconds_left(self.now) <= 0).count()
    }

    fn old_keys(&self) -> usize {
        self.survey.holdings.iter().filter(|holding| holding.is_old_key(self.now)).count()
    }

    fn protected(&self) -> usize {
        self.accounts.iter().filter(|account| account.protected).count()
    }

    fn text(&self) -> String {
        let mut lines = Vec::new();
        if let Some(store) = &self.store {
            let slot = |(number, kind): &(i64, String)| format!("slot {number} ({kind})");
            lines.push(format!("store: {}, {}, schema {}", store.path.display(), size(store.bytes), store.schema));
            lines.push(format!("opened by: {}", store.slots.iter().map(slot).collect::<Vec<_>>().join(", ")));
        } else {
            lines.push("store: none; the first import makes it".to_owned());
        }
        let some = |count: usize, what: &str| if count > 0 { format!(", {count} {what}") } else { String::new() };
        lines.push(format!("accounts: {}{}", self.accounts.len(), some(self.protected(), "protected")));
        lines.push(format!("identities: {}{}", sum(&self.identities()), some(self.survey.links, "linked")));
        lines.push(format!("profiles: {}", sum(&self.profiles())));
        lines.push(format!("states: {}", say(&self.states())));
        lines.push(format!("credentials: {}{}", sum(&self.credentials()), some(self.expired(), "expired")));
        lines.extend(self.by_account());
        lines.extend(
            DAYS.iter().zip(&self.used.1).map(|(days, usage)| format!("last {days} days: {}", say_usage(usage))),
        );
        lines.push(format!("history: {}", size(self.used.0)));
        lines.extend(key_age::hint(self.old_keys()));
        lines.iter().map(|line| printable(line) + "\n").collect()
    }

    /// The accounts of which most is known.
    fn by_account(&self) -> Option<String> {
        let mut accounts: Vec<(usize, &str)> = self
            .accounts
            .iter()
            .map(|it| (it.identities + it.profiles, it.alias.as_deref().unwrap_or(&it.account)))
            .collect();
        accounts.sort_by_key(|(count, _)| Reverse(*count));
        let told = accounts.iter().take(TOLD).map(|(count, name)| format!("{name} {count}")).collect::<Vec<_>>();
        let more = accounts.len().saturating_sub(TOLD);
        let more = if more > 0 { format!(", and {more} more: multicred list --accounts") } else { String::new() };
        (!told.is_empty()).then(|| format!("by account: {}{more}", told.join(", ")))
    }

    fn json(&self) -> Value {
        let slot = |(number, kind): &(i64, String)| json!({ "slot": number, "kind": kind });
        let account = |it: &AccountCount| {
            json!({
                "account": it.account, "alias": it.alias, "identities": it.identities, "profiles": it.profiles,
                "credentials": it.credentials,
            })
        };
        let store = self.store.as_ref();
        json!({
            "store": store.map(|store| store.path),
            "bytes": store.map(|store| store.bytes),
            "schema": store.map(|store| store.schema),
            "slots": store.map(|store| store.slots.iter().map(slot).collect::<Vec<_>>()).unwrap_or_default(),
            "accounts": self.accounts.len(),
            "protected": self.protected(),
            "by_account": self.accounts.iter().map(account).collect::<Vec<_>>(),
            "identities": object(self.identities()),
            "links": self.survey.links,
            "profiles": object(self.profiles()),
            "states": object(self.states()),
            "credentials": object(self.credentials()),
            "expired": self.expired(),
            "old_keys": self.old_keys(),
            "history_bytes": self.used.0,
            "used": DAYS.iter().zip(&self.used.1).map(|(days, usage)| usage_json(*days, usage)).collect::<Vec<_>>(),
        })
    }
}

fn usage_json(days: i64, usage: &Usage) -> Value {
    let Usage { switches, programs, cached, calls, failures, .. } = usage;
    json!({
        "days": days, "switches": switches, "programs": programs, "cached": cached, "calls": calls,
        "failures": failures,
    })
}

fn object(counts: Counts) -> Map<String, Value> {
    counts.into_iter().map(|(word, count)| (word.to_owned(), count.into())).collect()
}

/// `6 (4 role, 2 user)`
fn sum(counts: &Counts) -> String {
    match counts.iter().map(|(_, count)| count).sum() {
        0 => "0".to_owned(),
        sum => format!("{sum} ({})", say(counts)),
    }
}

fn say(counts: &Counts) -> String {
    let some: Vec<String> =
        counts.iter().filter(|(_, count)| *count > 0).map(|(word, count)| format!("{count} {word}")).collect();
    if some.is_empty() { "none".to_owned() } else { some.join(", ") }
}

fn say_usage(usage: &Usage) -> String {
    let Usage { switches, programs, cached, calls, failures, .. } = usage;
    let switches = count(*switches, "switch", "switches");
    let programs = count(*programs, "program", "programs");
    let calls = count(*calls, "call", "calls");
    let failures = if *failures > 0 { format!("; {}", count(*failures, "failure", "failures")) } else { String::new() };
    format!("{switches}, {programs}, {cached} of them without a call; {calls}{failures}")
}

/// A size in the unit in which a person thinks of it.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 0x10_0000),
    }
}
