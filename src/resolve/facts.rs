//! Everything that is known of one identity or profile. Nobody is asked, and no seal is opened.

use std::collections::HashSet;

use crate::aws_config::{Origin, Profile, chain};
use crate::identity::route::{Held, RoleHop};
use crate::identity::{Holder, Identity};
use crate::store::{IdentityRow, Owner};

use super::{Catalogue, LookupError, ResolveError, Standing, Target};

/// What is known of somebody.
#[derive(Debug)]
pub struct Facts {
    /// Whether it is a profile, which may be of an identity, and is not that.
    pub is_profile: bool,
    /// The name shown of whom the profile is of, where that is known.
    pub profile_of: Option<String>,
    /// The name shown.
    pub shown: String,
    /// `role`, `user`, …, or what sort of profile it is: [`kind_of_profile`].
    pub kind: &'static str,
    /// `store` or `profile`.
    pub source: &'static str,
    /// Who it is, where that is known.
    pub identity: Option<Identity>,
    /// The ARN, where it is known.
    pub arn: Option<String>,
    /// The account's alias.
    pub alias: Option<String>,
    /// The account's colour.
    pub colour: Option<String>,
    /// Whether the account is protected.
    pub protected: bool,
    /// The person's short name for it.
    pub label: Option<String>,
    /// Every name that means it, the profiles' among them.
    pub names: Vec<String>,
    /// Its region.
    pub region: Option<String>,
    /// Its MFA device.
    pub mfa_serial: Option<String>,
    /// From whom it is assumed.
    pub parent: Option<Parent>,
    /// Who is assumed from it, as shown.
    pub children: Vec<String>,
    /// Its credentials, without their secrets, those of the store first.
    pub held: Vec<Held>,
    /// The profiles that are it or lead to it, and where each stands: the first line that says something.
    pub profiles: Vec<(String, Option<String>)>,
    /// What it would take to be it.
    pub standing: Standing,
}

/// From whom somebody is assumed, and how.
#[derive(Debug)]
pub struct Parent {
    /// The name shown.
    pub shown: String,
    /// The ARN, where it is known.
    pub arn: Option<String>,
    /// What says so.
    pub by: By,
    /// How; `None` for a profile without a role, which is its source.
    pub hop: Option<RoleHop>,
}

/// What says from whom somebody is assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// A link of the store.
    Link,
    /// The profile of this name.
    Profile(String),
}

/// What sort of profile it is: `role`, `key` for one with a key of its own, else `other`.
pub fn kind_of_profile(profile: &Profile) -> &'static str {
    match (profile.role(), &profile.key) {
        (Some(_), _) => "role",
        (None, Some(_)) => "key",
        (None, None) => "other",
    }
}

