//! Who pays on a simulated network.

use causeway_contracts::{
    block::TimeMs,
    codec::{Bounded, Text},
    genesis::{GENESIS_VERSION, Genesis, GenesisValidator, OpeningAccount, OpeningBalance},
    governance::{CouncilAction, CurrencyRecord, Parameters},
    identity::{AccountId, AddressPrefix, IdentityCommitment, KeyPolicy, Participant, ParticipantId, Salt, Tier},
    keys::{Domain, PublicKey, SecretKey},
    money::{Amount, Currency},
    transaction::{
        Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, TransactionSignature, UnixSeconds,
    },
};

use crate::{
    chance::Chance,
    env::{EPOCH, Env},
    signing::Signing,
};

const CUSTOMERS: u32 = 6;

/// Transactions that are kept to be sent again.
const KEPT_MAX: usize = 24;

fn seed(kind: u8, number: u32) -> [u8; 32] {
    let mut seed = [kind; 32];
    seed[..4].copy_from_slice(&number.to_be_bytes());
    seed
}

pub fn council_key() -> SecretKey {
    SecretKey::from_seed(&seed(4, 0))
}

pub fn validator_key(place: usize) -> SecretKey {
    SecretKey::from_seed(&seed(1, place as u32))
}

fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).expect("short")
}

fn list<T, const MAX: usize>(items: impl IntoIterator<Item = T>) -> Bounded<T, MAX> {
    Bounded::new(items.into_iter().collect()).expect("few")
}

/// Customers of one bank with money in two currencies.
pub struct Clients {
    accounts: Vec<(AccountId, [u8; 32], PublicKey)>,
    currencies: [Currency; 2],
    prefix: causeway_contracts::block::GenesisPrefix,
    next: u64,
    kept: Vec<SignedTransaction>,
}

/// A network with these powers of its validators. Ids are remembered for seconds, not for a day: so they
/// are forgotten too.
pub fn genesis(powers: &[u64]) -> Genesis {
    let bank = ParticipantId::new("BANK").expect("an id");
    let currency = |code: &str| CurrencyRecord {
        code: Currency::new(code).expect("a code"),
        exponent: 2,
        issuer: bank,
        name: text(code),
        issuance_cap: Amount(u64::MAX),
        frozen: false,
    };
    Genesis {
        version: GENESIS_VERSION,
        continues: None,
        name: text("simulation"),
        address_prefix: AddressPrefix::Devnet,
        // More than a period before, so that the first block is due.
        time_ms: TimeMs(EPOCH.0 - 70_000),
        council: KeyPolicy::single(council_key().public_key()),
        parameters: Parameters {
            validity_seconds_max: 60,
            checkpoint_period_seconds: 60,
            ..Parameters::default()
        },
        validators: list(powers.iter().enumerate().map(|(place, &power)| GenesisValidator {
            name: text(&format!("v{place}")),
            key: validator_key(place).public_key(),
            power,
            network_key: SecretKey::from_seed(&seed(2, place as u32)).public_key(),
            address: text("/ip4/127.0.0.1/tcp/1"),
        })),
        participants: list([Participant {
            id: bank,
            name: text("Bank"),
            keys: KeyPolicy::single(SecretKey::from_seed(&seed(4, 1)).public_key()),
            operator: true,
            liquidity_provider: false,
        }]),
        currencies: list([currency("EUR"), currency("JPY")]),
        accounts: list((0..CUSTOMERS).map(|number| OpeningAccount {
            operator: bank,
            keys: KeyPolicy::single(SecretKey::from_seed(&seed(3, number)).public_key()),
            salt: Salt([7; 16]),
            tier: Tier(0),
            identity: IdentityCommitment([8; 32]),
            balances: list(["EUR", "JPY"].map(|code| OpeningBalance {
                currency: Currency::new(code).expect("a code"),
                amount: Amount(3_000),
            })),
        })),
    }
}

impl Clients {
    pub fn new(genesis: &Genesis) -> Self {
        let hash = genesis.hash();
        let accounts = genesis.accounts.iter().enumerate().map(|(number, opening)| {
            let seed = seed(3, number as u32);
            let id = AccountId::derive(&hash, opening.operator, &opening.keys, &opening.salt);
            (id, seed, SecretKey::from_seed(&seed).public_key())
        });
        Self {
            accounts: accounts.collect(),
            currencies: ["EUR", "JPY"].map(|code| Currency::new(code).expect("a code")),
            prefix: hash.prefix(),
            next: 0,
            kept: Vec::new(),
        }
    }

    /// A new payment, of an amount that is sometimes more than there is.
    pub fn pay(&mut self, env: &mut Env, signing: &Signing) -> SignedTransaction {
        let (from, to) = (
            env.chance.index(self.accounts.len()),
            env.chance.index(self.accounts.len()),
        );
        let validity = 1 + env.chance.below(40);
        self.next += 1;
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            genesis: self.prefix,
            valid_until: UnixSeconds(env.wall().0 / 1000 + validity),
            nonce: Nonce(self.next),
            actions: list([Action::Transfer {
                from: self.accounts[from].0,
                to: self.accounts[to].0,
                currency: self.currencies[env.chance.index(2)],
                amount: Amount(1 + env.chance.below(900)),
            }]),
            memo: Text::default(),
        };
        let (_, seed, key) = &self.accounts[from];
        let id = transaction.id();
        let odd = signing.is_real() && env.chance.per_mille(200);
        let signature = if odd {
            env.faults.odd_signatures += 1;
            signing.odd(seed, Domain::Transaction, id.as_bytes())
        } else {
            signing
                .scheme
                .sign(&SecretKey::from_seed(seed), Domain::Transaction, id.as_bytes())
        };
        let signed = SignedTransaction {
            transaction,
            signatures: list([TransactionSignature { key: *key, signature }]),
        };
        if self.kept.len() == KEPT_MAX {
            let at = env.chance.index(KEPT_MAX);
            self.kept.swap_remove(at);
        }
        self.kept.push(signed.clone());
        signed
    }

    /// An act of the council.
    pub fn govern(&mut self, act: CouncilAction, env: &Env, signing: &Signing) -> SignedTransaction {
        self.next += 1;
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            genesis: self.prefix,
            valid_until: UnixSeconds(env.wall().0 / 1000 + 30),
            nonce: Nonce(self.next),
            actions: list([Action::Council(act)]),
            memo: Text::default(),
        };
        let (key, id) = (council_key(), transaction.id());
        let signature = signing.scheme.sign(&key, Domain::Transaction, id.as_bytes());
        SignedTransaction {
            transaction,
            signatures: list([TransactionSignature {
                key: key.public_key(),
                signature,
            }]),
        }
    }

    /// One that was sent before, perhaps with another signature.
    pub fn again(&self, chance: &mut Chance) -> Option<SignedTransaction> {
        let mut signed = self.kept.get(chance.index(self.kept.len().max(1)))?.clone();
        if chance.per_mille(300) {
            let mut signatures = signed.signatures.to_vec();
            signatures[0].signature.0[1] ^= 1;
            signed.signatures = list(signatures);
        }
        Some(signed)
    }
}
