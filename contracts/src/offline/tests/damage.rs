//! What damaged, forged and overlong messages meet.

use proptest::prelude::*;

use super::arbitrary;
use crate::{
    codec,
    example::{list, small_order_keys},
    keys::{PublicKey, Signature},
    offline::{
        encoding::{Malformed, Writer},
        example::*,
        ids::{Id16, Seq},
        issuer::KeyRole,
        message::{Message, MessageType},
        messages::Transfer,
        signed::{Body, Signed, VERSION},
    },
};

/// Calls `check!(signed, key)` with a message of each type and the key that signed it.
macro_rules! for_each_message {
    ($check:ident) => {
        let issuer = issuer_secret;
        $check!(
            signed(certificate(1), &issuer(KeyRole::Certificate)),
            issuer(KeyRole::Certificate)
        );
        $check!(signed(grant(1), &issuer(KeyRole::Grant)), issuer(KeyRole::Grant));
        $check!(signed(request(2), &purse_secret(2)), purse_secret(2));
        $check!(transfer_of(&[625, 625]), purse_secret(1));
        $check!(signed(receipt(), &purse_secret(2)), purse_secret(2));
        $check!(signed(void(), &purse_secret(2)), purse_secret(2));
        $check!(signed(beacon(), &issuer(KeyRole::Beacon)), issuer(KeyRole::Beacon));
        $check!(signed(delta(3), &issuer(KeyRole::Beacon)), issuer(KeyRole::Beacon));
        $check!(signed(redeem(), &purse_secret(1)), purse_secret(1));
        $check!(signed(load_request(), &purse_secret(1)), purse_secret(1));
        $check!(signed(sync_upload(), &purse_secret(1)), purse_secret(1));
        $check!(signed(sync_answer(), &issuer(KeyRole::Grant)), issuer(KeyRole::Grant));
    };
}

fn verified<M: Body>(_like: &Signed<M>, bytes: &[u8], key: &PublicKey) -> bool {
    Signed::<M>::from_bytes(bytes).is_ok_and(|signed| signed.verify(key).is_ok())
}

#[test]
fn any_flipped_bit_makes_a_message_bad() {
    macro_rules! check {
        ($signed:expr, $key:expr) => {{
            let (signed, key) = ($signed, $key.public_key());
            let bytes = signed.to_bytes();
            assert!(verified(&signed, &bytes, &key));
            for bit in 0..8 * bytes.len() {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(!verified(&signed, &flipped, &key), "bit {bit} of {signed:?}");
            }
        }};
    }
    for_each_message!(check);
}

#[test]
fn parts_of_messages_and_more_than_one_are_refused() {
    macro_rules! check {
        ($signed:expr, $key:expr) => {{
            let signed = $signed;
            let bytes = signed.to_bytes();
            for length in 0..bytes.len() {
                let mut same = signed.clone();
                same.signature = Signature([0; 64]);
                let read = Signed::from_bytes(&bytes[..length]);
                assert_eq!(read.map(|read: Signed<_>| read == same), Err(Malformed::Truncated));
            }
            let mut longer = bytes.clone();
            longer.push(0);
            let read = Signed::from_bytes(&longer);
            assert_eq!(read.map(|read| read == signed), Err(Malformed::Trailing(1)));
        }};
    }
    for_each_message!(check);
}

#[test]
fn integers_in_more_bytes_than_they_need_are_refused() {
    let bytes = |integers: [&[u8]; 2]| {
        let mut writer = Writer::default();
        writer.bytes(&[MessageType::LoadRequest as u8, VERSION]);
        writer.bytes(&[1; 8]);
        integers.iter().for_each(|integer| writer.bytes(integer));
        writer.bytes(&[0, 1]);
        writer.bytes(&[0x80; 16 + 64]);
        writer.into_bytes()
    };
    let read = |integers| Signed::<crate::offline::messages::LoadRequest>::from_bytes(&bytes(integers)).map(drop);
    assert_eq!(read([&[1], &[0xc0, 0x9a, 0x0c]]), Ok(()));
    assert_eq!(read([&[0x81, 0], &[0xc0, 0x9a, 0x0c]]), Err(Malformed::NotMinimal));
    assert_eq!(read([&[1], &[0xc0, 0x9a, 0x8c, 0]]), Err(Malformed::NotMinimal));
    let too_large = [0xff, 0xff, 0xff, 0xff, 0x10];
    assert_eq!(read([&too_large, &[1]]), Err(Malformed::IntegerTooLarge(32)));
    assert_eq!(read([&[1], &[0]]), Err(Malformed::AmountZero));
}

#[test]
fn a_signature_fits_no_other_type() {
    // As alike as two messages of different types can be.
    let redeem = signed(redeem(), &purse_secret(1));
    let transfer = transfer_of(&[1_250]);
    let moved = Signed {
        body: redeem.body.clone(),
        signature: transfer.signature,
    };
    assert!(moved.verify(&purse_secret(1).public_key()).is_err());
    let mut bytes = redeem.to_bytes();
    bytes[0] = MessageType::Transfer as u8;
    assert_eq!(
        Signed::<Transfer>::from_bytes(&bytes).map(drop),
        Err(Malformed::NotAPurse(crate::offline::ids::PurseId([0; 8])))
    );
    // A receipt's signature was not made for the ledger, nor a transaction's for a purse.
    let elsewhere = crate::keys::Signed {
        key: purse_secret(1).public_key(),
        domain: crate::keys::Domain::Transaction,
        message: &transfer.body.to_bytes(),
        signature: transfer.signature,
    };
    assert!(elsewhere.verify().is_err());
}

