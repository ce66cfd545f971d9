//! The SDK's client, with everything set: what is left to the SDK's defaults asks the instance metadata service,
//! waits without end, or panics on odd environments.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sts::config::{BehaviorVersion, Region, SharedHttpClient, StalledStreamProtectionConfig};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::{Builder, Connector, ConnectorBuilder, proxy::ProxyConfig, tls};
use aws_smithy_runtime_api::client::http::HttpConnectorSettings;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::settings::CaBundle;
use super::{Signing, StsError, StsSettings, trust};
use crate::secret::Credential;

pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Of the one attempt of who can do without an answer.
const BRIEF_TIMEOUT: Duration = Duration::from_secs(3);
/// The first wait between attempts; it doubles, with jitter.
pub(super) const FIRST_BACKOFF: Duration = Duration::from_millis(150);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// The region that the SDK's rules for endpoints know `sts.amazonaws.com` by.
const GLOBAL: &str = "aws-global";

/// How often a call may be tried.
#[derive(Clone, Copy, Debug)]
pub(super) enum Attempts {
    OneBrief,
    One,
    Three,
}

impl Attempts {
    fn count(self) -> u32 {
        match self {
            Self::OneBrief | Self::One => 1,
            Self::Three => 3,
        }
    }

    /// How long each may take.
    fn timeout(self) -> Duration {
        match self {
            Self::OneBrief => BRIEF_TIMEOUT,
            Self::One | Self::Three => ATTEMPT_TIMEOUT,
        }
    }
}

pub(super) fn client(
    settings: &StsSettings,
    http: SharedHttpClient,
    signing: Signing<'_>,
    attempts: Attempts,
) -> aws_sdk_sts::Client {
    let credentials = signing.credential.map(credentials);
    let mut config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(if settings.is_global(signing.region) { GLOBAL } else { signing.region }.to_owned()))
        .http_client(http)
        .sleep_impl(TokioSleep::new())
        .timeout_config(timeouts(attempts))
        .retry_config(retries(attempts))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .use_fips(settings.fips)
        .use_dual_stack(settings.dual_stack);
    if let Some(credentials) = credentials {
        config = config.credentials_provider(credentials);
    }
    if let Some(endpoint) = &settings.endpoint {
        config = config.endpoint_url(endpoint);
    }
    aws_sdk_sts::Client::from_conf(config.build())
}

pub(super) fn credentials(credential: &Credential) -> Credentials {
    let token = credential.material.session_token.as_ref().map(|token| token.expose().to_owned());
    let secret = credential.material.secret_access_key.expose();
    Credentials::new(&credential.access_key_id, secret, token, None, "multicred")
}

pub(super) fn timeouts(attempts: Attempts) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(attempts.timeout())
        .operation_attempt_timeout(attempts.timeout())
        .build()
}

pub(super) fn retries(attempts: Attempts) -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(attempts.count())
        .with_initial_backoff(FIRST_BACKOFF)
        .with_max_backoff(LONGEST_BACKOFF)
}

/// Reading the system's CA certificates costs milliseconds: only where TLS will be spoken.
pub(super) fn http_client(settings: &StsSettings) -> Result<SharedHttpClient, StsError> {
    let plain = settings.endpoint.as_deref().is_some_and(|url| url.starts_with("http://"));
    if plain {
        return Ok(Builder::new().build_with_connector_fn(|http, components| connector(http, components).build_http()));
    }
    let context = trust::context(settings.ca_bundle.as_ref())?;
    Ok(Builder::new()
        .build_with_connector_fn(move |http, components| over_tls(connector(http, components), context.clone())))
}

/// A connector for a question that the SDK has no call for, with these timeouts. Over TLS it trusts the certificates of the
/// bundle, else the system's.
pub(super) fn connector_to(
    url: &str,
    settings: HttpConnectorSettings,
    proxy: ProxyConfig,
    bundle: Option<&CaBundle>,
) -> Result<Connector, StsError> {
    let mut builder = Connector::builder().proxy_config(proxy).connector_settings(settings);
    builder.set_sleep_impl(Some(SharedAsyncSleep::new(TokioSleep::new())));
    if url.starts_with("https://") { Ok(over_tls(builder, trust::context(bundle)?)) } else { Ok(builder.build_http()) }
}

fn over_tls(builder: ConnectorBuilder, context: tls::TlsContext) -> Connector {
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    builder.tls_provider(provider).tls_context(context).build()
}

fn connector(
    http: Option<&aws_smithy_runtime_api::client::http::HttpConnectorSettings>,
    components: Option<&aws_smithy_runtime_api::client::runtime_components::RuntimeComponents>,
) -> ConnectorBuilder {
    let mut builder = Connector::builder().proxy_config(ProxyConfig::from_env());
    builder.set_connector_settings(http.cloned());
    builder.set_sleep_impl(
        components.and_then(aws_smithy_runtime_api::client::runtime_components::RuntimeComponents::sleep_impl),
    );
    builder
}
