"""The processor of this computer: its name, rated power, cores, busy time and who shares it."""
