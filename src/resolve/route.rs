//! From a target to its route: the facts that a plan is made of.

mod profile;
mod root;
mod through;
mod variables;

use crate::aws_config::{AwsFiles, Origin, Setting};
use crate::identity::request::{Request, RoleOfEnvironment};
use crate::identity::route::{Base, CredentialKind, Held, Node, Route, SessionRule};
use crate::identity::{Holder, Identity, Kind};
use crate::settings;
use crate::store::{AccountRow, IdentityRow, LinkRow, Owner};
use crate::sts::OfProfile;

use super::{Catalogue, LookupError, ResolveError, Target, Who};

pub(super) use variables::names as variables_of_profiles;

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
    /// Whether the account is protected.
    pub protected: bool,
    /// Where the settings come from, as a sentence.
    pub origin: String,
    /// Whether a profile was asked for: then its own settings count, and the environment's before them.
    pub of_profile: bool,
    /// What the person should know about the way.
    pub(super) remark: Option<String>,
    /// The stored credential itself was asked for: nothing is derived from it.
    as_it_is: bool,
    /// The settings of each profile of the chain, by its name, the one asked for first.
    pub settings: Vec<(String, Vec<Setting>)>,
    /// How AWS is reached for each node, as far as profiles say.
    pub(super) reach: Vec<OfProfile>,
    /// What a profile says of the machine's metadata service, by the variables that mean the same.
    pub(super) machine: Vec<(&'static str, String)>,
}

/// A question about the identity in a row of the store.
type Ask<'a, T> = &'a dyn Fn(i64) -> Result<T, ResolveError>;

