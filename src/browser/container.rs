//! A session of its own for each identity: a container of Firefox, a profile of Chrome and its kin.
//!
//! Firefox: the add-on "Open external links in a container" answers to `ext+container:`. Chrome, Chromium, Brave, Edge and
//! Vivaldi take the folder of a profile, and make it where there is none.

use std::path::Path;

use zeroize::Zeroizing;

use super::BrowserError;
use crate::percent;
use crate::secret::Secret;

/// How a browser keeps sessions apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Firefox,
    Chrome,
    Other,
}

impl Family {
    /// That of the browser in a command line, which may stand behind another program.
    pub(super) fn of(words: &[String]) -> Self {
        const FIREFOX: [&str; 3] = ["firefox", "librewolf", "waterfox"];
        const CHROME: [&str; 5] = ["chrom", "brave", "edge", "vivaldi", "opera"];
        for word in words.iter().filter(|word| !word.starts_with('-')) {
            let name = Path::new(word).file_name().map(|name| name.to_string_lossy().to_lowercase());
            let is_of = |kin: &[&str]| name.as_ref().is_some_and(|name| kin.iter().any(|part| name.contains(part)));
            if is_of(&FIREFOX) {
                return Self::Firefox;
            }
            if is_of(&CHROME) {
                return Self::Chrome;
            }
        }
        Self::Other
    }
}

/// A session of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OwnSession {
    Container(String),
    Profile(String),
}

/// The session of this name.
///
/// # Errors
/// The browser has none, or none of that name.
pub(super) fn own_session(family: Family, name: &str, program: &str) -> Result<OwnSession, BrowserError> {
    /// Nobody's name is longer.
    const LONGEST: usize = 100;
    let bad_name = || BrowserError::ContainerName(name.escape_debug().to_string());
    if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
        return Err(bad_name());
    }
    match family {
        Family::Firefox => Ok(OwnSession::Container(name.to_owned())),
        Family::Chrome => {
            // It is the name of a folder.
            let folder = name.replace('/', "-");
            let is_plain = |character: char| character.is_alphanumeric() || " _+=,.@:()-".contains(character);
            if folder.starts_with(['.', ' ']) || !folder.chars().all(is_plain) {
                return Err(bad_name());
            }
            Ok(OwnSession::Profile(folder))
        }
        Family::Other => Err(BrowserError::NoContainers(program.escape_debug().to_string())),
    }
}

impl OwnSession {
    /// What the browser is told beside the link.
    pub(super) fn argument(&self) -> Option<String> {
        match self {
            Self::Container(_) => None,
            Self::Profile(folder) => Some(format!("--profile-directory={folder}")),
        }
    }

    /// The link, as the browser is told it.
    pub(super) fn link(&self, link: &Secret) -> Secret {
        let Self::Container(name) = self else { return link.clone() };
        // Growing would leave copies of the link behind in freed memory.
        let mut wrapped = Zeroizing::new(String::with_capacity(3 * (link.expose().len() + name.len()) + 30));
        wrapped.push_str("ext+container:name=");
        percent::encode(name.as_bytes(), percent::UNRESERVED, &mut wrapped);
        wrapped.push_str("&url=");
        percent::encode(link.expose().as_bytes(), percent::UNRESERVED, &mut wrapped);
        wrapped.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_a_folder_beside_the_others_and_nowhere_else() {
        let profile = |name| own_session(Family::Chrome, name, "x");
        assert_eq!(profile("prod/Admin"), Ok(OwnSession::Profile("prod-Admin".into())));
        for bad in ["", "..", "../x", ".hidden", "a\\b", "a\nb", "$(id)", "\"", &"x".repeat(101)] {
            assert!(matches!(profile(bad), Err(BrowserError::ContainerName(_))), "{bad}");
        }
    }
}
