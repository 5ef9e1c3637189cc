//! The API's description in OpenAPI 3.1, made from the handlers and the types themselves.

use std::fmt::Write;

use causeway_contracts::{
    api::Problem,
    block::Height,
    identity::Address,
    keys::{PublicKey, Signature},
    money::Currency,
    offline::ids::PurseId,
    settlement::{ContractId, condition::PreimageHash},
    transaction::TxId,
};
use utoipa::{
    Modify, OpenApi, ToSchema,
    openapi::{ContentBuilder, PathItem, Ref, ResponseBuilder, path::Operation},
};

use super::{account, book, contract, error::PROBLEM_TYPE, metrics, public, purse, receipt, stream, submit};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Causeway node",
        description = "What a validator of a Causeway network answers. Believe an answer only with a valid commit \
                       certificate, or when validators with more than a third of the power have signed the same.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        public::index,
        public::openapi,
        public::health,
        public::status,
        submit::submit,
        receipt::transaction,
        receipt::receipt,
        account::account,
        contract::contract,
        contract::contracts,
        contract::reference_rate,
        book::book,
        book::path,
        purse::currency,
        purse::revocations,
        purse::purse,
        purse::load,
        purse::spent,
        public::currencies,
        public::currency,
        public::block,
        public::validators,
        public::nodes,
        public::handovers,
        public::evidence,
        stream::stream,
        metrics::metrics,
    ),
    // Those that only parameters name are not found by themselves.
    components(schemas(Address, ContractId, Currency, Height, PreimageHash, Problem, PublicKey, PurseId, Signature, TxId)),
    modifiers(&AnyProblem),
)]
struct Document;

/// Every operation can fail with a problem that it does not list, such as a database that cannot be
/// read.
struct AnyProblem;

impl Modify for AnyProblem {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let problem = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(Problem::name())))
            .build();
        let response = ResponseBuilder::new()
            .description("Any other error.")
            .content(PROBLEM_TYPE, problem)
            .build();
        for item in document.paths.paths.values_mut() {
            for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
                let responses = &mut operation.responses.responses;
                responses.insert("default".to_owned(), response.clone().into());
            }
        }
    }
}

/// The description of the whole API.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The operations of a path, by method.
pub(super) fn operations(item: &PathItem) -> impl Iterator<Item = (&'static str, &Operation)> {
    [("GET", &item.get), ("POST", &item.post)]
        .into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// A page for people: each path with what it is.
pub(super) fn index(document: &utoipa::openapi::OpenApi) -> String {
    let mut page = "A Causeway node. /openapi.json describes what is here.\n\n".to_owned();
    for (path, item) in &document.paths.paths {
        for (method, operation) in operations(item) {
            let summary = operation.summary.as_deref().unwrap_or_default();
            writeln!(page, "{method:<4} {path:<24} {summary}").expect("text grows");
        }
    }
    page
}
