//! What is known: the store, and the person's AWS files. Reading changes neither.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use crate::aws_config::{AwsFiles, Profile, Profiles};
use crate::context::Context;
use crate::prompt::Prompter;
use crate::settings::Settings;
use crate::store::{Durability, ProfileSource, Store, StoreError};
use crate::sts::OfProfile;

use super::vault::{self, Vault};
use super::{ResolveError, aws_files};

/// Where profiles are looked up.
enum View {
    /// The files have just been parsed.
    Parsed {
        profiles: Profiles,
        /// What the files were before; `None` where that cannot be told.
        stamps: Option<String>,
    },
    /// The files are as they were: their parsed form is in the store.
    Kept {
        /// Where it is.
        source: ProfileSource,
        /// All of it, once somebody has asked for all: then each need not be looked up again.
        all: OnceCell<Profiles>,
    },
}

impl View {
    /// The profiles that are in memory.
    fn in_memory(&self) -> Option<&Profiles> {
        match self {
            Self::Parsed { profiles, .. } => Some(profiles),
            Self::Kept { all, .. } => all.get(),
        }
    }
}

/// Everything that names can mean.
pub struct Catalogue<'c> {
    pub(super) context: &'c Context,
    store_path: PathBuf,
    store: Option<Store>,
    files: Option<AwsFiles>,
    view: OnceCell<View>,
    settings: OnceCell<Settings>,
}

impl<'c> Catalogue<'c> {
    /// Opens the store, if there is one.
    ///
    /// # Errors
    /// The store cannot be used.
    pub fn open(context: &'c Context, store_path: PathBuf) -> Result<Self, ResolveError> {
        let mut store = Store::open(&store_path)?;
        say_notices(context, store.as_mut());
        Ok(Self {
            context,
            store_path,
            store,
            files: aws_files(context),
            view: OnceCell::new(),
            settings: OnceCell::new(),
        })
    }

    /// Makes the store where there is none.
    ///
    /// # Errors
    /// The store cannot be made.
    pub fn create_store(&mut self, vault: &mut Vault, prompter: &mut dyn Prompter) -> Result<(), ResolveError> {
        if self.store.is_none() {
            let context = self.context;
            let mut made = vault::make_store(context, &self.store_path, vault, prompter)?;
            say_notices(context, Some(&mut made));
            self.store = Some(made);
        }
        Ok(())
    }

    /// Where the store is, or would be.
    pub fn store_path(&self) -> &Path {
        &self.store_path
    }

    /// The store as a program that is given nothing but its arguments must name it; `None` for the default one.
    pub fn store_argument(&self) -> Option<PathBuf> {
        let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let store = whole(&self.store_path);
        (self.context.default_store().ok().map(|path| whole(&path)) != Some(store.clone())).then_some(store)
    }

    /// Whether this is the store that a section of a file names; `None` is the default one.
    pub fn is_named(&self, store: Option<&str>) -> bool {
        let argument = self.store_argument();
        match store.map(Path::new) {
            Some(store) => store == self.store_path || argument.as_deref() == Some(store),
            None => argument.is_none(),
        }
    }

    /// The store, if there is one.
    pub fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// The store, for writing.
    pub fn store_mut(&mut self) -> Option<&mut Store> {
        self.store.as_mut()
    }

    /// The person's AWS files, where it is known where they are.
    pub fn files(&self) -> Option<&AwsFiles> {
        self.files.as_ref()
    }

    /// The person's own settings.
    ///
    /// # Errors
    /// Their file cannot be read or followed.
    pub fn settings(&self) -> Result<&Settings, ResolveError> {
        if let Some(settings) = self.settings.get() {
            return Ok(settings);
        }
        let settings = Settings::read(self.context.settings_file())?;
        Ok(self.settings.get_or_init(|| settings))
    }

    /// The address that is asked in AWS's place, as it is written: whether it can be used is seen when it is.
    pub(super) fn endpoint(&self, profile: &OfProfile) -> Option<String> {
        profile.endpoint(|name| self.context.setting(name))
    }

