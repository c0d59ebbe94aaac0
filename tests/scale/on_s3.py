"""Plans on an S3 store with faults in front of it, worked by processes that are killed: `just scale-s3`.

A thousand events (faults of the store, kills, shards worked by two at once), and the manifest must be a single process's, byte for byte, with
exactly the parts that it names. First eight workers race for one shard, which must have one commit. The store is moto's; credentials
in it are made up. Needs moto (`just scale-s3` installs it).
"""

import collections
import json
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request

from campaign import Campaign
from fault_proxy import FaultProxy

EVENTS, WORKERS, RACERS = 1000, 4, 8
SHARE = 0.12


def main() -> int:
    from moto.server import ThreadedMotoServer

    campaign = Campaign("s3", __doc__, rows=4000, sizes={})
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    ask(port, "", "PUT")
    proxy = FaultProxy(port, SHARE, seed=20261130)
    made_up = {"AWS_ACCESS_KEY_ID": "made", "AWS_SECRET_ACCESS_KEY": "up", "AWS_REGION": "us-east-1"}
    os.environ |= made_up | {"AWS_ENDPOINT_URL": proxy.url}
    reference = next((campaign.home / "reference" / "manifests").iterdir()).read_bytes()
    events: collections.Counter[str] = collections.Counter()
    rounds, failed = 0, False
    while sum(events.values()) + sum(proxy.counts.values()) < EVENTS:
        store = f"s3://corpus/{rounds}"
        plan = retried(campaign, "plan", str(campaign.dataset), "-e", "wide", "--to", store, *campaign.cut)["plan"]
        if rounds == 0:
            failed |= race(campaign, plan, store, port)
        work(campaign, plan, rounds, events)
        retried(campaign, "collect", plan)
        failed |= compare(campaign, port, rounds, reference)
        rounds += 1
    server.stop()
    faults = ", ".join(f"{count} {name}" for name, count in sorted(proxy.counts.items()))
    campaign.say(f"{rounds} plans of {campaign.shards} shards; faults: {faults}; {dict(events)}")
    return campaign.end(failed)


def ask(port: int, path: str, method: str = "GET") -> bytes:
    """The bucket's answer, without faults. moto wants a signature and checks none."""
    signed = "AWS4-HMAC-SHA256 Credential=made/20261130/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=up"
    url = f"http://127.0.0.1:{port}/corpus{path}"
    with urllib.request.urlopen(urllib.request.Request(url, method=method, headers={"Authorization": signed})) as answer:
        return answer.read()


def retried(campaign: Campaign, *arguments: str) -> dict:
    """What a user does who is told to try again."""
    for _ in range(50):
        answer = subprocess.run([*campaign.larder, *arguments, "--json"], capture_output=True, text=True)
        if answer.returncode == 0:
            return json.loads(answer.stdout)
        if answer.returncode != 75:
            raise SystemExit(f"exit {answer.returncode}: {answer.stderr}")
    raise SystemExit(f"still 75: {answer.stderr}")


def race(campaign: Campaign, plan: str, store: str, port: int) -> bool:
    """Eight workers on one shard, each as on a machine of its own, until each has ended well."""
    outcomes: list[int] = []

    def racer(number: int) -> None:
        command = [*campaign.larder, "work", plan, "--shard", "0", "--threads", "1"]
        command += ["--scratch", str(campaign.home / f"racer{number}")]
        while (code := subprocess.run(command, capture_output=True).returncode) == 75:
            pass
        outcomes.append(code)

    threads = [threading.Thread(target=racer, args=(number,)) for number in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    commits = [key for key in listed(port, store.removeprefix("s3://corpus/")) if "/commits/" in key]
    campaign.say(f"{RACERS} racers: exit codes {sorted(outcomes)}, {len(commits)} commit")
    return outcomes != [0] * RACERS or len(commits) != 1


def work(campaign: Campaign, plan: str, seed: int, events: collections.Counter) -> None:
    """Workers that are killed at random times, two of them on every share of the shards, until nothing is missing."""
    draws = random.Random(seed)

    def worker(number: int) -> None:
        command = [*campaign.larder, "work", plan, "--next-missing", f"{number // 2}/{WORKERS // 2}", "--threads", "1"]
        # Two share a scratch folder, two have their own.
        command += ["--scratch", str(campaign.home / f"scratch{seed}-{max(number, 1)}")]
        while True:
            child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                out, err = child.communicate(timeout=draws.uniform(0.1, 4.0))
            except subprocess.TimeoutExpired:
                kind = draws.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
                child.send_signal(kind)
                out, err = child.communicate()
                events[kind.name] += 1
            events["shards lost to another worker"] += out.count("another worker's commit came first")
            if child.returncode == 0:
                return
            if child.returncode not in (75, -signal.SIGKILL):
                print(f"worker {number}: exit {child.returncode}: {err}", file=sys.stderr, flush=True)
                os._exit(1)

    threads = [threading.Thread(target=worker, args=(number,)) for number in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def listed(port: int, prefix: str) -> list[str]:
    """The keys under a prefix, without faults."""
    answer = ask(port, f"?list-type=2&max-keys=1000&prefix={prefix}/").decode()
    return [part.partition("</Key>")[0] for part in answer.split("<Key>")[1:]]


def compare(campaign: Campaign, port: int, rounds: int, reference: bytes) -> bool:
    keys = listed(port, str(rounds))
    [manifest] = [key for key in keys if "/manifests/" in key]
    found = ask(port, f"/{manifest}")
    named = {f"{rounds}/{part['key']}" for part in json.loads(found)["parts"]}
    lacking = named - set(keys)
    if found != reference or lacking:
        campaign.say(f"round {rounds}: the manifest differs: {found != reference}; parts that are not there: {len(lacking)}")
        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
