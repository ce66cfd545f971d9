//! What time it is at AWS: the `Date` header of the answer to a request that nobody has signed.
//!
//! AWS refuses a signature whose time is five minutes or more from its own (IAM User Guide, "Troubleshoot signed requests
//! for AWS APIs").

use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::client::connector_to;
use super::settings::partition_of;
use super::{StsError, StsSettings, error};

const ACTION: &str = "the question for the time";
/// Whoever asks for the time can do without.
const PATIENCE: Duration = Duration::from_secs(3);

/// The time at STS, as it is reached by these settings, in epoch seconds UTC. Waits for three seconds at most, whatever the
/// network does.
///
/// # Errors
/// There is no answer, or none with a date.
pub fn date(settings: &StsSettings, region: &str) -> Result<i64, StsError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| StsError::Setup(format!("no event loop: {error}")))?;
    let asked = async { tokio::time::timeout(PATIENCE, ask(settings, region)).await };
    let answer = runtime.block_on(asked).unwrap_or_else(|_| Err(error::too_late(ACTION)));
    // The system's own search for an address cannot be broken off: it is left behind.
    runtime.shutdown_background();
    answer
}

async fn ask(settings: &StsSettings, region: &str) -> Result<i64, StsError> {
    let address = address(settings, region);
    let timeouts = HttpConnectorSettings::builder().connect_timeout(PATIENCE).read_timeout(PATIENCE).build();
    let connector = connector_to(&address, timeouts, ProxyConfig::from_env(), settings.ca_bundle.as_ref())?;
    let prepared = |error: &dyn std::fmt::Display| StsError::Setup(format!("{ACTION} could not be prepared: {error}"));
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_method("GET").map_err(|error| prepared(&error))?;
    request.set_uri(address.as_str()).map_err(|error| prepared(&error))?;
    let answer = connector.call(request).await.map_err(|error| StsError::NoAnswer {
        action: ACTION,
        reason: if error.is_timeout() { "no answer in time".to_owned() } else { error::root_cause(&error) },
    })?;
    answer.headers().get("date").and_then(parse).ok_or_else(|| StsError::unusable(ACTION, "it has no date"))
}

/// RFC 9110, 5.6.7, in the one form that may be sent.
fn parse(text: &str) -> Option<i64> {
    let time = DateTime::strptime("%a, %d %b %Y %H:%M:%S GMT", text).ok()?;
    Some(Offset::UTC.to_timestamp(time).ok()?.as_second())
}

/// Where STS is (AWS General Reference, "AWS Security Token Service endpoints").
pub(super) fn address(settings: &StsSettings, region: &str) -> String {
    if let Some(endpoint) = &settings.endpoint {
        return endpoint.clone();
    }
    if settings.is_global(region) {
        return "https://sts.amazonaws.com/".to_owned();
    }
    let service = if settings.fips { "sts-fips" } else { "sts" };
    let domain = match (partition_of(region), settings.dual_stack) {
        ("aws-cn", false) => "amazonaws.com.cn",
        ("aws-cn", true) => "api.amazonwebservices.com.cn",
        ("aws-iso", _) => "c2s.ic.gov",
        ("aws-iso-b", _) => "sc2s.sgov.gov",
        ("aws-iso-e", _) => "cloud.adc-e.uk",
        ("aws-iso-f", _) => "csp.hci.ic.gov",
        ("aws-eusc", _) => "amazonaws.eu",
        (_, true) => "api.aws",
        (_, false) => "amazonaws.com",
    };
    format!("https://{service}.{region}.{domain}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sts_is_where_its_region_and_the_settings_say() {
        let plain = StsSettings::default();
        assert_eq!(address(&plain, "eu-west-1"), "https://sts.eu-west-1.amazonaws.com/");
        assert_eq!(address(&plain, "cn-north-1"), "https://sts.cn-north-1.amazonaws.com.cn/");
        let legacy = StsSettings { legacy: true, ..StsSettings::default() };
        assert_eq!(address(&legacy, "eu-west-1"), "https://sts.amazonaws.com/");
        let both = StsSettings { fips: true, dual_stack: true, ..StsSettings::default() };
        assert_eq!(address(&both, "us-east-1"), "https://sts-fips.us-east-1.api.aws/");
        let own = StsSettings { endpoint: Some("http://127.0.0.1:1".to_owned()), ..StsSettings::default() };
        assert_eq!(address(&own, "us-east-1"), "http://127.0.0.1:1");
    }

    #[test]
    fn a_date_is_read_as_http_writes_it() {
        assert_eq!(parse("Thu, 01 Jan 2026 00:00:00 GMT"), Some(1_767_225_600));
        assert_eq!(parse("yesterday"), None);
    }
}
