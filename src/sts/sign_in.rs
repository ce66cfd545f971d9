//! AWS's sign-in: a temporary credential for a token that opens the console.
//!
//! Source: IAM User Guide, "Enable custom identity broker access to the AWS console". The credential goes in the body of a
//! POST, as the AWS Toolkit for `JetBrains` has it: the address of a GET ends up in the logs of proxies. The guide itself
//! speaks of GET alone, so a sign-in that does not take the POST is asked in that way.

use std::time::Duration;

use aws_smithy_http_client::{Connector, proxy::ProxyConfig};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::client::{ATTEMPT_TIMEOUT, CONNECT_TIMEOUT, FIRST_BACKOFF, connector_to};
use super::settings::CaBundle;
use super::{StsError, error, metadata};
use crate::percent;
use crate::secret::{Credential, Secret};

const ACTION: &str = "getSigninToken";
const ATTEMPTS: u32 = 3;

/// A credential as AWS's sign-in reads it.
#[derive(Serialize)]
struct Session<'c> {
    #[serde(rename = "sessionId")]
    id: &'c str,
    #[serde(rename = "sessionKey")]
    key: &'c str,
    #[serde(rename = "sessionToken")]
    token: &'c str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    signin_token: String,
}

pub(super) async fn get_signin_token(
    address: &str,
    credential: &Credential,
    duration: Option<u32>,
    ca_bundle: Option<&CaBundle>,
) -> Result<Secret, StsError> {
    let form = form(credential, duration)?;
    let connector = connector(address, ca_bundle)?;
    let (mut attempt, mut way) = (1, Way::Post);
    loop {
        let answer = tokio::time::timeout(ATTEMPT_TIMEOUT, ask(&connector, address, &form, way)).await;
        match answer.unwrap_or_else(|_| Err(error::too_late(ACTION))) {
            Ok(Answered::NotInThisWay) if way == Way::Post => way = Way::Get,
            Ok(Answered::NotInThisWay) => return Err(StsError::unusable(ACTION, "it takes no question")),
            Ok(Answered::Token(token)) => return Ok(token),
            Err(StsError::NoAnswer { .. } | StsError::Unavailable { .. }) if attempt < ATTEMPTS => {
                tokio::time::sleep(backoff(attempt)).await;
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Where the credential is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// In the body.
    Post,
    /// In the address.
    Get,
}

/// What came of an attempt.
enum Answered {
    Token(Secret),
    /// The request was not understood: neither yes nor no.
    NotInThisWay,
}

/// The body of the question.
fn form(credential: &Credential, duration: Option<u32>) -> Result<Zeroizing<String>, StsError> {
    let session = Session {
        id: &credential.access_key_id,
        key: credential.material.secret_access_key.expose(),
        token: credential.material.session_token.as_ref().map_or("", Secret::expose),
    };
    let json = serde_json::to_string(&session).map(Zeroizing::new);
    let json = json.map_err(|error| StsError::Setup(format!("{ACTION} could not be prepared: {error}")))?;
    // Growing would leave copies of secrets behind in freed memory.
    let mut form = Zeroizing::new(String::with_capacity(json.len() * 3 + 100));
    form.push_str("Action=getSigninToken&SessionType=json");
    if let Some(seconds) = duration {
        form.push_str("&SessionDuration=");
        form.push_str(&seconds.to_string());
    }
    form.push_str("&Session=");
    percent::encode(json.as_bytes(), percent::UNRESERVED, &mut form);
    Ok(form)
}

fn connector(address: &str, ca_bundle: Option<&CaBundle>) -> Result<Connector, StsError> {
    let settings =
        HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(ATTEMPT_TIMEOUT).build();
    // Plain HTTP is for this machine alone, and nobody in between.
    let proxy = if address.starts_with("https://") { ProxyConfig::from_env() } else { ProxyConfig::disabled() };
    connector_to(address, settings, proxy, ca_bundle)
}

/// The wait before the next attempt: twice as long each time, and never the same for two.
fn backoff(attempt: u32) -> Duration {
    let most = FIRST_BACKOFF * 2_u32.pow(attempt);
    let share = getrandom::u32().unwrap_or(u32::MAX / 2);
    most.mul_f64(0.5 + f64::from(share) / f64::from(u32::MAX) / 2.0)
}

/// One attempt. A redirect is not followed: whoever it leads to would get the credential.
async fn ask(connector: &Connector, address: &str, form: &str, way: Way) -> Result<Answered, StsError> {
    let prepared = |error: &dyn std::fmt::Display| StsError::Setup(format!("{ACTION} could not be prepared: {error}"));
    let mut request = HttpRequest::new(if way == Way::Post { SdkBody::from(form) } else { SdkBody::empty() });
    let (method, uri) = match way {
        Way::Post => ("POST", Zeroizing::new(address.to_owned())),
        Way::Get => ("GET", Zeroizing::new(format!("{address}?{form}"))),
    };
    request.set_method(method).map_err(|error| prepared(&error))?;
    request.set_uri(uri.as_str()).map_err(|error| prepared(&error))?;
    let of_body =
        [("content-type", "application/x-www-form-urlencoded".to_owned()), ("content-length", form.len().to_string())];
    let headers = of_body.into_iter().filter(|_| way == Way::Post);
    for (name, value) in headers.chain([("accept", "application/json".to_owned())]) {
        request.headers_mut().try_insert(name, value).map_err(|error| prepared(&error))?;
    }
    let answer = connector.call(request).await.map_err(|error| {
        if error.is_timeout() { error::too_late(ACTION) } else { no_answer(error::root_cause(&error)) }
    })?;
    let status = answer.status().as_u16();
    let body = metadata::collect(answer.into_body()).await.map(Zeroizing::new).map_err(no_answer)?;
    match status {
        200 => token(&body).map(Answered::Token),
        404 | 405 | 501 => Ok(Answered::NotInThisWay),
        429 | 500.. => {
            let (code, message) = (format!("HTTP {status}"), "no reason given".to_owned());
            Err(StsError::Unavailable { action: ACTION, code, message })
        }
        400 | 401 | 403 => Err(refused(status)),
        _ => Err(StsError::unusable(ACTION, &format!("HTTP {status}"))),
    }
}

/// It says no by the status. Its page is not told: it may repeat what it was asked.
fn refused(status: u16) -> StsError {
    let message = "this credential opens no console".to_owned();
    StsError::Refused { action: ACTION, code: format!("HTTP {status}"), message, request_id: None }
}

fn no_answer(reason: String) -> StsError {
    StsError::NoAnswer { action: ACTION, reason }
}

fn token(body: &[u8]) -> Result<Secret, StsError> {
    // What the parser would say of it might repeat a part of it.
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| StsError::unusable(ACTION, "it has no SigninToken"))?;
    let is_token = !answer.signin_token.is_empty() && answer.signin_token.bytes().all(|byte| byte.is_ascii_graphic());
    if is_token {
        Ok(Secret::new(answer.signin_token))
    } else {
        Err(StsError::unusable(ACTION, "its SigninToken is no token"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::KeyMaterial;

    fn credential() -> Credential {
        let material =
            KeyMaterial { secret_access_key: Secret::new("a/b+c="), session_token: Some(Secret::new("t\"k")) };
        Credential { access_key_id: "ASIA1".into(), material, expires_at: None }
    }

    #[test]
    fn the_form_carries_the_credential_and_a_duration_only_where_one_is_given() {
        let session = "%7B%22sessionId%22%3A%22ASIA1%22%2C%22sessionKey%22%3A%22a%2Fb%2Bc%3D%22%2C\
                       %22sessionToken%22%3A%22t%5C%22k%22%7D";
        let start = "Action=getSigninToken&SessionType=json";
        assert_eq!(*form(&credential(), None).unwrap(), format!("{start}&Session={session}"));
        let long = form(&credential(), Some(43_200)).unwrap();
        assert_eq!(*long, format!("{start}&SessionDuration=43200&Session={session}"));
    }

    #[test]
    fn only_a_token_is_taken_for_one() {
        assert_eq!(token(br#"{"SigninToken":"abc-_1"}"#).unwrap(), Secret::new("abc-_1"));
        for bad in
            ["", "{}", "[]", "<html>", r#"{"SigninToken":""}"#, r#"{"SigninToken":"a b"}"#, r#"{"SigninToken":1}"#]
        {
            let error = token(bad.as_bytes()).unwrap_err();
            assert!(matches!(error, StsError::Unusable { .. }), "{bad}: {error}");
        }
    }

    #[test]
    fn the_second_wait_is_longer_than_the_first() {
        assert!(backoff(1) <= FIRST_BACKOFF * 2 && backoff(2) >= FIRST_BACKOFF * 2);
    }
}
