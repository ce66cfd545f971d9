//! A real shell in a real pseudo-terminal, read through a terminal emulator.
//!
//! ```ignore
//! let mut term = Terminal::start(Shell::Bash, &env, r#"eval "$(multicred init bash)""#);
//! assert_eq!(term.prompt(), "(-) $ ");
//! term.send_line("multicred as prod/Admin");
//! term.wait_for_text("MFA code");
//! term.send_line("123456");
//! assert_eq!(term.prompt(), "(prod/Admin) $ ");
//! assert!(term.shows_in_colour("prod/Admin", RED));
//! assert_eq!(term.run("false; true").status, 0);
//! assert_eq!(term.value("AWS_REGION").as_deref(), Some("eu-west-1"));
//! ```
//!
//! A command has ended when all of this holds, none of which touches the shell: its Enter was answered by a line feed,
//! the cursor stands right behind the prompt's tail, the line editor has switched the terminal to unbuffered input, the
//! foreground process group is led by a shell that sleeps, and nothing was printed for a moment.
//!
//! Questions to the shell go through one key bound in its line editor (`probe`): no prompt cycle, no hook, no history
//! entry, `$?` and `PIPESTATUS` as they were.

mod display;
mod probe;
mod process;
mod reading;
mod startup;
mod typing;
mod waiting;

use super::env::Hermetic;
use display::{Display, Position};
use portable_pty::{Child, MasterPty, PtySize};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub use super::env::Shell;
pub use probe::Variables;
pub use startup::Setup;

/// The terminal's palette, as `ESC [ 31 m` and the like choose from it.
pub const RED: u8 = 1;
pub const BLUE: u8 = 4;

/// How long any wait may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long output must have stopped before a prompt counts as waiting.
const QUIET: Duration = Duration::from_millis(30);
/// How often what nobody announces (process states) is looked at again.
const TICK: Duration = Duration::from_millis(5);
/// How long keys may stay without any answer; some keys change nothing.
const SILENT_KEYS: Duration = Duration::from_secs(1);

type Keyboard = Arc<Mutex<Box<dyn Write + Send>>>;

/// A shell somebody types into. Dropping it hangs up.
pub struct Terminal {
    /// The shells entered so far, the one being typed into last.
    shells: Vec<Shell>,
    child: Box<dyn Child + Send + Sync>,
    pty: Box<dyn MasterPty + Send>,
    keyboard: Keyboard,
    display: Arc<Display>,
    folder: tempfile::TempDir,
    home: PathBuf,
    /// Where shells look for questions.
    probes: PathBuf,
    asked: u32,
    change: String,
    rc: String,
    traced: bool,
    sent: Sent,
}

/// The terminal at the moment something was last typed into it.
struct Sent {
    cursor: Position,
    bytes: usize,
    time: Instant,
}

/// A command that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// What the screen shows between the command and the next prompt, unwrapped, without trailing blanks.
    pub output: String,
    /// `$?` as the next command would see it.
    pub status: i32,
}

impl Terminal {
    /// An interactive shell, 24 rows of 80 columns, waiting at its first prompt. `rc` follows plain prompts (`$ ` in
    /// bash and fish, `% ` in zsh) in the shell's own startup file in the home.
    #[track_caller]
    pub fn start(shell: Shell, env: &Hermetic, rc: &str) -> Self {
        Setup::new(shell).start(env, rc)
    }

    /// The same under strace, for [`Terminal::count_forks`].
    #[track_caller]
    pub fn start_traced(shell: Shell, env: &Hermetic, rc: &str) -> Self {
        Setup::new(shell).traced().start(env, rc)
    }

    /// The shell being typed into.
    pub fn shell(&self) -> Shell {
        *self.shells.last().expect("at least the first shell")
    }

    /// The pid of the first shell.
    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("the pid of a child")
    }
}

impl Drop for Terminal {
    /// Hangs up as a closed window does, and kills the shell itself where it does not listen.
    fn drop(&mut self) {
        process::hang_up(self.child.as_mut());
    }
}

fn size(rows: u16, columns: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}
