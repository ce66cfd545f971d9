//! The files that stand in for the person's AWS files in a live session: as those would be if nobody were `[default]`,
//! since SDKs ask their files before any endpoint.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::agent::Session;
use crate::aws_config::stand_in::{Own, StandIn, stand_in};
use crate::cli::{Global, wherever};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::regular_file;

/// No AWS file is longer, in bytes.
const LONGEST_FILE: u64 = 16 * 1024 * 1024;

/// Makes them out of the person's files. Profiles that need multicred for their credentials are left out where
/// `is_restricted`: a restricted program is told nothing of it.
///
/// # Errors
/// One of the person's files cannot be read.
pub(super) fn make(context: &Context, global: &Global, is_restricted: bool) -> Result<StandIn, Failure> {
    let unreadable = |error: io::Error| {
        let fact = format!("the AWS files cannot be read, and so have no stand-ins: {error}");
        Failure::new(Exit::Failure, fact, "see that they can be read")
    };
    let (config, credentials) = context.aws_files().map_err(|error| unreadable(io::Error::other(error)))?;
    let (config_text, credentials_text) = (read(&config).map_err(unreadable)?, read(&credentials).map_err(unreadable)?);
    let program = context.own_program().unwrap_or_default();
    let program = program.to_string_lossy();
    let store = global.store.as_deref().map(wherever);
    let mut command = vec![&*program];
    command.extend(store.iter().flat_map(|store| ["--store", store]));
    let command = if is_restricted { &[][..] } else { &command[..] };
    Ok(stand_in(own(&config, config_text.as_ref()), own(&credentials, credentials_text.as_ref()), command))
}

/// Writes them into a session's folder, and lets `then` decide whether they take the place of those that are there.
///
/// # Errors
/// They cannot be written, or what `then` says.
pub(super) fn write<T>(
    session: &Session,
    made: &StandIn,
    then: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let unwritable = |error: io::Error| {
        let fact = format!("the stand-ins of the AWS files cannot be written to {}: {error}", session.folder.display());
        Failure::new(Exit::Failure, fact, "see whether there is room, and whose folder it is")
    };
    let files = session.stand_ins();
    for (file, text) in files.iter().zip([&made.config, &made.credentials]) {
        write_draft(&draft(file), text).map_err(unwritable)?;
    }
    let done = then()?;
    for file in &files {
        fs::rename(draft(file), file).map_err(unwritable)?;
    }
    Ok(done)
}

fn draft(file: &Path) -> PathBuf {
    file.with_extension("new")
}

/// Whoever would change a stand-in learns that it cannot be, rather than that the change was lost.
fn write_draft(path: &Path, text: &str) -> io::Result<()> {
    let _ = fs::remove_file(path);
    OpenOptions::new().write(true).create_new(true).mode(0o400).open(path)?.write_all(text.as_bytes())
}

fn own<'t>(path: &'t Path, text: Option<&'t Zeroizing<String>>) -> Own<'t> {
    Own { path, text: text.map(|text| text.as_str()) }
}

/// botocore takes a key of the files that boto 2 had before it asks an endpoint, and nothing in the environment but
/// another name for that file keeps it from there.
pub(super) fn warn_of_boto(context: &Context) {
    let named = context.setting("BOTO_CONFIG").map(|path| PathBuf::from(path.into_owned()));
    let places = named.map_or_else(|| vec![context.expand_home("~/.boto"), "/etc/boto.cfg".into()], |path| vec![path]);
    let has_key =
        |path: &PathBuf| read(path).is_ok_and(|text| text.is_some_and(|text| text.contains("aws_access_key_id")));
    for place in places.iter().filter(|place| has_key(place)) {
        let place = place.display();
        context.note(&format!("{place} has a key, which Python programs take before they ask the live session"));
    }
}

/// A file of the person's; `None` where there is none.
fn read(path: &Path) -> io::Result<Option<Zeroizing<String>>> {
    match regular_file::read(path, LONGEST_FILE) {
        // What is named so that nothing is read.
        _ if path == Path::new("/dev/null") => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
    }
}
