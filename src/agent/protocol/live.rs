//! What is said of live sessions: an endpoint that hands a credential out for as long as its owner's process lives.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Fields, put};
use crate::secret::{Credential, KeyMaterial, Secret};

/// How an endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As the container credential provider of the SDKs asks: with the session's token.
    Container,
    /// As EC2's metadata service is asked. Whoever can connect may ask.
    Metadata {
        /// Whether also without a token of the service's own (`IMDSv1`).
        v1: bool,
    },
}

/// What a session is opened with.
pub struct Opening {
    /// The process with whose end the session ends.
    pub owner: u32,
    /// How its endpoint is asked.
    pub manner: Manner,
    /// The region that a metadata service tells.
    pub region: Option<String>,
    /// Whose credentials it hands out: whoever asks for nobody in particular gets the first.
    pub seats: Vec<Seat>,
    /// How they are renewed.
    pub renewal: Renewal,
}

/// One of those whose credentials a session hands out.
#[derive(Clone)]
pub struct Seat {
    /// The name to show.
    pub shown: String,
    /// The ARN, where it is known.
    pub arn: Option<String>,
    /// The account, where it is known.
    pub account: Option<String>,
    /// The credential.
    pub credential: Credential,
    /// With how many seconds left it is renewed; of a short life, with half of it left.
    pub renew_before: u32,
    /// The words that ask multicred for a new one.
    pub words: Vec<String>,
}

/// How multicred is asked for a new credential: as whoever opened the session asked.
pub struct Renewal {
    /// The program.
    pub program: PathBuf,
    /// The folder in which relative paths mean something.
    pub folder: PathBuf,
    /// The whole environment. Any value may be a secret.
    pub environment: Vec<(String, Zeroizing<Vec<u8>>)>,
}

/// A session that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The loopback port where it is asked.
    pub port: u16,
    /// The name of its folder, among those of the agent's sessions: `PORT-ID`.
    pub name: String,
    /// What whoever asks must show.
    pub token: Secret,
}

/// A live session, as the agent tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The name of its folder.
    pub name: String,
    /// The process with whose end it ends.
    pub owner: u32,
    /// Whether it is asked as EC2's metadata service is.
    pub is_metadata: bool,
    /// Whose credential it hands out.
    pub shown: String,
    /// When the credential that it holds ends, in epoch seconds UTC.
    pub expires_at: Option<i64>,
    /// Why the last renewal failed.
    pub failure: Option<String>,
}

impl Opening {
    /// As one run of bytes.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // More than it comes to: bytes that grow leave copies of themselves behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.size()));
        put(&mut bytes, &self.owner.to_be_bytes());
        put(
            &mut bytes,
            &[match self.manner {
                Manner::Container => 0,
                Manner::Metadata { v1: false } => 1,
                Manner::Metadata { v1: true } => 2,
            }],
        );
        put_optional(&mut bytes, self.region.as_deref());
        put(&mut bytes, self.renewal.program.as_os_str().as_bytes());
        put(&mut bytes, self.renewal.folder.as_os_str().as_bytes());
        put_list(&mut bytes, self.renewal.environment.len());
        for (name, value) in &self.renewal.environment {
            put(&mut bytes, name.as_bytes());
            put(&mut bytes, value);
        }
        put_seats(&mut bytes, &self.seats);
        bytes
    }

    fn size(&self) -> usize {
        const EACH: usize = super::PREFIX + 8;
        let environment = self.renewal.environment.iter().map(|(name, value)| name.len() + value.len() + 2 * EACH);
        let paths = self.renewal.program.as_os_str().len() + self.renewal.folder.as_os_str().len();
        8 * EACH + self.region.as_ref().map_or(0, String::len) + paths + environment.sum::<usize>() + size(&self.seats)
    }

    /// Reads it; `None` where it is none.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let owner = u32::from_be_bytes(*fields.array()?);
        let manner = match fields.array()? {
            [0] => Manner::Container,
            [1] => Manner::Metadata { v1: false },
            [2] => Manner::Metadata { v1: true },
            _ => return None,
        };
        let region = optional(&mut fields)?;
        let path = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_vec()));
        let (program, folder) = (path(fields.next()?), path(fields.next()?));
        let mut environment = Vec::new();
        for _ in 0..list(&mut fields)? {
            environment.push((text(fields.next()?)?, Zeroizing::new(fields.next()?.to_vec())));
        }
        let seats = read_seats(&mut fields)?;
        let renewal = Renewal { program, folder, environment };
        let is_whole = fields.0.is_empty() && !seats.is_empty();
        is_whole.then_some(Self { owner, manner, region, seats, renewal })
    }
}

