use proptest::prelude::*;

use super::{model::Model, *};
use crate::offline::ids::Nonce16;

/// The request of that number of a purse.
fn numbered(payee: u8, number: u32) -> Request {
    let mut asked = request(payee);
    asked.seq = RequestSeq(number);
    asked.nonce = Nonce16([number as u8; 16]);
    asked
}

fn pays(asked: &Request, payer: u8, seq: u32, parts: &[(Id16, u64)]) -> Transfer {
    let mut body = transfer(payer, 2, spend(1, parts));
    (body.payee, body.request, body.seq) = (asked.payee, asked.id(), Seq(seq));
    body
}

fn void_by(asked: &Request) -> Fact {
    let body = Void {
        payee: asked.payee,
        seq: asked.seq,
        request: asked.id(),
    };
    Fact::from(&body)
}

fn receipt_by(asked: &Request, transfer: &Transfer) -> Fact {
    let body = Receipt {
        payee: asked.payee,
        seq: asked.seq,
        transfer: transfer.id(),
        status: ReceiptStatus::Accepted,
    };
    Fact::from(&body)
}

/// Purse 1's grant to one of three payees, by one of two of its requests.
fn any_transfer() -> impl Strategy<Value = Transfer> {
    let amount = prop::sample::select(vec![1_u64, 120_000, 90_000]);
    (1..4_u32, 2..5_u8, 5..7_u32, amount)
        .prop_map(|(seq, payee, number, amount)| pays(&numbered(payee, number), 1, seq, &[(grant(1).load, amount)]))
}

/// Another of the same number.
fn again(asked: &Request) -> Request {
    let mut asked = asked.clone();
    asked.nonce = Nonce16([0xff; 16]);
    asked
}

fn any_request() -> impl Strategy<Value = Request> {
    (2..5_u8, 5..7_u32).prop_map(|(payee, number)| numbered(payee, number))
}

/// A few purses that spend, ask, receive, void and claim, whether they may or not.
fn any_fact() -> impl Strategy<Value = Fact> {
    let child = (any_transfer(), any_request(), 2..5_u8, 1..3_u32);
    let child = child.prop_map(|(parent, asked, payer, seq)| {
        pays(&asked, payer, seq, &[(parent.id().short(), parent.spend.amount.0)])
    });
    prop_oneof![
        1 => Just(granted()),
        1 => any_request().prop_map(|it| Fact::from(&it)),
        1 => any_request().prop_map(|it| Fact::from(&again(&it))),
        1 => any_request().prop_map(|it| void_by(&it)),
        3 => any_transfer().prop_map(|it| Fact::from(&it)),
        2 => child.prop_map(|it| Fact::from(&it)),
        2 => (any_request(), any_transfer()).prop_map(|(asked, it)| receipt_by(&asked, &it)),
        1 => (any_transfer(), 2..5_u8).prop_map(|(it, by)| Fact::Claimed { transfer: it.id(), by: purse(by) }),
    ]
}

/// Who signed it.
fn signer(fact: &Fact) -> Option<PurseId> {
    match fact {
        Fact::Granted { .. } => None,
        Fact::Spent { payer, .. } => Some(*payer),
        Fact::Asked { payee, .. } | Fact::Received { payee, .. } | Fact::Voided { payee, .. } => Some(*payee),
        Fact::Claimed { by, .. } => Some(*by),
    }
}

/// What all but one purse may say.
fn others_than(number: u8) -> impl Strategy<Value = Vec<Fact>> {
    let fact = any_fact().prop_filter("of others", move |it| signer(it) != Some(purse(number)));
    prop::collection::vec(fact, 0..16)
}

fn is_convicted(facts: &Facts, number: u8) -> bool {
    facts.verdicts().iter().any(|verdict| verdict.culprit == purse(number))
}

/// How a payment of an honest payer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Kept,
    Voided,
    /// Somebody else had paid the request, which the payee says by a receipt, and the payer knows the request.
    Overtaken,
}

