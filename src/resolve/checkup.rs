//! What can be said of a store, and of what stands around it, without changing anything: `doctor`.

mod agent;
mod around;
mod aws_files;
mod finding;
mod key_age;
mod network;
mod rotations;
mod startup;
mod switch;
mod variables;

use std::fmt::Display;
use std::path::{Path, PathBuf};

use crate::agent::Status;
use crate::context::Context;
use crate::prompt::Prompter;
use crate::seal::{PassphraseSlot, SealError};
use crate::store::{Loose, LooseFile, Store, StoreError, check_orphans, current_schema, loose_files};

use super::vault::DAMAGED;
use super::{Keys, Opening, ResolveError, Vault, WayIn};

pub use finding::{Finding, Severity};

/// Credentials that are looked up at once.
const BATCH: u32 = 500;
/// Faults of the database that are told; the first ones say enough.
const MOST_FAULTS: u32 = 20;

/// What was looked at, and what was found.
#[derive(Debug, Default)]
pub struct Checkup {
    /// The version of the schema; `None` where there is no store.
    pub schema: Option<i64>,
    /// What opens it.
    pub ways: Vec<WayIn>,
    /// How many seals were tried; `None` where none was to be.
    pub seals: Option<Seals>,
    /// The agent, if one runs.
    pub agent: Option<Status>,
    /// By how many seconds this machine's clock is ahead of AWS's; `None` where AWS was not asked, or did not say.
    pub clock_ahead: Option<i64>,
    /// What is wrong, or to be known.
    pub findings: Vec<Finding>,
}

/// How many seals were tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seals {
    /// Those of credentials.
    pub credentials: usize,
    /// Those of the content of files.
    pub originals: usize,
    /// Those that do not open.
    pub broken: usize,
}

impl Checkup {
    /// Looks at the store at this path, and around it; with `all`, reads all of it, opens every seal, and asks AWS for the
    /// time. Gives also what put an end to the former: there is a store that cannot be looked at, or it is locked and its
    /// seals are to be opened.
    pub fn of(context: &Context, prompter: &mut dyn Prompter, path: &Path, all: bool) -> (Self, Option<ResolveError>) {
        let mut checkup = Self::default();
        let looked = checkup.look(context, prompter, path, all);
        checkup.look_at_files(path);
        checkup.look_around(context, path, all);
        (checkup, looked.err())
    }

    fn look(
        &mut self,
        context: &Context,
        prompter: &mut dyn Prompter,
        path: &Path,
        all: bool,
    ) -> Result<(), ResolveError> {
        let Some(store) = Store::open_to_look(path)? else { return Ok(check_orphans(path)?) };
        if store.is_on_network() {
            let fact = "it is on a network file system, where locks are unreliable";
            self.found(&path.display(), fact, "put it on a local disk, and name that with --store or MULTICRED_STORE");
        }
        if all {
            self.look_at_pages(&store)?;
        }
        self.look_at_schema(&store)?;
        self.look_at_slots(context, &store)?;
        // Where a page cannot be read, all of it tells of that.
        self.findings.extend(key_age::findings(&store, context.now()).unwrap_or_default());
        self.findings.extend(rotations::findings(&store).unwrap_or_default());
        if all {
            let mut vault = Vault::default();
            let mut keys = Keys::new(&mut vault, context, prompter);
            self.look_at_seals(&store, &mut keys)?;
            self.findings.extend(switch::finding(context, &store, &mut keys)?);
        }
        Ok(())
    }

    fn found(&mut self, about: &dyn Display, fact: impl Into<String>, remedy: impl Into<String>) {
        self.findings.push(Finding::fault(about.to_string(), fact, remedy));
    }

    fn look_at_pages(&mut self, store: &Store) -> Result<(), ResolveError> {
        for fault in store.read().faults(MOST_FAULTS)? {
            self.found(
                &store.path().display(),
                format!("it is damaged: {fault}"),
                "multicred restore FILE, of a backup",
            );
        }
        Ok(())
    }

    fn look_at_schema(&mut self, store: &Store) -> Result<(), ResolveError> {
        let (found, known) = (store.read().schema_version()?, current_schema());
        self.schema = Some(found);
        let path = store.path();
        match found {
            ..1 => {
                Err(StoreError::Damaged { path: path.to_owned(), reason: format!("its schema version is {found}") })?;
            }
            _ if found > known => Err(StoreError::Newer { path: path.to_owned(), found, known })?,
            _ if found < known => {
                let fact = format!("its schema is {found}, and {known} is what this version writes");
                self.found(&path.display(), fact, "multicred list brings it up to date, and keeps a copy beside it");
            }
            _ => {}
        }
        Ok(())
    }

    fn look_at_slots(&mut self, context: &Context, store: &Store) -> Result<(), ResolveError> {
        let (meta, slots) = store.read().key_slots()?;
        self.ways = slots.iter().map(|slot| WayIn::of(context, store.path(), &meta, slot)).collect();
        // One file has one passphrase: that of another slot is none that is missing.
        let has_served = |way: &WayIn| way.kind == PassphraseSlot::KIND && way.opening == Opening::Opens;
        if self.ways.iter().any(has_served) {
            let others = self.ways.iter_mut().filter(|way| way.kind == PassphraseSlot::KIND && !way.is_damaged);
            others.filter(|way| way.opening != Opening::Opens).for_each(|way| way.opening = Opening::Asks);
        }
        if self.ways.is_empty() {
            self.found(&store.path().display(), "it has no key slot: nothing opens it", "multicred restore FILE");
        }
        for way in self.ways.clone() {
            let named = format!("key slot {} ({})", way.number, way.kind);
            let fact = match &way.opening {
                Opening::Fails(reason) => format!("{named} does not open: {reason}"),
                Opening::Opens if way.is_damaged => {
                    format!("{named} opens, but {DAMAGED}: multicred key rotate would refuse it")
                }
                Opening::Asks if way.is_damaged => format!("{named} does not open: {}", way.needs),
                _ => continue,
            };
            self.found(&format!("slot {}", way.number), fact, way.remedy());
        }
        Ok(())
    }

