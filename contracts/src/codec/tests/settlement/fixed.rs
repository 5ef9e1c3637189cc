//! One of each action and contract, whose bytes are in `golden.txt`.

use crate::{
    block::{GenesisPrefix, TimeMs},
    codec::{self, Bounded},
    identity::AccountId,
    keys::Signature,
    money::{Amount, Currency},
    settlement::{
        Allowance, Claim, Collect, Contract, ContractId, Ending, Escrow, Exchange, ExchangeAmount, Fee, Fill,
        HeldExchange, Hold, Leg, Mandate, MandateState, MerchantCategory, Offer, OfferState, Part, PathAmount,
        PathPayment, PayRequest, Payees, Quote, QuoteId, QuoteMark, ReferenceRate, Request, SettlementAction, Share,
        Shares, Side, SignedQuote, Spend, Split, Status, Terms,
        condition::{Condition, Preimage, PreimageHash},
        netting::{Cycle, CycleState, Obligation, Total},
    },
    transaction::{Action, TransactionSignature, UnixSeconds},
};

pub fn id(byte: u8) -> AccountId {
    AccountId([byte; 20])
}

pub fn code(name: &str) -> Currency {
    Currency::new(name).unwrap()
}

pub fn only<T: std::fmt::Debug, const MAX: usize>(items: Vec<T>) -> Bounded<T, MAX> {
    Bounded::new(items).unwrap()
}

pub fn leg_of(amount: u64) -> Leg {
    Leg {
        debtor: id(1),
        creditor: id(2),
        currency: code("EUR"),
        amount: Amount(amount),
    }
}

const LATER: UnixSeconds = UnixSeconds(1_900_000_000);

