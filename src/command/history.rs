//! `history`: what has happened, newest last. Asks nobody, and keeps nothing of a long history in memory.

use std::io::ErrorKind;
use std::ops::ControlFlow;

use jiff::Timestamp;
use serde_json::json;

use crate::cli::{Global, History as Arguments};
use crate::context::{Context, printable};
use crate::error::{Exit, Failure};
use crate::history::{History, Past, Recorded, SLACK};
use crate::identity::Identity;
use crate::identity::arn;
use crate::prompt::Never;
use crate::resolve::{Catalogue, LookupError, ResolveError, Resolver, Target, store_path};
use crate::table::with_remark;

/// How many are shown where nobody says how many, or since when.
const USUAL: u64 = 50;
/// Lines are written to stdout once so many bytes are there.
const CHUNK: usize = 64 * 1024;

pub(super) fn run(context: &Context, global: &Global, arguments: &Arguments) -> Result<(), Failure> {
    let path = store_path(context, global.store.as_deref())?;
    let history = History::beside(&path);
    let resolver = Resolver::new(context, path, Box::new(Never), None)?;
    let whom = arguments.identity.as_deref().map(|name| Whom::of(resolver.catalogue(), name)).transpose()?;
    let wanted = Wanted {
        whom: whom.as_ref(),
        since: arguments.since.map(|since| since.time(context.now())),
        shell: arguments.shell,
    };
    let unreadable = |error: std::io::Error| unreadable(&history, &error);
    let number = arguments.number.or(wanted.since.is_none().then_some(USUAL)).unwrap_or(u64::MAX);
    let mut shown = Shown {
        context,
        columns: context.stdout_columns(),
        json: global.json,
        text: String::new(),
        count: 0,
        unread: 0,
        failed: None,
    };
    if let Some(mut past) = history.past().map_err(unreadable)? {
        let first = first(&past, &wanted, number).map_err(unreadable)?;
        if let Some(begin) = first {
            past.forwards(begin, |line| shown.line(line, &wanted)).map_err(unreadable)?;
        }
    }
    match shown.end()? {
        0 => none(context, whom),
        _ => Ok(()),
    }
}

pub(super) fn unreadable(history: &History, error: &std::io::Error) -> Failure {
    let fact = format!("the history {} cannot be read: {error}", history.path().display());
    Failure::new(Exit::Failure, fact, "correct its mode, or move it aside")
}

/// Nothing is no failure, unless it is about somebody who is nobody.
fn none(context: &Context, whom: Option<Whom>) -> Result<(), Failure> {
    if let Some(unknown) = whom.and_then(|whom| whom.unknown) {
        return Err(ResolveError::from(unknown).into());
    }
    context.note("nothing of that kind is written down");
    Ok(())
}

/// Whom it shall be about.
struct Whom {
    /// As typed.
    name: String,
    /// As shown now, where it is known.
    shown: Option<String>,
    identity: Option<Identity>,
    /// What is told where nothing was ever written down about the name either.
    unknown: Option<LookupError>,
}

impl Whom {
    /// A name that means nothing any more may have meant somebody then.
    fn of(catalogue: &Catalogue<'_>, name: &str) -> Result<Self, Failure> {
        let (shown, identity, unknown) = match catalogue.lookup(name) {
            Ok(Target::Nobody) => (None, None, None),
            Ok(Target::Known(row)) => (Some(row.shown()), Some(row.identity), None),
            Ok(Target::OfProfiles(role)) => (None, Some(role), None),
            Ok(Target::Profile(profile)) => (None, profile.role(), None),
            Ok(Target::Key(_, holder)) => (None, holder.identity().cloned(), None),
            Err(ResolveError::Lookup(unknown @ LookupError::Unknown { .. })) => (None, None, Some(unknown)),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { name: name.to_owned(), shown, identity, unknown })
    }

    fn is(&self, recorded: &Recorded) -> bool {
        let of_arn = || recorded.arn.as_deref().and_then(|text| arn::parse(text).ok()).map(|arn| arn.identity);
        recorded.identity == self.name
            || (self.identity.is_some() && of_arn() == self.identity)
            || (recorded.arn.is_none() && self.shown.as_ref() == Some(&recorded.identity))
    }
}

