//! One identity of a session: the credential that is handed out, and when there is a new one.
//!
//! A credential that somebody has asked for is renewed before its end, so that every answer comes from memory. One that
//! nobody asks for is left to end: a shell that is not used overnight makes no calls. Whoever then asks waits for a new
//! one, as long as an SDK waits.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::renewal::{Failed, Recipe};
use crate::agent::protocol;
use crate::endpoint::{HandOut, Refusal};
use crate::lock::boot_seconds;
use crate::secret::Credential;

/// How long whoever asks waits for a new credential: botocore gives up after two seconds, and asks again.
const PATIENCE: Duration = Duration::from_millis(1_700);
/// How often an idle seat looks at the clock, which may be set, or may have stood still while the machine slept.
const LOOK: Duration = Duration::from_secs(20);
/// The pause after a renewal that failed, and the longest one after many, while the credential is good and when it has
/// ended.
const FIRST_PAUSE: i64 = 5;
const LONGEST_PAUSE: i64 = 240;
const LONGEST_PAUSE_AT_END: i64 = 60;
/// What an SDK is told of a long-term key, which has no end: to ask again after an hour.
const ASK_AGAIN: i64 = 3_600;
/// With as much of that hour left, whoever asks is told another one, and the store is asked whether it is still the key.
const ASK_AGAIN_LEFT: i64 = ASK_AGAIN / 2;

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
    /// Until when whoever asks is told that it is good.
    told: Cell<i64>,
    /// Whether somebody has asked since it was had.
    is_wanted: Cell<bool>,
    /// When there may be another try, on the clock of the boot in seconds, and how many have failed.
    next_try: Cell<i64>,
    failures: Cell<u32>,
    failure: RefCell<Option<String>>,
    mark: Option<PathBuf>,
    /// Somebody asks, for the first time or for what is about to end.
    asked: Notify,
    /// A try to renew has ended.
    tried: Notify,
}

