//! What a client may send as a transaction.

#![no_main]

use causeway_contracts::{block::GenesisHash, codec, ledger, transaction::SignedTransaction};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The prefix that the transaction names, so that more than the first check is passed.
    let mut genesis = [0; 32];
    if let Some(prefix) = bytes.get(1..9) {
        genesis[..8].copy_from_slice(prefix);
    }
    let genesis = GenesisHash(genesis);
    if let Ok(signed) = SignedTransaction::decode(bytes, &genesis) {
        assert_eq!(codec::encode(&signed), bytes, "one encoding");
        assert_eq!(signed.to_bytes().expect("it was decoded"), bytes);
        let _ = (signed.id(), ledger::cost(&signed), signed.verify_signatures());
    }
    // As JSON too.
    if let Ok(signed) = serde_json::from_slice::<SignedTransaction>(bytes)
        && signed.check(&genesis).is_ok()
    {
        let bytes = signed.to_bytes().expect("it passed the check");
        assert_eq!(SignedTransaction::decode(&bytes, &genesis).expect("canonical"), signed);
    }
});
