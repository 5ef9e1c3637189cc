//! Arbitrary values of every type that has canonical bytes. They need not make sense to the ledger.

use proptest::prelude::*;

use crate::{
    api::ReadRequest,
    block::{
        Batch, Block, CheckpointCertificate, CommitCertificate, CommitSignature, Header, Height, SignedBatch, TimeMs,
        VoteKind,
    },
    codec::{self, Bounded, Text},
    committee::{
        Validator,
        change::ValidatorChange,
        rotation::{Absence, Rotation},
    },
    evidence::{Conflict, Evidence, EvidenceRecord, SignedProposal, SignedVote},
    genesis::{Continues, Genesis, GenesisValidator, OpeningAccount, OpeningBalance},
    governance::{CouncilAction, CurrencyRecord, Parameters, TierLimits},
    identity::{
        AccountStatus, AddressPrefix, Freeze, KeyPolicy, Participant, ParticipantId, ReasonCode, Tier, WeightedKey,
    },
    keys::PublicKey,
    ledger::{
        receipt::{Outcome, Receipt, Subject, Trade},
        rejection::{Rejection, Skip},
    },
    merkle::InclusionPath,
    money::{Amount, Balance, Currency},
    protocol::ProtocolVersion,
    registry::Node,
    statement::{AccountView, Answer, BalanceView, SignedStatement, Statement},
    transaction::{Action, FreezeScope, Nonce, SignedTransaction, Transaction, TransactionSignature, UnixSeconds},
};

/// Integers on both sides of every length that a varint has.
pub fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..=300u64,
        65_500..=65_600u64,
        (u64::from(u32::MAX) - 20)..=(u64::from(u32::MAX) + 20),
        any::<u64>()
    ]
}

fn small() -> impl Strategy<Value = u32> {
    number().prop_map(|number| number as u32)
}

/// A newtype over fixed bytes.
pub fn fixed<T: std::fmt::Debug, const N: usize>(of: fn([u8; N]) -> T) -> impl Strategy<Value = T> {
    any::<[u8; N]>().prop_map(of)
}

macro_rules! fixed {
    ($($path:ident)::+) => { fixed($($path)::+) };
}

pub fn list<T: std::fmt::Debug, const MAX: usize>(
    item: impl Strategy<Value = T>,
    most: usize,
) -> impl Strategy<Value = Bounded<T, MAX>> {
    prop::collection::vec(item, 0..=most.min(MAX)).prop_map(|items| Bounded::new(items).expect("at most that many"))
}

pub fn text<const MAX: usize>() -> impl Strategy<Value = Text<MAX>> {
    any::<String>().prop_map(|mut text| {
        while text.len() > MAX {
            text.pop();
        }
        Text::new(text).expect("cut to fit")
    })
}

pub fn amount() -> impl Strategy<Value = Amount> {
    number().prop_map(Amount)
}

pub fn balance() -> impl Strategy<Value = Balance> {
    prop_oneof![any::<i128>(), -300..300i128].prop_map(Balance)
}

pub fn currency() -> impl Strategy<Value = Currency> {
    "[A-Z0-9]{3,8}".prop_map(|code| Currency::new(&code).expect("a currency code"))
}

pub fn participant_id() -> impl Strategy<Value = ParticipantId> {
    "[A-Z0-9]{2,12}".prop_map(|id| ParticipantId::new(&id).expect("a participant id"))
}

pub fn key() -> impl Strategy<Value = PublicKey> {
    fixed(PublicKey::Ed25519)
}

pub fn key_of(byte: u8) -> PublicKey {
    PublicKey::Ed25519([byte; 32])
}

pub fn tier() -> impl Strategy<Value = Tier> {
    any::<u8>().prop_map(Tier)
}

pub fn reason() -> impl Strategy<Value = ReasonCode> {
    any::<u16>().prop_map(ReasonCode)
}

pub fn height() -> impl Strategy<Value = Height> {
    number().prop_map(Height)
}

pub fn version() -> impl Strategy<Value = ProtocolVersion> {
    any::<u16>().prop_map(ProtocolVersion)
}

pub fn time() -> impl Strategy<Value = TimeMs> {
    number().prop_map(TimeMs)
}

pub fn policy() -> impl Strategy<Value = KeyPolicy> {
    let entry = (key(), any::<u16>()).prop_map(|(key, weight)| WeightedKey { key, weight });
    (small(), list(entry, 3)).prop_map(|(threshold, keys)| KeyPolicy { threshold, keys })
}

