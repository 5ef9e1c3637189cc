//! `causeway account`.

use anyhow::{Context, bail};
use causeway_contracts::{
    codec::Text,
    identity::{AccountId, AccountStatus, Address, IdentityCommitment, KeyPolicy, Salt, Tier},
    ledger::receipt::Outcome,
    statement::AccountView,
    transaction::{Action, Transaction},
};
use causeway_wallet::{
    client::{Agreed, Client},
    history::{End, Item},
    home::{AccountEntry, Home},
    payee::parse_address,
};
use serde_json::json;

use super::{
    Finding,
    args::{AccountCommand, Open},
    output::{self, note, say},
    teller::{Teller, report},
    wallet::{Wallet, choose_key, exponent},
};

pub async fn run(wallet: &Wallet, command: AccountCommand) -> anyhow::Result<()> {
    let home = wallet.home()?;
    match command {
        AccountCommand::Open(open) => self::open(wallet, &home, open).await,
        AccountCommand::Add {
            address,
            participant,
            key,
            label,
        } => {
            let prefix = home.genesis().address_prefix;
            let account = match (address, participant) {
                (Some(address), _) => parse_address(&address, prefix)?,
                (None, Some(id)) => AccountId::of_participant(&home.genesis().origin(), id),
                (None, None) => bail!("an address or a participant is needed"),
            };
            let key = choose_key(&home, key.as_deref(), None)?.name;
            let address = account.address(prefix);
            let label = label.unwrap_or_else(|| address.to_string());
            let entry = AccountEntry { label, address, key };
            home.add_account(entry.clone())?;
            print_entry(wallet, &entry);
            Ok(())
        }
        AccountCommand::Category {
            account,
            category,
            operator,
            operator_key,
        } => super::settlement::category(wallet, &account, category, operator, &operator_key).await,
        AccountCommand::Show { account, key } => show(wallet, &home, account, key).await,
        AccountCommand::List => {
            let accounts = home.accounts()?;
            if accounts.is_empty() && !wallet.json {
                say!("No accounts yet; an operator opens one with `causeway account open`.");
            }
            for entry in &accounts {
                print_entry(wallet, entry);
            }
            Ok(())
        }
    }
}

fn print_entry(wallet: &Wallet, entry: &AccountEntry) {
    let AccountEntry { label, address, key } = entry;
    if wallet.json {
        say!("{}", json!({ "label": label, "address": address, "key": key }));
    } else {
        say!("{label:<24} {address}  key {key}");
    }
}

async fn open(wallet: &Wallet, home: &Home, open: Open) -> anyhow::Result<()> {
    let client = home.client()?;
    if let Some(label) = &open.label {
        home.check_label(label)?;
    }
    let key = choose_key(home, open.key.as_deref(), Some(&open.operator_key))?;
    let (mut salt, mut identity) = ([0; 16], [0; 32]);
    getrandom::fill(&mut salt)?;
    getrandom::fill(&mut identity)?;
    let keys = KeyPolicy::single(key.public_key);
    let action = Action::OpenAccount {
        operator: open.operator,
        keys: keys.clone(),
        salt: Salt(salt),
        tier: Tier(open.tier),
        identity: open.identity.unwrap_or(IdentityCommitment(identity)),
    };
    let is_like = |tx: &Transaction| match &*tx.actions {
        [
            Action::OpenAccount {
                operator,
                keys: theirs,
                tier,
                identity,
                ..
            },
        ] => {
            let same_holder = open.identity.is_none_or(|asked| asked == *identity);
            *operator == open.operator && *theirs == keys && *tier == Tier(open.tier) && same_holder
        }
        _ => false,
    };
    let mut teller = Teller::new(wallet, home, &client)?;
    let entry = |address: Address| AccountEntry {
        label: open.label.clone().unwrap_or_else(|| address.to_string()),
        address,
        key: key.name.clone(),
    };
    for item in teller.history.items()? {
        let Some(address) = opened(&item, home).filter(|_| is_like(&item.transaction.transaction)) else {
            continue;
        };
        if !home.accounts()?.iter().any(|known| known.address == address) {
            note!(
                "An earlier run opened this account and could not add it to the wallet. No other was opened now; \
                 to open one more, run the same command again."
            );
            return add(wallet, home, entry(address));
        }
    }
    let operator_key = wallet.open_key(home, &open.operator_key)?;
    let done = teller
        .carry_out(std::slice::from_ref(&operator_key), (action, Text::default()), is_like)
        .await?;
    let address = address_of(&done.action, home);
    report(wallet, &done, ["Opened", &format!("an account at {}", open.operator)])?;
    let Some(address) = address else {
        bail!("the history holds another transaction than was looked for");
    };
    add(wallet, home, entry(address))
}