    /// What the environment, else the profile, says of the machine's metadata service.
    pub(super) fn of_machine(&self, profile: &[(&'static str, String)], name: &str) -> Option<String> {
        let of_profile = || profile.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        self.context.setting(name).map(Cow::into_owned).or_else(of_profile)
    }

    /// The files were written: what was read of them before no longer counts.
    pub(super) fn forget_profiles(&mut self) {
        self.view.take();
    }

    /// The profile of this name.
    ///
    /// # Errors
    /// The files or the store cannot be read.
    pub fn profile(&self, name: &str) -> Result<Option<Profile>, ResolveError> {
        let view = self.view()?;
        match (view.in_memory(), view, &self.store) {
            (Some(profiles), ..) => Ok(profiles.get(name).cloned()),
            (None, View::Kept { source, .. }, Some(store)) => {
                store.read().profile(*source, name)?.map(|text| self.revive(&text)).transpose()
            }
            _ => Ok(None),
        }
    }

    /// The profiles that lead to a role, by its key.
    ///
    /// # Errors
    /// The files or the store cannot be read.
    pub fn profiles_to(&self, role: &str) -> Result<Vec<Profile>, ResolveError> {
        let view = self.view()?;
        match (view.in_memory(), view, &self.store) {
            (Some(profiles), ..) => Ok(profiles.to_role(role).cloned().collect()),
            (None, View::Kept { source, .. }, Some(store)) => {
                store.read().profiles_to(*source, role)?.iter().map(|text| self.revive(text)).collect()
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Every profile, by name.
    ///
    /// # Errors
    /// The files or the store cannot be read.
    pub fn profiles(&self) -> Result<Vec<Profile>, ResolveError> {
        let view = self.view()?;
        if let (None, View::Kept { source, all }, Some(store)) = (view.in_memory(), view, &self.store) {
            let revived: Result<Profiles, ResolveError> =
                store.read().profiles(*source)?.iter().map(|text| self.revive(text)).collect();
            let _ = all.set(revived?);
        }
        Ok(view.in_memory().map(|profiles| profiles.iter().cloned().collect()).unwrap_or_default())
    }

    /// Keeps the parsed form of the files in the store, where it was made anew. What cannot be kept is parsed again.
    pub fn keep_profiles(&mut self) {
        let (Some(View::Parsed { profiles, stamps: Some(stamps) }), Some(files), Some(store)) =
            (self.view.get(), &self.files, &mut self.store)
        else {
            return;
        };
        let rows = profiles.iter().filter_map(|profile| {
            let parsed = serde_json::to_string(profile).ok()?;
            Some((profile.name.as_str(), profile.role().map(|role| role.key()), parsed))
        });
        let names = files.names();
        let kept = store.write(Durability::Obtainable, |writing| writing.keep_profiles(&names, stamps, rows));
        if let Err(error) = kept {
            self.context.detail(&format!("the profiles could not be kept: {error}"));
        }
    }

    fn view(&self) -> Result<&View, ResolveError> {
        if let Some(view) = self.view.get() {
            return Ok(view);
        }
        let view = self.load_view()?;
        Ok(self.view.get_or_init(|| view))
    }

    fn load_view(&self) -> Result<View, ResolveError> {
        let Some(files) = &self.files else { return Ok(View::Parsed { profiles: Profiles::default(), stamps: None }) };
        // Before they are read: what changes meanwhile then has other stamps than what was read.
        let stamps = files.stamps(self.context.now());
        let kept = match (&self.store, &stamps) {
            (Some(store), Some(stamps)) => store.read().profile_source(&files.names(), stamps)?,
            _ => None,
        };
        kept.map_or_else(
            || Ok(View::Parsed { profiles: Profiles::read(files)?, stamps }),
            |source| Ok(View::Kept { source, all: OnceCell::new() }),
        )
    }

    fn revive(&self, text: &str) -> Result<Profile, ResolveError> {
        let damaged = |error: serde_json::Error| StoreError::Damaged {
            path: self.store_path.clone(),
            reason: format!("a kept profile cannot be read: {error}"),
        };
        Ok(serde_json::from_str(text).map_err(damaged)?)
    }
}

fn say_notices(context: &Context, store: Option<&mut Store>) {
    for notice in store.map(Store::take_notices).unwrap_or_default() {
        context.note(&notice.say());
    }
}
