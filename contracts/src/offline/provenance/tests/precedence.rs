//! One row for each thing that a payee looks for, in its order: alone, and together with all that come later.

use super::*;
use crate::{keys::Signature, offline::messages::LotPart};

/// What purse 1 paid purse 2 twice of one grant, purse 2 pays to purse 3: before it is signed, and after.
struct Draft {
    payee: Payee,
    certificates: [Certificate; 2],
    grant: Grant,
    parents: [Transfer; 2],
    last: Transfer,
    /// What the last transfer takes of each parent.
    takes: [u64; 2],
    edits: Vec<fn(&mut Vec<Message>)>,
    tail: Vec<u8>,
}

impl Draft {
    fn new() -> Self {
        let parents = [200, 201].map(|seq| Transfer {
            seq: Seq(seq),
            request: MessageId([seq as u8; 32]),
            ..transfer(1, 2, spend(1, &[(grant(1).load, 625)]))
        });
        Self {
            payee: Payee::new(3),
            certificates: [certificate(1), certificate(2)],
            grant: grant(1),
            last: transfer(2, 3, spend(2, &[(parents[0].id().short(), 1)])),
            parents,
            takes: [625, 625],
            edits: Vec::new(),
            tail: Vec::new(),
        }
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Transfer> {
        self.parents.iter_mut().chain([&mut self.last])
    }

    fn bytes(&mut self) -> Vec<u8> {
        let taken: Vec<_> = self.parents.iter().map(|it| it.id().short()).zip(self.takes).collect();
        let taken = spend(2, &taken);
        (self.last.spend.amount, self.last.spend.lots) = (taken.amount, taken.lots);
        let issuer = issuer_secret(KeyRole::Certificate);
        let mut messages: Vec<Message> = Vec::new();
        messages.extend(self.certificates.iter().map(|it| signed(it.clone(), &issuer).into()));
        messages.push(signed(self.grant.clone(), &issuer_secret(KeyRole::Grant)).into());
        messages.sort_by_key(Message::id);
        self.parents.sort_by_key(Transfer::id);
        let parents = self
            .parents
            .iter()
            .map(|it| signed(it.clone(), &purse_secret(1)).into());
        messages.extend(parents);
        messages.push(signed(self.last.clone(), &purse_secret(2)).into());
        self.edits.iter().for_each(|edit| edit(&mut messages));
        [Message::concatenate(&messages), self.tail.clone()].concat()
    }
}

type Row = (fn(&mut Draft), fn(&Refusal) -> bool);

fn position(messages: &[Message], wanted: fn(&Message) -> bool) -> usize {
    messages.iter().position(wanted).expect("there is one")
}

fn break_certificate(messages: &mut [Message]) {
    let is_it = |it: &Message| matches!(it, Message::Certificate(signed) if signed.body.purse == purse(1));
    let at = position(messages, is_it);
    messages[at] = signed(certificate(1), &purse_secret(1)).into();
}

fn break_grant(messages: &mut [Message]) {
    let at = position(messages, |it| matches!(it, Message::Grant(_)));
    messages[at] = signed(grant(1), &purse_secret(1)).into();
}

fn break_parent(messages: &mut Vec<Message>) {
    for message in messages {
        if let Message::Transfer(transfer) = message
            && transfer.body.payer == purse(1)
        {
            transfer.signature = Signature([1; 64]);
        }
    }
}

fn drop_certificate(messages: &mut Vec<Message>) {
    let is_it = |it: &Message| matches!(it, Message::Certificate(signed) if signed.body.purse == purse(2));
    messages.remove(position(messages, is_it));
}

fn again(messages: &mut Vec<Message>) {
    messages.push(messages[0].clone());
}

fn swap(messages: &mut [Message]) {
    messages.swap(0, 1);
}

const FORM: &[Row] = &[
    (
        |it| it.tail.push(0),
        |it| matches!(it, Refusal::Bundle(BundleError::Malformed(_))),
    ),
    (
        |it| it.edits.push(|messages| break_certificate(messages)),
        |it| matches!(it, Refusal::Untrusted(_)),
    ),
    (
        |it| it.edits.push(|messages| break_grant(messages)),
        |it| matches!(it, Refusal::Untrusted(_)),
    ),
    (
        |it| it.edits.push(break_parent),
        |it| matches!(it, Refusal::Signature(_)),
    ),
    (
        |it| it.edits.push(drop_certificate),
        |it| matches!(it, Refusal::Bundle(BundleError::NotCertified(_))),
    ),
    (
        |it| it.edits.push(again),
        |it| matches!(it, Refusal::Bundle(BundleError::Twice(_))),
    ),
    (
        |it| set_lot(&mut it.parents[0], Id16([9; 16])),
        |it| matches!(it, Refusal::Bundle(BundleError::ParentMissing(_))),
    ),
    (
        |it| it.edits.push(|messages| swap(messages)),
        |it| matches!(it, Refusal::Bundle(BundleError::NotInOrder)),
    ),
];

fn set_lot(transfer: &mut Transfer, lot: Id16) {
    let amount = transfer.spend.amount;
    transfer.spend.lots = list(vec![LotPart { lot, amount }]);
}

fn set_amount(transfer: &mut Transfer, amount: Amount) {
    let lot = transfer.spend.lots[0].lot;
    transfer.spend.amount = amount;
    set_lot(transfer, lot);
}

const REQUEST: &[Row] = &[
    (
        |it| it.last.payee = purse(9),
        |it| matches!(it, Refusal::AnotherPayee(_)),
    ),
    (
        |it| it.payee.request.payee = purse(9),
        |it| matches!(it, Refusal::AnotherPayee(_)),
    ),
    (
        |it| it.last.request = MessageId([9; 32]),
        |it| matches!(it, Refusal::AnotherRequest(_)),
    ),
    (|it| it.takes[0] -= 1, |it| matches!(it, Refusal::AnotherAmount { .. })),
    (|it| it.certificates[0].currency.0 += 1, another_currency),
    (|it| it.grant.currency.0 += 1, another_currency),
    (|it| it.parents[1].spend.currency.0 += 1, another_currency),
];

fn another_currency(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::AnotherCurrency { .. })
}

