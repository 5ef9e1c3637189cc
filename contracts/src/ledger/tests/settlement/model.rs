//! Random sequences of what parties may do with contracts, against a simpler model that predicts whether
//! each takes effect and what everybody then has.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::settlement::{Allowance, Exchange, ExchangeAmount, Payees, Quote, QuoteId, Rate, Spend};

const NAMES: [&str; 4] = ["ann", "bob", "eve", "zoe"];
const CODES: [&str; 2] = ["EUR", "USD"];
const FUNDS: u64 = 1_000;

/// Accounts and currencies by number; which contract, counted over all there were.
#[derive(Debug, Clone)]
enum Op {
    Hold {
        legs: Vec<(usize, usize, usize, u64)>,
        seconds: u64,
        post_by: usize,
        void_by: usize,
    },
    Post {
        which: usize,
        by: usize,
        amount: Option<u64>,
        keep_rest: bool,
    },
    PostGroup(usize, usize),
    VoidGroup(usize, usize),
    Escrow {
        leg: (usize, usize, usize, u64),
        seconds: u64,
        on_expiry: Side,
    },
    Claim {
        which: usize,
        by: usize,
        side: Side,
        knows: bool,
    },
    Allow {
        leg: (usize, usize, usize, u64),
        payee: usize,
        seconds: u64,
    },
    Spend {
        which: usize,
        by: usize,
        to: usize,
        amount: u64,
    },
    Exchange {
        maker: usize,
        taker: usize,
        sell: usize,
        mantissa: u64,
        amount: u64,
        id: u8,
    },
    Freeze(usize),
    Unfreeze(usize),
    Pass(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let who = || 0..NAMES.len();
    let leg = || (who(), who(), 0..CODES.len(), 0..500u64);
    let seconds = || 0..40u64;
    let which = || 0..12usize;
    let side = || prop_oneof![Just(Side::Refund), Just(Side::Release)];
    prop_oneof![
        4 => (prop::collection::vec(leg(), 1..4), seconds(), who(), who())
            .prop_map(|(legs, seconds, post_by, void_by)| Op::Hold { legs, seconds, post_by, void_by }),
        4 => (which(), who(), prop::option::of(0..500u64), any::<bool>())
            .prop_map(|(which, by, amount, keep_rest)| Op::Post { which, by, amount, keep_rest }),
        2 => (which(), who()).prop_map(|(which, by)| Op::PostGroup(which, by)),
        2 => (which(), who()).prop_map(|(which, by)| Op::VoidGroup(which, by)),
        3 => (leg(), seconds(), side()).prop_map(|(leg, seconds, on_expiry)| Op::Escrow { leg, seconds, on_expiry }),
        3 => (which(), who(), side(), any::<bool>())
            .prop_map(|(which, by, side, knows)| Op::Claim { which, by, side, knows }),
        2 => (leg(), who(), seconds()).prop_map(|(leg, payee, seconds)| Op::Allow { leg, payee, seconds }),
        2 => (which(), who(), who(), 0..300u64)
            .prop_map(|(which, by, to, amount)| Op::Spend { which, by, to, amount }),
        3 => (who(), who(), 0..CODES.len(), 1..300u64, 0..500u64, 0..3u8).prop_map(
            |(maker, taker, sell, mantissa, amount, id)| Op::Exchange { maker, taker, sell, mantissa, amount, id }
        ),
        1 => who().prop_map(Op::Freeze),
        2 => who().prop_map(Op::Unfreeze),
        2 => (1..30u64).prop_map(Op::Pass),
    ]
}

/// What the model knows of a contract.
#[derive(Debug, Clone)]
struct Deal {
    id: ContractId,
    is_open: bool,
    expires_at: u64,
    legs: Vec<(usize, usize, usize, u64)>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Hold {
        post_by: usize,
        void_by: usize,
    },
    /// Released with a preimage, refunded from this time on.
    Escrow {
        refund_from: u64,
        on_expiry: Side,
    },
    Allowance {
        payee: usize,
    },
}

#[derive(Debug, Default, Clone)]
struct Model {
    available: BTreeMap<(usize, usize), u64>,
    held: BTreeMap<(usize, usize), u64>,
    frozen: BTreeSet<usize>,
    deals: Vec<Deal>,
    quotes: BTreeSet<(usize, u8)>,
}

type LegSpec = (usize, usize, usize, u64);

impl Model {
    fn new() -> Self {
        let all = || (0..NAMES.len()).flat_map(|who| (0..CODES.len()).map(move |code| (who, code)));
        Self {
            available: all().map(|key| (key, FUNDS)).collect(),
            held: all().map(|key| (key, 0)).collect(),
            ..Self::default()
        }
    }

