//! Offers in books, and payments through them.

mod crossing;

use proptest::prelude::*;

use super::*;
use crate::{
    ledger::StateKey,
    settlement::{Offer, PathAmount, PathPayment, Rate, Terms},
};

const CODES: [&str; 3] = ["EUR", "USD", "THB"];
const NAMES: [&str; 4] = ["ann", "bob", "eve", "zoe"];

fn network() -> Network {
    let participants = vec![participant("ECB", false), participant("BANK", true)];
    let currencies = CODES.map(|name| currency(name, "ECB", 1_000_000));
    let accounts = NAMES.map(|name| opening("BANK", policy(name), 0, &CODES.map(|code| (code, 1_000))));
    Network::new(genesis(participants, currencies.to_vec(), vec![], accounts.to_vec()))
}

fn settle(action: SettlementAction) -> Action {
    Action::Settle(action)
}

impl Network {
    fn offer(&self, maker: &str, (sell, buy): (&str, &str), rate: &str, amount: u64) -> Offer {
        Offer {
            maker: self.account("BANK", maker),
            sell: code(sell),
            buy: code(buy),
            rate: rate.parse().unwrap(),
            amount: Amount(amount),
            min_fill: Amount(0),
            expires_at: self.after(1_000),
        }
    }

    fn place(&mut self, offer: Offer, maker: &str) -> ContractId {
        self.open_contract(settle(SettlementAction::Offer(offer)), &[maker])
    }

    fn left(&self, id: &ContractId) -> u64 {
        match &self.ledger.contract(id).unwrap().terms {
            Terms::Offer(state) => state.offer.amount.0,
            other => panic!("{other:?}"),
        }
    }

    fn pay(&self, path: &[&str], amount: PathAmount) -> Action {
        settle(SettlementAction::PayPath(PathPayment {
            from: self.account("BANK", "ann"),
            to: self.account("BANK", "zoe"),
            path: list(path.iter().map(|name| code(name)).collect()),
            amount,
        }))
    }
}

const EUR_USD: (&str, &str) = ("EUR", "USD");
const USD_EUR: (&str, &str) = ("USD", "EUR");

#[test]
fn an_offer_takes_what_crosses_it_and_the_rest_stands() {
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (ann, bob, eve) = (of("ann"), of("bob"), of("eve"));
    // Bob wants 1.20 USD for a EUR, eve 1.10: hers is taken first, though his was there before.
    let dear = net.offer("bob", EUR_USD, "1.2", 50);
    let dear = net.place(dear, "bob");
    let cheap = net.offer("eve", EUR_USD, "1.1", 40);
    let cheap = net.place(cheap, "eve");
    assert_eq!((net.held(bob, "EUR"), net.held(eve, "EUR")), (50, 40));
    // Ann gives at most 1.25 USD for a EUR.
    let taker = net.offer("ann", USD_EUR, "0.8", 150);
    let tx = net.tx(vec![settle(SettlementAction::Offer(taker))], &["ann"]);
    let taker = ContractId::derive(&tx.id(), 0);
    assert_eq!(net.ran(tx), [(0, 104, 90)]);
    // 40 EUR for 44 USD, 50 for 60: at their rates, not hers. 46 USD are left and stand.
    assert_eq!(net.ended(&cheap), Ending::Filled);
    assert_eq!(net.ended(&dear), Ending::Filled);
    assert_eq!((net.available(ann, "EUR"), net.available(ann, "USD")), (1_090, 850));
    assert_eq!((net.available(eve, "USD"), net.available(bob, "USD")), (1_044, 1_060));
    assert_eq!((net.left(&taker), net.held(ann, "USD")), (46, 46));
    net.ledger = again(&net);
    // Revoked, it comes back.
    let revoke = |contract, by| settle(SettlementAction::Revoke { contract, by });
    net.refused(revoke(taker, bob), &["bob"], Rejection::NotPermitted);
    net.must(vec![revoke(taker, ann)], &["ann"]);
    assert_eq!((net.held(ann, "USD"), net.available(ann, "USD")), (0, 896));
    assert_eq!(net.ended(&taker), Ending::Revoked);
}

