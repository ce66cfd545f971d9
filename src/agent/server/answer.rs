//! What an agent answers. No reply, and no error, repeats what was asked.

use zeroize::Zeroizing;

use crate::agent::protocol::{
    ANY_VERSION, Code, PROGRAM_VERSION, Request, Status, TooLong, Undecodable, VERSION, reply,
};
use crate::lock::boot_clock;
use crate::seal::record;

use super::Agent;
use super::keys::Keys;
use super::live::Denied;

/// A reply, and what happens once it has been sent.
pub(super) struct Answer {
    pub(super) frame: Zeroizing<Vec<u8>>,
    pub(super) next: Next,
}

/// What happens after a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The next request is read.
    GoOn,
    /// The connection is closed.
    HangUp,
    /// The agent ends.
    End,
}

impl Answer {
    /// That a request is refused, and no more of it is wanted.
    pub(super) fn refusal(code: Code) -> Self {
        Self { frame: bare(VERSION, code, &[]), next: Next::HangUp }
    }
}

impl Agent {
    /// Answers a request, a frame without its length, of a process.
    pub(super) fn answer(&self, frame: &[u8], caller: Option<u32>) -> Answer {
        let request = match Request::read(frame) {
            Ok(request) => request,
            Err(Undecodable::Malformed) => return Answer::refusal(Code::Malformed),
            Err(Undecodable::Version) => {
                let frame = bare(VERSION, Code::OtherVersion, &[PROGRAM_VERSION.as_bytes()]);
                return Answer { frame, next: Next::GoOn };
            }
        };
        let next = if request == Request::Stop { Next::End } else { Next::GoOn };
        let followed = match &request {
            Request::Status => self.status(),
            Request::Lock => self.lock(),
            Request::Open(_) | Request::Update { .. } | Request::Close { .. } => self.follow_live(&request, caller),
            _ => follow(&request, &mut self.keys.borrow_mut(), boot_clock()),
        };
        if matches!(request, Request::Hold { .. }) {
            self.live.try_again();
        }
        let frame = followed.unwrap_or_else(|_| bare(VERSION, Code::TooLong, &[]));
        Answer { frame, next }
    }
}

impl Agent {
    fn status(&self) -> Result<Zeroizing<Vec<u8>>, TooLong> {
        let (mut keys, now) = (self.keys.borrow_mut(), boot_clock());
        let status = Status {
            pid: std::process::id(),
            protocol: VERSION,
            version: PROGRAM_VERSION.to_owned(),
            memory_locked: keys.are_locked(),
            idle_limit: keys.idle().as_secs(),
            held: keys.list(now),
            live: self.live.list(),
        };
        reply(ANY_VERSION, Code::Done, &status.fields().iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// Whoever locks wants that nobody is handed anything any more.
    fn lock(&self) -> Result<Zeroizing<Vec<u8>>, TooLong> {
        let counts = [self.keys.borrow_mut().drop_all(), self.live.end_all()];
        let [keys, sessions] = counts.map(|count| u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
        reply(ANY_VERSION, Code::Done, &[&keys, &sessions])
    }

    fn follow_live(&self, request: &Request<'_>, caller: Option<u32>) -> Result<Zeroizing<Vec<u8>>, TooLong> {
        let done = match request {
            Request::Open(opening) => match self.live.open(opening, caller) {
                Ok(opened) => {
                    let [port, name, token] = opened.fields();
                    return reply(VERSION, Code::Done, &[&port, &name, &token]);
                }
                Err(denied) => Err(denied),
            },
            Request::Update { token, opening } => self.live.update(token, opening),
            Request::Close { token, owner } => self.live.close(token, *owner),
            _ => Err(Denied::Malformed),
        };
        let (code, reason) = match done {
            Ok(()) => (Code::Done, None),
            Err(Denied::Malformed) => (Code::Malformed, None),
            Err(Denied::Full) => (Code::Full, None),
            Err(Denied::NoRandom) => (Code::NoRandom, None),
            Err(Denied::NoSession) => (Code::NoSession, None),
            Err(Denied::NoEndpoint(reason)) => (Code::NoEndpoint, Some(reason)),
        };
        reply(VERSION, code, &reason.as_ref().map(String::as_bytes).into_iter().collect::<Vec<_>>())
    }
}

fn follow(request: &Request<'_>, keys: &mut Keys, now: i128) -> Result<Zeroizing<Vec<u8>>, TooLong> {
    let ours = |code| reply(VERSION, code, &[]);
    match request {
        Request::Stop => reply(ANY_VERSION, Code::Done, &[]),
        Request::Hold { name, key } => ours(keys.hold(*name, key, now)),
        Request::Holds(name) => ours(if keys.holds(*name, now) { Code::Done } else { Code::NotHeld }),
        Request::Unseal { name, associated_data, sealed } => match keys.get(*name, now) {
            None => ours(Code::NotHeld),
            Some(key) => match record::open(key, sealed, associated_data) {
                None => ours(Code::DoesNotOpen),
                Some(record) => reply(VERSION, Code::Done, &[&record]),
            },
        },
        Request::Seal { name, associated_data, record } => match keys.get(*name, now) {
            None => ours(Code::NotHeld),
            Some(key) => match record::seal(key, record, associated_data) {
                Err(_) => ours(Code::NoRandom),
                Ok(sealed) => reply(VERSION, Code::Done, &[&sealed.ok_or(TooLong)?]),
            },
        },
        // Those that are of no key.
        Request::Status | Request::Lock | Request::Open(_) | Request::Update { .. } | Request::Close { .. } => {
            ours(Code::Malformed)
        }
    }
}

/// A reply that fits into a frame.
fn bare(version: u8, code: Code, fields: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    reply(version, code, fields).unwrap_or_default()
}
