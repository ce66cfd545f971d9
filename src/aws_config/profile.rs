//! Profiles: what the sections of the two files say, each setting with the place it stands.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::asks_multicred::{self, AsksMulticred, NotFollowed};
use super::document::{Document, Section, SectionId, SectionKind};
use crate::credential_text::{self, SectionFault};
use crate::identity::Identity;
use crate::identity::arn;

/// An expiry that nobody told us is guessed as this many seconds after the file was written.
const GUESSED_LIFE: i64 = 3600;

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FileKind {
    /// `~/.aws/config`
    Config,
    /// `~/.aws/credentials`
    Credentials,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "config",
            Self::Credentials => "credentials",
        })
    }
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The key, in lower case.
    pub key: String,
    /// The value.
    pub value: String,
    /// The file.
    pub file: FileKind,
    /// The line, from 1; [`Setting::OF_ENVIRONMENT`] for one that stands in no file.
    pub line: u32,
}

impl Setting {
    /// The line of a setting that the environment gave.
    pub const OF_ENVIRONMENT: u32 = 0;
}

/// A profile's own key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileKey {
    /// The access key id.
    pub access_key_id: String,
    /// The file.
    pub file: FileKind,
    /// The line of the access key id, from 1.
    pub line: u32,
    /// Whether a session token goes with it.
    pub temporary: bool,
    /// Its end, epoch seconds UTC; always there for a temporary one.
    pub expires_at: Option<i64>,
    /// Whether that end is a guess.
    pub expiry_is_guess: bool,
    /// When the file was written, epoch seconds UTC.
    pub written_at: i64,
}

/// A profile of the person's files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Its name, without `profile ` and quotes.
    pub name: String,
    /// Every setting that multicred reads, in the order of [`KEYS`].
    settings: Vec<Setting>,
    /// Its own key.
    pub key: Option<FileKey>,
    /// What is wrong with its lines or its key, each as a whole sentence with its place.
    pub faults: Vec<String>,
}

/// The settings that are read now.
const KEYS: [&str; 8] = [
    "role_arn",
    "source_profile",
    "mfa_serial",
    "external_id",
    "region",
    "duration_seconds",
    "role_session_name",
    "destination_profile",
];

/// Settings that change who a profile is, and that this version does not follow: never ignored in silence.
const UNSUPPORTED: [&str; 14] = [
    "credential_process",
    "credential_source",
    "include_profile",
    "parent_profile",
    "mfa_process",
    "sso_account_id",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
    "web_identity_token_process",
    "source_identity",
    "session_tags",
    "transitive_session_tags",
];

impl Profile {
    /// What its `credential_process`, which is that setting, asks multicred for; `None` for another program.
    pub fn asks_multicred(&self) -> Option<(&Setting, Result<AsksMulticred, NotFollowed>)> {
        let is_source = self.key.is_none() && self.setting("role_arn").is_none();
        let setting = self.setting("credential_process").filter(|_| is_source)?;
        let words = credential_text::command_words(&setting.value)?;
        Some((setting, asks_multicred::read(&words)?))
    }

    /// A setting.
    pub fn setting(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.key == key)
    }

    /// A setting's value.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.setting(key).map(|setting| setting.value.as_str())
    }

    /// The profile with another role, which the environment names.
    #[must_use]
    pub fn with_role(&self, role_arn: &str) -> Self {
        let (key, value) = ("role_arn".to_owned(), role_arn.to_owned());
        let role = Setting { key, value, file: FileKind::Config, line: Setting::OF_ENVIRONMENT };
        let others = self.settings.iter().filter(|setting| setting.key != role.key).cloned();
        Self { settings: others.chain([role.clone()]).collect(), ..self.clone() }
    }

    /// The first setting that this version cannot follow.
    pub fn unsupported(&self) -> Option<&Setting> {
        self.settings.iter().find(|setting| UNSUPPORTED.contains(&setting.key.as_str()))
    }

    /// Whether an SDK that is told nothing would get credentials from this profile.
    pub fn answers(&self) -> bool {
        self.key.is_some() || self.setting("role_arn").is_some() || self.unsupported().is_some()
    }

    /// The role that the profile leads to; `None` for a profile without `role_arn`, or with one that is no role's.
    pub fn role(&self) -> Option<Identity> {
        let parsed = arn::parse(self.value("role_arn")?).ok()?;
        (parsed.identity.kind == crate::identity::Kind::Role).then_some(parsed.identity)
    }
}

/// The section of a profile in one of the files.
pub(super) fn section<'d>(document: &'d Document, file: FileKind, profile: &str) -> Option<Section<'d>> {
    let ids = match file {
        // As in the SDKs: `[profile default]` wins over `[default]`, and only that one needs no prefix.
        FileKind::Config if profile == "default" => vec![SectionId::profile(profile), SectionId::plain(profile)],
        FileKind::Config => vec![SectionId::profile(profile)],
        FileKind::Credentials => vec![SectionId::plain(profile)],
    };
    ids.iter().find_map(|id| document.section(id))
}

fn profile_name<'d>(file: FileKind, section: &Section<'d>) -> Option<&'d str> {
    match (file, section.kind()) {
        (FileKind::Config, SectionKind::Profile) | (FileKind::Credentials, SectionKind::Plain) => Some(section.name()),
        (FileKind::Config, SectionKind::Plain) if section.name() == "default" => Some("default"),
        _ => None,
    }
}

