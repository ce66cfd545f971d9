//! What a person is told when something fails: a fact, a remedy, an exit code. One table for all errors.

mod agent;
mod backup;
mod console;
mod guard;
mod keys;
mod profiles;
mod rotation;
mod streams;

use crate::aws_config::FileError;
use crate::aws_config::synced::{SyncError, Unwritable};
use crate::aws_config::temporary::TemporaryError;
use crate::aws_config::write::WriteError;
use crate::identity::plan::NoPlan;
use crate::lock::{Failure as Told, FailureKind, LockError};
use crate::prompt::{PromptError, Unaskable};
use crate::resolve::{LookupError, ResolveError};
use crate::store::StoreError;
use crate::sts::StsError;
use crate::sts::settings::CaBundle;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Any failure without a code of its own.
    Failure = 1,
    /// The command line, or a setting, is wrong.
    Usage = 2,
    /// An unknown or ambiguous identity.
    Identity = 3,
    /// The store is locked, or a prompt is needed and none is possible.
    Locked = 4,
    /// AWS answered, and refused.
    Refused = 5,
    /// No usable answer from AWS.
    NoAnswer = 6,
    /// `exec`: the program is there and cannot be run.
    NotExecutable = 126,
    /// `exec`: there is no such program.
    NotFound = 127,
    /// The person cancelled.
    Cancelled = 130,
    /// Somebody ended it, by SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// A failure, as the person is told.
#[derive(Debug)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// What failed, on what.
    pub fact: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Failure {
    /// A failure with a remedy.
    pub fn new(exit: Exit, fact: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { exit, fact: fact.into(), remedy: Some(remedy.into()) }
    }

    /// A wrong command line.
    pub fn usage(fact: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Exit::Usage, fact, remedy)
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        let fact = error.to_string();
        let (exit, remedy) = match error {
            ResolveError::Lookup(error) => lookup(&error),
            ResolveError::Chain(error) => profiles::chain(&error),
            ResolveError::NoPlan(error) => no_plan(&error),
            ResolveError::File(error) => file(&error),
            ResolveError::Write(error) => write(&error),
            ResolveError::Temporary(error) => profiles::temporary(&error),
            ResolveError::MeansAlready { .. } => (Exit::Usage, Some("choose another name".to_owned())),
            ResolveError::Store(error) => store(&error),
            ResolveError::Seal(error) => keys::seal(&error),
            ResolveError::Sts(error) => sts(&error),
            ResolveError::Machine { error, .. } => profiles::machine(&error, sts(&error)),
            ResolveError::Unconfirmed(error) => guard::unconfirmed(&error),
            ResolveError::Prompt(error) => prompt(&error),
            ResolveError::Lock(error) => lock(&error),
            ResolveError::ToldByAnother(told) => told_by_another(&told),
            ResolveError::LatelyUnanswered { .. } => (Exit::NoAnswer, Some("try again in a moment".to_owned())),
            ResolveError::Agent(error) => {
                let Failure { exit, remedy, .. } = error.into();
                (exit, remedy)
            }
            ResolveError::Locked(_)
            | ResolveError::WrongPassphrase
            | ResolveError::KeyKind { .. }
            | ResolveError::NewSlot { .. }
            | ResolveError::NoSlot(_)
            | ResolveError::LastSlot { .. }
            | ResolveError::OnlyWayIn { .. }
            | ResolveError::ForeignSlot { .. } => keys::slots(&error),
            ResolveError::MfaRefused { .. } => (
                Exit::Refused,
                Some("type the code that the device shows now; each works once. Is it the right device?".to_owned()),
            ),
            ResolveError::Setting(error) => (Exit::Usage, Some(format!("correct {0}, or: unset {0}", error.variable))),
            ResolveError::Settings(error) => profiles::settings(&error),
            ResolveError::Subprocess(_) | ResolveError::BadAnswer { .. } | ResolveError::Token { .. } => {
                (Exit::Failure, Some("run that command by itself, or correct that line".to_owned()))
            }
            ResolveError::NoDriver { program, .. } => {
                (Exit::Locked, Some(format!("install {program}, choose another mfa.driver, or give --mfa-code")))
            }
            ResolveError::NoPinentry { program, .. } => (
                Exit::Locked,
                Some(format!("install {program}, let passphrase.driver be terminal, or let {PASSPHRASE_FILE}")),
            ),
            ResolveError::MfaCodeUsed(_) => (Exit::Locked, Some("wait for the next code and give that one".to_owned())),
            ResolveError::NoHome(_) => {
                (Exit::Failure, Some("set HOME, or say where the store is: --store FILE or MULTICRED_STORE".to_owned()))
            }
            ResolveError::CredentialGone | ResolveError::Worker(_) => {
                (Exit::Failure, Some("run the command again".to_owned()))
            }
        };
        Self { exit, fact, remedy }
    }
}

