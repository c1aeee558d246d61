#!/bin/bash
# After: https://github.com/HPCNow/SubmitScripts
#SBATCH -J JobArray
#SBATCH --time=01:00:00     # walltime
#SBATCH -A hpcnow         # account
#SBATCH --ntasks=1
#SBATCH --mem-per-cpu=8G
#SBATCH --cpus-per-task=2
#SBATCH --array=100-120

srun sleep "$SLURM_ARRAY_TASK_ID"
