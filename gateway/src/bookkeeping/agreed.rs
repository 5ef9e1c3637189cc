//! What has to be known of an open contract to book what it pays.

use causeway_contracts::{
    identity::AccountId,
    ledger::receipt::Trade,
    money::{Amount, Currency},
    settlement::{
        Allowance, Exchange, HeldExchange, Hold, Leg, Mandate, Payees, Request, SettlementAction, Terms, netting::Cycle,
    },
};
use serde::{Deserialize, Serialize};

use super::entry::Kind;

/// A payment to come, and what its entries will say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Payment {
    pub leg: Leg,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Agreed {
    /// Those of its payments in which a watched account has a side. A hold that can be posted in part has one.
    Hold(Vec<Payment>),
    Escrow(Leg),
    /// The leg's amount is what is left, and its creditor the holder, who is not paid.
    Allowance(Leg),
    /// Its amount says nothing.
    Mandate(Leg),
    Request {
        payee: AccountId,
        currency: Currency,
        amount: Amount,
    },
    Cycle {
        participants: Vec<AccountId>,
        currencies: Vec<Currency>,
    },
}

/// A contract with those whom it may pay, or who may pay by it.
pub(super) struct Opened {
    pub agreed: Agreed,
    pub accounts: Vec<AccountId>,
    /// Those that are not named too.
    pub is_for_anyone: bool,
}

impl Opened {
    fn for_those(agreed: Agreed, accounts: impl IntoIterator<Item = AccountId>) -> Self {
        Self {
            agreed,
            accounts: accounts.into_iter().collect(),
            is_for_anyone: false,
        }
    }

    fn hold(payments: Vec<Payment>) -> Self {
        let accounts: Vec<_> = payments.iter().flat_map(|it| sides(&it.leg)).collect();
        Self::for_those(Agreed::Hold(payments), accounts)
    }
}

fn sides(leg: &Leg) -> [AccountId; 2] {
    [leg.debtor, leg.creditor]
}

impl Agreed {
    /// What an action opens that was applied; `None` if it opens nothing, or an offer.
    pub fn of_action(action: &SettlementAction, trade: Option<Trade>) -> Option<Opened> {
        Some(match action {
            SettlementAction::Hold(hold) => plain_hold(hold),
            SettlementAction::Exchange(exchange) => held_exchange(exchange, exchange.held.as_ref()?, trade?),
            SettlementAction::Escrow(escrow) => of_leg(escrow.leg(), Agreed::Escrow),
            SettlementAction::Allow(allowance) => allow(allowance),
            SettlementAction::Mandate(mandate) => of_mandate(mandate),
            SettlementAction::Request(request) => of_request(request),
            SettlementAction::OpenCycle(cycle) => of_cycle(cycle),
            _ => return None,
        })
    }

    /// What is to be remembered of an open contract that is no offer.
    pub fn of_terms(terms: &Terms) -> Option<Opened> {
        Some(match terms {
            Terms::Hold(hold) => plain_hold(hold),
            Terms::Escrow(escrow) => of_leg(escrow.leg(), Agreed::Escrow),
            Terms::Allowance(allowance) => allow(allowance),
            Terms::Mandate(state) => of_mandate(&state.mandate),
            Terms::Request(request) => of_request(request),
            Terms::Cycle(state) => of_cycle(&state.cycle),
            Terms::Quote(_) | Terms::Offer(_) => return None,
        })
    }

    /// How much room it takes.
    pub fn weight(&self) -> u64 {
        let parts = match self {
            Self::Hold(payments) => payments.len(),
            Self::Cycle {
                participants,
                currencies,
            } => participants.len() + currencies.len(),
            _ => 1,
        };
        parts.max(1) as u64
    }

