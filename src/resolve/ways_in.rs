//! What opens a store: its key slots, in words.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::seal::FileSlot;
use crate::store::{ListedSlot, StoreMeta};

/// Whether a key slot opens the store here and now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Without asking anybody.
    Opens,
    /// Once somebody or something is asked, which was not done.
    Asks,
    /// Not as things are, for this reason.
    Fails(String),
}

/// One key slot, as a person is told of it.
#[derive(Clone, Debug)]
pub struct WayIn {
    /// Its number.
    pub number: i64,
    /// Its kind.
    pub kind: String,
    /// Since when it is there, epoch seconds UTC.
    pub since: i64,
    /// What it takes to open the store with it.
    pub needs: String,
    /// The file that holds its secret: no part of the store, nor of a backup.
    pub key_file: Option<PathBuf>,
    /// The program that gives its secret.
    pub command: Option<String>,
    /// What takes it away: `logout` or `reboot`; `None` where it stays.
    pub until: Option<&'static str>,
    /// Whether it opens here.
    pub opening: Opening,
}

/// What is known of a kind of slot.
struct Known {
    needs: String,
    key_file: Option<PathBuf>,
    command: Option<String>,
    until: Option<&'static str>,
    opening: Opening,
}

impl WayIn {
    /// A slot of the store at this path. Nobody is asked, and no program is run.
    pub fn of(store: &Path, meta: &StoreMeta, listed: &ListedSlot) -> Self {
        let ListedSlot { slot, since } = listed;
        let params: Value = serde_json::from_str(&slot.params).unwrap_or_default();
        let Known { needs, key_file, command, until, opening } = known(store, meta, listed, &params);
        Self { number: slot.id, kind: slot.kind.clone(), since: *since, needs, key_file, command, until, opening }
    }
}

/// One arm a kind.
fn known(store: &Path, meta: &StoreMeta, listed: &ListedSlot, params: &Value) -> Known {
    let text = |name: &str| params.get(name).and_then(Value::as_str);
    match listed.slot.kind.as_str() {
        FileSlot::KIND => {
            let Some(path) = text("path") else { return nameless("a key file that it does not name") };
            let key_file = store.with_file_name(path);
            let opening = open_with(&FileSlot::at(&key_file), meta, &listed.slot.wrapped);
            let needs = format!("the key file {}", key_file.display());
            Known { needs, key_file: Some(key_file), command: None, until: None, opening }
        }
        "command" => {
            let Some(command) = text("command") else { return nameless("a command that it does not name") };
            let needs = format!("what this command prints: {command}");
            let command = Some(command.to_owned());
            Known { needs, key_file: None, command, until: None, opening: Opening::Asks }
        }
        "passphrase" => asking("its passphrase"),
        "recovery" => asking("the recovery code that was printed for it"),
        kind => {
            let opening = Opening::Fails("this version does not know its kind".to_owned());
            Known { opening, ..asking(&format!("a multicred that knows key slots of the kind {kind}")) }
        }
    }
}

fn asking(needs: &str) -> Known {
    Known { needs: needs.to_owned(), key_file: None, command: None, until: None, opening: Opening::Asks }
}

fn nameless(needs: &str) -> Known {
    Known { opening: Opening::Fails("its parameters are damaged".to_owned()), ..asking(needs) }
}

fn open_with(file: &FileSlot, meta: &StoreMeta, wrapped: &[u8]) -> Opening {
    match file.look().map(|secret| secret.unwrap_key(wrapped, &meta.id).is_some()) {
        Ok(true) => Opening::Opens,
        Ok(false) => Opening::Fails(format!("{} is the key of another store", file.path().display())),
        Err(reason) => Opening::Fails(reason),
    }
}
