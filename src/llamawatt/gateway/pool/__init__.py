"""The targets as they run: started on demand, healthy, full, silent, gone."""
