#!/bin/bash
# After: https://github.com/pytorch/examples
#SBATCH --job-name=multinode-example
#SBATCH --nodes=4
#SBATCH --ntasks=4
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=4

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
srun torchrun --nnodes 4 --rdzv_backend c10d --rdzv_endpoint "$head:29500" train.py
