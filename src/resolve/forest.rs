//! Everybody that is known, each below whom it is assumed from. Nobody is asked.

use std::collections::HashMap;

use crate::aws_config::Profile;
use crate::identity::Identity;

use super::everybody::{Everybody, Known, Somebody};
use super::facts::source_of;
use super::{By, Catalogue, ResolveError, Target};

/// Somebody in the forest.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Who.
    pub somebody: Somebody,
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

impl Catalogue<'_> {
    /// Everybody that `list` lists, below whom each is assumed from.
    ///
    /// # Errors
    /// The store or files cannot be read.
    pub fn forest(&self) -> Result<Forest, ResolveError> {
        let Everybody { people, known, profiles } = self.everybody()?;
        let mut names: HashMap<&str, usize> = HashMap::new();
        for (profile, place) in &profiles {
            names.extend(place.map(|place| (profile.name.as_str(), place)));
        }
        for (place, somebody) in people.iter().enumerate().take(known.rows.len()) {
            names.entry(&somebody.shown).or_insert(place);
        }
        let source = |profile: &Profile| {
            let place = *names.get(source_of(profile)?)?;
            Some((place, By::Profile(profile.name.clone())))
        };
        let mut parents = self.parents_by_link(&known, &source)?;
        parents.resize(people.len(), None);
        for (profile, place) in &profiles {
            if let Some(place) = *place {
                parents[place] = source(profile).filter(|(parent, _)| *parent != place);
            }
        }
        let places = profiles.iter().filter_map(|(profile, _)| Some((profile, *names.get(profile.name.as_str())?)));
        let places: Vec<(&Profile, usize)> = places.collect();
        let mut forest = Forest { branches: Vec::new(), identities: HashMap::new(), profiles: HashMap::new() };
        forest.note_places(&known, &places);
        forest.put_in_order(people, parents);
        Ok(forest)
    }

    /// By its link; without one, by the only profile that leads to it.
    fn parents_by_link(
        &self,
        known: &Known,
        source: &impl Fn(&Profile) -> Option<(usize, By)>,
    ) -> Result<Vec<Option<(usize, By)>>, ResolveError> {
        let mut parents = Vec::with_capacity(known.rows.len());
        for (place, row) in known.rows.iter().enumerate() {
            let linked = known.links.get(&row.id).and_then(|(parent, _)| known.places.get(parent));
            parents.push(match linked {
                Some(parent) => Some((*parent, By::Link)),
                None => match &self.profiles_to(&row.identity.key())?[..] {
                    [only] => source(only).filter(|(parent, _)| *parent != place),
                    _ => None,
                },
            });
        }
        Ok(parents)
    }
}

impl Forest {
    /// A role that the store knows stands where the store has it.
    fn note_places(&mut self, known: &Known, profiles: &[(&Profile, usize)]) {
        let of_role = |(profile, place): &(&Profile, usize)| Some((profile.role()?.key(), *place));
        let of_store = known.rows.iter().enumerate().map(|(place, row)| (row.identity.key(), place));
        self.identities = profiles.iter().rev().filter_map(of_role).chain(of_store).collect();
        self.profiles = profiles.iter().map(|(profile, place)| (profile.name.clone(), *place)).collect();
    }

    /// Puts each directly before those below it. Those that lead round in a loop have no root: the first one stands for
    /// it.
    fn put_in_order(&mut self, people: Vec<Somebody>, mut parents: Vec<Option<(usize, By)>>) {
        let order = order(&parents);
        let mut new_places = vec![0; people.len()];
        for (new, (place, ..)) in order.iter().enumerate() {
            new_places[*place] = new;
        }
        let mut people: Vec<Option<Somebody>> = people.into_iter().map(Some).collect();
        let branch = |(place, depth, is_last): (usize, usize, bool)| {
            let parent = parents[place].take().map(|(parent, by)| (new_places[parent], by));
            Some(Branch { somebody: people[place].take()?, parent, depth, is_last })
        };
        self.branches = order.into_iter().filter_map(branch).collect();
        for place in self.identities.values_mut().chain(self.profiles.values_mut()) {
            *place = new_places[*place];
        }
    }
}

/// Each place, how deep it stands, and whether it is the last below its parent, in the order of a tree.
fn order(parents: &[Option<(usize, By)>]) -> Vec<(usize, usize, bool)> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); parents.len()];
    for (place, parent) in parents.iter().enumerate() {
        if let Some((parent, _)) = parent {
            children[*parent].push(place);
        }
    }
    let (mut order, mut is_placed) = (Vec::with_capacity(parents.len()), vec![false; parents.len()]);
    let roots = (0..parents.len()).filter(|place| parents[*place].is_none());
    for root in roots.chain(0..parents.len()) {
        // Not by recursion: nothing bounds how deep a damaged store leads.
        let mut next = vec![(root, 0, true)];
        while let Some((place, depth, is_last)) = next.pop() {
            if std::mem::replace(&mut is_placed[place], true) {
                continue;
            }
            order.push((place, depth, is_last));
            let last = children[place].last().copied();
            next.extend(children[place].iter().rev().map(|child| (*child, depth + 1, Some(*child) == last)));
        }
    }
    order
}
