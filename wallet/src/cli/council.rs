//! `causeway council`.

use anyhow::Context;
use causeway_contracts::{
    codec::{Bounded, Text},
    committee::{ValidatorId, change::ValidatorChange},
    governance::CouncilAction,
    registry::Node,
    transaction::{Action, Transaction},
};

use super::{
    args::{CouncilCommand, SetValidator, Signers},
    teller::{Teller, report},
    wallet::Wallet,
};

pub async fn run(wallet: &Wallet, command: CouncilCommand) -> anyhow::Result<()> {
    match command {
        CouncilCommand::Validators { set, remove, signers } => {
            let set = set.into_iter().map(|SetValidator(validator)| validator).collect();
            let remove = remove.iter().map(ValidatorId::of).collect();
            let change = ValidatorChange {
                remove: Bounded::new(remove).context("too many validators to remove in one act")?,
                set: Bounded::new(set).context("too many validators to set in one act")?,
            };
            let act = CouncilAction::ChangeValidators(change);
            carry_out(wallet, act, &signers, ["Changed", "the validators"]).await
        }
        CouncilCommand::SetNode {
            name,
            network_key,
            address,
            validator_key,
            signers,
        } => {
            let what = format!("node {name}");
            let node = Node {
                name,
                network_key,
                address,
                validator_keys: Bounded::new(validator_key).context("a node has at most two validator keys")?,
            };
            carry_out(wallet, CouncilAction::SetNode(node), &signers, ["Registered", &what]).await
        }
        CouncilCommand::RemoveNode { name, signers } => {
            let what = format!("node {name}");
            carry_out(wallet, CouncilAction::RemoveNode { name }, &signers, ["Removed", &what]).await
        }
    }
}

async fn carry_out(wallet: &Wallet, act: CouncilAction, signers: &Signers, told: [&str; 2]) -> anyhow::Result<()> {
    let home = wallet.home()?;
    let client = home.client()?;
    let keys = signers.keys.iter().map(|name| wallet.open_key(&home, name));
    let keys = keys.collect::<anyhow::Result<Vec<_>>>()?;
    let action = Action::Council(act);
    let is_like = |tx: &Transaction| *tx.actions == [action.clone()];
    let mut teller = Teller::new(wallet, &home, &client)?;
    let done = teller
        .carry_out(&keys, (action.clone(), Text::default()), is_like)
        .await?;
    report(wallet, &done, told)
}
