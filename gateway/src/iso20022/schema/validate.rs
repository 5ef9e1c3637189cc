//! Holds an element and all below it against a schema.
//!
//! A schema never leaves open which of its particles an element belongs to (XML Schema part 1,
//! 3.8.6), so that children are matched from first to last without going back. After a fault it goes
//! on: an element that has no place is passed over, and one that is missing is taken as there, so
//! that every fault is told and none because of another.

use super::{
    fault::SchemaFault,
    model::{ComplexType, Content, Particle, Schema, SimpleType, Term, Type, TypeId},
    value::ValueFault,
};
use crate::{iso20022::xml::Node, reason::Reasons};

const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// So much of a wrong value is shown.
const SHOWN_CHARACTERS: usize = 60;

/// Tells every way in which `node` fails the schema. It has a fault if and only if there are reasons.
pub fn validate(schema: &Schema, node: Node<'_>, reasons: &mut Reasons) {
    let mut validator = Validator { schema, reasons };
    match schema.roots.get(node.name()) {
        Some(kind) if node.namespace() == Some(schema.namespace()) => validator.element(node, *kind),
        _ => {
            let mut expected: Vec<_> = schema.roots.keys().cloned().collect();
            expected.sort();
            let found = format!(
                "{} in the namespace {:?}",
                node.name(),
                node.namespace().unwrap_or_default()
            );
            validator.tell(node, SchemaFault::Root { found, expected });
        }
    }
}

struct Validator<'s, 'r> {
    schema: &'s Schema,
    reasons: &'r mut Reasons,
}

/// The children of an element, and how far they are matched.
struct Children<'a> {
    parent: Node<'a>,
    all: Vec<Node<'a>>,
    next: usize,
}

impl<'a> Children<'a> {
    fn peek(&self) -> Option<Node<'a>> {
        self.all.get(self.next).copied()
    }
}

/// What may come after the items of a group: those of the group around it.
#[derive(Clone, Copy)]
struct After<'s, 'o> {
    items: &'s [Particle],
    outer: Option<&'o After<'s, 'o>>,
}

impl<'s, 'r> Validator<'s, 'r> {
    fn tell(&mut self, node: Node<'_>, fault: SchemaFault) {
        self.reasons.add(&fault, || Some(node.place()));
    }

    fn element(&mut self, node: Node<'_>, kind: TypeId) {
        let schema = self.schema;
        match schema.kind(kind) {
            Type::Simple(simple) => {
                self.attributes(node, None);
                self.value(node, simple);
            }
            Type::Complex(complex) => {
                self.attributes(node, Some(complex));
                match &complex.content {
                    Content::Value(kind) => {
                        if let Type::Simple(simple) = schema.kind(*kind) {
                            self.value(node, simple);
                        }
                    }
                    Content::Elements(particle) => self.elements(node, particle),
                }
            }
        }
    }

    fn attributes(&mut self, node: Node<'_>, complex: Option<&ComplexType>) {
        let declared = complex.map(|complex| complex.attributes.as_slice()).unwrap_or_default();
        for attribute in node.attributes() {
            let hint = matches!(attribute.name.as_str(), "schemaLocation" | "noNamespaceSchemaLocation");
            if hint && attribute.namespace.as_deref() == Some(INSTANCE) {
                continue;
            }
            let found = declared.iter().find(|declared| declared.name == attribute.name);
            match found
                .filter(|_| attribute.namespace.is_none())
                .map(|found| self.schema.kind(found.kind))
            {
                Some(Type::Simple(simple)) => {
                    for fault in simple.faults(&attribute.value) {
                        self.tell_value(node, Some(&attribute.name), &attribute.value, fault);
                    }
                }
                _ => self.tell(
                    node,
                    SchemaFault::AttributeUnexpected {
                        name: node.name().to_owned(),
                        attribute: attribute.name.clone(),
                    },
                ),
            }
        }
        for declared in declared {
            if declared.required && node.attribute(&declared.name).is_none() {
                self.tell(
                    node,
                    SchemaFault::AttributeMissing {
                        name: node.name().to_owned(),
                        attribute: declared.name.clone(),
                    },
                );
            }
        }
    }

    fn value(&mut self, node: Node<'_>, simple: &SimpleType) {
        if let Some(child) = node.children().next() {
            self.tell(
                child,
                SchemaFault::ElementInValue {
                    name: node.name().to_owned(),
                    child: child.name().to_owned(),
                },
            );
            return;
        }
        for fault in simple.faults(node.text()) {
            self.tell_value(node, None, node.text(), fault);
        }
    }

    fn tell_value(&mut self, node: Node<'_>, attribute: Option<&str>, found: &str, fault: ValueFault) {
        self.tell(
            node,
            SchemaFault::Value {
                name: node.name().to_owned(),
                attribute: attribute.map(str::to_owned),
                found: found.chars().take(SHOWN_CHARACTERS).collect(),
                fault,
            },
        );
    }

    fn elements(&mut self, node: Node<'_>, particle: &'s Particle) {
        if !node.text().trim_matches([' ', '\t', '\n', '\r']).is_empty() {
            self.tell(
                node,
                SchemaFault::Text {
                    name: node.name().to_owned(),
                },
            );
        }
        let mut children = Children {
            parent: node,
            all: node.children().collect(),
            next: 0,
        };
        let whole = std::slice::from_ref(particle);
        let end = After {
            items: &[],
            outer: None,
        };
        self.strays(&mut children, whole, &end, particle);
        self.particle(&mut children, particle, &end, particle);
        self.strays(&mut children, &[], &end, particle);
    }