impl Seat {
    /// `mark` is a file that is there while the credential has expired and no new one can be had.
    pub(super) fn new(seat: protocol::Seat, recipe: Rc<Recipe>, mark: Option<PathBuf>) -> Self {
        let protocol::Seat { shown, arn, account, credential, renew_before, words } = seat;
        let now = now();
        let told = end_told(&credential, now);
        let held = hand_out(&shown, arn.as_deref(), account.as_deref(), credential, now, told);
        if let Some(mark) = &mark {
            let _ = fs::remove_file(mark);
        }
        Self {
            shown,
            arn,
            account,
            words,
            renew_before: renew_before.into(),
            recipe,
            held: RefCell::new(Rc::new(held)),
            had: Cell::new(now),
            told: Cell::new(told),
            is_wanted: Cell::new(false),
            next_try: Cell::new(0),
            failures: Cell::new(0),
            failure: RefCell::default(),
            mark,
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
        let is_first = !self.is_wanted.replace(true);
        if let Some(held) = self.good() {
            if is_first || self.is_due() {
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
        let now = now();
        match self.expires_at() {
            Some(end) if end <= now => return None,
            None if self.told.get() - now < ASK_AGAIN_LEFT => self.hold(None, now),
            _ => {}
        }
        Some(Rc::clone(&self.held.borrow()))
    }

    /// Holds another credential from now on, or the same one whose end is told anew.
    fn hold(&self, other: Option<Credential>, now: i64) {
        let (credential, since) = {
            let held = self.held.borrow();
            let same = || (held.credential.clone(), held.since.clone());
            other.map_or_else(same, |credential| (credential, rfc_3339(now)))
        };
        self.told.set(end_told(&credential, now));
        let held = hand_out(&self.shown, self.arn(), self.account.as_deref(), credential, now, self.told.get());
        *self.held.borrow_mut() = Rc::new(HandOut { since, ..held });
    }

    /// Renews the credential, time and again, until this task is ended.
    pub(super) async fn tend(self: Rc<Self>) {
        loop {
            if self.is_due() {
                self.renew().await;
            }
            self.set_mark();
            let _ = timeout(self.rest(), self.asked.notified()).await;
        }
    }

    /// A shell sees by a look at its session's folder that its programs get nothing.
    fn set_mark(&self) {
        let Some(mark) = &self.mark else { return };
        let has_expired = self.expires_at().is_some_and(|end| end <= now()) && self.failure.borrow().is_some();
        // A mark that cannot be made is a prompt that says less.
        let _ = match (has_expired, mark.exists()) {
            (true, false) => fs::write(mark, ""),
            (false, true) => fs::remove_file(mark),
            _ => Ok(()),
        };
    }

    /// Ends the pause after a try that failed.
    pub(super) fn try_again(&self) {
        if self.failures.get() > 0 {
            self.next_try.set(0);
            self.asked.notify_one();
        }
    }

    /// How long it is until the next look at the clock.
    fn rest(&self) -> Duration {
        if !self.is_wanted.get() {
            return LOOK;
        }
        let due = self.left().saturating_sub(self.threshold()).max(self.next_try.get() - boot_seconds()).max(0);
        Duration::from_secs(due.unsigned_abs()).clamp(Duration::from_millis(100), LOOK)
    }

    fn is_due(&self) -> bool {
        self.is_wanted.get() && self.left() <= self.threshold() && self.next_try.get() <= boot_seconds()
    }

    /// Seconds until the credential ends; until a long-term key is asked for again.
    fn left(&self) -> i64 {
        self.expires_at().unwrap_or(self.had.get() + ASK_AGAIN).saturating_sub(now())
    }

    /// With how many seconds left it is renewed: half of a short life.
    fn threshold(&self) -> i64 {
        let life = self.expires_at().map(|end| end.saturating_sub(self.had.get()));
        life.map_or(ASK_AGAIN_LEFT, |life| self.renew_before.min(life / 2))
    }

    async fn renew(&self) {
        match self.recipe.ask(&self.words).await.and_then(lasting) {
            Ok(credential) if self.is_news(&credential) => {
                let now = now();
                self.hold(Some(credential), now);
                self.had.set(now);
                self.is_wanted.set(false);
                self.failures.set(0);
                self.next_try.set(0);
                *self.failure.borrow_mut() = None;
            }
            Ok(_) => {
                *self.failure.borrow_mut() = None;
                self.pause((self.left() / 8).clamp(1, FIRST_PAUSE));
            }
            Err(failed) => self.has_failed(failed),
        }
        self.tried.notify_waiters();
    }

    /// What has as little left as before was stored, and will be stored until it is nearer to its end.
    fn is_news(&self, credential: &Credential) -> bool {
        let held = &self.held.borrow().credential;
        let is_same = credential.access_key_id == held.access_key_id && credential.expires_at == held.expires_at;
        !is_same || credential.expires_at.is_none()
    }

    fn has_failed(&self, failed: Failed) {
        let failures = self.failures.get();
        self.failures.set(failures.saturating_add(1));
        // Twice as long after each failure. Nobody is asked a second time soon.
        let pause = if failed.by_person { LONGEST_PAUSE } else { (FIRST_PAUSE << failures.min(10)).min(LONGEST_PAUSE) };
        *self.failure.borrow_mut() = Some(failed.reason);
        let left = self.left();
        if left > 0 {
            // It is tried once more when it ends.
            self.pause(pause.min(left));
        } else {
            // From then on only for whoever asks.
            self.is_wanted.set(false);
            self.pause(if failed.by_person { pause } else { pause.min(LONGEST_PAUSE_AT_END) });
        }
    }

    fn pause(&self, seconds: i64) {
        self.next_try.set(boot_seconds() + seconds);
    }
}

/// One that has ended already would be renewed time and again.
fn lasting(credential: Credential) -> Result<Credential, Failed> {
    if credential.expires_at.is_none_or(|end| end > now()) {
        return Ok(credential);
    }
    let reason = "the one that was obtained has ended already: is the clock right?".to_owned();
    Err(Failed { reason, by_person: false })
}

/// Until when whoever asks is told that a credential is good.
fn end_told(credential: &Credential, now: i64) -> i64 {
    credential.expires_at.unwrap_or(now + ASK_AGAIN)
}

fn hand_out(
    shown: &str,
    arn: Option<&str>,
    account: Option<&str>,
    credential: Credential,
    since: i64,
    until: i64,
) -> HandOut {
    HandOut {
        shown: shown.to_owned(),
        arn: arn.map(str::to_owned),
        account: account.map(str::to_owned),
        credential,
        since: rfc_3339(since),
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

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use tokio::sync::Semaphore;
    use zeroize::Zeroizing;

    use super::*;
    use crate::agent::protocol::Renewal;
    use crate::secret::{KeyMaterial, Secret};

    fn seat(seconds_left: Option<i64>) -> Seat {
        let material = KeyMaterial { secret_access_key: Secret::new("hush"), session_token: None };
        let expires_at = seconds_left.map(|left| now() + left);
        let credential = Credential { access_key_id: "AKIA".into(), material, expires_at };
        let environment = vec![("A".into(), Zeroizing::default())];
        let renewal = Renewal { program: "/nowhere".into(), folder: "/".into(), environment };
        let recipe = Rc::new(Recipe::new(renewal, Rc::new(Semaphore::new(1))));
        let (shown, words, renew_before) = ("prod/root".into(), Vec::new(), 960);
        Seat::new(protocol::Seat { shown, arn: None, account: None, credential, renew_before, words }, recipe, None)
    }

    fn told(seat: &Seat) -> i64 {
        seat.good().unwrap().until.parse::<Timestamp>().unwrap().as_second() - now()
    }

    #[test]
    fn an_sdk_that_asks_for_a_long_term_key_late_in_its_hour_is_told_another_hour() {
        let seat = seat(None);
        let since = seat.good().unwrap().since.clone();
        for late in [ASK_AGAIN_LEFT + 1, ASK_AGAIN, 100 * ASK_AGAIN] {
            seat.told.set(now() + ASK_AGAIN - late);
            assert!((ASK_AGAIN - 5..=ASK_AGAIN).contains(&told(&seat)), "{late}: {}", told(&seat));
        }
        assert_eq!(seat.good().unwrap().since, since, "it is the same key");
    }

    #[test]
    fn a_long_term_key_is_asked_for_again_once_its_first_hour_is_half_over_where_somebody_asks() {
        let seat = seat(None);
        seat.is_wanted.set(true);
        assert!(!seat.is_due());
        seat.had.set(now() - ASK_AGAIN_LEFT);
        assert!(seat.is_due());
        seat.is_wanted.set(false);
        assert!(!seat.is_due());
    }

    #[test]
    fn pauses_grow_and_a_credential_that_ends_meanwhile_is_tried_for_at_its_end() {
        let fails = |seat: &Seat, by_person| {
            seat.has_failed(Failed { reason: "no".into(), by_person });
            seat.next_try.get() - boot_seconds()
        };
        let good = seat(Some(3_600));
        let pauses: Vec<i64> = (0..8).map(|_| fails(&good, false)).collect();
        assert!(pauses.is_sorted() && pauses[0] <= FIRST_PAUSE && pauses[7] > LONGEST_PAUSE - 5, "{pauses:?}");
        assert!(fails(&seat(Some(3_600)), true) > LONGEST_PAUSE - 5, "nobody is asked again soon");
        assert!(fails(&seat(Some(3)), false) <= 3);
        let ended = seat(Some(-1));
        ended.is_wanted.set(true);
        let pauses: Vec<i64> = (0..8).map(|_| fails(&ended, false)).collect();
        assert!(pauses[7] <= LONGEST_PAUSE_AT_END && !ended.is_wanted.get(), "{pauses:?}");
        ended.try_again();
        assert!(ended.next_try.get() <= boot_seconds());
    }
}
