//! `link`: from whom a role is assumed.

use serde_json::json;

use crate::asking;
use crate::cli::{Asking, Global, Link};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::identity::arn::{self, PrincipalArn};
use crate::identity::name::{Form, form};
use crate::identity::request::{is_external_id, is_mfa_serial, is_region, is_session_name, limits};
use crate::identity::route::RoleHop;
use crate::identity::{Identity, Kind};
use crate::resolve::{Catalogue, LookupError, ProposedLink, ResolveError, Resolver, Target};
use crate::store::{Durability, IdentityRow, StoreError};

pub(super) fn run(context: &Context, global: &Global, arguments: &Link) -> Result<(), Failure> {
    check(arguments)?;
    let mut resolver = asking::resolver(context, global, &Asking::default())?;
    let parent = parent(resolver.catalogue(), &arguments.parent)?;
    let role = role(resolver.catalogue(), arguments, &parent)?;
    check_partition(&role, &parent)?;
    let serial = mfa_serial(arguments, &parent)?;
    let link = proposed(arguments, role, &parent, serial);
    if arguments.verify {
        verify(context, &mut resolver, &link)?;
    }
    let shown = store_link(context, &mut resolver, &link, &parent)?;
    let detail = format!("from {}", parent.shown());
    asking::record_change(context, resolver.store_path(), "link", (&shown, Some(&link.hop.role_arn)), &detail);
    if global.json {
        let answer = json!({ "identity": shown, "arn": link.hop.role_arn, "parent": parent.shown() });
        return Ok(context.answer_json(&answer)?);
    }
    context.note(&format!("{shown} is assumed from {}", parent.shown()));
    Ok(())
}

/// A flag, its value, what it must fulfil, and that in words.
type Rule<'a> = (&'a str, Option<&'a String>, fn(&str) -> bool, &'a str);

fn check(arguments: &Link) -> Result<(), Failure> {
    let rules: [Rule<'_>; 4] = [
        ("--external-id", arguments.external_id.as_ref(), is_external_id, "2 to 1224 letters, digits or _+=,.@:/-"),
        ("--mfa-serial", arguments.mfa_serial.as_ref(), is_mfa_serial, "an MFA device's ARN or serial number"),
        ("--region", arguments.region.as_ref(), is_region, "the code of a region, such as eu-west-1"),
        ("--session-name", arguments.session_name.as_ref(), is_session_name, "2 to 64 letters, digits or _+=,.@-"),
    ];
    for (flag, value, is_good, wanted) in rules {
        if let Some(value) = value.filter(|value| !is_good(value)) {
            let fact = format!("{flag} '{}' is not what AWS takes", value.escape_debug());
            return Err(Failure::usage(fact, format!("it should be {wanted}")));
        }
    }
    match arguments.duration {
        Some(seconds) if !(limits::SHORTEST..=limits::ROLE).contains(&seconds) => Err(Failure::usage(
            format!("a role session lasts from 900 to 43200 seconds, not {seconds}"),
            "ask for a duration within those limits",
        )),
        _ => Ok(()),
    }
}

/// The parent must be known, and must be somebody who can assume roles.
fn parent(catalogue: &Catalogue<'_>, typed: &str) -> Result<IdentityRow, Failure> {
    let not_stored = || {
        let fact = format!("'{}' is not an identity of the store", typed.escape_debug());
        Failure::new(
            Exit::Identity,
            fact,
            "multicred import its credentials first, then name it as multicred list does",
        )
    };
    let row = match catalogue.lookup(typed)? {
        Target::Known(row) => row,
        Target::Profile(profile) => {
            let holder = catalogue.destination(&Target::Profile(profile), typed)?;
            let identity = holder.identity().ok_or_else(not_stored)?;
            catalogue
                .store()
                .map(|store| store.read().identity(identity))
                .transpose()?
                .flatten()
                .ok_or_else(not_stored)?
        }
        Target::OfProfiles(_) | Target::Key(..) | Target::Nobody => return Err(not_stored()),
    };
    match row.identity.kind {
        Kind::User | Kind::Role => Ok(row),
        kind => {
            let fact = format!("{} is a {} identity, which cannot assume roles", row.shown(), kind.word());
            Err(Failure::usage(fact, "choose a user or a role as the parent"))
        }
    }
}

/// The role that is linked: known, or new under the name that was typed.
fn role(catalogue: &Catalogue<'_>, arguments: &Link, parent: &IdentityRow) -> Result<PrincipalArn, Failure> {
    let named = named_role(catalogue, &arguments.identity, parent)?;
    let Some(text) = &arguments.role_arn else { return Ok(named) };
    let given = arn::parse(text).map_err(|error| {
        Failure::usage(format!("--role-arn '{}': {error}", text.escape_debug()), "it should be a role's ARN")
    })?;
    if given.identity != named.identity || given.session_name.is_some() {
        let fact = format!("--role-arn names {}, and {} is {}", given.identity, arguments.identity, named.identity);
        return Err(Failure::usage(fact, "let both name the same role"));
    }
    Ok(given)
}

