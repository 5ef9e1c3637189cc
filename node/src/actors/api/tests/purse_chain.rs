//! Purses in euro: Alice's and Bob's, on a chain.

use causeway_contracts::{
    codec::{Bounded, Text},
    identity::ParticipantId,
    keys::SecretKey,
    ledger::receipt::Outcome,
    money::Amount,
    offline::{
        action::{OfflineAction, Testimony},
        field::Fixed,
        ids::{
            AccountHash, CurrencyIndex, Epoch, Id16, KeyId, ListVersion, LoadCounter, MessageId, Nonce16, PurseId,
            RequestSeq, RevocationEntry, Seq, Serial,
        },
        issuer::KeyRole,
        messages::{
            Beacon, Certificate, Class, Grant, LoadRequest, LotPart, Receipt, ReceiptStatus, Redeem, Request,
            RevocationDelta, Spend, Transfer, Void,
        },
        revocation::RevocationList,
        signed::{Body, Signed},
    },
    transaction::{Action, SignedTransaction, Transaction},
};

use super::chain::{ALICE, BANK, BOB, Chain, EURO_ISSUER, account, euro, key, unsigned};

pub const INDEX: CurrencyIndex = CurrencyIndex(1);

/// The seed of the service's key for a role.
pub fn service(role: KeyRole) -> u8 {
    60 + role as u8
}

pub fn purse(owner: u8) -> PurseId {
    PurseId([owner; 8])
}

pub fn signed<M: Body>(body: M, key: &SecretKey) -> Signed<M> {
    Signed::sign(body, key).expect("a sound message")
}

/// By the purse of an owner.
pub fn by_purse<M: Body>(owner: u8, body: M) -> Signed<M> {
    signed(body, &key(100 + owner))
}

fn by_service<M: Body>(role: KeyRole, body: M) -> Signed<M> {
    signed(body, &key(service(role)))
}

fn kid(role: KeyRole) -> KeyId {
    KeyId::of(&key(service(role)).public_key())
}

fn bounded<T: std::fmt::Debug, const MAX: usize>(items: Vec<T>) -> Bounded<T, MAX> {
    Bounded::new(items).expect("few enough")
}

/// The payee's request of that number.
pub fn request(payee: u8, seq: u32) -> Request {
    Request {
        payee: purse(payee),
        nonce: Nonce16([1; 16]),
        seq: RequestSeq(seq),
        amount: Amount(600),
        epoch: Epoch(0),
        list_version: ListVersion(0),
        flags: Fixed,
        memo: Text::default(),
    }
}

pub fn receipt(seq: u32, transfer: &Transfer) -> Receipt {
    Receipt {
        payee: transfer.payee,
        seq: RequestSeq(seq),
        transfer: transfer.id(),
        status: ReceiptStatus::Accepted,
    }
}

pub fn void(payee: u8, seq: u32) -> Void {
    Void {
        payee: purse(payee),
        seq: RequestSeq(seq),
        request: request(payee, seq).id(),
    }
}

/// A chain with purses, which counts its transactions.
pub struct PurseChain {
    pub chain: Chain,
    nonce: u64,
}

impl PurseChain {
    /// No currency is open for purses.
    pub fn closed() -> Self {
        Self {
            chain: Chain::new(8),
            nonce: 0,
        }
    }

    /// With keys of the service, and a purse of each.
    pub async fn new() -> Self {
        let mut it = Self::closed();
        let open = OfflineAction::OpenCurrency {
            currency: euro(),
            fund: account(&it.chain.hash, BOB),
        };
        it.must(open, &[EURO_ISSUER, BOB]).await;
        for role in [KeyRole::Certificate, KeyRole::Grant, KeyRole::Beacon] {
            it.set_key(service(role), role).await;
        }
        for owner in [ALICE, BOB] {
            it.register(owner).await;
        }
        it
    }

    pub fn hour(&self) -> Epoch {
        Epoch::at(self.chain.ledger.tip().time_ms)
    }

    fn transaction(&mut self, action: OfflineAction, seeds: &[u8]) -> SignedTransaction {
        self.nonce += 1;
        let transaction = Transaction {
            actions: bounded(vec![Action::Offline(Box::new(action))]),
            ..unsigned(&self.chain.hash, self.nonce)
        };
        let keys: Vec<_> = seeds.iter().map(|seed| key(*seed)).collect();
        transaction.sign(&keys).expect("few signatures")
    }

    /// Commits it alone, and gives it as it was committed.
    pub async fn must(&mut self, action: OfflineAction, seeds: &[u8]) -> SignedTransaction {
        let transaction = self.transaction(action, seeds);
        let block = self.chain.commit(vec![transaction.clone()]).await;
        assert_eq!(block.receipts[0].outcome, Outcome::Applied, "{transaction:?}");
        transaction
    }

    pub async fn set_key(&mut self, seed: u8, role: KeyRole) {
        let set = OfflineAction::SetServiceKey {
            currency: euro(),
            key: key(seed).public_key(),
            role,
        };
        self.must(set, &[EURO_ISSUER]).await;
    }

    pub async fn withdraw_key(&mut self, seed: u8) {
        let withdraw = OfflineAction::WithdrawServiceKey {
            currency: euro(),
            key: KeyId::of(&key(seed).public_key()),
        };
        self.must(withdraw, &[EURO_ISSUER]).await;
    }

