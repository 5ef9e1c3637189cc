//! What contracts cost one thread beside a plain transfer, signatures of transactions excluded, with 100,000 accounts
//! in memory: a block of transactions of one action each is drafted (executed, with its roots) and committed.
//! And what the end of a million holds in one second costs each block.

use std::time::{Duration, Instant};

use causeway_benches::{
    bank, bank_key, batch, currency, customer_key, customer_keys, genesis, list, transaction, unverified,
};
use causeway_contracts::{
    block::{HashedBatch, TimeMs},
    codec::Text,
    committee::ValidatorId,
    genesis::{OpeningAccount, OpeningBalance},
    governance::CurrencyRecord,
    identity::{AccountId, IdentityCommitment, KeyPolicy, Salt, Tier},
    keys::SecretKey,
    ledger::{Ledger, SWEEP_MAX, receipt::Outcome},
    money::{Amount, Currency},
    settlement::{
        Allowance, Claim, Collect, ContractId, Escrow, Exchange, ExchangeAmount, HeldExchange, Hold, Leg, Mandate,
        Offer, PathAmount, PathPayment, PayRequest, Payees, Quote, QuoteId, Request, SettlementAction, Share, Shares,
        Side, SignedQuote, Spend, Split,
        condition::{Condition, Preimage},
        netting::{Cycle, Headroom, Obligation, resolve},
    },
    transaction::{Action, SignedTransaction, UnixSeconds},
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const ACCOUNTS: u64 = 100_000;
const BATCH: usize = 1_024;
/// As many as fit a block of the dearest action here.
const ACTIONS: u64 = 512;
/// As many as fit a block of those that may look at a whole book.
const DEAR_ACTIONS: usize = 32;
const EXPIRING: u64 = 1_000_000;
/// Of a netting cycle.
const OPERATORS: u64 = 32;

fn dollar() -> Currency {
    Currency::new("USD").expect("a code")
}

/// Of the last account, which exchanges.
fn maker_key() -> SecretKey {
    SecretKey::from_seed(&[77; 32])
}

struct World {
    ledger: Ledger,
    accounts: Vec<AccountId>,
    proposer: ValidatorId,
    nonce: u64,
}

impl World {
    fn new() -> Self {
        let accounts = (0..=ACCOUNTS).map(|number| {
            let mut salt = [0; 16];
            salt[..8].copy_from_slice(&number.to_le_bytes());
            let keys = match number {
                ACCOUNTS => KeyPolicy::single(maker_key().public_key()),
                number => customer_keys(number),
            };
            let both = [currency(), dollar()].map(|currency| OpeningBalance {
                currency,
                amount: Amount(1_000_000_000),
            });
            OpeningAccount {
                operator: bank(),
                keys,
                salt: Salt(salt),
                tier: Tier(0),
                identity: IdentityCommitment([9; 32]),
                balances: list(both.to_vec()),
            }
        });
        let proposer = SecretKey::from_seed(&[2; 32]);
        let mut genesis = genesis(std::slice::from_ref(&proposer), accounts.collect());
        let mut currencies = genesis.currencies.to_vec();
        currencies.push(CurrencyRecord {
            code: dollar(),
            ..currencies[0].clone()
        });
        genesis.currencies = list(currencies);
        assert_eq!(genesis.council, KeyPolicy::single(bank_key()));
        let hash = genesis.hash();
        let id = |it: &OpeningAccount| AccountId::derive(&hash, it.operator, &it.keys, &it.salt);
        Self {
            accounts: genesis.accounts.iter().map(id).collect(),
            ledger: Ledger::from_genesis(&genesis, 0x5eed),
            proposer: ValidatorId::of(&proposer.public_key()),
            nonce: 0,
        }
    }

    fn in_seconds(&self, seconds: u64) -> UnixSeconds {
        UnixSeconds(self.ledger.tip().time_ms.0 / 1000 + seconds)
    }

    fn sign(&mut self, signer: u64, action: Action) -> SignedTransaction {
        self.nonce += 1;
        let now = self.ledger.tip().time_ms;
        let body = transaction(&self.ledger.genesis(), now, self.nonce, vec![action]);
        let key = if signer == ACCOUNTS {
            maker_key().public_key()
        } else {
            customer_key(signer)
        };
        unverified(body, key)
    }

    /// The same in as many blocks as it takes; an action through a book may be so dear that few fit one.
    fn blocks(&mut self, transactions: Vec<SignedTransaction>) -> Duration {
        let is_dear = |tx: &SignedTransaction| {
            let action = &tx.transaction.actions[0];
            matches!(
                action,
                Action::Settle(SettlementAction::Offer(_) | SettlementAction::PayPath(_))
            )
        };
        let size = if transactions.iter().any(is_dear) {
            DEAR_ACTIONS
        } else {
            BATCH
        };
        let blocks = transactions.chunks(size);
        blocks.map(|block| self.block(block.to_vec())).sum()
    }

    /// Executes and commits a block; says how long that took.
    fn block(&mut self, transactions: Vec<SignedTransaction>) -> Duration {
        let batches: Vec<_> = transactions
            .chunks(BATCH)
            .map(|part| HashedBatch::new(batch(self.ledger.genesis(), self.proposer, part.to_vec())))
            .collect();
        let now = TimeMs(self.ledger.tip().time_ms.0 + 500);
        let start = Instant::now();
        let (_, execution) = self.ledger.draft(now, self.proposer, &batches, None);
        assert_eq!(execution.locations.len() + execution.skips.len(), transactions.len());
        let is_applied = |outcome| outcome == Outcome::Applied;
        let other = execution.of_transactions().find(|(_, it, _)| !is_applied(it.outcome));
        assert!(
            other.is_none() && execution.skips.is_empty(),
            "{other:?} {:?}",
            execution.skips.first()
        );
        self.ledger.commit(execution);
        start.elapsed()
    }

    fn leg(&self, number: u64, name: Currency) -> Leg {
        Leg {
            debtor: self.accounts[number as usize],
            creditor: self.accounts[(number as usize + 50_000) % ACCOUNTS as usize],
            currency: name,
            amount: Amount(10),
        }
    }

    fn hold(&self, number: u64) -> Action {
        let leg = self.leg(number, currency());
        Action::Settle(SettlementAction::Hold(Hold {
            legs: list(vec![leg]),
            expires_at: self.in_seconds(600),
            post_by: list(vec![leg.creditor]),
            void_by: list(vec![leg.creditor]),
        }))
    }

    fn escrow(&self, number: u64) -> Action {
        let leg = self.leg(number, currency());
        Action::Settle(SettlementAction::Escrow(Escrow {
            payer: leg.debtor,
            payee: leg.creditor,
            currency: leg.currency,
            amount: leg.amount,
            release_when: Condition::Preimage(Preimage([5; 32]).hash()),
            refund_when: Condition::After(self.in_seconds(60)),
            expires_at: self.in_seconds(120),
            on_expiry: Side::Refund,
        }))
    }

    fn allowance(&self, number: u64) -> Action {
        let leg = self.leg(number, currency());
        Action::Settle(SettlementAction::Allow(Allowance {
            grantor: leg.debtor,
            holder: leg.creditor,
            currency: leg.currency,
            budget: leg.amount,
            payees: Payees::Accounts(list(vec![self.accounts[shop(number) as usize]])),
            max_payment: None,
            expires_at: self.in_seconds(600),
        }))
    }

    fn mandate(&self, number: u64) -> Action {
        let leg = self.leg(number, currency());
        Action::Settle(SettlementAction::Mandate(Mandate {
            payer: leg.debtor,
            payee: leg.creditor,
            currency: leg.currency,
            max_payment: leg.amount,
            max_per_period: leg.amount,
            period_seconds: 600,
            starts_at: self.in_seconds(0),
            ends_at: self.in_seconds(600),
        }))
    }

    fn request(&self, number: u64) -> Action {
        let leg = self.leg(number, currency());
        Action::Settle(SettlementAction::Request(Request {
            payee: leg.debtor,
            payer: Some(leg.creditor),
            currency: leg.currency,
            amount: leg.amount,
            reference: Text::default(),
            expires_at: self.in_seconds(600),
        }))
    }

    fn offer(&self, number: u64) -> Action {
        Action::Settle(SettlementAction::Offer(Offer {
            maker: self.accounts[number as usize],
            sell: currency(),
            buy: dollar(),
            rate: "1.0845".parse().expect("a rate"),
            amount: Amount(10),
            min_fill: Amount(1),
            expires_at: self.in_seconds(600),
        }))
    }

    /// One for each action, all different.
    fn quotes(&self) -> Vec<SignedQuote> {
        let quote = |number: u64| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&(self.nonce + number).to_le_bytes());
            let quote = Quote {
                genesis: self.ledger.genesis().prefix(),
                id: QuoteId(id),
                maker: self.accounts[ACCOUNTS as usize],
                taker: None,
                sell: currency(),
                buy: dollar(),
                rate: "1.0845".parse().expect("a rate"),
                min: Amount(1),
                max: Amount(1_000),
                fee: Amount(0),
                expires_at: self.in_seconds(60),
                hold_seconds_max: 60,
            };
            quote.sign([&maker_key()]).expect("well made")
        };
        (0..ACTIONS).map(quote).collect()
    }

    fn exchange(&self, number: u64, quotes: &[SignedQuote], held: Option<HeldExchange>) -> Action {
        let exchange = Exchange {
            quote: quotes[number as usize].clone(),
            taker: self.accounts[number as usize],
            amount: ExchangeAmount::Send(Amount(10)),
            held,
        };
        Action::Settle(SettlementAction::Exchange(Box::new(exchange)))
    }

    /// An open one of the first accounts.
    fn cycle(&mut self) -> ContractId {
        let mut participants = self.accounts[..OPERATORS as usize].to_vec();
        participants.sort_unstable();
        let cycle = Cycle {
            opener: self.accounts[0],
            participants: list(participants),
            currencies: list(vec![currency()]),
            closes_at: self.in_seconds(60),
        };
        let tx = self.sign(0, Action::Settle(SettlementAction::OpenCycle(cycle)));
        let id = ContractId::derive(&tx.id(), 0);
        self.block(vec![tx]);
        id
    }

    fn prefund(&self, cycle: ContractId, operator: u64) -> Action {
        Action::Settle(SettlementAction::Prefund {
            cycle,
            participant: self.accounts[operator as usize],
            currency: currency(),
            amount: Amount(10),
        })
    }

    /// Opens contracts, which is not counted, and has each followed by an action of the other side.
    fn follow(
        &mut self,
        open: fn(&Self, u64) -> Action,
        make: impl Fn(&Self, ContractId, u64) -> SettlementAction,
    ) -> Duration {
        let ids = self.opened(open);
        self.all(|world, number| {
            let action = make(world, ids[number as usize], number);
            (creditor(number), Action::Settle(action))
        })
    }

    /// Opens contracts in a block of their own, and gives their ids.
    fn opened(&mut self, make: fn(&Self, u64) -> Action) -> Vec<ContractId> {
        let transactions: Vec<_> = (0..ACTIONS)
            .map(|number| {
                let action = make(self, number);
                self.sign(number, action)
            })
            .collect();
        let ids = transactions.iter().map(|tx| ContractId::derive(&tx.id(), 0)).collect();
        self.blocks(transactions);
        ids
    }

    fn all(&mut self, make: impl Fn(&Self, u64) -> (u64, Action)) -> Duration {
        let transactions = (0..ACTIONS)
            .map(|number| {
                let (signer, action) = make(self, number);
                self.sign(signer, action)
            })
            .collect();
        self.blocks(transactions)
    }
}

