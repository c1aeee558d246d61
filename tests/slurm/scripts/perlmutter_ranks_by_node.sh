#!/bin/bash
# After: https://github.com/uthpalaherath/dotfiles
#SBATCH -J jobname
#SBATCH -A m1_g
#SBATCH -C gpu
#SBATCH -q regular
#SBATCH -t 24:02:00
#SBATCH --nodes 1
#SBATCH --ntasks-per-node=64
#SBATCH -c 2 #<threads of each>
#SBATCH --gpus-per-node 4
#SBATCH --gpu-bind=none

srun ./solver.x > solver.out
