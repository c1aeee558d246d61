#!/bin/bash
# After: https://github.com/cr718c3ramire/CLG2023_AMAREL
#SBATCH --partition=main

#SBATCH --job-name=SM-ARR

#SBATCH --array=1-10%10

#SBATCH --cpus-per-task=1

#SBATCH --mem=2G

#SBATCH --time=48:00:00

#SBATCH --output=R4-%A.%a.out # standard output
#SBATCH --error=R4-%A.%a.err  # standard error

srun ./out
