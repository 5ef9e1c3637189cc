//! What a card's issuer was told, as clients see it.

use serde::Serialize;
use utoipa::ToSchema;

use super::meaning;
use crate::{
    acquiring::order::Order,
    money::Money,
    service::{
        records::card_advices::{Advice, AdviceKind, AdviceState},
        time::rfc3339,
    },
};

/// What a card's issuer was told about money that it holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdviceView {
    pub id: String,
    /// `advice`
    pub object: &'static str,
    pub order: String,
    pub kind: AdviceKind,
    pub state: AdviceState,
    /// What is to be paid, or given back.
    pub amount: Money,
    /// The issuer's response code (ISO 8583, field 39).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<&'static str>,
    pub at: String,
}

pub fn advice(order: &Order, advice: &Advice) -> AdviceView {
    let body = &advice.body;
    AdviceView {
        id: advice.id.clone(),
        object: "advice",
        order: advice.order.clone(),
        kind: body.kind,
        state: advice.state,
        amount: order.money(body.amount),
        code: body.code.clone(),
        meaning: meaning(body.code.as_ref()),
        at: rfc3339(advice.created_ms),
    }
}
