"""How a stage runs: failures as sentences, whole files, progress, worker processes.

Nothing here knows what is learned; nothing here imports the rest of the project.
"""
