//! From a request to the caller that signed it.

use super::clock;
use super::failure::Failure;
use super::http::Request;
use super::principal::{Principal, partition_of_region};
use super::session::{Facts, SessionKind};
use super::sigv4::Authorization;
use super::world::World;

const SKEW_SECONDS: i64 = 5 * 60;

/// A caller whose signature was found good.
#[derive(Debug, Clone)]
pub struct Caller {
    pub access_key_id: String,
    pub principal: Principal,
    /// `None` for a long-term key.
    pub session: Option<SessionKind>,
    pub facts: Facts,
}

impl Caller {
    pub fn is_root(&self) -> bool {
        matches!(self.principal, Principal::Root { .. })
    }
}

/// What is on file for an access key id.
struct Record {
    secret: String,
    session_token: Option<String>,
    expires_at: Option<i64>,
    caller: Caller,
}

/// The caller of a service, or AWS's refusal. A good call is what its key was last used for.
pub fn authenticate(world: &mut World, request: &Request, service: &str) -> Result<Caller, Failure> {
    let header = request.header("authorization").filter(|value| !value.is_empty());
    let missing = || Failure::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token");
    let authorization = Authorization::parse(header.ok_or_else(missing)?)?;
    if world.is_not_known_yet(&authorization.access_key_id) {
        return Err(Failure::invalid_token());
    }
    let record = find(world, &authorization.access_key_id).ok_or_else(Failure::invalid_token)?;
    if request.header("x-amz-security-token") != record.session_token.as_deref() {
        return Err(Failure::invalid_token());
    }
    // Partitions share no keys: a key of aws-cn is unknown in us-east-1.
    if record.caller.principal.partition() != partition_of_region(&authorization.region) {
        return Err(Failure::invalid_token());
    }
    check_signature(world, request, &authorization, &record.secret, service)?;
    if record.expires_at.is_some_and(|expiry| expiry <= world.now()) {
        return Err(Failure::expired_token());
    }
    world.note_use(&authorization.access_key_id, service, &authorization.region);
    Ok(record.caller)
}

/// Who this access key id speaks for, the signature not asked for.
#[cfg(test)]
pub fn caller_of(world: &World, access_key_id: &str) -> Option<Caller> {
    find(world, access_key_id).map(|record| record.caller)
}

fn find(world: &World, access_key_id: &str) -> Option<Record> {
    if let Some(session) = world.sessions.get(access_key_id) {
        return Some(Record {
            secret: session.credentials.secret.clone(),
            session_token: Some(session.credentials.session_token.clone()),
            expires_at: Some(session.credentials.expires_at),
            caller: Caller {
                access_key_id: access_key_id.to_owned(),
                principal: session.principal.clone(),
                session: Some(session.kind),
                facts: session.facts.clone(),
            },
        });
    }
    let key = world.keys.get(access_key_id).filter(|key| key.is_active)?;
    let caller = Caller {
        access_key_id: access_key_id.to_owned(),
        principal: key.owner.clone(),
        session: None,
        facts: Facts::default(),
    };
    Some(Record { secret: key.secret.clone(), session_token: None, expires_at: None, caller })
}

fn check_signature(
    world: &World,
    request: &Request,
    authorization: &Authorization,
    secret: &str,
    service: &str,
) -> Result<(), Failure> {
    let amz_date = request.header("x-amz-date").unwrap_or_default();
    let signed_at = clock::parse_basic(amz_date).ok_or_else(|| {
        Failure::incomplete_signature(format!("Date must be in ISO-8601 'basic format'. Got '{amz_date}'."))
    })?;
    check_scope(authorization, amz_date, service)?;
    if world.check_skew {
        check_skew(amz_date, signed_at, world.now())?;
    }
    authorization.check_signed_headers(request)?;
    if authorization.expected_signature(secret, request, amz_date) == authorization.signature {
        return Ok(());
    }
    Err(Failure::signature(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details.",
    ))
}

fn check_scope(authorization: &Authorization, amz_date: &str, service: &str) -> Result<(), Failure> {
    if authorization.service != service {
        return Err(Failure::signature(format!("Credential should be scoped to correct service: '{service}'. ")));
    }
    // IAM is one for a partition, and in one region of it.
    if service == "iam" && !["us-east-1", "cn-north-1", "us-gov-west-1"].contains(&authorization.region.as_str()) {
        return Err(Failure::signature("Credential should be scoped to a valid region. "));
    }
    if !is_region(&authorization.region) {
        return Err(Failure::signature("Credential should be scoped to a valid region. "));
    }
    if amz_date.get(..8) != Some(authorization.date.as_str()) {
        return Err(Failure::signature(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', from '{amz_date}'.",
            authorization.date,
            amz_date.get(..8).unwrap_or_default(),
        )));
    }
    Ok(())
}

/// The shape of a region's name: `us-gov-west-1`. (`aws-global` never is in a scope.)
fn is_region(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let (Some((number, words)), true) = (parts.split_last(), parts.len() >= 3) else {
        return false;
    };
    !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && words.iter().all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()))
}

fn check_skew(amz_date: &str, signed_at: i64, now: i64) -> Result<(), Failure> {
    if signed_at < now - SKEW_SECONDS {
        return Err(Failure::signature(format!(
            "Signature expired: {amz_date} is now earlier than {} ({} - 5 min.)",
            clock::basic(now - SKEW_SECONDS),
            clock::basic(now),
        )));
    }
    if signed_at > now + SKEW_SECONDS {
        return Err(Failure::signature(format!(
            "Signature not yet current: {amz_date} is still later than {} ({} + 5 min.)",
            clock::basic(now + SKEW_SECONDS),
            clock::basic(now),
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_names_have_words_and_a_number() {
        for good in ["us-east-1", "us-gov-west-1", "cn-north-1", "ap-southeast-10"] {
            assert!(is_region(good), "{good}");
        }
        for bad in ["", "us-east", "US-EAST-1", "aws-global", "us--1", "us-east-1 ", "moon"] {
            assert!(!is_region(bad), "{bad}");
        }
    }

    #[test]
    fn a_signature_is_good_for_five_minutes_either_way() {
        let now = 1_767_323_045;
        for (offset, good) in [(-301, false), (-300, true), (0, true), (300, true), (301, false)] {
            let signed = now + offset;
            assert_eq!(check_skew(&clock::basic(signed), signed, now).is_ok(), good, "{offset}");
        }
    }
}
