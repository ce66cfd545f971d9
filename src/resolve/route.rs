//! From a target to its route: the facts that a plan is made of.

use crate::aws_config::chain::{self, ChainError};
use crate::aws_config::{AwsFiles, FileKey, Profile, Setting};
use crate::identity::arn;
use crate::identity::request::{Request, RoleOfEnvironment, is_session_name, session_name_from};
use crate::identity::route::{CredentialKind, Held, Node, Place, RoleHop, Route, SessionRule};
use crate::identity::{Holder, Identity, Kind, name};
use crate::store::{AccountRow, IdentityRow, LinkRow, Owner};
use crate::sts::settings::BadSetting;

use super::{Catalogue, LookupError, ResolveError, Target, Who};

/// Where a name leads: the route, and what the shell shows at its end.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The chain and what is held of it.
    pub route: Route,
    /// The name to show.
    pub shown: String,
    /// The ARN, where it is known.
    pub arn: Option<String>,
    /// The prompt's colour.
    pub colour: Option<String>,
    /// Where the settings come from, as a sentence.
    pub origin: String,
    /// Whether a profile was asked for: then its own settings count, and the environment's before them.
    pub of_profile: bool,
    /// What the person should know about the way.
    pub(super) remark: Option<String>,
    /// The stored credential itself was asked for: nothing is derived from it.
    as_it_is: bool,
}

impl Destination {
    /// The request as it applies here.
    pub(super) fn adjust(&self, request: &Request) -> Request {
        let mut request = request.clone();
        // A key is handed out itself; a temporary credential cannot be anything else.
        let long_term = self.route.target().held.iter().any(|held| held.kind == CredentialKind::LongTerm);
        if self.as_it_is && long_term {
            request.no_session = true;
        }
        if self.of_profile {
            request.session_name = request.session_name.or(request.role_of_environment.session_name.take());
        }
        request
    }

    /// The identity at the end, where it is known.
    pub fn identity(&self) -> Option<&Identity> {
        self.route.target().holder.identity()
    }

    /// Who holds this credential of the target's.
    pub(super) fn who(self, held: &Held) -> Who {
        let federated = held.restricted_as.as_ref().filter(|name| !name.is_empty()).zip(self.identity());
        let federated = federated.map(|(name, identity)| {
            let (kind, name) = (Kind::Federated, name.clone());
            Identity { kind, name, ..identity.clone() }.arn(None)
        });
        Who {
            arn: federated.or(self.arn.clone()),
            account: self.identity().map(|identity| identity.account.clone()),
            shown: self.shown,
            region: self.route.region,
            colour: self.colour,
            of_profile: self.of_profile,
            restricted: held.restricted_as.is_some(),
        }
    }
}

