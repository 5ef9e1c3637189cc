//! What a node, perhaps one that lies, answers a wallet.

#![no_main]

use std::fmt::Debug;

use causeway_contracts::{
    api::{BlockView, Handovers, Nodes, Problem, Status, StreamedBlock, Submitted, TransactionView, Validators},
    proof::PaymentProof,
    statement::SignedStatement,
};
use libfuzzer_sys::fuzz_target;
use serde::{Serialize, de::DeserializeOwned};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, text)) = bytes.split_first() else {
        return;
    };
    match kind % 11 {
        0 => same::<Status>(text),
        1 => same::<Nodes>(text),
        2 => same::<Handovers>(text),
        3 => same::<Submitted>(text),
        4 => same::<TransactionView>(text),
        5 => same::<BlockView>(text),
        6 => same::<StreamedBlock>(text),
        7 => same::<Validators>(text),
        8 => same::<Problem>(text),
        9 => same::<SignedStatement>(text),
        _ => same::<PaymentProof>(text),
    }
});

/// What was read is read again from its own text.
fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(text) {
        let again = serde_json::to_string(&value).expect("it has a JSON form");
        assert_eq!(serde_json::from_str::<T>(&again).expect("its own text"), value);
    }
}
