//! The credentials that a machine hands out to what runs on it: the container agent of ECS and EKS, and the instance
//! metadata service of EC2. Asked only where a profile's `credential_source` says so.
//!
//! Sources: AWS SDKs and Tools Reference Guide, "Container credential provider" and "IMDS credential provider"; EC2 User
//! Guide, "Use the Instance Metadata Service to access instance metadata". Only version 2 of the latter is spoken: what
//! answers without a token may be a proxy that was talked into asking.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use zeroize::Zeroizing;

use super::client::connector_to;
use super::{Obtained, StsError};
use crate::credential_text::{self, AnswerFault};
use crate::identity::hash::Hasher;
use crate::identity::request::{host, is_http_url, is_private_url, parse_flag};
use crate::identity::route::Metadata;
use crate::regular_file;
use crate::secret::{Credential, KeyMaterial, Secret};

/// It is on this machine, or one hop away: what takes longer is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const READ_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the token of one question to the instance's service is valid, in seconds.
const TOKEN_LIFE: &str = "60";
/// The container agent of ECS (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`).
const ECS_AGENT: &str = "http://169.254.170.2";
/// Hosts to which a container's token may be sent without TLS.
const CONTAINER_HOSTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];
const RELATIVE_URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const SERVICE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const SERVICE_MODE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
/// The variables that say which metadata service is asked.
pub const ADDRESSES: [&str; 4] = [RELATIVE_URI, FULL_URI, SERVICE, SERVICE_MODE];
const INSTANCE_SERVICE: &str = "http://169.254.169.254";
const INSTANCE_SERVICE_V6: &str = "http://[fd00:ec2::254]";

/// What the environment, or the profile, says of a metadata service.
pub type Get<'g> = &'g dyn Fn(&str) -> Option<String>;

/// One text for each service that may be asked: what two of them hand out is not the same.
pub fn which(source: Metadata, get: Get<'_>) -> String {
    let addresses = match source {
        Metadata::EcsContainer => &ADDRESSES[..2],
        Metadata::Ec2Instance => &ADDRESSES[2..],
    };
    let hash = addresses.iter().fold(Hasher::new("metadata"), |hash, name| hash.field(name, get(name).as_deref()));
    format!("{}-{}", source.word(), hash.finish().short())
}

/// Asks a metadata service for the machine's credential. `get` reads a variable, or the setting of a profile that means
/// the same; `now` is in epoch seconds.
///
/// # Errors
/// Nothing says where it is, it does not answer, or its answer cannot be used.
pub fn fetch(source: Metadata, get: Get<'_>, now: i64) -> Result<Obtained, StsError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| StsError::Setup(format!("no event loop: {error}")))?;
    let text = runtime.block_on(async {
        match source {
            Metadata::EcsContainer => of_container(get).await,
            Metadata::Ec2Instance => of_instance(get).await,
        }
    })?;
    Ok(Obtained { credential: credential(source, &text, now)?, request_id: None })
}

async fn of_container(get: Get<'_>) -> Result<String, StsError> {
    const ACTION: &str = "EcsContainer";
    let no_service = |reason: String| StsError::NoService { action: ACTION, reason };
    let (variable, url) = match (get(RELATIVE_URI), get(FULL_URI)) {
        (Some(path), _) => (RELATIVE_URI, format!("{ECS_AGENT}{path}")),
        (None, Some(url)) => (FULL_URI, url),
        (None, None) => {
            let reason = format!(
                "neither {RELATIVE_URI} nor {FULL_URI} is set (in a shell that multicred has switched, \
                 multicred deactivate gives them back)"
            );
            return Err(no_service(reason));
        }
    };
    let bad = |variable, reason: String| StsError::BadService { action: ACTION, variable, reason };
    if !may_be_asked(&url) {
        let reason = format!("is '{}', which is neither https nor on this machine", url.escape_debug());
        return Err(bad(variable, reason));
    }
    let (variable, token) = match get(TOKEN_FILE) {
        Some(path) => {
            let failed = |error| no_service(format!("{TOKEN_FILE} names {path}, which cannot be read: {error}"));
            (TOKEN_FILE, Some(regular_file::read(Path::new(&path), LONGEST as u64).map_err(failed)?))
        }
        None => (TOKEN, get(TOKEN).map(Zeroizing::new)),
    };
    let token = token.map(Secret::from);
    if token.as_ref().is_some_and(|token| token.expose().contains(['\r', '\n'])) {
        return Err(no_service(format!("the token of {variable} has a line break in it")));
    }
    let headers = token.iter().map(|token| ("authorization", token.expose())).collect::<Vec<_>>();
    ask(ACTION, "GET", &url, &headers).await
}

/// Over https, or to a host that nobody else can be.
fn may_be_asked(url: &str) -> bool {
    let is_container_host = |rest| CONTAINER_HOSTS.contains(&host(rest));
    is_private_url(url) || (is_http_url(url) && url.strip_prefix("http://").is_some_and(is_container_host))
}