/// One of each action, with a name.
pub fn actions() -> Vec<(&'static str, Action)> {
    let hold = Hold {
        legs: only(vec![leg_of(1), leg_of(300)]),
        expires_at: LATER,
        post_by: only(vec![id(2)]),
        void_by: only(vec![id(1), id(2)]),
    };
    let contract = ContractId([3; 20]);
    let by = id(2);
    let escrow = Escrow {
        payer: id(1),
        payee: id(2),
        currency: code("EUR"),
        amount: Amount(100),
        release_when: Condition::Any(only(vec![
            Condition::SignedBy {
                keys: only(vec![super::super::values::key_of(1), super::super::values::key_of(2)]),
                threshold: 2,
            },
            Condition::All(only(vec![
                Condition::Preimage(PreimageHash([4; 32])),
                Condition::Before(LATER),
            ])),
        ])),
        refund_when: Condition::AtLeast {
            count: 1,
            of: only(vec![Condition::After(LATER)]),
        },
        expires_at: LATER,
        on_expiry: Side::Release,
    };
    let quote = SignedQuote {
        quote: Quote {
            genesis: GenesisPrefix([5; 8]),
            id: QuoteId([6; 16]),
            maker: id(2),
            taker: Some(id(1)),
            sell: code("EUR"),
            buy: code("THB"),
            rate: "36.42".parse().unwrap(),
            min: Amount(100),
            max: Amount(1_000_000),
            fee: Amount(25),
            expires_at: LATER,
            hold_seconds_max: 600,
        },
        signatures: only(vec![TransactionSignature {
            key: super::super::values::key_of(2),
            signature: Signature([7; 64]),
        }]),
    };
    let exchange = Exchange {
        quote,
        taker: id(1),
        amount: ExchangeAmount::Send(Amount(5_000)),
        held: None,
    };
    let held = Exchange {
        amount: ExchangeAmount::Deliver(Amount(5_000)),
        held: Some(HeldExchange {
            deliver_to: id(8),
            post_by: only(vec![id(8)]),
            void_by: only(vec![id(1)]),
            expires_at: LATER,
            fees: only(vec![Fee {
                to: id(9),
                amount: Amount(3),
            }]),
        }),
        ..exchange.clone()
    };
    let shares = Shares::BasisPoints {
        amount: Amount(101),
        parts: only(vec![
            Part {
                to: id(2),
                basis_points: 9_000,
            },
            Part {
                to: id(3),
                basis_points: 1_000,
            },
        ]),
    };
    let split = |shares| {
        SettlementAction::Split(Split {
            from: id(1),
            currency: code("EUR"),
            shares,
        })
    };
    let post = |amount, keep_rest| SettlementAction::Post {
        hold: contract,
        by,
        amount,
        keep_rest,
    };
    let rows = vec![
        ("hold", SettlementAction::Hold(hold)),
        ("post", post(None, false)),
        ("post_part", post(Some(Amount(7)), true)),
        ("void", SettlementAction::Void { hold: contract, by }),
        ("post_group", SettlementAction::PostGroup { hold: contract, by }),
        ("void_group", SettlementAction::VoidGroup { hold: contract, by }),
        ("escrow", SettlementAction::Escrow(escrow)),
        (
            "claim",
            SettlementAction::Claim(Claim {
                escrow: contract,
                by,
                side: Side::Release,
                preimages: only(vec![Preimage([8; 32])]),
            }),
        ),
        (
            "allow",
            SettlementAction::Allow(Allowance {
                grantor: id(1),
                holder: id(2),
                currency: code("EUR"),
                budget: Amount(500),
                payees: Payees::Categories(only(vec![MerchantCategory(5_411)])),
                max_payment: Some(Amount(50)),
                expires_at: LATER,
            }),
        ),
        (
            "spend",
            SettlementAction::Spend(Spend {
                allowance: contract,
                holder: id(2),
                to: id(3),
                amount: Amount(20),
            }),
        ),
        (
            "mandate",
            SettlementAction::Mandate(Mandate {
                payer: id(1),
                payee: id(2),
                currency: code("EUR"),
                max_payment: Amount(50),
                max_per_period: Amount(100),
                period_seconds: 2_592_000,
                starts_at: UnixSeconds(1_800_000_000),
                ends_at: LATER,
            }),
        ),
        (
            "collect",
            SettlementAction::Collect(Collect {
                mandate: contract,
                payee: id(2),
                amount: Amount(20),
                reference: codec::Text::new("INV-7").unwrap(),
            }),
        ),
        (
            "request",
            SettlementAction::Request(Request {
                payee: id(2),
                payer: None,
                currency: code("EUR"),
                amount: Amount(20),
                reference: codec::Text::new("lunch").unwrap(),
                expires_at: LATER,
            }),
        ),
        (
            "pay_request",
            SettlementAction::PayRequest(PayRequest {
                request: contract,
                from: id(1),
                amount: Amount(20),
            }),
        ),
        ("revoke", SettlementAction::Revoke { contract, by }),
        (
            "split_amounts",
            split(Shares::Amounts(only(vec![Share {
                to: id(2),
                amount: Amount(1),
            }]))),
        ),
        ("split_basis_points", split(shares)),
        ("exchange", SettlementAction::Exchange(Box::new(exchange))),
        ("exchange_held", SettlementAction::Exchange(Box::new(held))),
        (
            "withdraw_quote",
            SettlementAction::WithdrawQuote {
                maker: by,
                id: QuoteId([6; 16]),
            },
        ),
        (
            "set_reference_rate",
            SettlementAction::SetReferenceRate {
                from: code("EUR"),
                to: code("THB"),
                rate: "36.5".parse().unwrap(),
                as_of: LATER,
            },
        ),
        (
            "set_category",
            SettlementAction::SetCategory {
                operator: crate::identity::ParticipantId::new("BANK").unwrap(),
                account: id(2),
                category: Some(MerchantCategory(5_411)),
            },
        ),
        (
            "offer",
            SettlementAction::Offer(Offer {
                maker: id(1),
                sell: code("EUR"),
                buy: code("THB"),
                rate: "36.42".parse().unwrap(),
                amount: Amount(5_000),
                min_fill: Amount(10),
                expires_at: LATER,
            }),
        ),
        (
            "open_cycle",
            SettlementAction::OpenCycle(Cycle {
                opener: id(1),
                participants: only(vec![id(1), id(2)]),
                currencies: only(vec![code("EUR"), code("THB")]),
                closes_at: LATER,
            }),
        ),
        (
            "prefund",
            SettlementAction::Prefund {
                cycle: contract,
                participant: id(1),
                currency: code("EUR"),
                amount: Amount(500),
            },
        ),
        (
            "oblige",
            SettlementAction::Oblige(Obligation {
                cycle: contract,
                debtor: id(1),
                creditor: id(2),
                currency: code("EUR"),
                amount: Amount(300),
            }),
        ),
        ("close_cycle", SettlementAction::CloseCycle { cycle: contract, by }),
        (
            "pay_path_send",
            SettlementAction::PayPath(PathPayment {
                from: id(1),
                to: id(2),
                path: only(vec![code("EUR"), code("USD"), code("THB")]),
                amount: PathAmount::SendExact {
                    send: Amount(100),
                    deliver_min: Amount(300),
                },
            }),
        ),
        (
            "pay_path_deliver",
            SettlementAction::PayPath(PathPayment {
                from: id(1),
                to: id(2),
                path: only(vec![code("EUR"), code("THB")]),
                amount: PathAmount::DeliverExact {
                    deliver: Amount(300),
                    send_max: Amount(100),
                },
            }),
        ),
    ];
    rows.into_iter()
        .map(|(name, action)| (name, Action::Settle(action)))
        .collect()
}

