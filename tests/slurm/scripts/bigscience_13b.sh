#!/bin/bash
# After: https://github.com/bigscience-workshop/bigscience
# shellcheck disable=SC2016
#SBATCH --job-name=tr1-13B-round1.slurm
#SBATCH --constraint=v100-32g
#SBATCH --nodes=64
#SBATCH --ntasks-per-node=1          # one task a node, which starts its ranks
#SBATCH --cpus-per-task=40           # cores
#SBATCH --hint=nomultithread
#SBATCH --gres=gpu:4
#SBATCH --time 00:20:00              # HH:MM:SS
#SBATCH --output=%x-%j.out
#SBATCH --error=%x-%j.out
#SBATCH --account=six@gpu

srun --jobid "$SLURM_JOBID" bash -c 'python3 pretrain.py --node_rank $SLURM_PROCID'