/// What a session's folder has in it for as long as the session is there, and the agent.
pub const MARK: &str = "agent";

/// What it has in it while its first credential has expired and no new one can be had.
pub const EXPIRED: &str = "expired";

/// The folder of all live sessions of the agent at a socket.
pub fn live_folder(socket: &Path) -> PathBuf {
    let mut path = socket.as_os_str().to_owned();
    path.push(".live");
    PathBuf::from(path)
}

fn size(seats: &[Seat]) -> usize {
    const EACH: usize = super::PREFIX + 8;
    let of_seat = |seat: &Seat| {
        let material = &seat.credential.material;
        let token = material.session_token.as_ref().map_or(0, |token| token.expose().len());
        let words = seat.words.iter().map(|word| word.len() + EACH).sum::<usize>();
        let names = [&seat.arn, &seat.account].into_iter().flatten().map(String::len).sum::<usize>();
        12 * EACH + seat.shown.len() + names + material.secret_access_key.expose().len() + token + words + 128
    };
    EACH + seats.iter().map(of_seat).sum::<usize>()
}

fn put_seats(bytes: &mut Vec<u8>, seats: &[Seat]) {
    put_list(bytes, seats.len());
    for seat in seats {
        put(bytes, seat.shown.as_bytes());
        put_optional(bytes, seat.arn.as_deref());
        put_optional(bytes, seat.account.as_deref());
        put(bytes, seat.credential.access_key_id.as_bytes());
        put(bytes, seat.credential.material.secret_access_key.expose().as_bytes());
        put_optional(bytes, seat.credential.material.session_token.as_ref().map(Secret::expose));
        put_optional_number(bytes, seat.credential.expires_at);
        put(bytes, &seat.renew_before.to_be_bytes());
        put_list(bytes, seat.words.len());
        for word in &seat.words {
            put(bytes, word.as_bytes());
        }
    }
}

fn read_seats(fields: &mut Fields<'_>) -> Option<Vec<Seat>> {
    let mut seats = Vec::new();
    for _ in 0..list(fields)? {
        let (shown, arn, account) = (text(fields.next()?)?, optional(fields)?, optional(fields)?);
        let access_key_id = text(fields.next()?)?;
        let secret_access_key = Secret::new(text(fields.next()?)?);
        let session_token = optional(fields)?.map(Secret::new);
        let expires_at = optional_number(fields)?;
        let renew_before = u32::from_be_bytes(*fields.array()?);
        let mut words = Vec::new();
        for _ in 0..list(fields)? {
            words.push(text(fields.next()?)?);
        }
        let material = KeyMaterial { secret_access_key, session_token };
        let credential = Credential { access_key_id, material, expires_at };
        seats.push(Seat { shown, arn, account, credential, renew_before, words });
    }
    Some(seats)
}

impl Live {
    pub(super) fn put(&self, bytes: &mut Vec<u8>) {
        put(bytes, self.name.as_bytes());
        put(bytes, &self.owner.to_be_bytes());
        put(bytes, &[u8::from(self.is_metadata)]);
        put(bytes, self.shown.as_bytes());
        put_optional_number(bytes, self.expires_at);
        put_optional(bytes, self.failure.as_deref());
    }

    pub(super) fn read(name: &[u8], fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            name: text(name)?,
            owner: u32::from_be_bytes(*fields.array()?),
            is_metadata: *fields.array()? != [0],
            shown: text(fields.next()?)?,
            expires_at: optional_number(fields)?,
            failure: optional(fields)?,
        })
    }
}

