"""A plan of forty shards on a real Slurm of two nodes on this machine: `just scale-slurm`.

`larder submit slurm` sends the array. In the middle one task is cancelled, one is told that its time is up and queues itself again, and
a node's daemon is killed while its task goes on. What was cancelled is submitted again. The store must end equal to a single process's, byte
for byte. Needs Debian's slurmctld, slurmd, slurm-client and munge, and says so where they are missing.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from campaign import Campaign

SCRIPT = pathlib.Path(__file__).parent / "slurm_cluster.sh"


def main() -> int:
    if not all(map(shutil.which, ["slurmctld", "slurmd", "sbatch", "munged"])):
        print("SKIPPED: Slurm is not here (apt-get install slurmctld slurmd slurm-client munge)", file=sys.stderr)
        return 0
    campaign = Campaign("slurm", __doc__)
    cluster = campaign.home / "cluster"
    up = subprocess.run([SCRIPT, "up", cluster], check=True, stdout=subprocess.PIPE, text=True)
    os.environ["SLURM_CONF"] = up.stdout.strip().partition("=")[2]
    os.chdir(campaign.home)
    try:
        work(campaign, cluster)
    finally:
        subprocess.run([SCRIPT, "down", cluster], check=False)
    return campaign.compare()


def work(campaign: Campaign, cluster: pathlib.Path) -> None:
    submit(campaign)
    campaign.wait_for(4, 120)
    cancelled = strike("scancel")
    warned = strike("scancel", "--signal=TERM", "--batch", but=cancelled)
    campaign.say(f"cancelled {cancelled}, TERM to {warned}")
    campaign.wait_for(8, 120)
    daemon = int((cluster / "node2" / "pid").read_text())
    os.kill(daemon, signal.SIGKILL)
    campaign.say("killed the daemon of node2")
    time.sleep(5)
    subprocess.run([SCRIPT, "node", cluster, "node2"], check=True)
    # What queued itself again is held for two minutes by Slurm: `StartTime=now` ends that.
    until = time.monotonic() + 900
    while left := queued():
        for job in left:
            if job[1] == "PENDING" and "BeginTime" in job[2]:
                subprocess.run(["scontrol", "update", f"JobId={job[0]}", "StartTime=now"], check=False)
        if time.monotonic() > until:
            raise SystemExit(f"still there: {left}")
        time.sleep(2)
    missing = campaign.json("status", campaign.plan_uri)["missing"]
    campaign.say(f"missing after the first array: {missing}")
    if not missing:
        raise SystemExit("the cancelled shard was to be missing")
    submit(campaign)
    campaign.wait_for(campaign.shards, 300)


def submit(campaign: Campaign) -> None:
    options = ["--threads", "1", "--memory-gib", "1", "--scratch", str(campaign.home / "scratch")]
    sent = campaign.run("submit", "slurm", campaign.plan_uri, *options)
    campaign.say(sent.strip())


def queued() -> list[list[str]]:
    """Job, state and reason of every task that is not over."""
    listed = subprocess.run(
        ["squeue", "-h", "-r", "-o", "%i|%T|%r"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.split()
    return [line.split("|") for line in listed]


def strike(*command: str, but: str = "") -> str:
    """Does that to a task that has just begun, and is not over before it is done."""
    seen = {but} | {job for job, state, _ in queued() if state != "PENDING"}
    for _ in range(200):
        for job, state, _ in queued():
            if state == "RUNNING" and job not in seen and subprocess.run([*command, job]).returncode == 0:
                return job
        time.sleep(0.2)
    raise SystemExit("no task begins")


if __name__ == "__main__":
    sys.exit(main())
