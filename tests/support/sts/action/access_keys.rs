//! The verbs of IAM that are about access keys. Everybody may do all of them to their own, as AWS's policy for
//! self-management has it; whom `World::iam_wants_mfa` names, with a code only.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html> and its neighbours

use super::super::auth::{self, Caller};
use super::super::clock;
use super::super::failure::Failure;
use super::super::http::Request;
use super::super::principal::Principal;
use super::super::session::SessionKind;
use super::super::validate::Checked;
use super::super::world::{LongTermKey, World};
use super::super::xml::Element;
use super::Params;

/// The quota of access keys for each user.
const MOST_KEYS: usize = 2;
const NAME: &str = "+=,.@-";

pub fn perform(world: &mut World, request: &Request, action: &str, params: &Params) -> Result<Vec<Element>, Failure> {
    let verb = match action {
        "CreateAccessKey" => create,
        "ListAccessKeys" => list,
        "UpdateAccessKey" => update,
        "DeleteAccessKey" => delete,
        "GetAccessKeyLastUsed" => last_used,
        _ => return Err(super::no_operation(action, "2010-05-08")),
    };
    let caller = auth::authenticate(world, request, "iam")?;
    // "You cannot call any IAM API operations unless MFA authentication information is included in the request."
    if caller.session == Some(SessionKind::User) && !caller.facts.mfa {
        return Err(Failure::invalid_token());
    }
    verb(world, &caller, params)
}

/// Whose keys the call is about: the named user's, else the caller's own.
fn owner(world: &World, caller: &Caller, action: &str, name: Option<&str>) -> Result<Principal, Failure> {
    let arn = caller.principal.arn();
    let denied = |on: &str| {
        let why = "because no identity-based policy allows the";
        let message = format!(
            "User: {arn} is not authorized to perform: iam:{action} on resource: {on} {why} iam:{action} action"
        );
        Err(Failure::access_denied(message))
    };
    let (own, is_root) = match &caller.principal {
        Principal::Root { .. } => (String::new(), true),
        Principal::User { name, .. } => (name.clone(), false),
        _ => return denied(name.unwrap_or("*")),
    };
    if world.iam_wants_mfa.contains(&arn) && !caller.facts.mfa {
        return denied(&format!("user {own}"));
    }
    match name {
        None => Ok(caller.principal.clone()),
        Some(name) if !is_root && name == own => Ok(caller.principal.clone()),
        Some(name) => denied(&format!("user {name}")),
    }
}

fn user_name(owner: &Principal) -> Option<Element> {
    match owner {
        Principal::User { name, .. } => Some(Element::text("UserName", name)),
        _ => None,
    }
}

fn create(world: &mut World, caller: &Caller, params: &Params) -> Result<Vec<Element>, Failure> {
    let mut checked = Checked::new(params);
    let name = checked.optional("UserName", (1, 128), NAME);
    checked.finish()?;
    let owner = owner(world, caller, "CreateAccessKey", name)?;
    if world.keys_of(&owner.arn()).len() >= MOST_KEYS {
        let message = format!("Cannot exceed quota for AccessKeysPerUser: {MOST_KEYS}");
        return Err(Failure::new(409, "LimitExceeded", message));
    }
    let pair = world.another_key(&owner.arn());
    let (unknown_for, made_at) = (world.new_keys_unknown_for, world.now());
    if let Some(key) = world.keys.get_mut(&pair.access_key_id) {
        key.unknown_for = unknown_for;
    }
    let mut fields: Vec<Element> = user_name(&owner).into_iter().collect();
    fields.extend([
        Element::text("AccessKeyId", &pair.access_key_id),
        Element::text("Status", "Active"),
        Element::text("SecretAccessKey", &pair.secret),
        Element::text("CreateDate", clock::iso(made_at)),
    ]);
    Ok(vec![Element::node("AccessKey", fields)])
}

fn list(world: &mut World, caller: &Caller, params: &Params) -> Result<Vec<Element>, Failure> {
    let mut checked = Checked::new(params);
    let name = checked.optional("UserName", (1, 128), NAME);
    checked.finish()?;
    let owner = owner(world, caller, "ListAccessKeys", name)?;
    let member = |(id, key): (&String, &LongTermKey)| {
        let mut fields: Vec<Element> = user_name(&owner).into_iter().collect();
        fields.extend([
            Element::text("AccessKeyId", id),
            Element::text("Status", status(key)),
            Element::text("CreateDate", clock::iso(key.made_at)),
        ]);
        Element::node("member", fields)
    };
    let members = world.keys.iter().filter(|(_, key)| key.owner == owner).map(member).collect();
    Ok(vec![Element::text("IsTruncated", "false"), Element::node("AccessKeyMetadata", members)])
}

fn update(world: &mut World, caller: &Caller, params: &Params) -> Result<Vec<Element>, Failure> {
    let mut checked = Checked::new(params);
    let name = checked.optional("UserName", (1, 128), NAME);
    let id = checked.required("AccessKeyId", (16, 128), "");
    let status = checked.required("Status", (6, 8), "");
    checked.finish()?;
    let owner = owner(world, caller, "UpdateAccessKey", name)?;
    let key = owned(world, &owner, id)?;
    key.is_active = match status {
        "Active" => true,
        "Inactive" => false,
        other => return Err(Failure::validation(format!("Value '{other}' at 'status' failed to satisfy constraint"))),
    };
    Ok(Vec::new())
}

fn delete(world: &mut World, caller: &Caller, params: &Params) -> Result<Vec<Element>, Failure> {
    let mut checked = Checked::new(params);
    let name = checked.optional("UserName", (1, 128), NAME);
    let id = checked.required("AccessKeyId", (16, 128), "");
    checked.finish()?;
    let owner = owner(world, caller, "DeleteAccessKey", name)?;
    owned(world, &owner, id)?;
    world.keys.remove(id);
    Ok(Vec::new())
}

fn last_used(world: &mut World, caller: &Caller, params: &Params) -> Result<Vec<Element>, Failure> {
    let mut checked = Checked::new(params);
    let id = checked.required("AccessKeyId", (16, 128), "");
    checked.finish()?;
    let owner = owner(world, caller, "GetAccessKeyLastUsed", None)?;
    let key = owned(world, &owner, id)?;
    let (service, region) = match &key.last_used {
        Some((_, service, region)) => (service.as_str(), region.as_str()),
        None => ("N/A", "N/A"),
    };
    let date = key.last_used.as_ref().map(|(time, ..)| Element::text("LastUsedDate", clock::iso(*time)));
    let fields = date.into_iter().chain([Element::text("ServiceName", service), Element::text("Region", region)]);
    let used = Element::node("AccessKeyLastUsed", fields.collect());
    Ok(user_name(&owner).into_iter().chain([used]).collect())
}

fn owned<'w>(world: &'w mut World, owner: &Principal, id: &str) -> Result<&'w mut LongTermKey, Failure> {
    let key = world.keys.get_mut(id).filter(|key| key.owner == *owner);
    let message = format!("The Access Key with id {id} cannot be found.");
    key.ok_or_else(|| Failure::new(404, "NoSuchEntity", message))
}

fn status(key: &LongTermKey) -> &'static str {
    if key.is_active { "Active" } else { "Inactive" }
}
