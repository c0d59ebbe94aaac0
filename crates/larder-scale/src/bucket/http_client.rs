//! Requests of the crate `object_store`, sent by `ureq`: the HTTP client that is built into larder anyway.
//!
//! `ureq` blocks, so a request has a thread of the runtime's own for as long as it takes; a body comes through a channel as it is
//! read.

use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ClientOptions, Result};
use tokio::sync::{mpsc, oneshot};
use ureq::Agent;

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest wait for an answer once the request is sent, and between two pieces of it.
const ANSWER: Duration = Duration::from_secs(60);
/// The longest time that a request is being sent.
const SEND: Duration = Duration::from_secs(300);
/// Bytes of a body that are read at once.
const CHUNK: usize = 256 << 10;
/// Chunks that wait for their reader.
const WAITING: usize = 8;

/// Makes clients.
#[derive(Debug)]
pub(super) struct UreqConnector;

#[derive(Debug)]
struct UreqService(Agent);

impl HttpConnector for UreqConnector {
    fn connect(&self, _: &ClientOptions) -> Result<HttpClient> {
        let config = Agent::config_builder()
            // The store's library reads them.
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT))
            .timeout_send_body(Some(SEND))
            .timeout_recv_response(Some(ANSWER))
            .timeout_per_read(Some(ANSWER))
            .build();
        Ok(HttpClient::new(UreqService(config.new_agent())))
    }
}

#[async_trait]
impl HttpService for UreqService {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let (send_head, head) = oneshot::channel();
        let agent = self.0.clone();
        tokio::task::spawn_blocking(move || {
            let response = match send(&agent, parts, &body) {
                Ok(response) => response,
                Err(error) => return drop(send_head.send(Err(failure(error)))),
            };
            let (parts, body) = response.into_parts();
            let (send, chunks) = mpsc::channel(WAITING);
            let body_of = HttpResponseBody::new(ChunkBody(chunks));
            if send_head.send(Ok(HttpResponse::from_parts(parts, body_of))).is_ok() {
                forward(body.into_reader(), &send);
            }
        });
        let lost = |error| HttpError::new(HttpErrorKind::Interrupted, error);
        head.await.map_err(lost)?
    }
}

fn send(
    agent: &Agent,
    parts: http::request::Parts,
    body: &Bytes,
) -> std::result::Result<http::Response<ureq::Body>, ureq::Error> {
    match body.is_empty() && !matches!(parts.method, http::Method::PUT | http::Method::POST) {
        true => agent.run(http::Request::from_parts(parts, ())),
        false => agent.run(http::Request::from_parts(parts, body.as_ref())),
    }
}

/// Hands the body over in chunks, until its end, an error, or until nobody wants it any more.
fn forward(mut body: impl Read, send: &mpsc::Sender<std::result::Result<Bytes, HttpError>>) {
    loop {
        let mut chunk = vec![0; CHUNK];
        let read = match body.read(&mut chunk) {
            Ok(0) => return,
            Ok(read) => Ok(read),
            Err(error) => Err(HttpError::new(HttpErrorKind::Interrupted, error)),
        };
        let is_last = read.is_err();
        let chunk = read.map(|read| {
            chunk.truncate(read);
            chunk.into()
        });
        if send.blocking_send(chunk).is_err() || is_last {
            return;
        }
    }
}

fn failure(error: ureq::Error) -> HttpError {
    let kind = match &error {
        ureq::Error::Timeout(_) => HttpErrorKind::Timeout,
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => HttpErrorKind::Connect,
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => HttpErrorKind::Connect,
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => HttpErrorKind::Timeout,
        ureq::Error::Io(_) | ureq::Error::Protocol(_) => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}

/// A body whose chunks come through a channel.
struct ChunkBody(mpsc::Receiver<std::result::Result<Bytes, HttpError>>);

impl Body for ChunkBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, HttpError>>> {
        self.get_mut().0.poll_recv(context).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}
