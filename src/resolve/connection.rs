//! How AWS is reached for a step: the region, the address, the connection.

use super::{Destination, ResolveError, Resolver};
use crate::identity::plan::{Call, Stage};
use crate::identity::route::Route;
use crate::sts::{OfProfile, Sts, StsSettings, settings};

impl Resolver<'_> {
    /// The region that a call asks; none for what does not ask AWS.
    pub(super) fn region(&mut self, destination: &Destination, stage: &Stage) -> Result<String, ResolveError> {
        match stage.call {
            Some(Call::Process(_) | Call::Metadata { .. }) => Ok(String::new()),
            _ => self.region_of(&destination.route, stage.node, &destination.reach[stage.node]),
        }
    }

    /// The region that is asked about a node: the person's, else the node's own, else the route's, in the right
    /// partition.
    pub(super) fn region_of(&mut self, route: &Route, node: usize, reach: &OfProfile) -> Result<String, ResolveError> {
        let partition = route.nodes[node..].iter().chain(&route.nodes).find_map(|n| n.holder.identity());
        let environment = self.sts_settings(reach)?.region;
        let candidates = [environment.as_deref(), reach.region.as_deref(), route.region.as_deref()];
        Ok(match partition {
            Some(identity) => settings::signing_region(&identity.partition, candidates),
            None => candidates.into_iter().flatten().next().unwrap_or(settings::default_region("aws")).to_owned(),
        })
    }

    pub(super) fn sts_settings(&self, reach: &OfProfile) -> Result<StsSettings, ResolveError> {
        Ok(StsSettings::read(|name| self.context.own_variable(name).map(Into::into), reach)?)
    }

    /// The connection to STS as the environment alone has it, prepared at the first use.
    ///
    /// # Errors
    /// The environment's settings cannot be used.
    pub fn sts(&mut self) -> Result<&Sts, ResolveError> {
        self.sts_for(&OfProfile::default())
    }

    /// The same where a profile has its say, too.
    pub(super) fn sts_for(&mut self, reach: &OfProfile) -> Result<&Sts, ResolveError> {
        let settings = self.sts_settings(reach)?;
        let known = self.sts.iter().position(|(known, _)| *known == settings);
        if known.is_none() {
            self.sts.push((settings.clone(), Sts::new(settings)?));
        }
        Ok(&self.sts[known.unwrap_or(self.sts.len() - 1)].1)
    }
}
