//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html>

use super::super::auth::Caller;
use super::super::failure::Failure;
use super::super::principal::Principal;
use super::super::session::{Facts, SessionKind};
use super::super::validate::{Checked, members};
use super::super::world::World;
use super::super::xml::Element;
use super::Params;
use super::tags;

/// A federated user, made with long-term keys only.
pub fn perform(world: &mut World, caller: &Caller, params: &Params) -> Result<Vec<Element>, Failure> {
    let mut checked = Checked::new(params);
    let name = checked.required("Name", (2, 32), "+=,.@-");
    let seconds = checked.duration(43_200, 900, 129_600);
    checked.finish()?;
    if caller.session.is_some() {
        return Err(Failure::access_denied("Cannot call GetFederationToken with session credentials"));
    }
    let seconds = if caller.is_root() { seconds.min(3_600) } else { seconds };
    let user = Principal::Federated {
        partition: caller.principal.partition().to_owned(),
        account: caller.principal.account().to_owned(),
        name: name.to_owned(),
    };
    let facts = Facts {
        tags: tags::sent(params)?,
        policy: params.get("Policy").cloned(),
        policy_arns: members(params, "PolicyArns", Some("arn")).iter().map(|&arn| arn.to_owned()).collect(),
        ..Facts::default()
    };
    let described = Element::node(
        "FederatedUser",
        vec![Element::text("Arn", user.arn()), Element::text("FederatedUserId", user.user_id())],
    );
    let issued = world.issue(SessionKind::Federated, user, seconds, Some(&caller.access_key_id), facts);
    Ok(vec![issued.element(), described, Element::text("PackedPolicySize", "1")])
}
