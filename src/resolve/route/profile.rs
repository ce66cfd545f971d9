//! The way to a profile, by its own settings.

use super::{Destination, colour};
use crate::aws_config::chain::{self, ChainError};
use crate::aws_config::{FileKey, Profile, Setting};
use crate::identity::request::{RoleOfEnvironment, is_session_name};
use crate::identity::route::{CredentialKind, Held, Node, Place, RoleHop, Route, SessionRule};
use crate::identity::{Holder, arn, name};
use crate::resolve::{Catalogue, ResolveError};
use crate::store::{IdentityRow, Owner};
use crate::sts::settings::BadSetting;

impl Catalogue<'_> {
    pub(super) fn by_asked_profile(
        &self,
        profile: &Profile,
        asked: &str,
        environment: &RoleOfEnvironment,
    ) -> Result<Destination, ResolveError> {
        check_variable("AWS_ROLE_ARN", environment.arn.as_deref(), "the ARN of a role", arn::is_role)?;
        let wanted = "2 to 64 letters, digits or _+=,.@-";
        check_variable("AWS_ROLE_SESSION_NAME", environment.session_name.as_deref(), wanted, is_session_name)?;
        let other_role = environment.arn.as_deref().filter(|arn| profile.value("role_arn") != Some(*arn));
        let Some(role_arn) = other_role else {
            return Ok(Destination { of_profile: true, ..self.by_profile(profile, Some(asked))? });
        };
        let destination = self.by_profile(&profile.with_role(role_arn), Some(asked))?;
        let remark = format!("profile {asked}: its role is the one that AWS_ROLE_ARN names, {role_arn}");
        Ok(Destination { of_profile: true, remark: Some(remark), ..destination })
    }

    pub(super) fn by_profile(&self, profile: &Profile, asked: Option<&str>) -> Result<Destination, ResolveError> {
        let places = |setting: &Setting| self.place(setting);
        let chain = chain::chain(profile.clone(), |name| self.profile(name), &places)?;
        let mut nodes = vec![self.profile_root(&chain[0], chain.len() > 1)?];
        for profile in &chain {
            if let Some(hop) = chain::hop(profile) {
                nodes.push(self.profile_role(profile, hop)?);
            }
        }
        let target = &nodes[nodes.len() - 1];
        let row = self.row_of(&target.holder)?;
        let arn = chain::hop(profile).map(|hop| hop.role_arn).or_else(|| row.as_ref().map(IdentityRow::arn));
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
        let names: Vec<&str> = chain.iter().rev().map(|profile| profile.name.as_str()).collect();
        Ok(Destination {
            shown,
            arn,
            colour,
            origin: format!("profile {} of the AWS config", names.join(" from ")),
            of_profile: false,
            remark: None,
            as_it_is: false,
            route: Route {
                region: profile.value("region").map(str::to_owned).or(row.and_then(|row| row.region)),
                default_session_name: self.session_name(&nodes[0].holder),
                session_rule: SessionRule::OnlySameSerial,
                nodes,
            },
        })
    }

    /// The node of the profile that holds the first key.
    fn profile_root(&self, profile: &Profile, is_source: bool) -> Result<Node, ResolveError> {
        let Some(key) = &profile.key else { return self.labelled_root(profile) };
        let holder = self.owner_of_file_key(&key.access_key_id)?;
        let row = self.row_of(&holder)?;
        let owner = match (&holder, &row) {
            (_, Some(row)) => Owner::Identity(row.id),
            _ => Owner::KeyOwner(key.access_key_id.clone()),
        };
        let mut held = vec![Held { restricted_as: self.restriction_of(key)?, ..file_held(&profile.name, key) }];
        // The profile's own key, not some other key of the same user; what was obtained is shared.
        held.extend(self.held_by(&owner)?.into_iter().filter(|held| held.kind.is_obtainable()));
        let is_own_role = chain::hop(profile).is_some();
        let own_serial = profile.value("mfa_serial").filter(|_| !is_own_role).map(str::to_owned);
        Ok(Node {
            mfa_serial: own_serial.or(row.and_then(|row| row.mfa_serial)).filter(|_| !is_own_role),
            shown: profile.name.clone(),
            serves_roles: is_source,
            hop: None,
            held,
            holder,
        })
    }

    /// What the store knows of a session policy that restricts a key of the files: multicred may have written it there.
    fn restriction_of(&self, key: &FileKey) -> Result<Option<String>, ResolveError> {
        let row = self.store().map(|store| store.read().credential_with_key(&key.access_key_id)).transpose()?.flatten();
        Ok(row.and_then(|row| row.held.restricted_as))
    }

    /// A profile without a key in the files: its key is the one stored under its name.
    fn labelled_root(&self, profile: &Profile) -> Result<Node, ResolveError> {
        let labelled = self.store().map(|store| store.read().identity_labelled(&profile.name)).transpose()?.flatten();
        let Some(row) = labelled else {
            let fault = "it has no key, no role_arn, and nothing in the store is labelled so".to_owned();
            return Err(ChainError::Fault { profile: profile.name.clone(), fault }.into());
        };
        Ok(Node {
            held: self.held_by(&Owner::Identity(row.id))?,
            shown: profile.name.clone(),
            mfa_serial: profile.value("mfa_serial").map(str::to_owned).or(row.mfa_serial),
            serves_roles: true,
            hop: None,
            holder: Holder::Identity(row.identity),
        })
    }

    fn profile_role(&self, profile: &Profile, hop: RoleHop) -> Result<Node, ResolveError> {
        let holder = Holder::Identity(profile.role().ok_or(ResolveError::CredentialGone)?);
        let held = match self.row_of(&holder)? {
            Some(row) => self.held_by(&Owner::Identity(row.id))?,
            None => Vec::new(),
        };
        Ok(Node { holder, shown: profile.name.clone(), mfa_serial: None, serves_roles: true, held, hop: Some(hop) })
    }
}

/// A variable counts only where a profile is asked for: elsewhere it may hold what it likes.
fn check_variable(
    variable: &'static str,
    value: Option<&str>,
    wanted: &'static str,
    is_good: impl Fn(&str) -> bool,
) -> Result<(), BadSetting> {
    match value.filter(|value| !is_good(value)) {
        Some(bad) => Err(BadSetting { variable, value: bad.escape_debug().to_string(), wanted }),
        None => Ok(()),
    }
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
