"""Which example goes to which part: split strategies, duplicates, groups and time."""