type Row = (Exit, Option<String>);

fn lookup(error: &LookupError) -> Row {
    let remedy = match error {
        LookupError::Unknown { nearest, .. } if nearest.is_empty() => {
            "multicred list shows every name; multicred import adds identities".to_owned()
        }
        LookupError::Unknown { nearest, .. } => format!("did you mean {}?", nearest.join(", or ")),
        LookupError::Ambiguous { .. } => "name the one you mean by its ARN, or as A/role/N or A/user/N".to_owned(),
        LookupError::ManyProfiles { .. } => "name the profile, or multicred link the identity".to_owned(),
        LookupError::Nobody => "name an identity".to_owned(),
    };
    (Exit::Identity, Some(remedy))
}

fn no_plan(error: &NoPlan) -> Row {
    match error {
        NoPlan::NoCredential { in_file: true, shown, .. } => (
            Exit::Failure,
            Some(format!("give the profile {shown} a fresh credential, or remove its keys from your AWS files")),
        ),
        NoPlan::NoCredential { shown, is_role: true, .. } => (
            Exit::Failure,
            Some(format!("multicred link {shown} --parent USER-OR-ROLE, or multicred import its credentials")),
        ),
        NoPlan::NoCredential { .. } => (Exit::Failure, Some("multicred import its credentials".to_owned())),
        NoPlan::TooShort { .. } => (Exit::Failure, Some("import a fresh one, or ask for less --min-ttl".to_owned())),
        NoPlan::Duration { .. } => (Exit::Usage, Some("ask for a duration within those limits".to_owned())),
        NoPlan::NotRestrictable { .. } => (
            Exit::Failure,
            Some(
                "leave out the policy, or name a role with a link, or a user whose long-term key is stored".to_owned(),
            ),
        ),
        NoPlan::InheritedTag { .. } => {
            (Exit::Failure, Some("leave that tag out, or out of the transitive tags before it".to_owned()))
        }
        NoPlan::OnlyToken { .. } => (Exit::Usage, Some("leave it out, or have it put into the token".to_owned())),
        NoPlan::OnlyRoles { .. } => (Exit::Usage, Some("leave it out, or name a role".to_owned())),
        NoPlan::FederatedName { .. } => (Exit::Usage, Some("give a shorter --session-name".to_owned())),
        NoPlan::OverLease { .. } | NoPlan::EndlessKey { .. } => guard::lease(error),
        NoPlan::NotRenewable { .. } => (Exit::Failure, Some("import a fresh one".to_owned())),
    }
}

fn file(error: &FileError) -> Row {
    let remedy = match error {
        FileError::Unreadable { .. } => "correct its mode or content",
        FileError::KeyChanged { .. } => "run the command again",
    };
    (Exit::Failure, Some(remedy.to_owned()))
}

fn write(error: &WriteError) -> Row {
    let remedy = match error {
        WriteError::NotAFile(_) => "put a regular file there, or name another one",
        WriteError::NotUtf8 { .. } => "save it as UTF-8 in an editor; it was not touched",
        WriteError::ReadOnly(_) => "if it may be changed, chmod u+w it",
        WriteError::OtherOwner { .. } => "run the command as that user, or name a file of your own",
        WriteError::HardLinks { .. } => "make its other names symbolic links to it, or remove them",
        WriteError::Busy(_) => "run the command again",
        WriteError::KeepsChanging(_) => "stop that program, then run the command again",
        WriteError::Full(_) => "free some space and run the command again",
        WriteError::Unwritable { .. } => "make it and its folder writable, then run the command again",
    };
    (Exit::Failure, Some(remedy.to_owned()))
}