/// What an honest payee does with the payments for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Void,
    Receive { is_spent: bool },
    Nothing,
}

proptest! {
    /// In any order, and in two parts of which the first comes again.
    #[test]
    fn invariant_order_and_parts_of_evidence_do_not_matter(
        (facts, shuffled) in prop::collection::vec(any_fact(), 0..24)
            .prop_flat_map(|facts| (Just(facts.clone()), Just(facts).prop_shuffle())),
        cut: prop::sample::Index,
    ) {
        let mut parts = Facts::default();
        let cut = cut.index(shuffled.len() + 1);
        for part in [&shuffled[..cut], &shuffled[cut..], &shuffled[..cut]] {
            parts.extend(part.iter().cloned());
        }
        prop_assert_eq!(parts.verdicts(), Model::of(facts).verdicts());
    }

    /// Who spends what it has, and again what it got back, whatever payees do.
    #[test]
    fn invariant_an_honest_payer_is_not_convicted(
        payments in prop::collection::vec(
            (1..150_000_u64, prop::sample::select(vec![End::Kept, End::Voided, End::Overtaken])), 0..8),
        noise in others_than(1),
    ) {
        let mut left = grant(1).amount.0;
        let mut signed = 0;
        let (mut spent, mut given_back) = (vec![granted()], Vec::new());
        for (number, (amount, end)) in (10..).zip(payments) {
            if amount > left {
                continue;
            }
            let asked = numbered(3, number);
            spent.push(Fact::from(&pays(&asked, 1, number, &[(grant(1).load, amount)])));
            signed += amount;
            match end {
                End::Kept => left -= amount,
                End::Voided => given_back.push(void_by(&asked)),
                End::Overtaken => {
                    let other = pays(&asked, 9, number, &[(grant(9).load, amount)]);
                    given_back.extend([Fact::from(&asked), receipt_by(&asked, &other)]);
                }
            }
        }
        let without_words: Facts = spent.iter().cloned().collect();
        prop_assert_eq!(is_convicted(&without_words, 1), signed > grant(1).amount.0);
        let facts: Facts = spent.into_iter().chain(given_back).chain(noise).collect();
        prop_assert!(!is_convicted(&facts, 1));
    }

    /// Who receives at most one payment for a request, and spends no other, whoever pays it.
    #[test]
    fn invariant_an_honest_payee_is_not_convicted(
        requests in prop::collection::vec(
            (1..4_u8, prop_oneof![
                Just(Answer::Void),
                any::<bool>().prop_map(|is_spent| Answer::Receive { is_spent }),
                Just(Answer::Nothing),
            ], any::<bool>()), 0..6),
        noise in others_than(2),
    ) {
        let mut facts = Facts::from_iter(noise);
        for (number, (payers, answer, is_known)) in (5..).zip(requests) {
            let asked = numbered(2, number);
            // Purse 3 first, whose payment is the one that is received.
            let paid: Vec<_> = (3..3 + payers).map(|payer| pays(&asked, payer, number, &[(grant(payer).load, 100)])).collect();
            facts.extend(paid.iter().map(Fact::from));
            facts.extend(is_known.then(|| Fact::from(&asked)));
            match answer {
                Answer::Void => facts.insert(void_by(&asked)),
                Answer::Receive { is_spent } => {
                    facts.insert(receipt_by(&asked, &paid[0]));
                    let on = pays(&numbered(6, number), 2, number, &[(paid[0].id().short(), 100)]);
                    facts.extend(is_spent.then(|| Fact::from(&on)));
                    // Nor does it matter who else says that it has it.
                    let stolen = pays(&numbered(6, number), 7, number, &[(paid[0].id().short(), 100)]);
                    facts.insert(&stolen);
                }
                Answer::Nothing => {}
            }
        }
        prop_assert!(!is_convicted(&facts, 2));
    }
}
