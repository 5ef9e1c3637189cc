//! `causeway offline create`.
//!
//! The purse's key is kept, sealed, before anyone hears of it; so a run that was stopped anywhere is gone on with by the
//! same command, and the service registers one key once.

use anyhow::{Context, bail};
use causeway_contracts::{
    keys::SecretKey,
    offline::{
        ids::{Epoch, ListVersion, RevocationEntry},
        messages::{Certificate, RevocationDelta},
        purse::{NewPurse, PurseState, Rules},
        registration::{PurseClass, RegistrationTerms},
        revocation::RevocationList,
        signed::Signed,
    },
    statement::PurseCurrencyView,
};
use causeway_wallet::{
    clock,
    keystore::{Keystore, Secret},
    offline::{
        issuer::client::{IssuerClient, Registration},
        purses::{Place, Purse, PurseInfo},
    },
};
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    super::{
        Finding,
        args::purses::{Create, PinFile},
        output::say,
        passphrase,
        wallet::{Wallet, exponent},
    },
    bad_input,
    online::{self, Online},
};

/// The name of the key in the purse's folder.
const SEED: &str = "seed";

pub async fn create(wallet: &Wallet, args: &Create) -> anyhow::Result<()> {
    let place = wallet.home()?.purses().begin(&args.purse)?;
    let issuer = IssuerClient::new(&args.issuer).map_err(bad_input)?;
    let online = Online::new(wallet, args.account.as_deref())?;
    let known = online.client.purse_currency(args.currency).await?;
    let known = known.with_context(|| format!("purses may not hold {} on this network", args.currency))?;
    let exponent = exponent(&online.home, &online.client, args.currency).await?;
    let pin = new_pin(&args.pin)?;
    let passphrase = wallet.passphrase.for_new(&format!("purse {}", args.purse))?;
    let seed = seed(&place, &passphrase)?;
    let class = if args.merchant {
        PurseClass::Merchant
    } else {
        PurseClass::Purse
    };
    let certificate = register(&online, &issuer, &known, class, &seed).await?;
    let (revoked, deltas) = revocations(&online, &known).await?;
    let info = PurseInfo {
        purse: certificate.body.purse,
        account: online.account.address,
        currency: args.currency,
        exponent,
        issuer: args.issuer.clone(),
        successor: None,
    };
    let told = known.beacon.as_ref().map(|beacon| beacon.body.epoch);
    let new = NewPurse {
        epoch: told.max(Some(certificate.body.not_before)).unwrap_or_default(),
        certificate,
        keys: online::keys(&known)?,
        rules: Rules::DEVNET,
        revoked,
    };
    let state = PurseState::new(*seed, &pin, new).map_err(|error| Finding::PurseRefuses(error.into()))?;
    let mut purse = place.create(info, &state, &passphrase)?;
    let beacon = known.beacon.into_iter().map(Into::into);
    let heard = beacon.chain(deltas.into_iter().map(Into::into)).collect();
    purse.news.remember(purse.element.state(), heard)?;
    // The element has it now. What is left of it is sealed.
    let _ = std::fs::remove_file(purse.place.path("seed.key.json"));
    tell(wallet, &purse);
    Ok(())
}

/// The key of a purse that is being made: that of an earlier run, or a new one.
fn seed(place: &Place, passphrase: &str) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let keys = Keystore::new(place.folder().to_owned());
    if keys.entry(SEED).is_ok() {
        return Ok(keys.open(SEED, passphrase)?.seed());
    }
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed)?;
    let text = Zeroizing::new(hex::encode(*seed));
    keys.add(SEED, &Secret::from_seed_text(&text)?, passphrase)?;
    Ok(seed)
}

async fn register(
    online: &Online<'_>,
    issuer: &IssuerClient,
    known: &PurseCurrencyView,
    class: PurseClass,
    seed: &[u8; 32],
) -> anyhow::Result<Signed<Certificate>> {
    let key = SecretKey::from_seed(seed);
    let terms = RegistrationTerms {
        genesis: *online.client.genesis(),
        currency: known.currency,
        account: online.account.address.account,
        public_key: key.public_key(),
        class,
        time_ms: clock::now_ms(),
    };
    let registration = Registration::sign(&terms, online.client.prefix(), &online.key, &key);
    certify(issuer, known, &terms, &registration).await
}

/// Registers a purse, or hears again what an earlier run has registered. The service's word counts as far as the
/// ledger's keys have signed it, and says what was asked for.
pub async fn certify(
    issuer: &IssuerClient,
    known: &PurseCurrencyView,
    terms: &RegistrationTerms,
    registration: &Registration,
) -> anyhow::Result<Signed<Certificate>> {
    let certificate = issuer.register(registration).await?;
    online::keys(known)?.verify(&certificate, known.index)?;
    if certificate.body.key != terms.public_key || certificate.body.class != terms.class.class() {
        bail!("the issuer's service has certified another purse than was asked for");
    }
    Ok(certificate)
}

/// The currency's revocation list as enough validators tell it, of the hour of the beacon that they tell; and its last
/// deltas.
async fn revocations(
    online: &Online<'_>,
    known: &PurseCurrencyView,
) -> anyhow::Result<(RevocationList, Vec<Signed<RevocationDelta>>)> {
    let (mut version, mut entries, mut deltas) = (ListVersion(0), Vec::<RevocationEntry>::new(), Vec::new());
    let mut epoch = known.beacon.as_ref().map_or(Epoch(0), |beacon| beacon.body.epoch);
    loop {
        let page = online.client.revocations(known.currency, version).await?;
        let page = page.context("the currency was there a moment ago")?;
        let new = page.deltas.into_vec();
        let Some(last) = new.last() else { break };
        version = last.body.version;
        epoch = epoch.max(last.body.epoch);
        entries.extend(new.iter().flat_map(|delta| delta.body.entries.iter().copied()));
        deltas.extend(new);
        if !page.has_more {
            break;
        }
    }
    entries.sort_unstable();
    entries.dedup();
    Ok((RevocationList::new(version, epoch, entries)?, deltas))
}

fn new_pin(file: &PinFile) -> anyhow::Result<Zeroizing<String>> {
    let pin = match &file.pin_file {
        Some(path) => passphrase::first_line(path)?,
        None => {
            let instead = "there is no terminal to ask for the PIN; use --pin-file";
            let first = passphrase::prompt("New PIN, 4 to 12 digits: ", instead)?;
            let second = passphrase::prompt("Once more: ", instead)?;
            if first != second {
                bail!("the two PINs differ; nothing was changed");
            }
            first
        }
    };
    if !(4..=12).contains(&pin.len()) || !pin.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad_input(anyhow::anyhow!("a PIN has 4 to 12 digits")));
    }
    Ok(pin)
}

fn tell(wallet: &Wallet, purse: &Purse) {
    let (name, info) = (&purse.place.name, &purse.info);
    if wallet.json {
        let object = json!({
            "name": name,
            "purse": info.purse,
            "account": info.account,
            "currency": info.currency,
            "issuer": info.issuer,
        });
        say!("{object}");
    } else {
        say!(
            "Purse {name} has the id {}, and holds {} of {}.",
            info.purse,
            info.currency,
            info.account
        );
    }
}
