//! A chain of profiles whose source asks multicred: it begins with the whole way to whom that asks for.

use super::Destination;
use super::root::Root;
use crate::aws_config::{ChainError, Problem, Profile, Setting, chain};
use crate::identity::route::Node;
use crate::resolve::lookup::refuse_loop;
use crate::resolve::{Catalogue, LookupError, ResolveError, Target};

impl Catalogue<'_> {
    /// The root that another multicred would resolve; `None` where the program is another one, or asks another store.
    pub(super) fn asked_root(
        &self,
        profiles: &[Profile],
        process: &Setting,
        trail: &[String],
    ) -> Result<Option<Root>, ResolveError> {
        let source = &profiles[0];
        let mut through = trail.to_vec();
        for profile in profiles[1..].iter().rev() {
            refuse_loop(&profile.name, &through)?;
            through.push(profile.name.clone());
        }
        let Some((target, asked)) = self.asked_by_source(source, process, &mut through)? else { return Ok(None) };
        let inner = self.destination_through(&target, &through)?;
        self.check_source_identity(profiles, &inner.route.nodes)?;
        let mut nodes = inner.route.nodes;
        if let [only] = &mut *nodes {
            // What the profiles that stand for it say themselves counts, as with any other source.
            let mut says = chain::without_role(profiles);
            let serial = says.clone().find_map(|profile| profile.own_value("mfa_serial"));
            only.mfa_serial = serial.map(str::to_owned).or(only.mfa_serial.take());
            only.session_duration = says.clone().find_map(chain::session_duration).or(only.session_duration);
            only.mfa_script = says.find_map(|profile| self.mfa_script(profile)).or(only.mfa_script.take());
        }
        Ok(Some(Root {
            nodes,
            base: inner.route.base,
            session_rule: inner.route.session_rule,
            reach: inner.reach,
            machine: inner.machine,
            arn: inner.arn,
            settings: inner.settings,
            remark: format!(", which asks multicred for {asked}: {}", inner.origin),
            as_it_is: inner.as_it_is,
            is_role_of_profile: false,
        }))
    }

    fn destination_through(&self, target: &Target, trail: &[String]) -> Result<Destination, ResolveError> {
        match target {
            Target::Nobody => Err(LookupError::Nobody.into()),
            Target::Known(row) => self.to_identity(&row.identity, Some(row), trail),
            Target::OfProfiles(identity) => self.to_identity(identity, None, trail),
            Target::Profile(profile) => self.by_profile(profile, None, trail),
            Target::Key(row, holder) => self.by_key(&row.held, holder),
        }
    }

    /// AWS carries a source identity on through a chain, and lets nobody change it.
    fn check_source_identity(&self, profiles: &[Profile], nodes: &[Node]) -> Result<(), ResolveError> {
        let of_node = |node: &Node| Some((node.shown.clone(), node.hop.as_ref()?.source_identity.clone()?));
        let Some((shown, before)) = nodes.iter().rev().find_map(of_node) else { return Ok(()) };
        let roles = profiles.iter().filter(|profile| chain::hop(profile).is_some());
        let mut named = roles.filter_map(|profile| Some((profile, profile.setting("source_identity")?)));
        let Some((profile, other)) = named.find(|(_, setting)| setting.value != before) else { return Ok(()) };
        Err(ChainError::from(Problem::Contradiction {
            profile: profile.name.clone(),
            one: format!("source_identity ({})", self.place(&other.origin)),
            other: format!("that of {shown}, whom its source asks multicred for"),
            why: "a source identity is set on the first role of a chain and cannot change below it",
        })
        .into())
    }
}
