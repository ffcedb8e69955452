"""The networks of the models beside, as torch modules and nothing else."""
