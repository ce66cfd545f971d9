//! What the two ends of the agent's socket say to each other.
//!
//! A frame is its length (four bytes, big-endian, of what follows), a version, a byte that says what it is, and fields,
//! each with its own length before it. A connection carries any number of requests, each with one reply.
//!
//! A request of [`ANY_VERSION`] and its reply mean the same in every version: fields may be added behind those that are
//! there, and nothing else changes. So does the reply that says which version an agent has.

mod live;

use std::fmt;

use zeroize::Zeroizing;

pub use live::{EXPIRED, Live, MARK, Manner, Opened, Opening, Renewal, Seat, live_folder};

/// The version of what is said here.
pub const VERSION: u8 = 2;
/// The version of requests that every agent understands.
pub const ANY_VERSION: u8 = 0;
/// The version of this program, for messages.
pub const PROGRAM_VERSION: &str = env!("CARGO_PKG_VERSION");
/// No frame is longer, its own length not counted: a sealed original of a person's file fits.
pub const LONGEST: usize = 8 * 1024 * 1024;
/// The bytes of a frame's length.
pub const PREFIX: usize = 4;
/// The length of a store key.
pub const KEY_LENGTH: usize = 32;

/// Which key is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyName<'f> {
    /// The store's id.
    pub store_id: &'f [u8],
    /// Which of its keys.
    pub epoch: i64,
}

/// What is asked of an agent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Request<'f> {
    /// Who it is and what it holds. Of any version.
    Status,
    /// To end. Of any version.
    Stop,
    /// To drop every key. Of any version.
    Lock,
    /// To hold a key.
    Hold {
        /// Its name.
        name: KeyName<'f>,
        /// The key.
        key: &'f [u8; KEY_LENGTH],
    },
    /// Whether it holds a key.
    Holds(KeyName<'f>),
    /// To open what is sealed.
    Unseal {
        /// The key's name.
        name: KeyName<'f>,
        /// What the seal is bound to.
        associated_data: &'f [u8],
        /// The sealed record.
        sealed: &'f [u8],
    },
    /// To seal a record.
    Seal {
        /// The key's name.
        name: KeyName<'f>,
        /// What to bind the seal to.
        associated_data: &'f [u8],
        /// The record.
        record: &'f [u8],
    },
    /// To open a live session.
    Open(&'f [u8]),
    /// To hand out other credentials in a session that is open.
    Update {
        /// The session's token.
        token: &'f [u8],
        /// What it would be opened with now.
        opening: &'f [u8],
    },
    /// To end a session, where it is that process's.
    Close {
        /// The session's token.
        token: &'f [u8],
        /// The process whose session it is.
        owner: u32,
    },
}

/// Shows what is asked, never with what.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Status => "Status",
            Self::Stop => "Stop",
            Self::Lock => "Lock",
            Self::Hold { .. } => "Hold [secret]",
            Self::Holds(_) => "Holds",
            Self::Unseal { .. } => "Unseal [sealed]",
            Self::Seal { .. } => "Seal [secret]",
            Self::Open(_) => "Open [secret]",
            Self::Update { .. } => "Update [secret]",
            Self::Close { .. } => "Close [secret]",
        })
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// It was done.
    Done = 0,
    /// The agent holds no such key.
    NotHeld = 1,
    /// The seal does not open.
    DoesNotOpen = 2,
    /// The agent holds another key of that name.
    Conflict = 3,
    /// The agent holds as many keys as it can.
    Full = 4,
    /// The agent has too much to do at once.
    Busy = 5,
    /// The request is none.
    Malformed = 6,
    /// The request, or what it comes to, is too long for a frame.
    TooLong = 7,
    /// The system gives no random numbers.
    NoRandom = 8,
    /// There is no such session, or it is another process's.
    NoSession = 9,
    /// There can be no endpoint; the reason is the first field.
    NoEndpoint = 10,
    /// The agent has another version. In every version, with the program's own version as its first field.
    OtherVersion = 255,
}

impl Code {
    const ALL: [Self; 12] = [
        Self::Done,
        Self::NotHeld,
        Self::DoesNotOpen,
        Self::Conflict,
        Self::Full,
        Self::Busy,
        Self::Malformed,
        Self::TooLong,
        Self::NoRandom,
        Self::NoSession,
        Self::NoEndpoint,
        Self::OtherVersion,
    ];
}

