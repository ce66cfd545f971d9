//! Editing the person's AWS files, with what they held before kept sealed in the store.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{ResolveError, Resolver};
use crate::aws_config::FileKind;
use crate::aws_config::write::{self, Change, WriteError};
use crate::identity::hash::hex;

impl Resolver<'_> {
    /// Changes one of the person's AWS files; `false` where nothing was to be changed. The first time, what the file
    /// held is kept in the store, which is made where there is none.
    ///
    /// # Errors
    /// The file cannot be written, its content cannot be kept, or what `change` returns: the file is then as it was.
    pub fn edit_aws_file<E>(&mut self, kind: FileKind, change: Change<'_, E>) -> Result<bool, E>
    where
        E: From<ResolveError> + From<WriteError>,
    {
        let path = self.aws_file(kind)?;
        let target = write::target(&path)?;
        let mut keep = |path: &Path, content: &[u8]| self.keep_either(&target, path, content).map_err(E::from);
        let written = write::edit(&path, &mut keep, change)?;
        if written {
            self.catalogue.forget_profiles();
        }
        Ok(written)
    }

    /// What a file held before it was first written to, by its path or by the name that [`originals`](Self::originals)
    /// has for it; `None` where nothing was kept of it.
    ///
    /// # Errors
    /// The store is locked, or the seal does not open.
    pub fn original_of(&mut self, file: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, ResolveError> {
        let name = name_of(file);
        let behind_links = std::path::absolute(file).ok().and_then(|path| write::target(&path).ok());
        let Some((store, mut keys)) = self.keys() else { return Ok(None) };
        for name in [Some(name), behind_links.as_deref().map(name_of)].into_iter().flatten() {
            if let Some(row) = store.read().original(&name)?.filter(|_| is_of_file(&name)) {
                return keys.open_original(store, &name, &row).map(Some);
            }
        }
        Ok(None)
    }

    /// The files of which something is kept, and since when, epoch seconds UTC. What a killed run left beside one, and
    /// was cleared away, has its path and a word for the content.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn originals(&self) -> Result<Vec<(String, i64)>, ResolveError> {
        let Some(store) = self.catalogue.store() else { return Ok(Vec::new()) };
        let all = store.read().originals()?;
        Ok(all.into_iter().filter(|(name, _)| is_of_file(name)).collect())
    }

    pub(super) fn aws_file(&self, kind: FileKind) -> Result<PathBuf, ResolveError> {
        match self.catalogue.files() {
            Some(files) => Ok(files.path(kind).to_owned()),
            None => Err(self.context.aws_files().err().map_or(ResolveError::CredentialGone, ResolveError::from)),
        }
    }

    /// Keeps what the target held before it was first written to, or each content of a draft that a killed run has left:
    /// that may be another program's work.
    pub(super) fn keep_either(&mut self, target: &Path, path: &Path, content: &[u8]) -> Result<(), ResolveError> {
        let name = name_of(path);
        let name = if path == target { name } else { format!("{name} {}", short_hash(content)) };
        self.keep_original(&name, content)
    }

    fn keep_original(&mut self, name: &str, content: &[u8]) -> Result<(), ResolveError> {
        let now = self.context.now();
        let (store, mut keys) = self.store_and_keys()?;
        if store.read().has_original(name)? {
            return Ok(());
        }
        keys.keep_original(store, name, content, now)
    }
}

/// Whether a name of the store is a file's: what else is kept begins with no `/`.
fn is_of_file(name: &str) -> bool {
    name.starts_with('/')
}

/// Tells contents apart.
fn short_hash(content: &[u8]) -> String {
    hex(&Sha256::digest(content)[..8])
}

