//! Everybody that is known: the identities of the store, and the profiles that are none of them. Nobody is asked.
//!
//! What the store knows is read whole, in a few statements: one question after the other for each identity would take
//! minutes where there are very many.

use std::collections::{HashMap, HashSet};

use crate::aws_config::Profile;
use crate::identity::name::is_access_key_id;
use crate::identity::route::{CredentialKind, Held, Place, RoleHop};
use crate::identity::{Identity, Kind};
use crate::store::{IdentityRow, LinkRow, Owner};

use super::{Catalogue, Destination, ResolveError, Standing, Target, kind_of_profile};

/// An identity of the store, or a profile.
#[derive(Clone, Debug)]
pub struct Somebody {
    /// The name shown.
    pub shown: String,
    /// The ARN, where it is known.
    pub arn: Option<String>,
    /// Who it is, where that is known.
    pub identity: Option<Identity>,
    /// `role`, `user`, …, or what sort of profile it is.
    pub kind: &'static str,
    /// `store` or `profile`.
    pub source: &'static str,
    /// Whether the account is protected.
    pub protected: bool,
    /// Since when its oldest long-term key is known, epoch seconds UTC: when it was stored, or its file written.
    pub key_created_at: Option<i64>,
    /// What it would take to be it.
    pub standing: Standing,
}

/// Everybody, those of the store first.
pub(super) struct Everybody {
    pub(super) people: Vec<Somebody>,
    pub(super) known: Known,
    /// Every profile, and where it stands among the people; `None` for one that is the identity of its name.
    pub(super) profiles: Vec<(Profile, Option<usize>)>,
}

/// What the store knows, in memory.
#[derive(Default)]
pub(super) struct Known {
    /// Every identity, in the order of lists.
    pub(super) rows: Vec<IdentityRow>,
    /// Where each row is, by its number in the store.
    pub(super) places: HashMap<i64, usize>,
    /// The parent of each, and how it is reached from there.
    pub(super) links: HashMap<i64, (i64, RoleHop)>,
    /// The credentials of each, newest first.
    pub(super) held: HashMap<i64, Vec<Held>>,
    /// The credentials of those who are no identity, and who that is: [`crate::identity::Holder::source_key`].
    pub(super) held_outside: Vec<(String, Held)>,
    /// Whose each key was that a rotation has deleted.
    retired: HashMap<String, i64>,
    parents: HashSet<i64>,
    /// Whether each account is protected, by partition and id.
    accounts: HashMap<(String, String), bool>,
}

impl Known {
    /// As the store's own: itself first, the root last, and bounded.
    fn chain(&self, row: &IdentityRow) -> Vec<LinkRow> {
        let mut chain = vec![LinkRow { identity: row.clone(), hop: None }];
        while chain.len() <= LinkRow::DEEPEST {
            let last = chain.len() - 1;
            let Some((parent, hop)) = self.links.get(&chain[last].identity.id) else { break };
            chain[last].hop = Some(hop.clone());
            let Some(place) = self.places.get(parent) else { break };
            chain.push(LinkRow { identity: self.rows[*place].clone(), hop: None });
        }
        chain
    }

    /// Those of these profiles' own keys that the store has, too, and whose they are.
    pub(super) fn owners<'k, 'p>(&'k self, profiles: impl Iterator<Item = &'p Profile>) -> Owners<'k> {
        let keys = profiles.filter_map(|profile| Some(profile.key.as_ref()?.access_key_id.as_str()));
        let keys: HashSet<&str> = keys.collect();
        let held = self.held.iter().flat_map(|(id, held)| held.iter().map(move |held| (held, id)));
        let wanted = held.filter(|(held, _)| keys.contains(held.access_key_id.as_str()));
        let owner = |(held, id): (&'k Held, &i64)| {
            Some((held.access_key_id.as_str(), (&self.rows[*self.places.get(id)?], held)))
        };
        wanted.filter_map(owner).collect()
    }

    /// Whose key it was before a rotation deleted it.
    pub(super) fn former_owner(&self, access_key_id: &str) -> Option<&IdentityRow> {
        self.rows.get(*self.places.get(self.retired.get(access_key_id)?)?)
    }

    fn is_protected(&self, identity: &Identity) -> bool {
        let key = (identity.partition.clone(), identity.account.clone());
        self.accounts.get(&key).copied().unwrap_or_default()
    }

    fn key_created_at(&self, row: &IdentityRow) -> Option<i64> {
        let keys = self.held.get(&row.id)?.iter().filter(|held| held.kind == CredentialKind::LongTerm);
        keys.map(|held| held.created_at).min()
    }
}

/// Whose an access key is, and what the store has of it.
pub(super) type Owners<'k> = HashMap<&'k str, (&'k IdentityRow, &'k Held)>;

/// The names under which more than one may be found, so that each has to be looked up.
struct Doubtful<'f> {
    profiles: HashSet<&'f str>,
    /// How many identities have this name in this account.
    in_account: HashMap<(&'f str, &'f str), u32>,
}

impl<'f> Doubtful<'f> {
    fn of(known: &'f Known, profiles: &'f [Profile], roles: &'f [Identity]) -> Self {
        let identities: HashSet<&Identity> = known.rows.iter().map(|row| &row.identity).chain(roles).collect();
        let mut in_account = HashMap::new();
        for identity in identities {
            *in_account.entry((identity.account.as_str(), identity.name.as_str())).or_default() += 1;
        }
        Self { profiles: profiles.iter().map(|profile| profile.name.as_str()).collect(), in_account }
    }

