//! Why a profile cannot be followed.

/// A problem with the profile asked for, or with one that its chain leads to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}{}", self.reached())]
pub struct ChainError {
    /// What is wrong.
    pub problem: Box<Problem>,
    /// The profiles that led there, the one asked for first.
    pub trail: Vec<String>,
}

impl ChainError {
    /// What is wrong, without the value that is: it may be a secret in the wrong place.
    pub fn outcome(&self) -> String {
        match &*self.problem {
            Problem::BadValue { profile, key, place, wanted, .. } => {
                format!("profile {profile}: {key} ({place}) is not {wanted}{}", self.reached())
            }
            _ => self.to_string(),
        }
    }

    fn reached(&self) -> String {
        match &self.trail[..] {
            [] | [_] => String::new(),
            trail => format!(", in the chain {}", trail.join(" → ").escape_debug()),
        }
    }
}

impl From<Problem> for ChainError {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), trail: Vec::new() }
    }
}

/// What is wrong with a profile. A place is `file:line`, for the person to open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A profile names a source that does not exist.
    #[error("profile {profile} names source_profile = {source_name} ({place}), and there is no such profile")]
    NoSuchSource {
        /// The profile.
        profile: String,
        /// What it names.
        source_name: String,
        /// Where.
        place: String,
    },
    /// The chain comes back to where it has been.
    #[error("source_profile ({place}) leads round in a loop: {chain}")]
    Loop {
        /// The profiles, the first and the last the same.
        chain: String,
        /// Where it closes.
        place: String,
    },
    /// A role without a source.
    #[error("profile {profile} has role_arn ({place}) but neither source_profile nor a key of its own")]
    NoSource {
        /// The profile.
        profile: String,
        /// Where the role stands.
        place: String,
    },
    /// A profile that says nothing of where its credential comes from.
    #[error("profile {profile} has no key, no role_arn, and nothing in the store is labelled so")]
    NoCredential {
        /// The profile.
        profile: String,
    },
    /// A setting that means something only for a role.
    #[error("profile {profile} has {key} ({place}), and no role_arn that it would be for")]
    NoRole {
        /// The profile.
        profile: String,
        /// The setting.
        key: String,
        /// Where.
        place: String,
    },
    /// A value that AWS cannot take.
    #[error("profile {profile}: {key} = '{value}' ({place}) is not {wanted}")]
    BadValue {
        /// The profile.
        profile: String,
        /// The key.
        key: String,
        /// The value, safe to print.
        value: String,
        /// Where.
        place: String,
        /// What it should be.
        wanted: String,
    },
    /// Two settings of which only one can hold.
    #[error("profile {profile} has {one} and {other}, which contradict each other: {why}")]
    Contradiction {
        /// The profile.
        profile: String,
        /// A setting, and where it stands.
        one: String,
        /// Another one, and where it stands.
        other: String,
        /// Why not both.
        why: &'static str,
    },
    /// A person has to sign in with a browser.
    #[error(
        "profile {profile} signs in through {service} ({key}, {place}), which this version of multicred cannot do yet"
    )]
    NeedsSignIn {
        /// The profile.
        profile: String,
        /// AWS's name of what it signs in through.
        service: &'static str,
        /// The setting that says so.
        key: String,
        /// Where.
        place: String,
    },
    /// A profile asks multicred with a flag that holds only for the program that runs it.
    #[error(
        "profile {profile} asks multicred with {flag} ({place}), which is not followed where multicred reads that line"
    )]
    AsksWith {
        /// The profile.
        profile: String,
        /// The flag, without its value, safe to print.
        flag: String,
        /// Where.
        place: String,
    },
    /// A profile asks multicred for nobody, or for more than one.
    #[error("profile {profile} asks multicred ({place}), and does not name one identity")]
    AsksForNoOne {
        /// The profile.
        profile: String,
        /// Where.
        place: String,
    },
    /// A profile asks multicred for its own name, which nobody has, or nobody has any more.
    #[error("profile {0} asks multicred for {0}, and there is no identity called so")]
    AsksForNobody(String),
    /// Profiles ask multicred for each other.
    #[error("credential_process leads round in a loop: {0}")]
    AsksInLoop(String),
    /// The environment's credential is asked for, and is not the person's.
    #[error("profile {profile} has credential_source = Environment ({place}), {reason}")]
    Environment {
        /// The profile.
        profile: String,
        /// Where it says so.
        place: String,
        /// What is wrong with the environment.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A line of the profile that cannot be read, or what it includes.
    #[error("profile {profile}: {place}: {fault}")]
    Fault {
        /// The profile.
        profile: String,
        /// Where.
        place: String,
        /// What is wrong.
        fault: String,
    },
}
