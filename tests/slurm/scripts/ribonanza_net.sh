#!/bin/bash
# After: https://github.com/Shujun-He/RibonanzaNet2
#SBATCH --nodes 1
#SBATCH --gpus-per-node=8
#SBATCH --exclusive
#SBATCH --job-name=shujun-job
#SBATCH --partition defq

accelerate launch run.py
