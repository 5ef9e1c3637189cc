//! Cards of the first operator, which the second one's terminals take.

use std::collections::BTreeMap;

use causeway_contracts::{
    codec::Text,
    identity::{AccountId, ParticipantId},
    ledger::receipt::Outcome,
    money::{Amount, Currency},
    settlement::{ContractId, Mandate, SettlementAction},
    transaction::{Action, UnixSeconds},
};
use causeway_gateway::acquiring::hsm::{Algorithm, Hsm, HsmConfig, HsmError, KeySpec, Purpose};
use causeway_wallet::{client::Client, clock, payment};

use super::{
    GATEWAYS,
    configs::text::{HsmText, IssuingText, LinkText},
};
use crate::{
    folder::{self, CARD_KEYS, SEALING_KEY, ServiceFolder},
    network::Network,
};

/// Of numbers for national use (ISO/IEC 7812-1), which no card scheme has.
pub const BIN: &str = "990000";

pub const TOKEN_BIN: &str = "990001";

/// By their words in the configuration, which are their names too.
const KEYS: [(&str, Purpose); 5] = [
    ("cards", Purpose::CryptogramMaster),
    ("devices", Purpose::CryptogramMaster),
    ("cvv", Purpose::Cvv),
    ("pin", Purpose::Pin),
    ("pin_verification", Purpose::PinVerification),
];

const DAY_SECONDS: u64 = 86_400;

/// Those that are not there yet.
pub fn make_keys(folder: &ServiceFolder) -> anyhow::Result<()> {
    let sealing = folder.sealing_key();
    if !sealing.exists() {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        folder::write_secret(&sealing, &hex::encode(key))?;
    }
    let config = HsmConfig::Software {
        file: folder.card_keys(),
        key_file: sealing,
    };
    let hsm: Box<dyn Hsm> = config.open()?;
    for (name, purpose) in KEYS {
        let name = name.parse()?;
        let spec = KeySpec {
            purpose,
            algorithm: Algorithm::Tdes,
            exportable: false,
        };
        match hsm.generate(&name, spec) {
            Ok(_) | Err(HsmError::Exists(_)) => {}
            Err(error) => return Err(error.into()),
        }
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
    mandates: &'a BTreeMap<Currency, ContractId>,
) -> anyhow::Result<IssuingText<'a>> {
    let account = acquirer(network)?.address(network.genesis.address_prefix);
    Ok(IssuingText {
        bin: BIN,
        token_bin: TOKEN_BIN,
        hsm: HsmText {
            kind: "software",
            file: CARD_KEYS,
            key_file: SEALING_KEY,
        },
        keys: KEYS.map(|(name, _)| (name, name)).into(),
        links: [LinkText {
            name: "bankb",
            listen: network.plan.base_port.cards(),
            variant: "a",
            acquirer: GATEWAYS[1].id,
            account: account.to_string(),
            mandates,
        }],
    })
}

/// For ten years the second operator lets the first one draw up to `max` a day, for its cardholders.
pub async fn mandate(
    network: &Network,
    client: &Client,
    currency: Currency,
    max: Amount,
) -> anyhow::Result<ContractId> {
    let now = clock::seconds_from_now(0);
    let mandate = Mandate {
        payer: acquirer(network)?,
        payee: AccountId::of_participant(&network.genesis.origin(), ParticipantId::new(GATEWAYS[0].id)?),
        currency,
        max_payment: max,
        max_per_period: max,
        period_seconds: DAY_SECONDS,
        // The ledger's time may be behind.
        starts_at: UnixSeconds(now.0.saturating_sub(DAY_SECONDS)),
        ends_at: UnixSeconds(now.0 + 3_650 * DAY_SECONDS),
    };
    let action = Action::Settle(SettlementAction::Mandate(mandate));
    let key = network.seed.key(GATEWAYS[1].id);
    let signed = payment::sign(client.genesis(), action, Text::default(), &key)?;
    match client.submit(&signed).await?.1.outcome {
        Outcome::Applied => Ok(ContractId::derive(&signed.id(), 0)),
        Outcome::Rejected { reason, .. } => anyhow::bail!("the ledger refused the mandate: {reason}"),
    }
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
            let config = HsmConfig::Software {
                file: folder.card_keys(),
                key_file: folder.sealing_key(),
            };
            let hsm = config.open().unwrap();
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
