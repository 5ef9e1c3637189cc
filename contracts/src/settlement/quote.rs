//! Exchange by quote: a liquidity provider signs off the ledger at which rate it will exchange, and the
//! taker brings that to the ledger, where both sides are paid at once or not at all.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{ContractId, Parties, Rate, TermsError};
use crate::{
    block::GenesisPrefix,
    codec::{self, Bounded, hex_newtype},
    identity::AccountId,
    keys::{Domain, SecretKey, Signed},
    money::{Amount, Currency},
    transaction::{TransactionSignature, UnixSeconds},
};

/// A quote is good for at most this long: so long its use is remembered.
pub const QUOTE_SECONDS_MAX: u64 = 86_400;

/// Fees that an exchange pays besides, to whomever.
pub const FEES_MAX: usize = 8;

/// Signatures under a quote: each is checked alone, when it is used.
pub const QUOTE_SIGNATURES_MAX: usize = 4;

hex_newtype!(
    /// Of a maker's choice, a different one for each quote.
    QuoteId,
    16
);

/// What a liquidity provider offers.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Quote {
    /// The first 8 bytes of the genesis hash of the network it is for.
    pub genesis: GenesisPrefix,
    pub id: QuoteId,
    pub maker: AccountId,
    /// Who alone may use it; whoever has it, if there is none.
    #[serde(default)]
    pub taker: Option<AccountId>,
    /// What the taker pays.
    pub sell: Currency,
    /// What the taker gets.
    pub buy: Currency,
    pub rate: Rate,
    /// Of the sold currency: the least that may be exchanged, without the fee.
    pub min: Amount,
    /// Of the sold currency: the most that may be exchanged, without the fee.
    pub max: Amount,
    /// Of the sold currency, paid to the maker besides.
    pub fee: Amount,
    /// From this time on it cannot be used. At most a day after it is used.
    pub expires_at: UnixSeconds,
    /// The maker's side may be held for so long, if at all.
    #[serde(default)]
    pub hold_seconds_max: u32,
}

impl Quote {
    /// SHA-256 over `causeway/quote/1` and the canonical bytes: what the maker signs, under the same tag.
    pub fn hash(&self) -> [u8; 32] {
        codec::hash(Domain::Quote.tag(), &[&codec::encode(self)])
    }

    /// Signed by each of `keys`, which must be different and at most four.
    pub fn sign<'a>(self, keys: impl IntoIterator<Item = &'a SecretKey>) -> Result<SignedQuote, TermsError> {
        let hash = self.hash();
        let mut signatures: Vec<_> = keys
            .into_iter()
            .map(|key| TransactionSignature {
                key: key.public_key(),
                signature: key.sign(Domain::Quote, &hash),
            })
            .collect();
        signatures.sort_by_key(|entry| entry.key);
        let signed = SignedQuote {
            quote: self,
            signatures: Bounded::new(signatures).map_err(|_| TermsError::QuoteSignatures)?,
        };
        signed.check()?;
        Ok(signed)
    }

    /// The mark that it leaves on the ledger when it is used or withdrawn.
    pub fn mark(&self) -> ContractId {
        ContractId::of_quote(&self.maker, &self.id)
    }
}

/// A quote with its maker's signatures.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignedQuote {
    pub quote: Quote,
    /// 1 to 4, ascending by key, each key once.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<TransactionSignature>, min_items = 1, max_items = 4))]
    pub signatures: Bounded<TransactionSignature, QUOTE_SIGNATURES_MAX>,
}

impl SignedQuote {
    /// Every way in which it is not well made, whatever the state.
    pub fn check(&self) -> Result<(), TermsError> {
        let Quote {
            rate,
            min,
            max,
            sell,
            buy,
            ..
        } = &self.quote;
        rate.check().map_err(|_| TermsError::Rate)?;
        if min.is_zero() || min > max {
            return Err(TermsError::QuoteRange);
        }
        if sell == buy {
            return Err(TermsError::SameCurrency);
        }
        let ascending = self.signatures.is_sorted_by(|a, b| a.key < b.key);
        if self.signatures.is_empty() || !ascending {
            return Err(TermsError::QuoteSignatures);
        }
        Ok(())
    }

    /// The signatures, of which `hash` is the message.
    pub fn signed<'a>(&self, hash: &'a [u8; 32]) -> impl Iterator<Item = Signed<'a>> {
        self.signatures.iter().map(move |entry| Signed {
            key: entry.key,
            domain: Domain::Quote,
            message: hash,
            signature: entry.signature,
        })
    }
}

/// How much is exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExchangeAmount {
    /// So much of the sold currency; what it gives is rounded down.
    Send(Amount),
    /// So much of the bought currency; what it costs is rounded up.
    Deliver(Amount),
}

/// Uses a quote. Signed by the taker; the maker has signed the quote.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    pub quote: SignedQuote,
    pub taker: AccountId,
    pub amount: ExchangeAmount,
    /// Both sides are held, to be posted or voided together, in place of being paid at once.
    #[serde(default)]
    pub held: Option<HeldExchange>,
}

/// An exchange in two phases: taker to maker, maker to `deliver_to` and the fees are one hold.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HeldExchange {
    /// Gets what was bought.
    pub deliver_to: AccountId,
    /// 1 to 4 accounts, ascending.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<AccountId>, min_items = 1, max_items = 4))]
    pub post_by: Parties,
    /// 1 to 4 accounts, ascending.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<AccountId>, min_items = 1, max_items = 4))]
    pub void_by: Parties,
    /// No later after the block than the quote allows.
    pub expires_at: UnixSeconds,
    /// Paid by the taker, in the sold currency.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Fee>, max_items = 8))]
    pub fees: Bounded<Fee, FEES_MAX>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Fee {
    pub to: AccountId,
    pub amount: Amount,
}

impl Exchange {
    pub(super) fn check(&self) -> Result<(), TermsError> {
        self.quote.check()?;
        match &self.held {
            Some(held) => super::hold::check_parties(&held.post_by, &held.void_by),
            None => Ok(()),
        }
    }
}

/// What the ledger remembers of a quote until it expires: that it was used, and how, or withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuoteMark {
    pub maker: AccountId,
    pub id: QuoteId,
    pub expires_at: UnixSeconds,
    /// None if it was withdrawn.
    pub fill: Option<Fill>,
}

/// One exchange that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Fill {
    pub taker: AccountId,
    pub sell: Currency,
    pub sold: Amount,
    pub buy: Currency,
    pub bought: Amount,
    /// Of the sold currency, paid to the maker besides.
    pub fee: Amount,
    pub rate: Rate,
    /// The reference rate that the ledger knew then, so that the spread can be seen.
    pub mid: Option<ReferenceRate>,
}

/// A rate between two currencies that one of their issuers has made known, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReferenceRate {
    pub rate: Rate,
    /// The time for which it holds, by its issuer's word.
    pub as_of: UnixSeconds,
}
