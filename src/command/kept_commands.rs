//! The commands that come into the place of long-term keys: what `setup` and `refresh` share.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Failure;
use crate::identity::arn;
use crate::keeping::{Keeper, Survey, Taken};
use crate::synced_profile::Writer;

/// The commands for those of the taken keys that are to have one. Where their user has another key, the command names
/// the key: the user's name would give the newest one.
pub(super) fn commands<'t>(
    keeper: &mut Keeper<'_>,
    taken: &'t [Taken],
    of: &BTreeSet<String>,
) -> Result<BTreeMap<&'t str, String>, Failure> {
    let context = keeper.context();
    let resolver = keeper.importer().resolver();
    let writer = Writer::new(context, resolver.catalogue())?;
    let mut commands = BTreeMap::new();
    for taken in taken.iter().filter(|taken| of.contains(taken.profile())) {
        let key = &taken.found.access_key_id;
        let is_only = resolver.keys_of_user(&taken.arn)?.iter().all(|other| other == key);
        commands.insert(taken.profile(), writer.of_key(if is_only { &taken.arn } else { key })?);
    }
    Ok(commands)
}

/// The kept commands that name a user who has another key now: from now on they name the key.
pub(super) fn renamed(
    keeper: &mut Keeper<'_>,
    taken: &[Taken],
    survey: &Survey,
) -> Result<Vec<(String, String)>, Failure> {
    let is_of_taken = |who: &str| {
        arn::parse(who).is_ok_and(|parsed| taken.iter().any(|taken| taken.arn == parsed.identity.arn(None)))
    };
    let kept: Vec<_> = survey.kept.iter().filter(|(_, kept)| kept.is_command && is_of_taken(&kept.who)).collect();
    if kept.is_empty() {
        return Ok(Vec::new());
    }
    let context = keeper.context();
    let resolver = keeper.importer().resolver();
    let writer = Writer::new(context, resolver.catalogue())?;
    let Some(back) = resolver.way_back()? else { return Ok(Vec::new()) };
    let mut renamed = Vec::new();
    for (profile, kept) in kept.into_iter().filter(|(_, kept)| resolver.catalogue().is_named(kept.store.as_deref())) {
        let keys = resolver.keys_of_user(&kept.who)?;
        if let Some(key) = back.key_id(profile).filter(|key| keys.len() > 1 && keys.iter().any(|known| known == key)) {
            renamed.push((profile.clone(), writer.of_key(key)?));
        }
    }
    Ok(renamed)
}
