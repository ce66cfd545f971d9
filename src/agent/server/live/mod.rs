//! Live sessions: each hands credentials out at a loopback port, to whoever shows its token, for as long as its owner's
//! process lives.

mod callers;
mod folder;
mod instance;
mod owner;
mod renewal;
mod seat;

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::sleep;

use crate::agent::protocol::{self, EXPIRED, Live, Manner, Opened, Opening, Renewal};
use crate::endpoint::{self, Container, Desk, HandOut, Metadata, Refusal, Service, TokenKey};
use crate::identity::hash::hex;
use crate::seal;
use crate::secret::Secret;

use callers::Callers;
use folder::Folder;
use instance::Instance;
use renewal::Recipe;
use seat::Seat;

/// More than anybody has shells.
const MOST_SESSIONS: usize = 256;
/// More than any shell has identities.
const MOST_SEATS: usize = 64;
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
    /// Where those that are asked with their token are asked, from the first one on for as long as this agent lives: a
    /// program that asks in vain must not get its answer from whoever takes the port next.
    shared: RefCell<Option<Port>>,
    callers: Rc<Callers>,
    renewals: Rc<Semaphore>,
}

/// A session.
struct Session {
    name: String,
    token: Secret,
    owner: u32,
    manner: Manner,
    folder: PathBuf,
    seats: RefCell<Vec<Rc<Seat>>>,
    /// Its own port, where it has one.
    _port: Option<Port>,
    /// What must not outlive it: who looks whether the owner lives, and who tends each seat.
    watch: RefCell<Option<AbortHandle>>,
    tending: RefCell<Vec<AbortHandle>>,
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
        self.stop();
    }
}

impl Sessions {
    /// None yet. What an agent that was killed left in the folder beside the socket goes.
    pub(super) fn beside(socket: &std::path::Path) -> Self {
        let folder = Folder::beside(socket);
        folder.clear();
        let (open, shared) = (RefCell::default(), RefCell::default());
        let renewals = Rc::new(Semaphore::new(renewal::MOST_AT_ONCE));
        Self { folder, open, shared, callers: Rc::default(), renewals }
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
            return Err(Denied::NoEndpoint(format!("{}: {error}", self.folder.path().display())));
        }
        let Opening { owner, manner, seats, renewal, .. } = opening;
        let session = Session {
            folder: self.folder.path().join(&name),
            name: name.clone(),
            token: token.clone(),
            owner,
            manner,
            seats: RefCell::default(),
            _port: port,
            watch: RefCell::default(),
            tending: RefCell::default(),
        };
        session.seat(seats, &self.recipe(renewal));
        let (sessions, ended) = (Rc::clone(self), name.clone());
        let watching = spawn_local(async move {
            watch.ended().await;
            sessions.end(|session| session.name == ended);
        });
        *session.watch.borrow_mut() = Some(watching.abort_handle());
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
            Manner::Metadata { v1 } => {
                let key = TokenKey::new(seal::random().map_err(|_| Denied::NoRandom)?);
                let machine = Instance { sessions: Rc::clone(self), token: token.clone() };
                let region = opening.region.clone();
                let port = self.listen(|_| Metadata::new(machine, key, region, v1)).map_err(failed)?;
                let number = port.number;
                Ok((Some(port), number))
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
            match listener.accept().await {
                Ok((stream, _)) => {
                    self.callers.make_room().await;
                    self.callers.admit(service, |service| endpoint::converse(stream, port, service));
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// Hands other credentials out in a session, in the place of those that it has.
    pub(super) fn update(&self, token: &[u8], opening: &[u8]) -> Result<(), Denied> {
        let Opening { owner, manner, seats, renewal, .. } = Opening::read(opening).ok_or(Denied::Malformed)?;
        let is_meant = |session: &Rc<Session>| session.owner == owner && session.manner == manner;
        let session = self.find(token).filter(is_meant).ok_or(Denied::NoSession)?;
        if seats.len() > MOST_SEATS {
            return Err(Denied::Full);
        }
        session.seat(seats, &self.recipe(renewal));
        Ok(())
    }

    fn recipe(&self, renewal: Renewal) -> Rc<Recipe> {
        Rc::new(Recipe::new(renewal, Rc::clone(&self.renewals)))
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
                // Whoever waits for an answer holds it still.
                session.stop();
                self.folder.remove(&session.name);
                count += 1;
            }
            !goes
        });
        count
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

    /// Has what could not be renewed tried again at once: there is a key that there was not.
    pub(super) fn try_again(&self) {
        for session in &*self.open.borrow() {
            session.seats.borrow().iter().for_each(|seat| seat.try_again());
        }
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
        let handed_out = seat.hand_out().await;
        // It may have ended while it was waited for.
        if self.find(token).is_some() { handed_out } else { Err(Refusal::NoToken) }
    }
}

impl Session {
    fn stop(&self) {
        self.watch.borrow().iter().chain(&*self.tending.borrow()).for_each(AbortHandle::abort);
    }

    /// Seats those whose credentials are handed out, in the place of any others.
    fn seat(&self, seats: Vec<protocol::Seat>, recipe: &Rc<Recipe>) {
        // The prompt tells of the first one alone.
        let marks = std::iter::once(Some(self.folder.join(EXPIRED))).chain(std::iter::repeat(None));
        let seated = |(seat, mark)| Rc::new(Seat::new(seat, Rc::clone(recipe), mark));
        let seats: Vec<_> = seats.into_iter().zip(marks).map(seated).collect();
        let tend = |seat: &Rc<Seat>| spawn_local(Rc::clone(seat).tend()).abort_handle();
        self.tending.replace(seats.iter().map(tend).collect()).iter().for_each(AbortHandle::abort);
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
