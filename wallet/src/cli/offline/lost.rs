//! `causeway offline report-lost`.

use causeway_contracts::{
    ledger::rejection::Rejection,
    offline::{
        action::{OfflineAction, Revoker},
        ids::PurseId,
    },
};
use causeway_wallet::offline::purses::PursesError;
use serde_json::json;

use super::{
    super::{Finding, output::say, wallet::Wallet},
    bad_input,
    online::Online,
};

pub async fn report(wallet: &Wallet, text: &str, account: Option<&str>) -> anyhow::Result<()> {
    let (purse, online) = match wallet.home()?.purses().info(text) {
        Ok(info) => {
            let own = info.account.to_string();
            (info.purse, Online::new(wallet, Some(account.unwrap_or(&own)))?)
        }
        // Its folder may be lost with it.
        Err(error @ (PursesError::Unknown { .. } | PursesError::Name)) => {
            let id = purse_id(text).ok_or_else(|| {
                bad_input(
                    anyhow::Error::new(error).context("nor is it the id of a purse, which has 16 hexadecimal digits"),
                )
            })?;
            (id, Online::new(wallet, account)?)
        }
        Err(error) => return Err(error.into()),
    };
    let action = OfflineAction::RevokePurse {
        by: Revoker::Owner(online.account.address.account),
        purse,
    };
    let acted = online.act(action.clone(), |other| *other == action).await;
    let is_again = match acted {
        Ok(_) => false,
        Err(error) if is_revoked(&error) => true,
        Err(error) => return Err(error),
    };
    if wallet.json {
        say!("{}", json!({ "purse": purse, "revoked": true, "resumed": is_again }));
    } else if is_again {
        say!("Purse {purse} was out of use before.");
    } else {
        say!("Purse {purse} is out of use: the issuer puts it on the revocation list, and it is loaded no more.");
        say!("What nobody redeems of it goes back to the account 30 days after it has expired.");
    }
    Ok(())
}

fn is_revoked(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<Finding>(),
        Some(Finding::Rejected(Rejection::PurseRevoked))
    )
}

fn purse_id(text: &str) -> Option<PurseId> {
    let mut id = [0; 8];
    hex::decode_to_slice(text, &mut id).ok()?;
    Some(PurseId(id)).filter(|id| id.check().is_ok())
}
