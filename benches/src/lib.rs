//! What the benches share: one bank with one currency, customers whose keys nobody has the secret of,
//! and what they send.

use causeway_contracts::{
    block::{
        Batch, CommitCertificate, CommitSignature, GenesisHash, Header, TimeMs, VoteKind, batch::BATCH_VERSION,
        vote_message,
    },
    codec::{Bounded, Text},
    committee::{ValidatorId, ValidatorSet},
    genesis::{GENESIS_VERSION, Genesis, GenesisValidator, OpeningAccount, OpeningBalance},
    governance::{CurrencyRecord, Parameters},
    identity::{
        AccountId, AddressPrefix, IdentityCommitment, KeyPolicy, Participant, ParticipantId, Salt, Tier, WeightedKey,
    },
    keys::{Domain, PublicKey, SecretKey, Signature},
    money::{Amount, Currency},
    transaction::{
        Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, TransactionSignature, UnixSeconds,
    },
};

/// When the networks of the benches began.
pub const START: TimeMs = TimeMs(1_800_000_000_000);

pub fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).expect("short")
}

pub fn list<T, const MAX: usize>(items: Vec<T>) -> Bounded<T, MAX> {
    Bounded::new(items).expect("few")
}

/// Operator of all customers, and issuer of the currency.
pub fn bank() -> ParticipantId {
    ParticipantId::new("BANK").expect("an id")
}

pub fn bank_key() -> PublicKey {
    SecretKey::from_seed(&[9; 32]).public_key()
}

pub fn currency() -> Currency {
    Currency::new("EUR").expect("a code")
}

/// A key that nobody has the secret of.
pub fn customer_key(number: u64) -> PublicKey {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    PublicKey::Ed25519(bytes)
}

pub fn customer_keys(number: u64) -> KeyPolicy {
    KeyPolicy {
        threshold: 1,
        keys: list(vec![WeightedKey {
            key: customer_key(number),
            weight: 1,
        }]),
    }
}

/// A customer's, with so much money.
pub fn opening(number: u64, tier: Tier, amount: Amount) -> OpeningAccount {
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&number.to_le_bytes());
    OpeningAccount {
        operator: bank(),
        keys: customer_keys(number),
        salt: Salt(salt),
        tier,
        identity: IdentityCommitment([9; 32]),
        balances: list(vec![OpeningBalance {
            currency: currency(),
            amount,
        }]),
    }
}

/// Validators of one vote each, the bank, its currency, and accounts to begin with.
pub fn genesis(validators: &[SecretKey], accounts: Vec<OpeningAccount>) -> Genesis {
    let members = validators.iter().enumerate().map(|(n, key)| GenesisValidator {
        name: text(&format!("v{n}")),
        key: key.public_key(),
        power: 1,
        network_key: SecretKey::from_seed(&[100 + n as u8; 32]).public_key(),
        address: text("/ip4/127.0.0.1/tcp/1"),
    });
    Genesis {
        version: GENESIS_VERSION,
        continues: None,
        name: text("bench"),
        address_prefix: AddressPrefix::Devnet,
        time_ms: START,
        council: KeyPolicy::single(bank_key()),
        parameters: Parameters::default(),
        validators: list(members.collect()),
        participants: list(vec![Participant {
            id: bank(),
            name: text("Bank"),
            keys: KeyPolicy::single(bank_key()),
            operator: true,
            liquidity_provider: false,
        }]),
        currencies: list(vec![CurrencyRecord {
            code: currency(),
            exponent: 2,
            issuer: bank(),
            name: text("Euro"),
            issuance_cap: Amount(u64::MAX),
            frozen: false,
        }]),
        accounts: list(accounts),
    }
}

pub fn transfer(from: AccountId, to: AccountId, amount: u64) -> Action {
    Action::Transfer {
        from,
        to,
        currency: currency(),
        amount: Amount(amount),
    }
}

/// What a signer signs, valid for a minute from `now` on.
pub fn transaction(genesis: &GenesisHash, now: TimeMs, nonce: u64, actions: Vec<Action>) -> Transaction {
    Transaction {
        version: TRANSACTION_VERSION,
        genesis: genesis.prefix(),
        valid_until: UnixSeconds(now.0 / 1000 + 60),
        nonce: Nonce(nonce),
        actions: list(actions),
        memo: Text::default(),
    }
}

/// For where signatures have been verified before and are not looked at again: any will do.
pub fn unverified(transaction: Transaction, signer: PublicKey) -> SignedTransaction {
    SignedTransaction {
        transaction,
        signatures: list(vec![TransactionSignature {
            key: signer,
            signature: Signature([0; 64]),
        }]),
    }
}

pub fn batch(genesis: GenesisHash, author: ValidatorId, transactions: Vec<SignedTransaction>) -> Batch {
    Batch {
        version: BATCH_VERSION,
        genesis,
        author,
        transactions: list(transactions),
    }
}

/// A certificate for a header by some members of a set.
pub fn certificate(set: &ValidatorSet, signers: &[SecretKey], header: &Header) -> CommitCertificate {
    let block = header.id();
    let message = vote_message(&header.genesis, VoteKind::Precommit, header.height, 0, Some(&block));
    let mut signatures: Vec<_> = signers
        .iter()
        .map(|key| CommitSignature {
            signer: set.index_of(&ValidatorId::of(&key.public_key())).expect("a member"),
            signature: key.sign(Domain::Vote, &message),
        })
        .collect();
    signatures.sort_by_key(|entry| entry.signer);
    CommitCertificate {
        height: header.height,
        round: 0,
        block,
        signatures: list(signatures),
    }
}
