#!/bin/bash
# After: https://github.com/jacek-tomasz-rutkowski/magisterka
#
#SBATCH --job-name=continue
#SBATCH --partition=common
#SBATCH --gres=gpu:1
#SBATCH --time=08:00:00
#SBATCH --output='checkpoints/%x/s%J/stdout'
#SBATCH --signal=SIGINT@90
# The signal leaves time for a checkpoint.

srun python3 -m trainer fit
