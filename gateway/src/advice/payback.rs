//! pacs.004: a payment that could not be paid out, on its way back.

use super::{About, Banks, parties};
use crate::{
    identifiers::bic::Bic,
    iso20022::payments::{Actor, Agent, OriginalPayment, PaymentReturn, ReturnChain, SettlementMethod, Text},
};

/// Of the message.
pub struct Way<'a> {
    pub from: &'a Bic,
    pub to: &'a Bic,
}

/// The amount that arrived comes back, as it is: it is not exchanged again.
pub fn message(about: &About<'_>, way: Way<'_>, original: OriginalPayment, banks: &Banks<'_>) -> Option<PaymentReturn> {
    let order = &about.remittance.order;
    let amount = about.target(banks.exponents)?;
    let id = about.id('R');
    let agent = |bic: Option<&Bic>| bic.cloned().map(Agent::of);
    Some(PaymentReturn {
        header: about.header(way.from, way.to, &id),
        message_id: id.clone(),
        created: about.created(),
        settlement: SettlementMethod::InstructedAgent,
        id: Text::new(id.as_str()).ok(),
        original,
        uetr: about.uetr(),
        original_settled: Some(amount),
        original_settlement_date: None,
        returned: amount,
        settlement_date: about.created().date(),
        instructed: None,
        rate: None,
        charge_bearer: None,
        charges: Vec::new(),
        instructing_agent: way.from.clone(),
        instructed_agent: way.to.clone(),
        chain: Some(ReturnChain {
            debtor: Actor::Customer(parties::party(&order.beneficiary)),
            debtor_agent: agent(banks.beneficiary_operator),
            creditor_agent: agent(banks.sender_operator),
            creditor: Actor::Customer(parties::party(&order.sender)),
        }),
        reason: about.reason(("NARR", "it could not be paid out")),
    })
}