impl Opened {
    /// The fields of the reply.
    pub(in crate::agent) fn fields(&self) -> [Zeroizing<Vec<u8>>; 3] {
        let token = self.token.expose().as_bytes().to_vec();
        [self.port.to_be_bytes().to_vec(), self.name.clone().into_bytes(), token].map(Zeroizing::new)
    }

    /// Reads the fields of the reply.
    pub(in crate::agent) fn read(mut fields: Fields<'_>) -> Option<Self> {
        let port = u16::from_be_bytes(*fields.array()?);
        Some(Self { port, name: text(fields.next()?)?, token: Secret::new(text(fields.next()?)?) })
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

fn put_list(bytes: &mut Vec<u8>, length: usize) {
    put(bytes, &u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

fn list(fields: &mut Fields<'_>) -> Option<u32> {
    Some(u32::from_be_bytes(*fields.array()?))
}

/// What may be missing is a list of none or one.
fn put_optional(bytes: &mut Vec<u8>, value: Option<&str>) {
    put_list(bytes, usize::from(value.is_some()));
    if let Some(value) = value {
        put(bytes, value.as_bytes());
    }
}

#[allow(clippy::option_option, reason = "no value, and no field where one should be, are two things")]
fn optional(fields: &mut Fields<'_>) -> Option<Option<String>> {
    match list(fields)? {
        0 => Some(None),
        1 => Some(Some(text(fields.next()?)?)),
        _ => None,
    }
}

fn put_optional_number(bytes: &mut Vec<u8>, value: Option<i64>) {
    put_optional(bytes, value.map(|number| number.to_string()).as_deref());
}

#[allow(clippy::option_option, reason = "no value, and no field where one should be, are two things")]
fn optional_number(fields: &mut Fields<'_>) -> Option<Option<i64>> {
    match optional(fields)? {
        None => Some(None),
        Some(text) => Some(Some(text.parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(token: Option<&str>) -> Seat {
        let material = KeyMaterial { secret_access_key: Secret::new("hush"), session_token: token.map(Secret::new) };
        Seat {
            shown: "prod/Admin".into(),
            arn: Some("arn:aws:iam::111122223333:role/Admin".into()),
            account: None,
            credential: Credential { access_key_id: "ASIA".into(), material, expires_at: Some(-5) },
            renew_before: 960,
            words: vec!["prod/Admin".into(), "--region=\n".into()],
        }
    }

    fn opening() -> Opening {
        let renewal = Renewal {
            program: "/usr/bin/multicred".into(),
            folder: "/".into(),
            environment: vec![("A".into(), Zeroizing::new(vec![0, 255, b'\n'])), ("B".into(), Zeroizing::default())],
        };
        let manner = Manner::Metadata { v1: true };
        Opening {
            owner: 7,
            manner,
            region: Some("eu-west-1".into()),
            seats: vec![seat(Some("t")), seat(None)],
            renewal,
        }
    }

    #[test]
    fn an_opening_is_read_as_it_was_written_in_one_piece() {
        let bytes = opening().to_bytes();
        assert_eq!(bytes.capacity(), opening().size(), "it never grew");
        let read = Opening::read(&bytes).unwrap();
        assert_eq!(
            (read.owner, read.manner, read.region.as_deref()),
            (7, Manner::Metadata { v1: true }, Some("eu-west-1"))
        );
        assert_eq!(read.renewal.environment, opening().renewal.environment);
        assert_eq!(read.seats[0].credential, seat(Some("t")).credential);
        assert_eq!(read.seats[1].words, seat(None).words);
    }

    #[test]
    fn what_is_cut_short_or_too_long_is_none() {
        let bytes = opening().to_bytes();
        for length in 0..bytes.len() {
            assert!(Opening::read(&bytes[..length]).is_none(), "{length}");
        }
        assert!(Opening::read(&[&bytes[..], b"x"].concat()).is_none());
        assert!(Opening::read(&Opening { seats: Vec::new(), ..opening() }.to_bytes()).is_none());
    }
}
