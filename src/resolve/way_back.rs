//! The credentials file, as it is kept clean: what each section was before is in the store before the file is changed.

use std::cell::RefCell;
use std::path::Path;

use super::originals::name_of;
use super::{ResolveError, Resolver};
use crate::aws_config::FileKind;
use crate::aws_config::document::Document;
use crate::aws_config::kept::{self, WayBack};
use crate::aws_config::write::{self, Rewrite};
use crate::store::Durability;

/// What stands before the file's path in the name of its way back. No path begins so: it is absolute.
const WAY_BACK: &str = "way back of ";

impl Resolver<'_> {
    /// What the sections of the credentials file were before they were kept; `None` where none ever was.
    ///
    /// # Errors
    /// The store is locked, or the seal does not open.
    pub fn way_back(&mut self) -> Result<Option<WayBack>, ResolveError> {
        self.bring_way_back()?;
        let name = self.name_of_way_back()?;
        self.read_way_back(&name)
    }

    /// Whether sections of the credentials file have been kept; nothing is opened.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn has_way_back(&self) -> Result<bool, ResolveError> {
        let name = self.name_of_way_back()?;
        Ok(self.has_original(&name)? || self.moved_way_back(&name)?.is_some())
    }

    /// Changes the credentials file. `change` notes what it takes out, which is stored before anything is written.
    ///
    /// # Errors
    /// As [`edit_aws_file`](Self::edit_aws_file).
    pub fn edit_kept(
        &mut self,
        change: &mut dyn FnMut(&str, &mut WayBack) -> Result<Rewrite, ResolveError>,
    ) -> Result<bool, ResolveError> {
        self.bring_way_back()?;
        let path = self.aws_file(FileKind::Credentials)?;
        let (name, target) = (self.name_of_way_back()?, write::target(&path)?);
        let known = self.read_way_back(&name)?.unwrap_or_default();
        let noted = RefCell::new(known.clone());
        let mut keep = |path: &Path, content: &[u8]| {
            self.keep_either(&target, path, content)?;
            if path == target { self.keep_way_back(&name, &noted.borrow(), &known) } else { Ok(()) }
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

    /// Forgets what the sections were: none is kept any more.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn forget_way_back(&mut self) -> Result<(), ResolveError> {
        let name = self.name_of_way_back()?;
        if !self.has_original(&name)? {
            return Ok(());
        }
        let Some(store) = self.catalogue.store_mut() else { return Ok(()) };
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

    fn has_original(&self, name: &str) -> Result<bool, ResolveError> {
        Ok(self.catalogue.store().map(|store| store.read().has_original(name)).transpose()?.unwrap_or_default())
    }

    /// The name under which the way back of a file is that was moved to where it is now: the one file of which there is a
    /// way back and which is not where it was. A file without a section that is kept needs none.
    fn moved_way_back(&self, own: &str) -> Result<Option<String>, ResolveError> {
        let Some(store) = self.catalogue.store() else { return Ok(None) };
        let (mut moved, mut name) = (Vec::new(), WAY_BACK.to_owned());
        while let Some(next) = store.read().original_after(&name)? {
            let Some(path) = next.strip_prefix(WAY_BACK).map(Path::new) else { break };
            let is_there = path.exists() && write::target(path).is_ok_and(|target| target == path);
            if !is_there && next != own {
                moved.push(next.clone());
            }
            name = next;
        }
        let text = self.catalogue.files().map(|files| files.text(FileKind::Credentials)).transpose()?;
        let is_kept = |text: &str| Document::parse(text).sections().any(|section| kept::kept(&section).is_some());
        let needs_one = text.is_some_and(|text| is_kept(&text));
        Ok(moved.pop().filter(|_| moved.is_empty() && needs_one))
    }

    /// Brings the way back to where the file is by now.
    fn bring_way_back(&mut self) -> Result<(), ResolveError> {
        let own = self.name_of_way_back()?;
        if self.has_original(&own)? {
            return Ok(());
        }
        let Some(moved) = self.moved_way_back(&own)? else { return Ok(()) };
        let Some(back) = self.read_way_back(&moved)? else { return Ok(()) };
        let (text, now) = (back.to_text(), self.context.now());
        let (store, mut keys) = self.store_and_keys()?;
        keys.replace_original(store, &own, &text, now)?;
        Ok(store.write(Durability::Synced, |writing| writing.forget_original(&moved))?)
    }

    fn read_way_back(&mut self, name: &str) -> Result<Option<WayBack>, ResolveError> {
        let Some((store, mut keys)) = self.keys() else { return Ok(None) };
        let Some(row) = store.read().original(name)? else { return Ok(None) };
        let text = keys.open_original(store, name, &row)?;
        Ok(WayBack::read(&text))
    }

    /// What another process has noted meanwhile stays.
    fn keep_way_back(&mut self, name: &str, noted: &WayBack, known: &WayBack) -> Result<(), ResolveError> {
        if noted == known {
            return Ok(());
        }
        let others = self.read_way_back(name)?.unwrap_or_default();
        let (text, now) = (noted.with(others, known).to_text(), self.context.now());
        let (store, mut keys) = self.store_and_keys()?;
        keys.replace_original(store, name, &text, now)
    }
}
