//! What the commands share that change the store: whom a name means there, what may become a label, a person's yes.

use std::fmt::Display;

use crate::agent::Agent;
use crate::aws_config::document::Document;
use crate::aws_config::synced::{self, Synced};
use crate::aws_config::{FileKind, kept};
use crate::context::{Context, printable};
use crate::error::{Exit, Failure};
use crate::identity::name::check_label as check;
use crate::identity::{Holder, Identity, arn};
use crate::prompt::{Answer, Prompter, Tty, confirm};
use crate::resolve::{Catalogue, LookupError, ResolveError, Resolver, Target};
use crate::store::IdentityRow;

/// The identity of the store that a name means. What a profile of that name says steers nothing here.
///
/// # Errors
/// The store has none of that name.
pub fn stored(catalogue: &Catalogue<'_>, typed: &str) -> Result<IdentityRow, Failure> {
    if let Some(row) = catalogue.stored_identity(typed)? {
        return Ok(row);
    }
    let shown = typed.escape_debug();
    let (fact, remedy) = match catalogue.lookup(typed)? {
        Target::Known(row) => return Ok(row),
        Target::Nobody => return Err(ResolveError::from(LookupError::Nobody).into()),
        Target::Profile(_) => (
            format!("'{shown}' is a profile of your own, and no identity of the store"),
            format!("programs use it as it is: AWS_PROFILE={shown}"),
        ),
        Target::OfProfiles(identity) => (
            format!("'{shown}' is known from your own profiles only, which programs use as they are"),
            format!("to have it in the store: multicred link {identity} --parent USER-OR-ROLE"),
        ),
        Target::Key(_, holder) => (format!("'{shown}' is one key, and no identity"), format!("name {holder}")),
    };
    Err(Failure::new(Exit::Identity, fact, remedy))
}

/// That a text may be a label.
///
/// # Errors
/// It has another form, or means something else by its form.
pub fn check_label(text: &str) -> Result<(), Failure> {
    check(text).map_err(|fault| {
        let fact = format!("'{}' cannot be a label", text.escape_debug());
        Failure::usage(fact, fault.to_string())
    })
}

/// That a label would mean this identity and nobody else. `key` is one that is known to be its, though the store does not
/// have it yet.
///
/// # Errors
/// It means something else: an identity that has it, or a profile of that name.
pub fn check_free(catalogue: &Catalogue<'_>, label: &str, whose: &Identity, key: Option<&str>) -> Result<(), Failure> {
    let key = key.map(|key| Holder::KeyOwner(key.to_owned()));
    let own: Vec<Holder> = key.into_iter().chain([Holder::Identity(whose.clone())]).collect();
    match catalogue.other_meaning(label, &own)? {
        None => Ok(()),
        Some(meaning) => {
            let fact = format!("'{label}' already means {meaning}, and not {whose}");
            Err(Failure::usage(fact, "choose another name; nothing was stored"))
        }
    }
}

/// Fails where a yes is needed and nobody can be asked for it; `fact` says what for.
///
/// # Errors
/// There is no terminal, or nothing may be asked.
pub fn check_can_agree(context: &Context, yes: bool, fact: &str) -> Result<(), Failure> {
    if yes || (context.may_prompt && Tty.can_ask().is_ok()) {
        return Ok(());
    }
    Err(Failure::new(Exit::Locked, fact, "say --yes"))
}

/// Asks what `--yes` answers.
///
/// # Errors
/// The person says no, or nobody can be asked.
pub fn agree(yes: bool, question: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    match confirm(&printable(question)) {
        Ok(Answer::Yes) => Ok(()),
        Ok(Answer::No) => Err(Failure::new(Exit::Cancelled, "cancelled", "nothing was changed")),
        Err(why) => Err(Failure::new(Exit::Locked, why.to_string(), "say --yes")),
    }
}

/// `1 key`, `2 keys`.
pub fn count<N: Copy + Display + PartialEq + From<bool>>(number: N, one: &str, many: &str) -> String {
    // `true` is 1 of every type of whole number.
    format!("{number} {}", if number == N::from(true) { one } else { many })
}

