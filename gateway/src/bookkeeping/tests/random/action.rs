//! The actions of what happens: by those who may, as a rule, and for those contracts that there are.

use causeway_contracts::{
    identity::ParticipantId,
    money::Amount,
    settlement::{
        Allowance, Claim, Collect, ContractId, Escrow, Exchange, ExchangeAmount, Fee, HeldExchange, Hold, Leg, Mandate,
        Offer, Part, PathAmount, PathPayment, PayRequest, Payees, Quote, QuoteId, Request, SettlementAction, Share,
        Shares, Side, Spend, Split, Terms,
        condition::Condition,
        netting::{Cycle, Obligation},
    },
    transaction::Action,
};

use super::{
    super::town::{PEOPLE, code, key, list},
    Run,
    op::{LegSpec, Op},
};

impl Run {
    /// One of the open contracts that `pick` takes.
    fn find<T>(&self, which: usize, pick: impl Fn(&Terms) -> Option<T>) -> Option<(ContractId, T)> {
        let contracts = self.opened.iter().filter_map(|id| {
            let contract = self.town.ledger.contract(id).filter(|it| it.is_open())?;
            Some((*id, pick(&contract.terms)?))
        });
        let mut found: Vec<_> = contracts.collect();
        (!found.is_empty()).then(|| found.swap_remove(which % found.len()))
    }

    fn hold(&self, which: usize, is_single: bool) -> Option<(ContractId, Hold)> {
        self.find(which, |terms| match terms {
            Terms::Hold(hold) if (hold.legs.len() == 1) == is_single => Some(hold.clone()),
            _ => None,
        })
    }

    fn cycle(&self, which: usize) -> Option<(ContractId, Cycle)> {
        self.find(which, |terms| match terms {
            Terms::Cycle(state) => Some(state.cycle.clone()),
            _ => None,
        })
    }

    fn leg(&self, (from, to, at, amount): LegSpec) -> Leg {
        // A payment to oneself is refused.
        let to = if from == to { to + 1 } else { to };
        Leg {
            debtor: self.town.id(from),
            creditor: self.town.id(to % PEOPLE),
            currency: code(at),
            amount: Amount(amount),
        }
    }

