//! Escrows: set aside, claim.

use super::{
    Context, Contract, Ending, Overlay, Rejection, Side, Terms, account, begin, check_expiry, check_payee, end,
    give_back, may_pay, open_contract, pay, set_aside,
};
use crate::settlement::{
    Claim, Escrow,
    condition::{Facts, Preimage},
};

pub(super) fn open(overlay: &mut Overlay<'_>, context: &Context<'_>, escrow: &Escrow) -> Result<(), Rejection> {
    set_aside(overlay, context, &escrow.leg())?;
    check_expiry(context, escrow.expires_at)?;
    begin(overlay, context, Terms::Escrow(escrow.clone()));
    Ok(())
}

pub(super) fn claim(overlay: &mut Overlay<'_>, context: &Context<'_>, claim: &Claim) -> Result<(), Rejection> {
    let contract = open_contract(overlay, context, &claim.escrow)?.clone();
    let Terms::Escrow(escrow) = &contract.terms else {
        return Err(Rejection::UnknownContract);
    };
    account(overlay, &claim.by)?.is_open()?;
    let hashes: Vec<_> = claim.preimages.iter().map(Preimage::hash).collect();
    let signers: Vec<_> = context.signatures.iter().map(|entry| entry.key).collect();
    let facts = Facts {
        time: context.time,
        signers: &signers,
        hashes: &hashes,
    };
    let leg = escrow.leg();
    let is_met = escrow.condition(claim.side).is_met(&facts);
    let how = match claim.side {
        Side::Release => {
            may_pay(overlay, &leg)?;
            check_payee(overlay, &leg, leg.amount)?;
            if !is_met {
                return Err(Rejection::ConditionNotMet);
            }
            pay(overlay, &leg, leg.amount);
            Ending::Released
        }
        Side::Refund => {
            if !is_met {
                return Err(Rejection::ConditionNotMet);
            }
            give_back(overlay, context.time, contract.opened, &leg, leg.amount);
            Ending::Refunded
        }
    };
    // Who has another escrow with the same hash finds the secret here.
    let terms = Terms::Escrow(Escrow {
        release_when: escrow.release_when.reveal(&claim.preimages),
        refund_when: escrow.refund_when.reveal(&claim.preimages),
        ..escrow.clone()
    });
    let contract = Contract { terms, ..contract };
    end(overlay, context.time, claim.escrow, contract, how);
    Ok(())
}
