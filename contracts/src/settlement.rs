//! Contracts that settle payments: what they are made of, and the actions that open and end them.
//!
//! A contract is a state machine with two kinds of state: [`Status::Open`], and an end with a name
//! ([`Ending`]). Every open contract has a moment at which it ends by itself, so that nothing can lock
//! money for ever. Rights depend on block time, not on when the ledger gets round to it: an expired
//! contract refuses what it would have allowed a moment before, swept or not. What has ended is
//! remembered for [`ENDED_SECONDS`], so that who comes late learns why, and is then forgotten.
//!
//! Money that a contract sets aside stays in its owner's account, as `held`; it leaves only as the
//! contract says.

pub mod condition;
mod escrow;
mod hold;
pub mod netting;
pub mod offer;
pub mod path;
mod pull;
mod quote;
mod rate;

pub use self::{
    escrow::{Claim, Escrow, Side},
    hold::{Hold, Leg, Parties},
    offer::{Offer, OfferState, PathAmount, PathPayment},
    pull::{
        Allowance, Collect, Mandate, MandateState, MerchantCategory, Part, PayRequest, Payees, Request, Share, Shares,
        Spend, Split,
    },
    quote::{
        Exchange, ExchangeAmount, FEES_MAX, Fee, Fill, HeldExchange, QUOTE_SECONDS_MAX, QUOTE_SIGNATURES_MAX, Quote,
        QuoteId, QuoteMark, ReferenceRate, SignedQuote,
    },
    rate::{NotARate, RATE_SCALE_MAX, Rate},
};

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use self::{
    condition::ConditionError,
    netting::{Cycle, CycleState, Obligation},
    offer::BookKey,
};
use crate::{
    block::TimeMs,
    codec::{self, hex_newtype},
    identity::{AccountId, ParticipantId},
    money::{Amount, Currency},
    transaction::{TxId, UnixSeconds},
};

/// How long the ledger knows what became of a contract.
pub const ENDED_SECONDS: u64 = 86_400;

/// A contract ends at most this long after the block in which it begins: ten years.
pub const OPEN_SECONDS_MAX: u64 = 10 * 366 * 86_400;

/// Money that contracts hold moves in at most this many parts at once.
pub const LEGS_MAX: usize = 16;

hex_newtype!(
    /// A contract: the first 20 bytes of a hash of the transaction that opens it and the place of the
    /// action in it. Known before the transaction is sent.
    ContractId,
    20
);

impl ContractId {
    pub fn derive(id: &TxId, action: usize) -> Self {
        let action = u8::try_from(action).expect("at most 64 actions");
        let hash = codec::hash("causeway/contract/1", &[id.as_bytes(), &[action]]);
        Self(*hash.first_chunk().expect("a hash has 32 bytes"))
    }

    /// Under which the ledger remembers that a quote was used or withdrawn.
    pub fn of_quote(maker: &AccountId, id: &QuoteId) -> Self {
        let hash = codec::hash("causeway/quote-mark/1", &[maker.as_bytes(), id.as_bytes()]);
        Self(*hash.first_chunk().expect("a hash has 32 bytes"))
    }
}

