//! The strict STS: a pretend AWS STS, and as much of IAM as makes and ends access keys, that refuses what AWS refuses, for
//! the tests and for `examples/sandbox.rs`.
//!
//! It verifies signatures from AWS's text and shares no code with the program under test. Everything that the
//! program may only know from its answers (who a key is, whether a code was used) lives in [`World`]; everything a
//! test may do to it (faults, gates, the clock) is on [`StrictSts`].

mod action;
mod auth;
mod call;
mod canonical;
mod clock;
mod digest;
mod enroll;
mod failure;
mod fault;
mod gate;
pub mod http;
mod issue;
mod key;
mod mfa;
mod principal;
pub mod query;
mod random;
mod reply;
mod response;
mod role;
mod serve;
mod session;
mod sigv4;
mod state;
mod totp;
mod validate;
mod which;
mod witness;
mod world;
mod xml;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use self::fault::Rule;
use self::state::Shared;

pub use self::{
    call::Call,
    fault::Fault,
    gate::Gate,
    principal::Principal,
    role::Role,
    session::{Credentials, KeyPair, Session, SessionKind},
    which::Which,
    witness::Witness,
    world::World,
};

/// A running server. Dropping it stops it and cuts its connections.
#[derive(Debug)]
pub struct StrictSts {
    shared: Arc<Shared>,
    address: SocketAddr,
    acceptor: Option<JoinHandle<()>>,
}

impl StrictSts {
    /// Starts on 127.0.0.1 and a free port. Panics where there is none.
    pub fn start(world: World) -> Self {
        match Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), world) {
            Ok(server) => server,
            Err(error) => panic!("the strict STS found no port: {error}"),
        }
    }

    /// Starts on a chosen address, such as the one a stopped server had.
    pub fn start_on(address: SocketAddr, world: World) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(world));
        let theirs = Arc::clone(&shared);
        let acceptor = Some(thread::spawn(move || serve::accept(&listener, &theirs)));
        Ok(Self { shared, address, acceptor })
    }

    /// `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_STS`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Reads or changes the world while no call is at work.
    pub fn world<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        self.shared.change(|state| change(&mut state.world))
    }

    /// Somebody who knows what the server knows of issued credentials.
    pub fn witness(&self) -> Witness {
        Witness::new(Arc::clone(&self.shared))
    }

    /// A code of this device that is good now and was neither used nor given out before. Never waits.
    pub fn mfa_code(&self, serial: &str) -> String {
        self.world(|world| world.mfa_code(serial))
    }

    /// The server's time, epoch seconds.
    pub fn now(&self) -> i64 {
        self.world(|world| world.now())
    }

    /// Sets how far the server's clock is ahead of the machine's, in seconds.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.world(|world| world.clock_offset = seconds);
    }

    /// Whether a signature must be of the last or next five minutes of the server's clock; true at first.
    pub fn check_skew(&self, check: bool) {
        self.world(|world| world.check_skew = check);
    }

    /// The calls so far, in the order of their arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().calls.clone()
    }

    /// The calls so far that match.
    pub fn calls_of(&self, which: impl Into<Which>) -> Vec<Call> {
        let which = which.into();
        self.calls().into_iter().filter(|call| which.matches(call)).collect()
    }

    /// How many calls arrived, whatever became of them: `count("AssumeRole")`, `count("*")`.
    pub fn count(&self, which: impl Into<Which>) -> usize {
        self.shared.lock().count(&which.into())
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        self.shared.change(|state| state.calls.clear());
    }

    /// Waits until so many calls have arrived since the start or `clear_calls`; false when `patience` ends first.
    #[must_use]
    pub fn wait_for_calls(&self, which: impl Into<Which>, calls: usize, patience: Duration) -> bool {
        let which = which.into();
        self.shared.wait_until(patience, |state| state.count(&which) >= calls)
    }

    /// Plays the fault on the next matching call.
    pub fn fault_once(&self, which: impl Into<Which>, fault: Fault) {
        self.fault_times(1, which, fault);
    }

    /// Plays the fault on the next `times` matching calls. Rules queue up: an older one is used up first.
    pub fn fault_times(&self, times: usize, which: impl Into<Which>, fault: Fault) {
        self.add_rule(which.into(), fault, Some(times));
    }

    /// Plays the fault on every matching call until `clear_faults`.
    pub fn fault_always(&self, which: impl Into<Which>, fault: Fault) {
        self.add_rule(which.into(), fault, None);
    }

    /// Forgets all faults that were not played yet.
    pub fn clear_faults(&self) {
        self.shared.change(|state| state.rules.clear());
    }

    /// Holds matching calls, noted but not worked on, until the gate is opened or dropped.
    #[must_use]
    pub fn gate(&self, which: impl Into<Which>) -> Gate {
        Gate::close(&self.shared, which.into())
    }

    fn add_rule(&self, which: Which, fault: Fault, left: Option<usize>) {
        self.shared.change(|state| state.rules.push(Rule { which, fault, left }));
    }
}

impl Drop for StrictSts {
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
