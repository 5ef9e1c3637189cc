//! How a document can fail its schema.

use super::value::{ValueFault, listed};
use crate::reason::Coded;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaFault {
    #[error("{found} is not what the schema describes; it describes {}", listed(expected))]
    Root { found: String, expected: Vec<String> },
    #[error("{name} is not expected here; {}", expectation(expected))]
    Unexpected { name: String, expected: Vec<String> },
    #[error("{name} is in the namespace {found:?}; here it is in {expected}")]
    Namespace {
        name: String,
        found: String,
        expected: String,
    },
    #[error("{parent} lacks {}{}", listed(expected), before.as_ref().map(|next| format!(" before {next}")).unwrap_or_default())]
    Missing {
        parent: String,
        expected: Vec<String>,
        before: Option<String>,
    },
    #[error("{name} has text, where only elements may be")]
    Text { name: String },
    #[error("{name} has an element {child} inside; it holds only a value")]
    ElementInValue { name: String, child: String },
    #[error("{name} lacks its attribute {attribute}")]
    AttributeMissing { name: String, attribute: String },
    #[error("{name} has the attribute {attribute}, which the schema does not give it")]
    AttributeUnexpected { name: String, attribute: String },
    #[error("{}{name} is {found:?}, but must {fault}", attribute.as_ref().map(|attribute| format!("the attribute {attribute} of ")).unwrap_or_default())]
    Value {
        name: String,
        attribute: Option<String>,
        found: String,
        #[source]
        fault: ValueFault,
    },
}

fn expectation(expected: &[String]) -> String {
    match expected {
        [] => "nothing more may follow".to_owned(),
        _ => format!("here may be {}", listed(expected)),
    }
}

impl Coded for SchemaFault {
    fn code(&self) -> &'static str {
        match self {
            Self::Root { .. } => "schema_root",
            Self::Unexpected { .. } => "schema_unexpected_element",
            Self::Namespace { .. } => "schema_namespace",
            Self::Missing { .. } => "schema_missing_element",
            Self::Text { .. } => "schema_text",
            Self::ElementInValue { .. } => "schema_element_in_value",
            Self::AttributeMissing { .. } => "schema_missing_attribute",
            Self::AttributeUnexpected { .. } => "schema_unexpected_attribute",
            Self::Value { fault, .. } => match fault {
                ValueFault::Form { .. } => "schema_value_type",
                ValueFault::Pattern { .. } => "schema_value_pattern",
                ValueFault::Enumeration { .. } => "schema_value_code",
                ValueFault::TooShort { .. } | ValueFault::TooLong { .. } | ValueFault::Length { .. } => {
                    "schema_value_length"
                }
                ValueFault::TotalDigits { .. } | ValueFault::FractionDigits { .. } => "schema_value_digits",
                ValueFault::Range => "schema_value_range",
            },
        }
    }
}
