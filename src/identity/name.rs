//! The names a person types, by their form alone.

use super::arn::{self, PrincipalArn, is_account_id};
use super::{Identity, Kind};

/// The longest label or alias.
const LABEL_MAX: usize = 63;

/// What the form of a typed name allows it to be. Any text may also be a profile name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// `-`: nobody.
    Nobody,
    /// An ARN of a principal.
    Arn(PrincipalArn),
    /// `A/N`, `A/user/N`, `A/root`, `A/federated/N`: kinds in the order they are tried.
    InAccount {
        /// An alias or a twelve-digit id.
        account: String,
        /// The kinds it may be: one, or role and user for `A/N`.
        kinds: Vec<Kind>,
        /// The IAM name without path; empty for root.
        name: String,
    },
    /// One word: a label, an access key id or a profile.
    Word,
}

/// Reads a typed name's form.
pub fn form(text: &str) -> Form {
    if text == "-" {
        return Form::Nobody;
    }
    if let Ok(arn) = arn::parse(text) {
        return Form::Arn(arn);
    }
    in_account(text).unwrap_or(Form::Word)
}

fn in_account(text: &str) -> Option<Form> {
    let (account, rest) = text.split_once('/')?;
    if !is_label(account) {
        return None;
    }
    let (kinds, name) = match rest.split_once('/') {
        None if rest == "root" => (vec![Kind::Root], ""),
        None => (vec![Kind::Role, Kind::User], rest),
        Some(("role", name)) => (vec![Kind::Role], name),
        Some(("user", name)) => (vec![Kind::User], name),
        Some(("federated", name)) => (vec![Kind::Federated], name),
        Some(_) => return None,
    };
    let named = kinds == [Kind::Root] || arn::is_iam_name(name);
    named.then(|| Form::InAccount { account: account.to_owned(), kinds, name: name.to_owned() })
}

/// The account that an access key id tells of; `None` where it is of the older sort, which tells of none.
///
/// Source: Tal Be'ery, "A short note on AWS KEY ID" (2023); AWS documents that the ids tell, and not how. Behind the prefix
/// stand 80 bits in base 32 (RFC 4648): a one, 40 bits of account id, and what tells keys of one account apart.
pub fn account_of_key(id: &str) -> Option<String> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digits = id.as_bytes().get(4..14).filter(|_| is_access_key_id(id))?;
    let value = |byte: &u8| u64::try_from(ALPHABET.iter().position(|digit| digit == byte)?).ok();
    let bits = digits.iter().try_fold(0, |bits: u64, byte| Some(bits << 5 | value(byte)?))?;
    let account = (bits >> 9) & ((1 << 40) - 1);
    (bits >> 49 == 1).then(|| format!("{account:012}")).filter(|id| is_account_id(id))
}

/// Whether this may be a label or an account alias: `[A-Za-z0-9][A-Za-z0-9._+=,@-]{0,62}`.
pub fn is_label(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= LABEL_MAX
        && bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"._+=,@-".contains(&byte))
}

/// Why a text cannot be the label of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelFault {
    /// It is too long, or has a character that no label has.
    #[error("use a letter or digit, then up to 62 letters, digits or ._+=,@-")]
    Form,
    /// It is read as an account.
    #[error("twelve digits are an account id: add a letter")]
    AccountId,
    /// It is read as a key.
    #[error("it looks like an access key id, which names that very key: choose another")]
    AccessKeyId,
}

/// That a text may be the label of an identity: it means nothing else by its form.
///
/// # Errors
/// See [`LabelFault`].
pub fn check_label(text: &str) -> Result<(), LabelFault> {
    // IAM user guide, "Understanding unique ID prefixes".
    let is_like_key = |text: &str| {
        let of_aws = ["AKIA", "ASIA"].iter().any(|prefix| text.starts_with(prefix));
        of_aws && is_access_key_id(text) && !text.bytes().any(|byte| byte.is_ascii_lowercase())
    };
    match text {
        _ if !is_label(text) => Err(LabelFault::Form),
        _ if arn::is_account_id(text) => Err(LabelFault::AccountId),
        _ if is_like_key(text) => Err(LabelFault::AccessKeyId),
        _ => Ok(()),
    }
}

