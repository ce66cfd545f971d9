//! One caller: requests in, replies out, and an end to those who dawdle.

use std::cell::Cell;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::agent::protocol::{Code, LONGEST, PREFIX};

use super::Agent;
use super::answer::{Answer, Next};

/// How long a request may take to arrive, and a reply to be taken.
const FRAME_TIME: Duration = Duration::from_secs(5);
/// How often a silent caller may be looked at before it is cut off: each look is a second.
const IDLE_LOOKS: usize = 10;
const LOOK: Duration = Duration::from_secs(1);
/// What is longer is read piece by piece, and counts.
const LONG: usize = 64 * 1024;
/// How much of long requests is read at a time, from all callers together.
const MOST_LONG: usize = 4 * LONGEST;

impl Agent {
    /// Answers a caller until one of the two has enough.
    pub(super) async fn converse(&self, mut stream: UnixStream) {
        let caller = stream.peer_cred().ok().and_then(|peer| u32::try_from(peer.pid()?).ok());
        while let Some(begun) = self.begin(&mut stream).await {
            let heard = timeout(FRAME_TIME, self.hear(&mut stream, begun, caller)).await;
            let Ok(Some(answer)) = heard else { return };
            let sent = timeout(FRAME_TIME, stream.write_all(&answer.frame)).await;
            match answer.next {
                Next::GoOn if matches!(sent, Ok(Ok(()))) => {}
                Next::GoOn | Next::HangUp => return,
                Next::End => {
                    // It is closed by the end of the process, which is what the caller waits for.
                    std::mem::forget(stream);
                    return self.end.notify_one();
                }
            }
        }
    }

    /// Waits for the first bytes of a request; in a crowd, no longer than for one look. `None` for a caller that has
    /// enough, or has had it.
    async fn begin(&self, stream: &mut UnixStream) -> Option<Begun> {
        let mut length = [0; PREFIX];
        for _ in 0..IDLE_LOOKS {
            match timeout(LOOK, stream.read(&mut length)).await {
                Ok(Ok(count @ 1..)) => return Some(Begun { length, count }),
                Ok(_) => return None,
                Err(_) if self.is_crowded() => return None,
                Err(_) => {}
            }
        }
        None
    }

    /// Reads a request and answers it; `None` where the caller has left.
    async fn hear(&self, stream: &mut UnixStream, begun: Begun, caller: Option<u32>) -> Option<Answer> {
        let Begun { mut length, count } = begun;
        stream.read_exact(&mut length[count..]).await.ok()?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Some(Answer::refusal(Code::TooLong));
        }
        let Some(_share) = Share::of(&self.long_requests, length) else { return Some(Answer::refusal(Code::Busy)) };
        let frame = read(stream, length).await.ok()?;
        Some(self.answer(&frame, caller))
    }
}

/// The length of a request, of which so many bytes are there.
struct Begun {
    length: [u8; PREFIX],
    count: usize,
}

/// Reads as many bytes, into no more memory than twice what has come.
async fn read(stream: &mut UnixStream, length: usize) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut frame = Zeroizing::new(vec![0; length.min(LONG)]);
    let mut filled = 0;
    loop {
        stream.read_exact(&mut frame[filled..]).await?;
        filled = frame.len();
        if filled == length {
            return Ok(frame);
        }
        // A vector that grew by itself would leave what it held behind.
        let mut longer = Zeroizing::new(vec![0; length.min(2 * filled)]);
        longer[..filled].copy_from_slice(&frame);
        frame = longer;
    }
}

/// A long request's share of what may be read at a time; given back when dropped.
struct Share<'a> {
    taken: &'a Cell<usize>,
    length: usize,
}

impl<'a> Share<'a> {
    fn of(taken: &'a Cell<usize>, length: usize) -> Option<Self> {
        let length = if length > LONG { length } else { 0 };
        let total = taken.get() + length;
        (total <= MOST_LONG).then(|| {
            taken.set(total);
            Self { taken, length }
        })
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.taken.set(self.taken.get().saturating_sub(self.length));
    }
}
