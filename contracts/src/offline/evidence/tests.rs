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

mod model;
mod properties;

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
        by: transfer.payee,
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
    let first = paid(9, 3, 1);
    let another = received(3, &first);
    check(
        &[&facts[..], std::slice::from_ref(&another)].concat(),
        &[(1, Offence::Overspend)],
    );
    check(&[&facts[..], &[another.clone(), asked(3)]].concat(), &[]);
    check(
        &[&facts[..], &[another, (&first).into()]].concat(),
        &[(1, Offence::Overspend)],
    );
    let of_another_payee = paid(9, 4, 1);
    let facts_of_it = [received(3, &of_another_payee), Fact::from(&of_another_payee)];
    check(&[&facts[..], &facts_of_it].concat(), &[(1, Offence::Overspend)]);
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

#[test]
fn two_requests_of_one_number_are_a_payees_equivocation() {
    let mut other = request(2);
    other.memo = crate::example::text("another");
    check(&[asked(2), asked(2)], &[]);
    check(&[asked(2), Fact::from(&other)], &[(2, Offence::PayeeEquivocation)]);
    other.seq = RequestSeq(other.seq.0 + 1);
    check(&[asked(2), Fact::from(&other)], &[]);
}

#[test]
fn a_payee_claims_by_spending_and_nobody_else_for_it() {
    let (one, other) = (paid(1, 2, 100), transfer(3, 2, spend(1, &[(grant(3).load, 100)])));
    let both = [Fact::from(&one), Fact::from(&other)];
    let with = |facts: &[Fact]| [&both[..], facts].concat();
    let spent = |payer, lots: &[&Transfer]| {
        let parts: Vec<_> = lots.iter().map(|it| (it.id().short(), 100)).collect();
        Fact::from(&transfer(payer, 4, spend(2, &parts)))
    };
    let convicted = [(2, Offence::PayeeEquivocation)];
    check(&with(&[spent(2, &[&one])]), &[]);
    check(&with(&[spent(2, &[&one]), void_of(2)]), &convicted);
    check(&with(&[spent(2, &[&one, &other])]), &convicted);
    check(&with(&[spent(2, &[&one]), claimed(&other)]), &convicted);
    let mut redeemed = redeem();
    redeemed.payer = purse(2);
    redeemed.spend = spend(2, &[(one.id().short(), 100)]);
    check(&with(&[Fact::from(&redeemed), void_of(2)]), &convicted);
    // Purse 5 says that it has what purse 2 was paid.
    check(&with(&[spent(5, &[&one, &other])]), &[]);
    let by_another = [&one, &other].map(|it| Fact::Claimed {
        transfer: it.id(),
        by: purse(5),
    });
    check(&with(&by_another), &[]);
}

/// What it takes 2^64 attempts to make, and the ledger refuses.
#[test]
fn two_lots_of_one_name_convict_nobody_who_spends_both() {
    let lot = Id16([7; 16]);
    let mut tail = [0; 32];
    tail[..16].copy_from_slice(&lot.0);
    let given = [(1_u8, 100), (2, 50)].map(|(last, amount)| {
        tail[31] = last;
        let request = MessageId([last; 32]);
        Fact::Spent {
            id: MessageId(tail),
            payer: purse(1),
            seq: Seq(u32::from(last)),
            paid: Some(Paid {
                payee: purse(2),
                request,
            }),
            amount: Amount(amount),
            lots: Vec::new(),
        }
    });
    let spent = |amount| Fact::from(&transfer(2, 4, spend(2, &[(lot, amount)])));
    let with = |facts: &[Fact]| [&given[..], facts].concat();
    check(&with(&[spent(150)]), &[]);
    check(&with(&[spent(151)]), &[(2, Offence::Overspend)]);
    // It says nothing of which of them was claimed.
    let void = Fact::Voided {
        payee: purse(2),
        seq: RequestSeq(5),
        request: MessageId([1; 32]),
    };
    check(&with(&[spent(150), void]), &[]);
}
