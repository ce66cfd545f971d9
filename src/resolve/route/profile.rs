//! The way to a profile, by its own settings.

use super::{Destination, colour};
use crate::aws_config::{Origin, Profile, STS_ENDPOINT, Setting, chain};
use crate::identity::request::RoleOfEnvironment;
use crate::identity::route::{CredentialKind, Held, Node, RoleHop, Route, Script};
use crate::identity::{Holder, name};
use crate::resolve::lookup::refuse_loop;
use crate::resolve::{Catalogue, ResolveError};
use crate::store::{IdentityRow, Owner};
use crate::sts::OfProfile;
use crate::sts::settings::CaBundle;

/// What is shown of the end of a chain.
struct End {
    shown: String,
    arn: Option<String>,
    colour: Option<String>,
    protected: bool,
    region: Option<String>,
}

impl Catalogue<'_> {
    pub(super) fn by_asked_profile(
        &self,
        profile: &Profile,
        asked: &str,
        environment: &RoleOfEnvironment,
    ) -> Result<Destination, ResolveError> {
        super::variables::check_role(environment)?;
        let other_role = environment.arn.as_deref().filter(|arn| profile.value("role_arn") != Some(*arn));
        let Some(role_arn) = other_role else {
            return Ok(Destination { of_profile: true, ..self.by_profile(profile, Some(asked), &[])? });
        };
        let profile = profile.with_variable("role_arn", role_arn, "AWS_ROLE_ARN");
        let destination = self.by_profile(&profile, Some(asked), &[])?;
        let remark = format!("profile {asked}: its role is the one that AWS_ROLE_ARN names, {role_arn}");
        Ok(Destination { of_profile: true, remark: Some(remark), ..destination })
    }

    /// `trail` has the profiles through which multicred is asked for this one; none where a person names it.
    pub(super) fn by_profile(
        &self,
        profile: &Profile,
        asked: Option<&str>,
        trail: &[String],
    ) -> Result<Destination, ResolveError> {
        refuse_loop(&profile.name, trail)?;
        let places = |origin: &Origin| self.place(origin);
        let variables = super::variables::Variables::read(self.context)?;
        let profile = variables.on_every(profile.clone());
        let profile = &if trail.is_empty() { variables.on_target(profile) } else { profile };
        let get = |name: &str| Ok(self.profile(name)?.map(|found| variables.on_every(found)));
        let is_stored = |profile: &Profile| Ok(self.own_stored(profile)?.is_some());
        let profiles = chain::chain::<ResolveError>(profile.clone(), get, is_stored, &places)?;
        let root = self.root(&profiles, &places, trail)?;
        let mut nodes = root.nodes;
        let mut owners = vec![&profiles[0]; nodes.len()];
        for profile in &profiles {
            let is_root = root.is_role_of_profile && std::ptr::eq(profile, &raw const profiles[0]);
            if let Some(hop) = chain::hop(profile).filter(|_| !is_root) {
                nodes.push(self.profile_role(profile, hop)?);
                owners.push(profile);
            }
        }
        let mut reach = Vec::with_capacity(nodes.len());
        let of_target = self.of_profile(profile, Profile::setting);
        for (index, (node, owner)) in nodes.iter_mut().zip(owners).enumerate() {
            let below = chain::without_role(&profiles).filter(|_| index < root.reach.len());
            // What [default] gives counts after what the profile asked for says itself.
            let own = |reach: OfProfile, profile| reach.or(&self.of_profile(profile, Profile::own_setting));
            let first = root.reach.get(index).cloned().unwrap_or_default();
            let of_node = below.chain([owner, profile]).fold(first, own).or(&of_target);
            node.endpoint = self.endpoint(&of_node);
            reach.push(of_node);
        }
        let region = self.profile_region(profile);
        let names: Vec<&str> = profiles.iter().rev().map(|profile| profile.name.as_str()).collect();
        let own_settings = |profile: &Profile| (profile.name.clone(), profile.written_settings().cloned().collect());
        let settings: Vec<(String, Vec<Setting>)> = profiles.iter().rev().map(own_settings).collect();
        let role_arn = profiles.iter().rev().find_map(|profile| profile.value("role_arn")).map(str::to_owned);
        let end = self.end_of(&nodes, asked, &profile.name)?;
        Ok(Destination {
            shown: end.shown,
            arn: role_arn.or(root.arn).or(end.arn),
            colour: end.colour,
            protected: end.protected,
            origin: format!("profile {} of the AWS config{}", names.join(" from "), root.remark),
            of_profile: false,
            remark: None,
            as_it_is: root.as_it_is && nodes.len() == root.reach.len(),
            settings: settings.into_iter().chain(root.settings).collect(),
            machine: root.machine,
            route: Route {
                region: region.or(end.region),
                default_session_name: self.session_name(&nodes[0].holder)?,
                session_rule: root.session_rule,
                nodes,
                base: root.base,
            },
            reach,
        })
    }

    /// How the end of a profile's chain is shown.
    fn end_of(&self, nodes: &[Node], asked: Option<&str>, profile: &str) -> Result<End, ResolveError> {
        let target = &nodes[nodes.len() - 1];
        let row = self.row_of(&target.holder)?;
        let account = match (&row, target.holder.identity()) {
            (Some(_), _) => None,
            (None, Some(identity)) => self.account_of(identity)?,
            (None, None) => self.protected_by_key(&target.held)?,
        };
        let label = row.as_ref().and_then(|row| row.label.as_deref());
        let of_account = account.as_ref();
        let alias =
            row.as_ref().map_or_else(|| of_account.and_then(|it| it.alias.as_deref()), |row| row.alias.as_deref());
        let (protected, own_colour) = row.as_ref().map_or_else(
            || of_account.map_or((false, None), |account| (account.protected, account.colour.as_deref())),
            |row| (row.protected, row.colour.as_deref()),
        );
        let shown = match target.holder.identity() {
            Some(identity) => name::shown(label, asked, identity, alias),
            None => profile.to_owned(),
        };
        let (arn, colour) = (row.as_ref().map(IdentityRow::arn), colour(protected, own_colour));
        Ok(End { shown, arn, colour, protected, region: row.and_then(|row| row.region) })
    }

    /// What `[default]` says of regions is for those who have none of their own: the person may, in the environment.
    fn profile_region(&self, profile: &Profile) -> Option<String> {
        let own = profile.own_value("region").map(str::to_owned);
        own.or_else(|| profile.value("region").filter(|_| self.context.own_region().is_none()).map(str::to_owned))
    }

    /// The identity of the store whose key is the profile's own: it is labelled as the profile is called. What the
    /// profile says of a source counts before a label without a key; and a role is not its own source.
    pub(in crate::resolve) fn own_stored(&self, profile: &Profile) -> Result<Option<IdentityRow>, ResolveError> {
        if profile.key.is_some() {
            return Ok(None);
        }
        let labelled = self.store().map(|store| store.read().identity_labelled(&profile.name)).transpose()?.flatten();
        let Some(row) = labelled else { return Ok(None) };
        let is_role = profile.setting("role_arn").is_some();
        if !is_role && !profile.has_source() {
            return Ok(Some(row));
        }
        let held = self.held_by(&Owner::Identity(row.id))?;
        let serves = |held: &Held| match held.kind {
            CredentialKind::LongTerm => true,
            CredentialKind::Imported => !is_role,
            CredentialKind::Session | CredentialKind::Role => false,
        };
        Ok(held.iter().any(serves).then_some(row))
    }

    pub(super) fn profile_role(&self, profile: &Profile, hop: RoleHop) -> Result<Node, ResolveError> {
        let holder = Holder::Identity(profile.role().ok_or(ResolveError::CredentialGone)?);
        let held = match self.row_of(&holder)? {
            Some(row) => self.held_by(&Owner::Identity(row.id))?,
            None => Vec::new(),
        };
        let mfa_script = self.mfa_script(profile);
        Ok(Node { serves_roles: true, held, hop: Some(hop), mfa_script, ..Node::of(holder, &profile.name) })
    }

    pub(super) fn mfa_script(&self, profile: &Profile) -> Option<Script> {
        profile.setting("mfa_process").map(|setting| self.script(profile, setting))
    }

    /// A setting that is a command line.
    pub(super) fn script(&self, profile: &Profile, setting: &Setting) -> Script {
        let place = format!("{} of profile {} ({})", setting.key, profile.name, self.place(&setting.origin));
        Script { command: setting.value.clone(), place }
    }

    /// What a profile says of how AWS is reached, among the settings that `get` finds.
    fn of_profile(&self, profile: &Profile, get: for<'p> fn(&'p Profile, &str) -> Option<&'p Setting>) -> OfProfile {
        let ca_bundle = get(profile, "ca_bundle").map(|setting| CaBundle {
            path: self.context.expand_home(&setting.value),
            from: self.script(profile, setting).place,
        });
        OfProfile {
            ca_bundle,
            ..OfProfile::read(|key| get(profile, key).map(|setting| setting.value.as_str()), STS_ENDPOINT)
        }
    }
}
