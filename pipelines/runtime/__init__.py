"""How stages run: errors as sentences, atomic files, locks, progress, worker processes.

Nothing here knows what is learned; nothing here imports the rest of the project.
"""
