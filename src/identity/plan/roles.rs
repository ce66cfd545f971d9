//! The stages of the roles: each assumed from the one before it.

use super::NoPlan;
use super::call::{AssumeRole, Call, Restriction};
use super::stages::{Stage, Warnings, restriction, within};
use crate::identity::hash::Hasher;
use crate::identity::request::{Request, limits, say_duration};
use crate::identity::route::{Base, CredentialKind, Node, RoleHop, Route};
use crate::identity::session_tags::{SessionTags, is_same_key};

/// The duration of a role session where nothing says otherwise, in seconds.
pub(super) const DURATION: u32 = 3_600;

/// The stages as they are made, and what each role hands on to the next.
pub(super) struct Chain<'r> {
    route: &'r Route,
    request: &'r Request,
    stages: Vec<Stage>,
    warnings: Warnings,
    /// The tags that AWS carries on to every session below: they must not be sent again.
    inherited: Vec<(String, String)>,
}

impl<'r> Chain<'r> {
    /// `stages` are those of the root.
    pub(super) fn new(route: &'r Route, request: &'r Request, stages: Vec<Stage>) -> Self {
        Self { route, request, stages, warnings: Vec::new(), inherited: Vec::new() }
    }

    pub(super) fn finish(self) -> (Vec<Stage>, Warnings) {
        (self.stages, self.warnings)
    }

    /// Adds the role of a node, with a code of this device where one is named.
    ///
    /// # Errors
    /// A duration outside AWS's limits, or a tag that AWS would refuse.
    pub(super) fn add_role(&mut self, index: usize, mfa_serial: Option<String>) -> Result<(), NoPlan> {
        let (route, request) = (self.route, self.request);
        let node = &route.nodes[index];
        let hop = node.hop.clone().unwrap_or_default();
        let is_target = index == route.nodes.len() - 1;
        let (tags, transitive_tags) = self.tags(node, &hop, is_target)?;
        let call = AssumeRole {
            session_name: session_name(route, request, &hop, is_target),
            source_identity: self.source_identity().filter(|_| index == 1),
            duration: self.duration(index)?,
            restriction: if is_target { restriction(node, request) } else { Restriction::default() },
            role_arn: hop.role_arn,
            external_id: hop.external_id,
            tags,
            transitive_tags,
        };
        let parent = &route.nodes[index - 1];
        let context = self.stages.last().and_then(|stage| stage.mfa_context.as_deref());
        let stage = Stage {
            node: index,
            hash: self.hash(&call, index, mfa_serial.as_deref().or(context)),
            reason: reason(parent, mfa_serial.is_some(), context.is_some()),
            mfa_script: route.mfa_script(index).filter(|_| mfa_serial.is_some()).cloned(),
            mfa_serial,
            mfa_context: None,
            straight: is_straight(route, request),
            call: Some(Call::AssumeRole(call)),
        };
        self.stages.push(stage);
        Ok(())
    }

    fn hash(&self, call: &AssumeRole, index: usize, mfa: Option<&str>) -> crate::identity::hash::RequestHash {
        Hasher::new("AssumeRole")
            .field("parent", Some(&self.route.nodes[index - 1].holder.key()))
            .field("role", Some(&call.role_arn))
            .field("mfa", mfa)
            .field("duration", Some(&call.duration.to_string()))
            .field("session-name", Some(&call.session_name))
            .field("external-id", call.external_id.as_deref())
            // Every session of the chain carries it, though only the first is asked for it.
            .field("source-identity", self.source_identity().as_deref())
            .field("straight", is_straight(self.route, self.request).then_some("yes"))
            .session(&call.tags, &call.transitive_tags, &call.restriction)
            .inherited(&self.inherited)
            .field("endpoint", self.route.nodes[index].endpoint.as_deref())
            .finish()
    }

    fn source_identity(&self) -> Option<String> {
        self.request.source_identity.clone().or_else(|| self.route.source_identity().map(str::to_owned))
    }

    /// The tags to send for a role, and which of them go on: what goes on already is not sent again.
    fn tags(&mut self, node: &Node, hop: &RoleHop, is_target: bool) -> Result<(SessionTags, Vec<String>), NoPlan> {
        let of_request = is_target && !self.request.tags.is_empty();
        let wanted = if of_request { self.request.tags.clone() } else { hop.tags.clone() };
        for (key, value) in &self.inherited {
            if let Some(other) = wanted.get(key).filter(|other| other != value) {
                let (key, value, other) = (key.clone(), value.clone(), other.to_owned());
                return Err(NoPlan::InheritedTag { shown: node.shown.clone(), key, value, other });
            }
        }
        let known: Vec<String> = self.inherited.iter().map(|(key, _)| key.clone()).collect();
        let is_known = |key: &String| known.iter().any(|other| is_same_key(other, key));
        let tags = wanted.without(&known);
        let transitive: Vec<String> = hop.transitive_tags.iter().filter(|key| !is_known(key)).cloned().collect();
        for key in &transitive {
            match tags.get(key) {
                Some(value) => self.inherited.push((key.clone(), value.to_owned())),
                None => {
                    self.warn(format!("{} passes the tag {key} on and does not have it: AWS refuses that", node.shown));
                }
            }
        }
        Ok((tags, transitive))
    }