pub fn participant() -> impl Strategy<Value = Participant> {
    (participant_id(), text(), policy(), any::<bool>(), any::<bool>()).prop_map(
        |(id, name, keys, operator, liquidity_provider)| Participant {
            id,
            name,
            keys,
            operator,
            liquidity_provider,
        },
    )
}

pub fn currency_record() -> impl Strategy<Value = CurrencyRecord> {
    (
        currency(),
        any::<u8>(),
        participant_id(),
        text(),
        amount(),
        any::<bool>(),
    )
        .prop_map(|(code, exponent, issuer, name, issuance_cap, frozen)| CurrencyRecord {
            code,
            exponent,
            issuer,
            name,
            issuance_cap,
            frozen,
        })
}

fn limits() -> impl Strategy<Value = TierLimits> {
    let cap = || prop::option::of(amount());
    (tier(), currency(), cap(), cap(), cap()).prop_map(|(tier, currency, payment_max, day_max, balance_max)| {
        TierLimits {
            tier,
            currency,
            payment_max,
            day_max,
            balance_max,
        }
    })
}

pub fn parameters() -> impl Strategy<Value = Parameters> {
    (small(), small(), number(), small(), list(limits(), 3)).prop_map(
        |(validity_seconds_max, block_transactions_max, block_cost_max, checkpoint_period_seconds, limits)| {
            Parameters {
                validity_seconds_max,
                block_transactions_max,
                block_cost_max,
                checkpoint_period_seconds,
                limits,
            }
        },
    )
}

pub fn council_action() -> impl Strategy<Value = CouncilAction> {
    prop_oneof![
        currency_record().prop_map(CouncilAction::RegisterCurrency),
        (currency(), amount()).prop_map(|(currency, cap)| CouncilAction::SetIssuanceCap { currency, cap }),
        (currency(), any::<bool>())
            .prop_map(|(currency, frozen)| CouncilAction::SetCurrencyFrozen { currency, frozen }),
        participant().prop_map(CouncilAction::RegisterParticipant),
        (participant_id(), any::<bool>())
            .prop_map(|(participant, operator)| CouncilAction::SetOperator { participant, operator }),
        parameters().prop_map(CouncilAction::SetParameters),
        (version(), height()).prop_map(|(version, height)| CouncilAction::ScheduleProtocol { version, height }),
        Just(CouncilAction::WithdrawProtocol),
        policy().prop_map(CouncilAction::SetCouncil),
        (list(fixed!(crate::committee::ValidatorId), 3), list(validator(), 3))
            .prop_map(|(remove, set)| CouncilAction::ChangeValidators(ValidatorChange { remove, set })),
        node().prop_map(CouncilAction::SetNode),
        text().prop_map(|name| CouncilAction::RemoveNode { name }),
    ]
}

pub fn node() -> impl Strategy<Value = Node> {
    (text(), key(), text(), list(key(), 2)).prop_map(|(name, network_key, address, validator_keys)| Node {
        name,
        network_key,
        address,
        validator_keys,
    })
}

pub fn scope() -> impl Strategy<Value = FreezeScope> {
    prop_oneof![Just(FreezeScope::Account), currency().prop_map(FreezeScope::Currency)]
}

pub fn action() -> impl Strategy<Value = Action> {
    let account = || fixed!(crate::identity::AccountId);
    prop_oneof![
        (account(), account(), currency(), amount()).prop_map(|(from, to, currency, amount)| Action::Transfer {
            from,
            to,
            currency,
            amount
        }),
        (
            participant_id(),
            policy(),
            fixed!(crate::identity::Salt),
            tier(),
            fixed!(crate::identity::IdentityCommitment),
        )
            .prop_map(|(operator, keys, salt, tier, identity)| Action::OpenAccount {
                operator,
                keys,
                salt,
                tier,
                identity
            }),
        (participant_id(), account(), tier()).prop_map(|(operator, account, tier)| Action::SetTier {
            operator,
            account,
            tier
        }),
        (participant_id(), account(), scope(), reason()).prop_map(|(by, account, scope, reason)| Action::Freeze {
            by,
            account,
            scope,
            reason
        }),
        (participant_id(), account(), scope(), reason()).prop_map(|(by, account, scope, reason)| Action::Unfreeze {
            by,
            account,
            scope,
            reason
        }),
        (participant_id(), account()).prop_map(|(operator, account)| Action::CloseAccount { operator, account }),
        (currency(), account(), amount()).prop_map(|(currency, to, amount)| Action::Issue { currency, to, amount }),
        (currency(), account(), amount()).prop_map(|(currency, from, amount)| Action::Redeem {
            currency,
            from,
            amount
        }),
        council_action().prop_map(Action::Council),
        super::settlement::settlement_action().prop_map(Action::Settle),
        prop::sample::select(super::offline::actions()).prop_map(|(_, action)| action),
        (fixed!(crate::committee::ValidatorId), evidence().prop_map(Box::new))
            .prop_map(|(reporter, evidence)| Action::ReportEvidence { reporter, evidence }),
    ]
}

