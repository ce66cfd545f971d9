//! From a typed name to what it means. Every reading is tried; nothing is ever guessed.

use std::collections::HashSet;
use std::path::Path;

use crate::aws_config::{ChainError, NotFollowed, Problem, Profile, Setting};
use crate::identity::arn::is_account_id;
use crate::identity::name::{Form, form, is_access_key_id, nearest};
use crate::identity::{Holder, Identity, Kind};
use crate::store::{AccountRow, CredentialRow, IdentityRow, Owner, Store};

use super::{Catalogue, ResolveError, store_path};

/// What a name means.
#[derive(Clone, Debug)]
pub enum Target {
    /// `-`
    Nobody,
    /// An identity of the store.
    Known(IdentityRow),
    /// A role that only profiles know.
    OfProfiles(Identity),
    /// A profile, by its own settings.
    Profile(Box<Profile>),
    /// One stored credential, as it is.
    Key(Box<CredentialRow>, Holder),
}

/// Why a name means nothing, or too much.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// Nothing has this name.
    #[error("there is no identity or profile called '{name}'")]
    Unknown {
        /// What was typed, safe to print.
        name: String,
        /// The nearest names, nearest first.
        nearest: Vec<String>,
    },
    /// Several things have it.
    #[error("'{name}' could be {}", readings.join(", or "))]
    Ambiguous {
        /// What was typed, safe to print.
        name: String,
        /// What it could be, and how to say so.
        readings: Vec<String>,
    },
    /// Several profiles lead to the identity.
    #[error("{} profiles lead to {identity}: {}", profiles.len(), profiles.join(", "))]
    ManyProfiles {
        /// The identity, as shown.
        identity: String,
        /// The profiles.
        profiles: Vec<String>,
    },
    /// `-` where somebody is needed.
    #[error("'-' is nobody")]
    Nobody,
}

/// One way to read a name.
struct Reading {
    target: Target,
    /// Who that is; two readings with the same holder are the same.
    holder: String,
    /// For the list of an ambiguous name.
    says: String,
}

