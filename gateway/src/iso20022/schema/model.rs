//! What a schema says.

use std::collections::HashMap;

use super::{decimal::Decimal, pattern::Pattern};

#[derive(Debug)]
pub struct Schema {
    /// Of every element that it describes.
    pub(super) namespace: String,
    /// Elements that a document may begin with.
    pub(super) roots: HashMap<String, TypeId>,
    pub(super) types: Vec<Type>,
}

impl Schema {
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(super) fn kind(&self, id: TypeId) -> &Type {
        &self.types[id.0]
    }
}

/// Where a type is in [`Schema::types`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TypeId(pub usize);

#[derive(Debug)]
pub(super) enum Type {
    Simple(SimpleType),
    Complex(ComplexType),
}

#[derive(Debug)]
pub(super) struct SimpleType {
    pub primitive: Primitive,
    pub facets: Facets,
}

/// The built-in types of XML Schema part 2 that ISO 20022 uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Primitive {
    String,
    Decimal,
    Boolean,
    Date,
    DateTime,
    Time,
    Year,
    YearMonth,
    Base64Binary,
}

#[derive(Debug, Default)]
pub(super) struct Facets {
    /// One of them must match.
    pub patterns: Vec<Pattern>,
    /// Empty where any value may be.
    pub enumeration: Vec<String>,
    /// In characters, or in bytes for binary values.
    pub length: Option<usize>,
    pub min_length: Option<usize>,
    pub max_length: Option<usize>,
    pub total_digits: Option<usize>,
    pub fraction_digits: Option<usize>,
    pub min_inclusive: Option<Decimal>,
    pub max_inclusive: Option<Decimal>,
}

#[derive(Debug)]
pub(super) struct ComplexType {
    pub attributes: Vec<AttributeUse>,
    pub content: Content,
}

#[derive(Debug)]
pub(super) struct AttributeUse {
    pub name: String,
    pub kind: TypeId,
    pub required: bool,
}

#[derive(Debug)]
pub(super) enum Content {
    Value(TypeId),
    /// One occurrence of a group.
    Elements(Particle),
}

#[derive(Debug)]
pub(super) struct Particle {
    pub min: usize,
    /// `None` where there is no bound.
    pub max: Option<usize>,
    pub term: Term,
}

#[derive(Debug)]
pub(super) enum Term {
    Element {
        name: String,
        kind: TypeId,
    },
    Sequence(Vec<Particle>),
    Choice(Vec<Particle>),
    /// `xs:any` with `processContents="lax"`: nothing is known of what is inside. `None` for any namespace.
    Any {
        namespace: Option<String>,
    },
}

impl Particle {
    /// Whether nothing at all fulfils it.
    pub fn may_be_absent(&self) -> bool {
        self.min == 0
            || match &self.term {
                Term::Element { .. } | Term::Any { .. } => false,
                Term::Sequence(items) => items.iter().all(Self::may_be_absent),
                Term::Choice(items) => items.iter().any(Self::may_be_absent),
            }
    }
}