/// A path as the store has it. One that is no text is escaped, so that no two become the same.
pub(super) fn name_of(path: &Path) -> String {
    path.to_str().map_or_else(|| path.as_os_str().as_bytes().escape_ascii().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::fs;

    use super::*;
    use crate::aws_config::write::Rewrite;
    use crate::context::{Context, Verbosity};
    use crate::prompt::Never;
    use crate::store::Durability;

    const OLD: &str = "[a]\naws_secret_access_key = hush-hush\n";

    /// A home without a store.
    struct Home {
        folder: tempfile::TempDir,
        context: Context,
    }

    impl Home {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let home = folder.path().canonicalize().unwrap();
            let mut context = Context::with_environment(HashMap::from([("HOME".to_owned(), home.into_os_string())]));
            context.verbosity = Verbosity::Quiet;
            Self { folder, context }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().canonicalize().unwrap().join(name)
        }

        fn resolver_with_store(&self, store: &str) -> Resolver<'_> {
            Resolver::new(&self.context, self.path(store), Box::new(Never), None).unwrap()
        }

        fn resolver(&self) -> Resolver<'_> {
            self.resolver_with_store("data/multicred.db")
        }

        fn write_credentials(&self, text: &str) -> PathBuf {
            let path = self.path(".aws/credentials");
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        }
    }

    fn edit(resolver: &mut Resolver<'_>, rewrite: impl Fn(&str) -> Rewrite) -> Result<bool, ResolveError> {
        resolver.edit_aws_file(FileKind::Credentials, &mut |old| Ok(rewrite(old)))
    }

    fn added(old: &str) -> Rewrite {
        Rewrite::Text(Zeroizing::new(format!("{old}[ours]\n")))
    }

    #[test]
    fn what_a_file_held_before_the_first_edit_is_kept_and_can_be_had_again() {
        let home = Home::new();
        let path = home.write_credentials(OLD);
        for _ in 0..2 {
            assert!(edit(&mut home.resolver(), added).unwrap());
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{OLD}[ours]\n[ours]\n"));
        let kept = home.resolver().original_of(&path).unwrap();
        assert_eq!(kept.as_deref().map(Vec::as_slice), Some(OLD.as_bytes()));
        assert!(home.resolver().original_of(&home.path(".aws/config")).unwrap().is_none());
    }

    #[test]
    fn what_is_kept_is_never_in_the_clear() {
        let home = Home::new();
        home.write_credentials(OLD);
        assert!(edit(&mut home.resolver(), |_| Rewrite::Remove).unwrap());
        for folder in ["data", ".aws"] {
            for entry in fs::read_dir(home.path(folder)).unwrap() {
                let bytes = fs::read(entry.unwrap().path()).unwrap();
                assert!(!bytes.windows(9).any(|window| window == b"hush-hush"));
            }
        }
    }

    #[test]
    fn no_store_is_made_where_nothing_changes_or_nothing_was_there() {
        let home = Home::new();
        assert!(edit(&mut home.resolver(), added).unwrap());
        assert!(!edit(&mut home.resolver(), |_| Rewrite::Nothing).unwrap());
        assert!(!home.path("data").exists());
    }

    #[test]
    fn a_store_in_the_very_folder_of_the_file_is_made_without_waiting_for_oneself() {
        let home = Home::new();
        let path = home.write_credentials(OLD);
        let mut resolver = home.resolver_with_store(".aws/multicred.db");
        assert!(edit(&mut resolver, added).unwrap());
        assert!(resolver.original_of(&path).unwrap().is_some());
    }

    #[test]
    fn a_content_that_was_moved_to_another_path_does_not_open() {
        let home = Home::new();
        let path = home.write_credentials(OLD);
        let mut resolver = home.resolver();
        edit(&mut resolver, added).unwrap();
        let store = resolver.catalogue.store_mut().unwrap();
        let row = store.read().original(&name_of(&path)).unwrap().unwrap();
        store
            .write(Durability::Synced, |writing| writing.keep_original("/elsewhere", &row))
            .map_err(ResolveError::Store)
            .unwrap();
        let refused = resolver.original_of(Path::new("/elsewhere")).unwrap_err();
        assert!(refused.to_string().contains("/elsewhere"), "{refused}");
    }

    #[test]
    fn where_the_content_cannot_be_kept_the_file_stays_as_it_was() {
        let home = Home::new();
        let path = home.write_credentials(OLD);
        fs::write(home.path("data"), "no folder").unwrap();
        assert!(edit(&mut home.resolver(), added).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), OLD);
    }

    #[test]
    fn a_credential_put_into_a_profile_is_known_at_once_and_a_long_term_key_stays() {
        use crate::aws_config::temporary::Temporary;
        use crate::secret::{Credential, KeyMaterial, Secret};
        let home = Home::new();
        let mine = "[mine]\naws_access_key_id = AKIAMINEMINEMINEMIN1\naws_secret_access_key = x\n";
        let path = home.write_credentials(mine);
        let material = KeyMaterial { secret_access_key: Secret::new("s"), session_token: Some(Secret::new("t")) };
        let credential =
            Credential { access_key_id: "ASIANEWNEWNEWNEWNEW1".to_owned(), material, expires_at: Some(1_893_456_000) };
        let new =
            Temporary { credential: &credential, account_id: None, region: None, overwrite_region: false, keep: None };
        let mut resolver = home.resolver();
        assert!(resolver.catalogue().profile("dest").unwrap().is_none());
        assert!(resolver.check_written_profile("mine").is_err());
        assert!(resolver.write_profile("mine", &new).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), mine);
        assert!(!home.path("data").exists(), "a store was made for nothing");
        resolver.check_written_profile("dest").unwrap();
        assert!(resolver.write_profile("dest", &new).unwrap());
        assert!(!resolver.write_profile("dest", &new).unwrap(), "it stands there already");
        let key = resolver.catalogue().profile("dest").unwrap().unwrap().key.unwrap();
        assert_eq!((key.access_key_id, key.expires_at), (credential.access_key_id, credential.expires_at));
        assert!(fs::read_to_string(&path).unwrap().starts_with(mine));
    }

    #[test]
    fn paths_that_are_no_text_have_names_that_differ() {
        use std::ffi::OsStr;
        let name = |bytes: &[u8]| name_of(Path::new(OsStr::from_bytes(bytes)));
        assert_eq!(name(b"/a/b"), "/a/b");
        assert_ne!(name(b"/a/\xff"), name(b"/a/\xfe"));
    }
}
