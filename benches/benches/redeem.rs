//! What it costs the ledger to redeem money that changed hands four times, with the evidence for it, beside what the
//! messages' signatures cost by themselves: each is checked alone, by the ledger's rule. Signatures of transactions are
//! checked before a block is executed, and count for neither.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use causeway_benches::{
    bank, bank_key, batch, currency, customer_key, genesis, list, opening, transaction, unverified,
};
use causeway_contracts::{
    block::{HashedBatch, TimeMs},
    codec::Text,
    committee::ValidatorId,
    genesis::OpeningAccount,
    identity::{AccountId, Tier},
    keys::{Domain, PublicKey, SecretKey, Signed as SignedBytes},
    ledger::{Ledger, receipt::Outcome},
    money::Amount,
    offline::{
        action::{OfflineAction, Testimony},
        field::Fixed,
        ids::{
            AccountHash, CurrencyIndex, Epoch, Id16, KeyId, ListVersion, LoadCounter, MessageId, Nonce16, PurseId,
            RequestSeq, Seq, Serial,
        },
        issuer::KeyRole,
        messages::{
            Certificate, Class, Grant, LoadRequest, LotPart, Receipt, ReceiptStatus, Redeem, Request, Spend, Transfer,
        },
        signed::{Body, Signed},
    },
    transaction::{Action, SignedTransaction},
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const ACCOUNTS: u64 = 1_000;
/// Loads of other purses that are there already.
const OTHER_LOADS: u64 = 20_000;
/// Redemptions of one block, as many as its cost allows with all evidence.
const CHAINS: u64 = 12;
const HOPS: u8 = 4;
const INDEX: CurrencyIndex = CurrencyIndex(1);
const LOADED: Amount = Amount(200_000);
const PAID: Amount = Amount(1_250);

fn issuer(role: KeyRole) -> SecretKey {
    SecretKey::from_seed(&[200 + role as u8; 32])
}

fn kid(role: KeyRole) -> KeyId {
    KeyId::of(&issuer(role).public_key())
}

fn signed<M: Body>(body: M, key: &SecretKey) -> Signed<M> {
    Signed::sign(body, key).expect("a sound message")
}

/// A purse by its number, from 1 on.
#[derive(Clone)]
struct Purse {
    id: PurseId,
    key: SecretKey,
}

impl Purse {
    fn new(number: u64) -> Self {
        let mut seed = [3; 32];
        seed[..8].copy_from_slice(&number.to_be_bytes());
        Self {
            id: PurseId(number.to_be_bytes()),
            key: SecretKey::from_seed(&seed),
        }
    }

    fn sign<M: Body>(&self, body: M) -> Signed<M> {
        signed(body, &self.key)
    }
}

/// What is checked: a message's bytes, its signature, and whose it is.
struct Check {
    bytes: Vec<u8>,
    signature: causeway_contracts::keys::Signature,
    key: PublicKey,
}

impl Check {
    fn of<M: Body>(message: &Signed<M>, by: &Purse) -> Self {
        Self {
            bytes: message.body.to_bytes(),
            signature: message.signature,
            key: by.key.public_key(),
        }
    }

    fn is_good(&self) -> bool {
        let check = SignedBytes {
            key: self.key,
            domain: Domain::Offline,
            message: &self.bytes,
            signature: self.signature,
        };
        check.verify().is_ok()
    }
}

/// What goes to the ledger of one chain, and the signatures in it.
struct Chain {
    actions: Vec<Action>,
    checks: Vec<Check>,
    account: u64,
}

struct World {
    ledger: Ledger,
    accounts: Vec<AccountId>,
    proposer: ValidatorId,
    nonce: u64,
    purses: u64,
}

impl World {
    /// Whose ledger finds every signature good, if it is not to check them.
    fn new(checks: bool) -> Self {
        let accounts = (0..ACCOUNTS).map(|number| opening(number, Tier(0), Amount(1_000_000_000_000)));
        let proposer = SecretKey::from_seed(&[2; 32]);
        let genesis = genesis(std::slice::from_ref(&proposer), accounts.collect());
        let hash = genesis.hash();
        let id = |it: &OpeningAccount| AccountId::derive(&hash, it.operator, &it.keys, &it.salt);
        let ledger = Ledger::from_genesis(&genesis, 0x5eed);
        let mut world = Self {
            accounts: genesis.accounts.iter().map(id).collect(),
            ledger: if checks { ledger } else { ledger.judging_by(|_| true) },
            proposer: ValidatorId::of(&proposer.public_key()),
            nonce: 0,
            purses: 0,
        };
        world.open();
        for _ in 0..OTHER_LOADS / 100 {
            world.loaded(100);
        }
        world
    }

    fn open(&mut self) {
        let fund = self.accounts[0];
        let open = OfflineAction::OpenCurrency {
            currency: currency(),
            fund,
        };
        let open = self.sign(vec![open], customer_key(0));
        // The issuer signs too.
        let mut signatures = open.signatures.to_vec();
        signatures.extend(unverified(open.transaction.clone(), bank_key()).signatures.to_vec());
        signatures.sort_by_key(|entry| entry.key);
        let signatures = list(signatures);
        self.block(vec![SignedTransaction { signatures, ..open }]);
        let roles = [KeyRole::Certificate, KeyRole::Grant];
        let keys = roles.map(|role| OfflineAction::SetServiceKey {
            currency: currency(),
            key: issuer(role).public_key(),
            role,
        });
        let keys = self.sign(keys.to_vec(), bank_key());
        self.block(vec![keys]);
    }

    fn hour(&self) -> Epoch {
        Epoch::at(self.ledger.tip().time_ms)
    }

    fn expiry(&self) -> Epoch {
        Epoch(Epoch::at(causeway_benches::START).0 + 30 * 24)
    }

    fn sign(&mut self, actions: Vec<OfflineAction>, key: PublicKey) -> SignedTransaction {
        let actions = actions.into_iter().map(|action| Action::Offline(Box::new(action)));
        self.send(actions.collect(), key)
    }

    fn send(&mut self, actions: Vec<Action>, key: PublicKey) -> SignedTransaction {
        self.nonce += 1;
        let now = self.ledger.tip().time_ms;
        unverified(transaction(&self.ledger.genesis(), now, self.nonce, actions), key)
    }

    /// Executes and commits a block, all of which has to apply; says how long that took.
    fn block(&mut self, transactions: Vec<SignedTransaction>) -> Duration {
        let count = transactions.len();
        let batches = [HashedBatch::new(batch(
            self.ledger.genesis(),
            self.proposer,
            transactions,
        ))];
        let now = TimeMs(self.ledger.tip().time_ms.0 + 500);
        let start = Instant::now();
        let (_, execution) = self.ledger.draft(now, self.proposer, &batches, None);
        assert_eq!((execution.locations.len(), execution.skips.len()), (count, 0));
        let other = execution
            .of_transactions()
            .find(|(_, it, _)| it.outcome != Outcome::Applied);
        assert!(other.is_none(), "{other:?}");
        self.ledger.commit(execution);
        start.elapsed()
    }

    fn owner(&self, purse: &Purse) -> u64 {
        u64::from_be_bytes(purse.id.0) % ACCOUNTS
    }

    fn registration(&self, purse: &Purse) -> OfflineAction {
        let certificate = Certificate {
            issuer: kid(KeyRole::Certificate),
            purse: purse.id,
            key: purse.key.public_key(),
            currency: INDEX,
            class: Class::PERSON,
            not_before: self.hour(),
            not_after: self.expiry(),
            payment_max: Amount(50_000),
            balance_max: LOADED,
            paid_max: LOADED,
            payments_max: 50,
            hops_max: HOPS,
            serial: Serial(1),
        };
        OfflineAction::RegisterPurse {
            operator: bank(),
            owner: self.accounts[self.owner(purse) as usize],
            certificate: signed(certificate, &issuer(KeyRole::Certificate)),
        }
    }

    /// New purses.
    fn registered(&mut self, count: u64) -> Vec<Purse> {
        let purses: Vec<_> = (1..=count).map(|more| Purse::new(self.purses + more)).collect();
        self.purses += count;
        let registrations: Vec<_> = purses.iter().map(|purse| self.registration(purse)).collect();
        let transactions = registrations
            .into_iter()
            .map(|action| self.sign(vec![action], bank_key()));
        let transactions = transactions.collect();
        self.block(transactions);
        purses
    }

    fn load(&mut self, purse: &Purse) -> (SignedTransaction, Grant) {
        let request = LoadRequest {
            purse: purse.id,
            load_counter: LoadCounter(1),
            amount: LOADED,
            currency: INDEX,
            nonce: Nonce16([7; 16]),
        };
        let owner = self.owner(purse);
        let action = OfflineAction::Load {
            account: self.accounts[owner as usize],
            request: purse.sign(request),
        };
        let load = self.sign(vec![action], customer_key(owner));
        let grant = Grant {
            issuer: kid(KeyRole::Grant),
            load: Id16(*load.id().0.first_chunk().expect("16 of 32 bytes")),
            purse: purse.id,
            load_counter: LoadCounter(1),
            amount: LOADED,
            currency: INDEX,
            epoch: self.hour(),
            expiry: self.expiry(),
        };
        (load, grant)
    }

    /// New purses that were loaded, each with its lot.
    fn loaded(&mut self, count: u64) -> Vec<(Purse, Id16)> {
        let purses = self.registered(count);
        let (loads, grants): (Vec<_>, Vec<_>) = purses.iter().map(|purse| self.load(purse)).unzip();
        self.block(loads);
        let lots = grants.iter().map(|grant| grant.load).collect::<Vec<_>>();
        let by = self.accounts[0];
        let transactions = grants.into_iter().map(|grant| {
            let grant = signed(grant, &issuer(KeyRole::Grant));
            self.sign(vec![OfflineAction::Grant { by, grant }], customer_key(0))
        });
        let transactions = transactions.collect();
        self.block(transactions);
        purses.into_iter().zip(lots).collect()
    }

    /// Money that went from purse to purse, and what its last holder brings to redeem it: each transfer, or with it the
    /// request that it pays and the receipt for it.
    fn chain(&self, purses: &[Purse], lot: Id16, with_words: bool) -> Chain {
        let mut lot = lot;
        let (mut messages, mut checks) = (Vec::new(), Vec::new());
        for (hop, pair) in (1..).zip(purses.windows(2)) {
            let [payer, payee] = pair else { unreachable!("two") };
            let request = request_of(payee, self.hour());
            let transfer = Transfer {
                payer: payer.id,
                seq: Seq(1),
                previous: MessageId::NONE,
                payee: payee.id,
                request: request.id(),
                spend: self.spend(hop, lot),
            };
            let id = transfer.id();
            if with_words {
                let request = payee.sign(request);
                let receipt = payee.sign(receipt_of(payee, id));
                checks.extend([Check::of(&request, payee), Check::of(&receipt, payee)]);
                messages.extend([Testimony::Request(request), Testimony::Receipt(receipt)]);
            }
            let transfer = payer.sign(transfer);
            checks.push(Check::of(&transfer, payer));
            messages.push(Testimony::Transfer(transfer));
            lot = id.short();
        }
        let last = purses.last().expect("five");
        let account = self.owner(last);
        let by = self.accounts[account as usize];
        let redeem = last.sign(Redeem {
            payer: last.id,
            seq: Seq(1),
            previous: MessageId::NONE,
            payee: Fixed,
            account: AccountHash::of(&by),
            spend: self.spend(HOPS + 1, lot),
        });
        checks.push(Check::of(&redeem, last));
        let messages = list(messages);
        let actions = [
            OfflineAction::Testify { by, messages },
            OfflineAction::Redeem { account: by, redeem },
        ];
        Chain {
            actions: actions.map(|action| Action::Offline(Box::new(action))).to_vec(),
            checks,
            account,
        }
    }

    fn spend(&self, hop: u8, lot: Id16) -> Spend {
        Spend {
            amount: PAID,
            currency: INDEX,
            hop,
            expiry: self.expiry(),
            epoch: self.hour(),
            lots: list(vec![LotPart { lot, amount: PAID }]),
        }
    }

    /// What redeeming a block of chains took, and what their signatures take by themselves.
    fn redeem(&mut self, with_words: bool) -> Taken {
        let first = self.loaded(CHAINS);
        let others = self.registered(CHAINS * u64::from(HOPS));
        let chains: Vec<_> = first
            .into_iter()
            .zip(others.chunks(usize::from(HOPS)))
            .map(|((first, lot), others)| self.chain(&[&[first], others].concat(), lot, with_words))
            .collect();
        let start = Instant::now();
        let is_good = chains.iter().flat_map(|chain| &chain.checks).all(Check::is_good);
        let signatures = start.elapsed();
        assert!(black_box(is_good));
        let transactions = chains
            .into_iter()
            .map(|chain| self.send(chain.actions, customer_key(chain.account)));
        let transactions = transactions.collect();
        let ledger = self.block(transactions);
        Taken { ledger, signatures }
    }
}

fn request_of(payee: &Purse, epoch: Epoch) -> Request {
    Request {
        payee: payee.id,
        nonce: Nonce16([1; 16]),
        seq: RequestSeq(1),
        amount: PAID,
        epoch,
        list_version: ListVersion(0),
        flags: Fixed,
        memo: Text::default(),
    }
}

fn receipt_of(payee: &Purse, transfer: MessageId) -> Receipt {
    Receipt {
        payee: payee.id,
        seq: RequestSeq(1),
        transfer,
        status: ReceiptStatus::Accepted,
    }
}

#[derive(Default)]
struct Taken {
    ledger: Duration,
    signatures: Duration,
}

fn redemptions(c: &mut Criterion) {
    let mut world = World::new(true);
    let mut group = c.benchmark_group("redeem four hops");
    group.throughput(Throughput::Elements(CHAINS));
    group.sample_size(20);
    for (name, with_words) in [("transfers", false), ("transfers, requests and receipts", true)] {
        let mut all = Taken::default();
        group.bench_function(name, |b| {
            b.iter_custom(|blocks| {
                let mut ledger = Duration::ZERO;
                for _ in 0..blocks {
                    let taken = world.redeem(with_words);
                    ledger += taken.ledger;
                    all.ledger += taken.ledger;
                    all.signatures += taken.signatures;
                }
                ledger
            });
        });
        let part = all.signatures.as_secs_f64() / all.ledger.as_secs_f64();
        println!("{name}: {part:.3} of the bound that their signatures set, checked one by one in the same run");
    }
    let mut world = World::new(false);
    group.bench_function("transfers, with no signature checked", |b| {
        b.iter_custom(|blocks| (0..blocks).map(|_| world.redeem(false).ledger).sum());
    });
    group.finish();
}

criterion_group!(redeem, redemptions);
criterion_main!(redeem);