/// Says who asks under a name that means nobody any more: this shell, and a profile of `multicred sync`. `gone` is whom
/// nobody can be any more, under whatever name.
pub fn note_what_asks(context: &Context, resolver: &Resolver<'_>, name: &str, gone: Option<&Identity>) {
    if context.variable("MULTICRED_IDENTITY") == Some(name) {
        note_shell(context, resolver, name);
    }
    let is_gone = |asked: &str| arn::parse(asked).is_ok_and(|arn| Some(&arn.identity) == gone);
    for profile in synced_profiles(resolver) {
        if profile.asks_for == name || is_gone(&profile.asks_for) {
            note_synced(context, &profile.name);
        }
    }
}

/// The same for the names `ALIAS/…` after an alias was changed.
pub fn note_what_asks_below(context: &Context, resolver: &Resolver<'_>, alias: &str) {
    let is_below = |name: &str| name.split_once('/').is_some_and(|(account, _)| account == alias);
    if let Some(name) = context.variable("MULTICRED_IDENTITY").filter(|name| is_below(name)) {
        note_shell(context, resolver, name);
    }
    for profile in synced_profiles(resolver).iter().filter(|profile| is_below(&profile.asks_for)) {
        note_synced(context, &profile.name);
    }
}

/// Says what programs meet from now on who use the profiles that `setup` and `refresh` keep for an account.
pub fn note_kept_of(context: &Context, resolver: &Resolver<'_>, account: &str) {
    let text = resolver.catalogue().files().and_then(|files| files.text(FileKind::Credentials).ok());
    let document = Document::parse(text.as_deref().map_or("", |text| text.as_str()));
    let mut names: [Vec<String>; 2] = Default::default();
    for section in document.sections() {
        let kept = kept::kept(&section).filter(|kept| resolver.catalogue().is_named(kept.store.as_deref()));
        if let Some(kept) = kept.filter(|kept| is_of_account(resolver, &kept.who, account)) {
            names[usize::from(kept.is_command())].push(section.name().escape_debug().to_string());
        }
    }
    let [temporary, commands] = names.map(|names| (!names.is_empty()).then(|| names.join(", ")));
    if let Some(names) = commands {
        context.note(&format!("programs get no key any more by profile {names}: multicred unsetup gives it back"));
    }
    if let Some(names) = temporary {
        context.note(&format!("multicred refresh asks each time from now on, on a terminal, for profile {names}"));
    }
}

fn is_of_account(resolver: &Resolver<'_>, who: &str, account: &str) -> bool {
    match resolver.catalogue().lookup(who) {
        Ok(Target::Known(row)) => row.identity.account == account,
        Ok(Target::OfProfiles(identity) | Target::Key(_, Holder::Identity(identity))) => identity.account == account,
        Ok(Target::Profile(profile)) => profile.role().is_some_and(|role| role.account == account),
        _ => false,
    }
}

/// The profiles that `multicred sync` keeps.
fn synced_profiles(resolver: &Resolver<'_>) -> Vec<Synced> {
    let config = resolver.catalogue().files().and_then(|files| files.text(FileKind::Config).ok());
    config.and_then(|config| synced::profiles(&config).ok()).unwrap_or_default()
}

fn note_shell(context: &Context, resolver: &Resolver<'_>, name: &str) {
    // A profile of that name may lead to the same identity still.
    if resolver.catalogue().lookup(name).is_ok() {
        return;
    }
    context.note(&format!("this shell is still {name}, under a name that cannot be renewed: switch it"));
}

fn note_synced(context: &Context, name: &str) {
    context.note(&format!("the profile {name} of multicred sync asks for nobody now: multicred sync --remove {name}"));
}

/// Says that live sessions, somebody's or all, go on with what they hold.
pub fn note_live_sessions(context: &Context, of: Option<&str>) {
    let agent = Agent::connect(&context.agent_socket()).ok().flatten();
    let live = agent.and_then(|mut agent| agent.status().ok()).map(|status| status.live).unwrap_or_default();
    let number = live.iter().filter(|session| of.is_none_or(|of| session.shown == of)).count();
    if number > 0 {
        let sessions = count(number, "live session goes", "live sessions go");
        context.note(&format!("{sessions} on with what the agent holds; multicred lock ends every one"));
    }
}
