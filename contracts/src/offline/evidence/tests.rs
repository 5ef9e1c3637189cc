use proptest::prelude::*;

use super::*;
use crate::offline::{example::*, messages::ReceiptStatus};

fn check(facts: &[Fact], expected: &[(u8, Offence)]) {
    let facts: Facts = facts.iter().cloned().collect();
    let expected = expected.iter().map(|&(number, offence)| Verdict {
        culprit: purse(number),
        offence,
    });
    assert_eq!(facts.verdicts(), expected.collect(), "{facts:?}");
}

/// Purse 1 pays so much of its grant of 2,000.00 by the request of a purse.
fn paid(seq: u32, payee: u8, amount: u64) -> Transfer {
    let mut transfer = transfer(1, payee, spend(1, &[(grant(1).load, amount)]));
    transfer.seq = Seq(seq);
    transfer
}

fn granted() -> Fact {
    Fact::from(&grant(1))
}

fn asked(payee: u8) -> Fact {
    Fact::from(&request(payee))
}

fn void_of(payee: u8) -> Fact {
    let body = Void {
        payee: purse(payee),
        seq: request(payee).seq,
        request: request(payee).id(),
    };
    Fact::from(&body)
}

fn received(payee: u8, transfer: &Transfer) -> Fact {
    let body = Receipt {
        payee: purse(payee),
        seq: request(payee).seq,
        transfer: transfer.id(),
        status: ReceiptStatus::Accepted,
    };
    Fact::from(&body)
}

fn claimed(transfer: &Transfer) -> Fact {
    Fact::Claimed {
        transfer: transfer.id(),
    }
}

#[test]
fn two_bodies_at_one_place_are_equivocation() {
    let (one, other) = (paid(7, 2, 100), paid(7, 3, 100));
    check(&[(&one).into()], &[]);
    check(&[(&one).into(), (&one).into()], &[]);
    check(&[(&one).into(), (&other).into()], &[(1, Offence::Equivocation)]);
    check(&[(&one).into(), (&paid(8, 3, 100)).into()], &[]);
    let mut redeemed = redeem();
    redeemed.seq = Seq(7);
    check(&[(&one).into(), (&redeemed).into()], &[(1, Offence::Equivocation)]);
    // A void takes nothing back: both were signed.
    check(
        &[(&one).into(), (&other).into(), void_of(3)],
        &[(1, Offence::Equivocation)],
    );
}

#[test]
fn children_above_their_parent_are_overspending_until_one_is_void() {
    let (one, other) = (paid(1, 2, 150_000), paid(2, 3, 50_001));
    let facts = [granted(), (&one).into(), (&other).into()];
    check(&facts, &[(1, Offence::Overspend)]);
    check(&facts[1..], &[]);
    check(&[granted(), (&one).into(), (&paid(2, 3, 50_000)).into()], &[]);
    check(&[&facts[..], &[void_of(3)]].concat(), &[]);
    check(&[&facts[..], &[void_of(4)]].concat(), &[(1, Offence::Overspend)]);
    // A receipt for another transfer is a void to this one, once it is known which request it is about.
    let another = received(3, &paid(9, 3, 1));
    check(
        &[&facts[..], std::slice::from_ref(&another)].concat(),
        &[(1, Offence::Overspend)],
    );
    check(&[&facts[..], &[another, asked(3)]].concat(), &[]);
    check(
        &[&facts[..], &[received(3, &other), asked(3)]].concat(),
        &[(1, Offence::Overspend)],
    );
}

#[test]
fn money_that_was_paid_can_be_overspent_too_and_only_by_its_owner() {
    let parent = paid(1, 2, 1_000);
    let child = |payer: u8, amount| transfer(payer, 4, spend(2, &[(parent.id().short(), amount)]));
    let facts = |child: Transfer| [granted(), (&parent).into(), (&child).into()];
    check(&facts(child(2, 1_000)), &[]);
    check(&facts(child(2, 1_001)), &[(2, Offence::Overspend)]);
    // Purse 3 spends what is not its own: nobody believes it, and purse 2 has done nothing.
    check(&facts(child(3, 1_001)), &[]);
    let both = [&facts(child(2, 1_000))[..], &[(&child(3, 1)).into()]].concat();
    check(&both, &[]);
}