pub fn transaction() -> impl Strategy<Value = Transaction> {
    (
        any::<u16>(),
        fixed!(crate::block::GenesisPrefix),
        number(),
        number(),
        list(action(), 4),
        text(),
    )
        .prop_map(|(version, genesis, valid_until, nonce, actions, memo)| Transaction {
            version,
            genesis,
            valid_until: UnixSeconds(valid_until),
            nonce: Nonce(nonce),
            actions,
            memo,
        })
}

pub fn signed_transaction() -> impl Strategy<Value = SignedTransaction> {
    let signature =
        (key(), fixed!(crate::keys::Signature)).prop_map(|(key, signature)| TransactionSignature { key, signature });
    (transaction(), list(signature, 3)).prop_map(|(transaction, signatures)| SignedTransaction {
        transaction,
        signatures,
    })
}

pub fn header() -> impl Strategy<Value = Header> {
    let root = || fixed!(crate::merkle::Root);
    let roots = (root(), root(), root(), root(), root(), root());
    (
        version(),
        fixed!(crate::block::GenesisHash),
        height(),
        time(),
        fixed!(crate::block::BlockId),
        fixed!(crate::committee::ValidatorId),
        small(),
        fixed!(crate::block::StateHash),
        roots,
    )
        .prop_map(
            |(version, genesis, height, time_ms, parent, proposer, transaction_count, state_hash, roots)| Header {
                version,
                genesis,
                height,
                time_ms,
                parent,
                proposer,
                batches_root: roots.0,
                transaction_count,
                receipts_root: roots.1,
                changes_root: roots.2,
                state_hash,
                checkpoint_root: roots.3,
                validators_hash: roots.4,
                next_validators_hash: roots.5,
            },
        )
}

pub fn block() -> impl Strategy<Value = Block> {
    let checkpoint = prop::option::of(checkpoint());
    (header(), list(fixed!(crate::block::BatchDigest), 5), checkpoint).prop_map(|(header, batches, checkpoint)| Block {
        header,
        batches,
        checkpoint,
    })
}

pub fn batch() -> impl Strategy<Value = Batch> {
    (
        any::<u16>(),
        fixed!(crate::block::GenesisHash),
        fixed!(crate::committee::ValidatorId),
        list(signed_transaction(), 2),
    )
        .prop_map(|(version, genesis, author, transactions)| Batch {
            version,
            genesis,
            author,
            transactions,
        })
}

pub fn signed_batch() -> impl Strategy<Value = SignedBatch> {
    (batch(), fixed!(crate::keys::Signature)).prop_map(|(batch, signature)| SignedBatch {
        batch: batch.into(),
        signature,
    })
}

pub fn vote_kind() -> impl Strategy<Value = VoteKind> {
    prop_oneof![Just(VoteKind::Prevote), Just(VoteKind::Precommit)]
}

pub fn evidence() -> impl Strategy<Value = Evidence> {
    let vote = || {
        (
            prop::option::of(fixed!(crate::block::BlockId)),
            fixed!(crate::keys::Signature),
        )
            .prop_map(|(block, signature)| SignedVote { block, signature })
    };
    let proposal = || {
        (
            prop::option::of(small()),
            fixed!(crate::block::BlockId),
            fixed!(crate::keys::Signature),
        )
            .prop_map(|(lock_round, block, signature)| SignedProposal {
                lock_round,
                block,
                signature,
            })
    };
    let conflict = prop_oneof![
        (vote(), vote()).prop_map(|(first, second)| Conflict::Prevotes { first, second }),
        (vote(), vote()).prop_map(|(first, second)| Conflict::Precommits { first, second }),
        (proposal(), proposal()).prop_map(|(first, second)| Conflict::Proposals { first, second }),
    ];
    (
        any::<u16>(),
        fixed!(crate::committee::ValidatorId),
        height(),
        small(),
        conflict,
    )
        .prop_map(|(version, validator, height, round, conflict)| Evidence {
            version,
            validator,
            height,
            round,
            conflict,
        })
}

