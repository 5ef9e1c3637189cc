//! A request is under way until its answer has been handed to the connection.
//!
//! Until then its body is kept too, read or not. What is left of a chunked body that was let go is read to its
//! end by actix-http (3.20), however much comes and however slowly; of one that is still there it reads for a
//! second, so that the client sees the answer, and closes the connection.

use std::{
    cell::RefCell,
    error::Error,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{
    HttpMessage,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Bytes,
};
use futures::{Stream, stream};

use super::{server::Connection, shares::UnderWay};

/// An answer, and what is held until it is sent or given up.
pub(super) struct Held {
    answer: BoxBody,
    _body: Rc<RefCell<Payload>>,
    _under_way: Option<UnderWay>,
}

pub(super) async fn hold<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Held>, actix_web::Error> {
    let connection = request.conn_data::<Connection>();
    let under_way = connection.map(|connection| connection.share.begin());
    let body = Rc::new(RefCell::new(request.take_payload()));
    let shared = Rc::clone(&body);
    let chunks = stream::poll_fn(move |context| Pin::new(&mut *shared.borrow_mut()).poll_next(context));
    request.set_payload(Payload::Stream {
        payload: Box::pin(chunks),
    });
    let response = next.call(request).await?;
    Ok(response.map_body(|_, answer| Held {
        answer: BoxBody::new(answer),
        _body: body,
        _under_way: under_way,
    }))
}

impl MessageBody for Held {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.answer).poll_next(context)
    }
}
