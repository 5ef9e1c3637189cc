//! What people write: genesis files, amounts, addresses, keys, names.

#![no_main]

use causeway_contracts::{
    genesis::Genesis,
    identity::{Address, ParticipantId},
    keys::PublicKey,
    money::{Currency, text::parse_amount},
    proof::PaymentProof,
    transaction::SignedTransaction,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(genesis) = Genesis::parse(text) {
        let again = Genesis::parse(&genesis.to_toml()).expect("what it writes it reads");
        assert_eq!(again.hash(), genesis.hash());
    }
    for exponent in [0, 2, 8] {
        let _ = parse_amount(text, exponent);
    }
    if let Ok(address) = text.parse::<Address>() {
        assert_eq!(address.to_string(), text.to_lowercase());
    }
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.to_string().parse::<PublicKey>().expect("its own text"), key);
    }
    let _ = (Currency::new(text), ParticipantId::new(text));
    let _ = serde_json::from_str::<PaymentProof>(text);
    // As the API takes them.
    for signed in serde_json::from_str::<Vec<SignedTransaction>>(text).unwrap_or_default() {
        let again = serde_json::to_string(&signed).expect("it has a JSON form");
        assert_eq!(
            serde_json::from_str::<SignedTransaction>(&again).expect("its own text"),
            signed
        );
    }
});
