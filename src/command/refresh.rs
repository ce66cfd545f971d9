//! `refresh`: the temporary credentials that stand in the credentials file in the place of long-term keys, all renewed
//! at once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::asking;
use crate::aws_config::kept::{Kept, NewCommand};
use crate::cli::{Global, Refresh};
use crate::context::{Context, printable};
use crate::credential_text::Found;
use crate::error::{Exit, Failure};
use crate::identity::request::{MinTtl, Request, say_duration};
use crate::importing::{Importer, Manner};
use crate::keeping::commands::{commands, renamed, together};
use crate::keeping::state::{OK, REFRESHED};
use crate::keeping::{Change, Keeper, Left, Renewed, Survey, Taken, complain};
use crate::resolve::{ResolveError, Resolved, Target};

pub(super) fn run(context: &Context, global: &Global, arguments: &Refresh) -> Result<(), Failure> {
    let request = request(arguments)?;
    let manner = Manner { label: None, of_profiles: true };
    let resolver = asking::resolver(context, global, &arguments.asking)?;
    let mut keeper = Keeper::new(context, Importer::with(context, resolver, manner))?;
    keeper.check_writable()?;
    keeper.tidy()?;
    let mut survey = keeper.survey()?;
    let elsewhere = set_aside(&mut keeper, &mut survey);
    let (back, has_command) = (keeper.importer().resolver().way_back()?, has_command(&mut keeper, &survey));
    if back.as_ref().is_some_and(|back| back.with_commands) {
        keeper.set_aside_protected(&mut survey)?;
    }
    // A command tells of a setup, also where the file was moved since.
    let takes_new = arguments.all || has_command || back.as_ref().is_some_and(|back| back.takes_new);
    let keys = to_take(arguments, takes_new, &mut survey);
    let with_commands = back.map_or(has_command, |back| back.with_commands);
    let targets = Targets::read(&mut keeper, arguments, with_commands, (&survey, &keys, &elsewhere))?;
    let mut anew = keeper.stale(&survey)?;
    anew.retain(|command| targets.mean(&command.profile));
    if elsewhere.is_empty() && anew.is_empty() {
        targets.check(&keeper, arguments)?;
    }
    let (taken, not_taken) = keeper.take(keys)?;
    // What is not kept, and was not named, is the person's own affair.
    let counts = |left: &Left| targets.named.contains(&left.profile) || survey.kept(&left.profile).is_some();
    let (mut left, others): (Vec<_>, Vec<_>) = not_taken.into_iter().partition(|left| arguments.all || counts(left));
    for Left { profile, reason, .. } in others {
        context.note(&format!("the key of profile {} is not taken: {reason}", profile.escape_debug()));
    }
    left.extend(survey.left.iter().filter(|left| counts(left) || elsewhere.contains(left)).cloned());
    left.extend(targets.left.iter().cloned());
    let anew = together(anew, renamed(&mut keeper, &taken, &survey)?);
    let done = renew(&mut keeper, targets, (&taken, &anew), &request, &mut left)?;
    tell(&mut keeper, global, &taken, &done, &left)
}

fn request(arguments: &Refresh) -> Result<Request, Failure> {
    if arguments.asking.no_session {
        let fact = "refresh writes temporary credentials, and --no-session asks for the key itself";
        return Err(Failure::usage(fact, "leave out --no-session"));
    }
    let request = asking::request(&arguments.asking)?;
    let min_ttl = arguments.asking.min_ttl.map_or(MinTtl::Program, MinTtl::Asked);
    // Who names a time is content with what has that left.
    Ok(Request { fresh: arguments.asking.min_ttl.is_none() || request.fresh, min_ttl, ..request })
}

/// Sets aside what another store keeps: this one does not know for whom, nor what stood there. One with a command asks
/// that store by itself, and is in the way only where a new key stands beside it.
fn set_aside(keeper: &mut Keeper<'_>, survey: &mut Survey) -> Vec<Left> {
    let catalogue = keeper.importer().resolver().catalogue();
    let is_ours = |kept: &Kept| catalogue.is_named(kept.store.as_deref());
    let has_key = |name: &str| survey.keys.iter().any(|found| found.section.as_deref() == Some(name));
    let (ours, others): (Vec<_>, Vec<_>) = std::mem::take(&mut survey.kept)
        .into_iter()
        .partition(|(name, kept)| is_ours(kept) || (kept.is_command() && !has_key(name)));
    survey.kept = ours;
    survey.keys.retain(|found| others.iter().all(|(name, _)| found.section.as_ref() != Some(name)));
    let left = |(profile, kept): (String, Kept)| Left::new(&profile, &kept.elsewhere("refresh"));
    let aside: Vec<Left> = others.into_iter().map(left).collect();
    survey.left.extend(aside.iter().cloned());
    aside
}

