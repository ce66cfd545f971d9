//! IAM: the calls that make, list and end access keys. Making one is tried once: a second try could make a second key.

use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::config::{BehaviorVersion, Region, SharedHttpClient, StalledStreamProtectionConfig};
use aws_sdk_iam::operation::RequestId;
use aws_sdk_iam::types::{AccessKey, AccessKeyMetadata, StatusType};
use aws_smithy_async::rt::sleep::TokioSleep;

use super::client::{self, Attempts};
use super::{Signing, StsError, StsSettings, error};
use crate::identity::name::is_access_key_id;
use crate::secret::{Credential, KeyMaterial, Secret};

/// Nobody has this many keys; a service that never comes to an end of them is none.
const MOST_PAGES: usize = 20;

/// A long-term key as IAM lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// Its access key id.
    pub access_key_id: String,
    /// Whether it works.
    pub is_active: bool,
    /// When it was made, epoch seconds UTC.
    pub created_at: Option<i64>,
}

/// When a key was last used, and for what, as far as IAM knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastUsed {
    /// Epoch seconds UTC; `None` where it never was, or not since IAM writes it down (April 2015).
    pub at: Option<i64>,
    /// The service: `s3`.
    pub service: Option<String>,
    /// The region.
    pub region: Option<String>,
}

/// A key that was made.
#[derive(Debug)]
pub struct MadeKey {
    /// The key.
    pub credential: Credential,
    /// For the history.
    pub request_id: Option<String>,
}

/// A connection to IAM, opened by the first call.
pub struct Iam {
    settings: StsSettings,
    runtime: tokio::runtime::Runtime,
    http: SharedHttpClient,
}

/// What a call gives, and AWS's number of it.
pub type Answered<T> = Result<(T, Option<String>), StsError>;