fn creditor(number: u64) -> u64 {
    (number + 50_000) % ACCOUNTS
}

fn shop(number: u64) -> u64 {
    (number + 1) % ACCOUNTS
}

type Kind = (&'static str, fn(&mut World) -> Duration);

/// A block of each kind, with what it needs made before and not counted.
const KINDS: &[Kind] = &[
    ("transfer", |world| {
        world.all(|world, number| {
            let leg = world.leg(number, currency());
            let action = Action::Transfer {
                from: leg.debtor,
                to: leg.creditor,
                currency: leg.currency,
                amount: leg.amount,
            };
            (number, action)
        })
    }),
    ("hold", |world| world.all(|world, number| (number, world.hold(number)))),
    ("post", |world| {
        world.follow(World::hold, |world, hold, number| SettlementAction::Post {
            hold,
            by: world.accounts[creditor(number) as usize],
            amount: None,
            keep_rest: false,
        })
    }),
    ("void", |world| {
        world.follow(World::hold, |world, hold, number| SettlementAction::Void {
            hold,
            by: world.accounts[creditor(number) as usize],
        })
    }),
    ("escrow", |world| {
        world.all(|world, number| (number, world.escrow(number)))
    }),
    ("claim", |world| {
        world.follow(World::escrow, |world, escrow, number| {
            SettlementAction::Claim(Claim {
                escrow,
                by: world.accounts[creditor(number) as usize],
                side: Side::Release,
                preimages: list(vec![Preimage([5; 32])]),
            })
        })
    }),
    ("allowance", |world| {
        world.all(|world, number| (number, world.allowance(number)))
    }),
    ("spend", |world| {
        world.follow(World::allowance, |world, allowance, number| {
            SettlementAction::Spend(Spend {
                allowance,
                holder: world.accounts[creditor(number) as usize],
                to: world.accounts[shop(number) as usize],
                amount: Amount(4),
            })
        })
    }),
    ("mandate", |world| {
        world.all(|world, number| (number, world.mandate(number)))
    }),
    ("collect", |world| {
        world.follow(World::mandate, |world, mandate, number| {
            SettlementAction::Collect(Collect {
                mandate,
                payee: world.accounts[creditor(number) as usize],
                amount: Amount(10),
                reference: Text::default(),
            })
        })
    }),
    ("request", |world| {
        world.all(|world, number| (number, world.request(number)))
    }),
    ("pay request", |world| {
        world.follow(World::request, |world, request, number| {
            SettlementAction::PayRequest(PayRequest {
                request,
                from: world.accounts[creditor(number) as usize],
                amount: Amount(10),
            })
        })
    }),
    ("revoke", |world| {
        world.follow(World::mandate, |world, contract, number| SettlementAction::Revoke {
            contract,
            by: world.accounts[creditor(number) as usize],
        })
    }),
    ("split to four", |world| {
        world.all(|world, number| {
            let shares = (1..=4).map(|step| Share {
                to: world.accounts[((number + step * 9_001) % ACCOUNTS) as usize],
                amount: Amount(10),
            });
            let split = Split {
                from: world.accounts[number as usize],
                currency: currency(),
                shares: Shares::Amounts(list(shares.collect())),
            };
            (number, Action::Settle(SettlementAction::Split(split)))
        })
    }),
    ("exchange", |world| {
        let quotes = world.quotes();
        world.all(|world, number| (number, world.exchange(number, &quotes, None)))
    }),
    ("exchange, held", |world| {
        let quotes = world.quotes();
        world.all(|world, number| {
            let parties = list(vec![world.accounts[creditor(number) as usize]]);
            let held = HeldExchange {
                deliver_to: parties[0],
                post_by: parties.clone(),
                void_by: parties,
                expires_at: world.in_seconds(60),
                fees: list(Vec::new()),
            };
            (number, world.exchange(number, &quotes, Some(held)))
        })
    }),
    ("withdraw a quote", |world| {
        let quotes = world.quotes();
        world.all(|world, number| {
            let withdraw = SettlementAction::WithdrawQuote {
                maker: world.accounts[ACCOUNTS as usize],
                id: quotes[number as usize].quote.id,
            };
            (ACCOUNTS, Action::Settle(withdraw))
        })
    }),
    ("offer", |world| {
        world.all(|world, number| (number, world.offer(number)))
    }),
    ("payment through a book", |world| {
        world.follow(World::offer, |world, _, number| {
            SettlementAction::PayPath(PathPayment {
                from: world.accounts[creditor(number) as usize],
                to: world.accounts[number as usize],
                path: list(vec![dollar(), currency()]),
                amount: PathAmount::SendExact {
                    send: Amount(10),
                    deliver_min: Amount(1),
                },
            })
        })
    }),
    ("prefund", |world| {
        let cycle = world.cycle();
        world.all(|world, number| (number % OPERATORS, world.prefund(cycle, number % OPERATORS)))
    }),
    ("oblige", |world| {
        let cycle = world.cycle();
        world.all(|world, number| (number % OPERATORS, world.prefund(cycle, number % OPERATORS)));
        world.all(|world, number| {
            let obligation = Obligation {
                cycle,
                debtor: world.accounts[(number % OPERATORS) as usize],
                creditor: world.accounts[((number + 1) % OPERATORS) as usize],
                currency: currency(),
                amount: Amount(10),
            };
            (number % OPERATORS, Action::Settle(SettlementAction::Oblige(obligation)))
        })
    }),
];

fn actions(c: &mut Criterion) {
    let mut world = World::new();
    let mut group = c.benchmark_group("one action");
    group.throughput(Throughput::Elements(ACTIONS));
    group.sample_size(20);
    for (name, block) in KINDS {
        group.bench_function(*name, |b| {
            b.iter_custom(|blocks| (0..blocks).map(|_| block(&mut world)).sum());
        });
    }
    group.finish();
}

/// A million holds that end in the same second: each block ends as many as it may, whatever else it does.
fn expiry(c: &mut Criterion) {
    let mut world = World::new();
    let expires_at = world.in_seconds(86_400);
    for first in (0..EXPIRING).step_by(8_192) {
        let transactions = (first..(first + 8_192).min(EXPIRING))
            .map(|number| {
                let leg = world.leg(number % ACCOUNTS, currency());
                let hold = Hold {
                    legs: list(vec![leg]),
                    expires_at,
                    post_by: list(vec![leg.creditor]),
                    void_by: list(vec![leg.creditor]),
                };
                world.sign(number % ACCOUNTS, Action::Settle(SettlementAction::Hold(hold)))
            })
            .collect();
        world.block(transactions);
    }
    let mut group = c.benchmark_group("a million holds end");
    group.sample_size(10);
    group.warm_up_time(Duration::from_millis(500));
    group.measurement_time(Duration::from_secs(2));
    let now = TimeMs(expires_at.0 * 1000 + 1);
    group.bench_function("execution of one block", |b| {
        b.iter_custom(|blocks| {
            let mut taken = Duration::ZERO;
            for _ in 0..blocks {
                let start = Instant::now();
                let (_, execution) = world.ledger.draft(now, world.proposer, &[], None);
                taken += start.elapsed();
                assert_eq!(execution.receipts.len(), SWEEP_MAX);
            }
            taken
        });
    });
    // Each block is of the same time: what is left of the million follows.
    let mut now = now;
    let mut block = |now: TimeMs| {
        let (_, execution) = world.ledger.draft(now, world.proposer, &[], None);
        let receipts = execution.receipts.len();
        let start = Instant::now();
        world.ledger.commit(execution);
        (start.elapsed(), receipts)
    };
    group.bench_function("commit of one block", |b| {
        b.iter_custom(|blocks| {
            let mut taken = Duration::ZERO;
            for _ in 0..blocks {
                now = TimeMs(now.0 + 1);
                let (commit, receipts) = block(now);
                assert_eq!(receipts, SWEEP_MAX);
                taken += commit;
            }
            taken
        });
    });
    // All others end, and a day later they are forgotten.
    loop {
        now = TimeMs(now.0 + 1);
        if block(now).1 == 0 {
            break;
        }
    }
    now = TimeMs(now.0 + 86_401_000);
    group.bench_function("commit of one block that forgets", |b| {
        b.iter_custom(|blocks| {
            let mut taken = Duration::ZERO;
            for _ in 0..blocks {
                now = TimeMs(now.0 + 1);
                taken += block(now).0;
            }
            taken
        });
    });
    group.finish();
}

/// The queue of a cycle of 20 operators in 5 currencies, of which most wait for each other.
fn netting(c: &mut Criterion) {
    let mut group = c.benchmark_group("resolve a queue of obligations");
    group.sample_size(10);
    for count in [1_000u64, 10_000, 100_000] {
        let mut number = 1u64;
        let mut below = |end: u64| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (number >> 33) % end
        };
        let account = |at: u64| AccountId([at as u8; 20]);
        let currencies: Vec<_> = (0..5)
            .map(|at| Currency::new(&format!("CU{at}")).expect("a code"))
            .collect();
        let queue: Vec<_> = (0..count)
            .map(|_| {
                let debtor = below(20);
                Obligation {
                    cycle: ContractId([0; 20]),
                    debtor: account(debtor),
                    creditor: account((debtor + 1 + below(19)) % 20),
                    currency: currencies[below(5) as usize],
                    amount: Amount(1 + below(10_000)),
                }
            })
            .collect();
        group.throughput(Throughput::Elements(count));
        group.bench_function(count.to_string(), |b| {
            b.iter(|| resolve(&mut Headroom::new(), &queue));
        });
    }
    group.finish();
}

criterion_group!(benches, actions, expiry, netting);
criterion_main!(benches);
