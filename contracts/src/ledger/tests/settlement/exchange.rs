//! Exchange by quote, reference rates, and money that is pulled.

use super::*;
use crate::{
    block::GenesisPrefix,
    settlement::{
        Allowance, Collect, Exchange, ExchangeAmount, Fee, HeldExchange, Mandate, MerchantCategory, Part, PayRequest,
        Payees, Quote, QuoteId, Rate, Request, Share, Shares, SignedQuote, Spend, Split, Terms,
    },
};

fn settle(action: SettlementAction) -> Action {
    Action::Settle(action)
}

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

impl Network {
    /// Of eve, who gives 1.10 USD for one EUR, 10 to 500 EUR, for a fee of one.
    fn quote(&self, id: u8) -> Quote {
        Quote {
            genesis: self.ledger.genesis().prefix(),
            id: QuoteId([id; 16]),
            maker: self.account("BANK", "eve"),
            taker: None,
            sell: code("EUR"),
            buy: code("USD"),
            rate: rate("1.1"),
            min: Amount(10),
            max: Amount(500),
            fee: Amount(1),
            expires_at: self.after(60),
            hold_seconds_max: 100,
        }
    }

    fn exchange(&self, quote: SignedQuote, amount: ExchangeAmount) -> Action {
        settle(SettlementAction::Exchange(Box::new(Exchange {
            quote,
            taker: self.account("BANK", "ann"),
            amount,
            held: None,
        })))
    }

    fn set_rate(&self, text: &str, as_of: UnixSeconds) -> Action {
        settle(SettlementAction::SetReferenceRate {
            from: code("EUR"),
            to: code("USD"),
            rate: rate(text),
            as_of,
        })
    }
}

fn signed(quote: Quote) -> SignedQuote {
    quote.sign([&secret("eve")]).unwrap()
}

const SEND: ExchangeAmount = ExchangeAmount::Send(Amount(105));

#[test]
fn both_sides_of_an_exchange_are_paid_at_once() {
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (ann, eve) = (of("ann"), of("eve"));
    net.must(vec![net.set_rate("1.12", net.after(0))], &["ECB"]);
    let quote = net.quote(1);
    let mark = quote.mark();
    let trades = net.traded(vec![net.exchange(signed(quote.clone()), SEND)], &["ann"]);
    assert_eq!(trades, [(0, 106, 115)]);
    // 105 EUR give 115.5 USD, which is rounded down.
    assert_eq!((net.available(ann, "EUR"), net.available(ann, "USD")), (894, 1_115));
    assert_eq!((net.available(eve, "EUR"), net.available(eve, "USD")), (1_106, 885));
    let Some(Terms::Quote(used)) = net.ledger.contract(&mark).map(|contract| &contract.terms) else {
        panic!("its use is remembered");
    };
    let fill = used.fill.unwrap();
    assert_eq!(
        (fill.sold, fill.bought, fill.rate),
        (Amount(105), Amount(115), rate("1.1"))
    );
    assert_eq!(fill.mid.map(|mid| mid.rate), Some(rate("1.12")));
    net.refused(net.exchange(signed(quote), SEND), &["ann"], Rejection::QuoteUsed);
    // So much as gives 115 USD at least: 104.55 EUR, rounded up.
    let quote = net.quote(2);
    let deliver = ExchangeAmount::Deliver(Amount(115));
    net.must(vec![net.exchange(signed(quote), deliver)], &["ann"]);
    assert_eq!((net.available(ann, "EUR"), net.available(ann, "USD")), (788, 1_230));
    // Forgotten when it could not be used any more in any case.
    net.pass(60);
    assert_eq!(net.ledger.contract(&mark), None);
    net.ledger = again(&net);
}