impl Iam {
    /// Prepares to call IAM; nothing is sent yet.
    ///
    /// # Errors
    /// The CA bundle cannot be read, or the system refuses an event loop.
    pub fn new(settings: StsSettings) -> Result<Self, StsError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StsError::Setup(format!("no event loop: {error}")))?;
        let http = client::http_client(&settings)?;
        Ok(Self { settings, runtime, http })
    }

    /// `CreateAccessKey`, for a user, or for the root user that signs; one attempt. An answer that cannot be used
    /// ([`StsError::Unusable`]), or none, does not say that nothing was made.
    ///
    /// # Errors
    /// See [`StsError`].
    pub fn create_access_key(&self, user: Option<&str>, signing: Signing<'_>) -> Result<MadeKey, StsError> {
        const ACTION: &str = "CreateAccessKey";
        let call = self.client(signing, Attempts::One).create_access_key().set_user_name(user.map(str::to_owned));
        let answer = self.runtime.block_on(call.send()).map_err(|error| error::sort(ACTION, error))?;
        let key = answer.access_key().ok_or_else(|| StsError::unusable(ACTION, "no AccessKey"))?;
        Ok(MadeKey {
            credential: usable(key, user).map_err(|reason| StsError::unusable(ACTION, reason))?,
            request_id: answer.request_id().map(str::to_owned),
        })
    }

    /// `ListAccessKeys`, to its end.
    ///
    /// # Errors
    /// See [`StsError`].
    pub fn list_access_keys(&self, user: Option<&str>, signing: Signing<'_>) -> Answered<Vec<ListedKey>> {
        const ACTION: &str = "ListAccessKeys";
        let client = self.client(signing, Attempts::Three);
        let (mut keys, mut marker) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let call = client.list_access_keys().set_user_name(user.map(str::to_owned)).set_marker(marker);
            let answer = self.runtime.block_on(call.send()).map_err(|error| error::sort(ACTION, error))?;
            for key in answer.access_key_metadata() {
                keys.push(listed(key).ok_or_else(|| StsError::unusable(ACTION, "an access key id of a wrong form"))?);
            }
            marker = answer.marker().map(str::to_owned).filter(|_| answer.is_truncated());
            if marker.is_none() {
                return Ok((keys, answer.request_id().map(str::to_owned)));
            }
        }
        Err(StsError::unusable(ACTION, "a list without an end"))
    }

    /// `GetAccessKeyLastUsed`.
    ///
    /// # Errors
    /// See [`StsError`].
    pub fn get_access_key_last_used(&self, access_key_id: &str, signing: Signing<'_>) -> Answered<LastUsed> {
        const ACTION: &str = "GetAccessKeyLastUsed";
        let call = self.client(signing, Attempts::Three).get_access_key_last_used().access_key_id(access_key_id);
        let answer = self.runtime.block_on(call.send()).map_err(|error| error::sort(ACTION, error))?;
        let request_id = answer.request_id().map(str::to_owned);
        let used = answer.access_key_last_used();
        // "N/A" where there is nothing to tell (API reference, AccessKeyLastUsed).
        let known = |text: &str| (!text.is_empty() && text != "N/A").then(|| error::one_line(text));
        let last = LastUsed {
            at: used.and_then(|used| used.last_used_date()).map(aws_smithy_types::DateTime::secs),
            service: used.and_then(|used| known(used.service_name())),
            region: used.and_then(|used| known(used.region())),
        };
        Ok((last, request_id))
    }

    /// `UpdateAccessKey`.
    ///
    /// # Errors
    /// See [`StsError`].
    pub fn set_active(
        &self,
        (user, access_key_id): (Option<&str>, &str),
        active: bool,
        signing: Signing<'_>,
    ) -> Answered<()> {
        let status = if active { StatusType::Active } else { StatusType::Inactive };
        let call = self.client(signing, Attempts::Three).update_access_key().set_user_name(user.map(str::to_owned));
        let answer = self.runtime.block_on(call.access_key_id(access_key_id).status(status).send());
        let answer = answer.map_err(|error| error::sort("UpdateAccessKey", error))?;
        Ok(((), answer.request_id().map(str::to_owned)))
    }

    /// `DeleteAccessKey`.
    ///
    /// # Errors
    /// See [`StsError`]; a key that is not there is a refusal (`NoSuchEntity`).
    pub fn delete_access_key(&self, (user, access_key_id): (Option<&str>, &str), signing: Signing<'_>) -> Answered<()> {
        let call = self.client(signing, Attempts::Three).delete_access_key().set_user_name(user.map(str::to_owned));
        let answer = self.runtime.block_on(call.access_key_id(access_key_id).send());
        let answer = answer.map_err(|error| error::sort("DeleteAccessKey", error))?;
        Ok(((), answer.request_id().map(str::to_owned)))
    }

    fn client(&self, signing: Signing<'_>, attempts: Attempts) -> Client {
        let mut config = aws_sdk_iam::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(signing.region.to_owned()))
            .http_client(self.http.clone())
            .sleep_impl(TokioSleep::new())
            .timeout_config(client::timeouts(attempts))
            .retry_config(client::retries(attempts))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .use_fips(self.settings.fips)
            .use_dual_stack(self.settings.dual_stack);
        if let Some(credential) = signing.credential {
            config = config.credentials_provider(client::credentials(credential));
        }
        if let Some(endpoint) = &self.settings.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Client::from_conf(config.build())
    }
}

/// How long a key that was just made may be unknown to parts of AWS (IAM User Guide, "Changes that I make are not always
/// immediately visible").
pub const EVENTUALLY: Duration = Duration::from_secs(25);

fn listed(key: &AccessKeyMetadata) -> Option<ListedKey> {
    let access_key_id = key.access_key_id().filter(|id| is_access_key_id(id))?.to_owned();
    let is_active = key.status() == Some(&StatusType::Active);
    Some(ListedKey { access_key_id, is_active, created_at: key.create_date().map(aws_smithy_types::DateTime::secs) })
}

/// The key in an answer, where it is one of whom it was made for.
fn usable(key: &AccessKey, user: Option<&str>) -> Result<Credential, &'static str> {
    let secret = key.secret_access_key();
    if !is_access_key_id(key.access_key_id()) {
        return Err("an access key id of a wrong form");
    }
    if secret.is_empty() || secret.chars().any(char::is_control) {
        return Err("an empty or unprintable secret");
    }
    if user.is_some_and(|user| !key.user_name().eq_ignore_ascii_case(user)) {
        return Err("a key of another user");
    }
    Ok(Credential {
        access_key_id: key.access_key_id().to_owned(),
        material: KeyMaterial { secret_access_key: Secret::new(secret), session_token: None },
        expires_at: None,
    })
}
