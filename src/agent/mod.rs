//! The agent: one process of the person's that holds store keys in memory, and seals and unseals for that person's other
//! processes without ever handing a key out.
//!
//! This module is the callers' end; [`server`] is the other one. Both speak [`protocol`].

mod client;
mod complaint;
mod error;
pub mod protocol;
pub mod server;
mod session;
mod start;

pub use client::Agent;
pub use error::AgentError;
pub use protocol::{Held, Live, MARK, Manner, Opened, Opening, Renewal, Seat, Status, live_folder};
pub use session::Session;
pub use start::{Launch, Started, detach, ready_line, running_line, start};
