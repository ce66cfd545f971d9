//! A hermetic environment: a home of its own, its own variables, nothing inherited from whoever runs the tests.
//!
//! ```ignore
//! let mut env = Hermetic::new();
//! env.aws_credentials("[default]\naws_access_key_id = AKIA…\n").endpoint(&sts.url());
//! env.run(&["list", "--json"]).ok().json();
//! env.command(&["import", "-"]).stdin("[a]\n…").set("AWS_PAGER", "").run().code(2).stderr_has("no key");
//! ```

mod background;
mod evaluated;
mod invocation;
mod output;
mod shell;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub use background::Background;
pub use evaluated::Evaluated;
pub use invocation::Invocation;
pub use output::Output;
pub use shell::{Shell, program, zero_separated};

/// Another build of the binary to test, in place of the one cargo just built.
const BINARY_OVERRIDE: &str = "MULTICRED_TEST_BINARY";

/// A temporary home and the exact environment that programs under test get. Removed on drop.
#[derive(Debug)]
pub struct Hermetic {
    home: PathBuf,
    /// Beside the home, so that a search through the home finds nothing of ours.
    probes: PathBuf,
    binary: PathBuf,
    variables: BTreeMap<String, String>,
    baseline: BTreeMap<String, String>,
    _removed_on_drop: tempfile::TempDir,
}

impl Drop for Hermetic {
    /// An agent that a command started on demand is not left behind.
    fn drop(&mut self) {
        if let Ok(Some(agent)) = multicred::agent::Agent::connect(&self.path("run/multicred/agent.sock")) {
            let _ = agent.stop();
        }
    }
}

impl Default for Hermetic {
    fn default() -> Self {
        Self::new()
    }
}

impl Hermetic {
    /// With the binary cargo built for this test run, or the one `MULTICRED_TEST_BINARY` names.
    pub fn new() -> Self {
        let chosen = std::env::var_os(BINARY_OVERRIDE);
        let chosen = chosen.as_deref().unwrap_or(OsStr::new(env!("CARGO_BIN_EXE_multicred")));
        Self::with_binary(Path::new(chosen))
    }

    /// With another multicred; its folder comes first on PATH, so the file must be called `multicred`.
    pub fn with_binary(binary: &Path) -> Self {
        assert_eq!(binary.file_name(), Some(OsStr::new("multicred")), "{} is not found by name", binary.display());
        let temporary =
            tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir().expect("a temporary home");
        let root = temporary.path().canonicalize().expect("the real path of the home");
        let [home, probes] = ["home", "probes"].map(|name| root.join(name));
        let baseline = baseline(&home, binary);
        create_private_folder(&probes);
        for folder in baseline.iter().filter(|(name, _)| name.starts_with("XDG_")).map(|(_, folder)| folder) {
            create_private_folder(Path::new(folder));
        }
        Self {
            home,
            probes,
            binary: binary.to_owned(),
            variables: baseline.clone(),
            baseline,
            _removed_on_drop: temporary,
        }
    }

