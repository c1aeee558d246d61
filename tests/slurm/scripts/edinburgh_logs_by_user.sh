#!/bin/bash
# After: https://github.com/DJNing/See_beyond_seeing
#SBATCH -N 1
#SBATCH -n 1
#SBATCH --mem=16000
#SBATCH --time 08:00:00
#SBATCH --cpus-per-task=8
#SBATCH --gres=gpu:1
#SBATCH --partition=PGR-Standard
#SBATCH --output=/home/%u/slurm_logs/slurm-%A_%a.out
#SBATCH --error=/home/%u/slurm_logs/slurm-%A_%a.out

python3 work.py