fn store(error: &StoreError) -> Row {
    let elsewhere = "name another file with --store or MULTICRED_STORE";
    match error {
        StoreError::Foreign { .. } | StoreError::NotAStore(_) => {
            (Exit::Failure, Some(format!("it was not touched; {elsewhere}")))
        }
        StoreError::Newer { .. } => (Exit::Failure, Some("use that newer multicred".to_owned())),
        StoreError::OtherOwner { .. } => (Exit::Failure, Some(elsewhere.to_owned())),
        StoreError::Damaged { .. } => {
            let remedy = "multicred restore FILE puts a backup in its place, and multicred doctor --check says more; \
                          or move it aside with its -wal and -shm files";
            (Exit::Failure, Some(remedy.to_owned()))
        }
        StoreError::ReadOnly { .. } => (Exit::Failure, Some(format!("make its folder writable, or {elsewhere}"))),
        StoreError::Full(_) => (Exit::Failure, Some("free some space and run the command again".to_owned())),
        StoreError::Busy(_) | StoreError::KeyChanged(_) => (Exit::Failure, Some("run the command again".to_owned())),
        StoreError::Other { .. } => (
            Exit::Failure,
            Some(format!("run the command again; where that does not help, look at its disk, or {elsewhere}")),
        ),
        StoreError::NameTaken(_) => (Exit::Usage, Some("choose another name".to_owned())),
        StoreError::Cycle { .. } => (Exit::Usage, Some("choose another parent".to_owned())),
    }
}

fn sts(error: &StsError) -> Row {
    if let Some(row) = console::sign_in(error).or_else(|| rotation::refused(error)) {
        return row;
    }
    match error {
        StsError::Refused { code, action, .. } => (Exit::Refused, Some(refusal(code, action))),
        StsError::Unavailable { .. } => (Exit::NoAnswer, Some("try again in a moment".to_owned())),
        StsError::NoAnswer { .. } => (
            Exit::NoAnswer,
            Some("check the network, the proxy variables and AWS_ENDPOINT_URL, then try again".to_owned()),
        ),
        StsError::Unusable { .. } => (
            Exit::NoAnswer,
            Some("something between here and AWS answers in its place; check AWS_ENDPOINT_URL".to_owned()),
        ),
        StsError::CaBundle { from, .. } if !CaBundle::is_of_variable(from) => {
            (Exit::Failure, Some("let that line name a file of PEM certificates".to_owned()))
        }
        StsError::CaBundle { .. } => {
            (Exit::Usage, Some("let AWS_CA_BUNDLE name a file of PEM certificates, or unset it".to_owned()))
        }
        StsError::NoService { .. } => {
            (Exit::Failure, Some("run it on a machine that has one, or choose another credential_source".to_owned()))
        }
        StsError::BadService { variable, .. } => (Exit::Usage, Some(format!("correct {variable}, or unset it"))),
        StsError::Setup(_) => (Exit::Failure, Some("run the command again; -v says what is done".to_owned())),
    }
}

/// What to do about the refusals that people meet most.
fn refusal(code: &str, action: &str) -> String {
    let remedy = match code {
        "InvalidIdentityToken" | "IDPRejectedClaim" => "get a new token from whoever issues it",
        "ExpiredTokenException" if action == "AssumeRoleWithWebIdentity" => "get a new token from whoever issues it",
        "ExpiredToken" | "ExpiredTokenException" => "its credential has expired: import a fresh one",
        "InvalidClientTokenId" | "UnrecognizedClientException" => {
            "the key is deleted, inactive, or of another partition: import a valid one"
        }
        "SignatureDoesNotMatch" => "the secret does not belong to the key, or this machine's clock is wrong",
        "RequestExpired" | "RequestTimeTooSkewed" => "this machine's clock is wrong: set it",
        "AccessDenied" if action.starts_with("AssumeRole") => {
            "check the role's trust policy: its principal, external id and MFA condition"
        }
        "InvalidParameterValue" => "check session_tags, transitive_session_tags, --tag and --policy",
        "MalformedPolicyDocument" => "AWS does not take the session policy for one: correct --policy",
        "PackedPolicyTooLarge" => {
            "say less with --policy, --policy-arn and --tag: AWS packs all of them into one space"
        }
        "ValidationError" => "check the duration and names against the role's settings",
        _ => "ask whoever administers the account",
    };
    remedy.to_owned()
}