pub fn evidence_record() -> impl Strategy<Value = EvidenceRecord> {
    (
        evidence(),
        fixed!(crate::committee::ValidatorId),
        fixed!(crate::transaction::TxId),
        height(),
        time(),
    )
        .prop_map(|(evidence, reporter, transaction, height, time_ms)| EvidenceRecord {
            evidence,
            reporter,
            transaction,
            height,
            time_ms,
        })
}

fn commit_signature() -> impl Strategy<Value = CommitSignature> {
    (any::<u16>(), fixed!(crate::keys::Signature)).prop_map(|(signer, signature)| CommitSignature { signer, signature })
}

pub fn checkpoint() -> impl Strategy<Value = CheckpointCertificate> {
    (height(), fixed!(crate::merkle::Root), list(commit_signature(), 4)).prop_map(|(height, root, signatures)| {
        CheckpointCertificate {
            height,
            root,
            signatures,
        }
    })
}

pub fn certificate() -> impl Strategy<Value = CommitCertificate> {
    (
        height(),
        small(),
        fixed!(crate::block::BlockId),
        list(commit_signature(), 4),
    )
        .prop_map(|(height, round, block, signatures)| CommitCertificate {
            height,
            round,
            block,
            signatures,
        })
}

pub fn validators() -> impl Strategy<Value = crate::committee::ValidatorList> {
    list(validator(), 4)
}

pub fn validator() -> impl Strategy<Value = Validator> {
    (key(), number()).prop_map(|(key, power)| Validator { key, power })
}

/// Read from bytes, since its field is its own.
pub fn rotation() -> impl Strategy<Value = Rotation> {
    let absence =
        (fixed!(crate::committee::ValidatorId), height(), height()).prop_map(|(validator, since, until)| Absence {
            validator,
            since,
            until,
        });
    list::<_, 256>(absence, 4).prop_map(|absences| {
        let bytes = codec::encode(&absences);
        codec::decode(&bytes, bytes.len()).expect("a rotation is its list of absences")
    })
}

/// Every variant that there is, found by decoding until there is none.
pub fn variants<T: bincode::Encode + bincode::Decode<()>>() -> Vec<T> {
    (0..=250u8).map_while(|index| codec::decode(&[index], 1).ok()).collect()
}

pub fn rejection() -> impl Strategy<Value = Rejection> {
    prop::sample::select(variants::<Rejection>())
}

pub fn skip() -> impl Strategy<Value = Skip> {
    prop::sample::select(variants::<Skip>())
}

pub fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Applied),
        (any::<u8>(), rejection()).prop_map(|(action, reason)| Outcome::Rejected { action, reason }),
    ]
}

pub fn receipt() -> impl Strategy<Value = Receipt> {
    let trade = (any::<u8>(), amount(), amount()).prop_map(|(action, sold, bought)| Trade { action, sold, bought });
    let parts = (fixed!(crate::transaction::TxId), small(), outcome(), list(trade, 3));
    parts.prop_map(|(id, index, outcome, trades)| Receipt {
        subject: Subject::Transaction(id),
        index,
        outcome,
        trades,
    })
}

pub fn path() -> impl Strategy<Value = InclusionPath> {
    (small(), small(), list(fixed!(crate::merkle::Root), 32)).prop_map(|(index, leaves, siblings)| InclusionPath {
        index,
        leaves,
        siblings,
    })
}

pub fn freeze() -> impl Strategy<Value = Freeze> {
    (participant_id(), time(), reason()).prop_map(|(by, at, reason)| Freeze { by, at, reason })
}

pub fn status() -> impl Strategy<Value = AccountStatus> {
    prop_oneof![
        Just(AccountStatus::Active),
        freeze().prop_map(AccountStatus::Frozen),
        Just(AccountStatus::Closed)
    ]
}

