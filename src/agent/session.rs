//! A live session, as the environment of a process has it.

use std::path::{Path, PathBuf};

use super::protocol::{MARK, live_folder};
use crate::env_change::{ENDPOINT, EnvChange, FILES, LIVE};
use crate::secret::Secret;

/// The names of the stand-ins in a session's folder, in the order of [`FILES`].
const STAND_INS: [&str; 2] = ["config", "credentials"];

/// What SDKs ask before the endpoint of a session, its own stand-ins aside.
const ASKED_BEFORE: [&str; 9] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// A live session of which this process was told, or which it has opened.
#[derive(Clone, Debug)]
pub struct Session {
    /// The loopback port where it is asked.
    pub port: u16,
    /// What whoever asks must show.
    pub token: Secret,
    /// Its folder, called `PORT-ID`, which is there as long as it is.
    pub folder: PathBuf,
}

impl Session {
    /// The session that an environment names, be it there or not; `None` where it names none.
    pub fn of_environment<'v>(variable: impl Fn(&str) -> Option<&'v str>) -> Option<Self> {
        let folder = PathBuf::from(variable(LIVE)?);
        let (port, _) = folder.file_name()?.to_str()?.split_once('-')?;
        let port = port.parse().ok()?;
        Some(Self { port, token: Secret::new(variable(ENDPOINT[1]).unwrap_or_default()), folder })
    }

    /// Where SDKs ask.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The socket of the agent that has it.
    pub fn socket(&self) -> Option<PathBuf> {
        let folder = self.folder.parent()?;
        let socket = folder.with_extension("");
        (socket.is_absolute() && live_folder(&socket) == folder).then_some(socket)
    }

    /// The files that stand in for the AWS files.
    pub fn stand_ins(&self) -> [PathBuf; 2] {
        STAND_INS.map(|name| self.folder.join(name))
    }

    /// Whether it is there still, and its agent.
    pub fn lives(&self) -> bool {
        self.folder.join(MARK).exists()
    }

    /// Whether an environment has the session's own values still, and nothing that would win over them.
    pub fn is_whole<'v>(&self, variable: impl Fn(&str) -> Option<&'v str>) -> bool {
        let (_, id) = self.folder.file_name().and_then(|name| name.to_str()?.split_once('-')).unwrap_or_default();
        let is_own = |token: &str| token.strip_prefix(id).is_some_and(|rest| rest.starts_with('.'));
        let names = |name: &str, file: &Path| variable(name).is_some_and(|value| Path::new(value) == file);
        is_own(self.token.expose())
            && variable(ENDPOINT[0]) == Some(&self.endpoint())
            && ASKED_BEFORE.iter().all(|name| variable(name).is_none())
            && FILES.iter().zip(self.stand_ins()).all(|(name, file)| names(name, &file))
    }

    /// What an environment shall hold so that every program in it asks this session. Where no region is known, the
    /// region's variables stay as they are.
    pub fn change(&self, region: Option<&str>) -> EnvChange {
        let files = self.stand_ins().map(|file| file.to_string_lossy().into_owned());
        EnvChange::asking(&self.endpoint(), &self.token, [&files[0], &files[1]], region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVIRONMENT: [(&str, &str); 5] = [
        ("MULTICRED_LIVE", "/run/agent.sock.live/4711-ab12"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:4711"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "ab12.hush"),
        ("AWS_CONFIG_FILE", "/run/agent.sock.live/4711-ab12/config"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/run/agent.sock.live/4711-ab12/credentials"),
    ];

    fn is_whole(change: Option<(&'static str, &'static str)>) -> bool {
        let variable = |name: &str| {
            let changed = change.filter(|(changed, _)| *changed == name).map(|(_, value)| value);
            let given = || ENVIRONMENT.iter().find(|(given, _)| *given == name).map(|(_, value)| *value);
            changed.or_else(given).filter(|value| !value.is_empty())
        };
        Session::of_environment(variable).expect("a session").is_whole(variable)
    }

    #[test]
    fn a_session_is_whole_until_one_of_its_values_changes_or_something_else_would_be_asked_first() {
        assert!(is_whole(None));
        for (name, _) in ENVIRONMENT.iter().skip(1) {
            assert!(!is_whole(Some((name, ""))) && !is_whole(Some((name, "/other"))), "{name}");
        }
        for name in ASKED_BEFORE {
            assert!(!is_whole(Some((name, "x"))), "{name}");
        }
    }
}
