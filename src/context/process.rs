//! What this process keeps from others, and what the program that takes its place gets back.

#[cfg(target_os = "linux")]
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limit on core files that this process was given.
#[derive(Clone, Debug)]
pub struct CoreLimit(Rlimit);

/// No core file, and no look into this process's memory or environment by others of the same user.
pub fn harden() -> CoreLimit {
    let given = getrlimit(Resource::Core);
    // Where the system refuses, the process is as safe as any other. A program that takes this one's place is dumpable
    // again by itself (prctl(2), PR_SET_DUMPABLE); the limit it would inherit.
    #[cfg(target_os = "linux")]
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: given.maximum });
    CoreLimit(given)
}

impl CoreLimit {
    /// Gives the limit back, for the program that takes this one's place.
    pub fn restore(&self) {
        let _ = setrlimit(Resource::Core, self.0);
    }
}