/// Opens a contract, or does with one what its terms allow.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SettlementAction {
    /// Sets money aside for later payment. Signed by each debtor.
    Hold(Hold),
    /// Pays what a hold of one leg has set aside, or a part of it. Signed by one of its `post_by`.
    Post {
        hold: ContractId,
        by: AccountId,
        /// All of it if there is none.
        #[serde(default)]
        amount: Option<Amount>,
        /// What is not paid stays held; else it is returned, and the hold ends.
        #[serde(default)]
        keep_rest: bool,
    },
    /// Returns what a hold of one leg has set aside. Signed by one of its `void_by`.
    Void {
        hold: ContractId,
        by: AccountId,
    },
    /// Pays all legs of a hold, whole.
    PostGroup {
        hold: ContractId,
        by: AccountId,
    },
    /// Returns all legs of a hold.
    VoidGroup {
        hold: ContractId,
        by: AccountId,
    },
    /// Sets money aside under conditions. Signed by the payer.
    Escrow(Escrow),
    /// Releases or refunds an escrow whose condition is met. Signed by `by`, whoever that is, and by the
    /// keys that the condition asks for.
    Claim(Claim),
    /// Sets money aside that another may spend for a purpose. Signed by the grantor.
    Allow(Allowance),
    Spend(Spend),
    /// Consents to being drawn on. Signed by the payer.
    Mandate(Mandate),
    Collect(Collect),
    /// Asks for a payment. Signed by the payee.
    Request(Request),
    PayRequest(PayRequest),
    /// Ends a mandate, by its payer or payee, a request, by its payee, an offer, by its maker, or an allowance, by
    /// its holder.
    Revoke {
        contract: ContractId,
        by: AccountId,
    },
    Split(Split),
    /// Exchanges by a quote. Signed by the taker.
    Exchange(Box<Exchange>),
    /// Makes a quote useless that may be with someone already. Signed by its maker.
    WithdrawQuote {
        maker: AccountId,
        id: QuoteId,
    },
    /// Makes known how much of `to` one unit of `from` is worth. Signed by the issuer of `from`. Replaces an
    /// earlier one.
    SetReferenceRate {
        from: Currency,
        to: Currency,
        rate: Rate,
        /// Not in the future, and not before that of the rate that is replaced.
        as_of: UnixSeconds,
    },
    /// Says what kind of business the owner of an account has, or with `None` that this is not known. Signed
    /// by the account's operator.
    SetCategory {
        operator: ParticipantId,
        account: AccountId,
        category: Option<MerchantCategory>,
    },
    /// Signed by the maker.
    Offer(Offer),
    /// Signed by the payer.
    PayPath(PathPayment),
    /// Opens a netting cycle. Signed by its opener.
    OpenCycle(Cycle),
    /// Sets money aside for a cycle, so that its owner may owe that much. Signed by the participant.
    Prefund {
        cycle: ContractId,
        participant: AccountId,
        currency: Currency,
        amount: Amount,
    },
    /// Signed by the debtor.
    Oblige(Obligation),
    /// Closes a cycle before its time. Signed by its opener.
    CloseCycle {
        cycle: ContractId,
        by: AccountId,
    },
}

/// Who must agree to a [`SettlementAction`], besides those whose money a hold sets aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Actor {
    Account(AccountId),
    Operator(ParticipantId),
    Issuer(Currency),
    /// An account, and any keys that an escrow names.
    Claimant(AccountId, ContractId),
}

impl SettlementAction {
    /// What is paid out of accounts, or set aside in them to be paid, as caps for payments see it.
    pub fn payments(&self) -> impl Iterator<Item = Leg> {
        let (legs, one): (&[Leg], _) = match self {
            Self::Hold(hold) => (&hold.legs, None),
            Self::Escrow(escrow) => (&[], Some(escrow.leg())),
            Self::Allow(allowance) => (&[], Some(allowance.leg())),
            _ => (&[], None),
        };
        let split = match self {
            Self::Split(split) => split.legs(),
            _ => Vec::new(),
        };
        legs.iter().copied().chain(one).chain(split)
    }

    /// The currencies of what it exchanges: that which its signer gives, and that which comes for it.
    pub fn trades(&self) -> Option<(Currency, Currency)> {
        match self {
            Self::Exchange(exchange) => Some((exchange.quote.quote.sell, exchange.quote.quote.buy)),
            Self::Offer(offer) => Some((offer.sell, offer.buy)),
            Self::PayPath(payment) => payment.path.first().copied().zip(payment.path.last().copied()),
            _ => None,
        }
    }

    /// Whether it opens a contract, whose id is [`ContractId::derive`]d.
    pub fn opens(&self) -> bool {
        match self {
            Self::Hold(_)
            | Self::Escrow(_)
            | Self::Allow(_)
            | Self::Mandate(_)
            | Self::Request(_)
            | Self::Offer(_)
            | Self::OpenCycle(_) => true,
            Self::Exchange(exchange) => exchange.held.is_some(),
            _ => false,
        }
    }

