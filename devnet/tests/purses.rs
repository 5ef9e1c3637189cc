//! A currency is opened for purses on a real validator, once, however often a network is started.

mod common;

use std::os::unix::fs::PermissionsExt;

use causeway_contracts::{keys::SecretKey, money::Balance};
use causeway_devnet::services::{Service, issuers};
use causeway_node::keyfile;
use causeway_wallet::client::Client;

/// Past those of the other tests and of the demo.
const BASE_PORT: u16 = 33_700;

#[tokio::test(flavor = "multi_thread")]
async fn a_currency_is_opened_for_purses_once() {
    let dir = tempfile::tempdir().unwrap();
    let (_folder, network) = common::network(dir.path(), BASE_PORT);
    let fleet = common::start(&network).await;
    let client = Client::new(network.genesis.clone(), network.api_urls()).unwrap();
    for _ in 0..2 {
        issuers::open(&network, &client, &Service::OFFLINE).await.unwrap();
        let (fund, account) = (
            issuers::fund(&network, 0).unwrap(),
            issuers::account(&network, 0).unwrap(),
        );
        let key = network.seed.key(fund.operator.as_str());
        let view = client.account(&fund.id, &key).await.unwrap().unwrap();
        let [balance] = &view.balances[..] else {
            panic!("{view:?}");
        };
        assert_eq!(
            (balance.available, balance.held.0),
            (Balance::ZERO, issuers::GUARANTEE.0)
        );
        assert!(client.account(&account.id, &key).await.unwrap().is_some());

        let place = network.folder.service(Service::Issuer(0));
        let file = place.path().join(issuers::ACCOUNT_KEY);
        let read: SecretKey = keyfile::read(&file).unwrap();
        assert_eq!(read.public_key(), account.key.public_key());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(fleet.stop().await.unwrap().is_empty());
}