impl Catalogue<'_> {
    /// Finds what a name means.
    ///
    /// # Errors
    /// Nothing, or several things, have the name; or the store or files cannot be read.
    pub fn lookup(&self, name: &str) -> Result<Target, ResolveError> {
        if form(name) == Form::Nobody {
            return Ok(Target::Nobody);
        }
        Ok(self.only_reading(name, &mut Vec::new())?.target)
    }

    /// The one meaning of a name. `through` are the profiles whose `credential_process` asks multicred for it.
    fn only_reading(&self, name: &str, through: &mut Vec<String>) -> Result<Reading, ResolveError> {
        let mut readings = self.read_by_form(name)?;
        // Last, so that where a label and a profile mean the same, the profile's own settings count.
        if let Some(reading) = self.read_profile(name, through)? {
            let says_nothing_new =
                readings.iter().any(|known| known.holder == reading.holder) && self.wrote(&reading)?;
            readings.extend((!says_nothing_new).then_some(reading));
        }
        let Some(last) = readings.pop() else { return Err(self.unknown(name)?.into()) };
        if readings.iter().all(|reading| reading.holder == last.holder) {
            return Ok(last);
        }
        readings.push(last);
        let readings = readings.into_iter().map(|reading| reading.says).collect();
        Err(LookupError::Ambiguous { name: name.escape_debug().to_string(), readings }.into())
    }

    /// Whether the profile's key is one that multicred obtained, and wrote there, or one that it has rotated away: the
    /// identity itself can do more.
    fn wrote(&self, reading: &Reading) -> Result<bool, ResolveError> {
        let (Target::Profile(profile), Some(store)) = (&reading.target, self.store()) else { return Ok(false) };
        let Some(key) = &profile.key else { return Ok(false) };
        let row = store.read().credential_with_key(&key.access_key_id)?;
        Ok(match row {
            Some(row) => row.held.kind.is_obtainable(),
            None => store.read().owner_of_retired_key(&key.access_key_id)?.is_some(),
        })
    }

    /// Every reading but that of a profile's name.
    fn read_by_form(&self, name: &str) -> Result<Vec<Reading>, ResolveError> {
        match form(name) {
            Form::Nobody => Ok(Vec::new()),
            Form::Arn(arn) => self.read_identity(arn.identity),
            Form::InAccount { account, kinds, name } => self.read_in_account(&account, &kinds, &name),
            Form::Word => self.read_word(name),
        }
    }

    fn read_identity(&self, identity: Identity) -> Result<Vec<Reading>, ResolveError> {
        if let Some(row) = self.store().map(|store| store.read().identity(&identity)).transpose()?.flatten() {
            return Ok(vec![known(row)]);
        }
        if self.profiles_to(&identity.key())?.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![of_profiles(identity)])
    }

    fn read_in_account(&self, account: &str, kinds: &[Kind], name: &str) -> Result<Vec<Reading>, ResolveError> {
        let mut readings = Vec::new();
        let accounts = self.store().map(|store| store.read().accounts_named(account)).transpose()?.unwrap_or_default();
        for row in &accounts {
            if let Some(store) = self.store() {
                readings.extend(store.read().identities_in(row, kinds, name)?.into_iter().map(known));
            }
        }
        if kinds.contains(&Kind::Role) {
            for identity in roles_called(&accounts, account, name) {
                let is_new = readings.iter().all(|reading| reading.holder != identity.key());
                if is_new && !self.profiles_to(&identity.key())?.is_empty() {
                    readings.push(of_profiles(identity));
                }
            }
        }
        Ok(readings)
    }

    fn read_word(&self, word: &str) -> Result<Vec<Reading>, ResolveError> {
        let Some(store) = self.store() else { return Ok(Vec::new()) };
        let mut readings = Vec::new();
        if !word.contains('/') {
            readings.extend(store.read().identity_labelled(word)?.map(|row| Reading {
                says: format!("the identity labelled so ({})", row.identity.typed(row.alias.as_deref())),
                ..known(row)
            }));
        }
        let credential = if is_access_key_id(word) { store.read().credential_with_key(word)? } else { None };
        if let Some(row) = credential {
            readings.push(self.key_reading(row)?);
        }
        Ok(readings)
    }

    fn key_reading(&self, row: CredentialRow) -> Result<Reading, ResolveError> {
        let holder = self.holder_of(&row)?;
        Ok(Reading {
            // The very credential, and nothing derived from it: never the same as another reading.
            holder: format!("key {}", row.held.access_key_id),
            says: format!("the access key of {holder}"),
            target: Target::Key(Box::new(row), holder),
        })
    }

    /// Whose stored credential it is.
    pub(super) fn holder_of(&self, row: &CredentialRow) -> Result<Holder, ResolveError> {
        match &row.owner {
            Owner::KeyOwner(key) => Ok(Holder::of_source_key(key)),
            Owner::Identity(_) => {
                let owner = self.store().map(|store| store.read().owner_of_key(&row.held.access_key_id)).transpose()?;
                Ok(Holder::Identity(owner.flatten().ok_or(ResolveError::CredentialGone)?.identity))
            }
        }
    }

    fn read_profile(&self, name: &str, through: &mut Vec<String>) -> Result<Option<Reading>, ResolveError> {
        let Some(profile) = self.profile(name)? else { return Ok(None) };
        let asked = profile.only_process().map(|process| self.asks_multicred(&profile, process)).transpose()?;
        if let Some(asked) = asked.flatten() {
            return self.read_through(name, &asked, through);
        }
        let holder = self.holder_of_profile(&profile, through)?;
        let says = format!("the profile of that name ({})", describe(&profile, &holder));
        Ok(Some(Reading { target: Target::Profile(Box::new(profile)), holder, says }))
    }

    /// Who a profile is, as far as that can be told without asking: without a role of its own it is whom its source is.
    fn holder_of_profile(&self, profile: &Profile, through: &mut Vec<String>) -> Result<String, ResolveError> {
        let (mut at, mut seen) = (profile.clone(), HashSet::new());
        loop {
            if let Some(role) = at.role() {
                return Ok(role.key());
            }
            if let Some(key) = &at.key {
                return Ok(self.owner_of_file_key(&key.access_key_id)?.key());
            }
            if let Some(row) = self.own_stored(&at)? {
                return Ok(row.identity.key());
            }
            seen.insert(at.name.clone());
            let source = at.value("source_profile").filter(|name| !seen.contains(*name));
            match source.map(|name| self.profile(name)).transpose()?.flatten() {
                Some(source) => at = source,
                None => break,
            }
        }
        // What cannot be followed is told where the profile is used.
        let asked = at.only_process().and_then(|process| self.asks_multicred(&at, process).ok().flatten());
        let reading = match asked.map(|asked| self.read_through(&at.name, &asked, through)).transpose() {
            Err(ResolveError::Chain(_)) => None,
            reading => reading?.flatten(),
        };
        Ok(reading.map_or_else(|| format!("profile {}", at.name), |reading| reading.holder))
    }

    /// A profile whose `credential_process` is multicred itself means whom that asks for: it is never run.
    fn read_through(
        &self,
        profile: &str,
        asked: &str,
        through: &mut Vec<String>,
    ) -> Result<Option<Reading>, ResolveError> {
        if through.iter().any(|name| name == profile) {
            if !self.read_by_form(profile)?.is_empty() {
                return Ok(None);
            }
            // It was called after somebody who has another name now, or is gone.
            if through.last().is_some_and(|last| last == profile) {
                return Err(ChainError::from(Problem::AsksForNobody(profile.escape_debug().to_string())).into());
            }
            return refuse_loop(profile, through).map(|()| None);
        }
        through.push(profile.to_owned());
        let reading = self.only_reading(asked, through)?;
        let says = format!("the profile of that name, which asks multicred for {asked} ({})", reading.holder);
        Ok(Some(Reading { says, ..reading }))
    }

    /// Whom the `credential_process` of a chain's source asks multicred for, and by which name; `None` where it runs
    /// another program, or asks another store. `trail` has the profiles that led there, and gets those after them.
    pub(super) fn asked_by_source(
        &self,
        profile: &Profile,
        process: &Setting,
        trail: &mut Vec<String>,
    ) -> Result<Option<(Target, String)>, ResolveError> {
        let Some(asked) = self.asks_multicred(profile, process)? else { return Ok(None) };
        refuse_loop(&profile.name, trail)?;
        let reading = self.read_through(&profile.name, &asked, trail)?;
        Ok(reading.map(|reading| (reading.target, asked)))
    }

    /// The name that a profile's `credential_process` asks multicred for, where that would ask this very store.
    fn asks_multicred(&self, profile: &Profile, process: &Setting) -> Result<Option<String>, ResolveError> {
        let Some(asked) = process.asks_multicred() else { return Ok(None) };
        let (name, place) = (profile.name.clone(), self.place(&process.origin));
        let asked = asked.map_err(|why| {
            ChainError::from(match why {
                NotFollowed::Flag(flag) => Problem::AsksWith { profile: name, flag, place },
                NotFollowed::NotOneIdentity => Problem::AsksForNoOne { profile: name, place },
            })
        })?;
        let is_this = match &asked.store {
            Some(store) => {
                Path::new(store) == self.store_path() || self.store_argument().as_deref() == Some(Path::new(store))
            }
            None => store_path(self.context, None).is_ok_and(|path| path == self.store_path()),
        };
        Ok(is_this.then_some(asked.name))
    }

    /// The one identity of the store that has this name, whatever profiles are called.
    ///
    /// # Errors
    /// The store or files cannot be read.
    pub fn stored_identity(&self, name: &str) -> Result<Option<IdentityRow>, ResolveError> {
        let mut readings = self.read_by_form(name)?;
        Ok(match (readings.pop().map(|reading| reading.target), readings.is_empty()) {
            (Some(Target::Known(row)), true) => Some(row),
            _ => None,
        })
    }

    /// What a name means, whatever profiles are called, in words.
    pub(super) fn meaning(&self, name: &str) -> Result<Option<String>, ResolveError> {
        Ok(self.read_by_form(name)?.pop().map(|reading| reading.says))
    }

    /// What stands against a name becoming a label: what it means beside these, in words.
    ///
    /// # Errors
    /// The store or files cannot be read.
    pub fn other_meaning(&self, name: &str, than: &[Holder]) -> Result<Option<String>, ResolveError> {
        let mut readings = self.read_by_form(name)?;
        match self.read_profile(name, &mut Vec::new()) {
            // A profile that asks multicred for a name that nobody has yet.
            Err(ResolveError::Lookup(LookupError::Unknown { .. })) => {}
            reading => readings.extend(reading?),
        }
        let is_other = |reading: &Reading| than.iter().all(|holder| reading.holder != holder.key());
        Ok(readings.into_iter().find(is_other).map(|reading| reading.says))
    }

    /// The owner of a key that was found in a file, where the store knows the key, or did before it was rotated.
    pub(super) fn owner_of_file_key(&self, access_key_id: &str) -> Result<Holder, ResolveError> {
        let owner = |store: &Store| match store.read().owner_of_key(access_key_id)? {
            None => store.read().owner_of_retired_key(access_key_id),
            known => Ok(known),
        };
        let row = self.store().map(owner).transpose()?.flatten();
        Ok(row.map_or_else(|| Holder::KeyOwner(access_key_id.to_owned()), |row| Holder::Identity(row.identity)))
    }

    fn unknown(&self, name: &str) -> Result<LookupError, ResolveError> {
        /// More suggestions than this are no help.
        const SUGGESTIONS: usize = 3;
        let names = self.all_names()?;
        let near = nearest(name, names.iter().map(String::as_str), SUGGESTIONS);
        let nearest = near.into_iter().map(str::to_owned).collect();
        Ok(LookupError::Unknown { name: name.escape_debug().to_string(), nearest })
    }

    /// Every name that a person may type, in no order.
    ///
    /// # Errors
    /// The store or files cannot be read.
    pub fn all_names(&self) -> Result<Vec<String>, ResolveError> {
        let mut names: Vec<String> = self.profiles()?.into_iter().map(|profile| profile.name).collect();
        if let Some(store) = self.store() {
            for row in store.read().identities()? {
                names.push(row.identity.typed(row.alias.as_deref()));
                names.extend(row.label);
            }
        }
        Ok(names)
    }
}

