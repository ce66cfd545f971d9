//! Live sessions: each hands credentials out at a loopback port, to whoever shows its token, for as long as its owner's
//! process lives.

mod folder;
mod owner;
mod renewal;
mod seat;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use subtle::ConstantTimeEq;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::sleep;

use crate::agent::protocol::{self, Live, Manner, Opened, Opening};
use crate::endpoint::{self, Container, Desk, HandOut, Refusal, Service};
use crate::identity::hash::hex;
use crate::seal;
use crate::secret::Secret;

use folder::Folder;
use renewal::Recipe;
use seat::Seat;

/// More than anybody has shells.
const MOST_SESSIONS: usize = 256;
/// More than any shell has identities.
const MOST_SEATS: usize = 64;
/// How many callers all endpoints hear at a time; others wait in the system's queue.
const MOST_CALLERS: usize = 256;
/// What an endpoint that could not accept a caller waits before it tries again.
const PAUSE: Duration = Duration::from_millis(50);

/// Why a session is not opened, or not changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// What was sent is none.
    Malformed,
    /// There are as many as there can be.
    Full,
    /// The system gives no random numbers.
    NoRandom,
    /// There is no such session, or it is another process's.
    NoSession,
    /// There can be no endpoint.
    NoEndpoint(String),
}

/// The live sessions of an agent.
pub(super) struct Sessions {
    folder: Folder,
    open: RefCell<Vec<Rc<Session>>>,
    /// Where those that are asked with their token are asked, while there are any.
    shared: RefCell<Option<Port>>,
    callers: Cell<usize>,
    left: Notify,
}

/// A session.
struct Session {
    name: String,
    token: Secret,
    owner: u32,
    manner: Manner,
    recipe: Rc<Recipe>,
    seats: RefCell<Vec<Rc<Seat>>>,
    /// Its own port, where it has one.
    port: Option<Port>,
    /// What must not outlive it.
    tasks: RefCell<Vec<AbortHandle>>,
}

/// A port at which somebody listens, for as long as this lives.
struct Port {
    number: u16,
    listens: AbortHandle,
}

impl Drop for Port {
    fn drop(&mut self) {
        self.listens.abort();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.tasks.borrow().iter().for_each(AbortHandle::abort);
    }
}

impl Sessions {
    /// None yet. What an agent that was killed left in the folder beside the socket goes.
    pub(super) fn beside(socket: &std::path::Path) -> Self {
        let folder = Folder::beside(socket);
        folder.clear();
        let (open, shared) = (RefCell::default(), RefCell::default());
        Self { folder, open, shared, callers: Cell::new(0), left: Notify::new() }
    }

    /// Opens one for a caller that runs below its owner.
    pub(super) fn open(self: &Rc<Self>, opening: &[u8], caller: Option<u32>) -> Result<Opened, Denied> {
        let opening = Opening::read(opening).ok_or(Denied::Malformed)?;
        if self.open.borrow().len() >= MOST_SESSIONS || opening.seats.len() > MOST_SEATS {
            return Err(Denied::Full);
        }
        let watch = owner::watch(opening.owner, caller).map_err(Denied::NoEndpoint)?;
        let id = hex(&seal::random::<6>().map_err(|_| Denied::NoRandom)?);
        let token = Secret::new(format!("{id}.{}", hex(&seal::random::<32>().map_err(|_| Denied::NoRandom)?)));
        let (port, number) = self.port_for(&opening, &token)?;
        let name = format!("{number}-{id}");
        if let Err(error) = self.folder.add(&name) {
            self.close_unused();
            return Err(Denied::NoEndpoint(format!("{}: {error}", self.folder.path().display())));
        }
        let Opening { owner, manner, seats, renewal, .. } = opening;
        let recipe = Rc::new(Recipe::new(renewal));
        let session = Session {
            name: name.clone(),
            token: token.clone(),
            owner,
            manner,
            recipe,
            seats: RefCell::default(),
            port,
            tasks: RefCell::default(),
        };
        session.seat(seats);
        let (sessions, ended) = (Rc::clone(self), name.clone());
        let watching = spawn_local(async move {
            watch.ended().await;
            sessions.end(|session| session.name == ended);
        });
        session.tasks.borrow_mut().push(watching.abort_handle());
        self.open.borrow_mut().push(Rc::new(session));
        Ok(Opened { port: number, name, token })
    }

    /// A port of the session's own, where its endpoint knows no tokens of ours; else the one that all share.
    fn port_for(self: &Rc<Self>, opening: &Opening, token: &Secret) -> Result<(Option<Port>, u16), Denied> {
        let failed = |error: std::io::Error| Denied::NoEndpoint(format!("no loopback port: {error}"));
        match opening.manner {
            Manner::Container => {
                let shared = self.shared.borrow().as_ref().map(|port| port.number);
                if let Some(number) = shared {
                    return Ok((None, number));
                }
                let port = self.listen(|_| Container(Rc::clone(self))).map_err(failed)?;
                let number = port.number;
                *self.shared.borrow_mut() = Some(port);
                Ok((None, number))
            }
            Manner::Metadata { .. } => {
                let _ = token;
                Err(Denied::NoEndpoint("not yet".to_owned()))
            }
        }
    }