/// Whether this has the form of an access key id (IAM API reference, `AccessKeyMetadata`: `\w{16,128}`).
pub fn is_access_key_id(text: &str) -> bool {
    (16..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The name shown for an identity: the label, else the profile where one was asked for, else `A/N`.
pub fn shown(label: Option<&str>, profile: Option<&str>, identity: &Identity, alias: Option<&str>) -> String {
    label.or(profile).map_or_else(|| identity.typed(alias), str::to_owned)
}

/// The `count` names nearest to what was typed, nearest first; none that is too far to be meant.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>, count: usize) -> Vec<&'a str> {
    /// Below this Jaro-Winkler similarity a suggestion is noise.
    const FLOOR: f64 = 0.75;
    let typed = typed.to_lowercase();
    let mut scored: Vec<(f64, &str)> = names
        .map(|name| (strsim::jaro_winkler(&typed, &name.to_lowercase()), name))
        .filter(|(score, _)| *score >= FLOOR)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup_by_key(|(_, name)| *name);
    scored.into_iter().take(count).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_account(account: &str, kinds: &[Kind], name: &str) -> Form {
        Form::InAccount { account: account.into(), kinds: kinds.into(), name: name.into() }
    }

    #[test]
    fn a_key_id_tells_its_account_where_it_is_of_the_newer_sort() {
        assert_eq!(account_of_key("ASIAY34FZKBOKMUTVV7A").as_deref(), Some("609629065308"));
        assert_eq!(account_of_key("AKIAQYLPMN5HHHFPZAM2").as_deref(), Some("052310077262"));
        for id in [
            "AKIAIOSFODNN7EXAMPLE",
            "AKIAJOSFODNN7EXAMPLE",
            "AKIA",
            "",
            "AKIAQ0000000000000000",
            "ASIA7777777777777777",
        ] {
            assert_eq!(account_of_key(id), None, "{id}");
        }
    }

    #[test]
    fn every_written_form_is_read() {
        assert_eq!(form("-"), Form::Nobody);
        assert_eq!(form("prod/Admin"), in_account("prod", &[Kind::Role, Kind::User], "Admin"));
        assert_eq!(form("prod/user/alice"), in_account("prod", &[Kind::User], "alice"));
        assert_eq!(form("111122223333/root"), in_account("111122223333", &[Kind::Root], ""));
        assert_eq!(form("prod/federated/bob"), in_account("prod", &[Kind::Federated], "bob"));
        assert_eq!(form("work"), Form::Word);
        assert_eq!(form("a/b/c"), Form::Word);
        assert_eq!(form("prod/$(id)"), Form::Word);
        assert!(matches!(form("arn:aws:iam::111122223333:role/Admin"), Form::Arn(_)));
        assert_eq!(form("arn:aws:iam::111122223333:role/$(id)"), Form::Word);
    }

    #[test]
    fn labels_have_a_narrow_character_set() {
        for good in ["a", "prod", "9x", "a.b_c+d=e,f@g-h", &"a".repeat(63)] {
            assert!(is_label(good), "{good}");
        }
        for bad in ["", "-a", ".a", "a b", "a/b", "é", "a$", &"a".repeat(64)] {
            assert!(!is_label(bad), "{bad}");
        }
    }

    #[test]
    fn a_label_is_nothing_that_its_form_makes_an_account_or_a_key() {
        for good in
            ["a", "11112222333", "1111222233334", "prod-admin", "administratorofprod", "AKIA", "Akiaiosfodnn7example"]
        {
            assert_eq!(check_label(good), Ok(()), "{good}");
        }
        assert_eq!(check_label("111122223333"), Err(LabelFault::AccountId));
        for key in ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "AKIA_OLD_OLD_OLD_1"] {
            assert_eq!(check_label(key), Err(LabelFault::AccessKeyId), "{key}");
        }
        assert_eq!(check_label("a/b"), Err(LabelFault::Form));
    }

    #[test]
    fn nearest_names_come_nearest_first_and_far_ones_not_at_all() {
        let names = ["prod/Admin", "prod/ReadOnly", "dev/user/alice"];
        assert_eq!(nearest("prod/Amdin", names.into_iter(), 1), ["prod/Admin"]);
        assert!(nearest("zzzz", names.into_iter(), 3).is_empty());
    }
}
