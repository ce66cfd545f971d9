//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

use super::super::auth::Caller;
use super::super::failure::Failure;
use super::super::principal::Principal;
use super::super::role::Role;
use super::super::session::{Facts, SessionKind};
use super::super::validate::{self, Checked};
use super::super::world::World;
use super::super::xml::Element;
use super::Params;
use super::assumed_role_user;
use super::multi_factor::Sent;
use super::session_policy::Policies;
use super::tags::{self, Tags};

const CHAINED_MOST: i64 = 3_600;

/// What was asked for, once its form is known to be right.
struct Asked<'a> {
    role_arn: &'a str,
    session_name: &'a str,
    seconds: i64,
    external_id: Option<&'a str>,
    source_identity: Option<&'a str>,
    mfa: Sent<'a>,
    policies: Policies,
    tags: Tags,
    transitive: Vec<String>,
}

impl<'a> Asked<'a> {
    fn read(params: &'a Params) -> Result<Self, Failure> {
        let mut checked = Checked::new(params);
        // The model's pattern for ARNs allows nearly everything; the shape is checked below.
        let role_arn = params.get("RoleArn").map_or("", String::as_str);
        checked.required("RoleArn", (20, 2048), role_arn);
        let asked = Self {
            role_arn,
            session_name: checked.required("RoleSessionName", (2, 64), "+=,.@-"),
            seconds: checked.duration(3_600, 900, 43_200),
            external_id: checked.optional("ExternalId", (2, 1224), "+=,.@:/-"),
            source_identity: checked.optional("SourceIdentity", (2, 64), "+=,.@-"),
            mfa: Sent::read(&mut checked),
            policies: Policies::read(&mut checked, params),
            tags: tags::read(&mut checked, params),
            transitive: tags::read_transitive(&mut checked, params),
        };
        checked.finish()?;
        validate::role_arn(role_arn)?;
        tags::check(&asked.tags)?;
        Ok(asked)
    }
}

/// A session of a role that trusts the caller.
pub fn perform(world: &mut World, caller: &Caller, params: &Params) -> Result<Vec<Element>, Failure> {
    let asked = Asked::read(params)?;
    if caller.is_root() {
        return Err(Failure::access_denied("Roles may not be assumed by root accounts."));
    }
    let proved = asked.mfa.prove(world, caller)?;
    let denied = || not_authorized(caller, "sts:AssumeRole", asked.role_arn);
    let role = world.roles.get(asked.role_arn).ok_or_else(denied)?;
    if !may_assume(role, caller, &asked, proved || caller.facts.mfa) {
        return Err(denied());
    }
    check_duration(role, caller, asked.seconds)?;
    asked.policies.check(caller.principal.partition(), &role.account)?;
    let facts = facts(caller, &asked)?;
    let session = world.role_session(asked.role_arn, asked.session_name).ok_or_else(denied)?;
    Ok(issue(world, caller, session, asked.seconds, facts))
}

fn issue(world: &mut World, caller: &Caller, session: Principal, seconds: i64, facts: Facts) -> Vec<Element> {
    let mut result = vec![assumed_role_user(&session)];
    let source_identity = facts.source_identity.clone();
    let packed = facts.policy.is_some() || !facts.policy_arns.is_empty() || !facts.tags.is_empty();
    let issued = world.issue(SessionKind::Role, session, seconds, Some(&caller.access_key_id), facts);
    result.push(issued.element());
    if packed {
        result.push(Element::text("PackedPolicySize", "6"));
    }
    result.extend(source_identity.map(|identity| Element::text("SourceIdentity", identity)));
    result
}

fn may_assume(role: &Role, caller: &Caller, asked: &Asked, mfa: bool) -> bool {
    let external_id = role.external_id.is_none() || role.external_id.as_deref() == asked.external_id;
    let federated = caller.session == Some(SessionKind::Federated);
    !federated && role.trusts(&caller.principal) && external_id && (mfa || !role.requires_mfa)
}

/// AWS caps sessions that role credentials ask for. PARITY's rule book caps those of `GetSessionToken`
/// credentials too, and a client that keeps to the rule book asks for no more.
fn check_duration(role: &Role, caller: &Caller, seconds: i64) -> Result<(), Failure> {
    if caller.session.is_some() && seconds > CHAINED_MOST {
        return Err(Failure::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    if seconds > role.max_session_duration {
        return Err(Failure::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(())
}

/// What the new session carries. A role session never has the MFA context.
fn facts(caller: &Caller, asked: &Asked) -> Result<Facts, Failure> {
    let inherited = &caller.facts;
    let set_above = inherited.source_identity.as_deref();
    if set_above.is_some() && asked.source_identity.is_some_and(|identity| Some(identity) != set_above) {
        return Err(not_authorized(caller, "sts:SetSourceIdentity", asked.role_arn));
    }
    let (tags, transitive) = tags::combine(inherited, &asked.tags, &asked.transitive)?;
    Ok(Facts {
        mfa: false,
        source_identity: asked.source_identity.or(set_above).map(str::to_owned),
        tags,
        transitive,
        policy: asked.policies.text.clone(),
        policy_arns: asked.policies.arns.clone(),
    })
}

fn not_authorized(caller: &Caller, action: &str, resource: &str) -> Failure {
    let user = caller.principal.arn();
    Failure::access_denied(format!("User: {user} is not authorized to perform: {action} on resource: {resource}"))
}
