//! The bytes of a link: a hello, then frames of three lanes, put together into payloads.

#![no_main]

use causeway_consensus::frame::{Assembler, FRAME_BYTES_MAX, HEADER_BYTES, HELLO_BYTES, Hello, append_frame};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((hello, mut bytes)) = bytes.split_first_chunk::<HELLO_BYTES>() else {
        return;
    };
    if let Ok(decoded) = Hello::decode(hello) {
        assert_eq!(&decoded.encode(), hello, "one encoding");
    }
    let mut assembler = Assembler::default();
    while let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() {
        let Ok((lane, place)) = assembler.open(header) else {
            return;
        };
        assert!(place.len() + HEADER_BYTES <= FRAME_BYTES_MAX);
        // What is missing at the end would still be waited for.
        let Some((body, rest)) = rest.split_at_checked(place.len()) else {
            return;
        };
        place.copy_from_slice(body);
        let frame_bytes = body.len() + HEADER_BYTES;
        if let Some(payload) = assembler.complete(lane) {
            assert!(payload.len() <= lane.payload_bytes_max());
            let mut frame = Vec::new();
            let sent = payload.len() - body.len();
            assert_eq!(append_frame(&mut frame, lane, &payload, sent), payload.len());
            assert_eq!(frame[HEADER_BYTES..], *body);
            assert_eq!(frame[..HEADER_BYTES], *header, "its last frame has one encoding");
            assert_eq!(frame.len(), frame_bytes);
        }
        bytes = rest;
    }
});
