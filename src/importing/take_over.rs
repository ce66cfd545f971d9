//! `import --from`: what another tool keeps, taken into the store. Nothing of that tool's is changed.

use std::path::Path;

use serde_json::{Value, json};

use super::answer::Answer;
use super::gather::{self, Failed, Kept, Skipped};
use super::links::{self, How, Linked};
use super::{Importer, Manner};
use crate::cli::{Global, Tool};
use crate::context::{Context, printable};
use crate::credential_text::Found;
use crate::error::{Exit, Failure};
use crate::progress::Counted;

/// What is asked for.
pub struct TakeOver<'a> {
    /// The tool.
    pub tool: Tool,
    /// Where it keeps its own, where that is not the tool's own place.
    pub path: Option<&'a Path>,
    /// The one name that is meant.
    pub profile: Option<&'a str>,
    /// Whether only to say what would be done: AWS is not asked, and nothing is written.
    pub dry_run: bool,
}

/// Takes over what a tool keeps.
///
/// # Errors
/// It cannot be read, or something of it was not taken.
pub fn run(context: &Context, global: &Global, asked: &TakeOver<'_>) -> Result<(), Failure> {
    let mut kept = gather::kept(context, asked)?;
    if let Some(profile) = asked.profile {
        only(&mut kept, profile)?;
    }
    // The names of the Python multicred's are IAM's own.
    let manner = Manner { label: None, of_profiles: asked.tool != Tool::MulticredPy };
    let mut importer = Importer::new(context, global, manner)?;
    let mut outcome = Outcome { skipped: kept.skipped, ..Outcome::default() };
    let stopped = outcome.take_all(context, &mut importer, asked, &mut kept).err();
    outcome.report(context, global, asked, &kept.place)?;
    match (stopped, outcome.failed.len()) {
        (Some(failure), _) => Err(failure),
        (None, 0) => Ok(()),
        (None, failed) => {
            let fact = format!("{failed} could not be taken over, as said above");
            let remedy = "mend that and do this again: what is stored already is only noted";
            Err(Failure::new(Exit::Failure, fact, remedy))
        }
    }
}

/// One of the names alone; links have none.
fn only(kept: &mut Kept, profile: &str) -> Result<(), Failure> {
    let names = kept.names();
    if !names.contains(&profile) {
        let fact = format!("{} has no '{}'", kept.place, profile.escape_debug());
        return Err(Failure::new(Exit::Identity, fact, format!("there are: {}", names.join(", ").escape_debug())));
    }
    let is_meant: Vec<bool> = names.into_iter().map(|name| name == profile).collect();
    let mut is_meant = is_meant.into_iter();
    kept.items.retain(|_| is_meant.next().unwrap_or_default());
    kept.links.clear();
    Ok(())
}

#[derive(Default)]
struct Outcome {
    answers: Vec<Answer>,
    links: Vec<Linked>,
    skipped: Skipped,
    failed: Vec<Failed>,
    remarks: Vec<String>,
}

impl Outcome {
    /// # Errors
    /// What is wrong would be so with each of those that are left.
    fn take_all(
        &mut self,
        context: &Context,
        importer: &mut Importer<'_>,
        asked: &TakeOver<'_>,
        kept: &mut Kept,
    ) -> Result<(), Failure> {
        let progress = Counted::start(context, "importing", kept.items.len());
        for item in std::mem::take(&mut kept.items) {
            match item {
                Err(failed) => self.failed.push(failed),
                Ok(found) if asked.dry_run => {
                    let was_known = importer.resolver().owner_of_key(&found.access_key_id)?.is_some();
                    self.answers.push(Answer::unasked(&found, was_known, context.now()));
                }
                Ok(found) => self.take(importer, &found)?,
            }
            progress.step();
        }
        drop(progress);
        for edge in &kept.links {
            match links::take(context, importer.resolver(), edge, asked.dry_run) {
                Ok(linked) => self.links.push(self.after_those_before(linked)),
                Err(error) => self.failed.push(Failed::new(&edge.target, &format!("its link is not taken: {error}"))),
            }
        }
        Ok(())
    }

    /// A rehearsal makes no link that the next one would find.
    fn after_those_before(&self, linked: Linked) -> Linked {
        let mut before = self.links.iter().filter(|link| link.how == How::New && link.role == linked.role);
        match before.next() {
            Some(link) if link.parent == linked.parent => Linked { how: How::Known, ..linked },
            Some(_) => Linked { how: How::Otherwise, ..linked },
            None => linked,
        }
    }