    pub fn certificate(&self, owner: u8) -> Signed<Certificate> {
        let certificate = Certificate {
            issuer: kid(KeyRole::Certificate),
            purse: purse(owner),
            key: key(100 + owner).public_key(),
            currency: INDEX,
            class: Class::PERSON,
            not_before: self.hour(),
            not_after: Epoch(self.hour().0 + 14 * 24),
            payment_max: Amount(50_000),
            balance_max: Amount(200_000),
            paid_max: Amount(200_000),
            payments_max: 50,
            hops_max: 4,
            serial: Serial(1),
        };
        by_service(KeyRole::Certificate, certificate)
    }

    async fn register(&mut self, owner: u8) {
        let register = OfflineAction::RegisterPurse {
            operator: ParticipantId::new("BANK").unwrap(),
            owner: account(&self.chain.hash, owner),
            certificate: self.certificate(owner),
        };
        self.must(register, &[BANK]).await;
    }

    /// Loads a purse, and gives what the grant for it has to say.
    pub async fn load(&mut self, owner: u8, counter: u32, amount: u64) -> Grant {
        let body = LoadRequest {
            purse: purse(owner),
            load_counter: LoadCounter(counter),
            amount: Amount(amount),
            currency: INDEX,
            nonce: Nonce16([7; 16]),
        };
        let load = OfflineAction::Load {
            account: account(&self.chain.hash, owner),
            request: by_purse(owner, body),
        };
        let transaction = self.must(load, &[owner]).await;
        Grant {
            issuer: kid(KeyRole::Grant),
            load: Id16(*transaction.id().0.first_chunk().unwrap()),
            purse: purse(owner),
            load_counter: LoadCounter(counter),
            amount: Amount(amount),
            currency: INDEX,
            epoch: self.hour(),
            expiry: Epoch(self.hour().0 + 30 * 24),
        }
    }

    pub async fn grant(&mut self, body: &Grant) -> Signed<Grant> {
        let grant = by_service(KeyRole::Grant, body.clone());
        let action = OfflineAction::Grant {
            by: account(&self.chain.hash, BOB),
            grant: grant.clone(),
        };
        self.must(action, &[BOB]).await;
        grant
    }

    /// Of this hour, after the list's first delta has named one purse.
    pub async fn beacon_of_one(&mut self, revoked: PurseId) -> Signed<Beacon> {
        let entries = vec![RevocationEntry::purse(revoked)];
        let list = RevocationList::new(ListVersion(1), self.hour(), entries).expect("one entry");
        let body = Beacon {
            issuer: kid(KeyRole::Beacon),
            epoch: self.hour(),
            list_version: list.version(),
            list_root: list.root(),
        };
        let beacon = by_service(KeyRole::Beacon, body);
        let action = OfflineAction::Beacon {
            by: account(&self.chain.hash, BOB),
            beacon: beacon.clone(),
        };
        self.must(action, &[BOB]).await;
        beacon
    }

    /// Leads from the version before to this one.
    pub async fn revoke(&mut self, version: u32, id: PurseId) -> Signed<RevocationDelta> {
        let body = RevocationDelta {
            issuer: kid(KeyRole::Beacon),
            version: ListVersion(version),
            previous: ListVersion(version - 1),
            epoch: self.hour(),
            entries: bounded(vec![RevocationEntry::purse(id)]),
        };
        let delta = by_service(KeyRole::Beacon, body);
        let action = OfflineAction::AddRevocations {
            by: account(&self.chain.hash, BOB),
            delta: delta.clone(),
        };
        self.must(action, &[BOB]).await;
        delta
    }

    pub async fn testify(&mut self, messages: Vec<Testimony>) {
        let action = OfflineAction::Testify {
            by: account(&self.chain.hash, BOB),
            messages: bounded(messages),
        };
        self.must(action, &[BOB]).await;
    }

    fn spend(&self, hop: u8, lot: Id16, amount: u64) -> Spend {
        Spend {
            amount: Amount(amount),
            currency: INDEX,
            hop,
            expiry: Epoch(self.hour().0 + 30 * 24),
            epoch: self.hour(),
            lots: bounded(vec![LotPart {
                lot,
                amount: Amount(amount),
            }]),
        }
    }

    /// Alice's, of 600 of a load, for Bob's request of that number.
    pub fn transfer(&self, seq: u32, load: &Grant, asked: u32) -> Transfer {
        Transfer {
            payer: purse(ALICE),
            seq: Seq(seq),
            previous: MessageId::NONE,
            payee: purse(BOB),
            request: request(BOB, asked).id(),
            spend: self.spend(1, load.load, 600),
        }
    }

    /// Bob redeems what he was paid.
    pub async fn redeem(&mut self, seq: u32, paid: &Transfer, amount: u64) -> MessageId {
        let account = account(&self.chain.hash, BOB);
        let body = Redeem {
            payer: purse(BOB),
            seq: Seq(seq),
            previous: MessageId::NONE,
            payee: Fixed,
            account: AccountHash::of(&account),
            spend: self.spend(2, paid.id().short(), amount),
        };
        let id = body.id();
        let redeem = by_purse(BOB, body);
        self.must(OfflineAction::Redeem { account, redeem }, &[BOB]).await;
        id
    }
}
