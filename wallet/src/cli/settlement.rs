//! `causeway hold`, `escrow`, `allowance`, `mandate`, `request`, `split`, `quote`, `exchange`, `offer`, `path`, `netting`,
//! `rate`, `contract`.

mod desk;
mod escrows;
mod exchange;
mod holds;
mod likeness;
mod netting;
mod offers;
mod pulls;
mod show;
mod split;

use self::{
    desk::{Desk, from_now, is_applied},
    pulls::revoke,
};
pub use self::{
    escrows::escrow,
    exchange::{exchange, quote, rate},
    holds::hold,
    netting::netting,
    offers::{offer, path},
    pulls::{allowance, category, mandate, request},
    split::split,
};
use super::{
    args::settlement::{ContractCommand, Which},
    wallet::Wallet,
};

pub async fn contract(wallet: &Wallet, command: ContractCommand) -> anyhow::Result<()> {
    match command {
        ContractCommand::Show(which) => show::show(&Desk::new(wallet)?, &which).await,
        ContractCommand::List { account, ended } => show::list(&Desk::new(wallet)?, account.as_deref(), ended).await,
    }
}