#[test]
fn an_exchange_may_be_held_with_its_fees_as_one_group() {
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (ann, bob, eve, capped) = (of("ann"), of("bob"), of("eve"), of("capped"));
    let held = |net: &Network, id, seconds| {
        settle(SettlementAction::Exchange(Box::new(Exchange {
            quote: signed(net.quote(id)),
            taker: ann,
            amount: ExchangeAmount::Send(Amount(100)),
            held: Some(HeldExchange {
                deliver_to: bob,
                post_by: list(vec![bob]),
                void_by: list(vec![ann]),
                expires_at: net.after(seconds),
                fees: list(vec![Fee {
                    to: capped,
                    amount: Amount(7),
                }]),
            }),
        })))
    };
    net.refused(held(&net, 1, 200), &["ann"], Rejection::ExpiryOutOfRange);
    let action = held(&net, 1, 90);
    let id = net.open_contract(action, &["ann"]);
    assert_eq!((net.held(ann, "EUR"), net.held(eve, "USD")), (108, 110));
    net.must(vec![post_group(id, bob)], &["bob"]);
    assert_eq!((net.available(ann, "EUR"), net.available(eve, "EUR")), (892, 1_101));
    assert_eq!(
        (net.available(bob, "USD"), net.available(capped, "EUR")),
        (1_110, 1_007)
    );
    // A recalled one goes back whole, and its quote stays used.
    let action = held(&net, 2, 90);
    let id = net.open_contract(action, &["ann"]);
    net.must(vec![void_group(id, ann)], &["ann"]);
    assert_eq!((net.available(ann, "EUR"), net.available(eve, "USD")), (892, 890));
    net.refused(held(&net, 2, 90), &["ann"], Rejection::QuoteUsed);
}

#[test]
fn quotes_are_refused_in_the_documented_order() {
    use Rejection::*;
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (bob, eve) = (of("bob"), of("eve"));
    let late = UnixSeconds(net.after(86_400 + 100).0);
    let good = net.quote(1);
    let past = UnixSeconds(1);
    let other = Some(bob);
    let mut tampered = signed(good.clone());
    tampered.quote.rate = rate("2");
    let by_ann = good.clone().sign([&secret("ann")]).unwrap();
    let with = |change: &dyn Fn(&mut Quote)| {
        let mut quote = good.clone();
        change(&mut quote);
        signed(quote)
    };
    let send = |amount| ExchangeAmount::Send(Amount(amount));
    let rows = [
        (tampered, send(0), QuoteInvalid),
        (by_ann, send(0), QuoteInvalid),
        (
            with(&|quote| quote.genesis = GenesisPrefix([9; 8])),
            send(0),
            QuoteInvalid,
        ),
        (
            with(&|quote| (quote.expires_at, quote.taker) = (past, other)),
            send(0),
            QuoteExpired,
        ),
        (with(&|quote| quote.taker = other), send(0), QuoteForeign),
        (with(&|quote| quote.buy = code("XXX")), send(0), UnknownCurrency),
        (with(&|_| {}), send(0), AmountZero),
        (with(&|_| {}), send(9), QuoteOutOfRange),
        (with(&|_| {}), send(501), QuoteOutOfRange),
        (
            with(&|quote| (quote.rate, quote.max) = (rate("10000000"), Amount(u64::MAX))),
            send(u64::MAX),
            Overflow,
        ),
        (with(&|quote| quote.rate = rate("0.000001")), send(10), NothingBought),
        (with(&|quote| quote.expires_at = late), send(10), ExpiryOutOfRange),
        (with(&|quote| quote.max = Amount(2_000)), send(1_000), InsufficientFunds),
        // The maker has not enough either.
        (with(&|quote| quote.rate = rate("101")), send(10), InsufficientFunds),
    ];
    for (quote, amount, reason) in rows {
        net.refused(net.exchange(quote, amount), &["ann"], reason);
    }
    let withdraw = || {
        settle(SettlementAction::WithdrawQuote {
            maker: eve,
            id: good.id,
        })
    };
    net.must(vec![withdraw()], &["eve"]);
    net.refused(withdraw(), &["eve"], QuoteWithdrawn);
    let quote = signed(Quote {
        expires_at: net.after(30),
        ..good.clone()
    });
    net.refused(net.exchange(quote, send(100)), &["ann"], QuoteWithdrawn);
    // Reference rates go forward in time, and not beyond the block's.
    net.must(vec![net.set_rate("1.1", net.after(0))], &["ECB"]);
    net.refused(net.set_rate("1.1", UnixSeconds(1)), &["ECB"], RateOutOfTime);
    net.refused(net.set_rate("1.1", net.after(60)), &["ECB"], RateOutOfTime);
    assert_eq!(
        net.act(vec![net.set_rate("1.1", net.after(0))], &["FED"]),
        Err(Skip::UnknownSigner)
    );
}

