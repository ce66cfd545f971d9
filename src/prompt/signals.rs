//! Signals while the terminal is masked: the prompt hears of them, gives the terminal back, and only then obeys.

use std::cell::Cell;
use std::ffi::c_int;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{Timespec, poll};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::{flag, low_level};

/// Those that would leave a masked terminal behind, the deadliest first; and the one that comes after a stop, during
/// which whoever had the terminal may have set it otherwise.
const SIGNALS: [c_int; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGCONT];

/// Where this is true, a signal does what it would have done had nobody listened.
static AT_REST: AtomicBool = AtomicBool::new(true);
/// Which of them came while somebody listened. Each has its own flag: `timeout` sends CONT right behind TERM.
static HEARD: [AtomicBool; SIGNALS.len()] = [const { AtomicBool::new(false) }; SIGNALS.len()];

/// Signals are heard, and not obeyed, as long as this lives.
pub(super) struct Listening;

impl Listening {
    pub(super) fn start() -> io::Result<Self> {
        // Once and for good: a handler that is taken out again would leave its signal ignored.
        static HANDLERS: OnceLock<Result<(), io::ErrorKind>> = OnceLock::new();
        (*HANDLERS.get_or_init(|| install().map_err(|error| error.kind())))?;
        AT_REST.store(false, Ordering::SeqCst);
        Ok(Self)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        AT_REST.store(true, Ordering::SeqCst);
        if let Some(signal) = heard() {
            obey(signal);
        }
    }
}

/// What has come since the last look; of several, the deadliest.
pub(super) fn heard() -> Option<c_int> {
    let came = HEARD.each_ref().map(|flag| flag.swap(false, Ordering::SeqCst));
    SIGNALS.into_iter().zip(came).find_map(|(signal, came)| came.then_some(signal))
}

/// Whether something has come that [`heard`] would tell, which still does.
pub(super) fn has_come() -> bool {
    SIGNALS.into_iter().zip(&HEARD).any(|(signal, came)| signal != SIGCONT && came.load(Ordering::SeqCst))
}

/// Does what the signal does by default: ends this process, or stops it and returns when it goes on.
pub(super) fn obey(signal: c_int) {
    // It fails only for signals that it does not know.
    let _ = low_level::emulate_default_handler(signal);
}

/// The signal that has said to end; one that says to pause is obeyed.
fn ending() -> Option<c_int> {
    match heard() {
        None | Some(SIGCONT) => None,
        Some(signal @ SIGTSTP) => {
            obey(signal);
            None
        }
        signal => signal,
    }
}

/// Why nobody stays any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// A signal said so: Ctrl-C, the end of the terminal, or somebody who ends the process.
    Told,
    /// What it was for has ended.
    Over,
}

/// Stays for as long as something lasts, at which it looks once a second, or until a signal comes, which it does not
/// obey: whoever stayed has something to put away.
///
/// # Errors
/// The system lets nobody listen to signals.
pub fn stay(mut lasts: impl FnMut() -> bool) -> io::Result<Left> {
    const LOOK: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
    let _listening = Listening::start()?;
    while lasts() {
        match heard() {
            None => {}
            Some(signal @ SIGTSTP) => obey(signal),
            Some(SIGCONT) => continue,
            Some(_) => return Ok(Left::Told),
        }
        // A signal ends it early.
        let _ = poll(&mut [], Some(&LOOK));
    }
    Ok(Left::Over)
}

/// Repeats `turn`, which a signal ends early, until it says that there is something to do, or until a signal comes that
/// would end this process, which is given and not obeyed. Meanwhile nothing else may be done: it would be deaf.
///
/// # Errors
/// The system lets nobody listen to signals.
pub fn wait_through(mut turn: impl FnMut() -> bool) -> io::Result<Option<c_int>> {
    let _listening = Listening::start()?;
    loop {
        if let Some(signal) = ending() {
            return Ok(Some(signal));
        }
        if turn() {
            return Ok(None);
        }
    }
}

/// Signals are heard, and not obeyed, as long as this lives: what has begun is brought to where it can be left.
pub struct Told {
    _listening: Listening,
    stop: Cell<bool>,
}

impl Told {
    /// Begins to listen.
    ///
    /// # Errors
    /// The system lets nobody listen to signals.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { _listening: Listening::start()?, stop: Cell::new(false) })
    }

    /// Whether a signal has said to end. One that says to pause is obeyed.
    pub fn to_stop(&self) -> bool {
        if ending().is_some() {
            self.stop.set(true);
        }
        self.stop.get()
    }

    /// Waits so long, or until a signal comes.
    pub fn pause(length: Duration) {
        let _ = poll(&mut [], Timespec::try_from(length).ok().as_ref());
    }
}

fn install() -> io::Result<()> {
    let ignored = ignored();
    for (signal, heard) in SIGNALS.into_iter().zip(&HEARD) {
        if ignored & (1 << (signal - 1)) == 0 {
            flag::register_conditional_default(signal, &AT_REST)?;
            flag::register(signal, heard)?;
        }
    }
    Ok(())
}

/// The signals that this process was started to ignore (by nohup, say), a bit each: they stay ignored. Only Linux
/// tells (proc(5), `SigIgn`).
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}
