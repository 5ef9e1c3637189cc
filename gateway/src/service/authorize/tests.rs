use super::*;
use crate::{
    service::records::authorizations::tests::{limit_use, taken_on},
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

fn permit() -> Permit {
    Permit {
        card: "crd_1".to_owned(),
        account: AccountId([9; 20]),
        chip_answer: None,
    }
}

#[tokio::test]
async fn a_job_is_asked_for_before_its_row_is_locked() {
    let (row, tables) = noted(Said {
        permitted: Ok(permit()),
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

/// What of the limit of the day is used, if the card permits a payment whose job has ended so in the meantime.
async fn used_after(state: State, outcome: Outcome) -> u64 {
    let (store, _folder) = database().await;
    let noted = store.write::<_, StoreError, _>(move |sql| {
        let mut row = taken_on("aut_1", Operation::Purchase);
        row.state = state;
        row.body.outcome = Some(outcome);
        authorizations::add(sql, &row)?;
        payments::add(sql, &row.id, &limit_use(&row))?;
        let said = Said {
            permitted: Ok(permit()),
            balance: None,
            number: "978".to_owned(),
        };
        note(sql, "aut_1", said, 7)?;
        assert_eq!(authorizations::any(sql, "aut_1")?.as_ref(), Some(&row), "it has ended");
        Ok(payments::used(sql, "crd_1", 1)?.0)
    });
    noted.await.expect("noted")
}

#[tokio::test]
async fn a_permit_that_comes_too_late_gives_back_what_it_has_used() {
    assert_eq!(used_after(State::Done, Outcome::IssuerUnavailable).await, 0);
    assert_eq!(used_after(State::Done, Outcome::Approved).await, 1_000);
}