    /// The balances that it may change, of the accounts that `is_watched` takes.
    pub fn balances(&self, is_watched: impl Fn(&AccountId) -> bool) -> Vec<(AccountId, Currency)> {
        let of_leg = |leg: &Leg| sides(leg).map(|account| (account, leg.currency)).to_vec();
        let mut balances = match self {
            Self::Hold(payments) => payments.iter().flat_map(|it| of_leg(&it.leg)).collect(),
            Self::Escrow(leg) | Self::Allowance(leg) | Self::Mandate(leg) => of_leg(leg),
            Self::Request { payee, currency, .. } => vec![(*payee, *currency)],
            Self::Cycle {
                participants,
                currencies,
            } => {
                let of = |account: &AccountId| currencies.iter().map(move |code| (*account, *code)).collect::<Vec<_>>();
                participants.iter().flat_map(of).collect()
            }
        };
        balances.retain(|(account, _)| is_watched(account));
        balances
    }

    /// Without those of its payments in which no watched account has a side.
    pub fn only(self, is_watched: impl Fn(&AccountId) -> bool) -> Self {
        match self {
            Self::Hold(mut payments) => {
                payments.retain(|it| sides(&it.leg).iter().any(&is_watched));
                Self::Hold(payments)
            }
            Self::Cycle {
                mut participants,
                currencies,
            } => {
                participants.retain(&is_watched);
                Self::Cycle {
                    participants,
                    currencies,
                }
            }
            other => other,
        }
    }
}

fn of_leg(leg: Leg, agreed: impl FnOnce(Leg) -> Agreed) -> Opened {
    Opened::for_those(agreed(leg), sides(&leg))
}

fn plain_hold(hold: &Hold) -> Opened {
    let payment = |leg: &Leg| Payment {
        leg: *leg,
        kind: Kind::HoldPosted,
    };
    Opened::hold(hold.legs.iter().map(payment).collect())
}

/// The two sides and the fees, in the order in which they are paid.
pub(super) fn exchange_payments(exchange: &Exchange, deliver_to: AccountId, trade: Trade) -> Vec<Payment> {
    let quote = &exchange.quote.quote;
    let leg = |debtor, creditor, currency, amount| Leg {
        debtor,
        creditor,
        currency,
        amount,
    };
    // The receipt has both together.
    let sold = Amount(trade.sold.0.saturating_sub(quote.fee.0));
    let fees = exchange.held.iter().flat_map(|held| &held.fees);
    let fees = fees.map(|fee| (leg(exchange.taker, fee.to, quote.sell, fee.amount), Kind::Fee));
    let sides = [
        (leg(exchange.taker, quote.maker, quote.sell, sold), Kind::Exchange),
        (leg(exchange.taker, quote.maker, quote.sell, quote.fee), Kind::Fee),
        (leg(quote.maker, deliver_to, quote.buy, trade.bought), Kind::Exchange),
    ];
    let payments = sides.into_iter().chain(fees);
    payments.map(|(leg, kind)| Payment { leg, kind }).collect()
}

fn held_exchange(exchange: &Exchange, held: &HeldExchange, trade: Trade) -> Opened {
    Opened::hold(exchange_payments(exchange, held.deliver_to, trade))
}

fn allow(allowance: &Allowance) -> Opened {
    let named: &[AccountId] = match &allowance.payees {
        Payees::Accounts(list) => list,
        Payees::Categories(_) | Payees::Operators(_) => &[],
    };
    Opened {
        agreed: Agreed::Allowance(allowance.leg()),
        accounts: named.iter().copied().chain([allowance.grantor]).collect(),
        is_for_anyone: !matches!(allowance.payees, Payees::Accounts(_)),
    }
}

fn of_mandate(mandate: &Mandate) -> Opened {
    let leg = Leg {
        debtor: mandate.payer,
        creditor: mandate.payee,
        currency: mandate.currency,
        amount: Amount::ZERO,
    };
    of_leg(leg, Agreed::Mandate)
}

fn of_request(request: &Request) -> Opened {
    Opened {
        agreed: Agreed::Request {
            payee: request.payee,
            currency: request.currency,
            amount: request.amount,
        },
        accounts: request.payer.into_iter().chain([request.payee]).collect(),
        is_for_anyone: request.payer.is_none(),
    }
}

fn of_cycle(cycle: &Cycle) -> Opened {
    let agreed = Agreed::Cycle {
        participants: cycle.participants.to_vec(),
        currencies: cycle.currencies.to_vec(),
    };
    Opened::for_those(agreed, cycle.participants.iter().copied())
}
