//! A small HTTP server on the loopback: every request is recorded, then answered, held or dropped.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::sts::http::{Connection, ReadError, Request};

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// This status and body.
    Answer { status: u16, content_type: &'static str, body: String },
    /// This place instead, with a cookie.
    Redirect { to: String, cookie: String },
    /// Nothing, while the connection stays open.
    Hang,
}

impl Reply {
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self::Answer { status, content_type: "text/plain", body: body.into() }
    }

    pub fn json(status: u16, body: impl Into<String>) -> Self {
        Self::Answer { status, content_type: "application/json", body: body.into() }
    }
}

/// One request, and the status it got (0 where it hangs).
#[derive(Debug, Clone)]
pub struct Asked {
    pub request: Request,
    pub status: u16,
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

struct Shared {
    handler: Box<Handler>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    asked: Vec<Asked>,
    open: Vec<TcpStream>,
    stopping: bool,
}

/// A running server. Dropping it stops it and cuts its connections.
pub struct Loopback {
    shared: Arc<Shared>,
    address: SocketAddr,
    acceptor: Option<JoinHandle<()>>,
}

impl Loopback {
    /// Starts on 127.0.0.1 and a free port.
    pub fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (state, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { handler: Box::new(handler), state, changed });
        let accepting = Arc::clone(&shared);
        let acceptor = thread::spawn(move || accepting.accept(&listener));
        Self { shared, address, acceptor: Some(acceptor) }
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, in the order of their arrival.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.lock().asked.clone()
    }

    pub fn forget(&self) {
        self.shared.lock().asked.clear();
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.shared.stop();
        // A connection of our own ends the accept that is under way.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            // A panic of that thread has been printed already.
            let _ = acceptor.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        let mut state = self.lock();
        state.stopping = true;
        for stream in &state.open {
            // A connection that is closed already is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.changed.notify_all();
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming().flatten() {
            let Ok(copy) = stream.try_clone() else { continue };
            let mut state = self.lock();
            if state.stopping {
                return;
            }
            state.open.push(copy);
            drop(state);
            let shared = Arc::clone(&self);
            thread::spawn(move || {
                let copy = stream.try_clone();
                shared.converse(Connection::new(stream));
                // The list of open streams has one more, which would keep the client waiting.
                drop(copy.map(|copy| copy.shutdown(Shutdown::Both)));
            });
        }
    }

    fn converse(&self, mut connection: Connection) {
        loop {
            let reply = match connection.read() {
                Ok(request) => self.answer(request),
                Err(ReadError::Closed) => return,
                Err(ReadError::Refused(status, why)) => Reply::text(status, why),
            };
            match reply {
                Reply::Answer { status, content_type, body } => {
                    let head = format!(
                        "HTTP/1.1 {status} Status\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
                        body.len()
                    );
                    if connection.send((head + &body).as_bytes()).is_err() {
                        return;
                    }
                }
                Reply::Redirect { to, cookie } => {
                    let cookie = if cookie.is_empty() { cookie } else { format!("Set-Cookie: {cookie}\r\n") };
                    let head = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\n{cookie}Content-Length: 0\r\n\r\n");
                    if connection.send(head.as_bytes()).is_err() {
                        return;
                    }
                }
                Reply::Hang => return self.wait_for_end(),
            }
        }
    }

    fn answer(&self, request: Request) -> Reply {
        let reply = (self.handler)(&request);
        let status = match &reply {
            Reply::Answer { status, .. } => *status,
            Reply::Redirect { .. } => 302,
            Reply::Hang => 0,
        };
        self.lock().asked.push(Asked { request, status });
        reply
    }

    fn wait_for_end(&self) {
        let waited = self.changed.wait_while(self.lock(), |state| !state.stopping);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}
