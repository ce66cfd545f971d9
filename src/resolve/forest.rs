//! Everybody that is known, each below whom it is assumed from. Nobody is asked.
//!
//! What the store knows is read whole, in a few statements: one question after the other for each identity would take
//! minutes where there are very many.

use std::collections::{HashMap, HashSet};

use crate::aws_config::Profile;
use crate::identity::name::is_access_key_id;
use crate::identity::route::{Held, RoleHop};
use crate::identity::{Identity, Kind};
use crate::store::{IdentityRow, LinkRow, Owner};

use super::facts::source_of;
use super::{By, Catalogue, Destination, ResolveError, Standing, Target, kind_of_profile};

/// Somebody in the forest.
#[derive(Clone, Debug)]
pub struct Branch {
    /// The name shown.
    pub shown: String,
    /// The ARN, where it is known.
    pub arn: Option<String>,
    /// The account, where it is known.
    pub account: Option<String>,
    /// `role`, `user`, …, or what sort of profile it is.
    pub kind: &'static str,
    /// `store` or `profile`.
    pub source: &'static str,
    /// What it would take to be it.
    pub standing: Standing,
    /// From whom it is assumed, as a place in the forest, and what says so.
    pub parent: Option<(usize, By)>,
    /// How many there are above it.
    pub depth: usize,
    /// Whether nobody is assumed from its parent behind it.
    pub is_last: bool,
}

/// Everybody, each directly before those below it.
#[derive(Debug)]
pub struct Forest {
    /// Those in it.
    pub branches: Vec<Branch>,
    /// Where each identity is, by its key.
    identities: HashMap<String, usize>,
    /// Where each profile is, by its name.
    profiles: HashMap<String, usize>,
}

impl Forest {
    /// The places of one and of all below it; `None` for whom the forest does not have.
    pub fn below(&self, target: &Target) -> Option<std::ops::Range<usize>> {
        let of_profile = |profile: &Profile| self.profiles.get(&profile.name).copied();
        let of_identity = |identity: &Identity| self.identities.get(&identity.key()).copied();
        let start = match target {
            Target::Nobody => None,
            Target::Known(row) => of_identity(&row.identity),
            Target::OfProfiles(role) => of_identity(role),
            Target::Profile(profile) => of_profile(profile),
            Target::Key(_, holder) => holder.identity().and_then(of_identity),
        }?;
        let depth = self.branches[start].depth;
        let below = self.branches[start + 1..].iter().take_while(|branch| branch.depth > depth).count();
        Some(start..start + 1 + below)
    }
}

/// What the store knows, in memory.
#[derive(Default)]
struct Everything {
    rows: Vec<IdentityRow>,
    /// Where each row is, by its number in the store.
    places: HashMap<i64, usize>,
    /// The parent of each, and how it is reached from there.
    links: HashMap<i64, (i64, RoleHop)>,
    /// The credentials of each, newest first.
    held: HashMap<i64, Vec<Held>>,
    parents: HashSet<i64>,
}

impl Everything {
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
}

/// The names under which more than one may be found, so that each has to be looked up.
struct Doubtful<'f> {
    profiles: HashSet<&'f str>,
    /// How many identities have this name in this account.
    in_account: HashMap<(&'f str, &'f str), u32>,
}

