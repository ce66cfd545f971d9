//! The agent itself: listens, answers its own user, and ends cleanly.
//!
//! Everything happens on one thread.

mod answer;
mod claim;
mod conversation;
mod keys;
mod live;

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;

use crate::agent::AgentError;
use crate::lock::boot_clock;

use claim::{Claim, Claimed, Socket};
use keys::Keys;
use live::Sessions;

/// How many callers are heard at a time; others wait in the system's queue.
const MOST_CONNECTIONS: usize = 256;
/// How often an agent looks whether its socket is still its own, and its keys are still wanted.
const TICK: Duration = Duration::from_secs(5);
/// What an agent that could not accept a connection waits before it tries again.
const PAUSE: Duration = Duration::from_millis(100);

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// This process was the agent, and is so no longer.
    Ended,
    /// Another process is the agent.
    RunsAlready {
        /// That process.
        pid: u32,
    },
}

/// Is the agent at `socket`, until it is told to end; drops each key that was not used for as long as `idle`. `ready` is
/// called once callers can connect.
///
/// # Errors
/// The socket cannot be used.
pub fn serve(socket: &Path, idle: Duration, ready: impl FnOnce()) -> Result<Served, AgentError> {
    let claim = match Claim::stake(socket)? {
        Claimed::Ours(claim) => claim,
        Claimed::Others { pid } => return Ok(Served::RunsAlready { pid }),
    };
    let failed = |error: std::io::Error| AgentError::socket(socket, &error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(failed)?;
    // What listens must be made, and what ends it be heard, inside the runtime.
    let _inside = runtime.enter();
    let (socket, listener) = claim.listen()?;
    let listener = UnixListener::from_std(listener).map_err(failed)?;
    let live = Rc::new(Sessions::beside(socket.path()));
    let agent = Rc::new(Agent::new(socket, Keys::new(idle), live));
    let tasks = LocalSet::new();
    let ended = runtime.block_on(tasks.run_until(Rc::clone(&agent).run(listener, ready))).map_err(failed);
    agent.close();
    ended.map(|()| Served::Ended)
}

/// What the tasks of an agent share.
struct Agent {
    keys: RefCell<Keys>,
    live: Rc<Sessions>,
    socket: Socket,
    /// How many callers there are.
    connections: Cell<usize>,
    /// The bytes of the long requests that are being read.
    long_requests: Cell<usize>,
    /// A caller has left.
    left: Notify,
    /// It is time to end.
    end: Notify,
}

impl Agent {
    fn new(socket: Socket, keys: Keys, live: Rc<Sessions>) -> Self {
        let (connections, long_requests) = (Cell::new(0), Cell::new(0));
        let (left, end) = (Notify::new(), Notify::new());
        Self { keys: RefCell::new(keys), live, socket, connections, long_requests, left, end }
    }

    async fn run(self: Rc<Self>, listener: UnixListener, ready: impl FnOnce()) -> std::io::Result<()> {
        for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
            let (agent, mut told) = (Rc::clone(&self), signal(kind)?);
            spawn_local(async move {
                told.recv().await;
                agent.end.notify_one();
            });
        }
        spawn_local(Rc::clone(&self).watch());
        spawn_local(Rc::clone(&self).accept(listener));
        ready();
        self.end.notified().await;
        Ok(())
    }

    /// Ends where the socket is no longer this agent's, and drops keys whose time has come. The clock of the boot goes on
    /// while the machine sleeps, this task does not: it looks often.
    async fn watch(self: Rc<Self>) {
        while self.socket.is_own() {
            let left = self.keys.borrow_mut().drop_unused(boot_clock());
            sleep(left.map_or(TICK, |left| left.min(TICK))).await;
        }
        self.end.notify_one();
    }

    async fn accept(self: Rc<Self>, listener: UnixListener) {
        loop {
            while self.is_full() {
                self.left.notified().await;
            }
            match listener.accept().await {
                Ok((stream, _)) if is_own_user(&stream) => {
                    let caller = Caller::new(&self);
                    spawn_local(async move { caller.agent.converse(stream).await });
                }
                // Another user learns nothing, not even why.
                Ok(_) => {}
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    fn is_full(&self) -> bool {
        self.connections.get() >= MOST_CONNECTIONS
    }

    /// Whether those who are silent should make room for others: while there is some, so that it never takes long.
    fn is_crowded(&self) -> bool {
        self.connections.get() > MOST_CONNECTIONS / 2
    }

    /// Leaves nothing behind, whoever still has a hold of this.
    fn close(&self) {
        self.keys.borrow_mut().drop_all();
        self.live.end_all();
        self.socket.remove();
    }
}

fn is_own_user(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::geteuid().as_raw())
}

/// Counts as long as it lives.
struct Caller {
    agent: Rc<Agent>,
}

impl Caller {
    fn new(agent: &Rc<Agent>) -> Self {
        agent.connections.set(agent.connections.get() + 1);
        Self { agent: Rc::clone(agent) }
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.agent.connections.set(self.agent.connections.get().saturating_sub(1));
        self.agent.left.notify_one();
    }
}