/// # Errors
/// The trail of profiles through which multicred is asked comes back to where it has been.
pub(super) fn refuse_loop(profile: &str, trail: &[String]) -> Result<(), ResolveError> {
    let Some(start) = trail.iter().position(|name| name == profile) else { return Ok(()) };
    let names: Vec<&str> = trail[start..].iter().map(String::as_str).chain([profile]).collect();
    Err(ChainError::from(Problem::AsksInLoop(names.join(" → ").escape_debug().to_string())).into())
}

/// The roles that `account/name` may mean, whether or not anybody knows them.
fn roles_called(rows: &[AccountRow], account: &str, name: &str) -> Vec<Identity> {
    let mut places: Vec<(&str, &str)> = rows.iter().map(|row| (&*row.partition, &*row.account_id)).collect();
    if is_account_id(account) {
        places.extend(["aws", "aws-cn", "aws-us-gov", "aws-eusc"].map(|partition| (partition, account)));
    }
    places.sort_unstable();
    places.dedup();
    let role = |(partition, account): (&str, &str)| Identity {
        partition: partition.to_owned(),
        account: account.to_owned(),
        kind: Kind::Role,
        name: name.to_owned(),
    };
    places.into_iter().map(role).collect()
}

fn describe(profile: &Profile, holder: &str) -> String {
    match (profile.role(), &profile.key) {
        (Some(role), _) => role.to_string(),
        (None, Some(key)) => format!("its own key {}", key.access_key_id),
        (None, None) => holder.to_owned(),
    }
}

fn known(row: IdentityRow) -> Reading {
    let typed = row.identity.typed(row.alias.as_deref());
    let says = format!("the {} {typed} ({})", row.identity.kind.word(), row.arn());
    Reading { holder: row.identity.key(), says, target: Target::Known(row) }
}

fn of_profiles(identity: Identity) -> Reading {
    Reading { holder: identity.key(), says: format!("the role {identity}"), target: Target::OfProfiles(identity) }
}
