//! `doctor`: what opens the store, and what is wrong with it.

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::agent::Status;
use crate::changing::count;
use crate::cli::{Doctor, Global};
use crate::context::{Context, printable};
use crate::error::{Exit, Failure};
use crate::prompt::{Never, Prompter, Tty};
use crate::resolve::checkup::{Checkup, Finding, Seals};
use crate::resolve::{Opening, ResolveError, WayIn, store_path};

pub(super) fn run(context: &Context, global: &Global, arguments: &Doctor) -> Result<(), Failure> {
    let path = store_path(context, global.store.as_deref())?;
    let mut person: Box<dyn Prompter> = if context.may_prompt { Box::new(Tty) } else { Box::new(Never) };
    let (mut checkup, ended) = Checkup::of(context, &mut *person, &path, arguments.check);
    let is_locked = matches!(ended, Some(ResolveError::Locked(_)));
    if let Some(failure) = ended.map(Failure::from) {
        let remedy = failure.remedy.unwrap_or_default();
        checkup.findings.insert(0, Finding::fault(path.display(), failure.fact, remedy));
    }
    if global.json {
        context.answer_json(&as_json(&path, &checkup))?;
    } else {
        context.answer(&text(&path, &checkup))?;
    }
    match faults(&checkup).count() {
        0 => Ok(()),
        faults => {
            let exit = if is_locked { Exit::Locked } else { Exit::Failure };
            let fact = format!("{}; what mends it stands below each", count(faults, "fault", "faults"));
            Err(Failure { exit, fact, remedy: None })
        }
    }
}

fn faults(checkup: &Checkup) -> impl Iterator<Item = &Finding> {
    checkup.findings.iter().filter(|finding| finding.is_fault())
}

fn text(path: &Path, checkup: &Checkup) -> String {
    let mut text = String::new();
    let mut say = |line: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", printable(line));
    };
    match checkup.schema {
        Some(schema) => say(&format!("store {}, schema {schema}", path.display())),
        None if faults(checkup).next().is_none() => {
            say(&format!("there is no store at {}: the first import makes it", path.display()));
        }
        None => say(&format!("store {}", path.display())),
    }
    checkup.ways.iter().for_each(|way| say(&of_way(way)));
    if let Some(Seals { credentials, originals, broken }) = checkup.seals {
        let (credentials, originals) =
            (count(credentials, "credential", "credentials"), count(originals, "kept file", "kept files"));
        say(&format!("opened the seals of {credentials} and {originals}; {broken} do not open"));
    }
    checkup.agent.iter().for_each(|agent| say(&of_agent(agent)));
    checkup
        .clock_ahead
        .iter()
        .for_each(|ahead| say(&format!("AWS was asked for the time: it is {} s from this", ahead.abs())));
    // Faults first: what is only to be known must not hide them.
    let notes = checkup.findings.iter().filter(|finding| !finding.is_fault());
    for finding in faults(checkup).chain(notes) {
        for line in of_finding(finding) {
            say(&line);
        }
    }
    if checkup.ways.len() == 1 {
        say("there is one way in only, and without it the store is lost: multicred key add recovery makes another");
    }
    if faults(checkup).next().is_none() {
        say("nothing is wrong");
    }
    text
}

fn of_finding(finding: &Finding) -> [String; 2] {
    let Finding { about, fact, remedy, .. } = finding;
    let mark = if finding.is_fault() { '!' } else { '-' };
    // Some facts begin with what they are about.
    let is_named = fact.contains(about.as_str()) || about.starts_with("slot") || about.starts_with("credential");
    let fact = if is_named { fact.clone() } else { format!("{about}: {fact}") };
    [format!("{mark} {fact}"), format!("  {remedy}")]
}

fn of_agent(agent: &Status) -> String {
    let keys = count(agent.held.len(), "key", "keys");
    let live = count(agent.live.len(), "live session", "live sessions");
    format!("agent {} (multicred {}) holds {keys}, and has {live}", agent.pid, agent.version)
}

fn of_way(way: &WayIn) -> String {
    let since = Timestamp::from_second(way.since).unwrap_or_default().strftime("%Y-%m-%d");
    let opens = match &way.opening {
        Opening::Opens => "opens here without asking",
        Opening::Asks => "opens once asked",
        Opening::Fails(_) => "does not open",
    };
    let lasts = way.lasts().map(|how_long| format!(", {how_long}")).unwrap_or_default();
    format!("slot {} ({}), since {since}: {opens}{lasts}; it takes {}", way.number, way.kind, way.needs)
}

fn as_json(path: &Path, checkup: &Checkup) -> Value {
    let seals = checkup
        .seals
        .map(|seals| json!({ "credentials": seals.credentials, "originals": seals.originals, "broken": seals.broken }));
    json!({
        "store": path,
        "schema": checkup.schema,
        "slots": checkup.ways.iter().map(way_json).collect::<Vec<_>>(),
        "seals": seals,
        "agent": checkup.agent.as_ref().map(|agent| json!({ "pid": agent.pid, "version": agent.version })),
        "clock_ahead": checkup.clock_ahead,
        "findings": checkup.findings.iter().map(|finding| json!({
            "severity": finding.severity.word(), "about": finding.about, "fact": finding.fact, "remedy": finding.remedy,
        })).collect::<Vec<_>>(),
    })
}

fn way_json(way: &WayIn) -> Value {
    let (opens, reason) = match &way.opening {
        Opening::Opens => ("now", None),
        Opening::Asks => ("asked", None),
        Opening::Fails(reason) => ("never", Some(reason)),
    };
    json!({
        "slot": way.number,
        "kind": way.kind,
        "since": way.since,
        "needs": way.needs,
        "key_file": way.key_file,
        "command": way.command,
        "until": way.until,
        "opens": opens,
        "reason": reason,
    })
}
