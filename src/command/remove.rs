//! `remove`: an identity, or one credential, goes from the store. What is lost is said first.

use serde_json::{Value, json};

use crate::asking;
use crate::changing;
use crate::cli::{Asking, Global, Remove};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::identity::name::is_access_key_id;
use crate::identity::request::say_duration;
use crate::identity::route::{CredentialKind, Held};
use crate::resolve::copies::Life;
use crate::resolve::{LookupError, ResolveError, Resolver, Target};
use crate::store::{Durability, IdentityRow, Owner, Phase, Reading, RotationRow, StoreError, Writing};

pub(super) fn run(context: &Context, global: &Global, arguments: &Remove) -> Result<(), Failure> {
    let mut resolver = asking::resolver(context, global, &Asking::default())?;
    let subject = Subject::of(&resolver, arguments)?;
    let loss = resolver.catalogue().store().map(|store| subject.loss(store.read())).transpose()?;
    let loss = loss.ok_or(ResolveError::CredentialGone)?;
    let shown = subject.shown();
    let nobody = format!("{shown} is removed once somebody has said yes, and nobody can be asked");
    changing::check_can_agree(context, arguments.yes, &nobody)?;
    if !arguments.force {
        check_rotation(&resolver, &subject)?;
        check_copies(&mut resolver, &subject, &loss)?;
    }
    loss.lines(&subject, context.now()).iter().for_each(|line| context.note(line));
    changing::agree(arguments.yes, &format!("Remove {shown}?"))?;
    carry_out(&mut resolver, &subject, &loss)?;
    let of = (shown.as_str(), subject.arn());
    asking::record_change(context, resolver.store_path(), "remove", (of.0, of.1.as_deref()), &loss.in_words(&subject));
    if global.json {
        context.answer_json(&as_json(&subject, &loss))?;
    } else {
        context.note(&format!("removed {shown}"));
    }
    if let Subject::Identity(row) = &subject {
        changing::note_what_asks(context, &resolver, &row.shown(), Some(&row.identity));
        changing::note_live_sessions(context, Some(&row.shown()));
    }
    Ok(())
}

/// What is to go.
enum Subject {
    /// An identity, and whatever is its.
    Identity(IdentityRow),
    /// One credential, and whose it is, where anybody knows.
    Key(String, Option<IdentityRow>),
}

impl Subject {
    fn of(resolver: &Resolver<'_>, arguments: &Remove) -> Result<Self, Failure> {
        let named = |name: &String| changing::stored(resolver.catalogue(), name);
        match (&arguments.identity, &arguments.key) {
            (whose, Some(key)) => Self::of_key(resolver, key, whose.as_ref().map(named).transpose()?),
            // An access key id names that very credential, here as everywhere.
            (Some(name), None) if is_key(resolver, name)? => Self::of_key(resolver, name, None),
            (Some(name), None) => Ok(Self::Identity(named(name)?)),
            (None, None) => Err(ResolveError::from(LookupError::Nobody).into()),
        }
    }

    fn of_key(resolver: &Resolver<'_>, key: &str, whose: Option<IdentityRow>) -> Result<Self, Failure> {
        let shown = key.escape_debug();
        let store = resolver.catalogue().store();
        let row = store.map(|store| store.read().credential_with_key(key)).transpose()?.flatten();
        let Some(row) = row else {
            let remedy = "multicred show NAME has the keys of an identity";
            return Err(Failure::new(Exit::Identity, format!("the store has no key '{shown}'"), remedy));
        };
        let owner = resolver.owner_of_key(&row.held.access_key_id)?;
        match whose {
            Some(whose) if owner.as_ref() != Some(&whose) => {
                let of = owner.map_or_else(|| "somebody nobody has asked for".to_owned(), |owner| owner.shown());
                let fact = format!("{shown} is not a key of {}, but of {of}", whose.shown());
                Err(Failure::usage(fact, "name the two that belong together, or the key alone"))
            }
            _ => Ok(Self::Key(row.held.access_key_id, owner)),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Identity(row) => row.shown(),
            Self::Key(key, _) => key.clone(),
        }
    }

    fn whose(&self) -> Option<&IdentityRow> {
        match self {
            Self::Identity(row) => Some(row),
            Self::Key(_, owner) => owner.as_ref(),
        }
    }

    fn arn(&self) -> Option<String> {
        self.whose().map(IdentityRow::arn)
    }

    fn loss(&self, reading: Reading<'_>) -> Result<Loss, StoreError> {
        match self {
            Self::Identity(row) => {
                let link = reading.link_of(row.id)?;
                let parent = link.map(|(parent, _)| reading.identity_row(parent)).transpose()?.flatten();
                Ok(Loss {
                    held: reading.credentials_of(&Owner::Identity(row.id))?,
                    parent: parent.map(|row| row.shown()),
                    children: reading.children(row.id)?.iter().map(IdentityRow::shown).collect(),
                })
            }
            Self::Key(key, _) => {
                let held = reading.credential_with_key(key)?.map(|row| row.held);
                Ok(Loss { held: held.into_iter().collect(), parent: None, children: Vec::new() })
            }
        }
    }

    fn remove(&self, writing: &Writing<'_>) -> Result<(), StoreError> {
        match self {
            Self::Identity(row) => writing.remove_identity(row.id),
            Self::Key(key, _) => match writing.read().credential_with_key(key)? {
                Some(row) => writing.remove_credential(row.id),
                None => Ok(()),
            },
        }
    }
}

