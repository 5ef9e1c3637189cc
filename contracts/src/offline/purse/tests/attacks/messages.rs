//! Messages that were changed, made up, or come again.

use super::*;
use crate::{
    example::small_order_keys,
    keys::{Domain, PublicKey, SecretKey, Signature},
    offline::{
        issuer::{IssuerKey, IssuerKeys},
        messages::PaymentStatus,
        purse::{refusal::Table, request::SignedAnswer},
        refusal::Refusal,
        signed::Body,
    },
};

#[test]
fn attack_01_any_flipped_bit_is_refused_and_changes_nothing() {
    let mut tap = Tap::of(1_250);
    let before = tap.payee.state.clone();
    for bit in 0..tap.bundle.len() * 8 {
        let mut flipped = tap.bundle.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let refusal = tap.payee.accept(&flipped).expect_err("it was changed");
        let word = refusal.status_word();
        // What breaks the encoding, or names a payer without certificate, never comes to signatures.
        let is_broken = [StatusWord::MALFORMED, StatusWord::PROVENANCE].contains(&word);
        assert!(word == StatusWord::SIGNATURE || is_broken, "bit {bit}: {refusal}");
        assert_eq!(tap.payee.state, before);
    }
    let last = tap.bundle.len() - 1;
    for at in [last - 63, last - 31, last] {
        let mut flipped = tap.bundle.clone();
        flipped[at] ^= 1;
        tap.payee.refuses(StatusWord::SIGNATURE, |it| it.accept(&flipped));
    }
}

#[test]
fn attack_01_a_changed_receipt_request_grant_or_beacon_is_refused() {
    let mut tap = Tap::of(1_250);
    let mut receipt = tap.payee.accept(&tap.bundle).unwrap();
    receipt.body.transfer.0[0] ^= 1;
    tap.payer.refuses(StatusWord::SIGNATURE, |it| it.receipt(&receipt));
    let mut request = tap.payee.ask(100);
    request.body.amount.0 += 1;
    let certificate = tap.payee.cert();
    tap.payer
        .refuses(StatusWord::SIGNATURE, |it| it.pay(&request, &certificate, Consent::Pin));
    let mut grant = tap.payer.grant(100);
    grant.body.amount.0 += 1;
    tap.payer.refuses(StatusWord::SIGNATURE, |it| it.accept_grant(&grant));
    let mut beacon = beacon_of(after(1));
    beacon.body.epoch.0 += 1;
    tap.payer.refuses(StatusWord::SIGNATURE, |it| it.beacon(&beacon));
}

#[test]
fn attack_02_an_integer_in_too_many_bytes_or_a_trailing_byte_is_malformed() {
    let tap = Tap::of(1_250);
    let longer = [&tap.bundle[..], &[0]].concat();
    tap.payee.refuses(StatusWord::MALFORMED, |it| it.accept(&longer));
    // The amount, e2 09 in the transfer, as e2 89 00.
    let transfer = tap.payer.last_payment().transfer.to_bytes();
    let at = tap.bundle.len() - transfer.len();
    let amount = transfer
        .windows(2)
        .position(|pair| pair == [0xe2, 0x09])
        .expect("1,250");
    let split = at + amount + 1;
    let padded = [&tap.bundle[..split], &[0x89, 0x00], &tap.bundle[split + 1..]].concat();
    tap.payee.refuses(StatusWord::MALFORMED, |it| it.accept(&padded));
}

#[test]
fn attack_03_a_signature_for_one_type_of_message_is_good_for_no_other() {
    let mut tap = Tap::of(1_250);
    let receipt = tap.payee.accept(&tap.bundle).unwrap();
    let void = Signed {
        body: Void {
            payee: purse(2),
            seq: receipt.body.seq,
            request: tap.request.id(),
        },
        signature: receipt.signature,
    };
    tap.payer.refuses(StatusWord::SIGNATURE, |it| it.void(&void));
}

#[test]
fn attack_04_keys_of_small_order_are_refused_when_registered_and_when_verified() {
    for key in small_order_keys() {
        let weak = IssuerKey {
            key,
            role: KeyRole::Grant,
            currency: CURRENCY,
        };
        assert!(IssuerKeys::new(vec![weak]).is_err());
        // By such a key, zeros may be a signature of anything.
        let mut tap = Tap::of(1_250);
        let mut body = certificate(2);
        body.key = key;
        let weak = signed(body, &issuer_secret(KeyRole::Certificate));
        let mut request = tap.payee.ask(10);
        request.signature = Signature(zero_signature(&key));
        tap.payer
            .refuses(StatusWord::SIGNATURE, |it| it.pay(&request, &weak, Consent::Pin));
    }
}

/// R is the key, s is 0.
fn zero_signature(key: &PublicKey) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(key.as_bytes());
    bytes
}

