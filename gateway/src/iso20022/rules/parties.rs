//! Who is named how: agents (banks) and parties (their customers).

use super::{Breach, Case, Kind, RuleYear, Told};
use crate::iso20022::xml::Node;

pub fn check(case: &Case<'_, '_>, told: &mut Told<'_>) {
    let customers = case.kind == Kind::CreditTransferInitiation && case.year == RuleYear::Y2026;
    if case.kind.is_interbank() || customers {
        for node in case.body.descendants() {
            names_with_addresses(node, told);
        }
    }
    let (named, by_bic_alone): (&[&str], &[&str]) = match case.kind {
        Kind::CreditTransfer => (&["Dbtr", "Cdtr"], &["Dbtr", "Cdtr"]),
        Kind::Return => (
            &[
                "RtrChain/Dbtr/Pty",
                "RtrChain/Cdtr/Pty",
                "OrgnlTxRef/Dbtr/Pty",
                "OrgnlTxRef/Cdtr/Pty",
                "RtrRsnInf/Orgtr",
            ],
            &["RtrChain/Dbtr/Pty", "RtrChain/Cdtr/Pty"],
        ),
        Kind::TransferStatus => (&["StsRsnInf/Orgtr"], &[]),
        _ => return,
    };
    for transaction in case.transactions() {
        for party in named.iter().flat_map(|path| transaction.find(path)) {
            if !party.has("Id/OrgId/AnyBIC") && !party.has("Nm") {
                let party_name = name_of(party);
                told.tell(party, &Breach::PartyUnnamed { party: party_name });
            }
        }
        for party in by_bic_alone.iter().flat_map(|path| transaction.find(path)) {
            if party.has("Id/OrgId/AnyBIC") && (party.has("Nm") || party.has("PstlAdr")) {
                let party_name = name_of(party);
                told.tell(party, &Breach::PartyNamedTwice { party: party_name });
            }
        }
    }
}

fn names_with_addresses(node: Node<'_>, told: &mut Told<'_>) {
    let (name, address) = (node.has("Nm"), node.has("PstlAdr"));
    match node.name() {
        "FinInstnId" if name != address => told.tell(node, &Breach::AgentNameAddress { name }),
        "FinInstnId" | "BrnchId" => {}
        _ if address && !name => {
            let party = name_of(node);
            told.tell(node, &Breach::PartyNameWithAddress { party });
        }
        _ => {}
    }
}

/// `Pty` says less than what it is in.
fn name_of(party: Node<'_>) -> String {
    let role = party.parent().filter(|_| party.name() == "Pty").unwrap_or(party);
    role.name().to_owned()
}
