use std::fmt;

use super::request::Request;

/// What of a request a signature covers (RFC 9421, section 2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Component {
    /// `@method`, section 2.2.1.
    Method,
    /// `@target-uri`, section 2.2.2.
    TargetUri,
    /// `@authority`, section 2.2.3.
    Authority,
    /// `@path`, section 2.2.6.
    Path,
    /// `@query`, section 2.2.7.
    Query,
    /// A header field, section 2.1: its name in lower case.
    Field(FieldName),
}

/// The name of a header field, in lower case (RFC 9110, section 5.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldName(String);

/// Why a text names no component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameFault {
    /// It begins with `@`, and what follows is not known here.
    Derived,
    /// It is no name of a field in lower case.
    Field,
}

impl Component {
    pub const CONTENT_TYPE: &str = "content-type";
    pub const CONTENT_DIGEST: &str = "content-digest";
    pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

    /// `None` if that is no name of a field in lower case.
    pub fn field(name: &str) -> Option<Self> {
        let token = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9') || b"!#$%&'*+-.^_`|~".contains(&byte);
        (!name.is_empty() && name.bytes().all(token)).then(|| Self::Field(FieldName(name.to_owned())))
    }

    pub(super) fn parse(name: &str) -> Result<Self, NameFault> {
        match name {
            "@method" => Ok(Self::Method),
            "@target-uri" => Ok(Self::TargetUri),
            "@authority" => Ok(Self::Authority),
            "@path" => Ok(Self::Path),
            "@query" => Ok(Self::Query),
            name if name.starts_with('@') => Err(NameFault::Derived),
            name => Self::field(name).ok_or(NameFault::Field),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Method => "@method",
            Self::TargetUri => "@target-uri",
            Self::Authority => "@authority",
            Self::Path => "@path",
            Self::Query => "@query",
            Self::Field(FieldName(name)) => name,
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a signature of this project covers at least: the method, the target, type and digest of a body, and the
/// idempotency key. The key also where the endpoint asks for none, if the request has one: else someone on the way
/// could make of one request another.
///
/// `idempotent`: whether the endpoint asks for an `Idempotency-Key`.
pub fn required(request: &Request<'_>, body: &[u8], idempotent: bool) -> Vec<Component> {
    let mut components = vec![Component::Method, Component::TargetUri];
    let fields = [
        (Component::CONTENT_TYPE, !body.is_empty()),
        (Component::CONTENT_DIGEST, !body.is_empty()),
        (Component::IDEMPOTENCY_KEY, idempotent),
    ];
    let wanted = fields
        .into_iter()
        .filter(|(name, always)| *always || request.has_field(name));
    components.extend(wanted.map(|(name, _)| Component::Field(FieldName(name.to_owned()))));
    components
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let check = |name: &str, expected: Result<(), NameFault>| {
            let found = Component::parse(name);
            assert_eq!(found.as_ref().map(|_| ()).map_err(|fault| *fault), expected, "{name}");
            if let Ok(component) = found {
                assert_eq!(component.as_str(), name);
            }
        };
        for name in [
            "@method",
            "@target-uri",
            "@authority",
            "@path",
            "@query",
            "content-type",
            "x!#$%&'*+-.^_`|~9",
        ] {
            check(name, Ok(()));
        }
        for name in ["@status", "@signature-params", "@query-param", "@", "@Method"] {
            check(name, Err(NameFault::Derived));
        }
        for name in ["", "Content-Type", "a b", "a:", "é"] {
            check(name, Err(NameFault::Field));
        }
    }
}