fn is_key(resolver: &Resolver<'_>, name: &str) -> Result<bool, ResolveError> {
    Ok(is_access_key_id(name) && matches!(resolver.catalogue().lookup(name)?, Target::Key(..)))
}

/// What is lost.
struct Loss {
    held: Vec<Held>,
    parent: Option<String>,
    children: Vec<String>,
}

impl Loss {
    /// What a person must know before they say yes.
    fn lines(&self, subject: &Subject, now: i64) -> Vec<String> {
        let mut lines = Vec::new();
        for Held { access_key_id, kind, expires_at, created_at, .. } in &self.held {
            let end = match expires_at.map(|end| end - now) {
                None => format!("stored {} ago", say_duration(now - created_at)),
                Some(left) if left > 0 => format!("{} left", say_duration(left)),
                Some(_) => "expired".to_owned(),
            };
            lines.push(format!("credential {access_key_id} goes ({}, {end})", kind.word()));
        }
        if let Some(parent) = &self.parent {
            lines.push(format!("its link goes: it is assumed from {parent}"));
        }
        if !self.children.is_empty() {
            let children = self.children.join(", ");
            lines.push(format!("these stay, and are assumed from nobody any more: {children}"));
        }
        if let Subject::Identity(row) = subject {
            lines.push(format!("what is known of {} goes: its names, region and MFA device", row.arn()));
        }
        if self.held.iter().any(|held| held.kind == CredentialKind::LongTerm) {
            lines.push("AWS keeps a long-lived key, and takes it, until it is deleted there".to_owned());
        }
        lines
    }

    /// What went, for the history.
    fn in_words(&self, subject: &Subject) -> String {
        let keys = self.held.iter().map(|held| held.access_key_id.as_str()).collect::<Vec<_>>().join(", ");
        match subject {
            Subject::Key(..) => "that credential alone".to_owned(),
            Subject::Identity(_) if keys.is_empty() => "all that was known of it".to_owned(),
            Subject::Identity(_) => format!("all that was known of it, and {keys}"),
        }
    }

    /// What cannot be had again.
    fn for_good(&self) -> Vec<&str> {
        let lasting = self.held.iter().filter(|held| !held.kind.is_obtainable());
        lasting.map(|held| held.access_key_id.as_str()).chain(self.children.iter().map(String::as_str)).collect()
    }
}

/// Refuses where a rotation was interrupted: what it has left to do would be forgotten.
fn check_rotation(resolver: &Resolver<'_>, subject: &Subject) -> Result<(), Failure> {
    let (Some(row), Some(store)) = (subject.whose(), resolver.catalogue().store()) else { return Ok(()) };
    // One that has made nothing knows nothing about a single key that anybody would miss.
    let is_harmless = |journal: &RotationRow| matches!(subject, Subject::Key(..)) && journal.phase == Phase::Intended;
    if store.read().rotation_of(row.id)?.is_none_or(|journal| is_harmless(&journal)) {
        return Ok(());
    }
    let shown = row.shown();
    let fact = format!("the rotation of the long-term key of {shown} was interrupted, and has something left to do");
    Err(Failure::new(Exit::Failure, fact, format!("multicred rotate {shown} finishes it; or say --force")))
}

/// Refuses where the secret of a long-lived key that works is nowhere else: AWS shows it once.
fn check_copies(resolver: &mut Resolver<'_>, subject: &Subject, loss: &Loss) -> Result<(), Failure> {
    for held in loss.held.iter().filter(|held| held.kind == CredentialKind::LongTerm) {
        let key = &held.access_key_id;
        if resolver.copy_of(key)?.is_some() {
            continue;
        }
        let why = match resolver.life_of(key, subject.whose())? {
            Life::Gone => continue,
            Life::Live => "AWS takes it still".to_owned(),
            Life::Unknown(why) => format!("whether AWS takes it still cannot be told: {why}"),
        };
        let fact = format!("the store has the only copy of the long-lived key {key}, and {why}");
        let remedy =
            format!("delete it at AWS first (aws iam delete-access-key --access-key-id {key}), or say --force");
        return Err(Failure::new(Exit::Failure, fact, remedy));
    }
    Ok(())
}

/// All of it goes at once, or nothing; and nothing for good that was not said.
fn carry_out(resolver: &mut Resolver<'_>, subject: &Subject, said: &Loss) -> Result<(), Failure> {
    let (store, _) = resolver.keys().ok_or(ResolveError::CredentialGone)?;
    store.erase_what_is_replaced();
    store.write(Durability::Synced, |writing| {
        if subject.loss(writing.read())?.for_good() != said.for_good() {
            let fact = format!("what is stored of {} has changed meanwhile", subject.shown());
            return Err(Failure::new(Exit::Failure, fact, "nothing was removed; run the command again"));
        }
        Ok(subject.remove(writing)?)
    })
}

fn as_json(subject: &Subject, loss: &Loss) -> Value {
    let held = |held: &Held| json!({ "access_key_id": held.access_key_id, "kind": held.kind.word() });
    json!({
        "identity": subject.whose().map(IdentityRow::shown),
        "arn": subject.arn(),
        "identity_removed": matches!(subject, Subject::Identity(_)),
        "credentials": loss.held.iter().map(held).collect::<Vec<_>>(),
        "parent": loss.parent,
        "children": loss.children,
    })
}
