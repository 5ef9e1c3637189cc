//! A card's PIN, and its whole number. Neither request has a key: what is sent is in no table, and what is answered is
//! kept nowhere.

use std::sync::Arc;

use causeway_cards::crypto::{cvv::CardData, pin::Pin};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;
use zeroize::{Zeroize, Zeroizing};

use super::{blocking, change, find, issuing, opened, view, wrong_state};
use crate::{
    acquiring::{
        hsm::PinScheme,
        issuer::{CardStatus, PIN_TRIES},
    },
    service::{
        call::{Call, Reply},
        context::Gateway,
        problem::Problem,
    },
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PinRequest {
    /// Four to twelve digits.
    #[schema(pattern = "^[0-9]{4,12}$")]
    pin: String,
}

impl Drop for PinRequest {
    fn drop(&mut self) {
        self.pin.zeroize();
    }
}

fn digits<S: Serializer>(digits: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(digits)
}

/// What is printed on a card.
#[derive(Serialize, ToSchema)]
pub struct RevealedView {
    pub id: String,
    /// `card_number`
    pub object: &'static str,
    /// All digits.
    #[schema(value_type = String)]
    #[serde(serialize_with = "digits")]
    number: Zeroizing<String>,
    /// YYMM
    expiry: String,
    psn: String,
    #[schema(value_type = String)]
    #[serde(serialize_with = "digits")]
    cvv2: Zeroizing<String>,
}

pub fn check_pin(call: &Call) -> Result<(), Problem> {
    pin_request(call).map(drop)
}

fn pin_request(call: &Call) -> Result<PinRequest, Problem> {
    call.secret_json("the text pin")
}

/// Sets the PIN, and gives back its tries
///
/// Without an `Idempotency-Key`: the PIN that was sent last counts.
#[utoipa::path(post, path = "/v1/cards/{id}/pin", params(("id" = String, Path)), request_body = PinRequest,
    responses((status = 200, body = super::CardView)))]
pub async fn pin(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let request = pin_request(call)?;
    let pin = Pin::new(&request.pin).map_err(|_| Problem::field("pin", "it is 4 to 12 digits"))?;
    let stored = find(gateway, call).await?;
    let (issuing, hsm) = issuing(gateway)?;
    let number = opened(gateway, &stored.card.id, &stored.number)?;
    let key = issuing.keys.pin_verification.clone();
    let reference = blocking(move || hsm.pin_reference(&key, PinScheme::Ibm3624, &pin, &number));
    let reference = reference.await?.to_string();
    let changed = change(gateway, call, move |card| {
        if !matches!(card.status, CardStatus::Active | CardStatus::Blocked) {
            return Err(wrong_state(card));
        }
        card.pin = Some(reference);
        card.pin_tries_left = PIN_TRIES;
        Ok(())
    });
    Ok(Reply::ok(&view(gateway, &changed.await?)?))
}

/// The whole number, for whoever makes the card or shows it to its holder
///
/// It has a scope of its own, and is logged.
#[utoipa::path(post, path = "/v1/cards/{id}/reveal", params(("id" = String, Path)),
    request_body = crate::service::api::remittances::NothingRequest, responses((status = 200, body = RevealedView)))]
pub async fn reveal(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let stored = find(gateway, call).await?;
    let (issuing, hsm) = issuing(gateway)?;
    let card = &stored.card;
    if card.status != CardStatus::Active {
        return Err(wrong_state(card));
    }
    let number = opened(gateway, &card.id, &stored.number)?;
    let (key, pan, date) = (issuing.keys.cvv.clone(), number.clone(), card.expiry.month_first());
    let cvv2 = blocking(move || {
        let card = CardData {
            pan: &pan,
            date: &date,
            service: "000",
        };
        hsm.cvv(&key, card)
    });
    let cvv2 = cvv2.await?;
    tracing::info!(
        card = card.id,
        client = call.client().id,
        "a card's number was revealed"
    );
    let revealed = RevealedView {
        id: card.id.clone(),
        object: "card_number",
        expiry: card.expiry.to_string(),
        psn: format!("{:02}", card.sequence),
        cvv2,
        number,
    };
    Ok(Reply::ok(&revealed).secret())
}
