//! Values of what settles: one of each kind whose bytes are fixed, and arbitrary ones.

pub mod fixed;

use proptest::prelude::*;

use self::fixed::{code, id, leg_of, only};
use super::values::{amount, balance, currency, fixed, key, list, number, participant_id, text};
use crate::{
    block::{GenesisPrefix, TimeMs},
    codec::{Bounded, decode, encode},
    identity::AccountId,
    keys::Signature,
    money::Amount,
    settlement::{
        Allowance, Claim, Collect, Contract, ContractId, Ending, Escrow, Exchange, ExchangeAmount, Fee, Fill,
        HeldExchange, Hold, Leg, Mandate, MandateState, MerchantCategory, Offer, OfferState, Part, PathAmount,
        PathPayment, PayRequest, Payees, Quote, QuoteId, QuoteMark, Rate, ReferenceRate, Request, SettlementAction,
        Share, Shares, Side, SignedQuote, Spend, Split, Status, Terms,
        condition::{Condition, Preimage, PreimageHash},
        netting::{Cycle, CycleState, Obligation, Total},
    },
    statement::{Answer, ContractPage, ContractView, PositionView},
    transaction::{TransactionSignature, UnixSeconds},
};

fn account() -> impl Strategy<Value = AccountId> {
    fixed(AccountId)
}

fn seconds() -> impl Strategy<Value = UnixSeconds> {
    number().prop_map(UnixSeconds)
}

fn contract_id() -> impl Strategy<Value = ContractId> {
    fixed(ContractId)
}

fn rate() -> impl Strategy<Value = Rate> {
    (1..=u64::MAX, 0..=12u8).prop_map(|(mantissa, scale)| Rate { mantissa, scale })
}

prop_compose! {
    fn leg()(debtor in account(), creditor in account(), currency in currency(), amount in amount()) -> Leg {
        Leg { debtor, creditor, currency, amount }
    }
}

prop_compose! {
    fn hold()(
        legs in list(leg(), 3), expires_at in seconds(), post_by in list(account(), 4), void_by in list(account(), 4),
    ) -> Hold {
        Hold { legs, expires_at, post_by, void_by }
    }
}

/// At most four deep: nothing deeper has an encoding.
pub fn condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        seconds().prop_map(Condition::After),
        seconds().prop_map(Condition::Before),
        (list(key(), 3), any::<u8>()).prop_map(|(keys, threshold)| Condition::SignedBy { keys, threshold }),
        fixed(PreimageHash).prop_map(Condition::Preimage),
        fixed(Preimage).prop_map(Condition::Revealed),
    ];
    leaf.prop_recursive(3, 12, 3, |part| {
        prop_oneof![
            list(part.clone(), 3).prop_map(Condition::All),
            list(part.clone(), 3).prop_map(Condition::Any),
            (any::<u8>(), list(part, 3)).prop_map(|(count, of)| Condition::AtLeast { count, of }),
        ]
    })
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Refund), Just(Side::Release)]
}

prop_compose! {
    fn escrow()(
        leg in leg(), release_when in condition(), refund_when in condition(), expires_at in seconds(),
        on_expiry in side(),
    ) -> Escrow {
        Escrow {
            payer: leg.debtor,
            payee: leg.creditor,
            currency: leg.currency,
            amount: leg.amount,
            release_when,
            refund_when,
            expires_at,
            on_expiry,
        }
    }
}

fn payees() -> impl Strategy<Value = Payees> {
    prop_oneof![
        list(account(), 3).prop_map(Payees::Accounts),
        list(any::<u16>().prop_map(MerchantCategory), 3).prop_map(Payees::Categories),
        list(participant_id(), 3).prop_map(Payees::Operators),
    ]
}

prop_compose! {
    fn allowance()(
        leg in leg(), payees in payees(), max_payment in prop::option::of(amount()), expires_at in seconds(),
    ) -> Allowance {
        Allowance {
            grantor: leg.debtor,
            holder: leg.creditor,
            currency: leg.currency,
            budget: leg.amount,
            payees,
            max_payment,
            expires_at,
        }
    }
}

prop_compose! {
    fn mandate()(
        leg in leg(), max_per_period in amount(), period_seconds in number(), starts_at in seconds(),
        ends_at in seconds(),
    ) -> Mandate {
        Mandate {
            payer: leg.debtor,
            payee: leg.creditor,
            currency: leg.currency,
            max_payment: leg.amount,
            max_per_period,
            period_seconds,
            starts_at,
            ends_at,
        }
    }
}

