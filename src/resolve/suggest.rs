//! Names that begin so, for completion at a keyboard. It must be quick and quiet: nothing is changed, nothing is asked,
//! nothing is unlocked, and what cannot be read has no names.

use std::path::Path;

use super::aws_files;
use crate::aws_config::Profiles;
use crate::context::Context;
use crate::identity::name::is_access_key_id;
use crate::identity::{Identity, Kind};
use crate::store::{AccountRow, NamedRow, Store, current_schema};

/// A name, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Suggestion {
    /// As it can be typed.
    pub name: String,
    /// What it is: an ARN, an account.
    pub about: String,
}

/// What names are known.
pub struct Known<'c> {
    context: &'c Context,
    store: Option<Store>,
}

/// From here on, a word is an ARN.
const ARN: &str = "arn:";
/// From here on, a word may be an access key id (IAM User Guide, "IAM identifiers"); before, their crowd would hide the
/// names.
const KEYS: [&str; 2] = ["AKIA", "ASIA"];

impl<'c> Known<'c> {
    /// What the store at this path knows, if there is one that can be read, and the person's AWS files.
    pub fn of(context: &'c Context, store: &Path) -> Self {
        let store = Store::open_to_look(store).ok().flatten();
        let store = store.filter(|store| store.read().schema_version().is_ok_and(|it| it == current_schema()));
        Self { context, store }
    }

    /// Every name of an identity that begins so: labels, `A/N`, profiles; ARNs and access key ids where they are begun.
    pub fn identities(&self, start: &str) -> Vec<Suggestion> {
        if start.starts_with(ARN) {
            return self.arns(start);
        }
        let mut names = self.profiles(start);
        names.extend(self.labels(start));
        names.extend(self.in_accounts(start));
        if KEYS.iter().any(|key| start.starts_with(key)) {
            names.extend(self.access_keys(start));
        }
        in_order(names)
    }

    /// The accounts whose alias or id begins so.
    pub fn accounts(&self, start: &str) -> Vec<Suggestion> {
        let mut names = Vec::new();
        for account in self.account_rows(start) {
            let id = account.account_id.clone();
            match &account.alias {
                Some(alias) if alias.starts_with(start) => names.push(suggestion(alias, id)),
                _ => {}
            }
            if account.account_id.starts_with(start) {
                let about = account.alias.clone().unwrap_or_default();
                names.push(suggestion(&account.account_id, about));
            }
        }
        in_order(names)
    }

    /// The ARNs that begin so.
    pub fn arns(&self, start: &str) -> Vec<Suggestion> {
        // arn:PARTITION:SERVICE::ACCOUNT:KIND/…
        let mut fields = start.splitn(6, ':').skip(4);
        let account = fields.next().unwrap_or_default();
        let mut names = Vec::new();
        for row in self.account_rows("") {
            if !row.account_id.starts_with(account) {
                continue;
            }
            let shown =
                |named: &NamedRow| named.label.clone().unwrap_or_else(|| named.identity.typed(row.alias.as_deref()));
            let of_account = self.rows(|store| store.read().names_beginning(&row, "").ok());
            let arns = of_account.iter().map(|named| (named.identity.arn(named.path.as_deref()), shown(named)));
            names.extend(arns.filter(|(arn, _)| arn.starts_with(start)).map(|(arn, about)| suggestion(&arn, about)));
        }
        in_order(names)
    }

    /// The access key ids of the store that begin so.
    pub fn access_keys(&self, start: &str) -> Vec<Suggestion> {
        let keys = self.rows(|store| store.read().access_keys_beginning(start).ok());
        let keys = keys.into_iter().filter(|(key, _)| is_access_key_id(key));
        keys.map(|(key, kind)| suggestion(&key, format!("access key ({kind})"))).collect()
    }

