#!/bin/bash
# After: https://github.com/E3SM-Project/zppy
# Running on chrysalis

#SBATCH  --job-name=e3sm_diags
#SBATCH  --account=e3sm
#SBATCH  --nodes=1
#SBATCH  --output=e3sm_diags.o%j
#SBATCH  --exclusive
#SBATCH  --time=02:00:00
#SBATCH  --partition=compute

python3 diagnostics.py
