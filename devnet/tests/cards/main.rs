//! Cards of a gateway of a devnet with one validator, from the terminal's message to the ledger: each message moves its
//! money once, whatever is repeated, reversed or killed.

#[path = "../common/banks.rs"]
mod banks;
#[path = "../common/mod.rs"]
mod common;
mod customer;
mod line;

use std::time::Duration;

use causeway_cards::iso8583::{Message, MessageType};
use causeway_contracts::identity::AccountId;
use causeway_devnet::{
    fleet::Fleet,
    network::Network,
    phone::Phone,
    services::{Service, Services, api::Api, configs::Settings},
};
use causeway_wallet::client::Client;
use nix::sys::signal::Signal;

use self::{
    banks::own_account,
    customer::{card, customer},
    line::{Line, Till},
};

/// Where free ports are looked for.
const BASE_PORT: u16 = 52_000;

const FUNDS: u64 = 50_000;

const GATEWAY: Service = Service::Gateway(0);

/// A message must be with the ledger when the gateway is killed, which no test can see from outside.
const KILLS_MAX: u32 = 5;

/// In euro cents: the cardholder's, of which some is held, the issuer's and the acquirer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Money {
    available: i128,
    held: i128,
    issuer: i128,
    acquirer: i128,
}

impl Money {
    /// After the cardholder has paid so much.
    fn paid(self, cents: i128) -> Self {
        Self {
            available: self.available - cents,
            acquirer: self.acquirer + cents,
            ..self
        }
    }

    fn holding(self, cents: i128) -> Self {
        Self {
            available: self.available - cents,
            held: self.held + cents,
            ..self
        }
    }
}

struct Town {
    network: Network,
    fleet: Fleet,
    services: Services,
    wallet: Client,
    api: Api,
    holder: AccountId,
    phone: Phone,
    till: Till,
    line: Line,
    _dir: tempfile::TempDir,
}

impl Town {
    /// A customer with [`FUNDS`], whose account's id comes with it.
    async fn new(base_port: u16) -> (Self, String) {
        let dir = tempfile::tempdir().unwrap();
        let (_folder, network) = common::network(dir.path(), base_port);
        let fleet = common::start(&network).await;
        let wallet = Client::new(network.genesis.clone(), network.api_urls()).unwrap();
        let settings = Settings {
            services: vec![GATEWAY],
            ..Settings::default()
        };
        let services = banks::start(&network, &settings).await;
        let api = Api::open(&network.folder.service(GATEWAY).client()).await.unwrap();
        let (holder, account) = customer(&network, &wallet, &api, FUNDS).await;
        let phone = card(&api, &account, "1000.00", "3000.00").await;
        let town = Self {
            line: Line::open(network.plan.base_port.cards()).await,
            network,
            fleet,
            services,
            wallet,
            api,
            holder,
            phone,
            till: Till::default(),
            _dir: dir,
        };
        (town, account)
    }

    async fn money(&self) -> Money {
        let balance = |account, participant| banks::balance(&self.network, &self.wallet, account, participant);
        let own = |participant| own_account(&self.network, participant);
        let (available, held) = balance(self.holder, "BANKA").await;
        Money {
            available,
            held,
            issuer: balance(own("BANKA"), "BANKA").await.0,
            acquirer: balance(own("BANKB"), "BANKB").await.0,
        }
    }

    fn tapped(&mut self, message_type: MessageType, cents: u64) -> Message {
        let tap = self.phone.tap(cents).unwrap();
        self.till.tapped(message_type, cents, &tap)
    }

    fn purchase(&mut self, cents: u64) -> Message {
        self.tapped(MessageType::FINANCIAL, cents)
    }

    fn pre_authorization(&mut self, cents: u64) -> Message {
        self.tapped(MessageType::AUTHORIZATION, cents)
    }

    /// Answered so, also when it is repeated, and with so much money afterwards.
    async fn check(&mut self, message: &Message, code: &str, money: Money) {
        let answer = self.line.ask(message).await;
        assert_eq!(answer.text(39), Some(code), "{}", message.masked());
        assert_eq!(self.money().await, money, "{}", message.masked());
        let again = self.line.ask(message).await;
        assert_eq!((again.text(39), again.text(38)), (answer.text(39), answer.text(38)));
        assert_eq!(self.money().await, money, "repeated: {}", message.masked());
    }

