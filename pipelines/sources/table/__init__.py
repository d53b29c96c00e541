"""`kind: table`: CSV, TSV and Parquet."""
