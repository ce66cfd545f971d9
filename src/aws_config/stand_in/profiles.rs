//! What becomes of each profile, given what both files say of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws_config::document::{Document, Part, TextLine};
use crate::aws_config::read::profile_name;
use crate::aws_config::{DEFAULT, FileKind, keys, synced};

use super::secrets::{Secrets, is_half_of_key, is_secret};

/// The section of botocore's parser (Python's configparser) whose settings every other section of its file has. To
/// everybody else it is a profile of that name.
pub(super) const INHERITED: &str = "DEFAULT";

/// What of `[DEFAULT]` makes botocore look for a credential in `[default]`. The rest of SSO's settings may be what
/// other profiles rely on, and does nothing alone.
const TRIGGERS: [&str; 6] =
    ["role_arn", "credential_process", "web_identity_token_file", "sso_account_id", "sso_role_name", "login_session"];

/// What becomes of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has no key of its own, or none that counts.
    AsItIs,
    /// Its credential comes from multicred, by this command.
    Process(String),
    /// It is not in the stand-in, and why.
    LeftOut(&'static str),
}

/// True for a setting from which an SDK may take a credential or whom it is, or which makes it stop for lack of
/// another one: a `role_arn` without a source, an `sso_account_id` without `sso_role_name`. Any `sso_*` is one to the
/// Go SDK (`hasLegacySSOConfiguration`).
pub(super) fn gives_identity(key: &str) -> bool {
    let key = key.to_lowercase();
    let is_who = keys::says(&key).is_some_and(|says| matches!(says, keys::Says::Who | keys::Says::From));
    let is_part_of_role = ["role_session_name", "external_id", "aws_account_id", "aws_credential_scope"];
    is_secret(&key)
        || is_who
        || is_part_of_role.contains(&&*key)
        || ["sso_", "login_", "granted_"].iter().any(|prefix| key.starts_with(prefix))
}

/// True for a setting that may not stand in `[DEFAULT]`.
pub(super) fn triggers(key: &str) -> bool {
    is_secret(key) || TRIGGERS.iter().any(|trigger| trigger.eq_ignore_ascii_case(key))
}

/// The value as every SDK compares it: the Go SDK takes quotes off.
pub(super) fn unquoted(value: &str) -> &str {
    let unwrapped = |mark| value.strip_prefix(mark).and_then(|rest: &str| rest.strip_suffix(mark));
    unwrapped('"').or_else(|| unwrapped('\'')).unwrap_or(value)
}

/// Why a profile is left out whose settings nobody can give a command.
pub(super) const NO_COMMAND: &str = "its key cannot be had by a command, which could not hold its name";

/// The command that prints a profile's credential, as every SDK splits it; none where one of them would read another
/// one.
pub(super) fn process(command: &[&str], profile: &str) -> Option<String> {
    const VERB: &str = "credential-process";
    const FLAG: &str = "--no-session";
    if command.is_empty() || profile.starts_with('-') {
        return None;
    }
    let of = |last: [&str; 3]| synced::command(&[command, &last].concat()).ok();
    // The Go SDK takes quotes at both ends of a value for a pair, and cuts it at any # and ;.
    let value = of([VERB, FLAG, profile]).filter(|value| !value.ends_with(['\'', '"']));
    value.or_else(|| of([VERB, profile, FLAG])).filter(|value| !value.contains(['#', ';']))
}

/// What both files say of a profile, as far as it matters here.
#[derive(Default)]
struct Facts {
    /// The keys of its settings, in lower case.
    keys: BTreeSet<String>,
    source: Option<String>,
    /// The files that hold a key of its own, or half of one.
    keys_in: BTreeSet<FileKind>,
    /// Its `credential_process` prints a secret that stands in the line itself.
    prints_secret: bool,
    /// botocore gives it what `[DEFAULT]` of the same file has.
    inherits: bool,
}

