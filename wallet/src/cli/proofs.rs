//! `causeway receipt` and `causeway verify`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use causeway_contracts::{
    genesis::Genesis,
    ledger::receipt::Outcome,
    proof::{PROOF_BYTES_MAX, PaymentProof, VerifiedPayment},
    transaction::{Action, TxId},
};
use causeway_wallet::{clock, durable, home::read_genesis, trust};
use serde_json::{Value, json};

use super::{
    Finding,
    output::{self, say},
    purse_words::words,
    teller,
    wallet::Wallet,
};

pub async fn receipt(wallet: &Wallet, tx: TxId, out: Option<PathBuf>) -> anyhow::Result<()> {
    let home = wallet.home()?;
    let client = home.client()?;
    let Some((proof, verified)) = client.proof(&tx).await? else {
        bail!("no validator that was asked has a receipt for {tx}");
    };
    teller::keep_trust(wallet, &home, &client);
    let json = serde_json::to_string(&proof).expect("a proof has a JSON form");
    match out {
        Some(path) => {
            durable::replace(&path, json.as_bytes())?;
            if wallet.json {
                say!("{}", describe(&verified));
            } else {
                say!("The proof is in {}; `causeway verify` checks it.", path.display());
            }
        }
        None => say!("{json}"),
    }
    Ok(())
}

/// Reads two or three files and nothing else.
pub fn verify(wallet: &Wallet, path: &Path, genesis: Option<PathBuf>) -> anyhow::Result<()> {
    let file = || path.display().to_string();
    let bytes = durable::read(path, PROOF_BYTES_MAX as u64).map_err(|error| Finding::BadInput(error.into()))?;
    let proof: PaymentProof = serde_json::from_slice(&bytes)
        .with_context(|| format!("{}: not a proof", file()))
        .map_err(Finding::BadInput)?;
    let (trusted, genesis) = match genesis {
        Some(path) => {
            let genesis = read_genesis(&path)?;
            (trust::vouched(&genesis, clock::now_ms())?, genesis)
        }
        None => {
            let home = wallet.home()?;
            let genesis = home.genesis().clone();
            let trusted = trust::load(&home.trust_path(), genesis.hash())?;
            if trust::has_lapsed(&trusted, clock::now_ms()) {
                return Err(Finding::TrustLapsed.into());
            }
            (trusted, genesis)
        }
    };
    let verified = proof
        .verify(&trusted)
        .with_context(|| format!("{}: not proved", file()))?;
    if wallet.json {
        let body = &proof.transaction.transaction;
        let mut object = describe(&verified);
        object["actions"] = json!(body.actions);
        object["memo"] = json!(body.memo);
        if !verified.trades.is_empty() {
            object["trades"] = output::trades(&verified.trades, &body.actions);
        }
        say!("{object}");
    } else {
        tell(&proof, &verified, &genesis);
    }
    match verified.outcome {
        Outcome::Applied => Ok(()),
        // The proof is good; that it is no proof of a payment must not escape a script.
        Outcome::Rejected { reason, .. } => Err(Finding::Rejected(reason).into()),
    }
}

fn tell(proof: &PaymentProof, verified: &VerifiedPayment, genesis: &Genesis) {
    match verified.outcome {
        Outcome::Applied => say!("Proved: transaction {} took effect.", verified.id),
        Outcome::Rejected { reason, .. } => {
            say!("Proved: transaction {} was refused: {reason}.", verified.id);
        }
    }
    let prefix = genesis.address_prefix;
    let money = |amount, currency| output::genesis_money(genesis, amount, currency);
    for action in &proof.transaction.transaction.actions {
        if let Action::Transfer {
            from,
            to,
            currency,
            amount,
        } = action
        {
            let money = money(*amount, *currency);
            say!("  {money} from {} to {}", from.address(prefix), to.address(prefix));
        }
        if let Action::Offline(action) = action {
            for line in words(action, |id| id.address(prefix).to_string(), money) {
                say!("  {line}");
            }
        }
    }
    for trade in &verified.trades {
        let action = &proof.transaction.transaction.actions[usize::from(trade.action)];
        if let Action::Settle(action) = action
            && let Some((sell, buy)) = action.trades()
        {
            say!("  {} for {}", money(trade.sold, sell), money(trade.bought, buy));
        }
    }
    if !proof.transaction.transaction.memo.is_empty() {
        say!("  memo: {}", proof.transaction.transaction.memo.escape_debug());
    }
    say!(
        "  final in block {} of {}, {}, by more than two thirds of its validators",
        verified.height,
        genesis.name,
        output::time(verified.time_ms.0 / 1000)
    );
}

fn describe(verified: &VerifiedPayment) -> Value {
    let mut object = json!({
        "id": verified.id,
        "outcome": output::outcome_word(verified.outcome),
        "height": verified.height,
        "time_ms": verified.time_ms,
        "block": verified.block,
    });
    if let Outcome::Rejected { reason, .. } = verified.outcome {
        object["reason"] = Value::String(output::reason_word(reason));
    }
    object
}
