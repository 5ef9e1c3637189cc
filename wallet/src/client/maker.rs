//! Asking a liquidity provider for a quote. Its word binds it alone: what the ledger does by the quote is in the quote,
//! and the taker looks at that before using it.

use causeway_contracts::{
    identity::Address,
    money::Currency,
    settlement::{Rate, SignedQuote},
};
use serde::{Deserialize, Serialize};

use super::{
    Client, ClientError, check_node_address,
    http::{self, CallError},
};

/// Of an answer; a quote in JSON has less than 3 KiB.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// What `POST /v1/quotes` of a maker takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuoteRequest {
    /// Who alone will be able to use it.
    pub taker: Address,
    pub sell: Currency,
    pub buy: Currency,
    /// In the sold currency what is sent, without the fee; in the bought one what arrives.
    pub amount: Money,
}

/// An amount in major units, such as "12.50".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    pub value: String,
    pub currency: Currency,
}

/// What it answers, as far as a taker uses it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct QuoteAnswer {
    pub quote: SignedQuote,
    /// The reference rate that it says it has made the quote from.
    pub mid: Rate,
}

/// Why there is no quote.
#[derive(Debug, thiserror::Error)]
pub enum MakerError {
    #[error(transparent)]
    Address(#[from] ClientError),
    #[error("the maker at {maker}: {source}")]
    Call {
        maker: String,
        #[source]
        source: CallError,
    },
}

impl Client {
    /// Asks the maker at this address, such as http://127.0.0.1:27500.
    pub async fn quote(&self, maker: &str, request: &QuoteRequest) -> Result<QuoteAnswer, MakerError> {
        check_node_address(maker)?;
        let url = format!("{}/v1/quotes", maker.trim_end_matches('/'));
        let post = self.http.post(url).json(request);
        let answer = http::call(post, http::REQUEST_TIMEOUT, ANSWER_BYTES_MAX).await;
        answer.map_err(|source| MakerError::Call {
            maker: maker.to_owned(),
            source,
        })
    }
}
