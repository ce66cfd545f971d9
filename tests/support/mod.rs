//! What the integration tests stand on: a hermetic environment, real shells in real terminals, a strict STS, and what
//! hands out credentials on machines of AWS.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test binary compiles this module and uses another part of it"
)]
#![allow(clippy::expect_used, reason = "a broken test environment is a failed test")]
#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "those rules are for the program under test")]
#![allow(clippy::missing_panics_doc, reason = "assertions panic")]

pub mod agent;
pub mod desktop;
pub mod env;
pub mod loopback;
pub mod metadata;
pub mod openssh;
pub mod proxy;
pub mod sts;
pub mod terminal;
