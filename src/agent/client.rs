//! The callers' end: blocking, and cheap enough for every switch.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::error::AgentError;
use super::protocol::{
    ANY_VERSION, Code, Fields, KEY_LENGTH, KeyName, LONGEST, Opened, Opening, PREFIX, Request, Status, VERSION,
};
use crate::secret::Secret;

/// How long an agent may take for one step. It answers within microseconds; one that is stopped does not.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection to an agent of this user.
#[derive(Debug)]
pub struct Agent {
    socket: PathBuf,
    stream: UnixStream,
}

impl Agent {
    /// Connects to the agent that listens at a socket; `None` where none does. Never starts one, and asks it nothing:
    /// an agent of another version shows itself at the first request.
    ///
    /// # Errors
    /// The socket cannot be used, or is another user's.
    pub fn connect(socket: &Path) -> Result<Option<Self>, AgentError> {
        if !socket.is_absolute() {
            return Err(AgentError::socket(socket, "it is not an absolute path"));
        }
        let Some(stream) = transport::connect(socket)? else { return Ok(None) };
        let timed = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
        timed.map_err(|error| AgentError::socket(socket, &error))?;
        Ok(Some(Self { socket: socket.to_owned(), stream }))
    }

    /// Who the agent is and what it holds. Works with agents of every version.
    ///
    /// # Errors
    /// See [`AgentError`].
    pub fn status(&mut self) -> Result<Status, AgentError> {
        let reply = self.ask(&Request::Status)?;
        Status::read(reply.fields(ANY_VERSION)?).ok_or(AgentError::Protocol)
    }

    /// Hands over a key. It replaces a key of another epoch of the same store.
    ///
    /// # Errors
    /// [`AgentError::Conflict`] where the agent holds another key of that very store and epoch, [`AgentError::Full`],
    /// and what befalls connections.
    pub fn hold(&mut self, store_id: &[u8], key_epoch: i64, key: &[u8; KEY_LENGTH]) -> Result<(), AgentError> {
        let name = KeyName { store_id, epoch: key_epoch };
        self.ask(&Request::Hold { name, key })?.fields(VERSION).map(drop)
    }

    /// Whether the agent holds that key. Asking is no use of it.
    ///
    /// # Errors
    /// What befalls connections.
    pub fn holds(&mut self, store_id: &[u8], key_epoch: i64) -> Result<bool, AgentError> {
        match self.ask(&Request::Holds(KeyName { store_id, epoch: key_epoch }))?.fields(VERSION) {
            Ok(_) => Ok(true),
            Err(AgentError::NotHeld) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Opens what is sealed, and gives the record.
    ///
    /// # Errors
    /// [`AgentError::NotHeld`], [`AgentError::DoesNotOpen`], and what befalls connections.
    pub fn unseal(
        &mut self,
        store_id: &[u8],
        key_epoch: i64,
        associated_data: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, AgentError> {
        let name = KeyName { store_id, epoch: key_epoch };
        let reply = self.ask(&Request::Unseal { name, associated_data, sealed })?;
        let record = reply.fields(VERSION)?.next().ok_or(AgentError::Protocol)?;
        Ok(Zeroizing::new(record.to_vec()))
    }

    /// Seals a record.
    ///
    /// # Errors
    /// [`AgentError::NotHeld`], [`AgentError::NoRandom`], and what befalls connections.
    pub fn seal(
        &mut self,
        store_id: &[u8],
        key_epoch: i64,
        associated_data: &[u8],
        record: &[u8],
    ) -> Result<Vec<u8>, AgentError> {
        let name = KeyName { store_id, epoch: key_epoch };
        let reply = self.ask(&Request::Seal { name, associated_data, record })?;
        Ok(reply.fields(VERSION)?.next().ok_or(AgentError::Protocol)?.to_vec())
    }

    /// Opens a live session.
    ///
    /// # Errors
    /// [`AgentError::NoEndpoint`], [`AgentError::Full`], and what befalls connections.
    pub fn open(&mut self, opening: &Opening) -> Result<Opened, AgentError> {
        let reply = self.ask(&Request::Open(&opening.to_bytes()))?;
        Opened::read(reply.fields(VERSION)?).ok_or(AgentError::Protocol)
    }

    /// Has other credentials handed out in a live session, and renewed in another way.
    ///
    /// # Errors
    /// [`AgentError::NoSession`], and what befalls connections.
    pub fn update(&mut self, token: &Secret, opening: &Opening) -> Result<(), AgentError> {
        let (token, opening) = (token.expose().as_bytes(), opening.to_bytes());
        self.ask(&Request::Update { token, opening: &opening })?.fields(VERSION).map(drop)
    }

    /// Ends a live session of a process.
    ///
    /// # Errors
    /// [`AgentError::NoSession`], and what befalls connections.
    pub fn close(&mut self, token: &Secret, owner: u32) -> Result<(), AgentError> {
        self.ask(&Request::Close { token: token.expose().as_bytes(), owner })?.fields(VERSION).map(drop)
    }

    /// Has every key dropped and every live session ended, and gives how many there were of each. Works with agents of
    /// every version.
    ///
    /// # Errors
    /// What befalls connections.
    pub fn lock(&mut self) -> Result<(u32, u32), AgentError> {
        let reply = match self.ask(&Request::Lock) {
            Err(AgentError::Gone) if self.has_ended()? => return Ok((0, 0)),
            reply => reply?,
        };
        let mut counts = reply.fields(ANY_VERSION)?;
        let keys = counts.array().ok_or(AgentError::Protocol)?;
        // Agents before live sessions have none.
        let sessions = counts.array().copied().unwrap_or_default();
        Ok((u32::from_be_bytes(*keys), u32::from_be_bytes(sessions)))
    }

    /// Ends the agent, and returns when it is gone. Works with agents of every version.
    ///
    /// # Errors
    /// What befalls connections.
    pub fn stop(mut self) -> Result<(), AgentError> {
        match self.ask(&Request::Stop) {
            Err(AgentError::Gone) if self.has_ended()? => return Ok(()),
            reply => reply?.fields(ANY_VERSION)?,
        };
        // The end of its process is what closes this connection.
        match self.stream.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(AgentError::Protocol),
            Err(error) => match AgentError::of_connection(&error, PATIENCE.as_secs()) {
                AgentError::Gone => Ok(()),
                error => Err(error),
            },
        }
    }

    /// Whether nobody listens any more: an agent may end, with all that it holds, between a connection and an answer.
    fn has_ended(&self) -> Result<bool, AgentError> {
        Ok(Self::connect(&self.socket)?.is_none())
    }

    /// Asks, once more over a new connection where this one has been closed: agents close those that are long unused.
    fn ask(&mut self, request: &Request<'_>) -> Result<Reply, AgentError> {
        let frame = request.frame().map_err(|_| AgentError::TooLong)?;
        match self.exchange(&frame) {
            Err(AgentError::Gone) => {
                self.stream = Self::connect(&self.socket)?.ok_or(AgentError::Gone)?.stream;
                self.exchange(&frame)
            }
            answered => answered,
        }
    }

    fn exchange(&mut self, frame: &[u8]) -> Result<Reply, AgentError> {
        let failed = |error: &std::io::Error| AgentError::of_connection(error, PATIENCE.as_secs());
        let sent = self.stream.write_all(frame);
        let mut length = [0; PREFIX];
        // An agent that refuses a request says so before it has read all of it.
        self.stream.read_exact(&mut length).map_err(|error| failed(sent.as_ref().err().unwrap_or(&error)))?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(AgentError::Protocol);
        }
        let mut reply = Zeroizing::new(vec![0; length]);
        self.stream.read_exact(&mut reply).map_err(|error| failed(&error))?;
        Ok(Reply(reply))
    }
}

/// A reply's frame without its length.
struct Reply(Zeroizing<Vec<u8>>);

impl Reply {
    /// What it came to, in the version that was asked in.
    fn fields(&self, asked: u8) -> Result<Fields<'_>, AgentError> {
        let (version, code, mut fields) = super::protocol::read_reply(&self.0).ok_or(AgentError::Protocol)?;
        if code == Some(Code::OtherVersion) {
            let program = fields.next().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
            return Err(AgentError::OtherVersion { protocol: version, program });
        }
        if version != asked {
            return Err(AgentError::Protocol);
        }
        let mut reasons = fields;
        let reason = reasons.next().map(String::from_utf8_lossy).unwrap_or_default();
        match AgentError::of_code(code.ok_or(AgentError::Protocol)?, &reason) {
            None => Ok(fields),
            Some(error) => Err(error),
        }
    }
}

