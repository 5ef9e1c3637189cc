//! An issuer's host over TCP: each message is decided once, also by a host that was started later.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use causeway_cards::iso8583::{Message, MessageType, Spec};
use causeway_contracts::identity::{AccountId, ParticipantId, Salt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Office, office};
use crate::{
    acquiring::host::{Outcome, Request, elements_of},
    service::{
        authorize::{self, Hosts, Permits},
        context::Gateway,
        issuing::{Declined, Permit},
        records::{
            accounts::{self, Account, AccountBody},
            authorizations::{self, State},
            jobs::{self, Kind},
        },
        run,
    },
    store::{Sql, StoreError},
};

/// Says the same of each card, and counts how often it was asked.
#[derive(Clone)]
struct Rules {
    answer: Result<Permit, Declined>,
    asked: Arc<AtomicUsize>,
    /// For so long the database has other things to write when they have answered.
    busy: Duration,
}

impl Permits for Rules {
    async fn permit(&self, gateway: &Gateway, _: &str, _: &Request, _: u64) -> Result<Permit, Declined> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if !self.busy.is_zero() {
            let (store, busy) = (gateway.store.clone(), self.busy);
            let (begun, begins) = tokio::sync::oneshot::channel();
            tokio::spawn(async move {
                let write = store.write::<_, StoreError, _>(move |_| {
                    begun.send(()).expect("it is waited for");
                    std::thread::sleep(busy);
                    Ok(())
                });
                write.await.expect("written");
            });
            begins.await.expect("it begins");
        }
        self.answer.clone()
    }
}

