//! Cards of the first operator, which the second one's terminals take.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use causeway_contracts::{
    identity::{AccountId, ParticipantId},
    ledger::receipt::Outcome,
    money::{Amount, Currency},
    settlement::{ContractId, Mandate, SettlementAction},
    transaction::{Action, UnixSeconds},
};
use causeway_gateway::{
    acquiring::hsm::{Hsm, HsmConfig, Purpose},
    service::card_keys,
};
use causeway_wallet::{client::Client, clock};

use super::{
    GATEWAYS,
    configs::{
        Settings,
        text::{HsmText, IssuingText, LinkText, RouteText},
    },
};
use crate::{
    folder::{self, CARD_KEYS, SEALING_KEY, ServiceFolder},
    genesis::CURRENCIES,
    network::Network,
    teller::Teller,
};

/// Of numbers for national use (ISO/IEC 7812-1), which no card scheme has.
pub const BIN: &str = "990000";

pub const TOKEN_BIN: &str = "990001";

/// Of ISO 8583 between both.
const VARIANT: &str = "a";

/// The key that keys of cards' cryptograms are derived from.
pub const MASTER: &str = "cards";

/// The key of card verification values.
pub const CARD_VALUES: &str = "cvv";

/// By their words in the configuration, which are their names too.
const KEYS: [(&str, Purpose); 5] = [
    (MASTER, Purpose::CryptogramMaster),
    ("devices", Purpose::CryptogramMaster),
    (CARD_VALUES, Purpose::Cvv),
    ("pin", Purpose::Pin),
    ("pin_verification", Purpose::PinVerification),
];

const DAY_SECONDS: u64 = 86_400;

/// Of each currency, in minor units: what the first operator may draw a day for its cardholders.
const DRAWN_MAX: Amount = Amount(100_000_000);

/// What the issuer calls its acquirer (field 32).
const ACQUIRER_ID: &str = "27100";

/// The contracts by which the second operator's account gives money back to the first one's cardholders.
pub type Mandates = BTreeMap<Currency, ContractId>;

/// The module with the keys of a gateway that issues cards.
pub fn security_module(folder: &ServiceFolder) -> anyhow::Result<Box<dyn Hsm>> {
    let config = HsmConfig::Software {
        file: folder.card_keys(),
        key_file: folder.sealing_key(),
    };
    Ok(config.open()?)
}

/// Those that are not there yet.
pub fn make_keys(folder: &ServiceFolder) -> anyhow::Result<()> {
    let sealing = folder.sealing_key();
    if !sealing.exists() {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        folder::write_secret(&sealing, &hex::encode(key))?;
    }
    let hsm = security_module(folder)?;
    for (name, purpose) in KEYS {
        card_keys::make(&*hsm, &name.parse()?, purpose)?;
    }
    Ok(())
}

/// The second operator's own account, to which cardholders pay.
fn acquirer(network: &Network) -> anyhow::Result<AccountId> {
    let id = ParticipantId::new(GATEWAYS[1].id)?;
    Ok(AccountId::of_participant(&network.genesis.origin(), id))
}

pub(super) fn section<'a>(
    network: &Network,
    settings: &Settings,
    mandates: &'a Mandates,
) -> anyhow::Result<IssuingText<'a>> {
    let account = acquirer(network)?.address(network.genesis.address_prefix);
    Ok(IssuingText {
        bin: BIN,
        token_bin: TOKEN_BIN,
        answer_ms: settings.card_route.issuer_ms,
        hsm: HsmText {
            kind: "software",
            file: CARD_KEYS,
            key_file: SEALING_KEY,
        },
        keys: KEYS.map(|(name, _)| (name, name)).into(),
        links: [LinkText {
            name: "bankb",
            listen: network.plan.base_port.cards(),
            variant: VARIANT,
            acquirer: GATEWAYS[1].id,
            account: account.to_string(),
            mandates,
        }],
    })
}

/// How the second operator asks the first one's host.
pub(super) fn route(network: &Network, settings: &Settings) -> RouteText {
    let route = &settings.card_route;
    RouteText {
        name: "banka",
        address: route.relay.unwrap_or(network.plan.base_port.cards()),
        variant: VARIANT,
        bins: [BIN, TOKEN_BIN],
        acquirer_id: ACQUIRER_ID,
        answer_ms: route.acquirer_ms,
    }
}

/// Of all currencies, for ten years. Those that are not there yet are made in one transaction of the second operator's; which
/// there are stands in a file of the network's.
pub async fn mandates(network: &Network, client: &Client) -> anyhow::Result<Mandates> {
    let (path, mut known) = (network.folder.mandates(), known_mandates(network)?);
    let all = CURRENCIES.iter().map(|(code, ..)| Currency::new(code));
    let mut missing = all.collect::<Result<Vec<_>, _>>()?;
    missing.retain(|currency| !known.contains_key(currency));
    if missing.is_empty() {
        return Ok(known);
    }
    let mandates = missing.iter().map(|currency| mandate(network, *currency));
    let actions = mandates.collect::<anyhow::Result<_>>()?;
    let key = network.seed.key(GATEWAYS[1].id);
    let signed = Teller::new(network, client).sign(actions, [&key])?;
    if let Outcome::Rejected { reason, .. } = client.submit(&signed).await?.1.outcome {
        bail!("the ledger refused the mandates of {}: {reason}", GATEWAYS[1].id);
    }
    let made = (0..).map(|place| ContractId::derive(&signed.id(), place));
    known.extend(missing.into_iter().zip(made));
    folder::write(&path, &serde_json::to_string_pretty(&known)?)?;
    Ok(known)
}

/// Those that there are.
pub fn known_mandates(network: &Network) -> anyhow::Result<Mandates> {
    let path = network.folder.mandates();
    match path.exists() {
        true => serde_json::from_str(&folder::read(&path)?).with_context(|| path.display().to_string()),
        false => Ok(Mandates::new()),
    }
}

fn mandate(network: &Network, currency: Currency) -> anyhow::Result<Action> {
    let now = clock::seconds_from_now(0);
    let mandate = Mandate {
        payer: acquirer(network)?,
        payee: AccountId::of_participant(&network.genesis.origin(), ParticipantId::new(GATEWAYS[0].id)?),
        currency,
        max_payment: DRAWN_MAX,
        max_per_period: DRAWN_MAX,
        period_seconds: DAY_SECONDS,
        // The ledger's time may be behind.
        starts_at: UnixSeconds(now.0.saturating_sub(DAY_SECONDS)),
        ends_at: UnixSeconds(now.0 + 3_650 * DAY_SECONDS),
    };
    Ok(Action::Settle(SettlementAction::Mandate(mandate)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::{folder::Folder, services::Service};

    #[test]
    fn keys_are_made_once_and_sealed_under_one_that_its_owner_alone_may_read() {
        let dir = tempfile::tempdir().unwrap();
        let network = Folder::open_or_create(dir.path()).unwrap().network();
        let folder = network.service(Service::Gateway(0));
        let values = [(); 2].map(|()| {
            make_keys(&folder).unwrap();
            let hsm = security_module(&folder).unwrap();
            KEYS.map(|(name, purpose)| {
                let info = hsm.describe(&name.parse().unwrap()).unwrap();
                assert_eq!(info.spec.purpose, purpose);
                info.check_value
            })
        });
        assert_eq!(values[0], values[1]);
        for file in [folder.card_keys(), folder.sealing_key()] {
            assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
