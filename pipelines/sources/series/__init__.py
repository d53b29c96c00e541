"""`kind: series`: one long time series, cut into windows."""
