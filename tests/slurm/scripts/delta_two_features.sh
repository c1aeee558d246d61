#!/bin/bash
# After: https://github.com/xingyaoww/nemo-util
#SBATCH --time=00:30:00
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=2
#SBATCH --cpus-per-task=16
#SBATCH --partition=gpuA40x4
#SBATCH --constraint='scratch&projects'
#SBATCH --gpus=1
#SBATCH --mem=64g

srun python3 work.py
