//! Those whom the endpoints hear. Anybody on this machine can connect to a loopback port, and say nothing: whoever was
//! silent for longest makes room for the next one, so that no crowd keeps a good caller out.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::task::{AbortHandle, spawn_local};

use crate::endpoint::{Asked, Reply, Service};

/// How many all endpoints hear at a time.
const MOST: usize = 256;

/// Who is heard.
#[derive(Default)]
pub(super) struct Callers {
    present: RefCell<Vec<Rc<Caller>>>,
    /// How many requests there were: what a caller's silence is measured by.
    requests: Cell<u64>,
    left: Notify,
}

struct Caller {
    /// The request that was its last.
    last: Cell<u64>,
    /// Whether it waits for an answer.
    waits: Cell<bool>,
    task: RefCell<Option<AbortHandle>>,
}

impl Callers {
    /// Returns when there is room for another caller. Those who wait for an answer are not sent away: it comes soon.
    pub(super) async fn make_room(&self) {
        while self.present.borrow().len() >= MOST {
            let silent = self
                .present
                .borrow()
                .iter()
                .filter(|caller| !caller.waits.get())
                .min_by_key(|caller| caller.last.get())
                .cloned();
            match silent {
                Some(caller) => self.send_away(&caller),
                None => self.left.notified().await,
            }
        }
    }

    /// Hears a caller.
    pub(super) fn admit<S: Service + 'static, F: Future<Output = ()> + 'static>(
        self: &Rc<Self>,
        service: &Rc<S>,
        converse: impl FnOnce(Rc<Attentive<S>>) -> F,
    ) {
        let caller =
            Rc::new(Caller { last: Cell::new(self.next()), waits: Cell::new(false), task: RefCell::default() });
        self.present.borrow_mut().push(Rc::clone(&caller));
        let attentive = Attentive { service: Rc::clone(service), callers: Rc::clone(self), caller: Rc::clone(&caller) };
        let conversation = converse(Rc::new(attentive));
        let (callers, present) = (Rc::clone(self), Rc::clone(&caller));
        let task = spawn_local(async move {
            conversation.await;
            callers.remove(&present);
        });
        *caller.task.borrow_mut() = Some(task.abort_handle());
    }

    fn next(&self) -> u64 {
        self.requests.set(self.requests.get() + 1);
        self.requests.get()
    }

    fn send_away(&self, caller: &Rc<Caller>) {
        caller.task.borrow().iter().for_each(AbortHandle::abort);
        self.remove(caller);
    }

    fn remove(&self, caller: &Rc<Caller>) {
        let mut present = self.present.borrow_mut();
        if let Some(place) = present.iter().position(|other| Rc::ptr_eq(other, caller)) {
            present.swap_remove(place);
        }
        self.left.notify_one();
    }
}

/// A service that notes who asks.
pub(super) struct Attentive<S> {
    service: Rc<S>,
    callers: Rc<Callers>,
    caller: Rc<Caller>,
}

impl<S: Service> Service for Attentive<S> {
    async fn answer(&self, asked: &Asked) -> Reply {
        self.caller.last.set(self.callers.next());
        self.caller.waits.set(true);
        let reply = self.service.answer(asked).await;
        self.caller.waits.set(false);
        reply
    }
}
