//! Progress on stderr, for what takes over half a second, on a terminal only.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::context::{Context, Verbosity, printable};

/// Nothing is shown before this has passed.
const QUIET: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(100);

/// A spinner that shows itself late, and cleans up when dropped.
pub struct Progress {
    done: std::sync::mpsc::Sender<()>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Progress {
    /// Starts the wait for an answer to `action`.
    pub fn start(context: &Context, action: &str, whom: &str) -> Option<Self> {
        if !context.stderr_is_terminal() || context.verbosity == Verbosity::Quiet {
            return None;
        }
        let message = printable(&format!("asking AWS for {whom} ({action})"));
        let (done, finished) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::Builder::new().spawn(move || {
            if finished.recv_timeout(QUIET) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                    bar.set_style(style);
                }
                bar.set_message(message);
                bar.enable_steady_tick(TICK);
                let _ = finished.recv();
                bar.finish_and_clear();
            }
        });
        Some(Self { done, thread: thread.ok() })
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let _ = self.done.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
