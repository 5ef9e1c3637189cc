//! Errors of the API: problem details (RFC 9457) with a code of four digits, by one table.

use causeway_wallet::client::ClientError;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::currencies::ASK_EVERY;
use crate::{
    money::{DigitsUnknown, MoneyFault},
    store::StoreError,
};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal $word:literal $status:literal $title:literal;)*) => {
        /// What went wrong: 1xxx the request, 2xxx this gateway and those it needs, 3xxx the state of things, 4xxx
        /// the payer, 5xxx the payee, 6xxx compliance.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Number, word, HTTP status and title.
            pub const fn row(self) -> (&'static str, &'static str, u16, &'static str) {
                match self { $(Self::$name => ($number, $word, $status, $title),)* }
            }
        }
    };
}

codes! {
    BodyMalformed = "1001" "body_malformed" 400 "The body is not as it should be";
    BodyTooLarge = "1002" "body_too_large" 413 "The body is too long";
    NotJson = "1003" "content_type" 415 "The body is of another type";
    FieldInvalid = "1004" "field_invalid" 400 "A field is not as it should be";
    NoRoute = "1005" "no_route" 404 "There is nothing at this path";
    Method = "1006" "method" 405 "The method is another";
    Slow = "1007" "slow" 408 "The request did not arrive in time";
    KeyAbsent = "1008" "idempotency_key_absent" 400 "There is no Idempotency-Key";
    KeyInvalid = "1009" "idempotency_key_invalid" 400 "The Idempotency-Key is not as it should be";
    QueryInvalid = "1010" "query_invalid" 400 "The query is not as it should be";
    Unauthenticated = "1011" "unauthenticated" 401 "Who asks is not known";
    Forbidden = "1012" "forbidden" 403 "The client may not do this";
    RateLimited = "1013" "rate_limited" 429 "Too many requests";
    NotFound = "1014" "not_found" 404 "There is no such object";
    AtomicTooLarge = "1015" "atomic_too_large" 422 "Too many lines for one transaction";
    CurrencyUnknown = "1016" "currency_unknown" 422 "The network has no such currency";
    AmountInvalid = "1017" "amount_invalid" 422 "The amount is not one";
    Internal = "2001" "internal" 500 "The gateway has met a fault of its own";
    Busy = "2002" "busy" 503 "Busy";
    LedgerUnreachable = "2003" "ledger_unreachable" 503 "The network cannot be reached";
    OperatorUnreachable = "2004" "operator_unreachable" 503 "The other operator cannot be reached";
    NoQuote = "2005" "no_quote" 503 "No liquidity provider quotes this";
    NoBic = "2006" "no_bic" 501 "The gateway has no BIC";
    NoAcquirer = "2007" "no_acquirer" 501 "The gateway has no merchants";
    NoIssuer = "2008" "no_issuer" 501 "The gateway has no cards";
    IssuerUnreachable = "2009" "issuer_unreachable" 503 "The card's issuer cannot be reached";
    KeyOtherBody = "3001" "idempotency_key_other_request" 422 "The Idempotency-Key was used for another request";
    KeyRunning = "3002" "idempotency_key_running" 409 "A request with this Idempotency-Key is under way";
    QuoteUsed = "3003" "quote_used" 409 "The quote was used already";
    QuoteExpired = "3004" "quote_expired" 409 "The quote has expired";
    WrongState = "3005" "wrong_state" 409 "The remittance is in another state";
    AlreadyAccepted = "3006" "already_accepted" 409 "The remittance was accepted already";
    UetrTaken = "3007" "uetr_taken" 409 "A remittance with this UETR is there already";
    AliasTaken = "3008" "alias_taken" 409 "The alias or IBAN is another account's";
    OrderDiffers = "3009" "order_differs" 409 "The order is not the one that was sent before";
    TooMany = "3010" "too_many" 409 "There are as many as there may be";
    LedgerRefused = "3011" "ledger_refused" 409 "The ledger has refused the transaction";
    OrderState = "3012" "order_state" 409 "The order is in another state";
    MerchantSuspended = "3013" "merchant_suspended" 409 "The merchant is suspended";
    RefundTooLarge = "3014" "refund_too_large" 409 "More than is left of the payment";
    ReferenceTaken = "3015" "reference_taken" 409 "The merchant's reference is taken";
    CardState = "3017" "card_state" 409 "The card or device is in another state";
    NoTerms = "3018" "no_terms" 409 "The merchant has no terms of settlement";
    DisputeState = "3019" "dispute_state" 409 "The dispute is in another state";
    DayNotOver = "3020" "day_not_over" 409 "The day is not over on the ledger";
    NotByCard = "3021" "not_by_card" 409 "The order cannot be paid by card";
    CaptureTooLarge = "3022" "capture_too_large" 409 "More than is held for the order";
    SettlementState = "3024" "settlement_state" 409 "The settlement is in another state";
    KeyUnchanged = "3026" "key_unchanged" 409 "The key of the link is the one before";
    PayerAccountUnknown = "4001" "payer_account_unknown" 422 "The payer has no such account here";
    PayerAccountNotOpen = "4002" "payer_account_not_open" 409 "The payer's account is not open yet";
    NoCardRoute = "4003" "no_card_route" 422 "No issuer of such cards is known";
    OtherCardPayment = "4004" "other_card_payment" 409 "The chip has agreed to another payment";
    PayeeUnknown = "5001" "payee_unknown" 422 "Nobody is known by this account or alias";
    OperatorUnknown = "5002" "operator_unknown" 422 "No such operator is known here";
    PayeeRefused = "5003" "payee_refused" 422 "The payee's operator refuses the order";
    MerchantUnknown = "5004" "merchant_unknown" 422 "There is no such merchant";
    ComplianceRefused = "6001" "compliance_refused" 422 "Refused by compliance";
}