    /// `None`: not possible.
    fn set_aside(&mut self, (debtor, creditor, code, amount): LegSpec) -> Option<()> {
        let from = self.available.get_mut(&(debtor, code))?;
        if self.frozen.contains(&debtor) || debtor == creditor || amount == 0 || *from < amount {
            return None;
        }
        *from -= amount;
        *self.held.get_mut(&(debtor, code))? += amount;
        Some(())
    }

    fn pay(&mut self, (debtor, creditor, code, amount): LegSpec) {
        *self.held.get_mut(&(debtor, code)).unwrap() -= amount;
        *self.available.get_mut(&(creditor, code)).unwrap() += amount;
    }

    fn give_back(&mut self, (debtor, _, code, amount): LegSpec) {
        self.pay((debtor, debtor, code, amount));
    }

    fn expire(&mut self, now: u64) {
        for at in 0..self.deals.len() {
            let deal = self.deals[at].clone();
            if !deal.is_open || deal.expires_at > now {
                continue;
            }
            self.deals[at].is_open = false;
            for leg in deal.legs {
                match deal.kind {
                    Kind::Escrow {
                        on_expiry: Side::Release,
                        ..
                    } if !self.frozen.contains(&leg.0) => self.pay(leg),
                    _ => self.give_back(leg),
                }
            }
        }
    }

    /// An open deal of the kind that is asked for.
    fn deal(&self, which: usize, now: u64) -> Option<Deal> {
        let deal = self.deals.get(which)?;
        (deal.is_open && deal.expires_at > now).then(|| deal.clone())
    }

    /// Does it, or returns `None`; the caller puts back what was.
    fn apply(&mut self, op: &Op, id: ContractId, now: u64) -> Option<()> {
        let deal = |legs: &[LegSpec], seconds: u64, kind| Deal {
            id,
            is_open: true,
            // The time of the block before, from which it was counted.
            expires_at: now - 1 + seconds,
            legs: legs.to_vec(),
            kind,
        };
        match op {
            Op::Hold {
                legs,
                seconds,
                post_by,
                void_by,
            } => {
                let (post_by, void_by) = (*post_by, *void_by);
                legs.iter().try_for_each(|leg| self.set_aside(*leg))?;
                self.deals.push(deal(legs, *seconds, Kind::Hold { post_by, void_by }));
                (*seconds > 1).then_some(())
            }
            Op::Escrow {
                leg,
                seconds,
                on_expiry,
            } => {
                self.set_aside(*leg)?;
                let kind = Kind::Escrow {
                    refund_from: now - 1 + seconds / 2,
                    on_expiry: *on_expiry,
                };
                self.deals.push(deal(&[*leg], *seconds, kind));
                (*seconds > 1).then_some(())
            }
            Op::Allow { leg, payee, seconds } => {
                self.set_aside(*leg)?;
                self.deals
                    .push(deal(&[*leg], *seconds, Kind::Allowance { payee: *payee }));
                (*seconds > 1).then_some(())
            }
            Op::Post {
                which,
                by,
                amount,
                keep_rest,
            } => {
                let deal = self.deal(*which, now)?;
                let ([leg], Kind::Hold { post_by, .. }) = (&deal.legs[..], &deal.kind) else {
                    return None;
                };
                let amount = amount.unwrap_or(leg.3);
                if by != post_by || self.frozen.contains(by) || self.frozen.contains(&leg.0) || amount == 0 {
                    return None;
                }
                let rest = leg.3.checked_sub(amount)?;
                self.pay((leg.0, leg.1, leg.2, amount));
                if *keep_rest && rest > 0 {
                    self.deals[*which].legs[0].3 = rest;
                } else {
                    self.give_back((leg.0, leg.1, leg.2, rest));
                    self.deals[*which].is_open = false;
                }
                Some(())
            }
            Op::PostGroup(which, by) => {
                let deal = self.deal(*which, now)?;
                let Kind::Hold { post_by, .. } = deal.kind else {
                    return None;
                };
                let is_frozen = deal.legs.iter().any(|leg| self.frozen.contains(&leg.0));
                if post_by != *by || self.frozen.contains(by) || is_frozen {
                    return None;
                }
                deal.legs.iter().for_each(|leg| self.pay(*leg));
                self.deals[*which].is_open = false;
                Some(())
            }
            Op::VoidGroup(which, by) => {
                let deal = self.deal(*which, now)?;
                let Kind::Hold { void_by, .. } = deal.kind else {
                    return None;
                };
                deal.legs.iter().for_each(|leg| self.give_back(*leg));
                self.deals[*which].is_open = false;
                (void_by == *by).then_some(())
            }
            Op::Claim { which, side, knows, .. } => {
                let deal = self.deal(*which, now)?;
                let Kind::Escrow { refund_from, .. } = deal.kind else {
                    return None;
                };
                let leg = deal.legs[0];
                self.deals[*which].is_open = false;
                match side {
                    Side::Release if *knows && !self.frozen.contains(&leg.0) => self.pay(leg),
                    Side::Refund if now >= refund_from => self.give_back(leg),
                    _ => return None,
                }
                Some(())
            }
            Op::Spend { which, by, to, amount } => {
                let deal = self.deal(*which, now)?;
                let Kind::Allowance { payee } = deal.kind else {
                    return None;
                };
                let (grantor, holder, code, left) = deal.legs[0];
                let is_frozen = self.frozen.contains(&grantor) || self.frozen.contains(by);
                if holder != *by || payee != *to || is_frozen || grantor == *to || *amount == 0 || *amount > left {
                    return None;
                }
                self.pay((grantor, *to, code, *amount));
                self.deals[*which].legs[0].3 -= amount;
                self.deals[*which].is_open = *amount < left;
                Some(())
            }
            Op::Exchange {
                maker,
                taker,
                sell,
                mantissa,
                amount,
                id,
            } => {
                // Of two digits after the point, between currencies of equal exponents.
                let bought = amount * mantissa / 100;
                let buy = 1 - sell;
                if *amount == 0 || bought == 0 || !self.quotes.insert((*maker, *id)) {
                    return None;
                }
                for leg in [(*taker, *maker, *sell, *amount), (*maker, *taker, buy, bought)] {
                    self.set_aside(leg)?;
                    self.pay(leg);
                }
                Some(())
            }
            Op::Freeze(who) => self.frozen.insert(*who).then_some(()),
            Op::Unfreeze(who) => self.frozen.remove(who).then_some(()),
            Op::Pass(_) => None,
        }
    }
}

/// The ledger and the model side by side, and a second ledger that checks every block.
struct Run {
    net: Network,
    twin: Ledger,
    model: Model,
}

impl Run {
    fn new() -> Self {
        let participants = vec![
            participant("ECB", false),
            participant("FED", false),
            participant("BANK", true),
        ];
        let currencies = vec![currency("EUR", "ECB", 1_000_000), currency("USD", "FED", 1_000_000)];
        let accounts = NAMES.map(|name| opening("BANK", policy(name), 0, &CODES.map(|code| (code, FUNDS))));
        let net = Network::new(genesis(participants, currencies, vec![], accounts.to_vec()));
        let twin = Ledger::from_genesis(&net.genesis, 77);
        Self {
            net,
            twin,
            model: Model::new(),
        }
    }