#[test]
fn an_allowance_is_spent_on_its_purpose_alone() {
    use Rejection::*;
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (ann, bob, eve, capped) = (of("ann"), of("bob"), of("eve"), of("capped"));
    let grocers = MerchantCategory(5_411);
    let category = |account, category| {
        settle(SettlementAction::SetCategory {
            operator: pid("BANK"),
            account,
            category,
        })
    };
    let allow = |payees, expires_at| {
        settle(SettlementAction::Allow(Allowance {
            grantor: ann,
            holder: bob,
            currency: code("EUR"),
            budget: Amount(100),
            payees,
            max_payment: Some(Amount(60)),
            expires_at,
        }))
    };
    let spend = |allowance, holder, to, amount| {
        settle(SettlementAction::Spend(Spend {
            allowance,
            holder,
            to,
            amount: Amount(amount),
        }))
    };
    let action = allow(Payees::Categories(list(vec![grocers])), net.after(100));
    let id = net.open_contract(action, &["ann"]);
    net.refused(spend(id, eve, eve, 0), &["eve"], NotPermitted);
    net.refused(spend(id, bob, ann, 0), &["bob"], AmountZero);
    net.refused(spend(id, bob, ann, 1), &["bob"], SamePayerAndPayee);
    net.refused(spend(id, bob, eve, 1), &["bob"], PayeeNotAllowed);
    net.must(vec![category(eve, Some(grocers))], &["BANK"]);
    net.refused(spend(id, bob, eve, 61), &["bob"], OverAllowance);
    net.must(vec![spend(id, bob, eve, 60)], &["bob"]);
    net.refused(spend(id, bob, eve, 41), &["bob"], OverAllowance);
    net.must(vec![category(eve, None)], &["BANK"]);
    net.refused(spend(id, bob, eve, 1), &["bob"], PayeeNotAllowed);
    assert_eq!((net.held(ann, "EUR"), net.available(eve, "EUR")), (40, 1_060));
    let rest = net.pass(100);
    assert_eq!(rest, [(id, Ending::Expired)]);
    assert_eq!((net.held(ann, "EUR"), net.available(ann, "EUR")), (0, 940));
    net.refused(spend(id, bob, eve, 1), &["bob"], ContractEnded);
    // Spent whole it ends.
    let action = allow(Payees::Operators(list(vec![pid("BANK")])), net.after(100));
    let id = net.open_contract(action, &["ann"]);
    net.must(vec![spend(id, bob, bob, 60), spend(id, bob, capped, 40)], &["bob"]);
    assert_eq!(net.ended(&id), Ending::Spent);
    let action = allow(Payees::Accounts(list(vec![eve])), net.after(100));
    let id = net.open_contract(action, &["ann"]);
    net.refused(spend(id, bob, capped, 1), &["bob"], PayeeNotAllowed);
    net.must(vec![freeze("BANK", ann, FreezeScope::Account)], &["BANK"]);
    net.refused(spend(id, bob, eve, 1), &["bob"], AccountNotActive);
}

