//! What parties may do, in numbers: accounts and currencies by their places in lists, contracts in the order in
//! which they were opened.

use std::collections::BTreeSet;

use proptest::{collection::SizeRange, prelude::*};

use super::{CODES, NAMES, Side};

/// Debtor, creditor, currency, amount.
pub(super) type LegSpec = (usize, usize, usize, u64);

/// An action by one who is none of [`NAMES`] is by the one who may do it.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Hold {
        legs: Vec<LegSpec>,
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
    Void(usize, usize),
    PostGroup(usize, usize),
    VoidGroup(usize, usize),
    Escrow {
        leg: LegSpec,
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
        leg: LegSpec,
        payees: BTreeSet<usize>,
        max_payment: Option<u64>,
        seconds: u64,
    },
    Spend {
        which: usize,
        by: usize,
        to: usize,
        amount: u64,
    },
    /// Its leg's amount is the most that one payment may be.
    Mandate {
        leg: LegSpec,
        max_per_period: u64,
        period: u64,
        starts: u64,
        lasts: u64,
    },
    Collect {
        which: usize,
        by: usize,
        amount: u64,
    },
    Request {
        payee: usize,
        payer: Option<usize>,
        code: usize,
        amount: u64,
        seconds: u64,
    },
    /// Pays so much more than is asked for.
    PayRequest {
        which: usize,
        by: usize,
        more: u64,
    },
    Revoke(usize, usize),
    SplitAmounts {
        from: usize,
        code: usize,
        shares: Vec<(usize, u64)>,
    },
    SplitParts {
        from: usize,
        code: usize,
        amount: u64,
        parts: Vec<(usize, u16)>,
    },
    Exchange(Trade),
    Withdraw {
        maker: usize,
        id: u8,
    },
    Freeze(usize),
    Unfreeze(usize),
    Pass(u64),
}

/// The use of a quote.
#[derive(Debug, Clone)]
pub(super) struct Trade {
    pub(super) maker: usize,
    pub(super) taker: usize,
    pub(super) sell: usize,
    /// Hundredths of the bought currency for one of the sold.
    pub(super) mantissa: u64,
    pub(super) fee: u64,
    pub(super) amount: u64,
    /// Whether the amount is what is bought, not what is sold.
    pub(super) delivers: bool,
    pub(super) id: u8,
    pub(super) held: Option<Held>,
}

#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) deliver_to: usize,
    pub(super) fees: Vec<(usize, u64)>,
    pub(super) seconds: u64,
    pub(super) post_by: usize,
    pub(super) void_by: usize,
}

/// The least and the most that a quote exchanges, and for how long its maker lets it be held.
pub(super) const QUOTE_MIN: u64 = 5;
pub(super) const QUOTE_MAX: u64 = 400;
pub(super) const QUOTE_HELD_SECONDS: u64 = 25;

fn who() -> impl Strategy<Value = usize> {
    0..NAMES.len()
}

fn leg() -> impl Strategy<Value = LegSpec> {
    (who(), who(), 0..CODES.len(), 0..200u64)
}

fn seconds() -> impl Strategy<Value = u64> {
    prop_oneof![1 => 0..3u64, 9 => 0..90u64]
}

/// A contract, and who acts on it.
fn act() -> impl Strategy<Value = (usize, usize)> {
    (0..24usize, 0..NAMES.len() * 4)
}

/// Of all kinds, or of those alone that have to do with each other, which goes deeper.
pub(super) fn ops(length: impl Into<SizeRange>) -> impl Strategy<Value = Vec<Op>> {
    let quotes = || {
        prop_oneof![
            6 => trade().prop_map(Op::Exchange),
            1 => (who(), 0..4u8).prop_map(|(maker, id)| Op::Withdraw { maker, id }),
        ]
    };
    let length = length.into();
    let of = |op: BoxedStrategy<Op>| prop::collection::vec(prop_oneof![9 => op, 1 => around()], length.clone());
    prop_oneof![
        of(prop_oneof![4 => set_aside(), 6 => act_on_what_is_held(), 5 => pulls(), 3 => quotes()].boxed()),
        of(prop_oneof![set_aside(), act_on_what_is_held()].boxed()),
        of(pulls().boxed()),
        of(prop_oneof![1 => quotes(), 1 => act_on_what_is_held()].boxed()),
    ]
}

/// What gets in the way of contracts.
fn around() -> impl Strategy<Value = Op> {
    prop_oneof![
        1 => who().prop_map(Op::Freeze),
        4 => who().prop_map(Op::Unfreeze),
        2 => (1..30u64).prop_map(Op::Pass),
    ]
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Refund), Just(Side::Release)]
}

fn set_aside() -> impl Strategy<Value = Op> {
    let payees = prop::collection::btree_set(who(), 1..4);
    prop_oneof![
        4 => (prop_oneof![prop::collection::vec(leg(), 1), prop::collection::vec(leg(), 2..4)], seconds(), who(), who())
            .prop_map(|(legs, seconds, post_by, void_by)| Op::Hold { legs, seconds, post_by, void_by }),
        3 => (leg(), seconds(), side()).prop_map(|(leg, seconds, on_expiry)| Op::Escrow { leg, seconds, on_expiry }),
        3 => (leg(), payees, prop::option::of(0..200u64), seconds()).prop_map(|(leg, payees, max_payment, seconds)| {
            Op::Allow { leg, payees, max_payment, seconds }
        }),
    ]
}

