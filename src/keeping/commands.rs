//! The commands that come into the place of long-term keys: what `setup` and `refresh` share.

use std::collections::{BTreeMap, BTreeSet};

use super::{Keeper, Left, Survey, Taken};
use crate::aws_config::kept::NewCommand;
use crate::error::Failure;
use crate::identity::arn;
use crate::synced_profile::Writer;

/// Commands by profile, and the profiles that have none.
pub type Commands<'t> = (BTreeMap<&'t str, String>, Vec<Left>);

/// The commands for those of the taken keys that are to have one. Where their user has another key, the command names
/// the key: the user's name would give the newest one. One of a protected account stays where it is.
///
/// # Errors
/// The store cannot be read, or a command not be written.
pub fn commands<'t>(
    keeper: &mut Keeper<'_>,
    taken: &'t [Taken],
    of: &BTreeSet<String>,
) -> Result<Commands<'t>, Failure> {
    let context = keeper.context();
    let resolver = keeper.importer().resolver();
    let writer = Writer::new(context, resolver.catalogue())?;
    let (mut commands, mut left) = (BTreeMap::new(), Vec::new());
    for taken in taken.iter().filter(|taken| of.contains(taken.profile())) {
        let key = &taken.found.access_key_id;
        if let Some(account) = resolver.protection_of_key(key)? {
            left.push(Left::new(taken.profile(), &no_command(&account, "; its key is in the store, too")));
            continue;
        }
        let is_only = resolver.keys_of_user(&taken.arn)?.iter().all(|other| other == key);
        commands.insert(taken.profile(), writer.of_key(if is_only { &taken.arn } else { key })?);
    }
    Ok((commands, left))
}

/// Why the key of a protected account has no command in its place.
pub(super) fn no_command(account: &str, more: &str) -> String {
    format!(
        "it is of the protected account {account}, whose keys no command hands out unasked{more}: take it out of the \
         file by hand and use multicred as, or multicred setup --temporary asks you for it"
    )
}

/// The kept commands that name a user who has another key now: from now on they name the key.
///
/// # Errors
/// The store cannot be read, or a command not be written.
pub fn renamed(keeper: &mut Keeper<'_>, taken: &[Taken], survey: &Survey) -> Result<Vec<NewCommand>, Failure> {
    let is_of_taken = |who: &str| {
        arn::parse(who).is_ok_and(|parsed| taken.iter().any(|taken| taken.arn == parsed.identity.arn(None)))
    };
    let kept: Vec<_> = survey.kept.iter().filter(|(_, kept)| kept.is_command() && is_of_taken(&kept.who)).collect();
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
            let old = kept.command.clone().unwrap_or_default();
            renamed.push(NewCommand { profile: profile.clone(), old, new: writer.of_key(key)? });
        }
    }
    Ok(renamed)
}

/// The commands that are written anew, where those that name another one count first.
pub fn together(mut anew: Vec<NewCommand>, renamed: Vec<NewCommand>) -> Vec<NewCommand> {
    anew.retain(|one| renamed.iter().all(|other| other.profile != one.profile));
    anew.extend(renamed);
    anew
}
