"""A tuned setting in the words of the programs that people run models with."""