impl Rules {
    fn new(answer: Result<Permit, Outcome>) -> Self {
        Self {
            answer: answer.map_err(Declined::from),
            asked: Arc::default(),
            busy: Duration::ZERO,
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// Of the test network, which nobody can reach.
async fn issuer() -> Office {
    let plain = office("").await;
    let acquirer = plain.gateway.account_of(ParticipantId::new("BANKB").expect("an id"));
    let address = plain.gateway.address(acquirer);
    let section = format!(
        "[issuing]\nbin = '990000'\ntoken_bin = '990001'\nanswer_ms = 200\n\
         keys = {{ cards = 'a', devices = 'b', cvv = 'c', pin = 'd', pin_verification = 'e' }}\n\
         [[issuing.links]]\nname = 'bankb'\nlisten = '127.0.0.1:0'\nvariant = 'a'\nacquirer = 'BANKB'\n\
         account = '{address}'\n"
    );
    office(&section).await
}

async fn host(office: &Office, rules: &Rules) -> (Hosts, Line) {
    let hosts = authorize::start(&office.gateway, |_| rules.clone())
        .await
        .expect("a port");
    let line = Line::open(hosts.listen[0]).await;
    (hosts, line)
}

struct Line(TcpStream);

impl Line {
    async fn open(address: SocketAddr) -> Self {
        let mut line = Self(TcpStream::connect(address).await.expect("connected"));
        let sign_on = message(MessageType::NETWORK, &[(7, "1130011500"), (11, "900001"), (70, "001")]);
        assert_eq!(line.ask(&sign_on).await.text(39), Some("00"));
        line
    }

    async fn ask(&mut self, message: &Message) -> Message {
        let wire = Spec::a().to_bytes(message).expect("listed fields");
        let length = u16::try_from(wire.len()).expect("short").to_be_bytes();
        self.0.write_all(&[&length[..], &wire].concat()).await.expect("written");
        let mut answer = vec![0; usize::from(self.0.read_u16().await.expect("an answer"))];
        self.0.read_exact(&mut answer).await.expect("all of it");
        Spec::a().parse(&answer).expect("a message")
    }

    async fn code(&mut self, message: &Message) -> String {
        self.ask(message).await.text(39).expect("a code").to_owned()
    }
}

fn message(message_type: MessageType, fields: &[(u8, &str)]) -> Message {
    let mut message = Message::new(message_type);
    for (field, value) in fields {
        message.set(*field, value.as_bytes()).expect("short");
    }
    message
}

fn purchase(trace: &str, amount: &str) -> Message {
    let fields = [
        (2, "9900001234567894"),
        (3, "000000"),
        (4, amount),
        (7, "1130011500"),
        (11, trace),
        (12, "011500"),
        (13, "1130"),
        (37, "000000000001"),
        (41, "TERM0001"),
        (49, "978"),
    ];
    message(MessageType::FINANCIAL, &fields)
}

fn reversal(trace: &str, of: &Message) -> Message {
    let original = elements_of(of).to_field();
    let fields = [
        (7, "1130011600"),
        (11, trace),
        (12, "011600"),
        (13, "1130"),
        (41, "TERM0001"),
        (90, original.as_str()),
    ];
    message(MessageType::REVERSAL_ADVICE, &fields)
}

#[tokio::test]
async fn a_declined_card_stays_declined_for_the_hosts_that_come_later() {
    let office = issuer().await;
    let rules = Rules::new(Err(Outcome::StolenCard));
    let asked = purchase("000001", "000000001000");
    for _ in 0..2 {
        let (_hosts, mut line) = host(&office, &rules).await;
        assert_eq!(line.code(&asked).await, "43");
        assert_eq!(line.code(&asked).await, "43");
        assert_eq!(
            line.code(&purchase("000001", "000000001001")).await,
            "94",
            "other contents"
        );
        assert_eq!(line.code(&purchase("000002", "000000000000")).await, "13", "of nothing");
        assert_eq!(
            line.code(&reversal("000006", &asked)).await,
            "00",
            "there is nothing to undo"
        );
    }
    assert_eq!(rules.asked(), 1, "once for each message");
}

#[tokio::test]
async fn what_is_under_way_is_answered_before_the_hosts_stop() {
    let office = issuer().await;
    let rules = Rules {
        busy: Duration::from_millis(50),
        ..Rules::new(Err(Outcome::StolenCard))
    };
    let (hosts, mut line) = host(&office, &rules).await;
    let address = hosts.listen[0];
    let asked = tokio::spawn(async move { line.code(&purchase("000001", "000000001000")).await });
    while rules.asked() == 0 {
        tokio::task::yield_now().await;
    }
    hosts.stop().await;
    assert_eq!(asked.await.expect("an answer"), "43");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_reversal_before_its_original_declines_it_also_after_a_restart() {
    let office = issuer().await;
    let rules = Rules::new(Err(Outcome::StolenCard));
    let late = purchase("000003", "000000001000");
    {
        let (_hosts, mut line) = host(&office, &rules).await;
        assert_eq!(line.code(&reversal("000004", &late)).await, "25");
    }
    let (_hosts, mut line) = host(&office, &rules).await;
    assert_eq!(line.code(&late).await, "12");
    assert_eq!(
        line.code(&reversal("000004", &late)).await,
        "00",
        "there is nothing to undo"
    );
    assert_eq!(rules.asked(), 0);
}

/// A customer's, that is stored.
async fn account(office: &Office) -> AccountId {
    let id = AccountId([9; 20]);
    let address = office.gateway.address(id).to_string();
    let stored = office.gateway.store.write::<_, StoreError, _>(move |sql| {
        let account = Account {
            id: "acc_1".to_owned(),
            client: "c".to_owned(),
            customer: "cus_1".to_owned(),
            address,
            iban: None,
            opened: true,
            body: AccountBody {
                salt: Salt([1; 16]),
                name: "A".to_owned(),
                aliases: Vec::new(),
                external: false,
            },
        };
        accounts::add_account(sql, &account)
    });
    assert!(stored.await.expect("stored"));
    id
}

fn permitting(account: AccountId) -> Rules {
    Rules::new(Ok(Permit {
        card: "crd_1".to_owned(),
        account,
        chip_answer: None,
    }))
}

#[tokio::test]
async fn what_is_permitted_is_signed_with_it_and_is_anothers_when_its_lease_is_over() {
    let office = issuer().await;
    let gateway = &office.gateway;
    let rules = permitting(account(&office).await);
    // Nobody brings it on.
    let (_hosts, mut line) = host(&office, &rules).await;
    assert_eq!(line.code(&purchase("000006", "000000001000")).await, "91");
    let now_ms = gateway.now_ms();
    let claimed = |lease: &'static str, now_ms: u64| {
        let claim = move |sql: &mut dyn Sql| jobs::claim(sql, Kind::Authorization, lease, 10, now_ms);
        gateway.store.write::<_, StoreError, _>(claim)
    };
    assert_eq!(claimed("a", now_ms).await.expect("read"), []);
    let later = claimed("b", now_ms + jobs::LEASE_MS).await.expect("read").remove(0);
    let read = gateway
        .store
        .read::<_, StoreError, _>(move |sql| authorizations::any(sql, &later.id));
    let row = read.await.expect("read").expect("it is stored");
    assert_eq!((row.state, row.body.transactions.len()), (State::Pending, 1));
    assert!(row.intent.is_some());
}

#[tokio::test]
async fn what_is_stored_when_the_acquirer_waits_no_more_is_brought_on_at_once() {
    let office = issuer().await;
    let gateway = &office.gateway;
    let rules = Rules {
        busy: Duration::from_millis(600),
        ..permitting(account(&office).await)
    };
    let jobs = tokio::spawn(run::jobs(Arc::clone(gateway)));
    let (_hosts, mut line) = host(&office, &rules).await;
    let began_ms = gateway.now_ms();
    assert_eq!(line.code(&purchase("000007", "000000001000")).await, "91");
    let tried = async || {
        let read = gateway.store.read::<_, StoreError, _>(|sql| {
            let row = sql.query_one("SELECT lease_until_ms, attempts FROM jobs WHERE id LIKE 'aut_%'", &[])?;
            let row = row.expect("there is one");
            Ok((row.int(0)?, row.int(1)?))
        });
        read.await.expect("read")
    };
    // Nobody can reach the ledger: whoever brings it on gives it back, to be tried later.
    while tried().await != (0, 1) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(gateway.now_ms() < began_ms + jobs::LEASE_MS, "it is leased by nobody");
    }
    jobs.abort();
}

#[tokio::test]
async fn what_the_ledger_does_not_answer_in_time_is_91_and_goes_on() {
    let office = issuer().await;
    let gateway = &office.gateway;
    let account = account(&office).await;
    let jobs = tokio::spawn(run::jobs(Arc::clone(gateway)));
    let rules = permitting(account);
    let asked = purchase("000005", "000000001000");
    let mut intents = Vec::new();
    for _ in 0..2 {
        let (_hosts, mut line) = host(&office, &rules).await;
        assert_eq!(line.code(&asked).await, "91");
        let row = loop {
            let elements = format!("bankb/{}", elements_of(&asked).to_field());
            let read = gateway
                .store
                .read::<_, StoreError, _>(move |sql| authorizations::by_elements(sql, &elements));
            let row = read.await.expect("read").expect("it is stored");
            if row.intent.is_some() {
                break row;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(row.state, State::Pending);
        let text = format!("{row:?}");
        assert!(!text.contains("9900001234567894"), "no card number is stored");
        intents.push(row.intent);
    }
    assert_eq!(intents[0], intents[1], "what was signed is sent again");
    assert_eq!(rules.asked(), 1);
    jobs.abort();
}
