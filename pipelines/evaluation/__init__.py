"""What decides: predictions, intervals, significance, ranking and the champion."""
