//! Test mode: beneficiaries that bring about each outcome, so that an integrator can see all of them. They are customers
//! with these aliases; in a gateway that is not in test mode, the aliases mean nothing.

use super::context::Gateway;
use crate::remittance::{
    Cause, NotNow, Remittance, Wish,
    fact::{Fact, Question, Reason},
    state::{Change, Side, State},
};

/// What the beneficiary of such an alias does. The aliases are merchants'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Magic {
    Accept,
    Refuse,
    /// Asks for the beneficiary's address, and accepts when it has an answer.
    Ask,
    /// Is held by compliance until an officer decides.
    Hold,
    /// Does nothing until the hold expires.
    Ignore,
    /// Is paid out beyond the ledger, when somebody says so.
    PayOut,
    /// Cannot be paid out, and is returned.
    Return,
}

impl Magic {
    pub const ALL: [(&'static str, Self); 7] = [
        ("TESTACCEPT", Self::Accept),
        ("TESTREFUSE", Self::Refuse),
        ("TESTASK", Self::Ask),
        ("TESTHOLD", Self::Hold),
        ("TESTIGNORE", Self::Ignore),
        ("TESTPAYOUT", Self::PayOut),
        ("TESTRETURN", Self::Return),
    ];
}

pub fn of(gateway: &Gateway, remittance: &Remittance) -> Option<Magic> {
    if !gateway.config.test_mode || remittance.side == Side::Sender {
        return None;
    }
    let name = remittance.order.beneficiary_account.strip_prefix("merchant:")?;
    Magic::ALL
        .into_iter()
        .find(|(known, _)| *known == name)
        .map(|(_, magic)| magic)
}

/// `None` if it is not one of these.
pub fn accepts(gateway: &Gateway, remittance: &Remittance) -> Option<bool> {
    Some(match of(gateway, remittance)? {
        // What is held or asked is not looked at until that is over.
        Magic::Accept | Magic::Ask | Magic::Hold | Magic::PayOut | Magic::Return => true,
        Magic::Refuse | Magic::Ignore => false,
    })
}

/// What such a beneficiary does now; whether it has done anything.
pub fn act(gateway: &Gateway, remittance: &mut Remittance, now_ms: u64) -> Result<bool, NotNow> {
    let Some(magic) = of(gateway, remittance) else {
        return Ok(false);
    };
    let us = Cause::by(remittance.us());
    match (magic, remittance.state()) {
        (Magic::Refuse, State::Reserved) if remittance.wish.is_none() => {
            remittance.wish = Some(Wish::Refuse(Reason::of("AC04", "the account is closed")));
        }
        (Magic::Ask, State::Reserved) if remittance.question.is_none() => {
            let question = Question {
                text: "What is the beneficiary's address?".to_owned(),
                fields: vec!["beneficiary.address".to_owned()],
            };
            remittance.apply(Change::InfoAsked, now_ms, us)?;
            remittance.question = Some(question.clone());
            remittance.untold.push(Fact::Asked { question });
        }
        (Magic::Hold, State::Reserved) if !remittance.is_screened => {
            remittance.apply(Change::Held(Side::Beneficiary), now_ms, us)?;
            remittance.is_screened = true;
            remittance.untold.push(Fact::Held);
        }
        (Magic::Return, State::PayingOut) if remittance.wish.is_none() => {
            remittance.wish = Some(Wish::Return(Reason::of("AC06", "the account is blocked")));
        }
        _ => return Ok(false),
    }
    remittance.touched();
    Ok(true)
}