/// An error as it is told to the client.
#[derive(Debug)]
pub struct Problem {
    pub code: Code,
    /// What was wrong and what would be right.
    pub detail: String,
    /// The field that is meant, such as `source.currency`.
    pub param: Option<String>,
    pub details: Option<Value>,
    pub retry_after: Option<u64>,
}

/// Its form in JSON.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDetails {
    /// `urn:causeway:problem:` and a word for programs.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// What was wrong and what would be right.
    pub detail: String,
    /// Four digits.
    #[schema(pattern = "^[1-6][0-9]{3}$")]
    pub code: String,
    /// The field that is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    pub request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub details: Option<Value>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            param: None,
            details: None,
            retry_after: None,
        }
    }

    pub fn field(param: &str, detail: impl Into<String>) -> Self {
        Self::new(Code::FieldInvalid, detail).of(param)
    }

    pub fn not_found(what: &str) -> Self {
        Self::new(
            Code::NotFound,
            format!("there is no such {what}, or it is another client's"),
        )
    }

    pub fn of(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    pub fn with(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    pub fn later(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// A fault of the gateway's own: the log has it, the client does not.
    pub fn internal(error: &dyn std::error::Error) -> Self {
        let mut told = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            told.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        tracing::error!(error = told, "a request failed");
        Self::new(
            Code::Internal,
            "the gateway has met a fault of its own; its log says which",
        )
    }

    pub fn status(&self) -> u16 {
        self.code.row().2
    }

    pub fn to_details(&self, request_id: &str) -> ProblemDetails {
        let (number, word, status, title) = self.code.row();
        ProblemDetails {
            kind: format!("urn:causeway:problem:{word}"),
            title: title.to_owned(),
            status,
            detail: self.detail.clone(),
            code: number.to_owned(),
            param: self.param.clone(),
            request_id: request_id.to_owned(),
            details: self.details.clone(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            error if error.may_pass() => {
                Self::new(Code::Busy, "too many requests are under way; try again in a second").later(1)
            }
            error => Self::internal(&error),
        }
    }
}

impl From<getrandom::Error> for Problem {
    fn from(error: getrandom::Error) -> Self {
        Self::internal(&error)
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        tracing::warn!(error = error.to_string(), "the network does not answer");
        Self::new(
            Code::LedgerUnreachable,
            "too few validators of the network answer; nothing was changed",
        )
        .later(2)
    }
}

impl From<DigitsUnknown> for Problem {
    fn from(error: DigitsUnknown) -> Self {
        let seconds = ASK_EVERY.as_secs();
        let detail = format!("{error}: the currency is new; try again in {seconds} seconds");
        Self::new(Code::Busy, detail).later(seconds)
    }
}

impl From<MoneyFault> for Problem {
    fn from(fault: MoneyFault) -> Self {
        let code = match fault {
            MoneyFault::UnknownCurrency(_) => Code::CurrencyUnknown,
            MoneyFault::Amount(_) => Code::AmountInvalid,
        };
        Self::new(code, fault.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_and_words_are_used_once_and_begin_with_their_class() {
        let mut numbers = BTreeSet::new();
        let mut words = BTreeSet::new();
        for code in Code::ALL {
            let (number, word, status, _) = code.row();
            assert!(numbers.insert(number) && words.insert(word), "{number} {word}");
            assert_eq!(number.len(), 4);
            let class = number.as_bytes()[0];
            assert!((b'1'..=b'6').contains(&class), "{number}");
            assert!((400..600).contains(&status), "{number}");
            // Ours are errors of the server, and no others.
            assert_eq!(class == b'2', status >= 500, "{number}");
        }
        assert!(Code::ALL.is_sorted_by_key(|code| code.row().0));
    }

    /// Where each code is brought about against a running gateway, in peers/python/tests_gateway.
    #[test]
    fn every_code_is_provoked_somewhere() {
        use Code::*;
        let provoked = [
            (
                "test_errors.py",
                vec![
                    BodyMalformed,
                    BodyTooLarge,
                    NotJson,
                    FieldInvalid,
                    NoRoute,
                    Method,
                    Slow,
                    KeyAbsent,
                    KeyInvalid,
                    QueryInvalid,
                    Unauthenticated,
                    Forbidden,
                    RateLimited,
                    NotFound,
                    CurrencyUnknown,
                    AmountInvalid,
                    OperatorUnreachable,
                    NoQuote,
                    NoBic,
                    KeyOtherBody,
                    KeyRunning,
                    QuoteUsed,
                    QuoteExpired,
                    WrongState,
                    AlreadyAccepted,
                    UetrTaken,
                    AliasTaken,
                    TooMany,
                    PayerAccountUnknown,
                    PayeeUnknown,
                    OperatorUnknown,
                ],
            ),
            ("test_signatures.py", vec![OrderDiffers, PayeeRefused]),
            ("test_bulk.py", vec![AtomicTooLarge, LedgerRefused, ComplianceRefused]),
            ("test_faults.py", vec![Internal, Busy, DayNotOver]),
            ("test_cards.py", vec![NoIssuer, CardState]),
            (
                "../../../gateway/src/service/tests/card_payments.rs",
                vec![IssuerUnreachable, NotByCard, NoCardRoute, OtherCardPayment],
            ),
            (
                "../../../gateway/src/service/tests/settlements.rs",
                vec![SettlementState],
            ),
            (
                "../../../gateway/src/service/tests/preauthorizations/refused.rs",
                vec![CaptureTooLarge],
            ),
            ("../../../gateway/src/service/tests/link_keys.rs", vec![KeyUnchanged]),
            ("test_without_network.py", vec![LedgerUnreachable, PayerAccountNotOpen]),
            (
                "test_orders.py",
                vec![
                    NoAcquirer,
                    OrderState,
                    MerchantSuspended,
                    RefundTooLarge,
                    ReferenceTaken,
                    NoTerms,
                    DisputeState,
                    MerchantUnknown,
                ],
            ),
        ];
        let mut seen = BTreeSet::new();
        for (file, codes) in provoked {
            let path = format!("{}/../peers/python/tests_gateway/{file}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(&path).unwrap();
            for code in codes {
                assert!(
                    text.contains(&format!("\"{}\"", code.row().0)),
                    "{file} has no {code:?}"
                );
                assert!(seen.insert(code), "{code:?} is there twice");
            }
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), Code::ALL);
    }

    /// The table of docs/remittance.md is this one.
    #[test]
    fn the_page_has_every_code() {
        const BEGIN: &str = "<!-- errors -->\n";
        const END: &str = "<!-- /errors -->";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/remittance.md");
        let page = std::fs::read_to_string(path).unwrap();
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (found, after) = rest.split_once(END).unwrap();
        let mut table = "| code | type | status | title |\n| --- | --- | --- | --- |\n".to_owned();
        for code in Code::ALL {
            let (number, word, status, title) = code.row();
            table.push_str(&format!("| {number} | `{word}` | {status} | {title} |\n"));
        }
        if std::env::var_os("CAUSEWAY_WRITE_DOCS").is_some() {
            std::fs::write(path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        } else {
            assert_eq!(
                found, table,
                "the table of docs/remittance.md is of other codes; CAUSEWAY_WRITE_DOCS=1 with this test writes it anew"
            );
        }
    }
}