impl Destination {
    /// The request as it applies here.
    pub(super) fn adjust(&self, request: &Request) -> Request {
        let mut request = request.clone();
        // A key is handed out itself; a temporary credential cannot be anything else.
        let long_term = self.route.target().held.iter().any(|held| held.kind == CredentialKind::LongTerm);
        if self.as_it_is && long_term {
            request.no_session = true;
        }
        request.as_it_is = self.as_it_is;
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
            Target::Known(row) => self.to_identity(&row.identity, Some(row), &[]),
            Target::OfProfiles(identity) => self.to_identity(identity, None, &[]),
            Target::Profile(profile) => self.by_asked_profile(profile, asked, environment),
            Target::Key(row, holder) => self.by_key(&row.held, holder),
        }
    }

    /// An identity uses its link; without one, the only profile that leads to it.
    /// `trail` has the profiles through which multicred is asked for it.
    fn to_identity(
        &self,
        identity: &Identity,
        row: Option<&IdentityRow>,
        trail: &[String],
    ) -> Result<Destination, ResolveError> {
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
        self.by_only_profile(identity, row, trail)
    }

    fn by_only_profile(
        &self,
        identity: &Identity,
        row: Option<&IdentityRow>,
        trail: &[String],
    ) -> Result<Destination, ResolveError> {
        let mut profiles = self.profiles_to(&identity.key())?;
        let shown = match row {
            Some(row) => row.shown(),
            None => identity.typed(self.account_of(identity)?.and_then(|account| account.alias).as_deref()),
        };
        match (profiles.pop(), profiles.is_empty()) {
            (Some(only), true) => {
                let by_profile = self.by_profile(&only, None, trail)?;
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
    pub(super) fn account_of(&self, identity: &Identity) -> Result<Option<AccountRow>, ResolveError> {
        let Some(store) = self.store() else { return Ok(None) };
        let accounts = store.read().accounts_named(&identity.account)?;
        Ok(accounts.into_iter().find(|row| row.partition == identity.partition))
    }

    /// `chain` has the target first and the root last.
    pub(super) fn by_links(&self, chain: &mut [LinkRow]) -> Result<Destination, ResolveError> {
        let serves_roles = |id| match self.store() {
            Some(store) => Ok(store.read().serves_roles(id)?),
            None => Ok(false),
        };
        self.by_links_with(chain, &|id| self.held_by(&Owner::Identity(id)), &serves_roles)
    }

    /// The same where the caller says what is held by the identity in a row, and whether roles are assumed from it.
    pub(super) fn by_links_with(
        &self,
        chain: &mut [LinkRow],
        held: Ask<'_, Vec<Held>>,
        serves_roles: Ask<'_, bool>,
    ) -> Result<Destination, ResolveError> {
        chain.reverse();
        let mut nodes =
            chain.iter().map(|row| self.linked_node(row, held)).collect::<Result<Vec<Node>, ResolveError>>()?;
        if let [node] = &mut *nodes {
            node.serves_roles = serves_roles(chain[0].identity.id)?;
        }
        let target = &chain[chain.len() - 1];
        let origin = match chain.len() {
            1 => "an identity of the store, without a link".to_owned(),
            _ => "the links in the store".to_owned(),
        };
        let row = &target.identity;
        let default_session_name = self.session_name(&nodes[0].holder)?;
        // A role's own ARN has its path; the link knows it even where the identity's row does not.
        let arn = target.hop.as_ref().map_or_else(|| row.arn(), |hop| hop.role_arn.clone());
        Ok(Destination {
            shown: row.shown(),
            arn: Some(arn),
            colour: colour(row.protected, row.colour.as_deref()),
            protected: row.protected,
            origin,
            of_profile: false,
            remark: None,
            as_it_is: false,
            settings: Vec::new(),
            reach: vec![OfProfile::default(); nodes.len()],
            machine: Vec::new(),
            route: Route {
                region: row.region.clone(),
                default_session_name,
                session_rule: SessionRule::WheneverSerialKnown,
                nodes,
                base: Base::Held,
            },
        })
    }

    fn linked_node(&self, row: &LinkRow, held: Ask<'_, Vec<Held>>) -> Result<Node, ResolveError> {
        let holder = Holder::Identity(row.identity.identity.clone());
        Ok(Node {
            held: held(row.identity.id)?,
            mfa_serial: row.identity.mfa_serial.clone(),
            serves_roles: true,
            hop: row.hop.clone(),
            endpoint: self.endpoint(&OfProfile::default()),
            ..Node::of(holder, row.identity.shown())
        })
    }

    pub(super) fn held_by(&self, owner: &Owner) -> Result<Vec<Held>, ResolveError> {
        Ok(self.store().map(|store| store.read().credentials_of(owner)).transpose()?.unwrap_or_default())
    }

    fn by_key(&self, held: &Held, holder: &Holder) -> Result<Destination, ResolveError> {
        let row = self.row_of(holder)?;
        let shown = row.as_ref().map_or_else(|| held.access_key_id.clone(), IdentityRow::shown);
        let endpoint = self.endpoint(&OfProfile::default());
        let node = Node { held: vec![as_it_is(held)], endpoint, ..Node::of(holder.clone(), shown.clone()) };
        let default_session_name = self.session_name(holder)?;
        let protected = match &row {
            Some(row) => row.protected,
            None => self.protected_by_key(&node.held)?.is_some(),
        };
        Ok(Destination {
            shown,
            arn: row.as_ref().map(IdentityRow::arn),
            colour: colour(protected, row.as_ref().and_then(|row| row.colour.as_deref())),
            protected,
            origin: format!("the stored credential {}, as it is", held.access_key_id),
            of_profile: false,
            remark: None,
            as_it_is: true,
            settings: Vec::new(),
            reach: vec![OfProfile::default()],
            machine: Vec::new(),
            route: Route {
                region: row.and_then(|row| row.region),
                default_session_name,
                session_rule: SessionRule::WheneverSerialKnown,
                nodes: vec![node],
                base: Base::Held,
            },
        })
    }

    pub(super) fn row_of(&self, holder: &Holder) -> Result<Option<IdentityRow>, ResolveError> {
        let (Some(store), Some(identity)) = (self.store(), holder.identity()) else { return Ok(None) };
        Ok(store.read().identity(identity)?)
    }

    /// Sessions are named as the settings say: by default after the user that stands at the root, so that an audit
    /// trail says who it was; where that is not known, after the login name.
    fn session_name(&self, root: &Holder) -> Result<String, ResolveError> {
        let user = root.identity().filter(|identity| identity.kind == Kind::User).map(|user| user.name.as_str());
        let who = settings::Who { user, login: self.context.login_name(), host: &|| self.context.host_name() };
        Ok(self.settings()?.session_name().fill(who))
    }

    /// Where a setting stands: `file:line`, or the variable that gives it.
    pub fn place(&self, origin: &Origin) -> String {
        match origin {
            Origin::Variable(name) => name.clone(),
            Origin::Line { file, line } => {
                let path = |files: &AwsFiles| files.path(*file).display().to_string();
                format!("{}:{line}", self.files().map_or_else(|| file.to_string(), path))
            }
        }
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