fn named_role(catalogue: &Catalogue<'_>, typed: &str, parent: &IdentityRow) -> Result<PrincipalArn, Failure> {
    let found = match catalogue.lookup(typed) {
        Ok(Target::Known(row)) => PrincipalArn { identity: row.identity, path: row.path, session_name: None },
        Ok(Target::OfProfiles(identity)) => {
            let arn = catalogue.destination(&Target::OfProfiles(identity.clone()), typed).ok().and_then(|d| d.arn);
            let path = arn.and_then(|text| arn::parse(&text).ok()).and_then(|arn| arn.path);
            PrincipalArn { identity, path, session_name: None }
        }
        Ok(Target::Profile(profile)) => {
            let parsed = profile.value("role_arn").and_then(|text| arn::parse(text).ok());
            parsed.ok_or_else(|| not_a_role(typed))?
        }
        Ok(Target::Key(..) | Target::Nobody) => return Err(not_a_role(typed)),
        Err(ResolveError::Lookup(LookupError::Unknown { name, nearest })) => {
            new_role(catalogue, typed, &parent.identity.partition)?
                .ok_or_else(|| Failure::from(ResolveError::from(LookupError::Unknown { name, nearest })))?
        }
        Err(error) => return Err(error.into()),
    };
    if found.identity.kind == Kind::Role { Ok(found) } else { Err(not_a_role(typed)) }
}

fn not_a_role(typed: &str) -> Failure {
    let fact = format!("'{}' is not a role, and only roles are assumed", typed.escape_debug());
    Failure::usage(fact, "name a role: ALIAS/ROLE or its ARN")
}

/// A role that nobody knows yet: an ARN says all; `A/N` says enough where the account is known or an id.
fn new_role(catalogue: &Catalogue<'_>, typed: &str, partition: &str) -> Result<Option<PrincipalArn>, Failure> {
    match form(typed) {
        Form::Arn(arn) => Ok(Some(arn)),
        Form::InAccount { account, kinds, name } => {
            if !kinds.contains(&Kind::Role) {
                return Err(not_a_role(typed));
            }
            let rows = catalogue.store().map(|store| store.read().accounts_named(&account)).transpose()?;
            let place = match rows.unwrap_or_default().as_slice() {
                [row] => Some((row.partition.clone(), row.account_id.clone())),
                [] if arn::is_account_id(&account) => Some((partition.to_owned(), account)),
                _ => None,
            };
            Ok(place.map(|(partition, account)| PrincipalArn {
                identity: Identity { partition, account, kind: Kind::Role, name },
                path: None,
                session_name: None,
            }))
        }
        Form::Nobody | Form::Word => Ok(None),
    }
}

/// No credential of one partition means anything in another.
fn check_partition(role: &PrincipalArn, parent: &IdentityRow) -> Result<(), Failure> {
    let (of_role, of_parent) = (&role.identity.partition, &parent.identity.partition);
    if of_role == of_parent {
        return Ok(());
    }
    let fact = format!("the role is in the partition {of_role}, and {} in {of_parent}", parent.shown());
    Err(Failure::usage(fact, "choose a parent in the role's partition"))
}

/// Only users have MFA devices: the credentials of a role carry no MFA, whatever stands above it.
fn mfa_serial(arguments: &Link, parent: &IdentityRow) -> Result<Option<String>, Failure> {
    match &arguments.mfa_serial {
        Some(_) if parent.identity.kind == Kind::Role => Err(Failure::usage(
            format!("{} is a role, and a role's credentials cannot send an MFA code", parent.shown()),
            "leave --mfa-serial out, or choose the user as the parent",
        )),
        serial => Ok(serial.clone()),
    }
}

fn proposed(arguments: &Link, role: PrincipalArn, parent: &IdentityRow, serial: Option<String>) -> ProposedLink {
    let hop = RoleHop {
        role_arn: role.identity.arn(role.path.as_deref()),
        external_id: arguments.external_id.clone(),
        mfa_serial: serial,
        duration: arguments.duration,
        session_name: arguments.session_name.clone(),
        ..RoleHop::default()
    };
    let mfa_serial = parent.mfa_serial.clone().or_else(|| hop.mfa_serial.clone());
    ProposedLink {
        role: role.identity,
        path: role.path,
        region: arguments.region.clone(),
        parent: IdentityRow { mfa_serial, ..parent.clone() },
        hop,
    }
}

fn store_link(
    context: &Context,
    resolver: &mut Resolver<'_>,
    link: &ProposedLink,
    before: &IdentityRow,
) -> Result<String, Failure> {
    let now = context.now();
    let (store, _) = resolver.store_and_keys()?;
    let stored: Result<Option<IdentityRow>, StoreError> = store.write(Durability::Synced, |writing| {
        let target = writing.ensure_identity(&link.role, link.path.as_deref())?;
        if let (Some(serial), None) = (&link.parent.mfa_serial, &before.mfa_serial) {
            writing.set_mfa_serial(before.id, serial)?;
        }
        if let Some(region) = &link.region {
            writing.set_region(target, region)?;
        }
        writing.set_link(target, before.id, &link.hop, now)?;
        writing.read().identity(&link.role)
    });
    Ok(stored?.map_or_else(|| link.role.to_string(), |row| row.shown()))
}

/// Only what works is stored: a kill before that leaves everything as it was.
fn verify(context: &Context, resolver: &mut Resolver<'_>, link: &ProposedLink) -> Result<(), Failure> {
    let shown = resolver.catalogue().proposed_row(link)?.shown();
    let verified = resolver.prove_link(link).map_err(|error| {
        asking::record(context, resolver.store_path(), "link", &shown, None, &format!("not kept: {}", error.outcome()));
        not_kept(&shown, error)
    })?;
    for warning in &verified.warnings {
        context.note(warning);
    }
    context.note(&format!("assumed {shown}: the link works"));
    Ok(())
}

fn not_kept(shown: &str, error: ResolveError) -> Failure {
    let failure = Failure::from(error);
    let more = "without --verify it is kept all the same";
    let fact = format!("{}; the link of {shown} is not kept", failure.fact);
    let remedy = failure.remedy.map_or_else(|| more.to_owned(), |remedy| format!("{remedy}\n{more}"));
    Failure { fact, remedy: Some(remedy), ..failure }
}
