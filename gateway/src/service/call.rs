//! A request, read whole and from a known client, and its answer.

use bytes::Bytes;
use futures::stream::LocalBoxStream;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    problem::{Code, Problem},
    records::clients::Client,
};
use causeway_contracts::identity::ParticipantId;

/// What a handler is given.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: &'static str,
    /// As it was sent, with its query.
    pub target: String,
    pub parameters: Vec<(String, String)>,
    pub query: String,
    pub content_type: Option<String>,
    pub accept: Option<String>,
    pub authorization: Option<String>,
    pub body: Vec<u8>,
    pub caller: Caller,
    /// The part of a new object's id after its kind: the same if the request comes again with its key.
    pub object: String,
    pub now_ms: u64,
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Caller {
    /// Anyone: the path is open to all.
    Nobody,
    Client(Box<Client>),
    /// Another operator, by its key on the ledger.
    Operator(ParticipantId),
}

impl Call {
    /// A part of the path.
    ///
    /// # Panics
    /// If the path has no such part.
    pub fn parameter(&self, name: &str) -> &str {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        &found.expect("the path has it").1
    }

    /// # Panics
    /// If the path is not for clients.
    pub fn client(&self) -> &Client {
        match &self.caller {
            Caller::Client(client) => client,
            _ => panic!("the path is for clients"),
        }
    }

    /// # Panics
    /// If the path is not for operators.
    pub fn operator(&self) -> ParticipantId {
        match self.caller {
            Caller::Operator(id) => id,
            _ => panic!("the path is for operators"),
        }
    }

    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let kind = self.content_type.as_deref().unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(
                Code::NotJson,
                "the body is JSON: Content-Type: application/json",
            ));
        }
        // Types of requests would read themselves from an array too, by the order of their fields.
        if self.body.trim_ascii_start().first() != Some(&b'{') {
            return Err(Problem::new(Code::BodyMalformed, "the body is a JSON object"));
        }
        // No text of the databases has one. An escaped backslash before it is refused too, which nobody means.
        if self.body.windows(6).any(|window| window == b"\\u0000") {
            return Err(Problem::new(
                Code::BodyMalformed,
                "the body: a text has no NUL character",
            ));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| Problem::new(Code::BodyMalformed, format!("the body: {error}")))
    }

    /// As [`Call::json`], of a body with a card's data in it: what is wrong with it is told without any of it.
    pub fn secret_json<T: DeserializeOwned>(&self, fields: &str) -> Result<T, Problem> {
        self.json().map_err(|problem| match problem.code {
            Code::BodyMalformed => Problem::new(Code::BodyMalformed, format!("the body is an object of {fields}")),
            _ => problem,
        })
    }

    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let query = actix_web::web::Query::<T>::from_query(&self.query);
        query
            .map(actix_web::web::Query::into_inner)
            .map_err(|error| Problem::new(Code::QueryInvalid, format!("the query: {error}")))
    }
}

/// What a handler answers.
pub struct Reply {
    pub status: u16,
    pub content_type: String,
    pub body: Body,
    pub headers: Vec<(&'static str, String)>,
    /// It is kept nowhere: when the request comes again, its handler makes it again.
    pub is_secret: bool,
}

pub enum Body {
    Whole(Vec<u8>),
    Chunks(Chunks),
}

/// A long body, made while it is sent. After an error the connection is cut, so that nobody takes it for whole.
pub type Chunks = LocalBoxStream<'static, Result<Bytes, Box<dyn std::error::Error>>>;

pub const JSON: &str = "application/json";

impl Reply {
    pub fn json(status: u16, value: &impl Serialize) -> Self {
        Self {
            status,
            content_type: JSON.to_owned(),
            body: Body::Whole(serde_json::to_vec(value).expect("views have a JSON form")),
            headers: Vec::new(),
            is_secret: false,
        }
    }

    pub fn secret(self) -> Self {
        Self {
            is_secret: true,
            ..self
        }
    }

    pub fn ok(value: &impl Serialize) -> Self {
        Self::json(200, value)
    }

    pub fn created(value: &impl Serialize) -> Self {
        Self::json(201, value)
    }

    pub fn nothing() -> Self {
        Self {
            status: 204,
            content_type: String::new(),
            body: Body::Whole(Vec::new()),
            headers: Vec::new(),
            is_secret: false,
        }
    }

    pub fn of(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            content_type: content_type.to_owned(),
            body: Body::Whole(body.into()),
            headers: Vec::new(),
            is_secret: false,
        }
    }

    pub fn stream(content_type: &str, chunks: Chunks) -> Self {
        Self {
            status: 200,
            content_type: content_type.to_owned(),
            body: Body::Chunks(chunks),
            headers: Vec::new(),
            is_secret: false,
        }
    }

    pub fn problem(problem: &Problem, request_id: &str) -> Self {
        let mut reply = Self::json(problem.status(), &problem.to_details(request_id));
        reply.content_type = "application/problem+json".to_owned();
        if let Some(seconds) = problem.retry_after {
            reply.headers.push(("retry-after", seconds.to_string()));
        }
        if problem.code == Code::Unauthenticated {
            reply.headers.push(("www-authenticate", "Bearer".to_owned()));
        }
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::api::remittances::{NothingRequest, ReasonRequest};

    #[test]
    fn a_body_is_an_object_in_json() {
        let call = |content_type: Option<&str>, body: &str| Call {
            method: "POST",
            target: "/".to_owned(),
            parameters: Vec::new(),
            query: String::new(),
            content_type: content_type.map(str::to_owned),
            accept: None,
            authorization: None,
            body: body.as_bytes().to_vec(),
            caller: Caller::Nobody,
            object: String::new(),
            now_ms: 0,
        };
        let check = |content_type, body: &str, expected: Option<Code>| {
            let call = call(content_type, body);
            let nothing = call.json::<NothingRequest>().err().map(|problem| problem.code);
            let reason = call.json::<ReasonRequest>().err().map(|problem| problem.code);
            assert_eq!((nothing, reason), (expected, expected), "{body}");
        };
        let json = Some("application/json; charset=utf-8");
        check(json, " {} ", None);
        check(json, "[]", Some(Code::BodyMalformed));
        check(json, "null", Some(Code::BodyMalformed));
        check(json, "", Some(Code::BodyMalformed));
        check(json, "{", Some(Code::BodyMalformed));
        check(json, r#"{"more":1}"#, Some(Code::BodyMalformed));
        check(Some("text/json"), "{}", Some(Code::NotJson));
        check(None, "{}", Some(Code::NotJson));
    }
}
