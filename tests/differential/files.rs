//! The two files of a person: what they say, apart from how it is written.

use std::collections::BTreeMap;

use super::layout::Layout;
use crate::support::sts::KeyPair;

/// Stands in values for the folder that is only known when the files are written.
pub const HOME: &str = "@HOME@";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    pub profiles: BTreeMap<String, Profile>,
    pub layout: Layout,
}

/// The settings stand in the config file, the key in the credentials file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    pub settings: BTreeMap<&'static str, String>,
    pub key: Option<KeyPair>,
}

impl Profile {
    pub fn get(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str)
    }

    pub fn has(&self, key: &str) -> bool {
        self.settings.contains_key(key)
    }

    pub fn set(&mut self, key: &'static str, value: &str) -> &mut Self {
        self.settings.insert(key, value.to_owned());
        self
    }

    pub fn take(&mut self, key: &str) -> Option<String> {
        self.settings.remove(key)
    }

    /// `duration_seconds`, where it is a number.
    pub fn duration(&self) -> Option<u32> {
        self.get("duration_seconds")?.parse().ok()
    }
}

impl Files {
    /// The profile, made where it is not there yet.
    pub fn at(&mut self, name: &str) -> &mut Profile {
        self.profiles.entry(name.to_owned()).or_default()
    }

    /// What is not there says nothing.
    pub fn of(&self, name: &str) -> Profile {
        self.profiles.get(name).cloned().unwrap_or_default()
    }

    /// The names of the profiles whose roles are assumed on the way to `target`, first to last, by `source_profile`
    /// alone; and of the profile where the way begins, if that has no role.
    pub fn way_to(&self, target: &str) -> (Vec<String>, Option<String>) {
        let mut roles = Vec::new();
        let mut next = Some(target.to_owned());
        while let Some(name) = next.take_if(|name| self.of(name).has("role_arn") && !roles.contains(name)) {
            next = self.source_of(&name);
            roles.push(name);
        }
        roles.reverse();
        let base = next.filter(|name| !roles.contains(name));
        (roles, base)
    }

    fn source_of(&self, name: &str) -> Option<String> {
        let profile = self.of(name);
        profile.get("source_profile").filter(|_| !profile.has("web_identity_token_file")).map(str::to_owned)
    }

    /// The profiles of the roles on the way to `target`, first to last.
    pub fn roles_to(&self, target: &str) -> Vec<Profile> {
        self.way_to(target).0.iter().map(|name| self.of(name)).collect()
    }

    /// The profile whose key or process is the beginning of the way to `target`.
    pub fn base_of(&self, target: &str) -> Option<Profile> {
        self.way_to(target).1.map(|name| self.of(&name))
    }

    pub fn config(&self, home: &str) -> String {
        let sections = self.profiles.iter().filter(|(_, profile)| !profile.settings.is_empty());
        let sections = sections.map(|(name, profile)| {
            let header = if name == "default" { name.clone() } else { self.layout.profile_header(name) };
            let lines = profile.settings.iter().map(|(key, value)| (*key, value.replace(HOME, home))).collect();
            (header, lines)
        });
        self.layout.write(sections.collect(), true)
    }

    pub fn credentials(&self) -> String {
        let sections = self.profiles.iter().filter_map(|(name, profile)| {
            let KeyPair { access_key_id, secret } = profile.key.clone()?;
            Some((name.clone(), vec![("aws_access_key_id", access_key_id), ("aws_secret_access_key", secret)]))
        });
        self.layout.write(sections.collect(), false)
    }
}
