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
    match caller.and_then(|caller| imp::is_below(caller, owner)) {
        Some(true) => {}
        // Where others' processes are hidden (hidepid), the caller is believed. Process 1 is above all.
        None if caller.is_some() && owner != 1 => {}
        _ => return Err(format!("process {owner} is none that the caller runs below")),
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

    /// Whether a process is another one, or has it among its ancestors; of process 1, which every process has, whether it
    /// is its very parent. `None` where that cannot be seen.
    pub(super) fn is_below(process: u32, ancestor: u32) -> Option<bool> {
        let mut at = process;
        for step in 0..DEEPEST {
            if at == ancestor {
                return Some(ancestor != 1 || step < 2);
            }
            match parent(at) {
                Ok(next @ 1..) => at = next,
                Err(error) if error.kind() == io::ErrorKind::NotFound && at == process => return None,
                _ => return Some(false),
            }
        }
        Some(false)
    }

    /// The fourth word of `/proc/PID/stat`; the second, a name in brackets, may hold anything.
    fn parent(process: u32) -> io::Result<u32> {
        let stat = std::fs::read(format!("/proc/{process}/stat"))?;
        let end = stat.iter().rposition(|byte| *byte == b')').map_or(0, |end| end + 1);
        let fields = std::str::from_utf8(&stat[end..]).unwrap_or_default();
        let parent = fields.split_ascii_whitespace().nth(1).and_then(|field| field.parse().ok());
        parent.ok_or_else(|| io::Error::other("it has no parent"))
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

    pub(super) fn is_below(_: u32, _: u32) -> Option<bool> {
        None
    }
}
