//! The exact entries of each kind of payment.

use causeway_contracts::{
    codec::Text,
    ledger::receipt::Subject,
    money::Amount,
    settlement::{
        Allowance, Claim, Collect, ContractId, Ending, Escrow, Exchange, ExchangeAmount, Fee, HeldExchange, Hold, Leg,
        Mandate, Offer, Part, PayRequest, Payees, Quote, QuoteId, Request, SettlementAction, Shares, Side, Spend,
        Split, condition::Condition, netting::Cycle,
    },
    transaction::Action,
};

use super::town::{BANK, Town, code, key, list};
use crate::bookkeeping::{BookError, Booked, Bookkeeper, Direction, HoldChange, Kind, Touched};

const ANN: usize = 0;
const BEN: usize = 1;
const CAT: usize = 2;
const EUR: usize = 0;
const THB: usize = 1;

/// Who, by which receipt and part, how much more, of what, from or to whom.
type Line = (usize, u32, u16, i128, usize, Kind, Option<usize>);

fn town() -> Town {
    Town::watching(&[ANN, BEN, CAT, BANK])
}

fn check(town: &Town, booked: &Booked, expected: &[Line]) {
    let who = |id| (0..=BANK).find(|who| town.id(*who) == id).expect("someone of the town");
    let lines = booked.entries.iter().map(|entry| {
        assert_eq!(entry.height, town.ledger.tip().height);
        assert_eq!(entry.time_ms, town.ledger.tip().time_ms);
        let amount = match entry.direction {
            Direction::Credit => i128::from(entry.amount.0),
            Direction::Debit => -i128::from(entry.amount.0),
        };
        let currency = (0..3).find(|at| code(*at) == entry.currency).expect("a currency");
        let other = entry.counterparty.map(who);
        (
            who(entry.account),
            entry.index,
            entry.part,
            amount,
            currency,
            entry.kind,
            other,
        )
    });
    assert_eq!(lines.collect::<Vec<_>>(), expected);
}

fn leg(town: &Town, from: usize, to: usize, at: usize, amount: u64) -> Leg {
    Leg {
        debtor: town.id(from),
        creditor: town.id(to),
        currency: code(at),
        amount: Amount(amount),
    }
}

fn transfer(leg: Leg) -> Action {
    Action::Transfer {
        from: leg.debtor,
        to: leg.creditor,
        currency: leg.currency,
        amount: leg.amount,
    }
}

/// Ann may post it, and void it.
fn hold(town: &Town, legs: &[Leg]) -> Action {
    Action::Settle(SettlementAction::Hold(Hold {
        legs: list(legs.iter().copied()),
        expires_at: town.in_seconds(10),
        post_by: list([town.id(ANN)]),
        void_by: list([town.id(ANN)]),
    }))
}

fn post(town: &Town, hold: ContractId, amount: u64, keep_rest: bool) -> Action {
    Action::Settle(SettlementAction::Post {
        hold,
        by: town.id(ANN),
        amount: Some(Amount(amount)),
        keep_rest,
    })
}

#[test]
fn transfers_have_two_sides_and_a_memo() {
    let mut town = town();
    let actions = vec![
        transfer(leg(&town, ANN, BEN, EUR, 30)),
        transfer(leg(&town, ANN, CAT, EUR, 20)),
    ];
    let signed = town.sign(actions);
    let refused = transfer(leg(&town, ANN, BEN, EUR, 1_000_000));
    let refused = town.sign(vec![refused]);
    let booked = town.block(1, vec![refused, signed.clone()]).booked;
    let paid = Kind::Transfer;
    check(
        &town,
        &booked,
        &[
            (ANN, 1, 0, -30, EUR, paid, Some(BEN)),
            (BEN, 1, 0, 30, EUR, paid, Some(ANN)),
            (ANN, 1, 1, -20, EUR, paid, Some(CAT)),
            (CAT, 1, 0, 20, EUR, paid, Some(ANN)),
        ],
    );
    for entry in &booked.entries {
        assert_eq!(entry.transaction, Some(signed.id()));
        assert_eq!((&entry.memo, entry.contract), (&signed.transaction.memo, None));
    }
}

