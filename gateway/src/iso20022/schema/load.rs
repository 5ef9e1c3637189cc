//! Reads a schema.

use std::collections::HashMap;

use super::{
    decimal::Decimal,
    model::{AttributeUse, ComplexType, Content, Facets, Particle, Primitive, Schema, SimpleType, Term, Type, TypeId},
    pattern::{Pattern, PatternError},
};
use crate::iso20022::xml::{Document, Node, Place};

const SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";

/// Something in a schema that ISO 20022 does not use, or that no schema may have.
#[derive(Debug, thiserror::Error)]
#[error("line {}, column {}: {fault}", place.position.line, place.position.column)]
pub struct Unsupported {
    pub place: Place,
    #[source]
    pub fault: UnsupportedFault,
}

#[derive(Debug, thiserror::Error)]
pub enum UnsupportedFault {
    #[error("the root is not xs:schema with a target namespace")]
    Root,
    #[error("{name} is not supported here")]
    Element { name: String },
    #[error("the attribute {name} is missing, or its value is not supported")]
    Attribute { name: &'static str },
    #[error("the type {name} is not known")]
    Type { name: String },
    #[error("the type {name} is there twice")]
    TypeTwice { name: String },
    #[error("a pattern is not supported")]
    Pattern(#[from] PatternError),
}

/// # Errors
/// The first thing that is not supported.
pub fn load(document: &Document) -> Result<Schema, Unsupported> {
    let root = document.root();
    let namespace = root.attribute("targetNamespace");
    let qualified = root.attribute("elementFormDefault") == Some("qualified");
    let Some(namespace) = namespace.filter(|_| is(root, "schema") && qualified) else {
        return Err(at(root, UnsupportedFault::Root));
    };
    let mut loader = Loader {
        ids: HashMap::new(),
        built_in: Vec::new(),
    };
    let mut declarations = Vec::new();
    for node in root.children() {
        if is(node, "complexType") || is(node, "simpleType") {
            let name = name_of(node)?;
            let id = TypeId(declarations.len());
            if loader.ids.insert(name.to_owned(), id).is_some() {
                let name = name.to_owned();
                return Err(at(node, UnsupportedFault::TypeTwice { name }));
            }
            declarations.push(node);
        } else if !is(node, "element") {
            return Err(unsupported(node));
        }
    }
    // Built-in types come after those of the schema.
    let mut types = Vec::new();
    for node in &declarations {
        types.push(match node.name() {
            "simpleType" => Type::Simple(simple(*node)?),
            _ => Type::Complex(loader.complex(*node, declarations.len())?),
        });
    }
    let mut roots = HashMap::new();
    for node in root.children().filter(|node| is(*node, "element")) {
        let kind = loader.kind(node, "type", declarations.len())?;
        roots.insert(name_of(node)?.to_owned(), kind);
    }
    types.extend(loader.built_in.into_iter().map(|primitive| {
        Type::Simple(SimpleType {
            primitive,
            facets: Facets::default(),
        })
    }));
    let schema = Schema {
        namespace: namespace.to_owned(),
        roots,
        types,
    };
    values_are_simple(&schema, root)?;
    Ok(schema)
}

struct Loader {
    ids: HashMap<String, TypeId>,
    built_in: Vec<Primitive>,
}

impl Loader {
    fn complex(&mut self, node: Node<'_>, declared: usize) -> Result<ComplexType, Unsupported> {
        let content = only_child(node)?;
        if is(content, "simpleContent") {
            let extension = only_child(content)?;
            if !is(extension, "extension") {
                return Err(unsupported(extension));
            }
            let mut attributes = Vec::new();
            for attribute in extension.children() {
                if !is(attribute, "attribute") {
                    return Err(unsupported(attribute));
                }
                attributes.push(AttributeUse {
                    name: name_of(attribute)?.to_owned(),
                    kind: self.kind(attribute, "type", declared)?,
                    required: match attribute.attribute("use") {
                        Some("required") => true,
                        Some("optional") | None => false,
                        Some(_) => return Err(at(attribute, UnsupportedFault::Attribute { name: "use" })),
                    },
                });
            }
            return Ok(ComplexType {
                attributes,
                content: Content::Value(self.kind(extension, "base", declared)?),
            });
        }
        if !is(content, "sequence") && !is(content, "choice") {
            return Err(unsupported(content));
        }
        Ok(ComplexType {
            attributes: Vec::new(),
            content: Content::Elements(self.particle(content, declared)?),
        })
    }

    fn particle(&mut self, node: Node<'_>, declared: usize) -> Result<Particle, Unsupported> {
        let term = if is(node, "element") {
            Term::Element {
                name: name_of(node)?.to_owned(),
                kind: self.kind(node, "type", declared)?,
            }
        } else if is(node, "any") {
            if node.attribute("processContents") != Some("lax") {
                return Err(at(
                    node,
                    UnsupportedFault::Attribute {
                        name: "processContents",
                    },
                ));
            }
            let namespace = match node.attribute("namespace") {
                Some("##any") | None => None,
                Some(namespace) if !namespace.contains(['#', ' ']) || namespace.ends_with('#') => {
                    Some(namespace.to_owned())
                }
                Some(_) => return Err(at(node, UnsupportedFault::Attribute { name: "namespace" })),
            };
            Term::Any { namespace }
        } else {
            let items = node
                .children()
                .map(|item| self.particle(item, declared))
                .collect::<Result<_, _>>()?;
            match node.name() {
                "sequence" if is(node, "sequence") => Term::Sequence(items),
                "choice" if is(node, "choice") => Term::Choice(items),
                _ => return Err(unsupported(node)),
            }
        };
        let min = occurs(node, "minOccurs")?;
        let max = match node.attribute("maxOccurs") {
            Some("unbounded") => None,
            _ => Some(occurs(node, "maxOccurs")?),
        };
        if max.is_some_and(|max| max == 0 || max < min) {
            return Err(at(node, UnsupportedFault::Attribute { name: "maxOccurs" }));
        }
        Ok(Particle { min, max, term })
    }

    fn kind(&mut self, node: Node<'_>, attribute: &'static str, declared: usize) -> Result<TypeId, Unsupported> {
        let name = node
            .attribute(attribute)
            .ok_or_else(|| at(node, UnsupportedFault::Attribute { name: attribute }))?;
        if let Some(id) = self.ids.get(name) {
            return Ok(*id);
        }
        let primitive = primitive(name).ok_or_else(|| {
            let name = name.to_owned();
            at(node, UnsupportedFault::Type { name })
        })?;
        let known = self.built_in.iter().position(|known| *known == primitive);
        let index = known.unwrap_or_else(|| {
            self.built_in.push(primitive);
            self.built_in.len() - 1
        });
        Ok(TypeId(declared + index))
    }
}

/// All schemas of ISO 20022 write XML Schema's own names with the prefix `xs`.
fn primitive(name: &str) -> Option<Primitive> {
    Some(match name {
        "xs:string" => Primitive::String,
        "xs:decimal" => Primitive::Decimal,
        "xs:boolean" => Primitive::Boolean,
        "xs:date" => Primitive::Date,
        "xs:dateTime" => Primitive::DateTime,
        "xs:time" => Primitive::Time,
        "xs:gYear" => Primitive::Year,
        "xs:gYearMonth" => Primitive::YearMonth,
        "xs:base64Binary" => Primitive::Base64Binary,
        _ => return None,
    })
}

fn simple(node: Node<'_>) -> Result<SimpleType, Unsupported> {
    let restriction = only_child(node)?;
    if !is(restriction, "restriction") {
        return Err(unsupported(restriction));
    }
    let base = restriction.attribute("base").unwrap_or_default();
    let primitive = primitive(base).ok_or_else(|| {
        let name = base.to_owned();
        at(restriction, UnsupportedFault::Type { name })
    })?;
    let mut facets = Facets::default();
    for facet in restriction.children() {
        if !is(facet, facet.name()) {
            return Err(unsupported(facet));
        }
        let wrong = || at(facet, UnsupportedFault::Attribute { name: "value" });
        let value = facet.attribute("value").ok_or_else(wrong)?;
        let count = || value.parse::<usize>().map_err(|_| wrong());
        let decimal = || {
            Decimal::parse(value)
                .filter(|_| primitive == Primitive::Decimal)
                .ok_or_else(wrong)
        };
        match facet.name() {
            "pattern" => facets
                .patterns
                .push(Pattern::new(value).map_err(|error| at(facet, error.into()))?),
            "enumeration" => facets.enumeration.push(value.to_owned()),
            "length" => facets.length = Some(count()?),
            "minLength" => facets.min_length = Some(count()?),
            "maxLength" => facets.max_length = Some(count()?),
            "totalDigits" => facets.total_digits = Some(count()?),
            "fractionDigits" => facets.fraction_digits = Some(count()?),
            "minInclusive" => facets.min_inclusive = Some(decimal()?),
            "maxInclusive" => facets.max_inclusive = Some(decimal()?),
            _ => return Err(unsupported(facet)),
        }
    }
    Ok(SimpleType { primitive, facets })
}

/// Values and attributes have simple types.
fn values_are_simple(schema: &Schema, root: Node<'_>) -> Result<(), Unsupported> {
    for kind in &schema.types {
        let Type::Complex(complex) = kind else { continue };
        let base = match &complex.content {
            Content::Value(base) => Some(*base),
            Content::Elements(_) => None,
        };
        let attributes = complex.attributes.iter().map(|attribute| attribute.kind);
        if attributes
            .chain(base)
            .any(|kind| matches!(schema.kind(kind), Type::Complex(_)))
        {
            return Err(at(root, UnsupportedFault::Attribute { name: "base" }));
        }
    }
    Ok(())
}

/// Once, where nothing is said.
fn occurs(node: Node<'_>, name: &'static str) -> Result<usize, Unsupported> {
    let count = node.attribute(name).unwrap_or("1").parse();
    count.map_err(|_| at(node, UnsupportedFault::Attribute { name }))
}

fn is(node: Node<'_>, name: &str) -> bool {
    node.name() == name && node.namespace() == Some(SCHEMA)
}

fn name_of(node: Node<'_>) -> Result<&str, Unsupported> {
    node.attribute("name")
        .ok_or_else(|| at(node, UnsupportedFault::Attribute { name: "name" }))
}

fn only_child(node: Node<'_>) -> Result<Node<'_>, Unsupported> {
    let mut children = node.children();
    match (children.next(), children.next()) {
        (Some(child), None) => Ok(child),
        _ => Err(unsupported(node)),
    }
}

fn unsupported(node: Node<'_>) -> Unsupported {
    let name = node.name().to_owned();
    at(node, UnsupportedFault::Element { name })
}

fn at(node: Node<'_>, fault: UnsupportedFault) -> Unsupported {
    Unsupported {
        place: node.place(),
        fault,
    }
}
