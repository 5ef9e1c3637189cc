//! Key blocks: any text is refused or has a header that can be wrapped under, and the key comes out of that again.

#![no_main]

use causeway_cards::crypto::tr31::{Header, RANDOM_BYTES, unwrap, wrap};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (protection, key) = ([0x11; 16], [0x22; 16]);
    let _key = unwrap(&protection, text);
    let Ok((header, end)) = Header::parse(text) else {
        return;
    };
    assert!(end <= text.len());
    // Longer ones do not fit into a key block.
    if let Ok(block) = wrap(&protection, &header, &key, None, &[0x33; RANDOM_BYTES]) {
        let again = unwrap(&protection, &block).expect("what was wrapped can be unwrapped");
        assert!(again.key.as_slice() == key && again.header.blocks() == header.blocks());
    }
});