/// The keys that are taken first: those that somebody has put into a section that is kept; and, where that was asked for
/// once, new ones.
fn to_take(arguments: &Refresh, takes_new: bool, survey: &mut Survey) -> Vec<Found> {
    let named: BTreeSet<&str> = arguments.profiles.iter().map(String::as_str).collect();
    let kept: BTreeSet<String> = survey.kept.iter().map(|(name, _)| name.clone()).collect();
    let is_meant = |found: &Found| {
        let name = found.section.as_deref().unwrap_or_default();
        if named.is_empty() { takes_new || kept.contains(name) } else { named.contains(name) }
    };
    std::mem::take(&mut survey.keys).into_iter().filter(is_meant).collect()
}

/// Whether a section has a command that asks the open store.
fn has_command(keeper: &mut Keeper<'_>, survey: &Survey) -> bool {
    let catalogue = keeper.importer().resolver().catalogue();
    survey.kept.iter().any(|(_, kept)| kept.is_command() && catalogue.is_named(kept.store.as_deref()))
}

/// What is to be renewed.
#[derive(Default)]
struct Targets {
    /// Section and for whom it is kept, in order.
    renewed: Vec<(String, String)>,
    /// The sections whose keys are taken and which then have a command.
    commands: BTreeSet<String>,
    /// The sections whose keys are taken and which then are kept up.
    temporary: BTreeSet<String>,
    with_commands: bool,
    takes_new: bool,
    /// The profiles that were named; none for all.
    named: BTreeSet<String>,
    /// What was named and would be written over somebody else's.
    left: Vec<Left>,
}

impl Targets {
    fn read(
        keeper: &mut Keeper<'_>,
        arguments: &Refresh,
        with_commands: bool,
        (survey, keys, elsewhere): (&Survey, &[Found], &[Left]),
    ) -> Result<Self, Failure> {
        let named: BTreeSet<String> = arguments.profiles.iter().cloned().collect();
        let mut targets = Self { with_commands, takes_new: arguments.all, named, ..Self::default() };
        for name in keys.iter().filter_map(|found| found.section.clone()) {
            let is_command = survey.kept(&name).map_or(with_commands, Kept::is_command);
            let list = if is_command { &mut targets.commands } else { &mut targets.temporary };
            list.insert(name);
        }
        for (name, kept) in survey.kept.iter().filter(|(_, kept)| !kept.is_command()) {
            if targets.mean(name) && !targets.temporary.contains(name) {
                targets.renewed.push((name.clone(), kept.who.clone()));
            }
        }
        for name in &arguments.profiles {
            targets.add_named(keeper, survey, name)?;
        }
        // Those are told already.
        targets.renewed.retain(|(section, _)| elsewhere.iter().all(|left| left.profile != *section));
        Ok(targets)
    }

    fn mean(&self, profile: &str) -> bool {
        self.named.is_empty() || self.named.contains(profile)
    }

