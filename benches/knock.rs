//! Asks an endpoint for credentials as many clients at once do: `knock URL TOKEN CLIENTS SECONDS keep|each`. Each client
//! keeps its connection, or makes one for each request. Prints answers a second, the median and the 99th percentile of the
//! time to an answer, in milliseconds, and how many requests had none within the two seconds that botocore waits. Any
//! answer but a credential fails it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::pedantic)]
#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "those rules are for the program itself")]

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;

/// Longer than any answer.
const ROOM: usize = 16 * 1024;
/// What is not counted: clients that are still connecting.
const WARMING_UP: Duration = Duration::from_millis(500);

/// What takes longer was not answered.
const PATIENCE: Duration = Duration::from_secs(2);

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
    let (mut times, unanswered) = LocalSet::new().block_on(&runtime, async {
        let asking: Vec<_> = (0..clients).map(|_: u32| spawn_local(ask(Rc::clone(&door)))).collect();
        let (mut times, mut unanswered) = (Vec::new(), 0);
        for client in asking {
            let (its_times, its_unanswered) = client.await.expect("a client");
            times.extend(its_times);
            unanswered += its_unanswered;
        }
        (times, unanswered)
    });
    times.sort();
    assert!(!times.is_empty(), "nobody was answered");
    let milliseconds = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    let rate = times.len() as f64 / (end - start).as_secs_f64();
    println!("{rate:.0} {:.3} {:.3} {unanswered}", milliseconds(50), milliseconds(99));
}

/// One client, until the time is up: how long each of its answers took, and how many requests had none.
async fn ask(door: Rc<Door>) -> (Vec<Duration>, usize) {
    let (mut times, mut unanswered) = (Vec::new(), 0);
    let mut room = vec![0; ROOM];
    let mut kept = None;
    while Instant::now() < door.end {
        let asked = Instant::now();
        match timeout(PATIENCE, ask_once(&door, kept.take(), &mut room)).await {
            Ok(Ok((stream, length))) => {
                let answer = std::str::from_utf8(&room[..length]).expect("text");
                assert!(answer.contains(" 200 ") && answer.contains("\"SecretAccessKey\""), "{answer}");
                kept = door.keeps.then_some(stream);
                if asked >= door.start {
                    times.push(asked.elapsed());
                }
            }
            _ => unanswered += 1,
        }
    }
    (times, unanswered)
}

async fn ask_once(door: &Door, kept: Option<TcpStream>, room: &mut [u8]) -> io::Result<(TcpStream, usize)> {
    let mut stream = match kept {
        Some(stream) => stream,
        None => TcpStream::connect(door.address).await?,
    };
    stream.set_nodelay(true)?;
    stream.write_all(door.request.as_bytes()).await?;
    let mut length = 0;
    loop {
        let count = stream.read(&mut room[length..]).await?;
        length += count;
        // An answer is as long as its head says, or goes to the end.
        if count == 0 || (door.keeps && is_whole(&room[..length])) {
            return Ok((stream, length));
        }
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let text = std::str::from_utf8(answer).expect("text");
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let field = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("its length");
    body.len() >= field.parse().expect("a number")
}
