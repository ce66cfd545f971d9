//! Profiles and programs that ask multicred itself: for whom.

use super::lookup::{LookupError, Target, refuse_loop};
use super::{Catalogue, ResolveError, store_path};
use crate::aws_config::{ChainError, NotFollowed, Problem, Profile, Setting};
use crate::identity::Holder;
use crate::identity::name::is_access_key_id;
use crate::identity::request::Request;

impl Catalogue<'_> {
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
    pub(super) fn asks_multicred(&self, profile: &Profile, process: &Setting) -> Result<Option<String>, ResolveError> {
        let Some(asked) = process.asks_multicred() else { return Ok(None) };
        let (name, place) = (profile.name.clone(), self.place(&process.origin));
        let asked = asked.map_err(|why| {
            ChainError::from(match why {
                NotFollowed::Flag(flag) => Problem::AsksWith { profile: name, flag, place },
                NotFollowed::NotOneIdentity => Problem::AsksForNoOne { profile: name, place },
            })
        })?;
        let is_this = match &asked.store {
            Some(store) => self.is_named(Some(store)),
            None => store_path(self.context, None).is_ok_and(|path| path == self.store_path()),
        };
        if !is_this {
            return Ok(None);
        }
        let whose = if asked.as_it_is { self.whose_key(&asked.name)? } else { None };
        Ok(Some(whose.unwrap_or(asked.name)))
    }

    /// The ARN of whose the key of this id is, or was before it was rotated: here a command for one of a user's keys is
    /// the same as that key in a file.
    fn whose_key(&self, name: &str) -> Result<Option<String>, ResolveError> {
        let holder = if is_access_key_id(name) { Some(self.owner_of_file_key(name)?) } else { None };
        Ok(holder.as_ref().and_then(Holder::identity).map(|identity| identity.arn(None)))
    }

    /// As [`lookup`](Self::lookup), where the long-term key itself may be asked for by its id: in the place of one that
    /// was rotated stands its owner's newest.
    pub(super) fn lookup_for(&self, name: &str, request: &Request) -> Result<Target, ResolveError> {
        let target = self.lookup(name);
        match &target {
            Err(ResolveError::Lookup(LookupError::Unknown { .. })) if request.no_session => {
                self.whose_key(name)?.map_or(target, |arn| self.lookup(&arn))
            }
            _ => target,
        }
    }
}
