//! The person's own settings: `config.toml`. Read where one is needed, never created.

mod known;
mod template;

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::identity::name::nearest;
use crate::identity::request::limits;
use crate::regular_file;

use known::{
    AGENT_IDLE, AGENT_START, CONSOLE_BROWSER, CONSOLE_CONTAINER, DRIVER, KNOWN, Known, PASSPHRASE_DRIVER,
    PASSPHRASE_PINENTRY, PINENTRY, PROTECTED_LEASE, SESSION_NAME, YKMAN_ACCOUNT, YKMAN_DEVICE, idle, lease,
};
pub use template::{SessionName, Who};

/// Who or what is asked for an MFA code where the command line and the profile do not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// The person at the terminal.
    Terminal,
    /// The person, in the dialog of a pinentry.
    Pinentry,
    /// A `YubiKey`, by the program ykman.
    Ykman,
    /// The person, in a window of zenity.
    Zenity,
    /// The person, in a window of kdialog.
    Kdialog,
    /// The person, in a window of macOS.
    Osascript,
}

impl Driver {
    const ALL: [(&str, Self); 6] = [
        ("terminal", Self::Terminal),
        ("pinentry", Self::Pinentry),
        ("ykman", Self::Ykman),
        ("zenity", Self::Zenity),
        ("kdialog", Self::Kdialog),
        ("osascript", Self::Osascript),
    ];

    /// Its name in the settings.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, driver)| *driver == self).map_or("", |(word, _)| *word)
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == word).map(|(_, driver)| *driver)
    }
}

/// Who asks for a passphrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassphraseDriver {
    /// The terminal.
    Terminal,
    /// A pinentry.
    Pinentry,
}

/// Where a setting's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// Nobody said otherwise.
    Default,
    /// A line of the file, from 1.
    Line(usize),
}

/// A setting as it stands.
#[derive(Clone, Debug)]
struct Value {
    text: String,
    from: From,
}

/// No file of settings is longer, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// Why the file cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The system refuses.
    #[error("{path} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// It is no TOML.
    #[error("{place}: {reason}")]
    Syntax {
        /// `file:line`
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// A setting that there is not.
    #[error("{place}: there is no setting {name}")]
    Unknown {
        /// `file:line`
        place: String,
        /// What was written.
        name: String,
        /// The nearest name.
        nearest: Option<&'static str>,
    },
    /// A value that a setting cannot have.
    #[error("{place}: {name} = '{value}' is not {wanted}")]
    BadValue {
        /// `file:line`
        place: String,
        /// The setting.
        name: &'static str,
        /// The value, safe to print.
        value: String,
        /// What it must be.
        wanted: &'static str,
    },
}

impl SettingsError {
    /// What is wrong, without the value that is.
    pub fn outcome(&self) -> String {
        match self {
            Self::BadValue { place, name, wanted, .. } => format!("{place}: {name} is not {wanted}"),
            error => error.to_string(),
        }
    }
}

/// Every setting.
#[derive(Clone, Debug)]
pub struct Settings {
    path: Option<PathBuf>,
    values: Vec<Value>,
}

impl Settings {
    /// Reads the file; without one, every setting has its default.
    ///
    /// # Errors
    /// The file cannot be read or followed.
    pub fn read(path: Option<PathBuf>) -> Result<Self, SettingsError> {
        let defaults = KNOWN.iter().map(|known| Value { text: known.default.to_owned(), from: From::Default });
        let mut settings = Self { values: defaults.collect(), path };
        let Some(path) = settings.path.clone() else { return Ok(settings) };
        match regular_file::read(&path, LONGEST) {
            Ok(text) => settings.take(&path, &text)?,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => {
                let (path, reason) = (path.display().to_string(), error.to_string());
                return Err(SettingsError::Unreadable { path, reason });
            }
        }
        Ok(settings)
    }

    /// Who or what is asked for an MFA code.
    pub fn driver(&self) -> Driver {
        Driver::from_word(&self.values[DRIVER].text).unwrap_or(Driver::Terminal)
    }

    /// The program that is the pinentry.
    pub fn pinentry(&self) -> &str {
        &self.values[PINENTRY].text
    }

    /// The account of the `YubiKey` that has a device's codes: by default it is called as the device is.
    pub fn ykman_account<'s>(&'s self, serial: &'s str) -> &'s str {
        let account = self.values[YKMAN_ACCOUNT].text.as_str();
        if account.is_empty() { serial } else { account }
    }

