//! What is read back from a disk: blocks, state, receipts.

#![no_main]

use causeway_contracts::{
    block::{BLOCK_BYTES_MAX, Block, CommitCertificate, Header},
    codec,
    ledger::{Change, STATE_VALUE_BYTES_MAX, receipt::Receipt},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(block) = codec::decode::<Block>(bytes, BLOCK_BYTES_MAX) {
        assert_eq!(codec::encode(&block), bytes, "one encoding");
        let _ = block.id();
    }
    if let Ok(header) = codec::decode::<Header>(bytes, BLOCK_BYTES_MAX) {
        assert_eq!(codec::encode(&header), bytes, "one encoding");
    }
    if let Ok(certificate) = codec::decode::<CommitCertificate>(bytes, 64 * 1024) {
        assert_eq!(codec::encode(&certificate), bytes, "one encoding");
    }
    if let Ok(change) = codec::decode::<Change>(bytes, STATE_VALUE_BYTES_MAX) {
        assert_eq!(codec::encode(&change), bytes, "one encoding");
    }
    if let Ok(receipt) = codec::decode::<Receipt>(bytes, 1024) {
        assert_eq!(codec::encode(&receipt), bytes, "one encoding");
    }
});
