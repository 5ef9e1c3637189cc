//! Remittances between the two gateways of a devnet with one validator, by their APIs: through every state, and along every
//! edge of the table in `gateway/src/remittance/state.rs` that requests can lead along.

mod cases;
#[path = "../common/mod.rs"]
mod common;
mod copies;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    future::pending,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use causeway_contracts::{
    identity::{Address, ParticipantId, ReasonCode},
    money::{Amount, Currency},
    transaction::{Action, FreezeScope},
};
use causeway_devnet::{
    fleet::Lifetime,
    folder::Folder,
    network::Network,
    services::{
        self, Programs, Service, Services,
        api::{Api, text},
        configs::{ListFiles, QUOTE_SECONDS, Settings},
    },
    teller::Teller,
};
use causeway_wallet::client::Client;
use futures::future::{join_all, try_join_all};
use indicatif::ProgressBar;
use serde_json::json;

use cases::{Case, Do, LISTED, PAYEES, Role};
use common::program;
use copies::Copies;

/// Where free ports are looked for.
const BASE_PORT: u16 = 48_000;

/// The least that a gateway holds money for.
const HOLD_SECONDS: u32 = 30;

/// Of the 27 in the table, all but two:
///
/// - `info_required -> paying_out` and `compliance_hold of the beneficiary -> paying_out` are what a copy does when the
///   ledger has a payment that the other operator has not said it was free to make. An honest gateway pays only what is
///   reserved by its own copy, and says first that a question was answered or a hold released: facts are told in order.
///   The gateway's own tests of that table have both.
const EDGES: &str = "\
awaiting_funds -> cancelled
awaiting_funds -> compliance_hold of the sender
awaiting_funds -> expired
awaiting_funds -> failed
awaiting_funds -> reserved
compliance_hold of the beneficiary -> cancelled
compliance_hold of the beneficiary -> expired
compliance_hold of the beneficiary -> refunded
compliance_hold of the beneficiary -> reserved
compliance_hold of the sender -> awaiting_funds
compliance_hold of the sender -> cancelled
compliance_hold of the sender -> expired
compliance_hold of the sender -> failed
info_required -> cancelled
info_required -> expired
info_required -> refunded
info_required -> reserved
paying_out -> completed
paying_out -> returned
reserved -> cancelled
reserved -> compliance_hold of the beneficiary
reserved -> expired
reserved -> info_required
reserved -> paying_out
reserved -> refunded";

#[tokio::test(flavor = "multi_thread")]
async fn a_remittance_goes_along_every_edge_that_requests_lead_along() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, network) = common::network(dir.path(), BASE_PORT);
    let fleet = common::start(&network).await;
    let settings = Settings {
        hold_seconds: HOLD_SECONDS,
        screening: vec![list(dir.path())],
        ..Settings::default()
    };
    let programs = Programs {
        gateway: program("causeway-gateway"),
        wallet: program("causeway"),
    };
    let services = Services::start(&network, programs, Lifetime::Ours, &settings, pending())
        .await
        .unwrap();
    let began = Instant::now();
    let town = Town::make(&network).await;
    // Makers do not know what they promised before they were started.
    tokio::time::sleep(Duration::from_secs(QUOTE_SECONDS + 1).saturating_sub(began.elapsed())).await;

    let cases = cases::all();
    let walked = join_all(cases.iter().map(|case| town.walk(case))).await;
    let edges: BTreeSet<_> = walked.into_iter().flatten().collect();
    assert_eq!(edges.into_iter().collect::<Vec<_>>().join("\n"), EDGES);

    let anna = town
        .outgoing
        .get(&format!("/v1/accounts/{}", town.senders["anna"]))
        .await
        .unwrap();
    for balance in anna["balances"].as_array().unwrap() {
        let held = text(balance, "/held/value").unwrap();
        assert_eq!(
            held.trim_matches(['0', '.']),
            "",
            "nothing is held for what has ended: {anna}"
        );
    }
    check_commands(&folder, &network);
    drop((services, fleet));
}