    /// Listens at a port of the system's choice.
    fn listen<S: Service + 'static>(self: &Rc<Self>, service: impl FnOnce(u16) -> S) -> std::io::Result<Port> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let number = listener.local_addr()?.port();
        let listener = TcpListener::from_std(listener)?;
        let (sessions, service) = (Rc::clone(self), Rc::new(service(number)));
        let listening = spawn_local(async move { sessions.accept(&listener, number, &service).await });
        Ok(Port { number, listens: listening.abort_handle() })
    }

    async fn accept<S: Service + 'static>(self: Rc<Self>, listener: &TcpListener, port: u16, service: &Rc<S>) {
        loop {
            while self.callers.get() >= MOST_CALLERS {
                self.left.notified().await;
            }
            match listener.accept().await {
                Ok((stream, _)) => self.hear(stream, port, service),
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    fn hear<S: Service + 'static>(self: &Rc<Self>, stream: TcpStream, port: u16, service: &Rc<S>) {
        let (caller, service) = (Caller::new(self), Rc::clone(service));
        spawn_local(async move {
            endpoint::converse(stream, port, service).await;
            drop(caller);
        });
    }

    /// Hands other credentials out in a session, in the place of those that it has.
    pub(super) fn update(&self, token: &[u8], owner: u32, seats: &[u8]) -> Result<(), Denied> {
        let seats = protocol::seats_of(seats).ok_or(Denied::Malformed)?;
        let session = self.find(token).filter(|session| session.owner == owner).ok_or(Denied::NoSession)?;
        if seats.len() > MOST_SEATS {
            return Err(Denied::Full);
        }
        session.seat(seats);
        Ok(())
    }

    /// Ends a session that is that process's.
    pub(super) fn close(&self, token: &[u8], owner: u32) -> Result<(), Denied> {
        let session = self.find(token).filter(|session| session.owner == owner).ok_or(Denied::NoSession)?;
        self.end(|other| other.name == session.name);
        Ok(())
    }

    /// Ends all; how many there were.
    pub(super) fn end_all(&self) -> usize {
        self.end(|_| true)
    }

    fn end(&self, is_meant: impl Fn(&Session) -> bool) -> usize {
        let mut count = 0;
        self.open.borrow_mut().retain(|session| {
            let goes = is_meant(session);
            if goes {
                self.folder.remove(&session.name);
                count += 1;
            }
            !goes
        });
        self.close_unused();
        count
    }

    /// Nobody listens where nobody may ask.
    fn close_unused(&self) {
        let is_shared = |session: &Rc<Session>| session.port.is_none();
        if !self.open.borrow().iter().any(is_shared) {
            *self.shared.borrow_mut() = None;
        }
    }

    /// Looks at every token, so that how long it takes tells nothing of any.
    fn find(&self, token: &[u8]) -> Option<Rc<Session>> {
        let mut found = None;
        for session in &*self.open.borrow() {
            if bool::from(session.token.expose().as_bytes().ct_eq(token)) {
                found = Some(Rc::clone(session));
            }
        }
        found
    }

    /// What is open.
    pub(super) fn list(&self) -> Vec<Live> {
        self.open.borrow().iter().map(|session| session.shown()).collect()
    }
}

impl Desk for Sessions {
    async fn of_token(&self, token: &[u8], arn: Option<&str>) -> Result<Rc<HandOut>, Refusal> {
        let session = self.find(token).filter(|session| session.manner == Manner::Container);
        let seat = session.as_ref().ok_or(Refusal::NoToken)?.seat_of(arn).ok_or(Refusal::NotGiven)?;
        seat.hand_out().await
    }
}

impl Session {
    /// Seats those whose credentials are handed out.
    fn seat(&self, seats: Vec<protocol::Seat>) {
        let seats: Vec<_> = seats.into_iter().map(|seat| Rc::new(Seat::new(seat, Rc::clone(&self.recipe)))).collect();
        let mut tasks = self.tasks.borrow_mut();
        // The first, where there is one, watches the owner.
        let kept = tasks.len().min(1);
        tasks.drain(kept..).for_each(|task| task.abort());
        for seat in &seats {
            tasks.push(spawn_local(Rc::clone(seat).tend()).abort_handle());
        }
        *self.seats.borrow_mut() = seats;
    }

    fn seat_of(&self, arn: Option<&str>) -> Option<Rc<Seat>> {
        let seats = self.seats.borrow();
        let Some(arn) = arn else { return seats.first().cloned() };
        seats.iter().find(|seat| seat.arn() == Some(arn)).cloned()
    }

    fn shown(&self) -> Live {
        let seats = self.seats.borrow();
        let first = seats.first();
        Live {
            name: self.name.clone(),
            owner: self.owner,
            is_metadata: self.manner != Manner::Container,
            shown: first.map(|seat| seat.shown().to_owned()).unwrap_or_default(),
            expires_at: first.and_then(|seat| seat.expires_at()),
            failure: seats.iter().find_map(|seat| seat.failure()),
        }
    }
}

/// Counts as long as it lives.
struct Caller(Rc<Sessions>);

impl Caller {
    fn new(sessions: &Rc<Sessions>) -> Self {
        sessions.callers.set(sessions.callers.get() + 1);
        Self(Rc::clone(sessions))
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.callers.set(self.0.callers.get().saturating_sub(1));
        self.0.left.notify_one();
    }
}
