use super::*;
use crate::{
    service::records::authorizations::tests::taken_on,
    store::tests::{Watched, database},
};

/// The row as it is stored then, and the tables in the order in which they were asked.
async fn noted(said: Said) -> (Authorization, Vec<&'static str>) {
    let (store, _folder) = database().await;
    let noted = store.write::<_, StoreError, _>(move |sql| {
        authorizations::add(sql, &taken_on("aut_1", Operation::Purchase))?;
        let mut watched = Watched::new(sql);
        note(&mut watched, "aut_1", said, 7)?;
        let table = |statement: &String| {
            let tables = ["jobs", "authorizations"];
            tables.into_iter().find(|table| statement.contains(table))
        };
        let tables = watched.statements.iter().filter_map(table).collect();
        let row = authorizations::any(sql, "aut_1")?.expect("it was added");
        Ok((row, tables))
    });
    noted.await.expect("stored")
}

#[tokio::test]
async fn a_job_is_asked_for_before_its_row_is_locked() {
    let permit = Permit {
        card: "crd_1".to_owned(),
        account: AccountId([9; 20]),
        chip_answer: None,
    };
    let (row, tables) = noted(Said {
        permitted: Ok(permit),
        balance: None,
        number: "978".to_owned(),
    })
    .await;
    assert_eq!((row.state, row.body.card.as_deref()), (State::Pending, Some("crd_1")));
    assert_eq!(tables, ["jobs", "authorizations", "authorizations"]);
}

#[tokio::test]
async fn what_is_declined_needs_no_job() {
    let (row, tables) = noted(Said {
        permitted: Err(Outcome::StolenCard.into()),
        balance: None,
        number: "978".to_owned(),
    })
    .await;
    assert_eq!((row.state, row.body.outcome), (State::Done, Some(Outcome::StolenCard)));
    assert_eq!(tables, ["authorizations", "authorizations"]);
}
