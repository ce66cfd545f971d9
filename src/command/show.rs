//! `show`: everything that is known of one identity or profile. Asks nobody, opens no seal.

use serde_json::{Value, json};

use crate::cli::{Global, Show};
use crate::context::{Context, printable};
use crate::error::Failure;
use crate::identity::key_age::say_age;
use crate::identity::request::say_duration;
use crate::identity::route::{Held, Place, RoleHop};
use crate::prompt::Never;
use crate::resolve::{By, Facts, Parent, Resolver, store_path};
use crate::table::say_standing;

pub(super) fn run(context: &Context, global: &Global, arguments: &Show) -> Result<(), Failure> {
    let path = store_path(context, global.store.as_deref())?;
    let resolver = Resolver::new(context, path, Box::new(Never), None)?;
    let catalogue = resolver.catalogue();
    if let Some(store) = catalogue.store() {
        store.begin_snapshot();
    }
    let facts = catalogue.facts(&arguments.identity)?;
    if global.json {
        return Ok(context.answer_json(&as_json(&facts))?);
    }
    Ok(context.answer(&text(&facts, context.now()))?)
}

fn text(facts: &Facts, now: i64) -> String {
    let first = match &facts.arn {
        Some(arn) => format!("{}  {arn}", facts.shown),
        None => facts.shown.clone(),
    };
    let line = |what: &str, value: &str| format!("  {what}: {value}");
    let optional = |what: &str, value: &Option<String>| value.as_deref().map(|value| line(what, value));
    let of = match &facts.profile_of {
        _ if !facts.is_profile => None,
        Some(of) => Some(line("a profile, of", of)),
        None => Some("  a profile".to_owned()),
    };
    let mut lines = vec![first];
    lines.extend(of);
    lines.extend([line("state", &say_standing(&facts.standing, now)), line("kind", facts.kind)]);
    lines.extend((!facts.names.is_empty()).then(|| line("names", &facts.names.join(", "))));
    lines.extend(account(facts));
    lines.extend(optional("label", &facts.label));
    lines.extend(optional("region", &facts.region));
    lines.extend(optional("MFA device", &facts.mfa_serial));
    lines.extend(facts.parent.iter().flat_map(parent));
    lines.extend((!facts.children.is_empty()).then(|| line("children", &facts.children.join(", "))));
    let credentials = facts.held.iter().map(|held| line("credential", &credential(held, now)));
    lines.extend(credentials);
    lines.extend(facts.profiles.iter().map(|(name, place)| {
        let place = place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
        line("profile", &format!("{name}{place}"))
    }));
    lines.iter().map(|line| printable(line) + "\n").collect()
}

fn account(facts: &Facts) -> Option<String> {
    let account = &facts.identity.as_ref()?.account;
    let alias = facts.alias.as_ref().map(|alias| format!(" ({alias})")).unwrap_or_default();
    let colour = facts.colour.as_ref().map(|colour| format!(", prompt {colour}")).unwrap_or_default();
    let protected = if facts.protected { ", protected" } else { "" };
    Some(format!("  account: {account}{alias}{colour}{protected}"))
}

fn parent(parent: &Parent) -> Vec<String> {
    let by = match &parent.by {
        By::Link => "by a link".to_owned(),
        By::Profile(name) => format!("by the profile {name}"),
    };
    let arn = parent.arn.as_ref().map(|arn| format!("  {arn}")).unwrap_or_default();
    let mut lines = vec![format!("  parent: {}{arn}, {by}", parent.shown)];
    let Some(hop) = &parent.hop else { return lines };
    let settings = [
        ("role ARN", Some(hop.role_arn.clone())),
        ("external id", hop.external_id.clone()),
        ("MFA device", hop.mfa_serial.clone()),
        ("duration", hop.duration.map(|seconds| say_duration(seconds.into()))),
        ("session name", hop.session_name.clone()),
        ("source identity", hop.source_identity.clone()),
        ("tags", tags(hop)),
    ];
    lines.extend(settings.into_iter().filter_map(|(what, value)| Some(format!("    {what}: {}", value?))));
    lines
}

