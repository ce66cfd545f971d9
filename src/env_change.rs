//! The change that a switch makes to a shell, as data: ordered, comparable, with no shell's syntax in it.

use crate::secret::{Credential, Secret};

/// The variables that carry a credential and its region: a switch sets or unsets each.
pub const SETS: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
];

/// Those of them that name the region.
pub const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// The variables that name the AWS files: a live session has stand-ins for them, any other switch leaves the person's.
pub const FILES: [&str; 2] = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];

/// The variables that keep, in a live shell, what the person had each of [`FILES`] say.
pub const OWN_FILES: [&str; 2] = ["MULTICRED_CONFIG_FILE", "MULTICRED_SHARED_CREDENTIALS_FILE"];

/// The variable that names the folder of a live shell's session.
pub const LIVE: &str = "MULTICRED_LIVE";

/// Where a live session is asked, and what it is shown.
pub const ENDPOINT: [&str; 2] = ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];

/// The variables that could win over a credential in the environment: a switch unsets every one.
pub const UNSETS: [&str; 15] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_ACCOUNT_ID",
    "AWS_BEARER_TOKEN_BEDROCK",
];

/// Our own exported variables.
///
/// Some bind what the shell shows to what it holds, also in a nested shell: the access key id that the switch set,
/// whose it is, the region it set, the colour of the prompt, and whether a session policy restricts what it holds; in a
/// live shell, the folder of its session, and what the variables of the AWS files said. The last marks the environment
/// of `exec`.
pub const OURS: [&str; 12] = [
    "MULTICRED_IDENTITY",
    "MULTICRED_EXPIRES_AT",
    "MULTICRED_RENEWABLE",
    "MULTICRED_ACCESS_KEY_ID",
    "MULTICRED_ARN",
    "MULTICRED_REGION",
    "MULTICRED_COLOR",
    "MULTICRED_RESTRICTED",
    LIVE,
    OWN_FILES[0],
    OWN_FILES[1],
    EXEC_MARK,
];

/// Set in the environment of what `exec` runs.
pub const EXEC_MARK: &str = "MULTICRED_EXEC";

/// A colour of the prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum PromptColour {
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
}

impl PromptColour {
    /// Every one.
    pub const ALL: [Self; 6] = [Self::Red, Self::Green, Self::Yellow, Self::Blue, Self::Magenta, Self::Cyan];

    /// The word used in the store, in `MULTICRED_COLOR` and on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Blue => "blue",
            Self::Magenta => "magenta",
            Self::Cyan => "cyan",
        }
    }

    /// The colour with this [`word`](Self::word).
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|colour| colour.word() == word)
    }
}

/// The shell variable (an array, not exported) that remembers what was asked for: `renew` and `--back` ask again.
pub const REQUEST: &str = "__multicred_request";

/// Who the environment says it is.
#[derive(Clone, Copy, Debug)]
pub struct Announcement<'a> {
    /// The name to show.
    pub identity: &'a str,
    /// The ARN, where it is known.
    pub arn: Option<&'a str>,
    /// Whether a renewal will need no prompt.
    pub renewable: bool,
    /// Whether a session policy restricts the credential.
    pub restricted: bool,
    /// The colour of the prompt.
    pub colour: Option<&'a str>,
    /// Whether it is the environment of `exec`.
    pub of_exec: bool,
}

/// What happens to one exported variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is exported with this value. Any value may be a secret.
    Set(Secret),
    /// It is removed.
    Unset,
}

/// A change to a shell's variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvChange {
    actions: Vec<(&'static str, Action)>,
    request: Vec<String>,
}

impl EnvChange {
    /// An environment that holds this credential, and nothing that could win over it. `expiry` is in RFC 3339; a guess
    /// must not be among it, since SDKs would refuse a credential that still works. Where no region is known, the
    /// region's variables stay as they are.
    pub fn holding(credential: &Credential, expiry: Option<&str>, region: Option<&str>) -> Self {
        let mut change = Self::default();
        change.set("AWS_ACCESS_KEY_ID", &credential.access_key_id);
        change.set("AWS_SECRET_ACCESS_KEY", credential.material.secret_access_key.expose());
        change.set_or_unset("AWS_SESSION_TOKEN", credential.material.session_token.as_ref().map(Secret::expose));
        change.set_or_unset("AWS_CREDENTIAL_EXPIRATION", expiry);
        change.set_region(region);
        for name in UNSETS {
            change.unset(name);
        }
        change
    }

    /// An environment of nobody's. The region's variables stay as they are.
    pub fn nobody() -> Self {
        let mut change = Self::default();
        for name in credentials().chain(UNSETS).chain(OURS) {
            change.unset(name);
        }
        change
    }

