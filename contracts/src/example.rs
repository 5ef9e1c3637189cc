//! Fixed values that this crate's tests are made of.

use std::{fs, io::Write, path::PathBuf};

use crate::{
    block::{
        BlockId, CommitCertificate, CommitSignature, GenesisHash, Header, Height, StateHash, TimeMs, VoteKind,
        proposal_message, vote_message,
    },
    codec::{Bounded, Text},
    committee::{Validator, ValidatorId, ValidatorSet},
    evidence::{Evidence, SignedProposal, SignedVote, Turn},
    genesis::{GENESIS_VERSION, Genesis, GenesisValidator, OpeningAccount, OpeningBalance},
    governance::{CurrencyRecord, Parameters, TierLimits},
    identity::{
        AccountId, AddressPrefix, IdentityCommitment, KeyPolicy, Participant, ParticipantId, Salt, Tier, WeightedKey,
    },
    keys::{Domain, PublicKey, SecretKey, Signature},
    merkle::Root,
    money::{Amount, Currency},
    transaction::{Action, Nonce, TRANSACTION_VERSION, Transaction, UnixSeconds},
};

pub const GENESIS_HASH: GenesisHash = GenesisHash([0x47; 32]);

pub fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

pub fn key(number: u8) -> PublicKey {
    secret(number).public_key()
}

/// Every encoding of a point of small order: seven y coordinates with both signs of x.
pub fn small_order_keys() -> Vec<PublicKey> {
    let y = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let encodings = y.iter().flat_map(|digits| {
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).expect("hexadecimal");
        let mut negative = bytes;
        negative[31] |= 0x80;
        [bytes, negative]
    });
    encodings.map(PublicKey::Ed25519).collect()
}

/// The bytes of a y coordinate of 2, which no point of the curve has.
pub fn not_a_point() -> PublicKey {
    let mut bytes = [0; 32];
    bytes[0] = 2;
    PublicKey::Ed25519(bytes)
}

pub fn currency(code: &str) -> Currency {
    Currency::new(code).expect("a currency code")
}

pub fn participant_id(name: &str) -> ParticipantId {
    ParticipantId::new(name).expect("a participant id")
}

pub fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).expect("short enough")
}

pub fn list<T, const MAX: usize>(items: Vec<T>) -> Bounded<T, MAX> {
    Bounded::new(items).expect("few enough")
}

/// Two of keys 1, 2 and 3.
pub fn two_of_three() -> KeyPolicy {
    let mut keys: Vec<_> = [1, 2, 3]
        .map(|number| WeightedKey {
            key: key(number),
            weight: 1,
        })
        .into();
    keys.sort_by_key(|entry| entry.key);
    KeyPolicy {
        threshold: 2,
        keys: list(keys),
    }
}

/// Pays 12.34 CNY.
pub fn transfer() -> Transaction {
    Transaction {
        version: TRANSACTION_VERSION,
        genesis: GENESIS_HASH.prefix(),
        valid_until: UnixSeconds(1_800_000_000),
        nonce: Nonce(0x0123_4567_89ab_cdef),
        actions: list(vec![Action::Transfer {
            from: AccountId([1; 20]),
            to: AccountId([2; 20]),
            currency: currency("CNY"),
            amount: Amount(1234),
        }]),
        memo: text("July"),
    }
}

pub fn participant(name: &str, number: u8, operator: bool) -> Participant {
    Participant {
        id: participant_id(name),
        name: text(&format!("Bank of {name}")),
        keys: KeyPolicy::single(key(number)),
        operator,
        liquidity_provider: false,
    }
}

pub fn currency_record(code: &str, exponent: u8, issuer: &str) -> CurrencyRecord {
    CurrencyRecord {
        code: currency(code),
        exponent,
        issuer: participant_id(issuer),
        name: text(code),
        issuance_cap: Amount(1_000_000),
        frozen: false,
    }
}

pub fn tier_limits(tier: u8, code: &str) -> TierLimits {
    TierLimits {
        tier: Tier(tier),
        currency: currency(code),
        payment_max: Some(Amount(200_000)),
        day_max: None,
        balance_max: Some(Amount(1_000_000)),
    }
}

pub fn opening_account(salt: u8) -> OpeningAccount {
    OpeningAccount {
        operator: participant_id("BANKA"),
        keys: KeyPolicy::single(key(40)),
        salt: Salt([salt; 16]),
        tier: Tier(2),
        identity: IdentityCommitment([0x1d; 32]),
        balances: list(vec![OpeningBalance {
            currency: currency("CNY"),
            amount: Amount(600_000),
        }]),
    }
}

/// Four validators, an issuer, an operator, two currencies, one account.
pub fn genesis() -> Genesis {
    let validator = |number: u8| GenesisValidator {
        name: text(&format!("validator-{number}")),
        key: key(10 + number),
        power: 1,
        network_key: key(20 + number),
        address: text(&format!("/ip4/127.0.0.1/tcp/{}", 27100 + u16::from(number))),
    };
    Genesis {
        version: GENESIS_VERSION,
        continues: None,
        name: text("example"),
        address_prefix: AddressPrefix::Devnet,
        time_ms: TimeMs(1_790_000_000_000),
        council: two_of_three(),
        parameters: Parameters {
            limits: list(vec![tier_limits(2, "CNY")]),
            ..Parameters::default()
        },
        validators: list((1..=4).map(validator).collect()),
        participants: list(vec![participant("PBOC", 30, false), participant("BANKA", 31, true)]),
        currencies: list(vec![
            currency_record("CNY", 2, "PBOC"),
            currency_record("JPY", 0, "PBOC"),
        ]),
        accounts: list(vec![opening_account(7)]),
    }
}

