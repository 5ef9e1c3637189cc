use curve25519_dalek::{
    constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION},
    edwards::{CompressedEdwardsY, EdwardsPoint},
    scalar::Scalar,
};
use proptest::prelude::*;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use sha2::{Digest, Sha512};

use super::*;
use crate::{
    codec,
    example::{key, not_a_point, secret, small_order_keys, vectors},
};

/// The order of the prime subgroup, little-endian.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

const DOMAINS: [Domain; 12] = [
    Domain::Transaction,
    Domain::Vote,
    Domain::Proposal,
    Domain::Batch,
    Domain::Request,
    Domain::Statement,
    Domain::Continuation,
    Domain::Checkpoint,
    Domain::Quote,
    Domain::Offline,
    Domain::Registration,
    Domain::PaymentCode,
];

const MESSAGE: &[u8] = b"what is signed";

/// How a signature is bent away from an honest one. Torsion is an index into `EIGHT_TORSION`.
#[derive(Debug, Clone, Copy, Default)]
struct Bend {
    key_torsion: usize,
    nonce_torsion: usize,
    /// R is the torsion point alone.
    no_nonce: bool,
    /// S written as S + this many times L.
    extra_l: u8,
    flip: Option<usize>,
}

fn add_l(s: &mut [u8; 32]) {
    let mut carry = 0;
    for (digit, l) in s.iter_mut().zip(L) {
        let sum = u16::from(*digit) + u16::from(l) + carry;
        *digit = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0, "S still has 256 bits");
}

/// Signs as an attacker who knows the secret scalar and follows no rule.
fn bent(number: u64, bend: Bend, r_bytes: Option<[u8; 32]>) -> (PublicKey, Signature) {
    let a = Scalar::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let r = if bend.no_nonce {
        Scalar::ZERO
    } else {
        Scalar::from(number ^ 0x5555)
    };
    let key = ED25519_BASEPOINT_POINT * a + EIGHT_TORSION[bend.key_torsion];
    let nonce: EdwardsPoint = ED25519_BASEPOINT_POINT * r + EIGHT_TORSION[bend.nonce_torsion];
    let key = key.compress().to_bytes();
    let nonce = r_bytes.unwrap_or_else(|| nonce.compress().to_bytes());
    let hash = Sha512::new()
        .chain_update(nonce)
        .chain_update(key)
        .chain_update(Domain::Vote.message(MESSAGE))
        .finalize();
    let k = Scalar::from_bytes_mod_order_wide(&hash.into());
    let mut s = (r + k * a).to_bytes();
    (0..bend.extra_l).for_each(|_| add_l(&mut s));
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&nonce);
    signature[32..].copy_from_slice(&s);
    if let Some(bit) = bend.flip {
        signature[bit / 8] ^= 1 << (bit % 8);
    }
    (PublicKey::Ed25519(key), Signature(signature))
}

fn honest(number: u8, domain: Domain, message: &[u8]) -> Signed<'_> {
    Signed {
        key: key(number),
        domain,
        message,
        signature: secret(number).sign(domain, message),
    }
}

/// Asks single verification and batches of several sizes and random coefficients, and gives the one
/// answer of all of them.
fn answer(signed: Signed<'_>, seeds: u64) -> bool {
    let good = signed.verify().is_ok();
    for seed in 0..seeds {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        assert_eq!(all_good(&[signed], &mut rng), good, "alone in a batch, {signed:?}");
        let others: Vec<_> = (1..=3).map(|number| honest(number, Domain::Vote, MESSAGE)).collect();
        let batch = [others[0], signed, others[1], others[2]];
        assert_eq!(all_good(&batch, &mut rng), good, "among good ones, {signed:?}");
        assert_eq!(verify_batch(&batch, &mut rng), [true, good, true, true], "{signed:?}");
        // Twice: what two bent ones add to the equation must not cancel out.
        assert_eq!(verify_batch(&[signed, signed], &mut rng), [good, good], "{signed:?}");
    }
    good
}