#[cfg(target_os = "linux")]
mod transport {
    use std::os::unix::net::UnixStream;
    use std::path::Path;

    use rustix::io::Errno;
    use rustix::net::sockopt::{Timeout, set_socket_timeout, socket_peercred};
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect as connect_to, socket_with};

    use super::super::AgentError;
    use super::PATIENCE;

    /// Connects, and makes sure that the process at the other end is this user's. The standard library would wait for
    /// ever where the queue of a stopped agent is full.
    pub(super) fn connect(socket: &Path) -> Result<Option<UnixStream>, AgentError> {
        let failed = |error: Errno| AgentError::socket(socket, &std::io::Error::from(error));
        let address = SocketAddrUnix::new(socket).map_err(failed)?;
        let stream =
            socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).map_err(failed)?;
        set_socket_timeout(&stream, Timeout::Send, Some(PATIENCE)).map_err(failed)?;
        match connect_to(&stream, &address) {
            Ok(()) => {}
            Err(Errno::NOENT | Errno::NOTDIR | Errno::CONNREFUSED) => return Ok(None),
            Err(Errno::AGAIN) => return Err(AgentError::Silent { waited: PATIENCE.as_secs() }),
            Err(error) => return Err(failed(error)),
        }
        let uid = socket_peercred(&stream).map_err(failed)?.uid;
        if uid != rustix::process::geteuid() {
            return Err(AgentError::NotOurs { path: socket.display().to_string(), uid: uid.as_raw() });
        }
        Ok(Some(UnixStream::from(stream)))
    }
}

#[cfg(not(target_os = "linux"))]
mod transport {
    use std::io::ErrorKind;
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::UnixStream;
    use std::path::Path;

    use super::super::AgentError;

    /// Connects to a socket that is this user's; whose the process at the other end is, no safe function tells.
    pub(super) fn connect(socket: &Path) -> Result<Option<UnixStream>, AgentError> {
        let absent = |error: &std::io::Error| {
            matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::ConnectionRefused)
        };
        let found = std::fs::symlink_metadata(socket).and_then(|file| Ok((file.uid(), UnixStream::connect(socket)?)));
        match found {
            Ok((uid, stream)) if uid == rustix::process::geteuid().as_raw() => Ok(Some(stream)),
            Ok((uid, _)) => Err(AgentError::NotOurs { path: socket.display().to_string(), uid }),
            Err(error) if absent(&error) => Ok(None),
            Err(error) => Err(AgentError::socket(socket, &error)),
        }
    }
}
