//! Messages of ISO 20022 that clients send: each is read and checked, carried out by the same code as the API's own
//! requests, and answered by another.

pub mod answer;
mod bulk;
mod carry_out;
mod names;
mod order;
mod payback;
mod read;
mod recall;

pub use self::carry_out::carry_out;

use causeway_contracts::identity::ParticipantId;

use super::context::Gateway;
use crate::{
    advice::{Advice, Banks, advices},
    identifiers::bic::Bic,
    remittance::Remittance,
};

/// All messages about a remittance. None without a BIC of this gateway's operator.
pub fn about(gateway: &Gateway, remittance: &Remittance, client: Option<&Bic>) -> Vec<Advice> {
    let Some(us) = &gateway.config.bic else {
        return Vec::new();
    };
    let bic = |id: ParticipantId| gateway.operator(id).and_then(|operator| operator.bic.as_ref());
    let banks = Banks {
        us,
        sender_operator: bic(remittance.order.sender_operator),
        beneficiary_operator: bic(remittance.order.beneficiary_operator),
        client,
        exponents: &gateway.exponents,
    };
    advices(remittance, &banks)
}

/// Whether both name the same bank: a branch of XXX is its head office, as no branch is.
fn is_same(one: &Bic, other: &Bic) -> bool {
    let bank = |bic: &Bic| bic.as_str().strip_suffix("XXX").unwrap_or(bic.as_str()).to_owned();
    one == other || bank(one) == bank(other)
}
