//! What the integration tests stand on: a hermetic environment, real shells in real terminals, a strict STS, and what
//! hands out credentials on machines of AWS.

pub mod agent;
pub mod desktop;
pub mod env;
pub mod loopback;
pub mod metadata;
pub mod openssh;
pub mod process;
pub mod proxy;
pub mod served;
pub mod sign_in;
pub mod sts;
pub mod terminal;
