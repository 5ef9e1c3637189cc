//! What a client may post to a node: one transaction, many, either as JSON; and how it signs a request to read.

#![no_main]

use causeway_contracts::{
    api::{
        ReadRequest, SUBMIT_TRANSACTIONS_MAX,
        submission::{decode_many, decode_one},
    },
    block::{GenesisHash, TimeMs},
    codec::{self, Text},
    keys::{PublicKey, Signature},
    transaction::SignedTransaction,
};
use libfuzzer_sys::fuzz_target;

const GENESIS: GenesisHash = GenesisHash([7; 32]);

fuzz_target!(|bytes: &[u8]| {
    let Some((form, body)) = bytes.split_first() else {
        return;
    };
    match form % 4 {
        0 => {
            if let Ok(signed) = decode_one(body) {
                assert_eq!(codec::encode(&signed), body, "one encoding");
            }
        }
        1 => {
            if let Ok(transactions) = decode_many(body) {
                assert!((1..=SUBMIT_TRANSACTIONS_MAX).contains(&transactions.len()));
                let mut again = Vec::new();
                for signed in &transactions {
                    let bytes = codec::encode(signed);
                    again.extend((bytes.len() as u32).to_be_bytes());
                    again.extend(bytes);
                    check(signed);
                }
                assert_eq!(again, body, "one encoding");
            }
        }
        2 => {
            if let Ok(transactions) = serde_json::from_slice::<Vec<SignedTransaction>>(body) {
                transactions.iter().for_each(check);
            }
            if let Ok(signed) = serde_json::from_slice::<SignedTransaction>(body) {
                check(&signed);
            }
        }
        _ => read_request(body),
    }
});

fn check(signed: &SignedTransaction) {
    let _ = (signed.id(), signed.check(&GENESIS));
}

/// Lines of a key, a time, a signature and a path, as the headers of a request have them.
fn read_request(body: &[u8]) {
    let Ok(text) = std::str::from_utf8(body) else { return };
    let mut lines = text.splitn(4, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (key, time, signature, path) = (next(), next(), next(), next());
    let (key, signature) = (key.parse::<PublicKey>(), signature.parse::<Signature>());
    if let Ok(signature) = &signature {
        assert_eq!(signature.to_string().parse().as_ref(), Ok(signature));
    }
    let (Ok(key), Ok(time_ms), Ok(signature), Ok(path)) = (key, time.parse(), signature, Text::new(path)) else {
        return;
    };
    let request = ReadRequest {
        genesis: GENESIS,
        path,
        time_ms: TimeMs(time_ms),
    };
    let _ = request.verify(key, signature);
}