    fn has(&self, shown: &str, row: &IdentityRow) -> bool {
        let Identity { account, kind, name, .. } = &row.identity;
        self.profiles.contains(shown)
            || row.label.as_deref().is_some_and(is_access_key_id)
            || (*kind == Kind::Role && name == "root")
            || self.in_account.get(&(account.as_str(), name.as_str())) != Some(&1)
    }
}

impl Catalogue<'_> {
    /// Everybody, those of the store first, by account and name; then the profiles, by name.
    ///
    /// # Errors
    /// The store or files cannot be read.
    pub fn people(&self) -> Result<Vec<Somebody>, ResolveError> {
        Ok(self.everybody()?.people)
    }

    pub(super) fn everybody(&self) -> Result<Everybody, ResolveError> {
        // What is wrong with them is one fault, and not one of everybody's.
        self.settings()?;
        let known = self.known()?;
        let profiles = self.profiles()?;
        let roles: Vec<Identity> = profiles.iter().filter_map(Profile::role).collect();
        let doubtful = Doubtful::of(&known, &profiles, &roles);
        let mut people = Vec::with_capacity(known.rows.len() + profiles.len());
        for row in &known.rows {
            people.push(self.of_row(row, &known, &doubtful)?);
        }
        let names = people.iter().map(|somebody| &somebody.shown);
        let names: HashSet<String> = names.filter(|name| doubtful.profiles.contains(name.as_str())).cloned().collect();
        let owners = known.owners(profiles.iter());
        let mut places = Vec::with_capacity(profiles.len());
        for profile in &profiles {
            let target = self.lookup(&profile.name);
            // A profile that is the identity of its name is that identity.
            if names.contains(&profile.name) && target.is_ok() {
                places.push(None);
                continue;
            }
            places.push(Some(people.len()));
            people.push(of_profile(profile, &known, &owners, self.standing(target, &profile.name)));
        }
        Ok(Everybody { people, profiles: profiles.into_iter().zip(places).collect(), known })
    }

    pub(super) fn known(&self) -> Result<Known, ResolveError> {
        let Some(store) = self.store() else { return Ok(Known::default()) };
        store.begin_snapshot();
        let rows = store.read().identities()?;
        let places = rows.iter().enumerate().map(|(place, row)| (row.id, place)).collect();
        let links = store.read().links()?;
        let parents = links.values().map(|(parent, _)| *parent).collect();
        let mut known = Known { rows, places, links, parents, ..Known::default() };
        for credential in store.read().credentials()? {
            match credential.owner {
                // Most have one, and there may be very many.
                Owner::Identity(id) => {
                    known.held.entry(id).or_insert_with(|| Vec::with_capacity(1)).push(credential.held);
                }
                Owner::KeyOwner(key) => known.held_outside.push((key, credential.held)),
            }
        }
        for held in known.held.values_mut() {
            held.sort_by_key(|held| std::cmp::Reverse((held.created_at, row_of(held))));
        }
        known.retired = store.read().retired_keys()?.into_iter().collect();
        let accounts = store.read().accounts()?.into_iter();
        known.accounts = accounts.map(|row| ((row.partition, row.account_id), row.protected)).collect();
        Ok(known)
    }

    fn of_row(&self, row: &IdentityRow, known: &Known, doubtful: &Doubtful<'_>) -> Result<Somebody, ResolveError> {
        let shown = row.shown();
        let looked_up = if doubtful.has(&shown, row) { self.lookup(&shown).map(drop) } else { Ok(()) };
        let is_linked = known.links.contains_key(&row.id);
        let standing = if let Err(error) = looked_up {
            self.standing_at(Err(error))
        } else if !is_linked && !self.profiles_to(&row.identity.key())?.is_empty() {
            self.standing(Ok(Target::Known(row.clone())), &shown)
        } else {
            self.standing_at(self.by_links_in_memory(&mut known.chain(row), known))
        };
        Ok(Somebody {
            shown,
            arn: Some(row.arn()),
            identity: Some(row.identity.clone()),
            kind: row.identity.kind.word(),
            source: "store",
            protected: row.protected,
            key_created_at: known.key_created_at(row),
            standing,
        })
    }

    fn by_links_in_memory(&self, chain: &mut [LinkRow], known: &Known) -> Result<Destination, ResolveError> {
        let held = |id: i64| Ok(known.held.get(&id).cloned().unwrap_or_default());
        self.by_links_with(chain, &held, &|id| Ok(known.parents.contains(&id)))
    }
}

fn row_of(held: &Held) -> i64 {
    match held.place {
        Place::Store(id) => id,
        Place::Profile(_) | Place::Environment => 0,
    }
}

fn of_profile(profile: &Profile, known: &Known, owners: &Owners<'_>, standing: Standing) -> Somebody {
    let key = profile.key.as_ref();
    let owner = key.and_then(|key| owners.get(key.access_key_id.as_str()));
    let identity = profile.role().or_else(|| owner.map(|(row, _)| row.identity.clone()));
    // The store may know the key for longer than the file has been as it is.
    let since = |written: i64| owner.map_or(written, |(_, held)| held.created_at.min(written));
    Somebody {
        shown: profile.name.clone(),
        arn: profile.value("role_arn").map(str::to_owned).or_else(|| owner.map(|(row, _)| row.arn())),
        kind: kind_of_profile(profile),
        source: "profile",
        protected: identity.as_ref().is_some_and(|identity| known.is_protected(identity)),
        key_created_at: key.filter(|key| !key.temporary).map(|key| since(key.written_at)),
        identity,
        standing,
    }
}
