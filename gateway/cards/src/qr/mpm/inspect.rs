//! What a code says, for who wants to see all of it.

use serde_json::{Value, json};

use super::{
    Check, Code, Object, TEXT_BYTES_MAX, is_ans, objects,
    rules::{self, Field, Form, ROOT},
};

/// `{"valid", "structure", "crc", "dynamic", "needs_eci", "objects": [{"id", "name", "value", "objects"}],
/// "violations": [{"code", "where", "message"}]}`. `structure` is null or why there is none, and then there are
/// neither objects nor violations; `crc` is `right`, `wrong` or `missing`. `valid` is that of all three.
pub fn inspect(text: &str) -> Value {
    let text = text.trim_end_matches(['\r', '\n']);
    let code = match Code::read(text) {
        Ok(code) => code,
        Err(error) => {
            let mut answer = json!({"valid": false, "structure": error.to_string()});
            if text.len() <= TEXT_BYTES_MAX {
                check(&mut answer, Check::of(text));
            }
            return answer;
        }
    };
    let violations = code.violations();
    let mut answer = json!({
        "valid": code.check == Check::Right && violations.is_empty(),
        "structure": null,
        "dynamic": code.is_dynamic(),
        "needs_eci": !is_ans(text),
        "objects": level(&code.objects, Some(ROOT)),
        "violations": violations,
    });
    check(&mut answer, code.check);
    answer
}

fn check(answer: &mut Value, check: Check) {
    answer["crc"] = json!(match check {
        Check::Right => "right",
        Check::Wrong { .. } => "wrong",
        Check::Missing => "missing",
    });
    if let Check::Wrong { computed } = check {
        answer["crc_computed"] = json!(format!("{computed:04X}"));
    }
}

fn level(row: &[Object<'_>], table: Option<&'static [Field]>) -> Vec<Value> {
    row.iter()
        .map(|object| {
            let field = table.and_then(|table| rules::find(table, object.id));
            let mut value = json!({"id": format!("{:02}", object.id), "value": object.value});
            if let Some(field) = field {
                value["name"] = json!(field.name);
            }
            let inside = field.and_then(|field| field.form.inside());
            let is_free = field.is_some_and(|field| matches!(field.form, Form::Free));
            if (inside.is_some() || is_free)
                && let Ok(inner) = objects(object.value)
            {
                value["objects"] = json!(level(&inner, inside));
            }
            value
        })
        .collect()
}
