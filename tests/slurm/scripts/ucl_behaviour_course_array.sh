#!/bin/bash
# After: https://github.com/neuroinformatics-unit/course-behaviour-hpc
#SBATCH -p fast # partition
#SBATCH -N 1   # nodes
#SBATCH --mem 1G # of all cores
#SBATCH -n 1
#SBATCH -t 0-0:1 # D-HH:MM
#SBATCH -o slurm_array_%A-%a.out
#SBATCH -e slurm_array_%A-%a.err
#SBATCH --array=0-9%4

./multiply.sh "$SLURM_ARRAY_TASK_ID" 10