    fn account(&self, who: usize) -> AccountId {
        self.net.account("BANK", NAMES[who])
    }

    fn leg(&self, (debtor, creditor, currency, amount): LegSpec) -> Leg {
        leg(self.account(debtor), self.account(creditor), CODES[currency], amount)
    }

    fn id_of(&self, which: usize) -> ContractId {
        self.model
            .deals
            .get(which)
            .map_or(ContractId([0xee; 20]), |deal| deal.id)
    }

    /// The action, with those who sign it.
    fn action(&self, op: &Op) -> Option<(Action, BTreeSet<&'static str>)> {
        let name = |who: &usize| NAMES[*who];
        let only = |who: &usize| BTreeSet::from([name(who)]);
        Some(match op {
            Op::Hold {
                legs,
                seconds,
                post_by,
                void_by,
            } => {
                let action = hold(
                    legs.iter().map(|leg| self.leg(*leg)).collect(),
                    self.net.after(*seconds),
                    &[self.account(*post_by)],
                    &[self.account(*void_by)],
                );
                (action, legs.iter().map(|leg| NAMES[leg.0]).collect())
            }
            Op::Post {
                which,
                by,
                amount,
                keep_rest,
            } => (
                post(self.id_of(*which), self.account(*by), *amount, *keep_rest),
                only(by),
            ),
            Op::PostGroup(which, by) => (post_group(self.id_of(*which), self.account(*by)), only(by)),
            Op::VoidGroup(which, by) => (void_group(self.id_of(*which), self.account(*by)), only(by)),
            Op::Escrow {
                leg,
                seconds,
                on_expiry,
            } => {
                let Leg {
                    debtor,
                    creditor,
                    currency,
                    amount,
                } = self.leg(*leg);
                let escrow = Escrow {
                    payer: debtor,
                    payee: creditor,
                    currency,
                    amount,
                    release_when: Condition::Preimage(Preimage([1; 32]).hash()),
                    refund_when: Condition::After(self.net.after(seconds / 2)),
                    expires_at: self.net.after(*seconds),
                    on_expiry: *on_expiry,
                };
                (Action::Settle(SettlementAction::Escrow(escrow)), only(&leg.0))
            }
            Op::Claim { which, by, side, knows } => {
                let preimage = Preimage([u8::from(*knows); 32]);
                (
                    claim(self.id_of(*which), self.account(*by), *side, vec![preimage]),
                    only(by),
                )
            }
            Op::Allow { leg, payee, seconds } => {
                let Leg {
                    debtor,
                    creditor,
                    currency,
                    amount,
                } = self.leg(*leg);
                let allowance = Allowance {
                    grantor: debtor,
                    holder: creditor,
                    currency,
                    budget: amount,
                    payees: Payees::Accounts(list(vec![self.account(*payee)])),
                    max_payment: None,
                    expires_at: self.net.after(*seconds),
                };
                (Action::Settle(SettlementAction::Allow(allowance)), only(&leg.0))
            }
            Op::Spend { which, by, to, amount } => {
                let spend = Spend {
                    allowance: self.id_of(*which),
                    holder: self.account(*by),
                    to: self.account(*to),
                    amount: Amount(*amount),
                };
                (Action::Settle(SettlementAction::Spend(spend)), only(by))
            }
            Op::Exchange {
                maker,
                taker,
                sell,
                mantissa,
                amount,
                id,
            } => {
                let quote = Quote {
                    genesis: self.net.ledger.genesis().prefix(),
                    id: QuoteId([*id; 16]),
                    maker: self.account(*maker),
                    taker: None,
                    sell: code(CODES[*sell]),
                    buy: code(CODES[1 - sell]),
                    rate: Rate {
                        mantissa: *mantissa,
                        scale: 2,
                    },
                    min: Amount(1),
                    max: Amount(u64::MAX),
                    fee: Amount(0),
                    expires_at: self.net.after(80_000),
                    hold_seconds_max: 0,
                };
                let exchange = Exchange {
                    quote: quote.sign([&secret(NAMES[*maker])]).unwrap(),
                    taker: self.account(*taker),
                    amount: ExchangeAmount::Send(Amount(*amount)),
                    held: None,
                };
                (
                    Action::Settle(SettlementAction::Exchange(Box::new(exchange))),
                    only(taker),
                )
            }
            Op::Freeze(who) => (
                freeze("BANK", self.account(*who), FreezeScope::Account),
                BTreeSet::from(["BANK"]),
            ),
            Op::Unfreeze(who) => (
                unfreeze("BANK", self.account(*who), FreezeScope::Account),
                BTreeSet::from(["BANK"]),
            ),
            Op::Pass(_) => return None,
        })
    }

