//! Sealed links over TCP, of a gateway that is an issuer and of one that is an acquirer, each as it is configured.

use std::{net::SocketAddr, time::Duration};

use causeway_cards::{
    crypto::{
        key::TdesKey,
        tr31::{Attributes, Header, RANDOM_BYTES, wrap},
    },
    iso8583::{Message, MessageType, Spec},
};
use causeway_contracts::identity::ParticipantId;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use super::*;
use crate::{
    acquiring::{
        host::{
            Outcome, Request,
            key::offer,
            line::{Arrival, Dialect, LinkDialect, SealError},
        },
        hsm::Purpose,
        link_key::{
            LinkKey, ModuleKey,
            tests::{PROTECTION, link_key, module, name, put},
        },
        pin_keys::PinKeys,
    },
    service::{
        authorize::{self, Hosts, Permits},
        issuing::{Declined, Permit},
    },
};

/// Declines every card, as one that was stolen.
struct Stolen;

impl Permits for Stolen {
    async fn permit(&self, _: &Gateway, _: &str, _: &Request, _: u64) -> Result<Permit, Declined> {
        Err(Outcome::StolenCard.into())
    }
}

const MAC: [u8; 16] = [1; 16];

/// A link for each variant, with keys of its own.
async fn issuer() -> Office {
    let plain = office("").await;
    let acquirer = plain.gateway.account_of(ParticipantId::new("BANKB").expect("an id"));
    let address = plain.gateway.address(acquirer);
    let links: String = ["a", "b"]
        .map(|variant| {
            format!(
                "[[issuing.links]]\nname = 'link-{variant}'\nlisten = '127.0.0.1:0'\nvariant = '{variant}'\n\
                 acquirer = 'BANKB'\naccount = '{address}'\nmac_key = 'mac-{variant}'\nwrapping_key = 'kbpk'\n\
                 pin_key = 'zpk-{variant}'\n"
            )
        })
        .concat();
    office_with(&format!("{}{MODULE}{links}", cards::ISSUING), |hsm| {
        for variant in ["a", "b"] {
            link_key(hsm, &format!("mac-{variant}"), MAC);
            put(hsm, &format!("zpk-{variant}"), Purpose::Pin, &[0x23; 16]);
        }
    })
    .await
}

async fn hosts(office: &Office) -> Hosts {
    let started = authorize::start(&office.gateway, |_: Arc<PinKeys>| Stolen).await;
    started.expect("ports and keys")
}

/// An acquirer's own program on one connection.
struct Line {
    stream: TcpStream,
    spec: &'static Spec,
    traces: u32,
}

impl Line {
    async fn open(address: SocketAddr, spec: &'static Spec) -> Self {
        let stream = TcpStream::connect(address).await.expect("connected");
        Self {
            stream,
            spec,
            traces: 0,
        }
    }

    fn network(&mut self, code: &str) -> Message {
        let mut message = Message::new(MessageType::NETWORK);
        message.set(70, code.as_bytes()).expect("short");
        self.numbered(message)
    }

    fn numbered(&mut self, mut message: Message) -> Message {
        self.traces += 1;
        message.set(7, b"1130011500").expect("short");
        message
            .set(11, format!("{:06}", self.traces).as_bytes())
            .expect("short");
        message
    }

    fn purchase(&mut self) -> Message {
        let mut message = Message::new(MessageType::FINANCIAL);
        let fields = [
            (2, "9900001234567894"),
            (3, "000000"),
            (4, "000000001000"),
            (12, "011500"),
            (13, "1130"),
            (37, "000000000001"),
            (41, "TERM0001"),
            (49, "978"),
        ];
        for (field, value) in fields {
            message.set(field, value.as_bytes()).expect("short");
        }
        self.numbered(message)
    }

    /// The answer's code, if the answer is sealed with the key.
    async fn ask(&mut self, message: Message, key: Option<&ModuleKey>) -> String {
        let link = |key: Option<&ModuleKey>| {
            let mac_keys = key.into_iter().cloned().collect();
            let spec = self.spec;
            LinkDialect::new(Dialect { spec, mac_keys })
        };
        let wire = link(key).write(None, message).await.expect("listed fields");
        self.exchange(&wire, key).await
    }

