//! A new credential: multicred itself is asked for it, as a process of its own, in the environment of whoever opened the
//! session. The agent's own memory stays small, and no endpoint, proxy or folder of another shell gets mixed up.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::agent::complaint;
use crate::agent::protocol::Renewal;
use crate::credential_text;
use crate::secret::{Credential, KeyMaterial, Secret};

/// How long it may take: three attempts at each of a few hops, or a person who is asked in a window.
const PATIENCE: Duration = Duration::from_secs(90);
/// Neither an answer nor a complaint is longer, in bytes.
const LONGEST: u64 = 64 * 1024;
/// As much of a complaint is told, in bytes.
const LONGEST_REASON: usize = 400;
/// The status of a program whose person did not want to answer.
const CANCELLED: i32 = 130;

/// How to ask.
pub(super) struct Recipe {
    renewal: Renewal,
    /// Places for those who are asked at a time, of all sessions.
    places: Rc<Semaphore>,
}

/// Why there is no new credential.
pub(super) struct Failed {
    pub(super) reason: String,
    /// A person was asked, and did not want to answer.
    pub(super) by_person: bool,
}

/// How many may be asked at a time: a machine that wakes has many credentials that have ended.
pub(super) const MOST_AT_ONCE: usize = 16;

impl Recipe {
    pub(super) fn new(renewal: Renewal, places: Rc<Semaphore>) -> Self {
        Self { renewal, places }
    }

    /// Asks, with words that say for whom and what.
    pub(super) async fn ask(&self, words: &[String]) -> Result<Credential, Failed> {
        // They are never closed.
        let _place = self.places.acquire().await;
        let Renewal { program, folder, environment } = &self.renewal;
        // It may be gone; then nothing in it means anything any more.
        let folder = if folder.is_dir() { folder } else { Path::new("/") };
        let because = |reason: String| Failed { reason, by_person: false };
        let failed = |error: &dyn std::fmt::Display| because(format!("{}: {error}", program.display()));
        let environment = environment.iter().map(|(name, value)| (name, OsStr::from_bytes(value)));
        let mut child = Command::new(program)
            .args(words)
            .env_clear()
            .envs(environment)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(&error))?;
        match timeout(PATIENCE, hear(&mut child)).await {
            Ok(Ok((status, answer, _))) if status.success() => {
                read(&answer).ok_or_else(|| failed(&"it gave no credential"))
            }
            Ok(Ok((status, _, complaint))) => {
                Err(Failed { reason: reason(&complaint), by_person: status.code() == Some(CANCELLED) })
            }
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(because(format!("there was no new credential after {} s", PATIENCE.as_secs()))),
        }
    }
}

/// How it ended, and what it said on its two streams.
async fn hear(child: &mut Child) -> std::io::Result<(ExitStatus, Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>)> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (answer, complaint) = tokio::join!(whole(out), whole(err));
    let status = child.wait().await?;
    Ok((status, answer?, complaint?))
}

/// All of a stream. It has its room from the start: bytes that grow leave copies of themselves behind.
async fn whole(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(LONGEST).unwrap_or_default() + 1));
    if let Some(stream) = stream {
        stream.take(LONGEST).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

fn read(answer: &[u8]) -> Option<Credential> {
    let found = credential_text::of_process(std::str::from_utf8(answer).ok()?).ok()?;
    let session_token = found.session_token.map(Secret::from);
    let material = KeyMaterial { secret_access_key: Secret::from(found.secret_access_key), session_token };
    Some(Credential { access_key_id: found.access_key_id, material, expires_at: found.expires_at })
}

/// An error of the program, as one line.
fn reason(said: &[u8]) -> String {
    let told = complaint::of(&String::from_utf8_lossy(said)).unwrap_or_default();
    let mut reason: String = told.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    if reason.len() > LONGEST_REASON {
        reason.truncate(reason.floor_char_boundary(LONGEST_REASON));
        reason.push('…');
    }
    if reason.is_empty() { "multicred ended without a word".to_owned() } else { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_one_line_without_our_own_name() {
        assert_eq!(reason(b"multicred: no\nmulticred: do \x1b[31m"), "no; do ?[31m");
        assert_eq!(reason(b""), "multicred ended without a word");
        assert!(reason("ü".repeat(1000).as_bytes()).len() < 410);
    }
}
