//! One file a verb of STS; the verbs of IAM together.

mod access_keys;
mod assume_role;
mod assume_role_with_web_identity;
mod get_caller_identity;
mod get_federation_token;
mod get_session_token;
mod multi_factor;
mod session_policy;
mod tags;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::auth;
use super::failure::Failure;
use super::http::Request;
use super::principal::Principal;
use super::world::World;
use super::xml::Element;

type Params = BTreeMap<String, String>;

/// Does what the request asks for. Gives the children of `<ActionResult>`.
pub fn perform(world: &mut World, request: &Request, params: &Params) -> Result<Vec<Element>, Failure> {
    let text = |name: &str| params.get(name).map_or("", String::as_str);
    let (action, version) = (text("Action"), text("Version"));
    if action == "AssumeRoleWithWebIdentity" && version == "2011-06-15" {
        return assume_role_with_web_identity::perform(world, params);
    }
    if version == "2010-05-08" {
        return access_keys::perform(world, request, action, params);
    }
    let verb = match (action, version) {
        ("AssumeRole", "2011-06-15") => assume_role::perform,
        ("GetCallerIdentity", "2011-06-15") => get_caller_identity::perform,
        ("GetFederationToken", "2011-06-15") => get_federation_token::perform,
        ("GetSessionToken", "2011-06-15") => get_session_token::perform,
        _ => {
            return Err(no_operation(action, version));
        }
    };
    let caller = auth::authenticate(world, request, "sts")?;
    verb(world, &caller, params)
}

fn no_operation(action: &str, version: &str) -> Failure {
    Failure::new(400, "InvalidAction", format!("Could not find operation {action} for version {version}"))
}

/// `<AssumedRoleUser>` of a role session.
pub fn assumed_role_user(session: &Principal) -> Element {
    Element::node(
        "AssumedRoleUser",
        vec![Element::text("AssumedRoleId", session.user_id()), Element::text("Arn", session.arn())],
    )
}