#[test]
fn only_watched_accounts_have_entries() {
    let mut town = Town::watching(&[BEN]);
    let paid = transfer(leg(&town, ANN, BEN, EUR, 30));
    let (_, _, booked) = town.act(paid);
    check(&town, &booked, &[(BEN, 0, 0, 30, EUR, Kind::Transfer, Some(ANN))]);
    let ann = town.id(ANN);
    town.bookkeeper.watch(ann);
    let paid = transfer(leg(&town, ANN, CAT, EUR, 5));
    let (_, _, booked) = town.act(paid);
    check(&town, &booked, &[(ANN, 0, 0, -5, EUR, Kind::Transfer, Some(CAT))]);
}

#[test]
fn the_issuer_has_the_other_side_of_new_money() {
    let mut town = town();
    let (currency, ann) = (code(EUR), town.id(ANN));
    let (_, _, booked) = town.act(Action::Issue {
        currency,
        to: ann,
        amount: Amount(7),
    });
    let both = [
        (ANN, 0, 0, 7, EUR, Kind::Issue, Some(BANK)),
        (BANK, 0, 0, -7, EUR, Kind::Issue, Some(ANN)),
    ];
    check(&town, &booked, &both);
    let (_, _, booked) = town.act(Action::Redeem {
        currency,
        from: ann,
        amount: Amount(3),
    });
    let both = [
        (ANN, 0, 0, -3, EUR, Kind::Redeem, Some(BANK)),
        (BANK, 0, 0, 3, EUR, Kind::Redeem, Some(ANN)),
    ];
    check(&town, &booked, &both);
}

#[test]
fn held_money_is_booked_when_it_is_posted() {
    let mut town = town();
    let opening = hold(&town, &[leg(&town, ANN, BEN, EUR, 100)]);
    let (id, _, booked) = town.act(opening);
    check(&town, &booked, &[]);
    let kind = Kind::HoldPosted;
    for (amount, keep_rest) in [(30, true), (50, false)] {
        let posting = post(&town, id, amount, keep_rest);
        let (_, _, booked) = town.act(posting);
        let amount = i128::from(amount);
        let both = [
            (ANN, 0, 0, -amount, EUR, kind, Some(BEN)),
            (BEN, 0, 0, amount, EUR, kind, Some(ANN)),
        ];
        check(&town, &booked, &both);
        assert_eq!(booked.entries[0].contract, Some(id));
    }
    // Opened and posted in one block; what expires is booked by nobody.
    let opening = hold(&town, &[leg(&town, ANN, BEN, EUR, 4), leg(&town, BEN, CAT, THB, 6)]);
    let opening = town.sign(vec![opening]);
    let other = hold(&town, &[leg(&town, ANN, BEN, EUR, 9)]);
    let other = town.sign(vec![other]);
    let posting = Action::Settle(SettlementAction::PostGroup {
        hold: ContractId::derive(&opening.id(), 0),
        by: town.id(ANN),
    });
    let posting = town.sign(vec![posting]);
    let booked = town.block(1, vec![opening, other, posting]).booked;
    let all = [
        (ANN, 2, 0, -4, EUR, kind, Some(BEN)),
        (BEN, 2, 0, 4, EUR, kind, Some(ANN)),
        (BEN, 2, 1, -6, THB, kind, Some(CAT)),
        (CAT, 2, 0, 6, THB, kind, Some(BEN)),
    ];
    check(&town, &booked, &all);
    let made = town.block(20, vec![]);
    assert_eq!((made.receipts.len(), made.booked.entries.len()), (1, 0));
}

/// What became of which hold, in a booked block.
fn told(booked: &Booked) -> Vec<(ContractId, HoldChange)> {
    let news = booked.holds.iter();
    news.map(|news| (news.hold, news.change.clone())).collect()
}

