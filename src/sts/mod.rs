//! STS and IAM: the only place that names the AWS SDK.

mod calls;
mod client;
mod date;
mod error;
pub mod iam;
pub mod metadata;
pub mod settings;
mod sign_in;
mod trust;

use aws_sdk_sts::operation::RequestId;

use crate::identity::arn::{self, PrincipalArn};
use crate::identity::plan::{AssumeRole, GetFederationToken, WebIdentity};
use crate::secret::{Credential, Secret};

pub use date::date;
pub use error::{StsError, is_throttling};
pub use settings::{OfProfile, StsSettings};

/// Who STS says is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The caller's ARN, taken apart.
    pub arn: PrincipalArn,
    /// The same as STS wrote it.
    pub text: String,
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
    /// The credential that signs; `None` where nobody does.
    pub credential: Option<&'a Credential>,
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

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Up to three attempts of ten seconds.
    Full,
    /// One attempt of three seconds, for who can do without.
    Brief,
}

/// One call of a chain: who signs, with which code, and how long its answer is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Who signs.
    pub signing: Signing<'a>,
    /// The code that goes with it.
    pub mfa: Option<MfaCode<'a>>,
    /// Now, epoch seconds UTC.
    pub now: i64,
    /// How long an answer is waited for.
    pub patience: Patience,
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
        let (text, unique_id) = (text.to_owned(), answer.user_id().unwrap_or_default().to_owned());
        Ok(Caller { arn: parsed, text, unique_id, request_id })
    }

    /// `GetSessionToken`; `duration` is in seconds.
    ///
    /// # Errors
    /// See [`StsError`].
    pub fn get_session_token(&self, duration: u32, attempt: Attempt<'_>) -> Result<Obtained, StsError> {
        let client = self.client_for(attempt);
        self.runtime.block_on(calls::get_session_token(&client, duration, attempt.mfa, attempt.now))
    }

    /// `AssumeRole`.
    ///
    /// # Errors
    /// See [`StsError`].
    pub fn assume_role(&self, call: &AssumeRole, attempt: Attempt<'_>) -> Result<Obtained, StsError> {
        let client = self.client_for(attempt);
        self.runtime.block_on(calls::assume_role(&client, call, attempt.mfa, attempt.now))
    }

    /// `AssumeRoleWithWebIdentity`.
    ///
    /// # Errors
    /// See [`StsError`].
    pub fn assume_role_with_web_identity(
        &self,
        call: &WebIdentity,
        token: &Secret,
        attempt: Attempt<'_>,
    ) -> Result<Obtained, StsError> {
        let client = self.client_for(attempt);
        self.runtime.block_on(calls::assume_role_with_web_identity(&client, call, token, attempt.now))
    }

    /// `GetFederationToken`.
    ///
    /// # Errors
    /// See [`StsError`].
    pub fn get_federation_token(&self, call: &GetFederationToken, attempt: Attempt<'_>) -> Result<Obtained, StsError> {
        let client = self.client_for(attempt);
        self.runtime.block_on(calls::get_federation_token(&client, call, attempt.now))
    }

    /// Asks AWS's sign-in at this address for the token that opens the console; `duration` is that of the session in
    /// the console, in seconds, where AWS lets somebody say it.
    ///
    /// # Errors
    /// See [`StsError`].
    pub fn get_signin_token(
        &self,
        address: &str,
        credential: &Credential,
        duration: Option<u32>,
    ) -> Result<Secret, StsError> {
        let asked = sign_in::get_signin_token(address, credential, duration, self.settings.ca_bundle.as_ref());
        self.runtime.block_on(asked)
    }

    fn client_for(&self, attempt: Attempt<'_>) -> aws_sdk_sts::Client {
        let attempts = match (attempt.mfa, attempt.patience) {
            // A call that carries a code is made once: the code may have been used up even where no answer came. It
            // is waited for, since a person has just typed it.
            (Some(_), _) => client::Attempts::One,
            (None, Patience::Brief) => client::Attempts::OneBrief,
            (None, Patience::Full) => client::Attempts::Three,
        };
        self.client(attempt.signing, attempts)
    }

    fn client(&self, signing: Signing<'_>, attempts: client::Attempts) -> aws_sdk_sts::Client {
        client::client(&self.settings, self.http.clone(), signing, attempts)
    }
}
