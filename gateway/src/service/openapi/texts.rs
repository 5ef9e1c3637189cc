//! What the types of requests do not say of their texts, and their checks ask.

use utoipa::openapi::{
    Components, RefOr,
    schema::{AdditionalProperties, ArrayItems, Object, ObjectBuilder, Schema, Type},
};

/// No control characters, and something besides spaces.
const VISIBLE: &str = r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\xa0][^\x00-\x1f\x7f-\x9f]*$";

/// Completes the schemas of requests.
pub(super) fn complete(components: &mut Components) {
    for schema in components.schemas.values_mut() {
        visible(schema);
    }
    object(components, "Question", |question| items(question, "fields", 64));
    object(components, "PostalAddress", |address| items(address, "lines", 70));
    object(components, "AnswersRequest", |request| {
        if let Some(RefOr::T(Schema::Object(answers))) = request.properties.get_mut("answers") {
            answers.min_properties = Some(1);
            answers.max_properties = Some(16);
            answers.property_names = Some(Box::new(text(64)));
            answers.additional_properties = Some(Box::new(text(500).into()));
        }
    });
    if let Some(RefOr::T(Schema::OneOf(names))) = components.schemas.get_mut("AccountName") {
        for name in &mut names.items {
            if let RefOr::T(Schema::Object(name)) = name {
                name.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
                for value in name.properties.values_mut() {
                    *value = RefOr::T(text(254));
                }
            }
        }
    }
}

fn text(characters_max: usize) -> Schema {
    let text = ObjectBuilder::new().schema_type(Type::String);
    text.min_length(Some(1))
        .max_length(Some(characters_max))
        .pattern(Some(VISIBLE))
        .build()
        .into()
}

fn object(components: &mut Components, name: &str, with: impl FnOnce(&mut Object)) {
    if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(name) {
        with(object);
    }
}

fn items(object: &mut Object, name: &str, characters_max: usize) {
    if let Some(RefOr::T(Schema::Array(array))) = object.properties.get_mut(name) {
        array.items = ArrayItems::RefOrSchema(Box::new(RefOr::T(text(characters_max))));
    }
}

/// Each bounded text within, unless it has a form of its own.
fn visible(schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::Object(object)) = schema else {
        return;
    };
    if object.max_length.is_some() && object.pattern.is_none() {
        object.pattern = Some(VISIBLE.to_owned());
        object.min_length = object.min_length.or(Some(1));
    }
    for property in object.properties.values_mut() {
        visible(property);
    }
}
