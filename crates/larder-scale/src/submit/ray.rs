//! A driver for Ray, and the command that gives it to a cluster.

use super::{Submission, Takes, Workload};

/// The driver. It asks `larder status` for what is missing, so it may be run again at any time.
const DRIVER: &str = include_str!("ray_driver.py");
const DRIVER_NAME: &str = "ray_driver.py";

/// Settings of Ray alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RayOptions {
    /// The dashboard's address; `None` is `RAY_ADDRESS`'s, or this machine's.
    pub address: Option<String>,
}

impl Workload {
    /// Returns the driver, and `ray job submit`, which takes it in a working directory.
    pub fn ray(&self, options: &RayOptions) -> Submission {
        let mut command = ["ray", "job", "submit"].map(str::to_owned).to_vec();
        command.extend(options.address.iter().flat_map(|address| ["--address".to_owned(), address.clone()]));
        command.extend(["--working-dir", "{folder}", "--", "python", DRIVER_NAME].map(str::to_owned));
        command.extend([self.plan.clone(), "--larder".to_owned(), self.larder.clone()]);
        command.extend(["--cpus".to_owned(), self.threads.to_string(), "--gpus".to_owned(), self.gpus.to_string()]);
        command.extend(["--retries".to_owned(), self.retries.to_string()]);
        command.extend(self.workers.iter().flat_map(|workers| ["--workers".to_owned(), workers.to_string()]));
        command.push("--".to_owned());
        command.extend(self.options());
        Submission { text: DRIVER.to_owned(), command, takes: Takes::FileInFolder(DRIVER_NAME) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::workload;
    use super::*;

    #[test]
    fn the_driver_is_sent_with_the_options_of_a_worker() {
        let sent = workload().ray(&RayOptions { address: Some("http://head:8265".to_owned()) });
        let arguments = sent.arguments(std::path::Path::new("/tmp/x")).join(" ");
        assert_eq!(
            arguments,
            "ray job submit --address http://head:8265 --working-dir /tmp/x -- python ray_driver.py \
             s3://corpus/store/plans/00ff12ab34cd56ef.json --larder /opt/larder/bin/larder --cpus 8 --gpus 1 --retries 5 --workers 2 \
             -- --threads 8 --scratch /local/it's here"
        );
        assert_eq!(sent.takes, Takes::FileInFolder("ray_driver.py"));
    }
}