/// The account that a transaction of the history has opened.
fn opened(item: &Item, home: &Home) -> Option<Address> {
    match (item.end, &*item.transaction.transaction.actions) {
        (
            End::Final {
                outcome: Outcome::Applied,
                ..
            },
            [action],
        ) => address_of(action, home),
        _ => None,
    }
}

fn address_of(action: &Action, home: &Home) -> Option<Address> {
    let genesis = home.genesis();
    match action {
        Action::OpenAccount {
            operator, keys, salt, ..
        } => Some(AccountId::derive(&genesis.origin(), *operator, keys, salt).address(genesis.address_prefix)),
        _ => None,
    }
}

/// The account is open by now, for good. If it cannot be added, the next run of the same command finds
/// it in the history.
fn add(wallet: &Wallet, home: &Home, entry: AccountEntry) -> anyhow::Result<()> {
    home.add_account(entry.clone()).with_context(|| {
        format!(
            "the account {} is open, but not in this wallet yet; run the same command again to add it",
            entry.address
        )
    })?;
    print_entry(wallet, &entry);
    Ok(())
}

async fn show(wallet: &Wallet, home: &Home, wanted: Option<String>, key: Option<String>) -> anyhow::Result<()> {
    let client = home.client()?;
    let prefix = home.genesis().address_prefix;
    let (account, key) = match (home.account(wanted.as_deref()), wanted, key) {
        (Ok(entry), _, key) => (entry.address.account, key.unwrap_or(entry.key)),
        // Not one of this wallet's: an operator or issuer may look with its own key.
        (Err(_), Some(text), Some(key)) => (parse_address(&text, prefix)?, key),
        (Err(error), ..) => return Err(error.into()),
    };
    let key = wallet.open_key(home, &key)?;
    let Agreed {
        answer,
        height,
        time_ms,
    } = client.account_agreed(&account, &key).await?;
    let Some(view) = answer else {
        let address = account.address(prefix);
        return Err(Finding::BadInput(anyhow::anyhow!("there is no account {address} on this network")).into());
    };
    if wallet.json {
        say!(
            "{}",
            json!({ "address": account.address(prefix), "height": height, "time_ms": time_ms, "account": view })
        );
        return Ok(());
    }
    print_view(home, &client, &view).await?;
    say!("as of block {height}, {}", output::time(time_ms.0 / 1000));
    Ok(())
}

async fn print_view(home: &Home, client: &Client, view: &AccountView) -> anyhow::Result<()> {
    let status = match view.status {
        AccountStatus::Active => "active".to_owned(),
        AccountStatus::Frozen(freeze) => format!("frozen by {} (reason {})", freeze.by, freeze.reason.0),
        AccountStatus::Closed => "closed".to_owned(),
    };
    say!(
        "{}  at {}, tier {}, {status}",
        view.id.address(client.prefix()),
        view.operator,
        view.tier.0
    );
    for entry in &view.balances {
        let exponent = exponent(home, client, entry.currency).await?;
        let available = output::balance(entry.available, exponent, entry.currency);
        let held = output::money(entry.held, exponent, entry.currency);
        let frozen = if entry.frozen.is_some() { "  frozen" } else { "" };
        say!("  {available:>24} available  {held:>20} held{frozen}");
    }
    if view.balances.is_empty() {
        say!("  nothing in it yet");
    }
    Ok(())
}