fn act_on_what_is_held() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (act(), prop::option::of(0..100u64), any::<bool>())
            .prop_map(|((which, by), amount, keep_rest)| Op::Post { which, by, amount, keep_rest }),
        3 => act().prop_map(|(which, by)| Op::Void(which, by)),
        4 => act().prop_map(|(which, by)| Op::PostGroup(which, by)),
        2 => act().prop_map(|(which, by)| Op::VoidGroup(which, by)),
        6 => (act(), side(), prop::bool::weighted(0.8))
            .prop_map(|((which, by), side, knows)| Op::Claim { which, by, side, knows }),
        6 => (act(), 0..NAMES.len() * 3, 0..120u64)
            .prop_map(|((which, by), to, amount)| Op::Spend { which, by, to, amount }),
        1 => act().prop_map(|(which, by)| Op::Revoke(which, by)),
    ]
}

fn pulls() -> impl Strategy<Value = Op> {
    let mandate =
        (leg(), 0..300u64, 1..20u64, 0..10u64, 1..90u64).prop_map(|(leg, max_per_period, period, starts, lasts)| {
            Op::Mandate {
                leg,
                max_per_period,
                period,
                starts,
                lasts,
            }
        });
    let request = (who(), prop::option::of(who()), 0..CODES.len(), 0..300u64, seconds()).prop_map(
        |(payee, payer, code, amount, seconds)| Op::Request {
            payee,
            payer,
            code,
            amount,
            seconds,
        },
    );
    let amounts = prop::collection::vec((who(), 0..150u64), 1..4);
    // Between cuts; each to someone, whoever else gets a part.
    let parts = (
        prop::collection::btree_set(1..10_000u16, 0..4),
        [who(), who(), who(), who(), who()],
    )
        .prop_map(|(cuts, payees)| {
            let cuts: Vec<_> = [0].into_iter().chain(cuts).chain([10_000]).collect();
            let parts = cuts.windows(2).map(|pair| pair[1] - pair[0]);
            payees.into_iter().zip(parts).collect::<Vec<_>>()
        });
    let more = prop_oneof![5 => Just(0u64), 1 => 1..10u64];
    prop_oneof![
        3 => mandate,
        8 => (act(), 0..120u64).prop_map(|((which, by), amount)| Op::Collect { which, by, amount }),
        2 => request,
        3 => (act(), more).prop_map(|((which, by), more)| Op::PayRequest { which, by, more }),
        1 => act().prop_map(|(which, by)| Op::Revoke(which, by)),
        2 => (who(), 0..CODES.len(), amounts).prop_map(|(from, code, shares)| Op::SplitAmounts { from, code, shares }),
        2 => (who(), 0..CODES.len(), 1..400u64, parts)
            .prop_map(|(from, code, amount, parts)| Op::SplitParts { from, code, amount, parts }),
    ]
}

fn trade() -> impl Strategy<Value = Trade> {
    let fees = prop::collection::vec((who(), 0..20u64), 0..3);
    let held = (who(), fees, 0..30u64, who(), who()).prop_map(|(deliver_to, fees, seconds, post_by, void_by)| Held {
        deliver_to,
        fees,
        seconds,
        post_by,
        void_by,
    });
    let sides = (who(), who(), 0..CODES.len());
    let amounts = (30..300u64, 0..10u64, 0..200u64, any::<bool>());
    (sides, amounts, 0..4u8, prop::option::of(held)).prop_map(
        |((maker, taker, sell), (mantissa, fee, amount, delivers), id, held)| Trade {
            maker,
            taker,
            sell,
            mantissa,
            fee,
            amount,
            delivers,
            id,
            held,
        },
    )
}

/// As many as [`Op::kind`] tells apart.
pub(super) const KINDS: usize = 20;

impl Op {
    /// `None` of what is no contract's: it only gets in the way of others.
    pub(super) fn kind(&self) -> Option<&'static str> {
        Some(match self {
            Self::Hold { .. } => "hold",
            Self::Post { .. } => "post",
            Self::Void(..) => "void",
            Self::PostGroup(..) => "post group",
            Self::VoidGroup(..) => "void group",
            Self::Escrow { .. } => "escrow",
            Self::Claim {
                side: Side::Release, ..
            } => "release",
            Self::Claim { side: Side::Refund, .. } => "refund",
            Self::Allow { .. } => "allow",
            Self::Spend { .. } => "spend",
            Self::Mandate { .. } => "mandate",
            Self::Collect { .. } => "collect",
            Self::Request { .. } => "request",
            Self::PayRequest { .. } => "pay request",
            Self::Revoke(..) => "revoke",
            Self::SplitAmounts { .. } => "split by amounts",
            Self::SplitParts { .. } => "split by parts",
            Self::Exchange(trade) if trade.held.is_none() => "exchange at once",
            Self::Exchange(_) => "exchange held",
            Self::Withdraw { .. } => "withdraw",
            Self::Freeze(_) | Self::Unfreeze(_) | Self::Pass(_) => return None,
        })
    }

    /// The contract by which it takes money from others.
    pub(super) fn takes_by(&self) -> Option<usize> {
        match self {
            Self::Post { which, .. }
            | Self::PostGroup(which, _)
            | Self::Claim { which, .. }
            | Self::Spend { which, .. }
            | Self::Collect { which, .. } => Some(*which),
            _ => None,
        }
    }

    pub(super) fn pays_request(&self) -> Option<usize> {
        match self {
            Self::PayRequest { which, .. } => Some(*which),
            _ => None,
        }
    }
}