#[test]
fn offers_of_equal_rates_are_taken_in_the_order_in_which_they_came() {
    let mut net = network();
    let first = net.offer("bob", EUR_USD, "1.1", 10);
    let first = net.place(first, "bob");
    // Written otherwise, it is the same rate.
    let (second, third) = (
        net.offer("eve", EUR_USD, "1.10", 10),
        net.offer("bob", EUR_USD, "1.100", 10),
    );
    let tx = net.tx(
        vec![
            settle(SettlementAction::Offer(second)),
            settle(SettlementAction::Offer(third)),
        ],
        &["eve", "bob"],
    );
    let [second, third] = [0, 1].map(|at| ContractId::derive(&tx.id(), at));
    assert_eq!(net.run(vec![tx]), [Ok(Outcome::Applied)]);
    let send = |send| PathAmount::SendExact {
        send: Amount(send),
        deliver_min: Amount(0),
    };
    net.must(vec![net.pay(&["USD", "EUR"], send(17))], &["ann"]);
    assert_eq!((net.left(&first), net.left(&second), net.left(&third)), (0, 5, 10));
    // A frozen maker's are passed over.
    let bob = net.account("BANK", "eve");
    net.must(vec![freeze("BANK", bob, FreezeScope::Account)], &["BANK"]);
    net.must(vec![net.pay(&["USD", "EUR"], send(11))], &["ann"]);
    assert_eq!((net.left(&second), net.left(&third)), (5, 0));
}

#[test]
fn a_payment_goes_through_two_books_and_keeps_to_its_bound() {
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (ann, zoe) = (of("ann"), of("zoe"));
    let through = ["EUR", "USD", "THB"];
    let usd = net.offer("bob", USD_EUR, "0.9", 500);
    net.place(usd, "bob");
    let thb = net.offer("eve", ("THB", "USD"), "0.03", 900);
    net.place(thb, "eve");
    let send = |send, deliver_min| PathAmount::SendExact {
        send: Amount(send),
        deliver_min: Amount(deliver_min),
    };
    let deliver = |deliver, send_max| PathAmount::DeliverExact {
        deliver: Amount(deliver),
        send_max: Amount(send_max),
    };
    // 20 EUR are 22.2 USD, of which 22 buy 733 THB.
    net.refused(net.pay(&through, send(20, 734)), &["ann"], Rejection::WorseThanBound);
    assert_eq!(
        net.traded(vec![net.pay(&through, send(20, 733))], &["ann"]),
        [(0, 20, 733)]
    );
    assert_eq!((net.available(ann, "EUR"), net.available(zoe, "THB")), (980, 1_733));
    assert_eq!((net.available(ann, "USD"), net.held(ann, "USD")), (1_000, 0));
    // 100 THB cost 3 USD, which cost 2.7 EUR.
    net.refused(net.pay(&through, deliver(100, 2)), &["ann"], Rejection::WorseThanBound);
    // Of two actions, the second.
    let tiny = net.offer("ann", EUR_USD, "2", 1);
    let actions = vec![
        settle(SettlementAction::Offer(tiny)),
        net.pay(&through, deliver(100, 3)),
    ];
    assert_eq!(net.traded(actions, &["ann"]), [(1, 3, 100)]);
    assert_eq!((net.available(ann, "EUR"), net.available(zoe, "THB")), (976, 1_833));
    net.refused(net.pay(&through, deliver(68, 100)), &["ann"], Rejection::PathTooThin);
    net.refused(net.pay(&["EUR", "THB"], send(1, 0)), &["ann"], Rejection::PathTooThin);
}

