"""Works the missing shards of a larder plan as tasks of a Ray cluster.

    ray job submit --working-dir . -- python ray_driver.py PLAN [--larder PATH] [--cpus N] [--gpus N] -- [options of `larder work`]

Ray decides where a shard is worked, the store decides what is done: a shard's commit is created once, so it does no harm that a task is
retried while the first one lives on. Exit code 75 of `larder work` means "try again" and is retried, also when a node is lost; any other
is final for its shard, and the others go on. When nothing is left to start, a shard that takes three times as long as the median is
started once more elsewhere. Run it again at any time: it asks `larder status` for what is missing. Needs Ray alone (tried with 2.60.0), and larder
under one path on every node.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

import ray

TRY_AGAIN = 75
# A straggler takes so many times the median, and at least so many seconds.
SLOW, SLOW_SECONDS = 3.0, 30.0


class TryAgain(Exception):
    """The store, a GPU or a signal: another try may succeed."""


class Final(Exception):
    """Another try would fail alike."""


@ray.remote
def work(command, shard):
    """Works one shard and returns its seconds."""
    started = time.monotonic()
    code = subprocess.run([*command, "--shard", str(shard)]).returncode
    if code == TRY_AGAIN or code < 0:  # killed by a signal
        raise TryAgain(f"shard {shard}: exit {code}")
    if code:
        raise Final(f"shard {shard}: exit {code}")
    return time.monotonic() - started


def numbers(ranges):
    """The shards of `1,3-4`."""
    pairs = [part.partition("-")[::2] for part in ranges.split(",") if part]
    return [shard for first, last in pairs for shard in range(int(first), int(last or first) + 1)]


def slots(options):
    """Tasks that the cluster can run at once as it is now."""
    there, asked = ray.cluster_resources(), {"CPU": options.cpus, "GPU": options.gpus}
    fit = min(int(there.get(name, 0) // amount) for name, amount in asked.items() if amount)
    return min(fit, options.workers or fit)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", help="the plan's URI")
    parser.add_argument("--larder", default="larder", help="the binary on every node")
    parser.add_argument("--cpus", type=float, default=1, help="of a task; --threads of `larder work` should be equal")
    parser.add_argument("--gpus", type=float, default=0, help="of a task")
    parser.add_argument("--retries", type=int, default=5, help="of a shard, after exit code 75 or the loss of a node")
    parser.add_argument("--workers", type=int, help="tasks at once; as many as fit unless given")
    parser.add_argument("--address", help="of the cluster; as Ray finds it unless given")
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options, work_options = parser.parse_args(sys.argv[1:end]), sys.argv[end + 1 :]

    ray.init(address=options.address, log_to_driver=True)
    status = subprocess.run([options.larder, "status", options.plan, "--json"], capture_output=True, text=True)
    if status.returncode:
        sys.exit(status.stderr)
    waiting = numbers(json.loads(status.stdout)["missing"])
    count, failed, seconds = len(waiting), {}, []
    command = [options.larder, "work", options.plan, *work_options]
    task = work.options(
        num_cpus=options.cpus, num_gpus=options.gpus, max_retries=options.retries, retry_exceptions=[TryAgain]
    )
    running = {}  # task -> its shard and when it was given to Ray
    doubled = set()
    waiting.reverse()
    while waiting or running:
        free = slots(options)
        # Some wait in Ray's queue, so that a node that comes finds work, and an autoscaler sees the need.
        while waiting and len(running) < (options.workers or 2 * free + 1):
            shard = waiting.pop()
            running[task.remote(command, shard)] = shard, time.monotonic()
        if not waiting and seconds and len(running) < free:
            slow = max(SLOW * statistics.median(seconds), SLOW_SECONDS)
            for shard, since in list(running.values()):
                if time.monotonic() - since > slow and shard not in doubled and len(running) < free:
                    doubled.add(shard)
                    running[task.options(scheduling_strategy="SPREAD").remote(command, shard)] = shard, time.monotonic()
                    print(f"shard {shard} takes longer than {slow:.0f} s: started once more", flush=True)
        done, _ = ray.wait(list(running), timeout=1)
        for reference in done:
            shard, _ = running.pop(reference)
            try:
                seconds.append(ray.get(reference))
                failed.pop(shard, None)
                # Of a double the other one finds the commit, or is ended with this driver.
                running = {other: of for other, of in running.items() if of[0] != shard}
            except (ray.exceptions.RayError, TryAgain, Final) as error:
                if all(other != shard for other, _ in running.values()):
                    failed[shard] = str(getattr(error, "cause", None) or error).splitlines()[-1]
            left = len(waiting) + len({of[0] for of in running.values()})
            print(f"shard {shard}: {failed.get(shard, 'done')}; {count - left - len(failed)} of {count}, {left} left", flush=True)
    for shard, why in sorted(failed.items()):
        print(f"failed: {why}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