    /// Seconds, capped where AWS, or the lease of a protected account, caps them.
    fn duration(&mut self, index: usize) -> Result<u32, NoPlan> {
        let duration = self.duration_of_aws(index)?;
        let is_target = index == self.route.nodes.len() - 1;
        Ok(if is_target { self.request.within_lease(duration) } else { duration })
    }

    fn duration_of_aws(&mut self, index: usize) -> Result<u32, NoPlan> {
        let node = &self.route.nodes[index];
        let wanted = wanted_duration(node, self.request, index == self.route.nodes.len() - 1);
        if let Some(asked) = wanted {
            within("a role session", asked, limits::ROLE)?;
        }
        if is_straight(self.route, self.request) {
            return Ok(node.hop.as_ref().and_then(|hop| hop.duration).unwrap_or(DURATION));
        }
        let wanted = wanted.unwrap_or(DURATION);
        if !self.is_chained(index) || wanted <= limits::CHAINED {
            return Ok(wanted);
        }
        self.warn(format!(
            "{} lasts 1h, not {}: AWS caps roles that are assumed from a session or from another role",
            node.shown,
            say_duration(i64::from(wanted)),
        ));
        Ok(limits::CHAINED)
    }

    /// Whether what signs the call is known to be a session. What a program prints may be a user's key.
    fn is_chained(&self, index: usize) -> bool {
        let signer = self.stages.last().and_then(|stage| stage.call.as_ref());
        let is_session = signer.is_some_and(|call| !matches!(call, Call::Process(_)));
        index > 1 || is_session || starts_from_import(self.route)
    }

    /// What a web identity's own role cannot be asked with: it would be left out in silence otherwise.
    pub(super) fn warn_of_unsent(&mut self) {
        let Base::WebIdentity { role, .. } = &self.route.base else { return };
        let unsent = [
            (!role.tags.is_empty(), "session_tags"),
            (role.source_identity.is_some(), "source_identity"),
            (role.external_id.is_some(), "external_id"),
        ];
        for (_, key) in unsent.into_iter().filter(|(is_set, _)| *is_set) {
            let shown = &self.route.nodes[0].shown;
            let text = format!("{key} of {shown} is not sent: with a web identity, its token alone says such things");
            self.warnings.push((0, text));
        }
    }

    fn warn(&mut self, text: String) {
        self.warnings.push((self.stages.len(), text));
    }
}

/// One role, wanted for longer than chaining allows: assume it straight from the key, for the full duration.
pub(super) fn wants_long_direct(route: &Route, request: &Request) -> bool {
    route.nodes.len() == 2
        && wanted_duration(&route.nodes[1], request, true).is_some_and(|seconds| seconds > limits::CHAINED)
}

/// Whether the one role is to be assumed from the key itself because its session in the console shall last for more than
/// an hour: AWS's sign-in gives that, and to nobody else (IAM User Guide, "Enable custom identity broker access to the AWS
/// console").
pub(super) fn is_straight(route: &Route, request: &Request) -> bool {
    let has_key = route.nodes[0].held.iter().any(|held| held.kind == CredentialKind::LongTerm);
    let is_long = request.duration.is_some_and(|seconds| seconds > limits::CHAINED);
    request.for_console && is_long && has_key && route.base == Base::Held && route.nodes.len() == 2
}

fn wanted_duration(node: &Node, request: &Request, is_target: bool) -> Option<u32> {
    let configured = node.hop.as_ref().and_then(|hop| hop.duration);
    if !is_target {
        return configured;
    }
    // What AWS would refuse is refused, and not cut to the lease in silence.
    let cut = |seconds: u32| if seconds > limits::ROLE { seconds } else { request.within_lease(seconds) };
    request.duration.or(configured).map(cut)
}

/// A role reached from an imported temporary credential is reached by chaining, or from a session: capped as well.
fn starts_from_import(route: &Route) -> bool {
    let held = &route.nodes[0].held;
    route.base == Base::Held && !held.is_empty() && held.iter().all(|held| held.kind == CredentialKind::Imported)
}

/// The role session name: what was asked for the target, else the role's own, else the route's.
pub(super) fn session_name(route: &Route, request: &Request, hop: &RoleHop, is_target: bool) -> String {
    let asked = request.session_name.clone().filter(|_| is_target);
    asked.or_else(|| hop.session_name.clone()).unwrap_or_else(|| route.default_session_name.clone())
}

fn reason(parent: &Node, sends_code: bool, has_context: bool) -> String {
    let from = &parent.shown;
    match (sends_code, has_context) {
        (true, _) => format!("assumed straight from {from}, with an MFA code"),
        (false, true) => format!("assumed from the MFA session of {from}"),
        (false, false) => format!("assumed from {from}"),
    }
}
