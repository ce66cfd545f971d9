//! The `keyring` slot with GNOME's keyring on a bus of the test's own, and with the kernel's.

use std::fs;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use multicred::seal::keyring_slot::{self, Backend, KeyringError, KeyringParams};
use multicred::seal::{SlotSecret, StoreKey};

use crate::support::process;

/// Tells the child what to do: a verb, an account, how long to wait in milliseconds.
const TASK: &str = "MULTICRED_TEST_KEYRING";
/// Accounts that begin so are in the kernel's keyring.
const KERNELS: &str = "kernel-";
/// Comes before what the child says.
const SAYS: &str = "the child says: ";
const STORE: &[u8] = b"0123456789abcdef";
const LONG: Duration = Duration::from_secs(10);

/// A bus that starts nothing by itself.
const BUS: &str = r#"<busconfig><type>session</type><listen>unix:path=SOCKET</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#;

/// A process of the test's own, ended by its pid.
struct Running(Child);

impl Running {
    fn signal(&self, signal: &str) {
        process::run(Command::new("kill").args([signal, &self.0.id().to_string()]));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A desktop: a home, a bus, and a keyring while it runs.
struct Desktop {
    keyring: Option<Running>,
    bus: Running,
    home: tempfile::TempDir,
}

impl Desktop {
    /// With a bus, and nobody on it.
    fn without_a_keyring() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::DirBuilder::new().mode(0o700).create(home.path().join("run")).unwrap();
        let (socket, config) = (home.path().join("bus"), home.path().join("bus.conf"));
        fs::write(&config, BUS.replace("SOCKET", socket.to_str().unwrap())).unwrap();
        let mut daemon = Command::new("dbus-daemon");
        daemon.arg("--nofork").arg("--config-file").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
        let bus = Running(process::start(&mut daemon));
        wait_until("the bus is there", || socket.exists());
        Self { keyring: None, bus, home }
    }

    /// With an empty keyring that is unlocked.
    fn new() -> Self {
        let mut this = Self::without_a_keyring();
        this.start_keyring(true);
        this
    }

    /// One that was there before is locked until somebody gives its password.
    fn start_keyring(&mut self, unlocked: bool) {
        self.keyring = None;
        let mut daemon = self.command("gnome-keyring-daemon");
        daemon.args(["--foreground", "--components=secrets"]).stdin(Stdio::piped()).stdout(Stdio::null());
        if unlocked {
            daemon.arg("--unlock");
        }
        let mut daemon = Running(process::start(daemon.stderr(Stdio::null())));
        daemon.0.stdin.take().unwrap().write_all(b"password").unwrap();
        self.keyring = Some(daemon);
        wait_until("the keyring is on the bus", || {
            self.does("ready").contains(if unlocked { "ready" } else { "locked" })
        });
    }

    /// A program on this desktop.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var("PATH").unwrap()).env("HOME", self.home.path());
        command.env("XDG_RUNTIME_DIR", self.home.path().join("run"));
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", self.home.path().join("bus").display()));
        command
    }

    /// What a child of ours on this desktop comes to; a verb, or one with an account and a limit in milliseconds.
    fn does(&self, task: &str) -> String {
        let mut child = self.command(std::env::current_exe().unwrap());
        said(child.env(TASK, task))
    }

    fn secret_tool(&self, arguments: &[&str], input: &str) -> Output {
        let mut tool = self.command("secret-tool");
        tool.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut tool = process::start(&mut tool);
        tool.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        tool.wait_with_output().unwrap()
    }

    fn content(&self, account: &str) -> String {
        let output = self.secret_tool(&["lookup", "service", "multicred", "username", account], "");
        String::from_utf8(output.stdout).unwrap()
    }

    fn bus_socket(&self) -> PathBuf {
        self.home.path().join("bus")
    }
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn said(child: &mut Command) -> String {
    child.args(["--exact", "seal_keyring::the_child_uses_a_keyring", "--nocapture", "--test-threads", "1"]);
    let output = process::output(child);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.split_once(SAYS));
    line.unwrap_or_else(|| panic!("{output:?}")).1.to_owned()
}

