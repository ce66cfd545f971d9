//! Every credential that is known, and whose it is. Nobody is asked, and no seal is opened.

use std::collections::HashMap;

use crate::aws_config::Profile;
use crate::identity::route::{CredentialKind, Held};
use crate::identity::{Holder, Identity, key_age};
use crate::store::{AccountRow, IdentityRow};

use super::everybody::{Everybody, Known, Somebody};
use super::{Catalogue, ResolveError};

/// A credential, and whose it is.
#[derive(Clone, Debug)]
pub struct Holding {
    /// Everything about it but its secret.
    pub held: Held,
    /// The name shown of whose it is; for a key whose owner nobody has asked for, the profile that has it.
    pub shown: Option<String>,
    /// The ARN of whose it is, where that is known.
    pub arn: Option<String>,
    /// Whose it is, where that is known.
    pub identity: Option<Identity>,
    /// Whether a rotation has deleted it at AWS, so that it is dead wherever it stands still.
    pub retired: bool,
}

/// Everything that is known, in numbers and names.
#[derive(Debug)]
pub struct Survey {
    /// Everybody.
    pub people: Vec<Somebody>,
    /// Every credential.
    pub holdings: Vec<Holding>,
    /// Every account of the store.
    pub accounts: Vec<AccountRow>,
    /// How many links there are.
    pub links: usize,
}

/// What is known of an account, in numbers.
#[derive(Clone, Debug)]
pub struct AccountCount {
    /// `aws`, `aws-cn`, …
    pub partition: String,
    /// Twelve digits.
    pub account: String,
    /// The person's short name for it.
    pub alias: Option<String>,
    /// The prompt's colour.
    pub colour: Option<String>,
    /// Whether switching to it asks for confirmation.
    pub protected: bool,
    /// How many identities of it the store has.
    pub identities: usize,
    /// How many profiles are in it, or lead to it.
    pub profiles: usize,
    /// How many credentials are of it.
    pub credentials: usize,
}

impl Holding {
    /// Whether it is a long-term key that should be replaced.
    pub fn is_old_key(&self, now: i64) -> bool {
        !self.retired && self.held.kind == CredentialKind::LongTerm && key_age::is_old(self.held.created_at, now)
    }
}

impl AccountCount {
    fn of(account: AccountRow) -> Self {
        let AccountRow { partition, account_id, alias, colour, protected, .. } = account;
        Self { alias, colour, protected, ..Self::unknown(partition, account_id) }
    }

    fn unknown(partition: String, account: String) -> Self {
        let (alias, colour, protected) = (None, None, false);
        Self { partition, account, alias, colour, protected, identities: 0, profiles: 0, credentials: 0 }
    }
}

impl Survey {
    /// The numbers of each account: those of the store first, then those that only profiles know.
    pub fn by_account(&self) -> Vec<AccountCount> {
        let mut counts: Vec<AccountCount> = self.accounts.iter().cloned().map(AccountCount::of).collect();
        let key = |count: &AccountCount| (count.partition.clone(), count.account.clone());
        let mut places: HashMap<_, _> = counts.iter().enumerate().map(|(place, count)| (key(count), place)).collect();
        let mut count = |identity: &Identity, add: fn(&mut AccountCount) -> &mut usize| {
            let key = (identity.partition.clone(), identity.account.clone());
            let place = *places.entry(key).or_insert(counts.len());
            if place == counts.len() {
                counts.push(AccountCount::unknown(identity.partition.clone(), identity.account.clone()));
            }
            *add(&mut counts[place]) += 1;
        };
        for somebody in &self.people {
            let of_store = somebody.source == "store";
            let Some(identity) = &somebody.identity else { continue };
            count(identity, if of_store { |it| &mut it.identities } else { |it| &mut it.profiles });
        }
        let live = self.holdings.iter().filter(|holding| !holding.retired);
        for identity in live.filter_map(|holding| holding.identity.as_ref()) {
            count(identity, |it| &mut it.credentials);
        }
        counts
    }
}

impl Catalogue<'_> {
    /// Every credential of the store, by whose it is, each one's newest first; then those in profiles, by name.
    ///
    /// # Errors
    /// The store or files cannot be read.
    pub fn holdings(&self) -> Result<Vec<Holding>, ResolveError> {
        let (known, profiles) = (self.known()?, self.profiles()?);
        Ok(holdings(known, profiles.iter()))
    }

    /// Everything that is known.
    ///
    /// # Errors
    /// The store or files cannot be read.
    pub fn survey(&self) -> Result<Survey, ResolveError> {
        let Everybody { people, known, profiles } = self.everybody()?;
        let accounts = self.store().map(|store| store.read().accounts()).transpose()?.unwrap_or_default();
        let links = known.links.len();
        let holdings = holdings(known, profiles.iter().map(|(profile, _)| profile));
        Ok(Survey { people, holdings, accounts, links })
    }
}

fn holdings<'p>(mut known: Known, profiles: impl DoubleEndedIterator<Item = &'p Profile> + Clone) -> Vec<Holding> {
    let in_files = in_files(&known, profiles.clone());
    let mut holdings = Vec::new();
    for row in &known.rows {
        holdings.extend(known.held.remove(&row.id).into_iter().flatten().map(|held| of_row(row, held)));
    }
    let key = |profile: &'p Profile| Some((profile.key.as_ref()?.access_key_id.as_str(), profile.name.as_str()));
    let names: HashMap<&str, &str> = profiles.rev().filter_map(key).collect();
    holdings.extend(known.held_outside.into_iter().map(|(owner, held)| {
        let shown = match Holder::of_source_key(&owner) {
            Holder::KeyOwner(id) => names.get(id.as_str()).map(|name| (*name).to_owned()),
            Holder::Outside(_) | Holder::Identity(_) => None,
        };
        Holding { held, shown, arn: None, identity: None, retired: false }
    }));
    holdings.extend(in_files);
    holdings
}

fn in_files<'p>(known: &Known, profiles: impl Iterator<Item = &'p Profile> + Clone) -> Vec<Holding> {
    let owners = known.owners(profiles.clone());
    let holding = |profile: &Profile| {
        let key = profile.key.as_ref()?;
        let owner = owners.get(key.access_key_id.as_str());
        // multicred may have written there what a session policy restricts.
        let restricted_as = owner.and_then(|(_, held)| held.restricted_as.clone());
        let held = Held { restricted_as, ..key.held(&profile.name) };
        let former = || known.former_owner(&key.access_key_id);
        Some(match owner.map(|(row, _)| (*row, false)).or_else(|| Some((former()?, true))) {
            Some((row, retired)) => Holding { retired, ..of_row(row, held) },
            None => Holding { held, shown: Some(profile.name.clone()), arn: None, identity: None, retired: false },
        })
    };
    profiles.filter_map(holding).collect()
}

fn of_row(row: &IdentityRow, held: Held) -> Holding {
    let (shown, arn, identity) = (Some(row.shown()), Some(row.arn()), Some(row.identity.clone()));
    Holding { held, shown, arn, identity, retired: false }
}