fn tags(hop: &RoleHop) -> Option<String> {
    let passed_on = |key: &str| hop.transitive_tags.iter().any(|transitive| transitive == key);
    let tag = |(key, value): (&str, &str)| format!("{key}={value}{}", if passed_on(key) { " (passed on)" } else { "" });
    let tags: Vec<String> = hop.tags.iter().map(tag).collect();
    (!tags.is_empty()).then(|| tags.join(", "))
}

fn credential(held: &Held, now: i64) -> String {
    let end = match (held.expires_at.map(|end| end - now), held.expiry_is_guess) {
        (None, _) => "no expiry".to_owned(),
        (Some(left), true) if left > 0 => format!("{} left, by a guess", say_duration(left)),
        (Some(left), false) if left > 0 => format!("{} left", say_duration(left)),
        (Some(left), true) => format!("expired {} ago, by a guess", say_duration(-left)),
        (Some(left), false) => format!("expired {} ago", say_duration(-left)),
    };
    let restricted = if held.restricted_as.is_some() { ", restricted by a session policy" } else { "" };
    let place = match &held.place {
        Place::Profile(name) => format!(", in the profile {name}"),
        Place::Store(_) | Place::Environment => String::new(),
    };
    let age = say_age(now - held.created_at);
    format!("{} ({}, {age} old, {end}{restricted}{place})", held.access_key_id, held.kind.word())
}

fn as_json(facts: &Facts) -> Value {
    let profile = |(name, place): &(String, Option<String>)| json!({ "profile": name, "place": place });
    json!({
        "identity": facts.shown,
        "arn": facts.arn,
        "account": facts.identity.as_ref().map(|identity| &identity.account),
        "alias": facts.alias,
        "color": facts.colour,
        "protected": facts.protected,
        "kind": facts.kind,
        "source": facts.source,
        "is_profile": facts.is_profile,
        "profile_of": facts.profile_of,
        "label": facts.label,
        "names": facts.names,
        "region": facts.region,
        "mfa_serial": facts.mfa_serial,
        "state": facts.standing.state.word(),
        "expires_at": facts.standing.expires_at,
        "reason": facts.standing.state.reason(),
        "parent": facts.parent.as_ref().map(parent_json),
        "children": facts.children,
        "credentials": facts.held.iter().map(held_json).collect::<Vec<_>>(),
        "profiles": facts.profiles.iter().map(profile).collect::<Vec<_>>(),
    })
}

fn parent_json(parent: &Parent) -> Value {
    let profile = match &parent.by {
        By::Link => None,
        By::Profile(name) => Some(name),
    };
    let hop = parent.hop.as_ref();
    let tags: serde_json::Map<String, Value> =
        hop.iter().flat_map(|hop| hop.tags.iter()).map(|(key, value)| (key.to_owned(), Value::from(value))).collect();
    json!({
        "identity": parent.shown,
        "arn": parent.arn,
        "profile": profile,
        "role_arn": hop.map(|hop| &hop.role_arn),
        "external_id": hop.and_then(|hop| hop.external_id.as_ref()),
        "mfa_serial": hop.and_then(|hop| hop.mfa_serial.as_ref()),
        "duration": hop.and_then(|hop| hop.duration),
        "session_name": hop.and_then(|hop| hop.session_name.as_ref()),
        "source_identity": hop.and_then(|hop| hop.source_identity.as_ref()),
        "tags": tags,
        "transitive_tags": hop.map(|hop| hop.transitive_tags.as_slice()).unwrap_or_default(),
    })
}

fn held_json(held: &Held) -> Value {
    let profile = match &held.place {
        Place::Profile(name) => Some(name),
        Place::Store(_) | Place::Environment => None,
    };
    json!({
        "access_key_id": held.access_key_id,
        "kind": held.kind.word(),
        "created_at": held.created_at,
        "expires_at": held.expires_at,
        "expiry_is_guess": held.expiry_is_guess,
        "restricted": held.restricted_as.is_some(),
        "profile": profile,
    })
}