/// Not a test of its own: the bus is known to a process by its environment, so that each call is one of a process.
#[test]
fn the_child_uses_a_keyring() {
    let Ok(task) = std::env::var(TASK) else { return };
    // As the program does: the bus and the keyring must take a process that nobody can look into.
    let _ = multicred::context::harden();
    let words: Vec<&str> = task.split(' ').collect();
    let account = words.get(1).copied().unwrap_or("a");
    let within = words.get(2).map_or(LONG, |within| Duration::from_millis(within.parse().unwrap()));
    let kernels = account.starts_with(KERNELS).then_some(Backend::Keyutils);
    let params = params(kernels.unwrap_or(Backend::SecretService), account);
    let outcome = match words[0] {
        "ready" => keyring_slot::ready(None, within).map(|backend| format!("ready: {backend}")),
        "create" => keyring_slot::create(kernels, account, "multicred: a store", within).map(|(made, secret)| {
            assert_eq!(made, params);
            shown(&secret)
        }),
        "read" => keyring_slot::read(&params, within).map(|secret| shown(&secret)),
        "delete" => keyring_slot::delete(&params, within).map(|()| "deleted".to_owned()),
        other => panic!("{other}"),
    };
    let said = outcome.unwrap_or_else(|error| format!("error: {error}"));
    std::io::stdout().write_all(format!("{SAYS}{said}\n").as_bytes()).unwrap();
}

fn params(backend: Backend, account: &str) -> KeyringParams {
    KeyringParams { backend, service: "multicred".to_owned(), account: account.to_owned() }
}

/// A secret as what the store keeps of its slot: the same for the same secret alone.
fn shown(secret: &SlotSecret) -> String {
    let wrapped = secret.wrap(&StoreKey::generate().unwrap(), STORE).unwrap();
    format!("secret {}", STANDARD.encode(wrapped.public_key))
}

#[test]
fn a_secret_is_made_once_read_by_others_and_taken_away() {
    let desktop = Desktop::new();
    assert_eq!(desktop.does("read a"), "error: the keyring has no item of multicred for a");
    let made = desktop.does("create a");
    assert!(made.starts_with("secret "), "{made}");
    assert_eq!(desktop.does("read a"), made);
    assert_eq!(desktop.does("create a"), "error: the keyring has an item of multicred for a already");
    assert_eq!(desktop.does("read a"), made, "nothing was written over it");
    let other = desktop.does("create b");
    assert!(other.starts_with("secret ") && other != made, "{other}");
    assert_eq!(desktop.does("delete a"), "deleted");
    assert_eq!(desktop.does("delete a"), "error: the keyring has no item of multicred for a");
    assert_eq!(desktop.does("read b"), other);
}

#[test]
fn a_person_finds_the_item_by_its_label_and_other_programs_by_its_names() {
    let desktop = Desktop::new();
    desktop.does("create a");
    let found = desktop.secret_tool(&["search", "service", "multicred", "username", "a"], "");
    let found = String::from_utf8(found.stdout).unwrap();
    assert!(found.contains("label = multicred: a store"), "{found}");
    let content = desktop.content("a");
    assert!(content.starts_with("multicred-keyring-1 "), "{content}");
}

#[test]
fn the_secret_is_not_seen_on_the_bus() {
    let desktop = Desktop::new();
    let log = desktop.home.path().join("log");
    let mut monitor = desktop.command("dbus-monitor");
    monitor.stdout(fs::File::create(&log).unwrap()).stderr(Stdio::null());
    let _monitor = Running(process::start(&mut monitor));
    let seen = || String::from_utf8_lossy(&fs::read(&log).unwrap()).into_owned();
    wait_until("the monitor listens", || seen().contains("NameAcquired"));
    desktop.does("create a");
    desktop.does("read a");
    wait_until("the monitor has seen it", || seen().matches("member=GetSecret").count() >= 2);
    for open in ["dh-ietf1024-sha256-aes128-cbc-pkcs7", "multicred: a store"] {
        assert!(seen().contains(open), "the monitor sees all that is to be seen");
    }
    let (seen, hex) = (seen(), |text: &str| text.bytes().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" "));
    for secret in ["multicred-keyring-1", &desktop.content("a")] {
        assert!(!seen.contains(secret) && !seen.contains(&hex(secret)));
    }
}

