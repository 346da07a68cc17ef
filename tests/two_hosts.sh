#!/usr/bin/env bash
# Run tests/callbacks/hosts_script.py on two hosts: network namespaces of this machine, each with its own address,
# joined by a virtual cable. Needs iproute2 and the right to create namespaces.
#
# usage: tests/two_hosts.sh PYTHON FOLDER    (the script writes into the folder)
set -euo pipefail
python=$1 folder=$2
cd "$(dirname "$0")/.."

hosts=("camaug-$$-a" "camaug-$$-b")
addresses=(10.77.0.1 10.77.0.2)
started=()

clean_up() {
    for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
    for host in "${hosts[@]}"; do ip netns delete "$host" 2>/dev/null || true; done
}
trap clean_up EXIT

for host in "${hosts[@]}"; do ip netns add "$host"; done
ip link add cable netns "${hosts[0]}" type veth peer name cable netns "${hosts[1]}"
for node in 0 1; do
    ip -netns "${hosts[node]}" address add "${addresses[node]}/24" dev cable
    ip -netns "${hosts[node]}" link set cable up
    ip -netns "${hosts[node]}" link set lo up
done

export GLOO_SOCKET_IFNAME=cable OMP_NUM_THREADS=1 CUDA_VISIBLE_DEVICES=
for node in 0 1; do
    ip netns exec "${hosts[node]}" "$python" -m torch.distributed.run \
        --nnodes 2 --node-rank "$node" --nproc-per-node 1 --master-addr "${addresses[0]}" --master-port 29500 \
        -m tests.callbacks.hosts_script "$folder" &
    started+=($!)
done
for process in "${started[@]}"; do wait "$process"; done
