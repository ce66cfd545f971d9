//! The calls that obtain credentials, and what is checked of their answers.

use aws_sdk_sts::Client;
use aws_sdk_sts::operation::RequestId;
use aws_sdk_sts::types::{AssumedRoleUser, Credentials, FederatedUser, PolicyDescriptorType, Tag};

use super::{MfaCode, Obtained, StsError, error};
use crate::identity::arn;
use crate::identity::plan::{AssumeRole, GetFederationToken, Restriction, WebIdentity};
use crate::identity::session_tags::SessionTags;
use crate::identity::{Identity, Kind};
use crate::secret::{Credential, KeyMaterial, Secret};

pub(super) async fn get_session_token(
    client: &Client,
    duration: u32,
    mfa: Option<MfaCode<'_>>,
    now: i64,
) -> Result<Obtained, StsError> {
    const ACTION: &str = "GetSessionToken";
    let request = client
        .get_session_token()
        .duration_seconds(seconds(duration))
        .set_serial_number(mfa.map(|mfa| mfa.serial.to_owned()))
        .set_token_code(mfa.map(|mfa| mfa.code.to_owned()));
    let answer = request.send().await.map_err(|error| error::sort(ACTION, error))?;
    let request_id = answer.request_id().map(str::to_owned);
    Ok(Obtained { credential: credential(ACTION, answer.credentials(), now)?, request_id })
}

pub(super) async fn assume_role(
    client: &Client,
    call: &AssumeRole,
    mfa: Option<MfaCode<'_>>,
    now: i64,
) -> Result<Obtained, StsError> {
    const ACTION: &str = "AssumeRole";
    let request = client
        .assume_role()
        .role_arn(&call.role_arn)
        .role_session_name(&call.session_name)
        .duration_seconds(seconds(call.duration))
        .set_external_id(call.external_id.clone())
        .set_source_identity(call.source_identity.clone())
        .set_tags(tags(&call.tags))
        .set_transitive_tag_keys(Some(call.transitive_tags.clone()).filter(|keys| !keys.is_empty()))
        .set_policy_arns(policy_arns(&call.restriction))
        .set_policy(call.restriction.policy.clone())
        .set_serial_number(mfa.map(|mfa| mfa.serial.to_owned()))
        .set_token_code(mfa.map(|mfa| mfa.code.to_owned()));
    let answer = request.send().await.map_err(|error| error::sort(ACTION, error))?;
    let request_id = answer.request_id().map(str::to_owned);
    let asked = arn::parse(&call.role_arn).ok().map(|role| role.identity);
    check_who(ACTION, asked.as_ref(), answer.assumed_role_user().map(AssumedRoleUser::arn))?;
    Ok(Obtained { credential: credential(ACTION, answer.credentials(), now)?, request_id })
}

pub(super) async fn assume_role_with_web_identity(
    client: &Client,
    call: &WebIdentity,
    token: &Secret,
    now: i64,
) -> Result<Obtained, StsError> {
    const ACTION: &str = "AssumeRoleWithWebIdentity";
    let request = client
        .assume_role_with_web_identity()
        .role_arn(&call.role_arn)
        .role_session_name(&call.session_name)
        .web_identity_token(token.expose())
        .duration_seconds(seconds(call.duration))
        .set_policy_arns(policy_arns(&call.restriction))
        .set_policy(call.restriction.policy.clone());
    let answer = request.send().await.map_err(|error| error::sort(ACTION, error))?;
    let request_id = answer.request_id().map(str::to_owned);
    let asked = arn::parse(&call.role_arn).ok().map(|role| role.identity);
    check_who(ACTION, asked.as_ref(), answer.assumed_role_user().map(AssumedRoleUser::arn))?;
    Ok(Obtained { credential: credential(ACTION, answer.credentials(), now)?, request_id })
}

pub(super) async fn get_federation_token(
    client: &Client,
    call: &GetFederationToken,
    now: i64,
) -> Result<Obtained, StsError> {
    const ACTION: &str = "GetFederationToken";
    let request = client
        .get_federation_token()
        .name(&call.name)
        .duration_seconds(seconds(call.duration))
        .set_tags(tags(&call.tags))
        .set_policy_arns(policy_arns(&call.restriction))
        .set_policy(call.restriction.policy.clone());
    let answer = request.send().await.map_err(|error| error::sort(ACTION, error))?;
    let request_id = answer.request_id().map(str::to_owned);
    let who = answer.federated_user().map(FederatedUser::arn);
    let answered = who.and_then(|text| arn::parse(text).ok()).map(|who| who.identity);
    // The account of the key's owner may not be known: the name and the kind are.
    let asked = answered.map(|identity| Identity { kind: Kind::Federated, name: call.name.clone(), ..identity });
    check_who(ACTION, asked.as_ref(), who)?;
    Ok(Obtained { credential: credential(ACTION, answer.credentials(), now)?, request_id })
}

fn seconds(duration: u32) -> i32 {
    i32::try_from(duration).unwrap_or(i32::MAX)
}

fn tags(tags: &SessionTags) -> Option<Vec<Tag>> {
    let sent: Vec<Tag> =
        tags.iter().filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok()).collect();
    (!sent.is_empty()).then_some(sent)
}

fn policy_arns(restriction: &Restriction) -> Option<Vec<PolicyDescriptorType>> {
    let sent: Vec<PolicyDescriptorType> =
        restriction.policy_arns.iter().map(|arn| PolicyDescriptorType::builder().arn(arn).build()).collect();
    (!sent.is_empty()).then_some(sent)
}

/// Never hands out one identity under the name of another: the answer must be about whom was asked for.
fn check_who(action: &'static str, asked: Option<&Identity>, answered: Option<&str>) -> Result<(), StsError> {
    let missing = if action == "GetFederationToken" { "no FederatedUser" } else { "no AssumedRoleUser" };
    let answered = answered.ok_or_else(|| StsError::unusable(action, missing))?;
    let is_asked = arn::parse(answered).is_ok_and(|answered| Some(&answered.identity) == asked);
    if is_asked {
        return Ok(());
    }
    let asked = asked.map_or_else(|| "somebody else".to_owned(), ToString::to_string);
    let reason = format!("credentials for '{}' where {asked} was asked for", answered.escape_debug());
    Err(StsError::unusable(action, &reason))
}

fn credential(action: &'static str, answer: Option<&Credentials>, now: i64) -> Result<Credential, StsError> {
    let answer = answer.ok_or_else(|| StsError::unusable(action, "no Credentials"))?;
    let texts = [answer.access_key_id(), answer.secret_access_key(), answer.session_token()];
    let expires_at = answer.expiration().secs();
    if !crate::identity::name::is_access_key_id(texts[0]) {
        return Err(StsError::unusable(action, "an access key id of a wrong form"));
    }
    if texts.iter().any(|text| text.is_empty() || text.chars().any(char::is_control)) {
        return Err(StsError::unusable(action, "an empty or unprintable secret"));
    }
    if expires_at <= now {
        let reason = "a credential that has already expired (is this machine's clock right?)";
        return Err(StsError::unusable(action, reason));
    }
    Ok(Credential {
        access_key_id: texts[0].to_owned(),
        material: KeyMaterial { secret_access_key: Secret::new(texts[1]), session_token: Some(Secret::new(texts[2])) },
        expires_at: Some(expires_at),
    })
}
