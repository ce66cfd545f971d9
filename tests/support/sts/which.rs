//! Which calls a fault, a gate or a count is about.

use super::call::Call;

/// A condition on calls. `"AssumeRole".into()` is that action, `"*".into()` every one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Which {
    action: Option<String>,
}

impl Which {
    pub fn matches(&self, call: &Call) -> bool {
        self.action.as_ref().is_none_or(|action| *action == call.action)
    }
}

impl From<&str> for Which {
    fn from(action: &str) -> Self {
        Self { action: (action != "*").then(|| action.to_owned()) }
    }
}