impl Catalogue<'_> {
    /// Everything that is known of whom a name means.
    ///
    /// # Errors
    /// The name means nothing, or several things; or the store or files cannot be read.
    pub fn facts(&self, name: &str) -> Result<Facts, ResolveError> {
        let target = self.lookup(name)?;
        self.settings()?;
        match &target {
            Target::Nobody => Err(LookupError::Nobody.into()),
            Target::Known(row) => self.facts_of_row(row),
            Target::OfProfiles(role) => self.facts_of_role(role, &target),
            Target::Profile(profile) => self.facts_of_profile(profile, &target),
            Target::Key(row, holder) => match self.row_of(holder)? {
                Some(owner) => self.facts_of_row(&owner),
                None => Ok(self.facts_of_key(&row.held, &target)),
            },
        }
    }

    fn facts_of_row(&self, row: &IdentityRow) -> Result<Facts, ResolveError> {
        let profiles = self.profiles_of(&row.identity)?;
        let parent = match self.parent_by_link(row)? {
            None => only(&profiles).map(|profile| self.parent_by_profile(profile)).transpose()?.flatten(),
            linked => linked,
        };
        let shown = row.shown();
        let target = self.lookup(&shown).map(|_| Target::Known(row.clone()));
        let mut children: Vec<String> = match self.store() {
            Some(store) => store.read().children(row.id)?.iter().map(IdentityRow::shown).collect(),
            None => Vec::new(),
        };
        children.extend(self.sourced_from(&profiles)?);
        Ok(Facts {
            is_profile: false,
            profile_of: None,
            standing: self.standing(target, &shown),
            kind: row.identity.kind.word(),
            source: "store",
            arn: Some(parent.as_ref().and_then(own_arn).unwrap_or_else(|| row.arn())),
            alias: row.alias.clone(),
            colour: row.colour.clone(),
            protected: row.protected,
            label: row.label.clone(),
            names: self.names_of(&row.identity, Some(row), &profiles)?,
            region: row.region.clone(),
            mfa_serial: row.mfa_serial.clone(),
            parent,
            children,
            held: self.held_by(&Owner::Identity(row.id))?,
            profiles: profiles.iter().map(|profile| self.where_it_stands(profile)).collect(),
            identity: Some(row.identity.clone()),
            shown,
        })
    }

    /// A role that only profiles know.
    fn facts_of_role(&self, role: &Identity, target: &Target) -> Result<Facts, ResolveError> {
        let profiles = self.profiles_of(role)?;
        let account = self.account_of(role)?;
        let shown = role.typed(account.as_ref().and_then(|account| account.alias.as_deref()));
        let parent = only(&profiles).map(|profile| self.parent_by_profile(profile)).transpose()?.flatten();
        let only_value = |key| only(&profiles).and_then(|profile| profile.value(key)).map(str::to_owned);
        Ok(Facts {
            is_profile: false,
            profile_of: None,
            standing: self.standing(Ok(target.clone()), &shown),
            kind: role.kind.word(),
            source: "profile",
            arn: Some(only_value("role_arn").unwrap_or_else(|| role.arn(None))),
            alias: account.as_ref().and_then(|account| account.alias.clone()),
            colour: account.as_ref().and_then(|account| account.colour.clone()),
            protected: account.is_some_and(|account| account.protected),
            label: None,
            names: self.names_of(role, None, &profiles)?,
            region: only_value("region"),
            mfa_serial: only_value("mfa_serial"),
            parent,
            children: Vec::new(),
            held: Vec::new(),
            profiles: profiles.iter().map(|profile| self.where_it_stands(profile)).collect(),
            identity: Some(role.clone()),
            shown,
        })
    }

    fn facts_of_profile(&self, profile: &Profile, target: &Target) -> Result<Facts, ResolveError> {
        let identity = match (profile.role(), &profile.key) {
            (Some(role), _) => Some(role),
            (None, Some(key)) => self.owner_of_file_key(&key.access_key_id)?.identity().cloned(),
            (None, None) => None,
        };
        let row = identity.as_ref().map(|it| self.row_of(&Holder::Identity(it.clone()))).transpose()?.flatten();
        let account = identity.as_ref().map(|identity| self.account_of(identity)).transpose()?.flatten();
        let mut held = row.as_ref().map(|row| self.held_by(&Owner::Identity(row.id))).transpose()?.unwrap_or_default();
        held.extend(profile.key.iter().map(|key| key.held(&profile.name)));
        let arn = profile.value("role_arn").map(str::to_owned).or_else(|| row.as_ref().map(IdentityRow::arn));
        let alias = account.as_ref().and_then(|account| account.alias.as_deref());
        let typed = || identity.as_ref().map(|identity| identity.typed(alias));
        Ok(Facts {
            is_profile: true,
            profile_of: row.as_ref().map(IdentityRow::shown).or_else(typed),
            shown: profile.name.clone(),
            standing: self.standing(Ok(target.clone()), &profile.name),
            kind: kind_of_profile(profile),
            source: "profile",
            arn: arn.or_else(|| identity.as_ref().map(|identity| identity.arn(None))),
            alias: account.as_ref().and_then(|account| account.alias.clone()),
            colour: account.as_ref().and_then(|account| account.colour.clone()),
            protected: account.is_some_and(|account| account.protected),
            label: row.and_then(|row| row.label),
            names: vec![profile.name.clone()],
            region: profile.value("region").map(str::to_owned),
            mfa_serial: profile.value("mfa_serial").map(str::to_owned),
            parent: self.parent_by_profile(profile)?,
            children: self.sourced_from(std::slice::from_ref(profile))?,
            held,
            profiles: vec![self.where_it_stands(profile)],
            identity,
        })
    }

    /// A stored credential whose owner nobody has asked for.
    fn facts_of_key(&self, held: &Held, target: &Target) -> Facts {
        let shown = held.access_key_id.clone();
        Facts {
            is_profile: false,
            profile_of: None,
            standing: self.standing(Ok(target.clone()), &shown),
            kind: "key",
            source: "store",
            identity: None,
            arn: None,
            alias: None,
            colour: None,
            protected: false,
            label: None,
            names: vec![shown.clone()],
            region: None,
            mfa_serial: None,
            parent: None,
            children: Vec::new(),
            held: vec![held.clone()],
            profiles: Vec::new(),
            shown,
        }
    }

    /// The profiles that lead to an identity, or hold a key of it.
    fn profiles_of(&self, identity: &Identity) -> Result<Vec<Profile>, ResolveError> {
        let mut found = Vec::new();
        for profile in self.profiles()? {
            let is_it = match (profile.role(), &profile.key) {
                (Some(role), _) => role == *identity,
                (None, Some(key)) => self.owner_of_file_key(&key.access_key_id)?.identity() == Some(identity),
                (None, None) => false,
            };
            found.extend(is_it.then_some(profile));
        }
        Ok(found)
    }

    fn parent_by_link(&self, row: &IdentityRow) -> Result<Option<Parent>, ResolveError> {
        let Some(store) = self.store() else { return Ok(None) };
        let mut chain = store.read().chain(row.clone())?.into_iter();
        let (Some(own), Some(above)) = (chain.next(), chain.next()) else { return Ok(None) };
        let arn = above.hop.as_ref().map_or_else(|| above.identity.arn(), |hop| hop.role_arn.clone());
        Ok(Some(Parent { shown: above.identity.shown(), arn: Some(arn), by: By::Link, hop: own.hop }))
    }

    /// What the profile names as its source; its own key would count before that.
    fn parent_by_profile(&self, profile: &Profile) -> Result<Option<Parent>, ResolveError> {
        let Some(source) = source_of(profile) else { return Ok(None) };
        let arn = self.profile(source)?.and_then(|source| source.value("role_arn").map(str::to_owned));
        let by = By::Profile(profile.name.clone());
        Ok(Some(Parent { shown: source.to_owned(), arn, by, hop: chain::hop(profile) }))
    }

    /// The names of the profiles whose source is one of these.
    fn sourced_from(&self, sources: &[Profile]) -> Result<Vec<String>, ResolveError> {
        let sources: HashSet<&str> = sources.iter().map(|profile| profile.name.as_str()).collect();
        let is_from = |profile: &Profile| source_of(profile).is_some_and(|source| sources.contains(source));
        Ok(self.profiles()?.into_iter().filter(is_from).map(|profile| profile.name).collect())
    }

    /// Every name that is found to mean an identity.
    fn names_of(
        &self,
        identity: &Identity,
        row: Option<&IdentityRow>,
        profiles: &[Profile],
    ) -> Result<Vec<String>, ResolveError> {
        let alias = self.account_of(identity)?.and_then(|account| account.alias);
        let mut candidates: Vec<String> = row.and_then(|row| row.label.clone()).into_iter().collect();
        for account in alias.as_deref().into_iter().chain([identity.account.as_str()]) {
            candidates.push(identity.typed(Some(account)));
            // A user's short form, where no role has the name.
            candidates.extend((!identity.name.is_empty()).then(|| format!("{account}/{}", identity.name)));
        }
        candidates.push(row.map_or_else(|| identity.arn(None), IdentityRow::arn));
        candidates.extend(profiles.iter().map(|profile| profile.name.clone()));
        let (mut names, mut seen) = (Vec::new(), HashSet::new());
        for candidate in candidates {
            if seen.insert(candidate.clone()) && self.lookup(&candidate).is_ok_and(|target| means(&target, identity)) {
                names.push(candidate);
            }
        }
        Ok(names)
    }

    /// A profile's name, and the first of its own lines that says something.
    fn where_it_stands(&self, profile: &Profile) -> (String, Option<String>) {
        let own = profile.settings().filter(|setting| setting.section == profile.name).map(|setting| &setting.origin);
        let key = profile.key.as_ref().map(|key| Origin::Line { file: key.file, line: key.line });
        let lines = own.cloned().chain(key).chain(profile.faults.iter().map(|fault| fault.origin.clone()));
        let first = lines
            .filter_map(|origin| match origin {
                Origin::Line { file, line } => Some((file, line)),
                Origin::Variable(_) => None,
            })
            .min();
        let place = first.map(|(file, line)| self.place(&Origin::Line { file, line }));
        (profile.name.clone(), place)
    }
}

/// The profile that gives another one its credential, by name.
pub(super) fn source_of(profile: &Profile) -> Option<&str> {
    if profile.key.is_some() {
        return None;
    }
    profile.value("source_profile")
}

/// The role's own ARN, which its link knows with its path.
fn own_arn(parent: &Parent) -> Option<String> {
    parent.hop.as_ref().filter(|_| parent.by == By::Link).map(|hop| hop.role_arn.clone())
}

fn only(profiles: &[Profile]) -> Option<&Profile> {
    match profiles {
        [only] => Some(only),
        _ => None,
    }
}

fn means(target: &Target, identity: &Identity) -> bool {
    match target {
        Target::Known(row) => row.identity == *identity,
        Target::OfProfiles(role) => role == identity,
        // One without a role is among the candidates because it holds a key of the identity.
        Target::Profile(profile) => profile.role().is_none_or(|role| role == *identity),
        Target::Nobody | Target::Key(..) => false,
    }
}
