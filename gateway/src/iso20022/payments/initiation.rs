//! pain.001.001.09: what a customer orders, in batches of one debtor each.

use rust_decimal::Decimal;
use time::UtcDateTime;

use super::{
    ChargeBearer,
    account::{Account, Remittance},
    agent::Agent,
    amount::{Money, Rate},
    body, check_count,
    entry::Moment,
    header::Header,
    party::{Party, Scheme},
    read::{at, codes, decimal, find, get, provided, required, several, value},
    refusal::{Fault, ReasonCode, Refusal},
    text::{Reference, Text},
};
use crate::{
    identifiers::{currency::CurrencyCode, uetr::Uetr},
    iso20022::{message::Message, xml::Node},
};

/// In a message, over all batches.
pub const TRANSFERS_MAX: usize = 10_000;

codes! {
    /// PmtMtd. Cheques (CHK) are not written, and no transfer is advised (TRA).
    PaymentMethod {
        Transfer = "TRF",
    }
}

/// What the creditor is to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderedAmount {
    Instructed(Money),
    /// As much of a currency as this is worth.
    Equivalent {
        of: Money,
        paid_in: CurrencyCode,
    },
}

impl OrderedAmount {
    /// What control sums count.
    pub fn money(self) -> Money {
        match self {
            Self::Instructed(money) | Self::Equivalent { of: money, .. } => money,
        }
    }

    fn read(node: Node<'_>) -> Result<Self, Refusal> {
        if let Some(instructed) = Money::find_paid(node, "Amt/InstdAmt")? {
            return Ok(Self::Instructed(instructed));
        }
        Ok(Self::Equivalent {
            of: Money::read_paid(required(node, "Amt/EqvtAmt/Amt")?)?,
            paid_in: get(node, "Amt/EqvtAmt/CcyOfTrf", ReasonCode::CURRENCY)?,
        })
    }
}

/// CdtTrfTxInf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedTransfer {
    pub instruction_id: Option<Reference>,
    /// `None` is NOTPROVIDED.
    pub end_to_end_id: Option<Reference>,
    pub uetr: Option<Uetr>,
    pub amount: OrderedAmount,
    pub rate: Option<Rate>,
    /// That of the batch, where there is none here.
    pub charge_bearer: Option<ChargeBearer>,
    pub ultimate_debtor: Option<Party>,
    pub creditor_agent: Option<Agent>,
    pub creditor: Party,
    pub creditor_account: Option<Account>,
    pub ultimate_creditor: Option<Party>,
    pub purpose: Option<Scheme>,
    pub remittance: Option<Remittance>,
}

impl OrderedTransfer {
    fn read(node: Node<'_>, batch: &BatchTerms) -> Result<Self, Refusal> {
        let ultimate_debtor = Party::find(node, "UltmtDbtr")?;
        Ok(Self {
            instruction_id: find(node, "PmtId/InstrId", ReasonCode::FORMAT)?,
            end_to_end_id: provided(node, "PmtId/EndToEndId", ReasonCode::FORMAT)?,
            uetr: find(node, "PmtId/UETR", ReasonCode::FORMAT)?,
            amount: OrderedAmount::read(node)?,
            rate: find(node, "XchgRateInf/XchgRate", ReasonCode::CONTENT)?,
            charge_bearer: find(node, "ChrgBr", ReasonCode::CHARGE_BEARER)?.or(batch.charge_bearer),
            ultimate_debtor: ultimate_debtor.or_else(|| batch.ultimate_debtor.clone()),
            creditor_agent: Agent::find(node, "CdtrAgt")?,
            creditor: Party::read_named(node, "Cdtr", ReasonCode::CREDITOR_NAME)?,
            creditor_account: Account::find(node, "CdtrAcct", ReasonCode::CREDITOR_ACCOUNT)?,
            ultimate_creditor: Party::find(node, "UltmtCdtr")?,
            purpose: Scheme::find(node, "Purp", ReasonCode::PURPOSE)?,
            remittance: Remittance::find(node, "RmtInf")?,
        })
    }
}

/// What holds for each transfer of a batch that says nothing else.
struct BatchTerms {
    charge_bearer: Option<ChargeBearer>,
    ultimate_debtor: Option<Party>,
}

/// PmtInf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedBatch {
    pub id: Text<35>,
    pub method: PaymentMethod,
    pub execution: Moment,
    pub debtor: Party,
    pub debtor_account: Account,
    pub debtor_agent: Agent,
    /// At least one. What the batch says of charges and the ultimate debtor is said of each.
    pub transfers: Vec<OrderedTransfer>,
}

