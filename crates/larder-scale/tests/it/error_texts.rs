//! The text of every error, as users read it, and whether another try may help.

use std::path::PathBuf;

use larder_data::DataError;
use larder_errors::testing::texts;
use larder_files::FileError;
use larder_scale::ScaleError;
use larder_store::StoreError;
use larder_tokens::TokensError;

#[test]
fn plans_and_stores() {
    use ScaleError::*;
    let plan = || "s3://data/a/plans/0f.json".to_owned();
    let examples = [
        Uri { uri: "gs://data".to_owned(), expected: "store", problem: "stores are folders and buckets".to_owned() },
        Unavailable { uri: plan(), action: "read it", reason: "timeout".to_owned() },
        Denied { uri: plan(), action: "read it", reason: "AccessDenied: Access Denied".to_owned() },
        NotThere { what: "plan", uri: plan(), way_out: "make it" },
        NoConditionalPuts { uri: "s3://data/a".to_owned() },
        Damaged { uri: plan(), expected: "0f".to_owned(), found: "1e".to_owned(), way_out: "make the plan again" },
        Json { uri: plan(), what: "a plan", problem: "EOF at line 1".to_owned() },
        Version { uri: plan(), found: 2, expected: 1 },
        NoShard { plan: plan(), shard: 40, shards: 40 },
        Rows { path: PathBuf::from("train.csv"), found: 9, expected: 10 },
        InputChanged { path: PathBuf::from("train.csv"), shard: 3, expected: "aa".to_owned(), found: "bb".to_owned() },
        NoInput { path: PathBuf::from("/data/train.csv"), shard: 3 },
        OtherEncoder {
            name: "minilm".to_owned(),
            home: PathBuf::from("artifacts/encoders"),
            expected: "aa".to_owned(),
            found: "bb".to_owned(),
        },
        OtherRun { run: "best".to_owned(), home: PathBuf::from("artifacts/runs") },
        Incomplete { plan: plan(), missing: 3, shards: 40, indexes: "1,3-4".to_owned() },
        OtherColumns {
            plan: plan(),
            shard: 4,
            found: "`mean` (32 f32)".to_owned(),
            first: 1,
            expected: "`cls` (32 f32)".to_owned(),
        },
        TooManyShards { plan: plan(), shards: 200_000, most: 100_000, engine: "a Job of Kubernetes" },
        Engine { program: "sbatch".to_owned(), problem: "exit status: 1".to_owned() },
        Data(DataError::Empty { path: PathBuf::from("train.csv") }),
        Tokens(TokensError::TextTooLong { characters: 3_000_000_000 }),
        File(FileError::Locked { path: PathBuf::from("scratch") }),
        Store(StoreError::File(FileError::Locked { path: PathBuf::from("scratch") })),
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, |error| {
        vec![format!("exit code {}", error.class().exit_code())]
    }));
}
