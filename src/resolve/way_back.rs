//! The credentials file, as it is kept clean: what each section was before is in the store before the file is changed.

use std::cell::RefCell;
use std::path::Path;

use super::originals::name_of;
use super::{ResolveError, Resolver};
use crate::aws_config::FileKind;
use crate::aws_config::kept::WayBack;
use crate::aws_config::write::{self, Rewrite};
use crate::store::Durability;

/// No path begins so: it is absolute.
const WAY_BACK: &str = "way back of ";
/// The same of a file of which nothing is kept now.
const FORMER: &str = "former way back of ";

impl Resolver<'_> {
    /// What the sections of the credentials file were before they were kept; `None` where none ever was.
    ///
    /// # Errors
    /// The store is locked, or the seal does not open.
    pub fn way_back(&mut self) -> Result<Option<WayBack>, ResolveError> {
        let name = self.name_of_way_back()?;
        self.read_way_back(&name)
    }

    /// Whether sections of the credentials file have been kept; nothing is opened.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn has_way_back(&self) -> Result<bool, ResolveError> {
        let name = self.name_of_way_back()?;
        Ok(self.catalogue.store().map(|store| store.read().has_original(&name)).transpose()?.unwrap_or_default())
    }

    /// Changes the credentials file. `change` notes what it takes out, which is stored before anything is written.
    ///
    /// # Errors
    /// As [`edit_aws_file`](Self::edit_aws_file).
    pub fn edit_kept(
        &mut self,
        change: &mut dyn FnMut(&str, &mut WayBack) -> Result<Rewrite, ResolveError>,
    ) -> Result<bool, ResolveError> {
        let path = self.aws_file(FileKind::Credentials)?;
        let (name, target) = (self.name_of_way_back()?, write::target(&path)?);
        let known = self.read_way_back(&name)?.unwrap_or_default();
        let noted = RefCell::new(known.clone());
        // What the store has: a try that came to nothing, over a file that another program was about to write, has noted
        // what is not so.
        let mut stored = known.clone();
        let mut keep = |path: &Path, content: &[u8]| {
            self.keep_either(&target, path, content)?;
            if path == target {
                self.keep_way_back(&name, &noted.borrow(), &stored)?;
                stored.clone_from(&noted.borrow());
            }
            Ok(())
        };
        let mut change = |text: &str| {
            let mut back = known.clone();
            let rewrite = change(text, &mut back)?;
            noted.replace(back);
            Ok::<_, ResolveError>(rewrite)
        };
        let written = write::edit(&path, &mut keep, &mut change)?;
        if written {
            self.catalogue.forget_profiles();
        }
        Ok(written)
    }

    /// What sections of the file were that was given back once, and those of other files: it may have been moved, or have
    /// come back since.
    ///
    /// # Errors
    /// The store is locked, or a seal does not open.
    pub fn other_ways_back(&mut self) -> Result<Vec<WayBack>, ResolveError> {
        let own = self.name_of_way_back()?;
        let Some(store) = self.catalogue.store() else { return Ok(Vec::new()) };
        let names = store.read().originals()?.into_iter().map(|(name, _)| name);
        let others: Vec<String> =
            names.filter(|name| *name != own && [WAY_BACK, FORMER].iter().any(|kind| name.starts_with(kind))).collect();
        Ok(others
            .iter()
            .map(|name| self.read_way_back(name))
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    /// Nothing of the file is kept any more. What its sections were is put aside: the file may have been another one for a
    /// while only.
    ///
    /// # Errors
    /// The store cannot be written, or is locked.
    pub fn put_way_back_aside(&mut self) -> Result<(), ResolveError> {
        let name = self.name_of_way_back()?;
        let Some(back) = self.read_way_back(&name)? else { return Ok(()) };
        let former = name.replacen(WAY_BACK, FORMER, 1);
        let earlier = self.read_way_back(&former)?.unwrap_or_default();
        let (text, now) = (back.over(earlier).to_text(), self.context.now());
        let (store, mut keys) = self.store_and_keys()?;
        keys.replace_original(store, &former, &text, now)?;
        Ok(store.write(Durability::Synced, |writing| writing.forget_original(&name))?)
    }

    /// Changes another text of the person's, of which nothing need be kept.
    ///
    /// # Errors
    /// It cannot be written; it is then as it was.
    pub fn edit_plain(&mut self, path: &Path, change: &mut dyn FnMut(&str) -> Rewrite) -> Result<bool, ResolveError> {
        let target = write::target(path)?;
        let mut keep = |path: &Path, content: &[u8]| {
            // What a killed run left may be another program's work.
            if path == target { Ok(()) } else { self.keep_either(&target, path, content) }
        };
        write::edit(path, &mut keep, &mut |text| Ok(change(text)))
    }

    fn name_of_way_back(&self) -> Result<String, ResolveError> {
        let target = write::target(&self.aws_file(FileKind::Credentials)?)?;
        Ok([WAY_BACK, &name_of(&target)].concat())
    }

    fn read_way_back(&mut self, name: &str) -> Result<Option<WayBack>, ResolveError> {
        let Some((store, mut keys)) = self.keys() else { return Ok(None) };
        let Some(row) = store.read().original(name)? else { return Ok(None) };
        let text = keys.open_original(store, name, &row)?;
        Ok(WayBack::read(&text))
    }

    /// What another process has noted meanwhile stays.
    fn keep_way_back(&mut self, name: &str, noted: &WayBack, stored: &WayBack) -> Result<(), ResolveError> {
        if noted == stored {
            return Ok(());
        }
        let others = self.read_way_back(name)?.unwrap_or_default();
        let (text, now) = (noted.with(others, stored).to_text(), self.context.now());
        let (store, mut keys) = self.store_and_keys()?;
        keys.replace_original(store, name, &text, now)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::ffi::OsString;
    use std::fs;

    use zeroize::Zeroizing;

    use super::*;
    use crate::aws_config::document::Document;
    use crate::context::{Context, Verbosity};
    use crate::prompt::Never;

    const TEXT: &str = "[a]\naws_access_key_id = AKIAFIRSTFIRST\naws_secret_access_key = x\n";

    #[test]
    fn a_try_that_came_to_nothing_leaves_no_note() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().canonicalize().unwrap();
        let mut context =
            Context::with_environment(HashMap::from([("HOME".to_owned(), OsString::from(home.as_os_str()))]));
        context.verbosity = Verbosity::Quiet;
        let file = home.join(".aws/credentials");
        fs::create_dir_all(home.join(".aws")).unwrap();
        fs::write(&file, TEXT).unwrap();
        let mut resolver = Resolver::new(&context, home.join("data/multicred.db"), Box::new(Never), None).unwrap();
        let write = |text: &str| Ok(Rewrite::Text(Zeroizing::new(text.to_owned())));
        let mut note = |text: &str, back: &mut WayBack| {
            back.note(&Document::parse(text), "a", "AKIAFIRSTFIRST", "alice");
            write(&format!("{text}# 1\n"))
        };
        assert!(resolver.edit_kept(&mut note).unwrap());
        let noted = resolver.way_back().unwrap();
        let mut tries = 0;
        let mut change = |text: &str, back: &mut WayBack| {
            tries += 1;
            if tries == 1 {
                // Another program writes meanwhile, and the section is not yet there.
                fs::write(&file, format!("{text}# 2\n")).unwrap();
                back.note_keyless("a", "bob", String::new());
            }
            write(&format!("{text}# 3\n"))
        };
        assert!(resolver.edit_kept(&mut change).unwrap());
        assert_eq!(tries, 2);
        assert!(resolver.way_back().unwrap() == noted, "what was noted in vain is still there");
    }
}
