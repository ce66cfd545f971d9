//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html>

use super::super::auth::Caller;
use super::super::failure::Failure;
use super::super::principal::Principal;
use super::super::session::{Facts, SessionKind};
use super::super::validate::Checked;
use super::super::world::World;
use super::super::xml::Element;
use super::Params;
use super::session_policy::Policies;
use super::tags;

/// A federated user, made with long-term keys only. Without a session policy it may do next to nothing, as AWS has it.
pub fn perform(world: &mut World, caller: &Caller, params: &Params) -> Result<Vec<Element>, Failure> {
    let mut checked = Checked::new(params);
    let name = checked.required("Name", (2, 32), "+=,.@-");
    let seconds = checked.duration(43_200, 900, 129_600);
    let policies = Policies::read(&mut checked, params);
    let tags = tags::read(&mut checked, params);
    checked.finish()?;
    if caller.session.is_some() {
        return Err(Failure::access_denied("Cannot call GetFederationToken with session credentials"));
    }
    policies.check(caller.principal.partition(), caller.principal.account())?;
    tags::check(&tags)?;
    // "Sessions obtained by using root user credentials are restricted to a maximum of 3,600 seconds (one hour)."
    let seconds = if caller.is_root() { seconds.min(3_600) } else { seconds };
    let user = Principal::Federated {
        partition: caller.principal.partition().to_owned(),
        account: caller.principal.account().to_owned(),
        name: name.to_owned(),
    };
    let facts = Facts {
        tags: tags.into_iter().collect(),
        policy: policies.text,
        policy_arns: policies.arns,
        ..Facts::default()
    };
    let described = Element::node(
        "FederatedUser",
        vec![Element::text("Arn", user.arn()), Element::text("FederatedUserId", user.user_id())],
    );
    let issued = world.issue(SessionKind::Federated, user, seconds, Some(&caller.access_key_id), facts);
    Ok(vec![issued.element(), described, Element::text("PackedPolicySize", "1")])
}