prop_compose! {
    fn request()(
        leg in leg(), payer in prop::option::of(account()), reference in text(), expires_at in seconds(),
    ) -> Request {
        Request { payee: leg.creditor, payer, currency: leg.currency, amount: leg.amount, reference, expires_at }
    }
}

fn shares() -> impl Strategy<Value = Shares> {
    let share = (account(), amount()).prop_map(|(to, amount)| Share { to, amount });
    let part = (account(), any::<u16>()).prop_map(|(to, basis_points)| Part { to, basis_points });
    prop_oneof![
        list(share, 3).prop_map(Shares::Amounts),
        (amount(), list(part, 3)).prop_map(|(amount, parts)| Shares::BasisPoints { amount, parts }),
    ]
}

fn signature() -> impl Strategy<Value = TransactionSignature> {
    (key(), fixed(Signature)).prop_map(|(key, signature)| TransactionSignature { key, signature })
}

prop_compose! {
    fn quote()(
        genesis in fixed(GenesisPrefix), id in fixed(QuoteId), maker in account(),
        taker in prop::option::of(account()), leg in leg(), buy in currency(), rate in rate(), max in amount(),
        fee in amount(), expires_at in seconds(), hold_seconds_max in any::<u32>(),
    ) -> Quote {
        Quote {
            genesis, id, maker, taker, sell: leg.currency, buy, rate, min: leg.amount, max, fee, expires_at,
            hold_seconds_max,
        }
    }
}

prop_compose! {
    fn held()(hold in hold(), deliver_to in account(), fees in list((account(), amount()), 3)) -> HeldExchange {
        let fees: Bounded<(AccountId, Amount), 8> = fees;
        let fees = fees.iter().map(|&(to, amount)| Fee { to, amount }).collect();
        HeldExchange {
            deliver_to,
            post_by: hold.post_by,
            void_by: hold.void_by,
            expires_at: hold.expires_at,
            fees: Bounded::new(fees).unwrap(),
        }
    }
}

prop_compose! {
    fn exchange()(
        quote in quote(), signatures in list(signature(), 2), taker in account(), amount in amount(),
        send in any::<bool>(), held in prop::option::of(held()),
    ) -> Exchange {
        let amount = if send { ExchangeAmount::Send(amount) } else { ExchangeAmount::Deliver(amount) };
        Exchange { quote: SignedQuote { quote, signatures }, taker, amount, held }
    }
}

prop_compose! {
    fn offer()(leg in leg(), buy in currency(), rate in rate(), min_fill in amount(), expires_at in seconds()) -> Offer {
        Offer {
            maker: leg.debtor,
            sell: leg.currency,
            buy,
            rate,
            amount: leg.amount,
            min_fill,
            expires_at,
        }
    }
}

prop_compose! {
    fn path_payment()(
        from in account(), to in account(), path in list(currency(), 5), one in amount(), other in amount(),
        delivers in any::<bool>(),
    ) -> PathPayment {
        let amount = match delivers {
            true => PathAmount::DeliverExact { deliver: one, send_max: other },
            false => PathAmount::SendExact { send: one, deliver_min: other },
        };
        PathPayment { from, to, path, amount }
    }
}

prop_compose! {
    fn cycle()(
        opener in account(), participants in list(account(), 4), currencies in list(currency(), 3),
        closes_at in seconds(),
    ) -> Cycle {
        Cycle { opener, participants, currencies, closes_at }
    }
}

prop_compose! {
    fn obligation()(cycle in contract_id(), leg in leg()) -> Obligation {
        Obligation {
            cycle,
            debtor: leg.debtor,
            creditor: leg.creditor,
            currency: leg.currency,
            amount: leg.amount,
        }
    }
}

prop_compose! {
    fn cycle_state()(
        cycle in cycle(), recorded in number(), queued in any::<u32>(), is_changed in any::<bool>(),
        looked_at in seconds(), totals in list((amount(), amount()), 3),
    ) -> CycleState {
        let totals: Bounded<(Amount, Amount), 8> = totals;
        let totals = totals.iter().map(|&(gross, paid)| Total { gross, paid }).collect();
        CycleState { cycle, recorded, queued, is_changed, looked_at, totals: only(totals) }
    }
}

