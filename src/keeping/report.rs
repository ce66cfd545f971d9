//! What became of sections and start files, told to the person, to programs and to the history.

use serde_json::{Value, json};

use super::Keeper;
use crate::asking;
use crate::aws_config::temporary::TemporaryError;
use crate::context::Context;
use crate::error::Failure;

/// A profile that is left as it is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its name.
    pub profile: String,
    /// What stands against it.
    pub reason: String,
    /// What to do about that, where the reason does not say.
    pub remedy: Option<String>,
}

impl Left {
    /// One whose reason says all there is to say.
    pub fn new(profile: &str, reason: &dyn ToString) -> Self {
        Self { profile: profile.to_owned(), reason: reason.to_string(), remedy: None }
    }

    /// One for which something has failed.
    pub fn failed(profile: &str, failure: &Failure) -> Self {
        Self { remedy: failure.remedy.clone(), ..Self::new(profile, &failure.fact) }
    }

    /// As JSON, with this key for its name.
    pub fn json(&self, key: &str) -> Value {
        json!({ key: self.profile, "reason": self.reason })
    }
}

/// Names those that are left, each as `say` has it; a remedy once for all that stand one after the other. Nothing
/// silences it: the exit code says no more than that there are some.
pub fn complain<'l>(context: &Context, left: impl Iterator<Item = &'l Left>, say: impl Fn(&Left) -> String) {
    let mut left = left.peekable();
    while let Some(one) = left.next() {
        context.complain(&say(one));
        let is_last = left.peek().is_none_or(|next| next.remedy != one.remedy);
        one.remedy.iter().filter(|_| is_last).for_each(|remedy| context.complain(remedy));
    }
}

impl Keeper<'_> {
    /// Writes into the history what became of a section of the credentials file.
    pub fn record(&mut self, what: &str, profile: &str, outcome: &str) {
        let (context, file) = (self.context, self.path().to_string_lossy().into_owned());
        let store = self.importer.resolver().store_path();
        asking::record_section(context, store, what, (&file, profile), outcome);
    }

    /// Writes into the history what became of another file.
    pub fn record_file(&mut self, what: &str, file: &str, outcome: &str) {
        asking::record(self.context, self.importer.resolver().store_path(), what, file, None, outcome);
    }
}

/// An error about a profile whose name is said beside it.
pub(super) fn told(profile: &str, error: &TemporaryError) -> String {
    if matches!(error, TemporaryError::BadName(_)) {
        let holds = match profile {
            _ if profile.contains(char::is_control) => "a control character",
            _ if profile.contains(['#', ';', '[', ']']) => "#, ;, [ or ]",
            _ => "what a header would not give back",
        };
        return format!("its name holds {holds}, which multicred does not write: give it another one");
    }
    let text = error.to_string();
    text.strip_prefix(&format!("profile {profile} ")).map_or_else(|| text.clone(), |rest| format!("it {rest}"))
}
