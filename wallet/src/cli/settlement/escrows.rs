//! `causeway escrow`.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use causeway_contracts::{
    codec::Bounded,
    settlement::{
        Claim, Escrow, SettlementAction, Side,
        condition::{Condition, Preimage, PreimageHash},
    },
    transaction::UnixSeconds,
};
use serde_json::json;

use super::{Desk, from_now, show};
use crate::cli::{
    args::settlement::{EscrowCommand, Goes},
    output::say,
    wallet::Wallet,
};

pub async fn escrow(wallet: &Wallet, command: EscrowCommand) -> anyhow::Result<()> {
    match command {
        EscrowCommand::Open {
            to,
            amount,
            currency,
            from,
            signer,
            threshold,
            hash,
            deadline,
            release_when,
            refund_when,
            expires_in,
            on_expiry,
        } => {
            let desk = Desk::new(wallet)?;
            let (release_when, refund_when) = match (threshold, hash.zip(deadline), release_when.zip(refund_when)) {
                (Some(threshold), None, None) => {
                    let mut keys = signer;
                    keys.sort_unstable();
                    keys.dedup();
                    let agreed = Condition::SignedBy {
                        keys: Bounded::new(keys).context("at most 16 keys")?,
                        threshold,
                    };
                    (agreed.clone(), agreed)
                }
                (None, Some((hash, deadline)), None) => {
                    ensure!(
                        deadline.0 <= expires_in.0,
                        "the secret cannot count for longer than the escrow is open: give --expires-in at least as long as --deadline"
                    );
                    hash_locked(hash, from_now(deadline))
                }
                (None, None, Some((release, refund))) => (release.0, refund.0),
                _ => bail!(
                    "say when it is released: --signer and --threshold, --hash and --deadline, or --release-when and \
                     --refund-when"
                ),
            };
            release_when.check()?;
            let from = desk.own(from.as_deref())?;
            let escrow = Escrow {
                payer: from.address.account,
                payee: desk.party(&to)?,
                currency,
                amount: desk.amount(&amount, currency).await?,
                release_when,
                refund_when,
                expires_at: from_now(expires_in),
                on_expiry: side(on_expiry),
            };
            let what = format!(
                "{} in escrow for {}",
                desk.money(escrow.amount, currency).await?,
                escrow.payee.address(desk.client.prefix())
            );
            let done = desk.act(&from, SettlementAction::Escrow(escrow)).await?;
            desk.opened(&done, ["Set aside", &what])
        }
        EscrowCommand::Claim {
            which,
            side: goes,
            preimage,
            keys: names,
            signing,
        } => {
            let desk = Desk::new(wallet)?;
            let by = desk.own(which.by.as_deref())?;
            let mut keys = BTreeMap::new();
            for name in names.iter().chain([&by.key]) {
                let key = wallet.open_key(&desk.home, name)?;
                keys.insert(key.public_key(), key);
            }
            let claim = Claim {
                escrow: which.contract,
                by: by.address.account,
                side: side(goes),
                preimages: Bounded::new(preimage).context("at most 16 secrets")?,
            };
            let keys: Vec<_> = keys.into_values().collect();
            let action = SettlementAction::Claim(claim);
            if let Some(file) = &signing.to_file {
                return desk.write(file, &signing, action, &keys);
            }
            let done = desk.carry_out(&keys, action, String::new()).await?;
            let verb = match goes {
                Goes::Release => "Released",
                Goes::Refund => "Refunded",
            };
            desk.done(&done, [verb, &format!("escrow {}", which.contract)])
        }
        EscrowCommand::Secret => {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes)?;
            let secret = Preimage(bytes);
            if wallet.json {
                say!("{}", json!({ "preimage": secret, "hash": secret.hash() }));
            } else {
                say!("secret  {secret}");
                say!("hash    {}", secret.hash());
            }
            Ok(())
        }
        EscrowCommand::Show(which) => show::show(&Desk::new(wallet)?, &which).await,
    }
}

fn side(goes: Goes) -> Side {
    match goes {
        Goes::Release => Side::Release,
        Goes::Refund => Side::Refund,
    }
}

/// Released by a secret until a moment, and refunded from then on.
pub(super) fn hash_locked(hash: PreimageHash, until: UnixSeconds) -> (Condition, Condition) {
    let shown = vec![Condition::Preimage(hash), Condition::Before(until)];
    let release = Condition::All(Bounded::new(shown).expect("two"));
    (release, Condition::After(until))
}

pub(super) fn hash_lock(escrow: &Escrow) -> Option<(PreimageHash, UnixSeconds)> {
    let (Condition::All(shown), Condition::After(until)) = (&escrow.release_when, &escrow.refund_when) else {
        return None;
    };
    let Some(Condition::Preimage(hash)) = shown.first() else {
        return None;
    };
    let is_lock = (escrow.release_when.clone(), escrow.refund_when.clone()) == hash_locked(*hash, *until);
    is_lock.then_some((*hash, *until))
}
