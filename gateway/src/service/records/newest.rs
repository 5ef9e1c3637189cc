//! Lists of a client's objects, the newest first.

use crate::store::Value;

/// Selects what meets all conditions that have a value, such as `("state =", ..)`, and asks for nothing else, so that an
/// index finds it. `select`: up to the table. One more than the limit, if there are more.
pub fn newest<'a>(
    select: &str,
    client: &'a str,
    conditions: impl IntoIterator<Item = (&'static str, Option<Value<'a>>)>,
    limit: usize,
) -> (String, Vec<Value<'a>>) {
    let mut select = format!("{select} WHERE client = $1");
    let mut values = vec![client.into(), (limit as i64 + 1).into()];
    for (condition, value) in conditions {
        if let Some(value) = value {
            values.push(value);
            select.push_str(&format!(" AND {condition} ${}", values.len()));
        }
    }
    (format!("{select} ORDER BY id DESC LIMIT $2"), values)
}
