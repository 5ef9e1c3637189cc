//! The bytes of fixed values of every signed or stored type, in `golden.txt`. A line that changes is
//! a change of format: networks that run and proofs that exist no longer fit it.

use bincode::{Decode, Encode};

use super::values;
use crate::{
    api::ReadRequest,
    block::{
        Batch, Block, CheckpointCertificate, CommitSignature, Height, SignedBatch, TimeMs, VoteKind,
        batch::BATCH_VERSION, checkpoint_message, genesis_block_id,
    },
    codec::encode,
    committee::{
        Validator, ValidatorId,
        change::{FormerValidators, ValidatorChange},
        rotation::Rotation,
    },
    evidence::EvidenceRecord,
    example::{
        Committee, GENESIS_HASH, currency, currency_record, double_proposal, double_vote, genesis, header, key, list,
        participant, participant_id, secret, text, transfer, two_of_three,
    },
    genesis::{Continues, Genesis},
    governance::{CouncilAction, Parameters},
    identity::{AccountId, AccountStatus, Freeze, IdentityCommitment, ReasonCode, Salt, Tier},
    keys::{Domain, Signature},
    ledger::{
        receipt::{Outcome, Receipt, Subject, Trade},
        rejection::{Rejection, Skip},
    },
    merkle::{self, Root},
    money::{Amount, Balance},
    protocol::ProtocolVersion,
    registry::{Node, Registry},
    settlement::{
        ContractId, Ending, ReferenceRate, SettlementAction,
        condition::{Condition, Preimage},
    },
    statement::{AccountView, Answer, BalanceView, ContractPage, ContractView, PositionView, Statement},
    transaction::{Action, FreezeScope, TxId, UnixSeconds},
};

const GOLDEN: &str = include_str!("golden.txt");

/// Lines of a name and what it stands for.
#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn bytes<T: Encode>(&mut self, name: &str, value: &T) {
        self.0.push(format!("{name} {}", hex::encode(encode(value))));
    }

    fn id(&mut self, name: &str, id: impl std::fmt::Display) {
        self.0.push(format!("{name} {id}"));
    }
}

fn actions(lines: &mut Lines) {
    let (account, bank, cny) = (AccountId([1; 20]), participant_id("BANKA"), currency("CNY"));
    let reason = ReasonCode(404);
    let rows = [
        ("transfer", transfer().actions[0].clone()),
        (
            "open_account",
            Action::OpenAccount {
                operator: bank,
                keys: two_of_three(),
                salt: Salt([2; 16]),
                tier: Tier(4),
                identity: IdentityCommitment([3; 32]),
            },
        ),
        (
            "set_tier",
            Action::SetTier {
                operator: bank,
                account,
                tier: Tier(1),
            },
        ),
        (
            "freeze",
            Action::Freeze {
                by: bank,
                account,
                scope: FreezeScope::Account,
                reason,
            },
        ),
        (
            "unfreeze",
            Action::Unfreeze {
                by: bank,
                account,
                scope: FreezeScope::Currency(cny),
                reason,
            },
        ),
        (
            "close_account",
            Action::CloseAccount {
                operator: bank,
                account,
            },
        ),
        (
            "issue",
            Action::Issue {
                currency: cny,
                to: account,
                amount: Amount(u64::MAX),
            },
        ),
        (
            "redeem",
            Action::Redeem {
                currency: cny,
                from: account,
                amount: Amount(250),
            },
        ),
    ];
    for (name, action) in rows {
        lines.bytes(&format!("action.{name}"), &action);
    }
    let rows = [
        (
            "register_currency",
            CouncilAction::RegisterCurrency(currency_record("KWD", 3, "CBK")),
        ),
        (
            "set_issuance_cap",
            CouncilAction::SetIssuanceCap {
                currency: cny,
                cap: Amount(251),
            },
        ),
        (
            "set_currency_frozen",
            CouncilAction::SetCurrencyFrozen {
                currency: cny,
                frozen: true,
            },
        ),
        (
            "register_participant",
            CouncilAction::RegisterParticipant(participant("BANKB", 4, true)),
        ),
        (
            "set_operator",
            CouncilAction::SetOperator {
                participant: bank,
                operator: false,
            },
        ),
        ("set_parameters", CouncilAction::SetParameters(genesis().parameters)),
        (
            "schedule_protocol",
            CouncilAction::ScheduleProtocol {
                version: ProtocolVersion(2),
                height: header().height,
            },
        ),
        ("withdraw_protocol", CouncilAction::WithdrawProtocol),
        ("set_council", CouncilAction::SetCouncil(two_of_three())),
        (
            "change_validators",
            CouncilAction::ChangeValidators(ValidatorChange {
                remove: list(vec![ValidatorId::of(&key(1))]),
                set: list(vec![Validator {
                    key: key(2),
                    power: 300,
                }]),
            }),
        ),
        ("set_node", CouncilAction::SetNode(node())),
        ("remove_node", CouncilAction::RemoveNode { name: node().name }),
    ];
    for (name, action) in rows {
        lines.bytes(&format!("action.council.{name}"), &Action::Council(action));
    }
}

