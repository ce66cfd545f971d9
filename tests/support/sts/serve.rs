//! Connections and the way of one call through the server.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use super::action;
use super::call::Call;
use super::failure::Failure;
use super::fault::Fault;
use super::gate;
use super::http::{Connection, ReadError, Request};
use super::query;
use super::reply::Answer;
use super::state::{Shared, State};

/// What happens to the connection next.
enum Ending {
    Send(Vec<u8>),
    SendAndClose(Vec<u8>),
    HangUp,
}

/// Accepts until the server stops; one thread a connection.
pub(super) fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.lock().stopping {
            return;
        }
        let Ok(stream) = stream else { continue };
        let Some(number) = register(shared, &stream) else {
            continue;
        };
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            converse(&shared, Connection::new(stream));
            shared.change(|state| state.open.remove(&number));
        });
    }
}

fn register(shared: &Shared, stream: &TcpStream) -> Option<u64> {
    // Without it a reply can wait 40 ms for the client's delayed acknowledgement.
    stream.set_nodelay(true).ok()?;
    let copy = stream.try_clone().ok()?;
    shared.change(|state| {
        // Asked again under the lock: a connection that came in after the cut would never be cut.
        (!state.stopping).then(|| {
            state.connections += 1;
            state.open.insert(state.connections, copy);
            state.connections
        })
    })
}

fn converse(shared: &Shared, mut connection: Connection) {
    loop {
        let ending = match connection.read() {
            Ok(request) => answer(shared, &request),
            Err(ReadError::Closed) => return,
            Err(ReadError::Refused(status, why)) => {
                Ending::SendAndClose(refusal(shared, Failure::new(status, "MalformedRequest", why), false))
            }
        };
        let (bytes, more) = match ending {
            Ending::Send(bytes) => (bytes, true),
            Ending::SendAndClose(bytes) => (bytes, false),
            Ending::HangUp => return,
        };
        if connection.send(&bytes).is_err() || !more {
            return;
        }
    }
}

/// One call: noted, held, delayed, done, falsified, answered.
fn answer(shared: &Shared, request: &Request) -> Ending {
    let params = match params(request) {
        Ok(params) => params,
        Err(failure) => return end(request, refusal(shared, failure, request.keep_alive)),
    };
    let (call, fault) = arrive(shared, request, params);
    let (outcome, ending) = play(shared, request, &call, fault.as_ref());
    shared.change(|state| state.finish(call.id, &outcome));
    ending
}

fn params(request: &Request) -> Result<BTreeMap<String, String>, Failure> {
    if request.path != "/" {
        return Err(Failure::new(404, "UnknownOperationException", "There is nothing at this path"));
    }
    let malformed =
        || Failure::new(400, "MalformedQueryString", "The query string does not decode, or names a parameter twice");
    let body = std::str::from_utf8(&request.body).map_err(|_| malformed())?;
    match request.method.as_str() {
        "POST" if request.query.is_empty() => query::params(body).ok_or_else(malformed),
        "GET" if body.is_empty() => query::params(&request.query).ok_or_else(malformed),
        "POST" | "GET" => Err(malformed()),
        _ => Err(Failure::new(405, "UnsupportedHttpVerb", "Only POST and GET")),
    }
}

/// Notes the call, and only then holds and delays it.
fn arrive(shared: &Shared, request: &Request, params: BTreeMap<String, String>) -> (Call, Option<Fault>) {
    let (call, delay, fault) = shared.change(|state| {
        let request_id = state.world.random.request_id();
        let mut call = Call::new(state.next_id(), request, params, request_id);
        let (delay, fault) = state.draw_faults(&call);
        call.fault.clone_from(&fault);
        state.calls.push(call.clone());
        (call, delay, fault)
    });
    gate::pass(shared, &call);
    if !delay.is_zero() {
        shared.pause(delay);
    }
    (call, fault)
}

/// The call's outcome, and what becomes of the connection.
fn play(shared: &Shared, request: &Request, call: &Call, fault: Option<&Fault>) -> (String, Ending) {
    match fault {
        Some(Fault::DropBefore) => return ("fault".to_owned(), Ending::HangUp),
        Some(Fault::Hang) => {
            shared.wait_for(|_| false);
            return ("fault".to_owned(), Ending::HangUp);
        }
        _ => {}
    }
    let (answer, now) = shared.change(|state| work(state, request, call, fault));
    let mut response = answer.response(&call.request_id, now);
    if fault == Some(&Fault::TruncatedXml) {
        response.body.truncate(response.body.len() / 2);
    }
    let bytes = response.bytes(request.keep_alive);
    let ending = match fault {
        Some(Fault::DropAfter) => Ending::HangUp,
        Some(Fault::DropMidBody) => Ending::SendAndClose(bytes[..bytes.len() - response.body.len() / 2].to_vec()),
        _ => end(request, bytes),
    };
    (answer.outcome, ending)
}

/// Keeps the connection if the client wishes so.
fn end(request: &Request, bytes: Vec<u8>) -> Ending {
    if request.keep_alive { Ending::Send(bytes) } else { Ending::SendAndClose(bytes) }
}

/// The answer, true or false, and the server's time.
fn work(state: &mut State, request: &Request, call: &Call, fault: Option<&Fault>) -> (Answer, i64) {
    let instead = fault.and_then(|fault| fault.instead_of_work(&call.request_id));
    let mut answer = instead.unwrap_or_else(|| match action::perform(&mut state.world, request, &call.params) {
        Ok(result) => Answer::done(call, result),
        Err(failure) => Answer::refused(failure, &call.request_id).for_call(call),
    });
    if let Some(fault) = fault.filter(|_| answer.outcome == "ok") {
        fault.falsify(&mut answer, &mut state.world);
    }
    (answer, state.world.now())
}

/// The bytes that refuse a request which is no call.
fn refusal(shared: &Shared, failure: Failure, keep_alive: bool) -> Vec<u8> {
    let (request_id, now) = shared.change(|state| (state.world.random.request_id(), state.world.now()));
    Answer::refused(failure, &request_id).response(&request_id, now).bytes(keep_alive)
}
