//! One identity of a session: the credential that is handed out, and when there is a new one.
//!
//! A credential that somebody has asked for is renewed before its end, so that every answer comes from memory. One that
//! nobody asks for is left to end: a shell that is not used overnight makes no calls. Whoever then asks waits for a new
//! one, as long as an SDK waits.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::renewal::Recipe;
use crate::agent::protocol;
use crate::endpoint::{HandOut, Refusal};
use crate::lock::boot_clock;
use crate::secret::Credential;

/// How long whoever asks waits for a new credential: botocore gives up after two seconds, and asks again.
const PATIENCE: Duration = Duration::from_millis(1_700);
/// How often an idle seat looks at the clock, which may be set, or may have stood still while the machine slept.
const LOOK: Duration = Duration::from_secs(20);
/// The pause after a renewal that failed, and the longest one after many.
const FIRST_PAUSE: i64 = 15;
const LONGEST_PAUSE: i64 = 240;
/// What an SDK is told of a long-term key, which has no end: to ask again after an hour.
const ASK_AGAIN: i64 = 3_600;

/// An identity of a session.
pub(super) struct Seat {
    shown: String,
    arn: Option<String>,
    account: Option<String>,
    words: Vec<String>,
    renew_before: i64,
    recipe: Rc<Recipe>,
    held: RefCell<Rc<HandOut>>,
    /// When it was had: what is left from then on is its life, as far as this agent knows it.
    had: Cell<i64>,
    /// Whether somebody has asked since it was had.
    is_wanted: Cell<bool>,
    /// When there may be another try, on the clock of the boot in seconds, and how many have failed.
    next_try: Cell<i64>,
    failures: Cell<u32>,
    failure: RefCell<Option<String>>,
    /// Somebody asks for what has ended.
    asked: Notify,
    /// A try to renew has ended.
    tried: Notify,
}

impl Seat {
    pub(super) fn new(seat: protocol::Seat, recipe: Rc<Recipe>) -> Self {
        let protocol::Seat { shown, arn, account, credential, renew_before, words } = seat;
        let now = now();
        let held = hand_out(&shown, arn.as_deref(), account.as_deref(), credential, now);
        Self {
            shown,
            arn,
            account,
            words,
            renew_before: renew_before.into(),
            recipe,
            held: RefCell::new(Rc::new(held)),
            had: Cell::new(now),
            is_wanted: Cell::new(false),
            next_try: Cell::new(0),
            failures: Cell::new(0),
            failure: RefCell::default(),
            asked: Notify::new(),
            tried: Notify::new(),
        }
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    pub(super) fn arn(&self) -> Option<&str> {
        self.arn.as_deref()
    }

    pub(super) fn expires_at(&self) -> Option<i64> {
        self.held.borrow().credential.expires_at
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }

    /// The credential, for whoever asks. One that is still good is never waited for.
    pub(super) async fn hand_out(&self) -> Result<Rc<HandOut>, Refusal> {
        self.is_wanted.set(true);
        if let Some(held) = self.good() {
            if self.is_due() {
                self.asked.notify_one();
            }
            return Ok(held);
        }
        let tried = self.tried.notified();
        self.asked.notify_one();
        // Between two tries, what the last one said is the answer.
        if self.next_try.get() <= boot_seconds() {
            let _ = timeout(PATIENCE, tried).await;
        }
        self.good().ok_or_else(|| {
            let reason = self.failure().unwrap_or_else(|| "a new one is being obtained: ask again".to_owned());
            Refusal::Unavailable(format!("the credentials of {} have expired: {reason}", self.shown))
        })
    }

    fn good(&self) -> Option<Rc<HandOut>> {
        let held = Rc::clone(&self.held.borrow());
        let is_good = held.credential.expires_at.is_none_or(|end| end > now());
        is_good.then_some(held)
    }

    /// Renews the credential, time and again, until this task is ended.
    pub(super) async fn tend(self: Rc<Self>) {
        loop {
            if self.is_due() {
                self.renew().await;
            }
            let _ = timeout(self.rest(), self.asked.notified()).await;
            // A call for each of a thousand requests would be one too many.
            let pause = self.next_try.get() - boot_seconds();
            if self.good().is_none() && pause > 0 {
                sleep(Duration::from_secs(pause.unsigned_abs()).min(LOOK)).await;
            }
        }
    }

    /// How long it is until the next look at the clock.
    fn rest(&self) -> Duration {
        match self.left() {
            Some(left) if self.is_wanted.get() => {
                let due = (left - self.threshold()).max(self.next_try.get() - boot_seconds()).max(0);
                Duration::from_secs(due.unsigned_abs()).clamp(Duration::from_millis(100), LOOK)
            }
            _ => LOOK,
        }
    }

    fn is_due(&self) -> bool {
        let is_near = self.left().is_some_and(|left| left <= self.threshold());
        is_near && self.is_wanted.get() && self.next_try.get() <= boot_seconds()
    }

    /// Seconds until the credential ends.
    fn left(&self) -> Option<i64> {
        self.expires_at().map(|end| end - now())
    }

    /// With how many seconds left it is renewed: half of a short life.
    fn threshold(&self) -> i64 {
        let life = self.expires_at().map_or(i64::MAX, |end| end - self.had.get());
        self.renew_before.min(life / 2)
    }

    async fn renew(&self) {
        let given = self.recipe.ask(&self.words).await;
        // What has as little left as before was stored, and will be stored until it is nearer to its end.
        let is_news = |credential: &Credential| credential.expires_at != self.expires_at();
        match given {
            Ok(credential) if is_news(&credential) => {
                let now = now();
                let held = hand_out(&self.shown, self.arn(), self.account.as_deref(), credential, now);
                *self.held.borrow_mut() = Rc::new(held);
                self.had.set(now);
                self.is_wanted.set(false);
                self.failures.set(0);
                self.next_try.set(0);
                *self.failure.borrow_mut() = None;
            }
            Ok(_) => {
                *self.failure.borrow_mut() = None;
                self.pause((self.left().unwrap_or_default() / 8).clamp(1, FIRST_PAUSE));
            }
            Err(reason) => {
                *self.failure.borrow_mut() = Some(reason);
                // Twice as long after each failure.
                let failures = self.failures.get();
                self.failures.set(failures.saturating_add(1));
                self.pause((FIRST_PAUSE << failures.min(10)).min(LONGEST_PAUSE));
            }
        }
        self.tried.notify_waiters();
    }

    fn pause(&self, seconds: i64) {
        self.next_try.set(boot_seconds() + seconds);
    }
}

fn hand_out(shown: &str, arn: Option<&str>, account: Option<&str>, credential: Credential, now: i64) -> HandOut {
    let until = credential.expires_at.unwrap_or(now + ASK_AGAIN);
    HandOut {
        shown: shown.to_owned(),
        arn: arn.map(str::to_owned),
        account: account.map(str::to_owned),
        credential,
        since: rfc_3339(now),
        until: rfc_3339(until),
    }
}

fn rfc_3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

/// Now, in epoch seconds UTC.
fn now() -> i64 {
    clock_gettime(ClockId::Realtime).tv_sec
}

fn boot_seconds() -> i64 {
    i64::try_from(boot_clock() / 1_000_000_000).unwrap_or(i64::MAX)
}