#[test]
fn amounts_beyond_64_bits_are_summed_too() {
    check(
        &[
            granted(),
            (&paid(1, 2, u64::MAX)).into(),
            (&paid(2, 3, u64::MAX)).into(),
        ],
        &[(1, Offence::Overspend)],
    );
}

#[test]
fn two_words_on_one_request_are_a_payees_equivocation() {
    let (one, other) = (paid(1, 2, 100), transfer(3, 2, spend(1, &[(grant(3).load, 100)])));
    check(&[received(2, &one)], &[]);
    check(&[void_of(2)], &[]);
    check(&[received(2, &one), void_of(2)], &[(2, Offence::PayeeEquivocation)]);
    check(
        &[received(2, &one), received(2, &other)],
        &[(2, Offence::PayeeEquivocation)],
    );
    let spent = [Fact::from(&one), Fact::from(&other)];
    let with = |facts: &[Fact]| [&spent[..], facts].concat();
    // Whoever was shown the request may have paid it; the payee takes one.
    check(&with(&[claimed(&one), received(2, &one), asked(2)]), &[]);
    check(
        &with(&[claimed(&one), claimed(&other)]),
        &[(2, Offence::PayeeEquivocation)],
    );
    check(&with(&[claimed(&one), void_of(2)]), &[(2, Offence::PayeeEquivocation)]);
    check(&with(&[void_of(2)]), &[]);
    // By a receipt for another transfer, which nobody has to know, a payer has its lots back: so nobody claims them.
    let another = received(2, &paid(9, 2, 1));
    check(
        &with(&[claimed(&one), another.clone(), asked(2)]),
        &[(2, Offence::PayeeEquivocation)],
    );
    check(&with(&[another, asked(2)]), &[]);
    // A claim of what nobody knows proves nothing yet.
    check(&[claimed(&one), claimed(&other)], &[]);
}

/// A few purses that spend, ask, receive, void and claim, whether they may or not.
fn any_fact() -> impl Strategy<Value = Fact> {
    let transfer = (1..4_u32, 2..5_u8, prop::sample::select(vec![1_u64, 120_000, 90_000]));
    let transfer = transfer.prop_map(|(seq, payee, amount)| paid(seq, payee, amount));
    prop_oneof![
        Just(granted()),
        (2..5_u8).prop_map(asked),
        (2..5_u8).prop_map(void_of),
        transfer.clone().prop_map(|it| Fact::from(&it)),
        (2..5_u8, transfer.clone()).prop_map(|(payee, it)| received(payee, &it)),
        transfer.prop_map(|it| claimed(&it)),
    ]
}

proptest! {
    #[test]
    fn invariant_order_and_parts_of_evidence_do_not_matter(
        (facts, shuffled) in prop::collection::vec(any_fact(), 0..24)
            .prop_flat_map(|facts| (Just(facts.clone()), Just(facts).prop_shuffle())),
        cut: prop::sample::Index,
    ) {
        let whole: Facts = facts.iter().cloned().collect();
        let mut parts = Facts::default();
        let cut = cut.index(shuffled.len() + 1);
        // In two parts, of which the first comes again.
        for part in [&shuffled[..cut], &shuffled[cut..], &shuffled[..cut]] {
            parts.extend(part.iter().cloned());
        }
        prop_assert_eq!(&whole, &parts);
        prop_assert_eq!(whole.verdicts(), parts.verdicts());
    }

    /// Who signs each place once, spends no more than it has, and takes back nothing, is convicted of nothing,
    /// whatever payees do.
    #[test]
    fn invariant_an_honest_payer_is_not_convicted(
        amounts in prop::collection::vec(1..50_000_u64, 0..4),
        words in prop::collection::vec(any_fact().prop_filter("payees' words", |it| !matches!(it, Fact::Spent { .. })), 0..16),
    ) {
        let spent = (1..).zip((2..).zip(&amounts)).map(|(seq, (payee, &amount))| Fact::from(&paid(seq, payee, amount)));
        let facts: Facts = spent.chain([granted()]).chain(words).collect();
        prop_assert!(facts.verdicts().iter().all(|verdict| verdict.culprit != purse(1)));
    }
}
