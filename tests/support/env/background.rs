//! A program that runs while the test goes on.

use super::Output;
use super::invocation::DEFAULT_LIMIT;
use super::output::Description;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a stream may stay open after the program has ended: a daemon that kept it would hang every `$(…)`.
const STREAM_LIMIT: Duration = Duration::from_secs(5);

/// A program that is still running, killed by its pid on drop.
#[derive(Debug)]
pub struct Background {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Stream,
    stderr: Stream,
    description: Description,
}

impl Background {
    pub(super) fn new(mut child: Child, input: Option<Vec<u8>>, description: Description) -> Self {
        let stdin = child.stdin.take().and_then(|pipe| feed(pipe, input));
        let stdout = Stream::read(child.stdout.take());
        let stderr = Stream::read(child.stderr.take());
        Self { child, stdin, stdout, stderr, description }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the state of a child").is_none()
    }

    /// What it has printed so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it has reported so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Writes to its input, which stays open; needs an invocation with `.stdin("")`.
    pub fn write(&mut self, input: impl AsRef<[u8]>) {
        let pipe = self.stdin.as_mut().expect("an invocation with .stdin(\"\")");
        pipe.write_all(input.as_ref()).and_then(|()| pipe.flush()).expect("a program that reads its input");
    }

    /// Waits until its stdout contains `text`, and gives stdout so far.
    #[track_caller]
    pub fn wait_for_stdout(&mut self, text: &str) -> String {
        self.wait_for(text, Self::stdout)
    }

    /// Waits until its stderr contains `text`, and gives stderr so far.
    #[track_caller]
    pub fn wait_for_stderr(&mut self, text: &str) -> String {
        self.wait_for(text, Self::stderr)
    }

    #[track_caller]
    fn wait_for(&mut self, text: &str, stream: impl Fn(&Self) -> String) -> String {
        let deadline = Instant::now() + DEFAULT_LIMIT;
        loop {
            let ended = !self.is_running() && self.stdout.is_closed() && self.stderr.is_closed();
            let seen = stream(self);
            if seen.contains(text) {
                return seen;
            }
            assert!(!ended, "it ended and never said {text:?}\n{}", self.so_far());
            assert!(Instant::now() < deadline, "it has not said {text:?}\n{}", self.so_far());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for its end, up to 60 s.
    #[track_caller]
    pub fn end(self) -> Output {
        self.end_within(DEFAULT_LIMIT)
    }

    /// Waits for its end; kills it and fails once `limit` has passed.
    #[track_caller]
    pub fn end_within(mut self, limit: Duration) -> Output {
        drop(self.stdin.take());
        let deadline = Instant::now() + limit;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the state of a child") {
                break status;
            }
            if Instant::now() >= deadline {
                self.kill();
                panic!("still running after {limit:?}, killed\n{}", self.so_far());
            }
            thread::sleep(Duration::from_millis(2));
        };
        let closed = [&self.stdout, &self.stderr].map(|stream| stream.closes_by(Instant::now() + STREAM_LIMIT));
        let output = self.output(status);
        assert!(closed == [true, true], "it ended, but something it started keeps its stdout or stderr open\n{output}");
        output
    }

    /// Kills this one process (SIGKILL) and reaps it.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn output(&self, status: ExitStatus) -> Output {
        let status = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
        Output::new(status, self.stdout(), self.stderr(), self.description.clone())
    }

    fn so_far(&self) -> String {
        let (description, stdout, stderr) = (&self.description, self.stdout(), self.stderr());
        format!("{description}--- stdout\n{stdout}\n--- stderr\n{stderr}\n---")
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Writes all of `input`; an empty one keeps the pipe open for [`Background::write`].
fn feed(mut pipe: ChildStdin, input: Option<Vec<u8>>) -> Option<ChildStdin> {
    match input {
        Some(input) if !input.is_empty() => {
            // A program may end without reading its input: a broken pipe is its choice.
            thread::spawn(move || pipe.write_all(&input));
            None
        }
        _ => Some(pipe),
    }
}

/// One stream of a program, read by a thread so that the program never blocks.
#[derive(Debug)]
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Stream {
    fn read(pipe: Option<impl Read + Send + 'static>) -> Self {
        let mut pipe = pipe.expect("a piped stream");
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut chunk = [0; 8192];
            while let Ok(count @ 1..) = pipe.read(&mut chunk) {
                lock(&shared).extend_from_slice(&chunk[..count]);
            }
        });
        Self { bytes, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.bytes)).into_owned()
    }

    fn is_closed(&self) -> bool {
        self.reader.is_finished()
    }

    fn closes_by(&self, deadline: Instant) -> bool {
        while !self.is_closed() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        self.is_closed()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