    /// The home folder, mode 0700.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// A path inside the home folder.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.home.join(relative)
    }

    /// Where the store is when nothing says otherwise.
    pub fn store(&self) -> PathBuf {
        self.path("data/multicred/multicred.db")
    }

    /// Where the terminals of this environment leave their questions to shells.
    pub(super) fn probes(&self) -> &Path {
        &self.probes
    }

    /// The multicred under test.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// Every variable a program gets.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// Sets a variable for everything started from now on.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a variable for everything started from now on.
    pub fn unset(&mut self, name: &str) -> &mut Self {
        self.variables.remove(name);
        self
    }

    /// Sends every AWS call to `url`, with no region set.
    pub fn endpoint(&mut self, url: &str) -> &mut Self {
        self.set("AWS_ENDPOINT_URL", url).unset("AWS_REGION")
    }

    /// Writes `~/.aws/config`.
    pub fn aws_config(&mut self, text: &str) -> &mut Self {
        self.write(".aws/config", text)
    }

    /// Writes `~/.aws/credentials`.
    pub fn aws_credentials(&mut self, text: &str) -> &mut Self {
        self.write(".aws/credentials", text)
    }

    /// Writes a file inside the home, mode 0600, and the folders it needs, mode 0700.
    pub fn write(&mut self, relative: &str, text: impl AsRef<[u8]>) -> &mut Self {
        write_private_file(&self.path(relative), text.as_ref());
        self
    }

    /// Runs multicred to its end, with no input and no controlling terminal.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).run()
    }

    /// Runs multicred to its end with `stdin` as its input.
    #[track_caller]
    pub fn run_with_stdin(&self, arguments: &[&str], stdin: impl AsRef<[u8]>) -> Output {
        self.command(arguments).stdin(stdin).run()
    }

    /// Starts multicred in the background; killed on drop.
    #[track_caller]
    pub fn spawn(&self, arguments: &[&str]) -> Background {
        self.command(arguments).spawn()
    }

    /// A multicred command to adjust before it runs.
    pub fn command(&self, arguments: &[&str]) -> Invocation {
        Invocation::new(self, &self.binary, arguments)
    }

    /// Another program in the same environment; a bare name is looked up in this PATH.
    pub fn program(&self, name: &str, arguments: &[&str]) -> Invocation {
        Invocation::new(self, &program(name), arguments)
    }

    /// Evaluates `code` in a fresh non-interactive shell, as `eval "$(…)"` does, and reads back the named variables
    /// (every variable where no name is given): what a child of the shell sees, and what stayed inside the shell.
    #[track_caller]
    pub fn exported(&self, shell: Shell, code: &str, names: &[&str]) -> Evaluated {
        evaluated::evaluate(self, shell, code, names)
    }

    /// What differs from a new environment, one `NAME=value` or `unset NAME` a line, for failure messages.
    pub fn change(&self) -> String {
        change(&self.baseline, &self.variables)
    }
}

fn baseline(home: &Path, binary: &Path) -> BTreeMap<String, String> {
    let inside = |relative: &str| home.join(relative).to_string_lossy().into_owned();
    let bin = binary.parent().map(Path::to_string_lossy).unwrap_or_default();
    [
        ("HOME", home.to_string_lossy().into_owned()),
        ("XDG_DATA_HOME", inside("data")),
        ("XDG_CONFIG_HOME", inside("config")),
        ("XDG_STATE_HOME", inside("state")),
        ("XDG_CACHE_HOME", inside("cache")),
        ("XDG_RUNTIME_DIR", inside("run")),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("LC_ALL", "C.UTF-8".to_owned()),
        ("TERM", "xterm-256color".to_owned()),
        ("PATH", format!("{bin}:/usr/local/bin:/usr/bin:/bin")),
        ("USER", "tester".to_owned()),
        ("LOGNAME", "tester".to_owned()),
        // A test in a terminal would be asked for a passphrase by its first command; those that want to be say so.
        ("MULTICRED_KEY", "file".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// What turns `before` into `after`, as text.
pub(super) fn change(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> String {
    let set = after
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(value))
        .map(|(name, value)| format!("{name}={value}\n"));
    let unset = before.keys().filter(|name| !after.contains_key(*name)).map(|name| format!("unset {name}\n"));
    set.chain(unset).collect()
}

/// Creates a folder, and those above it, with mode 0700.
pub(super) fn create_private_folder(folder: &Path) {
    let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    created.unwrap_or_else(|error| panic!("cannot create {}: {error}", folder.display()));
}

/// Writes a file with mode 0600, and creates the folders it needs.
pub(super) fn write_private_file(file: &Path, text: &[u8]) {
    create_private_folder(file.parent().expect("a file has a folder"));
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut open| open.write_all(text));
    written.unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
}
