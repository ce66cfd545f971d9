//! The `keyring` slot: a random secret that the desktop's keyring keeps, or the kernel's.

#[cfg(target_os = "linux")]
mod keyutils;
#[cfg(any(target_os = "macos", windows, test))]
mod native;
#[cfg(target_os = "linux")]
mod secret_service;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{SealError, SlotSecret};

/// The slot's kind, as stored.
pub const KIND: &str = "keyring";
/// What our items are called in every keyring.
const SERVICE: &str = "multicred";
/// The first word of an item: text, since some keyrings (`KeePassXC`) keep nothing else whole.
const HEADER: &str = "multicred-keyring-1";

/// Which keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// `org.freedesktop.secrets`: GNOME's keyring, `KWallet`, `KeePassXC`.
    SecretService,
    /// The kernel's, keyrings(7).
    Keyutils,
    /// That of macOS. Untested.
    Keychain,
    /// That of Windows. Untested.
    CredentialManager,
}

/// What the store keeps of such a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyringParams {
    /// Which keyring.
    pub backend: Backend,
    /// The item's service there.
    pub service: String,
    /// The item's user name there.
    pub account: String,
}

/// Why a keyring opens no slot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// Another system's keyring.
    #[error("this system has no {0}")]
    NotOfThisSystem(Backend),
    /// No session bus: a login without a desktop.
    #[error("there is no session bus, so no keyring: {0}")]
    NoBus(String),
    /// Nobody on the bus keeps secrets.
    #[error("no keyring answers on the session bus: {0}")]
    NoService(String),
    /// There is a service, and it has no keyring to put things in.
    #[error("there is no default keyring")]
    NoDefault,
    /// Locked, and nobody was to be asked.
    #[error("the keyring is locked")]
    Locked,
    /// Locked, and the person, or the lack of a window, said no.
    #[error("the keyring stays locked: its prompt was dismissed, or could not be shown")]
    Dismissed,
    /// Nobody unlocked it.
    #[error("the keyring is locked, and was not unlocked within {seconds} s")]
    NotUnlocked {
        /// How long was waited.
        seconds: u64,
    },
    /// It is broken, or busy.
    #[error("the keyring gave no answer within {seconds} s")]
    Silent {
        /// How long was waited.
        seconds: u64,
    },
    /// The item is not there.
    #[error("the keyring has no item of {SERVICE} for {0}")]
    NotFound(String),
    /// More than one item has the name.
    #[error("the keyring has several items of {SERVICE} for {0}")]
    Several(String),
    /// An item has the name already: it may be the only key to some other copy of the store.
    #[error("the keyring has an item of {SERVICE} for {0} already")]
    Exists(String),
    /// The item is there, and is something else.
    #[error("what the keyring has of {SERVICE} for {0} is no key")]
    NoKey(String),
    /// What was written does not come back.
    #[error("the keyring does not give back what it was given")]
    Unfaithful,
    /// Anything else, in the keyring's words.
    #[error("the keyring failed: {0}")]
    Failed(String),
    /// The system gives no random numbers.
    #[error(transparent)]
    Random(#[from] SealError),
}

impl Backend {
    /// The desktop's keyring on this system.
    pub fn of_the_desktop() -> Self {
        if cfg!(target_os = "macos") {
            Self::Keychain
        } else if cfg!(windows) {
            Self::CredentialManager
        } else {
            Self::SecretService
        }
    }

    /// Whether what it keeps is there after the machine was off.
    pub fn survives_reboot(self) -> bool {
        self != Self::Keyutils
    }

    /// Whether what it keeps is surely there after the person was not logged in for long: the kernel forgets a person's
    /// keys after three days without use, and where it keeps no persistent ones, with the last process of theirs.
    pub fn survives_logout(self) -> bool {
        self != Self::Keyutils
    }
}

impl std::fmt::Display for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SecretService => "Secret Service",
            Self::Keyutils => "kernel keyring",
            Self::Keychain => "Keychain",
            Self::CredentialManager => "Credential Manager",
        })
    }
}

/// One item's place in a keyring that is open for calls.
trait Keyring {
    /// Its content; the person may be asked to unlock.
    fn read(&self) -> Result<Zeroizing<Vec<u8>>, KeyringError>;
    /// Makes it, where there is none yet; the person may be asked to unlock.
    fn write(&self, label: &str, content: &str) -> Result<(), KeyringError>;
    /// Takes it away.
    fn erase(&self) -> Result<(), KeyringError>;
    /// Whether it could be written without asking anybody.
    fn ready(&self) -> Result<(), KeyringError>;
}

