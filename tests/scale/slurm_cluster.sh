#!/usr/bin/env bash
# A Slurm of two nodes on this machine, all of its state in one folder; nothing of the system's own Slurm is touched.
#
#     slurm_cluster.sh up FOLDER     prints the variable that sbatch and the others need
#     slurm_cluster.sh node FOLDER NAME     starts a node again
#     slurm_cluster.sh down FOLDER
#
# Needs Debian's slurmctld, slurmd, slurm-client and munge.
set -eu
action=$1
folder=$(realpath -m "$2")
export SLURM_CONF=$folder/slurm.conf

up() {
    mkdir -p "$folder"/{munge,controller,node1,node2,log}
    chmod 700 "$folder/munge"
    user=$(id -un)
    host=$(hostname -s)
    if [ ! -f "$folder/munge/key" ]; then
        dd if=/dev/urandom of="$folder/munge/key" bs=128 count=1 status=none
        chmod 400 "$folder/munge/key"
    fi
    munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munge/pid" \
        --log-file="$folder/munge/log" --seed-file="$folder/munge/seed"
    cat >"$SLURM_CONF" <<SETTINGS
ClusterName=here
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CryptoType=crypto/munge
SlurmctldPort=16817
SlurmctldPidFile=$folder/controller/pid
SlurmctldLogFile=$folder/log/controller
StateSaveLocation=$folder/controller
SlurmdPidFile=$folder/%n/pid
SlurmdSpoolDir=$folder/%n
SlurmdLogFile=$folder/log/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SlurmdTimeout=15
MessageTimeout=10
KillWait=5
SchedulerParameters=sched_interval=2,batch_sched_delay=1
SlurmdParameters=config_overrides
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 Port=16818 CPUs=2 RealMemory=4000
NodeName=node2 NodeHostname=$host NodeAddr=127.0.0.1 Port=16828 CPUs=2 RealMemory=4000
PartitionName=main Nodes=node1,node2 Default=YES MaxTime=INFINITE State=UP
SETTINGS
    slurmctld -f "$SLURM_CONF" -c
    slurmd -f "$SLURM_CONF" -N node1
    slurmd -f "$SLURM_CONF" -N node2
    for _ in $(seq 60); do
        [ "$(sinfo -h -t idle -o %D 2>/dev/null | head -1)" = 2 ] && break
        sleep 0.5
    done
    sinfo >&2
    echo "SLURM_CONF=$SLURM_CONF"
}

down() {
    scancel --user="$(id -un)" 2>/dev/null || true
    sleep 1
    for file in "$folder"/node1/pid "$folder"/node2/pid "$folder"/controller/pid "$folder"/munge/pid; do
        [ -s "$file" ] && kill "$(cat "$file")" 2>/dev/null || true
    done
    # The controller saves its state.
    sleep 2
}

case "$action" in
up) up ;;
node) slurmd -f "$SLURM_CONF" -N "$3" ;;
down) down ;;
*) sed -n '2,9p' "$0" >&2 && exit 2 ;;
esac