impl Catalogue<'_> {
    /// Finds the way to a target. `asked` is the name that was typed.
    ///
    /// # Errors
    /// The profiles contradict themselves, or the store or files cannot be read.
    pub fn destination(&self, target: &Target, asked: &str) -> Result<Destination, ResolveError> {
        self.destination_with(target, asked, &RoleOfEnvironment::default())
    }

    /// As [`destination`](Self::destination), where the environment may name the role of a profile.
    pub(super) fn destination_with(
        &self,
        target: &Target,
        asked: &str,
        environment: &RoleOfEnvironment,
    ) -> Result<Destination, ResolveError> {
        match target {
            Target::Nobody => Err(LookupError::Nobody.into()),
            Target::Known(row) => self.to_identity(&row.identity, Some(row)),
            Target::OfProfiles(identity) => self.to_identity(identity, None),
            Target::Profile(profile) => self.by_asked_profile(profile, asked, environment),
            Target::Key(row, holder) => self.by_key(&row.held, holder),
        }
    }

    fn by_asked_profile(
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

    /// An identity uses its link; without one, the only profile that leads to it.
    fn to_identity(&self, identity: &Identity, row: Option<&IdentityRow>) -> Result<Destination, ResolveError> {
        if let (Some(store), Some(row)) = (self.store(), row) {
            let mut chain = store.read().chain(row.clone())?;
            if chain.len() > 1 {
                return self.by_links(&mut chain);
            }
            let held = store.read().credentials_of(&Owner::Identity(row.id))?;
            let profiles = self.profiles_to(&identity.key())?;
            let own = held.iter().any(|h| matches!(h.kind, CredentialKind::LongTerm | CredentialKind::Imported));
            if profiles.is_empty() || (own && profiles.len() > 1) {
                return self.by_links(&mut chain);
            }
        }
        self.by_only_profile(identity, row)
    }

    fn by_only_profile(&self, identity: &Identity, row: Option<&IdentityRow>) -> Result<Destination, ResolveError> {
        let mut profiles = self.profiles_to(&identity.key())?;
        let shown = match row {
            Some(row) => row.shown(),
            None => identity.typed(self.account_of(identity)?.and_then(|account| account.alias).as_deref()),
        };
        match (profiles.pop(), profiles.is_empty()) {
            (Some(only), true) => {
                let by_profile = self.by_profile(&only, None)?;
                Ok(Destination { shown, ..by_profile })
            }
            (Some(last), false) => {
                let names = profiles.into_iter().chain([last]).map(|profile| profile.name).collect();
                Err(LookupError::ManyProfiles { identity: shown, profiles: names }.into())
            }
            (None, _) => Err(ResolveError::CredentialGone),
        }
    }

    /// What the store knows of an identity's account, also where it does not know the identity.
    fn account_of(&self, identity: &Identity) -> Result<Option<AccountRow>, ResolveError> {
        let Some(store) = self.store() else { return Ok(None) };
        let accounts = store.read().accounts_named(&identity.account)?;
        Ok(accounts.into_iter().find(|row| row.partition == identity.partition))
    }

    /// `chain` has the target first and the root last.
    fn by_links(&self, chain: &mut [LinkRow]) -> Result<Destination, ResolveError> {
        chain.reverse();
        let mut nodes = chain.iter().map(|row| self.linked_node(row)).collect::<Result<Vec<Node>, ResolveError>>()?;
        if let ([node], Some(store)) = (&mut *nodes, self.store()) {
            node.serves_roles = store.read().serves_roles(chain[0].identity.id)?;
        }
        let target = &chain[chain.len() - 1];
        let origin = match chain.len() {
            1 => "an identity of the store, without a link".to_owned(),
            _ => "the links in the store".to_owned(),
        };
        let row = &target.identity;
        // A role's own ARN has its path; the link knows it even where the identity's row does not.
        let arn = target.hop.as_ref().map_or_else(|| row.arn(), |hop| hop.role_arn.clone());
        Ok(Destination {
            shown: row.shown(),
            arn: Some(arn),
            colour: colour(row.protected, row.colour.as_deref()),
            origin,
            of_profile: false,
            remark: None,
            as_it_is: false,
            route: Route {
                region: row.region.clone(),
                default_session_name: self.session_name(&nodes[0].holder),
                session_rule: SessionRule::WheneverSerialKnown,
                nodes,
            },
        })
    }

    fn linked_node(&self, row: &LinkRow) -> Result<Node, ResolveError> {
        let holder = Holder::Identity(row.identity.identity.clone());
        Ok(Node {
            held: self.held_by(&Owner::Identity(row.identity.id))?,
            shown: row.identity.shown(),
            mfa_serial: row.identity.mfa_serial.clone(),
            serves_roles: true,
            hop: row.hop.clone(),
            holder,
        })
    }

    fn held_by(&self, owner: &Owner) -> Result<Vec<Held>, ResolveError> {
        Ok(self.store().map(|store| store.read().credentials_of(owner)).transpose()?.unwrap_or_default())
    }

    fn by_profile(&self, profile: &Profile, asked: Option<&str>) -> Result<Destination, ResolveError> {
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
        let mut held = vec![file_held(&profile.name, key)];
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

    fn by_key(&self, held: &Held, holder: &Holder) -> Result<Destination, ResolveError> {
        let row = self.row_of(holder)?;
        let shown = row.as_ref().map_or_else(|| held.access_key_id.clone(), IdentityRow::shown);
        let node = Node {
            holder: holder.clone(),
            shown: shown.clone(),
            mfa_serial: None,
            serves_roles: false,
            held: vec![as_it_is(held)],
            hop: None,
        };
        Ok(Destination {
            shown,
            arn: row.as_ref().map(IdentityRow::arn),
            colour: row.as_ref().and_then(|row| colour(row.protected, row.colour.as_deref())),
            origin: format!("the stored credential {}, as it is", held.access_key_id),
            of_profile: false,
            remark: None,
            as_it_is: true,
            route: Route {
                region: row.and_then(|row| row.region),
                default_session_name: self.session_name(holder),
                session_rule: SessionRule::WheneverSerialKnown,
                nodes: vec![node],
            },
        })
    }

    fn row_of(&self, holder: &Holder) -> Result<Option<IdentityRow>, ResolveError> {
        let (Some(store), Some(identity)) = (self.store(), holder.identity()) else { return Ok(None) };
        Ok(store.read().identity(identity)?)
    }

    /// Sessions are named after the user that stands at the root, so that an audit trail says who it was; where that
    /// is not known, after the login name.
    fn session_name(&self, root: &Holder) -> String {
        let user = root.identity().filter(|identity| identity.kind == Kind::User).map(|user| user.name.as_str());
        session_name_from(user.or_else(|| self.context.login_name()).unwrap_or_default())
    }

    /// `file:line` of a setting.
    pub fn place(&self, setting: &Setting) -> String {
        if setting.line == Setting::OF_ENVIRONMENT {
            return "from the environment".to_owned();
        }
        let file = self.files().map_or_else(
            || setting.file.to_string(),
            |files: &AwsFiles| files.path(setting.file).display().to_string(),
        );
        format!("{file}:{}", setting.line)
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

/// A protected account is red whatever its own colour is.
fn colour(protected: bool, own: Option<&str>) -> Option<String> {
    if protected { Some("red".to_owned()) } else { own.map(str::to_owned) }
}

/// A credential asked for by its own id counts as imported: usable while it lasts, and nothing obtains it again.
fn as_it_is(held: &Held) -> Held {
    let kind = if held.kind.is_obtainable() { CredentialKind::Imported } else { held.kind };
    Held { kind, request_hash: None, ..held.clone() }
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
