//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

use super::super::auth::Caller;
use super::super::failure::Failure;
use super::super::world::World;
use super::super::xml::Element;
use super::Params;

/// Everyone may ask who they are.
#[allow(clippy::unnecessary_wraps, reason = "one signature for all verbs")]
pub fn perform(_: &mut World, caller: &Caller, _: &Params) -> Result<Vec<Element>, Failure> {
    Ok(vec![
        Element::text("Arn", caller.principal.arn()),
        Element::text("UserId", caller.principal.user_id()),
        Element::text("Account", caller.principal.account()),
    ])
}
