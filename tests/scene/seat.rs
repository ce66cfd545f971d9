//! Many processes at once, each at a terminal of its own: so prompts are real, and what waits says so.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{fs, thread};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::termios::LocalModes;

use super::PATIENCE;
use crate::support::env::Hermetic;
use crate::support::process::one_at_a_time;

/// One process whose stderr and controlling terminal are a pty; its stdout is captured apart.
pub struct Seat {
    child: Box<dyn Child + Send + Sync>,
    terminal: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    shown: Arc<Mutex<Vec<u8>>>,
    watcher: JoinHandle<()>,
    stdout: PathBuf,
    _removed_on_drop: tempfile::TempDir,
}

/// How a seat's process ended.
#[derive(Debug)]
pub struct Ended {
    pub status: u32,
    pub stdout: String,
    /// Everything the terminal showed.
    pub screen: String,
}

impl Seat {
    pub fn take(env: &Hermetic, arguments: &[&str]) -> Self {
        Self::take_for(env, env.binary(), arguments)
    }

    fn take_for(env: &Hermetic, program: &Path, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let stdout = folder.path().join("stdout");
        let mut command = CommandBuilder::new("/bin/sh");
        command.args(["-c", r#"to=$1; shift; exec "$@" >"$to""#, "sh"]);
        command.arg(&stdout);
        command.arg(program);
        command.args(arguments);
        command.env_clear();
        command.cwd(env.home());
        env.variables().iter().for_each(|(name, value)| command.env(name, value));
        let _one_at_a_time = one_at_a_time();
        let size = PtySize { rows: 24, cols: 200, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let child = pair.slave.spawn_command(command).expect("a process");
        let shown = Arc::new(Mutex::new(Vec::new()));
        let watcher = watch(pair.master.try_clone_reader().expect("a reading side"), &shown);
        let keyboard = pair.master.take_writer().expect("a writing side");
        Self { child, terminal: pair.master, keyboard, shown, watcher, stdout, _removed_on_drop: folder }
    }

    /// `count` processes that all do the same.
    pub fn crowd(env: &Hermetic, count: usize, arguments: &[&str]) -> Vec<Self> {
        (0..count).map(|_| Self::take(env, arguments)).collect()
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("a pid")
    }

    /// Everything the terminal has shown so far.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    pub fn type_line(&mut self, text: &str) {
        self.type_keys(&format!("{text}\r"));
    }

    /// Types without an Enter.
    pub fn type_keys(&mut self, keys: &str) {
        self.type_bytes(keys.as_bytes());
    }

    /// Types what may be no text.
    pub fn type_bytes(&mut self, keys: &[u8]) {
        self.keyboard.write_all(keys).expect("a terminal that takes keys");
        self.keyboard.flush().expect("a terminal that takes keys");
    }

    /// Waits until the screen has `text`.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_for_times(text, 1);
    }

    /// Waits until the screen has `text` that often.
    #[track_caller]
    pub fn wait_for_times(&self, text: &str, times: usize) {
        let shows = eventually(|| self.screen().matches(text).count() >= times);
        assert!(shows, "{text:?} is not {times} times on the screen: {:?}", self.screen());
    }

    /// Whether what is typed is shown, a line is gathered, and Ctrl-C interrupts, as a terminal does by itself. The
    /// master side of a pty shows the modes of the other side.
    pub fn is_as_usual(&self) -> bool {
        let usual = LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        let modes = self.terminal.get_termios().map(|modes| u64::from(modes.local_flags.bits()));
        modes.is_some_and(|bits| bits & u64::from(usual.bits()) == u64::from(usual.bits()))
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGKILL, to this one process.
    pub fn kill(&mut self) {
        self.child.kill().expect("a process to kill");
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let mut status = None;
        let ended = eventually(|| {
            status = self.child.try_wait().expect("the state of a child");
            status.is_some()
        });
        if !ended {
            let _ = self.child.kill();
            panic!("still running after {PATIENCE:?}; its screen: {:?}", self.screen());
        }
        assert!(
            eventually(|| self.watcher.is_finished()),
            "something still holds the terminal of a process that ended"
        );
        let stdout = fs::read_to_string(&self.stdout).expect("what it printed");
        let status = status.map(|status| status.exit_code()).unwrap_or_default();
        Ended { status, stdout, screen: self.screen() }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn watch(mut terminal: Box<dyn Read + Send>, shown: &Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    let shown = Arc::clone(shown);
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = terminal.read(&mut chunk) {
            shown.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&chunk[..count]);
        }
    })
}

/// Whether something comes true while patience lasts.
pub fn eventually(mut is_true: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if is_true() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// How many times the terminals of a crowd asked for a code.
pub fn prompts<'s>(screens: impl IntoIterator<Item = &'s str>) -> usize {
    screens.into_iter().map(|screen| screen.matches("MFA code for ").count()).sum()
}

/// Waits until all but one of the crowd say that they wait for that one; its index.
#[track_caller]
pub fn wait_for_holder(crowd: &[Seat]) -> usize {
    let waits = |seat: &Seat| seat.screen().contains("waiting for process");
    let all_wait = eventually(|| crowd.iter().filter(|seat| waits(seat)).count() == crowd.len() - 1);
    let screens: Vec<String> = crowd.iter().map(Seat::screen).collect();
    assert!(all_wait, "not all but one wait: {screens:#?}");
    crowd.iter().position(|seat| !waits(seat)).expect("one that does not wait")
}
