//! A link that is not stored: whether it works is asked before it is.

use crate::identity::Identity;
use crate::identity::request::Request;
use crate::identity::route::RoleHop;
use crate::store::{IdentityRow, LinkRow};

use super::route::Destination;
use super::{Catalogue, ResolveError, Resolved, Resolver};

/// What the row of an identity that the store does not have is called: none has this number.
const NO_ROW: i64 = 0;

/// A link as it would be stored.
#[derive(Clone, Debug)]
pub struct ProposedLink {
    /// The role.
    pub role: Identity,
    /// Its IAM path, where it is known.
    pub path: Option<String>,
    /// The region that it would have; `None` where that stays as it is.
    pub region: Option<String>,
    /// From whom it is assumed, with the MFA device that this would give them.
    pub parent: IdentityRow,
    /// How it is reached from there.
    pub hop: RoleHop,
}

impl Resolver<'_> {
    /// Assumes a role by way of a link that is not stored. The credential is: it is what the link would have given.
    ///
    /// # Errors
    /// The link does not work, or would lead round in a loop.
    pub fn prove_link(&mut self, link: &ProposedLink) -> Result<Resolved, ResolveError> {
        self.proposed = Some(self.catalogue.proposed_chain(link)?);
        let proven = self.resolve(&link.hop.role_arn, &Request { fresh: true, ..Request::default() });
        self.proposed = None;
        proven
    }

    /// Where a name leads: along the link that is being proven, where there is one.
    pub(super) fn destination_of(&self, name: &str, request: &Request) -> Result<Destination, ResolveError> {
        if let Some(chain) = &self.proposed {
            return self.catalogue.by_links(&mut chain.clone());
        }
        let target = self.catalogue.lookup_for(name, request)?;
        self.catalogue.destination_with(&target, name, &request.role_of_environment)
    }
}

impl Catalogue<'_> {
    /// The row of a role as a link would leave it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn proposed_row(&self, link: &ProposedLink) -> Result<IdentityRow, ResolveError> {
        let known = self.store().map(|store| store.read().identity(&link.role)).transpose()?.flatten();
        let row = match known {
            Some(row) => row,
            None => self.unknown_row(&link.role)?,
        };
        let region = link.region.clone().or(row.region);
        Ok(IdentityRow { region, path: row.path.or_else(|| link.path.clone()), ..row })
    }

    fn unknown_row(&self, identity: &Identity) -> Result<IdentityRow, ResolveError> {
        let account = self.account_of(identity)?;
        Ok(IdentityRow {
            id: NO_ROW,
            identity: identity.clone(),
            path: None,
            label: None,
            region: None,
            mfa_serial: None,
            alias: account.as_ref().and_then(|account| account.alias.clone()),
            colour: account.as_ref().and_then(|account| account.colour.clone()),
            protected: account.is_some_and(|account| account.protected),
        })
    }

    fn proposed_chain(&self, link: &ProposedLink) -> Result<Vec<LinkRow>, ResolveError> {
        let target = self.proposed_row(link)?;
        let mut chain = match self.store() {
            Some(store) => store.read().chain_above(target.id, link.parent.id)?,
            None => Vec::new(),
        };
        if let Some(parent) = chain.first_mut() {
            parent.identity = link.parent.clone();
        }
        chain.insert(0, LinkRow { identity: target, hop: Some(link.hop.clone()) });
        Ok(chain)
    }
}