/// What an agent tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its process.
    pub pid: u32,
    /// The version of its protocol.
    pub protocol: u8,
    /// The version of its program.
    pub version: String,
    /// Whether its keys are in memory that is never swapped out.
    pub memory_locked: bool,
    /// After how many seconds without use it drops a key.
    pub idle_limit: u64,
    /// The keys that it holds.
    pub held: Vec<Held>,
    /// The live sessions that it serves.
    pub live: Vec<Live>,
}

/// A key that an agent holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The id of its store.
    pub store_id: Vec<u8>,
    /// Which of the store's keys.
    pub key_epoch: i64,
    /// Seconds until it is dropped, unless it is used.
    pub seconds_left: u64,
}

/// A frame that would be longer than [`LONGEST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Why a request cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecodable {
    /// It is of another version.
    Version,
    /// It is none.
    Malformed,
}

mod op {
    pub(super) const STATUS: u8 = 1;
    pub(super) const STOP: u8 = 2;
    pub(super) const LOCK: u8 = 3;
    pub(super) const HOLD: u8 = 4;
    pub(super) const HOLDS: u8 = 5;
    pub(super) const UNSEAL: u8 = 6;
    pub(super) const SEAL: u8 = 7;
    pub(super) const OPEN: u8 = 8;
    pub(super) const UPDATE: u8 = 9;
    pub(super) const CLOSE: u8 = 10;
}

impl<'f> Request<'f> {
    /// The frame.
    ///
    /// # Errors
    /// It would be too long.
    pub fn frame(&self) -> Result<Zeroizing<Vec<u8>>, TooLong> {
        let any = |op| frame(ANY_VERSION, op, &[]);
        let ours = |op, name: &KeyName<'_>, fields: [&[u8]; 2], count: usize| {
            let epoch = name.epoch.to_be_bytes();
            let all = [name.store_id, &epoch, fields[0], fields[1]];
            frame(VERSION, op, &all[..2 + count])
        };
        match self {
            Self::Status => any(op::STATUS),
            Self::Stop => any(op::STOP),
            Self::Lock => any(op::LOCK),
            Self::Hold { name, key } => ours(op::HOLD, name, [&key[..], &[]], 1),
            Self::Holds(name) => ours(op::HOLDS, name, [&[], &[]], 0),
            Self::Unseal { name, associated_data, sealed } => ours(op::UNSEAL, name, [associated_data, sealed], 2),
            Self::Seal { name, associated_data, record } => ours(op::SEAL, name, [associated_data, record], 2),
            Self::Open(opening) => frame(VERSION, op::OPEN, &[opening]),
            Self::Update { token, opening } => frame(VERSION, op::UPDATE, &[token, opening]),
            Self::Close { token, owner } => frame(VERSION, op::CLOSE, &[token, &owner.to_be_bytes()]),
        }
    }

    /// Reads a frame without its length.
    ///
    /// # Errors
    /// See [`Undecodable`].
    pub fn read(frame: &'f [u8]) -> Result<Self, Undecodable> {
        match frame {
            [ANY_VERSION, op::STATUS, ..] => Ok(Self::Status),
            [ANY_VERSION, op::STOP, ..] => Ok(Self::Stop),
            [ANY_VERSION, op::LOCK, ..] => Ok(Self::Lock),
            [VERSION, op, fields @ ..] => Self::of_this_version(*op, Fields(fields)).ok_or(Undecodable::Malformed),
            [_, _, ..] => Err(Undecodable::Version),
            _ => Err(Undecodable::Malformed),
        }
    }

    fn of_this_version(op: u8, mut fields: Fields<'f>) -> Option<Self> {
        let fields = &mut fields;
        let request = match op {
            op::HOLD => Self::Hold { name: fields.key_name()?, key: fields.array()? },
            op::HOLDS => Self::Holds(fields.key_name()?),
            op::UNSEAL => {
                Self::Unseal { name: fields.key_name()?, associated_data: fields.next()?, sealed: fields.next()? }
            }
            op::SEAL => {
                Self::Seal { name: fields.key_name()?, associated_data: fields.next()?, record: fields.next()? }
            }
            op::OPEN => Self::Open(fields.next()?),
            op::UPDATE => Self::Update { token: fields.next()?, opening: fields.next()? },
            op::CLOSE => Self::Close { token: fields.next()?, owner: u32::from_be_bytes(*fields.array()?) },
            _ => return None,
        };
        fields.0.is_empty().then_some(request)
    }
}