    fn take(&mut self, importer: &mut Importer<'_>, found: &Found) -> Result<(), Failure> {
        let name = found.section.clone();
        let key = &found.access_key_id;
        match importer.import(Ok(found.clone())) {
            Ok(answer) => {
                let answer = if answer.was_known { importer.name_known(found, answer)? } else { answer };
                let name = name.filter(|name| name != "default");
                self.remarks.extend(name.map(|name| importer.without_label(&name, &answer)).transpose()?.flatten());
                self.answers.push(answer);
            }
            Err(refusal) if refusal.is_over => self.skipped.expired += 1,
            Err(refusal) => match refusal.failure.exit {
                Exit::Locked | Exit::NoAnswer | Exit::Cancelled => return Err(refusal.failure),
                _ => self.failed.push(Failed::new(name.as_deref().unwrap_or(key), &refusal.failure.fact)),
            },
        }
        Ok(())
    }

    fn report(&self, context: &Context, global: &Global, asked: &TakeOver<'_>, place: &str) -> Result<(), Failure> {
        if global.json {
            context.answer_json(&self.json(asked, place))?;
        } else {
            for answer in self.answers.iter().filter(|answer| !answer.was_known) {
                context.answer(&format!("{}\n", printable(&answer.sentence(context))))?;
            }
            for Linked { role, parent, .. } in self.links.iter().filter(|link| link.how == How::New) {
                context.answer(&(printable(&format!("{role}  from  {parent}")) + "\n"))?;
            }
        }
        // A line break in a name of that tool's begins no line.
        let note = |text: &str| context.note(&printable(text));
        self.answers.iter().filter(|answer| answer.was_known).for_each(|answer| note(&answer.known()));
        for Linked { role, parent, .. } in self.links.iter().filter(|link| link.how == How::Otherwise) {
            note(&format!("{role} is assumed from somebody else than {parent} here, which stays"));
        }
        self.remarks.iter().for_each(|remark| note(remark));
        for Failed { name, reason } in &self.failed {
            context.complain(&printable(&format!("{name}: {reason}")));
        }
        note(&self.summary(asked, place));
        Ok(())
    }

    fn count(&self, was_known: bool) -> usize {
        self.answers.iter().filter(|answer| answer.was_known == was_known).count()
    }

    fn count_links(&self, how: How) -> usize {
        self.links.iter().filter(|link| link.how == how).count()
    }

    fn summary(&self, asked: &TakeOver<'_>, place: &str) -> String {
        let Skipped { sessions, sign_ins, without_key, expired } = self.skipped;
        let would = if asked.dry_run { "would be " } else { "" };
        let parts = [
            (self.count(false), format!("{would}imported")),
            (self.count(true), "stored already".to_owned()),
            (self.count_links(How::New), format!("{would}linked")),
            (self.count_links(How::Known), "linked already".to_owned()),
            (self.count_links(How::Otherwise), "linked otherwise".to_owned()),
            (sessions, "sessions left out".to_owned()),
            (sign_ins, "sign-ins left out".to_owned()),
            (without_key, "without a key".to_owned()),
            (expired, "expired".to_owned()),
            (self.failed.len(), "failed".to_owned()),
        ];
        let told = parts.iter().enumerate().filter(|(place, (count, _))| *place == 0 || *count > 0);
        let told: Vec<String> = told.map(|(_, (count, what))| format!("{count} {what}")).collect();
        format!("{} ({place}): {}; nothing there was changed", asked.tool.name(), told.join(", "))
    }

    fn json(&self, asked: &TakeOver<'_>, place: &str) -> Value {
        let Skipped { sessions, sign_ins, without_key, expired } = self.skipped;
        let link = |link: &Linked| {
            json!({ "arn": link.role, "parent": link.parent, "already_stored": link.how == How::Known,
                "stays_otherwise": link.how == How::Otherwise })
        };
        let failed = |failed: &Failed| json!({ "name": failed.name, "reason": failed.reason });
        json!({
            "from": asked.tool.name(),
            "place": place,
            "dry_run": asked.dry_run,
            "credentials": self.answers.iter().map(Answer::json).collect::<Vec<_>>(),
            "links": self.links.iter().map(link).collect::<Vec<_>>(),
            "failed": self.failed.iter().map(failed).collect::<Vec<_>>(),
            "counts": {
                "imported": self.count(false),
                "already_stored": self.count(true),
                "linked": self.count_links(How::New),
                "sessions": sessions,
                "sign_ins": sign_ins,
                "without_key": without_key,
                "expired": expired,
                "failed": self.failed.len(),
            },
        })
    }
}
