//! Questions to one peer and their answers: each a length (4 bytes, big-endian) and as many bytes, on
//! a substream of its own. A substream that ends without an answer is a refusal.

use std::{io, time::Duration};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::{
    StreamProtocol,
    request_response::{self, ProtocolSupport},
};

use causeway_consensus::wire::{FETCH_REQUEST_BYTES_MAX, FETCH_RESPONSE_BYTES_MAX};

pub const FETCH_PROTOCOL: StreamProtocol = StreamProtocol::new("/causeway/fetch/1");

/// From the question to the last byte of the answer.
pub const FETCH_TIME_MAX: Duration = Duration::from_secs(3);

/// Of this node, under way to one peer.
pub const FETCHES_PER_PEER_MAX: usize = 8;

/// Of this node, under way in all.
pub const FETCHES_MAX: usize = 64;

/// Of one peer, being answered.
pub const SERVES_PER_PEER_MAX: usize = 4;

/// Of all peers, being answered.
pub const SERVES_MAX: usize = 32;

pub type Behaviour = request_response::Behaviour<Codec>;
pub type Event = request_response::Event<Vec<u8>, Vec<u8>>;

pub fn behaviour() -> Behaviour {
    let config = request_response::Config::default()
        .with_request_timeout(FETCH_TIME_MAX)
        .with_max_concurrent_streams(FETCHES_PER_PEER_MAX + 2 * SERVES_PER_PEER_MAX);
    Behaviour::with_codec(Codec, [(FETCH_PROTOCOL, ProtocolSupport::Full)], config)
}

#[derive(Debug, Clone, Copy)]
pub struct Codec;

impl request_response::Codec for Codec {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io, FETCH_REQUEST_BYTES_MAX).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io, FETCH_RESPONSE_BYTES_MAX).await
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, request: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &request).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, response: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &response).await
    }
}

async fn read(io: &mut (impl AsyncRead + Unpin + Send), bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    io.read_exact(&mut length).await?;
    let length = u32::from_be_bytes(length) as usize;
    if length > bytes_max {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // Grows with what arrives: a claim of eight megabytes alone costs nothing.
    let mut bytes = Vec::new();
    io.take(length as u64).read_to_end(&mut bytes).await?;
    if bytes.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

async fn write(io: &mut (impl AsyncWrite + Unpin + Send), bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).expect("checked against its bound before");
    io.write_all(&length.to_be_bytes()).await?;
    io.write_all(bytes).await?;
    io.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Result<&[u8], io::ErrorKind>) {
        let read = futures::executor::block_on(read(&mut futures::io::Cursor::new(bytes), 4));
        assert_eq!(read.as_deref().map_err(io::Error::kind), expected, "of {bytes:?}");
    }

    #[test]
    fn a_message_is_a_length_and_as_many_bytes() {
        check(&[0, 0, 0, 0], Ok(&[]));
        check(&[0, 0, 0, 4, 1, 2, 3, 4, 5], Ok(&[1, 2, 3, 4]));
        check(&[], Err(io::ErrorKind::UnexpectedEof));
        check(&[0, 0, 0], Err(io::ErrorKind::UnexpectedEof));
        check(&[0, 0, 0, 4, 1, 2, 3], Err(io::ErrorKind::UnexpectedEof));
        check(&[0, 0, 0, 5, 1, 2, 3, 4, 5], Err(io::ErrorKind::InvalidData));
        check(&[255, 255, 255, 255], Err(io::ErrorKind::InvalidData));

        let mut written = futures::io::Cursor::new(Vec::new());
        futures::executor::block_on(write(&mut written, &[7, 8])).unwrap();
        assert_eq!(written.into_inner(), [0, 0, 0, 2, 7, 8]);
    }
}
