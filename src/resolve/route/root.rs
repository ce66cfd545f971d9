//! The node that a chain of profiles begins with: its own key, or what hands out a credential for it.

use crate::aws_config::source::{Source, source};
use crate::aws_config::{ChainError, FileKey, Places, Problem, Profile, Setting, chain};
use crate::identity::hash::Hasher;
use crate::identity::route::{Base, CredentialKind, Held, Node, Place, SessionRule, TokenSource};
use crate::identity::{Holder, name};
use crate::resolve::{Catalogue, ResolveError};
use crate::store::{IdentityRow, Owner};
use crate::sts::{OfProfile, metadata};

/// What a chain of profiles begins with.
pub(super) struct Root {
    /// One node, or the whole way to whom the source asks multicred for.
    pub(super) nodes: Vec<Node>,
    /// Where the first one's credential comes from.
    pub(super) base: Base,
    pub(super) session_rule: SessionRule,
    /// How AWS is reached for each node, as far as those say that multicred is asked through.
    pub(super) reach: Vec<OfProfile>,
    pub(super) machine: Vec<(&'static str, String)>,
    /// The ARN of the last node, where that is known here.
    pub(super) arn: Option<String>,
    /// The settings of the profiles that multicred is asked through.
    pub(super) settings: Vec<(String, Vec<Setting>)>,
    /// What there is to add to where the settings come from.
    pub(super) remark: String,
    pub(super) as_it_is: bool,
    /// Whether it is the role of the first profile itself.
    pub(super) is_role_of_profile: bool,
}

impl Catalogue<'_> {
    /// What the chain begins with, and where its credential comes from.
    pub(super) fn root(
        &self,
        profiles: &[Profile],
        places: Places<'_>,
        trail: &[String],
    ) -> Result<Root, ResolveError> {
        let stored = self.own_stored(&profiles[0])?;
        let source = source(&profiles[0], stored.is_some(), places).map_err(ChainError::from)?;
        if let Source::Process(process) = source
            && let Some(root) = self.asked_root(profiles, process, trail)?
        {
            return Ok(root);
        }
        let (node, base) = self.profile_root(profiles, source, stored)?;
        Ok(Root {
            nodes: vec![node],
            is_role_of_profile: matches!(base, Base::WebIdentity { .. }),
            base,
            session_rule: SessionRule::OnlySameSerial,
            reach: vec![OfProfile::default()],
            machine: super::variables::of_machine(&profiles[0]),
            arn: None,
            settings: Vec::new(),
            remark: String::new(),
            as_it_is: false,
        })
    }

    fn profile_root(
        &self,
        profiles: &[Profile],
        source: Source<'_>,
        stored: Option<IdentityRow>,
    ) -> Result<(Node, Base), ResolveError> {
        let profile = &profiles[0];
        let (node, base) = match source {
            Source::Key(key) => (self.key_node(profile, key)?, Base::Held),
            Source::Stored => (self.stored_node(profile, stored)?, Base::Held),
            Source::Environment(setting) => (self.environment_node(profile, setting)?, Base::Held),
            Source::Metadata(setting, source) => {
                let place = self.script(profile, setting).place;
                let machine = super::variables::of_machine(profile);
                let which = metadata::which(source, &|name| self.of_machine(&machine, name));
                (outside_node(profile, &which), Base::Metadata { source, place })
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
        let mut held = vec![Held { restricted_as: self.restriction_of(key)?, ..key.held(&profile.name) }];
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
        let set = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; where multicred keeps yours, multicred deactivate \
                   gives them back";
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
}

/// Somebody whose credentials come from outside.
fn outside_node(profile: &Profile, what: &str) -> Node {
    Node::of(Holder::Outside(what.to_owned()), &profile.name)
}