/// Reads every profile. `modified` is when the credentials file was written, epoch seconds.
pub(super) fn read_all(config: &str, credentials: &str, modified: Option<i64>) -> BTreeMap<String, Profile> {
    let mut profiles = BTreeMap::new();
    // The credentials file is read last: its keys win, as in the SDKs.
    for (file, text) in [(FileKind::Config, config), (FileKind::Credentials, credentials)] {
        let document = Document::parse(text);
        for section in document.sections() {
            let Some(name) = profile_name(file, &section) else { continue };
            if file == FileKind::Config
                && name == "default"
                && section.kind() == SectionKind::Plain
                && document.section(&SectionId::profile(name)).is_some()
            {
                continue;
            }
            let profile = profiles
                .entry(name.to_owned())
                .or_insert_with(|| Profile { name: name.to_owned(), ..Profile::default() });
            add_section(profile, file, &section, modified.unwrap_or_default());
        }
    }
    profiles
}

fn add_section(profile: &mut Profile, file: FileKind, section: &Section<'_>, written_at: i64) {
    for key in KEYS.iter().chain(&UNSUPPORTED) {
        if let Some(property) = section.get(key) {
            let value = property.value().into_owned();
            let setting = Setting { key: (*key).to_owned(), value, file, line: property.line() };
            if !setting.value.is_empty() {
                profile.settings.retain(|known| known.key != *key);
                profile.settings.push(setting);
            }
        }
    }
    for fault in section.faults() {
        profile.faults.push(format!("the {file} file, line {}: {}", fault.line, fault.reason));
    }
    match credential_text::of_section(section) {
        None => {}
        Some(Ok(found)) => profile.key = Some(file_key(&found, file, written_at)),
        Some(Err(fault)) => profile.faults.push(key_fault(file, &fault)),
    }
}

fn file_key(found: &credential_text::Found, file: FileKind, written_at: i64) -> FileKey {
    let temporary = found.session_token.is_some();
    let guessed = temporary && found.expires_at.is_none();
    FileKey {
        access_key_id: found.access_key_id.clone(),
        file,
        line: found.line.unwrap_or_default(),
        temporary,
        expires_at: if guessed { Some(written_at + GUESSED_LIFE) } else { found.expires_at },
        expiry_is_guess: guessed,
        written_at,
    }
}

fn key_fault(file: FileKind, fault: &SectionFault) -> String {
    let line = fault.line.map(|line| format!(", line {line}")).unwrap_or_default();
    format!("the {file} file{line}: {}", fault.reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'p>(profiles: &'p BTreeMap<String, Profile>, name: &str, key: &str) -> Option<&'p str> {
        profiles.get(name)?.value(key)
    }

    #[test]
    fn keys_ignore_case_and_sections_do_not() {
        let config = "[profile withMFA]\nRole_Arn = arn:aws:iam::111122223333:role/r\nmfa_Serial=GAHT12345678\n\
                      Region=us-east-1\n";
        let profiles = read_all(config, "", None);
        assert_eq!(value(&profiles, "withMFA", "role_arn"), Some("arn:aws:iam::111122223333:role/r"));
        assert_eq!(value(&profiles, "withMFA", "mfa_serial"), Some("GAHT12345678"));
        assert_eq!(value(&profiles, "withMFA", "region"), Some("us-east-1"));
        assert!(!profiles.contains_key("withmfa"));
    }

    #[test]
    fn default_is_one_profile_and_its_capitals_are_another_section() {
        let profiles = read_all("[DEFAULT]\nregion=us-east-1\n[default]\nregion=us-west-2\n", "", None);
        assert_eq!(value(&profiles, "default", "region"), Some("us-west-2"));
        assert_eq!(profiles.len(), 1);
    }

    #[test]
    fn inline_comments_are_cut_where_white_space_precedes_them() {
        let profiles = read_all("[profile a]\nregion = moon-1 # x\n", "", None);
        assert_eq!(value(&profiles, "a", "region"), Some("moon-1"));
    }

    #[test]
    fn a_process_that_is_multicred_is_known_for_what_it_asks() {
        let asked = |command: &str| {
            let config = format!("[profile a]\ncredential_process = {command}\n");
            read_all(&config, "", None)["a"].asks_multicred().map(|(_, asked)| asked)
        };
        let asks = |store: Option<&str>, name: &str| {
            Some(Ok(AsksMulticred { store: store.map(str::to_owned), name: name.to_owned() }))
        };
        assert_eq!(asked("/opt/bin/multicred credential-process prod/Admin"), asks(None, "prod/Admin"));
        let with_store = asked("'/opt/my tools/multicred' --store '/a b/c.db' credential-process work");
        assert_eq!(with_store, asks(Some("/a b/c.db"), "work"));
        let fresh = asked("/opt/bin/multicred credential-process --fresh prod/Admin");
        assert_eq!(fresh, Some(Err(NotFollowed::Flag("--fresh".into()))));
        for other in [
            "/opt/bin/other credential-process prod/Admin",
            "multicred env prod/Admin --format json",
            "multicred credential-process prod/Admin; touch pwned",
            "multicred credential-process $(id)",
        ] {
            assert_eq!(asked(other), None, "{other}");
        }
    }

    #[test]
    fn the_parsed_form_holds_no_secret() {
        let credentials = "[a]\naws_access_key_id = AKIAEXAMPLE123456789\naws_secret_access_key = hush\n";
        let parsed = serde_json::to_string(&read_all("", credentials, None)["a"]).unwrap();
        assert!(parsed.contains("AKIAEXAMPLE123456789") && !parsed.contains("hush"), "{parsed}");
    }

    #[test]
    fn a_bad_line_is_a_fault_of_its_own_profile_only() {
        let profiles = read_all("[profile a]\nthis is no setting\n[profile b]\nregion = us-east-1\n", "", None);
        assert_eq!(profiles["a"].faults.len(), 1);
        assert!(profiles["a"].faults[0].contains("line 2"), "{:?}", profiles["a"].faults);
        assert!(profiles["b"].faults.is_empty());
    }
}
