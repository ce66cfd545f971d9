//! The person's `~/.aws/config` and `~/.aws/credentials`: read, never created by reading, and written in one way only.

mod asks_multicred;
pub mod chain;
mod check;
pub mod document;
mod files;
mod inherit;
pub mod kept;
mod keys;
mod problem;
mod profile;
mod read;
mod skipped;
pub mod source;
pub mod stand_in;
pub mod synced;
pub mod temporary;
pub mod write;

pub use asks_multicred::{AsksMulticred, NotFollowed};
pub use files::{AwsFiles, FileError, SETTLED};
pub use keys::STS_ENDPOINT;
pub use problem::{ChainError, Problem};
pub use profile::{DEFAULT, Fault, FileKey, FileKind, Origin, Profile, Setting};
pub use skipped::{Skipped, skipped};
pub use temporary::FileText;

/// Names the place of a setting.
pub type Places<'a> = &'a dyn Fn(&Origin) -> String;

use std::collections::{BTreeMap, HashMap};

use crate::secret::{Credential, KeyMaterial};

/// Every profile of the two files, by name.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    by_name: BTreeMap<String, Profile>,
    /// The names of those that lead to a role, by its key.
    by_role: HashMap<String, Vec<String>>,
}

impl FromIterator<Profile> for Profiles {
    fn from_iter<I: IntoIterator<Item = Profile>>(profiles: I) -> Self {
        let mut all = Self::default();
        for profile in profiles {
            if let Some(role) = profile.role() {
                all.by_role.entry(role.key()).or_default().push(profile.name.clone());
            }
            all.by_name.insert(profile.name.clone(), profile);
        }
        all
    }
}

impl Profiles {
    /// Reads both files. Lines that cannot be read are kept as faults of the profile they belong to.
    ///
    /// # Errors
    /// A file exists and cannot be read.
    pub fn read(files: &AwsFiles) -> Result<Self, FileError> {
        let config = files.text(FileKind::Config)?;
        let credentials = files.text(FileKind::Credentials)?;
        let modified = files.modified(FileKind::Credentials);
        Ok(read::read_all(&config, &credentials, modified).into_values().collect())
    }

    /// The profile of this name; names are case-sensitive.
    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.by_name.get(name)
    }

    /// Every profile, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.by_name.values()
    }

    /// The profiles that lead to a role, by its [`key`](crate::identity::Identity::key).
    pub fn to_role(&self, role: &str) -> impl Iterator<Item = &Profile> {
        self.by_role.get(role).into_iter().flatten().filter_map(|name| self.get(name))
    }
}

/// Reads the secret of a profile's own key: the parsed form holds none.
///
/// # Errors
/// The file cannot be read, or the key is no longer the one it was.
pub fn read_key(files: &AwsFiles, profile: &str, key: &FileKey) -> Result<Credential, FileError> {
    let text = files.text(key.file)?;
    let document = document::Document::parse(&text);
    let gone = || FileError::KeyChanged { path: files.path(key.file).to_owned(), profile: profile.to_owned() };
    let section = read::section(&document, key.file, profile).ok_or_else(gone)?;
    let found = crate::credential_text::of_section(&section).and_then(Result::ok).ok_or_else(gone)?;
    if found.access_key_id != key.access_key_id {
        return Err(gone());
    }
    let material = KeyMaterial {
        secret_access_key: found.secret_access_key.into(),
        session_token: found.session_token.map(Into::into),
    };
    Ok(Credential { access_key_id: found.access_key_id, material, expires_at: key.expires_at })
}