/// A reply: how it ended, and what it came to.
///
/// # Errors
/// It would be too long.
pub fn reply(version: u8, code: Code, fields: &[&[u8]]) -> Result<Zeroizing<Vec<u8>>, TooLong> {
    frame(version, code as u8, fields)
}

/// A reply taken apart: its version, how it ended, and its fields; `None` where it is none.
pub fn read_reply(frame: &[u8]) -> Option<(u8, Option<Code>, Fields<'_>)> {
    let [version, code, fields @ ..] = frame else { return None };
    let code = Code::ALL.into_iter().find(|known| *known as u8 == *code);
    Some((*version, code, Fields(fields)))
}

impl Status {
    /// The fields of the reply, as one run of bytes each.
    pub fn fields(&self) -> Vec<Vec<u8>> {
        let mut held = Vec::new();
        for key in &self.held {
            put(&mut held, &key.store_id);
            put(&mut held, &key.key_epoch.to_be_bytes());
            put(&mut held, &key.seconds_left.to_be_bytes());
        }
        let mut live = Vec::new();
        self.live.iter().for_each(|session| session.put(&mut live));
        vec![
            self.pid.to_be_bytes().to_vec(),
            vec![self.protocol],
            self.version.clone().into_bytes(),
            vec![u8::from(self.memory_locked)],
            self.idle_limit.to_be_bytes().to_vec(),
            held,
            live,
        ]
    }

    /// Reads the fields of the reply.
    pub fn read(mut fields: Fields<'_>) -> Option<Self> {
        let mut status = Self {
            pid: u32::from_be_bytes(*fields.array()?),
            protocol: u8::from_be_bytes(*fields.array()?),
            version: String::from_utf8_lossy(fields.next()?).into_owned(),
            memory_locked: *fields.array()? != [0],
            idle_limit: u64::from_be_bytes(*fields.array()?),
            held: Vec::new(),
            live: Vec::new(),
        };
        let mut held = Fields(fields.next()?);
        while let Some(store_id) = held.next() {
            let key_epoch = i64::from_be_bytes(*held.array()?);
            let seconds_left = u64::from_be_bytes(*held.array()?);
            status.held.push(Held { store_id: store_id.to_vec(), key_epoch, seconds_left });
        }
        // Agents before live sessions tell of none.
        let mut live = Fields(fields.next().unwrap_or_default());
        while let Some(name) = live.next() {
            status.live.push(Live::read(name, &mut live)?);
        }
        Some(status)
    }
}

/// The fields of a frame, one after the other.
#[derive(Clone, Copy)]
pub struct Fields<'f>(&'f [u8]);

impl<'f> Fields<'f> {
    /// The next one; `None` at the end, and where its length is none.
    #[allow(clippy::should_implement_trait, reason = "a run of fields of different kinds is not iterated over")]
    pub fn next(&mut self) -> Option<&'f [u8]> {
        let (length, rest) = self.0.split_first_chunk::<PREFIX>()?;
        let (field, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        self.0 = rest;
        Some(field)
    }

    fn key_name(&mut self) -> Option<KeyName<'f>> {
        Some(KeyName { store_id: self.next()?, epoch: i64::from_be_bytes(*self.array()?) })
    }

    /// The next one, where it is of that length.
    pub fn array<const N: usize>(&mut self) -> Option<&'f [u8; N]> {
        self.next()?.try_into().ok()
    }
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

/// Made in one piece: bytes that grow leave copies of themselves behind.
fn frame(version: u8, what: u8, fields: &[&[u8]]) -> Result<Zeroizing<Vec<u8>>, TooLong> {
    let length = 2 + fields.iter().map(|field| PREFIX + field.len()).sum::<usize>();
    let announced = u32::try_from(length).ok().filter(|_| length <= LONGEST).ok_or(TooLong)?;
    let mut frame = Zeroizing::new(Vec::with_capacity(PREFIX + length));
    frame.extend_from_slice(&announced.to_be_bytes());
    frame.extend_from_slice(&[version, what]);
    for field in fields {
        put(&mut frame, field);
    }
    Ok(frame)
}

/// What is longer than a length can say is longer than a frame may be, too.
fn put(bytes: &mut Vec<u8>, field: &[u8]) {
    bytes.extend_from_slice(&u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(field);
}

#[cfg(test)]
mod tests;