    /// Of a hold there is none: its debtors are.
    pub(crate) fn actor(&self) -> Option<Actor> {
        let account = match self {
            Self::Hold(_) => return None,
            Self::Claim(claim) => return Some(Actor::Claimant(claim.by, claim.escrow)),
            Self::SetReferenceRate { from, .. } => return Some(Actor::Issuer(*from)),
            Self::SetCategory { operator, .. } => return Some(Actor::Operator(*operator)),
            Self::Post { by, .. }
            | Self::Void { by, .. }
            | Self::PostGroup { by, .. }
            | Self::VoidGroup { by, .. }
            | Self::Revoke { by, .. }
            | Self::CloseCycle { by, .. } => by,
            Self::OpenCycle(cycle) => &cycle.opener,
            Self::Prefund { participant, .. } => participant,
            Self::Oblige(obligation) => &obligation.debtor,
            Self::Escrow(escrow) => &escrow.payer,
            Self::Allow(allowance) => &allowance.grantor,
            Self::Spend(spend) => &spend.holder,
            Self::Mandate(mandate) => &mandate.payer,
            Self::Collect(collect) => &collect.payee,
            Self::Request(request) => &request.payee,
            Self::PayRequest(payment) => &payment.from,
            Self::Split(split) => &split.from,
            Self::Exchange(exchange) => &exchange.taker,
            Self::WithdrawQuote { maker, .. } => maker,
            Self::Offer(offer) => &offer.maker,
            Self::PayPath(payment) => &payment.from,
        };
        Some(Actor::Account(*account))
    }

    /// Every way in which it is not well made, whatever the state.
    pub fn check(&self) -> Result<(), TermsError> {
        match self {
            Self::Hold(hold) => hold.check(),
            Self::Escrow(escrow) => escrow.check(),
            Self::Allow(allowance) => allowance.check(),
            Self::Mandate(mandate) => mandate.check(),
            Self::Split(split) => split.check(),
            Self::Exchange(exchange) => exchange.check(),
            Self::Offer(offer) => offer.check(),
            Self::PayPath(payment) => payment.check(),
            Self::OpenCycle(cycle) => cycle.check(),
            Self::SetReferenceRate { from, to, .. } if from == to => Err(TermsError::SameCurrency),
            Self::SetReferenceRate { rate, .. } => rate.check().map_err(|_| TermsError::Rate),
            _ => Ok(()),
        }
    }
}

/// Why terms can be no contract's, whatever the state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    #[error("a hold has 1 to {LEGS_MAX} legs")]
    Legs,
    #[error("{0} takes 1 to 4 accounts, in ascending order, each once")]
    Parties(&'static str),
    #[error(transparent)]
    Condition(#[from] ConditionError),
    #[error("an allowance names at least one payee, category or operator")]
    NoPayees,
    #[error("a mandate has a period above zero, and ends after it starts")]
    Period,
    #[error("a split has 1 to 16 shares; those in basis points sum to 10,000")]
    Shares,
    #[error("a rate is above zero, with at most {RATE_SCALE_MAX} digits after the point")]
    Rate,
    #[error("a quote's least amount is above zero and not above its greatest")]
    QuoteRange,
    #[error("a quote has 1 to {QUOTE_SIGNATURES_MAX} signatures, in ascending order of their keys, each key once")]
    QuoteSignatures,
    #[error("a cycle has 2 to 32 participants and 1 to 8 currencies, both in ascending order, each once")]
    Cycle,
    #[error("a path has 2 to 5 currencies, each once")]
    Path,
    #[error("the two currencies are the same")]
    SameCurrency,
}

/// A contract as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Contract {
    pub terms: Terms,
    /// The time of the block that opened it.
    pub opened: TimeMs,
    pub status: Status,
}

/// What was agreed; of a hold that was posted in part, with what is left.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Terms {
    Hold(Hold),
    Escrow(Escrow),
    Allowance(Allowance),
    Mandate(MandateState),
    Request(Request),
    /// Never open: what is remembered of a quote.
    Quote(QuoteMark),
    Offer(OfferState),
    Cycle(CycleState),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Status {
    Open,
    Ended {
        how: Ending,
        #[cfg_attr(feature = "openapi", schema(value_type = u64))]
        at_ms: TimeMs,
    },
}

