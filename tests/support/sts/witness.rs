//! What the server knows of credentials, for another server that believes them.

use std::fmt;
use std::sync::Arc;

use super::session::Session;
use super::state::Shared;

/// Answers as long as it is kept, also once the server has stopped.
#[derive(Clone)]
pub struct Witness {
    shared: Arc<Shared>,
}

impl Witness {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The session with this access key id.
    pub fn session(&self, access_key_id: &str) -> Option<Session> {
        self.shared.lock().world.session(access_key_id).cloned()
    }

    /// The server's time, epoch seconds.
    pub fn now(&self) -> i64 {
        self.shared.lock().world.now()
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Witness")
    }
}
