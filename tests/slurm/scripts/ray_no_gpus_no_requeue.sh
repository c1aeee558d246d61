#!/bin/bash
# After: https://github.com/agents-x-project/PyVision-RL
#SBATCH --job-name=ray-job
#SBATCH --nodes=1
#SBATCH --cpus-per-task=1
#SBATCH --gpus-per-task=0
#SBATCH --ntasks-per-node=1
#SBATCH --no-requeue
#SBATCH --partition=common
#SBATCH --time=1200

ray job submit -- bash run.sh