/// What runs is shown, stopped and deleted by the commands for it.
fn check_commands(folder: &Folder, network: &Network) {
    let run = |command: &str| {
        let mut devnet = Command::new(env!("CARGO_BIN_EXE_causeway-devnet"));
        let output = devnet.arg(command).arg("--dir").arg(folder.path()).output().unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = run("status");
    for service in Service::REMITTANCE {
        let line = shown.lines().find(|line| line.starts_with(&service.name())).unwrap();
        let url = service.url(network.plan.base_port);
        assert!(line.contains(" up ") && line.contains(&url), "{shown}");
    }
    for index in [0, 1] {
        let gateway = network.folder.service(Service::Gateway(index));
        for secret in [gateway.client(), gateway.admin()] {
            assert_eq!(fs::metadata(secret).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
    let stopped = run("down");
    assert_eq!(stopped, "1 validators and 4 services stopped cleanly\n");
    assert!(services::running(&network.folder).unwrap().is_empty());
    assert_eq!(run("down"), "nothing was running\n");
    run("reset");
    assert!(!folder.path().exists());
}

/// A sanctions list in OFAC's form with one invented name.
fn list(dir: &Path) -> ListFiles {
    let files = ListFiles {
        name: "devnet".to_owned(),
        parties: dir.join("SDN.CSV"),
        aliases: dir.join("ALT.CSV"),
    };
    let empty = "-0- ,".repeat(9);
    fs::write(&files.parties, format!("1,\"{LISTED}\",{empty}-0- \r\n")).unwrap();
    fs::write(&files.aliases, "").unwrap();
    files
}

/// Customers of both banks, and those who speak for them.
struct Town {
    outgoing: Api,
    incoming: Api,
    officers: BTreeMap<Role, Api>,
    /// Ids of accounts: one with money, one without, and one that is frozen.
    senders: BTreeMap<&'static str, String>,
}

impl Town {
    async fn make(network: &Network) -> Self {
        let gateway = |index| network.folder.service(Service::Gateway(index));
        let open = async |path: PathBuf| Api::open(&path).await.unwrap();
        let mut town = Self {
            outgoing: open(gateway(0).client()).await,
            incoming: open(gateway(1).client()).await,
            officers: BTreeMap::from([
                (Role::SendersOfficer, open(gateway(0).admin()).await),
                (Role::PayeesOfficer, open(gateway(1).admin()).await),
            ]),
            senders: BTreeMap::new(),
        };
        let client = Client::new(network.genesis.clone(), network.api_urls()).unwrap();
        let teller = Teller::new(network, &client);
        let (bank, euro) = (ParticipantId::new("BANKA").unwrap(), Currency::new("EUR").unwrap());
        let bar = ProgressBar::hidden();
        for name in ["anna", "poor", "frozen"] {
            let customer = json!({ "party": { "name": name, "address": { "town": "Berlin", "country": "DE" } } });
            let customer = town.outgoing.post("/v1/customers", &customer).await.unwrap();
            let address: Address = text(&customer, "/accounts/0/address").unwrap().parse().unwrap();
            let id = text(&customer, "/accounts/0/id").unwrap().to_owned();
            town.senders.insert(name, id);
            if name != "poor" {
                teller
                    .fund(bank, euro, &[address.account], Amount(100_000), &bar)
                    .await
                    .unwrap();
            }
            if name == "frozen" {
                let freeze = Action::Freeze {
                    by: bank,
                    account: address.account,
                    scope: FreezeScope::Account,
                    reason: ReasonCode(7),
                };
                teller.act(bank, &[freeze], &bar).await.unwrap();
            }
        }
        let made = PAYEES.iter().map(async |payee| {
            let customer = json!({
                "party": { "name": payee.name },
                "aliases": [{ "kind": payee.kind, "value": payee.alias }],
                "external": payee.external,
            });
            town.incoming.post("/v1/customers", &customer).await
        });
        try_join_all(made).await.unwrap();
        town
    }

    /// Sends a remittance, does what the case says, and gives the edges that its two copies went along.
    async fn walk(&self, case: &Case) -> Vec<String> {
        let quote = json!({
            "account": self.senders[case.from],
            "source": { "currency": "EUR", "value": "10.00" },
            "target": { "currency": "THB" },
        });
        let quote = self.outgoing.post("/v1/quotes", &quote).await.unwrap();
        let payee = PAYEES.iter().find(|payee| payee.alias == case.to).unwrap();
        let order = json!({
            "quote": quote["id"],
            "beneficiary": {
                "party": { "name": payee.name },
                "account": { payee.kind: payee.alias },
                "operator": "BANKB",
            },
        });
        let sent = self.outgoing.post("/v1/remittances", &order).await.unwrap();
        let copies = Copies {
            town: self,
            case: case.name,
            id: text(&sent, "/id").unwrap(),
            uetr: text(&sent, "/uetr").unwrap(),
        };
        for step in &case.steps {
            match step {
                Do::Sees(role, state) => drop(copies.wait(*role, state).await),
                Do::Posts(role, what, body) => copies.post(*role, what, body).await,
            }
        }
        let (here, there) = case.ends;
        let mut edges = copies.wait(Role::Sender, here).await;
        if let Some(there) = there {
            edges.extend(copies.wait(Role::Payee, there).await);
        } else {
            assert_eq!(
                copies.find(Role::Payee).await,
                None,
                "{}: nobody was to hear of it",
                case.name
            );
        }
        edges
    }
}
