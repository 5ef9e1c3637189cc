//! What else validators tell and ask each other.

#![no_main]

use causeway_consensus::wire::{FetchRequest, FetchResponse, PeerStatus};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(status) = PeerStatus::decode(bytes) {
        assert_eq!(status.encode(), bytes, "one encoding");
    }
    if let Ok(request) = FetchRequest::decode(bytes) {
        assert_eq!(request.encode(), bytes, "one encoding");
    }
    if let Ok(response) = FetchResponse::decode(bytes) {
        assert_eq!(response.encode(), bytes, "one encoding");
    }
});
