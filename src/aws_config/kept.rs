//! Sections of the credentials file that multicred keeps: a command stands in the place of their long-term key, or a
//! temporary credential that `refresh` renews. Text in, text out.

mod restore;
mod way_back;

use zeroize::Zeroizing;

use super::asks_multicred::{self, AS_IT_IS};
use super::document::{Document, EditError, Section, SectionId};
use super::synced::quoted;
use crate::credential_text::{self, FaultReason, Found, SectionFault};
use crate::identity::hash::{RequestHash, hex};
use crate::identity::name::is_access_key_id;
use crate::secret::{Credential, Secret};

pub use restore::{Restored, restore};
pub use way_back::{WayBack, key_of};

/// The setting that holds a command which prints a credential.
pub const PROCESS: &str = "credential_process";
/// For whom a temporary credential is kept up: a name that multicred resolves.
pub(super) const WHO: &str = "multicred_identity";
/// The store that knows the name, where that is not the default one.
const STORE: &str = "multicred_store";
/// A hash of the credential as multicred wrote it: what somebody has changed since can be told without the store.
const CHECKSUM: &str = "multicred_checksum";
/// No SDK reads these.
pub(super) const MARKS: [&str; 3] = [WHO, STORE, CHECKSUM];

const KEY_ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
const TOKENS: [&str; 2] = ["aws_session_token", super::temporary::OLD_TOKEN];

/// How a section is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// For whom: an ARN, the id of one of the keys of a user who has several, or another name that multicred resolves.
    pub who: String,
    /// The store that knows the name; `None` for the default one.
    pub store: Option<String>,
    /// The command that stands in the place of its key; `None` where a temporary credential does.
    pub command: Option<String>,
}

impl Kept {
    /// Whether a command stands in the place of its key; else a temporary credential does.
    pub fn is_command(&self) -> bool {
        self.command.is_some()
    }

    /// That another store than the open one keeps it, and the command that uses that one.
    pub fn elsewhere(&self, command: &str) -> String {
        match &self.store {
            Some(store) => format!("kept by the store {store}: {}", self.call(command)),
            None => format!("kept by the default store: multicred {command}, without another store"),
        }
    }

    /// What is typed for a command of multicred's that is to use the store by which the section is kept.
    pub fn call(&self, command: &str) -> String {
        match &self.store {
            Some(store) => format!("multicred --store {} {command}", quoted(store)),
            None => format!("multicred {command}"),
        }
    }

    /// The path of the program that its command calls; `None` where the shell is to find it.
    pub fn program(&self) -> Option<String> {
        let words = credential_text::command_words(self.command.as_deref()?)?;
        words.into_iter().next().filter(|program| program.contains('/'))
    }
}

/// How a section is kept; `None` where multicred does not keep it. A command that a person wrote names an identity as
/// they do, or lacks `--no-session`.
pub fn kept(section: &Section<'_>) -> Option<Kept> {
    let value = |key: &str| section.get(key).map(|property| property.value().into_owned()).filter(|it| !it.is_empty());
    if let Some(process) = value(PROCESS) {
        let words = credential_text::command_words(&process)?;
        let asked = asks_multicred::read(&words)?.ok()?;
        let names_one = crate::identity::arn::parse(&asked.name).is_ok() || is_access_key_id(&asked.name);
        let is_ours = names_one && words.iter().any(|word| word == AS_IT_IS);
        return is_ours.then_some(Kept { who: asked.name, store: asked.store, command: Some(process) });
    }
    value(WHO).map(|who| Kept { who, store: value(STORE), command: None })
}

/// The credential of a section. Where a person has put a long-term key over a temporary one that was kept there, the
/// token beside it is left over from that.
pub fn credential(section: &Section<'_>) -> Option<Result<Found, SectionFault>> {
    match credential_text::of_section(section) {
        Some(Err(SectionFault { reason: FaultReason::TokenOfLongTermKey { .. }, .. })) if kept(section).is_some() => {
            let text: String = section.texts().iter().map(|text| text.as_str()).collect();
            let mut alone = Document::parse(&Zeroizing::new(text));
            for token in TOKENS {
                alone.remove_key(section.id(), token);
            }
            let found = alone.section(section.id()).as_ref().and_then(credential_text::of_section)?;
            Some(found.map(|found| Found { line: section.get(KEY_ID).map(|property| property.line()), ..found }))
        }
        found => found,
    }
}

/// Whether the temporary credential of a kept section is another one than multicred wrote: half of a long-term key
/// perhaps, whose other half is still to come.
pub fn is_changed(section: &Section<'_>) -> bool {
    let Some(written) = section.get(CHECKSUM) else { return false };
    match credential_text::of_section(section) {
        Some(Ok(found)) => written.value() != checksum(found.fingerprint()),
        Some(Err(_)) => true,
        None => false,
    }
}

