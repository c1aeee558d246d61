#!/bin/bash
# After: https://github.com/rstrudel/pyjob
#SBATCH --job-name=train-7

#SBATCH -C v100-32g

#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --gres=gpu:4
#SBATCH --cpus-per-task=10
#SBATCH --hint=nomultithread

#SBATCH --time=20:00:00
#SBATCH --output=logs/train-7.o%j
#SBATCH --error=logs/train-7.e%j

srun python3 train.py