/// How long somebody waits for a call, and what the call has come to meanwhile.
struct Wait {
    until: Instant,
    /// Whether the person may be asked to unlock.
    may_ask: bool,
    is_locked: AtomicBool,
}

impl Wait {
    /// From now on a person is asked.
    fn asks_to_unlock(&self) {
        self.is_locked.store(true, Ordering::Relaxed);
    }

    fn asks_no_more(&self) {
        self.is_locked.store(false, Ordering::Relaxed);
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

/// Whether the desktop's keyring (or another) would take a secret now, without asking anybody; and which it is.
///
/// # Errors
/// It would not, and why.
pub fn ready(backend: Option<Backend>, within: Duration) -> Result<Backend, KeyringError> {
    let params = params(backend, "");
    let backend = params.backend;
    bounded(within, move |wait| keyring(&params, wait)?.ready()).map(|()| backend)
}

/// A new secret in the desktop's keyring (or another), under a name that is not taken; `label` is shown to the person.
///
/// # Errors
/// There is no such keyring, it stays locked, has the name already, or does not give the secret back.
pub fn create(
    backend: Option<Backend>,
    account: &str,
    label: &str,
    within: Duration,
) -> Result<(KeyringParams, SlotSecret), KeyringError> {
    let params = params(backend, account);
    let (there, label) = (params.clone(), label.to_owned());
    let secret = bounded(within, move |wait| made(&there, &label, wait))?;
    Ok((params, secret))
}

fn made(params: &KeyringParams, label: &str, wait: &Wait) -> Result<SlotSecret, KeyringError> {
    let keyring = keyring(params, wait)?;
    match keyring.read() {
        Err(KeyringError::NotFound(_)) => {}
        Ok(_) => return Err(KeyringError::Exists(params.account.clone())),
        Err(error) => return Err(error),
    }
    let secret = SlotSecret::generate()?;
    let content = secret.to_text(HEADER);
    keyring.write(label, &content)?;
    let is_kept = *keyring.read()? == content.as_bytes();
    if is_kept { Ok(secret) } else { Err(KeyringError::Unfaithful) }
}

/// The secret of a slot.
///
/// # Errors
/// There is no such keyring, it stays locked, or has no such item, or something else in its place.
pub fn read(params: &KeyringParams, within: Duration) -> Result<SlotSecret, KeyringError> {
    let params = params.clone();
    bounded(within, move |wait| secret(&params, wait))
}

/// The same, where nobody may be asked: of a keyring that is unlocked.
///
/// # Errors
/// As [`read`], and that it is locked.
pub fn read_quietly(params: &KeyringParams, within: Duration) -> Result<SlotSecret, KeyringError> {
    let params = params.clone();
    bounded_by(within, false, move |wait| secret(&params, wait))
}

fn secret(params: &KeyringParams, wait: &Wait) -> Result<SlotSecret, KeyringError> {
    let content = keyring(params, wait)?.read()?;
    parse(&content).ok_or_else(|| KeyringError::NoKey(params.account.clone()))
}

/// What the desktop's keyring keeps for another program, by the names that keyring programs have agreed on.
///
/// # Errors
/// There is no such keyring, it stays locked (without being asked about, unless `may_ask`), or has no such item.
pub fn read_of(
    service: &str,
    account: &str,
    may_ask: bool,
    within: Duration,
) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let params = KeyringParams { service: service.to_owned(), ..params(None, account) };
    bounded_by(within, may_ask, move |wait| keyring(&params, wait)?.read())
}

/// Takes a slot's secret out of its keyring.
///
/// # Errors
/// There is no such keyring, it stays locked, or has no such item.
pub fn delete(params: &KeyringParams, within: Duration) -> Result<(), KeyringError> {
    let params = params.clone();
    bounded(within, move |wait| keyring(&params, wait)?.erase())
}

fn params(backend: Option<Backend>, account: &str) -> KeyringParams {
    let backend = backend.unwrap_or_else(Backend::of_the_desktop);
    KeyringParams { backend, service: SERVICE.to_owned(), account: account.to_owned() }
}

fn keyring<'w>(params: &'w KeyringParams, wait: &'w Wait) -> Result<Box<dyn Keyring + 'w>, KeyringError> {
    match params.backend {
        #[cfg(target_os = "linux")]
        Backend::SecretService => Ok(Box::new(secret_service::Desktop::connect(params, wait)?)),
        #[cfg(target_os = "linux")]
        Backend::Keyutils => Ok(Box::new(keyutils::Kernel::open(params)?)),
        #[cfg(any(target_os = "macos", windows))]
        backend if backend == Backend::of_the_desktop() => Ok(Box::new(native::Native::open(params)?)),
        other => Err(KeyringError::NotOfThisSystem(other)),
    }
}

/// Does `work` on a thread of its own: a keyring waits for a person, or a broken bus for nobody, longer than we do. What
/// is given up goes on until the process ends.
fn bounded<T: Send + 'static>(
    within: Duration,
    work: impl FnOnce(&Wait) -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, KeyringError> {
    bounded_by(within, true, work)
}

fn bounded_by<T: Send + 'static>(
    within: Duration,
    may_ask: bool,
    work: impl FnOnce(&Wait) -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, KeyringError> {
    let wait = Arc::new(Wait { until: Instant::now() + within, may_ask, is_locked: AtomicBool::new(false) });
    let (tell, told) = sync_channel(1);
    let of_thread = Arc::clone(&wait);
    let started = std::thread::Builder::new().spawn(move || {
        let _ = tell.send(work(&of_thread));
    });
    started.map_err(|error| KeyringError::Failed(error.to_string()))?;
    told.recv_timeout(within).unwrap_or_else(|error| {
        let seconds = within.as_secs();
        Err(match error {
            RecvTimeoutError::Timeout if wait.is_locked.load(Ordering::Relaxed) => {
                KeyringError::NotUnlocked { seconds }
            }
            RecvTimeoutError::Timeout => KeyringError::Silent { seconds },
            RecvTimeoutError::Disconnected => KeyringError::Failed("it said what nobody understands".to_owned()),
        })
    })
}

fn parse(content: &[u8]) -> Option<SlotSecret> {
    SlotSecret::from_text(HEADER, std::str::from_utf8(content).ok()?)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn a_call_that_does_not_end_is_given_up_and_a_prompt_that_nobody_answers_is_said() {
        let within = Duration::from_millis(50);
        let forever = || std::thread::sleep(Duration::from_secs(5));
        let began = Instant::now();
        let silent = bounded(within, move |_| {
            forever();
            Ok(())
        });
        assert_eq!(silent, Err(KeyringError::Silent { seconds: 0 }));
        let locked = bounded(within, move |wait| {
            wait.asks_to_unlock();
            forever();
            Ok(())
        });
        assert_eq!(locked, Err(KeyringError::NotUnlocked { seconds: 0 }));
        assert!(began.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn the_keyrings_of_other_systems_are_refused_in_words() {
        for other in [Backend::Keychain, Backend::CredentialManager] {
            let error = create(Some(other), "a", "b", Duration::from_secs(1)).err().unwrap();
            assert_eq!(error, KeyringError::NotOfThisSystem(other));
        }
    }

    #[test]
    fn only_what_we_have_written_is_a_key() {
        let content = format!("{HEADER} {}", STANDARD.encode([7; 32]));
        assert_eq!(*parse(content.as_bytes()).unwrap().0, [7; 32]);
        for other in [&content[..40], "", "password", &content.replace("-1", "-2"), &format!("{HEADER} {HEADER}")] {
            assert!(parse(other.as_bytes()).is_none(), "{other}");
        }
        assert!(parse(b"\xff\xfe").is_none());
    }

    #[test]
    fn parameters_are_stable_in_the_store() {
        let json = r#"{"backend":"secret-service","service":"multicred","account":"a"}"#;
        let kept: KeyringParams = serde_json::from_str(json).unwrap();
        assert_eq!(kept, params(Some(Backend::SecretService), "a"));
        assert_eq!(serde_json::to_string(&kept).unwrap(), json);
        for (backend, name) in [
            (Backend::Keyutils, r#""keyutils""#),
            (Backend::Keychain, r#""keychain""#),
            (Backend::CredentialManager, r#""credential-manager""#),
        ] {
            assert_eq!(serde_json::to_string(&backend).unwrap(), name);
        }
    }
}
