//! `import --watch`: files that are imported now, and each time that they change.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::answer::Answer;
use super::text::{self, name_of};
use super::{Importer, Manner};
use crate::cli::Global;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::prompt::wait_through;
use crate::regular_file;
use crate::watched::Watched;

/// No file of credentials is longer, in bytes.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Imports the files, and stays.
///
/// # Errors
/// The store is locked, or cannot be made; and at the end, that a signal came.
pub fn run(context: &Context, global: &Global, files: &[PathBuf], profile: Option<&str>) -> Result<(), Failure> {
    if files.iter().any(|file| file == Path::new("-")) {
        return Err(Failure::usage("stdin cannot be watched", "name files"));
    }
    Importer::new(context, global, Manner::default())?.resolver().unlock()?;
    let mut watched = Watched::new(files);
    let mut importing = Watcher { context, global, profile, known: vec![Known::Nothing; files.len()] };
    for (place, file) in files.iter().enumerate() {
        importing.import(place, file)?;
    }
    loop {
        let mut rested = Vec::new();
        let signal = wait_through(|| {
            watched.wait();
            rested = watched.at_rest();
            !rested.is_empty()
        });
        if let Some(signal) = signal.map_err(|error| deaf(&error))? {
            return Err(stopped(signal));
        }
        for place in rested {
            importing.import(place, &files[place])?;
        }
    }
}

fn stopped(signal: i32) -> Failure {
    let exit = match signal {
        SIGINT => Exit::Cancelled,
        SIGTERM => Exit::Terminated,
        _ => Exit::Failure,
    };
    Failure { exit, fact: "the files are watched no longer".to_owned(), remedy: None }
}

fn deaf(error: &io::Error) -> Failure {
    Failure::new(Exit::Failure, format!("signals cannot be heard: {error}"), "run the command again")
}

/// What is known of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Nothing,
    Missing,
    /// All that could be done with this content was done.
    Done([u8; 32]),
}

/// What became of a file.
#[derive(Default)]
struct Event {
    what: &'static str,
    answers: Vec<Answer>,
    /// A section, where it is one's, and why.
    failed: Vec<(Option<String>, String)>,
}

impl Event {
    fn failed(reason: String) -> Self {
        Self { what: "failed", failed: vec![(None, reason)], ..Self::default() }
    }
}

struct Watcher<'a> {
    context: &'a Context,
    global: &'a Global,
    profile: Option<&'a str>,
    known: Vec<Known>,
}

impl Watcher<'_> {
    /// Imports a file as it is now, and tells what became of it. Only that nobody can be told ends it.
    fn import(&mut self, place: usize, file: &Path) -> Result<(), Failure> {
        let event = match regular_file::read_bytes(file, LONGEST) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let was_missing = std::mem::replace(&mut self.known[place], Known::Missing) == Known::Missing;
                (!was_missing).then(|| Event { what: "missing", ..Event::default() })
            }
            Err(error) => {
                self.known[place] = Known::Nothing;
                Some(Event::failed(error.to_string()))
            }
            Ok(bytes) => {
                let content = Known::Done(Sha256::digest(&*bytes).into());
                if self.known[place] == content {
                    Some(Event { what: "unchanged", ..Event::default() })
                } else {
                    let (event, is_final) = self.sections(&bytes);
                    self.known[place] = if is_final { content } else { Known::Nothing };
                    Some(event)
                }
            }
        };
        event.map_or(Ok(()), |event| self.tell(file, &event))
    }

    /// What became of the sections of a text, and whether trying again could come to nothing else.
    fn sections(&self, bytes: &[u8]) -> (Event, bool) {
        let sections = match text::parse(bytes) {
            Err(reason) => return (Event::failed(reason), true),
            Ok(sections) => match self.profile {
                None => sections,
                Some(_) => match text::select(sections, self.profile, false, "it") {
                    Err(failure) => return (Event::failed(failure.fact), true),
                    Ok(sections) => sections,
                },
            },
        };
        // A store that was locked meanwhile must be found locked.
        let mut importer = match Importer::new(self.context, self.global, Manner::default()) {
            Err(failure) => return (Event::failed(failure.fact), false),
            Ok(importer) => importer,
        };
        let (mut event, mut is_final) = (Event { what: "imported", ..Event::default() }, true);
        for section in sections {
            let name = name_of(&section).map(str::to_owned);
            match importer.import(section) {
                Ok(answer) => event.answers.push(answer),
                Err(refusal) => {
                    event.what = "failed";
                    is_final &= refusal.is_over || refusal.failure.exit == Exit::Refused;
                    event.failed.push((name, refusal.failure.fact));
                }
            }
        }
        (event, is_final)
    }

    fn tell(&self, file: &Path, event: &Event) -> Result<(), Failure> {
        if self.global.json {
            // Whose reader is gone imports for nobody.
            return Ok(self.context.hand_over(&format!("{}\n", self.json(file, event)))?);
        }
        // One line, whatever stands in the file, and whatever it is called.
        let line = format!("{}: {}", file.display(), self.words(event)).replace('\n', " ");
        let tell = if event.failed.is_empty() { Context::note } else { Context::complain };
        tell(self.context, &line);
        Ok(())
    }

    fn words(&self, event: &Event) -> String {
        match event.what {
            "missing" => return "not there; it is imported when it comes".to_owned(),
            "unchanged" => return "unchanged".to_owned(),
            _ => {}
        }
        let new = |answer: &Answer| {
            format!("imported {} {}", answer.shown.as_deref().unwrap_or_default(), answer.key(self.context))
        };
        let taken = event.answers.iter().map(|answer| if answer.was_known { answer.known() } else { new(answer) });
        let failed = event.failed.iter().map(|(_, reason)| format!("not imported: {reason}"));
        taken.chain(failed).collect::<Vec<_>>().join("; ")
    }

    fn json(&self, file: &Path, event: &Event) -> Value {
        let failed = |(section, reason): &(Option<String>, String)| json!({ "section": section, "reason": reason });
        json!({
            "time": self.context.now(),
            "file": file.display().to_string(),
            "event": event.what,
            "credentials": event.answers.iter().map(Answer::json).collect::<Vec<_>>(),
            "failed": event.failed.iter().map(failed).collect::<Vec<_>>(),
        })
    }
}
