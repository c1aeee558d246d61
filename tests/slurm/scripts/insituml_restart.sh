#!/bin/bash -l
# After: https://github.com/Photon-AI-Research/InSituML
#SBATCH -A hlab
#SBATCH --partition=hlab
#SBATCH -t 47:59:59
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=2
#SBATCH --gres=gpu:1
#SBATCH --mem-per-cpu=47443
#SBATCH -o maf_%j.out

## what it wrote before stays
#SBATCH --open-mode=append

trap 'scontrol requeue $SLURM_JOBID; exit 0' TERM
python3 train.py &
wait