#[test]
fn attack_05_a_second_signature_on_one_body_is_the_same_transfer_and_credited_once() {
    let mut tap = Tap::of(1_250);
    let first = tap.payer.last_payment().transfer.clone();
    let second = signed_otherwise(&first.body, 101);
    assert_ne!(second, first.signature);
    let mut bundle = tap.bundle.clone();
    let at = bundle.len() - 64;
    bundle[at..].copy_from_slice(&second.0);
    let receipt = tap.payee.accept(&bundle).unwrap();
    assert_eq!(receipt.body.transfer, first.id());
    assert_eq!(tap.payee.accept(&tap.bundle), Ok(receipt));
    assert_eq!(tap.payee.balance(), 1_250);
}

/// By the holder of the key, with another nonce than RFC 8032's.
fn signed_otherwise<M: Body>(body: &M, seed: u8) -> Signature {
    use curve25519_dalek::{constants::ED25519_BASEPOINT_TABLE, scalar::Scalar};
    use sha2::{Digest, Sha512};
    let public = SecretKey::from_seed(&[seed; 32]).public_key();
    let hashed: [u8; 64] = Sha512::digest([seed; 32]).into();
    let mut low = [0; 32];
    low.copy_from_slice(&hashed[..32]);
    let secret = Scalar::from_bytes_mod_order(curve25519_dalek::scalar::clamp_integer(low));
    let nonce = Scalar::from(7_u64);
    let point = (&nonce * ED25519_BASEPOINT_TABLE).compress().to_bytes();
    let message = [Domain::Offline.tag().as_bytes(), &body.to_bytes()].concat();
    let digest = Sha512::new()
        .chain_update(point)
        .chain_update(public.as_bytes())
        .chain_update(message);
    let challenge = Scalar::from_bytes_mod_order_wide(&digest.finalize().into());
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&point);
    bytes[32..].copy_from_slice((nonce + challenge * secret).as_bytes());
    Signature(bytes)
}