#[test]
fn an_item_that_is_no_key_or_is_there_twice_is_named_and_left_alone() {
    let desktop = Desktop::new();
    let store = |more: &[&str], content: &str| {
        let names = ["store", "--label", "mine", "service", "multicred", "username", "a"];
        assert!(desktop.secret_tool(&[&names, more].concat(), content).status.success());
    };
    for content in
        ["hunter2", "", "multicred-keyring-1 AAAA", "multicred-key-1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]
    {
        store(&[], content);
        assert_eq!(desktop.does("read a"), "error: what the keyring has of multicred for a is no key", "{content}");
        assert_eq!(desktop.does("create a"), "error: the keyring has an item of multicred for a already");
        assert_eq!(desktop.content("a"), content);
    }
    store(&["another", "one"], "x");
    for verb in ["read", "create", "delete"] {
        assert_eq!(desktop.does(&format!("{verb} a")), "error: the keyring has several items of multicred for a");
    }
}

#[test]
fn a_secret_outlives_the_keyring_s_process_and_a_locked_keyring_hangs_nobody() {
    let mut desktop = Desktop::new();
    let made = desktop.does("create a");
    desktop.start_keyring(false);
    let began = Instant::now();
    assert_eq!(desktop.does("ready"), "error: the keyring is locked");
    for task in ["read a 3000", "create b 3000", "delete a 3000"] {
        let said = desktop.does(task);
        assert!(said.starts_with("error: the keyring stays locked"), "{task}: {said}");
    }
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
    desktop.start_keyring(true);
    assert_eq!(desktop.does("read a"), made);
    assert!(desktop.does("read b").contains("no item"));
}

#[test]
fn no_keyring_on_the_bus_is_said() {
    let mut desktop = Desktop::without_a_keyring();
    for task in ["ready", "read a", "create a", "delete a"] {
        let said = desktop.does(task);
        assert!(said.starts_with("error: no keyring answers on the session bus: "), "{task}: {said}");
    }
    desktop.start_keyring(true);
    assert!(desktop.does("create a").starts_with("secret "));
    desktop.keyring = None;
    assert!(desktop.does("read a").contains("no keyring answers"));
}

#[test]
fn no_bus_is_said_and_none_is_started() {
    let desktop = Desktop::new();
    let child = |address: Option<&str>| {
        let mut child = desktop.command(std::env::current_exe().unwrap());
        child.env_remove("DBUS_SESSION_BUS_ADDRESS").env(TASK, "create a").env("DISPLAY", ":99");
        if let Some(address) = address {
            child.env("DBUS_SESSION_BUS_ADDRESS", address);
        }
        said(&mut child)
    };
    for address in [None, Some(""), Some("unix:path=/nonexistent/bus"), Some("nonsense")] {
        let said = child(address);
        assert!(said.starts_with("error: there is no session bus, so no keyring: "), "{address:?}: {said}");
    }
}

#[test]
fn a_keyring_or_a_bus_that_does_not_answer_hangs_nobody() {
    let desktop = Desktop::new();
    let made = desktop.does("create a");
    let began = Instant::now();
    let keyring = desktop.keyring.as_ref().unwrap();
    for stopped in [keyring, &desktop.bus] {
        stopped.signal("-STOP");
        assert_eq!(desktop.does("read a 1000"), "error: the keyring gave no answer within 1 s");
        assert_eq!(desktop.does("create b 1000"), "error: the keyring gave no answer within 1 s");
        stopped.signal("-CONT");
    }
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
    assert_eq!(desktop.does("read a"), made);
    assert!(desktop.bus_socket().exists());
}

/// Whether there are keyrings in this kernel, and in this container of it.
fn kernel_has_keyrings() -> bool {
    fs::read_to_string(Path::new("/proc/keys")).is_ok_and(|keys| keys.contains("_uid"))
}

#[test]
fn the_kernel_keeps_a_secret_or_says_why_not() {
    let account = format!("{KERNELS}{}", std::process::id());
    let there = params(Backend::Keyutils, &account);
    let made = keyring_slot::create(Some(Backend::Keyutils), &account, "", LONG);
    if !kernel_has_keyrings() {
        assert!(matches!(made, Ok(_) | Err(KeyringError::Failed(_))));
        return;
    }
    let (params, secret) = made.unwrap();
    assert_eq!(params, there);
    let again = keyring_slot::create(Some(Backend::Keyutils), &account, "", LONG);
    let read = keyring_slot::read(&there, LONG).map(|secret| shown(&secret));
    let by_another = said(Command::new(std::env::current_exe().unwrap()).env(TASK, format!("read {account}")));
    let deleted = keyring_slot::delete(&there, LONG);
    assert_eq!(again.err(), Some(KeyringError::Exists(account.clone())));
    assert_eq!((read, deleted), (Ok(shown(&secret)), Ok(())));
    assert_eq!(by_another, shown(&secret));
    assert_eq!(keyring_slot::read(&there, LONG).err(), Some(KeyringError::NotFound(account)));
    assert!(!Backend::Keyutils.survives_reboot() && Backend::SecretService.survives_reboot());
}