#[test]
fn offers_and_path_payments_refuse_in_the_documented_order() {
    use Rejection::*;
    let mut net = network();
    let own = net.offer("ann", EUR_USD, "1.1", 100);
    net.place(own.clone(), "ann");
    let with = |change: &dyn Fn(&mut Offer)| {
        let mut offer = net.offer("ann", USD_EUR, "0.5", 10);
        change(&mut offer);
        settle(SettlementAction::Offer(offer))
    };
    let past = UnixSeconds(1);
    let rows = [
        (
            with(&|it| (it.sell, it.amount, it.expires_at) = (code("XXX"), Amount(0), past)),
            UnknownCurrency,
        ),
        (with(&|it| (it.amount, it.expires_at) = (Amount(0), past)), AmountZero),
        (
            with(&|it| (it.amount, it.expires_at) = (Amount(1_001), past)),
            InsufficientFunds,
        ),
        (with(&|it| it.buy = code("XXX")), UnknownCurrency),
        (with(&|it| it.expires_at = past), ExpiryOutOfRange),
        (with(&|_| {}), OfferCrossesOwn),
    ];
    for (action, reason) in rows {
        net.refused(action, &["ann"], reason);
    }
    // One that does not cross it may stand beside it.
    let apart = net.offer("ann", USD_EUR, "0.91", 10);
    net.place(apart, "ann");
    let send = |send, deliver_min| PathAmount::SendExact {
        send: Amount(send),
        deliver_min: Amount(deliver_min),
    };
    net.refused(net.pay(&["EUR", "XXX"], send(0, 0)), &["ann"], UnknownCurrency);
    net.refused(net.pay(&["USD", "EUR"], send(0, 0)), &["ann"], AmountZero);
    // Her own offer is none to her.
    net.refused(net.pay(&["USD", "EUR"], send(10, 0)), &["ann"], PathTooThin);
    let dear = net.offer("bob", EUR_USD, "20", 100);
    net.place(dear, "bob");
    net.refused(net.pay(&["USD", "EUR"], send(10, 0)), &["ann"], NothingBought);
    net.refused(net.pay(&["USD", "EUR"], send(1_500, 100)), &["ann"], InsufficientFunds);
    net.refused(net.pay(&["USD", "EUR"], send(50, 3)), &["ann"], WorseThanBound);
}