impl<'f> Doubtful<'f> {
    fn of(everything: &'f Everything, profiles: &'f [Profile], roles: &'f [Identity]) -> Self {
        let known: HashSet<&Identity> = everything.rows.iter().map(|row| &row.identity).chain(roles).collect();
        let mut in_account = HashMap::new();
        for identity in known {
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
    /// Everybody that `list` lists, below whom each is assumed from.
    ///
    /// # Errors
    /// The store or files cannot be read.
    pub fn forest(&self) -> Result<Forest, ResolveError> {
        let everything = self.everything()?;
        let profiles = self.profiles()?;
        let roles: Vec<Identity> = profiles.iter().filter_map(Profile::role).collect();
        let doubtful = Doubtful::of(&everything, &profiles, &roles);
        let mut branches = Vec::with_capacity(everything.rows.len() + profiles.len());
        for row in &everything.rows {
            branches.push(self.branch_of_row(row, &everything, &doubtful)?);
        }
        let mut names: HashMap<String, usize> =
            branches.iter().enumerate().map(|(place, branch)| (branch.shown.clone(), place)).collect();
        let mut listed = Vec::new();
        for profile in &profiles {
            let target = self.lookup(&profile.name);
            // A profile that is the identity of its name is that identity.
            if names.contains_key(&profile.name) && target.is_ok() {
                continue;
            }
            listed.push((profile, branches.len()));
            branches.push(branch_of_profile(profile, self.standing(target, &profile.name)));
        }
        names.extend(listed.iter().map(|(profile, place)| (profile.name.clone(), *place)));
        let source = |profile: &Profile| {
            let place = *names.get(source_of(profile)?)?;
            Some((place, By::Profile(profile.name.clone())))
        };
        for (profile, place) in &listed {
            branches[*place].parent = source(profile).filter(|(parent, _)| parent != place);
        }
        self.find_parents(&everything, &mut branches, source)?;
        Ok(in_order(branches, &everything, &profiles, &names))
    }

    fn everything(&self) -> Result<Everything, ResolveError> {
        let Some(store) = self.store() else { return Ok(Everything::default()) };
        store.begin_snapshot();
        let rows = store.read().identities()?;
        let places = rows.iter().enumerate().map(|(place, row)| (row.id, place)).collect();
        let links = store.read().links()?;
        let parents = links.values().map(|(parent, _)| *parent).collect();
        let mut held: HashMap<i64, Vec<Held>> = HashMap::new();
        for credential in store.read().credentials()? {
            if let Owner::Identity(id) = credential.owner {
                held.entry(id).or_default().push(credential.held);
            }
        }
        Ok(Everything { rows, places, links, held, parents })
    }

    fn branch_of_row(
        &self,
        row: &IdentityRow,
        everything: &Everything,
        doubtful: &Doubtful<'_>,
    ) -> Result<Branch, ResolveError> {
        let shown = row.shown();
        let looked_up = if doubtful.has(&shown, row) { self.lookup(&shown).map(drop) } else { Ok(()) };
        let mut chain = everything.chain(row);
        let standing = match looked_up {
            Err(error) => self.standing_at(Err(error)),
            Ok(()) if chain.len() == 1 && !self.profiles_to(&row.identity.key())?.is_empty() => {
                self.standing(Ok(Target::Known(row.clone())), &shown)
            }
            Ok(()) => self.standing_at(self.by_links_in_memory(&mut chain, everything)),
        };
        Ok(Branch {
            shown,
            arn: Some(row.arn()),
            account: Some(row.identity.account.clone()),
            kind: row.identity.kind.word(),
            source: "store",
            standing,
            parent: None,
            depth: 0,
            is_last: false,
        })
    }

    fn by_links_in_memory(&self, chain: &mut [LinkRow], everything: &Everything) -> Result<Destination, ResolveError> {
        let held = |id: i64| Ok(everything.held.get(&id).cloned().unwrap_or_default());
        self.by_links_with(chain, &held, &|id| Ok(everything.parents.contains(&id)))
    }

    /// By its link; without one, by the only profile that leads to it.
    fn find_parents(
        &self,
        everything: &Everything,
        branches: &mut [Branch],
        source: impl Fn(&Profile) -> Option<(usize, By)>,
    ) -> Result<(), ResolveError> {
        for (place, row) in everything.rows.iter().enumerate() {
            let linked = everything.links.get(&row.id).and_then(|(parent, _)| everything.places.get(parent));
            branches[place].parent = match linked {
                Some(parent) => Some((*parent, By::Link)),
                None => match &self.profiles_to(&row.identity.key())?[..] {
                    [only] => source(only).filter(|(parent, _)| *parent != place),
                    _ => None,
                },
            };
        }
        Ok(())
    }
}

fn branch_of_profile(profile: &Profile, standing: Standing) -> Branch {
    Branch {
        shown: profile.name.clone(),
        arn: profile.value("role_arn").map(str::to_owned),
        account: profile.role().map(|role| role.account),
        kind: kind_of_profile(profile),
        source: "profile",
        standing,
        parent: None,
        depth: 0,
        is_last: false,
    }
}

/// Puts each directly before those below it. Those that lead round in a loop have no root: the first one stands for it.
fn in_order(
    branches: Vec<Branch>,
    everything: &Everything,
    profiles: &[Profile],
    names: &HashMap<String, usize>,
) -> Forest {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); branches.len()];
    for (place, branch) in branches.iter().enumerate() {
        if let Some((parent, _)) = branch.parent {
            children[parent].push(place);
        }
    }
    let (mut order, mut new_places) = (Vec::with_capacity(branches.len()), vec![usize::MAX; branches.len()]);
    let roots = (0..branches.len()).filter(|place| branches[*place].parent.is_none());
    for root in roots.chain(0..branches.len()) {
        // Not by recursion: nothing bounds how deep a damaged store leads.
        let mut next = vec![(root, 0, true)];
        while let Some((place, depth, is_last)) = next.pop() {
            if new_places[place] != usize::MAX {
                continue;
            }
            new_places[place] = order.len();
            order.push((place, depth, is_last));
            let last = children[place].last().copied();
            next.extend(children[place].iter().rev().map(|child| (*child, depth + 1, Some(*child) == last)));
        }
    }
    let mut unordered: Vec<Option<Branch>> = branches.into_iter().map(Some).collect();
    let branches = order
        .into_iter()
        .filter_map(|(place, depth, is_last)| {
            let branch = unordered[place].take()?;
            let parent = branch.parent.map(|(parent, by)| (new_places[parent], by));
            Some(Branch { parent, depth, is_last, ..branch })
        })
        .collect();
    let of_profile = |profile: &Profile| Some((profile.name.clone(), new_places[*names.get(&profile.name)?]));
    let of_role = |profile: &Profile| Some((profile.role()?.key(), new_places[*names.get(&profile.name)?]));
    // A role that the store knows stands where the store has it.
    let of_store = everything.rows.iter().enumerate().map(|(place, row)| (row.identity.key(), new_places[place]));
    Forest {
        branches,
        identities: profiles.iter().rev().filter_map(of_role).chain(of_store).collect(),
        profiles: profiles.iter().filter_map(of_profile).collect(),
    }
}
