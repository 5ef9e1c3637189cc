//! From a configuration to a running maker.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
};

use causeway_contracts::money::Currency;
use causeway_wallet::{
    client::ClientError,
    home::{Home, HomeError},
    keystore::KeystoreError,
};

use super::{
    config::{ConfigError, MakerFile},
    desk::Holder,
    promises::Promises,
    quoter::{Quoter, Signer},
    service::{Parts, serve},
};

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the wallet")]
    Home(#[from] HomeError),
    #[error("the account's key")]
    Key(#[from] KeystoreError),
    #[error("cannot ask the network for currency {currency}")]
    Currency {
        currency: Currency,
        #[source]
        source: Box<ClientError>,
    },
    #[error("cannot serve on {listen}")]
    Serve {
        listen: SocketAddr,
        #[source]
        source: io::Error,
    },
}

/// Serves until the process is told to stop. `ready` is told the address once it listens.
pub async fn run(config: &Path, passphrase: &str, ready: impl FnOnce(SocketAddr)) -> Result<(), RunError> {
    let file = MakerFile::read(config)?;
    let listen = file.listen;
    let wrong = |source| RunError::Serve { listen, source };
    // Before anything is opened or begun that a port which is taken would have to undo.
    let listener = TcpListener::bind(listen).map_err(wrong)?;
    let rates = file.rates.load()?;
    let home = Home::open(&file.wallet)?;
    let entry = home.account(Some(&file.account))?;
    let key = home.keystore().open(&entry.key, passphrase)?.signing_key();
    let client = home.client()?;
    let mut exponents = BTreeMap::new();
    let named: BTreeSet<_> = rates.currencies().chain(file.sell.keys().copied()).collect();
    for currency in named {
        // Not all that have a rate are on this network.
        let found = client.currency(currency).await.map_err(|source| RunError::Currency {
            currency,
            source: Box::new(source),
        })?;
        if let Some(record) = found {
            exponents.insert(currency, record.exponent);
        }
    }
    let terms = file.terms(|currency| exponents.get(&currency).copied())?;
    let account = entry.address.account;
    let parts = Parts {
        quoter: Quoter {
            signer: Signer {
                genesis: client.genesis().prefix(),
                account,
                key: key.clone(),
            },
            terms,
            rates,
            exponents,
            promises: Promises::default(),
        },
        prefix: client.prefix(),
        holder: Holder { client, account, key },
        files: file.rates,
        listener,
    };
    let (server, address) = serve(parts).map_err(wrong)?;
    ready(address);
    server.await.map_err(wrong)
}
