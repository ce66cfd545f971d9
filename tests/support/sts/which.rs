//! Which calls a fault, a gate or a count is about.

use super::call::Call;

/// A condition on calls. `"AssumeRole".into()` is that action, `"*".into()` every one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    action: Option<String>,
    access_key_id: Option<String>,
    params: Vec<(String, String)>,
}

impl Which {
    /// Every call.
    pub fn any() -> Self {
        Self::default()
    }

    pub fn action(name: &str) -> Self {
        Self { action: (name != "*").then(|| name.to_owned()), ..Self::default() }
    }

    /// Only calls signed with this key.
    pub fn by(mut self, access_key_id: &str) -> Self {
        self.access_key_id = Some(access_key_id.to_owned());
        self
    }

    /// Only calls with this parameter: `.with("RoleArn", arn)`.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.params.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn matches(&self, call: &Call) -> bool {
        self.action.as_ref().is_none_or(|action| *action == call.action)
            && self.access_key_id.as_ref().is_none_or(|key| Some(key) == call.access_key_id.as_ref())
            && self.params.iter().all(|(name, value)| call.params.get(name) == Some(value))
    }
}

impl From<&str> for Which {
    fn from(action: &str) -> Self {
        Self::action(action)
    }
}
