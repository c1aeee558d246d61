#!/bin/bash
# After: https://github.com/ray-project/ray
# shellcheck disable=SC2206
#SBATCH --job-name=test
#SBATCH --cpus-per-task=5
#SBATCH --mem-per-cpu=1GB
#SBATCH --nodes=4
#SBATCH --tasks-per-node=1
#SBATCH --time=00:30:00

srun --nodes=1 --ntasks=1 -w "$(hostname)" ray start --head --block &
wait
