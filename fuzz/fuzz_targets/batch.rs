//! What a validator may send as a batch.

#![no_main]

use causeway_contracts::{block::BatchBytes, codec};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(raw) = BatchBytes::new(bytes.into()) else {
        return;
    };
    if let Ok((batch, signature)) = raw.decode() {
        assert_eq!(codec::encode(&batch.under(signature)), bytes, "one encoding");
        assert_eq!(batch.digest(), batch.batch().digest());
        assert_eq!(batch.ids().len(), batch.batch().transactions.len());
    }
});