fn answer_to((key, signature): (PublicKey, Signature), seeds: u64) -> bool {
    answer(
        Signed {
            key,
            domain: Domain::Vote,
            message: MESSAGE,
            signature,
        },
        seeds,
    )
}

#[test]
fn honest_signatures_are_good_for_their_message_and_key_only() {
    let signed = honest(1, Domain::Vote, MESSAGE);
    assert!(answer(signed, 8));
    assert!(!answer(
        Signed {
            message: b"another",
            ..signed
        },
        4
    ));
    assert!(!answer(Signed { key: key(2), ..signed }, 4));
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    assert!(verify_batch(&[], &mut rng).is_empty());
}

#[test]
fn a_signature_is_good_in_its_own_domain_only() {
    for made in DOMAINS {
        for read in DOMAINS {
            let signed = Signed {
                domain: read,
                ..honest(1, made, MESSAGE)
            };
            assert_eq!(answer(signed, 1), made == read, "{made:?} as {read:?}");
        }
    }
    // No tag begins another, so that no message can move the border between tag and message.
    for (at, domain) in DOMAINS.iter().enumerate() {
        for other in &DOMAINS[at + 1..] {
            assert!(!domain.tag().starts_with(other.tag()) && !other.tag().starts_with(domain.tag()));
        }
    }
}

/// Components of small order, which the cofactored equation multiplies away, in key, R or both.
#[test]
fn torsion_is_accepted_by_single_and_batch_alike() {
    for key_torsion in 0..8 {
        for nonce_torsion in 0..8 {
            let bend = Bend {
                key_torsion,
                nonce_torsion,
                ..Bend::default()
            };
            assert!(answer_to(bent(7, bend, None), 8), "{bend:?}");
        }
    }
}

/// Where the rule of ZIP-215 deliberately differs from a verifier without cofactor: that one's single
/// verification refuses what its batch equation accepts by chance.
#[test]
fn the_rule_without_cofactor_refuses_what_this_one_accepts() {
    let dalek = |(key, signature): (PublicKey, Signature)| {
        let key = ed25519_dalek::VerifyingKey::from_bytes(key.as_bytes()).expect("a point");
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        let message = Domain::Vote.message(MESSAGE);
        let plain = ed25519_dalek::Verifier::verify(&key, &message, &signature).is_ok();
        (plain, key.verify_strict(&message, &signature).is_ok())
    };
    let plain = bent(7, Bend::default(), None);
    assert_eq!((answer_to(plain, 1), dalek(plain)), (true, (true, true)));
    for nonce_torsion in 1..8 {
        let mixed = bent(
            7,
            Bend {
                nonce_torsion,
                ..Bend::default()
            },
            None,
        );
        assert_eq!((answer_to(mixed, 1), dalek(mixed)), (true, (false, false)));
    }
    // R the identity: the plain equation holds, the strict rule refuses R for its order.
    let identity = bent(
        7,
        Bend {
            no_nonce: true,
            ..Bend::default()
        },
        None,
    );
    assert_eq!((answer_to(identity, 1), dalek(identity)), (true, (true, false)));
}

#[test]
fn every_encoding_of_a_small_r_is_judged_alike() {
    for r in small_order_keys() {
        let bend = Bend {
            no_nonce: true,
            ..Bend::default()
        };
        assert!(answer_to(bent(7, bend, Some(*r.as_bytes())), 8), "R {r}");
        // The same R where the rest is honest: S does not fit it.
        let mut signed = honest(1, Domain::Vote, MESSAGE);
        signed.signature.0[..32].copy_from_slice(r.as_bytes());
        assert!(!answer(signed, 2), "R {r}");
    }
}

#[test]
fn s_must_be_below_the_order() {
    for extra_l in 1..=14 {
        let bend = Bend {
            extra_l,
            ..Bend::default()
        };
        assert!(!answer_to(bent(7, bend, None), 2), "{bend:?}");
    }
    for s in [L, [0xff; 32]] {
        let mut signed = honest(1, Domain::Vote, MESSAGE);
        signed.signature.0[32..].copy_from_slice(&s);
        assert!(!answer(signed, 2));
    }
}

