//! pacs.008, from the sender's operator to the beneficiary's: what the order between their gateways says.

use rust_decimal::Decimal;

use super::{About, Banks, parties};
use crate::iso20022::payments::{
    Agent, ChargeBearer, CreditTransfer, InstructionId, Money, Rate, Remittance, Scheme, SettlementMethod, Text,
};

pub fn message(about: &About<'_>, banks: &Banks<'_>) -> Option<CreditTransfer> {
    let (from, to) = (banks.sender_operator?, banks.beneficiary_operator?);
    let order = &about.remittance.order;
    let (source, target) = (about.source(banks.exponents)?, about.target(banks.exponents)?);
    let id = about.id('P');
    let (_, unique) = about.remittance.id.split_once('_').unwrap_or_default();
    let purpose = order.purpose.as_deref().and_then(|code| Text::new(code).ok());
    let reference = order.reference.as_deref().and_then(|text| Text::fitted(text).ok());
    Some(CreditTransfer {
        header: about.header(from, to, &id),
        message_id: id,
        created: about.created(),
        settlement: SettlementMethod::InstructedAgent,
        // Half of the digits of a UUID, those that are drawn at random.
        instruction_id: InstructionId::new(unique.get(16..)?).ok()?,
        end_to_end_id: about.end_to_end_id(),
        transaction_id: None,
        uetr: about.uetr(),
        settled: target,
        settlement_date: about.created().date(),
        instructed: Some(source),
        rate: (source.currency() != target.currency())
            .then(|| rate(source, target))
            .flatten(),
        // Fees are taken from the sender, besides.
        charge_bearer: ChargeBearer::Debtor,
        charges: Vec::new(),
        instructing_agent: from.clone(),
        instructed_agent: to.clone(),
        intermediary: None,
        ultimate_debtor: None,
        debtor: parties::party(&order.sender),
        debtor_account: Some(parties::account(&order.sender_account.to_string())),
        debtor_agent: Agent::of(from.clone()),
        creditor_agent: Agent::of(to.clone()),
        creditor: parties::party(&order.beneficiary),
        creditor_account: Some(parties::account(&order.beneficiary_account)),
        ultimate_creditor: None,
        purpose: purpose.map(Scheme::Code),
        remittance: reference.map(|line| Remittance::Unstructured(vec![line])),
    })
}

/// Units of what arrives for one of what is sent, rounded to as many digits as a message has.
fn rate(source: Money, target: Money) -> Option<Rate> {
    let decimal = |money: Money| {
        let scale = u32::from(money.exponent());
        Decimal::try_from_i128_with_scale(i128::from(money.amount().0), scale).ok()
    };
    let rate = decimal(target)?.checked_div(decimal(source)?)?;
    (0..=10).rev().find_map(|places| Rate::new(rate.round_dp(places)))
}
