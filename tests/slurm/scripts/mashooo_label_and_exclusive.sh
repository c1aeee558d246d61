#!/bin/bash
# After: https://github.com/mashooo/pytorch_examples
#SBATCH --job-name=multinode-example
#SBATCH --nodes=2
#SBATCH --ntasks=2
#SBATCH --gpus-per-task=1
#SBATCH --exclusive
#SBATCH --chdir=/tmp

srun -l --ntasks-per-node=1 ./torchrun.sh