impl Facts {
    fn add(&mut self, file: FileKind, line: &TextLine<'_>, secrets: &Secrets) {
        let key = match line.part {
            Part::Key { key, value, .. } => {
                let key = key.to_lowercase();
                match &*key {
                    // Of two files, the credentials file counts, which is read last.
                    "source_profile" => self.source = Some(unquoted(value).to_owned()),
                    "credential_process" => self.prints_secret |= secrets.are_in(line.text),
                    _ => {}
                }
                self.keys.insert(key.clone());
                key
            }
            // The SDK for JavaScript reads an indented line as a setting of its own.
            Part::Continuation => line.text.split(['=', ':']).next().unwrap_or_default().trim().to_lowercase(),
            _ => return,
        };
        if is_half_of_key(&key) {
            self.keys_in.insert(file);
        }
    }

    fn holds_key(&self) -> bool {
        !self.keys_in.is_empty() || self.prints_secret
    }

    /// Whether botocore, and so the AWS CLI, takes something else first and never sees the profile's own key. Its
    /// order is that of `create_credential_resolver`: a role with a source, a web identity, SSO, the key of the
    /// credentials file, `login_session`, `credential_process`, the key of the config file.
    ///
    /// The Go SDK (`resolveCredsFromProfile`) agrees about a role with a `source_profile`. With a `credential_source`
    /// or a web identity beside the key it assumes the same role, by the key. Only where SSO, or a process beside a
    /// key of the config file, is another identity than the key do the two differ with the person's own files; then
    /// there is but one answer here, and it is the AWS CLI's.
    fn has_better_than_key(&self, name: &str) -> bool {
        let has = |key: &str| self.keys.contains(key);
        let is_elsewhere = has("credential_source") || self.source.as_deref().is_some_and(|source| source != name);
        match has("role_arn") {
            _ if has("web_identity_token_file") => true,
            true => is_elsewhere,
            false if has("sso_account_id") || has("sso_role_name") => true,
            false if self.keys_in.contains(&FileKind::Credentials) => false,
            false => has("login_session") || (has("credential_process") && !self.prints_secret),
        }
    }

    /// A role whose base is its own key (it names itself as its source, or nothing) is multicred's to assume: the key
    /// alone would be nobody's source any more. Another profile that has such a one for its `source_profile` gets the
    /// role below its own, where botocore takes the bare key; the Go SDK assumes it, too.
    fn fate(&self, name: &str, command: &[&str]) -> Fate {
        let is_own = self.keys.iter().any(|key| gives_identity(key));
        match self.holds_key() {
            false if self.inherits && !is_own => Fate::LeftOut("its credential stands in [DEFAULT]"),
            true if !self.has_better_than_key(name) => {
                process(command, name).map_or(Fate::LeftOut(NO_COMMAND), Fate::Process)
            }
            _ => Fate::AsItIs,
        }
    }
}

/// What becomes of each profile but the default one.
pub(super) fn fates(files: [(FileKind, &Document); 2], secrets: &Secrets, command: &[&str]) -> BTreeMap<String, Fate> {
    let mut all: BTreeMap<String, Facts> = BTreeMap::new();
    for (file, document) in files {
        let inherits = gives_inherited(document);
        for line in document.text_lines() {
            let Some(name) = line.section.and_then(|id| profile_name(file, id)) else { continue };
            let facts = all.entry(name.to_owned()).or_default();
            facts.inherits |= inherits;
            facts.add(file, &line, secrets);
        }
    }
    all.retain(|name, _| name != DEFAULT && name != INHERITED);
    let fate = |name: &str, facts: &Facts| {
        if secrets.are_in(name) { Fate::LeftOut("its name tells a secret") } else { facts.fate(name, command) }
    };
    all.iter().map(|(name, facts)| (name.clone(), fate(name, facts))).collect()
}

/// Whether `[DEFAULT]` gives a credential to every section of the file that botocore reads.
fn gives_inherited(document: &Document) -> bool {
    let section = document.section_of_header(INHERITED);
    section.is_some_and(|section| section.properties().any(|property| triggers(property.key())))
}
