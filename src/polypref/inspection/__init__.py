"""What the data are: agreement, cycles, conflicts, shortcuts, and which model they call for."""
