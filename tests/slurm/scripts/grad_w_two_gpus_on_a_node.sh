#!/bin/bash
# After: https://github.com/mmmmayi/Grad-W
#SBATCH -o temp.out
#SBATCH --gres=gpu:2
#SBATCH -w n01
#SBATCH --cpus-per-task=16
#####SBATCH -p new

torchrun --standalone --nproc_per_node=2 train.py