    fn look_at_files(&mut self, path: &Path) {
        let key_files: Vec<PathBuf> = self.ways.iter().filter_map(|way| way.key_file.clone()).collect();
        for LooseFile { path, how } in loose_files(path, key_files) {
            let (fact, remedy) = match how {
                Loose::Mode(mode) => (format!("others can reach it: its mode is {mode:o}"), chmod("600", &path)),
                Loose::Folder(mode) => (format!("others may write in it: its mode is {mode:o}"), chmod("go-w", &path)),
                Loose::Owner(owner) => {
                    (format!("it belongs to another user (uid {owner})"), format!("chown it: {}", path.display()))
                }
            };
            self.found(&path.display(), fact, remedy);
        }
    }

    fn look_at_seals(&mut self, store: &Store, keys: &mut Keys<'_>) -> Result<(), ResolveError> {
        self.seals = Some(Seals::default());
        if self.schema == Some(current_schema()) {
            self.look_at_proofs(store, keys)?;
        }
        let credentials = self.look_at_credentials(store, keys);
        store.end_snapshot();
        // A page that cannot be read is no reason to leave out what is on others.
        let originals = self.look_at_originals(store, keys);
        credentials.and(originals)
    }

    fn look_at_proofs(&mut self, store: &Store, keys: &mut Keys<'_>) -> Result<(), ResolveError> {
        for slot in keys.foreign_slots(store)? {
            let error = ResolveError::ForeignSlot { number: slot.id, kind: slot.kind.clone() };
            let remedy = format!("multicred key remove {}, and multicred key add {} again", slot.id, slot.kind);
            self.found(&format!("slot {}", slot.id), error.to_string(), remedy);
        }
        Ok(())
    }

    fn look_at_credentials(&mut self, store: &Store, keys: &mut Keys<'_>) -> Result<(), ResolveError> {
        let mut last = i64::MIN;
        loop {
            // A row and its seal are of one moment, and no moment lasts long.
            store.begin_snapshot();
            let rows = store.read().sealed_after(last, BATCH)?;
            let Some(end) = rows.last().map(|row| row.id) else { break };
            for row in &rows {
                let Some(holder) = &row.holder else {
                    self.broken(&row.access_key_id, "nobody", "the identity that it belongs to is gone");
                    continue;
                };
                let opened = keys.open(store, row.id, holder, &row.access_key_id).map(drop);
                self.tried(&row.access_key_id, &holder.to_string(), opened)?;
            }
            store.end_snapshot();
            last = end;
        }
        Ok(())
    }

    /// What says something of one row is a finding; what concerns all of them ends the search.
    fn tried(&mut self, key: &str, whose: &str, opened: Result<(), ResolveError>) -> Result<(), ResolveError> {
        match opened {
            Ok(()) => self.seals.get_or_insert_default().credentials += 1,
            Err(ResolveError::CredentialGone) => {}
            Err(ResolveError::Seal(error)) => self.broken(key, whose, &why(&error)),
            Err(ResolveError::Store(error @ StoreError::Damaged { .. })) => self.broken(key, whose, &error.to_string()),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn broken(&mut self, key: &str, whose: &str, why: &str) {
        let seals = self.seals.get_or_insert_default();
        seals.credentials += 1;
        seals.broken += 1;
        let fact = format!("the sealed secret of {key} ({whose}) does not open: {why}");
        self.found(&format!("credential {key}"), fact, bring_back(key));
    }

    fn look_at_originals(&mut self, store: &Store, keys: &mut Keys<'_>) -> Result<(), ResolveError> {
        let mut last = String::new();
        while let Some(path) = store.read().original_after(&last)? {
            let opened = match store.read().original(&path) {
                Ok(Some(row)) => keys.open_original(store, &path, &row).map(drop),
                Ok(None) => Err(ResolveError::CredentialGone),
                Err(error) => Err(error.into()),
            };
            let why = match opened {
                Ok(()) | Err(ResolveError::CredentialGone) => None,
                Err(ResolveError::Seal(error)) => Some(why(&error)),
                Err(ResolveError::Store(error @ StoreError::Damaged { .. })) => Some(error.to_string()),
                Err(error) => return Err(error),
            };
            let seals = self.seals.get_or_insert_default();
            seals.originals += 1;
            if let Some(why) = why {
                seals.broken += 1;
                let fact = format!("the kept content of {path} does not open: {why}");
                self.found(&format!("original {path}"), fact, "multicred restore FILE, of a backup");
            }
            last = path;
        }
        Ok(())
    }
}

/// In a sentence that has said of what already.
fn why(error: &SealError) -> String {
    match error {
        SealError::DoesNotOpen(_) | SealError::OriginalDoesNotOpen(_) => {
            "it was changed, moved, or sealed with another key".to_owned()
        }
        error => error.to_string(),
    }
}

/// What gives a credential a seal that opens.
pub fn bring_back(access_key_id: &str) -> String {
    // What AWS gave for a time (IAM user guide, "Understanding unique ID prefixes") can be had anew.
    let anew = if access_key_id.starts_with("ASIA") { "get another one with --fresh, " } else { "" };
    format!("{anew}import the credential {access_key_id} again, or multicred restore FILE, of a backup")
}

fn chmod(mode: &str, path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    let text = if is_plain { text } else { format!("'{}'", text.replace('\'', "'\\''")) };
    format!("chmod {mode} {text}")
}