#[test]
fn attack_06_a_signature_with_another_form_of_s_is_refused() {
    /// The group's order, little-endian (RFC 8032, section 5.1).
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let tap = Tap::of(1_250);
    let mut bundle = tap.bundle.clone();
    let s = bundle.len() - 32;
    let mut carry = 0;
    for (byte, more) in bundle[s..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    tap.payee.refuses(StatusWord::SIGNATURE, |it| it.accept(&bundle));
}

#[test]
fn attack_07_a_transfer_that_comes_again_has_the_same_receipt_and_is_credited_once() {
    let mut tap = Tap::of(1_250);
    let receipt = tap.payee.accept(&tap.bundle).unwrap();
    let after = tap.payee.state.clone();
    assert_eq!(tap.payee.accept(&tap.bundle), Ok(receipt));
    assert_eq!(tap.payee.state, after);
}

#[test]
fn attack_08_a_transfer_is_of_no_use_to_another_payee() {
    let tap = Tap::of(1_250);
    let mut other = Purse::new(3);
    other.ask(1_250);
    other.refuses(StatusWord::REPLAY, |it| it.accept(&tap.bundle));
}

#[test]
fn attack_09_a_voided_request_takes_no_money() {
    let mut tap = Tap::of(1_250);
    tap.payee.void_of(&tap.request);
    let refusal = tap.payee.refuses(StatusWord::REPLAY, |it| it.accept(&tap.bundle));
    assert_eq!(refusal, PurseRefusal::WasVoided(tap.request.id()));
}

#[test]
fn attack_10_a_nonce_is_refused_that_was_there_before() {
    let mut payee = Purse::new(2);
    let request = payee.ask(100);
    let again = || Ask {
        amount: Amount(200),
        memo: text(""),
        nonce: request.body.nonce,
    };
    payee.refuses(StatusWord::REPLAY, |it| it.open_request(again()));
    payee.void_of(&request);
    payee.refuses(StatusWord::REPLAY, |it| it.open_request(again()));
}

#[test]
fn attack_11_a_transfer_that_was_lost_is_sent_again_and_paid_once() {
    let mut tap = Tap::of(1_250);
    let again = tap.payer.pay(&tap.request, &tap.payee).unwrap();
    assert_eq!(again, tap.bundle);
    let request = tap.request.id();
    assert_eq!(tap.payer.run(|it| it.resend(request)), Ok(again));
    assert_eq!((tap.payer.balance(), tap.payer.state.log().len()), (198_750, 1));
    tap.finish();
    assert_eq!(tap.payer.pay(&tap.request, &tap.payee), Ok(tap.bundle));
    tap.payer
        .refuses(StatusWord::NOT_FOUND, |it| it.resend(MessageId::NONE));
}

#[test]
fn attack_12_a_receipt_that_was_lost_is_given_again() {
    let mut tap = Tap::of(1_250);
    let lost = tap.payee.accept(&tap.bundle).unwrap();
    let request = tap.request.id();
    assert_eq!(
        tap.payee.run(|it| it.answer(request)),
        Ok(SignedAnswer::Receipt(lost.clone()))
    );
    assert_eq!(tap.payer.run(|it| it.receipt(&lost)), Ok(PaymentStatus::Paid));
    assert_eq!(tap.payer.run(|it| it.receipt(&lost)), Ok(PaymentStatus::Paid));
}

#[test]
fn attack_13_a_transfer_that_comes_after_the_payee_has_cancelled_is_refused_and_given_back() {
    let mut tap = Tap::of(1_250);
    let void = tap.payee.void_of(&tap.request);
    tap.payee.refuses(StatusWord::REPLAY, |it| it.accept(&tap.bundle));
    assert_eq!(tap.payee.void_of(&tap.request), void);
    tap.payer.run(|it| it.void(&void)).unwrap();
    assert_eq!((tap.payer.balance(), tap.payee.balance()), (200_000, 0));
}

#[test]
fn attack_14_a_purse_never_signs_receipt_and_void_for_one_request() {
    let mut tap = Tap::of(1_250);
    let receipt = tap.payee.accept(&tap.bundle).unwrap();
    let request = tap.request.id();
    assert_eq!(
        tap.payee.run(|it| it.cancel_request(request)),
        Ok(SignedAnswer::Receipt(receipt.clone()))
    );
    // One that a broken payee has signed: the payment stays what it was, and both words are the proof.
    let void = Void {
        payee: purse(2),
        seq: tap.request.body.seq,
        request,
    };
    let void = signed(void, &purse_secret(2));
    tap.payer.run(|it| it.receipt(&receipt)).unwrap();
    let refusal = tap.payer.refuses(StatusWord::REPLAY, |it| it.void(&void));
    assert_eq!(refusal, PurseRefusal::OtherOutcome(tap.transfer()));
}

#[test]
fn attack_37_a_request_that_comes_by_two_ways_at_once_is_paid_once() {
    let mut payer = Purse::loaded(1, 200_000);
    let mut payee = Purse::new(2);
    let request = payee.ask(1_250);
    let one = payer.pay(&request, &payee).unwrap();
    let two = payer.pay(&request, &payee).unwrap();
    assert_eq!((one, payer.balance()), (two, 198_750));
}

#[test]
fn attack_38_the_ninth_request_voids_the_oldest() {
    let mut payee = Purse::new(2);
    let first = payee.ask(100);
    for _ in 1..8 {
        assert_eq!(payee.open(100).unwrap().voided, None);
    }
    let voided = payee.open(100).unwrap().voided.expect("there was no room");
    assert_eq!((voided.body.request, voided.body.seq), (first.id(), first.body.seq));
    let mut payer = Purse::loaded(1, 1_000);
    let bundle = payer.pay(&first, &payee).unwrap();
    payee.refuses(StatusWord::REPLAY, |it| it.accept(&bundle));
    payer.run(|it| it.void(&voided)).unwrap();
    assert_eq!(payer.balance(), 1_000);
}

#[test]
fn attack_38_receipts_are_not_forgotten_to_make_room() {
    let mut payee = Purse::new(2);
    let one = payee.ask(100);
    payee
        .accept(&Purse::loaded(1, 1_000).pay(&one, &payee).unwrap())
        .unwrap();
    let receipt = payee.state.answered[0].clone();
    payee.state.answered = vec![receipt; super::super::super::ANSWERS_MAX];
    for _ in 0..8 {
        payee.ask(100);
    }
    assert_eq!(payee.open(100), Err(PurseRefusal::Full(Table::Answers)));
    payee.hear_beacon(after(30 * 24));
    assert!(payee.open(100).is_ok());
}

#[test]
fn attack_48_of_two_payers_of_one_request_one_is_receipted_and_the_other_has_the_lots_back() {
    let mut tap = Tap::of(1_250);
    let mut second = Purse::loaded(3, 5_000);
    let other = second.pay(&tap.request, &tap.payee).unwrap();
    let receipt = tap.payee.accept(&tap.bundle).unwrap();
    assert_eq!(tap.payee.accept(&other), Ok(receipt.clone()));
    assert_eq!(tap.payee.balance(), 1_250);
    assert_eq!(tap.payer.run(|it| it.receipt(&receipt)), Ok(PaymentStatus::Paid));
    assert_eq!(second.run(|it| it.receipt(&receipt)), Ok(PaymentStatus::Voided));
    assert_eq!((tap.payer.balance(), second.balance()), (198_750, 5_000));
}

#[test]
fn a_payee_that_asks_twice_by_one_number_is_paid_once() {
    let tap = Tap::of(1_250);
    let mut body = tap.request.body.clone();
    body.nonce = Nonce16([9; 16]);
    let again = signed(body, &purse_secret(2));
    let payee = tap.payee.cert();
    let refusal = tap
        .payer
        .refuses(StatusWord::REPLAY, |it| it.pay(&again, &payee, Consent::Pin));
    assert_eq!(refusal, PurseRefusal::AnotherRequest(tap.request.id()));
    let stranger = certified(3);
    let unfit = tap
        .payer
        .refuses(StatusWord::PROVENANCE, |it| it.pay(&again, &stranger, Consent::Pin));
    assert!(matches!(unfit, PurseRefusal::Refused(Refusal::Bundle(_))));
}
