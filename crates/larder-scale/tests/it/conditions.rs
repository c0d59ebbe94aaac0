//! What keeps two workers from committing one shard, and what stores get wrong about it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use larder_errors::ErrorClass;
use larder_scale::{Commit, CommitOutcome, Created, ScaleError, Store, StoreUri, StoredPlan};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::support::{commit, plan};

/// What a store does with a put that is to create.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// It takes every put.
    IgnoresConditions,
    /// Its first answer to a put that succeeded is lost.
    LosesAnswer,
    /// It first says that another put is under way, and there is none.
    FalseConflict,
    /// It does not answer.
    Down,
    /// It lets nobody in.
    Denies,
}

/// A store in memory with a fault.
#[derive(Debug)]
struct Faulty {
    inner: InMemory,
    fault: Fault,
    puts: AtomicUsize,
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a store with a fault")
    }
}

fn wrong(path: &Path) -> Error {
    Error::AlreadyExists { path: path.to_string(), source: "conflict".into() }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, path: &Path, payload: PutPayload, mut options: PutOptions) -> Result<PutResult> {
        let is_first = self.puts.fetch_add(1, Ordering::Relaxed) == 0;
        match self.fault {
            Fault::IgnoresConditions => options.mode = PutMode::Overwrite,
            Fault::FalseConflict if is_first => return Err(wrong(path)),
            Fault::LosesAnswer if is_first => {
                self.inner.put_opts(path, payload, options).await?;
                // What a client gets whose repeated put meets its first.
                return Err(wrong(path));
            }
            Fault::Down => return Err(Error::Generic { store: "faulty", source: "connection reset".into() }),
            Fault::Denies => {
                let body = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>";
                return Err(Error::PermissionDenied { path: path.to_string(), source: body.into() });
            }
            _ => {}
        }
        self.inner.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn faulty(fault: Fault) -> Store {
    let objects = Faulty { inner: InMemory::new(), fault, puts: AtomicUsize::new(0) };
    Store::over(StoreUri::parse("s3://faulty/set").unwrap(), Arc::new(objects)).unwrap()
}

#[test]
fn a_store_that_ignores_conditions_is_refused() {
    let error = faulty(Fault::IgnoresConditions).check_conditional_puts().unwrap_err();
    assert!(matches!(error, ScaleError::NoConditionalPuts { .. }), "{error}");
    assert_eq!(error.class(), ErrorClass::Input);
    assert!(error.to_string().contains("s3://faulty/set"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&StoreUri::parse(&folder.path().display().to_string()).unwrap()).unwrap();
    store.check_conditional_puts().unwrap();
    assert!(store.list("probes").unwrap().is_empty(), "the probe is gone");
}

#[test]
fn ones_own_lost_answer_is_a_success_and_a_false_conflict_is_tried_again() {
    for fault in [Fault::LosesAnswer, Fault::FalseConflict] {
        let store = faulty(fault);
        assert_eq!(store.create("a", b"mine").unwrap(), Created::Created, "{fault:?}");
        assert_eq!(store.create("a", b"yours").unwrap(), Created::AlreadyThere(b"mine".as_slice().into()));
    }
}

#[test]
fn a_store_that_is_down_asks_for_another_try_and_one_that_refuses_does_not() {
    let down = faulty(Fault::Down).create("commits/ab/000001.json", b"x").unwrap_err();
    assert_eq!(down.class(), ErrorClass::TryAgain);
    let text = down.to_string();
    assert!(text.contains("s3://faulty/set/commits/ab/000001.json") && text.contains("connection reset"), "{text}");
    let denied = faulty(Fault::Denies).create("a", b"x").unwrap_err();
    assert_eq!(denied.class(), ErrorClass::Input);
    let text = denied.to_string();
    assert!(text.contains("AccessDenied: Access Denied") && !text.contains("AKIA"), "{text}");
}

#[test]
fn of_eight_racers_one_commits() {
    let folder = tempfile::tempdir().unwrap();
    let uri = StoreUri::parse(&folder.path().display().to_string()).unwrap();
    for round in 0..20 {
        let race = |racer: usize| {
            let uri = uri.clone();
            std::thread::spawn(move || {
                let store = Store::open(&uri).unwrap();
                let mine = Commit { seconds: racer as f64, ..commit(round) };
                (racer, mine.create(&store, "ab").unwrap())
            })
        };
        let racers: Vec<_> = (0..8).map(race).collect();
        let outcomes: Vec<(usize, CommitOutcome)> = racers.into_iter().map(|racer| racer.join().unwrap()).collect();
        let winners: Vec<usize> = outcomes
            .iter()
            .filter(|(_, outcome)| *outcome == CommitOutcome::Committed)
            .map(|(racer, _)| *racer)
            .collect();
        let [winner] = winners[..] else { panic!("{winners:?} committed shard {round}") };
        for (_, outcome) in outcomes {
            if let CommitOutcome::Lost(theirs) = outcome {
                assert_eq!(theirs.seconds, winner as f64);
            }
        }
    }
    let store = Store::open(&uri).unwrap();
    assert_eq!(Commit::shards(&store, "ab").unwrap(), (0..20).collect::<Vec<_>>());
}

#[test]
fn a_plan_is_known_by_its_text() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&StoreUri::parse(&folder.path().display().to_string()).unwrap()).unwrap();
    let plan = plan(3);
    let (id, is_new) = plan.create(&store).unwrap();
    assert_eq!((is_new, plan.create(&store).unwrap()), (true, (id.clone(), false)));
    assert_eq!(StoredPlan::read(&store, &id).unwrap(), StoredPlan::Features(Box::new(plan)));
    let path = folder.path().join(format!("plans/{id}.json"));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"rows\":100", "\"rows\":101")).unwrap();
    assert!(matches!(StoredPlan::read(&store, &id), Err(ScaleError::Damaged { .. })));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(StoredPlan::read(&store, &id).unwrap_err().class(), ErrorClass::Missing);
}