    /// The profiles of the AWS files that begin so: from the parsed form that the store keeps, where it is of the files as
    /// they are.
    pub fn profiles(&self, start: &str) -> Vec<Suggestion> {
        let Some(files) = aws_files(self.context) else { return Vec::new() };
        let kept = files.stamps(self.context.now()).and_then(|stamps| {
            let store = self.store.as_ref()?;
            let source = store.read().profile_source(&files.names(), &stamps).ok()??;
            store.read().profiles_beginning(source, start).ok()
        });
        if let Some(kept) = kept {
            return kept.into_iter().map(|(name, role)| suggestion(&name, of_profile(role))).collect();
        }
        let Ok(profiles) = Profiles::read(&files) else { return Vec::new() };
        let beginning = profiles.iter().filter(|profile| profile.name.starts_with(start));
        beginning.map(|it| suggestion(&it.name, of_profile(it.role().map(|role| role.key())))).collect()
    }

    fn labels(&self, start: &str) -> Vec<Suggestion> {
        let rows = self.rows(|store| store.read().labels_beginning(start).ok());
        rows.into_iter().filter_map(|row| Some(suggestion(row.label.as_deref()?, arn(&row)))).collect()
    }

    /// `A/N`, `A/user/N`, …: with the account's name whole and some of what follows, or some of the account's name.
    fn in_accounts(&self, start: &str) -> Vec<Suggestion> {
        let (account, rest) = start.split_once('/').map_or((start, None), |(account, rest)| (account, Some(rest)));
        let mut names = Vec::new();
        for row in self.account_rows(account) {
            for called in [row.alias.as_deref(), Some(&row.account_id)].into_iter().flatten() {
                let is_meant = match rest {
                    Some(_) => called == account,
                    // Its id is a name that is offered only where it is the only one, or begun.
                    None => {
                        called.starts_with(account)
                            && (row.alias.is_none() || called != row.account_id || !account.is_empty())
                    }
                };
                if is_meant {
                    self.names_in(&row, called, rest.unwrap_or_default(), &mut names);
                }
            }
        }
        names
    }

    /// The identities of an account that is called so, of whose names the rest is begun.
    fn names_in(&self, account: &AccountRow, called: &str, rest: &str, names: &mut Vec<Suggestion>) {
        for kind in [Kind::Role, Kind::User, Kind::Federated, Kind::Root] {
            let lead = match kind {
                Kind::Role | Kind::Root => String::new(),
                kind => format!("{}/", kind.word()),
            };
            // Either it goes on behind the word of the kind, or that word is not whole yet.
            let start = match rest.strip_prefix(&lead) {
                Some(start) => start,
                None if lead.starts_with(rest) => "",
                None => continue,
            };
            let rows = self.rows(|store| store.read().names_beginning(account, start).ok());
            let of_kind = rows.into_iter().filter(|row| row.identity.kind == kind);
            names.extend(of_kind.map(|row| suggestion(&row.identity.typed(Some(called)), arn(&row))));
        }
    }

    fn account_rows(&self, start: &str) -> Vec<AccountRow> {
        self.rows(|store| store.read().accounts_beginning(start).ok())
    }

    fn rows<T>(&self, read: impl FnOnce(&Store) -> Option<Vec<T>>) -> Vec<T> {
        self.store.as_ref().and_then(read).unwrap_or_default()
    }
}

fn suggestion(name: &str, about: String) -> Suggestion {
    Suggestion { name: name.to_owned(), about }
}

fn arn(row: &NamedRow) -> String {
    row.identity.arn(row.path.as_deref())
}

/// What is told of a profile, by the key of its role: `aws:222233334444:role:Admin`.
fn of_profile(role: Option<String>) -> String {
    let Some(role) = role else { return "profile".to_owned() };
    let mut fields = role.splitn(4, ':');
    let (partition, account) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    let name = fields.nth(1).unwrap_or_default();
    let role = Identity {
        partition: partition.to_owned(),
        account: account.to_owned(),
        kind: Kind::Role,
        name: name.to_owned(),
    };
    format!("profile of {role}")
}

/// By name; of several that have the same one, the first that was found.
fn in_order(mut names: Vec<Suggestion>) -> Vec<Suggestion> {
    names.sort_by(|one, other| one.name.cmp(&other.name));
    names.dedup_by(|later, earlier| later.name == earlier.name);
    names
}