#[test]
fn r_must_be_a_point() {
    let mut signed = honest(1, Domain::Vote, MESSAGE);
    signed.signature.0[..32].copy_from_slice(not_a_point().as_bytes());
    assert!(!answer(signed, 2));
    assert!(!answer(
        Signed {
            key: not_a_point(),
            ..honest(1, Domain::Vote, MESSAGE)
        },
        2
    ));
}

#[test]
fn keys_of_small_order_are_refused_at_registration_and_at_verification() {
    let keys = small_order_keys();
    assert_eq!(keys.len(), 14);
    for key in keys {
        assert_eq!(key.check(), Err(KeyError::SmallOrder), "{key}");
        // R the same small point or the identity, S zero: fits every message under the bare equation.
        for r in small_order_keys() {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(r.as_bytes());
            let bytes = Domain::Vote.message(MESSAGE);
            let bare = batch::Item::from((
                ed25519_zebra::VerificationKeyBytes::from(*key.as_bytes()),
                ed25519_zebra::Signature::from_bytes(&signature),
                &bytes,
            ));
            assert!(bare.verify_single().is_ok(), "the attack is real: key {key}, R {r}");
            assert!(!answer_to((key, Signature(signature)), 1), "key {key}, R {r}");
        }
    }
    assert_eq!(not_a_point().check(), Err(KeyError::NotAPoint));
    assert_eq!(key(1).check(), Ok(()));
}

/// Against dalek's own opinion of every encoding that could have small order: the torsion points
/// themselves, and all y coordinates that are written unreduced (there are 19).
#[test]
fn the_list_of_small_keys_is_complete() {
    let mut candidates: Vec<[u8; 32]> = EIGHT_TORSION.iter().map(|point| point.compress().to_bytes()).collect();
    for low in 0xed..=0xffu8 {
        candidates.push(y_of(low, 0xff, 0x7f));
    }
    for low in 0..=18u8 {
        candidates.push(y_of(low, 0, 0));
    }
    candidates.extend((1..=30).map(|number| *key(number).as_bytes()));
    let mut small = std::collections::BTreeSet::new();
    for y in candidates {
        for sign in [0, 0x80] {
            let mut bytes = y;
            bytes[31] = bytes[31] & 0x7f | sign;
            let point = CompressedEdwardsY(bytes).decompress();
            let weak = point.is_some_and(|point| point.is_small_order());
            assert_eq!(is_small_order(&bytes), weak, "{}", hex::encode(bytes));
            let dalek = ed25519_dalek::VerifyingKey::from_bytes(&bytes);
            assert_eq!(dalek.is_ok_and(|key| key.is_weak()), weak, "{}", hex::encode(bytes));
            if weak {
                small.insert(PublicKey::Ed25519(bytes));
            }
        }
    }
    assert_eq!(small, small_order_keys().into_iter().collect());
}