/// Currencies and people by number.
#[derive(Debug, Clone)]
enum Op {
    Place {
        maker: usize,
        sell: usize,
        buy: usize,
        mantissa: u64,
        amount: u64,
        min_fill: u64,
        seconds: u64,
    },
    Pay {
        from: usize,
        to: usize,
        path: Vec<usize>,
        amount: u64,
        delivers: bool,
    },
    Revoke(usize),
    Freeze(usize),
    Unfreeze(usize),
    Pass(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let who = || 0..NAMES.len();
    let what = || 0..CODES.len();
    let place = (who(), what(), what(), 20..500u64, 1..200u64, 0..50u64, 2..60u64).prop_map(
        |(maker, sell, buy, mantissa, amount, min_fill, seconds)| Op::Place {
            maker,
            sell,
            buy,
            mantissa,
            amount,
            min_fill,
            seconds,
        },
    );
    let path = Just(vec![0, 1, 2]).prop_shuffle().prop_flat_map(|path| {
        let lengths = 2..=path.len();
        lengths.prop_map(move |length| path[..length].to_vec())
    });
    let pay = (who(), who(), path, 1..150u64, any::<bool>()).prop_map(|(from, to, path, amount, delivers)| Op::Pay {
        from,
        to,
        path,
        amount,
        delivers,
    });
    prop_oneof![
        6 => place,
        5 => pay,
        1 => (0..20usize).prop_map(Op::Revoke),
        1 => who().prop_map(Op::Freeze),
        2 => who().prop_map(Op::Unfreeze),
        1 => (1..30u64).prop_map(Op::Pass),
    ]
}

/// What everybody has, available and held together.
fn all(net: &Network) -> Vec<[i128; 3]> {
    let of = |name| {
        CODES.map(|code| {
            net.available(net.account("BANK", name), code) + i128::from(net.held(net.account("BANK", name), code))
        })
    };
    NAMES.map(of).to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Whoever does not act loses nothing but what an offer of theirs sold, and has got its rate for that.
    #[test]
    fn invariant_makers_get_their_rates_and_books_end_by_time(ops in prop::collection::vec(op(), 1..50)) {
        let mut net = network();
        let mut twin = Ledger::from_genesis(&net.genesis, 5);
        let mut placed: Vec<(ContractId, usize)> = Vec::new();
        for op in &ops {
            let (before, offers) = (all(&net), net.ledger.entries().filter_map(|(key, value)| match (key, value) {
                (StateKey::Contract(id), crate::ledger::StateValue::Contract(contract)) => {
                    contract.is_open().then_some((id, contract))
                }
                _ => None,
            }).collect::<Vec<_>>());
            let (action, actor) = match op {
                Op::Place { maker, sell, buy, mantissa, amount, min_fill, seconds } if sell != buy => {
                    let offer = Offer {
                        rate: Rate { mantissa: *mantissa, scale: 2 },
                        min_fill: Amount(*min_fill),
                        expires_at: net.after(*seconds),
                        ..net.offer(NAMES[*maker], (CODES[*sell], CODES[*buy]), "1", *amount)
                    };
                    (Some(settle(SettlementAction::Offer(offer))), NAMES[*maker])
                }
                Op::Pay { from, to, path, amount, delivers } => {
                    let payment = PathPayment {
                        from: net.account("BANK", NAMES[*from]),
                        to: net.account("BANK", NAMES[*to]),
                        path: list(path.iter().map(|at| code(CODES[*at])).collect()),
                        amount: match delivers {
                            true => PathAmount::DeliverExact { deliver: Amount(*amount), send_max: Amount(400) },
                            false => PathAmount::SendExact { send: Amount(*amount), deliver_min: Amount(1) },
                        },
                    };
                    (Some(settle(SettlementAction::PayPath(payment))), NAMES[*from])
                }
                Op::Revoke(which) if *which < placed.len() => {
                    let (contract, maker) = placed[*which];
                    let by = net.account("BANK", NAMES[maker]);
                    (Some(settle(SettlementAction::Revoke { contract, by })), NAMES[maker])
                }
                Op::Freeze(who) => {
                    (Some(freeze("BANK", net.account("BANK", NAMES[*who]), FreezeScope::Account)), "BANK")
                }
                Op::Unfreeze(who) => {
                    (Some(unfreeze("BANK", net.account("BANK", NAMES[*who]), FreezeScope::Account)), "BANK")
                }
                _ => (None, ""),
            };
            let batches: Vec<_> = action.into_iter().map(|action| {
                let tx = net.tx(vec![action], &[actor]);
                if let Op::Place { maker, .. } = op {
                    placed.push((ContractId::derive(&tx.id(), 0), *maker));
                }
                net.batch("v1", vec![tx])
            }).collect();
            let seconds = if let Op::Pass(seconds) = op { *seconds } else { 1 };
            let (block, execution) = net.block_at(TimeMs(net.time().0 + seconds * 1000), &batches);
            let checked = twin.check(&block, &batches).expect("the same on every machine");
            prop_assert_eq!(&checked.changes, &execution.changes);
            twin.commit(checked);
            // What each maker is due for what was sold of its offers.
            let mut due = before.clone();
            for (id, contract) in offers {
                let Terms::Offer(state) = &contract.terms else { continue };
                // An expired or revoked offer keeps what it had left, which has come back.
                let sold = state.offer.amount.0 - net.left(&id);
                let who = NAMES.iter().position(|name| net.account("BANK", name) == state.offer.maker).unwrap();
                let at = |code| CODES.iter().position(|name| crate::ledger::tests::network::code(name) == code).unwrap();
                let worth = state.offer.rate.bought_up(Amount(sold), 2, 2).unwrap();
                due[who][at(state.offer.sell)] -= i128::from(sold);
                due[who][at(state.offer.buy)] += i128::from(worth.0);
            }
            let payee = if let Op::Pay { to, .. } = op { Some(*to) } else { None };
            for (who, (has, due)) in all(&net).iter().zip(&due).enumerate() {
                if NAMES[who] != actor && Some(who) != payee {
                    let is_enough = has.iter().zip(due).all(|(has, due)| has >= due);
                    prop_assert!(is_enough, "{} has {has:?} and is due {due:?} after {op:?}", NAMES[who]);
                }
            }
        }
        prop_assert_eq!(again(&net).snapshot(), twin.snapshot());
        net.pass(100);
        let left = net.ledger.entries().filter(|(key, _)| matches!(key, StateKey::Book(_)));
        prop_assert_eq!(left.count(), 0);
        for name in NAMES {
            prop_assert!(CODES.iter().all(|code| net.held(net.account("BANK", name), code) == 0));
        }
    }
}