#[test]
fn what_becomes_of_holds_for_a_watched_payee_is_told() {
    let mut town = Town::watching(&[BEN]);
    let to_ben = leg(&town, ANN, BEN, EUR, 100);
    let open = |town: &mut Town| {
        let opening = hold(town, &[to_ben]);
        let opening = town.sign(vec![opening]);
        let (id, memo) = (ContractId::derive(&opening.id(), 0), opening.transaction.memo.clone());
        let booked = town.block(1, vec![opening]).booked;
        assert_eq!(told(&booked), [(id, HoldChange::Opened { leg: to_ben, memo })]);
        assert_eq!(booked.holds[0].height, town.ledger.tip().height);
        id
    };
    let id = open(&mut town);
    for (amount, keep_rest) in [(30, true), (50, false)] {
        let posting = post(&town, id, amount, keep_rest);
        let (_, by, booked) = town.act(posting);
        let amount = Some(Amount(amount));
        assert_eq!(told(&booked), [(id, HoldChange::Posted { amount, keep_rest })]);
        assert_eq!(booked.holds[0].transaction, Some(by));
    }
    let (voided, expiring) = (open(&mut town), open(&mut town));
    let by = town.id(ANN);
    let void = Action::Settle(SettlementAction::Void { hold: voided, by });
    let (_, _, booked) = town.act(void);
    assert_eq!(told(&booked), [(voided, HoldChange::Voided)]);
    let booked = town.block(20, vec![]).booked;
    assert_eq!(told(&booked), [(expiring, HoldChange::Expired)]);
    assert_eq!(booked.holds[0].transaction, None);
    // Of one for others, and of one of two payments, nothing.
    let others = hold(&town, &[leg(&town, ANN, CAT, EUR, 1)]);
    let two = hold(&town, &[to_ben, leg(&town, ANN, CAT, EUR, 1)]);
    for opening in [others, two] {
        let (id, _, booked) = town.act(opening);
        assert_eq!(told(&booked), []);
        let void = Action::Settle(SettlementAction::VoidGroup { hold: id, by });
        let end = town.sign(vec![void]);
        let booked = town.block(1, vec![end]).booked;
        assert!(booked.holds.iter().all(|news| news.change == HoldChange::Voided));
    }
}

#[test]
fn the_end_of_a_hold_that_did_not_fit_is_told_all_the_same() {
    let mut town = Town::watching(&[BEN]);
    town.bookkeeper = town.bookkeeper.clone().with_weight_max(0);
    let opening = hold(&town, &[leg(&town, ANN, BEN, EUR, 100)]);
    let (id, _, booked) = town.act(opening);
    assert_eq!(booked.holds.len(), 1);
    let posting = post(&town, id, 100, false);
    let (_, _, booked) = town.act(posting);
    let amount = Some(Amount(100));
    assert_eq!(
        told(&booked),
        [(
            id,
            HoldChange::Posted {
                amount,
                keep_rest: false
            }
        )]
    );
    assert_eq!(booked.entries, []);
}

#[test]
fn an_exchange_has_two_sides_and_fees() {
    let mut town = town();
    let exchange = |town: &Town, id, held| {
        let quote = Quote {
            genesis: town.ledger.genesis().prefix(),
            id: QuoteId([id; 16]),
            maker: town.id(BEN),
            taker: None,
            sell: code(EUR),
            buy: code(THB),
            rate: "2.5".parse().unwrap(),
            min: Amount(1),
            max: Amount(1_000),
            fee: Amount(3),
            expires_at: town.in_seconds(60),
            hold_seconds_max: 60,
        };
        Action::Settle(SettlementAction::Exchange(Box::new(Exchange {
            quote: quote.sign([&key(BEN)]).unwrap(),
            taker: town.id(ANN),
            amount: ExchangeAmount::Send(Amount(100)),
            held,
        })))
    };
    let sides = |to| {
        [
            (ANN, 0, 0, -100, EUR, Kind::Exchange, Some(BEN)),
            (BEN, 0, 0, 100, EUR, Kind::Exchange, Some(ANN)),
            (ANN, 0, 1, -3, EUR, Kind::Fee, Some(BEN)),
            (BEN, 0, 1, 3, EUR, Kind::Fee, Some(ANN)),
            (BEN, 0, 2, -250, THB, Kind::Exchange, Some(to)),
            (
                to,
                0,
                if to == ANN { 2 } else { 0 },
                250,
                THB,
                Kind::Exchange,
                Some(BEN),
            ),
        ]
    };
    let at_once = exchange(&town, 1, None);
    let (_, _, booked) = town.act(at_once);
    check(&town, &booked, &sides(ANN));
    let mark = ContractId::of_quote(&town.id(BEN), &QuoteId([1; 16]));
    assert_eq!(booked.entries[0].contract, Some(mark));
    let held = HeldExchange {
        deliver_to: town.id(CAT),
        post_by: list([town.id(ANN)]),
        void_by: list([town.id(ANN)]),
        expires_at: town.in_seconds(30),
        fees: list([Fee {
            to: town.id(BANK),
            amount: Amount(1),
        }]),
    };
    let held = exchange(&town, 2, Some(held));
    let (hold, _, booked) = town.act(held);
    check(&town, &booked, &[]);
    let by = town.id(ANN);
    let (_, _, booked) = town.act(Action::Settle(SettlementAction::PostGroup { hold, by }));
    let mut all = sides(CAT).to_vec();
    all.push((ANN, 0, 2, -1, EUR, Kind::Fee, Some(BANK)));
    all.push((BANK, 0, 0, 1, EUR, Kind::Fee, Some(ANN)));
    check(&town, &booked, &all);
}

