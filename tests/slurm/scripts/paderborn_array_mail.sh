#!/bin/bash
# After: https://github.com/jeremiahpslewis/AlgorithmicCompetition.jl
#SBATCH --job-name=array_job
#SBATCH --output=array_job_%A_%a.out
#SBATCH --error=array_job_%A_%a.err
#SBATCH --array=1-10    # 1-1000%100 would be a limit
#SBATCH --mem-per-cpu=1G
#SBATCH --cpus-per-task=1
#SBATCH --time=00:05:00
#SBATCH -p normal
#SBATCH --mail-user=somebody@example.org   # where to send mail

julia batch.jl