    /// An environment that holds no credential: whoever wants one asks an endpoint, with a token. `files` stand in for
    /// the AWS files, which would be asked first. Where no region is known, the region's variables stay as they are.
    pub fn asking(endpoint: &str, token: &Secret, files: [&str; 2], region: Option<&str>) -> Self {
        Self::asking_at(&[(ENDPOINT[0], endpoint), (ENDPOINT[1], token.expose())], files, region)
    }

    /// As [`asking`](Self::asking), with the variables that say where, and perhaps with what.
    pub fn asking_at(door: &[(&'static str, &str)], files: [&str; 2], region: Option<&str>) -> Self {
        let mut change = Self::default();
        let others = UNSETS.into_iter().filter(|name| !door.iter().any(|(set, _)| set == name));
        for name in credentials().chain(others) {
            change.unset(name);
        }
        for (name, value) in door.iter().copied().chain(FILES.into_iter().zip(files)) {
            change.set(name, value);
        }
        change.set_region(region);
        change
    }

    fn set_region(&mut self, region: Option<&str>) {
        if let Some(region) = region {
            for name in REGIONS {
                self.set(name, region);
            }
        }
    }

    /// Says who that is, in our own variables. Of a credential that is asked for each time there is neither key nor end
    /// to tell.
    pub fn announce(&mut self, who: &Announcement<'_>, credential: Option<&Credential>, region: Option<&str>) {
        let end = credential.and_then(|credential| credential.expires_at);
        self.set("MULTICRED_IDENTITY", who.identity);
        self.set_or_unset("MULTICRED_EXPIRES_AT", end.map(|end| end.to_string()));
        self.set_or_unset("MULTICRED_RENEWABLE", credential.and(who.renewable.then_some("1")));
        self.set_or_unset("MULTICRED_ACCESS_KEY_ID", credential.map(|credential| &credential.access_key_id));
        self.set_or_unset("MULTICRED_ARN", who.arn);
        self.set_or_unset("MULTICRED_REGION", region);
        self.set_or_unset("MULTICRED_COLOR", who.colour);
        self.set_or_unset("MULTICRED_RESTRICTED", who.restricted.then_some("1"));
        if credential.is_some() {
            for name in [LIVE, OWN_FILES[0], OWN_FILES[1]] {
                self.unset(name);
            }
        }
        self.set_or_unset(EXEC_MARK, who.of_exec.then_some("1"));
    }

    /// Exports a variable.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        debug_assert!(is_name(name), "no quoting saves a bad name: {name}");
        self.actions.push((name, Action::Set(Secret::new(value))));
    }

    /// Removes a variable.
    pub fn unset(&mut self, name: &'static str) {
        debug_assert!(is_name(name), "no quoting saves a bad name: {name}");
        self.actions.push((name, Action::Unset));
    }

    /// Exports a variable that has a value, and removes one that has none: nothing stale stays behind.
    pub fn set_or_unset(&mut self, name: &'static str, value: Option<impl Into<String>>) {
        match value {
            Some(value) => self.set(name, value),
            None => self.unset(name),
        }
    }

    /// Remembers what was asked for, as words of `multicred as`.
    pub fn remember_request(&mut self, words: Vec<String>) {
        self.request = words;
    }

    /// The actions, in order.
    pub fn actions(&self) -> &[(&'static str, Action)] {
        &self.actions
    }

    /// The words of the request.
    pub fn request(&self) -> &[String] {
        &self.request
    }
}

/// Those of [`SETS`] that carry a credential.
pub fn credentials() -> impl Iterator<Item = &'static str> {
    SETS.into_iter().filter(|name| !REGIONS.contains(name))
}

/// `[A-Za-z_][A-Za-z0-9_]*`: a name in every shell (POSIX, Base Definitions 3.216).
fn is_name(text: &str) -> bool {
    text.bytes()
        .enumerate()
        .all(|(index, byte)| byte == b'_' || byte.is_ascii_alphabetic() || (index > 0 && byte.is_ascii_digit()))
        && !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_of_the_lists_is_a_name_and_stands_there_once() {
        let mut all: Vec<&str> = SETS.iter().chain(&UNSETS).chain(&FILES).chain(&OURS).copied().collect();
        assert!(all.iter().all(|name| is_name(name)));
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_change_shows_no_value_when_debugged() {
        let mut change = EnvChange::default();
        change.set("AWS_SECRET_ACCESS_KEY", "hush");
        assert!(!format!("{change:?}").contains("hush"));
    }
}
