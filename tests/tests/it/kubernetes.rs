//! `larder submit k8s`: its manifest is Kubernetes' own type, and runs to the end in a simulator of Indexed Jobs. No cluster is here.

use std::cell::RefCell;
use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use larder_tests::{Kitchen, toy};
use serde_json::Value;

/// What became of the indexes of a Job, simulated.
#[derive(Debug, Default)]
struct Finished {
    succeeded: Vec<i32>,
    failed: Vec<i32>,
    /// Pods started for each index.
    pods: BTreeMap<i32, u32>,
}

/// Runs a Job as its controller does, a pod at a time: the indexes in order, each with a pod of its own, again as the failure policy and the
/// limit for each index say. `pod` runs the container's command with an index, and returns its exit code.
/// (<https://kubernetes.io/docs/concepts/workloads/controllers/job/>, "Backoff limit per index" and "Pod failure policy")
fn simulate(job: &JobSpec, pod: impl Fn(&[String], i32) -> i32) -> Finished {
    assert_eq!(job.completion_mode.as_deref(), Some("Indexed"));
    let template = job.template.spec.as_ref().unwrap();
    // A failure policy is refused with any other.
    assert_eq!(template.restart_policy.as_deref(), Some("Never"));
    let [container] = &template.containers[..] else { panic!("one container a pod") };
    let command = container.command.as_ref().unwrap();
    let rules = &job.pod_failure_policy.as_ref().unwrap().rules;
    let mut finished = Finished::default();
    for index in 0..job.completions.unwrap() {
        let mut failures = 0;
        loop {
            *finished.pods.entry(index).or_default() += 1;
            let code = pod(command, index);
            if code == 0 {
                finished.succeeded.push(index);
                break;
            }
            let applies = |rule: &&k8s_openapi::api::batch::v1::PodFailurePolicyRule| {
                rule.on_exit_codes.as_ref().is_some_and(|codes| {
                    assert_eq!(codes.container_name.as_deref(), Some(container.name.as_str()));
                    (codes.operator == "In") == codes.values.contains(&code)
                })
            };
            match rules.iter().find(applies).map_or("Count", |rule| rule.action.as_str()) {
                "Count" if failures < job.backoff_limit_per_index.unwrap() => failures += 1,
                "Count" | "FailIndex" => {
                    finished.failed.push(index);
                    break;
                }
                action => panic!("{action} is not simulated"),
            }
        }
    }
    finished
}

#[test]
fn a_job_works_every_index_and_retries_what_asks_for_it_simulated() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(5, 200))]);
    let planned =
        kitchen.json(&["plan", &dataset, "-e", "tiny", "--to", "store", "--shard-tokens", "500", "--copy-inputs"]);
    let (plan, shards) = (planned["plan"].as_str().unwrap(), planned["shards"].as_i64().unwrap());
    assert!((4..20).contains(&shards), "{shards} shards");
    let submit =
        ["submit", "k8s", plan, "--dry-run", "--image", "registry/larder:1", "--threads", "2", "--workers", "3"];
    let manifest = kitchen.ok(&submit).stdout;
    let job: Job = serde_yaml_ng::from_str(&manifest).unwrap();
    // What the type does not know it would have dropped.
    let (read, written): (Value, Value) =
        (serde_json::to_value(&job).unwrap(), serde_yaml_ng::from_str(&manifest).unwrap());
    assert_eq!(read, written);
    let spec = job.spec.as_ref().unwrap();
    assert_eq!((spec.completions, spec.parallelism), (Some(shards as i32), Some(3)));
    let refused = job.metadata.name.as_deref().unwrap().find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    assert_eq!(refused, None, "names are of letters, digits and hyphens");

    // Pods have nothing but the store: no data set, another home. The store fails at first for one index, always for another, and a third
    // has a command line that is wrong.
    for input in ["toy-train.tsv", "toy.toml"] {
        std::fs::remove_file(kitchen.path(input)).unwrap();
    }
    let (fails_once, fails_always, is_wrong) = (1, 2, 3);
    let tries = RefCell::new(0);
    let pod = |command: &[String], index: i32| {
        let mut words: Vec<&str> = command.iter().map(String::as_str).collect();
        assert_eq!(words.remove(0), "larder");
        // The volume of the pod.
        let words: Vec<&str> =
            words.into_iter().map(|word| if word == "/scratch" { "pod/scratch" } else { word }).collect();
        if index == fails_once && tries.replace_with(|tries| *tries + 1) == 0 || index == fails_always {
            return 75;
        }
        let mut command = kitchen.command(&words);
        command.env("LARDER_HOME", kitchen.path("pod/home")).env("JOB_COMPLETION_INDEX", index.to_string());
        if index == is_wrong {
            command.arg("--no-such-flag");
        }
        command.status().unwrap().code().unwrap()
    };
    let finished = simulate(spec, pod);
    assert_eq!(finished.failed, [fails_always, is_wrong]);
    assert_eq!(finished.succeeded.len() as i64, shards - 2);
    let retries = u32::try_from(spec.backoff_limit_per_index.unwrap()).unwrap();
    let expected = |index| match index {
        _ if index == fails_once => 2,
        _ if index == fails_always => retries + 1,
        _ => 1,
    };
    assert!(finished.pods.iter().all(|(&index, &pods)| pods == expected(index)), "{finished:?}");
    assert_eq!(kitchen.json(&["status", plan])["missing"], "2-3");

    // The Job again, when nothing fails.
    let finished = simulate(spec, |command, index| {
        let words: Vec<&str> =
            command[1..].iter().map(|word| if word == "/scratch" { "pod/scratch" } else { word }).collect();
        let mut command = kitchen.command(&words);
        command.env("LARDER_HOME", kitchen.path("pod/home")).env("JOB_COMPLETION_INDEX", index.to_string());
        command.status().unwrap().code().unwrap()
    });
    assert_eq!(finished.succeeded.len() as i64, shards);
    kitchen.ok(&["collect", plan]);
}