fn node() -> Node {
    Node {
        name: text("bank a"),
        network_key: key(3),
        address: text("/ip4/127.0.0.1/tcp/27100"),
        validator_keys: list(vec![key(1), key(2)]),
    }
}

fn transactions(lines: &mut Lines) {
    let signed = transfer().sign([&secret(1), &secret(2)]).expect("well-formed");
    lines.bytes("transaction", &transfer());
    lines.id("transaction.id", transfer().id());
    lines.bytes("signed_transaction", &signed);
    let batch = Batch {
        version: BATCH_VERSION,
        genesis: GENESIS_HASH,
        author: ValidatorId::of(&key(1)),
        transactions: list(vec![signed]),
    };
    let digest = batch.digest();
    lines.id("batch.digest", digest);
    lines.bytes("signed_batch", &SignedBatch::seal(batch, &secret(1)));
    let block = Block {
        header: header(),
        batches: list(vec![digest, digest]),
        checkpoint: None,
    };
    lines.bytes("block", &block);
    lines.id("block.id", block.id());
    lines.id("block.batches_root", block.batches_root());
    let checkpoint = CheckpointCertificate {
        height: Height(600),
        root: Root([5; 32]),
        signatures: list(vec![CommitSignature {
            signer: 2,
            signature: Signature([6; 64]),
        }]),
    };
    lines.bytes("checkpoint", &checkpoint);
    let message = checkpoint_message(&GENESIS_HASH, Height(600), &Root([5; 32]));
    lines.id("checkpoint.message", hex::encode(message));
    let certifying = Block {
        checkpoint: Some(checkpoint),
        ..block
    };
    lines.bytes("block.certifying", &certifying);
    lines.id("block.certifying.batches_root", certifying.batches_root());
    lines.id("block.genesis_id", genesis_block_id(&GENESIS_HASH));
    lines.id("state_hash.after", header().state_hash.after(&Root([9; 32])));
}

fn committees(lines: &mut Lines) {
    let committee = Committee::new(&[(1, 1), (2, 300), (3, 70_000), (4, 5_000_000_000)]);
    lines.bytes("validators", &committee.set.to_list());
    lines.id("validators.hash", committee.set.hash());
    lines.id("validator.id", ValidatorId::of(&key(1)));
    let commit = committee.certify(&header(), &[0, 1, 2, 3]);
    lines.bytes("commit_certificate", &commit);
    for kind in [VoteKind::Prevote, VoteKind::Precommit] {
        lines.bytes(&format!("vote_kind.{kind:?}").to_lowercase(), &kind);
    }
    let equal = Committee::new(&[(1, 1), (2, 1), (3, 1), (4, 1)]).set;
    let author = *Rotation::default().proposer(&equal, header().height, 1);
    lines.bytes(
        "rotation",
        &Rotation::default().after(&equal, &equal, header().height, &author),
    );
    lines.bytes("registry", &Registry::new([node()]).expect("sound"));
    let fewer = Committee::new(&[(1, 1), (2, 300), (3, 70_000)]).set;
    let former = FormerValidators::default().after(&committee.set, &fewer, header().height, 1);
    lines.bytes("former_validators", &former);
    for domain in [
        Domain::Transaction,
        Domain::Vote,
        Domain::Proposal,
        Domain::Batch,
        Domain::Request,
        Domain::Statement,
        Domain::Continuation,
    ] {
        let name = format!("signature.{domain:?}").to_lowercase();
        lines.id(&name, secret(1).sign(domain, b"message"));
    }
}

