//! Every type comes back from its bytes and its JSON; damaged bytes are refused or are another
//! value's only bytes.

use std::fmt::Debug;

use bincode::{Decode, Encode};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use super::values;
use crate::codec::{decode, encode, encoded_len};

/// What happens to bytes on the way.
#[derive(Debug, Clone)]
enum Damage {
    Cut(prop::sample::Index),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Append(Vec<u8>),
    Replace(Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    // Varint markers are where lengths go wrong.
    let byte = || prop_oneof![any::<u8>(), 0xfb..=0xffu8, 0..4u8];
    prop_oneof![
        at().prop_map(Damage::Cut),
        (at(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (at(), byte()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        at().prop_map(Damage::Remove),
        prop::collection::vec(byte(), 1..9).prop_map(Damage::Append),
        prop::collection::vec(byte(), 0..200).prop_map(Damage::Replace),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Append(more) => bytes.extend_from_slice(more),
            Self::Replace(all) => bytes.clone_from(all),
            Self::Insert(at, byte) => bytes.insert(at.index(bytes.len() + 1), *byte),
            _ if bytes.is_empty() => {}
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Flip(at, bit) => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Self::Remove(at) => {
                bytes.remove(at.index(bytes.len()));
            }
        }
    }
}

fn check_bytes<T: Encode + Decode<()> + PartialEq + Debug>(value: &T, damages: &[Damage]) {
    let mut bytes = encode(value);
    assert_eq!(encoded_len(value), bytes.len());
    assert_eq!(decode::<T>(&bytes, bytes.len()).as_ref(), Ok(value));
    for damage in damages {
        damage.apply(&mut bytes);
        if let Ok(other) = decode::<T>(&bytes, bytes.len()) {
            assert_eq!(encode(&other), bytes, "one byte string for each value");
        }
    }
}

fn check_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let json = serde_json::to_string(value).expect("every value has a JSON form");
    let read: T = serde_json::from_str(&json).expect("what was written can be read");
    assert_eq!(&read, value, "{json}");
}

macro_rules! round_trips {
    ($check_json:expr; $($name:ident: $values:expr;)+) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(128))]
            $(
                #[test]
                fn $name(value in $values, damages in prop::collection::vec(damage(), 1..6)) {
                    check_bytes(&value, &damages);
                    $check_json(&value);
                }
            )+
        }
    };
}

mod invariant_bytes_and_json_give_the_value_back {
    use super::*;

    round_trips! { check_json;
        amount: values::amount();
        balance: values::balance();
        currency: values::currency();
        participant_id: values::participant_id();
        key: values::key();
        signature: values::fixed(crate::keys::Signature);
        tx_id: values::fixed(crate::transaction::TxId);
        nonce: values::number().prop_map(crate::transaction::Nonce);
        seconds: values::number().prop_map(crate::transaction::UnixSeconds);
        tier: values::tier();
        reason: values::reason();
        height: values::height();
        time: values::time();
        policy: values::policy();
        participant: values::participant();
        currency_record: values::currency_record();
        parameters: values::parameters();
        council_action: values::council_action();
        scope: values::scope();
        action: values::action();
        settlement_action: super::super::settlement::settlement_action();
        condition: super::super::settlement::condition();
        transaction: values::transaction();
        signed_transaction: values::signed_transaction();
        header: values::header();
        block: values::block();
        batch: values::batch();
        certificate: values::certificate();
        evidence: values::evidence();
        evidence_record: values::evidence_record();
        validators: values::validators();
        rotation: values::rotation();
        rejection: values::rejection();
        skip: values::skip();
        outcome: values::outcome();
        receipt: values::receipt();
        path: values::path();
        freeze: values::freeze();
        status: values::status();
        account_view: values::account_view();
        answer: values::answer();
        statement: values::statement();
        signed_statement: values::signed_statement();
        prefix: values::prefix();
        genesis: values::genesis();
        text: values::text::<40>();
    }
}

mod invariant_bytes_give_the_value_back {
    use super::*;

    round_trips! { |_| ();
        vote_kind: values::vote_kind();
        contract: super::super::settlement::contract();
        signed_batch: values::signed_batch();
        read_request: values::read_request();
    }
}
