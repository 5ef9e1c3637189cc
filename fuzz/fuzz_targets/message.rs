//! What a validator may say about the next block.

#![no_main]

use causeway_consensus::Message;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = Message::decode(bytes) {
        assert_eq!(message.encode(), bytes, "one encoding");
        let _ = (message.height(), message.round());
    }
});