    /// `None` if there is no contract that it could be about.
    pub(super) fn action(&mut self, op: Op) -> Option<Action> {
        let town = &self.town;
        let after = |seconds| town.in_seconds(seconds);
        Some(Action::Settle(match op {
            Op::Transfer(spec) => {
                let leg = self.leg(spec);
                return Some(Action::Transfer {
                    from: leg.debtor,
                    to: leg.creditor,
                    currency: leg.currency,
                    amount: leg.amount,
                });
            }
            Op::Issue((to, _, at, amount)) => {
                return Some(Action::Issue {
                    currency: code(at),
                    to: town.id(to),
                    amount: Amount(amount),
                });
            }
            Op::Redeem((from, _, at, amount)) => {
                return Some(Action::Redeem {
                    currency: code(at),
                    from: town.id(from),
                    amount: Amount(amount),
                });
            }
            Op::Hold(legs, seconds) => {
                let legs: Vec<_> = legs.into_iter().map(|spec| self.leg(spec)).collect();
                SettlementAction::Hold(Hold {
                    post_by: list([legs[0].creditor]),
                    void_by: list([legs[0].debtor]),
                    legs: list(legs),
                    expires_at: after(seconds),
                })
            }
            Op::Post(which, thousandths, keep_rest) => {
                let (id, hold) = self.hold(which, true)?;
                let part = |parts| Amount(hold.legs[0].amount.0 * parts / 1000);
                SettlementAction::Post {
                    hold: id,
                    by: hold.post_by[0],
                    amount: thousandths.map(part),
                    keep_rest,
                }
            }
            Op::PostGroup(which) => {
                let (hold, terms) = self.hold(which, which % 4 == 0)?;
                let by = terms.post_by[0];
                SettlementAction::PostGroup { hold, by }
            }
            Op::Void(which) => {
                let (hold, terms) = self.hold(which, which % 2 == 0)?;
                let by = terms.void_by[0];
                SettlementAction::VoidGroup { hold, by }
            }
            Op::Escrow(spec, seconds, releases) => {
                let leg = self.leg(spec);
                SettlementAction::Escrow(Escrow {
                    payer: leg.debtor,
                    payee: leg.creditor,
                    currency: leg.currency,
                    amount: leg.amount,
                    release_when: Condition::After(after(2)),
                    refund_when: Condition::After(after(4)),
                    expires_at: after(seconds),
                    on_expiry: if releases { Side::Release } else { Side::Refund },
                })
            }
            Op::Claim(which, releases) => {
                let (escrow, by) = self.find(which, |terms| match terms {
                    Terms::Escrow(escrow) => Some(escrow.payer),
                    _ => None,
                })?;
                SettlementAction::Claim(Claim {
                    escrow,
                    by,
                    side: if releases { Side::Release } else { Side::Refund },
                    preimages: list([]),
                })
            }
            Op::Allow(spec, seconds, is_for_all) => {
                let leg = self.leg(spec);
                let payees = match is_for_all {
                    true => Payees::Operators(list([ParticipantId::new("BANK").unwrap()])),
                    false => Payees::Accounts(list([leg.creditor, town.id(spec.2)])),
                };
                SettlementAction::Allow(Allowance {
                    grantor: leg.debtor,
                    holder: leg.creditor,
                    currency: leg.currency,
                    budget: leg.amount,
                    payees,
                    max_payment: None,
                    expires_at: after(seconds),
                })
            }
            Op::Spend(which, to, amount) => {
                let (allowance, terms) = self.find(which, |terms| match terms {
                    Terms::Allowance(terms) => Some(terms.clone()),
                    _ => None,
                })?;
                let to = match &terms.payees {
                    Payees::Accounts(list) => list[to % list.len()],
                    _ => town.id(to),
                };
                let amount = Amount(amount.min(terms.budget.0));
                SettlementAction::Spend(Spend {
                    allowance,
                    holder: terms.holder,
                    to,
                    amount,
                })
            }
            Op::Mandate(spec, seconds) => {
                let leg = self.leg(spec);
                SettlementAction::Mandate(Mandate {
                    payer: leg.debtor,
                    payee: leg.creditor,
                    currency: leg.currency,
                    max_payment: leg.amount,
                    max_per_period: Amount(5_000),
                    period_seconds: 5,
                    starts_at: after(0),
                    ends_at: after(seconds),
                })
            }
            Op::Collect(which, amount) => {
                let (mandate, terms) = self.find(which, |terms| match terms {
                    Terms::Mandate(state) => Some(state.mandate.clone()),
                    _ => None,
                })?;
                SettlementAction::Collect(Collect {
                    mandate,
                    payee: terms.payee,
                    amount: Amount(amount.min(terms.max_payment.0)),
                    reference: Default::default(),
                })
            }
            Op::Request(spec, seconds, names_payer) => {
                let leg = self.leg(spec);
                SettlementAction::Request(Request {
                    payee: leg.creditor,
                    payer: names_payer.then_some(leg.debtor),
                    currency: leg.currency,
                    amount: leg.amount,
                    reference: Default::default(),
                    expires_at: after(seconds),
                })
            }
            Op::PayRequest(which, from) => {
                let (request, terms) = self.find(which, |terms| match terms {
                    Terms::Request(request) => Some(request.clone()),
                    _ => None,
                })?;
                SettlementAction::PayRequest(PayRequest {
                    request,
                    from: terms.payer.unwrap_or(town.id(from % PEOPLE)),
                    amount: terms.amount,
                })
            }
            Op::Revoke(which) => {
                let (contract, by) = self.find(which, |terms| match terms {
                    Terms::Mandate(state) => Some(state.mandate.payer),
                    Terms::Request(request) => Some(request.payee),
                    Terms::Allowance(allowance) => Some(allowance.holder),
                    Terms::Offer(state) => Some(state.offer.maker),
                    _ => None,
                })?;
                SettlementAction::Revoke { contract, by }
            }
            Op::Split(spec, shares) => {
                let leg = self.leg(spec);
                let share = |(who, amount)| Share {
                    to: self.leg((spec.0, who, 0, 0)).creditor,
                    amount: Amount(amount),
                };
                SettlementAction::Split(Split {
                    from: leg.debtor,
                    currency: leg.currency,
                    shares: Shares::Amounts(list(shares.into_iter().map(share))),
                })
            }
            Op::SplitParts(spec, points, who) => {
                let leg = self.leg(spec);
                let part = |to, basis_points| Part { to, basis_points };
                let other = self.leg((spec.0, who, 0, 0)).creditor;
                SettlementAction::Split(Split {
                    from: leg.debtor,
                    currency: leg.currency,
                    shares: Shares::BasisPoints {
                        amount: leg.amount,
                        parts: list([part(leg.creditor, points), part(other, 10_000 - points)]),
                    },
                })
            }
            Op::Exchange(spec, fee, held) => return Some(self.exchange(spec, fee, held)),
            Op::Offer((who, _, at, amount), thousandths, seconds) => SettlementAction::Offer(Offer {
                maker: town.id(who),
                sell: code(at),
                buy: code(at + 1 + thousandths as usize % 2),
                rate: format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
                    .parse()
                    .unwrap(),
                amount: Amount(amount),
                min_fill: Amount::ZERO,
                expires_at: after(seconds),
            }),
            Op::PayPath((from, to, at, amount), is_long) => {
                let hops = if is_long { 3 } else { 2 };
                SettlementAction::PayPath(PathPayment {
                    from: town.id(from),
                    to: town.id(to),
                    path: list((0..hops).map(|hop| code(at + hop))),
                    amount: PathAmount::SendExact {
                        send: Amount(amount / 4 + 1),
                        deliver_min: Amount(1),
                    },
                })
            }
            Op::OpenCycle(opener, seconds) => {
                let mut participants: Vec<_> = (0..3).map(|more| town.id((opener + more) % PEOPLE)).collect();
                participants.sort_unstable();
                SettlementAction::OpenCycle(Cycle {
                    opener: town.id(opener),
                    participants: list(participants),
                    currencies: list([code(0)]),
                    closes_at: after(seconds),
                })
            }
            Op::Prefund(which, (who, _, _, amount)) => {
                let (cycle, terms) = self.cycle(which)?;
                SettlementAction::Prefund {
                    cycle,
                    participant: terms.participants[who % 3],
                    currency: code(0),
                    amount: Amount(amount),
                }
            }
            Op::Oblige(which, (who, _, _, amount)) => {
                let (cycle, terms) = self.cycle(which)?;
                SettlementAction::Oblige(Obligation {
                    cycle,
                    debtor: terms.participants[who % 3],
                    creditor: terms.participants[(who + 1) % 3],
                    currency: code(0),
                    amount: Amount(amount),
                })
            }
            Op::CloseCycle(which) => {
                let (cycle, terms) = self.cycle(which)?;
                SettlementAction::CloseCycle {
                    cycle,
                    by: terms.opener,
                }
            }
        }))
    }

