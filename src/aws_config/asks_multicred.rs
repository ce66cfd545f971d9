//! A profile whose `credential_process` is multicred itself: for whom it asks. Read here and not by clap, whose tree of
//! commands would cost a switch more than everything else; a test holds both to the same flags.

use std::path::Path;

use crate::identity::Kind;
use crate::identity::arn;
use crate::identity::name::is_access_key_id;

/// The command that an SDK runs.
const VERB: &str = "credential-process";

/// Flags that only say how multicred speaks, and change nothing of what it answers.
const MANNERS: [&str; 6] = ["--json", "--no-input", "--quiet", "-q", "--verbose", "-v"];

/// Asks for the long-term key itself. Of a user or root, named by the ARN or the key's id, as `setup` writes it, it gives other
/// programs what they would read in a file; and here it is the same as a key in a file, from which a session is made.
pub(super) const AS_IT_IS: &str = "--no-session";

/// What a profile asks multicred for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsksMulticred {
    /// The store it names.
    pub store: Option<String>,
    /// The identity's name.
    pub name: String,
    /// Whether it asks for the long-term key itself.
    pub as_it_is: bool,
}

/// Why such a command is not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotFollowed {
    /// A flag that asks for more than for whom; its value, which may be a code, is left out.
    Flag(String),
    /// It names nobody, or not as the flag takes it, or more than one.
    NotOneIdentity,
}

/// What the words of a command ask for; `None` for another program, or another command of multicred.
pub(super) fn read(words: &[String]) -> Option<Result<AsksMulticred, NotFollowed>> {
    let (program, words) = words.split_first()?;
    if Path::new(program).file_name().is_none_or(|file| file != "multicred") {
        return None;
    }
    let (line, flag) = Line::read(words);
    let (_, names) = line.positional.split_first().filter(|(verb, _)| **verb == VERB)?;
    if let Some(flag) = flag {
        return Some(Err(NotFollowed::Flag(flag.escape_debug().to_string())));
    }
    if line.as_it_is && !names.first().is_some_and(|name| has_key(name)) {
        return Some(Err(NotFollowed::Flag(AS_IT_IS.to_owned())));
    }
    let asked = |name| AsksMulticred { store: line.store.map(str::to_owned), name, as_it_is: line.as_it_is };
    Some(line.whom(names).map(asked).ok_or(NotFollowed::NotOneIdentity))
}

fn has_key(name: &str) -> bool {
    let is_user = arn::parse(name).is_ok_and(|arn| matches!(arn.identity.kind, Kind::User | Kind::Root));
    is_user || (is_access_key_id(name) && !name.starts_with("ASIA"))
}

/// A command line, as far as it says for whom.
#[derive(Default)]
struct Line<'w> {
    store: Option<&'w str>,
    arn: Option<&'w str>,
    access_key: Option<&'w str>,
    account: Option<&'w str>,
    role: Option<&'w str>,
    as_it_is: bool,
    positional: Vec<&'w str>,
}

impl<'w> Line<'w> {
    /// The line up to the first flag that is not followed, and that flag.
    fn read(words: &'w [String]) -> (Self, Option<&'w str>) {
        let mut line = Self::default();
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let (flag, attached) = match word.split_once('=') {
                Some((flag, value)) if word.starts_with("--") => (flag, Some(value)),
                _ => (word, None),
            };
            let mut value = || attached.or_else(|| words.next());
            match flag {
                "--store" => line.store = value(),
                "--arn" => line.arn = value(),
                "--access-key" => line.access_key = value(),
                "--account" => line.account = value(),
                "--role" => line.role = value(),
                "--color" => drop(value()),
                "--" => line.positional.extend(words.by_ref()),
                "-" => line.positional.push(flag),
                AS_IT_IS => line.as_it_is = true,
                _ if MANNERS.contains(&word) => {}
                _ if flag.starts_with('-') => return (line, Some(flag)),
                _ => line.positional.push(word),
            }
        }
        (line, None)
    }

    /// The name that it gives the one identity; `names` stand without a flag.
    fn whom(&self, names: &[&str]) -> Option<String> {
        match (names, self.arn, self.access_key, self.account, self.role) {
            ([name], None, None, None, None) if *name != "-" => Some((*name).to_owned()),
            ([], Some(text), None, None, None) if arn::parse(text).is_ok() => Some(text.to_owned()),
            ([], None, Some(key), None, None) if is_access_key_id(key) => Some(key.to_owned()),
            ([], None, None, Some(account), Some(role)) => Some(format!("{account}/role/{role}")),
            _ => None,
        }
    }
}
