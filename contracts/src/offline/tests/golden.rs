//! The bytes of every message. They are signed and stored: a test here that fails is a change of the format.

use crate::{
    keys::SecretKey,
    offline::{
        encoding::Malformed,
        example::*,
        fraud::FraudProof,
        ids::{Id16, KeyId, PurseId, Seq},
        issuer::KeyRole,
        message::Message,
        signed::{Body, Signed},
    },
};

/// A line of the golden file. The message's own reader and that of any message give it back.
fn line<M: Body + Clone + PartialEq + std::fmt::Debug>(body: M, key: &SecretKey, bytes: usize) -> String
where
    Message: From<Signed<M>>,
{
    let signed = signed(body, key);
    let whole = signed.to_bytes();
    assert_eq!(whole.len(), bytes, "{signed:?}");
    assert!(bytes <= Signed::<M>::BYTES_MAX);
    assert_eq!(Signed::from_bytes(&whole).as_ref(), Ok(&signed));
    assert_eq!(signed.to_string().parse().as_ref(), Ok(&signed));
    assert_eq!(signed.verify(&key.public_key()), Ok(()));
    let line = format!("{:?} {} {signed}\n", M::TYPE, signed.id());
    assert_eq!(Message::read_all(&whole, bytes), Ok(vec![Message::from(signed)]));
    line
}

#[test]
fn messages_have_these_bytes() {
    let issuer = issuer_secret;
    let (payer, payee) = (purse_secret(1), purse_secret(2));
    let lines = [
        line(certificate(1), &issuer(KeyRole::Certificate), 132),
        line(grant(1), &issuer(KeyRole::Grant), 106),
        line(request(2), &payee, 100),
        line(transfer_of(&[1_250]).body, &payer, 178),
        line(transfer_of(&[625, 625]).body, &payer, 196),
        line(transfer_of(&[312, 312, 313, 313]).body, &payer, 232),
        line(receipt(), &payee, 108),
        line(void(), &payee, 107),
        line(beacon(), &issuer(KeyRole::Beacon), 107),
        line(delta(16), &issuer(KeyRole::Beacon), 206),
        line(redeem(), &payer, 178),
        line(load_request(), &payer, 96),
        line(sync_upload(), &payer, 129),
        line(sync_answer(), &issuer(KeyRole::Grant), 120),
    ];
    let actual = lines.concat();
    assert!(actual == include_str!("messages.golden"), "{actual}");
}

#[test]
fn a_delta_of_most_entries_is_gossiped_in_512_bytes() {
    let delta = signed(delta(54), &issuer_secret(KeyRole::Beacon));
    assert_eq!(delta.to_bytes().len(), 510);
}

#[test]
fn messages_in_a_row_are_read_one_by_one_and_no_more_than_fit() {
    let messages: Vec<Message> = vec![certified(1).into(), granted(1).into(), transfer_of(&[1_250]).into()];
    let bytes = Message::concatenate(&messages);
    assert_eq!(bytes.len(), 416);
    assert_eq!(Message::read_all(&bytes, 416), Ok(messages));
    let too_long = Malformed::TooLong { actual: 416, max: 415 };
    assert_eq!(Message::read_all(&bytes, 415), Err(too_long));
    assert_eq!(Message::read_all(&bytes[..400], 415), Err(Malformed::Truncated));
    assert_eq!(Message::read_all(&[12], 1), Err(Malformed::UnknownType(12)));
}

#[test]
fn a_proof_of_fraud_has_its_purses_certificate_and_two_transfers() {
    let one = transfer_of(&[1_250]);
    let other = transferred(1, 3, spend(1, &[(Id16([1; 16]), 1_250)]));
    let proof = FraudProof::new(certified(1), [one.clone(), other.clone()]).unwrap();
    assert_eq!(proof.to_bytes().len(), 488);
    assert_eq!(proof.verify(), Ok(()));
    assert_eq!(FraudProof::from_bytes(&proof.to_bytes()), Ok(proof.clone()));
    // The order in which they were found makes no other proof.
    assert_eq!(
        FraudProof::new(certified(1), [other.clone(), one.clone()]),
        Ok(proof.clone())
    );
    let mut swapped = certified(1).to_bytes();
    proof
        .transfers()
        .iter()
        .rev()
        .for_each(|it| swapped.extend(it.to_bytes()));
    assert_eq!(FraudProof::from_bytes(&swapped), Err(Malformed::NoFraud));

    let no_fraud = |certificate, transfers| {
        assert_eq!(FraudProof::new(certificate, transfers), Err(Malformed::NoFraud));
    };
    no_fraud(certified(2), [one.clone(), other.clone()]);
    no_fraud(certified(1), [one.clone(), one.clone()]);
    let mut later = other.body.clone();
    later.seq = Seq(201);
    no_fraud(certified(1), [one.clone(), signed(later, &purse_secret(1))]);
    let mut of_another = other.body;
    of_another.payer = purse(4);
    no_fraud(certified(1), [one, signed(of_another, &purse_secret(4))]);
}

#[test]
fn a_second_signature_makes_no_fraud_of_one_body() {
    let one = transfer_of(&[1_250]);
    let mut again = one.clone();
    again.signature.0[0] ^= 1;
    assert_eq!(again.id(), one.id());
    assert_eq!(FraudProof::new(certified(1), [one, again]), Err(Malformed::NoFraud));
}

#[test]
fn reserved_ids_are_no_purses() {
    let check = |id: [u8; 8], sound| assert_eq!(PurseId(id).check().is_ok(), sound);
    check([0; 8], false);
    check([1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff], false);
    check([0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4], true);
    check([0, 0, 0, 0, 0, 0, 0, 1], true);
    let key = issuer_secret(KeyRole::Grant).public_key();
    let entry = crate::offline::ids::RevocationEntry::key(KeyId::of(&key));
    assert_eq!(entry.0[4..], [0xff; 4]);
}
