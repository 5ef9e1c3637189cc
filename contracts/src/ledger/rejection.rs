//! Why an ordered transaction had no effect, by a documented order of precedence.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::protocol::{NotInForce, SCHEDULE_AHEAD_MIN};

/// A transaction that was ordered but is treated as if it had not been: it touches no state, its id
/// is not consumed, it has no receipt, and nothing about it is proved. Checked in this order.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize, thiserror::Error,
)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    #[error("expired: the block's time is not before valid_until")]
    Expired,
    #[error("valid_until lies further ahead of block time than the network allows")]
    TooFarAhead,
    #[error("a transaction with this id has a receipt already")]
    AlreadyKnown,
    #[error(
        "an account, participant or validator that must sign does not exist, or a key signed that is none of theirs"
    )]
    UnknownSigner,
    #[error("the signatures do not reach the threshold of every key policy that must agree")]
    ThresholdNotMet,
    /// Checked before all others, and of a transaction alone: a block that holds such an action is invalid.
    #[error("{0}")]
    NotInForce(NotInForce),
}

/// A transaction that had no effect but to consume its id. For each action in order, the first reason
/// that holds, in this order; but what is said of a contract that an action names comes before all others:
/// [`Self::UnknownContract`], [`Self::ContractEnded`], [`Self::ContractExpired`], [`Self::HoldGrouped`], and then what
/// its terms say of the action: [`Self::NotPermitted`] of a mandate and a request, [`Self::MandateNotStarted`],
/// [`Self::OverMandate`], [`Self::RequestMismatch`], [`Self::NotInCycle`] of money that is set aside; and what is said
/// of a quote: [`Self::QuoteInvalid`] to [`Self::QuoteWithdrawn`]; of a load, what is said of its purse, but for
/// [`Self::MessageInvalid`], which comes last of all. Of a hold or an exchange with several payments, the first
/// of them that cannot be set aside says why.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize, thiserror::Error,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    #[error("an account that the action names does not exist")]
    UnknownAccount,
    #[error("an account that the action names is frozen or closed")]
    AccountNotActive,
    #[error("the signers have no right to this action")]
    NotPermitted,
    #[error("the currency is not registered")]
    UnknownCurrency,
    #[error("the currency is frozen, everywhere or in this account")]
    CurrencyFrozen,
    #[error("the amount is zero")]
    AmountZero,
    #[error("more than the payer's tier may pay to one payee in one transaction")]
    OverPaymentLimit,
    #[error("more than the payer's tier may pay in one day")]
    OverDailyLimit,
    #[error("more than the payee's tier may have")]
    OverBalanceLimit,
    #[error("the payer has not enough available")]
    InsufficientFunds,
    #[error("payer and payee are the same account")]
    SamePayerAndPayee,
    #[error("the issuer's account would go below its issuance cap")]
    OverIssuanceCap,
    #[error("a sum would be too large to be represented")]
    Overflow,
    #[error("the account or currency is not frozen so, or frozen already")]
    FreezeUnchanged,
    #[error("the account still has money, something held or an open contract")]
    AccountNotEmpty,
    #[error("the currency is registered already")]
    CurrencyExists,
    #[error("the participant is registered already")]
    ParticipantExists,
    #[error("the account exists already")]
    AccountExists,
    #[error("no such participant")]
    UnknownParticipant,
    #[error("a parameter is out of its range")]
    ParameterOutOfRange,
    #[error("there are as many currencies, participants, nodes or entries of a list as there may be")]
    RegistryFull,
    #[error("the accused, or who is to be removed, is not a validator")]
    UnknownValidator,
    #[error("the evidence is of a height that is not decided yet, or was too long ago")]
    EvidenceOutOfTime,
    #[error("that this validator signed twice at this height is recorded already")]
    EvidenceKnown,
    #[error("as much evidence against this validator is recorded as may be")]
    EvidenceFull,
    #[error("the evidence is not two good signatures for different things")]
    EvidenceInvalid,
    #[error("not the version after the one in force")]
    ProtocolNotNext,
    #[error(
        "the version would be in force before all could be warned: its height must be at least {SCHEDULE_AHEAD_MIN} above this block's"
    )]
    ProtocolTooSoon,
    #[error("no version is scheduled that is not in force yet")]
    ProtocolNotScheduled,
    #[error("no node of that name is registered, or none with that validator key")]
    UnknownNode,
    #[error("the node has no name, no address or an unusable key, or one key twice")]
    NodeUnsound,
    #[error("another node has one of these keys")]
    NodeKeyTaken,
    #[error("a validator key that the node would lose is in the validator set")]
    NodeInUse,
    #[error("the change would leave no valid validator set, or none other than before")]
    ValidatorSetInvalid,
    #[error("unchanged validators would not hold more than two thirds of both the old set and the new one")]
    TooFewUnchangedValidators,
    #[error("no contract of this kind has that id, or it ended more than a day ago")]
    UnknownContract,
    #[error("the contract has ended")]
    ContractEnded,
    #[error("the contract's time is over")]
    ContractExpired,
    #[error("the hold has several legs, which post or void together")]
    HoldGrouped,
    #[error("expires_at is not after the block's time, or more than ten years later")]
    ExpiryOutOfRange,
    #[error("more than the hold still has")]
    OverHold,
    #[error("the condition for this side of the escrow is not met")]
    ConditionNotMet,
    #[error("the quote is for another network, or not signed by its maker's keys")]
    QuoteInvalid,
    #[error("the quote's time is over")]
    QuoteExpired,
    #[error("the quote is for another taker")]
    QuoteForeign,
    #[error("the quote was used already")]
    QuoteUsed,
    #[error("the quote was withdrawn by its maker")]
    QuoteWithdrawn,
    #[error("the amount is below the quote's least or above its greatest")]
    QuoteOutOfRange,
    #[error("what is sold gives less than one minor unit of what is bought")]
    NothingBought,
    #[error("the payee is none to whom the allowance may be spent")]
    PayeeNotAllowed,
    #[error("more than is left of the allowance, or than one payment of it may be")]
    OverAllowance,
    #[error("the mandate has not started")]
    MandateNotStarted,
    #[error("more than the mandate allows in one payment or in this period")]
    OverMandate,
    #[error("not the amount that the request asks for")]
    RequestMismatch,
    #[error("the reference rate is of the future, or older than the one that is known")]
    RateOutOfTime,
    #[error("no terms of that kind can be revoked")]
    NotRevocable,
    #[error("the offer would take another of its maker's own; revoke that first")]
    OfferCrossesOwn,
    #[error("the offers on the path do not suffice for the amount")]
    PathTooThin,
    #[error("less would be delivered, or more sent, than the payment's bound")]
    WorseThanBound,
    #[error("the account is no participant of the cycle, or the currency none of its currencies")]
    NotInCycle,
    #[error("debtor and creditor must each have prefunded something in the cycle")]
    NothingPrefunded,
    #[error("as many obligations wait in the cycle as may")]
    QueueFull,
    #[error("purses may hold the currency already")]
    PursesOpen,
    #[error("purses may not hold the currency: its issuer has not opened it for them")]
    PursesNotOpen,
    #[error("a key that nobody can sign with, or everybody")]
    KeyUnusable,
    #[error("a key with this id is known already, and may be withdrawn")]
    ServiceKeyTaken,
    #[error("no key with this id is the issuer's for this, or it was withdrawn")]
    UnknownServiceKey,
    #[error("no purse with this id is registered")]
    UnknownPurse,
    #[error("the purse is out of use")]
    PurseRevoked,
    #[error("the purse has a certificate that is as new, or is another owner's, key's or currency's")]
    CertificateNotNewer,
    #[error("the purse's certificate is not good in this hour")]
    CertificateNotInForce,
    #[error("not the counter of the purse's next load")]
    LoadOutOfTurn,
    #[error("more than the purse may hold")]
    OverPurseLimit,
    #[error("no load with this purse, counter, lot, amount and currency is known")]
    UnknownLoad,
    #[error("another message is recorded in this one's place")]
    MessageConflict,
    #[error("the hour is after the block's, or not after that of the newest message of its kind")]
    EpochOutOfTime,
    #[error("not a version of the revocation list that follows the one which is recorded, or is it")]
    ListVersionUnknown,
    #[error("the message's signature is not good")]
    MessageInvalid,
    #[error(
        "as many messages of this purse as its certificates allow are recorded that nobody else's confirm: bring those that do with it, or wait for the next certificate"
    )]
    PurseCrowded,
    #[error("signed messages prove that the purse broke the rules of payments")]
    PurseConvicted,
    #[error("what is behind a lot is not known, does not fit together, or gives the lot to another purse or to none")]
    LotUnknown,
    #[error("a lot expired too long ago to be redeemed")]
    LotExpired,
    #[error("no claim with this number is held back")]
    UnknownClaim,
    #[error("the beacon's list_root is not that of the revocation list of this version")]
    ListMismatch,
}
