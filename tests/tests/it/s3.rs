//! Plans in a bucket, through the binary. The server is `s3s-fs`: it checks signatures, conditions, ranges and uploads in pieces as S3 does.

use std::fmt::Write as _;
use std::process::Command;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use larder_store::FeaturesFile;
use larder_tests::{Answer, Kitchen, toy};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use serde_json::Value;
use tempfile::TempDir;

const KEY: &str = "AKIATESTTEST";
const SECRET: &str = "not/really+secret";

/// A server with the bucket `data`.
struct Server {
    _folder: TempDir,
    endpoint: String,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        // It ends with the process.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((socket, _)) = listener.accept().await {
                    let service = service.clone();
                    tokio::spawn(async move {
                        // A client that goes away is no failure of the server.
                        let _ =
                            Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
                    });
                }
            });
        });
        Self { _folder: folder, endpoint }
    }

    /// `larder ARGS` with these credentials, and no others of the machine's.
    #[track_caller]
    fn larder(&self, kitchen: &Kitchen, args: &[&str], secret: &str) -> Answer {
        let mut command: Command = kitchen.command(args);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        command.env_remove("SLURM_ARRAY_TASK_ID").env_remove("JOB_COMPLETION_INDEX");
        command
            .env("HOME", kitchen.path("nobody"))
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_REGION", "eu-test-1")
            .env("AWS_ACCESS_KEY_ID", KEY)
            .env("AWS_SECRET_ACCESS_KEY", secret);
        larder_tests::run(&mut command)
    }

    #[track_caller]
    fn json(&self, kitchen: &Kitchen, args: &[&str]) -> Value {
        self.larder(kitchen, &[args, &["--json"]].concat(), SECRET).exits(0).json()
    }
}

/// A data set whose file is larger than what is uploaded at once; most of it is a column that nothing reads.
fn large_dataset(kitchen: &Kitchen) -> &'static str {
    let mut rows = "text,label,notes\n".to_owned();
    for (text, label) in toy(1, 200) {
        let _ = writeln!(rows, "{text},{label},{}", "n".repeat(90_000));
    }
    assert!(rows.len() > 17 << 20);
    kitchen.write("train.csv", rows);
    kitchen.write(
        "set.toml",
        "name = \"set\"\ntask = \"sequence\"\nformat = \"csv\"\nheader = true\n[columns]\ntext = \"text\"\nlabel = \"label\"\n\
         [splits]\ntrain = \"train.csv\"\n",
    );
    "set.toml"
}

#[test]
fn a_bucket_is_a_store_for_everything_that_a_plan_needs() {
    let (server, kitchen) = (Server::start(), Kitchen::with_tiny());
    let dataset = large_dataset(&kitchen);
    kitchen.ok(&["encode", dataset, "-e", "tiny"]);
    let plan = ["plan", dataset, "-e", "tiny", "--to", "s3://data/sets", "--shard-tokens", "1000", "--copy-inputs"];
    let made = server.json(&kitchen, &plan);
    let (plan_uri, shards) = (made["plan"].as_str().unwrap(), made["shards"].as_u64().unwrap());
    assert!(plan_uri.starts_with("s3://data/sets/plans/") && shards > 2, "{made}");
    assert_eq!(server.json(&kitchen, &plan)["is_new"], false);

    // A worker elsewhere, that has nothing.
    let elsewhere = Kitchen::empty();
    let work = ["work", plan_uri, "--next-missing", "0/1"];
    server.larder(&elsewhere, &work, SECRET).exits(0);
    let again = server.larder(&elsewhere, &["work", plan_uri, "--shard", "1", "--json"], SECRET).exits(0);
    assert!(again.stdout.contains("already_done"), "{}", again.told());
    assert_eq!(server.json(&elsewhere, &["status", plan_uri])["done"], shards);
    let collected = server.json(&elsewhere, &["collect", plan_uri]);
    assert_eq!((&collected["parts"], &collected["rows"]), (&shards.into(), &200.into()));

    // Back where the data set is: its features are those of an encode.
    let expected = kitchen.vectors("set", "train", "mean");
    std::fs::remove_file(kitchen.features_path("set", "train")).unwrap();
    let manifest = collected["manifest"].as_str().unwrap();
    let train = ["train", dataset, "-e", "tiny", "--features", manifest];
    server.larder(&kitchen, &train, SECRET).exits(0).says(&["encode   train: up to date"]);
    larder_tests::assert_close(&kitchen.vectors("set", "train", "mean"), &expected, 1e-5, "mean");
    server.larder(&kitchen, &["collect", plan_uri, "--to", "joined.parquet"], SECRET).exits(0);
    assert_eq!(FeaturesFile::open(&kitchen.path("joined.parquet")).unwrap().rows(), 200);
    let garbage = server.json(&kitchen, &["gc", "s3://data/sets", "--older-than", "0s"]);
    assert_eq!(garbage["garbage"]["keys"], Value::Array(Vec::new()), "everything is named: {garbage}");
}

#[test]
fn a_wrong_secret_is_said_and_not_repeated() {
    let (server, kitchen) = (Server::start(), Kitchen::with_tiny());
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 20))]);
    let plan = |to: &str, secret: &str| server.larder(&kitchen, &["plan", &dataset, "-e", "tiny", "--to", to], secret);
    let refused = plan("s3://data/set", "a-secret").exits(3);
    let said = refused.says(&["may not", "SignatureDoesNotMatch", "credentials"]).stderr;
    assert!(!said.contains(KEY) && !said.contains("a-secret"), "{said}");
    let nothing = ["status", "s3://data/set/plans/00ff.json"];
    server.larder(&kitchen, &nothing, SECRET).exits(4).says(&["there is no plan at s3://data/set/plans/00ff.json"]);
}
