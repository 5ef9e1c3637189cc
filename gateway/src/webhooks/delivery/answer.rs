use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Bytes, body::Incoming, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};

use super::{DeliveryFault, Message, connection::Stream, target::Target};

/// How much of an answer's body is read.
pub const ANSWER_BYTES_MAX: usize = 4096;

/// For the status line and headers of an answer, and for what is read of its body at a time.
const BUFFER_BYTES_MAX: usize = 16 * 1024;

/// The beginning of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// At most [`ANSWER_BYTES_MAX`].
    pub bytes: Vec<u8>,
    /// Whether there was more, or might have been: the connection broke or time ran out.
    pub cut: bool,
}

/// An answer whose head has come. The connection ends with it.
pub(super) struct Answer {
    response: Response<Incoming>,
    // Drives the connection, and is stopped when it is dropped.
    _connection: JoinSet<hyper::Result<()>>,
}

pub(super) async fn request(
    stream: Box<dyn Stream>,
    target: &Target,
    message: &Message,
) -> Result<Answer, DeliveryFault> {
    let request = Request::post(target.path_and_query())
        .header(header::HOST, target.authority())
        .header(header::CONNECTION, "close")
        .header(header::CONTENT_TYPE, "application/json")
        .header(
            header::USER_AGENT,
            concat!("causeway-gateway/", env!("CARGO_PKG_VERSION")),
        )
        .header("webhook-id", &message.headers.id)
        .header("webhook-timestamp", &message.headers.timestamp)
        .header("webhook-signature", &message.headers.signature)
        .body(Full::new(Bytes::from(message.body.clone())))
        .map_err(DeliveryFault::Request)?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(BUFFER_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(DeliveryFault::Http)?;
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request).await.map_err(DeliveryFault::Http)?;
    Ok(Answer {
        response,
        _connection: driver,
    })
}

impl Answer {
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub async fn excerpt(mut self, deadline: Instant) -> Excerpt {
        let mut bytes = Vec::new();
        let body = self.response.body_mut();
        loop {
            let data = match timeout_at(deadline, body.frame()).await {
                Ok(None) => return Excerpt { bytes, cut: false },
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => data,
                    // Trailers; the end is next.
                    Err(_) => continue,
                },
                Ok(Some(Err(_))) | Err(_) => return Excerpt { bytes, cut: true },
            };
            let room = ANSWER_BYTES_MAX - bytes.len();
            if data.len() > room {
                bytes.extend_from_slice(&data[..room]);
                return Excerpt { bytes, cut: true };
            }
            bytes.extend_from_slice(&data);
        }
    }
}
