//! Kept answers: what a name came to the last time, for as long as nothing that it rests on has changed.
//!
//! The shell's every switch back, and an SDK's every question, ends in the same credential for an hour. The answer is
//! kept in a small file of the runtime folder, so that it can be given without opening the database. It holds no more
//! than the store does: names, and the secret as the store has it, sealed. It counts only while the store, the person's
//! AWS files and the request are the very same, and until the moment at which the store's credential would not do
//! either.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::vault::{self, Wrapped};
use super::{Resolved, Who, aws_files};
use crate::aws_config::SETTLED;
use crate::context::Context;
use crate::identity::hash::{Hasher, hex};
use crate::identity::request::{MinTtl, Request};
use crate::lock::private_folder;
use crate::secret::{Credential, KeyMaterial};

/// Whatever another version wrote may mean something else.
const FORMAT: &str = concat!("1 ", env!("CARGO_PKG_VERSION"));
/// No answer is longer: a session token has at most a few kilobytes.
const LONGEST: u64 = 64 * 1024;

/// What an answer rests on, and where it is kept.
pub(super) struct Basis {
    file: PathBuf,
    stamps: String,
}

/// An answer, as it is written down.
#[derive(Serialize, Deserialize)]
struct Answer {
    stamps: String,
    /// Epoch seconds: from when, and until when it counts.
    from: i64,
    until: i64,
    who: Who,
    renewable: bool,
    access_key_id: String,
    expires_at: i64,
    secret: Wrapped,
}

/// The kept answer to this request; `None` where there is none that counts.
pub fn kept(context: &Context, store: &Path, name: &str, request: &Request) -> Option<Resolved> {
    let basis = Basis::of(context, store, name, request)?;
    let answer: Answer = serde_json::from_slice(&read(&basis.file)?).ok()?;
    if answer.stamps != basis.stamps || !(answer.from..answer.until).contains(&context.now()) {
        return None;
    }
    let material: KeyMaterial = vault::open_wrapped(store, &answer.secret, &answer.access_key_id)?;
    let (access_key_id, expires_at) = (answer.access_key_id, Some(answer.expires_at));
    Some(Resolved {
        credential: Credential { access_key_id, material, expires_at },
        expiry_is_guess: false,
        who: answer.who,
        renewable: answer.renewable,
        warnings: Vec::new(),
    })
}

impl Basis {
    /// `None` for a request that is not plain, and while anything that an answer rests on has just changed, or may be
    /// changing: its stamps could then stay the same over the next change.
    pub(super) fn of(context: &Context, store: &Path, name: &str, request: &Request) -> Option<Self> {
        let audience = match request.min_ttl {
            MinTtl::Shell => "shell",
            MinTtl::Program => "program",
            MinTtl::Asked(_) => return None,
        };
        let (min_ttl, endpoint) = (request.min_ttl, request.endpoint.clone());
        if *request != (Request { min_ttl, endpoint, ..Request::default() }) {
            return None;
        }
        let files = aws_files(context)?;
        let now = context.now();
        let stamps = format!("{FORMAT}\n{}{}\n{}", store_stamp(store, now)?, files.names(), files.stamps(now)?);
        let question = Hasher::new("answer")
            .field("store", Some(&store.to_string_lossy()))
            .field("name", Some(name))
            .field("audience", Some(audience))
            .field("endpoint", request.endpoint.as_deref())
            // Sessions are named after it where no user's name is known.
            .field("login", context.login_name())
            .finish();
        let file = folder(context, store).join(hex(&question.0[..16]));
        Some(Self { file, stamps })
    }

    /// Writes an answer down, which counts until then (epoch seconds). Where that is not possible, the next one is
    /// looked up like this one.
    pub(super) fn keep(self, context: &Context, resolved: &Resolved, secret: Wrapped, until: i64) {
        let credential = &resolved.credential;
        let from = context.now();
        let Some(expires_at) = credential.expires_at.filter(|_| from < until) else { return };
        let answer = Answer {
            stamps: self.stamps,
            from,
            until,
            who: resolved.who.clone(),
            renewable: resolved.renewable,
            access_key_id: credential.access_key_id.clone(),
            expires_at,
            secret,
        };
        let written = serde_json::to_vec(&answer).map_err(std::io::Error::other);
        if let Err(error) = written.and_then(|bytes| write(&self.file, &bytes)) {
            context.detail(&format!("the answer could not be kept: {error}"));
        }
    }
}

/// Removes the answers that rest on a store: it has been changed.
pub(super) fn forget(context: &Context, store: &Path) {
    // It is not there as a rule, and what stays behind counts no longer anyway.
    let _ = fs::remove_dir_all(folder(context, store));
}

fn folder(context: &Context, store: &Path) -> PathBuf {
    let store = Hasher::new("store").field("path", Some(&store.to_string_lossy())).finish();
    context.runtime_folder().join("answers").join(store.short())
}

/// One text that changes whenever the store does. A store that SQLite has not written out, that is looser than ours, or
/// that somebody else may see differently, has none.
fn store_stamp(store: &Path, now: i64) -> Option<String> {
    let beside = |suffix: &str| {
        let mut name = store.as_os_str().to_owned();
        name.push(suffix);
        fs::metadata(PathBuf::from(name)).map_or(0, |file| file.size())
    };
    let file = fs::symlink_metadata(store).ok()?;
    let is_ours =
        file.is_file() && file.mode().trailing_zeros() >= 6 && file.uid() == rustix::process::geteuid().as_raw();
    let is_quiet = now.saturating_sub(file.mtime()) > SETTLED && beside("-wal") == 0 && beside("-journal") == 0;
    (is_ours && is_quiet).then(|| {
        let changed = format!("{}.{}:{}.{}", file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec());
        format!("{}:{}:{}:{changed}\n", file.dev(), file.ino(), file.size())
    })
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let file = OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()).open(path);
    let file: File = file.ok()?;
    // Where there is no runtime folder of the session the file is below /tmp, where others write as well.
    let metadata = file.metadata().ok()?;
    let is_ours = metadata.is_file() && metadata.uid() == rustix::process::geteuid().as_raw();
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.size().min(LONGEST)).unwrap_or_default() + 1);
    file.take(LONGEST).read_to_end(&mut bytes).ok().filter(|_| is_ours)?;
    Some(bytes)
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    private_folder(folder).map_err(std::io::Error::other)?;
    let draft = path.with_extension(std::process::id().to_string());
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(bytes).and_then(|()| fs::rename(&draft, path)).inspect_err(|_| {
        let _ = fs::remove_file(&draft);
    })
}