    /// The serial number of the `YubiKey`, where one is chosen.
    pub fn ykman_device(&self) -> Option<&str> {
        Some(self.values[YKMAN_DEVICE].text.as_str()).filter(|device| !device.is_empty())
    }

    /// After how long without use the agent drops a key.
    pub fn agent_idle(&self) -> Duration {
        idle(&self.values[AGENT_IDLE].text).unwrap_or(Duration::from_hours(8))
    }

    /// Whether an agent is started where one would spare the person from unlocking the store again.
    pub fn agent_starts_on_demand(&self) -> bool {
        self.values[AGENT_START].text == "on-demand"
    }

    /// Who asks for passphrases.
    pub fn passphrase_driver(&self) -> PassphraseDriver {
        match self.values[PASSPHRASE_DRIVER].text.as_str() {
            "pinentry" => PassphraseDriver::Pinentry,
            _ => PassphraseDriver::Terminal,
        }
    }

    /// The program that is the pinentry for passphrases.
    pub fn passphrase_pinentry(&self) -> &str {
        &self.values[PASSPHRASE_PINENTRY].text
    }

    /// The setting that names it, with where it stands, for messages.
    pub fn passphrase_place(&self) -> String {
        let value = &self.values[PASSPHRASE_PINENTRY];
        format!("passphrase.pinentry = {} ({})", value.text, self.place(&value.from))
    }

    /// The browser that opens the console, where one is chosen.
    pub fn console_browser(&self) -> Option<&str> {
        Some(self.values[CONSOLE_BROWSER].text.as_str()).filter(|line| !line.is_empty())
    }

    /// The container or profile in which the console opens, where one is chosen.
    pub fn console_container(&self) -> Option<&str> {
        Some(self.values[CONSOLE_CONTAINER].text.as_str()).filter(|name| !name.is_empty())
    }

    /// How long a credential of a protected account lasts at most, in seconds.
    pub fn protected_lease(&self) -> u32 {
        lease(&self.values[PROTECTED_LEASE].text).unwrap_or(limits::SHORTEST)
    }

    /// How role sessions are named.
    pub fn session_name(&self) -> SessionName {
        SessionName::read(&self.values[SESSION_NAME].text).unwrap_or_default()
    }

    /// The setting that chooses the driver, with where it stands, for messages.
    pub fn driver_place(&self) -> String {
        format!("mfa.driver = {} ({})", self.values[DRIVER].text, self.place(&self.values[DRIVER].from))
    }

    /// Each setting's name, its value, and where that comes from.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, &str, String)> {
        let row = |(known, value): (&Known, &'_ Value)| (known.name, self.place(&value.from));
        let places: Vec<(&'static str, String)> = KNOWN.iter().zip(&self.values).map(row).collect();
        places.into_iter().zip(&self.values).map(|((name, place), value)| (name, value.text.as_str(), place))
    }

    fn place(&self, from: &From) -> String {
        match (from, &self.path) {
            (From::Line(line), Some(path)) => format!("{}:{line}", path.display()),
            _ => "default".to_owned(),
        }
    }

    fn take(&mut self, path: &Path, text: &str) -> Result<(), SettingsError> {
        let line_at = |offset: usize| text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1);
        let place = |offset: usize| format!("{}:{}", path.display(), line_at(offset));
        let table = DeTable::parse(text).map_err(|error| {
            let place = place(error.span().map_or(0, |span| span.start));
            SettingsError::Syntax { place, reason: error.message().replace('\n', " ") }
        })?;
        for (name, value) in flatten("", table.get_ref()) {
            let offset = value.span().start;
            let unknown = || SettingsError::Unknown {
                place: place(offset),
                name: name.escape_debug().to_string(),
                nearest: nearest(&name, KNOWN.iter().map(|known| known.name), 1).first().copied(),
            };
            let index = KNOWN.iter().position(|known| known.name == name).ok_or_else(unknown)?;
            let known = &KNOWN[index];
            let read = value.get_ref().as_str().filter(|text| (known.is_good)(text));
            let bad = || SettingsError::BadValue {
                place: place(offset),
                name: known.name,
                value: text.get(value.span()).unwrap_or_default().trim_matches(['"', '\'']).escape_debug().to_string(),
                wanted: known.wanted,
            };
            let text = read.ok_or_else(bad)?.to_owned();
            self.values[index] = Value { text, from: From::Line(line_at(offset)) };
        }
        Ok(())
    }
}

