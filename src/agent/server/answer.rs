//! What an agent answers. No reply, and no error, repeats what was asked.

use zeroize::Zeroizing;

use crate::agent::protocol::{
    ANY_VERSION, Code, PROGRAM_VERSION, Request, Status, TooLong, Undecodable, VERSION, reply,
};
use crate::lock::boot_clock;
use crate::seal::record;

use super::Agent;
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
        let followed = self.follow(&request, caller);
        let frame = followed.unwrap_or_else(|_| bare(VERSION, Code::TooLong, &[]));
        Answer { frame, next }
    }

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

    fn follow(&self, request: &Request<'_>, caller: Option<u32>) -> Result<Zeroizing<Vec<u8>>, TooLong> {
        let ours = |code| reply(VERSION, code, &[]);
        let (keys, now) = (|| self.keys.borrow_mut(), boot_clock());
        match request {
            Request::Status => self.status(),
            Request::Stop => reply(ANY_VERSION, Code::Done, &[]),
            Request::Lock => self.lock(),
            Request::Hold { name, key } => {
                let code = keys().hold(*name, key, now);
                self.live.try_again();
                ours(code)
            }
            Request::Holds(name) => ours(if keys().holds(*name, now) { Code::Done } else { Code::NotHeld }),
            Request::Unseal { name, associated_data, sealed } => match keys().get(*name, now) {
                None => ours(Code::NotHeld),
                Some(key) => match record::open(key, sealed, associated_data) {
                    None => ours(Code::DoesNotOpen),
                    Some(record) => reply(VERSION, Code::Done, &[&record]),
                },
            },
            Request::Seal { name, associated_data, record } => match keys().get(*name, now) {
                None => ours(Code::NotHeld),
                Some(key) => match record::seal(key, record, associated_data) {
                    Err(_) => ours(Code::NoRandom),
                    Ok(sealed) => reply(VERSION, Code::Done, &[&sealed.ok_or(TooLong)?]),
                },
            },
            Request::Open(opening) => match self.live.open(opening, caller) {
                Ok(opened) => {
                    let [port, name, token] = opened.fields();
                    reply(VERSION, Code::Done, &[&port, &name, &token])
                }
                Err(denied) => deny(&denied),
            },
            Request::Update { token, opening } => {
                self.live.update(token, opening).map_or_else(|denied| deny(&denied), |()| ours(Code::Done))
            }
            Request::Close { token, owner } => {
                self.live.close(token, *owner).map_or_else(|denied| deny(&denied), |()| ours(Code::Done))
            }
        }
    }
}

fn deny(denied: &Denied) -> Result<Zeroizing<Vec<u8>>, TooLong> {
    let code = match denied {
        Denied::Malformed => Code::Malformed,
        Denied::Full => Code::Full,
        Denied::NoRandom => Code::NoRandom,
        Denied::NoSession => Code::NoSession,
        Denied::NoEndpoint(reason) => return reply(VERSION, Code::NoEndpoint, &[reason.as_bytes()]),
    };
    reply(VERSION, code, &[])
}

/// A reply that fits into a frame.
fn bare(version: u8, code: Code, fields: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    reply(version, code, fields).unwrap_or_default()
}