impl OrderedBatch {
    fn read(node: Node<'_>) -> Result<Self, Refusal> {
        let found = several(node, "CdtTrfTxInf", TRANSFERS_MAX)?;
        if found.is_empty() {
            let path = "CdtTrfTxInf";
            return Err(Refusal::at(node, Fault::Missing { path }, ReasonCode::MISSING));
        }
        check_count(node, found.len())?;
        let terms = BatchTerms {
            charge_bearer: find(node, "ChrgBr", ReasonCode::CHARGE_BEARER)?,
            ultimate_debtor: Party::find(node, "UltmtDbtr")?,
        };
        let account = required(node, "DbtrAcct")?;
        let batch = Self {
            id: get(node, "PmtInfId", ReasonCode::FORMAT)?,
            method: get(node, "PmtMtd", ReasonCode::NOT_SUPPORTED)?,
            execution: Moment::read(required(node, "ReqdExctnDt")?)?,
            debtor: Party::read(required(node, "Dbtr")?)?,
            debtor_account: Account::read(account, ReasonCode::DEBTOR_ACCOUNT)?,
            debtor_agent: Agent::read(required(node, "DbtrAgt")?)?,
            transfers: found
                .into_iter()
                .map(|transfer| OrderedTransfer::read(transfer, &terms))
                .collect::<Result<_, _>>()?,
        };
        check_sum(node, batch.transfers.iter())?;
        Ok(batch)
    }
}

/// What a customer orders. Nothing is executed of a message that is wrong anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Initiation {
    pub header: Option<Header>,
    pub message_id: Reference,
    pub created: UtcDateTime,
    pub initiating_party: Party,
    /// At least one.
    pub batches: Vec<OrderedBatch>,
}

impl Initiation {
    pub const MESSAGE: &'static str = "pain.001.001.09";

    /// # Errors
    /// As of [`super::CreditTransfer::read`], and with AM10 for a control sum, AG03 for what is no transfer.
    /// More than [`TRANSFERS_MAX`] are refused before any is read.
    pub fn read(message: &Message<'_>) -> Result<Self, Refusal> {
        let body = body(message, Self::MESSAGE, "CstmrCdtTrfInitn")?;
        let group = required(body, "GrpHdr")?;
        let found = several(body, "PmtInf", TRANSFERS_MAX)?;
        if found.is_empty() {
            return Err(Refusal::at(
                body,
                Fault::Missing { path: "PmtInf" },
                ReasonCode::MISSING,
            ));
        }
        let transfers = |batch: &Node<'_>| batch.children().filter(|child| child.name() == "CdtTrfTxInf").count();
        let counted: usize = found.iter().map(transfers).sum();
        if counted > TRANSFERS_MAX {
            let fault = Fault::TooMany {
                name: "CdtTrfTxInf",
                found: counted,
                max: TRANSFERS_MAX,
            };
            return Err(Refusal::at(body, fault, ReasonCode::FORMAT));
        }
        check_count(group, counted)?;
        let batches = found.into_iter().map(OrderedBatch::read);
        let initiation = Self {
            header: Header::find(message)?,
            message_id: get(group, "MsgId", ReasonCode::FORMAT)?,
            created: get(group, "CreDtTm", ReasonCode::CREATED)?,
            initiating_party: Party::read(required(group, "InitgPty")?)?,
            batches: batches.collect::<Result<_, _>>()?,
        };
        check_sum(group, initiation.batches.iter().flat_map(|batch| &batch.transfers))?;
        Ok(initiation)
    }
}

/// CtrlSum, which adds amounts of all currencies as if they were of one.
fn check_sum<'t>(node: Node<'_>, transfers: impl Iterator<Item = &'t OrderedTransfer>) -> Result<(), Refusal> {
    let Some(declared) = at(node, "CtrlSum")? else {
        return Ok(());
    };
    let sum = transfers
        .map(|transfer| transfer.amount.money())
        .try_fold(Decimal::ZERO, |sum, money| {
            let units = i128::from(money.amount().0);
            sum.checked_add(Decimal::from_i128_with_scale(units, u32::from(money.exponent())))
        });
    // 10,000 amounts of 18 digits have 22, and a decimal 28.
    let sum = sum.expect("a sum of bounded amounts, as many as are bounded");
    let found = value(declared);
    if decimal(found) != Some(sum) {
        let text = found.chars().take(20).collect();
        let fault = Fault::ControlSum {
            declared: text,
            sum: sum.to_string(),
        };
        return Err(Refusal::at(declared, fault, ReasonCode::CONTROL_SUM));
    }
    Ok(())
}