/// Wycheproof's Ed25519 vectors, under the file's own messages (no domain tag). RFC 8032 refuses the
/// encoding of y = 1 with a negative x, which is R of test 151; ZIP-215 takes every encoding.
#[test]
fn wycheproof() {
    let Some(file) = vectors("crypto-primitives/ed25519_test.json") else {
        return;
    };
    let file: serde_json::Value = serde_json::from_str(&file).expect("JSON");
    let bytes = |value: &serde_json::Value| hex::decode(value.as_str().expect("text")).expect("hexadecimal");
    let (mut tests, mut good, mut stricter, mut looser) = (0, 0, vec![], vec![]);
    for group in file["testGroups"].as_array().expect("groups") {
        let key = PublicKey::Ed25519(bytes(&group["publicKey"]["pk"]).try_into().expect("32 bytes"));
        for test in group["tests"].as_array().expect("tests") {
            tests += 1;
            let number = test["tcId"].as_u64().expect("a number");
            let valid = test["result"] == "valid";
            // A signature of another length is no `Signature` at all.
            let Ok(signature) = bytes(&test["sig"]).try_into().map(Signature) else {
                assert!(!valid, "test {number}");
                continue;
            };
            let message = bytes(&test["msg"]);
            let item = || item(&key, &message, &signature);
            let alone = item().is_some_and(|item| item.verify_single().is_ok());
            let other = honest(1, Domain::Vote, MESSAGE);
            for seed in 0..8 {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let together = good_together([other.item(), item()].into_iter(), &mut rng);
                assert_eq!(together, alone, "test {number}");
                let twice = good_together([item(), item()].into_iter(), &mut rng);
                assert_eq!(twice, alone, "test {number}");
            }
            good += usize::from(alone);
            if alone && !valid {
                looser.push(number);
            }
            if valid && !alone {
                stricter.push(number);
            }
        }
    }
    assert!(tests >= 150, "only {tests} tests were read");
    assert!(good > 50, "only {good} were good");
    assert_eq!(stricter, [0u64; 0], "valid by the file, refused here");
    assert_eq!(looser, [151], "invalid by the file, accepted here");
}

/// RFC 8032, section 7.1, tests 1 and 3.
#[test]
fn seeds_give_the_rfcs_keys() {
    for (seed, public) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        ),
    ] {
        let seed = hex::decode(seed).expect("hex").try_into().expect("32 bytes");
        assert_eq!(SecretKey::from_seed(&seed).public_key().to_string(), public);
    }
}

#[test]
fn keys_as_text() {
    let key = key(1);
    assert_eq!(key.to_string().parse(), Ok(key));
    let digits = hex::encode(key.as_bytes());
    for text in [
        String::new(),
        digits.clone(),
        format!("ed25519:{}", &digits[2..]),
        format!("ed25519:{digits}00"),
        format!("Ed25519:{digits}"),
        format!("ed25519: {digits}"),
        format!("p256:{digits}"),
        format!("ed25519:{}", "g".repeat(64)),
    ] {
        assert_eq!(text.parse::<PublicKey>(), Err(KeyError::NotAKey), "{text}");
    }
}

#[test]
fn reserved_and_unknown_algorithms_are_refused() {
    let check = |algorithm: u8, expected: &str| {
        let bytes: Vec<u8> = [&[algorithm], key(1).as_bytes().as_slice()].concat();
        let error = codec::decode::<PublicKey>(&bytes, 64).map_err(|error| error.to_string());
        assert_eq!(error, Err(format!("malformed: {expected}")));
    };
    check(0, "an unknown key algorithm");
    check(2, "a key algorithm that is reserved and not yet in use");
    check(3, "a key algorithm that is reserved and not yet in use");
    check(4, "an unknown key algorithm");
    check(255, "an unknown key algorithm");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn invariant_single_and_batch_verification_agree(
        number: u64,
        key_torsion in 0..8usize,
        nonce_torsion in 0..8usize,
        no_nonce: bool,
        extra_l in prop_oneof![4 => Just(0), 1 => 1..=14u8],
        flip in prop_oneof![2 => Just(None), 1 => (0..512usize).prop_map(Some)],
    ) {
        let bend = Bend { key_torsion, nonce_torsion, no_nonce, extra_l, flip };
        let good = answer_to(bent(number, bend, None), 4);
        prop_assert_eq!(good, extra_l == 0 && flip.is_none());
    }

    #[test]
    fn invariant_arbitrary_bytes_are_judged_alike(key: [u8; 32], signature: [u8; 64], small in 0..14usize) {
        prop_assert!(!answer_to((PublicKey::Ed25519(key), Signature(signature)), 1));
        let mut signature = signature;
        signature[..32].copy_from_slice(small_order_keys()[small].as_bytes());
        prop_assert!(!answer_to((super::tests::key(1), Signature(signature)), 1));
    }
}
