//! What one purse may be given by another.

#![no_main]

use causeway_contracts::offline::{
    bundle::{BUNDLE_BYTES_MAX, Bundle},
    fraud::FraudProof,
    message::Message,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(messages) = Message::read_all(bytes, 2 * BUNDLE_BYTES_MAX) {
        assert_eq!(Message::concatenate(&messages), bytes, "one encoding");
    }
    if let Ok(bundle) = Bundle::from_bytes(bytes) {
        assert_eq!(bundle.to_bytes(), bytes, "one order");
    }
    if let Ok(proof) = FraudProof::from_bytes(bytes) {
        assert_eq!(proof.to_bytes(), bytes, "one proof");
    }
});