#[test]
fn an_escrow_is_booked_when_it_is_released_by_whomever() {
    let mut town = town();
    let both = [
        (ANN, 0, 0, -8, EUR, Kind::Escrow, Some(BEN)),
        (BEN, 0, 0, 8, EUR, Kind::Escrow, Some(ANN)),
    ];
    for claimed in [Some(Side::Release), Some(Side::Refund), None] {
        let now = Condition::After(town.in_seconds(0));
        let (escrow, _, booked) = town.act(Action::Settle(SettlementAction::Escrow(Escrow {
            payer: town.id(ANN),
            payee: town.id(BEN),
            currency: code(EUR),
            amount: Amount(8),
            release_when: now.clone(),
            refund_when: now,
            expires_at: town.in_seconds(5),
            on_expiry: Side::Release,
        })));
        check(&town, &booked, &[]);
        let Some(side) = claimed else {
            let made = town.block(10, vec![]);
            check(&town, &made.booked, &both);
            let how = Ending::Released;
            assert_eq!(made.receipts[0].subject, Subject::System { contract: escrow, how });
            for entry in made.booked.entries {
                assert_eq!((entry.contract, entry.transaction), (Some(escrow), None));
                assert_eq!(entry.memo, Text::default());
            }
            continue;
        };
        let (_, _, booked) = town.act(Action::Settle(SettlementAction::Claim(Claim {
            escrow,
            by: town.id(CAT),
            side,
            preimages: list([]),
        })));
        check(&town, &booked, if side == Side::Release { &both } else { &[] });
    }
}

#[test]
fn those_who_draw_and_ask_are_booked_as_such() {
    let mut town = town();
    let (ann, ben, cat) = (town.id(ANN), town.id(BEN), town.id(CAT));
    let (mandate, _, _) = town.act(Action::Settle(SettlementAction::Mandate(Mandate {
        payer: ann,
        payee: ben,
        currency: code(THB),
        max_payment: Amount(50),
        max_per_period: Amount(50),
        period_seconds: 100,
        starts_at: town.in_seconds(0),
        ends_at: town.in_seconds(100),
    })));
    let (_, _, booked) = town.act(Action::Settle(SettlementAction::Collect(Collect {
        mandate,
        payee: ben,
        amount: Amount(11),
        reference: Text::default(),
    })));
    let kind = Kind::Collection;
    check(
        &town,
        &booked,
        &[
            (ANN, 0, 0, -11, THB, kind, Some(BEN)),
            (BEN, 0, 0, 11, THB, kind, Some(ANN)),
        ],
    );
    let (request, _, _) = town.act(Action::Settle(SettlementAction::Request(Request {
        payee: ben,
        payer: None,
        currency: code(EUR),
        amount: Amount(12),
        reference: Text::default(),
        expires_at: town.in_seconds(100),
    })));
    let (_, _, booked) = town.act(Action::Settle(SettlementAction::PayRequest(PayRequest {
        request,
        from: cat,
        amount: Amount(12),
    })));
    let kind = Kind::Request;
    check(
        &town,
        &booked,
        &[
            (CAT, 0, 0, -12, EUR, kind, Some(BEN)),
            (BEN, 0, 0, 12, EUR, kind, Some(CAT)),
        ],
    );
    let (allowance, _, booked) = town.act(Action::Settle(SettlementAction::Allow(Allowance {
        grantor: ann,
        holder: ben,
        currency: code(EUR),
        budget: Amount(20),
        payees: Payees::Accounts(list([cat])),
        max_payment: None,
        expires_at: town.in_seconds(100),
    })));
    check(&town, &booked, &[]);
    let (_, _, booked) = town.act(Action::Settle(SettlementAction::Spend(Spend {
        allowance,
        holder: ben,
        to: cat,
        amount: Amount(13),
    })));
    let kind = Kind::Spend;
    check(
        &town,
        &booked,
        &[
            (ANN, 0, 0, -13, EUR, kind, Some(CAT)),
            (CAT, 0, 0, 13, EUR, kind, Some(ANN)),
        ],
    );
}