    fn step(&mut self, op: &Op) {
        let (batches, id, seconds) = match (op, self.action(op)) {
            (Op::Pass(seconds), _) => (vec![], ContractId([0; 20]), *seconds),
            (_, Some((action, signers))) => {
                let signers: Vec<_> = signers.into_iter().collect();
                let tx = self.net.tx(vec![action], &signers);
                let id = ContractId::derive(&tx.id(), 0);
                (vec![self.net.batch("v1", vec![tx])], id, 1)
            }
            _ => unreachable!("every other operation is an action"),
        };
        let (block, execution) = self.net.block_at(TimeMs(self.net.time().0 + seconds * 1000), &batches);
        let checked = self.twin.check(&block, &batches).expect("the same on every machine");
        assert_eq!(checked.changes, execution.changes);
        self.twin.commit(checked);
        let now = self.net.time().0 / 1000;
        self.model.expire(now);
        let before = self.model.clone();
        let expected = self.model.apply(op, id, now);
        if expected.is_none() {
            self.model = before;
        }
        if !batches.is_empty() {
            let fate = fates(&execution, 1)[0].expect("rightly signed");
            assert_eq!(fate == Outcome::Applied, expected.is_some(), "{op:?}: {fate:?}");
        }
        for (who, person) in NAMES.iter().enumerate() {
            for (code, name) in CODES.iter().enumerate() {
                let has = (
                    self.net.available(self.account(who), name),
                    self.net.held(self.account(who), name),
                );
                let expected = (
                    i128::from(self.model.available[&(who, code)]),
                    self.model.held[&(who, code)],
                );
                assert_eq!(has, expected, "{person} {name} after {op:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn invariant_contracts_do_what_a_simple_model_says_and_end_by_time(ops in prop::collection::vec(op(), 1..40)) {
        let mut run = Run::new();
        for op in &ops {
            run.step(op);
        }
        prop_assert_eq!(again(&run.net).snapshot(), run.twin.snapshot());
        // Time alone ends all of them; a day later nothing is left of any.
        run.step(&Op::Pass(100));
        prop_assert!(run.model.held.values().all(|held| *held == 0));
        run.step(&Op::Pass(ENDED_SECONDS + 1));
        run.step(&Op::Pass(1));
        let left = run.net.ledger.entries().filter(|(key, _)| matches!(key, crate::ledger::StateKey::Contract(_)));
        prop_assert_eq!(left.count(), 0);
    }
}
