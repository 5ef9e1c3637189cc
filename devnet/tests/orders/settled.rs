//! The merchant that a devnet has: it is there once however often the network starts, and the file of what it is paid agrees
//! with the ledger to the unit.

use causeway_contracts::{
    identity::{AccountId, Address},
    ledger::receipt::Outcome,
    money::Amount,
    transaction::{Action, TxId},
};
use causeway_devnet::{
    folder,
    network::Network,
    services::{
        Service, Services,
        api::{Api, text},
        configs::Settings,
        merchant::{GATEWAY, Merchant},
    },
    teller::Teller,
};
use causeway_wallet::{client::Client, payment};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::{
    LOOKS,
    banks::{self, eur, euro, id, own_account},
    common,
};

const BASE_PORT: u16 = 49_600;

/// In cents, of which each leaves 0.10 and 1.5 % rounded down.
const PAID: [u64; 2] = [1_000, 333];
const FEES: u64 = 25 + 14;
const REFUNDED: u64 = 250;

struct Books {
    wallet: Client,
    network: Network,
    api: Api,
    officer: Api,
    merchant: Merchant,
}

impl Books {
    fn bank(&self, participant: &str) -> AccountId {
        own_account(&self.network, participant)
    }

    async fn available(&self, account: AccountId) -> i128 {
        banks::balance(&self.network, &self.wallet, account, "BANKB").await.0
    }

    async fn becomes(&self, path: &str, state: &str) -> Value {
        for _ in 0..LOOKS {
            let now = self.api.get(path).await.unwrap();
            if now["state"] == state {
                return now;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("{}", self.api.get(path).await.unwrap());
    }

    /// An order that the other bank pays from its own account.
    async fn sell(&self, cents: u64) -> String {
        let amount = eur(&format!("{}.{:02}", cents / 100, cents % 100));
        let order = json!({ "merchant": self.merchant.merchant, "terminal": self.merchant.terminal, "amount": amount });
        let order = self.api.post("/v1/orders", &order).await.unwrap();
        let to: Address = text(&order, "/pay_to").unwrap().parse().unwrap();
        let payment = payment::Payment {
            from: self.bank("BANKA"),
            to: to.account,
            currency: euro(),
            amount: Amount(cents),
            memo: payment::memo(text(&order, "/memo").unwrap().to_owned()).unwrap(),
        };
        let key = self.network.seed.key("BANKA");
        let signed = payment.sign(self.wallet.genesis(), &key).unwrap();
        assert_eq!(self.wallet.submit(&signed).await.unwrap().1.outcome, Outcome::Applied);
        let path = format!("/v1/orders/{}", text(&order, "/id").unwrap());
        self.becomes(&path, "paid").await;
        path
    }

    /// What a transaction has brought into the acquirer's account, in cents.
    async fn brought(&self, transaction: &str) -> i128 {
        let id: TxId = transaction.parse().unwrap();
        let (proof, verified) = self.wallet.proof(&id).await.unwrap().expect("it is on the ledger");
        assert_eq!(verified.outcome, Outcome::Applied);
        let own = self.bank("BANKB");
        let moved = proof.transaction.transaction.actions.iter().map(|action| match action {
            Action::Transfer { to, amount, .. } if *to == own => i128::from(amount.0),
            Action::Transfer { from, amount, .. } if *from == own => -i128::from(amount.0),
            other => panic!("{other:?}"),
        });
        moved.sum()
    }

    /// Each line's amount is what its transaction has brought; its net, in cents.
    async fn check_line(&self, line: &csv::StringRecord) -> i128 {
        let cents = |column: usize| line[column].replace('.', "").parse::<i128>().unwrap();
        let amount = if &line[0] == "payout" { cents(7) } else { cents(5) };
        assert_eq!(self.brought(&line[8]).await, amount, "{line:?}");
        cents(7)
    }
}

async fn start(network: &Network) -> Services {
    let settings = Settings {
        services: vec![Service::Gateway(0), Service::Gateway(1)],
        ..Settings::default()
    };
    banks::start(network, &settings).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_devnets_merchant_is_there_once_and_its_file_agrees_with_the_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let (_folder, network) = common::network(dir.path(), BASE_PORT);
    let fleet = common::start(&network).await;
    let place = network.folder.service(GATEWAY);
    let made = || [place.merchant(), network.folder.mandates()].map(|path| folder::read(&path).unwrap());
    let services = start(&network).await;
    let first = made();
    services.stop().await.unwrap();
    let services = start(&network).await;
    assert_eq!(made(), first, "a second start makes nothing anew");

    let books = Books {
        wallet: Client::new(network.genesis.clone(), network.api_urls()).unwrap(),
        api: Api::open(&place.client()).await.unwrap(),
        officer: Api::open(&place.admin()).await.unwrap(),
        merchant: Merchant::read(&place).unwrap(),
        network,
    };
    let all = books.api.get("/v1/merchants").await.unwrap();
    assert_eq!(all["data"].as_array().map(Vec::len), Some(1), "{all}");
    let teller = Teller::new(&books.network, &books.wallet);
    let issue = Action::Issue {
        currency: euro(),
        to: books.bank("BANKA"),
        amount: Amount(10_000),
    };
    teller.act(id("CBEUR"), &[issue], &ProgressBar::hidden()).await.unwrap();
    let before = books.available(books.bank("BANKB")).await;

    let order = books.sell(PAID[0]).await;
    books.sell(PAID[1]).await;
    let refund = json!({ "amount": eur("2.50") });
    books.api.post(&format!("{order}/refunds"), &refund).await.unwrap();
    books.becomes(&order, "partially_refunded").await;
    let settle = format!("/v1/merchants/{}/settle", books.merchant.merchant);
    let made = books.officer.post(&settle, &json!({})).await.unwrap();
    let (mut net, mut lines) = (0, 0);
    for settlement in made["data"].as_array().unwrap() {
        let path = format!("/v1/settlements/{}", text(settlement, "/id").unwrap());
        books.becomes(&path, "paid").await;
        let file = books.api.get_bytes(&format!("{path}/file.csv")).await.unwrap();
        for line in csv::Reader::from_reader(&file[..]).records() {
            net += books.check_line(&line.unwrap()).await;
            lines += 1;
        }
    }
    // Two captures, a refund and the payout.
    assert_eq!((net, lines), (0, 4));
    let payout: Address = books.merchant.payout_address.parse().unwrap();
    let paid_out = PAID.iter().sum::<u64>() - FEES - REFUNDED;
    assert_eq!(books.available(payout.account).await, i128::from(paid_out));
    let after = books.available(books.bank("BANKB")).await;
    assert_eq!(after - before, i128::from(FEES), "what is left is the fees");
    drop((services, fleet));
}
