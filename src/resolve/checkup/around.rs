//! What stands around the store: the shell, its startup files, the AWS files, the settings, the agent, the way to AWS.

use std::path::{Path, PathBuf};

use super::aws_files::Stored;
use super::startup::StartupFile;
use super::{Checkup, Finding, agent, aws_files, network, startup, variables};
use crate::context::Context;
use crate::regular_file;
use crate::resolve::aws_files as files_of;
use crate::settings::Settings;
use crate::shell::Dialect;
use crate::store::Store;

/// No startup file that is read is longer, in bytes.
const LONGEST: u64 = 1024 * 1024;

impl Checkup {
    /// Looks at everything but the store; with `all`, asks AWS for the time.
    pub(super) fn look_around(&mut self, context: &Context, store: &Path, all: bool) {
        let get = |name: &str| context.own_variable(name).map(Into::into);
        self.findings.extend(variables::findings(|name| context.variable(name), context.now()));
        self.findings.extend(settings(context));
        if let Some(files) = files_of(context) {
            let store = Store::open_to_look(store).ok().flatten();
            let stored = |key: &str| match store.as_ref().map(Store::read) {
                Some(reading) if matches!(reading.credential_with_key(key), Ok(Some(_))) => Stored::Yes,
                Some(reading) if matches!(reading.owner_of_retired_key(key), Ok(Some(_))) => Stored::Retired,
                _ => Stored::No,
            };
            self.findings.extend(aws_files::findings(&files, stored));
        }
        self.findings.extend(startup_files(context));
        let (status, found) = agent::look(&context.agent_socket());
        self.agent = status;
        self.findings.extend(found);
        self.findings.extend(network::findings(&get));
        if all {
            let (ahead, found) = network::clock(&get, &|| context.now());
            self.clock_ahead = ahead;
            self.findings.extend(found);
        }
    }
}

/// The person's own settings: whether they can be followed, and who else can change them, and so what is run.
fn settings(context: &Context) -> Vec<Finding> {
    let Some(path) = context.settings_file() else { return Vec::new() };
    let mut found: Vec<Finding> =
        path.parent().into_iter().chain([path.as_path()]).filter_map(|path| aws_files::reached(path, 0)).collect();
    if let Err(error) = Settings::read(Some(path.clone())) {
        let remedy = "correct that line; multicred config shows every setting";
        found.push(Finding::fault(path.display(), error.to_string(), remedy));
    }
    found
}

/// Those of the shell that the person logs in with, if it is one that multicred knows.
fn startup_files(context: &Context) -> Vec<Finding> {
    let shell = context.variable("SHELL").and_then(|path| path.rsplit('/').next());
    let Some(dialect) = shell.and_then(|name| name.parse::<Dialect>().ok()) else { return Vec::new() };
    let read = |path: PathBuf| {
        let text = regular_file::read(&path, LONGEST).map(|text| text.to_string()).unwrap_or_default();
        StartupFile { path: path.display().to_string(), text }
    };
    let files: Vec<StartupFile> = context.startup_files(dialect.name()).into_iter().map(read).collect();
    startup::findings(dialect, &files)
}
