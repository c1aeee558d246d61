#!/bin/bash
# After: https://jhuarch.readthedocs.io/en/latest/3_Tutorials/workflows/Tutorial_Parallel.html
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=2 # ranks
#SBATCH --cpus-per-task=8 # threads of each

export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK
srun ./solver
