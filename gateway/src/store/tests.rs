use std::sync::atomic::{AtomicU32, Ordering};

use super::{schema, sql::Dialect, *};

/// A database with tables, of the kind that `CAUSEWAY_TEST_DATABASE` names, or a file that goes with the folder.
pub(crate) async fn database() -> (Store, tempfile::TempDir) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let folder = tempfile::tempdir().expect("a folder");
    let location = match std::env::var("CAUSEWAY_TEST_DATABASE") {
        Ok(url) => {
            let Ok(Location::Postgres(mut config)) = url.parse() else {
                panic!("CAUSEWAY_TEST_DATABASE is the URL of a PostgreSQL");
            };
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("test_{}_{number}", std::process::id());
            let outer = config.clone();
            let made = name.clone();
            std::thread::spawn(move || {
                let mut client = outer.connect(::postgres::NoTls).expect("a PostgreSQL");
                client
                    .batch_execute(&format!("CREATE SCHEMA {made}"))
                    .expect("a schema");
            })
            .join()
            .expect("made");
            config.options(&format!("-c search_path={name}"));
            Location::Postgres(config)
        }
        Err(_) => Location::Sqlite(folder.path().join("gateway.db")),
    };
    let store = Store::open(&location).expect("a database");
    store.write(|sql| schema::migrate(sql)).await.expect("tables");
    (store, folder)
}

/// A transaction, and what was asked of it.
pub(crate) struct Watched<'a> {
    sql: &'a mut dyn Sql,
    pub statements: Vec<String>,
    /// In the order in which they were taken.
    pub locks: Vec<i64>,
    /// How many came back.
    pub rows: usize,
}

impl<'a> Watched<'a> {
    pub fn new(sql: &'a mut dyn Sql) -> Self {
        Self {
            sql,
            statements: Vec::new(),
            locks: Vec::new(),
            rows: 0,
        }
    }
}

impl Sql for Watched<'_> {
    fn dialect(&self) -> Dialect {
        self.sql.dialect()
    }

    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        self.statements.push(statement.to_owned());
        self.sql.execute(statement, values)
    }

    fn query(&mut self, statement: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        self.statements.push(statement.to_owned());
        let rows = self.sql.query(statement, values)?;
        self.rows += rows.len();
        Ok(rows)
    }

    fn script(&mut self, statements: &str) -> Result<(), StoreError> {
        self.statements.push(statements.to_owned());
        self.sql.script(statements)
    }

    fn exclusive(&mut self, number: i64) -> Result<(), StoreError> {
        self.locks.push(number);
        self.sql.exclusive(number)
    }
}

fn counted(sql: &mut dyn Sql) -> Result<i64, StoreError> {
    let row = sql.query_one("SELECT COUNT(*) FROM used_nonces", &[])?;
    row.expect("a row").int(0)
}

async fn count(store: &Store) -> i64 {
    store.read(counted).await.expect("a number")
}

#[tokio::test]
async fn what_is_read_together_is_of_one_moment_and_cannot_be_written() {
    let (store, _folder) = database().await;
    const INSERT: &str = "INSERT INTO used_nonces (key_id, nonce, until_ms) VALUES ('key', 'a', 7)";
    let (begun, begins) = mpsc::channel();
    let (written, is_written) = mpsc::channel();
    let reading = store.read::<_, StoreError, _>(move |sql| {
        let before = counted(sql)?;
        begun.send(()).expect("it is waited for");
        is_written.recv().expect("it is written");
        Ok((before, counted(sql)?))
    });
    let writing = async {
        tokio::task::spawn_blocking(move || begins.recv().expect("it begins"))
            .await
            .expect("it began");
        let wrote = store.write::<_, StoreError, _>(|sql| sql.execute(INSERT, &[])).await;
        written.send(()).expect("it is waited for");
        wrote
    };
    let (read, wrote) = futures::join!(reading, writing);
    assert_eq!((read.expect("read"), wrote.expect("written")), ((0, 0), 1));
    assert_eq!(count(&store).await, 1);
    let refused = store.read::<_, StoreError, _>(|sql| sql.execute("DELETE FROM used_nonces", &[]));
    assert!(refused.await.is_err());
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn what_fails_leaves_nothing_and_what_is_told_is_there() {
    let (store, _folder) = database().await;
    let insert = |nonce: &'static str, fails: bool| {
        store.write(move |sql| {
            sql.execute(
                "INSERT INTO used_nonces (key_id, nonce, until_ms) VALUES ($1, $2, $3)",
                &["key".into(), nonce.into(), 7.into()],
            )?;
            if fails { Err(StoreError::Changed) } else { Ok(()) }
        })
    };
    let all = futures::join!(insert("a", false), insert("b", true), insert("c", false));
    assert!(matches!(all, (Ok(()), Err(StoreError::Changed), Ok(()))), "{all:?}");
    assert_eq!(count(&store).await, 2);
    // The same key again is an error of this one alone.
    let again = futures::join!(insert("a", false), insert("d", false));
    assert!(again.0.is_err() && again.1.is_ok(), "{again:?}");
    assert_eq!(count(&store).await, 3);
    // And with nothing else beside it.
    assert!(matches!(insert("e", true).await, Err(StoreError::Changed)));
    assert!(insert("d", false).await.is_err());
    assert_eq!(count(&store).await, 3);
    insert("e", false).await.expect("not there yet");
    assert_eq!(count(&store).await, 4);
}

