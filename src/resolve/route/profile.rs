//! The way to a profile, by its own settings.

use super::{Destination, colour};
use crate::aws_config::source::{Source, source};
use crate::aws_config::{ChainError, FileKey, Origin, Places, Problem, Profile, STS_ENDPOINT, Setting, chain};
use crate::identity::hash::Hasher;
use crate::identity::request::RoleOfEnvironment;
use crate::identity::route::{
    Base, CredentialKind, Held, Node, Place, RoleHop, Route, Script, SessionRule, TokenSource,
};
use crate::identity::{Holder, name};
use crate::resolve::{Catalogue, ResolveError};
use crate::store::{IdentityRow, Owner};
use crate::sts::OfProfile;
use crate::sts::settings::CaBundle;

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
            return Ok(Destination { of_profile: true, ..self.by_profile(profile, Some(asked))? });
        };
        let profile = profile.with_variable("role_arn", role_arn, "AWS_ROLE_ARN");
        let destination = self.by_profile(&profile, Some(asked))?;
        let remark = format!("profile {asked}: its role is the one that AWS_ROLE_ARN names, {role_arn}");
        Ok(Destination { of_profile: true, remark: Some(remark), ..destination })
    }

    pub(super) fn by_profile(&self, profile: &Profile, asked: Option<&str>) -> Result<Destination, ResolveError> {
        let places = |origin: &Origin| self.place(origin);
        let variables = super::variables::Variables::read(self.context)?;
        let profile = &variables.on_target(variables.on_every(profile.clone()));
        let get = |name: &str| Ok(self.profile(name)?.map(|found| variables.on_every(found)));
        let is_stored = |profile: &Profile| Ok(self.own_stored(profile)?.is_some());
        let profiles = chain::chain::<ResolveError>(profile.clone(), get, is_stored, &places)?;
        let (root, base) = self.profile_root(&profiles, &places)?;
        let mut nodes = vec![root];
        let mut owners = vec![&profiles[0]];
        for profile in &profiles {
            let is_base = matches!(base, Base::WebIdentity { .. }) && std::ptr::eq(profile, &raw const profiles[0]);
            if let Some(hop) = chain::hop(profile).filter(|_| !is_base) {
                nodes.push(self.profile_role(profile, hop)?);
                owners.push(profile);
            }
        }
        let mut reach = Vec::with_capacity(nodes.len());
        let of_target = self.of_profile(profile);
        for (index, (node, owner)) in nodes.iter_mut().zip(owners).enumerate() {
            let below = chain::without_role(&profiles).filter(|_| index == 0);
            let of_node = below.fold(OfProfile::default(), |reach, profile| reach.or(&self.of_profile(profile)));
            let of_node = of_node.or(&self.of_profile(owner)).or(&of_target);
            node.endpoint = self.endpoint(&of_node);
            reach.push(of_node);
        }
        self.at_the_end(profile, asked, &profiles, nodes, base, reach)
    }

    fn at_the_end(
        &self,
        profile: &Profile,
        asked: Option<&str>,
        profiles: &[Profile],
        nodes: Vec<Node>,
        base: Base,
        reach: Vec<OfProfile>,
    ) -> Result<Destination, ResolveError> {
        let target = &nodes[nodes.len() - 1];
        let row = self.row_of(&target.holder)?;
        let role_arn = profiles.iter().rev().find_map(|profile| profile.value("role_arn")).map(str::to_owned);
        let arn = role_arn.or_else(|| row.as_ref().map(IdentityRow::arn));
        let label = row.as_ref().and_then(|row| row.label.clone());
        let account = match (&row, target.holder.identity()) {
            (None, Some(identity)) => self.account_of(identity)?,
            _ => None,
        };
        let alias = row
            .as_ref()
            .map_or_else(|| account.as_ref().and_then(|account| account.alias.clone()), |row| row.alias.clone());
        let colour = row.as_ref().map_or_else(
            || account.as_ref().and_then(|account| colour(account.protected, account.colour.as_deref())),
            |row| colour(row.protected, row.colour.as_deref()),
        );
        let shown = match target.holder.identity() {
            Some(identity) => name::shown(label.as_deref(), asked, identity, alias.as_deref()),
            None => profile.name.clone(),
        };
        let names: Vec<&str> = profiles.iter().rev().map(|profile| profile.name.as_str()).collect();
        let settings = |profile: &Profile| profile.settings().cloned().collect::<Vec<Setting>>();
        Ok(Destination {
            shown,
            arn,
            colour,
            origin: format!("profile {} of the AWS config", names.join(" from ")),
            of_profile: false,
            remark: None,
            as_it_is: false,
            settings: profiles.iter().rev().map(|profile| (profile.name.clone(), settings(profile))).collect(),
            machine: super::variables::of_machine(&profiles[0]),
            route: Route {
                region: self.profile_region(profile).or(row.and_then(|row| row.region)),
                default_session_name: self.session_name(&nodes[0].holder)?,
                session_rule: SessionRule::OnlySameSerial,
                nodes,
                base,
            },
            reach,
        })
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

    /// The node that the chain begins with, and where its credential comes from.
    fn profile_root(&self, profiles: &[Profile], places: Places<'_>) -> Result<(Node, Base), ResolveError> {
        let profile = &profiles[0];
        let stored = self.own_stored(profile)?;
        let (node, base) = match source(profile, stored.is_some(), places).map_err(ChainError::from)? {
            Source::Key(key) => (self.key_node(profile, key)?, Base::Held),
            Source::Stored => (self.stored_node(profile, stored)?, Base::Held),
            Source::Environment(setting) => (self.environment_node(profile, setting)?, Base::Held),
            Source::Metadata(setting, source) => {
                let place = self.script(profile, setting).place;
                (outside_node(profile, source.word()), Base::Metadata { source, place })
            }
            Source::Process(setting) => self.process_node(profile, setting)?,
            Source::WebIdentity(setting) => self.web_identity_node(profile, setting)?,
            Source::Profile(_) | Source::Nothing => return Err(ResolveError::CredentialGone),
        };
        let own_role = chain::hop(profile).is_some();
        let serial = chain::root_serial(profiles).map(|setting| setting.value.clone());
        let node = Node {
            // The key of a role profile of its own signs for that role alone.
            mfa_serial: serial.or(node.mfa_serial).filter(|_| !own_role),
            session_duration: chain::without_role(profiles).find_map(chain::session_duration),
            mfa_script: chain::without_role(profiles).find_map(|profile| self.mfa_script(profile)),
            ..node
        };
        Ok((node, base))
    }

    fn key_node(&self, profile: &Profile, key: &FileKey) -> Result<Node, ResolveError> {
        let holder = self.owner_of_file_key(&key.access_key_id)?;
        let row = self.row_of(&holder)?;
        let owner = match (&holder, &row) {
            (_, Some(row)) => Owner::Identity(row.id),
            _ => Owner::KeyOwner(key.access_key_id.clone()),
        };
        let mut held = vec![Held { restricted_as: self.restriction_of(key)?, ..file_held(&profile.name, key) }];
        // The profile's own key, not some other key of the same user; what was obtained is shared.
        held.extend(self.held_by(&owner)?.into_iter().filter(|held| held.kind.is_obtainable()));
        Ok(Node { mfa_serial: row.and_then(|row| row.mfa_serial), held, ..Node::of(holder, &profile.name) })
    }

    /// What the store knows of a session policy that restricts a key of the files: multicred may have written it there.
    fn restriction_of(&self, key: &FileKey) -> Result<Option<String>, ResolveError> {
        let row = self.store().map(|store| store.read().credential_with_key(&key.access_key_id)).transpose()?.flatten();
        Ok(row.and_then(|row| row.held.restricted_as))
    }

    fn stored_node(&self, profile: &Profile, stored: Option<IdentityRow>) -> Result<Node, ResolveError> {
        let row = stored.ok_or(ResolveError::CredentialGone)?;
        Ok(Node {
            held: self.held_by(&Owner::Identity(row.id))?,
            mfa_serial: row.mfa_serial,
            serves_roles: true,
            ..Node::of(Holder::Identity(row.identity), &profile.name)
        })
    }

    /// The person's own credential in the environment. One that a switch put there is not theirs.
    fn environment_node(&self, profile: &Profile, setting: &Setting) -> Result<Node, ResolveError> {
        let place = self.place(&setting.origin);
        let problem = |reason: &str, remedy| {
            let (profile, place, reason) = (profile.name.clone(), place.clone(), reason.to_owned());
            ChainError::from(Problem::Environment { profile, place, reason, remedy })
        };
        let set = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
        let Some(key) = self.context.setting("AWS_ACCESS_KEY_ID") else {
            return Err(problem("where AWS_ACCESS_KEY_ID is not set", set).into());
        };
        if self.context.holds_switched_key() {
            let reason = "and what is there was put there by multicred";
            return Err(problem(reason, "multicred deactivate gives your own variables back").into());
        }
        if !name::is_access_key_id(&key) || self.context.setting("AWS_SECRET_ACCESS_KEY").is_none() {
            let reason = "where AWS_SECRET_ACCESS_KEY is not set, or AWS_ACCESS_KEY_ID is no access key id";
            return Err(problem(reason, set).into());
        }
        let temporary = self.context.setting("AWS_SESSION_TOKEN").is_some();
        let expiry = self.context.setting("AWS_CREDENTIAL_EXPIRATION").filter(|_| temporary);
        let held = Held {
            place: Place::Environment,
            kind: if temporary { CredentialKind::Imported } else { CredentialKind::LongTerm },
            access_key_id: key.clone().into_owned(),
            request_hash: None,
            created_at: self.context.now(),
            expires_at: expiry.and_then(|text| crate::credential_text::instant(&text)),
            expiry_is_guess: false,
            restricted_as: None,
        };
        let holder = self.owner_of_file_key(&key)?;
        Ok(Node { held: vec![held], ..Node::of(holder, "the environment's key") })
    }

    fn process_node(&self, profile: &Profile, setting: &Setting) -> Result<(Node, Base), ResolveError> {
        let name = Hasher::new("credential_process").field("command", Some(&setting.value)).finish().short();
        let node = outside_node(profile, &format!("process-{name}"));
        let held = self.held_by(&Owner::KeyOwner(node.holder.source_key().unwrap_or_default()))?;
        Ok((Node { held, ..node }, Base::Process(self.script(profile, setting))))
    }

    fn web_identity_node(&self, profile: &Profile, setting: &Setting) -> Result<(Node, Base), ResolveError> {
        let role = chain::hop(profile).ok_or(ResolveError::CredentialGone)?;
        let script = self.script(profile, setting);
        let token = match &*setting.key {
            "web_identity_token_process" => TokenSource::Process(script),
            _ => TokenSource::File {
                path: self.context.expand_home(&setting.value).display().to_string(),
                place: script.place,
            },
        };
        let node = Node { hop: None, ..self.profile_role(profile, role.clone())? };
        Ok((node, Base::WebIdentity { role, token }))
    }

    fn profile_role(&self, profile: &Profile, hop: RoleHop) -> Result<Node, ResolveError> {
        let holder = Holder::Identity(profile.role().ok_or(ResolveError::CredentialGone)?);
        let held = match self.row_of(&holder)? {
            Some(row) => self.held_by(&Owner::Identity(row.id))?,
            None => Vec::new(),
        };
        let mfa_script = self.mfa_script(profile);
        Ok(Node { serves_roles: true, held, hop: Some(hop), mfa_script, ..Node::of(holder, &profile.name) })
    }

    fn mfa_script(&self, profile: &Profile) -> Option<Script> {
        profile.setting("mfa_process").map(|setting| self.script(profile, setting))
    }

    /// A setting that is a command line.
    fn script(&self, profile: &Profile, setting: &Setting) -> Script {
        let place = format!("{} of profile {} ({})", setting.key, profile.name, self.place(&setting.origin));
        Script { command: setting.value.clone(), place }
    }

    /// What a profile says of how AWS is reached.
    fn of_profile(&self, profile: &Profile) -> OfProfile {
        let ca_bundle = profile.setting("ca_bundle").map(|setting| CaBundle {
            path: self.context.expand_home(&setting.value),
            from: self.script(profile, setting).place,
        });
        OfProfile { ca_bundle, ..OfProfile::read(|key| profile.value(key), STS_ENDPOINT) }
    }
}

/// Somebody whose credentials come from outside.
fn outside_node(profile: &Profile, what: &str) -> Node {
    Node::of(Holder::Outside(what.to_owned()), &profile.name)
}

fn file_held(profile: &str, key: &FileKey) -> Held {
    Held {
        place: Place::Profile(profile.to_owned()),
        kind: if key.temporary { CredentialKind::Imported } else { CredentialKind::LongTerm },
        access_key_id: key.access_key_id.clone(),
        request_hash: None,
        created_at: key.written_at,
        expires_at: key.expires_at,
        expiry_is_guess: key.expiry_is_guess,
        restricted_as: None,
    }
}
