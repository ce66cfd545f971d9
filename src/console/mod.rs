//! The console: where a partition's is, which page of it is meant, and the link that signs in to it. Pure.

mod hosts;
mod page;
mod service;

pub use hosts::{Hosts, Instead};
pub use page::Page;
pub use service::OFFERED as SERVICES;

/// Why there is no link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsoleError {
    /// A partition whose console is not public knowledge.
    #[error("it is not known where the console of the partition {0} is")]
    UnknownPartition(String),
    /// A session that AWS signs nobody in with.
    #[error("{0} is here as a user's session, and AWS's sign-in takes no credential of GetSessionToken")]
    UserSession(String),
    /// A key that AWS signs nobody in with.
    #[error("{0} is here as a long-term key that comes from elsewhere, and AWS's sign-in takes temporary ones only")]
    LongTermKey(String),
    /// A region of another partition.
    #[error("{region} is not a region of the partition {partition}")]
    Region {
        /// The region that was asked for.
        region: String,
        /// The identity's partition.
        partition: String,
    },
    /// A text that names no service.
    #[error("'{0}' is not the name of a service")]
    Service(String),
    /// A text that is no path of the console's.
    #[error("'{path}' is not a path of the console: {reason}")]
    Path {
        /// What was given, safe to print.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}
