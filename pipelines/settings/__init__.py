"""What a user chose and where things are written: params.yaml's only reader, the paths' only speller."""