/// What [`is_changed`] means for the section, as its owner is to read it.
pub const CHANGED: &str = "its temporary credential was changed by hand: put the rest of the new one there, or remove \
                           its aws_access_key_id, aws_secret_access_key and aws_session_token";

/// It stands beside what it is made of, and so gives nothing away.
fn checksum(of: RequestHash) -> String {
    hex(&of.0[..16])
}

/// A half of the key that stands more than once in a section, and the line of the last. SDKs read the last one, or refuse
/// the file: who takes all of them out loses what stands above.
pub fn twice(section: &Section<'_>) -> Option<(&'static str, u32)> {
    [KEY_ID, SECRET].into_iter().find_map(|half| {
        let mut all = section.properties().rev().filter(|property| property.key().eq_ignore_ascii_case(half));
        let last = all.next()?;
        all.next().map(|_| (half, last.line()))
    })
}

/// What would ask multicred for whom a temporary credential is kept, and the line that says so.
pub(super) fn command_of_mark(section: &Section<'_>, kept: &Kept) -> Option<(String, u32)> {
    let store = kept.store.as_deref().map(|store| ["--store", store]);
    let words: Vec<&str> =
        ["multicred"].into_iter().chain(store.into_iter().flatten()).chain(["credential-process", &kept.who]).collect();
    Some((super::synced::command(&words).ok()?, section.get(WHO)?.line()))
}

/// Says in a section for whom this credential, which stands there, is kept.
pub(super) fn mark(
    document: &mut Document,
    id: &SectionId,
    credential: &Credential,
    (who, store): (&str, Option<&str>),
) -> Result<(), EditError> {
    if document.section(id).is_some_and(|section| kept(&section).is_some_and(|kept| kept.is_command())) {
        document.remove_key(id, PROCESS);
    }
    document.set(id, WHO, who)?;
    match store {
        Some(store) => document.set(id, STORE, store)?,
        None => drop(document.remove_key(id, STORE)),
    }
    let (id_of_key, material) = (&credential.access_key_id, &credential.material);
    let token = material.session_token.as_ref().map(Secret::expose);
    let written = credential_text::fingerprint(id_of_key, material.secret_access_key.expose(), token);
    document.set(id, CHECKSUM, &checksum(written))
}

/// Puts a command into the place of a section's key, with nothing left of a temporary one.
pub(super) fn put_command(document: &mut Document, id: &SectionId, command: &str) -> Result<(), EditError> {
    let first = document.section(id).and_then(|section| {
        let is_half = |key: &str| [KEY_ID, SECRET].iter().any(|half| half.eq_ignore_ascii_case(key));
        section.properties().map(|property| property.key()).find(|key| is_half(key)).map(str::to_owned)
    });
    let first = first.unwrap_or_else(|| KEY_ID.to_owned());
    let was_kept = document.section(id).is_some_and(|section| kept(&section).is_some());
    document.edit_apart(id, |edited| {
        edited.remove_key(id, PROCESS);
        edited.set_above(id, PROCESS, command, &first)?;
        if was_kept {
            take_out_temporary(edited, id, None);
        }
        edited.remove_key(id, KEY_ID);
        edited.remove_key(id, SECRET);
        Ok(())
    })
}

/// A command in a kept section, and the one that is to stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCommand {
    /// The section.
    pub profile: String,
    /// What stands there.
    pub old: String,
    /// What is to.
    pub new: String,
}

/// Puts commands into the place of others; gives the profiles, too, where neither stands any more.
pub fn replace_commands<'n>(credentials: &str, all: &'n [NewCommand]) -> (Zeroizing<String>, Vec<&'n str>) {
    let mut document = Document::parse(credentials);
    let mut replace = |one: &NewCommand| {
        let id = SectionId::plain(&one.profile);
        let now = document.section(&id).and_then(|section| Some(section.get(PROCESS)?.value().into_owned()));
        match now {
            Some(now) if now == one.old => document.set(&id, PROCESS, &one.new).is_ok(),
            now => now.as_ref() == Some(&one.new),
        }
    };
    let changed = all.iter().filter(|one| !replace(one)).map(|one| one.profile.as_str()).collect();
    (document.to_text(), changed)
}

/// Takes out what stands beside a temporary key, unless it stood there before.
fn take_out_temporary(document: &mut Document, id: &SectionId, before: Option<&Section<'_>>) {
    let gone = TOKENS.iter().chain(&MARKS).map(|key| (*key, None));
    let former = |key: &'static str| (key, before.and_then(|section| section.get(key)));
    let expiry = credential_text::EXPIRY_KEYS.into_iter().chain([super::temporary::EXPIRY_SHOWN]);
    // An account is never added.
    let account = before.map(|_| super::temporary::ACCOUNT);
    for (key, former) in gone.chain(expiry.chain(account).map(former)) {
        let is_put_back = former.is_some_and(|former| document.set(id, key, &former.value()).is_ok());
        if !is_put_back {
            document.remove_key(id, key);
        }
    }
}
