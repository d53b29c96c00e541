"""Recordings as they are stored: whole numbers of 16 bits, with a mark where a shorter one has no sample."""

NO_SAMPLE = -32768  # the lowest number of 16 bits; a sample that low is stored as -32767
