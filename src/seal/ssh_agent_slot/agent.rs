//! Talking to an ssh-agent (draft-ietf-sshm-ssh-agent): which keys it has, and a signature with one of them.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use zeroize::Zeroizing;

use super::SshAgentError;
use super::wire::{Reader, put_string};

const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
/// How long a connection, and then a list, may take.
const BRIEFLY: Duration = Duration::from_secs(5);
/// How often an agent that is busy is tried.
const PAUSE: Duration = Duration::from_millis(10);
/// No answer is longer, in bytes: OpenSSH's own limit.
const LONGEST: usize = 256 * 1024;

/// A connection to an agent.
pub(super) struct Agent(UnixStream);

/// A public key that an agent names, and its comment.
pub(super) type Identity = (Vec<u8>, String);

impl Agent {
    /// # Errors
    /// There is no agent at `path`, or it takes no connection.
    pub(super) fn connect(path: &Path) -> Result<Self, SshAgentError> {
        Self::connect_within(path, BRIEFLY).map_err(|error| match error {
            Errno::AGAIN => SshAgentError::Silent { seconds: BRIEFLY.as_secs() },
            error => SshAgentError::NoAgent {
                socket: path.display().to_string(),
                reason: std::io::Error::from(error).to_string(),
            },
        })
    }

    fn connect_within(path: &Path, within: Duration) -> Result<Self, Errno> {
        let (address, deadline) = (SocketAddrUnix::new(path)?, Instant::now() + within);
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let stream = UnixStream::from(socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?);
        // One that takes no more connections says so at once here; otherwise it would be waited for without a limit.
        while let Err(error) = connect(&stream, &address) {
            if error != Errno::AGAIN || Instant::now() > deadline {
                return Err(error);
            }
            std::thread::sleep(PAUSE);
        }
        stream.set_nonblocking(false).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        Ok(Self(stream))
    }

    /// The keys that it has; a locked agent (`ssh-add -x`) says that it has none.
    ///
    /// # Errors
    /// It gives no answer, or none that can be understood.
    pub(super) fn identities(&mut self) -> Result<Vec<Identity>, SshAgentError> {
        let answer = self.ask(&[REQUEST_IDENTITIES], BRIEFLY)?;
        match answer.split_first() {
            Some((&IDENTITIES_ANSWER, body)) => {
                identities(body).ok_or(SshAgentError::Garbled("its list of keys is malformed"))
            }
            Some((&FAILURE, _)) => Ok(Vec::new()),
            _ => Err(SshAgentError::Garbled("it answers something else than was asked")),
        }
    }