/// Where a passphrase comes from that nobody types.
const PASSPHRASE_FILE: &str = "MULTICRED_PASSPHRASE_FILE name a file that has the passphrase";

fn prompt(error: &PromptError) -> Row {
    match error {
        PromptError::Impossible { why, .. } => {
            let place = match why {
                Unaskable::OnlyReads => return (Exit::Locked, Some("be somebody first: multicred as NAME".to_owned())),
                Unaskable::NoTerminal => "on a terminal",
                Unaskable::Background => "in the foreground",
            };
            (Exit::Locked, Some(format!("run it {place}, or give the code with --mfa-code")))
        }
        PromptError::Unanswered { .. } => (
            Exit::Locked,
            Some("answer in a terminal first: multicred as NAME, or multicred exec NAME -- true".to_owned()),
        ),
        PromptError::NoPassphrase(_) | PromptError::PassphraseUnanswered(_) => {
            (Exit::Locked, Some(format!("run it on a terminal, or let {PASSPHRASE_FILE}")))
        }
        PromptError::PassphraseDialog(_) => {
            (Exit::Failure, Some(format!("let passphrase.driver be terminal, or let {PASSPHRASE_FILE}")))
        }
        PromptError::NoWord(_) | PromptError::WordUnanswered(_) => (Exit::Locked, None),
        PromptError::Cancelled => (Exit::Cancelled, None),
        PromptError::Terminal(_) => (
            Exit::Failure,
            Some(format!(
                "type it anew; or give an MFA code with --mfa-code, and for a passphrase let {PASSPHRASE_FILE}"
            )),
        ),
        PromptError::Dialog(_) => (Exit::Failure, Some("give the code with --mfa-code".to_owned())),
    }
}

fn lock(error: &LockError) -> Row {
    match error {
        LockError::Held { holder, .. } => (
            Exit::Failure,
            Some(format!("finish or end process {holder} (is it stopped, or asking for something?), then try again")),
        ),
        LockError::Unusable { .. } => (Exit::Failure, Some("let XDG_RUNTIME_DIR name a folder of your own".to_owned())),
    }
}

fn told_by_another(told: &Told) -> Row {
    let exit = match told.kind {
        FailureKind::Refused => Exit::Refused,
        FailureKind::NoAnswer => Exit::NoAnswer,
        FailureKind::Cancelled => Exit::Cancelled,
        FailureKind::Failed => Exit::Failure,
    };
    (exit, Some("see what it says, then try again".to_owned()))
}

/// The place of the fact is the caller's to add, who knows the paths of the files.
impl From<&SyncError> for Failure {
    fn from(error: &SyncError) -> Self {
        let (exit, remedy) = match error {
            SyncError::NoEnd { .. } => {
                (Exit::Failure, "put the line '# <<< multicred sync <<<' back below the last profile that it wrote")
            }
            SyncError::NoBegin { .. } => {
                (Exit::Failure, "delete that line, or put back the one that the block began with")
            }
            SyncError::Twice { .. } => (Exit::Failure, "delete one of the two blocks"),
            SyncError::Persons { .. } => (Exit::Failure, "use it as it is, or rename or remove it first"),
            SyncError::PersonsLine { .. } => (Exit::Failure, "move that line out of the block, or delete it"),
            SyncError::Refused { .. } => (Exit::Failure, "correct the lines around it"),
            SyncError::Default => (Exit::Usage, "give that identity another label: multicred label default NAME"),
            SyncError::NotThere { .. } => (Exit::Identity, "name a profile that multicred sync has written"),
        };
        Self::new(exit, error.to_string(), remedy)
    }
}

impl From<Unwritable> for Failure {
    fn from(error: Unwritable) -> Self {
        let fact = format!("a credential_process cannot name a path that every SDK reads alike: {error}");
        Self::new(Exit::Failure, fact, "install multicred, or put the store, at another path")
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        ResolveError::Store(error).into()
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        ResolveError::Write(error).into()
    }
}

impl From<TemporaryError> for Failure {
    fn from(error: TemporaryError) -> Self {
        ResolveError::Temporary(error).into()
    }
}
