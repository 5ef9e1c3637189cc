//! The genesis of a devnet: who takes part, in which currencies, under which caps.
//!
//! All keys come from one seed, so that the same seed, time and ports give the same file.

use causeway_contracts::{
    block::TimeMs,
    codec::{self, Bounded, Text, TooMany},
    genesis::{GENESIS_VERSION, Genesis, GenesisValidator, OpeningAccount},
    governance::{CurrencyRecord, Parameters, TierLimits},
    identity::{AddressPrefix, KeyPolicy, Participant, ParticipantId, Tier, WeightedKey},
    keys::SecretKey,
    money::{Amount, Currency},
};

use crate::ports::BasePort;

/// Code, digits after the point, and name of each currency.
pub const CURRENCIES: [(&str, u8, &str); 9] = [
    ("CNY", 2, "Renminbi (devnet)"),
    ("HKD", 2, "Hong Kong dollar (devnet)"),
    ("THB", 2, "Baht (devnet)"),
    ("AED", 2, "UAE dirham (devnet)"),
    ("USD", 2, "US dollar (devnet)"),
    ("EUR", 2, "Euro (devnet)"),
    ("SGD", 2, "Singapore dollar (devnet)"),
    ("JPY", 0, "Yen (devnet)"),
    ("KWD", 3, "Kuwaiti dinar (devnet)"),
];

/// Banks that serve the public.
pub const OPERATORS: [(&str, &str); 2] = [("BANKA", "Bank A (devnet)"), ("BANKB", "Bank B (devnet)")];

/// Members of the council, any two of whom act for it.
const COUNCIL: [&str; 3] = ["council-1", "council-2", "council-3"];
const COUNCIL_THRESHOLD: u32 = 2;

/// In minor units, for every currency.
const ISSUANCE_CAP: Amount = Amount(1_000_000_000_000_000);

/// Shorter than the default, so that a devnet that runs for an hour has seen several.
pub const CHECKPOINT_PERIOD_SECONDS: u32 = 600;

/// What every key of a devnet is made from. Whoever has it can sign for everyone in the network.
#[derive(Clone)]
pub struct Seed([u8; 32]);

impl Seed {
    pub fn draw() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The seed of the key of this name (RFC 8032, section 5.1.5).
    pub fn key_seed(&self, name: &str) -> [u8; 32] {
        codec::hash("causeway-devnet/key/1", &[&self.0, name.as_bytes()])
    }

    pub fn key(&self, name: &str) -> SecretKey {
        SecretKey::from_seed(&self.key_seed(name))
    }
}

pub fn validator_name(index: u16) -> String {
    format!("validator-{index}")
}

/// The name of a validator's libp2p key in [`Seed::key`]; its signing key has the validator's name.
pub fn network_key_name(index: u16) -> String {
    format!("validator-{index}-network")
}

/// The central bank of a currency: `CBCNY`.
pub fn issuer_of(currency: Currency) -> ParticipantId {
    ParticipantId::new(&format!("CB{currency}")).expect("a code of at most 8 characters and two more")
}

/// Everyone whose key a devnet holds besides its validators: council members, issuers, operators.
pub fn participant_key_names() -> Vec<String> {
    let council = COUNCIL.map(str::to_owned);
    let issuers = CURRENCIES.map(|(code, ..)| format!("CB{code}"));
    let operators = OPERATORS.map(|(id, _)| id.to_owned());
    council.into_iter().chain(issuers).chain(operators).collect()
}

/// What a devnet's genesis is made of.
pub struct Ingredients<'a> {
    pub seed: &'a Seed,
    pub time_ms: TimeMs,
    pub checkpoint_period_seconds: u32,
    pub validators: u16,
    pub base_port: BasePort,
    /// That are open, and hold money, from the start.
    pub accounts: Vec<OpeningAccount>,
}

