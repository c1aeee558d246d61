#!/bin/bash
# After: https://github.com/SmartFlow-AI4CFD/SmartFlow
#SBATCH --time=00:30:00
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=32
##SBATCH --gres=gpu:4
#SBATCH --cpus-per-task=1
#SBATCH --partition=boost_usr_prod
##SBATCH --job-name=gpu
#SBATCH --err=err
#SBATCH --out=out
#SBATCH --account=project_3

python3 -u main.py
