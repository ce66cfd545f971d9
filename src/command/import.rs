//! `import`: credentials that a person has, asked who they are, and stored sealed.

use std::path::Path;

use crate::changing;
use crate::cli::{Global, Import};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::importing::answer::Answer;
use crate::importing::take_over::{self, TakeOver};
use crate::importing::text::{Source, select};
use crate::importing::{Importer, Manner, watch};

pub(super) fn run(context: &Context, global: &Global, arguments: &Import) -> Result<(), Failure> {
    arguments.label.as_deref().map_or(Ok(()), changing::check_label)?;
    if arguments.watch {
        return watch::run(context, global, &arguments.files, arguments.profile.as_deref());
    }
    let file = match &arguments.files[..] {
        [] => None,
        [file] => Some(file.as_path()),
        _ => return Err(Failure::usage("more than one file is named", "import one at a time, or --watch them all")),
    };
    match arguments.from {
        Some(tool) => {
            let profile = arguments.profile.as_deref();
            let asked = TakeOver { tool, path: file, profile, dry_run: arguments.dry_run };
            take_over::run(context, global, &asked)
        }
        None => import(context, global, arguments, file),
    }
}

fn import(context: &Context, global: &Global, arguments: &Import, file: Option<&Path>) -> Result<(), Failure> {
    let source = Source::of(context, file)?;
    let sections = select(source.sections(context)?, arguments.profile.as_deref(), arguments.all, &source.shown())?;
    let manner = Manner { label: arguments.label.clone(), of_profiles: file.is_none() };
    let mut importer = Importer::new(context, global, manner)?;
    let mut answers = Vec::new();
    let mut failed = None;
    for section in sections {
        match importer.import(section) {
            Ok(answer) => answers.push(answer),
            Err(refusal) if arguments.all => {
                super::tell(context, &refusal.failure);
                failed = Some(Exit::Failure);
            }
            Err(refusal) => return Err(refusal.failure),
        }
    }
    report(context, global, &answers)?;
    match failed {
        None => Ok(()),
        Some(exit) => {
            let fact = format!("{} imported; the others are named above", answers.len());
            Err(Failure { exit, fact, remedy: None })
        }
    }
}

fn report(context: &Context, global: &Global, answers: &[Answer]) -> Result<(), Failure> {
    if global.json {
        let values: Vec<_> = answers.iter().map(Answer::json).collect();
        return Ok(context.answer_json(&values.into())?);
    }
    for answer in answers {
        if answer.was_known {
            context.note(&answer.known());
        } else {
            context.answer(&format!("{}\n", answer.sentence(context)))?;
        }
    }
    Ok(())
}
