"""A plan of forty shards on a real Ray cluster of a head and three nodes on this machine: `just scale-ray`.

`larder submit ray --dry-run` gives the driver, which runs as it would behind `ray job submit`. In the middle a node is removed and one is added, and
another's raylet is killed, whose workers live on. The store must end equal to a single process's, byte for byte. GPUs are only counted. Needs
Ray (`just scale-ray` installs it).
"""

import pathlib
import subprocess
import sys

from campaign import Campaign


def main() -> int:
    import ray
    from ray.cluster_utils import Cluster

    campaign = Campaign("ray", __doc__)
    memory = 80 * 2**20
    head = {"num_cpus": 0, "object_store_memory": memory, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)

    def add():
        return cluster.add_node(num_cpus=1, num_gpus=1, object_store_memory=memory)

    nodes = [add() for _ in range(3)]
    cluster.wait_for_nodes()
    driver = campaign.home / "driver.py"
    driver.write_text(campaign.run("submit", "ray", campaign.plan_uri, "--dry-run"), encoding="utf-8")
    larder = campaign.home / "larder"
    larder.write_text(f'#!/bin/sh\nexec {campaign.larder[0]} --home {campaign.home} "$@"\n', encoding="utf-8")
    larder.chmod(0o755)
    command = [sys.executable, str(driver), campaign.plan_uri, "--larder", str(larder), "--cpus", "1", "--gpus", "1"]
    command += ["--address", cluster.address, "--", "--threads", "1", "--device", "cpu"]
    with open(campaign.home / "driver.log", "w", encoding="utf-8") as log:
        running = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        campaign.wait_for(6, 180)
        cluster.remove_node(nodes[0], allow_graceful=False)
        nodes.append(add())
        campaign.say("removed a node, added a node")
        campaign.wait_for(16, 180)
        nodes[1].all_processes["raylet"][0].process.kill()
        campaign.say("killed a raylet, whose worker lives on")
        code = running.wait(timeout=600)
    campaign.say(f"driver: exit {code}")
    if code:
        print(pathlib.Path(log.name).read_text(encoding="utf-8")[-4000:], file=sys.stderr)
        return 1
    cluster.shutdown()
    return campaign.compare()


if __name__ == "__main__":
    sys.exit(main())
