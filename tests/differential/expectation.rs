//! What multicred shall do with a case, worked out from what boto3 does and the list of reasons.

use std::collections::BTreeSet;

use super::files::Files;
use super::reasons::{ON_FILES, ON_WAYS, OnFiles, Reason};
use super::way::{Outcome, is_same};

pub struct Expectation {
    /// What boto3 does with the files as they are.
    pub boto3: Outcome,
    pub multicred: Outcome,
    /// The reasons that made a difference.
    pub needed: BTreeSet<Reason>,
}

impl Expectation {
    /// `boto3` says what it does for the target by the files it is given.
    pub fn new(files: &Files, target: &str, mut boto3: impl FnMut(&Files) -> Outcome) -> Self {
        let first = boto3(files);
        let mut expectation = Self { multicred: first.clone(), boto3: first, needed: BTreeSet::new() };
        let mut files = files.clone();
        for (reason, rule) in ON_FILES {
            let before = files.clone();
            match rule {
                OnFiles::Say(again) => again(&mut files, target),
                OnFiles::Refuse(why) => {
                    if let Some(why) = why(&files, target) {
                        expectation.becomes(Err(why), reason);
                        return expectation;
                    }
                }
            }
            if files != before {
                expectation.becomes(boto3(&files), reason);
            }
        }
        expectation.rewrite(&files, target);
        expectation
    }

    fn rewrite(&mut self, files: &Files, target: &str) {
        let Ok(mut way) = self.multicred.clone() else { return };
        for (reason, rule) in ON_WAYS {
            rule(&mut way, files, target);
            self.becomes(Ok(way.clone()), reason);
        }
    }

    fn becomes(&mut self, outcome: Outcome, reason: Reason) {
        if !is_same(&self.multicred, &outcome) {
            self.needed.insert(reason);
        }
        self.multicred = outcome;
    }
}