fn evidence(lines: &mut Lines) {
    let height = header().height;
    for kind in [VoteKind::Prevote, VoteKind::Precommit] {
        let votes = double_vote(&GENESIS_HASH, &secret(1), kind, height);
        lines.bytes(&format!("evidence.{}", votes.kind()), &votes);
    }
    let proposals = double_proposal(&GENESIS_HASH, &secret(1), height);
    lines.bytes("evidence.proposals", &proposals);
    let record = EvidenceRecord {
        evidence: proposals,
        reporter: ValidatorId::of(&key(2)),
        transaction: TxId([8; 32]),
        height: height.next(),
        time_ms: header().time_ms,
    };
    lines.bytes("evidence_record", &record);
    let report = Action::ReportEvidence {
        reporter: record.reporter,
        evidence: Box::new(record.evidence.clone()),
    };
    lines.bytes("action.report_evidence", &report);
}

fn receipts(lines: &mut Lines) {
    let subject = Subject::Transaction(TxId([8; 32]));
    let receipt = |outcome| Receipt::plain(subject, 300, outcome);
    lines.bytes("receipt.applied", &receipt(Outcome::Applied));
    let rejected = Outcome::Rejected {
        action: 63,
        reason: Rejection::InsufficientFunds,
    };
    lines.bytes("receipt.rejected", &receipt(rejected));
    lines.id("receipt.leaf", receipt(rejected).leaf());
    let trade = Trade {
        action: 2,
        sold: Amount(300),
        bought: Amount(70_000),
    };
    let traded = Receipt {
        trades: list(vec![trade]),
        ..receipt(Outcome::Applied)
    };
    lines.bytes("receipt.traded", &traded);
    let leaves: Vec<_> = (0..5u8).map(|number| merkle::leaf(&[number])).collect();
    lines.bytes("inclusion_path", &merkle::path(&leaves, 2));
    names::<Rejection>(lines, "rejection");
    names::<Skip>(lines, "skip");
}

/// The variants by number, in the words of their JSON form: none may move.
fn names<T: Encode + Decode<()> + serde::Serialize>(lines: &mut Lines, name: &str) {
    for (number, variant) in values::variants::<T>().iter().enumerate() {
        let word = serde_json::to_string(variant).expect("a word");
        lines.id(&format!("{name}.{number}"), word.trim_matches('"'));
    }
}

fn statements(lines: &mut Lines) {
    let freeze = Freeze {
        by: participant_id("PBOC"),
        at: TimeMs(1_790_000_000_000),
        reason: ReasonCode(7),
    };
    let account = AccountView {
        id: AccountId([1; 20]),
        operator: participant_id("BANKA"),
        keys: two_of_three(),
        tier: Tier(2),
        status: AccountStatus::Frozen(freeze),
        balances: list(vec![BalanceView {
            currency: currency("CNY"),
            available: Balance(-1_000_000),
            held: Amount(5),
            spent_today: Amount(66_000),
            frozen: Some(freeze),
        }]),
    };
    let rows = [
        ("no_receipt", Answer::NoReceipt(TxId([8; 32]))),
        ("no_account", Answer::NoAccount(AccountId([1; 20]))),
        ("account", Answer::Account(account)),
        ("currency", Answer::Currency(currency_record("CNY", 2, "PBOC"))),
        ("no_currency", Answer::NoCurrency(currency("EUR"))),
    ];
    for (name, answer) in rows.into_iter().chain(super::purses::answers()) {
        let statement = Statement {
            genesis: GENESIS_HASH,
            height: header().height,
            time_ms: header().time_ms,
            answer,
        };
        lines.bytes(&format!("signed_statement.{name}"), &statement.sign(&secret(1)));
    }
    for status in [
        AccountStatus::Active,
        AccountStatus::Frozen(freeze),
        AccountStatus::Closed,
    ] {
        let word = format!("{status:?}").to_lowercase();
        lines.bytes(&format!("account_status.{}", &word[..6]), &status);
    }
    lines.bytes(
        "read_request",
        &ReadRequest {
            genesis: GENESIS_HASH,
            path: text("/v1/accounts/cwdev1"),
            time_ms: header().time_ms,
        },
    );
}