    /// Passes over children that have no place in what is still to come.
    fn strays(
        &mut self,
        children: &mut Children<'_>,
        items: &'s [Particle],
        after: &After<'s, '_>,
        whole: &'s Particle,
    ) {
        while let Some(child) = children.peek() {
            if self.has_place(child, items, after) {
                return;
            }
            self.unexpected(child, items, after, whole);
            children.next += 1;
        }
    }

    fn has_place(&self, child: Node<'_>, items: &[Particle], after: &After<'_, '_>) -> bool {
        items.iter().any(|item| self.declares(item, child))
            || after.items.iter().any(|item| self.declares(item, child))
            || after.outer.is_some_and(|outer| self.has_place(child, &[], outer))
    }

    fn unexpected(&mut self, child: Node<'_>, items: &[Particle], after: &After<'_, '_>, whole: &'s Particle) {
        let name = child.name().to_owned();
        if child.namespace() != Some(self.schema.namespace()) && self.kind_by_name(whole, child.name()).is_some() {
            self.tell(
                child,
                SchemaFault::Namespace {
                    name,
                    found: child.namespace().unwrap_or_default().to_owned(),
                    expected: self.schema.namespace().to_owned(),
                },
            );
            return;
        }
        let mut expected = Vec::new();
        let mut level = Some(after);
        let mut open = may_start(items, &mut expected);
        while let (true, Some(after)) = (open, level) {
            open = may_start(after.items, &mut expected);
            level = after.outer;
        }
        self.tell(child, SchemaFault::Unexpected { name, expected });
        // It is in a wrong place, and may be wrong inside as well.
        if let Some(kind) = self.kind_by_name(whole, child.name()) {
            self.element(child, kind);
        }
    }

    fn particle(
        &mut self,
        children: &mut Children<'_>,
        particle: &'s Particle,
        after: &After<'s, '_>,
        whole: &'s Particle,
    ) {
        let mut count = 0;
        while particle.max.is_none_or(|max| count < max) {
            let Some(child) = children.peek().filter(|child| self.starts(particle, *child)) else {
                break;
            };
            match &particle.term {
                Term::Element { kind, .. } => {
                    children.next += 1;
                    self.element(child, *kind);
                }
                Term::Any { .. } => children.next += 1,
                Term::Sequence(items) => self.sequence(children, items, after, whole),
                Term::Choice(items) => {
                    if let Some(chosen) = items.iter().find(|item| self.starts(item, child)) {
                        self.particle(children, chosen, after, whole);
                    }
                }
            }
            count += 1;
        }
        if count < particle.min && !particle.may_be_absent() {
            if let Term::Sequence(items) = &particle.term {
                // It tells each of its elements that is missing.
                self.sequence(children, items, after, whole);
                return;
            }
            let mut expected = Vec::new();
            may_start(std::slice::from_ref(particle), &mut expected);
            self.tell(
                children.parent,
                SchemaFault::Missing {
                    parent: children.parent.name().to_owned(),
                    expected,
                    before: children.peek().map(|next| next.name().to_owned()),
                },
            );
        }
    }

    fn sequence(
        &mut self,
        children: &mut Children<'_>,
        items: &'s [Particle],
        after: &After<'s, '_>,
        whole: &'s Particle,
    ) {
        for (at, item) in items.iter().enumerate() {
            let rest = &items[at + 1..];
            self.strays(children, &items[at..], after, whole);
            let inner = After {
                items: rest,
                outer: Some(after),
            };
            self.particle(children, item, &inner, whole);
        }
    }

    /// Whether an occurrence of the particle can begin with the element.
    fn starts(&self, particle: &Particle, child: Node<'_>) -> bool {
        match &particle.term {
            Term::Element { name, .. } => child.name() == name && child.namespace() == Some(self.schema.namespace()),
            Term::Any { namespace } => namespace.is_none() || namespace.as_deref() == child.namespace(),
            Term::Choice(items) => items.iter().any(|item| self.starts(item, child)),
            Term::Sequence(items) => {
                let required = items.iter().position(|item| !item.may_be_absent());
                let end = required.map_or(items.len(), |at| at + 1);
                items[..end].iter().any(|item| self.starts(item, child))
            }
        }
    }

    /// Whether the element is anywhere in the particle.
    fn declares(&self, particle: &Particle, child: Node<'_>) -> bool {
        match &particle.term {
            Term::Element { .. } | Term::Any { .. } => self.starts(particle, child),
            Term::Choice(items) | Term::Sequence(items) => items.iter().any(|item| self.declares(item, child)),
        }
    }

    fn kind_by_name(&self, particle: &Particle, wanted: &str) -> Option<TypeId> {
        match &particle.term {
            Term::Element { name, kind } => (name == wanted).then_some(*kind),
            Term::Any { .. } => None,
            Term::Choice(items) | Term::Sequence(items) => {
                items.iter().find_map(|item| self.kind_by_name(item, wanted))
            }
        }
    }
}

/// Adds the names that can come first, and says whether something after the items can, too.
fn may_start(items: &[Particle], names: &mut Vec<String>) -> bool {
    for item in items {
        match &item.term {
            Term::Element { name, .. } => names.push(name.clone()),
            Term::Any { .. } => names.push("any element".to_owned()),
            Term::Sequence(items) => {
                may_start(items, names);
            }
            Term::Choice(items) => {
                for item in items {
                    may_start(std::slice::from_ref(item), names);
                }
            }
        }
        if !item.may_be_absent() {
            return false;
        }
    }
    true
}