/// How a contract ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize, thiserror::Error,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// A hold was paid.
    #[error("posted")]
    Posted,
    /// A hold was returned by one who may.
    #[error("voided")]
    Voided,
    /// A hold was returned since its time was over.
    #[error("expired")]
    Expired,
    /// An escrow was paid.
    #[error("released")]
    Released,
    /// An escrow was returned.
    #[error("refunded")]
    Refunded,
    /// An allowance was spent whole.
    #[error("spent")]
    Spent,
    /// A mandate or a request was ended by one who may.
    #[error("revoked")]
    Revoked,
    /// A request was paid.
    #[error("paid")]
    Paid,
    /// A quote was used.
    #[error("used")]
    Used,
    /// A quote was withdrawn by its maker.
    #[error("withdrawn")]
    Withdrawn,
    /// An offer was taken whole.
    #[error("filled")]
    Filled,
    /// A netting cycle was closed: everybody's net amounts were paid.
    #[error("closed")]
    Closed,
    /// No end: queued obligations of a cycle were settled, as far as that went, and it goes on.
    #[error("netted")]
    Netted,
}

impl Terms {
    /// From this time on the contract allows nothing any more, and the ledger ends it.
    pub fn expires_at(&self) -> UnixSeconds {
        match self {
            Self::Hold(hold) => hold.expires_at,
            Self::Escrow(escrow) => escrow.expires_at,
            Self::Allowance(allowance) => allowance.expires_at,
            Self::Mandate(state) => state.mandate.ends_at,
            Self::Request(request) => request.expires_at,
            Self::Quote(mark) => mark.expires_at,
            Self::Offer(state) => state.offer.expires_at,
            Self::Cycle(state) => state.cycle.closes_at,
        }
    }

    /// What an open contract of these terms holds, where, and for whom.
    pub fn legs(&self) -> impl Iterator<Item = Leg> {
        let (legs, one): (&[Leg], _) = match self {
            Self::Hold(hold) => (&hold.legs, None),
            Self::Escrow(escrow) => (&[], Some(escrow.leg())),
            Self::Allowance(allowance) => (&[], Some(allowance.leg())),
            Self::Offer(state) => (&[], Some(state.leg())),
            Self::Mandate(_) | Self::Request(_) | Self::Quote(_) | Self::Cycle(_) => (&[], None),
        };
        legs.iter().copied().chain(one)
    }

    /// Every account that it concerns; some perhaps more than once.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> {
        let (post_by, void_by): (&[_], &[_]) = match self {
            Self::Hold(hold) => (&hold.post_by, &hold.void_by),
            Self::Cycle(state) => (&state.cycle.participants, &[]),
            _ => (&[], &[]),
        };
        let others = match self {
            Self::Hold(_) | Self::Escrow(_) | Self::Allowance(_) | Self::Offer(_) => [None, None],
            Self::Mandate(state) => [Some(state.mandate.payer), Some(state.mandate.payee)],
            Self::Request(request) => [Some(request.payee), request.payer],
            Self::Quote(mark) => [Some(mark.maker), mark.fill.map(|fill| fill.taker)],
            Self::Cycle(state) => [Some(state.cycle.opener), None],
        };
        self.legs()
            .flat_map(|leg| [leg.debtor, leg.creditor])
            .chain(post_by.iter().chain(void_by).copied())
            .chain(others.into_iter().flatten())
    }
}

impl Contract {
    /// When the ledger next has something to do about it by itself: to end it, or to forget it.
    pub fn due(&self) -> UnixSeconds {
        match self.status {
            Status::Open => match &self.terms {
                // Its queue is looked at in the second after the one in which it last was.
                Terms::Cycle(state) if state.is_changed && state.queued > 0 => {
                    UnixSeconds(state.looked_at.0 + 1).min(state.cycle.closes_at)
                }
                terms => terms.expires_at(),
            },
            // Until then it could be used again.
            Status::Ended { .. } if matches!(self.terms, Terms::Quote(_)) => self.terms.expires_at(),
            Status::Ended { at_ms, .. } => UnixSeconds(at_ms.0 / 1000 + ENDED_SECONDS),
        }
    }

    /// Where it stands in a book, if it is an offer that stands in one.
    pub fn book_key(&self) -> Option<BookKey> {
        match &self.terms {
            Terms::Offer(state) if self.is_open() => Some(state.place(self.opened)),
            _ => None,
        }
    }

    pub fn is_open(&self) -> bool {
        self.status == Status::Open
    }

    /// What it holds now.
    pub fn held(&self) -> impl Iterator<Item = (AccountId, Currency, Amount)> {
        let legs = self.is_open().then(|| self.terms.legs()).into_iter().flatten();
        legs.map(|leg| (leg.debtor, leg.currency, leg.amount))
    }
}