fn settlement(lines: &mut Lines) {
    for (name, action) in super::settlement::fixed::actions() {
        lines.bytes(&format!("action.settle.{name}"), &action);
    }
    for (name, contract) in super::settlement::fixed::contracts() {
        lines.bytes(&format!("contract.{name}"), &contract);
    }
    for (number, ending) in super::settlement::ENDINGS.iter().enumerate() {
        assert_eq!(encode(ending), [number as u8], "{ending}");
    }
    let (name, contract) = super::settlement::fixed::contracts().swap_remove(0);
    let view = ContractView {
        id: ContractId([3; 20]),
        opened_ms: contract.opened,
        status: contract.status,
        terms: contract.terms,
        positions: list(vec![PositionView {
            account: AccountId([1; 20]),
            currency: currency("EUR"),
            prefunded: Amount(300),
            net: Balance(-7),
        }]),
    };
    lines.bytes(&format!("answer.contract.{name}"), &Answer::Contract(Box::new(view)));
    lines.bytes("answer.no_contract", &Answer::NoContract(ContractId([3; 20])));
    let page = ContractPage {
        account: AccountId([1; 20]),
        after: Some(ContractId([2; 20])),
        contracts: list(vec![ContractId([3; 20])]),
        has_more: true,
    };
    lines.bytes("answer.contracts", &Answer::Contracts(page));
    let rate = Answer::ReferenceRate {
        from: currency("EUR"),
        to: currency("THB"),
        rate: Some(ReferenceRate {
            rate: "36.5".parse().unwrap(),
            as_of: UnixSeconds(1_900_000_000),
        }),
    };
    lines.bytes("answer.reference_rate", &rate);
    let id = TxId([8; 32]);
    lines.bytes("condition.revealed", &Condition::Revealed(Preimage([8; 32])));
    lines.id("contract.id", ContractId::derive(&id, 1));
    let Action::Settle(SettlementAction::Exchange(exchange)) = &super::settlement::fixed::actions()[17].1 else {
        panic!("an exchange");
    };
    let quote = &exchange.quote.quote;
    for (name, contract) in super::settlement::fixed::contracts() {
        if let Some(key) = contract.book_key() {
            lines.bytes(&format!("book_key.{name}"), &key);
        }
    }
    lines.id("quote.hash", hex::encode(quote.hash()));
    lines.id("quote.mark", quote.mark());
    let subject = Subject::System {
        contract: ContractId([3; 20]),
        how: Ending::Expired,
    };
    lines.bytes("receipt.system", &Receipt::plain(subject, 1, Outcome::Applied));
}

#[test]
fn bytes_are_what_they_were() {
    let mut lines = Lines::default();
    actions(&mut lines);
    transactions(&mut lines);
    committees(&mut lines);
    evidence(&mut lines);
    receipts(&mut lines);
    statements(&mut lines);
    settlement(&mut lines);
    for (name, action) in super::offline::actions() {
        lines.bytes(&format!("action.offline.{name}"), &action);
    }
    lines.bytes("parameters.default", &Parameters::default());
    lines.bytes("genesis", &genesis());
    lines.id("genesis.hash", genesis().hash());
    let mut continuing = Genesis {
        participants: list(Vec::new()),
        currencies: list(Vec::new()),
        accounts: list(Vec::new()),
        continues: Some(Continues {
            origin: GENESIS_HASH,
            genesis: GENESIS_HASH,
            height: header().height,
            block: header().id(),
            state_root: Root([9; 32]),
            certificate: Committee::new(&[(1, 1), (2, 1), (3, 1), (4, 1)]).certify(&header(), &[0, 1, 2]),
            signatures: list(Vec::new()),
        }),
        council: two_of_three(),
        ..genesis()
    };
    lines.bytes("genesis.continuing", &continuing);
    continuing.sign(&secret(1)).expect("a member");
    lines.id("genesis.continuing.hash", continuing.hash());
    lines.id(
        "account.id",
        AccountId::derive(&GENESIS_HASH, participant_id("BANKA"), &two_of_three(), &Salt([9; 16])),
    );
    lines.id(
        "account.of_participant",
        AccountId::of_participant(&GENESIS_HASH, participant_id("BANKA")),
    );

    let golden: Vec<&str> = GOLDEN.lines().collect();
    let now: Vec<&str> = lines.0.iter().map(String::as_str).collect();
    let changed: Vec<_> = now.iter().filter(|line| !golden.contains(line)).copied().collect();
    let gone: Vec<_> = golden.iter().filter(|line| !now.contains(line)).copied().collect();
    assert!(
        changed.is_empty() && gone.is_empty(),
        "formats have changed.\nIn golden.txt, no longer true:\n{}\n\nTrue, not in golden.txt:\n{}\n",
        gone.join("\n"),
        changed.join("\n"),
    );
    assert_eq!(now, golden, "the same lines in the same order");
}