/// Validators with their secret keys, both in the set's order.
pub struct Committee {
    pub secrets: Vec<SecretKey>,
    pub set: ValidatorSet,
}

impl Committee {
    /// Secret keys of `numbers`, with their powers.
    pub fn new(numbers_and_powers: &[(u8, u64)]) -> Self {
        let mut members: Vec<_> = numbers_and_powers
            .iter()
            .map(|&(number, power)| {
                (
                    secret(number),
                    Validator {
                        key: key(number),
                        power,
                    },
                )
            })
            .collect();
        members.sort_by_key(|(_, validator)| validator.id());
        let (secrets, validators): (Vec<_>, Vec<_>) = members.into_iter().unzip();
        Self {
            secrets,
            set: ValidatorSet::new(validators).expect("a valid set"),
        }
    }

    pub fn vote(&self, signer: u16, vote: &Vote) -> Signature {
        let message = vote_message(&vote.genesis, vote.kind, vote.height, vote.round, vote.block.as_ref());
        self.secrets[usize::from(signer)].sign(Domain::Vote, &message)
    }

    /// Precommits for the header by these members.
    pub fn certify(&self, header: &Header, signers: &[u16]) -> CommitCertificate {
        let vote = Vote::for_header(header);
        let signatures = signers.iter().map(|&signer| CommitSignature {
            signer,
            signature: self.vote(signer, &vote),
        });
        CommitCertificate {
            height: header.height,
            round: vote.round,
            block: header.id(),
            signatures: list(signatures.collect()),
        }
    }
}

/// What a vote says.
#[derive(Clone)]
pub struct Vote {
    pub genesis: GenesisHash,
    pub kind: VoteKind,
    pub height: Height,
    pub round: u32,
    pub block: Option<BlockId>,
}

impl Vote {
    pub fn for_header(header: &Header) -> Self {
        Self {
            genesis: header.genesis,
            kind: VoteKind::Precommit,
            height: header.height,
            round: 1,
            block: Some(header.id()),
        }
    }
}

/// A validator's round 2 of a height.
pub fn turn(key: &SecretKey, height: Height) -> Turn {
    Turn {
        validator: ValidatorId::of(&key.public_key()),
        height,
        round: 2,
    }
}

pub fn signed_vote(
    genesis: &GenesisHash,
    key: &SecretKey,
    kind: VoteKind,
    height: Height,
    block: Option<BlockId>,
) -> SignedVote {
    let message = vote_message(genesis, kind, height, 2, block.as_ref());
    SignedVote {
        block,
        signature: key.sign(Domain::Vote, &message),
    }
}

pub fn signed_proposal(
    genesis: &GenesisHash,
    key: &SecretKey,
    height: Height,
    lock_round: Option<u32>,
    block: BlockId,
) -> SignedProposal {
    let message = proposal_message(genesis, height, 2, lock_round, &block);
    SignedProposal {
        lock_round,
        block,
        signature: key.sign(Domain::Proposal, &message),
    }
}

/// Votes for a block and for none.
pub fn double_vote(genesis: &GenesisHash, key: &SecretKey, kind: VoteKind, height: Height) -> Evidence {
    let votes = [Some(BlockId([7; 32])), None].map(|block| signed_vote(genesis, key, kind, height, block));
    Evidence::of_votes(turn(key, height), kind, votes).expect("two different votes")
}

/// One block as new and as of an earlier round.
pub fn double_proposal(genesis: &GenesisHash, key: &SecretKey, height: Height) -> Evidence {
    let proposals = [Some(1), None].map(|lock| signed_proposal(genesis, key, height, lock, BlockId([7; 32])));
    Evidence::of_proposals(turn(key, height), proposals).expect("two different proposals")
}

pub fn header() -> Header {
    Header {
        version: crate::protocol::PROTOCOL_MIN,
        genesis: GENESIS_HASH,
        height: Height(300),
        time_ms: TimeMs(1_790_000_123_456),
        parent: BlockId([0x0a; 32]),
        proposer: ValidatorId([0x0b; 20]),
        batches_root: Root([0x0c; 32]),
        transaction_count: 251,
        receipts_root: Root([0x0d; 32]),
        changes_root: Root([0x0e; 32]),
        state_hash: StateHash([0x0f; 32]),
        checkpoint_root: Root([0x10; 32]),
        validators_hash: Root([0x11; 32]),
        next_validators_hash: Root([0x12; 32]),
    }
}

/// A file of published test vectors: under `CAUSEWAY_VECTORS`, or else in `../shared/vectors` beside
/// the repository. They are not part of it; where they are absent, says so and gives `None`.
pub fn vectors(file: &str) -> Option<String> {
    let folder = std::env::var_os("CAUSEWAY_VECTORS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors")),
        PathBuf::from,
    );
    let path = folder.join(file);
    if !path.exists() {
        // Past the test harness, which hides what a passing test prints.
        writeln!(std::io::stderr(), "SKIPPED: no test vectors at {}", path.display()).expect("stderr is open");
        return None;
    }
    Some(fs::read_to_string(&path).expect("the vectors are readable"))
}
