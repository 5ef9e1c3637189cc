//! The clients of each gateway that are there from the start, with their secrets in files.

use anyhow::Context;
use causeway_gateway::{
    oauth::{Scope, Scopes},
    service::{clients, run},
    store::Store,
};
use causeway_wallet::clock;
use serde::{Deserialize, Serialize};

use super::{
    Service,
    configs::{Settings, public_url},
};
use crate::{folder, network::Network};

/// What a client knows: `client.json` and `admin.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Credentials {
    pub client_id: String,
    pub client_secret: String,
    /// The gateway's base URL.
    pub api: String,
}

/// Makes each gateway's database and clients, if they are not there.
pub async fn make(network: &Network, settings: &Settings) -> anyhow::Result<()> {
    for &service in &settings.services {
        let Service::Gateway(index) = service else { continue };
        let folder = network.folder.service(service);
        let config = folder.config();
        run::migrate(&config).await.with_context(|| service.name())?;
        let store = run::database(&config).await.with_context(|| service.name())?;
        let clients = Scope::ALL.into_iter().filter(|scope| *scope != Scope::Admin);
        let kinds = [
            (folder.client(), "devnet", clients.collect::<Scopes>()),
            (folder.admin(), "officer", Scope::ALL.into_iter().collect()),
        ];
        for (path, name, scopes) in kinds {
            let known = match path.exists() {
                true => {
                    let text = folder::read(&path)?;
                    serde_json::from_str(&text).with_context(|| path.display().to_string())?
                }
                false => add(&store, name, &scopes).await?,
            };
            let credentials = Credentials {
                // It may have moved.
                api: public_url(network, index, settings),
                ..known
            };
            folder::write_secret(&path, &serde_json::to_string_pretty(&credentials)?)?;
        }
    }
    Ok(())
}

async fn add(store: &Store, name: &str, scopes: &Scopes) -> anyhow::Result<Credentials> {
    let made = clients::add(store, name.to_owned(), scopes, None, None, clock::now_ms().0).await?;
    Ok(Credentials {
        client_id: made.id,
        client_secret: made.secret.to_string(),
        api: String::new(),
    })
}
