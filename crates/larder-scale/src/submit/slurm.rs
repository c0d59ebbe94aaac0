//! An array job of Slurm, whose tasks queue themselves again.

use super::{Submission, Takes, Workload, fill, shell_word, shell_words};
use crate::indexes::index_ranges;

const SCRIPT: &str = include_str!("slurm.sbatch");

/// Tasks of one array, and its highest index plus one: what Slurm takes unless the site sets `MaxArraySize`.
const DEFAULT_MAX_ARRAY: usize = 1001;

/// Settings of Slurm alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlurmOptions {
    /// The site's `MaxArraySize`: indexes lie below it.
    pub max_array: usize,
    /// Options of `sbatch`, such as a partition or a time limit.
    pub sbatch: Vec<String>,
}

impl Default for SlurmOptions {
    fn default() -> Self {
        Self { max_array: DEFAULT_MAX_ARRAY, sbatch: Vec::new() }
    }
}

impl Workload {
    /// Returns the script of an array job, and `sbatch`, which takes it.
    ///
    /// A task is a shard where the indexes of all missing ones are below `max_array`. Where they are not, there are as many tasks as
    /// an array may have, and each works one shard after another.
    pub fn slurm(&self, options: &SlurmOptions) -> Submission {
        let by_shard = self.missing.last().is_none_or(|&last| last < options.max_array);
        let (indexes, what) = match by_shard {
            true => (index_ranges(&self.missing), r#"--shard "$SLURM_ARRAY_TASK_ID""#.to_owned()),
            false => {
                let tasks = self.missing.len().min(options.max_array).max(1);
                (format!("0-{}", tasks - 1), format!(r#"--next-missing "$SLURM_ARRAY_TASK_ID/{tasks}""#))
            }
        };
        let at_once = self.workers.map_or_else(String::new, |workers| format!("%{workers}"));
        let gpus = (self.gpus > 0).then(|| format!("--gres=gpu:{}", self.gpus));
        let options = gpus.iter().chain(&options.sbatch).map(|option| format!("#SBATCH {option}"));
        let (larder, plan, rest) = (shell_word(&self.larder), shell_word(&self.plan), shell_words(&self.options()));
        let text = fill(
            SCRIPT,
            &[
                ("name", self.name()),
                ("array", format!("{indexes}{at_once}")),
                ("threads", self.threads.to_string()),
                ("memory", self.memory_gib.to_string()),
                ("options", options.collect::<Vec<_>>().join("\n")),
                ("worker", format!("{larder} work {plan} {what} {rest}")),
                ("retries", self.retries.to_string()),
            ],
        );
        let command = vec!["sbatch".to_owned()];
        Submission { text, command, takes: Takes::StandardInput }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::tests::workload;
    use super::*;

    fn lines_with<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
        text.lines().filter(|line| line.starts_with(start)).collect()
    }

    #[test]
    fn missing_shards_are_the_array() {
        let script = workload().slurm(&SlurmOptions { sbatch: vec!["--qos=long".into()], ..Default::default() });
        for line in ["--array=1,3-4%2", "--gres=gpu:1", "--qos=long", "--requeue", "--mem=16G"] {
            let line = format!("#SBATCH {line}");
            assert!(script.text.lines().any(|found| found == line), "{line} in\n{}", script.text);
        }
        assert!(!script.text.contains("{{"), "{}", script.text);
        assert!(
            script.text.contains(r#"--shard "$SLURM_ARRAY_TASK_ID" --threads 8 --scratch '/local/it'\''s here' &"#)
        );
        let bash = Command::new("bash").args(["-n", "-c", &script.text]).output().unwrap();
        assert!(bash.status.success(), "{}", String::from_utf8_lossy(&bash.stderr));
    }

    #[test]
    fn more_shards_than_an_array_may_have_are_shared_by_its_tasks() {
        let many = Workload { missing: (0..2500).collect(), shards: 2500, workers: None, gpus: 0, ..workload() };
        let script = many.slurm(&SlurmOptions::default()).text;
        assert_eq!(lines_with(&script, "#SBATCH --array"), [format!("#SBATCH {}=0-1000", "--array")]);
        assert!(script.contains(r#"--next-missing "$SLURM_ARRAY_TASK_ID/1001""#) && !script.contains("gres"));
        // Few shards, but with indexes that are too high.
        let late = Workload { missing: vec![5, 2000], shards: 2500, workers: None, ..workload() };
        let script = late.slurm(&SlurmOptions::default()).text;
        assert_eq!(lines_with(&script, "#SBATCH --array"), ["#SBATCH --array=0-1"]);
    }

    /// The script's own logic, with stand-ins for larder and scontrol: what is queued again, and with which exit code it ends.
    #[test]
    fn exit_code_75_alone_queues_a_task_again_and_not_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let scontrol = write("scontrol", "#!/bin/sh\necho \"$@\" >> requeued\n");
        for (exit, restarts, state, requeued) in [
            (0, "0", "RUNNING", false),
            (75, "0", "RUNNING", true),
            (75, "5", "RUNNING", false),
            (75, "0", "CANCELLED", false),
            (2, "0", "RUNNING", false),
        ] {
            let larder = write("larder", &format!("#!/bin/sh\nexit {exit}\n"));
            let squeue = write("squeue", &format!("#!/bin/sh\necho {state}\n"));
            for path in [&scontrol, &larder, &squeue] {
                Command::new("chmod").arg("+x").arg(path).status().unwrap();
            }
            let workload = Workload { larder: larder.display().to_string(), ..workload() };
            let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
            let _ = std::fs::remove_file(folder.path().join("requeued"));
            let status = Command::new("bash")
                .args(["-c", &workload.slurm(&SlurmOptions::default()).text])
                .current_dir(&folder)
                .envs([("PATH", path.as_str()), ("SLURM_RESTART_COUNT", restarts)])
                .envs([("SLURM_ARRAY_JOB_ID", "7"), ("SLURM_ARRAY_TASK_ID", "3")])
                .status()
                .unwrap();
            assert_eq!(status.code(), Some(exit));
            let said = std::fs::read_to_string(folder.path().join("requeued")).unwrap_or_default();
            assert_eq!(said, if requeued { "requeue 7_3\n" } else { "" }, "exit {exit}, {restarts} restarts, {state}");
        }
    }
}