pub fn settlement_action() -> impl Strategy<Value = SettlementAction> {
    prop_oneof![
        hold().prop_map(SettlementAction::Hold),
        (contract_id(), account(), prop::option::of(amount()), any::<bool>()).prop_map(
            |(hold, by, amount, keep_rest)| SettlementAction::Post {
                hold,
                by,
                amount,
                keep_rest
            }
        ),
        (contract_id(), account()).prop_map(|(hold, by)| SettlementAction::Void { hold, by }),
        (contract_id(), account()).prop_map(|(hold, by)| SettlementAction::PostGroup { hold, by }),
        (contract_id(), account()).prop_map(|(hold, by)| SettlementAction::VoidGroup { hold, by }),
        escrow().prop_map(SettlementAction::Escrow),
        (contract_id(), account(), side(), list(fixed(Preimage), 3)).prop_map(|(escrow, by, side, preimages)| {
            SettlementAction::Claim(Claim {
                escrow,
                by,
                side,
                preimages,
            })
        }),
        allowance().prop_map(SettlementAction::Allow),
        (contract_id(), leg()).prop_map(|(allowance, leg)| {
            SettlementAction::Spend(Spend {
                allowance,
                holder: leg.debtor,
                to: leg.creditor,
                amount: leg.amount,
            })
        }),
        mandate().prop_map(SettlementAction::Mandate),
        (contract_id(), account(), amount(), text()).prop_map(|(mandate, payee, amount, reference)| {
            SettlementAction::Collect(Collect {
                mandate,
                payee,
                amount,
                reference,
            })
        }),
        request().prop_map(SettlementAction::Request),
        (contract_id(), account(), amount())
            .prop_map(|(request, from, amount)| { SettlementAction::PayRequest(PayRequest { request, from, amount }) }),
        (contract_id(), account()).prop_map(|(contract, by)| SettlementAction::Revoke { contract, by }),
        (account(), currency(), shares()).prop_map(|(from, currency, shares)| SettlementAction::Split(Split {
            from,
            currency,
            shares
        })),
        exchange()
            .prop_map(|exchange| SettlementAction::Exchange(Box::new(exchange)))
            .boxed(),
        (account(), fixed(QuoteId)).prop_map(|(maker, id)| SettlementAction::WithdrawQuote { maker, id }),
        offer().prop_map(SettlementAction::Offer),
        cycle().prop_map(SettlementAction::OpenCycle).boxed(),
        obligation().prop_map(SettlementAction::Oblige),
        (contract_id(), leg())
            .prop_map(|(cycle, leg)| SettlementAction::Prefund {
                cycle,
                participant: leg.debtor,
                currency: leg.currency,
                amount: leg.amount,
            })
            .boxed(),
        (contract_id(), account()).prop_map(|(cycle, by)| SettlementAction::CloseCycle { cycle, by }),
        path_payment().prop_map(SettlementAction::PayPath).boxed(),
        (currency(), currency(), rate(), seconds())
            .prop_map(|(from, to, rate, as_of)| SettlementAction::SetReferenceRate { from, to, rate, as_of }),
        (participant_id(), account(), prop::option::of(any::<u16>())).prop_map(|(operator, account, category)| {
            SettlementAction::SetCategory {
                operator,
                account,
                category: category.map(MerchantCategory),
            }
        }),
    ]
}

fn terms() -> impl Strategy<Value = Terms> {
    let mid = (rate(), seconds()).prop_map(|(rate, as_of)| ReferenceRate { rate, as_of });
    let fill = (leg(), currency(), amount(), amount(), rate(), prop::option::of(mid)).prop_map(
        |(leg, buy, bought, fee, rate, mid)| Fill {
            taker: leg.debtor,
            sell: leg.currency,
            sold: leg.amount,
            buy,
            bought,
            fee,
            rate,
            mid,
        },
    );
    prop_oneof![
        hold().prop_map(Terms::Hold).boxed(),
        escrow().prop_map(Terms::Escrow).boxed(),
        allowance().prop_map(Terms::Allowance).boxed(),
        (mandate(), number(), amount())
            .prop_map(|(mandate, period, collected)| Terms::Mandate(MandateState {
                mandate,
                period,
                collected
            }))
            .boxed(),
        request().prop_map(Terms::Request).boxed(),
        cycle_state().prop_map(Terms::Cycle).boxed(),
        (offer(), any::<u32>(), any::<u8>())
            .prop_map(|(offer, receipt, action)| Terms::Offer(OfferState { offer, receipt, action }))
            .boxed(),
        (account(), fixed(QuoteId), seconds(), prop::option::of(fill))
            .prop_map(|(maker, id, expires_at, fill)| {
                Terms::Quote(QuoteMark {
                    maker,
                    id,
                    expires_at,
                    fill,
                })
            })
            .boxed(),
    ]
    .boxed()
}