/// Kinds of contract as they are stored, one each.
pub fn contracts() -> Vec<(&'static str, Contract)> {
    let mut rows = Vec::new();
    for (name, action) in actions() {
        let Action::Settle(action) = action else { continue };
        let terms = match action {
            SettlementAction::Hold(hold) => Terms::Hold(hold),
            SettlementAction::Escrow(escrow) => Terms::Escrow(escrow),
            SettlementAction::Allow(allowance) => Terms::Allowance(allowance),
            SettlementAction::Mandate(mandate) => Terms::Mandate(MandateState {
                mandate,
                period: 2,
                collected: Amount(30),
            }),
            SettlementAction::Request(request) => Terms::Request(request),
            SettlementAction::OpenCycle(cycle) => Terms::Cycle(CycleState {
                cycle,
                recorded: 300,
                queued: 2,
                is_changed: true,
                looked_at: UnixSeconds(1_800_000_000),
                totals: only(vec![
                    Total {
                        gross: Amount(1_000),
                        paid: Amount(10),
                    };
                    2
                ]),
            }),
            SettlementAction::Offer(offer) => Terms::Offer(OfferState {
                offer,
                receipt: 300,
                action: 2,
            }),
            SettlementAction::Exchange(exchange) if exchange.held.is_none() => {
                let quote = &exchange.quote.quote;
                Terms::Quote(QuoteMark {
                    maker: quote.maker,
                    id: quote.id,
                    expires_at: quote.expires_at,
                    fill: Some(Fill {
                        taker: id(1),
                        sell: quote.sell,
                        sold: Amount(5_000),
                        buy: quote.buy,
                        bought: Amount(182_100),
                        fee: quote.fee,
                        rate: quote.rate,
                        mid: Some(ReferenceRate {
                            rate: "36.5".parse().unwrap(),
                            as_of: LATER,
                        }),
                    }),
                })
            }
            _ => continue,
        };
        let ended = Status::Ended {
            how: Ending::Used,
            at_ms: TimeMs(1_800_000_000_001),
        };
        let status = if matches!(terms, Terms::Quote(_)) {
            ended
        } else {
            Status::Open
        };
        let opened = TimeMs(1_800_000_000_000);
        rows.push((name, Contract { terms, opened, status }));
    }
    rows
}
