//! What can go wrong with a call, sorted by what a person can do about it.

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::display::DisplayErrorContext;

/// Why a call gave no credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StsError {
    /// AWS answered, and the answer is no.
    #[error("AWS refused {action}: {message} ({code})")]
    Refused {
        /// The call.
        action: &'static str,
        /// AWS's error code.
        code: String,
        /// AWS's words.
        message: String,
        /// For a support case.
        request_id: Option<String>,
    },
    /// AWS was reached but could not serve: throttled, or an internal error, after every attempt.
    #[error("AWS could not serve {action}: {message} ({code})")]
    Unavailable {
        /// The call.
        action: &'static str,
        /// AWS's error code, or the HTTP status.
        code: String,
        /// AWS's words.
        message: String,
    },
    /// No answer at all.
    #[error("no answer from AWS to {action}: {reason}")]
    NoAnswer {
        /// The call.
        action: &'static str,
        /// The innermost cause.
        reason: String,
    },
    /// An answer that makes no sense.
    #[error("AWS's answer to {action} cannot be used: {reason}")]
    Unusable {
        /// The call.
        action: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of certificates.
    #[error("the CA bundle {path}, named by {from}, cannot be used: {reason}")]
    CaBundle {
        /// The file.
        path: String,
        /// What names it.
        from: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A metadata service that nobody can be asked for.
    #[error("{action} cannot be asked: {reason}")]
    NoService {
        /// The service.
        action: &'static str,
        /// Why not.
        reason: String,
    },
    /// A variable that says where a metadata service is, or how it is asked, and cannot be used.
    #[error("{action} cannot be asked: {variable} {reason}")]
    BadService {
        /// The service.
        action: &'static str,
        /// The variable.
        variable: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The call could not even be prepared.
    #[error("{0}")]
    Setup(String),
}

impl StsError {
    pub(super) fn unusable(action: &'static str, reason: &str) -> Self {
        Self::Unusable { action, reason: reason.to_owned() }
    }

    /// What went wrong, without the value of a variable, which may hold a password.
    pub fn outcome(&self) -> String {
        match self {
            Self::BadService { action, variable, .. } => format!("{action} cannot be asked: {variable} cannot be used"),
            error => error.to_string(),
        }
    }

    /// Whether it is of the moment: nobody was there to say yes or no.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::NoAnswer { .. } | Self::Unavailable { .. } | Self::Unusable { .. })
    }

    /// Whether AWS itself said no (as opposed to not being there).
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

/// Whether this error code says that AWS has turned a call away unread, since there were too many.
pub fn is_throttling(code: &str) -> bool {
    THROTTLING.contains(&code)
}

const THROTTLING: [&str; 6] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "SlowDown",
];

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
pub(super) fn sort<E>(action: &'static str, error: SdkError<E, HttpResponse>) -> StsError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match &error {
        SdkError::ServiceError(context) => {
            let request_id = context.raw().request_id().map(str::to_owned);
            answered(action, context.err(), context.raw(), request_id)
        }
        SdkError::ResponseError(context) => {
            StsError::unusable(action, &innermost(context.raw().status().as_u16(), &error))
        }
        SdkError::TimeoutError(_) => too_late(action),
        // The connector's own limit may be the first to strike.
        SdkError::DispatchFailure(failure) if failure.is_timeout() => too_late(action),
        SdkError::DispatchFailure(_) => StsError::NoAnswer { action, reason: root_cause(&error) },
        _ => StsError::Setup(format!("{action} could not be prepared: {}", root_cause(&error))),
    }
}

pub(super) fn too_late(action: &'static str) -> StsError {
    StsError::NoAnswer { action, reason: "it took too long".into() }
}

fn answered<E: ProvideErrorMetadata>(
    action: &'static str,
    error: &E,
    raw: &HttpResponse,
    request_id: Option<String>,
) -> StsError {
    let status = raw.status().as_u16();
    let told = error.code().map(|code| (code.to_owned(), error.message().unwrap_or_default().to_owned()));
    // Stand-ins for AWS wrap errors in an envelope that the SDK does not read.
    let (code, message) = match told.or_else(|| code_in_body(raw)) {
        Some((code, message)) => (one_line(&code), one_line(&message)),
        None if status >= 500 => (format!("HTTP {status}"), "no reason given".to_owned()),
        // A captive portal, a proxy: AWS never says no without a code.
        None => return StsError::unusable(action, &format!("HTTP {status} without an error code of AWS's")),
    };
    if status >= 500 || status == 429 || THROTTLING.contains(&code.as_str()) {
        return StsError::Unavailable { action, code, message };
    }
    if status < 400 {
        return StsError::unusable(action, &format!("HTTP {status} with an error inside"));
    }
    StsError::Refused { action, code, message, request_id }
}

/// AWS's words as one line: whoever answers in its place must not write lines that look like ours.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn code_in_body(raw: &HttpResponse) -> Option<(String, String)> {
    let body = std::str::from_utf8(raw.body().bytes()?).ok()?;
    let between = |open: &str, close: &str| {
        let start = body.find(open)? + open.len();
        let length = body[start..].find(close)?;
        Some(body[start..start + length].to_owned())
    };
    let message = between("<Message>", "</Message>").unwrap_or_default();
    Some((between("<Code>", "</Code>")?, message))
}

fn innermost<E>(status: u16, error: &SdkError<E, HttpResponse>) -> String
where
    E: std::error::Error + Send + Sync + 'static,
{
    format!("HTTP {status}, {}", root_cause(error))
}

/// The last error of the chain of causes: the one that says what happened rather than where.
pub(super) fn root_cause<E: std::error::Error>(error: &E) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = cause.to_string();
    one_line(&if text.is_empty() { DisplayErrorContext(error).to_string() } else { text })
}