    /// A signature over `data`, in SSH's encoding; `None` where the agent refuses. It may take as long as `within`.
    ///
    /// # Errors
    /// It gives no answer, or none that can be understood.
    pub(super) fn sign(
        &mut self,
        key: &[u8],
        data: &[u8],
        flags: u32,
        within: Duration,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, SshAgentError> {
        let mut request = vec![SIGN_REQUEST];
        put_string(&mut request, key);
        put_string(&mut request, data);
        request.extend_from_slice(&flags.to_be_bytes());
        let answer = self.ask(&request, within)?;
        match answer.split_first() {
            Some((&SIGN_RESPONSE, body)) => {
                let mut body = Reader(body);
                let signature = body.string().filter(|_| body.is_empty());
                let signature = signature.ok_or(SshAgentError::Garbled("its signature is malformed"))?;
                Ok(Some(Zeroizing::new(signature.to_vec())))
            }
            Some((&FAILURE, _)) => Ok(None),
            _ => Err(SshAgentError::Garbled("it answers something else than was asked")),
        }
    }

    fn ask(&mut self, message: &[u8], within: Duration) -> Result<Zeroizing<Vec<u8>>, SshAgentError> {
        let deadline = Instant::now() + within;
        let mut frame = Vec::with_capacity(message.len() + 4);
        put_string(&mut frame, message);
        let asked = self.0.set_write_timeout(Some(within)).and_then(|()| self.0.write_all(&frame));
        asked.and_then(|()| self.answer(deadline)).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => SshAgentError::Silent { seconds: within.as_secs() },
            ErrorKind::InvalidData => SshAgentError::Garbled("its answer has no possible length"),
            _ => SshAgentError::Garbled("it ends the connection without an answer"),
        })
    }

    fn answer(&mut self, deadline: Instant) -> std::io::Result<Zeroizing<Vec<u8>>> {
        let mut length = [0u8; 4];
        self.read_by(&mut length, deadline)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length == 0 || length > LONGEST {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut answer = Zeroizing::new(vec![0u8; length]);
        self.read_by(&mut answer, deadline)?;
        Ok(answer)
    }

    /// Fills `buffer`; an agent that says one byte now and then is not waited for any longer than a silent one.
    fn read_by(&mut self, buffer: &mut [u8], deadline: Instant) -> std::io::Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            self.0.set_read_timeout(Some(left))?;
            match self.0.read(&mut buffer[filled..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn identities(body: &[u8]) -> Option<Vec<Identity>> {
    let mut body = Reader(body);
    let count = body.number()?;
    let mut found = Vec::new();
    for _ in 0..count {
        let (key, comment) = (body.string()?, body.string()?);
        found.push((key.to_vec(), String::from_utf8_lossy(comment).into_owned()));
    }
    body.is_empty().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// An agent that says `answer` to whatever it is asked, byte by byte with `pause` between them, and then stays.
    fn agent_that_says(answer: Vec<u8>, pause: Duration) -> (tempfile::TempDir, Agent) {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for byte in answer {
                std::thread::sleep(pause);
                let _ = stream.write_all(&[byte]);
            }
            std::thread::sleep(Duration::from_secs(2));
        });
        let agent = Agent::connect(&folder.path().join("s")).unwrap();
        (folder, agent)
    }

    #[test]
    fn an_agent_that_says_nothing_or_one_byte_now_and_then_is_not_waited_for_longer() {
        for answer in [vec![], vec![0, 0, 0, 200, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]] {
            let (_folder, mut agent) = agent_that_says(answer, Duration::from_millis(60));
            let (began, within) = (Instant::now(), Duration::from_millis(300));
            assert_eq!(agent.ask(&[11], within).unwrap_err(), SshAgentError::Silent { seconds: 0 });
            assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
        }
    }

    #[test]
    fn an_agent_that_speaks_something_else_is_an_error_in_words() {
        for (answer, says) in [
            (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "length"),
            (vec![0, 0, 0, 0], "length"),
            (vec![0, 4, 0, 1, 12], "length"),
            (vec![0, 0, 0, 1, 99], "something else"),
            (vec![0, 0, 0, 1, 12], "malformed"),
            (vec![0, 0, 0, 5, 12, 0xff, 0xff, 0xff, 0xff], "malformed"),
            (vec![0, 0, 0, 6, 12, 0, 0, 0, 0, 7], "malformed"),
        ] {
            let (_folder, mut agent) = agent_that_says(answer.clone(), Duration::ZERO);
            let error = agent.identities().unwrap_err().to_string();
            assert!(error.contains(says), "{answer:?}: {error}");
        }
    }

    #[test]
    fn an_agent_that_takes_no_connection_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let _listener = UnixListener::bind(&path).unwrap();
        let mut held = Vec::new();
        let full = loop {
            match Agent::connect_within(&path, Duration::from_millis(50)) {
                Ok(agent) => held.push(agent),
                Err(error) => break error,
            }
        };
        assert_eq!(full, Errno::AGAIN, "after {} connections", held.len());
    }

    #[test]
    fn no_socket_no_listener_and_a_path_too_long_are_no_agent() {
        let folder = tempfile::tempdir().unwrap();
        let (file, dead) = (folder.path().join("file"), folder.path().join("dead"));
        std::fs::write(&file, "").unwrap();
        drop(UnixListener::bind(&dead).unwrap());
        for path in [folder.path().join("missing"), file, dead, folder.path().join("x".repeat(200))] {
            let error = Agent::connect(&path).err().unwrap();
            assert!(matches!(error, SshAgentError::NoAgent { .. }), "{}: {error}", path.display());
        }
    }
}
