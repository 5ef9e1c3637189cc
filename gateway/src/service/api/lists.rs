//! Lists of objects, a page at a time.

use serde::{Deserialize, Serialize};

use super::checks;
use crate::{
    service::{call::Reply, context::Gateway, problem::Problem, views::Page},
    store::{Sql, StoreError},
};

/// Which page is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// From the page before.
    #[serde(default)]
    #[param(max_length = 64, pattern = "^[!-~]*$")]
    pub cursor: Option<String>,
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<usize>,
}

/// What `read` finds beyond the cursor, one more than the limit if there are more, as `view` shows it. `id`: what the next
/// page begins after.
pub async fn page<S, T, E>(
    gateway: &Gateway,
    asked: ListQuery,
    read: impl FnOnce(&mut dyn Sql, Option<String>, usize) -> Result<Vec<S>, StoreError> + Send + 'static,
    id: impl Fn(&S) -> String,
    view: impl Fn(S) -> Result<T, E>,
) -> Result<Reply, Problem>
where
    S: Send + 'static,
    T: Serialize,
    Problem: From<E>,
{
    let ListQuery { cursor, limit } = asked;
    let limit = checks::limit(limit)?;
    checks::cursor(cursor.as_deref())?;
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| read(sql, cursor, limit));
    Ok(Reply::ok(&Page::try_of(found.await?, limit, id, view)?))
}
