//! Following a remittance by the address that its sender was given.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::{
    remittance::{Remittance, state::State},
    service::{
        call::{Call, Reply},
        context::Gateway,
        problem::Problem,
        records::remittances,
        track,
    },
    store::StoreError,
};

/// Of a token.
const TOKEN_BYTES: usize = 16;

async fn find(gateway: &Gateway, token: &str) -> Result<Option<Remittance>, Problem> {
    let token = BASE64_URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
    if token.len() != TOKEN_BYTES {
        return Ok(None);
    }
    let hash = Sha256::digest(&token);
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| remittances::tracked(sql, &hash))
        .await?;
    Ok(found)
}

fn shown(status: u16, html: String) -> Reply {
    let mut reply = Reply::of("text/html; charset=utf-8", html);
    reply.status = status;
    reply
        .headers
        .push(("content-security-policy", track::SECURITY_POLICY.to_owned()));
    reply.headers.push(("x-robots-tag", "noindex".to_owned()));
    reply
}

/// A page for people.
pub async fn page(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let token = call.parameter("token");
    Ok(match find(gateway, token).await? {
        Some(remittance) => shown(200, track::remittance(&remittance, &gateway.exponents, token)?),
        None => shown(404, track::unknown()),
    })
}

/// The proof of its payment, as a file.
pub async fn proof(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let found = find(gateway, call.parameter("token")).await?;
    let posting = found
        .filter(|remittance| remittance.state() == State::Completed)
        .and_then(|remittance| Some((remittance.ledger.posting?, remittance.id)));
    let proof = match posting {
        Some((posting, id)) => {
            gateway
                .store
                .read::<_, StoreError, _>(move |sql| remittances::proof(sql, &posting.to_string(), &id))
                .await?
        }
        None => None,
    };
    let proof = proof.ok_or_else(|| Problem::not_found("proof"))?;
    let mut reply = Reply::of("application/json", proof);
    let name = "attachment; filename=\"proof.json\"".to_owned();
    reply.headers.push(("content-disposition", name));
    Ok(reply)
}
