//! Why the service does not do what it is asked, as problem details (RFC 9457).

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{ALLOW, RETRY_AFTER},
    },
};
use causeway_contracts::{
    api::Problem as Details,
    identity::AddressPrefix,
    ledger::rejection::Rejection,
    offline::ids::{PurseId, Serial},
};

use super::{
    client::{PROBLEM_PREFIX, UPLOAD_BYTES_MAX},
    desk::DeskError,
    settle::NoCertificate,
    upload::BadUpload,
};

#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("the body: {0}")]
    Body(String),
    #[error("the body is longer than it may be: {UPLOAD_BYTES_MAX} bytes of a sync, 4 KiB of a registration")]
    TooLong,
    #[error("the body of a registration is JSON, and says so: content-type: application/json")]
    NotJson,
    #[error("the body did not arrive in time")]
    Slow,
    #[error("{0}")]
    Path(String),
    #[error("there is nothing at this path; docs/offline.md has those there are")]
    NoRoute,
    #[error("this path takes {0} only")]
    Method(&'static str),
    #[error("the service is not ready: the network is not there, or the currency's keys are not on it yet; ask again")]
    NotReady,
    #[error("too many ask; ask again in a second")]
    Busy,
    #[error("this purse is being answered already; ask again in a second")]
    Running,
    #[error("the ledger did not answer in time, and what was asked may be done yet; ask the same again")]
    Late,
    #[error("{0}; ask the same again")]
    Ledger(DeskError),
    #[error("account is an address of another network; addresses of this one begin with {}1", .0.as_str())]
    OtherNetwork(AddressPrefix),
    #[error("{0}")]
    Signature(&'static str),
    #[error("time_ms is more than {0} minutes from the ledger's time; sign it again")]
    Time(u64),
    #[error("no operator for whom this service registers purses serves that account")]
    OtherOperator,
    #[error("account_key does not act for the account alone")]
    NotItsKey,
    #[error("the account is frozen or closed")]
    NotActive,
    #[error("purse {0} has this key already, with another class")]
    Otherwise(PurseId),
    #[error("other purses have the ids that this key could have; make another key")]
    NoIdLeft,
    #[error("no purse of this currency has this id")]
    UnknownPurse,
    #[error("the ledger has no grant for this load, or not yet")]
    NoGrant,
    #[error("{0}")]
    Upload(#[from] BadUpload),
    #[error("the upload is of serial {given}, and the purse's newest certificate has {known}")]
    Serial { given: Serial, known: Serial },
    #[error("the purse is out of use; it can be redeemed, and gets no certificate")]
    Revoked,
    #[error("signed messages prove that the purse broke the rules of payments; it gets no certificate while they do")]
    Convicted,
    #[error("the ledger has no room for what a payee said of a payment that it does not know; sync again later")]
    Crowded,
    #[error(transparent)]
    NoCertificate(#[from] NoCertificate),
    #[error("the ledger refused it: {0}")]
    Refused(Rejection),
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::NotOpen(_) => Self::NotReady,
            other => Self::Ledger(other),
        }
    }
}

impl Problem {
    /// The whole table: status, code, title.
    pub fn row(&self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Body(_) => (400, "malformed", "The body is not as it should be"),
            Self::TooLong => (413, "too_long", "The body is too long"),
            Self::NotJson => (415, "not_json", "The body is not JSON"),
            Self::Slow => (408, "slow", "The body did not arrive"),
            Self::Path(_) => (400, "malformed", "The path is not as it should be"),
            Self::NoRoute => (404, "no_route", "There is nothing here"),
            Self::Method(_) => (405, "method", "The method is another"),
            Self::NotReady => (503, "not_ready", "The service is not ready"),
            Self::Busy => (503, "busy", "Busy"),
            Self::Running => (409, "running", "The purse is being answered"),
            Self::Late | Self::Ledger(_) => (503, "ledger", "The ledger does not answer"),
            Self::OtherNetwork(_) => (422, "other_network", "The address is of another network"),
            Self::Signature(_) => (422, "signature", "A signature is not good"),
            Self::Time(_) => (422, "time", "Signed too long ago"),
            Self::OtherOperator => (403, "other_operator", "Not for this account"),
            Self::NotItsKey => (403, "not_its_key", "Not the account's key"),
            Self::NotActive => (409, "not_active", "The account is not active"),
            Self::Otherwise(_) => (409, "registered_otherwise", "Registered otherwise"),
            Self::NoIdLeft => (409, "no_id", "No id is left"),
            Self::UnknownPurse => (404, "unknown_purse", "No such purse"),
            Self::NoGrant => (404, "no_grant", "No grant"),
            Self::Upload(_) => (422, "upload", "The upload is not as it should be"),
            Self::Serial { .. } => (409, "serial", "Another certificate is the newest"),
            Self::Revoked => (409, "revoked", "The purse is out of use"),
            Self::Convicted => (409, "convicted", "The purse broke the rules"),
            Self::Crowded => (503, "crowded", "No room on the ledger"),
            Self::NoCertificate(_) => (409, "counter_end", "A counter is at its end"),
            Self::Refused(_) => (409, "refused", "Refused by the ledger"),
        }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.row().0).expect("the table's are")
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code, title) = self.row();
        let details = Details {
            kind: format!("{PROBLEM_PREFIX}{code}"),
            title: title.to_owned(),
            status,
            detail: self.to_string(),
        };
        let mut response = HttpResponse::build(self.status_code());
        match self {
            Self::NotReady | Self::Busy | Self::Running | Self::Late | Self::Ledger(_) => {
                response.insert_header((RETRY_AFTER, "1"));
            }
            Self::Method(allowed) => {
                response.insert_header((ALLOW, *allowed));
            }
            _ => {}
        }
        response.content_type("application/problem+json").json(details)
    }
}
