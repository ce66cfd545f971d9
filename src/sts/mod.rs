//! STS: the only place that names the AWS SDK.

mod client;
mod error;
pub mod settings;
mod trust;

use aws_sdk_sts::operation::RequestId;

use crate::identity::arn::{self, PrincipalArn};
use crate::identity::plan::Call;
use crate::secret::{Credential, KeyMaterial, Secret};

pub use error::StsError;
pub use settings::StsSettings;

/// Who STS says is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The caller's ARN, taken apart.
    pub arn: PrincipalArn,
    /// `AIDA…`, `AROA…:session`, or the account id for root.
    pub unique_id: String,
    /// For the history.
    pub request_id: Option<String>,
}

/// What a hop obtained.
#[derive(Debug)]
pub struct Obtained {
    /// The new credential.
    pub credential: Credential,
    /// For the history.
    pub request_id: Option<String>,
}

/// What goes with a call beside its plan.
#[derive(Clone, Copy, Debug)]
pub struct Signing<'a> {
    /// The credential that signs.
    pub credential: &'a Credential,
    /// The region that is asked.
    pub region: &'a str,
}

/// An MFA device and its current code.
#[derive(Clone, Copy, Debug)]
pub struct MfaCode<'a> {
    /// The device.
    pub serial: &'a str,
    /// Six digits.
    pub code: &'a str,
}

/// A connection to STS, opened by the first call.
pub struct Sts {
    settings: StsSettings,
    runtime: tokio::runtime::Runtime,
    http: aws_sdk_sts::config::SharedHttpClient,
}

impl Sts {
    /// Prepares to call STS; nothing is sent yet.
    ///
    /// # Errors
    /// The CA bundle cannot be read, or the system refuses an event loop.
    pub fn new(settings: StsSettings) -> Result<Self, StsError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StsError::Setup(format!("no event loop: {error}")))?;
        let http = client::http_client(&settings)?;
        Ok(Self { settings, runtime, http })
    }

    /// The region of the person's environment.
    pub fn environment_region(&self) -> Option<&str> {
        self.settings.region.as_deref()
    }

    /// Asks who holds a credential.
    ///
    /// # Errors
    /// See [`StsError`].
    pub fn get_caller_identity(&self, signing: Signing<'_>) -> Result<Caller, StsError> {
        let client = self.client(signing, client::Attempts::Three);
        let answer = self.runtime.block_on(client.get_caller_identity().send());
        let answer = answer.map_err(|error| error::sort("GetCallerIdentity", error))?;
        let request_id = answer.request_id().map(str::to_owned);
        let text = answer.arn().ok_or_else(|| StsError::unusable("GetCallerIdentity", "no Arn"))?;
        let parsed = arn::parse(text).map_err(|reason| {
            StsError::unusable("GetCallerIdentity", &format!("the ARN '{}': {reason}", text.escape_debug()))
        })?;
        if answer.account().is_some_and(|account| account != parsed.identity.account) {
            return Err(StsError::unusable("GetCallerIdentity", "an Account other than its Arn's"));
        }
        Ok(Caller { arn: parsed, unique_id: answer.user_id().unwrap_or_default().to_owned(), request_id })
    }

    /// Makes one planned call.
    ///
    /// # Errors
    /// See [`StsError`].
    pub fn obtain(
        &self,
        call: &Call,
        signing: Signing<'_>,
        mfa: Option<MfaCode<'_>>,
        now: i64,
    ) -> Result<Obtained, StsError> {
        // A call that carries a code is made once: the code may have been used up even where no answer came.
        let attempts = if mfa.is_some() { client::Attempts::One } else { client::Attempts::Three };
        let client = self.client(signing, attempts);
        match call {
            Call::GetSessionToken { duration } => self.get_session_token(&client, *duration, mfa, now),
            Call::AssumeRole { .. } => self.assume_role(&client, call, mfa, now),
        }
    }

    fn get_session_token(
        &self,
        client: &aws_sdk_sts::Client,
        duration: u32,
        mfa: Option<MfaCode<'_>>,
        now: i64,
    ) -> Result<Obtained, StsError> {
        let request = client
            .get_session_token()
            .duration_seconds(i32::try_from(duration).unwrap_or(i32::MAX))
            .set_serial_number(mfa.map(|mfa| mfa.serial.to_owned()))
            .set_token_code(mfa.map(|mfa| mfa.code.to_owned()));
        let answer = self.runtime.block_on(request.send());
        let answer = answer.map_err(|error| error::sort("GetSessionToken", error))?;
        let request_id = answer.request_id().map(str::to_owned);
        let credential = credential("GetSessionToken", answer.credentials(), now)?;
        Ok(Obtained { credential, request_id })
    }

    fn assume_role(
        &self,
        client: &aws_sdk_sts::Client,
        call: &Call,
        mfa: Option<MfaCode<'_>>,
        now: i64,
    ) -> Result<Obtained, StsError> {
        let Call::AssumeRole { role_arn, session_name, duration, external_id } = call else {
            return Err(StsError::Setup("not an AssumeRole".to_owned()));
        };
        let request = client
            .assume_role()
            .role_arn(role_arn)
            .role_session_name(session_name)
            .duration_seconds(i32::try_from(*duration).unwrap_or(i32::MAX))
            .set_external_id(external_id.clone())
            .set_serial_number(mfa.map(|mfa| mfa.serial.to_owned()))
            .set_token_code(mfa.map(|mfa| mfa.code.to_owned()));
        let answer = self.runtime.block_on(request.send());
        let answer = answer.map_err(|error| error::sort("AssumeRole", error))?;
        let request_id = answer.request_id().map(str::to_owned);
        check_role(role_arn, answer.assumed_role_user().map(aws_sdk_sts::types::AssumedRoleUser::arn))?;
        let credential = credential("AssumeRole", answer.credentials(), now)?;
        Ok(Obtained { credential, request_id })
    }

    fn client(&self, signing: Signing<'_>, attempts: client::Attempts) -> aws_sdk_sts::Client {
        client::client(&self.settings, self.http.clone(), signing, attempts)
    }
}

/// Never hands out one identity under the name of another: the answer must be about the role that was asked for.
fn check_role(asked: &str, answered: Option<&str>) -> Result<(), StsError> {
    let answered = answered.ok_or_else(|| StsError::unusable("AssumeRole", "no AssumedRoleUser"))?;
    let same = match (arn::parse(asked), arn::parse(answered)) {
        (Ok(asked), Ok(answered)) => asked.identity == answered.identity,
        _ => false,
    };
    if same {
        return Ok(());
    }
    let reason = format!("credentials for '{}' where {asked} was asked for", answered.escape_debug());
    Err(StsError::unusable("AssumeRole", &reason))
}

fn credential(
    action: &'static str,
    answer: Option<&aws_sdk_sts::types::Credentials>,
    now: i64,
) -> Result<Credential, StsError> {
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
