//! Configurations as they are written; `docs/maker.md`, the gateway's `config.rs` and `docs/offline.md` say what is in them.

use std::{collections::BTreeMap, net::SocketAddr};

use serde::Serialize;

use super::ListFiles;
use crate::services::cards::Mandates;

#[derive(Serialize)]
pub struct GatewayText<'a> {
    pub operator: &'a str,
    pub wallet: &'a str,
    pub operator_key: &'a str,
    pub custody_key: &'a str,
    pub listen: SocketAddr,
    pub public_url: String,
    pub database: &'a str,
    pub bic: &'a str,
    pub test_mode: bool,
    pub makers: Vec<String>,
    pub hold_seconds: u32,
    pub operators: Vec<OperatorText<'a>>,
    pub fees: BTreeMap<&'a str, FeeText<'a>>,
    pub webhooks: WebhooksText,
    pub screening: &'a [ListFiles],
    pub acquiring: AcquiringText,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuing: Option<IssuingText<'a>>,
    pub limits: LimitsText,
}

#[derive(Serialize)]
pub struct OperatorText<'a> {
    pub id: &'a str,
    pub url: String,
    pub bic: &'a str,
}

#[derive(Serialize)]
pub struct FeeText<'a> {
    pub fixed: &'a str,
    pub bp: u16,
}

#[derive(Serialize)]
pub struct WebhooksText {
    pub allow: Vec<SocketAddr>,
}

/// What is absent is as its defaults are.
#[derive(Serialize)]
pub struct AcquiringText {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteText>,
}

#[derive(Serialize)]
pub struct RouteText {
    pub name: &'static str,
    pub address: SocketAddr,
    pub variant: &'static str,
    pub bins: [&'static str; 2],
    pub acquirer_id: &'static str,
    pub answer_ms: u64,
}

#[derive(Serialize)]
pub struct IssuingText<'a> {
    pub bin: &'static str,
    pub token_bin: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_ms: Option<u64>,
    pub hsm: HsmText,
    /// By what each is for.
    pub keys: BTreeMap<&'static str, &'static str>,
    pub links: [LinkText<'a>; 1],
}

#[derive(Serialize)]
pub struct HsmText {
    pub kind: &'static str,
    pub file: &'static str,
    pub key_file: &'static str,
}

#[derive(Serialize)]
pub struct LinkText<'a> {
    pub name: &'static str,
    pub listen: SocketAddr,
    pub variant: &'static str,
    pub acquirer: &'static str,
    pub account: String,
    pub mandates: &'a Mandates,
}

#[derive(Serialize)]
pub struct LimitsText {
    pub requests_per_second: u32,
    pub burst: u32,
}

#[derive(Serialize)]
pub struct MakerText<'a> {
    pub wallet: &'a str,
    pub account: &'a str,
    pub listen: SocketAddr,
    pub spread_bp: u16,
    pub valid_seconds: u64,
    pub hold_seconds_max: u32,
    pub rates: RatesText<'a>,
    pub sell: BTreeMap<&'a str, SellText<'a>>,
}

#[derive(Serialize)]
pub struct RatesText<'a> {
    pub files: [&'a str; 1],
    pub days_max: u16,
    pub pegs: [PegText; 1],
}

#[derive(Serialize)]
pub struct PegText {
    pub currency: &'static str,
    pub to: &'static str,
    pub rate: &'static str,
}

#[derive(Serialize)]
pub struct SellText<'a> {
    pub min: &'a str,
    pub max: &'a str,
    pub fee: &'a str,
}

#[derive(Serialize)]
pub struct IssuerText {
    pub listen: SocketAddr,
    pub genesis: &'static str,
    pub nodes: Vec<String>,
    pub currency: &'static str,
    pub account: String,
    pub account_key: &'static str,
    pub certificate_key: &'static str,
    pub grant_key: &'static str,
    pub beacon_key: &'static str,
    pub state: &'static str,
    #[serde(rename = "operator")]
    pub operators: Vec<IssuerOperatorText>,
}

/// For whom it registers purses.
#[derive(Serialize)]
pub struct IssuerOperatorText {
    pub id: &'static str,
    pub key: String,
}
