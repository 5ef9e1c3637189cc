//! From a body to what it orders. A message that is wrong anywhere is refused with a reason, as long as it says who has
//! sent it and which it is; else there is nobody to tell but the client of the API.

use crate::{
    identifiers::bic::Bic,
    iso20022::{
        inspection::inspect_found,
        message::{EnvelopeFault, Message},
        payments::{
            CancellationRequest, CreditTransfer, Initiation, OriginalPayment, Outgoing, PaymentReturn, Reason,
            ReasonCode, Reference, StatusReason, Text,
        },
        schema::folder::Schemas,
        xml::{self, Node},
    },
    service::{
        config::MessageChecks,
        problem::{Code, Problem},
    },
};

/// What a message asks for.
pub enum Content {
    Transfer(Box<Transfer>),
    Recall(Box<CancellationRequest>),
    Return(Box<PaymentReturn>),
    Orders(Box<Orders>),
}

/// A payment, and its names as they were written: screening does not look at transliterations.
pub struct Transfer {
    pub message: CreditTransfer,
    pub debtor: Option<String>,
    pub creditor: Option<String>,
}

/// A customer's orders, with names as they were written.
pub struct Orders {
    pub message: Initiation,
    /// Of each batch.
    pub names: Vec<BatchNames>,
}

pub struct BatchNames {
    pub debtor: Option<String>,
    /// Of each transfer.
    pub creditors: Vec<Option<String>>,
}

/// What kind of answer it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Transfer,
    Recall,
    Return,
    Orders,
}

pub struct Received {
    pub kind: Kind,
    /// From the header, which only a customer's order may lack.
    pub sender: Option<Bic>,
    pub id: Reference,
    /// As its answer names it, as much of it as is right.
    pub original: OriginalPayment,
    pub uetr: Option<crate::identifiers::uetr::Uetr>,
    pub content: Result<Content, Box<StatusReason>>,
}

impl Received {
    /// # Panics
    /// If it is a customer's order.
    pub fn bank(&self) -> &Bic {
        self.sender.as_ref().expect("messages between banks have a header")
    }
}

/// # Errors
/// The body is no message, or none that says who has sent it and which it is.
pub fn read(body: &[u8], checks: &MessageChecks) -> Result<Received, Problem> {
    let document = xml::read(body).map_err(|malformed| {
        let place = serde_json::json!({ "line": malformed.position.line, "column": malformed.position.column });
        Problem::new(Code::BodyMalformed, format!("the document: {}", malformed.fault)).with(place)
    })?;
    let (message, faults) = Message::find(&document);
    let fault = faults.into_iter().map(|(fault, _)| fault).next();
    let (Some(message), None) = (message, &fault) else {
        let fault = fault.unwrap_or(EnvelopeFault::NoDocument);
        return Err(Problem::new(Code::BodyMalformed, fault.to_string()));
    };
    let name = message.document.id.as_ref().map_or("", |id| id.as_str());
    let kind = match name {
        <CreditTransfer as Outgoing>::MESSAGE => Kind::Transfer,
        CancellationRequest::MESSAGE => Kind::Recall,
        <PaymentReturn as Outgoing>::MESSAGE => Kind::Return,
        Initiation::MESSAGE => Kind::Orders,
        other => {
            let detail = format!(
                "it is {other}, and this path takes pacs.008.001.08, pacs.004.001.09, camt.056.001.08 and pain.001.001.09"
            );
            return Err(Problem::new(Code::BodyMalformed, detail));
        }
    };
    let unknown = |what: &str| {
        let detail = format!("the message does not say {what}, so that no status report can answer it");
        Problem::new(Code::BodyMalformed, detail)
    };
    let sender = sender(&message);
    if sender.is_none() && (kind != Kind::Orders || message.header.is_some()) {
        return Err(unknown("by a BIC in its header from whom it is"));
    }
    let body = message.document.node.children().next();
    let path = match kind {
        Kind::Recall => "Assgnmt/Id",
        Kind::Transfer | Kind::Return | Kind::Orders => "GrpHdr/MsgId",
    };
    let id = body
        .and_then(|body| text(body, path))
        .and_then(|id| Reference::new(id).ok());
    let id = id.ok_or_else(|| unknown("its own identification"))?;
    let (original, uetr) = OriginalPayment::of_refused(&message);
    Ok(Received {
        kind,
        sender,
        id,
        original,
        uetr,
        content: content(&message, kind, checks)?,
    })
}

