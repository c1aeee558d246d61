#!/bin/bash
# After: https://github.com/saienduri/Megatron-LM
#SBATCH --job-name=megatron
#SBATCH -o %x-%j_%N.out
#SBATCH -e %x-%j_%N.err
#SBATCH --partition=gpu
#SBATCH --nodes=8
#SBATCH --ntasks-per-node=1          # one a node
#SBATCH --gpus-per-node=8
#SBATCH --time=23:59:59              # HH:MM:SS
#SBATCH --exclusive

srun -N 8 "$@"