#[test]
fn shares_of_nothing_are_no_entries() {
    let mut town = town();
    let part = |who, basis_points| Part {
        to: town.id(who),
        basis_points,
    };
    let split = Split {
        from: town.id(ANN),
        currency: code(EUR),
        shares: Shares::BasisPoints {
            amount: Amount(3),
            parts: list([part(BEN, 9_999), part(CAT, 1)]),
        },
    };
    let (_, _, booked) = town.act(Action::Settle(SettlementAction::Split(split)));
    let kind = Kind::Split;
    check(
        &town,
        &booked,
        &[
            (ANN, 0, 0, -3, EUR, kind, Some(BEN)),
            (BEN, 0, 0, 3, EUR, kind, Some(ANN)),
        ],
    );
}

fn offer(town: &Town, who: usize, sell: usize, buy: usize, amount: u64) -> Action {
    Action::Settle(SettlementAction::Offer(Offer {
        maker: town.id(who),
        sell: code(sell),
        buy: code(buy),
        rate: "1".parse().unwrap(),
        amount: Amount(amount),
        min_fill: Amount::ZERO,
        expires_at: town.in_seconds(60),
    }))
}

fn touched(town: &Town, balances: &[(usize, Option<usize>)]) -> std::collections::BTreeSet<Touched> {
    let touched = balances.iter().map(|(who, at)| Touched {
        account: town.id(*who),
        currency: at.map(code),
    });
    touched.collect()
}

#[test]
fn makers_are_touched_when_their_book_is_taken_of() {
    let mut town = town();
    let first = offer(&town, ANN, EUR, THB, 50);
    let (_, _, booked) = town.act(first);
    assert_eq!(booked, Booked::default());
    let taking = offer(&town, BEN, THB, EUR, 20);
    let (_, _, booked) = town.act(taking);
    let kind = Kind::Offer;
    check(
        &town,
        &booked,
        &[(BEN, 0, 0, -20, THB, kind, None), (BEN, 0, 1, 20, EUR, kind, None)],
    );
    assert_eq!(booked.touched, touched(&town, &[(ANN, Some(EUR)), (ANN, Some(THB))]));
}

#[test]
fn participants_are_touched_when_a_cycle_closes() {
    let mut town = Town::watching(&[ANN, CAT]);
    let mut participants = [town.id(ANN), town.id(BEN)];
    participants.sort_unstable();
    let (_, _, booked) = town.act(Action::Settle(SettlementAction::OpenCycle(Cycle {
        opener: town.id(ANN),
        participants: list(participants),
        currencies: list([code(EUR)]),
        closes_at: town.in_seconds(5),
    })));
    assert_eq!(booked, Booked::default());
    let booked = town.block(10, vec![]).booked;
    assert_eq!(
        (booked.entries, booked.touched),
        (vec![], touched(&town, &[(ANN, Some(EUR))]))
    );
}

#[test]
fn what_did_not_fit_is_touched() {
    let mut town = town();
    town.bookkeeper = town.bookkeeper.clone().with_weight_max(0);
    let opening = hold(&town, &[leg(&town, ANN, BEN, EUR, 100)]);
    let (id, _, booked) = town.act(opening);
    assert_eq!((booked.entries.len(), booked.touched.len()), (0, 0));
    let posting = post(&town, id, 100, false);
    let (_, _, booked) = town.act(posting);
    let expected = touched(&town, &[(ANN, Some(EUR)), (BEN, Some(EUR))]);
    assert_eq!((booked.entries, booked.touched), (vec![], expected));
}

#[test]
fn a_block_that_is_not_the_next_changes_nothing() {
    let mut town = town();
    let paid = transfer(leg(&town, ANN, BEN, EUR, 1));
    let signed = town.sign(vec![paid]);
    let before: Bookkeeper = town.bookkeeper.clone();
    let made = town.block(1, vec![signed.clone()]);
    let after = town.bookkeeper.clone();
    let body = [signed.transaction];
    let again = town.bookkeeper.book(&made.header, &made.receipts, &body);
    let expected = BookError::Height {
        expected: after.next(),
        actual: before.next(),
    };
    assert_eq!(again, Err(expected));
    assert_eq!(town.bookkeeper, after);
    let mut replayed = before.clone();
    let height = before.next();
    let expected = BookError::Transactions {
        height,
        expected: 1,
        actual: 0,
    };
    assert_eq!(replayed.book(&made.header, &made.receipts, &[]), Err(expected));
    assert_eq!(replayed, before);
    assert_eq!(replayed.book(&made.header, &made.receipts, &body), Ok(made.booked));
    assert_eq!(replayed, after);
}
