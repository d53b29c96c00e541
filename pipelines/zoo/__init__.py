"""The zoo's page: what the files of models/ say of every architecture, and a drawing of each."""
