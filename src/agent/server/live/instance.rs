//! The machine that a session's metadata service tells of.

use std::rc::Rc;

use super::Sessions;
use crate::endpoint::{HandOut, Machine, Refusal};
use crate::lock::boot_seconds;
use crate::secret::Secret;

/// It is whoever the session's first seat is.
pub(super) struct Instance {
    pub(super) sessions: Rc<Sessions>,
    pub(super) token: Secret,
}

impl Machine for Instance {
    async fn hand_out(&self) -> Result<Rc<HandOut>, Refusal> {
        let session = self.sessions.find(self.token.expose().as_bytes());
        let seat = session.as_ref().ok_or(Refusal::NoToken)?.seat_of(None).ok_or(Refusal::NotGiven)?;
        seat.hand_out().await
    }

    fn seconds(&self) -> u64 {
        u64::try_from(boot_seconds()).unwrap_or_default()
    }
}