    async fn exchange(&mut self, wire: &[u8], key: Option<&ModuleKey>) -> String {
        let length = u16::try_from(wire.len()).expect("short").to_be_bytes();
        self.stream
            .write_all(&[&length[..], wire].concat())
            .await
            .expect("written");
        let mut answer = vec![0; usize::from(self.stream.read_u16().await.expect("an answer"))];
        self.stream.read_exact(&mut answer).await.expect("all of it");
        let mac_keys = key.into_iter().cloned().collect();
        let mut link = LinkDialect::new(Dialect {
            spec: self.spec,
            mac_keys,
        });
        match link.read(crate::acquiring::host::LineId(0), &answer, 0).await {
            Arrival::Message(message) => message.text(39).expect("a code").to_owned(),
            Arrival::Refused(_, Outcome::AuthenticationFailed) => "unsealed".to_owned(),
            other => panic!("{other:?}"),
        }
    }
}

fn specs(hosts: &Hosts) -> [(SocketAddr, &'static Spec); 2] {
    [(hosts.listen[0], Spec::a()), (hosts.listen[1], Spec::b())]
}

/// A key of these bytes in a block, as one who does not know its wrapping key may have recorded it.
fn recorded(usage: &str, mode_of_use: &str, key: &[u8]) -> String {
    let attributes = Attributes {
        version: "D",
        usage,
        algorithm: "T",
        mode_of_use,
        key_version: "00",
        exportability: "N",
    };
    let header = Header::new(attributes).expect("a header");
    wrap(&PROTECTION, &header, key, None, &[1; RANDOM_BYTES]).expect("a block")
}

/// The other side's module: the same keys by other names.
fn theirs() -> (LinkKey, tempfile::TempDir) {
    let (hsm, folder) = module();
    (link_key(&hsm, "theirs", MAC), folder)
}

#[actix_web::test]
async fn a_sealed_link_answers_sealed_messages_and_no_others() {
    let office = issuer().await;
    let hosts = hosts(&office).await;
    let (key, _folder) = theirs();
    let good = &key.generations().expect("a key")[0];
    put(&key.hsm, "wrong", Purpose::Mac, &[2; 16]);
    let wrong = ModuleKey::new(Arc::clone(&key.hsm), name("wrong"));
    for (address, spec) in specs(&hosts) {
        let mut line = Line::open(address, spec).await;
        let sign_on = line.network("001");
        // The answer to what is not sealed, or wrongly, is sealed as all are.
        let bare = spec.to_bytes(&sign_on).expect("listed fields");
        assert_eq!(line.exchange(&bare, Some(good)).await, "63");
        assert_eq!(line.ask(sign_on.clone(), Some(&wrong)).await, "unsealed");
        assert_eq!(line.ask(sign_on, Some(good)).await, "00");
        let purchase = line.purchase();
        let bare = spec.to_bytes(&purchase).expect("listed fields");
        assert_eq!(line.exchange(&bare, Some(good)).await, "63");
        // What was not believed is not remembered either.
        assert_eq!(line.ask(purchase, Some(good)).await, "43");
        let altered = line.purchase();
        let mac_keys = vec![good.clone()];
        let sealed: Result<Vec<u8>, SealError> =
            LinkDialect::new(Dialect { spec, mac_keys }).write(None, altered).await;
        let mut sealed = sealed.expect("listed fields");
        let last = sealed.len() - 1;
        sealed[last] ^= 1;
        assert_eq!(line.exchange(&sealed, Some(good)).await, "63");
    }
}

#[actix_web::test]
async fn a_host_takes_a_new_key_and_has_it_after_a_restart() {
    let office = issuer().await;
    let (key, _folder) = theirs();
    let old = key.generations().expect("a key").remove(0);
    for at in [0, 1] {
        let (new, block) = key.share().expect("a key");
        {
            let hosts = hosts(&office).await;
            let (address, spec) = specs(&hosts)[at];
            let mut line = Line::open(address, spec).await;
            let sign_on = line.network("001");
            assert_eq!(line.ask(sign_on, Some(&old)).await, "00");
            for (block, code) in [
                (block.replace("M3", "M1"), "63"),
                ("no block".to_owned(), "30"),
                (block, "00"),
            ] {
                let offered = line.numbered(offer(&block).expect("short"));
                assert_eq!(line.ask(offered, Some(&old)).await, code, "{block}");
            }
            let echo = line.network("301");
            assert_eq!(
                line.ask(echo, Some(&old)).await,
                "00",
                "the old one is good until the new one is heard"
            );
        }
        let hosts = hosts(&office).await;
        let (address, spec) = specs(&hosts)[at];
        let mut line = Line::open(address, spec).await;
        let sign_on = line.network("001");
        assert_eq!(line.ask(sign_on, Some(&new)).await, "00");
        let purchase = line.purchase();
        assert_eq!(line.ask(purchase, Some(&new)).await, "43");
        let echo = line.network("301");
        assert_eq!(line.ask(echo, Some(&old)).await, "00", "for a while");
    }
}

/// Of the link's keys for codes or PIN blocks, in the issuer's module.
fn generations(office: &Office, base: &str) -> usize {
    let names = office.gateway.hsm.as_ref().expect("a module").names().expect("names");
    names.iter().filter(|name| name.as_str().starts_with(base)).count()
}

#[actix_web::test]
async fn an_offer_that_comes_again_has_one_effect_and_a_key_that_was_replaced_does_not_come_back() {
    let office = issuer().await;
    let (key, _folder) = theirs();
    let old = key.generations().expect("a key").remove(0);
    for (at, base) in ["mac-a", "mac-b"].into_iter().enumerate() {
        let (new, block) = key.share().expect("a key");
        let mut offered = offer(&block).expect("short");
        // Also when the host does not remember the first.
        for message_type in [MessageType::NETWORK, MessageType::NETWORK.repeat()] {
            let hosts = hosts(&office).await;
            let (address, spec) = specs(&hosts)[at];
            let mut line = Line::open(address, spec).await;
            let sign_on = line.network("001");
            assert_eq!(line.ask(sign_on, Some(&old)).await, "00");
            offered = line.numbered(offered);
            offered.set_message_type(message_type);
            for _ in 0..2 {
                assert_eq!(line.ask(offered.clone(), Some(&old)).await, "00");
            }
            until("one effect", || generations(&office, base) == 2).await;
        }
        let hosts = hosts(&office).await;
        let (address, spec) = specs(&hosts)[at];
        let mut line = Line::open(address, spec).await;
        let sign_on = line.network("001");
        assert_eq!(line.ask(sign_on, Some(&new)).await, "00");
        let (_, other) = key.share().expect("a key");
        let first = recorded("M3", "C", &MAC);
        for (block, by, code) in [
            (&first, &old, "63"),
            (&first, &new, "94"),
            (&block, &new, "94"),
            (&other, &old, "63"),
            (&other, &new, "00"),
        ] {
            let offered = line.numbered(offer(block).expect("short"));
            assert_eq!(line.ask(offered, Some(by)).await, code, "{} {block}", by.name());
        }
        assert_eq!(generations(&office, base), 3);
    }
}

#[actix_web::test]
async fn a_key_for_pin_blocks_is_taken_on_the_link_that_has_its_own() {
    let office = issuer().await;
    let hosts = hosts(&office).await;
    let (key, _folder) = theirs();
    let mac = &key.generations().expect("a key")[0];
    put(&key.hsm, "zpk", Purpose::Pin, &[0x23; 16]);
    let zpk = LinkKey {
        name: name("zpk"),
        purpose: Purpose::Pin,
        ..key.clone()
    };
    for (address, spec) in specs(&hosts) {
        let mut line = Line::open(address, spec).await;
        let sign_on = line.network("001");
        assert_eq!(line.ask(sign_on, Some(mac)).await, "00");
        let (_, pin_block) = zpk.share().expect("a key");
        let (_, mac_block) = key.share().expect("a key");
        let current = recorded("P0", "B", &[0x23; 16]);
        for (block, code) in [(mac_block, "30"), (current, "94"), (pin_block, "00")] {
            let mut offered = line.network("101");
            offered.set(48, block.as_bytes()).expect("short");
            assert_eq!(line.ask(offered, Some(mac)).await, code);
        }
    }
    let names = office.gateway.hsm.as_ref().expect("a module").names().expect("names");
    assert!(
        names.contains(&name("zpk-a.1")) && names.contains(&name("zpk-b.1")),
        "{names:?}"
    );
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if is_so() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come");
}

/// With a route to each of these addresses.
async fn acquirer(routes: &[(&str, SocketAddr)]) -> Office {
    let routes: String = routes
        .iter()
        .map(|(variant, address)| {
            format!(
                "[[acquiring.routes]]\nname = 'to-{variant}'\naddress = '{address}'\nvariant = '{variant}'\n\
                 bins = ['99000{}']\nacquirer_id = '1'\nmac_key = 'route-{variant}'\nwrapping_key = 'kbpk'\n",
                variant.len() + usize::from(*variant == "b")
            )
        })
        .collect();
    office_with(&format!("[acquiring]\n{MODULE}{routes}"), |hsm| {
        for variant in ["a", "b"] {
            link_key(hsm, &format!("route-{variant}"), MAC);
        }
    })
    .await
}

async fn change(office: &Office, route: &str, key: &str) -> (u16, Value) {
    let (_, token) = office.client(&[Scope::Admin]).await;
    let path = format!("/v1/card-routes/{route}/mac-key");
    answered(
        &office.app().await,
        Ask::new("POST", &path).by(&token).once(key, json!({})).request(),
    )
    .await
}

fn is_signed_on(office: &Office, route: &str) -> bool {
    let link = office.gateway.card_routes.link(route);
    link.is_some_and(|link| link.status().is_signed_on)
}

#[actix_web::test]
async fn two_gateways_change_the_key_of_their_link_and_both_have_the_new_one() {
    let issuer = issuer().await;
    let hosts = hosts(&issuer).await;
    let routes = [("a", hosts.listen[0]), ("b", hosts.listen[1])];
    let acquirer = acquirer(&routes).await;
    acquirer.gateway.card_routes.start().expect("keys");
    for (variant, _) in routes {
        let route = format!("to-{variant}");
        until("the link", || is_signed_on(&acquirer, &route)).await;
        let (status, changed) = change(&acquirer, &route, "k").await;
        assert_eq!((status, &changed["route"]), (200, &json!(route)), "{changed}");
        let hsm = issuer.gateway.hsm.as_ref().expect("a module");
        let there = hsm
            .check_value(&name(&format!("mac-{variant}.1")))
            .expect("the new key");
        assert_eq!(changed["check_value"], json!(hex::encode_upper(there)));
        let old = TdesKey::new(&MAC).expect("16 bytes").check_value();
        assert_ne!(there, old);
        // The link goes on with it, and then without the one before.
        let link = acquirer.gateway.card_routes.link(&route).expect("begun");
        let mut echo = Message::new(MessageType::NETWORK);
        echo.set(70, b"301").expect("short");
        let heard = link.request(echo.clone()).await.expect("an answer");
        hsm.delete(&name(&format!("mac-{variant}"))).expect("the old key");
        let alone = link.request(echo).await.expect("an answer");
        assert_eq!((heard.text(39), alone.text(39)), (Some("00"), Some("00")));
        let again = change(&acquirer, &route, "again").await;
        assert_eq!(again.0, 200, "{}", again.1);
        assert_ne!(again.1["check_value"], changed["check_value"]);
    }
}

#[actix_web::test]
async fn a_key_that_cannot_be_changed_says_why() {
    let issuer = issuer().await;
    let hosts = hosts(&issuer).await;
    let refused = |answer: (u16, Value)| (answer.0, answer.1["code"].as_str().unwrap_or_default().to_owned());
    let acquirer = acquirer(&[("a", hosts.listen[0])]).await;
    let down = refused(change(&acquirer, "to-a", "down").await);
    assert_eq!(down, (503, "2009".to_owned()));
    assert_eq!(refused(change(&acquirer, "to-x", "x").await), (404, "1014".to_owned()));
    acquirer.gateway.card_routes.start().expect("keys");
    until("the link", || is_signed_on(&acquirer, "to-a")).await;
    // Another wrapping key than the issuer's: the block is not believed, and the old key stays.
    let hsm = issuer.gateway.hsm.as_ref().expect("a module");
    hsm.delete(&name("kbpk")).expect("a key");
    put(hsm, "kbpk", Purpose::Wrapping, &[8; 16]);
    let (status, told) = change(&acquirer, "to-a", "other").await;
    assert_eq!((status, &told["code"]), (409, &json!("3026")), "{told}");
    assert_eq!(told["detail"], json!("the issuer declined it with 63"));
    hsm.delete(&name("kbpk")).expect("a key");
    put(hsm, "kbpk", Purpose::Wrapping, &PROTECTION);
    assert_eq!(change(&acquirer, "to-a", "again").await.0, 200);
    // A key without one to wrap it stays what it is.
    let plain = super::orders::shop_with(
        "[[acquiring.routes]]\nname = \"plain\"\naddress = \"127.0.0.1:1\"\nvariant = \"b\"\nbins = [\"990001\"]\nacquirer_id = \"1\"\n",
    )
    .await;
    assert_eq!(
        refused(change(&plain.office, "plain", "k").await),
        (409, "3026".to_owned())
    );
}

#[actix_web::test]
async fn a_gateway_without_a_key_that_it_names_does_not_start() {
    let office = issuer().await;
    office
        .gateway
        .hsm
        .as_ref()
        .expect("a module")
        .delete(&name("mac-b"))
        .expect("a key");
    let failed = authorize::start(&office.gateway, |_: Arc<PinKeys>| Stolen).await;
    let told = failed.err().expect("refused");
    let source = std::error::Error::source(&told).expect("why").to_string();
    assert_eq!(
        told.to_string(),
        "issuing.links.link-b: a key that the configuration names"
    );
    assert_eq!(source, "there is no key `mac-b`");
}
