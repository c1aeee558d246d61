#!/bin/bash
# After: https://github.com/CSCfi/pytorch-ddp-examples
#SBATCH --account=project_1
#SBATCH --partition=gputest
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=40
#SBATCH --mem=0
#SBATCH --time=15
#SBATCH --gres=gpu:a100:4

# module load pytorch
srun python3 -m torch.distributed.run --standalone --nproc_per_node=4 "$@"