    /// A profile or an identity that was named, where no section of that name is kept.
    fn add_named(&mut self, keeper: &mut Keeper<'_>, survey: &Survey, name: &str) -> Result<(), Failure> {
        let is_left = survey.left.iter().any(|left| left.profile == name);
        let is_taken = self.commands.contains(name) || self.temporary.contains(name);
        match survey.kept(name) {
            Some(kept) if kept.is_command() && !is_taken => {
                let shown = name.escape_debug();
                keeper
                    .context()
                    .note(&format!("profile {shown} asks multicred each time: there is nothing to refresh"));
            }
            None if !is_left && !is_taken => {
                let target = keeper.importer().resolver().catalogue().lookup(name)?;
                let (section, who) = match &target {
                    Target::Known(row) => (name, row.identity.arn(None)),
                    Target::Profile(profile) => (profile.value("destination_profile").unwrap_or(name), name.to_owned()),
                    Target::OfProfiles(_) | Target::Key(..) | Target::Nobody => (name, name.to_owned()),
                };
                let source = match &target {
                    Target::Profile(profile) => profile.value("source_profile"),
                    _ => None,
                };
                self.add(survey, (section, who), source)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// A section for somebody, unless it is somebody else's.
    fn add(&mut self, survey: &Survey, target: (&str, String), source: Option<&str>) -> Result<(), Failure> {
        let (section, who) = target;
        if let Some((_, other)) = self.renewed.iter().find(|(known, _)| known == section) {
            if *other == who {
                return Ok(());
            }
            let (who, other, section) = (who.escape_debug(), other.escape_debug(), section.escape_debug());
            let fact = format!("profile {section} cannot have the credentials of both {other} and {who}");
            return Err(Failure::usage(fact, "name one of them, or let their destination_profile be two profiles"));
        }
        let reason = match survey.kept(section).filter(|kept| kept.who != who) {
            Some(kept) => Some(format!("kept for {}", kept.who.escape_debug())),
            None if source == Some(section) && section != who => Some(format!("the source of {}", who.escape_debug())),
            None => None,
        };
        match reason {
            Some(reason) => {
                let reason = format!("it is {reason}: let destination_profile name another one");
                self.left.push(Left::new(section, &reason));
            }
            None => self.renewed.push((section.to_owned(), who)),
        }
        Ok(())
    }

    fn check(&self, keeper: &Keeper<'_>, arguments: &Refresh) -> Result<(), Failure> {
        let is_idle =
            self.left.is_empty() && self.renewed.is_empty() && self.commands.is_empty() && self.temporary.is_empty();
        if !is_idle || !arguments.profiles.is_empty() {
            return Ok(());
        }
        let fact = format!("multicred keeps up no profile of {}", keeper.path().display());
        if self.with_commands {
            keeper.context().note(&format!("{fact}: they ask for the key each time"));
            return Ok(());
        }
        Err(Failure::usage(fact, "multicred setup --temporary, or name one: multicred refresh -p NAME"))
    }
}

/// Renews, and writes all that could be renewed.
fn renew(
    keeper: &mut Keeper<'_>,
    targets: Targets,
    (taken, anew): (&[Taken], &[NewCommand]),
    request: &Request,
    left: &mut Vec<Left>,
) -> Result<Vec<Done>, Failure> {
    let mut renewed = targets.renewed;
    let refused = keeper.refused(renewed.iter().map(|(profile, _)| profile.as_str()))?;
    renewed.retain(|(profile, _)| refused.iter().all(|refused| refused.profile != *profile));
    left.extend(refused);
    renewed.extend(
        taken
            .iter()
            .filter(|taken| targets.temporary.contains(taken.profile()))
            .map(|taken| (taken.profile().to_owned(), taken.arn.clone())),
    );
    let resolved = obtain(keeper, &renewed, request)?;
    let (commands, of_protected) = commands(keeper, taken, &targets.commands)?;
    left.extend(of_protected);
    let (with_commands, takes_new) = (targets.with_commands, targets.takes_new);
    let mut change = Change { with_commands, takes_new, taken, commands, anew, renewed: Vec::new() };
    for (profile, who) in &renewed {
        match resolved.get(who) {
            Some(Ok(resolved)) => {
                change.renewed.push(Renewed { profile, who, resolved, region: request.region.as_deref() });
            }
            Some(Err(failure)) => left.push(Left::failed(profile, failure)),
            None => {}
        }
    }
    let not_written = keeper.write(&change)?;
    let is_written = |profile: &str| not_written.iter().all(|left| left.profile != profile);
    let renewed = change.renewed.iter().map(Done::renewed);
    let with_command =
        taken.iter().filter(|taken| change.commands.contains_key(taken.profile())).map(Done::with_command);
    let anew = anew.iter().map(Done::anew);
    let done = renewed.chain(with_command).chain(anew).filter(|done| is_written(&done.profile)).collect();
    left.extend(not_written);
    Ok(done)
}

pub(super) type Obtained = BTreeMap<String, Result<Resolved, Failure>>;

/// A credential for each of those for whom a section is kept: one for all sections of the same.
///
/// # Errors
/// The person cancelled it, or nothing opens the store.
pub(super) fn obtain(
    keeper: &mut Keeper<'_>,
    renewed: &[(String, String)],
    request: &Request,
) -> Result<Obtained, Failure> {
    let names: BTreeSet<&String> = renewed.iter().map(|(_, who)| who).collect();
    let names: Vec<String> = names.into_iter().cloned().collect();
    let resolved = keeper.importer().resolver().resolve_all(&names, request).map_err(|error| {
        let failure = Failure::from(error);
        let remedy = (failure.exit == Exit::Cancelled).then(|| "nothing was written to your files".to_owned());
        Failure { remedy: remedy.or(failure.remedy), ..failure }
    })?;
    for warning in resolved.iter().flatten().flat_map(|resolved| &resolved.warnings) {
        keeper.context().note(warning);
    }
    let resolved = resolved.into_iter().map(|one| one.map_err(|error: ResolveError| error.into()));
    Ok(names.into_iter().zip(resolved).collect())
}

/// A section that was written.
struct Done {
    profile: String,
    /// Whose it is now; the command, where only that is another one.
    shown: String,
    /// `None` for one that has a command.
    access_key_id: Option<String>,
    expires_at: Option<i64>,
    /// Whether only its command is another one.
    is_anew: bool,
}

impl Done {
    fn renewed(renewed: &Renewed<'_>) -> Self {
        let credential = &renewed.resolved.credential;
        let (access_key_id, expires_at) = (Some(credential.access_key_id.clone()), credential.expires_at);
        let (profile, shown) = (renewed.profile.to_owned(), renewed.resolved.who.shown.clone());
        Self { profile, shown, access_key_id, expires_at, is_anew: false }
    }

    fn with_command(taken: &Taken) -> Self {
        let (profile, shown) = (taken.profile().to_owned(), taken.shown.clone());
        Self { profile, shown, access_key_id: None, expires_at: None, is_anew: false }
    }

    fn anew(command: &NewCommand) -> Self {
        let (profile, shown) = (command.profile.clone(), command.new.clone());
        Self { profile, shown, access_key_id: None, expires_at: None, is_anew: true }
    }

    fn sentence(&self, now: i64) -> String {
        let Self { profile, shown, .. } = self;
        match self.expires_at {
            _ if self.is_anew => format!("profile {profile}: its command is written anew: {shown}"),
            Some(end) => format!("profile {profile}: {shown}, {} left", say_duration(end - now)),
            None => format!("profile {profile}: {shown}, asked for each time"),
        }
    }

    fn json(&self) -> Value {
        let Self { profile, access_key_id, expires_at, .. } = self;
        let identity = Some(&self.shown).filter(|_| !self.is_anew);
        json!({ "profile": profile, "identity": identity, "access_key_id": access_key_id, "expires_at": expires_at })
    }
}

fn tell(
    keeper: &mut Keeper<'_>,
    global: &Global,
    taken: &[Taken],
    done: &[Done],
    left: &[Left],
) -> Result<(), Failure> {
    let context = keeper.context();
    let written = done.iter().map(|one| (&one.profile, OK));
    for (profile, outcome) in written.chain(left.iter().map(|one| (&one.profile, &*one.reason))) {
        keeper.record(REFRESHED, profile, outcome);
    }
    complain(context, left.iter(), |left| {
        format!("profile {} is left as it is: {}", left.profile.escape_debug(), left.reason)
    });
    if global.json {
        let adopted = |it: &Taken| json!({ "profile": it.profile(), "access_key_id": it.found.access_key_id, "identity": it.shown });
        context.answer_json(&json!({
            "file": keeper.path(),
            "adopted": taken.iter().map(adopted).collect::<Vec<_>>(),
            "refreshed": done.iter().map(Done::json).collect::<Vec<_>>(),
            "failed": left.iter().map(|left| left.json("profile")).collect::<Vec<_>>(),
        }))?;
    } else {
        let now = context.now();
        let adopted = taken.iter().map(|it| {
            format!("profile {}: its key {} is {}'s, and in the store", it.profile(), it.found.access_key_id, it.shown)
        });
        let lines = adopted.chain(done.iter().map(|done| done.sentence(now)));
        context.answer(&lines.map(|line| printable(&line) + "\n").collect::<String>())?;
    }
    match left.len() {
        0 => Ok(()),
        failed => {
            let fact = format!("{} refreshed, {failed} not: they are named above", done.len());
            Err(Failure { exit: Exit::Failure, fact, remedy: None })
        }
    }
}
