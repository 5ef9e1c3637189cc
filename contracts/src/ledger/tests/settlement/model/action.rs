//! The actions, with those who sign them, of what the model does in numbers.

use super::{
    op::{Held, LegSpec, Op, QUOTE_HELD_SECONDS, QUOTE_MAX, QUOTE_MIN, Trade},
    *,
};
use crate::settlement::{
    Allowance, Collect, Exchange, ExchangeAmount, Fee, HeldExchange, Mandate, Part, PayRequest, Payees, Quote, QuoteId,
    Rate, Request, Share, Shares, Spend, Split,
};

impl Run {
    /// Of the passing of time there is none.
    pub(super) fn action(&self, op: &Op) -> Option<(Action, BTreeSet<&'static str>)> {
        if let Op::Freeze(who) | Op::Unfreeze(who) = op {
            let of = if matches!(op, Op::Freeze(_)) { freeze } else { unfreeze };
            let action = of("BANK", self.account(*who), FreezeScope::Account);
            return Some((action, BTreeSet::from(["BANK"])));
        }
        let (action, signers) = self.settlement(op)?;
        let names = signers.into_iter().map(|who| NAMES[who]);
        Some((action, names.collect()))
    }

    fn settlement(&self, op: &Op) -> Option<(Action, BTreeSet<usize>)> {
        let only = |who: &usize| BTreeSet::from([*who]);
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
                (action, legs.iter().map(|leg| leg.0).collect())
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
            Op::Void(which, by) => (void(self.id_of(*which), self.account(*by)), only(by)),
            Op::PostGroup(which, by) => (post_group(self.id_of(*which), self.account(*by)), only(by)),
            Op::VoidGroup(which, by) => (void_group(self.id_of(*which), self.account(*by)), only(by)),
            Op::Escrow {
                leg,
                seconds,
                on_expiry,
            } => (self.escrow(*leg, *seconds, *on_expiry), only(&leg.0)),
            Op::Claim { which, by, side, knows } => {
                let preimage = Preimage([u8::from(*knows); 32]);
                (
                    claim(self.id_of(*which), self.account(*by), *side, vec![preimage]),
                    only(by),
                )
            }
            Op::Allow { leg, .. } => (self.allow(op)?, only(&leg.0)),
            Op::Spend { which, by, to, amount } => {
                let spend = Spend {
                    allowance: self.id_of(*which),
                    holder: self.account(*by),
                    to: self.account(*to),
                    amount: Amount(*amount),
                };
                (Action::Settle(SettlementAction::Spend(spend)), only(by))
            }
            Op::Mandate { leg, .. } => (self.mandate(op)?, only(&leg.0)),
            Op::Collect { which, by, amount } => {
                let collect = Collect {
                    mandate: self.id_of(*which),
                    payee: self.account(*by),
                    amount: Amount(*amount),
                    reference: text("rent"),
                };
                (Action::Settle(SettlementAction::Collect(collect)), only(by))
            }
            Op::Request { payee, .. } => (self.request(op)?, only(payee)),
            Op::PayRequest { which, by, more } => {
                let payment = PayRequest {
                    request: self.id_of(*which),
                    from: self.account(*by),
                    amount: Amount(self.model.asked(*which) + more),
                };
                (Action::Settle(SettlementAction::PayRequest(payment)), only(by))
            }
            Op::Revoke(which, by) => {
                let (contract, by_account) = (self.id_of(*which), self.account(*by));
                let action = SettlementAction::Revoke {
                    contract,
                    by: by_account,
                };
                (Action::Settle(action), only(by))
            }
            Op::SplitAmounts { from, code, shares } => {
                let shares = shares.iter().map(|(to, amount)| Share {
                    to: self.account(*to),
                    amount: Amount(*amount),
                });
                (
                    self.split(*from, *code, Shares::Amounts(list(shares.collect()))),
                    only(from),
                )
            }
            Op::SplitParts {
                from,
                code,
                amount,
                parts,
            } => {
                let parts = parts.iter().map(|(to, basis_points)| Part {
                    to: self.account(*to),
                    basis_points: *basis_points,
                });
                let shares = Shares::BasisPoints {
                    amount: Amount(*amount),
                    parts: list(parts.collect()),
                };
                (self.split(*from, *code, shares), only(from))
            }
            Op::Exchange(trade) => (self.exchange(trade), only(&trade.taker)),
            Op::Withdraw { maker, id } => {
                let (maker_account, id) = (self.account(*maker), QuoteId([*id; 16]));
                let action = SettlementAction::WithdrawQuote {
                    maker: maker_account,
                    id,
                };
                (Action::Settle(action), only(maker))
            }
            Op::Freeze(_) | Op::Unfreeze(_) | Op::Pass(_) => return None,
        })
    }

    fn leg(&self, (debtor, creditor, currency, amount): LegSpec) -> Leg {
        leg(self.account(debtor), self.account(creditor), CODES[currency], amount)
    }

    fn escrow(&self, leg: LegSpec, seconds: u64, on_expiry: Side) -> Action {
        let leg = self.leg(leg);
        Action::Settle(SettlementAction::Escrow(Escrow {
            payer: leg.debtor,
            payee: leg.creditor,
            currency: leg.currency,
            amount: leg.amount,
            release_when: Condition::Preimage(Preimage([1; 32]).hash()),
            refund_when: Condition::After(self.net.after(seconds / 4)),
            expires_at: self.net.after(seconds),
            on_expiry,
        }))
    }

    fn allow(&self, op: &Op) -> Option<Action> {
        let Op::Allow {
            leg,
            payees,
            max_payment,
            seconds,
        } = op
        else {
            return None;
        };
        let leg = self.leg(*leg);
        let payees = payees.iter().map(|who| self.account(*who));
        Some(Action::Settle(SettlementAction::Allow(Allowance {
            grantor: leg.debtor,
            holder: leg.creditor,
            currency: leg.currency,
            budget: leg.amount,
            payees: Payees::Accounts(list(payees.collect())),
            max_payment: max_payment.map(Amount),
            expires_at: self.net.after(*seconds),
        })))
    }

    fn mandate(&self, op: &Op) -> Option<Action> {
        let Op::Mandate {
            leg,
            max_per_period,
            period,
            starts,
            lasts,
        } = op
        else {
            return None;
        };
        let leg = self.leg(*leg);
        Some(Action::Settle(SettlementAction::Mandate(Mandate {
            payer: leg.debtor,
            payee: leg.creditor,
            currency: leg.currency,
            max_payment: leg.amount,
            max_per_period: Amount(*max_per_period),
            period_seconds: *period,
            starts_at: self.net.after(*starts),
            ends_at: self.net.after(starts + lasts),
        })))
    }

    fn request(&self, op: &Op) -> Option<Action> {
        let Op::Request {
            payee,
            payer,
            code: currency,
            amount,
            seconds,
        } = op
        else {
            return None;
        };
        Some(Action::Settle(SettlementAction::Request(Request {
            payee: self.account(*payee),
            payer: payer.map(|who| self.account(who)),
            currency: code(CODES[*currency]),
            amount: Amount(*amount),
            reference: text("lunch"),
            expires_at: self.net.after(*seconds),
        })))
    }

    fn split(&self, from: usize, currency: usize, shares: Shares) -> Action {
        Action::Settle(SettlementAction::Split(Split {
            from: self.account(from),
            currency: code(CODES[currency]),
            shares,
        }))
    }

    fn exchange(&self, trade: &Trade) -> Action {
        let quote = Quote {
            genesis: self.net.ledger.genesis().prefix(),
            id: QuoteId([trade.id; 16]),
            maker: self.account(trade.maker),
            taker: None,
            sell: code(CODES[trade.sell]),
            buy: code(CODES[1 - trade.sell]),
            rate: Rate {
                mantissa: trade.mantissa,
                scale: 2,
            },
            min: Amount(QUOTE_MIN),
            max: Amount(QUOTE_MAX),
            fee: Amount(trade.fee),
            expires_at: self.net.after(80_000),
            hold_seconds_max: u32::try_from(QUOTE_HELD_SECONDS).unwrap(),
        };
        let amount = Amount(trade.amount);
        let exchange = Exchange {
            quote: quote.sign([&secret(NAMES[trade.maker])]).unwrap(),
            taker: self.account(trade.taker),
            amount: match trade.delivers {
                true => ExchangeAmount::Deliver(amount),
                false => ExchangeAmount::Send(amount),
            },
            held: trade.held.as_ref().map(|held| self.held(held)),
        };
        Action::Settle(SettlementAction::Exchange(Box::new(exchange)))
    }

    fn held(&self, held: &Held) -> HeldExchange {
        let fees = held.fees.iter().map(|(to, fee)| Fee {
            to: self.account(*to),
            amount: Amount(*fee),
        });
        HeldExchange {
            deliver_to: self.account(held.deliver_to),
            post_by: list(vec![self.account(held.post_by)]),
            void_by: list(vec![self.account(held.void_by)]),
            expires_at: self.net.after(held.seconds),
            fees: list(fees.collect()),
        }
    }
}