#[test]
fn keys_of_small_order_and_malleated_signatures_verify_nothing() {
    let mut transfer = transfer_of(&[1_250]);
    assert!(transfer.verify(&purse_secret(1).public_key()).is_ok());
    // S + L, the order of the group, is the same number there.
    let l = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let mut carry = 0;
    for (digit, l) in transfer.signature.0[32..].iter_mut().zip(l) {
        let sum = u16::from(*digit) + u16::from(l) + carry;
        *digit = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert!(transfer.verify(&purse_secret(1).public_key()).is_err());

    for key in small_order_keys() {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(key.as_bytes());
        transfer.signature = Signature(signature);
        assert!(transfer.verify(&key).is_err(), "{key}");
    }
}

#[test]
fn what_makes_no_sense_is_neither_signed_nor_read() {
    let key = purse_secret(1);
    let with = |change: fn(&mut Transfer)| {
        let mut body = transfer(1, 2, spend(1, &[(Id16([1; 16]), 600), (Id16([2; 16]), 650)]));
        change(&mut body);
        body
    };
    let check = |change: fn(&mut Transfer), expected: Malformed| {
        let body = with(change);
        assert_eq!(Signed::sign(body.clone(), &key), Err(expected));
        let signature = Signature([1; 64]);
        let bytes = Signed { body, signature }.to_bytes();
        assert_eq!(Signed::<Transfer>::from_bytes(&bytes), Err(expected));
    };
    check(|it| it.spend.amount.0 = 0, Malformed::AmountZero);
    check(|it| it.spend.amount.0 += 1, Malformed::LotsSum);
    check(|it| it.payee = it.payer, Malformed::PaysItself);
    check(
        |it| it.spend.lots = list(vec![]),
        Malformed::Count {
            actual: 0,
            min: 1,
            max: 4,
        },
    );
    let twice = |it: &mut Transfer| {
        let part = it.spend.lots[0];
        it.spend.lots = list(vec![part, part]);
        it.spend.amount.0 = 1_200;
    };
    check(twice, Malformed::NotAscending);
    let backwards = |it: &mut Transfer| {
        let (one, other) = (it.spend.lots[0], it.spend.lots[1]);
        it.spend.lots = list(vec![other, one]);
    };
    check(backwards, Malformed::NotAscending);
    let nothing_of_a_lot = |it: &mut Transfer| {
        let mut parts = it.spend.lots.to_vec();
        parts[0].amount.0 = 0;
        it.spend.lots = list(parts);
        it.spend.amount.0 = 650;
    };
    check(nothing_of_a_lot, Malformed::AmountZero);
    let more_than_there_is = |it: &mut Transfer| {
        let mut parts = it.spend.lots.to_vec();
        parts[0].amount.0 = u64::MAX;
        it.spend.lots = list(parts);
    };
    check(more_than_there_is, Malformed::LotsSum);
}

#[test]
fn five_lots_are_refused_by_their_count() {
    let mut bytes = transfer_of(&[1, 2, 3, 4]).to_bytes();
    let count = bytes.len() - 64 - 4 * 17 - 1;
    assert_eq!(bytes[count], 4);
    bytes[count] = 5;
    let expected = Malformed::Count {
        actual: 5,
        min: 0,
        max: 4,
    };
    assert_eq!(Signed::<Transfer>::from_bytes(&bytes), Err(expected));
}

#[test]
fn the_ledgers_encoding_holds_messages_by_their_bytes() {
    let transfer = transfer_of(&[1_250]);
    let bytes = codec::encode(&transfer);
    assert_eq!(bytes.len(), 1 + 178);
    assert_eq!(codec::decode(&bytes, 300).as_ref(), Ok(&transfer));
    let json = serde_json::to_string(&transfer).unwrap();
    assert_eq!(json, format!("\"{transfer}\""));
    assert_eq!(serde_json::from_str::<Signed<Transfer>>(&json).unwrap(), transfer);
    let mut claims_more = bytes;
    claims_more[0] = 250;
    assert!(codec::decode::<Signed<Transfer>>(&claims_more, 300).is_err());
    let mut seq = transfer;
    seq.body.seq = Seq(201);
    assert!(seq.verify(&purse_secret(1).public_key()).is_err());
}

proptest! {
    #[test]
    fn invariant_messages_are_read_as_they_were_written(message in arbitrary::message()) {
        let bytes = message.to_bytes();
        prop_assert_eq!(Message::read_all(&bytes, bytes.len()), Ok(vec![message]));
    }

    #[test]
    fn invariant_bytes_that_are_read_are_those_that_are_written(
        message in arbitrary::message(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..4),
    ) {
        let mut bytes = message.to_bytes();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        if let Ok(messages) = Message::read_all(&bytes, 2 * bytes.len()) {
            prop_assert_eq!(Message::concatenate(&messages), bytes);
        }
    }
}