    /// While the message is with a ledger that says nothing, as far as can be told.
    async fn kill_during(&mut self, message: &Message) -> String {
        self.fleet.signal(0, Signal::SIGSTOP).unwrap();
        self.line.send(message).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.services.kill(GATEWAY).await.unwrap();
        self.fleet.signal(0, Signal::SIGCONT).unwrap();
        self.services.restart(GATEWAY).unwrap();
        self.services.wait_healthy().await.unwrap();
        self.line = Line::open(self.network.plan.base_port.cards()).await;
        self.line.code(message).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_move_money_once_and_reversals_move_it_back() {
    let (mut town, account) = Town::new(BASE_PORT).await;
    let mut money = town.money().await;
    assert_eq!(money.available, i128::from(FUNDS));

    let purchase = town.purchase(1_000);
    money = money.paid(1_000);
    town.check(&purchase, "00", money).await;
    let answer = town.line.ask(&purchase).await;
    assert!(answer.has(38) && answer.get(55).is_some_and(|data| data.starts_with(&[0x91])));
    let tap = town.phone.tap(1_001).unwrap();
    let first = town.till.tapped(MessageType::FINANCIAL, 1_001, &tap);
    money = money.paid(1_001);
    town.check(&first, "00", money).await;
    let replayed = town.till.tapped(MessageType::FINANCIAL, 1_001, &tap);
    town.check(&replayed, "63", money).await;
    let mut forged = town.phone.tap(1_002).unwrap();
    let last = forged.de55.len() - 1;
    let at = forged.de55.windows(3).position(|it| it == [0x9f, 0x26, 8]);
    forged.de55[at.map_or(last, |at| at + 3)] ^= 1;
    let forged = town.till.tapped(MessageType::FINANCIAL, 1_002, &forged);
    assert_eq!(town.line.code(&forged).await, "63");
    let locked = town.phone.tap_as_it_is(5_000).unwrap();
    let locked = town.till.tapped(MessageType::FINANCIAL, 5_000, &locked);
    town.check(&locked, "65", money).await;
    let more_than_there_is = town.purchase(60_000);
    town.check(&more_than_there_is, "51", money).await;

    let hold = town.pre_authorization(3_000);
    town.check(&hold, "00", money.holding(3_000)).await;
    let over = town.till.completion(&hold, 3_001);
    town.check(&over, "13", money.holding(3_000)).await;
    let completion = town.till.completion(&hold, 1_234);
    money = money.paid(1_234);
    town.check(&completion, "00", money).await;
    let second = town.till.completion(&hold, 1);
    town.check(&second, "12", money).await;
    let voided = town.pre_authorization(2_000);
    town.check(&voided, "00", money.holding(2_000)).await;
    let reversal = town.till.reversal(&voided);
    town.check(&reversal, "00", money).await;

    // The acquirer has it, and gives it back by its mandate.
    let undone = town.purchase(1_500);
    town.check(&undone, "00", money.paid(1_500)).await;
    let reversal = town.till.reversal(&undone);
    town.check(&reversal, "00", money).await;
    let refund = town.till.refund(&purchase, 400);
    money = money.paid(-400);
    town.check(&refund, "00", money).await;
    let too_much = town.till.refund(&purchase, 601);
    town.check(&too_much, "13", money).await;

    let late = town.purchase(1_700);
    let early = town.till.reversal(&late);
    assert_eq!(town.line.code(&early).await, "25");
    town.check(&late, "12", money).await;

    // What is reversed uses nothing of the day's limit.
    town.phone = card(&town.api, &account, "20.00", "20.00").await;
    for makes in [Town::purchase, Town::pre_authorization] {
        let message = makes(&mut town, 2_000);
        assert_eq!(town.line.code(&message).await, "00");
        let reversal = town.till.reversal(&message);
        town.check(&reversal, "00", money).await;
    }
    let purchase = town.purchase(2_000);
    money = money.paid(2_000);
    town.check(&purchase, "00", money).await;
    let purchase = town.purchase(1);
    town.check(&purchase, "65", money).await;
    banks::reconcile(&town.services, GATEWAY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_gateway_goes_on_with_what_it_was_asked_and_does_it_once() {
    let (mut town, _) = Town::new(BASE_PORT + 3_000).await;
    let mut money = town.money().await;
    // Of a payment that was looked at when the gateway was killed there is nothing; those with the ledger go on.
    let mut paid = None;
    for _ in 0..KILLS_MAX {
        let purchase = town.purchase(1_000);
        match &*town.kill_during(&purchase).await {
            "00" => {
                paid = Some(purchase);
                break;
            }
            code => assert_eq!(code, "91"),
        }
    }
    let paid = paid.expect("one that was with the ledger");
    money = money.paid(1_000);
    town.check(&paid, "00", money).await;
    let reversal = town.till.reversal(&paid);
    assert_eq!(town.kill_during(&reversal).await, "00");
    money = money.paid(-1_000);
    town.check(&reversal, "00", money).await;
    banks::reconcile(&town.services, GATEWAY).await;
}
