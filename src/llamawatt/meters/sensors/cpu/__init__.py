"""CPU energy where no sensor is: an estimate from busy time and rated power, with its bound."""
