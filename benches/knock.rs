//! Asks an endpoint for credentials as many clients at once do: `knock URL TOKEN CLIENTS SECONDS keep|each`. Each client
//! keeps its connection, or makes one for each request. Prints requests a second, and the median and the 99th percentile
//! of the time to an answer, in milliseconds. Any answer but a credential fails it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::pedantic)]
#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "those rules are for the program itself")]

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local};

/// Longer than any answer.
const ROOM: usize = 16 * 1024;
/// What is not counted: clients that are still connecting.
const WARMING_UP: Duration = Duration::from_millis(500);

struct Door {
    address: SocketAddr,
    request: String,
    keeps: bool,
    start: Instant,
    end: Instant,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, token, clients, seconds, how] = &arguments[..] else {
        panic!("knock URL TOKEN CLIENTS SECONDS keep|each");
    };
    let address = url.strip_prefix("http://").expect("http://ADDRESS:PORT").trim_end_matches('/');
    let keeps = how == "keep";
    let connection = if keeps { "keep-alive" } else { "close" };
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {address}\r\nAuthorization: {token}\r\nAccept: application/json\r\n\
         User-Agent: Boto3/1.34\r\nConnection: {connection}\r\n\r\n"
    );
    let start = Instant::now() + WARMING_UP;
    let end = start + Duration::from_secs(seconds.parse().expect("a number of seconds"));
    let door = Rc::new(Door { address: address.parse().expect("an address"), request, keeps, start, end });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let clients = clients.parse().expect("a number of clients");
    let mut times = LocalSet::new().block_on(&runtime, async {
        let asking: Vec<_> = (0..clients).map(|_: u32| spawn_local(ask(Rc::clone(&door)))).collect();
        let mut times = Vec::new();
        for client in asking {
            times.extend(client.await.expect("a client"));
        }
        times
    });
    times.sort();
    assert!(!times.is_empty(), "nobody was answered");
    let milliseconds = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    let rate = times.len() as f64 / (end - start).as_secs_f64();
    println!("{rate:.0} {:.3} {:.3}", milliseconds(50), milliseconds(99));
}

/// One client, until the time is up; how long each of its answers took.
async fn ask(door: Rc<Door>) -> Vec<Duration> {
    let mut times = Vec::new();
    let mut room = vec![0; ROOM];
    let mut kept = None;
    while Instant::now() < door.end {
        let asked = Instant::now();
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(door.address).await.expect("somebody who listens");
                stream.set_nodelay(true).expect("a socket");
                stream
            }
        };
        stream.write_all(door.request.as_bytes()).await.expect("somebody who reads");
        let answer = answer(&mut stream, &mut room, door.keeps).await;
        assert!(answer.contains(" 200 ") && answer.contains("\"SecretAccessKey\""), "{answer}");
        if asked >= door.start {
            times.push(asked.elapsed());
        }
        kept = door.keeps.then_some(stream);
    }
    times
}

/// An answer: as long as its head says, or to the end.
async fn answer<'r>(stream: &mut TcpStream, room: &'r mut [u8], keeps: bool) -> &'r str {
    let mut length = 0;
    loop {
        let count = stream.read(&mut room[length..]).await.expect("an answer");
        length += count;
        let text = std::str::from_utf8(&room[..length]).expect("text");
        if count == 0 || (keeps && is_whole(text)) {
            break;
        }
    }
    std::str::from_utf8(&room[..length]).expect("text")
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let field = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("its length");
    body.len() >= field.parse().expect("a number")
}
