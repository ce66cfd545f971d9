//! One generated case: a world, a person's files, and the profile to ask for.

use std::collections::BTreeMap;

use super::files::{Files, HOME};
use super::generate::Draft;
use crate::support::sts::World;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub files: Files,
    /// The profile that is asked for.
    pub target: String,
    /// Variables beside those of every case.
    pub environment: BTreeMap<&'static str, String>,
    /// What else stands in the home: scripts and tokens.
    pub others: BTreeMap<String, String>,
}

impl Case {
    /// The same seed gives the same case, in the same world.
    pub fn generate(seed: u64) -> (Self, World) {
        Draft::new(seed).finish()
    }
}

/// The value of a setting that names a file of the home.
pub fn in_home(file: &str) -> String {
    format!("{HOME}/{file}")
}
