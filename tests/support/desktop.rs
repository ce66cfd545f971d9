//! A desktop of the test's own: a session bus, and GNOME's keyring on it.

use super::agent::wait_for;
use super::env::Hermetic;
use super::process;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A bus that starts nothing by itself.
const BUS: &str = r#"<busconfig><type>session</type><listen>unix:path=SOCKET</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#;
const SOON: Duration = Duration::from_secs(30);

/// A process of the test's own, ended by its pid.
#[derive(Debug)]
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        Self(process::start(command.stdout(Stdio::null()).stderr(Stdio::null())))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A bus, and a keyring while it runs.
#[derive(Debug)]
pub struct Desktop {
    keyring: Option<Running>,
    _bus: Running,
    home: PathBuf,
    runtime: PathBuf,
    socket: PathBuf,
}

impl Desktop {
    /// The desktop of this environment, with an empty keyring that is unlocked.
    #[track_caller]
    pub fn of(env: &mut Hermetic) -> Self {
        let (socket, config) = (env.path("bus"), env.path("bus.conf"));
        fs::write(&config, BUS.replace("SOCKET", &socket.to_string_lossy())).expect("a bus's settings");
        let bus = Running::start(Command::new("dbus-daemon").arg("--nofork").arg("--config-file").arg(config));
        wait_for("the bus", SOON, || socket.exists());
        env.set("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", socket.display()));
        let mut this = Self { keyring: None, _bus: bus, home: env.home().to_owned(), runtime: env.path("run"), socket };
        this.start_keyring(true);
        this
    }

    /// Starts the keyring anew; locked, it stays so until somebody gives its password.
    #[track_caller]
    pub fn start_keyring(&mut self, unlocked: bool) {
        self.keyring = None;
        let mut daemon = self.command("gnome-keyring-daemon");
        daemon.args(["--foreground", "--components=secrets"]).stdin(Stdio::piped());
        if unlocked {
            daemon.arg("--unlock");
        }
        let mut daemon = Running::start(&mut daemon);
        daemon.0.stdin.take().expect("its input").write_all(b"password").expect("a keyring that reads");
        self.keyring = Some(daemon);
        let wanted = if unlocked { "boolean false" } else { "boolean true" };
        wait_for("the keyring on the bus", SOON, || self.locked().contains(wanted));
    }

    /// Nobody on the bus keeps secrets any more.
    pub fn stop_keyring(&mut self) {
        self.keyring = None;
    }

    /// The keyring's process.
    #[track_caller]
    pub fn pid(&self) -> u32 {
        self.keyring.as_ref().expect("a keyring that runs").0.id()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", &self.home);
        command.env("XDG_RUNTIME_DIR", &self.runtime);
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", self.socket.display()));
        command
    }

    /// What the keyring says of its default collection.
    fn locked(&self) -> String {
        let mut ask = self.command("dbus-send");
        ask.args(["--session", "--print-reply", "--dest=org.freedesktop.secrets"]);
        ask.args(["/org/freedesktop/secrets/aliases/default", "org.freedesktop.DBus.Properties.Get"]);
        ask.args(["string:org.freedesktop.Secret.Collection", "string:Locked"]);
        String::from_utf8_lossy(&process::output(&mut ask).stdout).into_owned()
    }
}
