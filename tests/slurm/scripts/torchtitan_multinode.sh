#!/bin/bash
# After: https://github.com/pytorch/torchtitan
# Lines between the options do not end them.

#SBATCH --job-name=torchtitan_multi_node

#SBATCH --ntasks=4

#SBATCH --nodes=4

#SBATCH --gpus-per-task=8

#SBATCH --cpus-per-task=96

#SBATCH --partition=train

srun torchrun --nnodes 4 --nproc_per_node 8 -m trainer
