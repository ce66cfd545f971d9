//! HTTP/1.1 as far as STS clients speak it: bounded, keep-alive, `Content-Length` bodies.

use std::io::{self, Read, Write};
use std::net::TcpStream;

const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 64;
// Room for a session policy, fifty tags and a web identity token; AWS's own limits are far below.
const MAX_BODY: usize = 1024 * 1024;

/// One request, its header names in lower case.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Without the query; of a proxied request, without the authority.
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub keep_alive: bool,
}

impl Request {
    /// The first value of this header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Why no request could be read.
#[derive(Debug)]
pub enum ReadError {
    /// The client hung up, or the connection broke.
    Closed,
    /// What came is no request; the status and reason to refuse it with.
    Refused(u16, &'static str),
}

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

/// A connection and what was read from it past the last request.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Sends bytes as one write, so that no test depends on packet boundaries.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Waits for the next whole request.
    pub fn read(&mut self) -> Result<Request, ReadError> {
        let (mut request, head_length) = self.read_head()?;
        let body_length = body_length(&request)?;
        if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        while self.buffer.len() < head_length + body_length {
            self.fill()?;
        }
        request.body = self.buffer[head_length..head_length + body_length].to_vec();
        self.buffer.drain(..head_length + body_length);
        Ok(request)
    }

    fn read_head(&mut self) -> Result<(Request, usize), ReadError> {
        loop {
            if let Some(found) = parse_head(&self.buffer)? {
                return Ok(found);
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(ReadError::Refused(431, "Request header fields too large"));
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<(), ReadError> {
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk)? {
            0 => Err(ReadError::Closed),
            length => {
                self.buffer.extend_from_slice(&chunk[..length]);
                Ok(())
            }
        }
    }
}

/// The request without its body and the length of its head; `None` until the head is whole.
fn parse_head(bytes: &[u8]) -> Result<Option<(Request, usize)>, ReadError> {
    const BAD: ReadError = ReadError::Refused(400, "Bad request");
    let mut slots = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut slots);
    let httparse::Status::Complete(length) = head.parse(bytes).map_err(|_| BAD)? else {
        return Ok(None);
    };
    let mut headers = Vec::with_capacity(head.headers.len());
    for header in head.headers.iter() {
        let value = std::str::from_utf8(header.value).map_err(|_| BAD)?;
        headers.push((header.name.to_ascii_lowercase(), value.to_owned()));
    }
    let (path, query) = split_target(head.path.unwrap_or("/"));
    let mut request = Request {
        method: head.method.unwrap_or_default().to_owned(),
        path,
        query,
        headers,
        body: Vec::new(),
        keep_alive: true,
    };
    let asked = request.header("connection").unwrap_or_default().to_ascii_lowercase();
    request.keep_alive = if head.version == Some(1) { asked != "close" } else { asked == "keep-alive" };
    Ok(Some((request, length)))
}

/// Path and query, of a whole URL too.
fn split_target(target: &str) -> (String, String) {
    let local =
        target.strip_prefix("http://").map_or(target, |rest| rest.find('/').map_or("/", |slash| &rest[slash..]));
    let (path, query) = local.split_once('?').unwrap_or((local, ""));
    (path.to_owned(), query.to_owned())
}

fn body_length(request: &Request) -> Result<usize, ReadError> {
    if request.header("transfer-encoding").is_some() {
        return Err(ReadError::Refused(501, "Transfer-Encoding is not implemented"));
    }
    let mut lengths = request.headers.iter().filter(|(name, _)| name == "content-length");
    let (first, second) = (lengths.next(), lengths.next());
    match (first.map(|(_, value)| value.parse::<usize>()), second) {
        (None, _) => Ok(0),
        (Some(Ok(length)), None) if length <= MAX_BODY => Ok(length),
        (Some(Ok(_)), None) => Err(ReadError::Refused(413, "Request body too large")),
        _ => Err(ReadError::Refused(400, "Bad Content-Length")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Request {
        match parse_head(text.as_bytes()) {
            Ok(Some((request, _))) => request,
            other => panic!("{text:?} gave {other:?}"),
        }
    }

    #[test]
    fn a_target_is_split_and_a_proxied_one_loses_its_authority() {
        let plain = head("GET /?Action=X&Version=Y HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!((plain.path.as_str(), plain.query.as_str()), ("/", "Action=X&Version=Y"));
        let proxied = head("POST http://sts.example/?a=b HTTP/1.1\r\n\r\n");
        assert_eq!((proxied.path.as_str(), proxied.query.as_str()), ("/", "a=b"));
    }

    #[test]
    fn a_length_that_is_doubled_negative_or_huge_is_refused() {
        for bad in ["Content-Length: 1\r\nContent-Length: 1", "Content-Length: -1", "Content-Length: 99999999"] {
            let request = head(&format!("POST / HTTP/1.1\r\n{bad}\r\n\r\n"));
            assert!(body_length(&request).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_head_that_is_not_whole_asks_for_more() {
        assert!(matches!(parse_head(b"POST / HTTP/1.1\r\nHos"), Ok(None)));
        assert!(matches!(parse_head(b"\x16\x03\x01 no http"), Err(ReadError::Refused(400, _))));
    }
}