pub fn contract() -> impl Strategy<Value = Contract> {
    let status = prop::option::of((number(), 0..ENDINGS.len()));
    (terms(), number(), status).prop_map(|(terms, opened, status)| Contract {
        terms,
        opened: TimeMs(opened),
        status: status.map_or(Status::Open, |(at, how)| Status::Ended {
            how: ENDINGS[how],
            at_ms: TimeMs(at),
        }),
    })
}

pub fn contract_view() -> impl Strategy<Value = ContractView> {
    let position = (leg(), balance()).prop_map(|(leg, net)| PositionView {
        account: leg.debtor,
        currency: leg.currency,
        prefunded: leg.amount,
        net,
    });
    (contract_id(), contract(), list(position, 3)).prop_map(|(id, contract, positions)| ContractView {
        id,
        opened_ms: contract.opened,
        status: contract.status,
        terms: contract.terms,
        positions,
    })
}

pub fn contract_page() -> impl Strategy<Value = ContractPage> {
    let parts = (
        leg(),
        prop::option::of(contract_id()),
        list(contract_id(), 3),
        any::<bool>(),
    );
    parts.prop_map(|(leg, after, contracts, has_more)| ContractPage {
        account: leg.debtor,
        after,
        contracts,
        has_more,
    })
}

pub fn reference_rate_answer() -> impl Strategy<Value = Answer> {
    let rate = (rate(), seconds()).prop_map(|(rate, as_of)| ReferenceRate { rate, as_of });
    (currency(), currency(), prop::option::of(rate)).prop_map(|(from, to, rate)| Answer::ReferenceRate {
        from,
        to,
        rate,
    })
}

/// In the order of their numbers.
pub const ENDINGS: [Ending; 13] = [
    Ending::Posted,
    Ending::Voided,
    Ending::Expired,
    Ending::Released,
    Ending::Refunded,
    Ending::Spent,
    Ending::Revoked,
    Ending::Paid,
    Ending::Used,
    Ending::Withdrawn,
    Ending::Filled,
    Ending::Closed,
    Ending::Netted,
];

/// What is nested deeper than may be is refused while it is read, however deep: nothing is followed to
/// the end of it.
#[test]
fn a_condition_that_is_too_deep_has_no_bytes() {
    let nested = |deep: usize| {
        let mut bytes = [5, 1].repeat(deep - 1);
        bytes.extend([0, 7]);
        bytes
    };
    for deep in 1..=4 {
        let condition: Condition = decode(&nested(deep), 100_000).unwrap();
        assert_eq!(encode(&condition), nested(deep));
    }
    for deep in [5, 6, 50_000] {
        let error = decode::<Condition>(&nested(deep), 1_000_000).unwrap_err();
        assert!(error.to_string().contains("too deep"), "{error}");
    }
}

/// 4,096 of the longest must fit a chunk of a snapshot.
#[test]
fn the_longest_contracts_have_about_a_kilobyte() {
    let longest = encode(&Contract {
        terms: Terms::Hold(Hold {
            legs: only(vec![leg_of(u64::MAX); 16]),
            expires_at: UnixSeconds(u64::MAX),
            post_by: only(vec![id(1); 4]),
            void_by: only(vec![id(1); 4]),
        }),
        opened: TimeMs(u64::MAX),
        status: Status::Ended {
            how: Ending::Posted,
            at_ms: TimeMs(u64::MAX),
        },
    });
    let escrow = crate::settlement::condition::CONDITIONS_BYTES_MAX + 100;
    let cycle = encode(&Terms::Cycle(CycleState {
        cycle: Cycle {
            opener: id(1),
            participants: only(vec![id(1); 32]),
            currencies: only(vec![code("EUR"); 8]),
            closes_at: UnixSeconds(u64::MAX),
        },
        recorded: u64::MAX,
        queued: u32::MAX,
        is_changed: true,
        looked_at: UnixSeconds(u64::MAX),
        totals: only(vec![
            Total {
                gross: Amount(u64::MAX),
                paid: Amount(u64::MAX),
            };
            8
        ]),
    }));
    let escrow = escrow.max(cycle.len() + 20);
    let most = crate::snapshot::CHUNK_BYTES_MAX / crate::snapshot::CHUNK_ENTRIES;
    assert!(longest.len().max(escrow) + 24 < most, "{} of {most}", longest.len());
}