fn sender(message: &Message<'_>) -> Option<Bic> {
    let header = message.header.as_ref()?.node;
    let paths = ["Fr/FIId/FinInstnId/BICFI", "Fr/OrgId/Id/OrgId/AnyBIC"];
    paths.into_iter().find_map(|path| text(header, path)?.parse().ok())
}

fn text<'a>(node: Node<'a>, path: &str) -> Option<&'a str> {
    let found = node.find(path);
    let text = found.first()?.text();
    Some(text.trim_matches([' ', '\t', '\n', '\r']))
}

fn content(
    message: &Message<'_>,
    kind: Kind,
    checks: &MessageChecks,
) -> Result<Result<Content, Box<StatusReason>>, Problem> {
    let schemas = checks.schemas.as_deref().map(Schemas::open).transpose();
    let mut schemas = schemas.map_err(|error| Problem::internal(&error))?;
    let inspection = inspect_found(message, checks.rules, schemas.as_mut());
    let inspection = inspection.map_err(|error| Problem::internal(&error))?;
    if let Some(reason) = inspection.reasons.into_iter().next() {
        let path = reason.place.and_then(|place| place.path).unwrap_or_default();
        return Ok(Err(refused(ReasonCode::FORMAT, &format!("{path} {}", reason.text))));
    }
    let read = match kind {
        Kind::Transfer => CreditTransfer::read(message).map(|transfer| {
            let body = message.document.node.children().next();
            let name = |path: &str| body.and_then(|body| text(body, path)).map(str::to_owned);
            Content::Transfer(Box::new(Transfer {
                message: transfer,
                debtor: name("CdtTrfTxInf/Dbtr/Nm"),
                creditor: name("CdtTrfTxInf/Cdtr/Nm"),
            }))
        }),
        Kind::Orders => Initiation::read(message).map(|initiation| {
            let names = message.document.node.children().next().map(batch_names);
            Content::Orders(Box::new(Orders {
                message: initiation,
                names: names.unwrap_or_default(),
            }))
        }),
        Kind::Recall => CancellationRequest::read(message).map(|request| Content::Recall(Box::new(request))),
        Kind::Return => PaymentReturn::read(message).map(|returned| Content::Return(Box::new(returned))),
    };
    Ok(read.map_err(|refusal| Box::new(StatusReason::from(&refusal))))
}

fn batch_names(body: Node<'_>) -> Vec<BatchNames> {
    let owned = |node: Node<'_>, path: &str| text(node, path).map(str::to_owned);
    let batches = body.find("PmtInf").into_iter();
    let names = batches.map(|batch| BatchNames {
        debtor: owned(batch, "Dbtr/Nm"),
        creditors: batch
            .find("CdtTrfTxInf")
            .into_iter()
            .map(|transfer| owned(transfer, "Cdtr/Nm"))
            .collect(),
    });
    names.collect()
}

/// A reason, and a sentence in lines.
pub fn refused(code: ReasonCode, sentence: &str) -> Box<StatusReason> {
    let characters: Vec<char> = sentence.trim().chars().collect();
    let lines = characters.chunks(105).take(10);
    Box::new(StatusReason {
        originator: None,
        reason: Reason::Code(code),
        additional: lines
            .filter_map(|line| Text::fitted(&line.iter().collect::<String>()).ok())
            .collect(),
    })
}
