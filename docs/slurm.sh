#!/bin/bash
# Trains on several nodes, and resumes by itself after a pre-emption or the time limit.
#
#   sbatch docs/slurm.sh configs/faces128_gpu.yaml outputs/faces128 --set data.source=/shared/photos.zip
#
# The environment and the run directory must be on a file system that all nodes see. One task per node uses all GPUs
# that it is given. training.batch_size is that of all GPUs together.
#SBATCH --job-name=facegan
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=32
#SBATCH --time=12:00:00
#SBATCH --signal=USR1@300
#SBATCH --requeue
#SBATCH --open-mode=append

config=$1
run=$2
shift 2

# Five minutes before the limit each task gets SIGUSR1, and SIGTERM when the job is pre-empted: all save and leave.
# --resume starts the run, or continues it.
srun facegan train "$config" --out "$run" --resume --cluster slurm "$@"
code=$?

# 128 + SIGUSR1 or SIGTERM: saved, not finished. 1: a worker was lost; 137: it was killed, as when memory runs out,
# and srun returns the highest code of all tasks. What was saved is intact.
if [ "$code" -eq 138 ] || [ "$code" -eq 143 ]; then
    scontrol requeue "$SLURM_JOB_ID"
elif { [ "$code" -eq 1 ] || [ "$code" -eq 137 ]; } && [ "${SLURM_RESTART_COUNT:-0}" -lt 5 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
