#!/bin/bash
# After: https://github.com/MSKazemi/GRAAFE
#SBATCH -A project_4   # project
#SBATCH -p boost_usr_prod    # partition
#SBATCH --time 10:00:00       # HH:MM:SS
#SBATCH -N 1                         # nodes
#SBATCH --ntasks-per-node=1     # tasks
#SBATCH --gres=gpu:1           # of four
#SBATCH -e slurm/error/%j.err
#SBATCH -o slurm/output/%j.out

python3 test.py 4