pub fn account_view() -> impl Strategy<Value = AccountView> {
    let balance = (currency(), balance(), amount(), amount(), prop::option::of(freeze())).prop_map(
        |(currency, available, held, spent_today, frozen)| BalanceView {
            currency,
            available,
            held,
            spent_today,
            frozen,
        },
    );
    (
        fixed!(crate::identity::AccountId),
        participant_id(),
        policy(),
        tier(),
        status(),
        list(balance, 3),
    )
        .prop_map(|(id, operator, keys, tier, status, balances)| AccountView {
            id,
            operator,
            keys,
            tier,
            status,
            balances,
        })
}

pub fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        fixed!(crate::transaction::TxId).prop_map(Answer::NoReceipt),
        fixed!(crate::identity::AccountId).prop_map(Answer::NoAccount),
        account_view().prop_map(Answer::Account),
        currency_record().prop_map(Answer::Currency),
        currency().prop_map(Answer::NoCurrency),
        super::settlement::contract_view().prop_map(|view| Answer::Contract(Box::new(view))),
        fixed!(crate::settlement::ContractId).prop_map(Answer::NoContract),
        super::settlement::contract_page().prop_map(Answer::Contracts),
        super::settlement::reference_rate_answer(),
        prop::sample::select(super::purses::answers()).prop_map(|(_, answer)| answer),
    ]
}

pub fn statement() -> impl Strategy<Value = Statement> {
    (fixed!(crate::block::GenesisHash), height(), time(), answer()).prop_map(|(genesis, height, time_ms, answer)| {
        Statement {
            genesis,
            height,
            time_ms,
            answer,
        }
    })
}

pub fn signed_statement() -> impl Strategy<Value = SignedStatement> {
    (
        statement(),
        fixed!(crate::committee::ValidatorId),
        fixed!(crate::keys::Signature),
    )
        .prop_map(|(statement, validator, signature)| SignedStatement {
            statement,
            validator,
            signature,
        })
}

pub fn prefix() -> impl Strategy<Value = AddressPrefix> {
    prop_oneof![Just(AddressPrefix::Main), Just(AddressPrefix::Devnet)]
}

pub fn genesis() -> impl Strategy<Value = Genesis> {
    let validator = (text(), key(), number(), key(), text()).prop_map(|(name, key, power, network_key, address)| {
        GenesisValidator {
            name,
            key,
            power,
            network_key,
            address,
        }
    });
    let balance = (currency(), amount()).prop_map(|(currency, amount)| OpeningBalance { currency, amount });
    let account = (
        participant_id(),
        policy(),
        fixed!(crate::identity::Salt),
        tier(),
        fixed!(crate::identity::IdentityCommitment),
        list(balance, 2),
    )
        .prop_map(|(operator, keys, salt, tier, identity, balances)| OpeningAccount {
            operator,
            keys,
            salt,
            tier,
            identity,
            balances,
        });
    let lists = (
        list(validator, 2),
        list(participant(), 2),
        list(currency_record(), 2),
        list(account, 2),
    );
    let continues = prop::option::of(continues());
    (
        any::<u16>(),
        text(),
        prefix(),
        time(),
        policy(),
        parameters(),
        lists,
        continues,
    )
        .prop_map(
            |(version, name, address_prefix, time_ms, council, parameters, lists, continues)| Genesis {
                version,
                name,
                address_prefix,
                time_ms,
                council,
                parameters,
                validators: lists.0,
                participants: lists.1,
                currencies: lists.2,
                accounts: lists.3,
                continues,
            },
        )
}

fn continues() -> impl Strategy<Value = Continues> {
    let signature =
        (key(), fixed!(crate::keys::Signature)).prop_map(|(key, signature)| TransactionSignature { key, signature });
    (
        fixed!(crate::block::GenesisHash),
        fixed!(crate::block::GenesisHash),
        height(),
        fixed!(crate::block::BlockId),
        fixed!(crate::merkle::Root),
        certificate(),
        list(signature, 2),
    )
        .prop_map(
            |(origin, genesis, height, block, state_root, certificate, signatures)| Continues {
                origin,
                genesis,
                height,
                block,
                state_root,
                certificate,
                signatures,
            },
        )
}

pub fn read_request() -> impl Strategy<Value = ReadRequest> {
    (fixed!(crate::block::GenesisHash), text(), time()).prop_map(|(genesis, path, time_ms)| ReadRequest {
        genesis,
        path,
        time_ms,
    })
}