#[tokio::test]
async fn migrating_twice_changes_nothing_and_a_later_version_is_refused() {
    let (store, _folder) = database().await;
    store.write(|sql| schema::migrate(sql)).await.expect("again");
    store.read(|sql| schema::check(sql)).await.expect("the known version");
    let later = store.write::<_, StoreError, _>(|sql| sql.execute("UPDATE meta SET value = $1", &[9.into()]));
    assert_eq!(later.await.expect("written"), 1);
    let refused = store.write(|sql| schema::migrate(sql)).await;
    assert!(
        matches!(refused, Err(StoreError::Version { found: 9, .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn values_come_back_as_they_were() {
    let (store, _folder) = database().await;
    let row = store
        .write::<_, StoreError, _>(|sql| {
            sql.execute(
                "INSERT INTO idempotency (client, method, path, key, fingerprint, object, created_ms, running_until_ms, \
                 status, answer) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                &[
                    "it's; --".into(),
                    "POST".into(),
                    "/".into(),
                    "k".into(),
                    Value::Bytes(&[0, 255]),
                    "o".into(),
                    i64::MAX.into(),
                    i64::MIN.into(),
                    Value::Null,
                    Value::Null,
                ],
            )?;
            sql.query_one(
                "SELECT client, fingerprint, created_ms, running_until_ms, status, answer FROM idempotency",
                &[],
            )
        })
        .await
        .expect("written")
        .expect("a row");
    assert_eq!(row.text(0).unwrap(), "it's; --");
    assert_eq!(row.bytes(1).unwrap(), [0, 255]);
    assert_eq!((row.int(2).unwrap(), row.int(3).unwrap()), (i64::MAX, i64::MIN));
    assert!(row.is_null(4) && row.is_null(5));
}

#[test]
fn locations_are_read_and_passwords_not_shown() {
    let check = |text: &str, expected: bool| assert_eq!(text.parse::<Location>().is_ok(), expected, "{text}");
    check("sqlite:gateway.db", true);
    check("postgres://user:secret@127.0.0.1:5432/causeway", true);
    check("sqlite:", false);
    check("mysql://127.0.0.1", false);
    check("postgres://[", false);
    let fault = "postgres://user:secret@[".parse::<Location>().err().expect("no URL");
    assert!(!fault.to_string().contains("secret"));
}

#[test]
fn what_may_pass_is_what_others_do_to_the_database() {
    let sqlite = |code| StoreError::from(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
    let check = |error: StoreError, expected: bool| {
        let told = error.to_string();
        let shared = StoreError::Shared(std::sync::Arc::new(error));
        assert_eq!(shared.may_pass(), expected, "{told}");
    };
    check(StoreError::Busy, true);
    check(StoreError::Changed, true);
    check(sqlite(rusqlite::ffi::SQLITE_BUSY), true);
    check(sqlite(rusqlite::ffi::SQLITE_BUSY_SNAPSHOT), true);
    check(sqlite(rusqlite::ffi::SQLITE_FULL), false);
    check(sqlite(rusqlite::ffi::SQLITE_CORRUPT), false);
    check(StoreError::Stopped, false);
}
