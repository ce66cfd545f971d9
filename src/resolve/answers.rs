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

use super::route::variables_of_profiles;
use super::vault::{self, Wrapped};
use super::{Resolved, Who, aws_files, store_path};
use crate::aws_config::SETTLED;
use crate::context::Context;
use crate::identity::hash::{Hasher, hex};
use crate::identity::request::{MinTtl, Request};
use crate::lock::{boot_clock, private_folder};
use crate::secret::{Credential, KeyMaterial};
use crate::settings;
use crate::sts::settings::{ENDPOINT, IGNORE_ENDPOINT};
use crate::sts::{OfProfile, metadata};

/// Whatever another version wrote may mean something else.
const FORMAT: &str = concat!("2 ", env!("CARGO_PKG_VERSION"));
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
    let material: KeyMaterial = vault::open_wrapped(context, store, &answer.secret, &answer.access_key_id)?;
    let (access_key_id, expires_at) = (answer.access_key_id, Some(answer.expires_at));
    Some(Resolved {
        credential: Credential { access_key_id, material, expires_at },
        expiry_is_guess: false,
        who: answer.who,
        renewable: answer.renewable,
        // No answer of anybody protected is kept.
        guarded: false,
        warnings: Vec::new(),
        straight: false,
        reach: OfProfile::default(),
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
        let Request { min_ttl, asker, .. } = *request;
        if *request != (Request { min_ttl, asker, ..Request::default() }) {
            return None;
        }
        let files = aws_files(context)?;
        let now = context.now();
        let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let default_store = store_path(context, None).ok()?;
        let question = Hasher::new("answer")
            .field("store", Some(&whole(store).to_string_lossy()))
            // A profile may ask multicred for somebody, in the store that is used where none is named.
            .field("default-store", Some(&whole(&default_store).to_string_lossy()))
            .field("name", Some(name))
            .field("audience", Some(audience))
            // A role session may be named after it.
            .field("host", Some(&context.host_name()))
            // Sessions are named after it where no user's name is known.
            .field("login", context.login_name())
            // A region of the person's own counts before that of [default].
            .field("own-region", context.own_region().map(|_| "set"))
            // A profile may take its credential from the environment.
            .field("own-key", context.variable("AWS_ACCESS_KEY_ID").filter(|_| !context.holds_switched_key()));
        let of_variable = |question: Hasher, name| question.field(name, context.setting(name).as_deref());
        // As they are: what a profile says beside them decides what they come to.
        let variables = variables_of_profiles().chain(ENDPOINT).chain([IGNORE_ENDPOINT]).chain(metadata::ADDRESSES);
        let question = hex(&variables.fold(question, of_variable).finish().0);
        let file = folder(context).join(format!("{}-{}", store_name(store), &question[..32]));
        let (store, files) = (store_stamp(store, now)?, format!("{}\n{}", files.names(), files.stamps(now)?));
        let settings =
            context.settings_file().map_or(Some(String::new()), |path| settings::stamp(&path, now, SETTLED))?;
        Some(Self { file, stamps: format!("{FORMAT}\n{question}\n{store}{files}{settings}") })
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

/// Removes the answers that rest on a store: it has been changed. What stays behind counts no longer anyway.
pub fn forget(context: &Context, store: &Path) {
    let start = format!("{}-", store_name(store));
    let Ok(entries) = fs::read_dir(folder(context)) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(&start)) {
        let _ = fs::remove_file(entry.path());
    }
}

/// Flat, so that all of it, up to the runtime folder, is checked for its owner before anything is written there.
fn folder(context: &Context) -> PathBuf {
    context.runtime_folder().join("answers")
}

fn store_name(store: &Path) -> String {
    Hasher::new("store").field("path", Some(&store.to_string_lossy())).finish().short()
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
    // A time stamp of the content can be set back, one of the change cannot.
    let changed_at = file.mtime().max(file.ctime());
    let is_quiet = now.saturating_sub(changed_at) > SETTLED && beside("-wal") == 0 && beside("-journal") == 0;
    (is_ours && is_quiet).then(|| {
        let changed = format!("{}.{}:{}.{}", file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec());
        format!("{}:{}:{}:{changed}\n", file.dev(), file.ino(), file.size())
    })
}

fn read(path: &Path) -> Option<Vec<u8>> {
    // A pipe in its place must not be waited for.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file: File = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path).ok()?;
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
    // Processes of several containers may share the folder, and a process id.
    let draft = path.with_extension(format!("{}-{}", std::process::id(), boot_clock()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(bytes).and_then(|()| fs::rename(&draft, path)).inspect_err(|_| {
        let _ = fs::remove_file(&draft);
    })
}