#[test]
fn a_mandate_is_collected_within_its_bounds_until_it_is_revoked() {
    use Rejection::*;
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (ann, bob, eve, capped) = (of("ann"), of("bob"), of("eve"), of("capped"));
    let mandate = |net: &Network, payer| {
        settle(SettlementAction::Mandate(Mandate {
            payer,
            payee: bob,
            currency: code("EUR"),
            max_payment: Amount(320),
            max_per_period: Amount(400),
            period_seconds: 100,
            starts_at: net.after(10),
            ends_at: net.after(1_000),
        }))
    };
    let collect = |mandate, payee, amount| {
        settle(SettlementAction::Collect(Collect {
            mandate,
            payee,
            amount: Amount(amount),
            reference: text("rent"),
        }))
    };
    let action = mandate(&net, ann);
    let id = net.open_contract(action, &["ann"]);
    net.refused(collect(id, eve, 1), &["eve"], NotPermitted);
    net.refused(collect(id, bob, 1), &["bob"], MandateNotStarted);
    net.pass(10);
    net.refused(collect(id, bob, 321), &["bob"], OverMandate);
    net.refused(collect(id, bob, 0), &["bob"], AmountZero);
    net.must(vec![collect(id, bob, 320)], &["bob"]);
    net.refused(collect(id, bob, 81), &["bob"], OverMandate);
    net.must(vec![collect(id, bob, 80)], &["bob"]);
    net.pass(100);
    net.must(vec![collect(id, bob, 320)], &["bob"]);
    assert_eq!(net.available(bob, "EUR"), 1_720);
    let revoke = |contract, by| settle(SettlementAction::Revoke { contract, by });
    net.refused(revoke(id, eve), &["eve"], NotPermitted);
    net.must(vec![revoke(id, ann)], &["ann"]);
    net.refused(collect(id, bob, 1), &["bob"], ContractEnded);
    // The payer's own caps hold too, and a mandate ends by itself.
    let action = mandate(&net, capped);
    let id = net.open_contract(action, &["capped"]);
    net.pass(10);
    net.refused(collect(id, bob, 301), &["bob"], OverDailyLimit);
    assert_eq!(net.pass(990), [(id, Ending::Expired)]);
}

#[test]
fn a_request_is_paid_exactly_and_once() {
    use Rejection::*;
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (ann, bob, eve) = (of("ann"), of("bob"), of("eve"));
    let request = |net: &Network, payer| {
        settle(SettlementAction::Request(Request {
            payee: bob,
            payer,
            currency: code("EUR"),
            amount: Amount(30),
            reference: text("lunch"),
            expires_at: net.after(100),
        }))
    };
    let pay = |request, from, amount| {
        settle(SettlementAction::PayRequest(PayRequest {
            request,
            from,
            amount: Amount(amount),
        }))
    };
    let action = request(&net, Some(ann));
    let id = net.open_contract(action, &["bob"]);
    net.refused(pay(id, eve, 30), &["eve"], NotPermitted);
    net.refused(pay(id, ann, 29), &["ann"], RequestMismatch);
    net.must(vec![pay(id, ann, 30)], &["ann"]);
    net.refused(pay(id, ann, 30), &["ann"], ContractEnded);
    assert_eq!((net.available(ann, "EUR"), net.available(bob, "EUR")), (970, 1_030));
    let action = request(&net, None);
    let id = net.open_contract(action, &["bob"]);
    let revoke = |contract, by| settle(SettlementAction::Revoke { contract, by });
    net.must(vec![revoke(id, bob)], &["bob"]);
    net.refused(pay(id, eve, 30), &["eve"], ContractEnded);
    let action = hold(vec![leg(ann, bob, "EUR", 1)], net.after(60), &[bob], &[bob]);
    let id = net.open_contract(action, &["ann"]);
    net.refused(revoke(id, ann), &["ann"], NotRevocable);
}

#[test]
fn a_split_pays_all_or_none() {
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (ann, bob, eve) = (of("ann"), of("bob"), of("eve"));
    let split = |shares| {
        settle(SettlementAction::Split(Split {
            from: ann,
            currency: code("EUR"),
            shares,
        }))
    };
    let parts = vec![
        Part {
            to: bob,
            basis_points: 3_333,
        },
        Part {
            to: eve,
            basis_points: 6_667,
        },
    ];
    let by_parts = Shares::BasisPoints {
        amount: Amount(100),
        parts: list(parts),
    };
    net.must(vec![split(by_parts.clone())], &["ann"]);
    if let Shares::BasisPoints { parts, .. } = by_parts {
        let amount = Amount(0);
        net.refused(
            split(Shares::BasisPoints { amount, parts }),
            &["ann"],
            Rejection::AmountZero,
        );
    }
    assert_eq!((net.available(bob, "EUR"), net.available(eve, "EUR")), (1_033, 1_067));
    let too_much = vec![
        Share {
            to: bob,
            amount: Amount(500),
        },
        Share {
            to: eve,
            amount: Amount(500),
        },
    ];
    net.refused(
        split(Shares::Amounts(list(too_much))),
        &["ann"],
        Rejection::InsufficientFunds,
    );
    assert_eq!((net.available(ann, "EUR"), net.available(bob, "EUR")), (900, 1_033));
}