    fn exchange(&mut self, spec: LegSpec, fee: u64, held: Option<(u64, usize)>) -> Action {
        let leg = self.leg(spec);
        let maker = (0..PEOPLE).find(|who| self.town.id(*who) == leg.creditor).unwrap();
        self.quotes += 1;
        let quote = Quote {
            genesis: self.town.ledger.genesis().prefix(),
            id: QuoteId([self.quotes; 16]),
            maker: leg.creditor,
            taker: None,
            sell: leg.currency,
            buy: code(spec.2 + 1),
            rate: "1.25".parse().unwrap(),
            min: Amount(1),
            max: Amount(1_000_000),
            fee: Amount(fee),
            expires_at: self.town.in_seconds(60),
            hold_seconds_max: 600,
        };
        let held = held.map(|(fee, to)| HeldExchange {
            deliver_to: self.leg((maker, to, 0, 0)).creditor,
            post_by: list([leg.debtor]),
            void_by: list([leg.debtor]),
            expires_at: self.town.in_seconds(8),
            fees: list([Fee {
                to: self.leg((spec.0, to, 0, 0)).creditor,
                amount: Amount(fee),
            }]),
        });
        Action::Settle(SettlementAction::Exchange(Box::new(Exchange {
            quote: quote.sign([&key(maker)]).unwrap(),
            taker: leg.debtor,
            amount: ExchangeAmount::Send(leg.amount),
            held,
        })))
    }
}
