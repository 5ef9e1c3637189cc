//! What a purse may be given by another, by its issuer's service or by its own memory, and the service by a purse: every
//! kind of message alone and in a row, bundles, proofs, payloads, both directions of a sync, a purse's whole state.

#![no_main]

use causeway_contracts::offline::{
    bundle::{BUNDLE_BYTES_MAX, Bundle},
    fraud::FraudProof,
    message::Message,
    purse::{PurseState, sync::Download},
};
use causeway_wallet::offline::{
    issuer::upload::{OTHERS_MAX, Upload},
    payload::{self, Kind},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let messages = Message::read_all(bytes, 2 * BUNDLE_BYTES_MAX);
    if let Ok(messages) = &messages {
        assert_eq!(Message::concatenate(messages), bytes, "one encoding");
    }
    if let Ok(bundle) = Bundle::from_bytes(bytes) {
        assert_eq!(bundle.to_bytes(), bytes, "one order");
    }
    if let Ok(proof) = FraudProof::from_bytes(bytes) {
        assert_eq!(proof.to_bytes(), bytes, "one proof");
        let _ = proof.verify();
    }
    if let Ok(state) = PurseState::from_bytes(bytes) {
        assert_eq!(state.to_bytes(), bytes, "one encoding");
        assert!(state.may_follow(&state), "a command may change nothing");
        let _ = (state.status(), state.sync_upload(), state.last_redemption());
    }
    if let Ok(Download { answer, news, .. }) = Download::from_bytes(bytes) {
        assert!(news.len() < bytes.len() && !answer.to_bytes().is_empty());
    }
    payloads(bytes);
    if let Ok([Message::SyncUpload(sync), rest @ ..]) = messages.as_deref()
        && let Ok(upload) = Upload::read(sync.body.purse, bytes)
    {
        assert!(upload.testimonies.len() + upload.spent.len() <= 2 * rest.len());
        assert!(upload.others().len() <= OTHERS_MAX);
    }
});

/// What is of one kind is of no other.
fn payloads(bytes: &[u8]) {
    let kinds = [Kind::Request, Kind::Payment, Kind::Answer];
    let of_kind = kinds.map(|kind| payload::check(bytes, kind).is_ok());
    assert!(of_kind.iter().filter(|is_of| **is_of).count() <= 1);
    if let Ok((request, certificate)) = payload::request(bytes) {
        assert_eq!([request.to_bytes(), certificate.to_bytes()].concat(), bytes);
    }
    if let Ok(answer) = payload::answer(bytes) {
        assert_eq!(answer.to_bytes(), bytes);
    }
}
