//! A proxy that lets nobody through, and knows whom everybody wanted: what host of AWS a program would have asked.

use super::loopback::{Loopback, Reply};

/// Set `HTTPS_PROXY` to its address.
pub struct Proxy(Loopback);

impl Proxy {
    pub fn start() -> Self {
        Self(Loopback::start(|_| Reply::text(502, "nobody gets through here")))
    }

    pub fn url(&self) -> String {
        self.0.url()
    }

    /// The hosts asked for, each once, in order; with the port where it is not 443.
    pub fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = Vec::new();
        for asked in self.0.asked() {
            let target = &asked.request.path;
            let host = if asked.request.method == "CONNECT" { target.trim_end_matches(":443") } else { "no CONNECT" };
            if hosts.last().is_none_or(|last| last != host) {
                hosts.push(host.to_owned());
            }
        }
        hosts
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn it_notes_the_host_and_lets_nobody_through() {
        let proxy = Proxy::start();
        for host in ["sts.eu-west-1.amazonaws.com:443", "localhost:8443"] {
            let mut stream = TcpStream::connect(proxy.url().trim_start_matches("http://")).unwrap();
            write!(stream, "CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
            let mut start = [0; 12];
            stream.read_exact(&mut start).unwrap();
            assert_eq!(&start, b"HTTP/1.1 502");
        }
        assert_eq!(proxy.hosts(), ["sts.eu-west-1.amazonaws.com", "localhost:8443"]);
    }
}