/// What is asked for.
struct Wanted<'w> {
    whom: Option<&'w Whom>,
    since: Option<i64>,
    shell: Option<u32>,
}

impl Wanted<'_> {
    fn has(&self, recorded: &Recorded) -> bool {
        self.since.is_none_or(|since| recorded.time >= since)
            && self.shell.is_none_or(|pid| recorded.shell_pid == pid)
            && self.whom.is_none_or(|whom| whom.is(recorded))
    }
}

/// Where the first line begins that is to be shown, found from the end: a history may be very long.
fn first(past: &Past, wanted: &Wanted<'_>, number: u64) -> std::io::Result<Option<u64>> {
    let (mut first, mut count) = (None, 0);
    if number == 0 {
        return Ok(None);
    }
    past.backwards(|begin, line| {
        let Some(recorded) = Recorded::read(line) else { return ControlFlow::Continue(()) };
        if wanted.since.is_some_and(|since| recorded.time.saturating_add(SLACK) < since) {
            return ControlFlow::Break(());
        }
        if wanted.has(&recorded) {
            (first, count) = (Some(begin), count + 1);
        }
        if count == number { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(first)
}

/// What is printed, a chunk at a time.
struct Shown<'c> {
    context: &'c Context,
    /// How wide the terminal is.
    columns: Option<usize>,
    json: bool,
    text: String,
    count: u64,
    unread: u64,
    failed: Option<std::io::Error>,
}

impl Shown<'_> {
    fn line(&mut self, line: &[u8], wanted: &Wanted<'_>) -> ControlFlow<()> {
        let Some(recorded) = Recorded::read(line) else {
            self.unread += 1;
            return ControlFlow::Continue(());
        };
        if !wanted.has(&recorded) {
            return ControlFlow::Continue(());
        }
        if self.count == 0 && !self.json {
            self.text.push_str(HEADS);
        }
        self.count += 1;
        self.text.push_str(&if self.json { as_json(&recorded) } else { in_words(&recorded, self.columns) });
        if self.text.len() < CHUNK { ControlFlow::Continue(()) } else { self.flush() }
    }

    fn flush(&mut self) -> ControlFlow<()> {
        let written = self.context.hand_over(&std::mem::take(&mut self.text));
        self.failed = written.err();
        if self.failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// How many were shown. A reader that went away wanted no more of it.
    fn end(mut self) -> Result<u64, Failure> {
        if self.failed.is_none() {
            let _ = self.flush();
        }
        if let Some(error) = self.failed.filter(|error| error.kind() != ErrorKind::BrokenPipe) {
            return Err(error.into());
        }
        if self.unread > 0 {
            let lines = if self.unread == 1 { "1 line".to_owned() } else { format!("{} lines", self.unread) };
            self.context.note(&format!("{lines} of the history cannot be read, and were left out"));
        }
        Ok(self.count)
    }
}

/// Columns of one width each: what comes later in a long history is not known when its first line is printed.
const HEADS: &str = "TIME (UTC)            EVENT         SHELL  IDENTITY\n";

fn in_words(recorded: &Recorded, most: Option<usize>) -> String {
    let Recorded { time, what, shell_pid, identity, detail, outcome, .. } = recorded;
    let time = Timestamp::from_second(*time).map_or_else(|_| time.to_string(), |time| time.to_string());
    let request = recorded.request_id.as_ref().map(|id| format!(", request {id}")).unwrap_or_default();
    let call = recorded.action.as_ref().map(|action| format!(" ({action}{request})")).unwrap_or_default();
    let row = printable(&format!("{time:<20}  {what:<10}  {shell_pid:>7}"));
    let detail = detail.as_ref().map(|detail| format!(", {detail}")).unwrap_or_default();
    with_remark(&row, &printable(&format!("{identity}{detail}: {outcome}{call}")), most) + "\n"
}

fn as_json(recorded: &Recorded) -> String {
    format!("{}\n", json!(recorded))
}
