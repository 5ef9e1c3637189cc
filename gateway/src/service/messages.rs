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

/// ISO 9362: a branch of XXX is the head office, as no branch is.
fn office(bic: &Bic) -> &str {
    match bic.as_str() {
        bic if bic.len() == 11 => bic.strip_suffix("XXX").unwrap_or(bic),
        bic => bic,
    }
}

fn is_same(one: &Bic, other: &Bic) -> bool {
    office(one) == office(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_of_xxx_is_no_branch() {
        let check = |one: &str, other: &str, expected: bool| {
            let [one, other] = [one, other].map(|text| text.parse::<Bic>().expect("a BIC"));
            assert_eq!(is_same(&one, &other), expected, "{one} {other}");
        };
        check("BANKDEFF", "BANKDEFFXXX", true);
        check("BANKDEFFXXX", "BANKDEFFXXX", true);
        check("BANKDEFF", "BANKDEFF500", false);
        // A location may be XX in Mexico, too.
        check("BANKMXXX", "BANKMXXXXXX", true);
        check("BANKMXXX", "BANKMXXX500", false);
    }
}