/// The values of a table and of those in it, by their dotted names.
fn flatten<'t, 'i>(prefix: &str, table: &'t DeTable<'i>) -> Vec<(String, &'t Spanned<DeValue<'i>>)> {
    let mut values = Vec::new();
    for (name, value) in table {
        let name = format!("{prefix}{}", name.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() || is_table(&name) => {
                values.extend(flatten(&format!("{name}."), inner));
            }
            _ => values.push((name, value)),
        }
    }
    values
}

/// Whether some setting stands in a table of this name.
fn is_table(name: &str) -> bool {
    KNOWN.iter().any(|known| known.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

/// One text that changes whenever the file does; `None` where that cannot be told, or while it is younger than `settled`
/// (seconds) at `now` (epoch seconds): it could change again without its time stamp showing it.
pub fn stamp(path: &Path, now: i64, settled: i64) -> Option<String> {
    match fs::metadata(path) {
        Ok(file) if now - file.mtime().max(file.ctime()) <= settled => None,
        Ok(file) => {
            let changed = format!("{}.{}:{}.{}", file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec());
            Some(format!("{}:{}:{}:{changed}", file.dev(), file.ino(), file.size()))
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Some("none".to_owned()),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, text).unwrap();
        let shown = format!("{}/", folder.path().display());
        Settings::read(Some(path)).map_err(|error| error.to_string().replace(&shown, ""))
    }

    #[test]
    fn what_is_not_said_has_its_default_and_what_is_said_has_its_line() {
        let settings = read("# mine\nrole_session_name = \"{login}@{host}\"\n[mfa]\ndriver = \"ykman\"\n").unwrap();
        let rows: Vec<(&str, &str, bool)> =
            settings.rows().map(|(name, value, place)| (name, value, place == "default")).collect();
        assert_eq!(
            rows[..3],
            [
                ("role_session_name", "{login}@{host}", false),
                ("mfa.driver", "ykman", false),
                ("mfa.pinentry", "pinentry", true)
            ]
        );
        assert!(settings.driver_place().ends_with("config.toml:4)"), "{}", settings.driver_place());
        assert_eq!(settings.driver(), Driver::Ykman);
        assert_eq!(settings.ykman_account("arn:x"), "arn:x");
        assert_eq!(Settings::read(None).unwrap().driver(), Driver::Terminal);
    }

    #[test]
    fn a_table_without_settings_is_as_good_as_none() {
        for text in ["[mfa]\n", "[mfa]\n# driver = \"ykman\"\n", "mfa = {}\n"] {
            assert_eq!(read(text).map(|settings| settings.driver()), Ok(Driver::Terminal), "{text}");
        }
        assert!(read("[mf]\n").is_err() && read("[mfa.driver]\n").is_err());
    }

    #[test]
    fn the_agent_starts_on_demand_and_forgets_after_a_working_day_unless_it_is_told_otherwise() {
        let agent = |settings: Settings| (settings.agent_starts_on_demand(), settings.agent_idle().as_secs());
        assert_eq!(agent(Settings::read(None).unwrap()), (true, 8 * 3600));
        assert_eq!(agent(read("[agent]\nidle = \"1h30m\"\nstart = \"off\"\n").unwrap()), (false, 5400));
    }

    #[test]
    fn what_cannot_be_followed_is_named_with_its_line() {
        for (text, error) in [
            ("[mfa]\ndrver = \"ykman\"\n", "config.toml:2: there is no setting mfa.drver"),
            ("\n\ncolour = 1\n", "config.toml:3: there is no setting colour"),
            ("[mfa]\ndriver = \"yubikey\"\n", "config.toml:2: mfa.driver = 'yubikey' is not terminal, pinentry"),
            ("agent.idle = \"0\"\n", "config.toml:1: agent.idle = '0' is not a time from 1s"),
            ("agent.idle = \"721h\"\n", "config.toml:1: agent.idle = '721h' is not a time from 1s"),
            ("agent.idle = 60\n", "config.toml:1: agent.idle = '60' is not a time from 1s"),
            ("agent.start = \"never\"\n", "config.toml:1: agent.start = 'never' is not on-demand or off"),
            ("mfa.driver = 7\n", "config.toml:1: mfa.driver = '7' is not terminal"),
            ("role_session_name = \"{user\"\n", "config.toml:1: role_session_name = '{user' is not a text"),
            ("x\n", "config.toml:1: "),
            ("[other]\n", "config.toml:1: there is no setting other"),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.starts_with(error), "{text}: {told}");
        }
    }
}
