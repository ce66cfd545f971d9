//! What the kernel knows about the shell: who has the terminal, in which mode it is, what was forked.

use portable_pty::{Child, MasterPty};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::LocalModes;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// The leader of the foreground process group.
#[derive(Debug)]
pub(super) struct Leader {
    pub(super) id: u32,
    pub(super) name: String,
    state: String,
}

impl Leader {
    pub(super) fn why_not_a_waiting_shell(&self) -> Option<String> {
        let waiting = SHELLS.contains(&self.name.as_str()) && self.state == "S";
        (!waiting).then(|| format!("the foreground process is {} (pid {}), state {}", self.name, self.id, self.state))
    }
}

/// Who has the terminal; `None` where there is no `/proc` to tell (then the screen alone decides).
pub(super) fn foreground(pty: &dyn MasterPty) -> Option<Leader> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let id = pty.process_group_leader().and_then(|id| u32::try_from(id).ok()).unwrap_or_default();
    let nobody = || Leader { id, name: "nobody".to_owned(), state: "gone".to_owned() };
    Some(leader(id).unwrap_or_else(nobody))
}

/// proc(5): `pid (comm) state …`; a comm may hold blanks and parentheses.
fn leader(id: u32) -> Option<Leader> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (front, back) = stat.rsplit_once(')')?;
    let (_, name) = front.split_once('(')?;
    let state = back.split_whitespace().next()?;
    Some(Leader { id, name: name.to_owned(), state: state.to_owned() })
}

/// Whether somebody reads key by key, as line editors do. The master side of a pty shows the modes of the other side.
pub(super) fn reads_unbuffered(pty: &dyn MasterPty) -> bool {
    let modes = pty.get_termios().map(|modes| modes.local_flags.bits());
    modes.is_some_and(|bits| u64::from(bits) & u64::from(LocalModes::ICANON.bits()) == 0)
}

/// SIGHUP, half a second, SIGKILL; to this one process.
pub(super) fn hang_up(child: &mut dyn Child) {
    let Some(pid) = child.process_id().and_then(|pid| Pid::from_raw(pid.cast_signed())) else { return };
    for signal in [Signal::HUP, Signal::KILL] {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        // An error means that it has just ended.
        let _ = kill_process(pid, signal);
        let deadline = Instant::now() + Duration::from_millis(500);
        while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// The lines of an strace log that created a process; threads do not count.
pub(super) fn forks(log: &str) -> Vec<String> {
    let created = |line: &&str| {
        let call = line.split_once("clone(").or_else(|| line.split_once("clone3(")).map(|(_, arguments)| arguments);
        let forked = line.contains(" fork(") || line.contains(" vfork(");
        forked || call.is_some_and(|arguments| !arguments.contains("CLONE_THREAD"))
    };
    log.lines().filter(created).map(str::to_owned).collect()
}