async fn of_instance(get: Get<'_>) -> Result<String, StsError> {
    const ACTION: &str = "Ec2InstanceMetadata";
    const ROLES: &str = "latest/meta-data/iam/security-credentials/";
    if get("AWS_EC2_METADATA_DISABLED").and_then(|value| parse_flag(&value)) == Some(true) {
        let reason = "AWS_EC2_METADATA_DISABLED forbids it".to_owned();
        return Err(StsError::NoService { action: ACTION, reason });
    }
    let is_v6 = get(SERVICE_MODE).is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6"));
    let usual = if is_v6 { INSTANCE_SERVICE_V6 } else { INSTANCE_SERVICE };
    let service = get(SERVICE).map_or(Cow::Borrowed(usual), Cow::Owned);
    if !is_http_url(&service) {
        let (variable, reason) = (SERVICE, format!("is '{}', which is no address", service.escape_debug()));
        return Err(StsError::BadService { action: ACTION, variable, reason });
    }
    let service = service.trim_end_matches('/');
    let life = [("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_LIFE)];
    let token = Secret::new(ask(ACTION, "PUT", &format!("{service}/latest/api/token"), &life).await?);
    let token = [("x-aws-ec2-metadata-token", token.expose())];
    let roles = ask(ACTION, "GET", &format!("{service}/{ROLES}"), &token).await?;
    let role = roles.lines().next().unwrap_or_default().trim();
    if role.is_empty() || !role.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte)) {
        return Err(StsError::unusable(ACTION, "the machine has no role"));
    }
    ask(ACTION, "GET", &format!("{service}/{ROLES}{role}"), &token).await
}

/// One question, never through a proxy.
async fn ask(
    action: &'static str,
    method: &str,
    url: &str,
    headers: &[(&'static str, &str)],
) -> Result<String, StsError> {
    let prepared = |error: &dyn std::fmt::Display| StsError::Setup(format!("{action} could not be prepared: {error}"));
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_method(method).map_err(|error| prepared(&error))?;
    request.set_uri(url).map_err(|error| prepared(&error))?;
    for (name, value) in headers {
        request.headers_mut().try_insert(*name, (*value).to_owned()).map_err(|error| prepared(&error))?;
    }
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build();
    let connector = connector_to(url, settings, ProxyConfig::disabled(), None)?;
    let no_answer = |reason: String| StsError::NoAnswer { action, reason };
    let too_long = || "it took too long".to_owned();
    let answer = connector
        .call(request)
        .await
        .map_err(|error| no_answer(if error.is_timeout() { too_long() } else { super::error::root_cause(&error) }))?;
    let status = answer.status().as_u16();
    // The connector's time is over with the first word.
    let body = tokio::time::timeout(READ_TIMEOUT, collect(answer.into_body())).await;
    let body = body.unwrap_or_else(|_| Err(too_long())).map_err(no_answer)?;
    match status {
        200 => String::from_utf8(body).map_err(|_| StsError::unusable(action, "no text")),
        500.. => Err(StsError::Unavailable { action, code: format!("HTTP {status}"), message: no_reason() }),
        // Unlike AWS, these services say no by the status alone.
        400.. => Err(refused(action, format!("HTTP {status}"))),
        _ => Err(StsError::unusable(action, &format!("HTTP {status}"))),
    }
}

fn refused(action: &'static str, code: String) -> StsError {
    StsError::Refused { action, code, message: no_reason(), request_id: None }
}

fn no_reason() -> String {
    "no reason given".to_owned()
}

/// A longer answer is none.
const LONGEST: usize = 64 * 1024;

pub(super) async fn collect(body: SdkBody) -> Result<Vec<u8>, String> {
    use aws_smithy_types::byte_stream::ByteStream;
    let mut stream = ByteStream::new(body);
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk.map_err(|error| error.to_string())?);
        if bytes.len() > LONGEST {
            return Err("it does not come to an end".to_owned());
        }
    }
    Ok(bytes)
}

fn credential(source: Metadata, text: &str, now: i64) -> Result<Credential, StsError> {
    let action = source.word();
    let found = credential_text::of_metadata(text).map_err(|fault| match fault {
        AnswerFault::Code(code) => refused(action, super::error::one_line(&code)),
        fault => StsError::unusable(action, &fault.to_string()),
    })?;
    match found.expires_at {
        Some(end) if end <= now => Err(StsError::unusable(action, "a credential that has already expired")),
        None => Err(StsError::unusable(action, "a credential without its expiration")),
        expires_at => Ok(Credential {
            access_key_id: found.access_key_id,
            material: KeyMaterial {
                secret_access_key: found.secret_access_key.into(),
                session_token: found.session_token.map(Into::into),
            },
            expires_at,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_sent_in_clear_only_to_hosts_that_nobody_else_can_be() {
        for good in [
            "http://127.0.0.1:80/x",
            "http://localhost/x",
            "http://[::1]:8080/",
            "http://169.254.170.2/v2/x",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1/credentials",
            "https://example.com/x",
        ] {
            assert!(may_be_asked(good), "{good}");
        }
        for bad in
            ["http://example.com/x", "http://10.0.0.1/", "http://127.0.0.1.example.com/", "ftp://127.0.0.1/", "x"]
        {
            assert!(!may_be_asked(bad), "{bad}");
        }
    }
}
