//! The process whose session it is: its end is the session's.

use rustix::process::Pid;

/// Somebody to wait for.
pub(super) struct Watch(imp::Watch);

impl Watch {
    /// Returns when the process has ended.
    pub(super) async fn ended(self) {
        self.0.ended().await;
    }
}

/// Watches a process that the caller runs below, or is. That the caller lives proves that the number is still that
/// process's: a process's ancestors are never replaced by younger ones of the same number.
pub(super) fn watch(owner: u32, caller: Option<u32>) -> Result<Watch, String> {
    let pid = i32::try_from(owner).ok().and_then(Pid::from_raw).ok_or("its owner is no process")?;
    // First the hold of it, then the proof: whoever is held can no longer change.
    let watch = imp::Watch::of(pid).map_err(|error| format!("process {owner} cannot be watched: {error}"))?;
    if !caller.is_some_and(|caller| imp::is_below(caller, owner)) {
        return Err(format!("process {owner} is none that the caller runs below"));
    }
    Ok(Watch(watch))
}

#[cfg(target_os = "linux")]
mod imp {
    use std::io;
    use std::os::fd::OwnedFd;

    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// More ancestors than any process has.
    const DEEPEST: usize = 4096;

    pub(super) struct Watch(AsyncFd<OwnedFd>);

    impl Watch {
        /// A descriptor of the very process: a number may be given to another one later.
        #[expect(deprecated, reason = "unsound for types that may give up their descriptor; OwnedFd never does")]
        pub(super) fn of(pid: Pid) -> io::Result<Self> {
            let process = pidfd_open(pid, PidfdFlags::NONBLOCK)?;
            Ok(Self(AsyncFd::with_interest(process, Interest::READABLE)?))
        }

        pub(super) async fn ended(self) {
            // It can be read from when the process has ended. Who cannot be waited for is not served.
            let _ = self.0.readable().await;
        }
    }

    /// Whether a process is another one, or has it among its ancestors.
    pub(super) fn is_below(process: u32, ancestor: u32) -> bool {
        let mut at = process;
        for _ in 0..DEEPEST {
            if at == ancestor {
                return true;
            }
            match parent(at) {
                Some(next @ 1..) => at = next,
                _ => return false,
            }
        }
        false
    }

    /// The fourth word of `/proc/PID/stat`; the second, a name in brackets, may hold anything.
    fn parent(process: u32) -> Option<u32> {
        let stat = std::fs::read(format!("/proc/{process}/stat")).ok()?;
        let end = stat.iter().rposition(|byte| *byte == b')')?;
        std::str::from_utf8(&stat[end + 1..]).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
    }
}

/// Untested: where no descriptor of a process can be had, its number is looked at, which another process may have by
/// then.
#[cfg(not(target_os = "linux"))]
mod imp {
    use std::io;
    use std::time::Duration;

    use rustix::process::{Pid, test_kill_process};

    const LOOK: Duration = Duration::from_secs(1);

    pub(super) struct Watch(Pid);

    impl Watch {
        pub(super) fn of(pid: Pid) -> io::Result<Self> {
            test_kill_process(pid)?;
            Ok(Self(pid))
        }

        pub(super) async fn ended(self) {
            while test_kill_process(self.0).is_ok() {
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    pub(super) fn is_below(_: u32, _: u32) -> bool {
        true
    }
}
