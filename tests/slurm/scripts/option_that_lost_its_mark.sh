#!/bin/bash
# After: https://github.com/gaurikadiwan/pytorch
# shellcheck disable=SC2215
#SBATCH --job-name=test
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=16
#SBATCH
--mem=32G
#SBATCH --partition=nowhere
#SBATCH --gres=gpu:99

python3 work.py
