//! Identifiers, wherever they are: accounts, institutions, countries, currencies.

use super::{Breach, Case, Told, value};
use crate::{
    identifiers::{bic::Bic, country::Country, currency::CurrencyCode, iban::Iban, lei::Lei},
    iso20022::xml::Node,
};

pub fn check(case: &Case<'_, '_>, told: &mut Told<'_>) {
    for part in [case.header(), Some(case.body)].into_iter().flatten() {
        for node in part.descendants().filter(|node| !node.has_children()) {
            identifier(node, told);
        }
    }
}

/// A currency of an amount is of ISO 4217 by the meaning of the data type, whatever the element.
fn identifier(node: Node<'_>, told: &mut Told<'_>) {
    let found = value(node);
    let told_of = |fault: &Breach, told: &mut Told<'_>| told.tell(node, fault);
    match node.name() {
        "IBAN" => {
            for fault in Iban::faults(found) {
                told_of(
                    &Breach::Iban {
                        found: found.to_owned(),
                        fault,
                    },
                    told,
                );
            }
        }
        "BICFI" | "AnyBIC" => {
            for fault in Bic::faults(found) {
                told_of(
                    &Breach::Bic {
                        found: found.to_owned(),
                        fault,
                    },
                    told,
                );
            }
        }
        "LEI" => {
            for fault in Lei::faults(found) {
                told_of(
                    &Breach::Lei {
                        found: found.to_owned(),
                        fault,
                    },
                    told,
                );
            }
        }
        name @ ("Ctry" | "CtryOfRes" | "CtryOfBirth") => {
            if let Err(fault) = found.parse::<Country>() {
                let (name, found) = (name.to_owned(), found.to_owned());
                told_of(&Breach::Country { name, found, fault }, told);
            }
        }
        _ => {}
    }
    if let Some(currency) = node.attribute("Ccy")
        && let Err(fault) = currency.parse::<CurrencyCode>()
    {
        let found = currency.to_owned();
        told_of(&Breach::Currency { found, fault }, told);
    }
}
