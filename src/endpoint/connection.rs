//! One caller of an endpoint: few bytes in, little time, and no more than an answer out.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use http::{Request, StatusCode};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Asked, Reply, Service, is_meant_for, refuse};

/// The longest head of a request, in bytes: a token and an ARN fit many times.
pub const LONGEST_HEAD: usize = 16 * 1024;
/// As many headers may a request have.
const MOST_HEADERS: usize = 64;
/// How long the head of a request may take, the next one on the same connection included.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// How long a connection is kept: it is closed behind the answer that is under way then.
const WHOLE_TIME: Duration = Duration::from_mins(1);
/// How long that answer may still take. A caller that is slower has no use for it.
const LAST_TIME: Duration = Duration::from_secs(5);

/// Answers a caller until one of the two has enough.
pub async fn converse<S: Service>(stream: TcpStream, port: u16, service: Rc<S>) {
    // Small answers must not wait for more to be sent.
    let _ = stream.set_nodelay(true);
    let serve = service_fn(move |request: Request<Incoming>| {
        let service = Rc::clone(&service);
        async move { Ok::<_, std::convert::Infallible>(answer(&*service, request, port).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(LONGEST_HEAD)
        .max_headers(MOST_HEADERS)
        // Who has nothing more to ask may still listen.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), serve);
    let mut connection = pin!(connection);
    // A caller that left, or sent what is no HTTP, is owed nothing.
    if timeout(WHOLE_TIME, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(LAST_TIME, connection).await;
    }
}

async fn answer<S: Service>(service: &S, request: Request<Incoming>, port: u16) -> Reply {
    let has_body = !request.body().is_end_stream();
    let asked: Asked = request.map(|_| ());
    if !is_meant_for(&asked, port) {
        return refuse(StatusCode::FORBIDDEN, "WrongHost", "this endpoint has another name");
    }
    if has_body {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "NoBody", "no body is taken here");
    }
    service.answer(&asked).await
}
