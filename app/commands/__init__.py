"""The commands of ``loam``, one file each."""