impl Ingredients<'_> {
    pub fn genesis(self) -> Result<Genesis, TooMany> {
        let genesis = Genesis {
            version: GENESIS_VERSION,
            continues: None,
            name: Text::new("Causeway devnet")?,
            address_prefix: AddressPrefix::Devnet,
            time_ms: self.time_ms,
            council: self.council()?,
            parameters: parameters(self.checkpoint_period_seconds)?,
            validators: Bounded::new(
                (0..self.validators)
                    .map(|i| self.validator(i))
                    .collect::<Result<_, _>>()?,
            )?,
            participants: self.participants()?,
            currencies: currencies()?,
            accounts: Bounded::new(self.accounts)?,
        };
        Ok(genesis)
    }

    fn council(&self) -> Result<KeyPolicy, TooMany> {
        let mut keys = COUNCIL.map(|name| WeightedKey {
            key: self.seed.key(name).public_key(),
            weight: 1,
        });
        keys.sort_by_key(|entry| entry.key);
        Ok(KeyPolicy {
            threshold: COUNCIL_THRESHOLD,
            keys: Bounded::new(keys.to_vec())?,
        })
    }

    fn validator(&self, index: u16) -> Result<GenesisValidator, TooMany> {
        Ok(GenesisValidator {
            name: Text::new(validator_name(index))?,
            key: self.seed.key(&validator_name(index)).public_key(),
            power: 1,
            network_key: self.seed.key(&network_key_name(index)).public_key(),
            address: Text::new(self.base_port.multiaddress(index))?,
        })
    }

    fn participants(&self) -> Result<Bounded<Participant, 4096>, TooMany> {
        let participant = |id: &str, name: &str, operator| {
            Ok(Participant {
                id: ParticipantId::new(id).expect("written above in a valid form"),
                name: Text::new(name)?,
                keys: KeyPolicy::single(self.seed.key(id).public_key()),
                operator,
                liquidity_provider: false,
            })
        };
        let issuers = CURRENCIES
            .iter()
            .map(|(code, ..)| participant(&format!("CB{code}"), &format!("Issuer of {code} (devnet)"), false));
        let operators = OPERATORS.iter().map(|(id, name)| participant(id, name, true));
        Bounded::new(issuers.chain(operators).collect::<Result<_, _>>()?)
    }
}

fn currency(code: &str) -> Currency {
    Currency::new(code).expect("written above in a valid form")
}

fn currencies() -> Result<Bounded<CurrencyRecord, 256>, TooMany> {
    let records = CURRENCIES.iter().map(|&(code, exponent, name)| {
        Ok(CurrencyRecord {
            code: currency(code),
            exponent,
            issuer: issuer_of(currency(code)),
            name: Text::new(name)?,
            issuance_cap: ISSUANCE_CAP,
            frozen: false,
        })
    });
    Bounded::new(records.collect::<Result<_, _>>()?)
}

/// The published wallet classes of e-CNY: 4 is known by a telephone number only, 2 is verified.
fn parameters(checkpoint_period_seconds: u32) -> Result<Parameters, TooMany> {
    let yuan = |amount: u64| Some(Amount(amount * 100));
    let limits = |tier, payment, day, balance| TierLimits {
        tier: Tier(tier),
        currency: currency("CNY"),
        payment_max: yuan(payment),
        day_max: yuan(day),
        balance_max: yuan(balance),
    };
    Ok(Parameters {
        checkpoint_period_seconds,
        limits: Bounded::new(vec![
            limits(2, 50_000, 100_000, 500_000),
            limits(4, 2_000, 5_000, 10_000),
        ])?,
        ..Parameters::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(seed: u8, validators: u16) -> Genesis {
        let seed = Seed::from_bytes([seed; 32]);
        let ingredients = Ingredients {
            seed: &seed,
            time_ms: TimeMs(1_700_000_000_000),
            checkpoint_period_seconds: CHECKPOINT_PERIOD_SECONDS,
            validators,
            base_port: BasePort::new(27_100).unwrap(),
            accounts: Vec::new(),
        };
        ingredients.genesis().unwrap()
    }

    #[test]
    fn every_size_of_devnet_has_a_valid_genesis() {
        for validators in [1, 4, 7, crate::ports::VALIDATORS_MAX] {
            let genesis = made(1, validators);
            genesis.check().unwrap();
            assert_eq!(genesis.validators.len(), usize::from(validators));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_file_and_another_seed_another() {
        assert_eq!(made(1, 4).to_toml(), made(1, 4).to_toml());
        assert_ne!(made(1, 4).hash(), made(2, 4).hash());
    }

    #[test]
    fn the_file_reads_back_as_it_was() {
        let genesis = made(1, 4);
        assert_eq!(Genesis::parse(&genesis.to_toml()).unwrap(), genesis);
    }

    #[test]
    fn currencies_have_their_exponents_and_issuers() {
        let genesis = made(1, 4);
        let exponent = |code| genesis.currency(currency(code)).unwrap().exponent;
        assert_eq!([exponent("CNY"), exponent("JPY"), exponent("KWD")], [2, 0, 3]);
        assert_eq!(issuer_of(currency("CNY")).as_str(), "CBCNY");
    }

    #[test]
    fn caps_are_those_of_the_wallet_classes() {
        let parameters = parameters(CHECKPOINT_PERIOD_SECONDS).unwrap();
        let tier_4 = parameters.limits_of(Tier(4), currency("CNY")).unwrap();
        assert_eq!(tier_4.payment_max, Some(Amount(200_000)));
        assert_eq!(tier_4.balance_max, Some(Amount(1_000_000)));
        let tier_2 = parameters.limits_of(Tier(2), currency("CNY")).unwrap();
        assert_eq!(tier_2.day_max, Some(Amount(10_000_000)));
        assert_eq!(parameters.limits_of(Tier(1), currency("CNY")), None);
    }
}
