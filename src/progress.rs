//! Progress on stderr, for what takes over half a second, on a terminal only.

use std::time::{Duration, Instant};

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

/// A bar for so many steps, which shows itself late, and cleans up when dropped.
pub struct Counted {
    bar: ProgressBar,
    shows_at: Option<Instant>,
}

impl Counted {
    /// Starts with none of the steps done.
    pub fn start(context: &Context, what: &str, steps: usize) -> Self {
        let is_shown = context.stderr_is_terminal() && context.verbosity != Verbosity::Quiet;
        let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        Self { bar, shows_at: is_shown.then(|| Instant::now() + QUIET) }
    }

    /// One more is done.
    pub fn step(&self) {
        if self.shows_at.is_some_and(|at| Instant::now() >= at) && self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(1);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
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
