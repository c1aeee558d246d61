#!/bin/bash
# After: https://jhuarch.readthedocs.io/en/latest/3_Tutorials/workflows/Tutorial_Parallel.html
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=16 # 32 ranks
#SBATCH --cpus-per-task=1

srun --mpi=pmix_v3 ./solver