const LOTS: &[Row] = &[
    (
        |it| it.payee.own.class.can_receive = false,
        |it| *it == Refusal::MayNotReceive(purse(3)),
    ),
    (
        |it| it.certificates[1].class.can_receive = false,
        |it| *it == Refusal::MayNotReceive(purse(2)),
    ),
    (
        |it| it.certificates[1].class.can_respend = false,
        |it| *it == Refusal::MayNotRespend(purse(2)),
    ),
    (
        |it| it.parents.iter_mut().for_each(|it| it.payee = purse(9)),
        |it| matches!(it, Refusal::NotThePayersLot(_)),
    ),
    (
        |it| it.parents.iter_mut().for_each(|it| set_amount(it, Amount(1))),
        |it| matches!(it, Refusal::Overspent(_)),
    ),
    (
        |it| it.last.spend.expiry.0 += 1,
        |it| matches!(it, Refusal::ExpiryNotTheLeast(_)),
    ),
    (
        |it| it.parents[1].seq = it.parents[0].seq,
        |it| *it == Refusal::Equivocation(purse(1)),
    ),
    (
        |it| it.parents[1].request = it.parents[0].request,
        |it| matches!(it, Refusal::PaidTwice(_)),
    ),
    (
        |it| it.last.spend.hop = 1,
        |it| *it == Refusal::AnotherHop { expected: 2, given: 1 },
    ),
    (
        |it| it.certificates[1].hops_max = 1,
        |it| *it == Refusal::TooManyHops { max: 1, given: 2 },
    ),
    (
        |it| it.payee.own.hops_max = 1,
        |it| *it == Refusal::TooManyHops { max: 1, given: 2 },
    ),
];

/// Later than what it signs says, and earlier.
const HOURS: &[Row] = &[
    (
        |it| it.parents[0].spend.epoch.0 -= 1,
        |it| matches!(it, Refusal::CertificateWindow { purse: of, .. } if *of == purse(1)),
    ),
    (
        |it| it.last.spend.epoch = after(14 * 24 + 1),
        |it| matches!(it, Refusal::CertificateWindow { purse: of, .. } if *of == purse(2)),
    ),
    (
        |it| {
            it.payee.epoch = after(200);
            it.grant.expiry = after(5);
            it.all().for_each(|it| it.spend.expiry = after(5));
        },
        |it| matches!(it, Refusal::Expired { .. }),
    ),
    (
        |it| {
            let delta = RevocationDelta {
                entries: list(vec![RevocationEntry::purse(purse(1))]),
                ..delta(0)
            };
            it.payee.revoked.apply(&delta).expect("the next");
        },
        |it| matches!(it, Refusal::Revoked(_)),
    ),
    (
        |it| it.certificates[1].payment_max = Amount(1),
        |it| is_over(it, Limit::PayersPayment),
    ),
    (
        |it| it.payee.limits.payment_max = Amount(1),
        |it| is_over(it, Limit::Payment),
    ),
    (
        |it| it.payee.own.balance_max = Amount(1),
        |it| is_over(it, Limit::PayeesBalance),
    ),
    (
        |it| {
            it.payee.limits.stale_floor = Amount(1);
            it.payee.epoch = after(200);
        },
        |it| matches!(it, Refusal::StaleList { .. }),
    ),
];

fn is_over(refusal: &Refusal, wanted: Limit) -> bool {
    matches!(refusal, Refusal::OverLimit { limit, .. } if *limit == wanted)
}

#[test]
fn the_first_of_several_faults_is_told() {
    let mut sound = Draft::new();
    let bytes = sound.bytes();
    assert!(sound.payee.accepts(&bytes).is_ok());
    let rows = [FORM, REQUEST, LOTS, HOURS].concat();
    for (at, (_, expected)) in rows.iter().enumerate() {
        for last in [at + 1, rows.len()] {
            let mut draft = Draft::new();
            // The first last, so that none of the later ones undoes it.
            rows[at..last].iter().rev().for_each(|(fault, _)| fault(&mut draft));
            let bytes = draft.bytes();
            let refusal = draft.payee.accepts(&bytes).expect_err("it has a fault");
            assert!(expected(&refusal), "row {at} to {last}: {refusal:?}");
        }
    }
}
